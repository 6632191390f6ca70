//! A running call plane, and whoever changes what it routes.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::fast::FixedState;
use serde_json::{Value, json};

use crate::domain::account::{Account, Key, KeyDigest, Permission};
use crate::domain::address::{Number, Prefix};
use crate::domain::agent::{AgentRef, Profile, Version};
use crate::domain::agent_config::AgentConfig;
use crate::domain::change::{Change, Touched};
use crate::domain::command::{Action, Author, Command};
use crate::domain::deployment::Deployment;
use crate::domain::id::{
    AccountId, AgentId, ArmId, ConfigHash, Environment, Pin, Revision, SplitId, VersionNumber,
};
use crate::domain::route::{Destination, ManagedBy, Route};
use crate::domain::split::slots::Owners;
use crate::domain::split::{Arm, Split, UnitRule};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::gateways::asker::Doorkeeper;
use crate::gateways::gateway::{Gateway, Gateways};
use crate::gateways::http::HttpGateway;
use crate::gateways::numbering::Numbering;
use crate::gateways::plane::{CallPlane, Parts};
use crate::gateways::webhooks::{KINDS, Trunk, Webhooks};
use crate::gateways::worker::Worker;
use crate::http::bind::bind_workers;
use crate::http::limits::Limits;
use crate::http::server::{Front, run_worker, serve};
use crate::http::shutdown::DrainLimits;
use crate::http::tests::world::{Client, Reply};
use crate::routing::calls::{CallBounds, CallsInProgress};
use crate::routing::live::Live;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;
use crate::routing::switchboard::Switchboard;
use crate::routing::table::{RoutingTable, Workshop};
use crate::routing::token::TokenKeys;
use crate::telemetry::{Clock, Registry};

/// When every world begins.
pub const START_MS: i64 = 1_767_225_600_000;
const SECRET: [u8; 32] = [7; 32];

/// What may differ from world to world.
pub struct Plan {
    pub calls_max: usize,
    pub limits: Limits,
    pub by_address: fn(IpAddr) -> Option<u16>,
    /// The country of the gateway `edge` and of the trunk.
    pub country: Option<&'static str>,
    /// Its webhook, whose row is 2.
    pub trunk: Trunk,
    pub by_trunk: fn(&str, IpAddr) -> Option<u16>,
}

impl Default for Plan {
    fn default() -> Self {
        let trunk = Trunk {
            kind: KINDS[0],
            name: "pbx".into(),
            row: 2,
            trust_headers: false,
            strip_prefix: "".into(),
        };
        Self {
            calls_max: 1_000,
            limits: Limits::default(),
            by_address: |_| Some(0),
            country: None,
            trunk,
            by_trunk: |_, _| Some(2),
        }
    }
}

/// A call plane of two workers with what it routes.
pub struct World {
    pub plane: Arc<CallPlane>,
    pub clock: Clock,
    pub address: SocketAddr,
    state: State,
    live: Live,
    switchboard: Arc<Switchboard>,
    shelf: Arc<Shelf>,
    bodies: Mutex<HashMap<ConfigHash, Arc<[u8]>, FixedState>>,
    front: Front,
    workers: Vec<std::thread::JoinHandle<()>>,
}

pub fn account() -> AccountId {
    AccountId::parse("ws-1").unwrap()
}

impl World {
    pub fn new() -> Self {
        Self::with(Plan::default())
    }

