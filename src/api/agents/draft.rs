//! `/v1/agents/{id}/draft`: the configuration that is edited.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content::{Head, content, document, edit_draft, refused, stored, stored_config};
use super::find;
use crate::api::caller::Caller;
use crate::api::request::{AnyBody, Id, Query};
use crate::api::{Management, aside};
use crate::control::ControlError;
use crate::domain::agent_config::{AgentConfig, SOURCE_BYTES_MAX};
use crate::domain::command::{Action, AgentEdit, NewDraft, STALE_DRAFT};
use crate::domain::id::AgentId;
use crate::http::body::body_limit;
use crate::http::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(get_draft, put_draft, patch_draft, delete_draft))
        // One byte more than is read, so that what is too long is told as a configuration that is too long.
        .layer(body_limit(SOURCE_BYTES_MAX))
}

/// Shows the draft: the configuration itself, without the keys that have their default.
#[utoipa::path(
    get, path = "/v1/agents/{id}/draft", tag = "agents", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = Option<String>, Query, description = "The branch: `main` unless said."),
    ),
    responses(
        (status = 200, body = Value, description = "The configuration; its fingerprint is the `ETag`."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn get_draft(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(agent): Id<AgentId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let head = Head { agent, branch: query.branch() };
    query.end()?;
    aside(move || {
        let (_, hash) = head.find(&caller, &caller.state)?;
        Ok(document(&stored(&management, hash)?, hash, None))
    })
    .await?
}

/// Gives the draft another configuration, whole.
///
/// Numbers that are pinned to `draft` serve it at once; no version and no environment changes.
#[utoipa::path(
    put, path = "/v1/agents/{id}/draft", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = Option<String>, Query, description = "The branch: `main` unless said."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft is in this state."),
    ),
    request_body = Value,
    responses(
        (status = 200, body = Value, description = "The configuration as it is stored; its fingerprint is the `ETag`."),
        (status = 400, description = "The configuration has faults: each with its key."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
    )
)]
async fn put_draft(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
    AnyBody(text): AnyBody,
) -> Result<Response, ApiError> {
    let branch = query.branch();
    query.end()?;
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    let content = aside(move || {
        let text = if text.trim_ascii().is_empty() { b"{}".as_slice() } else { &text };
        AgentConfig::from_json(text).map(|config| content(&config, Some(&agent))).map_err(refused)
    })
    .await??;
    let (body, hash) = (Arc::clone(&content.body), content.hash);
    let edit = AgentEdit::PutDraft(NewDraft { branch, content, made_from: None });
    let applied = caller.submit(&management, Action::Agent { agent: id, edit }).await?;
    Ok(document(&body, hash, Some(applied.revision)))
}

/// Changes some keys of the draft, by RFC 7396: null gives a key its default, lists are given whole.
///
/// It is made on the draft as it is then, whoever else edits it at the same time.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/draft", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = Option<String>, Query, description = "The branch: `main` unless said."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft is in this state."),
    ),
    request_body = Value,
    responses(
        (status = 200, body = Value, description = "The configuration as it is stored; its fingerprint is the `ETag`."),
        (status = 400, description = "The configuration would have faults: each with its key."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
    )
)]
async fn patch_draft(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
    AnyBody(text): AnyBody,
) -> Result<Response, ApiError> {
    let head = Head { agent: id, branch: query.branch() };
    query.end()?;
    let patch: Value = if text.trim_ascii().is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        serde_json::from_slice(&text)
            .map_err(|why| ApiError::validation("body", format!("is no JSON: {why}")))?
    };
    if !patch.is_object() {
        return Err(ApiError::validation("body", "is no object: expected the keys that are to change"));
    }
    let merge = move |json: &mut Value| {
        merge_patch(json, &patch);
        Ok(())
    };
    let edited = edit_draft(&management, &caller, head, merge, refused).await?;
    Ok(document(&edited.config.canonical_json(), edited.hash, Some(edited.applied.revision)))
}

/// Reverts the draft to the newest version, and that of another branch than `main` to what the branch was made of.
#[utoipa::path(
    delete, path = "/v1/agents/{id}/draft", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = Option<String>, Query, description = "The branch: `main` unless said."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft is in this state."),
    ),
    responses(
        (status = 200, body = Value, description = "The draft as it is from now on."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`NO_VERSION`: there is none to revert to; `MANAGED_BY_FILES`, `BRANCH_PROTECTED`"),
    )
)]
async fn delete_draft(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let branch = query.branch();
    query.end()?;
    if !branch.is_main() {
        return revert_branch(management, caller, Head { agent: id, branch }).await;
    }
    loop {
        let state = management.control.state();
        let newest = find(&caller, &state, &id)?.last_version();
        let newest = newest.and_then(|version| Some((version.number?, version.hash)));
        let (version, hash) = newest.ok_or_else(|| {
            ApiError::conflict("NO_VERSION", format!("agent {id} has no version to revert to"))
        })?;
        let this = Arc::clone(&management);
        let config = aside(move || stored_config(&this, hash)).await??;
        let edit = AgentEdit::Restore { version, agent_name: config.name.clone(), newest: true };
        let action = Action::Agent { agent: id.clone(), edit };
        match caller.try_submit(&management, action).await {
            Ok(applied) => return Ok(document(&config.canonical_json(), hash, Some(applied.revision))),
            // Somebody saved one meanwhile; each time there is one more, of which there are not many.
            Err(ControlError::Refused(refusal)) if refusal.code == STALE_DRAFT => {}
            Err(why) => return Err(why.into()),
        }
    }
}

async fn revert_branch(
    management: Arc<Management>,
    caller: Caller,
    head: Head,
) -> Result<Response, ApiError> {
    find(&caller, &caller.state, &head.agent)?;
    let edit = AgentEdit::RevertBranch(head.branch.clone());
    let applied = caller.submit(&management, Action::Agent { agent: head.agent.clone(), edit }).await?;
    aside(move || {
        let (_, hash) = head.find(&caller, &applied.state)?;
        Ok(document(&stored(&management, hash)?, hash, Some(applied.revision)))
    })
    .await?
}

/// What a patch makes of a document, by RFC 7396.
fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, change) in members {
        if change.is_null() {
            target.remove(name);
        } else {
            merge_patch(target.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_do_what_rfc_7396_says() {
        // The examples of its appendix.
        for (mut target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), Value::Null, Value::Null),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            merge_patch(&mut target, &patch);
            assert_eq!(target, result);
        }
    }
}
