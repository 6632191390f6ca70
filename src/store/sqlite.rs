//! The store of one node: a SQLite file, written ahead and synchronised at each commit.

mod answers;
mod copy;
mod failure;
mod format;
mod load;
mod log;
mod place;
mod staged;
mod write;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::error::{Deed, StoreError, StoreErrorKind};
use super::port::{Commit, CommitError, ControlStore, DeploymentFilter, HistoryFilter};
use crate::domain::change::{Change, Entry, NumberChanges, SplitRef, StagedId};
use crate::domain::deployment::Deployment;
use crate::domain::id::{ConfigHash, Revision};
pub use answers::AnswerFile;
pub use copy::StoreCopy;
use failure::{Failure, Result};
use place::Place;

/// How long another program, say a backup, may hold the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// Statements kept ready on each connection; more than there are.
const STATEMENTS: usize = 64;

/// The log and the present in one SQLite file.
///
/// Control is the only writer; configurations and the log are read on connections of their own, so that no read waits
/// behind an import.
#[derive(Debug)]
pub struct SqliteStore {
    /// Held only until the writer is: who has written in a row must let the next one in.
    door: Mutex<()>,
    writer: Arc<Mutex<Connection>>,
    bodies: Arc<Mutex<Connection>>,
    log: Arc<Mutex<Connection>>,
    /// Nowhere, if it ends with the process.
    place: Option<Place>,
}

impl SqliteStore {
    /// Opens the file, making it or bringing it to the newest format first. It is not read through: damage deep
    /// inside shows when it is reached.
    ///
    /// # Errors
    /// When it cannot be opened or written, is damaged, no store of Cordboard, or one of a later release.
    pub fn open(path: &Path) -> std::result::Result<Self, StoreError> {
        begin_file(path).map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::StorageFull => StoreErrorKind::DiskFull,
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                    StoreErrorKind::ReadOnly
                }
                _ => StoreErrorKind::Io,
            };
            StoreError::from_source(Deed::Open, kind, error)
        })?;
        let open = || -> Result<Self> {
            let writer =
                shared(writer(Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?)?);
            let reader = || reader(path).map(shared);
            let (bodies, log, place) = (reader()?, reader()?, Some(Place::of(path)?));
            Ok(Self { door: Mutex::default(), writer, bodies, log, place })
        };
        open().map_err(|failure| failure.told(Deed::Open))
    }

    /// A store that ends with the process; everything shares one connection.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn in_memory() -> std::result::Result<Self, StoreError> {
        let open = || Ok(shared(writer(Connection::open_in_memory()?)?));
        let writer = open().map_err(|failure: Failure| failure.told(Deed::Open))?;
        let (bodies, log) = (Arc::clone(&writer), Arc::clone(&writer));
        Ok(Self { door: Mutex::default(), bodies, log, writer, place: None })
    }

    /// The writer, by turns: an import writes piece after piece, and a commit waits for one of them at most.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        let _door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        lock(&self.writer)
    }

    /// The last revision; zero before the first commit.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn revision(&self) -> std::result::Result<Revision, StoreError> {
        write::head(&lock(&self.writer)).map_err(|failure| failure.told(Deed::Read))
    }
}

