//! Numbers that come by the million: what an import says, row by row, and what it comes to.
//!
//! ```text
//!   Rows --order--> each number once --State::weigh_import--> Import --State::land_import--> the next state
//!                                           |
//!                                           +--> facts, for the store to lay ready meanwhile
//! ```
//!
//! Weighing looks at every row and takes its time, on a state that is past when it is done. Landing costs what others have
//! changed since.

mod faults;
mod rows;

use std::fmt;
use std::sync::Arc;

use super::change::{StagedId, Touched};
use super::id::AgentId;
use super::route::Route;
use super::state::State;

pub use faults::{RowFault, RowFaults};
pub use rows::{Place, Rows, Said, SaidSite};

/// How many numbers an import makes, changes, and finds as they are to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Numbers that were not routed.
    pub created: usize,
    /// Numbers that had another route.
    pub updated: usize,
    /// Numbers that had this very route.
    pub unchanged: usize,
}

/// An import that was granted in some state.
pub struct Import {
    /// The rows, in order, each number once.
    pub(super) rows: Arc<Rows>,
    /// The agents that its author may see, where these are not all.
    pub(super) agents: Option<Vec<AgentId>>,
    /// The state that it was weighed on.
    pub(super) before: State,
    /// That state with the import in it; its revision is still the old one.
    pub(super) after: State,
    /// What it touched of that state.
    pub(super) touched: Touched,
    /// Every route that a row comes to, each once.
    pub(super) routes: Vec<Arc<Route>>,
    /// What it does to the numbers.
    pub(super) imported: Imported,
    /// How many numbers gain or lose a way to `live`.
    pub(super) live: usize,
    /// What the operator should know all the same.
    pub(super) warnings: Vec<String>,
    /// Where the store has its facts ready; nothing where it has none.
    pub staged: Option<StagedId>,
}

impl Import {
    /// What it would do to the numbers, were it to happen in the state that it was weighed on.
    #[must_use]
    pub fn imported(&self) -> Imported {
        self.imported
    }

    /// How many numbers would gain or lose a way to `live`, likewise.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live
    }

    /// What the operator should know although it was granted.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Debug for Import {
    /// Without its million rows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { imported, staged, .. } = self;
        f.debug_struct("Import").field("imported", imported).field("staged", staged).finish_non_exhaustive()
    }
}
