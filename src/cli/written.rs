//! Arguments as they are written, and what they mean.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::domain::address::{InvalidAddress, Number, Prefix};
use crate::domain::agent_config::is_language_tag;
use crate::domain::caller_pin::CallerAddress;
use crate::domain::endpoint::EndpointTemplate;
use crate::domain::fallback::Fallback;
use crate::domain::id::{AgentId, ArmId, Environment, InvalidId, Pin, SiteVariantId, SplitId, VersionNumber};
use crate::domain::split::{CALLS_MAX, WEIGHT_MAX};
use crate::domain::time::Timestamp;

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(pub(super) String);

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// `sales@V3`: an agent at a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedAgent {
    /// The agent.
    pub agent: AgentId,
    /// What of it.
    pub pin: Pin,
}

impl FromStr for PinnedAgent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (agent, at) = text.split_once('@').ok_or("expected AGENT@PIN, such as sales@V3")?;
        Ok(Self { agent: id_of(agent)?, pin: pin(at)? })
    }
}

impl fmt::Display for PinnedAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.agent, self.pin)
    }
}

/// `sales@V3` or `spring/test`: what serves instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Override {
    /// An agent at a pin.
    Agent(PinnedAgent),
    /// An arm of a split.
    Arm(SplitId, ArmId),
}

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((split, arm)) = text.split_once('/') {
            return Ok(Self::Arm(id_of(split)?, id_of(arm)?));
        }
        let expected = |_| "expected AGENT@PIN or SPLIT/ARM, such as sales@V3 or spring/test".to_owned();
        text.parse()
            .map(Self::Agent)
            .map_err(|why: String| if text.contains('@') { why } else { expected(why) })
    }
}

impl Override {
    /// As the call plane takes it.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Agent(PinnedAgent { agent, pin }) => json!({"agentId": agent, "pin": pin}),
            Self::Arm(split, arm) => json!({"splitId": split, "arm": arm}),
        }
    }
}

/// `control=sales@V3:80`: an arm of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmWritten {
    /// Its id.
    pub id: ArmId,
    /// What serves.
    pub serves: PinnedAgent,
    /// Its weight.
    pub weight: u32,
}

impl FromStr for ArmWritten {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected ARM=AGENT@PIN:WEIGHT, such as control=sales@V3:80";
        let (id, rest) = text.split_once('=').ok_or(expected)?;
        let (serves, weight) = rest.rsplit_once(':').ok_or(expected)?;
        Ok(Self { id: id_of(id)?, serves: serves.parse()?, weight: weight_of(weight)? })
    }
}

impl ArmWritten {
    /// As the API takes it.
    pub(super) fn to_json(&self) -> Value {
        let Self { id, serves: PinnedAgent { agent, pin }, weight } = self;
        json!({"id": id, "agentId": agent, "pin": pin, "weight": weight})
    }
}

/// `control=60`: the weight of an arm there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightWritten {
    /// The arm.
    pub id: ArmId,
    /// Its weight.
    pub weight: u32,
}

impl FromStr for WeightWritten {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, weight) = text.split_once('=').ok_or("expected ARM=WEIGHT, such as control=60")?;
        Ok(Self { id: id_of(id)?, weight: weight_of(weight)? })
    }
}

/// `test=50`: how many calls an arm may have in progress, or `test=none`, which is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxCallsWritten {
    /// The arm.
    pub id: ArmId,
    /// How many; none: any number.
    pub calls: Option<u32>,
}

impl FromStr for MaxCallsWritten {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, calls) = text.split_once('=').ok_or("expected ARM=COUNT, such as test=50, or ARM=none")?;
        Ok(Self { id: id_of(id)?, calls: calls_of(calls)? })
    }
}

impl MaxCallsWritten {
    /// As the API takes it.
    pub(super) fn to_json(&self) -> Value {
        json!({"id": self.id, "maxCallsInProgress": self.calls})
    }
}