/// Makes a file for its owner alone where there is none. What SQLite puts beside it is as its owner's as the file is.
fn begin_file(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

impl ControlStore for SqliteStore {
    fn load(&self, absorb: &mut dyn FnMut(Change)) -> std::result::Result<Revision, StoreError> {
        load::load(&mut self.writer(), absorb).map_err(|failure| failure.told(Deed::Read))
    }

    fn commit(&self, expected: Revision, commits: &[Commit]) -> std::result::Result<Revision, CommitError> {
        let there = || self.check().map_err(CommitError::Failed);
        there()?;
        let head = write::commit(&mut self.writer(), expected, commits)?;
        // It may have gone meanwhile, and what was written with it.
        there()?;
        Ok(head)
    }

    fn check(&self) -> std::result::Result<(), StoreError> {
        self.place.as_ref().map_or(Ok(()), Place::check).map_err(|failure| failure.told(Deed::Write))
    }

    fn begin_staging(&self) -> std::result::Result<StagedId, StoreError> {
        staged::begin(&self.writer()).map_err(|failure| failure.told(Deed::Write))
    }

    fn stage(&self, staged: StagedId, numbers: &NumberChanges) -> std::result::Result<(), StoreError> {
        staged::piece(&mut self.writer(), staged, numbers).map_err(|failure| failure.told(Deed::Write))
    }

    fn unstage(&self, staged: StagedId) -> std::result::Result<(), StoreError> {
        let some =
            || staged::drop_some(&mut self.writer(), staged).map_err(|failure| failure.told(Deed::Write));
        while some()? {}
        Ok(())
    }

    fn fold(&self) -> std::result::Result<bool, StoreError> {
        staged::fold(&mut self.writer()).map_err(|failure| failure.told(Deed::Write))
    }

    fn body(&self, hash: ConfigHash) -> std::result::Result<Option<Arc<[u8]>>, StoreError> {
        let find = |connection: &Connection| -> Result<Option<Arc<[u8]>>> {
            let mut statement = connection.prepare_cached("SELECT content FROM body WHERE hash = ?1")?;
            let found = statement.query_row([hash.0], |row| Ok(Arc::from(row.get_ref(0)?.as_blob()?)));
            Ok(found.optional()?)
        };
        find(&lock(&self.bodies)).map_err(|failure| failure.told(Deed::Read))
    }

    fn history(&self, filter: &HistoryFilter) -> std::result::Result<Vec<Entry>, StoreError> {
        log::history(&lock(&self.log), filter).map_err(|failure| failure.told(Deed::Read))
    }

    fn deployments(
        &self,
        filter: &DeploymentFilter,
    ) -> std::result::Result<Vec<Arc<Deployment>>, StoreError> {
        log::deployments(&lock(&self.log), filter).map_err(|failure| failure.told(Deed::Read))
    }

    fn after(
        &self,
        revision: Revision,
        limit: usize,
    ) -> std::result::Result<Vec<(Entry, Vec<Change>)>, StoreError> {
        log::after(&lock(&self.log), revision, limit).map_err(|failure| failure.told(Deed::Read))
    }

    fn save_split_calls(&self, counts: &[(SplitRef, u64)]) -> std::result::Result<(), StoreError> {
        write::split_calls(&mut self.writer(), counts).map_err(|failure| failure.told(Deed::Write))
    }

    fn split_calls(&self) -> std::result::Result<Vec<(SplitRef, u64)>, StoreError> {
        load::split_calls(&lock(&self.log)).map_err(|failure| failure.told(Deed::Read))
    }

    fn copy_into(&self, path: &Path) -> std::result::Result<(), StoreError> {
        let copied = match &self.place {
            // A connection of its own: the others are read meanwhile.
            Some(place) => reader(place.path()).and_then(|reader| copy::copy_into(&reader, path)),
            None => copy::copy_into(&self.writer(), path),
        };
        copied.map_err(|failure| failure.told(Deed::Write))
    }
}

/// Without `SQLITE_OPEN_URI`, so that no folder's name is taken for parameters.
fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn writer(mut connection: Connection) -> Result<Connection> {
    prepare(&connection)?;
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768;")?;
    // Before anything is changed, in case the file is somebody else's.
    format::bring_up(&mut connection)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864;")?;
    write::head(&connection)?;
    if let Err(failure) = staged::sweep(&connection) {
        // On a full disk, say: it takes some room and does no harm.
        tracing::warn!(?failure, "what was laid ready for an import could not be swept from the store");
    }
    Ok(connection)
}

fn reader(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    Ok(())
}

fn shared(connection: Connection) -> Arc<Mutex<Connection>> {
    Arc::new(Mutex::new(connection))
}

/// A transaction that a panic left behind was rolled back when it was dropped, so that the connection is sound.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
