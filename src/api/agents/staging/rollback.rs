//! `/api/v2/agents/{agent_id}/rollback`: what one publish brought, taken out of Staging.
//!
//! It is a merge of three: what was published, what was there before it, and the draft. Production does not change, nor does
//! any version, before the next publish.

mod body;
mod view;

use std::sync::Arc;

use axum::extract::State;

use self::body::RollbackBody;
use self::view::{RevertRefused, RollbackPreview, conflicting, strange};
use super::{StagingDiff, diff};
use crate::api::agents::content::{ATTEMPTS, Head, content, refused, stored_config};
use crate::api::agents::deployments::stored_deployment;
use crate::api::agents::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::request::{Body, Id, Query};
use crate::api::{Management, aside};
use crate::control::ControlError;
use crate::domain::agent::Agent;
use crate::domain::agent_config::{AgentConfig, Merge, Resolution, Revert};
use crate::domain::command::{Action, AgentEdit, RevertPublish, Reverting, STALE_DRAFT};
use crate::domain::deployment::{Deployment, DeploymentId, DeploymentKind};
use crate::domain::id::{AgentId, BranchId, Pin};
use crate::domain::moves::Followers;
use crate::domain::state::State as Present;
use crate::http::error::ApiError;
use crate::http::json::faults::CODE;

/// The name of the id of a publish.
const ID: &str = "change_track_id";
/// Most numbers of a preview that are named.
const NUMBERS_MAX: usize = 1_000;

/// Shows what a rollback of one publish would make of Staging, and changes nothing.
///
/// Of the first version all is taken back but the name of the agent.
#[utoipa::path(
    get, path = "/api/v2/agents/{agent_id}/rollback/preview", tag = "staging", security(("key" = ["read"])),
    params(
        ("agent_id" = String, Path, description = "The agent."),
        ("change_track_id" = String, Query, description = "The publish, by its id in the publish history."),
    ),
    responses(
        (status = 200, body = RollbackPreview, description = "What would become of the draft, whose tag is in `ETag`."),
        (status = 400, description = "`change_track_id` is missing; or what would come of it is no configuration"),
        (status = 404, description = "`PROJECT_NOT_FOUND`; `DEPLOYMENT_NOT_FOUND`: no publish of the agent has this id"),
        (status = 409, description = "`MANAGED_BY_FILES`, `BRANCH_PROTECTED`: a rollback would be refused; `NO_DRAFT`"),
    )
)]
pub(super) async fn preview_rollback(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(agent): Id<AgentId>,
    mut query: Query,
) -> Result<Answer<RollbackPreview>, ApiError> {
    find(&caller, &caller.state, &agent)?;
    let publish = named(&mut query, None);
    let publish = query.end_with(publish)?;
    let asked = Asked { management, caller, agent, publish, resolutions: Vec::new() };
    aside(move || {
        let state = asked.management.control.state();
        let agent = find(&asked.caller, &state, &asked.agent)?;
        let found = asked.find(&state, agent)?;
        let merge = found.merged(&[]);
        if merge.conflicts.is_empty() {
            merge.config().map_err(refused)?;
        }
        let sight = asked.caller.sight_in(&state);
        let seen = |route: &_| sight.route(route);
        let followers = Followers::of(&state, &agent.profile.id, Pin::Draft, NUMBERS_MAX, seen);
        let tag = Tag::of_hash(found.made_of.staging);
        Ok(Answer::ok(RollbackPreview::of(found.revert(), merge, followers)).with_tag(tag))
    })
    .await?
}

