//! The tables that are routes: `[[number]]`, `[[prefix]]`, `[default]`.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::item::Read;
use super::value::{Doc, Value};
use crate::domain::fallback::Fallback;
use crate::domain::files::Keys;
use crate::domain::id::{AccountId, AgentId, Pin, SiteVariantId, SplitId};
use crate::domain::named::Named;
use crate::domain::route::{Destination, HEADER_RULES_MAX, HeaderRule, HeaderTest, ManagedBy, Route};

const KEYS: [&str; 7] = ["agent", "pin", "split", "headers", "header_rules", "site_variant", "fallback"];
const RULE_KEYS: [&str; 6] = ["header", "equals", "prefix", "regex", "agent", "pin"];

/// What an agent's id is made of, for error texts.
pub(super) const AGENT_EXPECTED: &str = "an agent's id: 1 to 64 letters, digits or hyphens";
/// What the id of a split or arm is made of, for error texts.
pub(super) const ID_EXPECTED: &str = "1 to 64 letters, digits, hyphens or underscores";

/// A table that is a route: the value of the key that says what is routed, where there is one, and the route, or what it
/// names if it is at fault.
pub(super) struct RouteItem<'v, 't> {
    pub(super) subject: Option<&'v Value<'t>>,
    pub(super) route: Result<Route, Vec<Named>>,
    pub(super) keys: Keys,
}

/// The keys of a route as far as they could be read.
#[derive(Default)]
struct Written {
    agent: Read<AgentId>,
    pin: Read<Pin>,
    split: Read<SplitId>,
    headers: BTreeMap<String, String>,
    header_rules: Vec<WrittenRule>,
    site_variant: Option<SiteVariantId>,
    fallback: Option<Fallback>,
    keys: Keys,
    is_faulty: bool,
}

/// The keys of a header rule as far as they could be read.
#[derive(Default)]
struct WrittenRule {
    header: Read<String>,
    /// Nothing where it has not just one.
    test: Option<HeaderTest>,
    agent: Read<AgentId>,
    pin: Read<Pin>,
}

