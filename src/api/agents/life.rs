//! How agents come and go: made, copied, deleted.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content::{Head, content, refused_as, stored_config};
use super::{AgentView, find};
use crate::api::answer::{Answer, Gone};
use crate::api::caller::Caller;
use crate::api::fields::{Fields, Kind, Text, Written};
use crate::api::request::{Body, Id};
use crate::api::{Management, aside, made};
use crate::domain::agent_config::{AgentConfig, SOURCE_BYTES_MAX};
use crate::domain::command::{Action, AgentEdit, NewAgent};
use crate::domain::id::{AccountId, AgentId, BranchId};
use crate::http::body::body_limit;
use crate::http::error::ApiError;
use crate::http::json::tree::Tree;

/// A new agent.
#[derive(Debug, ToSchema)]
#[schema(as = NewAgent, rename_all = "camelCase")]
pub struct NewAgentBody {
    /// What it is called.
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    name: String,
    /// Its id; made where absent.
    #[schema(value_type = Option<String>)]
    agent_id: Option<NewAgentId>,
    /// How it speaks first.
    response_settings: ResponseSettings,
    /// Its voice.
    voice_settings: Option<VoiceSettings>,
    /// Its language model.
    llm_settings: Option<LlmSettings>,
    /// Whatever has no key of its own.
    #[schema(value_type = Option<serde_json::Value>)]
    experimental_config: Option<Value>,
}

/// How an agent speaks first.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ResponseSettings {
    /// What it says first.
    greeting: String,
    /// The language it speaks, by BCP 47; `en-GB` unless said.
    language_code: Option<String>,
}

/// The voice of an agent.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct VoiceSettings {
    /// Its id.
    voice_id: String,
}

/// The language model of an agent.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LlmSettings {
    /// Its id.
    model_id: Option<String>,
}

/// A copy of an agent.
#[derive(Debug, ToSchema)]
#[schema(as = DuplicateAgent, rename_all = "camelCase")]
pub struct DuplicateBody {
    /// What the copy is called.
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    new_agent_name: Text<100, 1>,
    /// Its id; made where absent.
    #[schema(value_type = Option<String>)]
    new_agent_id: Option<NewAgentId>,
}

/// The id that somebody gives a new agent.
#[derive(Debug)]
pub struct NewAgentId(AgentId);

impl Kind for NewAgentId {
    const CODE: &'static str = "PROJECT_ID_INVALID";

    fn expected() -> String {
        AgentId::expected()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        AgentId::of(tree).map(Self)
    }
}

impl Written for NewAgentBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (name, agent_id) = (fields.required("name"), fields.optional("agentId"));
        let response_settings = fields.object("responseSettings", |fields| {
            let (greeting, language_code) = (fields.required("greeting"), fields.optional("languageCode"));
            Some(ResponseSettings { greeting: greeting?, language_code })
        });
        if response_settings.is_none() && !fields.blames("responseSettings") {
            fields.fault("responseSettings", "is missing: expected an object with greeting");
        }
        let voice_settings = fields.object("voiceSettings", |fields| {
            fields.required("voiceId").map(|voice_id| VoiceSettings { voice_id })
        });
        let llm_settings =
            fields.object("llmSettings", |fields| Some(LlmSettings { model_id: fields.optional("modelId") }));
        let experimental_config = fields.present("experimentalConfig").map(Tree::into_json);
        let response_settings = response_settings?;
        Some(Self {
            name: name?,
            agent_id,
            response_settings,
            voice_settings,
            llm_settings,
            experimental_config,
        })
    }
}

impl Written for DuplicateBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (new_agent_name, new_agent_id) = (fields.required("newAgentName"), fields.optional("newAgentId"));
        Some(Self { new_agent_name: new_agent_name?, new_agent_id })
    }
}

/// What keys of the configuration are called in a request for a new agent.
const NAMES: [(&str, &str); 5] = [
    ("instructions.welcomeMessage", "responseSettings.greeting"),
    ("voice.language", "responseSettings.languageCode"),
    ("voice.ttsVoiceId", "voiceSettings.voiceId"),
    ("llm.model", "llmSettings.modelId"),
    ("experimental", "experimentalConfig"),
];

/// The members that are there.
fn present<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

impl NewAgentBody {
    fn config(&self) -> Result<AgentConfig, ApiError> {
        let voice = self.voice_settings.as_ref().map(|voice| json!(voice.voice_id));
        let language = self.response_settings.language_code.as_ref().map(|language| json!(language));
        let model = self.llm_settings.as_ref().and_then(|llm| llm.model_id.as_ref());
        let json = json!({
            "name": self.name,
            "instructions": {"welcomeMessage": self.response_settings.greeting},
            "voice": present([("language", language), ("ttsVoiceId", voice)]),
            "llm": present([("model", model.map(|model| json!(model)))]),
            "experimental": self.experimental_config,
        });
        let named = |path: &str| {
            let known = NAMES.iter().find_map(|(key, name)| Some((name, path.strip_prefix(key)?)));
            known.map_or_else(|| path.to_owned(), |(name, rest)| format!("{name}{rest}"))
        };
        AgentConfig::from_value(&json).map_err(|faults| refused_as(faults, named))
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(super::list_agents, create_agent))
        .routes(routes!(super::list_agents_of_account, create_agent_of_account))
        .layer(body_limit(SOURCE_BYTES_MAX))
        .routes(routes!(duplicate_agent))
        .routes(routes!(super::get_agent, delete_agent))
}

