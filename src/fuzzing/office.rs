//! A management API over a store in memory, asked without a network.

use std::cell::Cell;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::world::{KEY, NOW, SECRET, account, beginning, files, key};
use crate::api::fuzzing::in_our_words;
use crate::api::numbers::ImportLimits;
use crate::api::{Management, Turns, router};
use crate::control::Control;
use crate::control::answers::Answers;
use crate::control::files::Library;
use crate::control::metrics::ConfigMetrics;
use crate::control::reload::{Look, Sources};
use crate::control::start::{Parts, start};
use crate::domain::account::Key;
use crate::domain::change::{Change, Entry};
use crate::domain::command::{Action, Author, Command};
use crate::domain::fault::Fault;
use crate::domain::id::Revision;
use crate::domain::sip::Unwatched;
use crate::domain::state::State;
use crate::http::correlation::CORRELATION_ID;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;
use crate::store::folder::DataFolder;
use crate::store::port::{Commit, ControlStore as _};
use crate::store::sqlite::SqliteStore;
use crate::telemetry::{Clock, Health, Registry};

/// Most rows of an import.
const ROWS_MAX: usize = 200;
/// Most bytes of an import.
const BYTES_MAX: usize = 1 << 16;

/// The API and whoever asks it, who may do anything.
pub(super) struct Office {
    pub(super) router: Router,
    control: Control,
    runtime: Runtime,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// Whether it was granted; fails where it was refused and not in our words.
    pub(super) fn is_granted(&self) -> bool {
        if (200..300).contains(&self.status) {
            return true;
        }
        assert!((400..500).contains(&self.status), "{} {}", self.status, self.text);
        in_our_words(&self.json());
        false
    }
}

/// Files that never change.
struct Still;

impl Sources for Still {
    fn look(&mut self) -> Result<Look, Vec<Fault>> {
        Ok(Look::default())
    }

    fn keep(&mut self) {}

    fn forget(&mut self) {}
}

impl Office {
    /// With one account, and a key in place of the one that may do everything.
    pub(super) fn empty(key: Key) -> Self {
        let (registry, clock) = (Registry::new(), Clock::manual(NOW.0));
        let control = control(key, &registry, &clock);
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 8701));
        let limits =
            ImportLimits { rows_max: ROWS_MAX, bytes_max: BYTES_MAX, pause_max: Duration::from_secs(1) };
        let router = router(Management {
            control: control.clone(),
            answers: Answers::in_memory().expect("memory"),
            registry,
            health: Health::default(),
            key_secret: SECRET,
            clock,
            calls: here,
            admin: here,
            calls_tls: None,
            admin_tls: None,
            calls_in_progress: Arc::new(|| 7),
            test_call: Arc::new(|_| Some("{}".to_owned())),
            sip_messages: Arc::new(|_| Err(Unwatched::NotSpoken)),
            import_limits: limits,
            account_import_bytes_max: BYTES_MAX,
            listed: Arc::default(),
            streams: crate::api::Streams::default(),
            turns: Turns::default(),
            random,
        });
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { router, control, runtime }
    }

    /// With the example configuration, which the files have.
    pub(super) fn of_files(key: Key) -> Self {
        let office = Self::empty(key);
        let empty = Library::new(&account());
        let library = empty.read(&files(), &[]).expect("files without faults");
        let set = library.file_set(&empty, None);
        let action = Action::ApplyFiles(Arc::new(set));
        let command = Command { account: account(), author: Author::Files, at: NOW, action };
        office.control.submit_blocking(command).expect("files that are granted");
        office
    }

    /// With what a document says, as objects of the API.
    pub(super) fn of(document: &Value) -> Self {
        let office = Self::empty(key());
        let reply = office.ask("POST", "/v1/import", document.to_string());
        assert_eq!(reply.status, 200, "{}", reply.text);
        office
    }

    /// Asks with the key.
    pub(super) fn ask(&self, method: &str, path: &str, body: impl Into<Body>) -> Reply {
        self.ask_as("application/json", method, path, body)
    }

    /// Asks with a body of a type.
    pub(super) fn ask_as(&self, of: &str, method: &str, path: &str, body: impl Into<Body>) -> Reply {
        let request = Request::builder().method(method).uri(path).header("X-API-Key", KEY);
        // Answers are compared, and each would have a name of its own.
        let request = request.header(CORRELATION_ID, "fuzzed");
        let request = request.header(CONTENT_TYPE, of).body(body.into()).expect("a request");
        let router = TowerToHyperService::new(self.router.clone());
        self.runtime.block_on(async {
            let (head, body) = router.call(request).await.unwrap_or_else(|never| match never {}).into_parts();
            let body = to_bytes(body, usize::MAX).await.expect("an answer that does not break off");
            let text = String::from_utf8(body.to_vec()).expect("UTF-8");
            Reply { status: head.status.as_u16(), text }
        })
    }

    /// Reads what must be there.
    pub(super) fn show(&self, path: &str) -> Value {
        let reply = self.ask("GET", path, Body::empty());
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    /// Everything of the account, without what tells when it was asked for.
    pub(super) fn export(&self, path: &str) -> Value {
        let mut document = self.show(path);
        let members = document.as_object_mut().expect("an object");
        members.retain(|name, _| name != "revision" && name != "exportedAt");
        document
    }

    /// The present.
    pub(super) fn state(&self) -> Arc<State> {
        self.control.state()
    }
}

