//! Brings configurations from the store to those who have no way to it.
//!
//! A call's token may name a version that serves nowhere any more. The call goes on at once; its configuration follows.

use std::io;
use std::sync::Arc;
use std::thread;

use super::alarm::Alarm;
use crate::routing::shelf::Shelf;
use crate::store::port::ControlStore;

/// Fetches what calls ask the shelf for, until the shelf is gone.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn fetch_wanted(shelf: &Arc<Shelf>, store: Arc<dyn ControlStore>, alarm: Alarm) -> io::Result<()> {
    let wanted = shelf.wanted();
    // The shelf holds the other end: holding the shelf here would keep both for ever.
    let shelf = Arc::downgrade(shelf);
    thread::Builder::new().name("cordboard-bodies".to_owned()).spawn(move || {
        // Held by the thread: it rings if this unwinds.
        let _alarm = alarm;
        let bodies = |hash| match store.body(hash) {
            Ok(body) => body,
            Err(why) => {
                tracing::error!(error = ?why, "a configuration could not be read");
                None
            }
        };
        while let Ok(wanted) = wanted.recv() {
            let Some(shelf) = shelf.upgrade() else { return };
            shelf.fetch(&wanted, &bodies);
        }
    })?;
    Ok(())
}