/// Makes an agent, whose draft says what is said here.
#[utoipa::path(
    post, path = "/v1/agents", tag = "agents", security(("key" = ["edit"])),
    request_body = NewAgentBody,
    responses(
        (status = 200, body = AgentView, description = "The agent."),
        (status = 400, description = "`PROJECT_ID_INVALID`, or a field is at fault"),
        (status = 409, description = "`PROJECT_ID_ALREADY_EXISTS`, `TOO_MANY_AGENTS`"),
    )
)]
async fn create_agent(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Body(body): Body<NewAgentBody>,
) -> Result<Answer<AgentView>, ApiError> {
    create(&management, &caller, body).await
}

/// Makes an agent, whose draft says what is said here.
#[utoipa::path(
    post, path = "/v1/accounts/{accountId}/agents", tag = "agents", security(("key" = ["edit"])),
    params(("accountId" = String, Path, description = "The account of the key.")),
    request_body = NewAgentBody,
    responses(
        (status = 200, body = AgentView, description = "The agent."),
        (status = 400, description = "`PROJECT_ID_INVALID`, or a field is at fault"),
        (status = 404, description = "`ACCOUNT_NOT_FOUND`"),
        (status = 409, description = "`PROJECT_ID_ALREADY_EXISTS`, `TOO_MANY_AGENTS`"),
    )
)]
async fn create_agent_of_account(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(account): Id<AccountId>,
    Body(body): Body<NewAgentBody>,
) -> Result<Answer<AgentView>, ApiError> {
    caller.own(&account)?;
    create(&management, &caller, body).await
}

async fn create(
    management: &Arc<Management>,
    caller: &Caller,
    body: NewAgentBody,
) -> Result<Answer<AgentView>, ApiError> {
    let id = given_or_made(management, body.agent_id.as_ref())?;
    let content = aside(move || body.config().map(|config| content(&config, None))).await??;
    make(management, caller, id, NewAgent { draft: content, copy_of: None }).await
}

fn given_or_made(management: &Management, given: Option<&NewAgentId>) -> Result<AgentId, ApiError> {
    match given {
        Some(NewAgentId(id)) => Ok(id.clone()),
        None => made("PROJECT-", &(management.random)(), AgentId::parse),
    }
}

async fn make(
    management: &Arc<Management>,
    caller: &Caller,
    id: AgentId,
    new: NewAgent,
) -> Result<Answer<AgentView>, ApiError> {
    let edit = AgentEdit::Create(Box::new(new));
    let applied = caller.submit(management, Action::Agent { agent: id.clone(), edit }).await?;
    let view = AgentView::of(find(caller, &applied.state, &id)?);
    Ok(Answer::ok(view).since(&applied))
}

/// Makes an agent whose draft is that of another one, under a new name.
///
/// Versions, environments, numbers and all else stay with the other one.
#[utoipa::path(
    post, path = "/v1/agents/{id}/duplicate", tag = "agents", security(("key" = ["edit"])),
    params(("id" = String, Path, description = "The agent to copy.")),
    request_body = DuplicateBody,
    responses(
        (status = 200, body = AgentView, description = "The copy."),
        (status = 400, description = "`PROJECT_ID_INVALID`, or a field is at fault"),
        (status = 409, description = "`PROJECT_ID_ALREADY_EXISTS`, `TOO_MANY_AGENTS`"),
    )
)]
async fn duplicate_agent(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<DuplicateBody>,
) -> Result<Answer<AgentView>, ApiError> {
    let copy = given_or_made(&management, body.new_agent_id.as_ref())?;
    let (this, asking, of) = (Arc::clone(&management), caller.clone(), id.clone());
    let content = aside(move || {
        let (agent, present) = Head { agent: of, branch: BranchId::main() }.find(&asking, &asking.state)?;
        let mut json = stored_config(&this, present)?.to_sparse_json();
        if let Some(members) = json.as_object_mut() {
            members.insert("name".to_owned(), json!(body.new_agent_name.as_str()));
        }
        let config = AgentConfig::from_value(&json)
            .map_err(|faults| refused_as(faults, |_| "newAgentName".to_owned()))?;
        Ok::<_, ApiError>(content(&config, Some(agent)))
    })
    .await??;
    make(&management, &caller, copy, NewAgent { draft: content, copy_of: Some(id.to_string()) }).await
}

/// Deletes an agent with all it holds, and releases its numbers in the same revision.
///
/// Calls in progress keep what they began with.
#[utoipa::path(
    delete, path = "/v1/agents/{id}", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("If-Match" = Option<String>, Header, description = "Only if its draft is in this state."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "`IN_USE`: a split or the route files name it; `MANAGED_BY_FILES`"),
    )
)]
async fn delete_agent(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
) -> Result<Gone, ApiError> {
    let applied = caller.submit(&management, Action::Agent { agent: id, edit: AgentEdit::Delete }).await?;
    Ok(Gone(applied.revision))
}