/// The members of a body that were given.
pub(super) fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Arms as the API takes them, with the limits of those that are among them; a limit of another arm stands by itself, and
/// so does a second one, which the router refuses.
pub(super) fn limited(mut arms: Vec<Value>, limits: &[MaxCallsWritten]) -> Vec<Value> {
    for limit in limits {
        let limit = limit.to_json();
        let is_free =
            |arm: &&mut Value| arm.get("id") == limit.get("id") && arm.get("maxCallsInProgress").is_none();
        match (arms.iter_mut().find(is_free).and_then(Value::as_object_mut), limit) {
            (Some(arm), Value::Object(mut limit)) => arm.append(&mut limit),
            (_, limit) => arms.push(limit),
        }
    }
    arms
}

/// `tier=gold`: a name and its value, which is JSON where it is JSON, else a text.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueWritten {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Value,
}

impl FromStr for ValueWritten {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (name, value) = named(text, '=').ok_or("expected NAME=VALUE, such as open=true")?;
        Ok(Self { name, value: json_or_text(&value) })
    }
}

/// What is hashed in a split, as the API takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitWritten(pub(super) Value);

impl FromStr for UnitWritten {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once(':') {
            None if ["caller", "call", "random"].contains(&text) => Ok(Self(json!(text))),
            Some(("header", name)) if !name.is_empty() => Ok(Self(json!({"header": name}))),
            _ => Err("expected caller, call, random or header:NAME"),
        }
    }
}

/// Reads a pin.
pub(super) fn pin(text: &str) -> Result<Pin, String> {
    Pin::parse(text).ok_or_else(|| format!("{text:?} is no pin: expected {}", Pin::EXPECTED))
}

/// `V3`, or `3`.
pub(super) fn version(text: &str) -> Result<VersionNumber, String> {
    VersionNumber::parse(text).ok_or_else(|| "expected a version: V1, V2 …".to_owned())
}

/// `V3`, `3`, or `draft`.
pub(super) fn version_or_draft(text: &str) -> Result<Pin, String> {
    let pin = if text == "draft" { Some(Pin::Draft) } else { VersionNumber::parse(text).map(Pin::Version) };
    pin.ok_or_else(|| "expected a version: V1, V2 …, or draft".to_owned())
}

/// An environment.
pub(super) fn environment(text: &str) -> Result<Environment, String> {
    Environment::parse(text).ok_or_else(|| format!("expected {}", Environment::EXPECTED))
}

/// Reads a dialled number.
pub(super) fn number(text: &str) -> Result<Number, String> {
    Number::parse(text).map_err(|why| format!("{why}: expected {}", InvalidAddress::EXPECTED))
}

/// Reads where calls go that nothing else can take.
pub(super) fn fallback(text: &str) -> Result<Fallback, String> {
    Fallback::parse(text).map_err(|why| format!("{why}: expected {}", Fallback::EXPECTED))
}

/// Reads where calls go that nothing else can take, or `none`, which is null.
pub(super) fn fallback_or_none(text: &str) -> Result<Value, String> {
    or_none(text, fallback)
}

/// Reads how many calls may be in progress, or `none`, which is null.
pub(super) fn calls_or_none(text: &str) -> Result<Value, String> {
    calls_of(text).map(|calls| json!(calls))
}

/// Reads where a runtime listens, or `none`, which is null.
pub(super) fn endpoint_or_none(text: &str) -> Result<Value, String> {
    or_none(text, |text| {
        EndpointTemplate::parse(text)
            .map_err(|why| format!("{why}: expected a URI, such as sip:{{agent}}@10.0.0.9"))
    })
}

/// Reads a site variant, or `none`, which is null.
pub(super) fn site_variant_or_none(text: &str) -> Result<Value, String> {
    or_none(text, id_of::<SiteVariantId>)
}

