//! A plan as people read it: what goes, what comes, and who is moved.

use serde_json::Value;

use super::super::table::{Look, labelled, per_cent};
use super::super::words::{clean, destination, items, text_in, text_of, words};
use crate::domain::words::counted;

/// Members of an object that are its name, or told another way, or change by themselves.
const PASSED_OVER: [&str; 21] = [
    "active",
    "agentId",
    "arms",
    "caller",
    "calls",
    "connectorId",
    "createdAt",
    "expired",
    "fallback",
    "headerRules",
    "headers",
    "id",
    "knownAs",
    "managedBy",
    "number",
    "numberCount",
    "pin",
    "prefix",
    "salt",
    "updatedAt",
    "warnings",
];

/// What changes would come to.
pub(super) fn plan(plan: &Value, look: Look) -> String {
    let changes = items(plan, "changes");
    let count = counted(changes.iter().filter(|change| is_change(change)).count(), "change");
    let mut text = format!("{} on revision {}\n", look.bold(count), text_of(plan, "revision"));
    for told in changes.iter().map(|one| change(one, look)) {
        text.push('\n');
        text.push_str(&told);
    }
    let lines = moves(plan, look);
    if !lines.is_empty() {
        text.push('\n');
        text.push_str(&labelled(look, lines));
    }
    text
}

/// Whether a change changes anything.
pub(super) fn is_change(change: &Value) -> bool {
    change.get("before") != change.get("after")
}

/// A change with the lines of its object that go and that come.
fn change(change: &Value, look: Look) -> String {
    let side = |side: &str| change.get(side).filter(|object| !object.is_null());
    let (before, after) = (side("before"), side("after"));
    let mark = match (before, after) {
        _ if !is_change(change) => look.dim("="),
        (None, _) => look.green("+"),
        (_, None) => look.red("-"),
        _ => look.yellow("~"),
    };
    let mut text = format!("{mark} {}\n", text_of(change, "summary"));
    let lines = |object: Option<&Value>| object.map(lines).unwrap_or_default();
    let (before, after) = (lines(before), lines(after));
    for line in before.iter().filter(|line| !after.contains(line)) {
        text.push_str(&format!("    {}\n", look.red(format_args!("- {line}"))));
    }
    for line in after.iter().filter(|line| !before.contains(line)) {
        text.push_str(&format!("    {}\n", look.green(format_args!("+ {line}"))));
    }
    for warning in items(change, "warnings") {
        text.push_str(&format!("    {} {}\n", look.yellow("warning:"), words(warning)));
    }
    text
}

/// An object line by line, so that two states of it can be compared.
fn lines(object: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if text_in(object, "agentId").or(text_in(object, "splitId")).is_some() {
        lines.push(destination(object));
    }
    for arm in items(object, "arms") {
        let share = arm.get("slots").and_then(Value::as_u64).map(per_cent).unwrap_or_default();
        let (id, weight) = (text_of(arm, "id"), text_of(arm, "weight"));
        lines.push(format!("arm {id}  {}  weight {weight}  {share}", destination(arm)));
    }
    lines.extend(items(object, "headerRules").iter().map(|rule| format!("rule {}", words(rule))));
    let headers = object.get("headers").and_then(Value::as_object).into_iter().flatten();
    lines.extend(headers.map(|(name, value)| format!("header {}: {}", clean(name), words(value))));
    let others = object.as_object().into_iter().flatten();
    let others = others.filter(|(name, _)| !PASSED_OVER.contains(&name.as_str()) && *name != "splitId");
    let said =
        others.filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false)) && **value != "");
    lines.extend(said.map(|(name, value)| format!("{} {}", clean(name), words(value))));
    lines
}

fn moves(plan: &Value, look: Look) -> Vec<(&'static str, String)> {
    let moves = plan.get("moves").unwrap_or(&Value::Null);
    let count = |value: &Value, member: &str| value.get(member).and_then(Value::as_u64).unwrap_or_default();
    let mut lines = Vec::new();
    let numbers = count(moves, "numbers");
    if numbers > 0 {
        let numbers = counted(usize::try_from(numbers).unwrap_or(usize::MAX), "number");
        lines.push(("Numbers", format!("{numbers} served otherwise")));
    }
    for split in items(moves, "callers") {
        let flow = |flow: &Value| {
            let share = per_cent(count(flow, "slots"));
            format!("{share} from {} to {}", text_of(flow, "from"), text_of(flow, "to"))
        };
        let flows: Vec<_> = items(split, "flows").iter().map(flow).collect();
        let (id, share) = (text_of(split, "splitId"), per_cent(count(split, "movedSlots")));
        lines.push(("Callers", format!("{share} of split {id}: {}", flows.join(", "))));
    }
    for arm in items(moves, "arms") {
        let side = |side: &str| match arm.get(side).filter(|side| !side.is_null()) {
            Some(serves) => format!("{} {}", destination(serves), per_cent(count(serves, "slots"))),
            None => "none".to_owned(),
        };
        let id = format!("{}/{}", text_of(arm, "splitId"), text_of(arm, "arm"));
        lines.push(("Arms", format!("{id}: {} → {}", side("before"), side("after"))));
    }
    if plan.get("reachesLive") == Some(&Value::Bool(true)) {
        lines.push(("Live", look.yellow("calls at live are won or lost")));
    }
    lines
}
