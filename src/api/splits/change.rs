//! Splits made, changed and ended.

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;

use super::body::{EndBody, NewSplit, SplitChange};
use super::find;
use super::operations::{CreateSplit, EndSplit, PatchSplit};
use super::scope::Scopes;
use super::view::SplitView;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::operation::Wanted;
use crate::api::{Management, aside};
use crate::control::Applied;
use crate::domain::split::Split;
use crate::http::error::ApiError;

/// Makes a split and puts numbers into it, or has it test `live` of an agent, as one revision.
///
/// One that tests `live` needs the permission `deploy` besides, deals all calls that lead there, and is the only one of
/// its agent. Its control is what is live; a test arm that names the draft or an environment is held to the version that
/// this is now, and a draft that is none yet becomes one. While it runs, nothing else comes into `live`, unless it says
/// `endSplit`.
#[utoipa::path(
    post, path = "/v1/splits", tag = "splits", security(("key" = ["edit"])),
    request_body = NewSplit,
    responses(
        (status = 201, body = SplitView, description = "The split."),
        (status = 409, description = "`ALREADY_EXISTS`, a number or the tested agent is `MANAGED_BY_FILES`, a number is of another account, or `SPLIT_RUNNING`: another one tests this agent"),
        (status = 412, description = "`PRE_RELEASE_NOT_READY`: the account lets into `live` only what was in pre-release"),
    )
)]
pub(super) async fn create_split(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Wanted(create): Wanted<CreateSplit>,
) -> Result<Answer<SplitView>, ApiError> {
    let id = create.split.id.clone();
    let applied = caller.submit(&management, create).await?;
    let split = Arc::clone(find(&applied.state, &caller, &id)?);
    let answer = shown(management, caller, applied, split, None).await?;
    Ok(answer.with_status(StatusCode::CREATED))
}

/// Changes a split; arms are named by id, and as few callers as possible change their arm.
#[utoipa::path(
    patch, path = "/v1/splits/{id}", tag = "splits", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The split."),
        ("If-Match" = Option<String>, Header, description = "Only if the split is in this state."),
    ),
    request_body = SplitChange,
    responses(
        (status = 200, body = SplitView, description = "The split as it is from now on, with `movedSlots`."),
        (status = 404, description = "`SPLIT_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`, or `SPLIT_ENDED`"),
    )
)]
pub(super) async fn patch_split(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Wanted(patch): Wanted<PatchSplit>,
) -> Result<Answer<SplitView>, ApiError> {
    let id = patch.id.clone();
    find(&caller.state, &caller, &id)?;
    let applied = caller.submit(&management, patch).await?;
    let split = Arc::clone(find(&applied.state, &caller, &id)?);
    let moved = applied.moved_slots;
    shown(management, caller, applied, split, Some(moved)).await
}

/// Gives all calls of a split to one arm; what was counted stays. Where it tests `live` and a test arm wins, the version
/// of that is promoted to `live` in the same revision.
#[utoipa::path(
    post, path = "/v1/splits/{id}/end", tag = "splits", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The split."),
        ("If-Match" = Option<String>, Header, description = "Only if the split is in this state."),
    ),
    request_body = EndBody,
    responses(
        (status = 200, body = SplitView, description = "The split as it is from now on."),
        (status = 404, description = "`SPLIT_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`, or `SPLIT_ENDED`: for another arm"),
        (status = 412, description = "`PRE_RELEASE_NOT_READY`: the account lets into `live` only what was in pre-release"),
    )
)]
pub(super) async fn end_split(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Wanted(end): Wanted<EndSplit>,
) -> Result<Answer<SplitView>, ApiError> {
    let id = end.id.clone();
    let applied = caller.submit(&management, end).await?;
    let split = Arc::clone(find(&applied.state, &caller, &id)?);
    shown(management, caller, applied, split, None).await
}

/// A split after a change, with how many slots have moved where that is to be told.
async fn shown(
    management: Arc<Management>,
    caller: Caller,
    applied: Applied,
    split: Arc<Split>,
    moved: Option<usize>,
) -> Result<Answer<SplitView>, ApiError> {
    aside(move || {
        let leading = Scopes::of(&caller, &applied.state, std::iter::once(split.as_ref())).take(&split.id);
        let view =
            SplitView::of(&management, &applied.state, &split, leading).with_warnings(&applied.warnings);
        let view = match moved {
            Some(moved) => view.with_moved_slots(moved),
            None => view,
        };
        Answer::ok(view).with_tag(Tag::of(split.as_ref())).since(&applied)
    })
    .await
}
