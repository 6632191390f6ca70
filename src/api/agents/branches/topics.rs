//! `…/branches/{branch}/knowledge-base/topics`: what the agent knows about.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::items::{ItemId, key_of_item};
use crate::api::agents::content::{Head, edit_config, refused_as, show};
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::fields::{self, Fields, Written};
use crate::api::request::{AnyBody, Ids, ThreeIds};
use crate::api::{Management, made_id};
use crate::domain::agent_config::{AgentConfig, ConfigFault, Topic};
use crate::domain::id::{AgentId, BranchId};
use crate::http::error::ApiError;

/// The code of a body that is at fault.
const INVALID: &str = "KNOWLEDGE_BASE_TOPICS_INVALID";

/// A topic.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Topic)]
pub struct TopicView {
    /// Its id.
    #[schema(example = "TOPICS-0A1B2C3D")]
    id: String,
    /// A name for people, unique within the branch.
    name: String,
    /// What the agent knows.
    content: String,
    /// What it does about it.
    actions: String,
    /// How callers ask.
    example_queries: ExampleQueries,
    /// Whether it is used.
    is_active: bool,
}

/// How callers ask for a topic.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExampleQueries {
    /// At most 100.
    #[schema(max_items = 100)]
    queries: Vec<String>,
}

/// A new topic.
#[derive(Debug, ToSchema)]
#[schema(as = NewTopic)]
pub struct NewTopic {
    /// A name for people, unique within the branch: 1 to 200 characters in one line.
    name: String,
    /// What the agent knows.
    content: String,
    #[schema(inline)]
    #[serde(flatten)]
    more: TopicMore,
}

/// What is to be changed of a topic.
#[derive(Debug, ToSchema)]
#[schema(as = TopicPatch)]
pub struct TopicPatch {
    /// A name for people, unique within the branch: 1 to 200 characters in one line.
    name: Option<String>,
    /// What the agent knows.
    content: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    more: TopicMore,
}

/// What need not be said of a topic.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TopicMore {
    /// What it does about it.
    actions: Option<String>,
    /// How callers ask.
    example_queries: Option<ExampleQueries>,
    /// Whether it is used: yes unless said.
    is_active: Option<bool>,
}

impl TopicMore {
    fn of(fields: &mut Fields<'_>) -> Self {
        let example_queries = fields.object("exampleQueries", |fields| {
            let queries = fields.values_given("queries");
            if queries.is_none() && !fields.blames("queries") {
                fields.fault("queries", "is missing: expected a list of texts");
            }
            Some(ExampleQueries { queries: queries? })
        });
        Self { actions: fields.optional("actions"), example_queries, is_active: fields.optional("isActive") }
    }

    fn change(&self, topic: &mut Topic) {
        if let Some(actions) = &self.actions {
            topic.actions.clone_from(actions);
        }
        if let Some(ExampleQueries { queries }) = &self.example_queries {
            topic.example_queries.clone_from(queries);
        }
        topic.is_active = self.is_active.unwrap_or(topic.is_active);
    }
}

impl Written for NewTopic {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (name, content) = (fields.required("name"), fields.required("content"));
        let more = TopicMore::of(fields);
        Some(Self { name: name?, content: content?, more })
    }
}

impl Written for TopicPatch {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (name, content) = (fields.optional("name"), fields.optional("content"));
        Some(Self { name, content, more: TopicMore::of(fields) })
    }
}

impl NewTopic {
    fn add_to(&self, config: &mut AgentConfig, id: &str) -> Result<(), ApiError> {
        check_name(config, id, &self.name)?;
        let mut topic = Topic {
            id: id.to_owned(),
            name: self.name.clone(),
            content: self.content.clone(),
            actions: String::new(),
            example_queries: Vec::new(),
            is_active: true,
        };
        self.more.change(&mut topic);
        config.topics.push(topic);
        Ok(())
    }
}

impl TopicPatch {
    fn change(&self, config: &mut AgentConfig, id: &ItemId) -> Result<(), ApiError> {
        if let Some(name) = &self.name {
            check_name(config, &id.0, name)?;
        }
        let topic = config.topics.iter_mut().find(|topic| topic.id == id.0);
        let topic = topic.ok_or_else(|| id.missing("topic"))?;
        if let Some(name) = &self.name {
            topic.name.clone_from(name);
        }
        if let Some(content) = &self.content {
            topic.content.clone_from(content);
        }
        self.more.change(topic);
        Ok(())
    }
}

impl From<Topic> for TopicView {
    fn from(topic: Topic) -> Self {
        let Topic { id, name, content, actions, example_queries: queries, is_active } = topic;
        Self { id, name, content, actions, example_queries: ExampleQueries { queries }, is_active }
    }
}

