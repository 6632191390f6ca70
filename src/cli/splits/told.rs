//! Splits as people read them.

use std::time::SystemTime;

use serde_json::Value;

use super::super::table::{Look, bar, labelled, per_cent, table};
use super::super::words::{NONE, clean, destination, items, text_in, text_of, time, words};
use crate::domain::time::Timestamp;

/// Most numbers of a split that are named on its line.
const NAMED_MAX: usize = 5;

pub(super) fn list(answer: &Value, look: Look) -> String {
    let arm = |arm: &Value| format!("{} {} {}", text_of(arm, "id"), destination(arm), text_of(arm, "weight"));
    let row = |split: &Value| {
        [
            text_of(split, "id"),
            items(split, "arms").iter().map(arm).collect::<Vec<_>>().join(", "),
            unit(split),
            state(split).to_owned(),
            text_of(split, "numberCount"),
            text_of(split, "calls"),
        ]
    };
    let header = ["SPLIT", "ARMS", "BY", "STATE", "NUMBERS", "CALLS"];
    table(look, header, items(answer, "splits").iter().map(row), "there are no splits")
}

pub(super) fn one(split: &Value, look: Look) -> String {
    let mut lines = vec![("Split", look.bold(text_of(split, "id")))];
    if text_in(split, "name").is_some() {
        lines.push(("Name", text_of(split, "name")));
    }
    lines.push(("State", told_state(split, look)));
    lines.push(("By", unit(split)));
    for (label, member) in
        [("Begins", "startsAt"), ("Ends", "endsAt"), ("Made", "createdAt"), ("Changed", "updatedAt")]
    {
        if text_in(split, member).is_some() {
            lines.push((label, time(split, member)));
        }
    }
    let quota = match split.get("callQuota") {
        Some(Value::Number(quota)) => format!(" of {quota}"),
        _ => String::new(),
    };
    lines.push(("Calls", text_of(split, "calls") + &quota));
    if let Some(agent) = tested(split) {
        lines.push(("Tests", format!("live of {agent}")));
    }
    lines.push(("Numbers", numbers(split)));
    lines.push(("Salt", text_of(split, "salt")));
    lines.push(("Managed by", text_of(split, "managedBy")));
    for warning in items(split, "warnings") {
        lines.push(("Warning", look.yellow(words(warning.get("message").unwrap_or(warning)))));
    }
    format!("{}\n{}", labelled(look, lines), arms(split))
}

fn arms(split: &Value) -> String {
    let arms = items(split, "arms");
    let width = |text: &dyn Fn(&Value) -> String| {
        arms.iter().map(|arm| text(arm).chars().count()).max().unwrap_or_default()
    };
    let id = |arm: &Value| text_of(arm, "id");
    let (ids, destinations) = (width(&id), width(&destination));
    // A split that is over shares nothing any more; one that rests will again.
    let shares = ["running", "paused", "waiting"].contains(&state(split));
    arms.iter()
        .map(|arm| {
            let slots = arm.get("slots").and_then(Value::as_u64).unwrap_or_default();
            let (id, to, mut weight) = (id(arm), destination(arm), text_of(arm, "weight"));
            if let Some(calls) = arm.get("maxCallsInProgress").and_then(Value::as_u64) {
                weight.push_str(&format!(", at most {calls} calls at once"));
            }
            if !shares {
                return format!("  {id:ids$}  {to:destinations$}  weight {weight}\n");
            }
            let (bar, share) = (bar(slots), per_cent(slots));
            format!("  {id:ids$}  {to:destinations$}  {bar}  {share:>8}  weight {weight}\n")
        })
        .collect()
}

/// The owners as a line of a route file.
pub(super) fn owners(split: &Value) -> String {
    let run = |run: &Value| {
        // A run is first slot, last slot, arm id: as JSON it is TOML already.
        let parts: Vec<_> = run.as_array().into_iter().flatten().map(Value::to_string).collect();
        format!("  [{}],\n", parts.join(", "))
    };
    let runs: String = items(split, "owners").iter().map(run).collect();
    format!("owners = [\n{runs}]\n")
}

/// The agent whose `live` it tests, if it is one of these.
fn tested(split: &Value) -> Option<String> {
    let scope = split.get("scope")?;
    text_in(scope, "agentId").map(clean)
}

/// How many numbers lead into it, and which, where these are few.
fn numbers(split: &Value) -> String {
    let named = split.get("scope").map(|scope| items(scope, "numbers")).unwrap_or_default();
    let count = text_of(split, "numberCount");
    if named.is_empty() || named.len() > NAMED_MAX {
        return count;
    }
    let more = if count == named.len().to_string() { "" } else { ", …" };
    format!("{count} ({}{more})", named.iter().map(words).collect::<Vec<_>>().join(", "))
}

