//! The tables that are routes: `[[number]]`, `[[prefix]]`, `[default]`.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::value::{Doc, Value};
use crate::domain::fallback::Fallback;
use crate::domain::files::as_in_files;
use crate::domain::id::{AccountId, AgentId, Pin, SiteVariantId, SplitId};
use crate::domain::route::{Destination, HEADER_RULES_MAX, HeaderRule, HeaderTest, ManagedBy, Route};

const KEYS: [&str; 7] = ["agent", "pin", "split", "headers", "header_rules", "site_variant", "fallback"];
const RULE_KEYS: [&str; 6] = ["header", "equals", "prefix", "regex", "agent", "pin"];

/// What an agent's id is made of, for error texts.
pub(super) const AGENT_EXPECTED: &str = "an agent's id: 1 to 64 letters, digits or hyphens";
/// What the id of a split or arm is made of, for error texts.
pub(super) const ID_EXPECTED: &str = "1 to 64 letters, digits, hyphens or underscores";

/// The keys of a route as far as they could be read; offsets say where they stand.
#[derive(Default)]
struct Written {
    agent: Option<(usize, Option<AgentId>)>,
    pin: Option<(usize, Option<Pin>)>,
    split: Option<(usize, Option<SplitId>)>,
    headers: (usize, BTreeMap<String, String>),
    header_rules: (usize, Vec<HeaderRule>),
    site_variant: Option<SiteVariantId>,
    fallback: Option<Fallback>,
}

/// Reads a table: the value of the key that says what is routed (where there is one), and the route.
///
/// The route is of the account given until the whole file is known.
pub(super) fn read<'v, 't>(
    doc: &mut Doc<'_>,
    (name, subject_key): (&str, Option<&'static str>),
    (table, at): (&'v DeTable<'t>, usize),
    account: &AccountId,
) -> (Option<&'v Value<'t>>, Option<Route>) {
    let mut subject = None;
    let mut written = Written::default();
    for (key, value) in table {
        let start = value.span().start;
        match key.get_ref().as_ref() {
            key if Some(key) == subject_key => subject = Some(value),
            "agent" => written.agent = Some((start, agent(doc, "agent", value))),
            "pin" => written.pin = Some((start, pin(doc, "pin", value))),
            "split" => {
                let split = doc.parsed("split", value, |text| SplitId::parse(text).ok(), ID_EXPECTED);
                written.split = Some((start, split));
            }
            "headers" => written.headers = (start, headers(doc, value)),
            "header_rules" => written.header_rules = (start, header_rules(doc, value)),
            "site_variant" => {
                let parse = |text: &str| SiteVariantId::parse(text).ok();
                written.site_variant =
                    doc.parsed("site_variant", value, parse, "1 to 100 visible ASCII characters");
            }
            "fallback" => written.fallback = fallback(doc, value),
            _ => {
                let known: Vec<&str> = subject_key.into_iter().chain(KEYS).collect();
                doc.unknown(name, key, &known);
            }
        }
    }
    if let (Some(key), None) = (subject_key, subject) {
        doc.fault(at, format!("{key}: is missing"), format!("every {name} to say which"));
    }
    (subject, written.route(doc, name, at, account))
}

pub(super) fn agent(doc: &mut Doc<'_>, field: &str, value: &Value<'_>) -> Option<AgentId> {
    doc.parsed(field, value, |text| AgentId::parse(text).ok(), AGENT_EXPECTED)
}

pub(super) fn fallback(doc: &mut Doc<'_>, value: &Value<'_>) -> Option<Fallback> {
    doc.parsed("fallback", value, |text| Fallback::parse(text).ok(), Fallback::EXPECTED)
}

pub(super) fn pin(doc: &mut Doc<'_>, field: &str, value: &Value<'_>) -> Option<Pin> {
    doc.parsed(field, value, Pin::parse, Pin::EXPECTED)
}

fn headers(doc: &mut Doc<'_>, value: &Value<'_>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    let Some(table) = doc.table("headers", value) else { return headers };
    for (name, value) in table {
        if let Some(text) = doc.text(&format!("headers.{}", name.get_ref().escape_default()), value) {
            headers.insert(name.get_ref().to_string(), text.to_owned());
        }
    }
    headers
}

fn header_rules(doc: &mut Doc<'_>, value: &Value<'_>) -> Vec<HeaderRule> {
    let rules = doc.list("header_rules", value, HEADER_RULES_MAX).unwrap_or_default();
    rules
        .iter()
        .enumerate()
        .filter_map(|(i, rule)| header_rule(doc, &format!("header_rules[{i}]"), rule))
        .collect()
}

fn header_rule(doc: &mut Doc<'_>, field: &str, value: &Value<'_>) -> Option<HeaderRule> {
    let table = doc.table(field, value)?;
    let (mut header, mut tests, mut agent_id, mut serves, mut ok) =
        (None, Vec::new(), None, Pin::Draft, true);
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let path = format!("{field}.{name}");
        let read = match name {
            "header" => doc.text(&path, value).map(|text| header = Some(text.to_owned())),
            "equals" => doc.text(&path, value).map(|text| tests.push(HeaderTest::Equals(text.to_owned()))),
            "prefix" => doc.text(&path, value).map(|text| tests.push(HeaderTest::Prefix(text.to_owned()))),
            "regex" => doc.text(&path, value).map(|text| tests.push(HeaderTest::Regex(text.to_owned()))),
            "agent" => agent(doc, &path, value).map(|agent| agent_id = Some(agent)),
            "pin" => pin(doc, &path, value).map(|pin| serves = pin),
            _ => {
                doc.unknown(field, key, &RULE_KEYS);
                None
            }
        };
        ok &= read.is_some();
    }
    if !ok {
        return None;
    }
    let at = value.span().start;
    if header.is_none() {
        doc.fault(at, format!("{field}.header: is missing"), "the name of a header");
    }
    let test = tests.pop();
    if test.is_none() || !tests.is_empty() {
        doc.fault(
            at,
            format!("{field}: {} tests", tests.len() + usize::from(test.is_some())),
            "one of equals, prefix, regex",
        );
        return None;
    }
    Some(HeaderRule { header: header?, test: test?, agent: agent_id, pin: serves })
}

