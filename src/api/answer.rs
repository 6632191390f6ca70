//! What a handler answers: an object, its tag, and the revision it is of.

use axum::response::{IntoResponse, Json, Response};
use hyper::StatusCode;
use hyper::header::ETAG;
use serde::Serialize;

use super::etag::Tag;
use super::guard::REVISION;
use crate::control::Applied;
use crate::domain::id::Revision;

/// An object to be answered as JSON.
#[derive(Debug)]
pub(super) struct Answer<T> {
    status: StatusCode,
    object: T,
    tag: Option<Tag>,
    revision: Option<Revision>,
}

impl<T> Answer<T> {
    /// 200, of the state when the request came in.
    pub(super) fn ok(object: T) -> Self {
        Self { status: StatusCode::OK, object, tag: None, revision: None }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same with the tag of the object.
    pub(super) fn with_tag(self, tag: Tag) -> Self {
        Self { tag: Some(tag), ..self }
    }

    /// The same with the revision from which a change holds.
    pub(super) fn since(self, applied: &Applied) -> Self {
        Self { revision: Some(applied.revision), ..self }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.object)).into_response();
        let headers = response.headers_mut();
        if let Some(tag) = self.tag {
            headers.insert(ETAG, tag.to_header());
        }
        if let Some(revision) = self.revision {
            headers.insert(REVISION, revision.0.into());
        }
        response
    }
}

/// 204 for what is gone since a revision.
#[derive(Debug)]
pub(super) struct Gone(pub(super) Revision);

impl IntoResponse for Gone {
    fn into_response(self) -> Response {
        (StatusCode::NO_CONTENT, [(REVISION, self.0.0.to_string())]).into_response()
    }
}
