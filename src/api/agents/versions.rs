//! `/v1/agents/{id}/versions`: the draft and the versions of an agent, which never change.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use foldhash::fast::FixedState;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::content::{document, stored, stored_config};
use super::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::cursor::{QueryPrint, no_entry};
use crate::api::fields::{Fields, Text, Written};
use crate::api::request::{Body, Id, Ids, Query, VersionName};
use crate::api::{Management, aside};
use crate::domain::agent::{Agent, VERSION_DESCRIPTION_CHARS_MAX, VERSION_NAME_CHARS_MAX, Version};
use crate::domain::command::{Action, AgentEdit};
use crate::domain::id::{AgentId, ConfigHash, Environment, Pin, VersionNumber};
use crate::domain::route::Destination;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// A version, or the draft.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Version)]
pub struct VersionView {
    /// Its number; null for the draft.
    #[schema(value_type = Option<u32>)]
    number: Option<VersionNumber>,
    /// Whether it is the draft.
    draft: bool,
    /// A name for people.
    name: String,
    /// A text for people.
    description: String,
    /// Who saved it.
    author: String,
    /// When it was saved.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Fingerprint of its configuration.
    #[schema(value_type = String)]
    hash: ConfigHash,
    /// Environments that it serves.
    #[schema(value_type = Vec<String>)]
    environments: Vec<Environment>,
    /// How many numbers are pinned to it by name.
    pinned_numbers: u64,
}

/// A page of versions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionPage {
    /// The draft, then the newest first.
    versions: Vec<VersionView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// A version with its configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct WholeVersion {
    /// What is known of it.
    #[serde(flatten)]
    version: VersionView,
    /// Its configuration.
    configuration: serde_json::Value,
}

/// Lists what of an agent can be pinned: the draft first, then versions, the newest first.
#[utoipa::path(
    get, path = "/v1/agents/{id}/versions", tag = "agents", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
    ),
    responses(
        (status = 200, body = VersionPage, description = "A page."),
    )
)]
pub(super) async fn list_versions(
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<Answer<VersionPage>, ApiError> {
    let print = QueryPrint::of(&caller.key, &[&"versions", &id]);
    let cursor = query.text("cursor");
    let limit = query.limit();
    query.end()?;
    let before = cursor.map(|cursor| print.read(&cursor)).transpose()?;
    let before = before.map(|text| VersionName::of_cursor(&text).ok_or_else(no_entry)).transpose()?;
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    aside(move || {
        let pinned = Pinned::of(&caller, &agent);
        let below = match before {
            None | Some(VersionName(None)) => agent.versions.range(..),
            Some(VersionName(Some(number))) => agent.versions.range(..number),
        };
        let draft = agent.draft.iter().filter(|_| before.is_none());
        let mut versions = draft.chain(below.rev().map(|(_, version)| version));
        let page: Vec<VersionView> =
            versions.by_ref().take(limit).map(|version| VersionView::of(&agent, version, &pinned)).collect();
        let last = page.last().map(|version| print.after(&version.pin().to_string()));
        Answer::ok(VersionPage { next_cursor: versions.next().and(last), versions: page })
    })
    .await
}

/// A version that is to be saved of the draft.
#[derive(Debug, ToSchema)]
pub struct SaveVersion {
    /// A name for people.
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    name: Text<VERSION_NAME_CHARS_MAX, 1>,
    /// A text for people.
    #[schema(value_type = Option<String>, max_length = 2_000)]
    description: Option<Text<VERSION_DESCRIPTION_CHARS_MAX>>,
}

impl Written for SaveVersion {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (name, description) = (fields.required("name"), fields.optional("description"));
        Some(Self { name: name?, description })
    }
}

/// Saves the draft as the next version; the draft stays as it is.
#[utoipa::path(
    post, path = "/v1/agents/{id}/versions", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft is in this state."),
    ),
    request_body = SaveVersion,
    responses(
        (status = 201, body = VersionView, description = "The version."),
        (
            status = 409,
            description = "`VERSION_ALREADY_SAVED`: the newest version has this content; `TOO_MANY_VERSIONS`, `MANAGED_BY_FILES`"
        ),
    )
)]
pub(super) async fn save_version(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<SaveVersion>,
) -> Result<Answer<VersionView>, ApiError> {
    let edit = AgentEdit::SaveVersion {
        name: body.name.into_string(),
        description: body.description.map(Text::into_string).unwrap_or_default(),
    };
    let applied = caller.submit(&management, Action::Agent { agent: id.clone(), edit }).await?;
    let agent = find(&caller, &applied.state, &id)?;
    let saved = agent.last_version().ok_or_else(ApiError::internal)?;
    let view = VersionView::of(agent, saved, &Pinned::of(&caller, agent));
    Ok(Answer::ok(view).with_status(StatusCode::CREATED).since(&applied))
}

