//! What a request asks, as a query or a body says it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::body::{Members, Place, Text, read, tags_of, text_of};
use crate::domain::id::Pin;
use crate::http::error::ApiError;
use crate::http::query::pairs;
use crate::routing::request::{CALL_ID_BYTES_MAX, Override};

/// Most headers of a call that are told.
const HEADERS_MAX: usize = 100;
/// Longest name of a gateway.
const GATEWAY_CHARS_MAX: usize = 64;

/// What a request asks.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// What was dialled, as written.
    pub to: Option<Cow<'a, str>>,
    /// Who calls, as written.
    pub from: Option<Cow<'a, str>>,
    /// The call's id; never empty.
    pub call_id: Option<Cow<'a, str>>,
    /// The gateway's name; never empty.
    pub gateway: Option<Cow<'a, str>>,
    /// The token of an earlier decision.
    pub token: Option<Cow<'a, str>>,
    /// The call's headers.
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// A version or arm asked for by name.
    pub asked_for: Option<Override<'a>>,
    /// Whether only to explain.
    pub dry_run: bool,
    /// Fields that mean nothing here.
    pub unknown: Vec<String>,
}

impl<'a> Wanted<'a> {
    /// Reads a query. A leading space in `to` and `from` is the `+` that nobody encoded.
    ///
    /// # Errors
    /// 400, naming the parameter.
    pub fn from_query(query: &'a str) -> Result<Self, ApiError> {
        let mut wanted = Self::default();
        for pair in pairs(query) {
            let (name, value) =
                pair.map_err(|fault| ApiError::validation(fault.field(), fault.to_string()))?;
            match &*name {
                "to" => wanted.to = Some(with_plus(value)),
                "from" => wanted.from = Some(with_plus(value)),
                "callId" => wanted.call_id = call_id(value)?,
                "gateway" => wanted.gateway = gateway(value)?,
                "token" => wanted.token = Some(value),
                "dryRun" => wanted.dry_run = flag("dryRun", &value)?,
                _ => match header_name(name) {
                    Ok(header) => wanted.headers.push((header, value)),
                    Err(name) => wanted.unknown.push(name.into_owned()),
                },
            }
        }
        Ok(wanted)
    }

    /// Reads a body, with what its query says.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn from_body(body: &'a [u8], query: &str) -> Result<Self, ApiError> {
        let (Fields(mut wanted, named), unknown) = read::<Fields<'a>>(body)?;
        for pair in pairs(query) {
            let (name, value) =
                pair.map_err(|fault| ApiError::validation(fault.field(), fault.to_string()))?;
            if name == "dryRun" {
                wanted.dry_run = flag("dryRun", &value)?;
            }
        }
        wanted.call_id = wanted.call_id.map(call_id).transpose()?.flatten();
        wanted.gateway = wanted.gateway.map(gateway).transpose()?.flatten();
        wanted.asked_for = named.map(Named::into_override).transpose()?;
        wanted.unknown = unknown;
        Ok(wanted)
    }
}

fn with_plus(mut text: Cow<'_, str>) -> Cow<'_, str> {
    if text.starts_with(' ') {
        text.to_mut().replace_range(..1, "+");
    }
    text
}

/// The name behind `h.`, or the whole name back.
fn header_name(name: Cow<'_, str>) -> Result<Cow<'_, str>, Cow<'_, str>> {
    match name {
        Cow::Borrowed(text) => text.strip_prefix("h.").map(Cow::Borrowed).ok_or(name),
        Cow::Owned(text) if text.starts_with("h.") => Ok(Cow::Owned(text.chars().skip(2).collect())),
        Cow::Owned(_) => Err(name),
    }
}

/// Reads a parameter that is `true` or `false`.
pub(super) fn flag(name: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ApiError::validation(name, "expected true or false")),
    }
}

