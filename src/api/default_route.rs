//! `/v1/default-route`: where calls go that nothing else matches.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Management;
use super::answer::{Answer, Gone};
use super::caller::Caller;
use super::etag::Tag;
use super::operation::{Asked, Operation, Unread, Wanted};
use super::route::{RouteBody, RouteView};
use crate::domain::command::Action;
use crate::domain::refusal::Refusal;
use crate::domain::route::Route;
use crate::http::error::ApiError;

/// A default route that is to be set.
#[derive(Debug, Clone)]
pub(super) struct PutDefaultRoute(Route);

impl Operation for PutDefaultRoute {
    const METHOD: &'static str = "PUT";
    const PATH: &'static str = "/v1/default-route";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        RouteBody::read_route(asked).map(Self)
    }
}

impl From<PutDefaultRoute> for Action {
    fn from(PutDefaultRoute(route): PutDefaultRoute) -> Self {
        Self::PutDefault(route)
    }
}

/// That there is to be no default route.
#[derive(Debug)]
pub(super) struct DeleteDefaultRoute;

impl Operation for DeleteDefaultRoute {
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/v1/default-route";

    fn read(_: &mut Asked<'_>) -> Result<Self, Unread> {
        Ok(Self)
    }
}

impl From<DeleteDefaultRoute> for Action {
    fn from(_: DeleteDefaultRoute) -> Self {
        Self::DeleteDefault
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(get_default_route, put_default_route, delete_default_route))
}

/// Shows the default route.
#[utoipa::path(
    get, path = "/v1/default-route", tag = "default route", security(("key" = ["read"])),
    responses(
        (status = 200, body = RouteView, description = "The route; the tag is in `ETag`."),
        (status = 404, description = "`NOT_FOUND`"),
    )
)]
async fn get_default_route(caller: Caller) -> Result<Answer<RouteView>, ApiError> {
    let route = caller.state.defaults.get(caller.account());
    let route = route.ok_or_else(|| ApiError::not_found("there is no default route"))?;
    if !caller.sight().route(route) {
        return Err(Refusal::hidden().into());
    }
    Ok(Answer::ok(RouteView::of(&caller.state, route)).with_tag(Tag::of(route.as_ref())))
}

/// Sets the default route.
#[utoipa::path(
    put, path = "/v1/default-route", tag = "default route", security(("key" = ["edit"])),
    params(("If-Match" = Option<String>, Header, description = "Only if the route is in this state.")),
    request_body = RouteBody,
    responses(
        (status = 200, body = RouteView, description = "The route as it is from now on."),
        (status = 409, description = "`MANAGED_BY_FILES`"),
    )
)]
async fn put_default_route(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Wanted(put): Wanted<PutDefaultRoute>,
) -> Result<Answer<RouteView>, ApiError> {
    let applied = caller.submit(&management, put.clone()).await?;
    let PutDefaultRoute(route) = put;
    let view = RouteView::with_warnings(&route, applied.warnings.clone());
    Ok(Answer::ok(view).with_tag(Tag::of(&route)).since(&applied))
}

/// Removes the default route.
#[utoipa::path(
    delete, path = "/v1/default-route", tag = "default route", security(("key" = ["edit"])),
    params(("If-Match" = Option<String>, Header, description = "Only if the route is in this state.")),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, description = "`NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`"),
    )
)]
async fn delete_default_route(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Wanted(delete): Wanted<DeleteDefaultRoute>,
) -> Result<Gone, ApiError> {
    let applied = caller.submit(&management, delete).await?;
    Ok(Gone(applied.revision))
}
