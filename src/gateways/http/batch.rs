//! `POST /v1/calls:batch` and `POST /v1/calls/end:batch`: many in one request, each as if it came alone.
//!
//! An item that is at fault is answered with its error, in its place; what spoils the whole is only a body that is no
//! list, or too long a one. Between a few items and the next, other connections of the worker have their turn, so
//! that a batch delays nobody; and where the worker falls behind meanwhile, what is left is shed item by item.

use std::fmt;

use hyper::StatusCode;
use hyper::http::request::Parts;
use serde::Serialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::ending::NamedEnd;
use super::wanted::{Wanted, known_only};
use super::{HttpConnection, json};
use crate::gateways::asker::Asker;
use crate::http::correlation::CorrelationId;
use crate::http::error::{ApiError, ErrorEnvelope};
use crate::http::json::tree::Tree;
use crate::http::server::Answer as Response;

/// Most items of a batch.
const ITEMS_MAX: usize = 1_000;
/// Items that are answered at a stretch: some tens of microseconds.
const AT_A_STRETCH: usize = 16;
/// What an answer takes, more or less.
const ANSWER_BYTES: usize = 1_024;
/// Bytes of answers after which no further item is taken: real-time configs may make each of them long.
const ANSWERS_BYTES_MAX: usize = 8 << 20;

impl HttpConnection {
    /// Decides calls, each as `POST /v1/calls` would.
    pub(super) async fn ask_batch(
        &self,
        asker: &Asker<'_>,
        head: &Parts,
        body: &[u8],
        correlation: &CorrelationId,
    ) -> Result<Response, ApiError> {
        let query = head.uri.query().unwrap_or_default();
        // What is wrong with the query is not the fault of any item.
        Wanted::from_body(b"", query)?;
        self.each(head, body, correlation, |item, answer| {
            self.ask_posted(asker, (item, query), self.worker.moment(), answer).map(drop)
        })
        .await
    }

    /// Ends calls, each as `POST /v1/calls/{callId}/end` would.
    pub(super) async fn end_batch(
        &self,
        asker: &Asker<'_>,
        head: &Parts,
        body: &[u8],
        correlation: &CorrelationId,
    ) -> Result<Response, ApiError> {
        known_only(head.uri.query().unwrap_or_default(), &[])?;
        self.each(head, body, correlation, |item, answer| {
            let (call_id, ended) = NamedEnd::from_body(item)?;
            self.end_call(asker, &call_id, &ended, answer)
        })
        .await
    }

    /// Answers items in their order: `answer_one` writes what it has to say, or nothing and says why not.
    async fn each(
        &self,
        head: &Parts,
        body: &[u8],
        correlation: &CorrelationId,
        answer_one: impl Fn(&[u8], &mut Vec<u8>) -> Result<(), ApiError>,
    ) -> Result<Response, ApiError> {
        let items = items(body)?;
        let mut answer = Vec::with_capacity(items.len() * ANSWER_BYTES + 16);
        answer.extend_from_slice(b"{\"results\":[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                if index % AT_A_STRETCH == 0 {
                    tokio::task::yield_now().await;
                }
                answer.push(b',');
            }
            let before = answer.len();
            // The first one was counted when the request came.
            let in_time = if index > 0 { self.in_time(head) } else { Ok(()) };
            let room = in_time.and_then(|()| if before < ANSWERS_BYTES_MAX { Ok(()) } else { Err(full()) });
            let answered = room.and_then(|()| answer_one(item.get().as_bytes(), &mut answer));
            if let Err(error) = answered {
                answer.truncate(before);
                let error = error.within(index);
                let refused = Refused {
                    status: error.status().as_u16(),
                    envelope: error.envelope(correlation.as_str()),
                };
                // Texts and numbers always have a JSON form.
                let _ = serde_json::to_writer(&mut answer, &refused);
            }
        }
        answer.extend_from_slice(b"]}");
        Ok(json(StatusCode::OK, answer))
    }
}

/// Why an item was not looked at. Its call is as it was: asked for in the next batch, it is decided then.
#[cold]
fn full() -> ApiError {
    let why = format!(
        "the answers before it have {} MiB: ask for the rest in another batch",
        ANSWERS_BYTES_MAX >> 20
    );
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED", why)
}

/// An error in the place of a result.
#[derive(Serialize)]
struct Refused<'a> {
    status: u16,
    #[serde(flatten)]
    envelope: ErrorEnvelope<'a>,
}

/// The items of a body, unread: so that one that is faulty, or nested however deeply, is nobody's trouble but its own.
fn items(body: &[u8]) -> Result<Vec<&RawValue>, ApiError> {
    let mut too_many = false;
    let mut json = serde_json::Deserializer::from_slice(body);
    let items = json.deserialize_seq(Items { too_many: &mut too_many });
    match items.and_then(|items| json.end().map(|()| items)) {
        Ok(items) => Ok(items),
        Err(_) if too_many => {
            let why = format!("has more than {ITEMS_MAX} items: expected at most {ITEMS_MAX}");
            Err(ApiError::validation("body", why))
        }
        Err(_) => Err(not_a_list(body)),
    }
}

/// Why a body has no items.
#[cold]
pub(super) fn not_a_list(body: &[u8]) -> ApiError {
    let why = match Tree::parse(body) {
        _ if body.iter().all(u8::is_ascii_whitespace) => "is missing: expected a list".to_owned(),
        Ok(tree) => format!("is {}: expected a list", tree.kind()),
        Err(why) => why,
    };
    ApiError::validation("body", why)
}

struct Items<'t> {
    too_many: &'t mut bool,
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == ITEMS_MAX {
                *self.too_many = true;
                return Err(serde::de::Error::custom("too many"));
            }
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_is_a_list_of_at_most_a_thousand_whatever_its_items_are() {
        let list = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        let deep = format!("[{}{}, 7]", "[".repeat(200_000), "]".repeat(200_000));
        for (body, count) in [(list(0), 0), (" [ ] ".to_owned(), 0), (list(1_000), 1_000), (deep, 2)] {
            assert_eq!(items(body.as_bytes()).unwrap().len(), count);
        }
        for (body, told) in [
            (list(1_001), "body: has more than 1000 items: expected at most 1000"),
            (" ".to_owned(), "body: is missing: expected a list"),
            ("{\"to\":[]}".to_owned(), "body: is an object: expected a list"),
            ("\"[]\"".to_owned(), "body: is a text: expected a list"),
            ("[{}".to_owned(), "body: is JSON that breaks off at line 1, column 3"),
            (
                "[{} x]".to_owned(),
                "body: is no JSON, nested too deeply or has a number too large, at line 1, column 5",
            ),
            (
                "[".repeat(200_000),
                "body: is no JSON, nested too deeply or has a number too large, at line 1, column 128",
            ),
        ] {
            let shown: String = body.chars().take(20).collect();
            assert_eq!(items(body.as_bytes()).unwrap_err().message(), told, "{shown}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail_otherwise(body in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Err(error) = items(&body) {
                prop_assert_eq!(error.status(), StatusCode::BAD_REQUEST);
            }
        }
    }
}
