//! Metrics, logs, health, the clock and who goes first: knows nothing of calls.
//!
//! Counting is cut in two, so that no worker ever waits for a scrape or for another worker:
//!
//! ```text
//!   worker 1 ── Cells ──┐   add, observe: a plain load and store in memory of its own
//!   worker 2 ── Cells ──┼── Series ── Source ── Registry ── text page
//!   worker n ── Cells ──┘   sums, labels     lines      /metrics
//! ```
//!
//! What changes rarely is declared with [`metrics!`](crate::metrics!) and may be shared.

pub mod cells;
mod chunks;
pub mod clock;
pub mod health;
pub mod histogram;
pub mod logs;
pub mod mask;
pub mod metrics;
pub mod page;
pub mod precedence;
pub mod process;
pub mod registry;
pub mod series;
pub mod shards;

pub use clock::Clock;
pub use health::Health;
pub use mask::mask;
pub use registry::Registry;

/// What can go wrong while metrics or logs are set up; nothing does afterwards.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A metric family that monitoring systems would refuse.
    #[error("metric family {name:?}: {why}")]
    Family {
        /// Name of the family.
        name: String,
        /// Which rule it breaks.
        why: String,
    },
    /// A level filter that cannot be read.
    #[error("log filter {filter:?}: {why}")]
    LogFilter {
        /// The filter as written.
        filter: String,
        /// What is wrong with it.
        why: String,
    },
    /// The process has a log already.
    #[error("logs are set up already")]
    LogsSetUp,
}
