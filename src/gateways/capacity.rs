//! What is counted of calls that found no place.

use crate::routing::capacity::Limited;
use crate::routing::live::Live;
use crate::telemetry::page::{Family, Kind, Labels, Page};
use crate::telemetry::registry::Source;

const OVER_CAPACITY: Family = Family {
    name: "cordboard_calls_over_capacity_total",
    help: "Calls that found an arm or an agent with as many calls in progress as it may have.",
    kind: Kind::Counter,
};

/// How often the limits of arms and agents were reached, in tables that follow each other.
#[derive(Debug)]
pub struct OverCapacity(pub Live);

impl Source for OverCapacity {
    fn families(&self) -> &[Family] {
        &[OVER_CAPACITY]
    }

    fn write(&self, page: &mut Page) {
        let mut lines = page.family(&OVER_CAPACITY);
        for (what, calls) in self.0.snapshot().capacities().turned_away() {
            lines.line(&labels(&what), calls);
        }
    }
}

/// Of an arm the split and the arm; of an agent neither.
fn labels(what: &Limited) -> Labels {
    let (account, agent, split, arm) = match what {
        Limited::Agent(id) => (&id.account, id.agent.as_str(), "", ""),
        Limited::Arm { split, arm, .. } => (&split.account, "", split.split.as_str(), arm.as_str()),
    };
    Labels::new(&[("account", account.as_str()), ("agent", agent), ("split", split), ("arm", arm)])
}
