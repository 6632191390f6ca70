//! `…/telephony/phone-numbers`: numbers that came by a connector of an agent.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NAMED_MAX, PhoneNumberView, find, number_of};
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::fields::{Fields, Written};
use crate::api::request::{Body, Id, Ids, Query};
use crate::api::{Management, aside, made};
use crate::control::{Applied, ControlError};
use crate::domain::address::Number;
use crate::domain::command::{Action, AgentEdit, NO_NUMBER, NewNumbers, TelephonyEdit};
use crate::domain::id::{AgentId, ConnectorId, Environment};
use crate::http::error::ApiError;

/// How often numbers are released anew where some of them went meanwhile.
const ATTEMPTS: usize = 4;

/// Numbers of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumberList {
    /// Phone numbers by value, then SIP users by name; at most 10,000.
    phone_numbers: Vec<PhoneNumberView>,
    /// What to ask for as `cursor` to go on; null at the end.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Number>,
}

/// Numbers that were taken in.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhoneNumbersImported {
    /// All of them.
    imported: Vec<PhoneNumberView>,
    /// What you should know all the same.
    warnings: Vec<String>,
}

/// A number that was taken in.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhoneNumberImported {
    /// It.
    imported: PhoneNumberView,
    /// What you should know all the same.
    warnings: Vec<String>,
}

/// Numbers that are released.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhoneNumbersDeleted {
    /// Those that were there.
    #[schema(value_type = Vec<String>)]
    deleted: Vec<Number>,
    /// The others.
    errors: Vec<PhoneNumberError>,
}

/// A number that could not be released.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumberError {
    /// Which.
    #[schema(value_type = String)]
    phone_number: Number,
    /// Why.
    error: String,
}

/// A number that is released.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhoneNumberDeleted {
    /// It.
    #[schema(value_type = String)]
    deleted: Number,
}

/// Those of several numbers that are there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhoneNumbersFound {
    /// Those that are there.
    found: Vec<PhoneNumberView>,
    /// The others.
    #[schema(value_type = Vec<String>)]
    not_found: Vec<Number>,
}

/// Numbers that are to be taken in. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = ImportPhoneNumbers, rename_all = "camelCase")]
pub struct ImportBody {
    #[schema(inline)]
    #[serde(flatten)]
    numbers: NumbersBody,
    #[schema(inline)]
    #[serde(flatten)]
    to: EnvironmentBody,
}

/// Numbers. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = PhoneNumbersBody, rename_all = "camelCase")]
pub struct NumbersBody {
    /// `+` and 7 to 15 digits, or SIP users; at most 10,000.
    #[schema(value_type = Vec<String>)]
    phone_numbers: Vec<Number>,
}

/// What is to serve. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = PhoneNumberBody, rename_all = "camelCase")]
pub struct EnvironmentBody {
    /// `sandbox`, `pre-release` or `live`, which it is unless said.
    #[schema(value_type = Option<String>, example = "live")]
    client_env: Environment,
}

/// Another connector for a number. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = PatchPhoneNumber, rename_all = "camelCase")]
pub struct ConnectBody {
    /// A connector of the agent.
    #[schema(value_type = String)]
    connector_id: ConnectorId,
}

impl NumbersBody {
    fn of(fields: &mut Fields<'_>) -> Self {
        let phone_numbers: Vec<Number> = fields.values("phoneNumbers");
        if phone_numbers.is_empty() && !fields.blames("phoneNumbers") {
            fields.fault("phoneNumbers", "is missing or empty: expected a list of numbers");
        }
        if phone_numbers.len() > NAMED_MAX {
            let count = phone_numbers.len();
            fields.fault("phoneNumbers", format!("has {count} numbers: expected at most {NAMED_MAX}"));
        }
        let once: BTreeSet<Number> = phone_numbers.into_iter().collect();
        Self { phone_numbers: once.into_iter().collect() }
    }
}

impl EnvironmentBody {
    fn of(fields: &mut Fields<'_>) -> Self {
        Self { client_env: fields.optional("clientEnv").unwrap_or(Environment::Live) }
    }
}

impl Written for NumbersBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let read = Self::of(fields);
        fields.leave_others();
        Some(read)
    }
}

impl Written for EnvironmentBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let read = Self::of(fields);
        fields.leave_others();
        Some(read)
    }
}

impl Written for ImportBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let read = Self { numbers: NumbersBody::of(fields), to: EnvironmentBody::of(fields) };
        fields.leave_others();
        Some(read)
    }
}

impl Written for ConnectBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let connector_id = fields.required("connectorId");
        fields.leave_others();
        Some(Self { connector_id: connector_id? })
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list_phone_numbers, import_phone_numbers, delete_phone_numbers))
        .routes(routes!(find_phone_numbers))
        .routes(routes!(get_phone_number, import_phone_number, patch_phone_number, delete_phone_number))
}

