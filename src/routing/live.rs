//! The table in force.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use arc_swap::ArcSwap;
use arc_swap::cache::Cache;

use super::table::RoutingTable;

/// The one cell behind every decision. Cloning it shares it.
#[derive(Debug, Clone)]
pub struct Live {
    cell: Arc<ArcSwap<RoutingTable>>,
    /// Tables that were replaced but that a worker may still hold: freed here, never by the worker.
    retired: Arc<Mutex<Vec<Arc<RoutingTable>>>>,
}

/// A worker's view of the table in force: one comparison a call while nothing has changed.
#[derive(Debug, Clone)]
pub struct LiveView(Cache<Arc<ArcSwap<RoutingTable>>, Arc<RoutingTable>>);

impl LiveView {
    /// The table in force now. Cost: about 1 ns; 20 ns after a swap.
    pub fn table(&mut self) -> &RoutingTable {
        self.0.load()
    }
}

impl Live {
    /// A cell with a first table.
    #[must_use]
    pub fn new(table: RoutingTable) -> Self {
        Self { cell: Arc::new(ArcSwap::from_pointee(table)), retired: Arc::default() }
    }

    /// A view for one worker.
    #[must_use]
    pub fn view(&self) -> LiveView {
        LiveView(Cache::new(Arc::clone(&self.cell)))
    }

    /// The table in force, to keep. Cost: two reference counts; not for the call path.
    #[must_use]
    pub fn snapshot(&self) -> Arc<RoutingTable> {
        self.cell.load_full()
    }

    /// Puts a newer table in force; every decision that begins after this returns is made by it (or a still newer one).
    /// An older one, or one of the same revision, changes nothing and is answered with `false`.
    pub fn install(&self, table: RoutingTable) -> bool {
        let table = Arc::new(table);
        let mut newer = false;
        let before = self.cell.rcu(|current| {
            newer = table.revision > current.revision;
            Arc::clone(if newer { &table } else { current })
        });
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        if newer {
            retired.push(before);
        }
        retired.retain(|old| Arc::strong_count(old) > 1);
        newer
    }

    /// Frees replaced tables that no worker holds any more; for a clock to call.
    pub fn sweep(&self) {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).retain(|old| Arc::strong_count(old) > 1);
    }
}
