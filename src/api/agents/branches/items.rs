//! Items of lists in a draft, each by its id: what topics, attributes and site variants have in common.

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::ETAG;

use crate::api::agents::content::Edited;
use crate::api::answer::{Answer, Gone};
use crate::api::etag::Tag;
use crate::api::request::PathId;
use crate::http::error::ApiError;
use crate::http::json::faults::quoted;

/// The longest id that an item can have, in characters.
const ID_CHARS_MAX: usize = 100;

/// The id of an item as a path names it.
///
/// Whoever puts a whole draft chooses ids freely, so any that is there is found, however it is written; only of one that
/// is not there it matters whether it could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ItemId(pub(super) String);

impl PathId for ItemId {
    fn read(text: &str) -> Result<Self, ApiError> {
        Ok(Self(text.to_owned()))
    }
}

impl ItemId {
    /// Why there is no such item: 404, or 422 where no item that is made here could have this id.
    pub(super) fn missing(&self, what: &str) -> ApiError {
        let id = &self.0;
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        if (1..=ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(plain) {
            return ApiError::not_found(format!("there is no {what} {id}"));
        }
        let message = format!("{} is no id: expected 1 to 100 letters, digits, - or _", quoted(id));
        ApiError::unprocessable(what.rsplit(' ').next().unwrap_or(what), message)
    }
}

/// The key within an item of a list that a fault of the whole configuration is about: `topics[3].name` is `name`.
pub(super) fn key_of_item<'p>(path: &'p str, list: &str) -> &'p str {
    let inside = path.strip_prefix(list).and_then(|rest| rest.strip_prefix('['));
    inside.and_then(|rest| rest.split_once("].")).map_or(path, |(_, key)| key)
}

impl Edited {
    /// An object that the edit made or changed, with the tag of the draft.
    pub(super) fn answer<V>(&self, status: StatusCode, object: V) -> Answer<V> {
        Answer::ok(object).with_status(status).with_tag(Tag::of_hash(self.hash)).since(&self.applied)
    }

    /// 204 with the tag of the draft.
    pub(super) fn done(&self) -> Response {
        let mut response = Gone(self.applied.revision).into_response();
        response.headers_mut().insert(ETAG, Tag::of_hash(self.hash).to_header());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_within_an_item_is_told_by_the_key_of_the_item() {
        for (path, key) in [
            ("topics[12].name", "name"),
            ("topics[0].exampleQueries[3]", "exampleQueries[3]"),
            ("topics", "topics"),
            ("tools[0].name", "tools[0].name"),
            ("", ""),
        ] {
            assert_eq!(key_of_item(path, "topics"), key);
        }
    }

    #[test]
    fn an_id_that_is_not_there_is_missing_or_malformed() {
        let long = "x".repeat(101);
        let cases = [
            ("TOPICS-1", 404),
            ("a_b", 404),
            ("a/b", 422),
            ("a.b", 422),
            ("ä", 422),
            (&long, 422),
            ("", 422),
        ];
        for (id, status) in cases {
            assert_eq!(ItemId(id.to_owned()).missing("topic").status().as_u16(), status, "{id:?}");
        }
    }
}