/// The example configuration as a document of objects of the API.
pub(super) fn example() -> Value {
    Office::of_files(key()).export("/v1/export")
}

/// An office in some state, made again whenever an input has changed that: most inputs are refused.
pub(super) struct Desk {
    make: Box<dyn Fn() -> Office>,
    kept: Cell<Option<Office>>,
}

impl Desk {
    pub(super) fn new(make: impl Fn() -> Office + 'static) -> Self {
        Self { make: Box::new(make), kept: Cell::new(None) }
    }

    /// Lends the office out.
    pub(super) fn with(&self, law: impl FnOnce(&Office)) {
        let office = self.kept.take().unwrap_or_else(|| (self.make)());
        let before = office.state();
        law(&office);
        if Arc::ptr_eq(&before, &office.state()) {
            self.kept.set(Some(office));
        }
    }
}

fn random() -> [u8; 32] {
    rand::random()
}

fn control(key: Key, registry: &Registry, clock: &Clock) -> Control {
    let store = SqliteStore::in_memory().expect("a store in memory");
    let mut changes = beginning();
    changes.push(Change::KeyPut(key));
    let entry = Entry {
        revision: Revision(1),
        at: NOW,
        account: account(),
        author: "console".to_owned(),
        actor: None,
        action: "account.create".to_owned(),
        target: account().to_string(),
        summary: "the beginning".to_owned(),
    };
    store
        .commit(Revision(0), &[Commit { entry, changes, bodies: Vec::new(), staged: None }])
        .expect("a commit");
    let name: u64 = rand::random();
    let path = std::env::temp_dir().join(format!("cordboard-fuzzing-{}-{name}", std::process::id()));
    let folder = DataFolder::open(&path).expect("a folder");
    let parts = Parts {
        store: Arc::new(store),
        folder: &folder,
        key_secret: SECRET,
        sources: Box::new(Still),
        default_endpoints: Vec::new(),
        series: Arc::new(SeriesBook::new(1_000)),
        shelf: Arc::new(Shelf::default()),
        metrics: Arc::new(ConfigMetrics::register(registry).expect("metrics")),
        health: Health::default(),
        clock: clock.clone(),
        random: &mut || [5; 32],
    };
    let (control, _reloader) = start(parts).expect("a start");
    // Nothing is written there any more, and whoever runs laws by the million ends them by a signal.
    fs::remove_dir_all(&path).expect("our folder");
    control
}
