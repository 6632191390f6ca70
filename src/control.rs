//! The one way to change anything: a command is authorised, weighed, committed at the expected revision, and installed.
//!
//! ```text
//!   api, files --Command--> queue --> [worker: authorise -> weigh -> absorb -> commit -> patch -> install] --> revision
//! ```
//!
//! One thread does it all, so that commands meet one after the other; those that wait are committed together. What they
//! come to is absorbed into a copy of the state, which becomes the present one when it is committed.

mod alarm;
pub mod answers;
pub mod backup;
mod bodies;
pub mod files;
mod hand_over;
pub mod import;
pub mod keys;
pub mod metrics;
pub mod reload;
mod split_calls;
pub mod start;
pub mod status;
mod test_runs;
#[cfg(test)]
pub(crate) mod testing;
mod worker;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use crate::domain::change::{Entry, SplitRef};
use crate::domain::command::{Command, Outcome};
use crate::domain::deployment::Deployment;
use crate::domain::destination::{Destination, Reach};
use crate::domain::id::{ConfigHash, Revision};
use crate::domain::import::Imported;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::routing::live::Live;
use crate::store::error::{Deed, StoreErrorKind};
use crate::store::port::ControlStore;

pub use hand_over::{Foreseen, HandOver};

pub use crate::store::error::StoreError;
pub use crate::store::port::{DeploymentFilter, HistoryFilter};

use backup::Backups;
use files::Library;
use import::Imports;
use metrics::ConfigMetrics;
use reload::{Acceptance, ReloadCalls, Wish};
use split_calls::SplitCalls;
use status::Status;

/// Most commands that wait; more are turned away.
const QUEUE: usize = 1_024;

/// A handle on the room; cloning it shares it.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    queue: SyncSender<Job>,
    present: Arc<ArcSwap<State>>,
    live: Live,
    store: Arc<dyn ControlStore>,
    status: Arc<Status>,
    metrics: Arc<ConfigMetrics>,
    reloads: ReloadCalls,
    /// The files in force, to tell where something stands.
    files: ArcSwap<Library>,
    split_calls: SplitCalls,
    imports: Imports,
    backups: Backups,
}

/// What must hold of the state that a command is weighed against.
pub type Precondition = Box<dyn FnOnce(&State) -> Result<(), Refusal> + Send>;

/// What a command came to in a state of the past: it comes to the same as long as that is the present one.
struct Weighed {
    state: Arc<State>,
    outcome: Outcome,
}

struct Job {
    command: Command,
    precondition: Option<Precondition>,
    /// Spares the thread the weighing, if nothing came between.
    weighed: Option<Box<Weighed>>,
    reply: oneshot::Sender<Result<Applied, ControlError>>,
}

/// A command that was granted.
#[derive(Debug, Clone)]
pub struct Applied {
    /// From this revision on it holds; every call that begins from now on sees it.
    pub revision: Revision,
    /// Whether anything changed; else everything was so already.
    pub changed: bool,
    /// What the operator should know all the same.
    pub warnings: Vec<String>,
    /// How many slots of the split have another arm than in the state that the command met, if it changed one.
    pub moved_slots: usize,
    /// What became of the rows of an import, if it was one.
    pub imported: Option<Imported>,
    /// How many objects have another owner than before.
    pub handed_over: usize,
    /// What the history says of it; nothing where nothing changed and nobody asked for more than to look.
    pub summary: String,
    /// The state at that revision.
    pub state: Arc<State>,
}

/// Why a command did not happen; the state is as it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// It was not granted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not keep it.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// Another writer has changed the store.
    #[error("the store was changed by somebody else")]
    Overtaken,
    /// Too many commands wait.
    #[error("too many changes at once")]
    Busy,
    /// The process is about to end, or the thread that changes things has.
    #[error("no changes are taken: the router is about to end, or has to be restarted")]
    Stopped,
}

impl Control {
    /// Carries out a command; when this returns, no new call is decided by an older state.
    ///
    /// Cost: one durable write, shared with the commands that wait at the same time.
    ///
    /// # Errors
    /// When nothing has changed, and why.
    pub async fn submit(&self, command: Command) -> Result<Applied, ControlError> {
        self.submit_if(command, None).await
    }

    /// The same where something must hold of the very state that the command is weighed against, whatever came between.
    ///
    /// # Errors
    /// As [`Control::submit`], and what the precondition refuses.
    pub async fn submit_if(
        &self,
        command: Command,
        precondition: Option<Precondition>,
    ) -> Result<Applied, ControlError> {
        let (reply, answer) = oneshot::channel();
        self.inner.queue.try_send(Job { command, precondition, weighed: None, reply }).map_err(|why| {
            match why {
                TrySendError::Full(_) => ControlError::Busy,
                TrySendError::Disconnected(_) => ControlError::Stopped,
            }
        })?;
        let outcome = answer.await.map_err(|_| ControlError::Stopped)?;
        outcome.map_err(|why| match why {
            ControlError::Refused(refusal) => self.located(refusal).into(),
            other => other,
        })
    }

