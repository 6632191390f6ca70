//! `/v1/caller-pins`: which callers get another version than everybody else.

use std::ops::Bound;
use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Management;
use super::answer::{Answer, Gone};
use super::caller::Caller;
use super::cursor::{QueryPrint, no_entry};
use super::etag::Tag;
use super::fields::{Fields, Written};
use super::operation::{Asked, Operation, Unread, Wanted};
use super::request::{Ids, Query};
use crate::domain::caller_pin::{CallerAddress, CallerHash, CallerPin, CallerPinKey, CallerPinRef, Probe};
use crate::domain::command::Action;
use crate::domain::id::{AgentId, Pin};
use crate::domain::refusal::Refusal;
use crate::domain::route::ManagedBy;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// What serves a caller instead.
#[derive(Debug, ToSchema)]
#[schema(as = CallerPinBody)]
pub struct CallerPinBody {
    /// What of the agent: `draft`, `V<n>`, `sandbox`, `pre-release` or `live`.
    #[schema(value_type = String, example = "V4")]
    pin: Pin,
    /// Without effect from then on; for ever where absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl Written for CallerPinBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (pin, until) = (fields.required("pin"), fields.optional("until"));
        Some(Self { pin: pin?, until })
    }
}

/// A caller, and what of an agent serves them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallerPin)]
#[serde(rename_all = "camelCase")]
pub struct CallerPinView {
    /// The agent.
    #[schema(value_type = String, example = "sales")]
    agent_id: AgentId,
    /// `+` and digits, or a SIP user.
    #[schema(value_type = String, example = "+14155550999")]
    caller: CallerAddress,
    /// What stands for the caller in the history: a `target` there.
    #[schema(example = "caller-0c7b1c1dfe9b5abc03b030341cff8f25")]
    known_as: String,
    /// What of the agent.
    #[schema(value_type = String, example = "V4")]
    pin: Pin,
    /// Without effect from then on.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Whether `until` is over. The pin stays until it is deleted, or its place is needed.
    expired: bool,
    /// Who may change it.
    #[schema(value_type = String, example = "api")]
    managed_by: ManagedBy,
    /// What you should know all the same.
    warnings: Vec<String>,
}

impl CallerPinView {
    pub(super) fn of(management: &Management, pin: &CallerPin, warnings: Vec<String>) -> Self {
        let CallerPinRef { agent, caller } = &pin.id;
        let known_as = CallerHash::of(&management.key_secret, &agent.account, caller);
        Self {
            agent_id: agent.agent.clone(),
            caller: caller.clone(),
            known_as: known_as.to_string(),
            pin: pin.pin,
            until: pin.until,
            // By the clock that calls go by.
            expired: pin.expired(management.now_of_calls()),
            managed_by: pin.managed_by,
            warnings,
        }
    }
}

/// A page of caller pins.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallerPinPage {
    /// By agent, then phone numbers by value, then SIP users by name.
    caller_pins: Vec<CallerPinView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// A caller who is to be pinned.
#[derive(Debug)]
pub(super) struct PutCallerPin {
    pin: CallerPin,
    known_as: CallerHash,
}

impl Operation for PutCallerPin {
    const METHOD: &'static str = "PUT";
    const PATH: &'static str = "/v1/caller-pins/{agentId}/{caller}";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        let (id, known_as) = read_caller(asked)?;
        let body: CallerPinBody = asked.body()?;
        let pin = CallerPin { id, managed_by: ManagedBy::Api, pin: body.pin, until: body.until };
        Ok(Self { pin, known_as })
    }
}

impl From<PutCallerPin> for Action {
    fn from(PutCallerPin { pin, known_as }: PutCallerPin) -> Self {
        Self::PutCallerPin { pin, known_as }
    }
}

/// A caller who is to be pinned no longer.
#[derive(Debug)]
pub(super) struct DeleteCallerPin {
    id: CallerPinRef,
    known_as: CallerHash,
}

impl Operation for DeleteCallerPin {
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/v1/caller-pins/{agentId}/{caller}";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        let (id, known_as) = read_caller(asked)?;
        Ok(Self { id, known_as })
    }
}

impl From<DeleteCallerPin> for Action {
    fn from(DeleteCallerPin { id, known_as }: DeleteCallerPin) -> Self {
        Self::DeleteCallerPin { id, known_as }
    }
}

/// The caller that a path names, and what stands for them in the history.
fn read_caller(asked: &mut Asked<'_>) -> Result<(CallerPinRef, CallerHash), Unread> {
    let (agent, caller): (AgentId, CallerAddress) = (asked.id()?, asked.id()?);
    let known_as = CallerHash::of(asked.key_secret, asked.caller.account(), &caller);
    Ok((CallerPinRef { agent: asked.caller.agent_ref(&agent), caller }, known_as))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(list_caller_pins)).routes(routes!(
        get_caller_pin,
        put_caller_pin,
        delete_caller_pin
    ))
}

