//! What a request asks, as a query or a body says it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

use super::body::{
    Maybe, Members, Place, Readable, Said, Seen, TWICE, Tags, Text, note_unknown, read, remark, text,
};
use crate::domain::address::{Address, InvalidAddress, scheme_bytes};
use crate::domain::id::Pin;
use crate::http::error::ApiError;
use crate::http::json::faults::{CODE, Faults, quoted, shown};
use crate::http::query::{Pairs, QueryFault, pairs};
use crate::routing::request::{CALL_ID_BYTES_MAX, Override};

/// Most headers of a call that are told.
const HEADERS_MAX: usize = 100;
/// The parameters of a query that each stand there once; a header may stand there again, as on the wire.
const PARAMETERS: [&str; 6] = ["to", "from", "callId", "gateway", "token", "dryRun"];
/// The code of a dialled number that is none.
const NO_NUMBER: &str = "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT";
/// Longest name of a gateway.
const GATEWAY_CHARS_MAX: usize = 64;
/// Longest word for a call's direction.
const DIRECTION_CHARS_MAX: usize = 32;

/// What a request asks.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// What was dialled, as written.
    pub to: Option<Cow<'a, str>>,
    /// Who calls, as written.
    pub from: Option<Cow<'a, str>>,
    /// Whether something stands there for the caller that is no text: the caller is withheld.
    pub from_unread: bool,
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
    /// Reads a query that asks who serves a call. A leading space in `to` and `from` is the `+` that nobody encoded.
    ///
    /// # Errors
    /// 400, naming every parameter at fault. Where it is the dialled number alone, who decides finds it.
    pub fn from_query(query: &'a str) -> Result<Self, ApiError> {
        let (wanted, mut faults) = Self::parameters(query);
        if !faults.is_empty() {
            note_dialled(&mut faults, wanted.to.as_deref());
        }
        faults.refusal().map_or(Ok(wanted), Err)
    }

    /// Reads a query about a call that is known, where nothing has to be said.
    ///
    /// # Errors
    /// 400, naming every parameter at fault.
    pub fn about_call(query: &'a str) -> Result<Self, ApiError> {
        let (wanted, faults) = Self::parameters(query);
        faults.refusal().map_or(Ok(wanted), Err)
    }

    fn parameters(query: &'a str) -> (Self, Faults) {
        let mut wanted = Self::default();
        let (mut said, mut faults) = (0, Faults::default());
        for pair in pairs(query) {
            let (name, value) = match pair {
                // The caller is never a reason to refuse.
                Err(QueryFault::NotText { parameter }) if parameter == "from" => {
                    wanted.from_unread = true;
                    continue;
                }
                Err(fault) => {
                    note(&mut faults, &malformed(&fault));
                    continue;
                }
                Ok(pair) => pair,
            };
            let place = PARAMETERS.iter().position(|known| *known == name);
            let first = place.map_or(Ok(()), |place| once(place, &name, &mut said));
            if let Err(why) = first.and_then(|()| wanted.take_parameter(name, value)) {
                note(&mut faults, &why);
            }
        }
        (wanted, faults)
    }

    /// Takes a parameter that stands there for the first time.
    fn take_parameter(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) -> Result<(), ApiError> {
        match &*name {
            "to" => self.to = Some(with_plus(value)),
            "from" => self.from = Some(with_plus(value)),
            "callId" => self.call_id = call_id(value).map_err(|why| ApiError::validation("callId", why))?,
            "gateway" => self.gateway = gateway(value).map_err(|why| ApiError::validation("gateway", why))?,
            "token" => self.token = Some(value).filter(|token| !token.is_empty()),
            "dryRun" => self.dry_run = flag("dryRun", &value)?,
            // Others may be there to get past a cache, but who misspells this one would begin a call.
            _ if means_dry_run(&name) => return Err(misspelt(&name)),
            _ => match header_name(name) {
                Ok(header) => self.headers.push((header, value)),
                Err(name) => self.unknown.push(name.into_owned()),
            },
        }
        Ok(())
    }

    /// Reads a body, with what its query says.
    ///
    /// # Errors
    /// 400, naming every field at fault.
    pub fn from_body(body: &'a [u8], query: &str) -> Result<Self, ApiError> {
        let (mut wanted, mut unknown) = read::<Self>(body)?;
        for pair in known_only(query, &["dryRun"])? {
            wanted.dry_run = flag("dryRun", &pair.map_err(|fault| malformed(&fault))?.1)?;
        }
        wanted.unknown.append(&mut unknown);
        Ok(wanted)
    }
}

