//! A control over a store in memory, for the tests of rooms that may not name the store.

use std::sync::Arc;

use tempfile::TempDir;

use super::Control;
use super::metrics::ConfigMetrics;
use super::reload::{Reloader, Sources};
use super::start::{Parts, start};
use crate::domain::change::{Change, Entry};
use crate::domain::id::{AccountId, Revision};
use crate::domain::time::Timestamp;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;
use crate::store::error::{Deed, StoreError, StoreErrorKind};
use crate::store::folder::DataFolder;
use crate::store::port::{Commit, ControlStore};
use crate::store::sqlite::SqliteStore;
use crate::telemetry::{Clock, Health, Registry};

/// What a control stands on; it goes when this is dropped.
pub(crate) struct Ground {
    /// Whether all parts of the room are there.
    pub(crate) health: Health,
    pub(crate) folder: DataFolder,
    _path: TempDir,
}

/// Starts a control in which some changes have happened already.
pub(crate) fn control(
    changes: Vec<Change>,
    key_secret: [u8; 32],
    sources: Box<dyn Sources>,
    registry: &Registry,
    clock: &Clock,
) -> (Control, Reloader, Ground) {
    control_over(Arc::new(SqliteStore::in_memory().unwrap()), changes, key_secret, sources, registry, clock)
}

/// The same over a store of one's own, in which nothing has happened yet.
pub(crate) fn control_over(
    store: Arc<dyn ControlStore>,
    changes: Vec<Change>,
    key_secret: [u8; 32],
    sources: Box<dyn Sources>,
    registry: &Registry,
    clock: &Clock,
) -> (Control, Reloader, Ground) {
    let path = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(path.path()).unwrap();
    std::fs::write(path.path().join("hash.key"), "07".repeat(32) + "\n").unwrap();
    let health = Health::default();
    let entry = Entry {
        revision: Revision(1),
        at: Timestamp(0),
        account: AccountId::parse("ws-1").unwrap(),
        author: "console".to_owned(),
        actor: None,
        action: "account.create".to_owned(),
        target: "ws-1".to_owned(),
        summary: "the beginning".to_owned(),
    };
    store.commit(Revision(0), &[Commit { entry, staged: None, changes, bodies: Vec::new() }]).unwrap();
    let (control, reloader) = start(Parts {
        store,
        folder: &folder,
        key_secret,
        sources,
        default_endpoints: Vec::new(),
        series: Arc::new(SeriesBook::new(1_000)),
        shelf: Arc::new(Shelf::default()),
        metrics: Arc::new(ConfigMetrics::register(registry).unwrap()),
        health: health.clone(),
        clock: clock.clone(),
        random: &mut || [5; 32],
    })
    .unwrap();
    (control, reloader, Ground { health, folder, _path: path })
}

/// A failure of the store whose cause, `ENOSPC at /secret/place`, is for the log only.
pub(crate) fn full_disk() -> StoreError {
    StoreError::from_source(Deed::Write, StoreErrorKind::DiskFull, "ENOSPC at /secret/place")
}
