//! Metrics that change rarely and may be shared, declared as a struct whose doc comments are the help texts.

use prometheus::core::Collector;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use super::page::Kind;

/// A type of metric that [`metrics!`](crate::metrics!) can declare.
pub trait Metric: Collector + Clone + 'static {
    /// How its values behave.
    const KIND: Kind;

    /// Makes one, unregistered.
    ///
    /// # Errors
    /// When names are not valid, or labels are given to a metric that has none.
    fn make(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<Self>;
}

macro_rules! metric {
    ($metric:ty, $kind:ident, plain) => {
        impl Metric for $metric {
            const KIND: Kind = Kind::$kind;
            fn make(name: &str, help: &str, _: &[&str]) -> prometheus::Result<Self> {
                Self::new(name, help)
            }
        }
    };
    ($metric:ty, $kind:ident, labelled) => {
        impl Metric for $metric {
            const KIND: Kind = Kind::$kind;
            fn make(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<Self> {
                Self::new(Opts::new(name, help), labels)
            }
        }
    };
}

metric!(IntCounter, Counter, plain);
metric!(IntGauge, Gauge, plain);
metric!(Gauge, Gauge, plain);
metric!(IntCounterVec, Counter, labelled);
metric!(IntGaugeVec, Gauge, labelled);

/// Declares a struct of metrics and its `register(&Registry)`.
///
/// The name of a field is that of its family without `cordboard_`, its doc comment the help text; labels stand in
/// brackets behind the type. For paths where a few hundred nanoseconds do not matter.
///
/// ```
/// cordboard::metrics! {
///     /// What the cellar counts.
///     pub struct CellarMetrics {
///         /// Bottles opened.
///         pub bottles_opened_total: IntCounter,
///         /// Bottles there are, by colour.
///         pub bottles: IntGaugeVec["colour"],
///     }
/// }
///
/// let registry = cordboard::telemetry::Registry::new();
/// let metrics = CellarMetrics::register(&registry)?;
/// metrics.bottles.with_label_values(&["red"]).set(12);
/// assert!(registry.page().contains("cordboard_bottles{colour=\"red\"} 12"));
/// # Ok::<(), cordboard::telemetry::TelemetryError>(())
/// ```
#[macro_export]
macro_rules! metrics {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $help:literal])+
                $field_vis:vis $field:ident: $metric:ident $([$($label:literal),+])?
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $($(#[doc = $help])+ $field_vis $field: ::prometheus::$metric,)+
        }

        impl $name {
            /// Makes the metrics and adds them to a registry.
            ///
            /// # Errors
            /// When a name is taken, or not one that Prometheus wants.
            $vis fn register(
                registry: &$crate::telemetry::Registry,
            ) -> ::std::result::Result<Self, $crate::telemetry::TelemetryError> {
                Ok(Self {
                    $($field: registry.declare(
                        concat!("cordboard_", stringify!($field)),
                        concat!($($help),+).trim(),
                        &[$($($label),+)?],
                    )?,)+
                })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::telemetry::Registry;

    crate::metrics! {
        /// Metrics of a test.
        struct TestMetrics {
            /// Times a table
            /// was replaced.
            swaps_total: IntCounter,
            /// Numbers there are.
            numbers: IntGaugeVec["pin_kind"],
            /// When it last went well.
            last_success_timestamp_seconds: Gauge,
        }
    }

    #[test]
    fn a_doc_comment_is_the_help_text() {
        let registry = Registry::new();
        let metrics = TestMetrics::register(&registry).unwrap();
        metrics.swaps_total.inc();
        metrics.numbers.with_label_values(&["draft"]).set(3);
        metrics.last_success_timestamp_seconds.set(1.5);
        let page = registry.page();
        assert!(page.contains("# HELP cordboard_swaps_total Times a table was replaced.\n"), "{page}");
        assert!(page.contains("cordboard_swaps_total 1\n"), "{page}");
        assert!(page.contains("cordboard_numbers{pin_kind=\"draft\"} 3\n"), "{page}");
        assert!(page.contains("cordboard_last_success_timestamp_seconds 1.5\n"), "{page}");
    }

    #[test]
    fn the_same_metrics_cannot_be_registered_twice() {
        let registry = Registry::new();
        TestMetrics::register(&registry).unwrap();
        let twice = TestMetrics::register(&registry).unwrap_err().to_string();
        assert!(twice.contains("cordboard_swaps_total"), "{twice}");
    }
}
