//! What more agents cost: a thousand and ten thousand, each with a hundred versions, beside a million numbers.
//!
//! `cargo bench --bench agents`. The store is written as the router writes it, agents of the API with numbers that follow
//! what is live of them; then the router starts on it as a process of its own. How long a rollback takes from the
//! commit until the next call sees it is measured in this process, on a state of the same facts.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints and may fail"
)]

#[path = "kit/load.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod load;
#[path = "kit/process.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod process;
#[path = "kit/report.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod report;
#[path = "kit/router.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod router;

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use std::{fmt, fs, io};

use cordboard::domain::address::E164;
use cordboard::domain::agent::{Agent, AgentRef, Profile, Version};
use cordboard::domain::agent_config::AgentConfig;
use cordboard::domain::change::{Change, Entry, NumberChanges, Touched};
use cordboard::domain::command::Body;
use cordboard::domain::deployment::Deployment;
use cordboard::domain::id::{AccountId, AgentId, Environment, Pin, Revision, VersionNumber};
use cordboard::domain::route::{Destination, ManagedBy, Route};
use cordboard::domain::state::State;
use cordboard::domain::time::Timestamp;
use cordboard::routing::live::Live;
use cordboard::routing::series::SeriesBook;
use cordboard::routing::shelf::Shelf;
use cordboard::routing::table::{RoutingTable, Workshop};
use cordboard::store::port::{Commit, ControlStore as _};
use cordboard::store::sqlite::SqliteStore;
use load::{Load, Until};
use report::{head, median_us, mix, row};
use router::Router;

const VERSIONS: u32 = 100;
const NUMBERS: u64 = 1_000_000;
/// Requests whose time is measured, one after the other.
const REQUESTS: u64 = 300;

fn main() -> io::Result<()> {
    for agents in [1_000, 10_000] {
        head(&format!("{agents} agents, {VERSIONS} versions each, {NUMBERS} numbers"));
        measured(agents)?;
        visible(agents);
    }
    Ok(())
}

fn measured(agents: u64) -> io::Result<()> {
    let scratch = tempfile::tempdir()?;
    fs::create_dir_all(scratch.path().join("config"))?;
    fs::write(scratch.path().join("config/cordboard.toml"), "# Every setting is at its default.\n")?;
    drop(Router::start(scratch.path())?);
    fill(&scratch.path().join("data/control.sqlite"), agents);
    let router = Router::start(scratch.path())?;
    row("start: until it answers", router.started_in.as_secs_f64(), "s", Some(10.0));
    row("start: most memory at once", router.server.peak_mib(), "MiB", None);
    row("memory at rest", router.server.resident_mib(), "MiB", None);
    let account = AccountId::first();
    let rollback = move |at: u64| {
        let (k, to) = (at % agents, if (at / agents).is_multiple_of(2) { 1 } else { 2 });
        let id = deployment(&empty(&account, k), to).id;
        ("POST", format!("/v1/agents/agent-{k}/deployments/{id}/rollback"), "{}")
    };
    row("rollback: half are acknowledged within", asked(&router, rollback)?, "µs", None);
    let edit = move |at: u64| {
        let path = format!("/v1/agents/agent-{}/draft", at % agents);
        ("PATCH", path, "{\"description\":\"edited\"}")
    };
    row("an edit of a draft: half are acknowledged within", asked(&router, edit)?, "µs", None);
    let pages: [(&str, Page); 4] = [
        ("a page of 100 versions", |k| format!("/v1/agents/agent-{k}/versions?limit=100")),
        ("a page of 1,000 numbers of an agent", |k| format!("/v1/numbers?agentId=agent-{k}&limit=1000")),
        ("a page of 100 deployments", |k| format!("/v1/agents/agent-{k}/deployments?environment=live")),
        ("a page of 100 lines of the history of an agent", |k| format!("/v1/agents/agent-{k}/history")),
    ];
    for (what, path) in pages {
        let took = asked(&router, move |at| ("GET", path(mix(at) % agents), ""))?;
        row(&format!("{what}: half within"), took / 1e3, "ms", Some(20.0));
    }
    let all = asked(&router, |_| ("GET", "/v1/agents".to_owned(), ""))?;
    row("the list of all agents: half within", all / 1e3, "ms", None);
    Ok(())
}

/// The path of a page of an agent.
type Page = fn(u64) -> String;

/// How long half of such requests take, in microseconds.
fn asked(
    router: &Router,
    request: impl Fn(u64) -> (&'static str, String, &'static str) + 'static,
) -> io::Result<f64> {
    let key = router.key.clone();
    let write = move |at: u64, bytes: &mut Vec<u8>| {
        let (method, path, body) = request(at);
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}\r\n");
        let length = body.len();
        put(bytes, format_args!("{head}Content-Length: {length}\r\n\r\n{body}"));
    };
    let load = Load {
        to: router.admin,
        connections: 1,
        request: Rc::new(write),
        right: Rc::new(|_, status, _| status == 200),
    };
    let outcome = load.run(Until::Sent(REQUESTS))?;
    assert_eq!(outcome.wrong, 0, "an answer is none");
    Ok(outcome.took_us[outcome.took_us.len() / 2])
}

fn put(bytes: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    io::Write::write_fmt(bytes, text).expect("memory");
}

