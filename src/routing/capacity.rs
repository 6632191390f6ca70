//! How many calls an arm or an agent has in progress, where it may have only so many.
//!
//! A count belongs to what is limited, not to a table: tables that follow each other share it, and so do calls that
//! began under an older one. What has no limit has no count, and is not counted.

mod claim;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use foldhash::fast::FixedState;

pub use claim::Claim;

use crate::domain::agent::AgentRef;
use crate::domain::change::SplitRef;
use crate::domain::id::ArmId;
use crate::domain::time::Timestamp;

/// What can be limited.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limited {
    /// All that an agent serves.
    Agent(AgentRef),
    /// What an arm serves.
    Arm {
        /// Its split.
        split: SplitRef,
        /// [Which one](crate::domain::split::Split::birth) of the split's id it is.
        birth: (u64, Timestamp),
        /// Its id.
        arm: ArmId,
    },
}

/// The counts of all that is limited, and of what was until its last call ends.
#[derive(Debug, Default)]
pub struct Capacities {
    counts: Mutex<HashMap<Limited, Weak<Count>, FixedState>>,
}

/// A count. What it is of is told by whoever keeps it.
#[derive(Debug, Default)]
struct Count {
    calls: AtomicU32,
    turned_away: AtomicU64,
}

/// How many calls something may have in progress, and its count. Clones share the count.
#[derive(Debug, Clone)]
pub struct Capacity {
    calls_max: u32,
    count: Arc<Count>,
}

/// A call's place among those in progress: given back when it is dropped.
#[derive(Debug)]
pub struct Place(Arc<Count>);

/// The places that a call takes up: none where nothing of it is limited.
#[derive(Debug, Default)]
pub struct Places {
    arm: Option<Place>,
    agent: Option<Place>,
}

/// Which of two limits is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The arm's, of so many calls.
    Arm(u32),
    /// The agent's, of so many calls.
    Agent(u32),
}

impl Capacities {
    /// The capacity of something that may have so many calls. Takes a lock: for whoever makes tables.
    #[must_use]
    pub fn of(&self, what: Limited, calls_max: u32) -> Capacity {
        let mut counts = self.lock();
        let held = counts.entry(what).or_default();
        let count = held.upgrade().unwrap_or_else(|| {
            let count = Arc::new(Count::default());
            *held = Arc::downgrade(&count);
            count
        });
        Capacity { calls_max, count }
    }

    /// How many calls found no place, by what had none, in order.
    #[must_use]
    pub fn turned_away(&self) -> Vec<(Limited, u64)> {
        let counts = self.lock();
        let held = counts.iter().filter_map(|(what, count)| Some((what, count.upgrade()?)));
        let mut told: Vec<_> =
            held.map(|(what, count)| (what.clone(), count.turned_away.load(Ordering::Relaxed))).collect();
        told.sort_unstable();
        told
    }

    /// Forgets counts that nobody has any more.
    pub fn sweep(&self) {
        self.lock().retain(|_, count| count.strong_count() > 0);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Limited, Weak<Count>, FixedState>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Capacity {
    /// How many calls there may be.
    #[must_use]
    pub fn calls_max(&self) -> u32 {
        self.calls_max
    }

    /// How many calls there are.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.count.calls.load(Ordering::Relaxed)
    }

    /// Whether there is no place left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.calls() >= self.calls_max
    }

