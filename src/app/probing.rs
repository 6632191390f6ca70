//! The probes of targets, as the settings want them.

use std::io;
use std::sync::Arc;

use super::{AppError, random_bytes};
use crate::gateways::probing::knock::{Knocker, Web};
use crate::gateways::probing::metrics::{Results, TargetMetrics};
use crate::gateways::probing::prober::Prober;
use crate::gateways::probing::rounds::Pace;
use crate::http::outgoing::Outgoing;
use crate::routing::live::Live;
use crate::settings::meant::Probes;
use crate::telemetry::{Clock, Registry};

/// What probes the targets of the tables in force; nothing where the settings want none. Its metrics are there in any
/// case.
pub(super) fn prober(
    probes: Option<&Probes>,
    outgoing: Outgoing,
    live: &Live,
    registry: &Registry,
    clock: &Clock,
) -> Result<Option<Prober>, AppError> {
    let results = Results::default();
    registry.add(TargetMetrics { live: live.clone(), results: results.clone() })?;
    let Some(Probes { interval, timeout, fall, rise, http_path }) = probes else { return Ok(None) };
    let outgoing = Arc::new(outgoing);
    let web = http_path.as_deref().map(|path| Web { path: path.into(), outgoing });
    let knocker = Knocker::new(*timeout, web).map_err(io::Error::other)?;
    let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    let pace = Pace { interval_ms, fall: *fall, rise: *rise };
    Ok(Some(Prober::new(live.clone(), knocker, pace, results, clock.clone(), random_bytes())))
}