/// Reads a table. The route is of the account given until the whole file is known.
pub(super) fn read<'v, 't>(
    doc: &mut Doc<'_>,
    (name, subject_key): (&str, Option<&'static str>),
    (table, at): (&'v DeTable<'t>, usize),
    account: &AccountId,
) -> RouteItem<'v, 't> {
    let mut subject = None;
    let mut written = Written::default();
    for (key, value) in table {
        let key_text = key.get_ref().as_ref();
        if Some(key_text) == subject_key {
            subject = Some(value);
        } else if let Some(known) = KEYS.into_iter().find(|known| *known == key_text) {
            written.keys.note(known, doc.at(value.span().start));
            written.take(doc, known, value);
        } else {
            let known: Vec<&str> = subject_key.into_iter().chain(KEYS).collect();
            doc.unknown(name, key, &known);
        }
    }
    if let (Some(key), None) = (subject_key, subject) {
        doc.fault(at, format!("{key}: is missing"), format!("every {name} to say which"));
    }
    written.check_destination(doc, name, at);
    let route = written.route(account);
    let faults = route.faults().into_iter().filter(|fault| !written.is_told(&fault.field));
    doc.rules(at, &written.keys, faults);
    let route = if written.is_faulty { Err(written.names()) } else { Ok(route) };
    RouteItem { subject, route, keys: written.keys }
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

impl Written {
    fn take(&mut self, doc: &mut Doc<'_>, key: &str, value: &Value<'_>) {
        let is_right = match key {
            "agent" => taken(&mut self.agent, agent(doc, key, value)),
            "pin" => taken(&mut self.pin, pin(doc, key, value)),
            "split" => {
                let split = doc.parsed(key, value, |text| SplitId::parse(text).ok(), ID_EXPECTED);
                taken(&mut self.split, split)
            }
            "headers" => self.take_headers(doc, value),
            "header_rules" => self.take_rules(doc, value),
            "site_variant" => {
                let parse = |text: &str| SiteVariantId::parse(text).ok();
                self.site_variant = doc.parsed(key, value, parse, "1 to 100 visible ASCII characters");
                self.site_variant.is_some()
            }
            "fallback" => {
                self.fallback = fallback(doc, value);
                self.fallback.is_some()
            }
            // There are no more in `KEYS`.
            _ => return,
        };
        self.is_faulty |= !is_right;
    }

    fn take_headers(&mut self, doc: &mut Doc<'_>, value: &Value<'_>) -> bool {
        let Some(table) = doc.table("headers", value) else { return false };
        let mut is_right = true;
        for (name, value) in table {
            let path = format!("headers.{}", name.get_ref().escape_default());
            match doc.text(&path, value) {
                Some(text) => drop(self.headers.insert(name.get_ref().to_string(), text.to_owned())),
                None => is_right = false,
            }
            self.keys.note(path, doc.at(name.span().start));
        }
        is_right
    }

    fn take_rules(&mut self, doc: &mut Doc<'_>, value: &Value<'_>) -> bool {
        let Some(rules) = doc.list("header_rules", value, HEADER_RULES_MAX) else { return false };
        let mut is_right = true;
        for (i, value) in rules.iter().enumerate() {
            let (field, mut rule) = (format!("header_rules[{i}]"), WrittenRule::default());
            self.keys.note(field.clone(), doc.at(value.span().start));
            is_right &= rule.take_in(doc, &mut self.keys, &field, value);
            self.header_rules.push(rule);
        }
        is_right
    }

    /// Whether it leads somewhere, and to one thing only.
    fn check_destination(&mut self, doc: &mut Doc<'_>, name: &str, at: usize) {
        const EXPECTED: &str = "either agent (and pin) or split";
        let (field, message) = match (self.agent.is_there(), self.split.is_there()) {
            (true, true) => ("split", "split: stands beside agent".to_owned()),
            (false, false) => ("agent", format!("agent: is missing, this {name} leads nowhere")),
            (false, true) if self.pin.is_there() => ("pin", "pin: stands beside split".to_owned()),
            _ => return,
        };
        self.is_faulty = true;
        doc.fault_at(self.keys.find(field).unwrap_or_else(|| doc.at(at)), message, EXPECTED);
    }

    /// The route; what could not be read of it is something that is right.
    fn route(&self, account: &AccountId) -> Route {
        let to = match (&self.agent, &self.split) {
            (Read::Absent, Read::Right(split)) => Destination::Split(split.clone()),
            (Read::Absent, Read::Faulty) => Destination::Split(SplitId::unread(0)),
            (agent, _) => Destination::Agent {
                agent: agent.right().cloned().unwrap_or_else(|| AgentId::unread(0)),
                pin: self.pin.or_default().unwrap_or_default(),
            },
        };
        let rule = |rule: &WrittenRule| HeaderRule {
            header: rule.header.right().cloned().unwrap_or_else(|| "unread".to_owned()),
            test: rule.test.clone().unwrap_or_else(|| HeaderTest::Equals(String::new())),
            agent: rule.agent.right().cloned(),
            pin: rule.pin.or_default().unwrap_or_default(),
        };
        Route {
            headers: self.headers.clone(),
            header_rules: self.header_rules.iter().map(rule).collect(),
            site_variant: self.site_variant.clone(),
            fallback: self.fallback.clone(),
            ..Route::plain(account.clone(), ManagedBy::Files, to)
        }
    }

    /// Whether a rule's agent, which a route may lack, was told of already.
    fn is_told(&self, field: &str) -> bool {
        let index = field.strip_prefix("headerRules[").and_then(|rest| rest.strip_suffix("].agentId"));
        let rule = index.and_then(|index| self.header_rules.get(index.parse::<usize>().ok()?));
        rule.is_some_and(|rule| rule.agent.is_faulty())
    }

    /// What a route at fault names, as far as it could be read.
    fn names(&self) -> Vec<Named> {
        let mut names: Vec<Named> = self.split.right().map(Named::split).into_iter().collect();
        if let Some(agent) = self.agent.right() {
            names.extend(Named::serving("", agent, self.pin.or_default()));
        }
        for (i, rule) in self.header_rules.iter().enumerate() {
            let (base, pin) = (format!("headerRules[{i}]."), rule.pin.or_default());
            match (&rule.agent, self.agent.right(), pin) {
                (Read::Right(agent), _, pin) => names.extend(Named::serving(&base, agent, pin)),
                (Read::Absent, Some(own), Some(pin)) => names.push(Named::pin(&base, own, pin)),
                _ => {}
            }
        }
        names
    }
}

impl WrittenRule {
    /// Reads a rule as far as it can be read; whether it is right.
    fn take_in(&mut self, doc: &mut Doc<'_>, keys: &mut Keys, field: &str, value: &Value<'_>) -> bool {
        let Some(table) = doc.table(field, value) else { return false };
        let (mut is_right, mut tests) = (true, 0);
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let path = format!("{field}.{name}");
            let mut test = |doc: &mut Doc<'_>, of: fn(String) -> HeaderTest| {
                tests += 1;
                self.test = doc.text(&path, value).map(|text| of(text.to_owned()));
                self.test.is_some()
            };
            is_right &= match name {
                "equals" => test(doc, HeaderTest::Equals),
                "prefix" => test(doc, HeaderTest::Prefix),
                "regex" => test(doc, HeaderTest::Regex),
                "header" => taken(&mut self.header, doc.text(&path, value).map(str::to_owned)),
                "agent" => taken(&mut self.agent, agent(doc, &path, value)),
                "pin" => taken(&mut self.pin, pin(doc, &path, value)),
                _ => {
                    doc.unknown(field, key, &RULE_KEYS);
                    // Perhaps the test that it lacks.
                    tests = tests.max(1);
                    false
                }
            };
            keys.note(path, doc.at(value.span().start));
        }
        let at = value.span().start;
        if !self.header.is_there() {
            doc.fault(at, format!("{field}.header: is missing"), "the name of a header");
        }
        if tests != 1 {
            doc.fault(at, format!("{field}: {tests} tests"), "one of equals, prefix, regex");
            self.test = None;
        }
        is_right && self.header.is_there() && tests == 1
    }
}

/// Notes what was read; whether it is right.
pub(super) fn taken<T>(to: &mut Read<T>, read: Option<T>) -> bool {
    *to = read.into();
    !to.is_faulty()
}
