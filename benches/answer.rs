//! What one `GET /v1/route` costs besides hyper, part by part and beside its budget.
//!
//! `cargo bench --bench answer`. Numbers are random among all there are, each in a split of three arms; `query` reads
//! the query, `ask` decides, `encode` writes the JSON, `whole` is all of it with asker, headers, metrics and the
//! response as it goes to hyper. Medians of seven rounds.

#![expect(clippy::print_stdout, reason = "prints a table")]
#![expect(clippy::expect_used, reason = "what is built here is valid")]

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cordboard::domain::account::Account;
use cordboard::domain::address::{Address, Caller, E164};
use cordboard::domain::agent::{AgentRef, Profile, Version};
use cordboard::domain::agent_config::AgentConfig;
use cordboard::domain::change::{Change, NumberChanges, Touched};
use cordboard::domain::id::{AccountId, AgentId, ArmId, ConfigHash, Pin, Revision, SplitId, VersionNumber};
use cordboard::domain::route::{Destination, ManagedBy, Route};
use cordboard::domain::split::slots::Owners;
use cordboard::domain::split::{Arm, Split, UnitRule};
use cordboard::domain::state::State;
use cordboard::domain::time::Timestamp;
use cordboard::gateways::answer::{Asked, members};
use cordboard::gateways::asker::Doorkeeper;
use cordboard::gateways::gateway::{Gateway, Gateways};
use cordboard::gateways::http::HttpConnection;
use cordboard::gateways::http::wanted::Wanted;
use cordboard::gateways::json::Json;
use cordboard::gateways::plane::{CallPlane, Parts};
use cordboard::gateways::webhooks::Webhooks;
use cordboard::gateways::worker::Worker;
use cordboard::routing::calls::{CallBounds, CallsInProgress};
use cordboard::routing::live::Live;
use cordboard::routing::request::CallRequest;
use cordboard::routing::series::SeriesBook;
use cordboard::routing::shelf::Shelf;
use cordboard::routing::switchboard::{Purpose, Switchboard};
use cordboard::routing::table::{RoutingTable, Workshop};
use cordboard::routing::token::TokenKeys;
use cordboard::routing::trail::Silent;
use cordboard::telemetry::Clock;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ASKS: u64 = 300_000;
const ROUNDS: usize = 7;
const SPLITS: u32 = 100;

fn main() {
    println!(
        "{:>9} | {:>8} {:>8} {:>9} {:>10} | {:>8} | budget 1,000",
        "numbers", "query ns", "ask ns", "encode ns", "together", "whole ns"
    );
    for count in [10_000, 1_000_000] {
        measure(count);
    }
}

fn measure(count: u64) {
    let plane = plane(count);
    let worker = Rc::new(Worker::new(&plane, [1; 32]));
    let here = "127.0.0.1:8700".parse().expect("an address");
    let connection = HttpConnection::new(&worker, here, here);
    let account = account();
    let query = |i: u64| {
        let (to, from) = (number(mix(i) % count), number(mix(i ^ 7)));
        format!("to=%2B{}&from=%2B{}&h.X-Env=live", to.value(), from.value())
    };
    let queries: Vec<String> = (0..ASKS).map(query).collect();
    let heads: Vec<_> = queries
        .iter()
        .map(|query| {
            let uri = format!("/v1/route?{query}");
            let request =
                hyper::Request::get(uri).header("host", "127.0.0.1:8700").body(()).expect("a request");
            request.into_parts().0
        })
        .collect();

    let read = |query: &String| {
        black_box(Wanted::from_query(query).is_ok());
    };
    let ask = |query: &String, write: bool| {
        let Ok(wanted) = Wanted::from_query(query) else { return };
        let Ok(to) = Address::parse(wanted.to.as_deref().unwrap_or_default()) else { return };
        let call = CallRequest {
            account: &account,
            gateway: "http",
            gateway_row: 0,
            to,
            caller: wanted.from.as_deref().map_or(Caller::Withheld, Caller::parse),
            call_id: None,
            headers: &wanted.headers,
            asked_for: None,
            token: None,
            agents: None,
        };
        let moment = worker.moment();
        let occasion = worker.occasion(Purpose::Answer, moment.now);
        worker.ask(&call, occasion, moment, &mut Silent, |answer| {
            if write {
                let mut body = Vec::with_capacity(1_024);
                members(&mut Json(&mut body), answer, Asked { call_id: None, to: &call.to, remark: "" });
                black_box(body.len());
            } else {
                black_box(answer.decision.choice.is_some());
            }
        });
    };
    let query_ns = median_ns(&queries, read);
    let asked_ns = median_ns(&queries, |query| ask(query, false));
    let together_ns = median_ns(&queries, |query| ask(query, true));
    let whole_ns = median_ns(&heads, |head| {
        black_box(connection.answer_bodiless(head).status());
    });
    println!(
        "{count:>9} | {query_ns:>8.0} {:>8.0} {:>9.0} {together_ns:>10.0} | {whole_ns:>8.0} |",
        asked_ns - query_ns,
        together_ns - asked_ns,
    );
}