/// Reads a language, or `none`, which is null.
pub(super) fn language_or_none(text: &str) -> Result<Value, String> {
    let expected = || "expected a language by BCP 47, such as en-GB, or none".to_owned();
    or_none(text, |text| is_language_tag(text).then(|| text.to_owned()).ok_or_else(expected))
}

/// Reads any text but an empty one, or `none`, which is null.
pub(super) fn text_or_none(text: &str) -> Result<Value, String> {
    let expected = || "expected a text, or none".to_owned();
    or_none(text, |text| (!text.is_empty()).then(|| text.to_owned()).ok_or_else(expected))
}

/// A value as it is written: JSON where it is JSON, else a text.
pub(super) fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// Reads a caller.
pub(super) fn caller(text: &str) -> Result<CallerAddress, String> {
    CallerAddress::parse(text).map_err(|why| format!("{why}: expected {}", InvalidAddress::EXPECTED))
}

/// A caller of an agent, as `AGENT:CALLER`.
#[derive(Debug, Clone)]
pub(super) struct CallerWritten {
    pub(super) agent: AgentId,
    pub(super) caller: CallerAddress,
}

impl FromStr for CallerWritten {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (agent, who) = text.split_once(':').ok_or("expected AGENT:CALLER, such as sales:+14155550199")?;
        Ok(Self { agent: AgentId::parse(agent).map_err(|why| why.to_string())?, caller: caller(who)? })
    }
}

/// Reads a prefix.
pub(super) fn prefix(text: &str) -> Result<Prefix, String> {
    Prefix::parse(text).ok_or_else(|| format!("expected {}", Prefix::EXPECTED))
}

/// Reads a time, or `none`, which is null.
pub(super) fn time_or_none(text: &str) -> Result<Value, String> {
    or_none(text, time)
}

/// Reads a time as the API takes it.
pub(super) fn time(text: &str) -> Result<Value, String> {
    moment(text).map(|at| json!(at))
}

/// Reads a time.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "expected a time such as 2026-01-31T09:00:00Z".to_owned())
}

/// Reads a count, or `none`, which is null.
pub(super) fn count_or_none(text: &str) -> Result<Value, String> {
    if text == "none" {
        return Ok(Value::Null);
    }
    text.parse::<u64>().map(|count| json!(count)).map_err(|_| "expected a whole number or none".to_owned())
}

/// Reads `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    named(text, '=').ok_or_else(|| "expected NAME=VALUE, such as X-Brand=north".to_owned())
}

/// Reads `Name: value`.
pub(super) fn header_line(text: &str) -> Result<(String, String), String> {
    let (name, value) = named(text, ':').ok_or("expected 'Name: value', such as 'X-Env: test'")?;
    Ok((name, value.trim().to_owned()))
}

/// Pairs as a JSON object.
pub(super) fn object(pairs: &[(String, String)]) -> Value {
    let members = pairs.iter().map(|(name, value)| (name.clone(), json!(value)));
    Value::Object(members.collect::<Map<_, _>>())
}

