//! One check: a value, a schema, or where a call leads.

use std::collections::BTreeMap;
use std::fmt;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::run::{Case, CaseStatus};
use crate::domain::address::Number;
use crate::domain::id::{ArmId, VersionNumber};
use crate::domain::real_time_config::ConfigSchema;
use crate::domain::refusal::FieldFault;
use crate::domain::route::{NO_HEADER_NAME, is_header_name};

/// Longest name of a check, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest pointer, in bytes.
const POINTER_BYTES_MAX: usize = 1_024;
/// Most headers of a call that a check makes up.
pub const HEADERS_MAX: usize = 20;
/// Largest program of a pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Most characters of a value that a message shows.
const SHOWN_CHARS_MAX: usize = 80;

/// Something that must be so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What people call it; unique in its suite.
    pub name: String,
    /// What must be so.
    #[serde(flatten)]
    pub demand: Demand,
}

/// What must be so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Demand {
    /// A value of the configuration, every key of which is written out.
    Value {
        /// Where: a JSON pointer, e.g. `/instructions/welcomeMessage`; empty: all of it.
        pointer: String,
        /// How it is compared.
        operator: Operator,
        /// With what; nothing for `exists` and `absent`.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        value: Value,
    },
    /// The configuration as a whole.
    Schema {
        /// What it must fit: a JSON Schema, draft 7.
        schema: Value,
    },
    /// Where a call leads at the moment of the run.
    Call(CallDemand),
}

/// Where a call must lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallDemand {
    /// The number that is dialled.
    pub to: String,
    /// The caller.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Headers of the call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The version of the agent that must serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<ExpectedVersion>,
    /// The arm of a split that must serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<ArmId>,
}

/// The version that a call must get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// What is tested.
    Target,
    /// The draft.
    Draft,
    /// A version.
    Number(VersionNumber),
}

impl ExpectedVersion {
    /// What [`ExpectedVersion::parse`] reads.
    pub const EXPECTED: &'static str = "target, draft or V<n>";

    /// Reads `target`, `draft` or `V3`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "target" => Some(Self::Target),
            "draft" => Some(Self::Draft),
            _ => VersionNumber::parse(text).map(Self::Number),
        }
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("target"),
            Self::Draft => f.write_str("draft"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl Serialize for ExpectedVersion {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExpectedVersion {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(Self::EXPECTED))
    }
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operator {
    /// It is this value.
    Equals,
    /// It is another one, or is not there.
    NotEquals,
    /// It is there, and is not null.
    Exists,
    /// It is not there, or null.
    Absent,
    /// A text has this part, a list this item, an object this key.
    Contains,
    /// It has not.
    NotContains,
    /// A text that this regular expression finds something in.
    Matches,
    /// A number below this; of a text its characters, of a list its items.
    LessThan,
    /// At most this.
    AtMost,
    /// Above this.
    GreaterThan,
    /// At least this.
    AtLeast,
}

impl Operator {
    /// Every one, by its name.
    pub const ALL: [(&'static str, Self); 11] = [
        ("equals", Self::Equals),
        ("notEquals", Self::NotEquals),
        ("exists", Self::Exists),
        ("absent", Self::Absent),
        ("contains", Self::Contains),
        ("notContains", Self::NotContains),
        ("matches", Self::Matches),
        ("lessThan", Self::LessThan),
        ("atMost", Self::AtMost),
        ("greaterThan", Self::GreaterThan),
        ("atLeast", Self::AtLeast),
    ];

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, operator)| *operator)
    }

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }

    /// What is wrong with a value to compare with.
    fn fault(self, value: &Value) -> Option<String> {
        let expected = |right: bool, expected: &str| (!right).then(|| format!("expected {expected}"));
        match self {
            Self::Equals | Self::NotEquals => None,
            Self::Exists | Self::Absent => {
                expected(value.is_null(), "none: it is only whether something is there")
            }
            Self::Contains | Self::NotContains => expected(!value.is_null(), "a part, an item or a key"),
            Self::Matches => match value.as_str().map(pattern) {
                None => Some("expected a regular expression, a text".to_owned()),
                Some(Err(why)) => {
                    let why = why.to_string();
                    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    Some(format!("is no regular expression: {why}"))
                }
                Some(Ok(_)) => None,
            },
            Self::LessThan | Self::AtMost | Self::GreaterThan | Self::AtLeast => {
                expected(value.is_number(), "a number")
            }
        }
    }

    /// Whether a value, or none, is as it must be.
    fn holds(self, found: Option<&Value>, value: &Value) -> bool {
        let there = found.filter(|found| !found.is_null());
        let size = || there.and_then(size);
        let compared = |holds: fn(f64, f64) -> bool| match (size(), value.as_f64()) {
            (Some(size), Some(bound)) => holds(size, bound),
            _ => false,
        };
        match self {
            Self::Equals => found.unwrap_or(&Value::Null) == value,
            Self::NotEquals => found.unwrap_or(&Value::Null) != value,
            Self::Exists => there.is_some(),
            Self::Absent => there.is_none(),
            Self::Contains => there.is_some_and(|found| contains(found, value)),
            Self::NotContains => !there.is_some_and(|found| contains(found, value)),
            Self::Matches => match (there.and_then(Value::as_str), value.as_str().map(pattern)) {
                (Some(text), Some(Ok(pattern))) => pattern.is_match(text),
                _ => false,
            },
            Self::LessThan => compared(|size, bound| size < bound),
            Self::AtMost => compared(|size, bound| size <= bound),
            Self::GreaterThan => compared(|size, bound| size > bound),
            Self::AtLeast => compared(|size, bound| size >= bound),
        }
    }
}

