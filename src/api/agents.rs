//! `/v1/agents`: which agents there are, and what of them can be pinned.

mod branches;
mod compare;
mod content;
mod deployments;
mod draft;
mod dry_run;
mod life;
mod listening;
mod real_time_configs;
mod staging;
mod telephony;
mod test_calls;
mod test_runs;
mod test_suite;
mod versions;

pub(super) use content::field_fault;
pub(super) use listening::{endpoints_tag, fallback_tag};
pub(super) use real_time_configs::page_tag;
pub(super) use test_suite::tests_tag;

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::caller::Caller;
use super::request::Id;
use super::{Management, aside};
use crate::domain::agent::Agent;
use crate::domain::fallback::Fallback;
use crate::domain::id::{AccountId, AgentId};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Agent)]
pub struct AgentView {
    /// Whose it is.
    #[schema(value_type = String)]
    account_id: AccountId,
    /// Its id.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// A name for people.
    agent_name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its draft or a version last came.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// How many branches it has.
    branch_count: u32,
    /// How many calls it may have in progress; null: any number.
    max_calls_in_progress: Option<u32>,
    /// Where calls go that it cannot take.
    #[schema(value_type = Option<String>)]
    fallback: Option<Fallback>,
}

impl AgentView {
    pub(super) fn of(agent: &Agent) -> Self {
        let profile = &agent.profile;
        let saved =
            agent.draft.iter().chain(agent.versions.values().next_back()).map(|version| version.created_at);
        Self {
            account_id: profile.id.account.clone(),
            agent_id: profile.id.agent.clone(),
            agent_name: profile.name.clone(),
            created_at: profile.created_at,
            updated_at: saved.fold(profile.created_at, Ord::max),
            branch_count: u32::try_from(agent.branches.len()).map_or(u32::MAX, |others| others + 1),
            max_calls_in_progress: profile.max_calls_in_progress,
            fallback: profile.fallback.clone(),
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .merge(life::routes())
        .merge(draft::routes())
        .merge(branches::routes())
        .merge(deployments::routes())
        .merge(listening::routes())
        .merge(real_time_configs::routes())
        .merge(staging::routes())
        .merge(telephony::routes())
        .merge(test_runs::routes())
        .merge(test_suite::routes())
        .routes(routes!(compare::compare))
        .routes(routes!(test_calls::test_call))
        .routes(routes!(versions::list_versions, versions::save_version))
        .routes(routes!(versions::get_version, versions::change_version))
        .routes(routes!(versions::restore_version))
}

/// Lists the agents of the account that the key may see, by id.
#[utoipa::path(
    get, path = "/v1/agents", tag = "agents", security(("key" = ["read"])),
    responses((status = 200, body = Vec<AgentView>, description = "All of them."))
)]
async fn list_agents(caller: Caller) -> Result<Response, ApiError> {
    all(caller).await
}

/// Lists the agents of the account that the key may see, by id.
#[utoipa::path(
    get, path = "/v1/accounts/{accountId}/agents", tag = "agents", security(("key" = ["read"])),
    params(("accountId" = String, Path, description = "The account of the key.")),
    responses(
        (status = 200, body = Vec<AgentView>, description = "All of them."),
        (status = 404, description = "`ACCOUNT_NOT_FOUND`"),
    )
)]
async fn list_agents_of_account(caller: Caller, Id(account): Id<AccountId>) -> Result<Response, ApiError> {
    caller.own(&account)?;
    all(caller).await
}

/// Shows an agent.
#[utoipa::path(
    get, path = "/v1/agents/{id}", tag = "agents", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = AgentView, description = "The agent."),
    )
)]
async fn get_agent(caller: Caller, Id(id): Id<AgentId>) -> Result<Answer<AgentView>, ApiError> {
    Ok(Answer::ok(AgentView::of(find(&caller, &caller.state, &id)?)))
}

/// All of them, written down too where a hundred thousand keep nobody waiting.
async fn all(caller: Caller) -> Result<Response, ApiError> {
    aside(move || {
        let agents = caller.state.agents.iter();
        let own = agents.filter(|(id, _)| id.account == *caller.account() && caller.sight().agent(&id.agent));
        Answer::ok(own.map(|(_, agent)| AgentView::of(agent)).collect::<Vec<_>>()).into_response()
    })
    .await
}

/// An agent that the caller may see, in a state.
pub(super) fn find<'s>(caller: &Caller, state: &'s State, id: &AgentId) -> Result<&'s Arc<Agent>, ApiError> {
    let agent = state.agent(&caller.agent_ref(id)).ok_or_else(|| {
        ApiError::not_found(format!("there is no agent {id}")).with_code("PROJECT_NOT_FOUND")
    })?;
    if caller.sight().agent(id) { Ok(agent) } else { Err(Refusal::hidden().into()) }
}
