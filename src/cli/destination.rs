//! Where a number, a prefix or everything else goes: read, put, delete.

use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::failure::Failure;
use super::live::{Assent, is_live, is_live_now};
use super::path::Path;
use super::session::Session;
use super::table::{Look, labelled};
use super::words::{NONE, count, destination, items, text_of, words};
use super::written::{fallback, pin};
use crate::domain::fallback::Fallback;
use crate::domain::id::{AgentId, Pin, SplitId};

/// What serves.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("serving").required(true))]
pub struct DestinationArgs {
    /// The agent that serves
    #[arg(long, value_name = "AGENT", group = "serving")]
    agent: Option<AgentId>,
    /// What of the agent: draft, V<n>, sandbox, pre-release or live [default: draft]
    #[arg(long, value_name = "PIN", value_parser = pin, conflicts_with = "split")]
    pin: Option<Pin>,
    /// The split whose arms serve
    #[arg(long, value_name = "SPLIT", group = "serving")]
    split: Option<SplitId>,
    /// Where calls go that nothing else can take: a URI, or a number whose own route is followed
    #[arg(long, value_name = "URI|NUMBER", value_parser = fallback)]
    fallback: Option<Fallback>,
}

impl DestinationArgs {
    /// As the API takes it.
    pub(super) fn to_json(&self) -> Value {
        let mut route = match (&self.split, &self.agent) {
            (Some(split), _) => json!({"splitId": split}),
            (None, agent) => json!({"agentId": agent, "pin": self.pin.unwrap_or_default()}),
        };
        if let (Some(fallback), Some(members)) = (&self.fallback, route.as_object_mut()) {
            members.insert("fallback".to_owned(), json!(fallback));
        }
        route
    }
}

/// Shows a route.
pub(super) fn get(session: &mut Session<'_, '_>, path: &Path) -> Result<(), Failure> {
    let reply = session.get(path)?;
    session.show(&reply, told)
}

/// Puts a route, after a question where calls at `live` are won or lost.
pub(super) fn put(
    session: &mut Session<'_, '_>,
    path: &Path,
    what: &str,
    route: &Value,
    assent: Assent,
) -> Result<(), Failure> {
    let doing = format!("routing {what} to {}", destination(route));
    assent.obtain(session, &doing, |session| Ok(is_live(session, route)? || is_live_now(session, path)?))?;
    let reply = session.change("PUT", path, Some(route))?;
    session.done(&reply, &format!("{what} goes to {}", destination(route)))
}

/// Deletes a route, after a question where calls at `live` are lost.
pub(super) fn delete(
    session: &mut Session<'_, '_>,
    path: &Path,
    what: &str,
    assent: Assent,
) -> Result<(), Failure> {
    assent.obtain(session, &format!("releasing {what}"), |session| is_live_now(session, path))?;
    let reply = session.change("DELETE", path, None)?;
    session.done(&reply, &format!("{what} was released"))
}

/// The columns that routes have in lists.
pub(super) fn columns(route: &Value) -> [String; 4] {
    let site = text_of(route, "siteVariantId");
    [destination(route), count(route, "headerRules"), site, text_of(route, "managedBy")]
}

fn told(route: &Value, look: Look) -> String {
    let mut lines = Vec::new();
    for (label, member) in [("Number", "number"), ("Prefix", "prefix")] {
        if text_of(route, member) != NONE {
            lines.push((label, text_of(route, member)));
        }
    }
    lines.push(("Goes to", destination(route)));
    for rule in items(route, "headerRules") {
        lines.push(("But", told_rule(rule, route)));
    }
    for (label, member) in [
        ("Headers", "headers"),
        ("Site variant", "siteVariantId"),
        ("Fallback", "fallback"),
        ("Connector", "connectorId"),
        ("Managed by", "managedBy"),
    ] {
        if text_of(route, member) != NONE {
            lines.push((label, text_of(route, member)));
        }
    }
    for warning in items(route, "warnings") {
        let warning = warning.get("message").unwrap_or(warning);
        lines.push(("Warning", look.yellow(words(warning))));
    }
    labelled(look, lines)
}

fn told_rule(rule: &Value, route: &Value) -> String {
    let test = [("equals", "is"), ("prefix", "begins with"), ("regex", "matches")]
        .into_iter()
        .find_map(|(member, verb)| Some(format!("{verb} {}", words(rule.get(member)?))))
        .unwrap_or_else(|| NONE.to_owned());
    let agent =
        if text_of(rule, "agentId") == NONE { text_of(route, "agentId") } else { text_of(rule, "agentId") };
    format!("where {} {test}: {agent}@{}", text_of(rule, "header"), text_of(rule, "pin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_told_with_its_exceptions() {
        let route = json!({
            "number": "+14155550100", "agentId": "sales", "pin": "V3", "splitId": null, "managedBy": "files",
            "headerRules": [{"header": "X-Env", "equals": "test", "pin": "sandbox"}],
            "headers": {"X-Brand": "north"}, "siteVariantId": null, "warnings": ["V3 has no endpoint"]
        });
        assert_eq!(
            told(&route, Look::default()),
            "\
Number      +14155550100
Goes to     sales@V3
But         where X-Env is test: sales@sandbox
Headers     X-Brand north
Managed by  files
Warning     V3 has no endpoint
"
        );
    }
}
