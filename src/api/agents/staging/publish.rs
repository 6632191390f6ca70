//! `POST /api/v2/agents/{agent_id}/publish`: what is in Staging, into Production.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::history::{Difference, summary};
use crate::api::agents::deployments::new_deploy;
use crate::api::agents::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::fields::{Fields, Text, Written};
use crate::api::request::{Body, Id};
use crate::api::{Management, aside};
use crate::domain::account::ActiveCalls;
use crate::domain::command::{ALREADY_PUBLISHED, Action, AgentEdit, Deploy, Publish};
use crate::domain::deployment::{DeploymentId, MESSAGE_CHARS_MAX};
use crate::domain::id::{AgentId, Environment};
use crate::domain::time::Timestamp;
use crate::http::error::{ApiError, ErrorEnvelope};

/// How Staging is to be published. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = StagingPublish)]
pub struct StagingPublishBody {
    /// Why, for people: the message of the deployment.
    #[schema(value_type = Option<String>, max_length = 1_000)]
    summary: Option<Text<MESSAGE_CHARS_MAX>>,
    /// `keep`: calls in progress stay with the version they began with. `move`: those of this agent at `live` are decided
    /// afresh when their gateway asks next. As the account has it unless said, which is `keep` by default.
    #[schema(value_type = Option<String>, example = "keep")]
    active_calls: Option<ActiveCalls>,
    /// Ends the split that tests `live`, for its control and as part of the same revision, instead of being refused with
    /// `SPLIT_RUNNING`.
    #[schema(required = false)]
    end_split: bool,
}

impl Written for StagingPublishBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let read = Self {
            summary: fields.optional("summary"),
            active_calls: fields.optional("active_calls"),
            end_split: fields.optional("end_split").unwrap_or_default(),
        };
        // Other keys are left alone, but who asks for this must not have it done.
        for name in ["dry_run", "dryRun"] {
            if fields.says(name) {
                fields.fault(name, "is no part of the body: `GET staging/diff` shows what would change");
            }
        }
        fields.leave_others();
        Some(read)
    }
}

/// Staging that was published.
#[derive(Debug, Serialize, ToSchema)]
pub struct StagingPublished {
    /// `true`.
    has_changes: bool,
    /// The id of the publish: that of its deployment.
    #[schema(value_type = String, format = "uuid")]
    change_track_id: DeploymentId,
    /// Who.
    published_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    published_at: Timestamp,
    /// What was said why, or what it brought.
    #[schema(example = "V4: instructions.systemPrompt and 2 more")]
    summary: String,
    /// What you should know all the same.
    warnings: Vec<String>,
}

/// Why Staging was not published; where nothing differs, that as well.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is described here, and written as an error with one more member")]
pub struct StagingUnpublished {
    #[serde(flatten)]
    error: ErrorEnvelope<'static>,
    /// `false`; there where the code is `DEPLOYMENTS_ALREADY_PUBLISHED`.
    #[schema(required = false)]
    has_changes: bool,
}

/// Puts what is in Staging into Production: the draft into `live`, saved as a version first unless the newest one has its
/// content.
///
/// It is the publish of `/v1` to `live`, and keeps the same rules; an account can let staging alone past pre-release
/// (`staging_publishes_live`).
#[utoipa::path(
    post, path = "/api/v2/agents/{agent_id}/publish", tag = "staging", security(("key" = ["deploy"])),
    params(
        ("agent_id" = String, Path, description = "The agent."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft is in this state."),
    ),
    request_body = StagingPublishBody,
    responses(
        (status = 200, body = StagingPublished, description = "It is in Production."),
        (
            status = 409, body = StagingUnpublished,
            description = "`DEPLOYMENTS_ALREADY_PUBLISHED`: nothing to publish, and `has_changes` is false; \
                `SPLIT_RUNNING`: a split tests `live`; `TOO_MANY_VERSIONS`, `NO_DRAFT`, `MANAGED_BY_FILES`"
        ),
        (status = 412, description = "`PRE_RELEASE_NOT_READY`: the account forbids to skip pre-release; `PRECONDITION_FAILED`"),
    )
)]
pub(super) async fn publish_staging(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<StagingPublishBody>,
) -> Result<Answer<StagingPublished>, ApiError> {
    let message = body.summary.map(Text::into_string).unwrap_or_default();
    let edit = AgentEdit::Publish(Publish {
        deploy: Deploy { end_split: body.end_split, ..new_deploy(&management, message, body.active_calls) },
        environment: Environment::Live,
        version_name: String::new(),
        version_description: String::new(),
        of_staging: true,
    });
    let applied = caller.submit(&management, Action::Agent { agent: id.clone(), edit }).await;
    let applied = applied.map_err(refused)?;
    let agent = Arc::clone(find(&caller, &applied.state, &id)?);
    let deployment = Arc::clone(agent.deployment(Environment::Live).ok_or_else(ApiError::internal)?);
    let (publish, this) = (Arc::clone(&deployment), Arc::clone(&management));
    let brought = aside(move || Difference::of(&agent, publish.version).brought(&this)).await?;
    let published = StagingPublished {
        has_changes: true,
        change_track_id: deployment.id,
        published_by: deployment.created_by.clone(),
        published_at: deployment.created_at,
        // It is published, whether or not it can be told what with.
        summary: summary(&deployment, brought.ok().as_deref()),
        warnings: applied.warnings.clone(),
    };
    Ok(Answer::ok(published).since(&applied))
}

/// Says to programs too that there was nothing to publish.
fn refused(why: ApiError) -> ApiError {
    if why.code() == ALREADY_PUBLISHED { why.with_members(&json!({"has_changes": false})) } else { why }
}
