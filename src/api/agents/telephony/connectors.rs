//! `…/telephony/connectors`: what numbers of an agent share.

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ConnectorView, NAMED_MAX, find, number_of};
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::fields::{self, Fields, Kind, Text, Written};
use crate::api::request::{AnyBody, Body, Id, Ids};
use crate::api::{Management, aside};
use crate::control::Applied;
use crate::domain::address::Number;
use crate::domain::agent::Agent;
use crate::domain::agent_config::is_language_tag;
use crate::domain::command::{Action, AgentEdit, ConnectorPatch, TelephonyEdit};
use crate::domain::connector::{CONNECTOR_CHARS_MAX, CONNECTORS_MAX, Connector};
use crate::domain::id::{AgentId, ConnectorId, SiteVariantId};
use crate::http::error::ApiError;
use crate::http::json::tree::Tree;

/// Connectors.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectorList {
    /// By id.
    connectors: Vec<ConnectorView>,
}

/// Those of several connectors that are there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorsFound {
    /// Those that are there.
    found: Vec<ConnectorView>,
    /// The ids of the others.
    not_found: Vec<String>,
}

/// A connector that is gone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorDeleted {
    /// Its id.
    #[schema(value_type = String)]
    deleted_connector: ConnectorId,
    /// Its numbers, which were released.
    #[schema(value_type = Vec<String>)]
    deleted_phone_numbers: Vec<Number>,
}

/// What became of several changes, each for itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatchResults {
    /// In their order.
    results: Vec<PatchResult>,
}

/// What became of one change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchResult {
    /// Of which connector.
    #[schema(value_type = String)]
    connector_id: ConnectorId,
    /// Whether it was made.
    success: bool,
    /// The connector as it is from now on.
    data: Option<ConnectorView>,
    /// Why it was not made.
    error: Option<String>,
    /// What you should know all the same.
    warnings: Vec<String>,
}

/// A connector that was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PatchedConnector)]
pub struct PatchedView {
    #[schema(inline)]
    #[serde(flatten)]
    connector: ConnectorView,
    /// What you should know all the same.
    warnings: Vec<String>,
}

/// What of a connector is to change: a key that is there sets, null clears. Keys that are not known are left alone.
#[derive(Debug, Clone, ToSchema)]
#[schema(as = PatchConnector, rename_all = "camelCase")]
#[expect(clippy::option_option, reason = "left alone, cleared, or set")]
pub struct PatchBody {
    /// The site variant of its numbers that name none themselves.
    #[schema(value_type = Option<String>)]
    variant_id: Option<Option<SiteVariantId>>,
    /// The language that is listened for, by BCP 47.
    #[schema(value_type = Option<String>)]
    asr_lang_code: Option<Option<Language>>,
    /// The voice that speaks.
    #[schema(value_type = Option<String>, max_length = 200)]
    voice_name: Option<Option<Text<CONNECTOR_CHARS_MAX, 1>>>,
    /// The agent that has it from now on, and its numbers.
    #[schema(value_type = Option<String>)]
    project_id: Option<AgentId>,
    /// Names that are no key of a connector.
    #[schema(ignore)]
    unknown: Vec<String>,
}

/// Keys of a connector as it is shown: whoever sends it back whole means no harm.
const SHOWN: [&str; 7] =
    ["connectorId", "name", "accountId", "clientEnv", "ttsLangCode", "disableHandoff", "warnings"];

/// Several changes.
#[derive(Debug, ToSchema)]
#[schema(as = PatchConnectors)]
pub struct PatchesBody {
    /// Each with its `connectorId`.
    updates: Vec<NamedPatch>,
}

/// A change of the connector that it names.
#[derive(Debug, ToSchema)]
#[schema(as = NamedConnectorPatch, rename_all = "camelCase")]
pub struct NamedPatch {
    /// Which.
    #[schema(value_type = String)]
    connector_id: ConnectorId,
    #[schema(inline)]
    #[serde(flatten)]
    patch: PatchBody,
}