fn named(text: &str, mark: char) -> Option<(String, String)> {
    let (name, value) = text.split_once(mark)?;
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

fn or_none<T: Serialize>(text: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Result<Value, String> {
    if text == "none" { Ok(Value::Null) } else { read(text).map(|read| json!(read)) }
}

fn calls_of(text: &str) -> Result<Option<u32>, String> {
    if text == "none" {
        return Ok(None);
    }
    let count = text.parse().ok().filter(|count| (1..=CALLS_MAX).contains(count));
    let expected = || format!("{text:?} is no limit: expected a whole number from 1 to {CALLS_MAX}, or none");
    count.map(Some).ok_or_else(expected)
}

fn weight_of(text: &str) -> Result<u32, String> {
    let weight = text.parse().ok().filter(|weight| *weight <= WEIGHT_MAX);
    weight.ok_or_else(|| format!("{text:?} is no weight: expected a whole number from 0 to {WEIGHT_MAX}"))
}

fn id_of<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|why: InvalidId| why.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arms_are_read_as_they_are_written() {
        let arm: ArmWritten = "control=sales@pre-release:80".parse().unwrap();
        assert_eq!(
            arm.to_json(),
            json!({"id": "control", "agentId": "sales", "pin": "pre-release", "weight": 80})
        );
        for text in ["", "control", "control=sales:80", "control=sales@V3", "=sales@V3:1", "a=sales@V3:-1"] {
            assert!(text.parse::<ArmWritten>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_weight_out_of_range_is_told_the_range() {
        for text in ["a=-1", "a=1000001", "a=half"] {
            let why = text.parse::<WeightWritten>().unwrap_err();
            assert!(why.contains("from 0 to 1000000"), "{why}");
        }
        assert_eq!("a=1000000".parse::<WeightWritten>().unwrap().weight, 1_000_000);
    }

    #[test]
    fn a_limit_of_calls_is_a_count_or_none() {
        let limit = |text: &str| text.parse::<MaxCallsWritten>().map(|limit| limit.to_json());
        assert_eq!(limit("test=50"), Ok(json!({"id": "test", "maxCallsInProgress": 50})));
        assert_eq!(limit("test=none"), Ok(json!({"id": "test", "maxCallsInProgress": null})));
        for text in ["test", "test=", "test=0", "test=100000001", "=1", "test=-1"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_json_or_else_a_text() {
        let value = |text: &str| text.parse::<ValueWritten>().map(|written| written.value);
        assert_eq!(value("a=true"), Ok(json!(true)));
        assert_eq!(value("a=409"), Ok(json!(409)));
        assert_eq!(value("a=move"), Ok(json!("move")));
        assert_eq!(value("a=b=c"), Ok(json!("b=c")));
        assert!(value("a").is_err() && value("=1").is_err());
    }

    #[test]
    fn none_clears_and_nothing_else_does() {
        for read in [
            fallback_or_none,
            calls_or_none,
            endpoint_or_none,
            site_variant_or_none,
            language_or_none,
            text_or_none,
        ] {
            assert_eq!(read("none"), Ok(Value::Null));
            assert!(read("").is_err());
        }
        assert_eq!(calls_or_none("40"), Ok(json!(40)));
        assert_eq!(endpoint_or_none("sip:{agent}@10.0.0.9"), Ok(json!("sip:{agent}@10.0.0.9")));
        assert_eq!(language_or_none("en-GB"), Ok(json!("en-GB")));
        assert!(
            calls_or_none("0").is_err()
                && endpoint_or_none("desk").is_err()
                && language_or_none("e n").is_err()
        );
    }

    #[test]
    fn an_override_is_an_agent_or_an_arm() {
        let json = |text: &str| text.parse::<Override>().map(|wanted| wanted.to_json());
        assert_eq!(json("sales@draft"), Ok(json!({"agentId": "sales", "pin": "draft"})));
        assert_eq!(json("spring/test"), Ok(json!({"splitId": "spring", "arm": "test"})));
        for text in ["", "sales", "sales@", "@V3", "spring/", "/test", "a/b/c"] {
            assert!(json(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_header_line_may_hold_colons_and_its_value_is_trimmed() {
        assert_eq!(header_line("X-At:  12:30 "), Ok(("X-At".to_owned(), "12:30".to_owned())));
        assert!(header_line("X-At").is_err() && header_line(": x").is_err());
        assert_eq!(pair("X=a=b"), Ok(("X".to_owned(), "a=b".to_owned())));
    }

    proptest! {
        #[test]
        fn no_argument_can_make_the_reader_panic(text in "\\PC{0,40}") {
            let _ = (text.parse::<ArmWritten>(), text.parse::<Override>(), text.parse::<WeightWritten>());
            let _ = (text.parse::<UnitWritten>(), header_line(&text), pair(&text), number(&text), prefix(&text));
        }
    }
}
