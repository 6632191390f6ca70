//! Numbers by the million: weighed and written down aside, then brought into force in one short step.
//!
//! ```text
//!   rows --weigh--> Import, facts --stage, stage, ...--> [command: land, commit, install] --> fold, fold, ...
//!            ^                                              |
//!            +--------- overtaken by what others changed ---+
//! ```
//!
//! Other changes go on all the while: the thread that makes them sees no more of an import than its last step, and waits
//! at the disk for one piece at most.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Applied, Control, ControlError};
use crate::domain::change::{NumberChanges, StagedId};
use crate::domain::command::{Action, Author, Command, IMPORT_OVERTAKEN};
use crate::domain::id::{AccountId, Revision};
use crate::domain::import::{Imported, RowFaults, Rows};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::port::ControlStore;
use crate::telemetry::precedence::give_way;

/// Numbers of a piece: some milliseconds at the disk, for which another change may have to wait.
const PIECE: usize = 4_000;
/// How often an import that was overtaken is weighed anew.
const TRIES: usize = 5;

/// Rows that somebody wants to import.
#[derive(Debug)]
pub struct NumbersImport {
    /// Into which account.
    pub account: AccountId,
    /// Who.
    pub author: Author,
    /// When.
    pub at: Timestamp,
    /// What.
    pub rows: Rows,
    /// What is known already to be wrong with them.
    pub faults: RowFaults,
}

/// What an import would do now.
#[derive(Debug, Clone)]
pub struct Weighed {
    /// The present revision.
    pub revision: Revision,
    /// What would become of the rows.
    pub imported: Imported,
    /// How many numbers would gain or lose a way to `live`.
    pub live: usize,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Rows are at fault.
    #[error("{} faults in the rows", .0.total())]
    Faulty(RowFaults),
    /// It did not happen.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// The one import that there may be at a time; the next may begin when this is dropped.
#[derive(Debug)]
pub struct ImportTurn(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

/// Whose turn it is, and the thread that tidies up afterwards.
pub(super) struct Imports {
    turns: Arc<Semaphore>,
    folder: SyncSender<()>,
}

impl Imports {
    /// Begins with what a process before has left unfolded.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(store: Arc<dyn ControlStore>) -> io::Result<Self> {
        let (folder, calls) = sync_channel(1);
        thread::Builder::new().name("cordboard-import".to_owned()).spawn(move || {
            give_way();
            loop {
                if let Err(why) = fold_all(store.as_ref()) {
                    // Nobody misses it: a start reads what is not folded as well.
                    tracing::warn!(error = ?why, "an import could not be tidied up in the store");
                }
                if calls.recv().is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { turns: Arc::new(Semaphore::new(1)), folder })
    }

    fn fold(&self) {
        match self.folder.try_send(()) {
            Ok(()) | Err(TrySendError::Full(())) => {}
            Err(TrySendError::Disconnected(())) => {
                tracing::warn!("an import is tidied up in the store only by the next one, or by a restart");
            }
        }
    }
}

fn fold_all(store: &dyn ControlStore) -> Result<(), StoreError> {
    while store.fold()? {}
    Ok(())
}

impl Control {
    /// The turn to import, before any row is read; nothing while somebody else has it.
    #[must_use]
    pub fn import_turn(&self) -> Option<ImportTurn> {
        Arc::clone(&self.inner.imports.turns).try_acquire_owned().ok().map(ImportTurn)
    }

    /// Imports numbers as one revision, or none of them. For a thread that may block.
    ///
    /// Cost: a microsecond or two a row, none of which other changes or calls wait for; memory for the rows and for the
    /// part of the map of numbers that they change.
    ///
    /// # Errors
    /// When nothing has changed, and why.
    pub fn import(&self, turn: ImportTurn, import: NumbersImport) -> Result<Applied, ImportError> {
        let NumbersImport { account, author, at, mut rows, mut faults } = import;
        rows.order(&mut faults);
        let rows = Arc::new(rows);
        let mut tries = 0;
        loop {
            tries += 1;
            let state = self.state();
            let (mut import, facts) = state
                .weigh_import(&account, &author, Arc::clone(&rows), faults.clone())
                .map_err(ImportError::Faulty)?;
            drop(state);
            let staging = self.stage(&facts).map_err(|why| {
                tracing::error!(error = ?why, "an import could not be stored");
                ControlError::Store(Arc::new(why))
            })?;
            drop(facts);
            import.staged = staging.as_ref().map(|staging| staging.id);
            let import = Arc::new(import);
            // Shared, so that its rows are given back here and not on the thread of control.
            let action = Action::ImportNumbers(Arc::clone(&import));
            let command = Command { account: account.clone(), author: author.clone(), at, action };
            match self.submit_blocking(command) {
                Err(ControlError::Refused(refusal)) if refusal.code == IMPORT_OVERTAKEN && tries < TRIES => {
                    tracing::info!("an import is weighed anew: {}", refusal.message);
                }
                Err(why) => return Err(why.into()),
                Ok(applied) => {
                    if let Some(staging) = staging {
                        staging.in_force();
                        self.inner.imports.fold();
                    }
                    drop(turn);
                    return Ok(applied);
                }
            }
        }
    }

    /// What an import would come to now. For a thread that may block; costs as much as the first half of it.
    ///
    /// # Errors
    /// What is wrong with the rows.
    pub fn weigh_import(&self, _turn: ImportTurn, import: NumbersImport) -> Result<Weighed, RowFaults> {
        let NumbersImport { account, author, mut rows, mut faults, .. } = import;
        rows.order(&mut faults);
        let state = self.state();
        let (import, _) = state.weigh_import(&account, &author, Arc::new(rows), faults)?;
        Ok(Weighed {
            revision: state.revision,
            imported: import.imported(),
            live: import.live(),
            warnings: import.warnings().to_vec(),
        })
    }

    /// Has the store lay facts ready; nothing where there are none.
    fn stage(&self, facts: &NumberChanges) -> Result<Option<Staging>, StoreError> {
        if facts.is_empty() {
            return Ok(None);
        }
        let store = Arc::clone(&self.inner.store);
        // What is in force must be folded before the next may come, and that is not for the thread of control to do.
        fold_all(store.as_ref())?;
        let staging = Staging { id: store.begin_staging()?, store, in_force: false };
        for piece in facts.pieces(PIECE) {
            staging.store.stage(staging.id, &piece)?;
        }
        Ok(Some(staging))
    }
}

/// Facts that lie ready in the store, and go again unless they come into force.
struct Staging {
    id: StagedId,
    store: Arc<dyn ControlStore>,
    in_force: bool,
}

impl Staging {
    fn in_force(mut self) {
        self.in_force = true;
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.in_force
            && let Err(why) = self.store.unstage(self.id)
        {
            tracing::warn!(error = ?why, "what was laid ready for an import is left in the store until a restart");
        }
    }
}
