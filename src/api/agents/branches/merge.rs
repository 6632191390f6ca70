//! `/v1/agents/{id}/branches/{branch}/merge`: what a branch has made, put together with what `main` became meanwhile.

mod body;
mod conflicts;

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::body::MergeBody;
use self::conflicts::{MergeRefused, conflicting, strange};
use crate::api::agents::content::{ATTEMPTS, Head, content, few, refused, stored_config};
use crate::api::agents::deployments::{new_deploy, started_by};
use crate::api::agents::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::fields::Text;
use crate::api::request::{Body, Ids};
use crate::api::{Management, aside};
use crate::control::{Applied, ControlError};
use crate::domain::account::Permission;
use crate::domain::agent_config::{Path, Resolution, Sides};
use crate::domain::agent_tests::run::TestRunId;
use crate::domain::command::{Action, AgentEdit, Deploy, MergeBranch, Merging, STALE_DRAFT, Served};
use crate::domain::id::{AgentId, BranchId, ConfigHash, Environment};
use crate::http::error::ApiError;

/// A branch that was merged.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Merged {
    /// The revision that merged it.
    sequence: String,
    /// What was done, for people: which version serves `sandbox`, and which edits of `main` that it did not serve before go
    /// out along with the branch.
    message: String,
    /// The run of tests that it started, where it published and the agent has tests.
    #[schema(value_type = Vec<String>)]
    test_run_ids: Vec<TestRunId>,
    /// What you should know all the same.
    warnings: Vec<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(merge_branch))
}

/// Merges a branch into `main`, and publishes that to `sandbox`.
///
/// It is a merge of three: of what the branch was made of or last merged as, `main` (*ours*) and the branch (*theirs*), key by
/// key, items of lists by their ids, long texts line by line. That `main` was edited meanwhile does no harm; where both made
/// something else of the same thing is a conflict, and nothing is done until `conflictResolutions` says of each what is to
/// become of it. The branch stays, and its next merge brings what comes later.
///
/// Unless the account has `merge_publishes` off, the outcome is saved as a version and published to `sandbox`, which needs the
/// permission `deploy` as well; `main` goes out whole, and the message names what else of it was not served before.
#[utoipa::path(
    post, path = "/v1/agents/{id}/branches/{branch}/merge", tag = "branches", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "The branch."),
        ("If-Match" = Option<String>, Header, description = "Only if its draft is in this state."),
    ),
    request_body = MergeBody,
    responses(
        (status = 200, body = Merged, description = "It is in `main`, or had nothing that was not there."),
        (
            status = 400, body = MergeRefused,
            description = "`MERGE_CONFLICT`, with the conflicts and the document; or a resolution is about no conflict, or what \
                comes of the merge is no configuration, with what is wrong by field"
        ),
        (status = 403, description = "The key lacks `deploy`, and the account publishes merges"),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (
            status = 409, body = MergeRefused,
            description = "`MERGE_CONFLICT`, where `merge_conflict_status` of the account says 409; `BRANCH_IS_MAIN`: it cannot be \
                merged into itself; `NO_DRAFT`, `TOO_MANY_VERSIONS`, `MANAGED_BY_FILES`"
        ),
    )
)]
async fn merge_branch(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
    Body(body): Body<MergeBody>,
) -> Result<Answer<Merged>, ApiError> {
    let MergeBody { deployment_message, conflict_resolutions } = body;
    let message = deployment_message.map(Text::into_string).unwrap_or_default();
    let asked = Arc::new(Asked {
        deploy: new_deploy(&management, message, None),
        resolutions: conflict_resolutions.into_iter().map(Into::into).collect(),
        management,
        caller,
        agent,
        branch,
    });
    // Whoever edits main meanwhile waits, so that the merge is not made in vain.
    let main = Head { agent: asked.agent.clone(), branch: BranchId::main() };
    let _turn = asked.management.turns.of((asked.caller.account(), &main)).await;
    for _ in 0..ATTEMPTS {
        let merging = Arc::clone(&asked);
        let (merge, along) = aside(move || merging.merge()).await??;
        let (made_of, merged) = (merge.made_of, merge.merged.hash);
        let action = Action::Agent { agent: asked.agent.clone(), edit: AgentEdit::MergeBranch(merge) };
        match asked.caller.try_submit(&asked.management, action).await {
            Ok(applied) => return asked.answer(&applied, made_of, merged, &along),
            Err(ControlError::Refused(refusal)) if refusal.code == STALE_DRAFT => {}
            Err(why) => return Err(why.into()),
        }
    }
    Err(ApiError::overloaded(1))
}

