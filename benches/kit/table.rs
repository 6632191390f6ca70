//! Tables of any size for measurements, made by the same facts as in the product.

use std::sync::Arc;

use cordboard::domain::account::Account;
use cordboard::domain::address::E164;
use cordboard::domain::agent::{AgentRef, Profile, Version};
use cordboard::domain::agent_config::AgentConfig;
use cordboard::domain::change::{Change, NumberChanges, Touched};
use cordboard::domain::deployment::{Deployment, DeploymentId, DeploymentKind};
use cordboard::domain::endpoint::{Endpoint, EndpointTemplate};
use cordboard::domain::id::{
    AccountId, AgentId, ArmId, ConfigHash, Environment, Pin, Revision, SplitId, VersionNumber,
};
use cordboard::domain::route::{Destination, ManagedBy, Route};
use cordboard::domain::split::slots::Owners;
use cordboard::domain::split::{Arm, Split, UnitRule};
use cordboard::domain::state::State;
use cordboard::domain::time::Timestamp;
use cordboard::routing::series::SeriesBook;
use cordboard::routing::shelf::Shelf;
use cordboard::routing::table::{RoutingTable, Workshop};

/// Agents, each with ten versions.
pub const AGENTS: u64 = 1_000;
/// Splits of three arms, one of every tenth agent.
pub const SPLITS: u64 = 100;

/// How the numbers are routed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// Every number is in one of the splits.
    Splits,
    /// Every tenth number is in a split, the others are pinned to a version: the fixture.
    Fixture,
    /// Every number follows what is live of one agent.
    OneAgentLive,
}

/// A state, and the table that follows it.
pub struct World {
    /// The account.
    pub account: AccountId,
    /// The state.
    pub state: State,
    /// The table.
    pub table: RoutingTable,
    series: SeriesBook,
    shelf: Shelf,
}

/// The i-th number.
pub fn number(i: u64) -> E164 {
    E164::from_value(14_000_000_000 + 7 * i).expect("eleven digits")
}

/// An agent's full name.
pub fn agent(account: &AccountId, k: u64) -> AgentRef {
    AgentRef { account: account.clone(), agent: AgentId::parse(&format!("agent-{k}")).expect("an id") }
}

/// The pin `V<n>`.
pub fn version(n: u64) -> VersionNumber {
    VersionNumber::new(u32::try_from(n).expect("small")).expect("not 0")
}

impl World {
    /// A world of so many numbers.
    pub fn new(numbers: u64, routing: Routing) -> Self {
        let account = AccountId::parse("ws-BENCH000").expect("an id");
        let mut world = Self {
            state: State::default(),
            table: RoutingTable::new(&[]),
            series: SeriesBook::new(100_000),
            shelf: Shelf::default(),
            account,
        };
        let created = Account::new(world.account.clone(), "Bench", Timestamp(0));
        let mut changes = vec![Change::AccountPut(created)];
        changes.extend((0..AGENTS).flat_map(|k| agent_changes(&world.account, k)));
        changes.extend((0..SPLITS).map(|k| Change::SplitPut(Arc::new(split(&world.account, k * 10)))));
        changes.push(Change::Numbers(number_changes(&world.account, numbers, routing)));
        world.apply(&changes);
        world
    }

    /// Makes changes happen, in the state and in the table.
    pub fn apply(&mut self, changes: &[Change]) {
        let mut touched = Touched::default();
        for change in changes {
            self.state.absorb(change, &mut touched);
        }
        self.state.revision = self.state.revision.next();
        self.table = self.patched(&touched);
    }

    /// The table after a change, without putting it in place.
    pub fn patched(&self, touched: &Touched) -> RoutingTable {
        let bodies = |_: ConfigHash| None;
        let workshop = Workshop { series: &self.series, shelf: &self.shelf, bodies: &bodies };
        self.table.patched(&self.state, touched, workshop)
    }
}