fn unit(split: &Value) -> String {
    match split.get("unit") {
        Some(Value::Object(unit)) => {
            format!("header {}", unit.get("header").map_or_else(|| NONE.to_owned(), words))
        }
        _ => text_of(split, "unit"),
    }
}

fn state(split: &Value) -> &'static str {
    let is = |member| split.get(member).and_then(Value::as_bool) == Some(true);
    // What ended it is told by the router as an object, or as a plain yes.
    let ended = split.get("ended").is_some_and(|ended| !matches!(ended, Value::Null | Value::Bool(false)));
    match () {
        () if ended => "ended",
        () if is("paused") => "paused",
        () if is("active") => "running",
        () if used_up(split) => "out of calls",
        // The router says that it does not run: it waits unless it has begun.
        () if text_in(split, "startsAt").and_then(Timestamp::parse).is_some_and(|at| at > now()) => "waiting",
        () => "over",
    }
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn used_up(split: &Value) -> bool {
    let count = |member| split.get(member).and_then(Value::as_u64);
    count("callQuota").is_some_and(|quota| count("calls") >= Some(quota))
}

/// The state, and who serves where the slots do not decide.
fn told_state(split: &Value, look: Look) -> String {
    let state = state(split);
    if state == "running" {
        return look.green(state);
    }
    let winner = split.get("ended").and_then(|ended| text_in(ended, "winner"));
    let control = items(split, "arms").first().and_then(|arm| text_in(arm, "id"));
    match winner.or(control) {
        Some(arm) => format!("{}: all calls go to {}", look.yellow(state), clean(arm)),
        None => look.yellow(state),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spring() -> Value {
        json!({
            "id": "spring", "name": "", "unit": {"header": "X-Customer"}, "salt": "42", "active": true, "calls": 7,
            "callQuota": 100, "scope": {"numbers": ["+14155550100"]}, "numberCount": 1, "managedBy": "api",
            "arms": [
                {"id": "control", "agentId": "sales", "pin": "V3", "weight": 2, "slots": 6667},
                {"id": "test", "agentId": "sales", "pin": "draft", "weight": 1, "slots": 3333}
            ],
            "owners": [[0, 6666, "control"], [6667, 9999, "test"]]
        })
    }

    #[test]
    fn a_split_is_told_with_the_share_of_each_arm() {
        assert_eq!(
            one(&spring(), Look::default()),
            "\
Split       spring
State       running
By          header X-Customer
Calls       7 of 100
Numbers     1 (+14155550100)
Salt        42
Managed by  api

  control  sales@V3     ████████████████████░░░░░░░░░░   66.67 %  weight 2
  test     sales@draft  ██████████░░░░░░░░░░░░░░░░░░░░   33.33 %  weight 1
"
        );
    }

    #[test]
    fn a_split_whose_slots_do_not_decide_says_who_gets_all_calls() {
        let told = |members: Value| {
            let mut split = spring();
            split["active"] = json!(false);
            split.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            one(&split, Look::default())
        };
        let ended = told(json!({"ended": {"at": "2026-01-01T00:00:00.000Z", "winner": "test"}}));
        assert!(ended.contains("State       ended: all calls go to test\n"), "{ended}");
        assert!(
            ended.ends_with("\n  control  sales@V3     weight 2\n  test     sales@draft  weight 1\n"),
            "{ended}"
        );
        for (members, state) in [
            (json!({"endsAt": "2026-01-01T00:00:00.000Z"}), "over: all calls go to control\n"),
            (
                json!({"startsAt": "2025-12-01T00:00:00.000Z", "endsAt": "2026-01-01T00:00:00.000Z", "calls": 0}),
                "over: all calls go to control\n",
            ),
            (json!({"calls": 100}), "out of calls: all calls go to control\n"),
            (json!({"paused": true}), "paused: all calls go to control\n"),
        ] {
            let told = told(members);
            assert!(told.contains(state) && told.contains('█') == state.starts_with("paused"), "{told}");
        }
    }

    #[test]
    fn the_owners_are_toml_of_a_route_file() {
        let text = owners(&spring());
        assert_eq!(text, "owners = [\n  [0, 6666, \"control\"],\n  [6667, 9999, \"test\"],\n]\n");
        let file: toml::Table = text.parse().unwrap();
        assert_eq!(file["owners"][1][2].as_str(), Some("test"));
    }

    #[test]
    fn a_list_of_splits_has_a_line_each() {
        assert_eq!(
            list(&json!({"splits": [spring()]}), Look::default()),
            "\
SPLIT   ARMS                                       BY                 STATE    NUMBERS  CALLS
spring  control sales@V3 2, test sales@draft 1  header X-Customer  running  1        7
"
            .replace(
                "ARMS                                       BY",
                "ARMS                                    BY"
            )
        );
    }
}
