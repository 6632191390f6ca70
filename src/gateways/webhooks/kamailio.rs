//! Kamailio: what its script knows of an `INVITE` comes in, the document of its module `rtjson` goes out.
//!
//! What the module does with a document bounds it: a script hands it over through a buffer of 8,192 bytes
//! (`pv_buffer_size`), a target that is tried later may have 1,023 bytes (`MAX_URI_SIZE`) and must have a `uri`, `headers.extra`
//! goes into the request as it is, and an empty list of routes is an error. So where nobody can be called the answer is
//! an error of HTTP, which a script sees before it reads any document.

use std::borrow::Cow;
use std::fmt;

use hyper::StatusCode;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::json;
use uuid::Uuid;

use super::{Called, Inquiry, Over, Said, Told, Webhook};
use crate::domain::endpoint::Endpoint;
use crate::gateways::http::body::{Maybe, Members, Place as Reading, TWICE, read, text};
use crate::gateways::http::json as answer_of_json;
use crate::gateways::http::wanted::{Headers, header_name, with_plus};
use crate::gateways::json::Json;
use crate::gateways::marks::{Marks, Place, TARGETS_MAX, decision_header, version_headers};
use crate::gateways::sip::invitation::call_id;
use crate::gateways::sip::response::header;
use crate::gateways::sip::uri::{Scheme, Uri};
use crate::gateways::targets;
use crate::http::error::ApiError;
use crate::http::json::faults::{CODE, Faults, quoted};
use crate::http::query::pairs;
use crate::http::server::Answer as Response;
use crate::routing::calls::Outcome;
use crate::routing::decision::{Choice, Sentence};

/// Longest answer, in bytes: some less than the buffer that a script hands it over through.
const ANSWER_BYTES_MAX: usize = 8_000;
/// Longest headers of an answer, in bytes as JSON: the first route always has room.
const HEADERS_BYTES_MAX: usize = 4_096;
/// Longest URI of a route, in bytes.
const URI_BYTES_MAX: usize = 1_023;
/// Times in milliseconds for a target to say anything, and to be picked up.
const TIMERS: &str = "\"fr_timer\":5000,\"fr_inv_timer\":30000}";
/// What `$rU` and its like say where there is nothing.
const NULL: &str = "<null>";

/// Kamailio's `rtjson`.
#[derive(Debug, Clone, Copy)]
pub struct Kamailio;

impl Webhook for Kamailio {
    fn name(&self) -> &'static str {
        "kamailio"
    }

    fn read<'a>(&self, said: Said<'a>) -> Result<Inquiry<'a>, ApiError> {
        match said.below {
            "" => Fields::of(said)?.called().map(Inquiry::Call),
            "end" => Fields::of(said)?.over().map(Inquiry::End),
            _ => Err(ApiError::not_found("there is nothing here")),
        }
    }

    fn answer(&self, told: &Told<'_, '_>) -> Result<Response, ApiError> {
        let decision = &told.answer.decision;
        let Some(choice) = &decision.choice else {
            let why = ApiError::not_found(Sentence { decision, to: told.to }.to_string());
            return Err(with_id(why.with_code("NO_ROUTE"), told));
        };
        let body = document(told, choice).ok_or_else(|| {
            let why = format!(
                "{}, which has no target that a call can be sent to by SIP",
                Sentence { decision, to: told.to }
            );
            with_id(ApiError::conflict("NO_TARGET", why), told)
        })?;
        Ok(answer_of_json(StatusCode::OK, body))
    }
}

/// What a request says; empty texts and nulls are as good as absent.
#[derive(Debug, Default)]
struct Fields<'a> {
    call_id: Option<Cow<'a, str>>,
    r_user: Option<Cow<'a, str>>,
    from_user: Option<Cow<'a, str>>,
    from_domain: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    duration_s: Option<f64>,
    outcome: Option<Outcome>,
}

impl<'a> Fields<'a> {
    fn of(said: Said<'a>) -> Result<Self, ApiError> {
        if let Some(query) = said.query {
            return Self::of_form(query);
        }
        // Clients call whatever a script posts a form, unless the script says otherwise.
        let is_object = said.body.trim_ascii_start().first() == Some(&b'{');
        if said.is_form && !is_object {
            let form = std::str::from_utf8(said.body);
            return Self::of_form(form.map_err(|_| ApiError::validation("body", "is not UTF-8"))?);
        }
        read(said.body).map(|(fields, _unknown)| fields)
    }

    fn of_form(form: &'a str) -> Result<Self, ApiError> {
        let (mut fields, mut faults) = (Self::default(), Faults::default());
        for pair in pairs(form) {
            match pair {
                Ok((name, value)) => match fields.take_parameter(name, value) {
                    Ok(()) => {}
                    Err((name, why)) => faults.push(name.into_owned(), why, CODE),
                },
                Err(fault) => faults.push(fault.field().to_owned(), fault.to_string(), CODE),
            }
        }
        faults.refusal().map_or(Ok(fields), Err)
    }