/// Takes out of Staging what one publish brought, and nothing that came later.
///
/// Numbers that are pinned to `draft` serve what is left at once; no version and no environment changes before the next
/// publish. What was changed since as well is a conflict, and nothing is done until `resolutions` says of each what is to
/// become of it. Once nothing is left of what the publish brought, nothing changes. Of the first version all is taken back but
/// the name of the agent.
#[utoipa::path(
    put, path = "/api/v2/agents/{agent_id}/rollback", tag = "staging", security(("key" = ["edit"])),
    params(
        ("agent_id" = String, Path, description = "The agent."),
        ("change_track_id" = Option<String>, Query, description = "The publish, unless the body says it."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft is in this state."),
    ),
    request_body = RollbackBody,
    responses(
        (status = 200, body = StagingDiff, description = "What a publish would change now."),
        (
            status = 400,
            description = "`change_track_id` is missing, a resolution is about no conflict, or what comes of it is no \
                configuration, with what is wrong by field"
        ),
        (status = 404, description = "`PROJECT_NOT_FOUND`; `DEPLOYMENT_NOT_FOUND`: no publish of the agent has this id"),
        (
            status = 409, body = RevertRefused,
            description = "`REVERT_CONFLICT`, with the conflicts that nothing resolves; `MANAGED_BY_FILES`, `BRANCH_PROTECTED`, \
                `NO_DRAFT`"
        ),
    )
)]
pub(super) async fn roll_back_publish(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(agent): Id<AgentId>,
    mut query: Query,
    Body(body): Body<RollbackBody>,
) -> Result<Answer<StagingDiff>, ApiError> {
    find(&caller, &caller.state, &agent)?;
    let publish = named(&mut query, body.change_track_id);
    let publish = query.end_with(publish)?;
    let resolutions = body.resolutions.into_iter().map(Into::into).collect();
    let asked = Arc::new(Asked { management, caller, agent, publish, resolutions });
    // Whoever edits the draft meanwhile waits, so that the merge is not made in vain.
    let main = Head { agent: asked.agent.clone(), branch: BranchId::main() };
    let _turn = asked.management.turns.of((asked.caller.account(), &main)).await;
    for _ in 0..ATTEMPTS {
        let this = Arc::clone(&asked);
        let revert = aside(move || this.revert()).await??;
        let action = Action::Agent { agent: asked.agent.clone(), edit: AgentEdit::RevertPublish(revert) };
        match asked.caller.try_submit(&asked.management, action).await {
            Ok(applied) => {
                let agent = Arc::clone(find(&asked.caller, &applied.state, &asked.agent)?);
                let this = Arc::clone(&asked);
                let answer = aside(move || diff(&this.management, &agent)).await??;
                return Ok(answer.since(&applied));
            }
            Err(ControlError::Refused(refusal)) if refusal.code == STALE_DRAFT => {}
            Err(why) => return Err(why.into()),
        }
    }
    Err(ApiError::overloaded(1))
}

/// The publish that the query or the body names; the query is at fault where neither does, or each another one.
fn named(query: &mut Query, in_body: Option<String>) -> Option<String> {
    const MISSING: &str = "is missing: expected the id of a publish, as the publish history says it";
    let in_query = query.text(ID);
    if let (Some(one), Some(other)) = (&in_query, &in_body)
        && one != other
    {
        query.fault(ID, "is another one in the body: expected it once", CODE);
    }
    let named = in_query.or(in_body);
    if named.is_none() {
        query.fault(ID, MISSING, CODE);
    }
    named
}

/// A rollback as it was asked for.
struct Asked {
    management: Arc<Management>,
    caller: Caller,
    agent: AgentId,
    /// The id of the publish.
    publish: String,
    resolutions: Vec<Resolution>,
}

impl Asked {
    /// What it comes to, as everything is now. Blocks on the disk.
    fn revert(&self) -> Result<RevertPublish, ApiError> {
        let state = self.management.control.state();
        let agent = find(&self.caller, &state, &self.agent)?;
        let found = self.find(&state, agent)?;
        if let Some(named) = &self.caller.if_match {
            named.check_tag(Some(&Tag::of_hash(found.made_of.staging)))?;
        }
        let merge = found.merged(&self.resolutions);
        if !merge.strangers.is_empty() {
            return Err(strange(&merge.strangers));
        }
        if !merge.conflicts.is_empty() {
            return Err(conflicting(found.publish.version, merge));
        }
        let reverted = content(&merge.config().map_err(refused)?, Some(agent));
        Ok(RevertPublish { publish: found.publish, reverted, made_of: found.made_of })
    }

    /// What it is made of. Blocks on the disk.
    fn find(&self, state: &Present, agent: &Agent) -> Result<Found, ApiError> {
        let id = &agent.profile.id;
        let publish = self.published(agent)?;
        let made_of = state.reverting(id, publish.version);
        let made_of = made_of.map_err(|refusal| self.management.control.located(refusal))?;
        let config = |hash| stored_config(&self.management, hash);
        let entry = config(made_of.entry)?;
        let before = made_of.before.map(config).transpose()?.unwrap_or_else(|| entry.name_alone());
        Ok(Found { publish, made_of, staging: config(made_of.staging)?, entry, before })
    }

    /// The publish. An id is whatever the history says, so that one that is none is just not there.
    fn published(&self, agent: &Agent) -> Result<Arc<Deployment>, ApiError> {
        let id = &agent.profile.id;
        let known = DeploymentId::parse(&self.publish)
            .map(|publish| stored_deployment(&self.management, id.clone(), publish))
            .transpose()?
            .flatten();
        known.filter(|known| known.kind == DeploymentKind::Publish).ok_or_else(|| {
            let message = format!("agent {} has no publish of this {ID}", id.agent);
            ApiError::not_found(message).with_code("DEPLOYMENT_NOT_FOUND")
        })
    }
}

/// What a rollback is made of.
struct Found {
    publish: Arc<Deployment>,
    made_of: Reverting,
    entry: AgentConfig,
    before: AgentConfig,
    staging: AgentConfig,
}

impl Found {
    fn revert(&self) -> Revert<'_> {
        Revert { entry: &self.entry, before: &self.before, staging: &self.staging }
    }

    fn merged(&self, resolutions: &[Resolution]) -> Merge {
        self.revert().merged(resolutions)
    }
}
