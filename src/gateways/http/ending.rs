//! The body of `POST /v1/calls/{callId}/end`.

use std::borrow::Cow;

use hyper::Uri;
use serde::de::{Error, MapAccess};

use super::body::{Members, Place, Text, read, tags_of, text_of};
use super::wanted::gateway;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
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
    pub(super) token: Option<Cow<'a, str>>,
}

impl<'a> Ended<'a> {
    /// Reads and checks a body; one that is empty says only that the call has ended.
    pub(super) fn from_body(body: &'a [u8]) -> Result<Self, ApiError> {
        let (mut ended, _unknown) = read::<Self>(body)?;
        ended.gateway = ended.gateway.map(gateway).transpose()?.flatten();
        Ok(ended)
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
    fn take<M: MapAccess<'a>>(&mut self, name: &str, _: &mut Place, map: &mut M) -> Result<bool, M::Error> {
        match name {
            "endedAt" => self.ended_at = map.next_value()?,
            "durationSeconds" => {
                self.duration_s = within(map, 0.0, DURATION_S_MAX, "seconds from 0 to 604,800 (a week)")?;
            }
            "outcome" => self.outcome = outcome(map)?,
            "automated" => self.automated = map.next_value()?,
            "sentiment" => self.sentiment = within(map, -1.0, 1.0, "a number from -1 to 1")?,
            "handoff" => self.handoff = map.next_value()?,
            "gateway" => self.gateway = text_of(map, usize::MAX)?,
            "token" => self.token = text_of(map, usize::MAX)?,
            "tags" => drop(tags_of(map)?),
            "summary" => drop(text_of(map, SUMMARY_CHARS_MAX)?),
            "transcriptUrl" | "recordingUrl" => url(map)?,
            "fields" => drop(map.next_value::<Option<serde_json::Map<String, serde_json::Value>>>()?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn within<'a, M: MapAccess<'a>>(
    map: &mut M,
    min: f64,
    max: f64,
    expected: &'static str,
) -> Result<Option<f64>, M::Error> {
    match map.next_value::<Option<f64>>()? {
        Some(value) if !(min..=max).contains(&value) => {
            Err(M::Error::custom(format_args!("expected {expected}")))
        }
        value => Ok(value),
    }
}

fn outcome<'a, M: MapAccess<'a>>(map: &mut M) -> Result<Option<Outcome>, M::Error> {
    let Some(Text(text)) = map.next_value::<Option<Text<'a>>>()? else { return Ok(None) };
    match Outcome::parse(&text) {
        // That nobody knows is for a time-out to say.
        Some(outcome) if outcome != Outcome::Unknown => Ok(Some(outcome)),
        _ => Err(M::Error::custom("expected completed, failed, abandoned or transferred")),
    }
}

fn url<'a, M: MapAccess<'a>>(map: &mut M) -> Result<(), M::Error> {
    let Some(Text(text)) = map.next_value::<Option<Text<'a>>>()? else { return Ok(()) };
    let web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if text.len() <= URL_BYTES_MAX && text.parse().as_ref().is_ok_and(web) {
        return Ok(());
    }
    Err(M::Error::custom("expected an http or https URL of at most 2,000 bytes"))
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
            (r#"{"durationSeconds":604801}"#.to_owned(), "durationSeconds"),
            (r#"{"durationSeconds":"60"}"#.to_owned(), "durationSeconds"),
            (r#"{"sentiment":1.01}"#.to_owned(), "sentiment"),
            (r#"{"sentiment":1e999}"#.to_owned(), "sentiment"),
            (r#"{"outcome":"unknown"}"#.to_owned(), "outcome"),
            (r#"{"outcome":"busy"}"#.to_owned(), "outcome"),
            (r#"{"endedAt":"yesterday"}"#.to_owned(), "endedAt"),
            (r#"{"endedAt":1700000000}"#.to_owned(), "endedAt"),
            (r#"{"automated":"yes"}"#.to_owned(), "automated"),
            (r#"{"handoff":1}"#.to_owned(), "handoff"),
            (r#"{"tags":[1]}"#.to_owned(), "tags"),
            (r#"{"transcriptUrl":"ftp://x.example/t"}"#.to_owned(), "transcriptUrl"),
            (r#"{"recordingUrl":"/relative"}"#.to_owned(), "recordingUrl"),
            (r#"{"recordingUrl":"https://x.example/ y"}"#.to_owned(), "recordingUrl"),
            (format!("{{\"recordingUrl\":\"https://x.example/{}\"}}", "x".repeat(2_000)), "recordingUrl"),
            (long("summary", 10_001), "summary"),
            (r#"{"fields":[]}"#.to_owned(), "fields"),
            (format!("{{\"fields\":{{\"a\":{}", "[".repeat(200_000)), "fields"),
            (r#"{"gateway":"a b"}"#.to_owned(), "gateway"),
            ("[]".to_owned(), "body"),
        ] {
            let error = Ended::from_body(body.as_bytes()).unwrap_err();
            let envelope = serde_json::to_value(error.envelope("")).unwrap();
            let shown: String = body.chars().take(60).collect();
            assert_eq!(envelope["errors"][0]["field"], field, "{shown}");
        }
    }
}