fn contains(found: &Value, part: &Value) -> bool {
    match (found, part) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(items), part) => items.contains(part),
        (Value::Object(members), Value::String(key)) => members.contains_key(key),
        _ => false,
    }
}

/// A number, or how much something holds.
fn size(found: &Value) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "sizes of a document of 4 MiB are exact")]
    let count = |count: usize| Some(count as f64);
    match found {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => count(text.chars().count()),
        Value::Array(items) => count(items.len()),
        Value::Object(members) => count(members.len()),
        Value::Null | Value::Bool(_) => None,
    }
}

fn pattern(text: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build()
}

impl Check {
    /// Everything that is wrong with it by itself.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut fault =
            |field: &str, message: String| faults.push(FieldFault { field: field.to_owned(), message });
        if !(1..=NAME_CHARS_MAX).contains(&self.name.chars().count()) {
            fault("name", format!("expected 1 to {NAME_CHARS_MAX} characters"));
        }
        match &self.demand {
            Demand::Value { pointer, operator, value } => {
                if !(pointer.is_empty() || pointer.starts_with('/')) || pointer.len() > POINTER_BYTES_MAX {
                    let expected = "is no JSON pointer: expected e.g. /instructions/welcomeMessage";
                    fault("pointer", format!("{expected}, at most {POINTER_BYTES_MAX} bytes"));
                }
                if let Some(message) = operator.fault(value) {
                    fault("value", message);
                }
            }
            Demand::Schema { schema } => {
                if let Err(wrong) = ConfigSchema::read(schema) {
                    faults.extend(wrong);
                }
            }
            Demand::Call(call) => faults.extend(call.faults()),
        }
        faults
    }

    /// Whether a configuration is as it must be; nothing where it is about calls.
    #[must_use]
    pub fn judge(&self, config: &Value) -> Option<Case> {
        let failure = match &self.demand {
            Demand::Value { pointer, operator, value } => {
                let found = config.pointer(pointer);
                (!operator.holds(found, value)).then(|| {
                    let found = found.map_or_else(|| "nothing".to_owned(), shown);
                    match operator {
                        Operator::Exists => format!("{pointer} is not there"),
                        Operator::Absent => format!("{pointer} is {found}: expected nothing"),
                        _ => format!("{pointer} is {found}: expected {} {}", operator.as_str(), shown(value)),
                    }
                })
            }
            Demand::Schema { schema } => match ConfigSchema::read(schema) {
                Ok(schema) => {
                    let faults = schema.faults_of("configuration", config);
                    faults.first().map(|fault| format!("{}: {}", fault.field, fault.message))
                }
                Err(wrong) => wrong.into_iter().next().map(|fault| fault.message),
            },
            Demand::Call(_) => return None,
        };
        Some(self.case(failure))
    }

    /// What came of it: it passed, unless it failed for a reason.
    #[must_use]
    pub fn case(&self, failure: Option<String>) -> Case {
        Case {
            name: self.name.clone(),
            status: if failure.is_some() { CaseStatus::Failed } else { CaseStatus::Passed },
            message: failure.unwrap_or_default(),
        }
        .bounded()
    }
}

