//! What is counted of targets and probes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::knock::Trouble;
use crate::domain::destination::Reach;
use crate::routing::live::Live;
use crate::telemetry::page::{Family, Kind, Labels, Page};
use crate::telemetry::registry::Source;

/// Most destinations that have a line of their own: each is a series.
const NAMED_MAX: usize = 1_000;

const TARGETS: Family = Family {
    name: "cordboard_targets",
    help: "Targets of versions that serve or have calls, one for each host, port and transport, by state.",
    kind: Kind::Gauge,
};
const TARGET_UP: Family = Family {
    name: "cordboard_target_up",
    help: "Whether a target answers probes; of the first 1000 that were probed, by name.",
    kind: Kind::Gauge,
};
const PROBES: Family = Family {
    name: "cordboard_target_probes_total",
    help: "Probes of targets, by what came of them.",
    kind: Kind::Counter,
};

/// What came of a probe, as a label says it.
const RESULTS: [&str; 5] = ["answered", "unavailable", "silent", "unresolved", "unreachable"];

/// How many probes came to what; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Results(Arc<[AtomicU64; RESULTS.len()]>);

impl Results {
    /// Counts what came of a probe.
    pub fn count(&self, result: &Result<(), Trouble>) {
        let [answered, unavailable, silent, unresolved, unreachable] = &*self.0;
        let count = match result {
            Ok(()) => answered,
            Err(Trouble::Answered(_)) => unavailable,
            Err(Trouble::Silent) => silent,
            Err(Trouble::Nameless(_)) => unresolved,
            Err(Trouble::Unreachable(_)) => unreachable,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The targets of the tables in force, and their probes.
#[derive(Debug)]
pub struct TargetMetrics {
    /// Where the tables are.
    pub live: Live,
    /// What came of the probes.
    pub results: Results,
}

impl Source for TargetMetrics {
    fn families(&self) -> &[Family] {
        &[TARGETS, TARGET_UP, PROBES]
    }

    fn write(&self, page: &mut Page) {
        let reaches = self.live.snapshot().health().reaches();
        let count =
            |state: fn(&Reach) -> bool| reaches.iter().filter(|(_, reach)| state(reach)).count() as u64;
        let mut lines = page.family(&TARGETS);
        for (state, targets) in [
            ("up", count(|reach| *reach == Reach::Up)),
            ("down", count(|reach| matches!(reach, Reach::Down(_)))),
            ("unknown", count(|reach| *reach == Reach::Unknown)),
        ] {
            lines.line(&Labels::new(&[("state", state)]), targets);
        }
        let mut lines = page.family(&TARGET_UP);
        for (destination, reach) in
            reaches.iter().filter(|(_, reach)| *reach != Reach::Unknown).take(NAMED_MAX)
        {
            let labels = Labels::new(&[("target", &destination.to_string())]);
            lines.line(&labels, u64::from(*reach == Reach::Up));
        }
        let mut lines = page.family(&PROBES);
        for (result, count) in RESULTS.iter().zip(&*self.results.0) {
            lines.line(&Labels::new(&[("result", result)]), count.load(Ordering::Relaxed));
        }
    }
}
