//! Whether the file that is written is still the one that a later start would find.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::failure::{Failure, Result};
use crate::store::error::StoreErrorKind;

/// Where the store is, and what is there: SQLite goes on writing into files that nobody can find any more.
#[derive(Debug)]
pub(super) struct Place {
    store: (PathBuf, Identity),
    /// What was written last goes into the log first. It is there from the first write on.
    log: (PathBuf, OnceLock<Identity>),
}

/// A file, whatever its name: its device and its number there.
type Identity = (u64, u64);

impl Place {
    /// Notes what is there.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let store = identity(path).ok_or(Failure::Known(StoreErrorKind::Gone))?;
        Ok(Self { store: (path.to_owned(), store), log: (PathBuf::from(log), OnceLock::new()) })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.store.0
    }

    /// Fails when the file or its log was removed or replaced. Cost: two look-ups of names.
    pub(super) fn check(&self) -> Result<()> {
        let (store, log) = (identity(&self.store.0), identity(&self.log.0));
        let same_log = match (self.log.1.get(), log) {
            (Some(known), log) => log.as_ref() == Some(known),
            (None, Some(log)) => *self.log.1.get_or_init(|| log) == log,
            (None, None) => true,
        };
        if store == Some(self.store.1) && same_log {
            Ok(())
        } else {
            Err(Failure::Known(StoreErrorKind::Gone))
        }
    }
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
