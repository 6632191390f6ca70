//! `/v1/agents/{id}/real-time-configs`: values that change at once, one page for each environment.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::fields::{Fields, Kind, Written};
use crate::api::request::{Body, Id, Ids, PathId};
use crate::api::{Management, aside};
use crate::control::ControlError;
use crate::domain::agent::Agent;
use crate::domain::command::{Action, AgentEdit, NewConfigPage, STALE_CONFIG_PAGE};
use crate::domain::id::{AgentId, Environment};
use crate::domain::real_time_config::ConfigPage;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use crate::http::json::tree::Tree;

/// How often an edit is made anew on what somebody else made of the page meanwhile.
const ATTEMPTS: usize = 16;

/// The values of an environment and what they must be like.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConfigPage)]
pub struct PageView {
    /// Which environment.
    #[schema(value_type = String, example = "live")]
    client_env: Environment,
    /// The values, by name; null where none were ever stored.
    #[schema(value_type = Option<serde_json::Value>)]
    variables: Option<Map<String, Value>>,
    /// The JSON Schema, draft 7, that they fit; null where any do.
    #[schema(value_type = Option<serde_json::Value>)]
    schema: Option<Value>,
    /// When either last changed; null where nothing was ever stored.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_updated: Option<Timestamp>,
}

/// All pages of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigPages {
    /// One for each environment.
    config_pages: Vec<PageView>,
}

/// Another schema. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = PutConfigSchema)]
pub struct SchemaBody {
    /// A JSON Schema, draft 7: at most 256 KiB, nested at most 64 levels, with no references out of itself.
    #[schema(value_type = serde_json::Value)]
    schema: Value,
    /// Other values, which take the place of all there are; those that are there must fit where it is absent.
    #[schema(value_type = Option<serde_json::Value>)]
    variables: Option<Members>,
}

/// Some other values. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = PatchConfigVariables)]
pub struct VariablesBody {
    /// What is to change, by name; null is a value like others.
    #[schema(value_type = serde_json::Value)]
    variables: Members,
}

/// Any object.
#[derive(Debug)]
pub struct Members(Map<String, Value>);

impl Kind for Members {
    fn expected() -> String {
        "an object".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        match tree.into_json() {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(None),
        }
    }
}

impl Written for SchemaBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let schema = fields.present("schema").map(Tree::into_json);
        if schema.is_none() {
            fields.fault("schema", "is missing: expected a JSON Schema");
        }
        let variables = fields.optional("variables");
        fields.leave_others();
        Some(Self { schema: schema?, variables })
    }
}

impl Written for VariablesBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let variables = fields.required("variables");
        fields.leave_others();
        Some(Self { variables: variables? })
    }
}

/// An environment as paths of real-time configs name it.
#[derive(Debug, Clone, Copy)]
struct ClientEnv(Environment);

impl PathId for ClientEnv {
    fn read(text: &str) -> Result<Self, ApiError> {
        let unknown = || {
            let message = format!("is no environment: expected {}", Environment::expected());
            ApiError::validation("clientEnv", message)
                .with_code("REAL_TIME_CONFIG_UNKNOWN_CLIENT_ENVIRONMENT")
        };
        Environment::parse(text).map(Self).ok_or_else(unknown)
    }
}

impl PageView {
    fn of(agent: &Agent, environment: Environment) -> Self {
        let page = agent.config_page(environment);
        Self {
            client_env: environment,
            variables: page.and_then(|page| page.variables.clone()),
            schema: page.and_then(|page| page.schema.clone()),
            last_updated: page.map(|page| page.last_updated),
        }
    }

    fn answer(agent: &Agent, environment: Environment) -> Answer<Self> {
        Answer::ok(Self::of(agent, environment)).with_tag(page_tag(agent, environment))
    }
}

/// The tag of a page, one of which nothing is stored too.
pub(in crate::api) fn page_tag(agent: &Agent, environment: Environment) -> Tag {
    Tag::of(&agent.config_page(environment))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list_config_pages))
        .routes(routes!(get_config_page))
        .routes(routes!(put_config_schema))
        .routes(routes!(patch_config_variables))
}

/// Shows the real-time configs of all environments.
#[utoipa::path(
    get, path = "/v1/agents/{id}/real-time-configs", tag = "real-time configs", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = ConfigPages, description = "One page for each environment."),
    )
)]
async fn list_config_pages(caller: Caller, Id(id): Id<AgentId>) -> Result<Answer<ConfigPages>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let config_pages = Environment::ALL.map(|environment| PageView::of(agent, environment)).into();
    Ok(Answer::ok(ConfigPages { config_pages }))
}

