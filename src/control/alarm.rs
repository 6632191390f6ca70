//! What is told when a part of the room breaks off, which only a mistake of ours can cause.
//!
//! Calls go on being answered by the table in force. But no change arrives any more, so that this must not go unseen:
//! `/readyz` turns 503 and says why, and `cordboard_config_parts_lost_total` counts.

use std::sync::Arc;

use super::metrics::ConfigMetrics;
use crate::telemetry::Health;

/// Watches the part that holds it: rings if that panics.
pub(super) struct Alarm {
    /// The name in the reasons of `/readyz`.
    part: &'static str,
    /// What no longer happens.
    loss: &'static str,
    health: Health,
    metrics: Arc<ConfigMetrics>,
}

impl Alarm {
    pub(super) fn new(
        part: &'static str,
        loss: &'static str,
        health: &Health,
        metrics: &Arc<ConfigMetrics>,
    ) -> Self {
        Self { part, loss, health: health.clone(), metrics: Arc::clone(metrics) }
    }

    /// Tells that the part is lost.
    pub(super) fn ring(&self) {
        tracing::error!("{}: restart the router", self.loss);
        self.metrics.config_parts_lost_total.inc();
        self.health.set(self.part, Err(format!("{}: restart the router", self.loss)));
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ring();
        }
    }
}