    /// Takes a place if there is one: never more than there are, however many ask at once. Cost: an atomic exchange.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        let next = |calls: u32| (calls < self.calls_max).then(|| calls + 1);
        let taken = self.count.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.is_ok().then(|| Place(Arc::clone(&self.count)))
    }

    /// Whether a place is one of its own.
    fn gave(&self, place: &Option<Place>) -> bool {
        place.as_ref().is_some_and(|place| Arc::ptr_eq(&place.0, &self.count))
    }

    fn turn_away(&self) {
        self.count.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether both count the same calls.
    #[cfg(test)]
    pub(super) fn shares_count(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.count, &other.count)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    /// What is full of an arm and its agent; takes nothing.
    #[must_use]
    pub fn lacking(arm: Option<&Capacity>, agent: Option<&Capacity>) -> Option<Full> {
        let full = |capacity: &&Capacity| capacity.is_full();
        arm.filter(full)
            .map(|arm| Full::Arm(arm.calls_max))
            .or_else(|| agent.filter(full).map(|agent| Full::Agent(agent.calls_max)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::id::{AccountId, AgentId};

    fn agent(id: &str) -> Limited {
        Limited::Agent(AgentRef { account: AccountId::first(), agent: AgentId::parse(id).unwrap() })
    }

    #[test]
    fn a_count_outlives_its_limit_while_a_call_holds_a_place_and_no_longer() {
        let capacities = Capacities::default();
        let place = capacities.of(agent("sales"), 1).take().unwrap();
        capacities.sweep();
        assert!(capacities.of(agent("sales"), 1).is_full(), "the limit went and came again");
        assert!(!capacities.of(agent("reception"), 1).is_full());
        drop(place);
        capacities.sweep();
        assert!(capacities.lock().is_empty());
        assert_eq!(capacities.of(agent("sales"), 1).calls(), 0);
    }

    #[test]
    fn who_finds_the_agent_full_gives_the_place_of_the_arm_back() {
        let capacities = Capacities::default();
        let (arm, full) = (capacities.of(agent("arm"), 5), capacities.of(agent("sales"), 0));
        let mut claim = Claim::default();
        assert_eq!(claim.admit(Some(&arm), Some(&full)), Some(Full::Agent(0)));
        assert_eq!((arm.calls(), capacities.turned_away()[1].1), (0, 1));
        claim.admit_as_free(Some(&arm), Some(&full));
        assert_eq!(arm.calls(), 1);
        drop(claim);
        assert_eq!(arm.calls(), 0);
    }

    #[test]
    fn places_that_a_call_has_are_its_own_until_it_is_settled_which_of_them_it_keeps() {
        let capacities = Capacities::default();
        let [arm, other, sales] = ["arm", "other", "sales"].map(|id| capacities.of(agent(id), 1));
        let calls = || [&arm, &other, &sales].map(Capacity::calls);
        let had = || {
            let mut first = Claim::default();
            assert_eq!(first.admit(Some(&arm), Some(&sales)), None);
            first.into_places()
        };
        let mut claim = Claim::with(had());
        assert_eq!(claim.admit(Some(&arm), Some(&sales)), None, "full of itself");
        assert_eq!(claim.admit(Some(&other), Some(&sales)), None);
        assert_eq!(calls(), [1, 1, 1], "nothing is given back yet");
        let places = claim.into_places();
        assert_eq!(calls(), [0, 1, 1]);
        drop(places);
        let mut claim = Claim::with(had());
        assert_eq!(claim.admit(Some(&other), Some(&sales)), None);
        let had = claim.into_had();
        assert_eq!(calls(), [1, 0, 1]);
        let mut looking = Claim::only_looking(had);
        assert_eq!(looking.admit(Some(&arm), Some(&sales)), None);
        let taken = other.take();
        assert_eq!(looking.admit(Some(&other), Some(&sales)), Some(Full::Arm(1)));
        assert_eq!(calls(), [1, 1, 1]);
        drop((taken, looking));
        assert_eq!(calls(), [0, 0, 0]);
    }

    #[test]
    fn no_race_takes_more_places_than_there_are() {
        let capacities = Capacities::default();
        let (above, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let takers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        // Each takes its capacity anew now and then, as after a patch.
                        for _ in 0..200 {
                            let capacity = capacities.of(agent("sales"), 3);
                            let mut held = Vec::new();
                            for _ in 0..50 {
                                held.extend(capacity.take());
                                above.fetch_or(capacity.calls() > 3, Ordering::Relaxed);
                                if held.len() > 1 {
                                    held.remove(0);
                                }
                            }
                        }
                    })
                })
                .collect();
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    capacities.sweep();
                }
            });
            takers.into_iter().for_each(|taker| taker.join().unwrap());
            stop.store(true, Ordering::Relaxed);
        });
        assert!(!above.load(Ordering::Relaxed));
        assert_eq!(capacities.of(agent("sales"), 3).calls(), 0);
    }

    proptest! {
        #[test]
        fn places_are_as_many_as_are_held_and_never_above_the_limit(
            steps in prop::collection::vec((any::<bool>(), 0..4u32), 0..60)
        ) {
            let capacities = Capacities::default();
            let mut held = Vec::new();
            for (takes, limit) in steps {
                let capacity = capacities.of(agent("sales"), limit);
                if takes {
                    let before = held.len();
                    held.extend(capacity.take());
                    prop_assert_eq!(held.len() > before, before < limit as usize);
                } else {
                    held.pop();
                }
                prop_assert_eq!(capacity.calls() as usize, held.len());
            }
        }
    }
}