/// Connectors by their ids.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConnectorIds {
    /// The ids, at most 10,000.
    connector_ids: Vec<String>,
}

/// A number whose connector is wanted.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConnectorLookup {
    /// The number.
    #[schema(value_type = String)]
    phone_number: Number,
}

/// A well-formed tag of a language.
#[derive(Debug, Clone)]
pub struct Language(String);

impl Kind for Language {
    fn expected() -> String {
        "a language by BCP 47 such as en-GB".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = String::of(tree)?;
        if is_language_tag(&text) {
            return Ok(Self(text));
        }
        Err(Some(format!("is no language: expected {}", Self::expected())))
    }
}

impl Written for PatchBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let project_id = fields.given("projectId");
        if matches!(project_id, Some(None)) {
            fields.fault("projectId", "cannot be cleared: expected the id of an agent");
        }
        let read = Self {
            variant_id: fields.given("variantId"),
            asr_lang_code: fields.given("asrLangCode"),
            voice_name: fields.given("voiceName"),
            project_id: project_id.flatten(),
            unknown: fields.leave_unknown(&SHOWN),
        };
        Some(read)
    }
}

impl Written for PatchesBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let expected = format!("at most {CONNECTORS_MAX} changes");
        let updates = fields.objects("updates", CONNECTORS_MAX, &expected, |fields| {
            let connector_id = fields.required("connectorId");
            let patch = PatchBody::read(fields)?;
            Some(NamedPatch { connector_id: connector_id?, patch })
        });
        if updates.is_none() && !fields.blames("updates") {
            fields.fault("updates", "is missing: expected a list of changes");
        }
        fields.leave_others();
        Some(Self { updates: updates?.into_iter().flatten().collect() })
    }
}

impl Written for ConnectorIds {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let ids: Option<Vec<String>> = fields.values_given("connectorIds");
        match &ids {
            None if fields.blames("connectorIds") => {}
            None => fields.fault("connectorIds", "is missing: expected a list of ids"),
            Some(ids) if ids.len() > NAMED_MAX => {
                fields.fault("connectorIds", format!("has {} ids: expected at most {NAMED_MAX}", ids.len()));
            }
            Some(_) => {}
        }
        fields.leave_others();
        Some(Self { connector_ids: ids? })
    }
}

impl Written for ConnectorLookup {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let phone_number = fields.required("phoneNumber");
        fields.leave_others();
        Some(Self { phone_number: phone_number? })
    }
}

impl PatchBody {
    fn into_patch(self) -> ConnectorPatch {
        ConnectorPatch {
            site_variant: self.variant_id,
            asr_language: self.asr_lang_code.map(|given| given.map(|Language(tag)| tag)),
            voice_name: self.voice_name.map(|given| given.map(Text::into_string)),
            agent: self.project_id,
        }
    }
}

/// Reads a body about connectors, whose faults have a code of their own.
fn read<T: Written>(caller: &Caller, text: &Bytes) -> Result<T, ApiError> {
    fields::read(caller, text).map_err(|why| why.with_code("CONNECTORS_VALIDATION_FAILED"))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list_connectors))
        .routes(routes!(find_connectors, patch_connectors))
        .routes(routes!(look_up_connector))
        .routes(routes!(get_connector, patch_connector, delete_connector))
}

/// Lists the connectors of an agent.
#[utoipa::path(
    get, path = "/v1/agents/{id}/telephony/connectors", tag = "telephony", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = ConnectorList, description = "All of them, by id."),
    )
)]
async fn list_connectors(caller: Caller, Id(id): Id<AgentId>) -> Result<Answer<ConnectorList>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let connectors = agent.connectors.values().map(|it| ConnectorView::of(agent, it)).collect();
    Ok(Answer::ok(ConnectorList { connectors }))
}

