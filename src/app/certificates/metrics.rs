//! What is counted of certificates and handshakes.

use crate::http::tls::{HandshakeFault, Validity};
use crate::http::traffic::Traffic;
use crate::telemetry::page::{Family, Kind, Labels, Page};
use crate::telemetry::registry::Source;

crate::metrics! {
    /// What is counted of certificates.
    pub struct TlsMetrics {
        /// When the certificate of a listener expires, in seconds since the epoch.
        pub tls_certificate_expiry_timestamp_seconds: IntGaugeVec["listener"],
        /// Certificates that were taken from changed files.
        pub tls_reloads_total: IntCounterVec["listener"],
        /// Changes of certificate or key that were not taken because of a fault.
        pub tls_reload_failures_total: IntCounterVec["listener"],
    }
}

impl TlsMetrics {
    /// Shows the certificate in force, for each listener that has it.
    pub(super) fn show(&self, listeners: &[&'static str], validity: Validity) {
        for listener in listeners {
            self.tls_certificate_expiry_timestamp_seconds.with_label_values(&[listener]).set(validity.ends);
            // From the start, so that a first failure is an increase.
            self.tls_reloads_total.with_label_values(&[listener]).inc_by(0);
            self.tls_reload_failures_total.with_label_values(&[listener]).inc_by(0);
        }
    }

    pub(super) fn count_taken(&self, listeners: &[&'static str]) {
        listeners.iter().for_each(|listener| self.tls_reloads_total.with_label_values(&[listener]).inc());
    }

    pub(super) fn count_failed(&self, listeners: &[&'static str]) {
        listeners
            .iter()
            .for_each(|listener| self.tls_reload_failures_total.with_label_values(&[listener]).inc());
    }
}

/// Connections that came to no handshake, of the listeners that have TLS.
#[derive(Debug)]
pub(in crate::app) struct Handshakes {
    listeners: Vec<(Labels, Traffic)>,
}

const FAILURES: Family = Family {
    name: "cordboard_tls_handshake_failures_total",
    help: "Connections to a TLS listener that came to no handshake: plain (no TLS), slow or failed.",
    kind: Kind::Counter,
};

impl Handshakes {
    /// Those of these listeners.
    pub(in crate::app) fn of(listeners: impl Iterator<Item = (&'static str, Traffic)>) -> Self {
        let labelled = listeners.map(|(listener, traffic)| (Labels::new(&[("listener", listener)]), traffic));
        Self { listeners: labelled.collect() }
    }
}

impl Source for Handshakes {
    fn families(&self) -> &[Family] {
        &[FAILURES]
    }

    fn write(&self, page: &mut Page) {
        let mut lines = page.family(&FAILURES);
        for (labels, traffic) in &self.listeners {
            for kind in HandshakeFault::ALL {
                lines.line_with(labels, ("reason", kind.as_str()), traffic.handshake_faults(kind));
            }
        }
    }
}
