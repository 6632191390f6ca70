//! A backup of everything, made while the router runs.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Control;
use super::files::LastGood;
use crate::domain::id::Revision;
use crate::store::backup::{Backup, LAST_GOOD, back_up};

pub use crate::store::backup::BackupError;

/// Times that a copy is begun whose files change under it.
const ATTEMPTS: usize = 3;

/// Where backups are made, one at a time.
pub(super) struct Backups {
    /// The data folder.
    folder: PathBuf,
    turn: Arc<Semaphore>,
}

/// A backup to be read to its end. As long as it is there, no other is begun.
#[derive(Debug)]
pub struct OpenBackup {
    backup: Backup,
    _turn: OwnedSemaphorePermit,
}

impl Backups {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, turn: Arc::new(Semaphore::new(1)) }
    }
}

impl OpenBackup {
    /// Everything up to here is in it.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.backup.revision
    }

    /// How many bytes will be read.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.backup.length()
    }
}

impl Read for OpenBackup {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.backup.read(buffer)
    }
}

impl Control {
    /// Backs up everything as of one revision: what the store holds, the secrets, the last good files. Nothing where another
    /// backup is not read to its end. Blocks on the disk.
    ///
    /// Commits and calls go on meanwhile. Cost: see [`back_up`].
    ///
    /// # Errors
    /// When something cannot be read, or there is no room for the copy.
    pub fn back_up(&self) -> Result<Option<OpenBackup>, BackupError> {
        let Backups { folder, turn } = &self.inner.backups;
        let Ok(turn) = Arc::clone(turn).try_acquire_owned() else { return Ok(None) };
        // What was counted since it was kept last would be lost; it is no reason to have no backup.
        if let Err(why) = self.save_split_calls() {
            tracing::warn!(error = ?why, "the calls of splits could not be kept before a backup");
        }
        let last_good = LastGood::new(folder.join(LAST_GOOD));
        let files = |set| last_good.files(set).map_err(io::Error::other);
        for _ in 1..ATTEMPTS {
            // Files that are applied meanwhile take those of the copy away.
            match back_up(self.inner.store.as_ref(), (folder, true), &files) {
                Err(BackupError::LastGood(_) | BackupError::AdminKey) => {}
                made => return Ok(Some(OpenBackup { backup: made?, _turn: turn })),
            }
        }
        let without = |set| {
            files(set).or_else(|why| {
                tracing::warn!("a backup has no copies of the last good files: {why}");
                Ok(Vec::new())
            })
        };
        // A first key that was ended stays where it was: then there is no other.
        let backup = back_up(self.inner.store.as_ref(), (folder, false), &without)?;
        Ok(Some(OpenBackup { backup, _turn: turn }))
    }
}
