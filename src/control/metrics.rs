//! What control counts of itself.

crate::metrics! {
    /// Changes of the configuration.
    pub struct ConfigMetrics {
        /// Revision of the configuration in force.
        pub config_revision: IntGauge,
        /// Tables that were replaced by newer ones.
        pub config_swaps_total: IntCounter,
        /// Readings of the route and agent files that changed nothing because of a fault.
        pub config_reload_failures_total: IntCounter,
        /// When the route and agent files were last applied, or found unchanged, in seconds since the epoch.
        pub config_last_reload_success_timestamp_seconds: IntGauge,
        /// Parts that take changes or follow the files and have broken off: nothing changes until a restart.
        pub config_parts_lost_total: IntCounter,
        /// Routed numbers by what they are pinned to: draft, version, environment or split.
        pub numbers: IntGaugeVec["pin_kind"],
    }
}