/// Lists the numbers of an agent that came by a connector.
#[utoipa::path(
    get, path = "/v1/agents/{id}/telephony/phone-numbers", tag = "telephony", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("connectorId" = Option<String>, Query, description = "Only those of this connector."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the answer before."),
    ),
    responses(
        (status = 200, body = PhoneNumberList, description = "At most 10,000 of them."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `PHONE_NUMBERS_CONNECTOR_DOES_NOT_EXIST`"),
    )
)]
async fn list_phone_numbers(
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<Answer<PhoneNumberList>, ApiError> {
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    let connector = query.text("connectorId");
    let after = query.take("cursor", |text| Number::parse(text).map_err(|why| why.to_string()));
    query.end()?;
    let named =
        connector.map(|text| ConnectorId::parse(&text).ok().filter(|it| agent.connectors.contains_key(it)));
    if matches!(named, Some(None)) {
        return Err(ApiError::not_found(format!("agent {id} has no such connector"))
            .with_code("PHONE_NUMBERS_CONNECTOR_DOES_NOT_EXIST"));
    }
    let connector = named.flatten();
    aside(move || {
        let wanted = |it: &ConnectorId| match &connector {
            Some(connector) => it == connector,
            None => agent.connectors.contains_key(it),
        };
        let numbers = caller.state.numbers_of(&agent.profile.id, wanted);
        let numbers = numbers.filter(|(number, route)| {
            after.as_ref().is_none_or(|after| number > after) && caller.sight().route(route)
        });
        let mut views = numbers.filter_map(|(number, route)| PhoneNumberView::of(&agent, number, route));
        let phone_numbers: Vec<_> = views.by_ref().take(NAMED_MAX).collect();
        let last = phone_numbers.last().map(|view| view.number.clone());
        let next_cursor = views.next().and(last);
        Answer::ok(PhoneNumberList { phone_numbers, next_cursor })
    })
    .await
}

/// Takes numbers into the account, all or none, and pins them to an environment of the agent.
///
/// The connector of that environment is made if there is none.
#[utoipa::path(
    post, path = "/v1/agents/{id}/telephony/phone-numbers", tag = "telephony", security(("key" = ["edit"])),
    params(("id" = String, Path, description = "The agent.")),
    request_body = ImportBody,
    responses(
        (status = 201, body = PhoneNumbersImported, description = "They are served from now on."),
        (status = 400, description = "`PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT`"),
        (status = 409, description = "`PHONE_NUMBERS_ALREADY_EXISTS`: some are routed already, by name"),
    )
)]
async fn import_phone_numbers(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(ImportBody { numbers, to }): Body<ImportBody>,
) -> Result<Answer<PhoneNumbersImported>, ApiError> {
    let (imported, applied) = import(&management, &caller, &id, numbers.phone_numbers, to).await?;
    let answer = PhoneNumbersImported { imported, warnings: applied.warnings.clone() };
    Ok(Answer::ok(answer).with_status(StatusCode::CREATED).since(&applied))
}

async fn import(
    management: &Management,
    caller: &Caller,
    id: &AgentId,
    numbers: Vec<Number>,
    to: EnvironmentBody,
) -> Result<(Vec<PhoneNumberView>, Applied), ApiError> {
    find(caller, &caller.state, id)?;
    let connector = made("CONNECTOR-", &(management.random)(), ConnectorId::parse)?;
    let new = NewNumbers { numbers: numbers.clone(), environment: to.client_env, connector };
    let applied = submit(management, caller, id, TelephonyEdit::Import(new)).await?;
    let agent = find(caller, &applied.state, id)?;
    let view = |number| {
        let route = applied.state.route(&number)?;
        PhoneNumberView::of(agent, number, route)
    };
    Ok((numbers.into_iter().filter_map(view).collect(), applied))
}

async fn submit(
    management: &Management,
    caller: &Caller,
    id: &AgentId,
    edit: TelephonyEdit,
) -> Result<Applied, ControlError> {
    let action = Action::Agent { agent: id.clone(), edit: AgentEdit::Telephony(edit) };
    caller.try_submit(management, action).await
}

/// Releases numbers of an agent: those that are there.
#[utoipa::path(
    delete, path = "/v1/agents/{id}/telephony/phone-numbers", tag = "telephony",
    security(("key" = ["edit"])),
    params(("id" = String, Path, description = "The agent.")),
    request_body = NumbersBody,
    responses(
        (status = 200, body = PhoneNumbersDeleted, description = "What became of each."),
        (status = 400, description = "`PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT`"),
    )
)]
async fn delete_phone_numbers(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<NumbersBody>,
) -> Result<Answer<PhoneNumbersDeleted>, ApiError> {
    for _ in 0..ATTEMPTS {
        let state = management.control.state();
        let agent = find(&caller, &state, &id)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for phone_number in body.phone_numbers.iter().cloned() {
            match number_of(&caller, &state, agent, &phone_number) {
                Ok((view, _)) => deleted.push(view.number),
                Err(why) => errors.push(PhoneNumberError { phone_number, error: why.message().to_owned() }),
            }
        }
        match submit(&management, &caller, &id, TelephonyEdit::Release(deleted.clone())).await {
            Ok(applied) => return Ok(Answer::ok(PhoneNumbersDeleted { deleted, errors }).since(&applied)),
            // Some of them went meanwhile.
            Err(ControlError::Refused(refusal)) if refusal.code == NO_NUMBER => {}
            Err(why) => return Err(why.into()),
        }
    }
    Err(ApiError::overloaded(1))
}

