//! `/v1/splits`: A/B tests, made, watched, shifted, ended.

pub(super) mod body;
mod change;
mod operations;
mod scope;
mod view;

use std::ops::Bound;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Gone};
use super::caller::Caller;
use super::cursor::{QueryPrint, no_entry};
use super::etag::Tag;
use super::operation::Wanted;
use super::request::{Id, Query};
use super::{Management, aside};
use crate::domain::change::SplitRef;
use crate::domain::id::SplitId;
use crate::domain::refusal::Refusal;
use crate::domain::split::Split;
use crate::http::error::ApiError;
use scope::Scopes;

pub(super) use operations::{CreateSplit, DeleteSplit, EndSplit, PatchSplit};
pub(super) use view::SplitView;

/// A page of splits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SplitPage {
    /// By id.
    splits: Vec<SplitView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list_splits, change::create_split))
        .routes(routes!(get_split, change::patch_split, delete_split))
        .routes(routes!(change::end_split))
}

/// Lists splits.
#[utoipa::path(
    get, path = "/v1/splits", tag = "splits", security(("key" = ["read"])),
    params(
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
    ),
    responses((status = 200, body = SplitPage, description = "A page."))
)]
async fn list_splits(
    State(management): State<Arc<Management>>,
    caller: Caller,
    mut query: Query,
) -> Result<Answer<SplitPage>, ApiError> {
    let print = QueryPrint::of(&caller.key, &[&"splits"]);
    let cursor = query.text("cursor");
    let limit = query.limit();
    query.end()?;
    let after = cursor.map(|cursor| print.read(&cursor)).transpose()?;
    let after = after.map(|text| SplitId::parse(&text).map_err(|_| no_entry())).transpose()?;
    aside(move || Answer::ok(page(&management, &caller, print, after, limit))).await
}

fn page(
    management: &Management,
    caller: &Caller,
    print: QueryPrint,
    after: Option<SplitId>,
    limit: usize,
) -> SplitPage {
    let (state, account) = (&caller.state, caller.account());
    let from = after.map(|split| SplitRef { account: account.clone(), split });
    let splits = match &from {
        Some(from) => state.splits.range_from(Bound::Excluded(from)),
        None => state.splits.iter(),
    };
    let mut splits = splits
        .skip_while(|(id, _)| id.account != *account)
        .take_while(|(id, _)| id.account == *account)
        .filter(|(_, split)| caller.sight().split(split));
    let shown: Vec<&Split> = splits.by_ref().take(limit).map(|(_, split)| split.as_ref()).collect();
    let last = shown.last().map(|split| print.after(split.id.as_str()));
    let next_cursor = splits.next().and(last);
    let mut scopes = Scopes::of(caller, state, shown.iter().copied());
    let view = |split: &Split| SplitView::of(management, state, split, scopes.take(&split.id));
    SplitPage { splits: shown.into_iter().map(view).collect(), next_cursor }
}

/// Shows a split.
#[utoipa::path(
    get, path = "/v1/splits/{id}", tag = "splits", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The split."),
        ("owners" = Option<bool>, Query, description = "Whether to show which arm owns which slots."),
    ),
    responses(
        (status = 200, body = SplitView, description = "The split; the tag is in `ETag`."),
        (status = 404, description = "`SPLIT_NOT_FOUND`"),
    )
)]
async fn get_split(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<SplitId>,
    mut query: Query,
) -> Result<Answer<SplitView>, ApiError> {
    let owners = query.flag("owners");
    query.end()?;
    let split = Arc::clone(find(&caller.state, &caller, &id)?);
    if !caller.sight().split(&split) {
        return Err(Refusal::hidden().into());
    }
    aside(move || {
        let leading = Scopes::of(&caller, &caller.state, std::iter::once(split.as_ref())).take(&id);
        let view = SplitView::of(&management, &caller.state, &split, leading);
        let view = if owners { view.with_owners(&split) } else { view };
        Answer::ok(view).with_tag(Tag::of(split.as_ref()))
    })
    .await
}

/// Deletes a split that no number, prefix or default route leads into.
#[utoipa::path(
    delete, path = "/v1/splits/{id}", tag = "splits", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The split."),
        ("If-Match" = Option<String>, Header, description = "Only if the split is in this state."),
    ),
    responses(
        (status = 204, description = "It is deleted."),
        (status = 404, description = "`SPLIT_NOT_FOUND`"),
        (status = 409, description = "`IN_USE`, or `MANAGED_BY_FILES`"),
    )
)]
async fn delete_split(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Wanted(delete): Wanted<DeleteSplit>,
) -> Result<Gone, ApiError> {
    let applied = caller.submit(&management, delete).await?;
    Ok(Gone(applied.revision))
}

fn find<'a>(
    state: &'a crate::domain::state::State,
    caller: &Caller,
    id: &SplitId,
) -> Result<&'a Arc<Split>, ApiError> {
    let key = SplitRef { account: caller.account().clone(), split: id.clone() };
    let found = state.splits.get(&key);
    found.ok_or_else(|| ApiError::not_found(format!("there is no split {id}")).with_code("SPLIT_NOT_FOUND"))
}