    fn take_parameter(
        &mut self,
        name: Cow<'a, str>,
        value: Cow<'a, str>,
    ) -> Result<(), (Cow<'a, str>, String)> {
        if let Some(text) = self.text(&name) {
            if text.is_some() {
                return Err((name, TWICE.to_owned()));
            }
            let is_user = name.ends_with("_user");
            *text = Some(if is_user { with_plus(value) } else { value }).filter(|text| is_said(text));
            return Ok(());
        }
        match &*name {
            "duration" if is_said(&value) => match seconds(&value) {
                Some(duration_s) => self.duration_s = Some(duration_s),
                None => return Err((name, format!("is {}: expected {SECONDS}", quoted(&value)))),
            },
            "outcome" if is_said(&value) => match outcome(&value) {
                Some(outcome) => self.outcome = Some(outcome),
                None => return Err((name, format!("is {}: expected {OUTCOMES}", quoted(&value)))),
            },
            _ => {
                if let Ok(header) = header_name(name) {
                    self.headers.push((header, value));
                }
            }
        }
        Ok(())
    }

    /// A field that is a text.
    fn text(&mut self, name: &str) -> Option<&mut Option<Cow<'a, str>>> {
        Some(match name {
            "call_id" => &mut self.call_id,
            "r_user" => &mut self.r_user,
            "from_user" => &mut self.from_user,
            "from_domain" => &mut self.from_domain,
            "tok" => &mut self.token,
            _ => return None,
        })
    }

    fn called(self) -> Result<Called<'a>, ApiError> {
        match (self.call_id, self.r_user) {
            (Some(call_id), Some(to)) => Ok(Called {
                call_id: fit(call_id),
                to,
                from: self.from_user.unwrap_or_default(),
                from_host: self.from_domain.unwrap_or_default(),
                headers: self.headers,
                token: self.token,
            }),
            (call_id, to) => {
                let fields = [("call_id", call_id.is_some()), ("r_user", to.is_some())];
                Err(missing(fields.into_iter().filter(|(_, there)| !there).map(|(name, _)| name)))
            }
        }
    }

    fn over(self) -> Result<Over<'a>, ApiError> {
        Ok(Over {
            call_id: fit(self.call_id.ok_or_else(|| missing(std::iter::once("call_id")))?),
            duration_s: self.duration_s,
            outcome: self.outcome,
            token: self.token,
        })
    }
}

impl<'a> Members<'a> for Fields<'a> {
    fn take<M: MapAccess<'a>>(
        &mut self,
        name: &str,
        at: &mut Reading,
        map: &mut M,
    ) -> Result<bool, M::Error> {
        if let Some(field) = self.text(name) {
            *field = text(map)?.filter(|text| is_said(text));
            return Ok(true);
        }
        match name {
            "headers" => self.headers = map.next_value_seed(Maybe(Headers(at)))?.unwrap_or_default(),
            "duration" => self.duration_s = map.next_value_seed(Maybe(Seconds))?.flatten(),
            "outcome" => {
                let said = text(map)?.filter(|text| is_said(text));
                let why =
                    |said: &str| M::Error::custom(format_args!("is {}: expected {OUTCOMES}", quoted(said)));
                self.outcome = said.map(|said| outcome(&said).ok_or_else(|| why(&said))).transpose()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn missing<'f>(fields: impl Iterator<Item = &'f str>) -> ApiError {
    let mut faults = Faults::default();
    fields.for_each(|field| faults.push(field.to_owned(), "is missing".to_owned(), CODE));
    faults.refusal().unwrap_or_else(ApiError::internal)
}

fn is_said(text: &str) -> bool {
    !text.is_empty() && text != NULL
}

/// An id by which a call can be remembered.
fn fit(id: Cow<'_, str>) -> Cow<'_, str> {
    match id {
        Cow::Borrowed(id) => call_id(id.as_bytes()),
        Cow::Owned(id) => Cow::Owned(call_id(id.as_bytes()).into_owned()),
    }
}

const SECONDS: &str = "seconds, such as 61.5";
const OUTCOMES: &str =
    "completed, failed, abandoned or transferred, or what else it was: busy, no-answer, canceled";

fn seconds(text: &str) -> Option<f64> {
    text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}

/// What an end means for a call: who was not reached was failed, and who gave up has left.
fn outcome(text: &str) -> Option<Outcome> {
    match text {
        "busy" | "no-answer" => Some(Outcome::Failed),
        "canceled" => Some(Outcome::Abandoned),
        // That nobody knows how a call went is for a time-out to say.
        _ => Outcome::parse(text).filter(|outcome| *outcome != Outcome::Unknown),
    }
}

/// Takes seconds, as a number or as the text of one: scripts put all they know into quotes.
struct Seconds;

impl Visitor<'_> for Seconds {
    /// Nothing where the text says nothing.
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SECONDS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() || text == NULL {
            return Ok(None);
        }
        let why = || E::custom(format_args!("is {}: expected {SECONDS}", quoted(text)));
        seconds(text).map(Some).ok_or_else(why)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        let why = || E::custom(format_args!("is {value}: expected {SECONDS}"));
        Some(value).filter(|value| *value >= 0.0).map(Some).ok_or_else(why)
    }

    #[expect(clippy::cast_precision_loss, reason = "where a digit is lost the number is far too large")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        self.visit_f64(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "where a digit is lost the number is far too small")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        self.visit_f64(value as f64)
    }
}

