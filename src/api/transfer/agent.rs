//! `/v1/agents/{id}/export` and `/v1/agents/import`: one agent with all its versions, out of one router and into another.
//!
//! The document is that of an account which has this agent and nothing else, so that `/v1/import` takes it too.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::{JSON, may_bring_agents, read, streamed, whole_body, write};
use crate::api::agents::{AgentView, find};
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::request::Id;
use crate::api::{Management, aside};
use crate::control::Precondition;
use crate::domain::command::{AccountImport, Action};
use crate::domain::id::AgentId;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::http::error::ApiError;

/// Shows all of an agent: what it is, its draft, versions and branches with their configurations, and what its environments serve;
/// as of one revision. Its numbers and keys are not in it.
///
/// The answer comes in pieces. One that breaks off is no JSON.
#[utoipa::path(
    get, path = "/v1/agents/{id}/export", tag = "transfer", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = serde_json::Value, description = "What `POST /v1/agents/import` takes, and `POST /v1/import` too."),
    )
)]
pub(super) async fn export_agent(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
) -> Result<Response, ApiError> {
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    let revision = caller.state.revision.0;
    let this = Arc::clone(&management);
    Ok(streamed(&this, JSON, revision, move |sender| {
        write::export(&management, &caller, Some(&agent), sender);
    }))
}

/// Makes an agent out of its export, with the versions, the draft, the branches and the environments that it had; all of it, or nothing.
///
/// Only where there is no agent of its id. The document may be as large as `limits.account_import_bytes_max`. Needs a key
/// that is not limited to some agents, with the permission `deploy` besides.
#[utoipa::path(
    post, path = "/v1/agents/import", tag = "transfer", security(("key" = ["edit"])),
    request_body = serde_json::Value,
    responses(
        (status = 200, body = AgentView, description = "The agent."),
        (status = 400, description = "The document is at fault, or is not of one agent alone."),
        (status = 409, description = "`PROJECT_ID_ALREADY_EXISTS`"),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`"),
    )
)]
pub(super) async fn import_agent(
    State(management): State<Arc<Management>>,
    caller: Caller,
    request: Request,
) -> Result<Answer<AgentView>, ApiError> {
    caller.whole_account()?;
    let document = whole_body(request, management.account_import_bytes_max).await?;
    let account = caller.account().clone();
    let import = aside(move || read::import(&document, &account)).await??;
    let id = only_agent(&import)?;
    may_bring_agents(&caller, &import)?;
    let agent = caller.agent_ref(&id);
    let new: Precondition = Box::new(move |state| match state.agent(&agent) {
        None => Ok(()),
        Some(_) => {
            let message = format!("there is an agent {} already", agent.agent);
            Err(Refusal::new(RefusalKind::Conflict, "PROJECT_ID_ALREADY_EXISTS", message))
        }
    });
    let command = caller.command(Action::ImportAccount(Arc::new(import)), management.now());
    let applied = management.control.submit_if(command, Some(new)).await?;
    let view = AgentView::of(find(&caller, &applied.state, &id)?);
    Ok(Answer::ok(view).since(&applied))
}

/// The agent of a document that has one and nothing else.
fn only_agent(import: &AccountImport) -> Result<AgentId, ApiError> {
    let AccountImport { agents, splits, prefixes, default, caller_pins, numbers, .. } = import;
    let nothing_else = splits.is_empty()
        && prefixes.is_empty()
        && default.is_none()
        && caller_pins.is_empty()
        && numbers.is_empty();
    match agents.as_slice() {
        [agent] if nothing_else => Ok(agent.profile.id.agent.clone()),
        _ => Err(ApiError::validation(
            "agents",
            "is not one agent alone: expected what GET /v1/agents/{id}/export answers; POST /v1/import takes more",
        )),
    }
}