/// Shows those of several connectors that are there.
#[utoipa::path(
    post, path = "/v1/agents/{id}/telephony/connectors/batch", tag = "telephony",
    security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    request_body = ConnectorIds,
    responses(
        (status = 200, body = ConnectorsFound, description = "Those that are there, and the ids of the others."),
        (status = 400, description = "`CONNECTORS_VALIDATION_FAILED`"),
    )
)]
async fn find_connectors(
    caller: Caller,
    Id(id): Id<AgentId>,
    AnyBody(text): AnyBody,
) -> Result<Answer<ConnectorsFound>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let ConnectorIds { connector_ids } = read(&caller, &text)?;
    let (mut found, mut not_found) = (Vec::new(), Vec::new());
    for id in connector_ids {
        match ConnectorId::parse(&id).ok().and_then(|id| agent.connectors.get(&id)) {
            Some(connector) => found.push(ConnectorView::of(agent, connector)),
            None => not_found.push(id),
        }
    }
    Ok(Answer::ok(ConnectorsFound { found, not_found }))
}

/// Changes several connectors, each for itself: what is refused leaves the others as they are to be.
///
/// With `If-Match`, which may list several tags, those are changed that are in one of these states when their turn comes; the
/// others are told in their place.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/telephony/connectors/batch", tag = "telephony",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("If-Match" = Option<String>, Header, description = "Only those that are in one of these states."),
    ),
    request_body = PatchesBody,
    responses(
        (status = 200, body = PatchResults, description = "What became of each."),
        (status = 400, description = "`CONNECTORS_VALIDATION_FAILED`"),
    )
)]
async fn patch_connectors(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    AnyBody(text): AnyBody,
) -> Result<Answer<PatchResults>, ApiError> {
    find(&caller, &caller.state, &id)?;
    let PatchesBody { updates } = read(&caller, &text)?;
    let mut results = Vec::with_capacity(updates.len());
    for NamedPatch { connector_id, patch } in updates {
        let patched = patch_one(&management, &caller, &id, &connector_id, patch).await;
        let (data, error, warnings) = match patched {
            Ok((PatchedView { connector, warnings }, _, _)) => (Some(connector), None, warnings),
            Err(why) if why.status().is_server_error() => return Err(why),
            Err(why) => (None, Some(why.message().to_owned()), Vec::new()),
        };
        results.push(PatchResult { connector_id, success: error.is_none(), data, error, warnings });
    }
    Ok(Answer::ok(PatchResults { results }))
}

/// Shows the connector of a number.
#[utoipa::path(
    post, path = "/v1/agents/{id}/telephony/connectors/lookup", tag = "telephony",
    security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    request_body = ConnectorLookup,
    responses(
        (status = 200, body = ConnectorView, description = "The connector."),
        (status = 400, description = "`PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT`"),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `PHONE_NUMBERS_NOT_FOUND`"),
    )
)]
async fn look_up_connector(
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<ConnectorLookup>,
) -> Result<Answer<ConnectorView>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let (number, _) = number_of(&caller, &caller.state, agent, &body.phone_number)?;
    let connector = known(agent, &number.connector_id)?;
    Ok(Answer::ok(ConnectorView::of(agent, connector)).with_tag(Tag::of(connector)))
}

/// Shows a connector.
#[utoipa::path(
    get, path = "/v1/agents/{id}/telephony/connectors/{connector}", tag = "telephony",
    security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("connector" = String, Path, description = "The connector."),
    ),
    responses(
        (status = 200, body = ConnectorView, description = "The connector; the tag is in `ETag`."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `CONNECTORS_NOT_FOUND`"),
    )
)]
async fn get_connector(
    caller: Caller,
    Ids(id, connector): Ids<AgentId, ConnectorId>,
) -> Result<Answer<ConnectorView>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let connector = known(agent, &connector)?;
    Ok(Answer::ok(ConnectorView::of(agent, connector)).with_tag(Tag::of(connector)))
}