/// An error with the id by which the decision can be looked up.
fn with_id(why: ApiError, told: &Told<'_, '_>) -> ApiError {
    why.with_data(json!({"decision_id": Uuid::from_u128(told.answer.decision_id).to_string()}))
}

/// What `rtjson` reads: the targets that a call can be sent to, each with all headers, the first to be tried first.
/// Nothing where there is none. Routes and headers for which there is no room are left out.
fn document(told: &Told<'_, '_>, choice: &Choice<'_>) -> Option<Vec<u8>> {
    let mut digits = itoa::Buffer::new();
    let marks = Marks::of(choice, told.answer.token.as_ref(), told.call_id, &mut digits);
    let headers = headers(told, choice, &marks);
    let mut body = br#"{"version":"1.0","routing":"serial","routes":["#.to_vec();
    let (empty, mut routes, mut uri) = (body.len(), 0, Vec::new());
    let end = format!("],\"decision_id\":\"{}\"}}", Uuid::from_u128(told.answer.decision_id));
    targets::with(choice, told.answer.decision_id, |targets| {
        for target in targets {
            let before = body.len();
            if routes < TARGETS_MAX && route(&mut body, (&marks, target), &headers, &mut uri) {
                routes += 1;
            }
            if body.len() + end.len() > ANSWER_BYTES_MAX {
                body.truncate(before);
                break;
            }
        }
    });
    if body.len() == empty {
        return None;
    }
    body.extend_from_slice(end.as_bytes());
    Some(body)
}

/// The headers of a route as a piece of JSON.
fn headers(told: &Told<'_, '_>, choice: &Choice<'_>, marks: &Marks<'_>) -> Vec<u8> {
    let (mut headers, mut line) = (Vec::new(), Vec::new());
    let mut put = |name: &str, value: &str| {
        line.clear();
        header(&mut line, name, value);
        let before = headers.len();
        Json(&mut headers).escaped(String::from_utf8_lossy(&line));
        if headers.len() > HEADERS_BYTES_MAX {
            headers.truncate(before);
        }
    };
    decision_header(told.answer, &mut put);
    marks.headers(&mut put);
    version_headers(choice, &mut put);
    headers
}

/// Writes a route behind what is there; `false` where a call cannot be sent to its target.
fn route(
    body: &mut Vec<u8>,
    (marks, target): (&Marks<'_>, &Endpoint),
    headers: &[u8],
    uri: &mut Vec<u8>,
) -> bool {
    uri.clear();
    if !marks.uri(uri, target, Place::RequestUri) || uri.len() > URI_BYTES_MAX {
        return false;
    }
    let Some(next) = Uri::parse(uri).ok().and_then(|uri| next_hop(&uri)) else { return false };
    let uri = String::from_utf8_lossy(uri);
    let mut json = Json(body);
    json.raw(if json.0.ends_with(b"[") { "{\"uri\":" } else { ",{\"uri\":" }).text(&uri);
    json.raw(",\"dst_uri\":")
        .text(&next)
        .raw(",\"headers\":{\"extra\":\"")
        .copied(headers)
        .raw("\"},")
        .raw(TIMERS);
    true
}

/// Where a call to a URI is sent next: its host and what says how to get there, without user and marks.
fn next_hop(uri: &Uri<'_>) -> Option<String> {
    let scheme = match uri.scheme {
        Scheme::Sips => "sips",
        Scheme::Sip => "sip",
        Scheme::Tel => return None,
    };
    let mut next = format!("{scheme}:{}", std::str::from_utf8(uri.host).ok()?);
    for name in ["transport", "maddr"] {
        if let Some(value) = uri.parameter(name).and_then(|value| std::str::from_utf8(value).ok()) {
            next.extend([";", name, "=", value]);
        }
    }
    Some(next)
}
