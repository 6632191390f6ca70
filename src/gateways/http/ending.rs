//! The body of `POST /v1/calls/{callId}/end`, and the same with the call's id in it.

use std::borrow::Cow;
use std::fmt;

use hyper::Uri;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

use super::body::{Maybe, Members, Place, Tags, Text, Texts, read, remark, text};
use super::wanted::{call_id, dialled_text, gateway, token};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use crate::http::json::faults::quoted;
use crate::routing::calls::{Ending, Outcome};

/// Longest call that is believed: a week.
const DURATION_S_MAX: f64 = 604_800.0;
const SUMMARY_CHARS_MAX: usize = 10_000;
const URL_BYTES_MAX: usize = 2_000;

/// How a call went, as its gateway says.
#[derive(Debug, Default)]
pub(super) struct Ended<'a> {
    pub(super) ended_at: Option<Timestamp>,
    pub(super) duration_s: Option<f64>,
    pub(super) outcome: Option<Outcome>,
    pub(super) automated: Option<bool>,
    pub(super) sentiment: Option<f64>,
    pub(super) handoff: Option<bool>,
    pub(super) gateway: Option<Cow<'a, str>>,
    pub(super) to: Option<Cow<'a, str>>,
    pub(super) token: Option<Cow<'a, str>>,
}

impl<'a> Ended<'a> {
    /// Reads and checks a body; one that is empty says only that the call has ended.
    pub(super) fn from_body(body: &'a [u8]) -> Result<Self, ApiError> {
        read(body).map(|(ended, _unknown)| ended)
    }

    /// How long the call took, if that was said and can be. Of a call that is known, what cannot be gives way to what
    /// follows from its begin and end.
    pub(super) fn believed_s(&self, known: bool) -> Result<Option<f64>, ApiError> {
        match self.duration_s {
            Some(told) if told > DURATION_S_MAX && known => Ok(None),
            Some(told) if told > DURATION_S_MAX => {
                let why = format!("is {told}: expected seconds from 0 to 604,800 (a week)");
                Err(ApiError::validation("durationSeconds", why))
            }
            told => Ok(told),
        }
    }

    /// What is kept of it, having ended at `at` or else now. A call that ends without a word took its course.
    pub(super) fn ending(&self, at: Option<Timestamp>, now: Timestamp) -> Ending {
        Ending {
            at: at.unwrap_or(now),
            known_at: now,
            outcome: self.outcome.unwrap_or(Outcome::Completed),
            duration_s: self.duration_s,
            automated: self.automated,
            sentiment: self.sentiment,
            handoff: self.handoff,
        }
    }
}

impl<'a> Members<'a> for Ended<'a> {
    fn take<M: MapAccess<'a>>(&mut self, name: &str, at: &mut Place, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "endedAt" => self.ended_at = word(map, "a time such as 2026-01-01T00:00:00Z", Timestamp::parse)?,
            "durationSeconds" => self.duration_s = map.next_value_seed(Maybe(DURATION))?,
            "outcome" => self.outcome = word(map, "completed, failed, abandoned or transferred", outcome)?,
            "automated" => self.automated = map.next_value_seed(Maybe(Flag))?,
            "sentiment" => self.sentiment = map.next_value_seed(Maybe(SENTIMENT))?,
            "handoff" => self.handoff = map.next_value_seed(Maybe(Flag))?,
            "gateway" => {
                self.gateway = text(map)?.map(gateway).transpose().map_err(M::Error::custom)?.flatten();
            }
            "to" => self.to = dialled_text(at, map)?,
            "token" => self.token = token(map)?,
            "tags" => drop(map.next_value_seed(Maybe(Tags(at)))?),
            "summary" => remark(map, SUMMARY_CHARS_MAX)?,
            "transcriptUrl" | "recordingUrl" => {
                word(map, "an http or https URL of at most 2,000 bytes", url)?;
            }
            "fields" => drop(map.next_value_seed(Maybe(Anything))?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// How a call went, and which one.
#[derive(Debug, Default)]
pub(super) struct NamedEnd<'a> {
    call_id: Option<Cow<'a, str>>,
    ended: Ended<'a>,
}

impl<'a> NamedEnd<'a> {
    /// Reads and checks a body that names its call.
    pub(super) fn from_body(body: &'a [u8]) -> Result<(Cow<'a, str>, Ended<'a>), ApiError> {
        let (named, _unknown) = read::<Self>(body)?;
        let call_id = named.call_id.ok_or_else(|| ApiError::validation("callId", "is missing"))?;
        Ok((call_id, named.ended))
    }
}

impl<'a> Members<'a> for NamedEnd<'a> {
    fn take<M: MapAccess<'a>>(&mut self, name: &str, at: &mut Place, map: &mut M) -> Result<bool, M::Error> {
        if name != "callId" {
            return self.ended.take(name, at, map);
        }
        self.call_id = text(map)?.map(call_id).transpose().map_err(M::Error::custom)?.flatten();
        Ok(true)
    }

    fn missing(&self) -> Option<&'static str> {
        self.call_id.is_none().then_some("callId")
    }
}