/// Keeps what is wrong with a parameter, for all of it to be told at once.
#[cold]
fn note(faults: &mut Faults, why: &ApiError) {
    for fault in why.fields() {
        faults.push(fault.field.clone(), fault.message.clone(), why.code());
    }
}

/// What is wrong with the dialled number, where something else is wrong too; else who decides finds it.
#[cold]
fn note_dialled(faults: &mut Faults, to: Option<&str>) {
    match to {
        _ if faults.blames("to") => {}
        None => faults.push("to".to_owned(), "is missing".to_owned(), CODE),
        Some(to) => {
            if let Err(why) = in_field("to", to) {
                note(faults, &why);
            }
        }
    }
}

/// The parameters of a query, if none is there but these: who misspells one would have something else done.
pub(super) fn known_only<'q>(query: &'q str, known: &[&str]) -> Result<Pairs<'q>, ApiError> {
    let mut said = 0;
    for pair in pairs(query) {
        let (name, _) = pair.map_err(|fault| malformed(&fault))?;
        let Some(place) = known.iter().position(|known| *known == name) else {
            let why = match known {
                [] => "means nothing here: no parameter does".to_owned(),
                known => format!("means nothing here: expected {}", known.join(" or ")),
            };
            return Err(ApiError::validation(shown(&name), why));
        };
        once(place, &name, &mut said)?;
    }
    Ok(pairs(query))
}

/// Takes the parameter of a place if it is the first of its name: of two, nobody knows which one is meant.
fn once(place: usize, name: &str, said: &mut u8) -> Result<(), ApiError> {
    let bit = 1 << place;
    if *said & bit != 0 {
        return Err(ApiError::validation(name, TWICE));
    }
    *said |= bit;
    Ok(())
}

fn malformed(fault: &QueryFault) -> ApiError {
    ApiError::validation(fault.field(), fault.to_string())
}

/// Whether a parameter is `dryRun` but for case and what joins the words.
fn means_dry_run(name: &str) -> bool {
    name.len() <= 16
        && name
            .bytes()
            .filter(|byte| !matches!(byte, b'_' | b'-' | b'.' | b' '))
            .map(|byte| byte.to_ascii_lowercase())
            .eq(*b"dryrun")
}

fn misspelt(name: &str) -> ApiError {
    ApiError::validation(shown(name), "means nothing here: expected dryRun")
}

/// Reads back the plus of a phone number that nobody encoded and a query turned into a space, also behind the name of
/// a scheme.
pub(in crate::gateways) fn with_plus(mut text: Cow<'_, str>) -> Cow<'_, str> {
    // Nearly always there is none, and several times faster to see than where it would have to be.
    if !text.as_bytes().contains(&b' ') {
        return text;
    }
    let uri = text.find('<').map_or(0, |at| at + 1);
    let scheme = text.get(uri..).and_then(scheme_bytes).unwrap_or_default();
    if scheme > 0 || uri == 0 {
        let at = uri + scheme;
        if text.get(at..).is_some_and(|rest| rest.starts_with(' ')) {
            text.to_mut().replace_range(at..=at, "+");
        }
    }
    text
}

/// The name behind `h.`, or the whole name back.
pub(in crate::gateways) fn header_name(name: Cow<'_, str>) -> Result<Cow<'_, str>, Cow<'_, str>> {
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

/// Reads what was dialled, or says what is wrong with it.
fn dialled(text: &str) -> Result<Address<'_>, String> {
    Address::parse(text).map_err(|why| format!("{why}: expected {}", InvalidAddress::EXPECTED))
}

/// Reads what was dialled in a field.
pub(super) fn in_field<'t>(field: &str, text: &'t str) -> Result<Address<'t>, ApiError> {
    dialled(text).map_err(|why| ApiError::validation(field, why).with_code(NO_NUMBER))
}

