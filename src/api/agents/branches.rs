//! `/v1/agents/{id}/branches`: working copies of an agent's configuration, and what can be edited of each by itself.
//!
//! ```text
//!   main ----- draft ----- draft -----      what numbers pinned to `draft` serve
//!                 \            / merge
//!   BRANCH-...     base --- draft ---       what nobody serves
//! ```
//!
//! What is below a branch (behaviour, topics, attributes, site variants) is its draft seen by parts: each edit of one is
//! an edit of the draft, with its tag, and of many editors none loses what another one wrote.

mod attributes;
mod behavior;
mod items;
mod merge;
mod topics;
mod variants;

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::fields::{Fields, Text, Written};
use crate::api::request::{Body, Id, Ids};
use crate::api::{Management, made};
use crate::domain::agent::Agent;
use crate::domain::agent_config::SOURCE_BYTES_MAX;
use crate::domain::branch::{Branch, NAME_CHARS_MAX};
use crate::domain::command::{Action, AgentEdit};
use crate::domain::id::{AccountId, AgentId, BranchId};
use crate::domain::route::ManagedBy;
use crate::domain::time::Timestamp;
use crate::http::body::body_limit;
use crate::http::error::ApiError;

/// A branch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Branch)]
pub struct BranchView {
    /// Its id.
    #[schema(value_type = String, example = "BRANCH-0A1B2C3D")]
    id: BranchId,
    /// A name for people.
    name: String,
    /// Whose.
    #[schema(value_type = String)]
    account_id: AccountId,
    /// Of which agent.
    #[schema(value_type = String)]
    project_id: AgentId,
    /// Its id again.
    #[schema(value_type = String)]
    branch_id: BranchId,
    /// Whether it can be edited and merged: always, since one that is deleted is not there.
    active: bool,
    /// Who made it; nobody made `main`, which came with its agent.
    created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last edited.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// The branches of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct BranchList {
    /// `main` first, then the others in the order in which they were made.
    branches: Vec<BranchView>,
}

/// A new branch.
#[derive(Debug, ToSchema)]
#[schema(as = NewBranch, rename_all = "camelCase")]
pub struct NewBranchBody {
    /// A name in one line, unique within the agent.
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    branch_name: Text<NAME_CHARS_MAX, 1>,
}

/// A branch that was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BranchMade {
    /// Its id.
    #[schema(value_type = String)]
    branch_id: BranchId,
    /// The revision that made it.
    sequence_id: String,
}

/// A branch that was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct BranchDeleted {
    /// The revision that deleted it.
    sequence: String,
    /// What was done, for people.
    message: String,
}

impl Written for NewBranchBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let branch_name: Text<NAME_CHARS_MAX, 1> = fields.required("branchName")?;
        if branch_name.as_str().contains(char::is_control) {
            fields.fault("branchName", "contains a control character: expected a text in one line");
        }
        Some(Self { branch_name })
    }
}

impl BranchView {
    fn main(agent: &Agent) -> Self {
        let profile = &agent.profile;
        Self {
            id: BranchId::main(),
            name: BranchId::MAIN.to_owned(),
            account_id: profile.id.account.clone(),
            project_id: profile.id.agent.clone(),
            branch_id: BranchId::main(),
            active: true,
            created_by: match profile.managed_by {
                ManagedBy::Files => "files".to_owned(),
                ManagedBy::Api => String::new(),
            },
            created_at: profile.created_at,
            updated_at: agent.draft.as_ref().map_or(profile.created_at, |draft| draft.created_at),
        }
    }

    fn of(agent: &Agent, branch: &Branch) -> Self {
        Self {
            id: branch.id.clone(),
            name: branch.name.clone(),
            account_id: agent.profile.id.account.clone(),
            project_id: agent.profile.id.agent.clone(),
            branch_id: branch.id.clone(),
            active: true,
            created_by: branch.created_by.clone(),
            created_at: branch.created_at,
            updated_at: branch.updated_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list_branches, create_branch))
        .routes(routes!(delete_branch))
        .merge(merge::routes())
        .merge(behavior::routes())
        .merge(topics::routes())
        .merge(attributes::routes())
        .merge(variants::routes())
        .layer(body_limit(SOURCE_BYTES_MAX))
}

/// Lists the branches of an agent; `main` is always among them.
#[utoipa::path(
    get, path = "/v1/agents/{id}/branches", tag = "branches", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = BranchList, description = "All of them."),
    )
)]
async fn list_branches(caller: Caller, Id(id): Id<AgentId>) -> Result<Answer<BranchList>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let mut others: Vec<&Arc<Branch>> = agent.branches.values().collect();
    // An import makes all of an agent in one revision.
    others.sort_by_key(|branch| (branch.created_in, branch.created_at));
    let others = others.into_iter().map(|branch| BranchView::of(agent, branch));
    Ok(Answer::ok(BranchList { branches: std::iter::once(BranchView::main(agent)).chain(others).collect() }))
}

/// Makes a branch of what the draft of `main` is at that moment.
///
/// What is edited there is served to nobody.
#[utoipa::path(
    post, path = "/v1/agents/{id}/branches", tag = "branches", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft of `main` is in this state."),
    ),
    request_body = NewBranchBody,
    responses(
        (status = 201, body = BranchMade, description = "The branch."),
        (
            status = 409,
            description = "`BRANCH_ALREADY_EXISTS`: one of this name is there; `TOO_MANY_BRANCHES`: 100 are there besides \
                `main`; `MANAGED_BY_FILES`"
        ),
    )
)]
async fn create_branch(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(agent): Id<AgentId>,
    Body(body): Body<NewBranchBody>,
) -> Result<Answer<BranchMade>, ApiError> {
    let id = made("BRANCH-", &(management.random)(), BranchId::parse)?;
    let edit = AgentEdit::CreateBranch { id: id.clone(), name: body.branch_name.into_string() };
    let applied = caller.submit(&management, Action::Agent { agent: agent.clone(), edit }).await?;
    let hash = find(&caller, &applied.state, &agent)?.head(&id)?;
    let made = BranchMade { branch_id: id, sequence_id: applied.revision.to_string() };
    Ok(Answer::ok(made).with_status(StatusCode::CREATED).with_tag(Tag::of_hash(hash)).since(&applied))
}

/// Deletes a branch with what was edited there.
#[utoipa::path(
    delete, path = "/v1/agents/{id}/branches/{branch}", tag = "branches", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "The branch."),
        ("If-Match" = Option<String>, Header, description = "Only if its draft is in this state."),
    ),
    responses(
        (status = 200, body = BranchDeleted, description = "It is gone."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`BRANCH_IS_MAIN`: every agent has it; `MANAGED_BY_FILES`"),
    )
)]
async fn delete_branch(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
) -> Result<Answer<BranchDeleted>, ApiError> {
    let message = format!("branch {branch} was deleted");
    let edit = AgentEdit::DeleteBranch(branch);
    let applied = caller.submit(&management, Action::Agent { agent, edit }).await?;
    Ok(Answer::ok(BranchDeleted { sequence: applied.revision.to_string(), message }).since(&applied))
}
