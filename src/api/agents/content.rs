//! Configurations on their way from a request to a draft, and back.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, ETAG};
use serde_json::Value;

use super::find;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::guard::REVISION;
use crate::api::{Management, aside};
use crate::control::{Applied, ControlError};
use crate::domain::agent::{Agent, Version};
use crate::domain::agent_config::{AgentConfig, ConfigFault};
use crate::domain::command::{Action, AgentEdit, Content, NewDraft, STALE_DRAFT};
use crate::domain::id::{AgentId, ConfigHash, Revision};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::http::error::ApiError;

/// How often an edit is made anew on what somebody else made of the draft meanwhile.
const ATTEMPTS: usize = 16;

/// What the state has to know of a configuration, sharing what the agent has already.
pub(super) fn content(config: &AgentConfig, agent: Option<&Agent>) -> Content {
    let body: Arc<[u8]> = config.canonical_json().into();
    let dispatch = config.dispatch();
    let known = agent.into_iter().flat_map(|agent| agent.draft.iter().chain(agent.last_version()));
    let same = known.map(|version| &version.dispatch).find(|known| ***known == dispatch);
    Content {
        agent_name: config.name.clone(),
        hash: crate::domain::agent_config::hash_of(&body),
        dispatch: same.cloned().unwrap_or_else(|| Arc::new(dispatch)),
        body,
    }
}

/// 400, with every fault of a configuration by its key.
pub(super) fn refused(faults: Vec<ConfigFault>) -> ApiError {
    refused_as(faults, str::to_owned)
}

/// The same where keys have other names in the request.
pub(super) fn refused_as(faults: Vec<ConfigFault>, name: impl Fn(&str) -> String) -> ApiError {
    let fields = faults.into_iter().map(|fault| {
        let ConfigFault { path, message, expected, .. } = fault;
        let field = if path.is_empty() { "body".to_owned() } else { name(&path) };
        let expected = if expected.is_empty() { expected } else { format!(": expected {expected}") };
        crate::domain::refusal::FieldFault { field, message: format!("{message}{expected}") }
    });
    Refusal::fields(fields.collect()).into()
}

/// The canonical text of a configuration. Blocks on the disk.
pub(super) fn stored(management: &Management, hash: ConfigHash) -> Result<Arc<[u8]>, ApiError> {
    management.control.body(hash)?.ok_or_else(|| {
        tracing::error!(%hash, "the store has no configuration of a version");
        ApiError::internal()
    })
}

/// A stored configuration. Blocks on the disk.
pub(super) fn stored_config(management: &Management, hash: ConfigHash) -> Result<AgentConfig, ApiError> {
    AgentConfig::from_json(&stored(management, hash)?).map_err(|faults| {
        tracing::error!(%hash, ?faults, "the store has a configuration that is none");
        ApiError::internal()
    })
}

/// The draft of an agent that the caller may see.
pub(super) fn draft<'s>(
    caller: &Caller,
    state: &'s State,
    id: &AgentId,
) -> Result<(&'s Arc<Agent>, &'s Arc<Version>), ApiError> {
    let agent = find(caller, state, id)?;
    let draft = agent.draft.as_ref();
    draft
        .map(|draft| (agent, draft))
        .ok_or_else(|| ApiError::conflict("NO_DRAFT", format!("agent {id} has no draft")))
}

/// Edits the draft: what is there is read, changed and put back, again where somebody else was faster, unless the
/// request says by `If-Match` what it was made for.
pub(super) async fn edit_draft(
    management: &Arc<Management>,
    caller: &Caller,
    id: &AgentId,
    edit: impl Fn(&mut Value) -> Result<(), ApiError> + Send + Sync + 'static,
) -> Result<(Applied, AgentConfig), ApiError> {
    let edit = Arc::new(edit);
    for _ in 0..ATTEMPTS {
        let (this, asking, agent_id, edit) =
            (Arc::clone(management), caller.clone(), id.clone(), Arc::clone(&edit));
        let (config, new) = aside(move || {
            let state = this.control.state();
            let (agent, draft) = draft(&asking, &state, &agent_id)?;
            let mut json: Value = serde_json::from_slice(&stored(&this, draft.hash)?).map_err(|why| {
                tracing::error!(hash = %draft.hash, error = %why, "the store has a configuration that is no JSON");
                ApiError::internal()
            })?;
            edit(&mut json)?;
            let config = AgentConfig::from_value(&json).map_err(refused)?;
            let content = content(&config, Some(agent));
            Ok::<_, ApiError>((config, NewDraft { content, made_from: Some(draft.hash) }))
        })
        .await??;
        let action = Action::Agent { agent: id.clone(), edit: AgentEdit::PutDraft(new) };
        match caller.try_submit(management, action).await {
            Ok(applied) => return Ok((applied, config)),
            Err(ControlError::Refused(refusal)) if refusal.code == STALE_DRAFT => {}
            Err(why) => return Err(why.into()),
        }
    }
    Err(ApiError::overloaded(1))
}

/// A configuration as it is stored, with its tag.
pub(super) fn document(body: &[u8], hash: ConfigHash, since: Option<Revision>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(ETAG, Tag::of_hash(hash).to_header());
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    if let Some(revision) = since {
        headers.insert(REVISION, revision.0.into());
    }
    (headers, body.to_vec()).into_response()
}
