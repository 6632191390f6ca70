//! `/v1/snapshots/{hash}`: the configuration of any version of the account, which never changes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::Caller;
use super::request::Id;
use super::{Management, aside};
use crate::domain::agent::Agent;
use crate::domain::id::ConfigHash;
use crate::domain::refusal::Refusal;
use crate::http::condition::knows;
use crate::http::error::ApiError;

const FOR_EVER: &str = "private, max-age=31536000, immutable";

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(get_snapshot))
}

/// Shows a configuration by its fingerprint.
#[utoipa::path(
    get, path = "/v1/snapshots/{hash}", tag = "agents",
    security(("key" = ["read"]), ("key" = ["snapshot"])),
    params(("hash" = String, Path, description = "32 lower-case hex digits.")),
    responses(
        (status = 200, body = serde_json::Value, description = "The configuration, for ever the same."),
        (status = 304, description = "It is the one of `If-None-Match`."),
        (status = 404, description = "No version or draft of the account has it."),
        (status = 422, description = "The hash is malformed."),
    )
)]
async fn get_snapshot(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(hash): Id<ConfigHash>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    aside(move || snapshot(&management, &caller, hash, &headers)).await?
}

fn snapshot(
    management: &Management,
    caller: &Caller,
    hash: ConfigHash,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found(format!("there is no configuration {hash}"));
    let own = caller.state.agents.iter().filter(|(id, _)| id.account == *caller.account());
    let mut holders = own.filter(|(_, agent)| holds(agent, hash)).map(|(id, _)| &id.agent).peekable();
    holders.peek().ok_or_else(missing)?;
    if !holders.any(|agent| caller.sight().agent(agent)) {
        return Err(Refusal::hidden().into());
    }
    let tag = format!("\"{hash}\"");
    let head = [(ETAG, tag.clone()), (CACHE_CONTROL, FOR_EVER.to_owned())];
    if knows(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let body = management.control.body(hash)?.ok_or_else(missing)?;
    Ok((head, [(CONTENT_TYPE, "application/json")], body.to_vec()).into_response())
}

fn holds(agent: &Agent, hash: ConfigHash) -> bool {
    let drafts = agent.draft.iter().chain(&agent.past_drafts);
    drafts.chain(agent.versions.values()).any(|version| version.hash == hash)
}
