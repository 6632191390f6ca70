//! What all workers of the call plane share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::asker::Doorkeeper;
use super::meters::{Meters, Tally};
use super::numbering::Numbering;
use super::webhooks::Webhooks;
use crate::domain::time::Timestamp;
use crate::http::limits::Limits;
use crate::routing::live::Live;
use crate::routing::switchboard::Switchboard;
use crate::routing::token::TokenKeys;
use crate::telemetry::Clock;

/// What a call plane is made of.
#[derive(Debug)]
pub struct Parts {
    /// The table in force.
    pub live: Live,
    /// Calls in progress, tokens, series.
    pub switchboard: Arc<Switchboard>,
    /// Who may ask.
    pub doorkeeper: Doorkeeper,
    /// Who asks in a form of its own.
    pub webhooks: Webhooks,
    /// The time, by [`Clock::steady_ms`].
    pub clock: Clock,
    /// What a request may take.
    pub limits: Arc<Limits>,
    /// Largest body of a batch; of other requests it is in the limits.
    pub batch_bytes_max: usize,
    /// Requests are turned away while a worker comes later than this to what is ready for it.
    pub lag_max: Duration,
}

/// The call plane: everything its workers share.
#[derive(Debug)]
pub struct CallPlane {
    pub(super) parts: Parts,
    pub(super) meters: Meters,
    /// Counts what no worker learns of.
    sweeper: Mutex<Tally>,
}

impl CallPlane {
    /// A call plane with nothing counted yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let meters = Meters::new(parts.doorkeeper.gateways.labels());
        let sweeper = Mutex::new(meters.tally());
        Self { parts, meters, sweeper }
    }

    /// What is counted, for a registry.
    #[must_use]
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// What signs and checks tokens, to be given other keys.
    #[must_use]
    pub fn token_keys(&self) -> &TokenKeys {
        &self.parts.switchboard.tokens
    }

    /// The numbering plans of the gateways and trunks, if any of them has a country.
    #[must_use]
    pub const fn numbering(&self) -> Option<&Numbering> {
        self.parts.doorkeeper.gateways.numbering()
    }

    /// How many calls are in progress.
    #[must_use]
    pub fn in_progress(&self) -> usize {
        self.parts.switchboard.calls.in_progress()
    }

    /// The time as the plane's calls know it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.parts.clock.steady_ms())
    }

    /// Ends calls that lasted too long, and lets go of ended calls, of series, bodies and tables that nobody uses;
    /// for a clock to call every few seconds. How many calls were ended.
    ///
    /// Cost: a pass over all calls, some microseconds for each of a thousand shards; workers wait for one shard at most.
    pub fn sweep(&self, now: Timestamp) -> usize {
        let Parts { live, switchboard, .. } = &self.parts;
        let ended = switchboard.calls.sweep(now);
        let mut tally = self.sweeper.lock().unwrap_or_else(PoisonError::into_inner);
        for leg in &ended {
            tally.ended(leg);
        }
        drop(tally);
        let count = ended.len();
        // What is held here would keep its series from ending.
        drop(ended);
        live.sweep();
        switchboard.shelf.sweep();
        let table = live.snapshot();
        table.capacities().sweep();
        table.health().sweep();
        drop(table);
        self.meters.sweep(&switchboard.series, now);
        count
    }
}
