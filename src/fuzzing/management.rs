//! Everything a client may send on a connection to the management API, to which its key lets it only read.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::Value;

use super::world::{NOW, SECRET, account, beginning, files, key};
use crate::api::numbers::ImportLimits;
use crate::api::{Management, Turns, router};
use crate::control::Control;
use crate::control::answers::Answers;
use crate::control::files::Library;
use crate::control::metrics::ConfigMetrics;
use crate::control::reload::{Look, Sources};
use crate::control::start::{Parts, start};
use crate::domain::account::{Key, Permission};
use crate::domain::change::{Change, Entry};
use crate::domain::command::{Action, Author, Command};
use crate::domain::fault::Fault;
use crate::domain::id::Revision;
use crate::http::fuzzing::Talk;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;
use crate::store::folder::DataFolder;
use crate::store::port::{Commit, ControlStore as _};
use crate::store::sqlite::SqliteStore;
use crate::telemetry::{Clock, Health, Registry};

pub(super) fn law() -> impl Fn(&[u8]) {
    let (talk, router) = (Talk::new(), served());
    move |bytes| {
        for answer in talk.with_router(bytes, &router) {
            // Who reads changes nothing, and no reading is too much. That it is not ready is for a probe to say.
            assert!(answer.status < 500 || answer.status == 503, "{}", answer.status);
            if answer.header("content-type") == Some("application/json") && !answer.body.is_empty() {
                let body: Result<Value, _> = serde_json::from_slice(&answer.body);
                assert!(body.is_ok(), "{:?}", String::from_utf8_lossy(&answer.body));
            }
        }
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

fn served() -> Router {
    let (registry, clock) = (Registry::new(), Clock::manual(NOW.0));
    let control = control(&registry, &clock);
    let empty = Library::new(&account());
    let library = empty.read(&files(), &[]).expect("files without faults");
    let set = library.file_set(&empty, None);
    let action = Action::ApplyFiles(Arc::new(set));
    let command = Command { account: account(), author: Author::Files, at: NOW, action };
    control.submit_blocking(command).expect("files that are granted");
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 8701));
    router(Management {
        control,
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
        import_limits: ImportLimits {
            rows_max: 1_000,
            bytes_max: 1 << 16,
            pause_max: Duration::from_secs(1),
        },
        account_import_bytes_max: 1 << 16,
        turns: Turns::default(),
        random: || [5; 32],
    })
}

fn control(registry: &Registry, clock: &Clock) -> Control {
    let store = SqliteStore::in_memory().expect("a store in memory");
    let reader = Key { permissions: vec![Permission::Read, Permission::Route], ..key() };
    let mut changes = beginning();
    changes.push(Change::KeyPut(reader));
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
    let path = std::env::temp_dir().join(format!("cordboard-fuzzing-{}", std::process::id()));
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
