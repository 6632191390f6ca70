//! `/v1/agents/{id}/endpoints` and `…/fallback`: where its runtime listens, how much it takes, and where the rest goes.
//! None of it is versioned.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content::refused;
use super::find;
use crate::api::Management;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::fields::{Fields, Whole, Written};
use crate::api::request::{Body, Id, Ids};
use crate::domain::agent::{Agent, Profile};
use crate::domain::agent_config::endpoints_from_value;
use crate::domain::command::{Action, AgentEdit};
use crate::domain::endpoint::Endpoint;
use crate::domain::fallback::Fallback;
use crate::domain::id::{AgentId, Environment};
use crate::domain::split::CALLS_MAX;
use crate::http::error::ApiError;
use crate::http::json::tree::Tree;

/// Where a runtime listens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Endpoints)]
pub struct EndpointsView {
    /// Best first by `priority`; empty: nothing is said here.
    #[schema(value_type = Vec<serde_json::Value>)]
    endpoints: Vec<Endpoint>,
}

/// Where a runtime listens, whatever the version.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllEndpoints {
    /// Those of the agent.
    #[schema(value_type = Vec<serde_json::Value>)]
    endpoints: Vec<Endpoint>,
    /// Those for what an environment serves, which go first, by environment.
    #[schema(value_type = serde_json::Value)]
    environments: Value,
}

/// Where a runtime is to listen. Keys that are not known are refused.
#[derive(Debug, ToSchema)]
#[schema(as = PutEndpoints)]
pub struct EndpointsBody {
    /// `{uri, priority, weight}` each, at most 10; empty: nothing is said here.
    #[schema(value_type = Vec<serde_json::Value>)]
    endpoints: Option<Tree>,
}

/// What an agent takes, and where the rest goes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Fallback)]
pub struct FallbackView {
    /// A URI, or a number whose own route is followed.
    #[schema(value_type = Option<String>)]
    fallback: Option<Fallback>,
    /// How many calls it may have in progress; null: any number.
    max_calls_in_progress: Option<u32>,
    /// What you should know all the same.
    warnings: Vec<String>,
}

/// What an agent is to take, and where the rest goes.
#[derive(Debug, ToSchema)]
#[schema(as = PutFallback, rename_all = "camelCase")]
pub struct FallbackBody {
    /// A URI, or a number whose own route is followed; none where it is absent or null.
    #[schema(value_type = Option<String>, example = "sip:desk@10.0.0.9")]
    fallback: Option<Fallback>,
    /// How many calls it may have in progress: null for any number; as it is where it is absent.
    #[schema(value_type = Option<u32>, minimum = 1)]
    #[expect(clippy::option_option, reason = "left alone, any number, or so many")]
    max_calls_in_progress: Option<Option<Whole<{ CALLS_MAX as u64 }, 1>>>,
}

impl Written for EndpointsBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let endpoints = fields.present("endpoints");
        if endpoints.is_none() {
            fields.fault("endpoints", "is missing: expected a list of endpoints");
        }
        Some(Self { endpoints })
    }
}

impl EndpointsBody {
    fn endpoints(self) -> Result<Vec<Endpoint>, ApiError> {
        let json = self.endpoints.map_or_else(|| json!([]), Tree::into_json);
        endpoints_from_value(&json).map_err(refused)
    }
}

impl Written for FallbackBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            fallback: fields.optional("fallback"),
            max_calls_in_progress: fields.given("maxCallsInProgress"),
        })
    }
}

impl EndpointsView {
    fn answer(profile: &Profile, environment: Option<Environment>) -> Answer<Self> {
        let endpoints = said(profile, environment).to_vec();
        Answer::ok(Self { endpoints }).with_tag(endpoints_tag(profile, environment))
    }
}

/// What is said of an environment by itself, or of all that says nothing.
fn said(profile: &Profile, environment: Option<Environment>) -> &[Endpoint] {
    match environment {
        None => &profile.endpoints,
        Some(environment) => {
            profile.environment_endpoints.get(&environment).map(Vec::as_slice).unwrap_or_default()
        }
    }
}

/// The tag of the endpoints of an environment, or of the agent.
pub(in crate::api) fn endpoints_tag(profile: &Profile, environment: Option<Environment>) -> Tag {
    Tag::of(&said(profile, environment))
}

/// The tag of what an agent takes.
pub(in crate::api) fn fallback_tag(profile: &Profile) -> Tag {
    Tag::of(&(&profile.fallback, profile.max_calls_in_progress))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(get_endpoints, put_endpoints))
        .routes(routes!(get_environment_endpoints, put_environment_endpoints))
        .routes(routes!(get_fallback, put_fallback))
}

