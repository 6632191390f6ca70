//! What is counted of certificates.

use crate::http::tls::Validity;

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