/// The topic with this id.
fn find(config: &AgentConfig, id: &ItemId) -> Result<TopicView, ApiError> {
    let found = config.topics.iter().find(|topic| topic.id == id.0);
    found.cloned().map(TopicView::from).ok_or_else(|| id.missing("topic"))
}

/// Refuses a name that another topic has.
fn check_name(config: &AgentConfig, id: &str, name: &str) -> Result<(), ApiError> {
    if config.topics.iter().all(|topic| topic.id == id || topic.name != name) {
        return Ok(());
    }
    let message = "another topic of the branch has this name";
    Err(ApiError::conflict("KNOWLEDGE_BASE_TOPIC_ALREADY_EXISTS", message).with_field("name", message))
}

fn read<T: Written>(caller: &Caller, text: &[u8]) -> Result<T, ApiError> {
    fields::read(caller, text).map_err(|why| why.with_code(INVALID))
}

fn refused(faults: Vec<ConfigFault>) -> ApiError {
    let name = |path: &str| key_of_item(path, "topics").replace("exampleQueries", "exampleQueries.queries");
    refused_as(faults, name).with_code(INVALID)
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(list_topics, create_topic)).routes(routes!(
        get_topic,
        patch_topic,
        delete_topic
    ))
}

/// Lists the topics of a branch.
#[utoipa::path(
    get, path = "/v1/agents/{id}/branches/{branch}/knowledge-base/topics", tag = "branches",
    security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
    ),
    responses(
        (status = 200, body = Vec<TopicView>, description = "All of them; the `ETag` is that of the branch's draft."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn list_topics(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
) -> Result<Answer<Vec<TopicView>>, ApiError> {
    let view = |config: AgentConfig| Ok(config.topics.into_iter().map(TopicView::from).collect());
    show(management, caller, Head { agent, branch }, view).await
}

/// Shows a topic.
#[utoipa::path(
    get, path = "/v1/agents/{id}/branches/{branch}/knowledge-base/topics/{topic}", tag = "branches",
    security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("topic" = String, Path, description = "The topic."),
    ),
    responses(
        (status = 200, body = TopicView, description = "It; the `ETag` is that of the branch's draft."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn get_topic(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
) -> Result<Answer<TopicView>, ApiError> {
    show(management, caller, Head { agent, branch }, move |config| find(&config, &id)).await
}

/// Adds a topic.
#[utoipa::path(
    post, path = "/v1/agents/{id}/branches/{branch}/knowledge-base/topics", tag = "branches",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    request_body = NewTopic,
    responses(
        (status = 201, body = TopicView, description = "The topic."),
        (status = 400, description = "`KNOWLEDGE_BASE_TOPICS_INVALID`: a field is at fault, or there are 2,000 topics."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (
            status = 409,
            description = "`KNOWLEDGE_BASE_TOPIC_ALREADY_EXISTS`: one of this name is there; `MANAGED_BY_FILES`; \
                `BRANCH_PROTECTED`: the account protects `main`."
        ),
    )
)]
async fn create_topic(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
    AnyBody(text): AnyBody,
) -> Result<Answer<TopicView>, ApiError> {
    let topic: NewTopic = read(&caller, &text)?;
    let id = made_id("TOPICS-", &(management.random)());
    let made = ItemId(id.clone());
    let edit = move |config: &mut AgentConfig| topic.add_to(config, &id);
    let edited = edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?;
    Ok(edited.answer(StatusCode::CREATED, find(&edited.config, &made)?))
}

/// Changes a topic: what is not named stays.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/branches/{branch}/knowledge-base/topics/{topic}", tag = "branches",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("topic" = String, Path, description = "The topic."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    request_body = TopicPatch,
    responses(
        (status = 204, description = "It is so now."),
        (status = 400, description = "`KNOWLEDGE_BASE_TOPICS_INVALID`: a field is at fault."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (
            status = 409,
            description = "`KNOWLEDGE_BASE_TOPIC_ALREADY_EXISTS`: another one has this name; `MANAGED_BY_FILES`; \
                `BRANCH_PROTECTED`: the account protects `main`."
        ),
    )
)]
async fn patch_topic(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
    AnyBody(text): AnyBody,
) -> Result<Response, ApiError> {
    let patch: TopicPatch = read(&caller, &text)?;
    let edit = move |config: &mut AgentConfig| patch.change(config, &id);
    Ok(edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?.done())
}

/// Deletes a topic.
#[utoipa::path(
    delete, path = "/v1/agents/{id}/branches/{branch}/knowledge-base/topics/{topic}", tag = "branches",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("topic" = String, Path, description = "The topic."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
    )
)]
async fn delete_topic(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
) -> Result<Response, ApiError> {
    let edit = move |config: &mut AgentConfig| {
        let at = config.topics.iter().position(|topic| topic.id == id.0);
        config.topics.remove(at.ok_or_else(|| id.missing("topic"))?);
        Ok(())
    };
    Ok(edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?.done())
}
