//! Who decides a call that is not here yet: of all who ask for it at once, one after the other.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Mutexes that calls share by their keys. Many, so that two calls seldom wait for each other.
const TURNS: usize = 1_024;

/// The turns of all calls.
pub(super) struct Turns(Box<[Mutex<()>; TURNS]>);

/// The right to decide a call: nobody else does while this is held. For the time of one request, and never across an
/// await.
#[derive(Debug)]
pub struct Turn<'t> {
    _held: Option<MutexGuard<'t, ()>>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self(Box::new([const { Mutex::new(()) }; TURNS]))
    }

    /// Waits for the turn of the call of this key. Cost where nobody else has it: two atomic writes.
    pub(super) fn of(&self, key: u128) -> Turn<'_> {
        let place = usize::try_from(key % TURNS as u128).unwrap_or_default();
        let held = self.0.get(place).map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        Turn { _held: held }
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}
