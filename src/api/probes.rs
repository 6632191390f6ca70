//! `/healthz`, `/readyz` and `/metrics`: what machines ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::Caller;
use super::guard::from_this_machine;
use super::{Management, aside};
use crate::http::error::ApiError;
use crate::telemetry::health::Report;
use crate::telemetry::page;

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// Tells that somebody is there to answer.
#[utoipa::path(
    get, path = "/healthz", tag = "probes", security(()),
    responses((status = 200, body = serde_json::Value, description = "Alive."))
)]
async fn healthz(State(management): State<Arc<Management>>) -> Response {
    shown(management.health.live())
}

/// Tells whether to send calls here, and what is in the way.
#[utoipa::path(
    get, path = "/readyz", tag = "probes", security(()),
    responses(
        (status = 200, body = serde_json::Value, description = "Ready."),
        (status = 503, body = serde_json::Value, description = "Not ready, or draining; `reasons` tell why."),
    )
)]
async fn readyz(State(management): State<Arc<Management>>) -> Response {
    shown(management.health.readiness())
}

fn shown(report: Report) -> Response {
    let status = StatusCode::from_u16(report.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], report.body).into_response()
}

/// Shows the metrics of the whole instance as Prometheus reads them.
///
/// Asked from the machine itself no key is needed; else one of the first account that may `analytics`.
#[utoipa::path(
    get, path = "/metrics", tag = "probes", security((), ("key" = ["analytics"])),
    responses((status = 200, body = String, content_type = "text/plain", description = "The page."))
)]
async fn metrics(
    State(management): State<Arc<Management>>,
    caller: Option<Caller>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    match caller {
        Some(caller) => caller.instance()?,
        None if from_this_machine(&management, &headers, &extensions) => {}
        None => {
            let message = "metrics are for this machine, or for a key of the first account with `analytics`";
            return Err(ApiError::unauthorized(message));
        }
    }
    let page = aside(move || {
        management.control.count_numbers();
        management.registry.page()
    });
    Ok(([(CONTENT_TYPE, page::CONTENT_TYPE)], page.await?).into_response())
}
