//! How many calls splits with a quota have had: kept across restarts, and written only when it has changed.
//!
//! Splits without a quota are counted too, but nothing depends on it, so that theirs begins at 0 with each start. The
//! count of a split that was deleted says nothing of one that is made anew under its id.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use crate::domain::change::SplitRef;
use crate::domain::time::Timestamp;
use crate::routing::table::RoutingTable;
use crate::store::error::StoreError;
use crate::store::port::ControlStore;

/// The counts as the store has them.
#[derive(Debug)]
pub(super) struct SplitCalls {
    saved: Mutex<BTreeMap<SplitRef, Count>>,
}

/// How many calls a split has had, and [which one](crate::domain::split::Split::birth) of its id it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    birth: (u64, Timestamp),
    calls: u64,
}

impl SplitCalls {
    /// Takes the counts of the store over into a table.
    pub(super) fn restore(store: &dyn ControlStore, table: &RoutingTable) -> Result<Self, StoreError> {
        let mut saved = BTreeMap::new();
        for (id, calls) in store.split_calls()? {
            if let Some(serving) = table.split(&id) {
                serving.calls.store(calls, Ordering::Relaxed);
                saved.insert(id, Count { birth: serving.split.birth(), calls });
            }
        }
        Ok(Self { saved: Mutex::new(saved) })
    }

    /// Writes the counts that differ from those of the store. Blocks on the disk if there are any.
    pub(super) fn save(&self, store: &dyn ControlStore, table: &RoutingTable) -> Result<(), StoreError> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let with_quota = table.splits().filter(|serving| serving.split.call_quota.is_some());
        let present: BTreeMap<SplitRef, Count> = with_quota
            .map(|serving| {
                let id = SplitRef { account: serving.split.account.clone(), split: serving.split.id.clone() };
                let calls = serving.calls.load(Ordering::Relaxed);
                (id, Count { birth: serving.split.birth(), calls })
            })
            .collect();
        let changed: Vec<(SplitRef, u64)> = present
            .iter()
            .filter(|(id, count)| saved.get(id) != Some(count))
            .map(|(id, count)| (id.clone(), count.calls))
            .collect();
        if !changed.is_empty() {
            store.save_split_calls(&changed)?;
        }
        *saved = present;
        Ok(())
    }
}
