//! `/v1/default-route`: where calls go that nothing else matches.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Management;
use super::answer::{Answer, Gone};
use super::caller::Caller;
use super::etag::Tag;
use super::request::Body;
use super::route::{RouteBody, RouteView};
use crate::domain::command::Action;
use crate::domain::refusal::Refusal;
use crate::http::error::ApiError;

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
        (status = 412, description = "`PRECONDITION_FAILED`"),
    )
)]
async fn put_default_route(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Body(body): Body<RouteBody>,
) -> Result<Answer<RouteView>, ApiError> {
    let route = body.into_route(&caller)?;
    let applied = caller.submit(&management, Action::PutDefault(route.clone())).await?;
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
        (status = 412, description = "`PRECONDITION_FAILED`"),
    )
)]
async fn delete_default_route(
    State(management): State<Arc<Management>>,
    caller: Caller,
) -> Result<Gone, ApiError> {
    let applied = caller.submit(&management, Action::DeleteDefault).await?;
    Ok(Gone(applied.revision))
}
