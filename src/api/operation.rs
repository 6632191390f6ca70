//! Operations that change something: how a request for one is read, whether it is made at once or planned.
//!
//! Each is a value made by [`Operation::read`] out of the ids of the path and the body, and becomes an [`Action`]. A
//! handler takes it as [`Wanted`]; a plan finds it in [`OPERATIONS`], by method and path. There is no other way to read
//! one, so that what can be done can be planned, and means the same.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, RawPathParams, Request};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::caller::Caller;
use super::fields::{self, Written};
use super::request::{AnyBody, PathId};
use super::{Management, caller_pins, default_route, numbers, prefixes, splits};
use crate::domain::command::Action;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use crate::http::json::tree::Tree;

/// A change that a request asks for.
pub(super) trait Operation: Into<Action> + Sized {
    /// The method, in capitals.
    const METHOD: &'static str;
    /// The path, with its ids in braces.
    const PATH: &'static str;

    /// Reads what is asked for.
    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread>;
}

/// A request for a change, taken apart.
pub(super) struct Asked<'r> {
    /// Who asks, and in which state.
    pub(super) caller: &'r Caller,
    /// Hashes the names of callers.
    pub(super) key_secret: &'r [u8; 32],
    /// When.
    pub(super) now: Timestamp,
    /// What is left to chance.
    pub(super) random: [u8; 32],
    /// The ids of the path that nobody has read yet, decoded.
    pub(super) ids: std::vec::IntoIter<String>,
    /// The body.
    pub(super) content: Content,
}

/// A body that nobody has read yet.
pub(super) enum Content {
    /// As it came.
    Text(Bytes),
    /// A part of another one.
    Tree(Tree),
}

/// What of a request could not be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// Its path.
    Path(ApiError),
    /// Its body.
    Body(ApiError),
}

impl From<Unread> for ApiError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Path(why) | Unread::Body(why) => why,
        }
    }
}

impl Asked<'_> {
    /// The next id of the path.
    pub(super) fn id<T: PathId>(&mut self) -> Result<T, Unread> {
        T::read(&self.ids.next().unwrap_or_default()).map_err(Unread::Path)
    }

    /// The body.
    pub(super) fn body<T: Written>(&mut self) -> Result<T, Unread> {
        let content = std::mem::replace(&mut self.content, Content::Text(Bytes::new()));
        let read = match content {
            Content::Text(text) => fields::read(self.caller, &text),
            Content::Tree(tree) => fields::read_tree(self.caller, tree),
        };
        read.map_err(Unread::Body)
    }
}

/// A change that a handler is asked for.
#[derive(Debug)]
pub(super) struct Wanted<T>(pub(super) T);

impl<T: Operation> FromRequest<Arc<Management>> for Wanted<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, management: &Arc<Management>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let params = RawPathParams::from_request_parts(&mut parts, management)
            .await
            .map_err(|_| ApiError::unprocessable("path", "is not UTF-8 once decoded"))?;
        let ids: Vec<String> = params.iter().map(|(_, text)| text.to_owned()).collect();
        let caller = parts.extensions.get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| ApiError::unauthorized("no key"))?;
        let AnyBody(text) = AnyBody::from_request(Request::from_parts(parts, body), management).await?;
        let mut asked = Asked {
            caller: &caller,
            key_secret: &management.key_secret,
            now: management.now(),
            random: (management.random)(),
            ids: ids.into_iter(),
            content: Content::Text(text),
        };
        Ok(Self(T::read(&mut asked)?))
    }
}

/// An operation whatever its kind.
#[derive(Clone, Copy)]
pub(super) struct AnyOperation {
    /// The method, in capitals.
    pub(super) method: &'static str,
    /// The path, with its ids in braces.
    pub(super) path: &'static str,
    /// Reads what is asked for.
    pub(super) read: fn(&mut Asked<'_>) -> Result<Action, Unread>,
}

impl AnyOperation {
    const fn of<T: Operation>() -> Self {
        Self { method: T::METHOD, path: T::PATH, read: |asked| T::read(asked).map(Into::into) }
    }

    /// The ids of a path of this operation, decoded; nothing where it is a path of another.
    pub(super) fn ids(&self, path: &str) -> Option<Result<Vec<String>, ApiError>> {
        let (mut template, mut segments) = (self.path.split('/'), path.split('/'));
        let mut ids = Vec::new();
        loop {
            match (template.next(), segments.next()) {
                (None, None) => break,
                (Some(name), Some(segment)) if name.starts_with('{') && !segment.is_empty() => {
                    ids.push(percent_decode_str(segment).decode_utf8().map(Cow::into_owned));
                }
                (Some(name), Some(segment)) if name == segment => {}
                _ => return None,
            }
        }
        let ids: Result<Vec<String>, _> = ids.into_iter().collect();
        Some(ids.map_err(|_| ApiError::unprocessable("path", "is not UTF-8 once decoded")))
    }
}

/// Every operation that changes numbers, prefixes, the default route, caller pins or splits.
pub(super) const OPERATIONS: [AnyOperation; 12] = [
    AnyOperation::of::<numbers::PutNumber>(),
    AnyOperation::of::<numbers::DeleteNumber>(),
    AnyOperation::of::<prefixes::PutPrefix>(),
    AnyOperation::of::<prefixes::DeletePrefix>(),
    AnyOperation::of::<default_route::PutDefaultRoute>(),
    AnyOperation::of::<default_route::DeleteDefaultRoute>(),
    AnyOperation::of::<caller_pins::PutCallerPin>(),
    AnyOperation::of::<caller_pins::DeleteCallerPin>(),
    AnyOperation::of::<splits::CreateSplit>(),
    AnyOperation::of::<splits::PatchSplit>(),
    AnyOperation::of::<splits::EndSplit>(),
    AnyOperation::of::<splits::DeleteSplit>(),
];