/// Shows the real-time config of an environment.
#[utoipa::path(
    get, path = "/v1/agents/{id}/real-time-configs/{clientEnv}", tag = "real-time configs",
    security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("clientEnv" = String, Path, description = "`sandbox`, `pre-release` or `live`."),
    ),
    responses(
        (status = 200, body = PageView, description = "The page; the tag is in `ETag`."),
        (status = 400, description = "`REAL_TIME_CONFIG_UNKNOWN_CLIENT_ENVIRONMENT`"),
    )
)]
async fn get_config_page(
    caller: Caller,
    Ids(id, ClientEnv(environment)): Ids<AgentId, ClientEnv>,
) -> Result<Answer<PageView>, ApiError> {
    Ok(PageView::answer(find(&caller, &caller.state, &id)?, environment))
}

/// Gives an environment another schema, and, where `variables` come along, other values with it.
///
/// While no values were ever stored any valid schema passes; else they must fit it. Decisions have the values at once, those
/// of calls in progress too.
#[utoipa::path(
    put, path = "/v1/agents/{id}/real-time-configs/{clientEnv}/schema", tag = "real-time configs",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("clientEnv" = String, Path, description = "`sandbox`, `pre-release` or `live`."),
        ("If-Match" = Option<String>, Header, description = "Only if the page is in this state."),
    ),
    request_body = SchemaBody,
    responses(
        (status = 200, body = PageView, description = "The page as it is from now on."),
        (
            status = 400,
            description = "`REAL_TIME_CONFIG_INVALID_SCHEMA`, `REAL_TIME_CONFIG_INVALID_FOR_SCHEMA`, \
                `REAL_TIME_CONFIG_UNKNOWN_CLIENT_ENVIRONMENT`"
        ),
    )
)]
async fn put_config_schema(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, ClientEnv(environment)): Ids<AgentId, ClientEnv>,
    Body(SchemaBody { schema, variables }): Body<SchemaBody>,
) -> Result<Answer<PageView>, ApiError> {
    let variables = variables.map(|Members(variables)| variables);
    edit(&management, &caller, &id, environment, move |page| {
        page.schema = Some(schema.clone());
        if variables.is_some() {
            page.variables.clone_from(&variables);
        }
    })
    .await
}

/// Changes some values of an environment: those that are named take the place of what was there, the others stay.
///
/// All of them together must fit the schema, else nothing changes. Decisions have them at once, those of calls in progress
/// too.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/real-time-configs/{clientEnv}/variables", tag = "real-time configs",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("clientEnv" = String, Path, description = "`sandbox`, `pre-release` or `live`."),
        ("If-Match" = Option<String>, Header, description = "Only if the page is in this state."),
    ),
    request_body = VariablesBody,
    responses(
        (status = 200, body = PageView, description = "The page as it is from now on."),
        (
            status = 400,
            description = "`REAL_TIME_CONFIG_INVALID_FOR_SCHEMA`, each value by its path; \
                `REAL_TIME_CONFIG_UNKNOWN_CLIENT_ENVIRONMENT`"
        ),
    )
)]
async fn patch_config_variables(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, ClientEnv(environment)): Ids<AgentId, ClientEnv>,
    Body(VariablesBody { variables: Members(variables) }): Body<VariablesBody>,
) -> Result<Answer<PageView>, ApiError> {
    edit(&management, &caller, &id, environment, move |page| {
        page.variables.get_or_insert_default().extend(variables.clone());
    })
    .await
}

/// Edits a page: what is there is changed, checked and put back, again where somebody else was faster.
async fn edit(
    management: &Management,
    caller: &Caller,
    id: &AgentId,
    environment: Environment,
    change: impl Fn(&mut ConfigPage),
) -> Result<Answer<PageView>, ApiError> {
    let _turn = management.turns.of((caller.account(), id, environment)).await;
    for _ in 0..ATTEMPTS {
        let made_from = find(caller, &management.control.state(), id)?.config_page(environment).cloned();
        let mut page = made_from.as_deref().cloned().unwrap_or_else(|| ConfigPage::new(environment));
        change(&mut page);
        let page = aside(move || checked(page)).await??;
        let edit = AgentEdit::PutConfigPage(NewConfigPage { page, made_from });
        match caller.try_submit(management, Action::Agent { agent: id.clone(), edit }).await {
            Ok(applied) => {
                let agent = find(caller, &applied.state, id)?;
                return Ok(PageView::answer(agent, environment).since(&applied));
            }
            Err(ControlError::Refused(refusal)) if refusal.code == STALE_CONFIG_PAGE => {}
            Err(why) => return Err(why.into()),
        }
    }
    Err(ApiError::overloaded(1))
}

/// A page whose schema is one, and whose values fit it.
fn checked(page: ConfigPage) -> Result<ConfigPage, ApiError> {
    let faults = page.faults();
    let Some(first) = faults.first() else { return Ok(page) };
    let code = if first.field.starts_with("schema") {
        "REAL_TIME_CONFIG_INVALID_SCHEMA"
    } else {
        "REAL_TIME_CONFIG_INVALID_FOR_SCHEMA"
    };
    Err(Refusal { code, ..Refusal::fields(faults) }.into())
}
