//! Configurations on their way from a request to a draft, and back.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, ETAG};
use serde_json::Value;

use super::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::guard::REVISION;
use crate::api::{Management, aside};
use crate::control::{Applied, ControlError};
use crate::domain::agent::Agent;
use crate::domain::agent_config::{AgentConfig, ConfigFault, Path};
use crate::domain::command::{Action, AgentEdit, Content, NewDraft, STALE_DRAFT};
use crate::domain::id::{AgentId, BranchId, ConfigHash, Revision};
use crate::domain::refusal::{FieldFault, Refusal};
use crate::domain::state::State;
use crate::http::error::ApiError;

/// How often an edit is made anew on what somebody else made of the draft meanwhile.
pub(super) const ATTEMPTS: usize = 16;

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
    let name = |path: &str| if path.is_empty() { "body".to_owned() } else { name(path) };
    let fields = faults.into_iter().map(|fault| field_fault(fault, name));
    Refusal::fields(fields.collect()).into()
}

/// A fault of a configuration as one of a request, where its key has another name; that of the whole is empty.
pub(in crate::api) fn field_fault(fault: ConfigFault, name: impl Fn(&str) -> String) -> FieldFault {
    let ConfigFault { path, message, expected, .. } = fault;
    let expected = if expected.is_empty() { expected } else { format!(": expected {expected}") };
    FieldFault { field: name(&path), message: format!("{message}{expected}") }
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
    read(hash, &stored(management, hash)?)
}

/// A configuration of its stored text.
pub(super) fn read(hash: ConfigHash, stored: &[u8]) -> Result<AgentConfig, ApiError> {
    AgentConfig::from_stored(stored).map_err(|faults| {
        tracing::error!(%hash, ?faults, "the store has a configuration that is none");
        ApiError::internal()
    })
}

/// How many keys are named of those that differ.
const NAMED_MAX: usize = 5;

/// The first few, and how many more.
pub(super) fn few(paths: &[&Path]) -> String {
    let named: Vec<String> = paths.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = match paths.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}

/// What is edited: the draft of a branch.
#[derive(Debug, Clone, Hash)]
pub(super) struct Head {
    /// Of which agent.
    pub(super) agent: AgentId,
    /// `main`, or another.
    pub(super) branch: BranchId,
}

impl Head {
    /// The agent, which the caller may see, and the fingerprint of the draft in a state.
    pub(super) fn find<'s>(
        &self,
        caller: &Caller,
        state: &'s State,
    ) -> Result<(&'s Arc<Agent>, ConfigHash), ApiError> {
        let agent = find(caller, state, &self.agent)?;
        Ok((agent, agent.head(&self.branch)?))
    }
}

/// Shows something of a draft, with the tag of the draft.
pub(super) async fn show<T: Send + 'static>(
    management: Arc<Management>,
    caller: Caller,
    head: Head,
    view: impl FnOnce(AgentConfig) -> Result<T, ApiError> + Send + 'static,
) -> Result<Answer<T>, ApiError> {
    aside(move || {
        let (_, hash) = head.find(&caller, &caller.state)?;
        Ok(Answer::ok(view(stored_config(&management, hash)?)?).with_tag(Tag::of_hash(hash)))
    })
    .await?
}

/// An edit that was made.
#[derive(Debug)]
pub(super) struct Edited {
    /// Since when.
    pub(super) applied: Applied,
    /// The draft as it is from now on.
    pub(super) config: AgentConfig,
    /// Its fingerprint.
    pub(super) hash: ConfigHash,
}

/// Edits a draft: what is there is read, changed and put back, again where somebody else was faster, unless the request
/// says by `If-Match` what it was made for. What is wrong with the result then is told by `refused`.
pub(super) async fn edit_draft(
    management: &Arc<Management>,
    caller: &Caller,
    head: Head,
    edit: impl Fn(&mut Value) -> Result<(), ApiError> + Send + Sync + 'static,
    refused: fn(Vec<ConfigFault>) -> ApiError,
) -> Result<Edited, ApiError> {
    let edit = Arc::new(edit);
    let _turn = management.turns.of((caller.account(), &head)).await;
    for _ in 0..ATTEMPTS {
        let (this, asking, of, edit) =
            (Arc::clone(management), caller.clone(), head.clone(), Arc::clone(&edit));
        let (config, new) = aside(move || {
            let state = this.control.state();
            let (agent, present) = of.find(&asking, &state)?;
            let mut json: Value = serde_json::from_slice(&stored(&this, present)?).map_err(|why| {
                tracing::error!(hash = %present, error = %why, "the store has a configuration that is no JSON");
                ApiError::internal()
            })?;
            edit(&mut json)?;
            let config = AgentConfig::from_value(&json).map_err(refused)?;
            let content = content(&config, Some(agent));
            Ok::<_, ApiError>((config, NewDraft { branch: of.branch, content, made_from: Some(present) }))
        })
        .await??;
        let hash = new.content.hash;
        let action = Action::Agent { agent: head.agent.clone(), edit: AgentEdit::PutDraft(new) };
        match caller.try_submit(management, action).await {
            Ok(applied) => return Ok(Edited { applied, config, hash }),
            Err(ControlError::Refused(refusal)) if refusal.code == STALE_DRAFT => {}
            Err(why) => return Err(why.into()),
        }
    }
    Err(ApiError::overloaded(1))
}

/// The same for an edit of a configuration that was read; what it leaves there is read anew.
pub(super) async fn edit_config(
    management: &Arc<Management>,
    caller: &Caller,
    head: Head,
    edit: impl Fn(&mut AgentConfig) -> Result<(), ApiError> + Send + Sync + 'static,
    refused: fn(Vec<ConfigFault>) -> ApiError,
) -> Result<Edited, ApiError> {
    let edit = move |json: &mut Value| {
        let mut config = AgentConfig::from_value(json).map_err(refused)?;
        edit(&mut config)?;
        *json = config.to_json();
        Ok(())
    };
    edit_draft(management, caller, head, edit, refused).await
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
