//! Laws of what the call plane reads: bodies, queries, paths, conditions, and whole connections.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a law fails by a panic")]

use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, IF_NONE_MATCH};
use hyper::http::request::Parts;
use hyper::{Method, Request};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::ending::Ended;
use super::wanted::Wanted;
use super::*;
use crate::domain::address::Address;
use crate::domain::state::State;
use crate::http::fuzzing::Talk;
use crate::http::json::tree::Tree;
use crate::http::query::{PARAMETERS_MAX, pairs};
use crate::routing::calls::Outcome;

/// What `POST /v1/calls` is asked.
pub(crate) fn call_body(connection: HttpConnection) -> impl Fn(&[u8]) {
    let head = head(Method::POST, "/v1/calls").expect("a head");
    move |bytes| {
        let read = Wanted::from_body(bytes, "");
        let body = Bytes::copy_from_slice(bytes);
        let ask = || answered(finish(connection.correlation(&head), connection.ask_by_body(&head, &body)));
        let (status, first) = ask();
        match &read {
            Err(refused) => {
                told(refused);
                assert_eq!(status, refused.status().as_u16());
            }
            Ok(wanted) => {
                bounded(wanted);
                agrees(wanted, bytes);
                as_wanted(wanted, status, &first);
                let (again, second) = ask();
                // A call keeps what it began with; there is room for more of them than are asked in hours.
                if wanted.call_id.is_some() && status == 201 {
                    assert_eq!(again, 200);
                    for what in ["agentId", "version", "versionHash"] {
                        assert_eq!(first[what], second[what], "{first} and then {second}");
                    }
                }
            }
        }
    }
}

/// What `GET /v1/route` is asked.
pub(crate) fn route_query(connection: HttpConnection) -> impl Fn(&[u8]) {
    move |bytes| {
        let text = String::from_utf8_lossy(bytes);
        decodes_as_a_form(&text);
        let read = Wanted::from_query(&text);
        if let Ok(wanted) = &read {
            bounded(wanted);
        }
        let Some(head) = head(Method::GET, &format!("/v1/route?{text}")) else { return };
        let (status, answer) = answered(connection.answer_bodiless(&head));
        // What lies behind a # is no part of a request.
        match Wanted::from_query(head.uri.query().unwrap_or_default()) {
            Err(refused) => assert_eq!(status, refused.status().as_u16()),
            Ok(wanted) => as_wanted(&wanted, status, &answer),
        }
    }
}

/// What `POST /v1/calls/{callId}/end` is told, of a call that is in progress.
pub(crate) fn end_body(connection: HttpConnection) -> impl Fn(&[u8]) {
    let begin = head(Method::POST, "/v1/calls").expect("a head");
    let end = head(Method::POST, "/v1/calls/a-call/end").expect("a head");
    move |bytes| {
        let read = Ended::from_body(bytes);
        if let Ok(ended) = &read {
            assert!(ended.duration_s.is_none_or(|s| s >= 0.0 && s.is_finite()), "{ended:?}");
            for known in [false, true] {
                let believed = ended.believed_s(known).ok().flatten();
                assert!(believed.is_none_or(|s| s <= 604_800.0), "{ended:?}");
            }
            assert!(ended.sentiment.is_none_or(|score| (-1.0..=1.0).contains(&score)), "{ended:?}");
            assert!(ended.outcome != Some(Outcome::Unknown), "{ended:?}");
            assert!(ended.gateway.as_deref().is_none_or(is_gateway_name), "{ended:?}");
        }
        let call = Bytes::from_static(br#"{"to":"+14155550101","callId":"a-call"}"#);
        let _ = connection.ask_by_body(&begin, &call);
        let body = Bytes::copy_from_slice(bytes);
        let tell = || answered(finish(connection.correlation(&end), connection.end(&end, "a-call", &body)));
        let (first, again) = (tell(), tell());
        match &read {
            Err(refused) => {
                told(refused);
                assert_eq!(first.0, refused.status().as_u16());
            }
            Ok(_) => assert!(matches!(first.0, 200 | 400 | 403 | 404), "{first:?}"),
        }
        assert_eq!(first.0, again.0);
        assert!(first.0 != 200 || first == again, "an end that is told twice is the same end: {again:?}");
    }
}

/// Any path of the call plane, and any call's id in one.
pub(crate) fn paths(connection: HttpConnection) -> impl Fn(&[u8]) {
    move |bytes| {
        let text = String::from_utf8_lossy(bytes);
        for (method, path) in [
            (Method::GET, format!("/{text}")),
            (Method::GET, format!("/v1/calls/{text}")),
            (Method::POST, format!("/v1/calls/{text}/end")),
            (Method::GET, format!("/v1/snapshots/{text}")),
        ] {
            if let Some(head) = head(method, &path) {
                let (status, _) = answered(connection.answer_bodiless(&head));
                assert!(matches!(status, 200 | 400 | 403 | 404 | 405 | 422), "{path:?}: {status}");
            }
        }
        match call_id_in_path(&text) {
            Ok(call_id) => {
                assert!(call_id.len() <= CALL_ID_BYTES_MAX);
                assert_eq!(call_id, percent_decode_str(&text).decode_utf8().expect("text"));
            }
            Err(refused) => assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY),
        }
        // Whatever an id is made of, encoded it is one segment that stands for it.
        let coded = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
        if !text.is_empty() && text.len() <= CALL_ID_BYTES_MAX {
            let path = format!("/v1/calls/{coded}/end");
            let Some(Path::CallEnd(segment)) = Path::of(&path) else { unreachable!("{path} ends no call") };
            assert_eq!(call_id_in_path(segment).ok().as_deref(), Some(&*text));
        }
    }
}