fn agent_changes(account: &AccountId, k: u64) -> Vec<Change> {
    let id = agent(account, k);
    let uri = EndpointTemplate::parse("sip:{agent}.v{version}@127.0.0.1:5060").expect("a template");
    let profile = Profile {
        endpoints: vec![Endpoint { uri, priority: 0, weight: 1 }],
        ..Profile::new(id.clone(), format!("Agent {k}"), ManagedBy::Files, Timestamp(0))
    };
    let config = AgentConfig::from_toml("name = \"Agent\"").expect("a configuration");
    let dispatch = Arc::new(config.dispatch());
    let mut changes = vec![Change::AgentPut(profile)];
    for n in 1..=10 {
        let mut hash = [0; 16];
        hash[..8].copy_from_slice(&(k * 100 + n).to_be_bytes());
        let version = Version {
            number: Some(version(n)),
            hash: ConfigHash(hash),
            name: String::new(),
            description: String::new(),
            author: "bench".to_owned(),
            created_at: Timestamp(0),
            dispatch: Arc::clone(&dispatch),
        };
        changes.push(Change::VersionSaved { agent: id.clone(), version: Arc::new(version) });
    }
    changes.push(deployed(id, 1));
    changes
}

/// Puts a version of an agent into `live`.
pub fn deployed(agent: AgentRef, n: u64) -> Change {
    let (environment, version) = (Environment::Live, version(n));
    let at = Timestamp(0);
    let deployment = Deployment {
        id: DeploymentId::derived((at, Revision(0)), &agent, environment, version),
        environment,
        version,
        kind: DeploymentKind::Publish,
        message: String::new(),
        created_by: "bench".to_owned(),
        created_at: at,
        calls_from: Revision(0),
    };
    Change::Deployed { agent, deployment: Arc::new(deployment) }
}

fn split(account: &AccountId, k: u64) -> Split {
    let arm = |id: &str, n, weight| Arm {
        id: ArmId::parse(id).expect("an id"),
        name: String::new(),
        agent: agent(account, k).agent,
        pin: Pin::Version(version(n)),
        weight,
        max_calls_in_progress: None,
    };
    Split {
        account: account.clone(),
        id: SplitId::parse(&format!("split-{k}")).expect("an id"),
        name: String::new(),
        managed_by: ManagedBy::Files,
        scope: None,
        unit: UnitRule::Caller,
        arms: vec![arm("a", 1, 50), arm("b", 2, 25), arm("c", 3, 25)],
        salt: k,
        owners: Owners::first(&[50, 25, 25]),
        starts_at: None,
        ends_at: None,
        call_quota: None,
        paused: false,
        ending: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

fn number_changes(account: &AccountId, numbers: u64, routing: Routing) -> NumberChanges {
    let mut changes = NumberChanges::default();
    let in_split = |k: u64| Destination::Split(SplitId::parse(&format!("split-{k}")).expect("an id"));
    let pinned = |k, pin| Destination::Agent { agent: agent(account, k).agent, pin };
    let mut places = std::collections::HashMap::new();
    for i in 0..numbers {
        // What tells routes apart: the agent, and 0 for a split, 1 to 9 for a version, 10 for live.
        let key = match routing {
            Routing::Splits => (i % SPLITS * 10, 0),
            Routing::Fixture if i % 10 == 0 => (i % AGENTS, 0),
            Routing::Fixture => (i % AGENTS, i % 9 + 1),
            Routing::OneAgentLive => (0, 10),
        };
        let place = *places.entry(key).or_insert_with(|| {
            let to = match key {
                (k, 0) => in_split(k),
                (k, 10) => pinned(k, Pin::Environment(Environment::Live)),
                (k, n) => pinned(k, Pin::Version(version(n))),
            };
            changes.routes.push(Arc::new(Route::plain(account.clone(), ManagedBy::Api, to)));
            u32::try_from(changes.routes.len() - 1).expect("few routes")
        });
        changes.phones.push((number(i), Some(place)));
    }
    changes
}
