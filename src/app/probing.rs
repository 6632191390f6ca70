//! The probes of targets, as the settings want them.

use std::io;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::run::outgoing;
use super::{AppError, random_bytes};
use crate::gateways::probing::knock::{Knocker, Web};
use crate::gateways::probing::metrics::{Results, TargetMetrics};
use crate::gateways::probing::prober::Prober;
use crate::gateways::probing::rounds::Pace;
use crate::routing::live::Live;
use crate::settings::Settings;
use crate::settings::meant::Probes;
use crate::telemetry::{Clock, Registry};

/// Probes the targets of the tables in force, on this runtime; nothing where the settings want none. The metrics are there
/// in any case.
pub(super) fn start(
    settings: &Settings,
    live: &Live,
    registry: &Registry,
    clock: &Clock,
) -> Result<Option<JoinHandle<()>>, AppError> {
    let results = Results::default();
    registry.add(TargetMetrics { live: live.clone(), results: results.clone() })?;
    let Some(Probes { interval, timeout, fall, rise, http_path }) = &settings.probes else { return Ok(None) };
    let web = |path: &str| Web { path: path.into(), outgoing: Arc::new(outgoing(settings)) };
    let knocker = Knocker::new(*timeout, http_path.as_deref().map(web)).map_err(io::Error::other)?;
    let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    let pace = Pace { interval_ms, fall: *fall, rise: *rise };
    let prober = Prober::new(live.clone(), knocker, pace, results, clock.clone(), random_bytes());
    Ok(Some(tokio::spawn(prober.run())))
}