/// Changes a connector. With `projectId` it goes to another agent, and its numbers are pinned to the same environment of
/// that one.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/telephony/connectors/{connector}", tag = "telephony",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("connector" = String, Path, description = "The connector."),
        ("If-Match" = Option<String>, Header, description = "Only if it is in this state."),
    ),
    request_body = PatchBody,
    responses(
        (status = 200, body = PatchedView, description = "The connector as it is from now on."),
        (status = 400, description = "`CONNECTORS_VALIDATION_FAILED`"),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `CONNECTORS_NOT_FOUND`"),
        (status = 409, description = "`TOO_MANY_CONNECTORS`"),
    )
)]
async fn patch_connector(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, connector): Ids<AgentId, ConnectorId>,
    AnyBody(text): AnyBody,
) -> Result<Answer<PatchedView>, ApiError> {
    find(&caller, &caller.state, &id)?;
    let body = read(&caller, &text)?;
    let (view, tag, applied) = patch_one(&management, &caller, &id, &connector, body).await?;
    Ok(Answer::ok(view).with_tag(tag).since(&applied))
}

async fn patch_one(
    management: &Management,
    caller: &Caller,
    id: &AgentId,
    connector: &ConnectorId,
    mut body: PatchBody,
) -> Result<(PatchedView, Tag, Applied), ApiError> {
    let unknown = std::mem::take(&mut body.unknown);
    let patch = body.into_patch();
    let now_of = patch.agent.clone().unwrap_or_else(|| id.clone());
    let edit = TelephonyEdit::PatchConnector { connector: connector.clone(), patch };
    let action = Action::Agent { agent: id.clone(), edit: AgentEdit::Telephony(edit) };
    let applied = caller.submit(management, action).await?;
    let agent = find(caller, &applied.state, &now_of)?;
    let patched = known(agent, connector)?;
    let unknown =
        unknown.into_iter().map(|name| format!("{name} is no key of a connector: it was left alone"));
    let warnings = applied.warnings.iter().cloned().chain(unknown).collect();
    let view = PatchedView { connector: ConnectorView::of(agent, patched), warnings };
    Ok((view, Tag::of(patched), applied))
}

/// Deletes a connector and releases its numbers, in one revision.
#[utoipa::path(
    delete, path = "/v1/agents/{id}/telephony/connectors/{connector}", tag = "telephony",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("connector" = String, Path, description = "The connector."),
        ("If-Match" = Option<String>, Header, description = "Only if it is in this state."),
    ),
    responses(
        (status = 200, body = ConnectorDeleted, description = "It is gone, and its numbers are released."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `CONNECTORS_NOT_FOUND`"),
    )
)]
async fn delete_connector(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, connector): Ids<AgentId, ConnectorId>,
) -> Result<Answer<ConnectorDeleted>, ApiError> {
    let agent = caller.agent_ref(&id);
    let edit = AgentEdit::Telephony(TelephonyEdit::DeleteConnector(connector.clone()));
    let before = management.control.state();
    let applied = caller.submit(&management, Action::Agent { agent: id, edit }).await?;
    aside(move || {
        // Those that were there when it was asked, and are not any more.
        let had = before.numbers_of(&agent, |it| *it == connector).map(|(number, _)| number);
        let deleted_phone_numbers = had.filter(|number| applied.state.route(number).is_none()).collect();
        let deleted = ConnectorDeleted { deleted_connector: connector, deleted_phone_numbers };
        Answer::ok(deleted).since(&applied)
    })
    .await
}

fn known<'a>(agent: &'a Agent, id: &ConnectorId) -> Result<&'a Connector, ApiError> {
    agent.connectors.get(id).map(AsRef::as_ref).ok_or_else(|| {
        let message = format!("agent {} has no connector {id}", agent.profile.id.agent);
        ApiError::not_found(message).with_code("CONNECTORS_NOT_FOUND")
    })
}