    /// An account `ws-1` with the agent `sales`: V1 to V3, each with another greeting, V3 live; a draft.
    pub fn with(plan: Plan) -> Self {
        let bounds = CallBounds { calls_max: plan.calls_max, life_ms: 21_600_000, ended_ms: 600_000 };
        let (live, shelf) = (Live::new(RoutingTable::new(&[])), Arc::new(Shelf::default()));
        let switchboard = Arc::new(Switchboard {
            calls: CallsInProgress::new(bounds, 5),
            tokens: TokenKeys::new([9; 32], 86_400),
            series: Arc::new(SeriesBook::new(10_000)),
            shelf: Arc::clone(&shelf),
        });
        let clock = Clock::manual(START_MS);
        let limits = Arc::new(plan.limits);
        let numbering = plan.country.and_then(|_| Numbering::new());
        let country = plan.country.and_then(|letters| numbering.as_ref()?.country(letters));
        let gateway = |name: &str, country| Gateway { name: name.into(), account: account(), country };
        let gateways =
            vec![gateway("http", None), gateway("edge", country), gateway("kamailio:pbx", country)];
        let gateways = Gateways::new(gateways, numbering, plan.by_address);
        let plane = Arc::new(CallPlane::new(Parts {
            live: live.clone(),
            switchboard: Arc::clone(&switchboard),
            doorkeeper: Doorkeeper::new(gateways, SECRET, vec!["calls.example.com".to_owned()]),
            webhooks: Webhooks::new(vec![plan.trunk], plan.by_trunk),
            clock: clock.clone(),
            limits: Arc::clone(&limits),
            batch_bytes_max: 1 << 20,
            lag_max: Duration::from_secs(60),
        }));
        let (address, listeners) = bind_workers("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let front = Front { limits, ..Front::default() };
        let workers = (1..).zip(listeners).map(|(seed, listener)| {
            let (plane, front) = (Arc::clone(&plane), front.clone());
            std::thread::spawn(move || {
                let worker = Rc::new(Worker::new(&plane, [seed; 32]));
                run_worker(async { serve(listener, HttpGateway::new(worker), front).await }).unwrap();
            })
        });
        let workers = workers.collect();
        let (state, bodies) = (State::default(), Mutex::default());
        let mut world =
            Self { plane, clock, address, state, live, switchboard, shelf, bodies, front, workers };
        world.absorb(&[Change::AccountPut(Account::new(account(), "One", Timestamp(0)))]);
        world.key("all", &Permission::ALL, None);
        world.agent("sales");
        for number in 1..=3 {
            world.version("sales", number, json!({"siteAttributes": [], "endpoints": [endpoint("sales")]}));
        }
        world.draft("sales", json!({"endpoints": [endpoint("sales")]}));
        world.deploy("sales", Environment::Live, 3);
        world
    }

    /// Takes facts in and puts the table that follows from them in force.
    pub fn absorb(&mut self, changes: &[Change]) {
        let mut touched = Touched::default();
        for change in changes {
            self.state.absorb(change, &mut touched);
        }
        self.state.revision = Revision(self.state.revision.0 + 1);
        let bodies = |hash: ConfigHash| self.bodies.lock().unwrap().get(&hash).cloned();
        let workshop = Workshop { series: &self.switchboard.series, shelf: &self.shelf, bodies: &bodies };
        let table = self.live.snapshot().patched(&self.state, &touched, workshop);
        assert!(self.live.install(table));
    }

    pub fn act(&mut self, action: Action) {
        let (author, at) = (Author::Console, Timestamp(START_MS));
        let command = Command { account: account(), author, at, action };
        let outcome = self.state.weigh(&command).unwrap();
        self.absorb(&outcome.changes);
    }

    pub fn revision(&self) -> u64 {
        self.state.revision.0
    }

    /// A key whose text is its name.
    pub fn key(&mut self, name: &str, permissions: &[Permission], agents: Option<&[&str]>) {
        self.put_key(name, account(), permissions, agents, None);
    }

    pub fn put_key(
        &mut self,
        name: &str,
        account: AccountId,
        permissions: &[Permission],
        agents: Option<&[&str]>,
        expires_at: Option<Timestamp>,
    ) {
        self.absorb(&[Change::KeyPut(Key {
            id: name.to_owned(),
            name: name.to_owned(),
            account,
            permissions: permissions.to_vec(),
            agents: agents.map(|ids| ids.iter().map(|id| AgentId::parse(id).unwrap()).collect()),
            expires_at,
            created_at: None,
            digest: KeyDigest::of(&SECRET, name),
        })]);
    }

    pub fn agent(&mut self, id: &str) {
        let profile = Profile::new(agent(id), id.to_owned(), ManagedBy::Api, Timestamp(0));
        self.absorb(&[Change::AgentPut(profile)]);
    }

    /// A version with these keys in its configuration besides its name.
    pub fn version(&mut self, id: &str, number: u32, config: Value) -> ConfigHash {
        let version = self.written(VersionNumber::new(number), &format!("{id} {number}"), config);
        let hash = version.hash;
        self.absorb(&[Change::VersionSaved { agent: agent(id), version }]);
        hash
    }

    pub fn draft(&mut self, id: &str, config: Value) -> ConfigHash {
        let version = self.written(None, &format!("{id} draft"), config);
        let hash = version.hash;
        self.absorb(&[Change::DraftPut { agent: agent(id), version }]);
        hash
    }

    fn written(&self, number: Option<VersionNumber>, name: &str, mut config: Value) -> Arc<Version> {
        config["name"] = json!(name);
        let config = AgentConfig::from_json(config.to_string().as_bytes()).unwrap();
        let hash = config.hash();
        self.bodies.lock().unwrap().insert(hash, config.canonical_json().into());
        Arc::new(Version {
            number,
            hash,
            name: String::new(),
            description: String::new(),
            author: String::new(),
            created_at: Timestamp(0),
            dispatch: Arc::new(config.dispatch()),
        })
    }

    pub fn deploy(&mut self, id: &str, environment: Environment, number: u32) {
        let agent = agent(id);
        let to = (environment, VersionNumber::new(number).unwrap());
        let deployment = Deployment::declared(
            self.state.agents.get(&agent).unwrap(),
            to,
            "tests",
            (Timestamp(0), Revision(0)),
        );
        self.absorb(&[Change::Deployed { agent, deployment: Arc::new(deployment) }]);
    }

    /// Routes a number to an agent at a pin.
    pub fn number(&mut self, number: &str, id: &str, pin: &str) {
        self.route(number, route(id, pin));
    }

    pub fn route(&mut self, number: &str, route: Route) {
        self.act(Action::PutNumber { number: Number::parse(number).unwrap(), route });
    }

    pub fn prefix(&mut self, prefix: &str, id: &str, pin: &str) {
        self.act(Action::PutPrefix { prefix: Prefix::parse(prefix).unwrap(), route: route(id, pin) });
    }

    /// A split of `sales` over numbers: arms with pin and weight.
    pub fn split(&mut self, id: &str, unit: UnitRule, arms: &[(&str, &str, u32)], numbers: &[&str]) {
        let arms: Vec<Arm> = arms
            .iter()
            .map(|(id, pin, weight)| Arm {
                id: ArmId::parse(id).unwrap(),
                name: String::new(),
                agent: AgentId::parse("sales").unwrap(),
                pin: Pin::parse(pin).unwrap(),
                weight: *weight,
                max_calls_in_progress: None,
            })
            .collect();
        let weights: Vec<u32> = arms.iter().map(|arm| arm.weight).collect();
        let split = Split {
            account: account(),
            id: SplitId::parse(id).unwrap(),
            name: String::new(),
            managed_by: ManagedBy::Api,
            scope: None,
            unit,
            arms,
            salt: 1,
            owners: Owners::first(&weights),
            starts_at: None,
            ends_at: None,
            call_quota: None,
            paused: false,
            ending: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        };
        let numbers = numbers.iter().map(|number| Number::parse(number).unwrap()).collect();
        self.act(Action::CreateSplit { split, numbers });
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// Sends one request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            request.push_str("host: localhost\r\n");
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.client().ask(bytes)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub fn get_as(&self, key: &str, path: &str) -> Reply {
        self.send("GET", path, &[("X-API-Key", key)], b"")
    }

    pub fn post(&self, path: &str, body: impl std::borrow::Borrow<Value>) -> Reply {
        self.send("POST", path, &[], body.borrow().to_string().as_bytes())
    }

    pub fn post_as(&self, key: &str, path: &str, body: impl std::borrow::Borrow<Value>) -> Reply {
        self.send("POST", path, &[("x-api-key", key)], body.borrow().to_string().as_bytes())
    }

    /// The sum of a family's lines that have this label, as the page shows it now.
    pub fn metric(&self, family: &str, label: &str) -> f64 {
        let registry = Registry::new();
        registry.add(self.plane.meters().clone()).unwrap();
        let page = registry.page();
        let of_family = |line: &&str| {
            let name = line.split(['{', ' ']).next();
            name == Some(family) && line.contains(label)
        };
        page.lines().filter(of_family).map(|l| l.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let front = self.front.clone();
        let at_once = DrainLimits {
            quiet: Duration::ZERO,
            accept_max: Duration::ZERO,
            total_max: Duration::from_millis(200),
        };
        run_worker(async { Ok(front.shutdown.drain(&front.traffic, at_once).await) }).unwrap();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

pub fn agent(id: &str) -> AgentRef {
    AgentRef { account: account(), agent: AgentId::parse(id).unwrap() }
}

pub fn route(id: &str, pin: &str) -> Route {
    let to = Destination::Agent { agent: AgentId::parse(id).unwrap(), pin: Pin::parse(pin).unwrap() };
    Route::plain(account(), ManagedBy::Api, to)
}

pub fn endpoint(user: &str) -> Value {
    json!({"uri": format!("sip:{user}.v{{version}}@10.0.0.1:5060;arm={{arm}};id={{callId}}")})
}

/// The field that a validation error names.
pub fn field(reply: &Reply) -> String {
    reply.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
}