/// A text that says what was dialled, or null.
pub(super) fn dialled_text<'a, M: MapAccess<'a>>(
    at: &mut Place,
    map: &mut M,
) -> Result<Option<Cow<'a, str>>, M::Error> {
    let to = text(map)?;
    to.as_deref().map(dialled).transpose().map_err(|why| at.coded(NO_NUMBER, M::Error::custom(why)))?;
    Ok(to)
}

/// A token; an empty one is none, as whoever has none to fill in may send it.
pub(super) fn token<'a, M: MapAccess<'a>>(map: &mut M) -> Result<Option<Cow<'a, str>>, M::Error> {
    Ok(text(map)?.filter(|token| !token.is_empty()))
}

/// Reads a call's id; an empty one is none, since all calls of a gateway that leaves it empty would be one.
pub(super) fn call_id(text: Cow<'_, str>) -> Result<Option<Cow<'_, str>>, &'static str> {
    if text.len() > CALL_ID_BYTES_MAX {
        return Err("is longer than 256 bytes");
    }
    if text.chars().any(char::is_control) {
        return Err("contains control characters");
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Reads a gateway's name; an empty one is none.
pub(super) fn gateway(text: Cow<'_, str>) -> Result<Option<Cow<'_, str>>, &'static str> {
    if text.len() > GATEWAY_CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("expected at most 64 visible ASCII characters");
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

// The body of `POST /v1/calls`.
impl<'a> Members<'a> for Wanted<'a> {
    fn take<M: MapAccess<'a>>(&mut self, name: &str, at: &mut Place, map: &mut M) -> Result<bool, M::Error> {
        let fault = |why| M::Error::custom(why);
        match name {
            // Who decides reads it, where nothing else is at fault.
            "to" if at.notes() => self.to = dialled_text(at, map)?,
            "to" => self.to = text(map)?,
            "from" => match map.next_value_seed(Readable)? {
                Said::Nothing => {}
                Said::Text(from) => self.from = Some(from),
                Said::Unreadable => self.from_unread = true,
            },
            "callId" => self.call_id = text(map)?.map(call_id).transpose().map_err(fault)?.flatten(),
            "gateway" => self.gateway = text(map)?.map(gateway).transpose().map_err(fault)?.flatten(),
            "token" => self.token = token(map)?,
            "headers" => self.headers = map.next_value_seed(Maybe(Headers(at)))?.unwrap_or_default(),
            "override" => {
                self.asked_for = map.next_value_seed(Maybe(Named(at, &mut self.unknown)))?.flatten();
            }
            "direction" => remark(map, DIRECTION_CHARS_MAX)?,
            "tags" => drop(map.next_value_seed(Maybe(Tags(at)))?),
            // Somebody who only wanted to try would begin a call.
            "dryRun" => {
                map.next_value::<IgnoredAny>()?;
                return Err(M::Error::custom("belongs in the query: ?dryRun=true"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn missing(&self) -> Option<&'static str> {
        self.to.is_none().then_some("to")
    }
}

/// Reads a version or an arm by name.
struct Named<'p>(&'p mut Place, &'p mut Vec<String>);

impl<'a> Visitor<'a> for Named<'_> {
    /// Nothing where a fault was noted.
    type Value = Option<Override<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object: either agentId and pin, or splitId and arm")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let (mut agent, mut pin, mut split, mut arm) = (None, None, None, None);
        let mut whole = true;
        let mut seen = Seen::default();
        while let Some(Text(name)) = map.next_key()? {
            let read = self.0.member(&name, |at| {
                seen.once(&name, at)?;
                match &*name {
                    "agentId" => agent = text(&mut map)?,
                    "pin" => pin = text(&mut map)?.map(|text| pin_of(&text)).transpose()?,
                    "splitId" => split = text(&mut map)?,
                    "arm" => arm = text(&mut map)?,
                    _ => {
                        map.next_value::<IgnoredAny>()?;
                        note_unknown(self.1, &format!("override.{name}"));
                    }
                }
                Ok(())
            })?;
            whole &= read.is_some();
        }
        match (agent, pin, split, arm) {
            _ if !whole => Ok(None),
            (Some(agent), Some(pin), None, None) => Ok(Some(Override::Agent { agent, pin })),
            (None, None, Some(split), Some(arm)) => Ok(Some(Override::Arm { split, arm })),
            _ => Err(M::Error::custom("expected either agentId and pin, or splitId and arm")),
        }
    }
}

fn pin_of<E: Error>(text: &str) -> Result<Pin, E> {
    let why = || E::custom(format_args!("{} is no pin: expected {}", quoted(text), Pin::EXPECTED));
    Pin::parse(text).ok_or_else(why)
}

/// Reads headers: an object of texts, in which a name may stand several times.
pub(in crate::gateways) struct Headers<'p>(pub(in crate::gateways) &'p mut Place);

impl<'a> Visitor<'a> for Headers<'_> {
    type Value = Vec<(Cow<'a, str>, Cow<'a, str>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut headers = Vec::new();
        let mut count = 0;
        while let Some(Text(name)) = map.next_key()? {
            if count == HEADERS_MAX {
                return Err(M::Error::custom("expected at most 100 headers"));
            }
            count += 1;
            let value = self.0.member(&name, |_| map.next_value())?;
            headers.extend(value.map(|Text(value)| (name, value)));
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
            ("{\"to\":".to_owned(), "body"),
            ("nonsense".to_owned(), "body"),
            ("[]".to_owned(), "body"),
            ("\"to\"".to_owned(), "body"),
            ("{}{}".to_owned(), "body"),
            ("{\0}".to_owned(), "body"),
            ("[".repeat(200_000), "body"),
            (deep("to"), "body"),
            (deep("headers"), "body"),
            (deep("who knows"), "body"),
            (r#"{"to":14155550100}"#.to_owned(), "to"),
            (r#"{"headers":{"X-A":1}}"#.to_owned(), "headers.X-A"),
            (r#"{"headers":["X-A"]}"#.to_owned(), "headers"),
            (format!("{{\"headers\":{{{}}}}}", headers.join(",")), "headers"),
            (r#"{"override":{"agentId":"sales","pin":"newest"}}"#.to_owned(), "override.pin"),
            (r#"{"override":{"agentId":"sales"}}"#.to_owned(), "override"),
            (r#"{"override":{"agentId":"sales","pin":"V1","arm":"a"}}"#.to_owned(), "override"),
            (r#"{"override":7}"#.to_owned(), "override"),
            (r#"{"to":"+14155550100","dryRun":true}"#.to_owned(), "dryRun"),
            (r#"{"callId":"a\u0000b"}"#.to_owned(), "callId"),
            (long("callId", 257), "callId"),
            (long("gateway", 65), "gateway"),
            (r#"{"gateway":"a b"}"#.to_owned(), "gateway"),
            (long("direction", 33), "direction"),
            (r#"{"tags":"a"}"#.to_owned(), "tags"),
            (format!("{{\"tags\":[{}\"\"]}}", "\"\",".repeat(20)), "tags"),
            (format!("{{\"tags\":[\"{}\"]}}", "x".repeat(101)), "tags[0]"),
        ] {
            let shown: String = body.chars().take(60).collect();
            assert_eq!(field(&Wanted::from_body(body.as_bytes(), "").unwrap_err()), wanted, "{shown}");
        }
        assert_eq!(field(&Wanted::from_query("dryRun=yes").unwrap_err()), "dryRun");
        assert_eq!(field(&Wanted::from_query("callId=%ff").unwrap_err()), "callId");
        for twice in
            [r#"{"to":"+14155550100","to":"+14155550100"}"#, r#"{"to":"+14155550100","t\u006f":null}"#]
        {
            let error = Wanted::from_body(twice.as_bytes(), "").unwrap_err();
            assert_eq!(error.message(), "to: stands there twice: expected once");
        }
        for (query, name) in [
            ("to=A&to=B", "to"),
            ("to=A&from=1&callId=&callId=c", "callId"),
            ("gateway=a&to=A&gateway=a", "gateway"),
            ("token=a&token=a", "token"),
            ("from=1&from=1", "from"),
            ("dryRun=true&dryRun=false", "dryRun"),
        ] {
            let error = Wanted::about_call(query).unwrap_err();
            assert_eq!(error.message(), format!("{name}: stands there twice: expected once"));
        }
        assert_eq!(field(&Wanted::from_body(b"{}", "dryRun=true&dryRun=true").unwrap_err()), "dryRun");
        let twice = br#"{"to":"a","override":{"agentId":"a","pin":"V1","agentId":"b"}}"#;
        assert_eq!(field(&Wanted::from_body(twice, "").unwrap_err()), "override.agentId");
    }

    #[test]
    fn a_dialled_number_that_is_none_has_a_code_of_its_own_where_nothing_else_is_wrong() {
        const CODE: &str = "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT";
        let none = in_field("to", "+1415555010a").unwrap_err();
        assert_eq!((none.code(), none.status().as_u16()), (CODE, 400));
        let code = |body: &str| Wanted::from_body(body.as_bytes(), "").unwrap_err().code();
        // Two of the names share a bit, so that the body is read with notes; the last one is a fault of its own.
        assert_eq!(code(r#"{"to":"+1415555010a","abc":1,"adc":2}"#), CODE);
        assert_eq!(code(r#"{"to":"+1415555010a","gateway":"a b"}"#), "VALIDATION_FAILED");
        assert_eq!(code(r#"{"gateway":"a b","to":"+14155550100"}"#), "VALIDATION_FAILED");
    }

    #[test]
    fn names_that_only_look_alike_are_not_taken_for_one() {
        // They share their bit: so does whatever has the same length, first and last character.
        let wanted = Wanted::from_body(br#"{"to":"a","abc":1,"adc":2,"axc":{}}"#, "").unwrap();
        assert_eq!((wanted.to.as_deref(), wanted.unknown.len()), (Some("a"), 3));
    }

    #[test]
    fn all_faults_are_told_in_the_order_of_the_body_and_in_our_words() {
        let body = br#"{"tags":["a",7],"callId":7,"headers":{"X-A":1,"X-B":"b","X-C":[]},"to":"+1415abc","from":true,
            "override":{"pin":"newest","agentId":null,"splitId":{}},"gateway":"a b","strange":[],"direction":[],"gateway":"b"}"#;
        let error = Wanted::from_body(body, "").unwrap_err();
        let envelope = serde_json::to_value(error.envelope("")).unwrap();
        let told: Vec<_> = envelope["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| {
                format!("{}: {}", fault["field"].as_str().unwrap(), fault["message"].as_str().unwrap())
            })
            .collect();
        assert_eq!(
            told,
            [
                "tags[1]: is a number: expected a text",
                "callId: is a number: expected a text",
                "headers.X-A: is a number: expected a text",
                "headers.X-C: is a list: expected a text",
                "to: has a plus but not 7 to 15 digits of which the first is not 0: expected + and 7 to 15 digits, \
                 tel:, sip:, or a SIP user of at most 64 bytes",
                "override.pin: \"newest\" is no pin: expected draft, V<n>, sandbox, pre-release or live",
                "override.splitId: is an object: expected a text",
                "gateway: expected at most 64 visible ASCII characters",
                "direction: is a list: expected a text",
                "gateway: stands there twice: expected once",
            ]
        );
        assert_eq!(error.message(), told.join("; "));
    }

    #[test]
    fn a_number_that_is_missing_is_told_with_the_other_faults_and_once() {
        let fields = |body: &str| {
            let error = Wanted::from_body(body.as_bytes(), "").unwrap_err();
            let envelope = serde_json::to_value(error.envelope("")).unwrap();
            let faults = envelope["errors"].as_array().unwrap().clone();
            faults.iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(fields(r#"{"callId":7}"#), ["callId", "to"]);
        assert_eq!(fields(r#"{"to":7}"#), ["to"]);
        assert_eq!(fields(r#"{"to":7,"to":8,"callId":7}"#), ["to", "to", "callId"]);
    }

    #[test]
    fn all_that_is_wrong_with_a_query_is_told_at_once() {
        let told = |error: &ApiError| {
            error
                .fields()
                .iter()
                .map(|fault| format!("{}: {}", fault.field, fault.message))
                .collect::<Vec<_>>()
        };
        let query = "callId=%ff&gateway=a%20b&dryRun=yes&gateway=b&dry_run=true&from=%ff";
        let faults = [
            "callId: the parameter callId is not UTF-8",
            "gateway: expected at most 64 visible ASCII characters",
            "dryRun: expected true or false",
            "gateway: stands there twice: expected once",
            "dry_run: means nothing here: expected dryRun",
        ];
        assert_eq!(told(&Wanted::about_call(query).unwrap_err()), faults);
        let with_to = [&faults[..], &["to: is missing"]].concat();
        assert_eq!(told(&Wanted::from_query(query).unwrap_err()), with_to);
        let malformed = Wanted::from_query("to=%2B1x&dryRun=yes").unwrap_err();
        assert_eq!((malformed.code(), malformed.fields().len()), ("VALIDATION_FAILED", 2));
        assert!(Wanted::from_query("to=%2B1x").is_ok(), "who decides says it, with a code of its own");
    }

    #[test]
    fn unknown_fields_are_told_and_nothing_else() {
        assert_eq!(Wanted::from_body(br#"{"too":"+1","x":[{}]}"#, "").unwrap().unknown, ["too", "x"]);
        assert_eq!(Wanted::from_query("too=1").unwrap().unknown, ["too"]);
    }

    fn name() -> impl Strategy<Value = &'static str> {
        let all = [
            "to",
            "from",
            "callId",
            "gateway",
            "token",
            "headers",
            "override",
            "direction",
            "tags",
            "agentId",
        ];
        prop::sample::select(all.to_vec())
    }

    fn value() -> impl Strategy<Value = &'static str> {
        let object = r#"{"agentId":"a","pin":"V1","arm":null,"splitId":7}"#;
        let all =
            ["null", "true", "-1", "1.5", "1e300", r#""""#, r#""\u0000""#, "[]", r#"["a",{}]"#, "{}", object];
        prop::sample::select(all.to_vec())
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_fail_otherwise(body in prop::collection::vec(any::<u8>(), 0..300), query: String) {
            let _ = Wanted::from_body(&body, &query);
            let _ = Wanted::from_query(&query);
        }

        #[test]
        fn whatever_is_refused_is_refused_in_our_words(members in prop::collection::vec((name(), value()), 0..6)) {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
            let body = format!("{{{}}}", members.join(","));
            if let Err(error) = Wanted::from_body(body.as_bytes(), "") {
                let told = error.message();
                prop_assert!(!told.contains(" at line ") && !told.contains("cannot be read"), "{}: {}", body, told);
            }
        }
    }
}
