//! `/v1/numbers`: which number goes where.

mod import;
mod list;

pub use import::ImportLimits;

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Management;
use super::answer::{Answer, Gone};
use super::caller::Caller;
use super::etag::Tag;
use super::operation::{Asked, Operation, Unread, Wanted};
use super::request::Id;
use super::route::{RouteBody, RouteView};
use crate::domain::address::Number;
use crate::domain::command::{Action, NO_NUMBER};
use crate::domain::refusal::Refusal;
use crate::domain::route::Route;
use crate::domain::state::State;
use crate::http::error::ApiError;

/// A number and where its calls go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Number)]
pub struct NumberView {
    /// `+` and digits, or a SIP user.
    #[schema(value_type = String, example = "+14155550100")]
    number: Number,
    /// Where to.
    #[serde(flatten)]
    route: RouteView,
}

impl NumberView {
    pub(super) fn of(state: &State, number: Number, route: &Route) -> Self {
        let mut warnings = state.warnings_of(route);
        warnings.extend(number.doubt());
        Self { number, route: RouteView::with_warnings(route, warnings) }
    }
}

/// A number that is to be routed.
#[derive(Debug, Clone)]
pub(super) struct PutNumber {
    number: Number,
    route: Route,
}

impl Operation for PutNumber {
    const METHOD: &'static str = "PUT";
    const PATH: &'static str = "/v1/numbers/{number}";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        Ok(Self { number: asked.id()?, route: RouteBody::read_route(asked)? })
    }
}

impl From<PutNumber> for Action {
    fn from(PutNumber { number, route }: PutNumber) -> Self {
        Self::PutNumber { number, route }
    }
}

/// A number that is to be released.
#[derive(Debug)]
pub(super) struct DeleteNumber(Number);

impl Operation for DeleteNumber {
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/v1/numbers/{number}";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        asked.id().map(Self)
    }
}

impl From<DeleteNumber> for Action {
    fn from(DeleteNumber(number): DeleteNumber) -> Self {
        Self::DeleteNumber(number)
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list::list_numbers))
        .routes(routes!(import::import_numbers))
        .routes(routes!(get_number, put_number, delete_number))
}

/// Shows the route of a number.
#[utoipa::path(
    get, path = "/v1/numbers/{number}", tag = "numbers", security(("key" = ["read"])),
    params(("number" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded.")),
    responses(
        (status = 200, body = NumberView, description = "The number; the tag is in `ETag`."),
        (status = 404, description = "`PHONE_NUMBERS_NOT_FOUND`"),
        (status = 422, description = "`PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT`"),
    )
)]
async fn get_number(caller: Caller, Id(number): Id<Number>) -> Result<Answer<NumberView>, ApiError> {
    let owned = caller.state.route(&number).filter(|route| route.account == *caller.account());
    let route = owned
        .ok_or_else(|| ApiError::not_found(format!("there is no number {number}")).with_code(NO_NUMBER))?;
    if !caller.sight().route(route) {
        return Err(Refusal::hidden().into());
    }
    let tag = Tag::of(route.as_ref());
    Ok(Answer::ok(NumberView::of(&caller.state, number, route)).with_tag(tag))
}

/// Routes a number; takes it into the account if nobody has it.
#[utoipa::path(
    put, path = "/v1/numbers/{number}", tag = "numbers", security(("key" = ["edit"])),
    params(
        ("number" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
        ("If-Match" = Option<String>, Header, description = "Only if the number is in this state."),
    ),
    request_body = RouteBody,
    responses(
        (status = 200, body = NumberView, description = "The number as it is from now on."),
        (status = 409, description = "`MANAGED_BY_FILES`, or `PHONE_NUMBERS_ALREADY_EXISTS`: of another account"),
        (status = 422, description = "`PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT`"),
    )
)]
async fn put_number(
    Shared(management): Shared<Arc<Management>>,
    caller: Caller,
    Wanted(put): Wanted<PutNumber>,
) -> Result<Answer<NumberView>, ApiError> {
    let applied = caller.submit(&management, put.clone()).await?;
    let PutNumber { number, route } = put;
    // With the connector, where it keeps one.
    let route = applied.state.route(&number).map_or(route, |route| route.as_ref().clone());
    let view = NumberView { number, route: RouteView::with_warnings(&route, applied.warnings.clone()) };
    Ok(Answer::ok(view).with_tag(Tag::of(&route)).since(&applied))
}

/// Releases a number.
#[utoipa::path(
    delete, path = "/v1/numbers/{number}", tag = "numbers", security(("key" = ["edit"])),
    params(
        ("number" = String, Path, description = "`+` and 7 to 15 digits, or a SIP user; percent-encoded."),
        ("If-Match" = Option<String>, Header, description = "Only if the number is in this state."),
    ),
    responses(
        (status = 204, description = "It is released."),
        (status = 404, description = "`PHONE_NUMBERS_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`"),
        (status = 422, description = "`PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT`"),
    )
)]
async fn delete_number(
    Shared(management): Shared<Arc<Management>>,
    caller: Caller,
    Wanted(delete): Wanted<DeleteNumber>,
) -> Result<Gone, ApiError> {
    let applied = caller.submit(&management, delete).await?;
    Ok(Gone(applied.revision))
}
