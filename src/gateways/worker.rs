//! One thread's way to a decision: its view of the table, its cells, its random numbers.

use std::cell::RefCell;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::meters::Tally;
use super::numbering::Numbering;
use super::plane::CallPlane;
use crate::domain::time::Timestamp;
use crate::routing::live::LiveView;
use crate::routing::request::CallRequest;
use crate::routing::switchboard::{Answer, Occasion, Purpose, Standing};
use crate::routing::table::RoutingTable;
use crate::routing::trail::Trail;
use crate::telemetry::clock::Tick;

/// When a request had been read: one look at the clock for all that is made of it.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time as calls know it.
    pub now: Timestamp,
    /// From where its answer's time is measured.
    tick: Tick,
}

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
        moment: Moment,
        trail: &mut impl Trail,
        then: impl FnOnce(&Answer<'_>) -> R,
    ) -> R {
        let mut view = self.view.borrow_mut();
        self.plane.parts.switchboard.ask(view.table(), call, occasion, trail, |answer| {
            let written = then(answer);
            if occasion.purpose != Purpose::DryRun && answer.standing != Standing::Hidden {
                let mut tally = self.tally.borrow_mut();
                let took_ns = self.since_ns(moment);
                tally.decided(call.gateway_row, &answer.decision, took_ns);
                if let Some(choice) = &answer.decision.choice {
                    match answer.standing {
                        Standing::Began => tally.started(&choice.served.series, call.gateway_row),
                        Standing::NotRemembered => {
                            tally.not_remembered(&choice.served.series, call.gateway_row);
                        }
                        Standing::TooManyLegs => tally.too_many_legs(),
                        Standing::Moved => {
                            if let Some(from) = &answer.moved_from {
                                tally.moved(from, &choice.served.series, call.gateway_row);
                            }
                        }
                        Standing::InProgress | Standing::Passing | Standing::Hidden => {}
                    }
                }
            }
            written
        })
    }

    /// This moment.
    #[must_use]
    pub fn moment(&self) -> Moment {
        let clock = &self.plane.parts.clock;
        let tick = clock.tick();
        Moment { now: Timestamp(clock.steady_ms_at(tick)), tick }
    }

    /// What the wall clock shows, for people to read.
    #[must_use]
    pub fn wall_time(&self) -> Timestamp {
        Timestamp(self.plane.parts.clock.now_ms())
    }

    /// How long ago a moment was, in nanoseconds.
    #[must_use]
    pub fn since_ns(&self, moment: Moment) -> u64 {
        self.plane.parts.clock.tick().since_ns(moment.tick)
    }

    /// The numbering plans of the gateways and trunks, if any of them has a country.
    #[must_use]
    pub fn numbering(&self) -> Option<&Numbering> {
        self.plane.numbering()
    }

    /// An occasion of a moment, with an id that sorts by time (RFC 9562, version 7) and a draw.
    #[must_use]
    pub fn occasion(&self, purpose: Purpose, now: Timestamp) -> Occasion {
        occasion(&mut self.rng.borrow_mut(), purpose, now)
    }

    /// The id of a call or request that came without one.
    pub fn new_id(&self) -> Uuid {
        let mut random = [0; 16];
        self.rng.borrow_mut().fill_bytes(&mut random);
        uuid::Builder::from_random_bytes(random).into_uuid()
    }

    /// Counts with this worker's cells.
    pub fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut self.tally.borrow_mut());
    }
}

/// An occasion with an id that sorts by time (RFC 9562, version 7) and a draw.
pub(super) fn occasion(rng: &mut StdRng, purpose: Purpose, now: Timestamp) -> Occasion {
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    let millis = u64::try_from(now.0).unwrap_or_default();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    Occasion { purpose, now, decision_id: id.as_u128(), draw: rng.next_u64() }
}