impl Written {
    fn route(self, doc: &mut Doc<'_>, name: &str, at: usize, account: &AccountId) -> Option<Route> {
        let to = self.destination(doc, name, at)?;
        let mut route = Route::plain(account.clone(), ManagedBy::Files, to);
        let (headers_at, rules_at) = (self.headers.0, self.header_rules.0);
        route.headers = self.headers.1;
        route.header_rules = self.header_rules.1;
        route.site_variant = self.site_variant;
        route.fallback = self.fallback;
        for fault in route.faults() {
            let at = if fault.field.starts_with("headers") { headers_at } else { rules_at };
            doc.fault(at, format!("{}: {}", as_in_files(&fault.field), fault.message), "");
        }
        Some(route)
    }

    fn destination(&self, doc: &mut Doc<'_>, name: &str, at: usize) -> Option<Destination> {
        match (&self.agent, &self.split) {
            (Some(_), Some((at, _))) => {
                doc.fault(*at, "split: stands beside agent", "either agent (and pin) or split");
                None
            }
            (None, None) => {
                doc.fault(
                    at,
                    format!("agent: is missing, this {name} leads nowhere"),
                    "either agent (and pin) or split",
                );
                None
            }
            (None, Some((_, split))) => {
                if let Some((at, _)) = &self.pin {
                    doc.fault(*at, "pin: stands beside split", "either agent (and pin) or split");
                }
                split.clone().map(Destination::Split)
            }
            (Some((_, agent)), None) => {
                let pin = self.pin.map_or(Some(Pin::Draft), |(_, pin)| pin);
                Some(Destination::Agent { agent: agent.clone()?, pin: pin? })
            }
        }
    }
}
