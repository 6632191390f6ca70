//! `/v1/plan` and `/v1/apply`: many changes as one revision, seen before they are made.

mod body;
mod object;
mod planner;
mod view;

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::caller::Caller;
use super::request::AnyBody;
use super::{Management, aside};
use crate::control::{Applied, ControlError, Precondition};
use crate::domain::command::Action;
use crate::domain::refusal::Refusal;
use crate::http::error::ApiError;
use body::PlanBody;
use planner::Planned;
use view::PlanView;

/// How often changes that expect no revision are planned anew since another change came first.
const TRIES: usize = 16;

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(plan)).routes(routes!(apply))
}

/// Says what changes would come to, and changes nothing.
///
/// Each change is the request of another operation: any `PUT`, `POST`, `PATCH` or `DELETE` of numbers, prefixes, the
/// default route, caller pins and splits. They are taken in order, and each meets what those before it made: a split can
/// be made and numbers be put into it, and the same object be changed twice. Each is refused as the operation itself
/// would be; the refusal names it as `changes[n]`.
///
/// What is left to chance when a split is made, its salt and an id that is not given, is the same in a plan and in
/// `POST /v1/apply` of the same changes at the same revision.
#[utoipa::path(
    post, path = "/v1/plan", tag = "plan", security(("key" = ["edit"])),
    request_body = PlanBody,
    responses(
        (status = 200, body = PlanView, description = "What the changes would come to."),
        (status = 400, description = "`VALIDATION_FAILED`: all faults of all changes, such as `changes[3].body.pin`"),
        (status = 403, description = "`USER_ACCESS_FORBIDDEN`: the key may not do one of them, `changes[n]`"),
        (status = 404, description = "As the operation of a change would be refused."),
        (status = 409, description = "As the operation of a change would be refused, e.g. `MANAGED_BY_FILES`"),
        (status = 412, description = "`PRECONDITION_FAILED`: the revision is not `expectedRevision`"),
    )
)]
async fn plan(
    State(management): State<Arc<Management>>,
    caller: Caller,
    AnyBody(text): AnyBody,
) -> Result<Answer<PlanView>, ApiError> {
    let planned = planned(&management, caller, text).await?;
    Ok(Answer::ok(planned.view(None)))
}

/// Makes changes as one revision, or none of them.
///
/// The changes are those of `POST /v1/plan`, and so is the answer. With the `revision` of a plan as `expectedRevision`,
/// what was shown is what is done, or nothing is; without it, the changes are made to whatever is there.
#[utoipa::path(
    post, path = "/v1/apply", tag = "plan", security(("key" = ["edit"])),
    request_body = PlanBody,
    responses(
        (status = 200, body = PlanView, description = "What they came to; `revision` is that from which they hold."),
        (status = 400, description = "`VALIDATION_FAILED`: all faults of all changes, such as `changes[3].body.pin`"),
        (status = 403, description = "`USER_ACCESS_FORBIDDEN`: the key may not do one of them, `changes[n]`"),
        (status = 404, description = "As the operation of a change would be refused."),
        (status = 409, description = "As the operation of a change would be refused, e.g. `MANAGED_BY_FILES`"),
        (status = 412, description = "`PRECONDITION_FAILED`: the revision is not `expectedRevision`"),
    )
)]
async fn apply(
    State(management): State<Arc<Management>>,
    mut caller: Caller,
    AnyBody(text): AnyBody,
) -> Result<Answer<PlanView>, ApiError> {
    for _ in 0..TRIES {
        let planned = planned(&management, caller.clone(), text.clone()).await?;
        match submitted(&management, &caller, &planned).await {
            Ok(applied) => return Ok(Answer::ok(planned.view(Some(applied.revision))).since(&applied)),
            // Another change came between the plan and its turn.
            Err(ControlError::Refused(refusal))
                if refusal.code == STALE && !planned.is_bound() && caller.if_match.is_none() =>
            {
                caller.state = management.control.state();
            }
            Err(why) => return Err(why.into()),
        }
    }
    Err(ControlError::Busy.into())
}

const STALE: &str = "PRECONDITION_FAILED";

async fn planned(management: &Arc<Management>, caller: Caller, text: Bytes) -> Result<Planned, ApiError> {
    let management = Arc::clone(management);
    aside(move || planner::plan(&management, &caller, &text)).await?
}

/// Asks for what was planned, in the very state that it was planned in.
async fn submitted(
    management: &Management,
    caller: &Caller,
    planned: &Planned,
) -> Result<Applied, ControlError> {
    let (revision, account, if_match) =
        (planned.revision(), caller.account().clone(), caller.if_match.clone());
    let action = Action::Several(planned.actions().into());
    let meant = action.clone();
    let precondition: Precondition = Box::new(move |state| {
        if state.revision != revision {
            return Err(Refusal::stale(state.revision, revision));
        }
        if_match.map_or(Ok(()), |named| named.check(state, &account, &meant))
    });
    management.control.submit_if(caller.command(action, planned.at()), Some(precondition)).await
}
