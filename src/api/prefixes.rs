//! `/v1/prefixes`: where numbers go that begin alike and have no route of their own.

use std::ops::Bound;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Management;
use super::answer::{Answer, Gone};
use super::caller::Caller;
use super::cursor::{QueryPrint, no_entry};
use super::etag::Tag;
use super::operation::{Asked, Operation, Unread, Wanted};
use super::request::{Id, Query};
use super::route::{RouteBody, RouteView};
use crate::domain::address::Prefix;
use crate::domain::command::Action;
use crate::domain::refusal::Refusal;
use crate::domain::route::Route;
use crate::domain::state::State as Present;
use crate::http::error::ApiError;

/// A prefix and where its calls go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Prefix)]
pub struct PrefixView {
    /// `+` and 1 to 15 digits.
    #[schema(value_type = String, example = "+1415")]
    prefix: Prefix,
    /// Where to.
    #[serde(flatten)]
    route: RouteView,
}

/// A page of prefixes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrefixPage {
    /// Shorter ones first, then by value.
    prefixes: Vec<PrefixView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

impl PrefixView {
    pub(super) fn of(state: &Present, prefix: Prefix, route: &Route) -> Self {
        Self { prefix, route: RouteView::of(state, route) }
    }
}

/// A prefix that is to be routed.
#[derive(Debug, Clone)]
pub(super) struct PutPrefix {
    prefix: Prefix,
    route: Route,
}

impl Operation for PutPrefix {
    const METHOD: &'static str = "PUT";
    const PATH: &'static str = "/v1/prefixes/{prefix}";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        Ok(Self { prefix: asked.id()?, route: RouteBody::read_route(asked)? })
    }
}

impl From<PutPrefix> for Action {
    fn from(PutPrefix { prefix, route }: PutPrefix) -> Self {
        Self::PutPrefix { prefix, route }
    }
}

/// A prefix that is to be released.
#[derive(Debug)]
pub(super) struct DeletePrefix(Prefix);

impl Operation for DeletePrefix {
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/v1/prefixes/{prefix}";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        asked.id().map(Self)
    }
}

impl From<DeletePrefix> for Action {
    fn from(DeletePrefix(prefix): DeletePrefix) -> Self {
        Self::DeletePrefix(prefix)
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(list_prefixes)).routes(routes!(get_prefix, put_prefix, delete_prefix))
}

/// Lists prefixes.
#[utoipa::path(
    get, path = "/v1/prefixes", tag = "prefixes", security(("key" = ["read"])),
    params(
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
    ),
    responses((status = 200, body = PrefixPage, description = "A page."))
)]
async fn list_prefixes(caller: Caller, mut query: Query) -> Result<Answer<PrefixPage>, ApiError> {
    let print = QueryPrint::of(&caller.key, &[&"prefixes"]);
    let cursor = query.text("cursor");
    let limit = query.limit();
    query.end()?;
    let after = cursor.map(|cursor| print.read(&cursor)).transpose()?;
    let after = after.map(|text| Prefix::parse(&text).ok_or_else(no_entry)).transpose()?;
    let from = (caller.account().clone(), after.unwrap_or(Prefix::FIRST));
    let prefixes = caller.state.prefixes.range_from(Bound::Excluded(&from));
    let mut prefixes = prefixes
        .take_while(|((account, _), _)| account == caller.account())
        .filter(|(_, route)| caller.sight().route(route))
        .map(|((_, prefix), route)| PrefixView::of(&caller.state, *prefix, route));
    let page: Vec<PrefixView> = prefixes.by_ref().take(limit).collect();
    let last = page.last().map(|view| print.after(&view.prefix.to_string()));
    let next_cursor = prefixes.next().and(last);
    Ok(Answer::ok(PrefixPage { prefixes: page, next_cursor }))
}

/// Shows the route of a prefix.
#[utoipa::path(
    get, path = "/v1/prefixes/{prefix}", tag = "prefixes", security(("key" = ["read"])),
    params(("prefix" = String, Path, description = "`+` and 1 to 15 digits.")),
    responses(
        (status = 200, body = PrefixView, description = "The prefix; the tag is in `ETag`."),
        (status = 404, description = "`NOT_FOUND`"),
        (status = 422, description = "The prefix is malformed."),
    )
)]
async fn get_prefix(caller: Caller, Id(prefix): Id<Prefix>) -> Result<Answer<PrefixView>, ApiError> {
    let route = caller.state.prefixes.get(&(caller.account().clone(), prefix));
    let route = route.ok_or_else(|| ApiError::not_found(format!("there is no prefix {prefix}")))?;
    if !caller.sight().route(route) {
        return Err(Refusal::hidden().into());
    }
    let tag = Tag::of(route.as_ref());
    Ok(Answer::ok(PrefixView::of(&caller.state, prefix, route)).with_tag(tag))
}

/// Routes a prefix.
#[utoipa::path(
    put, path = "/v1/prefixes/{prefix}", tag = "prefixes", security(("key" = ["edit"])),
    params(
        ("prefix" = String, Path, description = "`+` and 1 to 15 digits."),
        ("If-Match" = Option<String>, Header, description = "Only if the prefix is in this state."),
    ),
    request_body = RouteBody,
    responses(
        (status = 200, body = PrefixView, description = "The prefix as it is from now on."),
        (status = 409, description = "`MANAGED_BY_FILES`"),
        (status = 422, description = "The prefix is malformed."),
    )
)]
async fn put_prefix(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Wanted(put): Wanted<PutPrefix>,
) -> Result<Answer<PrefixView>, ApiError> {
    let applied = caller.submit(&management, put.clone()).await?;
    let PutPrefix { prefix, route } = put;
    let view = PrefixView { prefix, route: RouteView::with_warnings(&route, applied.warnings.clone()) };
    Ok(Answer::ok(view).with_tag(Tag::of(&route)).since(&applied))
}

/// Releases a prefix.
#[utoipa::path(
    delete, path = "/v1/prefixes/{prefix}", tag = "prefixes", security(("key" = ["edit"])),
    params(
        ("prefix" = String, Path, description = "`+` and 1 to 15 digits."),
        ("If-Match" = Option<String>, Header, description = "Only if the prefix is in this state."),
    ),
    responses(
        (status = 204, description = "It is released."),
        (status = 404, description = "`NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`"),
        (status = 422, description = "The prefix is malformed."),
    )
)]
async fn delete_prefix(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Wanted(delete): Wanted<DeletePrefix>,
) -> Result<Gone, ApiError> {
    let applied = caller.submit(&management, delete).await?;
    Ok(Gone(applied.revision))
}