/// Shows where its runtime listens: the agent's endpoints, and those of its environments.
#[utoipa::path(
    get, path = "/v1/agents/{id}/endpoints", tag = "agents", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = AllEndpoints, description = "All of them; the tag is of the agent's own."),
    )
)]
async fn get_endpoints(caller: Caller, Id(id): Id<AgentId>) -> Result<Answer<AllEndpoints>, ApiError> {
    let profile = &find(&caller, &caller.state, &id)?.profile;
    let environments = Environment::ALL.map(|it| (it.as_str().to_owned(), json!(said(profile, Some(it)))));
    let all = AllEndpoints {
        endpoints: profile.endpoints.clone(),
        environments: Value::Object(environments.into_iter().collect()),
    };
    Ok(Answer::ok(all).with_tag(endpoints_tag(profile, None)))
}

/// Says where its runtime listens, whatever the version; an environment that says so itself goes first.
///
/// Where neither says anything the version does, and else the settings' `default_endpoints`.
#[utoipa::path(
    put, path = "/v1/agents/{id}/endpoints", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("If-Match" = Option<String>, Header, description = "Only if they are in this state."),
    ),
    request_body = EndpointsBody,
    responses(
        (status = 200, body = EndpointsView, description = "Where calls go from now on."),
        (status = 409, description = "`MANAGED_BY_FILES`"),
    )
)]
async fn put_endpoints(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<EndpointsBody>,
) -> Result<Answer<EndpointsView>, ApiError> {
    put(&management, &caller, id, None, body).await
}

/// Shows where its runtime listens for what an environment serves, if that is said.
#[utoipa::path(
    get, path = "/v1/agents/{id}/endpoints/{environment}", tag = "agents", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("environment" = String, Path, description = "`sandbox`, `pre-release` or `live`."),
    ),
    responses(
        (status = 200, body = EndpointsView, description = "Empty where the agent or the version says."),
    )
)]
async fn get_environment_endpoints(
    caller: Caller,
    Ids(id, environment): Ids<AgentId, Environment>,
) -> Result<Answer<EndpointsView>, ApiError> {
    Ok(EndpointsView::answer(&find(&caller, &caller.state, &id)?.profile, Some(environment)))
}

/// Says where its runtime listens for what an environment serves.
#[utoipa::path(
    put, path = "/v1/agents/{id}/endpoints/{environment}", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("environment" = String, Path, description = "`sandbox`, `pre-release` or `live`."),
        ("If-Match" = Option<String>, Header, description = "Only if they are in this state."),
    ),
    request_body = EndpointsBody,
    responses(
        (status = 200, body = EndpointsView, description = "Where calls go from now on."),
        (status = 409, description = "`MANAGED_BY_FILES`"),
    )
)]
async fn put_environment_endpoints(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, environment): Ids<AgentId, Environment>,
    Body(body): Body<EndpointsBody>,
) -> Result<Answer<EndpointsView>, ApiError> {
    put(&management, &caller, id, Some(environment), body).await
}

async fn put(
    management: &Management,
    caller: &Caller,
    id: AgentId,
    environment: Option<Environment>,
    body: EndpointsBody,
) -> Result<Answer<EndpointsView>, ApiError> {
    find(caller, &caller.state, &id)?;
    let edit = AgentEdit::PutEndpoints { environment, endpoints: body.endpoints()? };
    let applied = caller.submit(management, Action::Agent { agent: id.clone(), edit }).await?;
    let profile = &find(caller, &applied.state, &id)?.profile;
    Ok(EndpointsView::answer(profile, environment).since(&applied))
}

/// Shows how many calls it may have in progress, and where those go that it cannot take.
#[utoipa::path(
    get, path = "/v1/agents/{id}/fallback", tag = "agents", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = FallbackView, description = "As it is."),
    )
)]
async fn get_fallback(caller: Caller, Id(id): Id<AgentId>) -> Result<Answer<FallbackView>, ApiError> {
    Ok(fallback(find(&caller, &caller.state, &id)?, Vec::new()))
}

/// Says how many calls it may have in progress, and where those go that it cannot take.
#[utoipa::path(
    put, path = "/v1/agents/{id}/fallback", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("If-Match" = Option<String>, Header, description = "Only if it is in this state."),
    ),
    request_body = FallbackBody,
    responses(
        (status = 200, body = FallbackView, description = "As it is from now on."),
        (status = 409, description = "`MANAGED_BY_FILES`"),
    )
)]
async fn put_fallback(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<FallbackBody>,
) -> Result<Answer<FallbackView>, ApiError> {
    find(&caller, &caller.state, &id)?;
    let max_calls_in_progress = body.max_calls_in_progress.map(|given| given.map(Whole::get_u32));
    let edit = AgentEdit::PutFallback { fallback: body.fallback, max_calls_in_progress };
    let applied = caller.submit(&management, Action::Agent { agent: id.clone(), edit }).await?;
    let agent = find(&caller, &applied.state, &id)?;
    Ok(fallback(agent, applied.warnings.clone()).since(&applied))
}

fn fallback(agent: &Agent, warnings: Vec<String>) -> Answer<FallbackView> {
    let profile = &agent.profile;
    let view = FallbackView {
        fallback: profile.fallback.clone(),
        max_calls_in_progress: profile.max_calls_in_progress,
        warnings,
    };
    Answer::ok(view).with_tag(fallback_tag(profile))
}