/// Lists the callers that are pinned to a version.
#[utoipa::path(
    get, path = "/v1/caller-pins", tag = "caller-pins", security(("key" = ["read"])),
    params(
        ("agentId" = Option<String>, Query, description = "Only pins to versions of this agent."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before, of the same query."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
    ),
    responses((status = 200, body = CallerPinPage, description = "A page."))
)]
async fn list_caller_pins(
    Shared(management): Shared<Arc<Management>>,
    caller: Caller,
    mut query: Query,
) -> Result<Answer<CallerPinPage>, ApiError> {
    let agent = query.take("agentId", |text| AgentId::parse(text).map_err(|why| why.to_string()));
    let print = QueryPrint::of(&caller.key, &[&"caller-pins", &agent]);
    let cursor = query.text("cursor");
    let limit = query.limit();
    query.end()?;
    let after = cursor.map(|cursor| print.read(&cursor)).transpose()?;
    let after = after.map(|text| read_after(&caller, &text).ok_or_else(no_entry)).transpose()?;
    let wanted = agent.map(|agent| caller.agent_ref(&agent));
    let first = match &wanted {
        Some(agent) => Probe::first_of(agent),
        None => Probe::first_of_account(caller.account()),
    };
    let from: &dyn CallerPinKey = after.as_ref().map_or(&first, |after| after);
    let pins = caller.state.caller_pins.range_from(Bound::Excluded(from));
    let mut pins = pins
        .take_while(|(id, _)| id.agent.account == *caller.account())
        .take_while(|(id, _)| wanted.as_ref().is_none_or(|wanted| id.agent == *wanted))
        .filter(|(id, _)| caller.sight().agent(&id.agent.agent));
    let page: Vec<&Arc<CallerPin>> = pins.by_ref().take(limit).map(|(_, pin)| pin).collect();
    let last = page.last().map(|pin| print.after(&format!("{}/{}", pin.id.agent.agent, pin.id.caller)));
    let next_cursor = pins.next().and(last);
    let view =
        |pin: &Arc<CallerPin>| CallerPinView::of(&management, pin, caller.state.warnings_of_caller_pin(pin));
    Ok(Answer::ok(CallerPinPage { caller_pins: page.into_iter().map(view).collect(), next_cursor }))
}

/// The pin that a cursor names: no id of an agent has a slash.
fn read_after(caller: &Caller, text: &str) -> Option<CallerPinRef> {
    let (agent, address) = text.split_once('/')?;
    let agent = caller.agent_ref(&AgentId::parse(agent).ok()?);
    Some(CallerPinRef { agent, caller: CallerAddress::parse(address).ok()? })
}

/// Shows what a caller of an agent is pinned to.
#[utoipa::path(
    get, path = "/v1/caller-pins/{agentId}/{caller}", tag = "caller-pins", security(("key" = ["read"])),
    params(
        ("agentId" = String, Path, description = "The agent."),
        ("caller" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
    ),
    responses(
        (status = 200, body = CallerPinView, description = "The pin; the tag is in `ETag`."),
        (status = 404, description = "`NOT_FOUND`"),
        (status = 422, description = "The agent or the caller is malformed, or the caller a withheld one."),
    )
)]
async fn get_caller_pin(
    Shared(management): Shared<Arc<Management>>,
    caller: Caller,
    Ids(agent, address): Ids<AgentId, CallerAddress>,
) -> Result<Answer<CallerPinView>, ApiError> {
    if !caller.sight().agent(&agent) {
        return Err(Refusal::hidden().into());
    }
    let id = CallerPinRef { agent: caller.agent_ref(&agent), caller: address };
    let pin = caller.state.caller_pins.get(&id);
    let pin =
        pin.ok_or_else(|| ApiError::not_found(format!("this caller is not pinned to a version of {agent}")))?;
    let view = CallerPinView::of(&management, pin, caller.state.warnings_of_caller_pin(pin));
    Ok(Answer::ok(view).with_tag(Tag::of(pin.as_ref())))
}

/// Pins a caller to a version of an agent.
///
/// Wherever routes lead to the agent, the caller's calls are served by it from now on, outside of splits. It changes the
/// version, never the agent. Calls in progress, tokens and overrides go before it.
#[utoipa::path(
    put, path = "/v1/caller-pins/{agentId}/{caller}", tag = "caller-pins", security(("key" = ["edit"])),
    params(
        ("agentId" = String, Path, description = "The agent."),
        ("caller" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
        ("If-Match" = Option<String>, Header, description = "Only if the pin is in this state."),
    ),
    request_body = CallerPinBody,
    responses(
        (status = 200, body = CallerPinView, description = "The pin as it is from now on."),
        (status = 404, description = "`PROJECT_NOT_FOUND`: no such agent"),
        (status = 409, description = "`MANAGED_BY_FILES`, or `TOO_MANY_CALLER_PINS`: the account has 100,000"),
        (status = 422, description = "The agent or the caller is malformed, or the caller a withheld one."),
    )
)]
async fn put_caller_pin(
    Shared(management): Shared<Arc<Management>>,
    caller: Caller,
    Wanted(put): Wanted<PutCallerPin>,
) -> Result<Answer<CallerPinView>, ApiError> {
    let pin = put.pin.clone();
    let applied = caller.submit(&management, put).await?;
    let view = CallerPinView::of(&management, &pin, applied.warnings.clone());
    Ok(Answer::ok(view).with_tag(Tag::of(&pin)).since(&applied))
}

/// Pins a caller no longer.
#[utoipa::path(
    delete, path = "/v1/caller-pins/{agentId}/{caller}", tag = "caller-pins", security(("key" = ["edit"])),
    params(
        ("agentId" = String, Path, description = "The agent."),
        ("caller" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
        ("If-Match" = Option<String>, Header, description = "Only if the pin is in this state."),
    ),
    responses(
        (status = 204, description = "The caller is pinned no longer."),
        (status = 404, description = "`NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`"),
        (status = 422, description = "The agent or the caller is malformed, or the caller a withheld one."),
    )
)]
async fn delete_caller_pin(
    Shared(management): Shared<Arc<Management>>,
    caller: Caller,
    Wanted(delete): Wanted<DeleteCallerPin>,
) -> Result<Gone, ApiError> {
    let applied = caller.submit(&management, delete).await?;
    Ok(Gone(applied.revision))
}