/// Copies a version over the draft.
#[utoipa::path(
    post, path = "/v1/agents/{id}/versions/{version}/restore", tag = "agents", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("version" = String, Path, description = "`V<n>` or `<n>`."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft is in this state."),
    ),
    responses(
        (status = 200, body = serde_json::Value, description = "The draft as it is from now on; its fingerprint is the `ETag`."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, or `NOT_FOUND`: no such version"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
        (status = 422, description = "The id or the version is malformed."),
    )
)]
pub(super) async fn restore_version(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, VersionName(number)): Ids<AgentId, VersionName>,
) -> Result<Response, ApiError> {
    let number = number.ok_or_else(|| {
        ApiError::unprocessable("version", "is the draft itself: expected a version to restore")
    })?;
    let agent = find(&caller, &caller.state, &id)?;
    let missing = || ApiError::not_found(format!("agent {id} has no {number}"));
    let hash = agent.versions.get(&number).ok_or_else(missing)?.hash;
    let this = Arc::clone(&management);
    let config = aside(move || stored_config(&this, hash)).await??;
    let edit = AgentEdit::Restore { version: number, agent_name: config.name.clone(), newest: false };
    let applied = caller.submit(&management, Action::Agent { agent: id, edit }).await?;
    Ok(document(&config.canonical_json(), hash, Some(applied.revision)))
}

/// Shows a version with its configuration.
#[utoipa::path(
    get, path = "/v1/agents/{id}/versions/{version}", tag = "agents", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("version" = String, Path, description = "`draft`, `V<n>` or `<n>`."),
    ),
    responses(
        (status = 200, body = WholeVersion, description = "The version."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, or `NOT_FOUND`: no such version"),
        (status = 422, description = "The id or the version is malformed."),
    )
)]
pub(super) async fn get_version(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, VersionName(number)): Ids<AgentId, VersionName>,
) -> Result<Answer<WholeVersion>, ApiError> {
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    let pin = number.map_or(Pin::Draft, Pin::Version);
    let missing = || ApiError::not_found(format!("agent {id} has no {pin}"));
    let version = Arc::clone(agent.resolve(pin).ok_or_else(missing)?);
    aside(move || {
        let body = stored(&management, version.hash)?;
        let configuration = serde_json::from_slice(&body).map_err(|why| {
            tracing::error!(hash = %version.hash, error = %why, "the store has a configuration that is no JSON");
            ApiError::internal()
        })?;
        let version = VersionView::of(&agent, &version, &Pinned::of(&caller, &agent));
        Ok(Answer::ok(WholeVersion { version, configuration }))
    })
    .await?
}

/// Refuses to change a version: save another one instead.
#[utoipa::path(
    method(put, patch, delete), path = "/v1/agents/{id}/versions/{version}", tag = "agents",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("version" = String, Path, description = "The version."),
    ),
    responses((status = 405, description = "`VERSION_IMMUTABLE`, always"))
)]
pub(super) async fn change_version(_caller: Caller) -> ApiError {
    ApiError::method_not_allowed("GET, HEAD").with_code("VERSION_IMMUTABLE")
}

impl VersionView {
    fn of(agent: &Agent, version: &Version, pinned: &Pinned) -> Self {
        let serves = |environment: &Environment| {
            version.number.is_some()
                && agent.deployed(*environment).is_some_and(|it| it.number == version.number)
        };
        Self {
            number: version.number,
            draft: version.number.is_none(),
            name: version.name.clone(),
            description: version.description.clone(),
            author: version.author.clone(),
            created_at: version.created_at,
            hash: version.hash,
            environments: Environment::ALL.into_iter().filter(serves).collect(),
            pinned_numbers: pinned.0.get(&version.pin()).copied().unwrap_or_default(),
        }
    }

    fn pin(&self) -> Pin {
        self.number.map_or(Pin::Draft, Pin::Version)
    }
}

impl VersionName {
    /// The inside of a cursor.
    fn of_cursor(text: &str) -> Option<Self> {
        match Pin::parse(text)? {
            Pin::Draft => Some(Self(None)),
            Pin::Version(number) => Some(Self(Some(number))),
            Pin::Environment(_) => None,
        }
    }
}

/// How many numbers are pinned to each version of an agent by name, as far as a caller may see.
struct Pinned(HashMap<Pin, u64, FixedState>);

impl Pinned {
    /// Counts them. Cost: a look at every distinct route.
    fn of(caller: &Caller, agent: &Agent) -> Self {
        let mut counts: HashMap<Pin, u64, FixedState> = HashMap::default();
        let sight = caller.sight();
        for (_, used) in caller.state.routes.iter() {
            if let Destination::Agent { agent: id, pin } = &used.route.to
                && *id == agent.profile.id.agent
                && used.route.account == agent.profile.id.account
                && sight.route(&used.route)
            {
                *counts.entry(*pin).or_default() += u64::from(used.numbers);
            }
        }
        Self(counts)
    }
}