/// Reads a call's id; an empty one is none, since all calls of a gateway that leaves it empty would be one.
pub(super) fn call_id(text: Cow<'_, str>) -> Result<Option<Cow<'_, str>>, ApiError> {
    if text.len() > CALL_ID_BYTES_MAX {
        return Err(ApiError::validation("callId", "is longer than 256 bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(ApiError::validation("callId", "contains control characters"));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Reads a gateway's name; an empty one is none.
pub(super) fn gateway(text: Cow<'_, str>) -> Result<Option<Cow<'_, str>>, ApiError> {
    if text.len() > GATEWAY_CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::validation("gateway", "expected at most 64 visible ASCII characters"));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The body of `POST /v1/calls`.
#[derive(Default)]
struct Fields<'a>(Wanted<'a>, Option<Named<'a>>);

impl<'a> Members<'a> for Fields<'a> {
    fn take<M: MapAccess<'a>>(&mut self, name: &str, at: &mut Place, map: &mut M) -> Result<bool, M::Error> {
        let Self(wanted, named) = self;
        match name {
            "to" => wanted.to = text(map)?,
            "from" => wanted.from = text(map)?,
            "callId" => wanted.call_id = text(map)?,
            "gateway" => wanted.gateway = text(map)?,
            "token" => wanted.token = text(map)?,
            "headers" => wanted.headers = map.next_value_seed(Headers(at))?,
            "override" => *named = map.next_value()?,
            "direction" => drop(text_of(map, 32)?),
            "tags" => drop(tags_of(map)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn text<'a, M: MapAccess<'a>>(map: &mut M) -> Result<Option<Cow<'a, str>>, M::Error> {
    text_of(map, usize::MAX)
}

/// A version or arm by name, as written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow)]
    agent_id: Option<Text<'a>>,
    #[serde(borrow)]
    pin: Option<Text<'a>>,
    #[serde(borrow)]
    split_id: Option<Text<'a>>,
    #[serde(borrow)]
    arm: Option<Text<'a>>,
}

impl<'a> Named<'a> {
    fn into_override(self) -> Result<Override<'a>, ApiError> {
        match (self.agent_id, self.pin, self.split_id, self.arm) {
            (Some(agent), Some(pin), None, None) => {
                let pin = Pin::parse(&pin.0).ok_or_else(|| {
                    ApiError::validation("override.pin", format!("expected {}", Pin::EXPECTED))
                })?;
                Ok(Override::Agent { agent: agent.0, pin })
            }
            (None, None, Some(split), Some(arm)) => Ok(Override::Arm { split: split.0, arm: arm.0 }),
            _ => {
                let expected = "expected either agentId and pin, or splitId and arm";
                Err(ApiError::validation("override", expected))
            }
        }
    }
}

/// Reads headers: an object of texts, in which a name may stand several times.
struct Headers<'p>(&'p mut Place);

impl<'a> DeserializeSeed<'a> for Headers<'_> {
    type Value = Vec<(Cow<'a, str>, Cow<'a, str>)>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_option(self)
    }
}

impl<'a> Visitor<'a> for Headers<'_> {
    type Value = Vec<(Cow<'a, str>, Cow<'a, str>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut headers = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            if headers.len() == HEADERS_MAX {
                return Err(M::Error::custom("expected at most 100 headers"));
            }
            self.0.within(&name);
            let Text(value) = map.next_value()?;
            self.0.leave(&name);
            headers.push((name, value));
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(error: &ApiError) -> String {
        let envelope = serde_json::to_value(error.envelope("")).unwrap();
        envelope["errors"][0]["field"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_query_says_what_a_body_says() {
        let query = "to=+14155550100&from=%2B14155550111&callId=c-1&gateway=edge&token=t&h.X-A=1&h.X-A=2&h.X%2DB=3&dryRun=true";
        let body =
            br#"{"to":"+14155550100","from":"+14155550111","callId":"c-1","gateway":"edge","token":"t",
            "headers":{"X-A":"1","X-A":"2","X-B":"3"}}"#;
        let (query, body) =
            (Wanted::from_query(query).unwrap(), Wanted::from_body(body, "dryRun=true").unwrap());
        assert_eq!(format!("{query:?}"), format!("{body:?}"));
        assert_eq!(query.headers.len(), 3);
    }

    #[test]
    fn null_and_empty_are_as_good_as_absent() {
        for body in [
            r#"{"to":null,"callId":null,"headers":null,"override":null,"tags":null,"direction":null}"#,
            r#"{"callId":"","gateway":""}"#,
            "{}",
            " \n",
            "",
        ] {
            let wanted = Wanted::from_body(body.as_bytes(), "").unwrap();
            assert!(wanted.to.is_none() && wanted.call_id.is_none() && wanted.gateway.is_none(), "{body}");
        }
    }

    #[test]
    fn every_fault_names_its_field() {
        let deep = |name: &str| format!("{{\"{name}\":{}", "[".repeat(200_000));
        let long = |name: &str, len: usize| format!("{{\"{name}\":\"{}\"}}", "x".repeat(len));
        let headers: Vec<_> = (0..101).map(|n| format!("\"h{n}\":\"\"")).collect();
        for (body, wanted) in [
            ("{\"to\":".to_owned(), "to"),
            ("nonsense".to_owned(), "body"),
            ("[]".to_owned(), "body"),
            ("\"to\"".to_owned(), "body"),
            ("{}{}".to_owned(), "body"),
            ("{\0}".to_owned(), "body"),
            ("[".repeat(200_000), "body"),
            (deep("to"), "to"),
            (deep("headers"), "headers"),
            (deep("who knows"), "who knows"),
            (r#"{"to":14155550100}"#.to_owned(), "to"),
            (r#"{"headers":{"X-A":1}}"#.to_owned(), "headers.X-A"),
            (r#"{"headers":["X-A"]}"#.to_owned(), "headers"),
            (format!("{{\"headers\":{{{}}}}}", headers.join(",")), "headers"),
            (r#"{"override":{"agentId":"sales","pin":"newest"}}"#.to_owned(), "override.pin"),
            (r#"{"override":{"agentId":"sales"}}"#.to_owned(), "override"),
            (r#"{"override":{"agentId":"sales","pin":"V1","arm":"a"}}"#.to_owned(), "override"),
            (r#"{"override":7}"#.to_owned(), "override"),
            (r#"{"callId":"a\u0000b"}"#.to_owned(), "callId"),
            (long("callId", 257), "callId"),
            (long("gateway", 65), "gateway"),
            (r#"{"gateway":"a b"}"#.to_owned(), "gateway"),
            (long("direction", 33), "direction"),
            (r#"{"tags":"a"}"#.to_owned(), "tags"),
            (format!("{{\"tags\":[{}\"\"]}}", "\"\",".repeat(20)), "tags"),
            (format!("{{\"tags\":[\"{}\"]}}", "x".repeat(101)), "tags"),
        ] {
            let shown: String = body.chars().take(60).collect();
            assert_eq!(field(&Wanted::from_body(body.as_bytes(), "").unwrap_err()), wanted, "{shown}");
        }
        assert_eq!(field(&Wanted::from_query("dryRun=yes").unwrap_err()), "dryRun");
        assert_eq!(field(&Wanted::from_query("from=%ff").unwrap_err()), "from");
    }

    #[test]
    fn unknown_fields_are_told_and_nothing_else() {
        assert_eq!(Wanted::from_body(br#"{"too":"+1","x":[{}]}"#, "").unwrap().unknown, ["too", "x"]);
        assert_eq!(Wanted::from_query("too=1").unwrap().unknown, ["too"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_fail_otherwise(body in prop::collection::vec(any::<u8>(), 0..300), query: String) {
            let _ = Wanted::from_body(&body, &query);
            let _ = Wanted::from_query(&query);
        }
    }
}
