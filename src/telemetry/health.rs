//! Whether the process lives, and whether it should be given calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Named conditions that must all hold before the process is ready; clones are the same health.
///
/// Whoever owns a condition says when it begins or ceases to hold. Since a call is answered with the store, the network
/// or the files broken, only what makes the node useless for calls belongs here, and what only a restart can mend.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// `None` where a condition holds.
    conditions: BTreeMap<&'static str, Option<String>>,
    draining: bool,
}

/// What a probe is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// HTTP status: 200, or 503 where it should not be given calls.
    pub status: u16,
    /// JSON.
    pub body: String,
}

impl Health {
    /// Health that waits for each of `conditions` to be [`set`](Self::set).
    #[must_use]
    pub fn awaiting(conditions: &[&'static str]) -> Self {
        let health = Self::default();
        for condition in conditions {
            health.set(condition, Err("not yet".to_owned()));
        }
        health
    }

    /// Says that a condition holds, or why it does not, in words that anybody may read.
    pub fn set(&self, condition: &'static str, state: Result<(), String>) {
        self.inner().conditions.insert(condition, state.err());
    }

    /// Says that the process finishes the calls it has and wants no new ones; for good.
    pub fn drain(&self) {
        self.inner().draining = true;
    }

    /// Whether all conditions hold and nothing is being drained.
    #[must_use]
    pub fn ready(&self) -> bool {
        let inner = self.inner();
        !inner.draining && inner.conditions.values().all(Option::is_none)
    }

    /// Whether the process finishes the calls it has.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.inner().draining
    }

    /// What is in the way of being ready, by condition.
    #[must_use]
    pub fn reasons(&self) -> BTreeMap<&'static str, String> {
        let inner = self.inner();
        let failed = inner.conditions.iter();
        failed.filter_map(|(condition, reason)| Some((*condition, reason.clone()?))).collect()
    }

    /// What `/healthz` answers: that somebody is there to answer.
    #[must_use]
    pub fn live(&self) -> Report {
        Report { status: 200, body: r#"{"status":"ok"}"#.to_owned() }
    }

    /// What `/readyz` answers: whether to send calls here, and what is in the way.
    #[must_use]
    pub fn readiness(&self) -> Report {
        let reasons = self.reasons();
        let (status, word) = match (self.draining(), reasons.is_empty()) {
            (true, _) => (503, "draining"),
            (false, true) => (200, "ready"),
            (false, false) => (503, "unready"),
        };
        // Maps of texts always become JSON.
        let body = serde_json::to_string(&Readiness { status: word, reasons }).unwrap_or_default();
        Report { status, body }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reasons: BTreeMap<&'static str, String>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Health").field(&self.readiness().body).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ready_before_every_condition_holds() {
        let health = Health::awaiting(&["calls", "table"]);
        health.set("table", Ok(()));
        assert!(!health.ready());
        let report = health.readiness();
        assert_eq!(report.status, 503);
        assert_eq!(report.body, r#"{"status":"unready","reasons":{"calls":"not yet"}}"#);
        health.clone().set("calls", Ok(()));
        assert!(health.ready());
        assert_eq!(health.readiness(), Report { status: 200, body: r#"{"status":"ready"}"#.to_owned() });
    }

    #[test]
    fn a_condition_can_cease_to_hold() {
        let health = Health::awaiting(&[]);
        assert!(health.ready());
        health.set("listener", Err("port \"8700\" lost".to_owned()));
        assert_eq!(
            health.readiness().body,
            r#"{"status":"unready","reasons":{"listener":"port \"8700\" lost"}}"#
        );
    }

    #[test]
    fn what_drains_lives_but_is_ready_no_more() {
        let health = Health::awaiting(&[]);
        health.drain();
        assert!(!health.ready());
        assert_eq!(health.readiness(), Report { status: 503, body: r#"{"status":"draining"}"#.to_owned() });
        assert_eq!(health.live(), Report { status: 200, body: r#"{"status":"ok"}"#.to_owned() });
    }
}
