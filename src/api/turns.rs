//! Taking turns: of those who edit one draft or page, each waits until the one before is done.
//!
//! An edit reads a configuration, changes it and puts it back where nobody else did so meanwhile. Without turns, of a
//! hundred who begin together all but one would begin again, a hundred times over.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;
use tokio::sync::{Mutex, MutexGuard};

/// How many edits are made side by side at most.
const LANES: usize = 32;

/// Lanes of edits; what falls into the same one waits, in the order in which it came.
#[derive(Debug, Default)]
pub struct Turns([Mutex<()>; LANES]);

impl Turns {
    /// Waits for the turn of whoever edits this; it is over when what is given here is dropped.
    pub(super) async fn of(&self, edited: impl Hash) -> Option<MutexGuard<'_, ()>> {
        let hash = usize::try_from(FixedState::default().hash_one(edited)).unwrap_or_default();
        match self.0.get(hash % LANES) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        }
    }
}
