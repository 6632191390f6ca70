//! `/api/v2/agents/{agent_id}`: the same agent seen as Staging, which is its draft, and Production, which is `live`.
//!
//! ```text
//!   V2 ---- publish ---> V3 ---- publish ---> V4 = live      Production
//!     \____ what V3 brought ____/               \
//!                                                draft       Staging
//!                                 a rollback of V3 takes out of it what V3 brought, and nothing else
//! ```
//!
//! It is another face of what `/v1` does, in snake case: a publish through either is in the history of both.

mod history;
mod publish;
mod rollback;

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content::stored_config;
use super::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::request::Id;
use crate::api::{Management, aside};
use crate::domain::agent::Agent;
use crate::domain::agent_config::{KeyChange, SOURCE_BYTES_MAX, Section};
use crate::domain::id::{AgentId, Environment};
use crate::http::body::body_limit;
use crate::http::error::ApiError;

/// What a publish would change.
#[derive(Debug, Serialize, ToSchema)]
pub struct StagingDiff {
    /// Whether a publish would change anything.
    has_changes: bool,
    /// The keys that differ; where nothing is in Production, all that Staging says.
    changes: Vec<StagingChange>,
}

/// A key that differs between Staging and Production.
#[derive(Debug, Serialize, ToSchema)]
pub struct StagingChange {
    /// The group it is shown in.
    #[schema(value_type = String, example = "instructions")]
    section: Section,
    /// Which: keys joined by points, items of lists by their ids; `[]` at the end is the order of a list.
    #[schema(example = "topics[opening-hours].content")]
    field: String,
    /// What Production has there; null where it is not there.
    production: Option<Value>,
    /// What Staging has there; null where it is not there.
    staging: Option<Value>,
}

impl From<KeyChange> for StagingChange {
    fn from(change: KeyChange) -> Self {
        Self {
            section: change.section,
            field: change.path.to_string(),
            production: change.from,
            staging: change.to,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(staging_diff))
        .routes(routes!(publish::publish_staging))
        .routes(routes!(history::list_publishes))
        .routes(routes!(rollback::preview_rollback))
        .routes(routes!(rollback::roll_back_publish))
        .layer(body_limit(SOURCE_BYTES_MAX))
}

/// Shows what differs between Staging, the draft, and Production, what `live` serves.
#[utoipa::path(
    get, path = "/api/v2/agents/{agent_id}/staging/diff", tag = "staging", security(("key" = ["read"])),
    params(("agent_id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = StagingDiff, description = "What differs; the `ETag` is that of the draft."),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn staging_diff(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
) -> Result<Answer<StagingDiff>, ApiError> {
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    aside(move || diff(&management, &agent)).await?
}

/// What differs, with the tag of the draft. Blocks on the disk.
fn diff(management: &Management, agent: &Agent) -> Result<Answer<StagingDiff>, ApiError> {
    let staging = agent.main_draft()?.hash;
    let production = agent.deployed(Environment::Live).map(|version| version.hash);
    let has_changes = production != Some(staging);
    let changes = if has_changes {
        let production = production.map(|hash| stored_config(management, hash)).transpose()?;
        stored_config(management, staging)?.changes_since(production.as_ref())
    } else {
        Vec::new()
    };
    let changes = changes.into_iter().map(Into::into).collect();
    Ok(Answer::ok(StagingDiff { has_changes, changes }).with_tag(Tag::of_hash(staging)))
}
