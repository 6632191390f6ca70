//! `/v1/adopt` and `/v1/release`: what goes from the files to the API, and back.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::caller::Caller;
use super::fields::{EXACT_MAX, Fields, Whole, Written};
use super::request::Body;
use super::{Management, aside};
use crate::control::{Foreseen, HandOver};
use crate::domain::address::{Number, Prefix};
use crate::domain::caller_pin::CallerAddress;
use crate::domain::id::{AgentId, Revision, SplitId};
use crate::domain::object::{HANDED_OVER_MAX, Object};
use crate::domain::route::ManagedBy;
use crate::http::error::ApiError;

/// What is to go over, at most 10,000 objects together.
#[derive(Debug, ToSchema)]
#[schema(as = HandOver, rename_all = "camelCase")]
pub struct HandOverBody {
    /// Numbers.
    #[schema(value_type = Vec<String>, required = false)]
    numbers: Vec<Number>,
    /// All phone numbers that begin so, of those that can go over and that the key may see.
    #[schema(value_type = Option<String>, example = "+1415")]
    prefix: Option<Prefix>,
    /// Prefixes that have a route.
    #[schema(value_type = Vec<String>, required = false)]
    prefixes: Vec<Prefix>,
    /// Whether the default route goes over.
    #[schema(required = false)]
    default_route: bool,
    /// Splits, with the owners of their slots: callers keep their arm.
    #[schema(value_type = Vec<String>, required = false)]
    splits: Vec<SplitId>,
    /// Agents, with draft, versions and environments.
    #[schema(value_type = Vec<String>, required = false)]
    agents: Vec<AgentId>,
    /// Caller pins.
    #[schema(required = false)]
    caller_pins: Vec<CallerPinName>,
    /// Says what it would come to, and changes nothing.
    #[schema(required = false)]
    dry_run: bool,
    /// Refused unless this is the revision; any revision will do where absent.
    #[schema(value_type = Option<u64>)]
    expected_revision: Option<Revision>,
}

/// A caller pin by its name.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CallerPinName {
    /// The agent.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// The caller.
    #[schema(value_type = String)]
    caller: CallerAddress,
}

impl Written for HandOverBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let caller_pins = fields.objects("callerPins", HANDED_OVER_MAX, "at most 10,000", |fields| {
            let (agent_id, caller) = (fields.required("agentId"), fields.required("caller"));
            Some(CallerPinName { agent_id: agent_id?, caller: caller? })
        });
        let expected: Option<Whole<EXACT_MAX>> = fields.optional("expectedRevision");
        Some(Self {
            dry_run: fields.optional("dryRun").unwrap_or_default(),
            expected_revision: expected.map(|revision| Revision(revision.get())),
            numbers: fields.values("numbers"),
            prefix: fields.optional("prefix"),
            prefixes: fields.values("prefixes"),
            default_route: fields.optional("defaultRoute").unwrap_or_default(),
            splits: fields.values("splits"),
            agents: fields.values("agents"),
            caller_pins: caller_pins.into_iter().flatten().flatten().collect(),
        })
    }
}

impl HandOverBody {
    fn into_objects(self) -> BTreeSet<Object> {
        let pin = |CallerPinName { agent_id, caller }| Object::CallerPin { agent_id, caller };
        (self.numbers.into_iter().map(Object::Number))
            .chain(self.prefixes.into_iter().map(Object::Prefix))
            .chain(self.default_route.then_some(Object::DefaultRoute))
            .chain(self.splits.into_iter().map(Object::Split))
            .chain(self.agents.into_iter().map(Object::Agent))
            .chain(self.caller_pins.into_iter().map(pin))
            .collect()
    }
}

/// What went over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandedOver {
    /// Who may change it from now on: `api` or `files`.
    #[schema(value_type = String, example = "api")]
    managed_by: ManagedBy,
    /// How many objects.
    count: usize,
    /// What becomes of them, in a sentence for people: of those that the files have again, what they say of them.
    summary: String,
    /// The revision at which it was weighed, which is the `expectedRevision` for doing it; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    revision: Option<Revision>,
    /// Whether calls at a `live` pin would be won or lost; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    reaches_live: Option<bool>,
    /// What you should know all the same.
    warnings: Vec<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(adopt)).routes(routes!(release))
}

/// Gives objects of the files to the API, as they are, in one revision; all of them, or none.
///
/// The files may go on listing them: what they say of them changes nothing then, and the status warns of it with file and
/// line. It stays so until they no longer list them, or they are released, whatever becomes of them over the API.
#[utoipa::path(
    post, path = "/v1/adopt", tag = "ownership", security(("key" = ["edit"])),
    request_body = HandOverBody,
    responses(
        (status = 200, body = HandedOver, description = "They are the API's, or would be."),
        (status = 404, description = "`NOT_FOUND`: those that are not there, by name"),
        (status = 409, description = "`MANAGED_BY_API`: those that it has already, by name; `TOO_MANY_SHADOWED`"),
        (status = 412, description = "`PRECONDITION_FAILED`: the revision is not `expectedRevision`"),
    )
)]
async fn adopt(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Body(body): Body<HandOverBody>,
) -> Result<Answer<HandedOver>, ApiError> {
    hand_over(&management, &caller, body, ManagedBy::Api).await
}

/// Gives objects of the API back to the files, which list them, in one revision; all of them, or none.
///
/// From this revision on what the files in force say of them holds.
#[utoipa::path(
    post, path = "/v1/release", tag = "ownership", security(("key" = ["edit"])),
    request_body = HandOverBody,
    responses(
        (status = 200, body = HandedOver, description = "They are the files', or would be."),
        (status = 400, description = "`FILES_FAULTY`: what the files say of them cannot be, with its place in `data.faults`"),
        (status = 404, description = "`NOT_FOUND`: those that are not there, by name"),
        (
            status = 409,
            description = "`MANAGED_BY_FILES`: those that they have already, by name; `NOT_IN_FILES`: those that no file lists"
        ),
        (status = 412, description = "`PRECONDITION_FAILED`: the revision is not `expectedRevision`"),
    )
)]
async fn release(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Body(body): Body<HandOverBody>,
) -> Result<Answer<HandedOver>, ApiError> {
    hand_over(&management, &caller, body, ManagedBy::Files).await
}

async fn hand_over(
    management: &Arc<Management>,
    caller: &Caller,
    body: HandOverBody,
    to: ManagedBy,
) -> Result<Answer<HandedOver>, ApiError> {
    let (account, author, beginning) = (caller.account().clone(), caller.author(), body.prefix);
    let (expected, dry_run) = (body.expected_revision, body.dry_run);
    let wanted = HandOver { account, author, to, objects: body.into_objects(), beginning, expected };
    if dry_run {
        let (management, at) = (Arc::clone(management), management.now());
        let Foreseen { revision, count, summary, warnings, reaches_live } =
            aside(move || management.control.foresee(wanted, at)).await??;
        let (revision, reaches_live) = (Some(revision), Some(reaches_live));
        return Ok(Answer::ok(HandedOver {
            managed_by: to,
            count,
            summary,
            revision,
            reaches_live,
            warnings,
        }));
    }
    let applied = management.control.hand_over(wanted).await?;
    let view = HandedOver {
        managed_by: to,
        count: applied.handed_over,
        summary: applied.summary.clone(),
        revision: None,
        reaches_live: None,
        warnings: applied.warnings.clone(),
    };
    Ok(Answer::ok(view).since(&applied))
}
