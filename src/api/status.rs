//! `/v1/status` and `/v1/reload`: how the instance is, and whether the files are in force.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Management;
use super::answer::Answer;
use super::caller::Caller;
use super::fields::{Fields, Written};
use super::request::Body;
use crate::control::ControlError;
use crate::control::reload::Acceptance;
use crate::control::status::ReloadStatus;
use crate::domain::command::FILES_HELD;
use crate::domain::destination::{Destination, Reach, Trouble};
use crate::domain::fault::Fault;
use crate::domain::id::{ConfigHash, Revision};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use crate::http::tls::Identity;

/// How the instance is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// The last change that is in force.
    #[schema(value_type = u64)]
    revision: Revision,
    /// How the last reading of the files went.
    reload: ReloadView,
    /// What is wrong with the files as they are now.
    faults: Vec<FaultView>,
    /// Where the instance listens.
    listeners: ListenersView,
    /// The certificates by which the listeners speak TLS.
    certificates: CertificatesView,
    /// Whether changes can be kept.
    store: StoreView,
    /// Whether the file of the keys of tokens is as it should be.
    token_keys: TokenKeysView,
    /// Whether the targets of calls answer.
    targets: TargetsView,
    /// What is in the way of being ready, as `/readyz` tells it; empty where nothing is.
    unready: BTreeMap<&'static str, String>,
    /// Whether it finishes the calls it has and is about to end.
    draining: bool,
    /// Calls in progress on this node.
    calls_in_progress: usize,
    /// Numbers of all accounts.
    numbers: usize,
}

/// How the last reading of the files went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reload)]
pub struct ReloadView {
    /// When they were last looked at.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// When files were last taken, or found unchanged; null where that was before the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    taken_at: Option<Timestamp>,
    /// Whether the files as they are now are in force.
    ok: bool,
    /// Fingerprint of the set in force.
    #[schema(value_type = Option<String>)]
    hash: Option<ConfigHash>,
    /// Fingerprint of a set that waits to be accepted.
    #[schema(value_type = Option<String>)]
    held: Option<ConfigHash>,
    /// What the operator should know of the set in force.
    warnings: Vec<String>,
}

/// A mistake in a file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fault)]
pub struct FaultView {
    /// Which file.
    file: String,
    /// Which line, from 1; 0: the whole file.
    line: u32,
    /// Which column, from 1; 0: the whole line.
    column: u32,
    /// What is wrong.
    message: String,
    /// What would have been right.
    expected: String,
}

/// Where the instance listens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Listeners)]
pub struct ListenersView {
    /// Calls.
    #[schema(value_type = String)]
    calls: SocketAddr,
    /// This API.
    #[schema(value_type = String)]
    admin: SocketAddr,
}

/// The certificates by which the listeners speak TLS.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Certificates)]
pub struct CertificatesView {
    /// That of calls; null where they come by plain HTTP.
    calls: Option<CertificateView>,
    /// That of this API; null where it speaks plain HTTP.
    admin: Option<CertificateView>,
}

/// A certificate in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Certificate)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// SHA-256 of it, hexadecimal.
    fingerprint: String,
    /// From when it is valid.
    #[schema(value_type = String, format = DateTime)]
    not_before: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    not_after: Timestamp,
    /// `valid`, `expired` or `not-yet-valid`: it is shown all the same, and each client decides.
    state: &'static str,
    /// Why its files as they are now are not in force, if they are not.
    error: Option<String>,
}

/// Whether changes can be kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Store)]
pub struct StoreView {
    /// Whether the last change could be kept.
    ok: bool,
    /// Why not.
    error: Option<String>,
}

/// Whether the file of the keys of tokens is as it should be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TokenKeys)]
pub struct TokenKeysView {
    /// Whether it is there and whole.
    ok: bool,
    /// Why not. The keys that were read before go on; the next start needs the file.
    error: Option<String>,
}

/// Whether the targets of calls answer: of what serves or has calls, one for each host, port and transport.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Targets)]
pub struct TargetsView {
    /// Those that answer probes.
    up: usize,
    /// Those that do not: they are left out of answers while another target of the version is up.
    down: usize,
    /// Those that were not probed, or not yet; they count as up.
    unknown: usize,
    /// The first 100 that are down, by name.
    troubles: Vec<TargetDownView>,
}

/// A target that is down.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TargetDown)]
pub struct TargetDownView {
    /// Where it listens, whoever is called there.
    target: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What came of the last probe.
    #[schema(value_type = String)]
    cause: Arc<str>,
}

/// Most targets that are down and shown one by one.
const TROUBLES_MAX: usize = 100;

