//! The task that asks destinations in turn, and tells what became of them.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::knock::{Knocker, Trouble};
use super::metrics::Results;
use super::rounds::{DESTINATIONS_MAX, Pace, Rounds, Verdict};
use crate::domain::destination::Destination;
use crate::domain::time::Timestamp;
use crate::routing::live::Live;
use crate::telemetry::Clock;

/// How often it is looked for destinations that came or went.
const LOOK: Duration = Duration::from_secs(1);

/// Asks destinations until it is dropped, on a runtime that serves no calls.
#[derive(Debug)]
pub struct Prober {
    live: Live,
    knocker: Knocker,
    results: Results,
    clock: Clock,
    rounds: Rounds,
    rng: StdRng,
    followed: Vec<Destination>,
}

impl Prober {
    /// Asks at a pace and tells the tables in force; the seed should be random.
    #[must_use]
    pub fn new(
        live: Live,
        knocker: Knocker,
        pace: Pace,
        results: Results,
        clock: Clock,
        seed: [u8; 32],
    ) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let mut spread = [0; 32];
        rng.fill_bytes(&mut spread);
        let rounds = Rounds::new(pace, spread);
        Self { live, knocker, results, clock, rounds, rng, followed: Vec::new() }
    }

    /// Does so without end.
    pub async fn run(mut self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked = JoinSet::new();
        loop {
            while let Some(destination) = self.rounds.next(self.now()) {
                let (knocker, random) = (self.knocker.clone(), self.random());
                asked.spawn(async move {
                    let result = knocker.ask(&destination, random).await;
                    (destination, result)
                });
            }
            let wait = self.rounds.wakes_at().map(|due| due.0.saturating_sub(self.now().0).max(1));
            let turn = async move {
                match wait.and_then(|ms| u64::try_from(ms).ok()) {
                    Some(ms) => sleep(Duration::from_millis(ms)).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                _ = looks.tick() => self.look(),
                Some(done) = asked.join_next() => match done {
                    Ok((destination, result)) => self.answered(&destination, result),
                    Err(why) => tracing::error!(error = %why, "a probe broke off"),
                },
                () = turn => {}
            }
        }
    }

    /// Follows what the tables in force lead to.
    fn look(&mut self) {
        let destinations = self.live.snapshot().health().destinations();
        if destinations == self.followed {
            return;
        }
        let left_out = self.rounds.left_out();
        self.rounds.follow(&destinations, self.now());
        if left_out == 0 && self.rounds.left_out() > 0 {
            tracing::warn!(
                targets = destinations.len(),
                "only {DESTINATIONS_MAX} targets are probed; the others count as up"
            );
        }
        self.followed = destinations;
    }

    fn answered(&mut self, destination: &Destination, result: Result<(), Trouble>) {
        self.results.count(&result);
        let verdict = self.rounds.answered(destination, result.is_ok(), self.now());
        let table = self.live.snapshot();
        match (verdict, result) {
            (Verdict::Up, _) => {
                if table.health().tell(destination, Ok(())) {
                    tracing::info!(target_address = %destination, "a target is up again");
                }
            }
            (Verdict::Down, Err(why)) => {
                let cause: Arc<str> = why.to_string().into();
                let since = Timestamp(self.clock.now_ms());
                if table.health().tell(destination, Err((since, Arc::clone(&cause)))) {
                    tracing::info!(target_address = %destination, %cause, "a target is down");
                }
            }
            (Verdict::Down, Ok(())) | (Verdict::AsBefore, _) => {}
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.steady_ms())
    }

    fn random(&mut self) -> u128 {
        u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64())
    }
}