/// From the commit of a rollback until the next call sees it.
fn visible(agents: u64) {
    let account = AccountId::first();
    let (mut state, mut touched) = (State::default(), Touched::default());
    each(&account, agents, |changes, _| changes.iter().for_each(|change| state.absorb(change, &mut touched)));
    let (series, shelf) = (SeriesBook::new(100_000), Shelf::default());
    let bodies = |_| None;
    let workshop = Workshop { series: &series, shelf: &shelf, bodies: &bodies };
    state.revision = Revision(1);
    let live = Live::new(RoutingTable::new(&[]).patched(&state, &touched, workshop));
    let mut view = live.view();
    let took = (0..1_000).map(|n| {
        let agent = empty(&account, mix(n) % agents);
        let version = u32::try_from(n % 2).expect("small") + 1;
        let change = Change::Deployed {
            agent: agent.profile.id.clone(),
            deployment: Arc::new(deployment(&agent, version)),
        };
        let begun = Instant::now();
        let (mut next, mut touched) = (state.clone(), Touched::default());
        next.absorb(&change, &mut touched);
        next.revision = next.revision.next();
        let table = live.snapshot().patched(&next, &touched, workshop);
        assert!(live.install(table), "a newer table");
        assert_eq!(view.table().revision, next.revision);
        let took = begun.elapsed();
        state = next;
        took
    });
    row("rollback: from the commit until the next call sees it", median_us(took.collect()), "µs", Some(1e3));
}

/// Writes the facts as the router would have.
fn fill(file: &Path, agents: u64) {
    let store = SqliteStore::open(file).expect("a store");
    let mut head = store.revision().expect("a revision");
    each(&AccountId::first(), agents, |changes, bodies| {
        let entry = Entry {
            revision: head.next(),
            at: Timestamp(0),
            account: AccountId::first(),
            author: "bench".to_owned(),
            actor: None,
            action: "bench.fill".to_owned(),
            target: String::new(),
            summary: String::new(),
        };
        let commit = Commit { entry, staged: None, changes, bodies };
        head = store.commit(head, &[commit]).expect("a commit");
    });
}

/// Everything there is, in pieces.
fn each(account: &AccountId, agents: u64, mut take: impl FnMut(Vec<Change>, Vec<Body>)) {
    let ids: Vec<u64> = (0..agents).collect();
    for some in ids.chunks(100) {
        let (mut changes, mut bodies) = (Vec::new(), Vec::new());
        some.iter().for_each(|k| agent_facts(&empty(account, *k), *k, &mut changes, &mut bodies));
        take(changes, bodies);
    }
    let route = |k: u64| {
        let agent = empty(account, k).profile.id.agent;
        let to = Destination::Agent { agent, pin: Pin::Environment(Environment::Live) };
        Arc::new(Route::plain(account.clone(), ManagedBy::Api, to))
    };
    let number = |i: u64| {
        let at = u32::try_from(i % agents).expect("few");
        (E164::from_value(14_000_000_000 + 7 * i).expect("eleven digits"), Some(at))
    };
    let numbers = NumberChanges {
        routes: (0..agents).map(route).collect(),
        phones: (0..NUMBERS).map(number).collect(),
        users: Vec::new(),
    };
    take(vec![Change::Numbers(numbers)], Vec::new());
}

/// An agent without versions.
fn empty(account: &AccountId, k: u64) -> Agent {
    let agent = AgentId::parse(&format!("agent-{k}")).expect("an id");
    let id = AgentRef { account: account.clone(), agent };
    Agent::new(Profile::new(id, format!("Agent {k}"), ManagedBy::Api, Timestamp(0)))
}

fn agent_facts(agent: &Agent, k: u64, changes: &mut Vec<Change>, bodies: &mut Vec<Body>) {
    let id = &agent.profile.id;
    changes.push(Change::AgentPut(agent.profile.clone()));
    for n in 1..=VERSIONS {
        let json = serde_json::json!({
            "name": format!("Agent {k}"),
            "instructions": {"systemPrompt": format!("You are agent {k}, version {n}.")},
        });
        let config = AgentConfig::from_value(&json).expect("a configuration");
        bodies.push((config.hash(), config.canonical_json().into()));
        let version = Version {
            number: Some(version(n)),
            hash: config.hash(),
            name: format!("V{n}"),
            description: String::new(),
            author: "bench".to_owned(),
            created_at: Timestamp(0),
            dispatch: Arc::new(config.dispatch()),
        };
        if n == VERSIONS {
            let draft = Version { number: None, ..version.clone() };
            changes.push(Change::DraftPut { agent: id.clone(), version: Arc::new(draft) });
        }
        changes.push(Change::VersionSaved { agent: id.clone(), version: Arc::new(version) });
    }
    for n in 1..=2 {
        let deployment = Arc::new(deployment(agent, n));
        changes.push(Change::Deployed { agent: id.clone(), deployment });
    }
}

fn version(n: u32) -> VersionNumber {
    VersionNumber::new(n).expect("not 0")
}

/// What puts a version into `live`.
fn deployment(agent: &Agent, n: u32) -> Deployment {
    Deployment::declared(agent, (Environment::Live, version(n)), "bench", (Timestamp(0), Revision(0)))
}