impl CallDemand {
    fn faults(&self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: &str| {
            faults.push(FieldFault { field: field.to_owned(), message: message.to_owned() });
        };
        if Number::parse(&self.to).is_err() {
            fault("to", "is no number: expected + and 7 to 15 digits, or a SIP user");
        }
        if self.version.is_some() == self.arm.is_some() {
            fault("version", "expected a version or an arm, one of them");
        }
        if self.headers.len() > HEADERS_MAX {
            fault("headers", "are too many: expected at most 20");
        }
        for (name, value) in &self.headers {
            if !is_header_name(name) {
                fault(&format!("headers.{name}"), NO_HEADER_NAME);
            } else if value.chars().any(char::is_control) {
                fault(&format!("headers.{name}"), "has control characters: expected none");
            }
        }
        faults
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(demand: Value) -> Check {
        let mut check = demand;
        check["name"] = json!("it");
        serde_json::from_value(check).unwrap()
    }

    fn passes(pointer: &str, operator: &str, value: &Value) -> bool {
        let config = json!({
            "name": "Desk", "note": null, "llm": {"temperature": 0.7}, "tools": [{"id": "a"}, "b"],
        });
        let check = check(json!({"pointer": pointer, "operator": operator, "value": value}));
        assert_eq!(check.faults(), []);
        check.judge(&config).unwrap().status == CaseStatus::Passed
    }

    #[test]
    fn an_operator_and_its_opposite_never_agree() {
        for (pointer, value) in [
            ("/name", json!("Desk")),
            ("/name", json!("sk")),
            ("/tools", json!("b")),
            ("/llm", json!("temperature")),
            ("/nowhere", json!("x")),
        ] {
            for (operator, opposite) in [("equals", "notEquals"), ("contains", "notContains")] {
                let [is, is_not] = [operator, opposite].map(|operator| passes(pointer, operator, &value));
                assert_ne!(is, is_not, "{pointer} {operator} {value}");
            }
        }
        for pointer in ["/name", "/note", "/nowhere", "/tools/0/id", ""] {
            let [exists, absent] =
                ["exists", "absent"].map(|operator| passes(pointer, operator, &Value::Null));
            assert_ne!(exists, absent, "{pointer}");
        }
        for (pointer, bound) in [("/llm/temperature", 0.7), ("/name", 4.0), ("/tools", 2.0), ("/tools", 1.0)]
        {
            let bound = json!(bound);
            assert_ne!(passes(pointer, "lessThan", &bound), passes(pointer, "atLeast", &bound));
            assert_ne!(passes(pointer, "atMost", &bound), passes(pointer, "greaterThan", &bound));
        }
    }

    #[test]
    fn values_are_found_and_compared_as_what_they_are() {
        assert!(passes("/name", "equals", &json!("Desk")));
        assert!(passes("/tools/1", "equals", &json!("b")));
        assert!(passes("/tools", "contains", &json!({"id": "a"})));
        assert!(passes("/name", "matches", &json!("^D.*k$")));
        assert!(!passes("/llm/temperature", "matches", &json!(".")), "a number is no text");
        assert!(passes("/llm/temperature", "atMost", &json!(0.7)));
        assert!(!passes("/nowhere", "atMost", &json!(1)), "what is not there is not small");
        assert!(passes("/note", "absent", &Value::Null));
    }

    #[test]
    fn what_is_wrong_with_a_check_is_told_by_its_field() {
        let fields = |demand: Value| {
            check(demand).faults().into_iter().map(|fault| fault.field).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(fields(json!({"pointer": "name", "operator": "exists"})), "pointer");
        assert_eq!(fields(json!({"pointer": "/a", "operator": "exists", "value": 1})), "value");
        assert_eq!(fields(json!({"pointer": "/a", "operator": "atMost", "value": "1"})), "value");
        assert_eq!(fields(json!({"pointer": "/a", "operator": "matches", "value": "("})), "value");
        assert_eq!(fields(json!({"schema": {"type": 7}})), "schema.type");
        assert_eq!(fields(json!({"schema": {"$ref": "https://example.com"}})), "schema.$ref");
        assert_eq!(fields(json!({"to": "+12"})), "to version");
        assert_eq!(fields(json!({"to": "desk", "version": "V1", "arm": "test"})), "version");
        assert_eq!(
            fields(json!({"to": "desk", "arm": "test", "headers": {"X A": "", "X-B": "\n"}})),
            "headers.X A headers.X-B"
        );
    }

    #[test]
    fn a_schema_says_where_a_configuration_does_not_fit() {
        let fits = check(
            json!({"schema": {"properties": {"llm": {"properties": {"temperature": {"maximum": 0.5}}}}}}),
        );
        let case = fits.judge(&json!({"llm": {"temperature": 0.7}})).unwrap();
        assert_eq!(case.status, CaseStatus::Failed);
        assert!(case.message.starts_with("configuration.llm.temperature: "), "{}", case.message);
        assert_eq!(fits.judge(&json!({"llm": {"temperature": 0.2}})).unwrap().status, CaseStatus::Passed);
    }
}
