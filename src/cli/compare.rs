//! `compare`: what differs between two versions of an agent.

mod sides;

use clap::Args;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::agents;
use super::failure::Failure;
use super::session::{Errand, Session};
use super::table::Look;
use super::words::{clean, items, text_of, words};
use crate::domain::deployment::DeploymentId;
use crate::domain::id::{AgentId, BranchId, Pin};

/// Show what differs between two versions of an agent
///
/// Only keys that differ, by section. A text is compared line by line, and within a line word by word; on a terminal of 120
/// columns or more, both sides stand side by side.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard compare sales V1 V2
  cordboard compare sales live draft
  cordboard compare sales pre-release live --json")]
pub struct CompareArgs {
    /// The agent
    agent: AgentId,
    /// The one side: draft, V<n>, sandbox, pre-release, live, or the id of a branch or a deployment
    #[arg(value_name = "FROM", value_parser = side)]
    from: String,
    /// The other side, likewise
    #[arg(value_name = "TO", value_parser = side)]
    to: String,
}

fn side(text: &str) -> Result<String, String> {
    let known =
        Pin::parse(text).is_some() || DeploymentId::parse(text).is_some() || BranchId::parse(text).is_ok();
    let expected = || format!("expected {}, or the id of a branch or a deployment", Pin::EXPECTED);
    known.then(|| text.to_owned()).ok_or_else(expected)
}

impl Errand for CompareArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = agents::path_of(&self.agent).segment("compare");
        let path = path.query("from", Some(&self.from)).query("to", Some(&self.to));
        let reply = session.get(&path)?;
        session.show(&reply, told)
    }
}

fn told(answer: &Value, look: Look) -> String {
    let side = |name| {
        let side = answer.get(name).unwrap_or(&Value::Null);
        match side.get("version") {
            Some(Value::Number(number)) if text_of(side, "pin") != format!("V{number}") => {
                format!("{} (V{number})", text_of(side, "pin"))
            }
            _ => text_of(side, "pin"),
        }
    };
    if items(answer, "sections").is_empty() {
        return format!("{} and {} are the same\n", side("from"), side("to"));
    }
    format!("{} → {}\n{}", side("from"), side("to"), told_sections(answer, look))
}

/// What differs, section by section.
pub(super) fn told_sections(answer: &Value, look: Look) -> String {
    let mut text = String::new();
    for section in items(answer, "sections") {
        text += &format!("\n{}\n", look.bold(text_of(section, "section")));
        items(section, "changes").iter().for_each(|change| text += &told_change(change, look));
    }
    text
}

/// What somebody, called so, made of a value; null is none.
pub(super) fn told_side(name: &str, from: &Value, to: &Value, look: Look) -> String {
    let kind = match (from, to) {
        (from, to) if from == to => "modify",
        (Value::Null, _) => "add",
        (_, Value::Null) => "delete",
        _ => "modify",
    };
    told_change(&json!({"path": name, "type": kind, "from": from, "to": to}), look)
}

fn told_change(change: &Value, look: Look) -> String {
    let path = text_of(change, "path");
    match text_of(change, "type").as_str() {
        "add" => format!("  {} {path}\n{}", look.green("+"), whole(change, "to", |line| look.green(line))),
        "delete" => format!("  {} {path}\n{}", look.red("-"), whole(change, "from", |line| look.red(line))),
        _ => format!("  {} {path}\n{}", look.yellow("~"), changed(change, look)),
    }
}

/// A value that only one side has.
fn whole(change: &Value, side: &str, paint: impl Fn(String) -> String) -> String {
    shown(change.get(side).unwrap_or(&Value::Null))
        .lines()
        .map(|line| format!("      {}\n", paint(clean(line))))
        .collect()
}

/// Both values, lines that both have once; what differs within a line stands out.
fn changed(change: &Value, look: Look) -> String {
    let [from, to] = ["from", "to"].map(|side| shown(change.get(side).unwrap_or(&Value::Null)));
    if look.columns >= sides::COLUMNS_MIN {
        return sides::changed(&from, &to, look);
    }
    let difference = TextDiff::from_lines(&from, &to);
    let mut text = String::new();
    for (at, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            text += &format!("      {}\n", look.dim("…"));
        }
        for line in group.iter().flat_map(|operation| difference.iter_inline_changes(operation)) {
            let (sign, paint): (_, fn(Look, String) -> String) = match line.tag() {
                ChangeTag::Delete => ("-", |look, text| look.red(text)),
                ChangeTag::Insert => ("+", |look, text| look.green(text)),
                ChangeTag::Equal => (" ", |look, text| look.dim(text)),
            };
            let words = line.iter_strings_lossy().map(|(stands_out, words)| {
                let words = clean(words.trim_end_matches(['\n', '\r']));
                if stands_out { look.underlined(paint(look, words)) } else { paint(look, words) }
            });
            text += &format!("    {} {}\n", paint(look, sign.to_owned()), words.collect::<String>());
        }
    }
    text
}

/// Lines that are shown around those that differ.
const CONTEXT: usize = 2;

/// A value as lines: texts as they are, lists and objects as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => format!("{text}\n"),
        Value::Array(_) | Value::Object(_) => format!("{value:#}\n"),
        other => format!("{}\n", words(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(changes: &Value) -> Value {
        json!({"hasChanges": true, "from": {"pin": "live", "version": 1, "hash": "00"},
               "to": {"pin": "draft", "version": null, "hash": "11"},
               "sections": [{"section": "instructions", "changes": changes}]})
    }

    #[test]
    fn texts_are_compared_line_by_line_and_what_is_new_is_whole() {
        let before = "One.\nTwo.\nThree.\nFour.\nFive.\nSix.\nSeven.";
        let after = before.replace("One", "Uno").replace("Seven.", "Seven!");
        let told = told(
            &answer(&json!([
                {"path": "instructions.systemPrompt", "type": "modify", "from": before, "to": after},
                {"path": "llm.temperature", "type": "modify", "from": 0.7, "to": 1},
                {"path": "topics[a]", "type": "add", "from": null, "to": {"id": "a"}},
                {"path": "topics[b].content", "type": "delete", "from": "gone\u{1b}[2J", "to": null}
            ])),
            Look::default(),
        );
        assert_eq!(
            told,
            "\
live (V1) → draft

instructions
  ~ instructions.systemPrompt
    - One.
    + Uno.
      Two.
      Three.
      …
      Five.
      Six.
    - Seven.
    + Seven!
  ~ llm.temperature
    - 0.7
    + 1
  + topics[a]
      {
        \"id\": \"a\"
      }
  - topics[b].content
      gone\u{fffd}[2J
"
        );
    }

    #[test]
    fn within_a_line_the_words_that_differ_stand_out() {
        let changes = json!([{"path": "name", "type": "modify", "from": "You are kind today.", "to": "You are brief today."}]);
        let told = told(&answer(&changes), Look { colours: true, tty: true, columns: 0 });
        assert!(told.contains("\x1b[4m\x1b[31mkind\x1b[0m\x1b[0m"), "{told:?}");
        assert!(told.contains("\x1b[4m\x1b[32mbrief\x1b[0m\x1b[0m"), "{told:?}");
    }

    #[test]
    fn sides_that_are_the_same_are_said_to_be() {
        let answer = json!({"hasChanges": false, "from": {"pin": "V1", "version": 1}, "to": {"pin": "live", "version": 1}, "sections": []});
        assert_eq!(told(&answer, Look::default()), "V1 and live (V1) are the same\n");
    }
}