fn median_ns<T>(each: &[T], mut work: impl FnMut(&T)) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            each.iter().for_each(&mut work);
            started.elapsed().as_secs_f64() * 1e9 / each.len() as f64
        })
        .collect();
    rounds.sort_unstable_by(f64::total_cmp);
    rounds.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn account() -> AccountId {
    AccountId::parse("ws-1").expect("an id")
}

fn agent() -> AgentId {
    AgentId::parse("sales").expect("an id")
}

fn number(i: u64) -> E164 {
    E164::from_value(10_000_000_000 + i % 900_000_000_000 * 7).expect("a number")
}

fn mix(i: u64) -> u64 {
    let i = i.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let i = (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let i = (i ^ (i >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    i ^ (i >> 31)
}

fn plane(count: u64) -> Arc<CallPlane> {
    let mut state = State::default();
    state.revision = Revision(4_711);
    let mut touched = Touched::default();
    for change in changes(count) {
        state.absorb(&change, &mut touched);
    }
    let (series, shelf) = (Arc::new(SeriesBook::new(10_000)), Arc::new(Shelf::default()));
    let bodies = |_: ConfigHash| None;
    let workshop = Workshop { series: &series, shelf: &shelf, bodies: &bodies };
    let table = RoutingTable::new(&[]).patched(&state, &touched, workshop);
    let bounds = CallBounds { calls_max: 1_000_000, life_ms: 21_600_000, ended_ms: 600_000 };
    let switchboard = Arc::new(Switchboard {
        calls: CallsInProgress::new(bounds, 5),
        tokens: TokenKeys::new([9; 32], 86_400),
        series,
        shelf,
    });
    let gateways =
        Gateways::new(vec![Gateway { name: "http".into(), account: account(), country: None }], None, |_| {
            Some(0)
        });
    Arc::new(CallPlane::new(Parts {
        webhooks: Webhooks::default(),
        live: Live::new(table),
        switchboard,
        doorkeeper: Doorkeeper::new(gateways, [7; 32], Vec::new()),
        clock: Clock::system(),
        limits: Arc::default(),
        batch_bytes_max: 1 << 20,
        lag_max: Duration::from_millis(50),
    }))
}

fn changes(count: u64) -> Vec<Change> {
    let id = AgentRef { account: account(), agent: agent() };
    let mut changes = vec![
        Change::AccountPut(Account::new(account(), "One", Timestamp(0))),
        Change::AgentPut(Profile::new(id.clone(), "Sales".to_owned(), ManagedBy::Api, Timestamp(0))),
    ];
    changes
        .extend((1..=3).map(|number| Change::VersionSaved { agent: id.clone(), version: version(number) }));
    changes.extend((0..SPLITS).map(|n| Change::SplitPut(Arc::new(split(n)))));
    let routes = (0..SPLITS)
        .map(|n| Arc::new(Route::plain(account(), ManagedBy::Api, Destination::Split(split_id(n)))))
        .collect();
    let mut numbers = NumberChanges { routes, ..NumberChanges::default() };
    numbers.phones = (0..count).zip((0..SPLITS).cycle()).map(|(i, split)| (number(i), Some(split))).collect();
    changes.push(Change::Numbers(numbers));
    changes
}

fn version(number: u32) -> Arc<Version> {
    let config = format!(
        r#"{{"name":"V{number}","endpoints":[{{"uri":"sip:{{agent}}@10.0.0.1:5060"}}],"sipHeaders":{{"X-Brand":"north"}}}}"#
    );
    let config = AgentConfig::from_json(config.as_bytes()).expect("a configuration");
    Arc::new(Version {
        number: VersionNumber::new(number),
        hash: config.hash(),
        name: String::new(),
        description: String::new(),
        author: String::new(),
        created_at: Timestamp(0),
        dispatch: Arc::new(config.dispatch()),
    })
}

fn split_id(n: u32) -> SplitId {
    SplitId::parse(&format!("spring-{n}")).expect("an id")
}

fn split(n: u32) -> Split {
    let arm = |(id, version, weight): (&str, u32, u32)| Arm {
        id: ArmId::parse(id).expect("an id"),
        name: String::new(),
        agent: agent(),
        pin: VersionNumber::new(version).map_or(Pin::Draft, Pin::Version),
        weight,
        max_calls_in_progress: None,
    };
    let arms: Vec<Arm> = [("control", 1, 70), ("left", 2, 20), ("right", 3, 10)].map(arm).into();
    Split {
        account: account(),
        id: split_id(n),
        name: String::new(),
        managed_by: ManagedBy::Api,
        scope: None,
        unit: UnitRule::Caller,
        owners: Owners::first(&arms.iter().map(|arm| arm.weight).collect::<Vec<_>>()),
        arms,
        salt: mix(n.into()),
        starts_at: None,
        ends_at: None,
        call_quota: None,
        paused: false,
        ending: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}