/// A text that means something, or null.
fn word<'a, M: MapAccess<'a>, T>(
    map: &mut M,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, M::Error> {
    let Some(Text(text)) = map.next_value_seed(Maybe(Texts(expected)))? else { return Ok(None) };
    let why = || M::Error::custom(format_args!("is {}: expected {expected}", quoted(&text)));
    parse(&text).ok_or_else(why).map(Some)
}

/// That nobody knows how a call went is for a time-out to say.
fn outcome(text: &str) -> Option<Outcome> {
    Outcome::parse(text).filter(|outcome| *outcome != Outcome::Unknown)
}

fn url(text: &str) -> Option<()> {
    let web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    (text.len() <= URL_BYTES_MAX && text.parse().as_ref().is_ok_and(web)).then_some(())
}

/// Takes a number from one to another.
struct Within {
    min: f64,
    max: f64,
    expected: &'static str,
}

const DURATION: Within = Within { min: 0.0, max: f64::MAX, expected: "seconds from 0 to 604,800 (a week)" };
const SENTIMENT: Within = Within { min: -1.0, max: 1.0, expected: "a number from -1 to 1" };

impl Visitor<'_> for Within {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        let why = || E::custom(format_args!("is {value}: expected {}", self.expected));
        (self.min..=self.max).contains(&value).then_some(value).ok_or_else(why)
    }

    #[expect(clippy::cast_precision_loss, reason = "where a digit is lost the number is far too large")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        self.visit_f64(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "where a digit is lost the number is far too small")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        self.visit_f64(value as f64)
    }
}

/// Takes true or false.
struct Flag;

impl Visitor<'_> for Flag {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }
}

/// Takes an object of anything, which nobody reads.
struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_says_of_a_call_is_kept() {
        let body = br#"{"endedAt":"2026-01-01T00:00:00Z","durationSeconds":61.5,"outcome":"transferred","automated":false,
            "sentiment":-0.25,"handoff":true,"tags":["a"],"transcriptUrl":"https://x.example/t","recordingUrl":null,
            "summary":"s","fields":{"a":{"b":[1]}},"token":"t","gateway":"edge","new":1}"#;
        let ended = Ended::from_body(body).unwrap();
        let ending = ended.ending(ended.ended_at, Timestamp(7));
        assert_eq!(
            ending,
            Ending {
                at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
                known_at: Timestamp(7),
                outcome: Outcome::Transferred,
                duration_s: Some(61.5),
                automated: Some(false),
                sentiment: Some(-0.25),
                handoff: Some(true),
            }
        );
        let silent = Ended::from_body(b"").unwrap().ending(None, Timestamp(7));
        assert_eq!((silent.at, silent.outcome), (Timestamp(7), Outcome::Completed));
    }

    #[test]
    fn every_fault_names_its_field() {
        let long = |name: &str, len: usize| format!("{{\"{name}\":\"{}\"}}", "x".repeat(len));
        for (body, field) in [
            (r#"{"durationSeconds":-1}"#.to_owned(), "durationSeconds"),
            (r#"{"durationSeconds":"60"}"#.to_owned(), "durationSeconds"),
            (r#"{"sentiment":1.01}"#.to_owned(), "sentiment"),
            (r#"{"sentiment":1e300}"#.to_owned(), "sentiment"),
            (r#"{"sentiment":1e999}"#.to_owned(), "body"),
            (r#"{"outcome":"unknown"}"#.to_owned(), "outcome"),
            (r#"{"outcome":"busy"}"#.to_owned(), "outcome"),
            (r#"{"endedAt":"yesterday"}"#.to_owned(), "endedAt"),
            (r#"{"endedAt":1700000000}"#.to_owned(), "endedAt"),
            (r#"{"automated":"yes"}"#.to_owned(), "automated"),
            (r#"{"handoff":1}"#.to_owned(), "handoff"),
            (r#"{"tags":[1]}"#.to_owned(), "tags[0]"),
            (r#"{"transcriptUrl":"ftp://x.example/t"}"#.to_owned(), "transcriptUrl"),
            (r#"{"recordingUrl":"/relative"}"#.to_owned(), "recordingUrl"),
            (r#"{"recordingUrl":"https://x.example/ y"}"#.to_owned(), "recordingUrl"),
            (format!("{{\"recordingUrl\":\"https://x.example/{}\"}}", "x".repeat(2_000)), "recordingUrl"),
            (long("summary", 10_001), "summary"),
            (r#"{"fields":[]}"#.to_owned(), "fields"),
            (format!("{{\"fields\":{{\"a\":{}", "[".repeat(200_000)), "body"),
            (r#"{"gateway":"a b"}"#.to_owned(), "gateway"),
            ("[]".to_owned(), "body"),
        ] {
            let error = Ended::from_body(body.as_bytes()).unwrap_err();
            let envelope = serde_json::to_value(error.envelope("")).unwrap();
            let shown: String = body.chars().take(60).collect();
            assert_eq!(envelope["errors"][0]["field"], field, "{shown}");
        }
    }

    #[test]
    fn a_dialled_number_that_is_none_has_a_code_of_its_own() {
        let error = Ended::from_body(br#"{"to":"+1415555010a"}"#).unwrap_err();
        assert_eq!(error.code(), "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT");
    }

    #[test]
    fn all_faults_are_told_in_the_order_of_the_body_and_in_our_words() {
        let body = br#"{"sentiment":7,"handoff":1,"durationSeconds":"60","outcome":"busy","endedAt":1700000000,"fields":[],
            "automated":null,"tags":{},"recordingUrl":"/relative"}"#;
        assert_eq!(
            Ended::from_body(body).unwrap_err().message(),
            "sentiment: is 7: expected a number from -1 to 1; \
             handoff: is a number: expected true or false; \
             durationSeconds: is a text: expected seconds from 0 to 604,800 (a week); \
             outcome: is \"busy\": expected completed, failed, abandoned or transferred; \
             endedAt: is a number: expected a time such as 2026-01-01T00:00:00Z; \
             fields: is a list: expected an object; \
             tags: is an object: expected a list of texts; \
             recordingUrl: is \"/relative\": expected an http or https URL of at most 2,000 bytes"
        );
    }
}