/// Shows those of several numbers that the agent has.
#[utoipa::path(
    post, path = "/v1/agents/{id}/telephony/phone-numbers/batch", tag = "telephony",
    security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    request_body = NumbersBody,
    responses(
        (status = 200, body = PhoneNumbersFound, description = "Those that are there, and the others."),
        (status = 400, description = "`PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT`"),
    )
)]
async fn find_phone_numbers(
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<NumbersBody>,
) -> Result<Answer<PhoneNumbersFound>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let (mut found, mut not_found) = (Vec::new(), Vec::new());
    for number in body.phone_numbers {
        match number_of(&caller, &caller.state, agent, &number) {
            Ok((view, _)) => found.push(view),
            Err(_) => not_found.push(number),
        }
    }
    Ok(Answer::ok(PhoneNumbersFound { found, not_found }))
}

/// Shows a number of an agent.
#[utoipa::path(
    get, path = "/v1/agents/{id}/telephony/phone-numbers/{number}", tag = "telephony",
    security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("number" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
    ),
    responses(
        (status = 200, body = PhoneNumberView, description = "The number; the tag is in `ETag`."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `PHONE_NUMBERS_NOT_FOUND`"),
    )
)]
async fn get_phone_number(
    caller: Caller,
    Ids(id, number): Ids<AgentId, Number>,
) -> Result<Answer<PhoneNumberView>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let (view, route) = number_of(&caller, &caller.state, agent, &number)?;
    Ok(Answer::ok(view).with_tag(Tag::of(route)))
}

/// Takes a number into the account and pins it to an environment of the agent.
#[utoipa::path(
    post, path = "/v1/agents/{id}/telephony/phone-numbers/{number}", tag = "telephony",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("number" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
    ),
    request_body = EnvironmentBody,
    responses(
        (status = 201, body = PhoneNumberImported, description = "It is served from now on."),
        (status = 409, description = "`PHONE_NUMBERS_ALREADY_EXISTS`"),
    )
)]
async fn import_phone_number(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, number): Ids<AgentId, Number>,
    Body(to): Body<EnvironmentBody>,
) -> Result<Answer<PhoneNumberImported>, ApiError> {
    let (imported, applied) = import(&management, &caller, &id, vec![number], to).await?;
    let imported = imported.into_iter().next().ok_or_else(ApiError::internal)?;
    let answer = PhoneNumberImported { imported, warnings: applied.warnings.clone() };
    Ok(Answer::ok(answer).with_status(StatusCode::CREATED).since(&applied))
}

/// Gives a number another connector of the agent, and pins it to the environment of that one.
///
/// A number that leads to the agent without a connector gets its first one so.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/telephony/phone-numbers/{number}", tag = "telephony",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("number" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
        ("If-Match" = Option<String>, Header, description = "Only if the number is in this state."),
    ),
    request_body = ConnectBody,
    responses(
        (status = 200, body = PhoneNumberView, description = "The number as it is from now on."),
        (
            status = 404,
            description = "`PROJECT_NOT_FOUND`, `PHONE_NUMBERS_NOT_FOUND`, `PHONE_NUMBERS_CONNECTOR_DOES_NOT_EXIST`"
        ),
        (status = 409, description = "`MANAGED_BY_FILES`"),
    )
)]
async fn patch_phone_number(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, number): Ids<AgentId, Number>,
    Body(body): Body<ConnectBody>,
) -> Result<Answer<PhoneNumberView>, ApiError> {
    let edit = TelephonyEdit::Connect { number: number.clone(), connector: body.connector_id };
    let applied = submit(&management, &caller, &id, edit).await?;
    let agent = find(&caller, &applied.state, &id)?;
    let (view, route) = number_of(&caller, &applied.state, agent, &number)?;
    Ok(Answer::ok(view).with_tag(Tag::of(route)).since(&applied))
}

/// Releases a number of an agent.
#[utoipa::path(
    delete, path = "/v1/agents/{id}/telephony/phone-numbers/{number}", tag = "telephony",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("number" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
        ("If-Match" = Option<String>, Header, description = "Only if the number is in this state."),
    ),
    responses(
        (status = 200, body = PhoneNumberDeleted, description = "It is released."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `PHONE_NUMBERS_NOT_FOUND`"),
    )
)]
async fn delete_phone_number(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, number): Ids<AgentId, Number>,
) -> Result<Answer<PhoneNumberDeleted>, ApiError> {
    let applied = submit(&management, &caller, &id, TelephonyEdit::Release(vec![number.clone()])).await?;
    Ok(Answer::ok(PhoneNumberDeleted { deleted: number }).since(&applied))
}
