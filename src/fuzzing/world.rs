//! What laws are about: the example configuration, served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::control::files::{Library, SourceFile};
use crate::domain::account::{Account, Key, KeyDigest, Permission};
use crate::domain::change::{Change, Touched};
use crate::domain::command::{Action, Author, Command, Outcome};
use crate::domain::id::{AccountId, ConfigHash};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::gateways::asker::Doorkeeper;
use crate::gateways::gateway::{Gateway, Gateways};
use crate::gateways::http::HttpConnection;
use crate::gateways::plane::{CallPlane, Parts};
use crate::gateways::webhooks::{KINDS, Trunk, Webhooks};
use crate::gateways::worker::Worker;
use crate::http::limits::Limits;
use crate::routing::calls::{CallBounds, CallsInProgress};
use crate::routing::live::Live;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;
use crate::routing::switchboard::Switchboard;
use crate::routing::table::{RoutingTable, Workshop};
use crate::routing::token::TokenKeys;
use crate::telemetry::Clock;

/// When it is.
pub(super) const NOW: Timestamp = Timestamp(1_767_225_600_000);
/// Under which keys are hashed.
pub(super) const SECRET: [u8; 32] = [7; 32];
/// The text of the one key.
pub(super) const KEY: &str = "all";
/// The name by which a gateway may call us.
pub(super) const HOST: &str = "calls.example.com";

pub(super) fn account() -> AccountId {
    AccountId::parse("ws-1").expect("an id")
}

/// The example configuration.
pub(super) fn files() -> Vec<SourceFile> {
    macro_rules! example {
        ($($path:literal),*) => {
            vec![$(SourceFile::new($path, &include_bytes!(concat!("../../config/", $path))[..])),*]
        };
    }
    example![
        "agents/reception/V1.toml",
        "agents/reception/agent.toml",
        "agents/sales/V1.toml",
        "agents/sales/V2.toml",
        "agents/sales/agent.toml",
        "agents/sales/draft.toml",
        "routes/example.toml"
    ]
}

/// A key that may do everything.
pub(super) fn key() -> Key {
    Key {
        id: "key-1".to_owned(),
        name: KEY.to_owned(),
        account: account(),
        permissions: Permission::ALL.to_vec(),
        agents: None,
        expires_at: None,
        created_at: None,
        digest: KeyDigest::of(&SECRET, KEY),
    }
}

/// The accounts and keys alone.
pub(super) fn beginning() -> Vec<Change> {
    let account = Account::new(account(), "One", NOW);
    vec![Change::AccountPut(account), Change::KeyPut(key())]
}

/// A state of nothing but the account and its key.
pub(super) fn accounts() -> State {
    let mut state = State::default();
    for change in beginning() {
        state.absorb(&change, &mut Touched::default());
    }
    state
}

/// What the example configuration comes to.
fn outcome() -> Outcome {
    let empty = Library::new(&account());
    let library = empty.read(&files(), &[]).expect("files without faults");
    let set = library.file_set(&empty, None);
    let action = Action::ApplyFiles(Arc::new(set));
    let command = Command { account: account(), author: Author::Files, at: NOW, action };
    accounts().weigh(&command).expect("files that are granted")
}

/// The state with the example configuration in force.
pub(super) fn state() -> State {
    let mut state = accounts();
    for change in outcome().changes {
        state.absorb(&change, &mut Touched::default());
    }
    state
}

/// Gateways `http`, known by any address, and `edge`; and the row of a trunk.
pub(super) fn doorkeeper() -> Doorkeeper {
    let gateway = |name: &str| Gateway { name: name.into(), account: account(), country: None };
    let gateways =
        Gateways::new(vec![gateway("http"), gateway("edge"), gateway("kamailio:edge")], None, |_: IpAddr| {
            Some(0)
        });
    Doorkeeper::new(gateways, SECRET, vec![HOST.to_owned()])
}

/// The table of the example configuration.
pub(super) fn table(series: &SeriesBook, shelf: &Shelf) -> RoutingTable {
    let (mut state, mut touched) = (State::default(), Touched::default());
    let outcome = outcome();
    for change in beginning().iter().chain(&outcome.changes) {
        state.absorb(change, &mut touched);
    }
    let bodies = |wanted: ConfigHash| {
        outcome.bodies.iter().find(|(hash, _)| *hash == wanted).map(|(_, body)| Arc::clone(body))
    };
    RoutingTable::new(&[]).patched(&state, &touched, Workshop { series, shelf, bodies: &bodies })
}

/// A gateway's connection to a call plane that serves the example configuration.
pub(super) fn connection() -> HttpConnection {
    let (series, shelf) = (Arc::new(SeriesBook::new(1_000)), Arc::new(Shelf::default()));
    let table = table(&series, &shelf);
    let bounds = CallBounds { calls_max: 1_000_000, life_ms: 21_600_000, ended_ms: 600_000 };
    let switchboard = Arc::new(Switchboard {
        calls: CallsInProgress::new(bounds, 5),
        tokens: TokenKeys::new([9; 32], 86_400),
        series,
        shelf,
    });
    let trunk =
        Trunk { kind: KINDS[0], name: "edge".into(), row: 2, trust_headers: true, strip_prefix: "9".into() };
    let plane = Arc::new(CallPlane::new(Parts {
        live: Live::new(table),
        switchboard,
        doorkeeper: doorkeeper(),
        webhooks: Webhooks::new(vec![trunk], |_, _: IpAddr| Some(2)),
        clock: Clock::manual(NOW.0),
        limits: Arc::new(Limits::default()),
        batch_bytes_max: 1 << 20,
        lag_max: Duration::from_secs(60),
    }));
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 8700));
    HttpConnection::new(&Rc::new(Worker::new(&plane, [1; 32])), here, here)
}