impl TargetsView {
    fn of(targets: &[(Destination, Reach)]) -> Self {
        let count = |state: fn(&Reach) -> bool| targets.iter().filter(|(_, reach)| state(reach)).count();
        let troubles = targets.iter().filter_map(|(destination, reach)| match reach {
            Reach::Down(Trouble { since, cause }) => Some(TargetDownView {
                target: destination.to_string(),
                since: *since,
                cause: Arc::clone(cause),
            }),
            Reach::Up | Reach::Unknown => None,
        });
        Self {
            up: count(|reach| *reach == Reach::Up),
            down: count(|reach| matches!(reach, Reach::Down(_))),
            unknown: count(|reach| *reach == Reach::Unknown),
            troubles: troubles.take(TROUBLES_MAX).collect(),
        }
    }
}

/// Which set of files to take.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ReloadBody {
    /// Fingerprint of a set that is held, to take it although much would be removed.
    #[schema(value_type = Option<String>)]
    accept: Option<ConfigHash>,
}

impl Written for ReloadBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { accept: fields.optional("accept") })
    }
}

/// The files that are in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reloaded {
    /// The revision from which they are.
    #[schema(value_type = u64)]
    revision: Revision,
    /// Their fingerprint.
    #[schema(value_type = Option<String>)]
    hash: Option<ConfigHash>,
    /// What you should know all the same, as in `reload.warnings` of the status.
    warnings: Vec<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(get_status)).routes(routes!(reload))
}

/// Shows how the instance is; for keys of the first account that see all agents.
#[utoipa::path(
    get, path = "/v1/status", tag = "instance", security(("key" = ["read"])),
    responses((status = 200, body = StatusView, description = "How it is."))
)]
async fn get_status(
    State(management): State<Arc<Management>>,
    caller: Caller,
) -> Result<Answer<StatusView>, ApiError> {
    caller.instance()?;
    let ReloadStatus { at, taken_at, hash, held, faults, mut warnings, shadowed } =
        management.control.status().reload();
    warnings.extend(shadowed);
    let ok = faults.is_empty() && held.is_none();
    let certificate = |identity| CertificateView::of(identity, management.now());
    let error = management.control.status().store_fault();
    let token_key_fault = management.control.status().token_key_fault();
    Ok(Answer::ok(StatusView {
        revision: caller.state.revision,
        reload: ReloadView { at, taken_at, ok, hash, held, warnings },
        faults: faults.into_iter().map(FaultView::from).collect(),
        listeners: ListenersView { calls: management.calls, admin: management.admin },
        certificates: CertificatesView {
            calls: management.calls_tls.as_ref().map(certificate),
            admin: management.admin_tls.as_ref().map(certificate),
        },
        store: StoreView { ok: error.is_none(), error },
        token_keys: TokenKeysView { ok: token_key_fault.is_none(), error: token_key_fault },
        targets: TargetsView::of(&management.control.targets()),
        unready: management.health.reasons(),
        draining: management.health.draining(),
        calls_in_progress: (management.calls_in_progress)(),
        numbers: caller.state.numbers.len(),
    }))
}

/// Reads the files now; all of them are taken, or nothing changes.
#[utoipa::path(
    post, path = "/v1/reload", tag = "instance", security(("key" = ["edit"])),
    request_body = ReloadBody,
    responses(
        (status = 200, body = Reloaded, description = "They are in force."),
        (status = 400, description = "`FILES_FAULTY`: every fault is in `errors`, and with its place in `data.faults`"),
        (
            status = 409,
            description = "`FILES_HELD`: much would be removed, accept the set by `data.hash`; `NOTHING_HELD`: the files are not \
                those of `accept`, and not held"
        ),
    )
)]
async fn reload(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Body(body): Body<ReloadBody>,
) -> Result<Answer<Reloaded>, ApiError> {
    caller.instance()?;
    let accept = body.accept.map(|hash| Acceptance { hash, by: caller.name().into() });
    match management.control.reload(accept).await {
        Ok(applied) => {
            let (revision, hash) = (applied.revision, applied.state.files);
            Ok(Answer::ok(Reloaded { revision, hash, warnings: applied.warnings.clone() }).since(&applied))
        }
        Err(ControlError::Refused(refusal)) if refusal.code == FILES_HELD => {
            let data = json!({ "hash": management.control.status().reload().held, "faults": refusal.faults });
            Err(ApiError::from(Refusal { kind: RefusalKind::Conflict, ..refusal }).with_data(data))
        }
        Err(why) => Err(why.into()),
    }
}

impl CertificateView {
    fn of(identity: &Identity, now: Timestamp) -> Self {
        let pair = identity.pair();
        let at = |seconds: i64| Timestamp(seconds.saturating_mul(1_000));
        let (validity, now_s) = (pair.validity(), now.0.div_euclid(1_000));
        let state = if validity.holds(now_s) {
            "valid"
        } else if now_s > validity.ends {
            "expired"
        } else {
            "not-yet-valid"
        };
        Self {
            fingerprint: pair.fingerprint().to_string(),
            not_before: at(validity.begins),
            not_after: at(validity.ends),
            state,
            error: identity.fault(),
        }
    }
}

impl From<Fault> for FaultView {
    fn from(Fault { file, line, column, message, expected }: Fault) -> Self {
        Self { file, line, column, message, expected }
    }
}
