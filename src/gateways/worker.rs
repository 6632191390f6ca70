//! One thread's way to a decision: its view of the table, its cells, its random numbers.

use std::cell::RefCell;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::meters::Tally;
use super::plane::CallPlane;
use crate::domain::time::Timestamp;
use crate::routing::live::LiveView;
use crate::routing::request::CallRequest;
use crate::routing::switchboard::{Answer, Occasion, Purpose, Standing};
use crate::routing::table::RoutingTable;
use crate::routing::trail::Trail;

/// What one thread asks with; every gateway's codec on that thread may share it.
#[derive(Debug)]
pub struct Worker {
    pub(super) plane: Arc<CallPlane>,
    view: RefCell<LiveView>,
    tally: RefCell<Tally>,
    rng: RefCell<StdRng>,
}

impl Worker {
    /// A worker; the seed should be random and no other worker's.
    #[must_use]
    pub fn new(plane: &Arc<CallPlane>, seed: [u8; 32]) -> Self {
        Self {
            view: RefCell::new(plane.parts.live.view()),
            tally: RefCell::new(plane.meters.tally()),
            rng: RefCell::new(StdRng::from_seed(seed)),
            plane: Arc::clone(plane),
        }
    }

    /// Looks at the table in force. Not to be called again from within, nor with [`Worker::ask`].
    pub fn with_table<R>(&self, look: impl FnOnce(&RoutingTable) -> R) -> R {
        look(self.view.borrow_mut().table())
    }

    /// Has a request answered, hands the answer to `then`, which writes it down, and counts it unless it is a dry run.
    pub fn ask<R>(
        &self,
        call: &CallRequest<'_>,
        occasion: Occasion,
        trail: &mut impl Trail,
        then: impl FnOnce(&Answer<'_>) -> R,
    ) -> R {
        let clock = &self.plane.parts.clock;
        let begun = clock.tick();
        let mut view = self.view.borrow_mut();
        self.plane.parts.switchboard.ask(view.table(), call, occasion, trail, |answer| {
            let written = then(answer);
            if occasion.purpose != Purpose::DryRun {
                let mut tally = self.tally.borrow_mut();
                tally.decided(call.gateway_row, &answer.decision.reason, clock.tick().since_ns(begun));
                if let Some(choice) = &answer.decision.choice {
                    match answer.standing {
                        Standing::Began => tally.started(&choice.served.series, call.gateway_row),
                        Standing::NotRemembered => {
                            tally.not_remembered(&choice.served.series, call.gateway_row);
                        }
                        Standing::InProgress | Standing::Passing => {}
                    }
                }
            }
            written
        })
    }

    /// An occasion of this moment, with an id that sorts by time (RFC 9562, version 7) and a draw.
    pub fn occasion(&self, purpose: Purpose) -> Occasion {
        let now = self.plane.now();
        let mut rng = self.rng.borrow_mut();
        let mut random = [0; 10];
        rng.fill_bytes(&mut random);
        let millis = u64::try_from(now.0).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Occasion { purpose, now, decision_id: id.as_u128(), draw: rng.next_u64() }
    }

    /// The id of a call or request that came without one.
    pub fn new_id(&self) -> String {
        let mut random = [0; 16];
        self.rng.borrow_mut().fill_bytes(&mut random);
        uuid::Builder::from_random_bytes(random).into_uuid().to_string()
    }

    /// Counts with this worker's cells.
    pub fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut self.tally.borrow_mut());
    }

    /// The time as calls know it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.plane.now()
    }
}
