//! Which targets are down, as whoever probes them says.
//!
//! Tables that follow each other share this. Targets of one destination are up or down together, whichever agent and
//! version they are of: so what a version brings that was not there before is known at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use foldhash::fast::FixedState;

use crate::domain::destination::{Destination, Reach, Trouble};
use crate::domain::endpoint::Endpoint;
use crate::domain::id::{AgentId, VersionNumber};
use crate::domain::time::Timestamp;

/// The destinations that calls may be sent to: all of them up until somebody says otherwise.
#[derive(Debug, Default)]
pub struct Health {
    targets: Mutex<HashMap<Destination, Weak<TargetHealth>, FixedState>>,
}

/// Whether a target is up.
#[derive(Debug, Default)]
pub struct TargetHealth {
    /// What decisions look at.
    down: AtomicBool,
    reach: Mutex<Reach>,
}

impl TargetHealth {
    /// Whether it is down. Cost: a load.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// What is known of it. Takes a lock: for whoever explains.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.lock().clone()
    }

    /// Whether what is said now is another state than before.
    fn tell(&self, said: Result<(), (Timestamp, Arc<str>)>) -> bool {
        let mut reach = self.lock();
        let was_down = matches!(*reach, Reach::Down(_));
        let is_down = said.is_err();
        *reach = match (said, &*reach) {
            (Ok(()), _) => Reach::Up,
            (Err((_, cause)), Reach::Down(Trouble { since, .. })) => {
                Reach::Down(Trouble { since: *since, cause })
            }
            (Err((since, cause)), _) => Reach::Down(Trouble { since, cause }),
        };
        self.down.store(is_down, Ordering::Relaxed);
        was_down != is_down
    }

    fn lock(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    /// Every destination there is, in order: what is to be probed.
    #[must_use]
    pub fn destinations(&self) -> Vec<Destination> {
        self.known().into_iter().map(|(destination, _)| destination).collect()
    }

    /// Every destination there is, in order, and what is known of it.
    #[must_use]
    pub fn reaches(&self) -> Vec<(Destination, Reach)> {
        self.known().into_iter().map(|(destination, target)| (destination, target.reach())).collect()
    }

    /// Says that a destination answers, or from when and why it does not; whether it was the other way round before.
    ///
    /// Holds for every decision that begins after it. Of one that is down already the first moment stays, and the cause
    /// becomes the last one. One that nothing leads to is none.
    pub fn tell(&self, destination: &Destination, said: Result<(), (Timestamp, Arc<str>)>) -> bool {
        let known = self.lock().get(destination).and_then(Weak::upgrade);
        known.is_some_and(|target| target.tell(said))
    }

    /// The health of the endpoints of a version, in their order. Takes a lock: not for the decision.
    #[must_use]
    pub(super) fn of(
        &self,
        endpoints: &[Endpoint],
        agent: &AgentId,
        version: Option<VersionNumber>,
    ) -> Box<[Arc<TargetHealth>]> {
        let destination = |endpoint: &Endpoint| Destination::of(&endpoint.uri.for_version(agent, version));
        let destinations: Vec<_> = endpoints.iter().map(destination).collect();
        let mut targets = self.lock();
        let target = |destination: Option<Destination>| {
            // Of what has no destination nobody can say anything.
            let Some(destination) = destination else { return Arc::default() };
            let held = targets.entry(destination).or_default();
            held.upgrade().unwrap_or_else(|| {
                let target = Arc::new(TargetHealth::default());
                *held = Arc::downgrade(&target);
                target
            })
        };
        destinations.into_iter().map(target).collect()
    }

    /// Forgets destinations that no version has any more.
    pub fn sweep(&self) {
        self.lock().retain(|_, target| target.strong_count() > 0);
    }

    fn known(&self) -> Vec<(Destination, Arc<TargetHealth>)> {
        let known = |(destination, target): (&Destination, &Weak<TargetHealth>)| {
            Some((destination.clone(), target.upgrade()?))
        };
        let mut all: Vec<_> = self.lock().iter().filter_map(known).collect();
        all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Destination, Weak<TargetHealth>, FixedState>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::endpoint::EndpointTemplate;

    fn endpoint(uri: &str) -> Endpoint {
        Endpoint { uri: EndpointTemplate::parse(uri).unwrap(), priority: 0, weight: 1 }
    }

    fn at(uri: &str) -> Destination {
        Destination::of(uri).unwrap()
    }

    fn down(targets: &[Arc<TargetHealth>]) -> Vec<bool> {
        targets.iter().map(|target| target.is_down()).collect()
    }

    #[test]
    fn targets_of_one_destination_share_its_health_and_nobody_probes_what_is_gone() {
        let health = Health::default();
        let sales = AgentId::parse("sales").unwrap();
        let shared = endpoint("sip:{agent}.v{version}@10.0.0.1;arm={arm}");
        let (own, nowhere) = (endpoint("wss://v{version}.example/{callId}"), endpoint("tel:+14155550100"));
        let one = health.of(&[shared.clone(), own.clone(), nowhere], &sales, VersionNumber::new(1));
        let two = health.of(&[own, shared], &sales, VersionNumber::new(2));
        let shown: Vec<_> = health.destinations().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["sip:10.0.0.1:5060", "wss://v1.example:443", "wss://v2.example:443"]);
        let silent = || Err((Timestamp(1), "no answer".into()));
        assert!(health.tell(&at("sip:10.0.0.1"), silent()) && !health.tell(&at("sip:10.0.0.2"), silent()));
        assert_eq!((down(&one), down(&two)), (vec![true, false, false], vec![false, true]));
        let three = health.of(&[endpoint("sip:new@10.0.0.1")], &sales, VersionNumber::new(3));
        assert_eq!(down(&three), [true], "known before it was there");
        assert!(health.tell(&at("sip:10.0.0.1"), Ok(())) && !one[0].is_down());
        drop(two);
        health.sweep();
        assert_eq!(health.destinations().len(), 2);
    }

    #[test]
    fn what_is_down_is_so_since_it_went_down_for_the_last_cause_and_only_a_turn_is_news() {
        let health = Health::default();
        let sales = AgentId::parse("sales").unwrap();
        let _held = health.of(&[endpoint("sip:h")], &sales, None);
        let (h, reach) = (at("sip:h"), || health.reaches().remove(0).1);
        assert_eq!(reach(), Reach::Unknown);
        assert!(!health.tell(&h, Ok(())), "it counted as up");
        assert_eq!(reach(), Reach::Up);
        assert!(health.tell(&h, Err((Timestamp(5), "no answer".into()))));
        assert!(!health.tell(&h, Err((Timestamp(9), "refused".into()))));
        assert_eq!(reach(), Reach::Down(Trouble { since: Timestamp(5), cause: "refused".into() }));
        assert!(health.tell(&h, Ok(())) && !health.tell(&h, Ok(())));
    }
}