/// A merge as it was asked for.
struct Asked {
    management: Arc<Management>,
    caller: Caller,
    agent: AgentId,
    branch: BranchId,
    deploy: Deploy,
    resolutions: Vec<Resolution>,
}

impl Asked {
    /// Merges what is there now, and finds what goes out along with it. Blocks on the disk.
    fn merge(&self) -> Result<(MergeBranch, Vec<Path>), ApiError> {
        let Self { management, caller, agent: id, branch, deploy, resolutions } = self;
        let state = management.control.state();
        let agent = find(caller, &state, id)?;
        let made_of = state.merging(&agent.profile.id, branch);
        let made_of = made_of.map_err(|refusal| management.control.located(refusal))?;
        if let Some(named) = &caller.if_match {
            named.check_tag(Some(&Tag::of_hash(made_of.sides.theirs)))?;
        }
        // The command asks again; a key that may not is not told of conflicts first.
        if made_of.upon.is_some() && !caller.key.may(Permission::Deploy) {
            let why =
                "this needs a key with the permission `deploy` too: the account publishes merges to sandbox";
            return Err(ApiError::forbidden(why));
        }
        let config = |hash| stored_config(management, hash);
        let Sides { base, ours, theirs } = made_of.sides;
        let sides = Sides { base: config(base)?, ours: config(ours)?, theirs: config(theirs)? };
        let merge = sides.each_ref().merged(resolutions);
        if !merge.strangers.is_empty() {
            return Err(strange(&merge.strangers));
        }
        if !merge.conflicts.is_empty() {
            return Err(conflicting(&state, agent, branch, merge));
        }
        let merged = merge.config().map_err(refused)?;
        let along = match made_of.upon {
            Some(Served(Some(served))) => sides.each_ref().along(resolutions, &merged, &config(served)?),
            _ => Vec::new(),
        };
        let merged = content(&merged, Some(agent));
        Ok((MergeBranch { branch: branch.clone(), merged, made_of, deploy: deploy.clone() }, along))
    }

    fn answer(
        &self,
        applied: &Applied,
        made_of: Merging,
        merged: ConfigHash,
        along: &[Path],
    ) -> Result<Answer<Merged>, ApiError> {
        let Self { agent, branch, .. } = self;
        let mut message = format!("branch {branch} was merged into main of {agent}");
        let mut test_run_ids = Vec::new();
        if made_of.is_nothing() {
            message = format!("branch {branch} of {agent} has nothing that was not merged: nothing was done");
        } else if made_of.deploys(merged) {
            let serving = find(&self.caller, &applied.state, agent)?;
            let served = serving.deployment(Environment::Sandbox).ok_or_else(ApiError::internal)?;
            test_run_ids = started_by(serving, served.id);
            let version = served.version;
            message += &format!(", and {version} published to sandbox");
            message += &match (made_of.upon, along) {
                (Some(Served(None)), _) => {
                    "; all of main goes out with it, since sandbox served nothing".to_owned()
                }
                (_, []) => String::new(),
                (_, along) => {
                    format!(
                        "; with it go edits of main that sandbox did not serve: {}",
                        few(&along.iter().collect::<Vec<_>>())
                    )
                }
            };
        } else if made_of.upon.is_some() {
            message += "; sandbox serves that already";
        }
        let answer = Merged {
            sequence: applied.revision.to_string(),
            message,
            test_run_ids,
            warnings: applied.warnings.clone(),
        };
        Ok(Answer::ok(answer).since(applied))
    }
}