/// `If-None-Match`, a value each line: a body is sent unless its tag is among them.
pub(crate) fn if_none_match(connection: HttpConnection, state: &State) -> impl Fn(&[u8]) + use<> {
    let asked = |hash: &str| {
        let mut head = head(Method::GET, &format!("/v1/snapshots/{hash}")).expect("a head");
        head.headers.append("x-api-key", HeaderValue::from_static("all"));
        head
    };
    let hashes = state.agents.iter().flat_map(|(_, agent)| agent.versions.values());
    let mut hashes = hashes.map(|version| version.hash.to_string());
    let serves = |hash: &String| connection.answer_bodiless(&asked(hash)).status() == StatusCode::OK;
    let hash = hashes.find(serves).expect("a version that serves");
    let tag = format!("\"{hash}\"");
    let weak = format!("W/{tag}");
    move |bytes| {
        let mut head = asked(&hash);
        let mut named = false;
        for line in bytes.split(|byte| *byte == b'\n').take(16) {
            // So that a tag of 32 digits need not be guessed.
            let line = String::from_utf8_lossy(line).replace("$tag", &tag);
            let Ok(value) = HeaderValue::from_str(&line) else { continue };
            if value.to_str().is_ok() {
                named |=
                    line.split(',').map(str::trim).any(|known| known == "*" || known == tag || known == weak);
            }
            head.headers.append(IF_NONE_MATCH, value);
        }
        let status = connection.answer_bodiless(&head).status();
        let expected = if named { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        assert_eq!(status, expected, "{:?}", head.headers);
    }
}

/// A letter for a query, a form, an object or the object of an end, and what such a request to a trunk of Kamailio says.
pub(crate) fn webhook(connection: HttpConnection) -> impl Fn(&[u8]) {
    let door = |below: &'static str| Door::of(below).expect("a door");
    move |bytes| {
        let Some((letter, said)) = bytes.split_first() else { return };
        let (method, path) = match letter {
            b'G' => (Method::GET, format!("/gateways/kamailio/edge?{}", String::from_utf8_lossy(said))),
            _ => (Method::POST, "/gateways/kamailio/edge".to_owned()),
        };
        let Some(mut head) = head(method, &path) else { return };
        if *letter == b'F' {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            head.headers.insert(CONTENT_TYPE, form);
        }
        let door = if *letter == b'E' { door("kamailio/edge/end") } else { door("kamailio/edge") };
        let ask = || answered(finish(connection.correlation(&head), connection.webhook(door, &head, said)));
        let (status, first) = ask();
        match status {
            200 if *letter == b'E' => assert_eq!(first["ended"], true),
            200 => {
                let routes = first["routes"].as_array().expect("routes");
                assert!((1..=10).contains(&routes.len()), "{first}");
                for route in routes {
                    let uri = route["uri"].as_str().expect("a URI");
                    assert!(uri.starts_with("sip") && uri.contains(";ver=") && uri.len() < 1_024, "{uri}");
                    assert!(!uri.contains(|c: char| c.is_control() || "<> \"".contains(c)), "{uri}");
                    let extra = route["headers"]["extra"].as_str().expect("headers");
                    let lines: Vec<_> = extra.split_terminator("\r\n").collect();
                    assert!(extra.ends_with("\r\n") && lines.iter().all(|line| line.contains(": ")));
                    assert!(!lines.iter().any(|line| line.contains(char::is_control)), "{extra:?}");
                }
                assert_eq!(ask().1["decision_id"], first["decision_id"], "it is the same call");
            }
            _ => assert!(matches!(status, 400 | 404 | 409), "{status}: {first}"),
        }
    }
}

/// Everything a client may send on a connection.
pub(crate) fn connection(connection: HttpConnection, talk: Talk) -> impl Fn(&[u8]) {
    move |bytes| {
        for answer in talk.with(bytes, |request| connection.answer(request)) {
            assert!(answer.status < 500 && answer.status != 408, "{}", answer.status);
            if answer.is_ours() && !answer.body.is_empty() {
                let body: Result<Value, _> = serde_json::from_slice(&answer.body);
                assert!(body.is_ok(), "{:?}", String::from_utf8_lossy(&answer.body));
            }
        }
    }
}

fn head(method: Method, uri: &str) -> Option<Parts> {
    let request = Request::builder().method(method).uri(uri).header(HOST, "localhost").body(()).ok()?;
    Some(request.into_parts().0)
}

/// The status of an answer and its body, which is JSON.
fn answered(answer: Answer) -> (u16, Value) {
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().now_or_never().expect("a body in memory").expect("no failure");
    let body = body.to_bytes();
    if body.is_empty() {
        return (status, Value::Null);
    }
    (status, serde_json::from_slice(&body).expect("an answer of JSON"))
}

/// A refusal names a field and says why, on one line and in our words.
fn told(refused: &ApiError) {
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.message() != "body: cannot be read" && !refused.message().is_empty());
    assert!(!refused.message().chars().any(char::is_control), "{:?}", refused.message());
    let envelope = serde_json::to_value(refused.envelope("")).expect("JSON");
    let faults = envelope["errors"].as_array().expect("a list");
    assert!((1..=101).contains(&faults.len()), "{} faults", faults.len());
    assert!(faults.iter().all(|fault| fault["message"] != ""), "{envelope}");
}