    /// A refusal of what the files have with where it stands there. Cost: a search in each file, where it is one.
    #[must_use]
    pub fn located(&self, refusal: Refusal) -> Refusal {
        let place = refusal.managed.as_ref().and_then(|id| self.inner.files.load().place_of(id));
        match place {
            Some(place) => refusal.standing_at(&place.to_string()),
            None => refusal,
        }
    }

    /// The same for a thread that may block.
    ///
    /// # Errors
    /// As [`Control::submit`].
    pub fn submit_blocking(&self, command: Command) -> Result<Applied, ControlError> {
        self.submit_weighed(command, None, None)
    }

    /// The same for a command that was weighed before, and perhaps prepared for: that takes its time on the caller's
    /// thread and not on the one that all changes go through.
    fn submit_weighed(
        &self,
        command: Command,
        precondition: Option<Precondition>,
        weighed: Option<Box<Weighed>>,
    ) -> Result<Applied, ControlError> {
        let (reply, answer) = oneshot::channel();
        self.inner
            .queue
            .send(Job { command, precondition, weighed, reply })
            .map_err(|_| ControlError::Stopped)?;
        answer.blocking_recv().map_err(|_| ControlError::Stopped)?
    }

    /// What a command would come to now. Changes nothing; whether its author may ask for it is for the thread to say.
    fn weigh(&self, command: &Command) -> Result<Weighed, Refusal> {
        let state = self.state();
        let outcome = state.weigh(command)?;
        Ok(Weighed { state, outcome })
    }

    /// The present, to read. Cost: a reference count.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.inner.present.load_full()
    }

    /// The table in force.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.inner.live
    }

    /// Every target of what serves or has calls, and what probes found; targets of one destination are one.
    #[must_use]
    pub fn targets(&self) -> Vec<(Destination, Reach)> {
        self.inner.live.snapshot().health().reaches()
    }

    /// Brings the counts of numbers up to date; for a scrape. Cost: a look at every distinct route.
    pub fn count_numbers(&self) {
        worker::count_numbers(&self.inner.metrics, &self.state());
    }

    /// How the files and the store are.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.inner.status
    }

    /// Reads the files again now, and takes a set that is held if it is the one accepted.
    ///
    /// # Errors
    /// As [`Control::submit`]; [`ControlError::Refused`] carries the faults.
    pub async fn reload(&self, accept: Option<Acceptance>) -> Result<Applied, ControlError> {
        self.inner.reloads.call(Wish::Read(accept)).await
    }

    /// Moves objects from the files to the API, or back.
    ///
    /// # Errors
    /// As [`Control::submit`].
    pub async fn hand_over(&self, wanted: HandOver) -> Result<Applied, ControlError> {
        self.inner.reloads.call(Wish::HandOver(Box::new(wanted))).await
    }

    /// A configuration by its fingerprint, wherever it serves. Blocks on the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn body(&self, hash: ConfigHash) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.inner.store.body(hash)
    }

    /// Lines of the history, newest first. Blocks on the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<Entry>, StoreError> {
        self.inner.store.history(filter)
    }

    /// Deployments of an agent, newest first. Blocks on the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn deployments(&self, filter: &DeploymentFilter) -> Result<Vec<Arc<Deployment>>, StoreError> {
        self.inner.store.deployments(filter)
    }

    /// How many calls a split has had.
    #[must_use]
    pub fn split_calls(&self, split: &SplitRef) -> u64 {
        let table = self.inner.live.snapshot();
        table.split(split).map_or(0, |serving| serving.calls.load(Ordering::Relaxed))
    }

    /// Notes for the status, and once in the log, if the store is no longer where it was.
    pub fn check_store(&self) {
        let status = &self.inner.status;
        let Err(why) = self.inner.store.check() else {
            // What else is wrong with it, only the next change can tell.
            let gone = StoreError::new(Deed::Write, StoreErrorKind::Gone).to_string();
            if status.store_fault() == Some(gone) {
                status.set_store_fault(None);
            }
            return;
        };
        let why = why.to_string();
        if status.store_fault().as_ref() != Some(&why) {
            tracing::error!("{why}");
            status.set_store_fault(Some(why));
        }
    }

    /// Keeps how many calls the splits with a quota have had. Blocks on the disk if that has changed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn save_split_calls(&self) -> Result<(), StoreError> {
        self.inner.split_calls.save(self.inner.store.as_ref(), &self.inner.live.snapshot())
    }
}

#[cfg(test)]
mod tests;
