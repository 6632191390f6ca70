//! Which targets are down, as whoever probes them says.
//!
//! Tables that follow each other share this. A target is known by its URI as far as that is the same for every call of
//! a version: `{agent}` and `{version}` are filled in, `{arm}` and `{callId}` are not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use foldhash::fast::FixedState;

use crate::domain::endpoint::Endpoint;
use crate::domain::id::{AgentId, VersionNumber};

/// The targets that calls may be sent to: all of them up until somebody says otherwise.
#[derive(Debug, Default)]
pub struct Health {
    targets: Mutex<HashMap<Box<str>, Weak<TargetHealth>, FixedState>>,
}

/// Whether a target is up.
#[derive(Debug, Default)]
pub struct TargetHealth {
    down: AtomicBool,
}

impl TargetHealth {
    /// Whether it is down. Cost: a load.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }
}

impl Health {
    /// Every target there is: what is to be probed.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        let targets = self.lock();
        let known = targets.iter().filter(|(_, target)| target.strong_count() > 0);
        let mut known: Vec<String> = known.map(|(uri, _)| uri.to_string()).collect();
        known.sort_unstable();
        known
    }

    /// Says whether a target is up; `false` where there is no such target. Holds for every decision that begins after it.
    pub fn tell(&self, target: &str, up: bool) -> bool {
        let known = self.lock().get(target).and_then(Weak::upgrade);
        known.is_some_and(|known| {
            known.down.store(!up, Ordering::Relaxed);
            true
        })
    }

    /// The health of the endpoints of a version, in their order. Takes a lock: not for the decision.
    #[must_use]
    pub(super) fn of(
        &self,
        endpoints: &[Endpoint],
        agent: &AgentId,
        version: Option<VersionNumber>,
    ) -> Box<[Arc<TargetHealth>]> {
        let mut targets = self.lock();
        let target = |endpoint: &Endpoint| {
            let held = targets.entry(endpoint.uri.for_version(agent, version).into()).or_default();
            held.upgrade().unwrap_or_else(|| {
                let target = Arc::new(TargetHealth::default());
                *held = Arc::downgrade(&target);
                target
            })
        };
        endpoints.iter().map(target).collect()
    }

    /// Forgets targets that no version has any more.
    pub fn sweep(&self) {
        self.lock().retain(|_, target| target.strong_count() > 0);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Weak<TargetHealth>, FixedState>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::endpoint::EndpointTemplate;

    #[test]
    fn versions_that_share_a_target_share_its_health_and_nobody_probes_what_is_gone() {
        let health = Health::default();
        let endpoint =
            |uri: &str| Endpoint { uri: EndpointTemplate::parse(uri).unwrap(), priority: 0, weight: 1 };
        let (shared, own) = (endpoint("sip:10.0.0.1"), endpoint("sip:{agent}.v{version}@h;arm={arm}"));
        let sales = AgentId::parse("sales").unwrap();
        let one = health.of(&[shared.clone(), own.clone()], &sales, VersionNumber::new(1));
        let two = health.of(&[own, shared], &sales, VersionNumber::new(2));
        assert_eq!(
            health.targets(),
            ["sip:10.0.0.1", "sip:sales.v1@h;arm={arm}", "sip:sales.v2@h;arm={arm}"]
        );
        assert!(health.tell("sip:10.0.0.1", false) && !health.tell("sip:10.0.0.2", false));
        let down = |target: &[Arc<TargetHealth>]| target.iter().map(|t| t.is_down()).collect::<Vec<_>>();
        assert_eq!((down(&one), down(&two)), (vec![true, false], vec![false, true]));
        assert!(health.tell("sip:10.0.0.1", true) && !one[0].is_down());
        drop(two);
        health.sweep();
        assert_eq!(health.targets().len(), 2);
    }
}