fn bounded(wanted: &Wanted<'_>) {
    let fit = |id: &str| !id.is_empty() && id.len() <= CALL_ID_BYTES_MAX && !id.chars().any(char::is_control);
    assert!(wanted.call_id.as_deref().is_none_or(fit), "{wanted:?}");
    assert!(wanted.gateway.as_deref().is_none_or(is_gateway_name), "{wanted:?}");
    assert!(wanted.headers.len() <= 100 && wanted.unknown.len() <= PARAMETERS_MAX, "{wanted:?}");
}

fn is_gateway_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The reader that copies nothing finds what a plain reader of JSON finds; no member stands twice.
fn agrees(wanted: &Wanted<'_>, bytes: &[u8]) {
    // Numbers and texts that nobody reads may be more than JSON allows.
    let Ok(Tree::Object(members)) = Tree::parse(bytes) else { return };
    let last = |name: &str| members.iter().rev().find(|(known, _)| known == name).map(|(_, tree)| tree);
    let text = |name: &str| match last(name) {
        Some(Tree::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    assert_eq!(wanted.to.as_deref(), text("to"));
    assert_eq!(wanted.from.as_deref(), text("from"));
    assert_eq!(wanted.token.as_deref(), text("token").filter(|token| !token.is_empty()));
    assert_eq!(wanted.call_id.as_deref(), text("callId").filter(|id| !id.is_empty()));
    let Some(Tree::Object(headers)) = last("headers") else { return assert!(wanted.headers.is_empty()) };
    assert_eq!(headers.len(), wanted.headers.len());
    for ((name, value), (read_name, read_value)) in headers.iter().zip(&wanted.headers) {
        assert_eq!((name.as_str(), value), (&**read_name, &Tree::Text(read_value.to_string())));
    }
}

/// The answer is about what was asked.
fn as_wanted(wanted: &Wanted<'_>, status: u16, answer: &Value) {
    let to = wanted.to.as_deref().map(Address::parse);
    match (&to, status) {
        (Some(Ok(_)), 200 | 201) => {
            if let Some(call_id) = wanted.call_id.as_deref() {
                assert_eq!(answer["callId"], call_id);
            }
        }
        (Some(Ok(_)), _) => assert!(matches!(status, 403 | 404), "{status}: {answer}"),
        // Another gateway's name is refused before anything else is looked at.
        (None | Some(Err(_)), _) => assert!(matches!(status, 400 | 403), "{status}: {answer}"),
    }
}

/// Pairs are what a form means by them, up to one too many.
fn decodes_as_a_form(text: &str) {
    let decoded = |coded: &str| {
        percent_decode_str(&coded.replace('+', " ")).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    let mut expected = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name)?, decoded(value)?))
    });
    for (at, pair) in pairs(text).enumerate() {
        match pair {
            Ok((name, value)) => {
                assert_eq!(expected.next(), Some(Some((name.into_owned(), value.into_owned()))));
            }
            Err(_) if at == PARAMETERS_MAX => return assert!(expected.next().is_some()),
            Err(_) => assert_eq!(expected.next(), Some(None)),
        }
    }
    assert_eq!(expected.next(), None);
}
