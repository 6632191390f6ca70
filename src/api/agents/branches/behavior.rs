//! `…/branches/{branch}/behavior`: how the agent is told to behave.

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Management;
use crate::api::agents::content::{Head, edit_config, refused_as, show};
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::fields::{Fields, Text, Written};
use crate::api::request::{Body, Ids};
use crate::domain::agent_config::{AgentConfig, ConfigFault};
use crate::domain::id::{AgentId, BranchId};
use crate::http::error::ApiError;

/// How the agent is told to behave.
#[derive(Debug, Serialize, ToSchema)]
pub struct Behavior {
    /// The text, at most 1 MiB.
    behavior: String,
}

/// How the agent is to be told to behave.
#[derive(Debug, ToSchema)]
#[schema(as = NewBehavior)]
pub struct BehaviorBody {
    /// The text, at most 1 MiB; not empty.
    #[schema(value_type = String, min_length = 1)]
    behavior: Text<{ 1 << 20 }, 1>,
}

impl Written for BehaviorBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("behavior").map(|behavior| Self { behavior })
    }
}

fn refused(faults: Vec<ConfigFault>) -> ApiError {
    refused_as(faults, |path| path.strip_prefix("instructions.").unwrap_or(path).to_owned())
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(get_behavior, patch_behavior))
}

/// Shows how the agent is told to behave; empty where nothing is said.
#[utoipa::path(
    get, path = "/v1/agents/{id}/branches/{branch}/behavior", tag = "branches", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
    ),
    responses(
        (status = 200, body = Behavior, description = "The text; the `ETag` is that of the branch's draft."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn get_behavior(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
) -> Result<Answer<Behavior>, ApiError> {
    show(management, caller, Head { agent, branch }, |config| {
        Ok(Behavior { behavior: config.instructions.behavior })
    })
    .await
}

/// Tells the agent how to behave.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/branches/{branch}/behavior", tag = "branches", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    request_body = BehaviorBody,
    responses(
        (status = 200, body = Behavior, description = "The text."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
    )
)]
async fn patch_behavior(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
    Body(body): Body<BehaviorBody>,
) -> Result<Answer<Behavior>, ApiError> {
    let behavior = body.behavior.into_string();
    let told = behavior.clone();
    let edit = move |config: &mut AgentConfig| {
        config.instructions.behavior.clone_from(&told);
        Ok(())
    };
    let edited = edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?;
    Ok(edited.answer(StatusCode::OK, Behavior { behavior }))
}
