//! How many calls splits with a quota have had: kept across restarts, and written only when it has changed.
//!
//! Splits without a quota are counted too, but nothing depends on it, so that theirs begins at 0 with each start.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use crate::domain::change::SplitRef;
use crate::routing::table::RoutingTable;
use crate::store::error::StoreError;
use crate::store::port::ControlStore;

/// The counts as the store has them.
#[derive(Debug)]
pub(super) struct SplitCalls {
    saved: Mutex<BTreeMap<SplitRef, u64>>,
}

impl SplitCalls {
    /// Takes the counts of the store over into a table.
    pub(super) fn restore(store: &dyn ControlStore, table: &RoutingTable) -> Result<Self, StoreError> {
        let saved: BTreeMap<SplitRef, u64> = store.split_calls()?.into_iter().collect();
        for (split, calls) in &saved {
            if let Some(split) = table.split(split) {
                split.calls.store(*calls, Ordering::Relaxed);
            }
        }
        Ok(Self { saved: Mutex::new(saved) })
    }

    /// Writes the counts that differ from those of the store. Blocks on the disk if there are any.
    pub(super) fn save(&self, store: &dyn ControlStore, table: &RoutingTable) -> Result<(), StoreError> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let with_quota = table.splits().filter(|serving| serving.split.call_quota.is_some());
        let present: BTreeMap<SplitRef, u64> = with_quota
            .map(|serving| {
                let id = SplitRef { account: serving.split.account.clone(), split: serving.split.id.clone() };
                (id, serving.calls.load(Ordering::Relaxed))
            })
            .collect();
        let changed: Vec<(SplitRef, u64)> = present
            .iter()
            .filter(|(id, calls)| saved.get(id) != Some(calls))
            .map(|(id, calls)| (id.clone(), *calls))
            .collect();
        if !changed.is_empty() {
            store.save_split_calls(&changed)?;
        }
        *saved = present;
        Ok(())
    }
}
