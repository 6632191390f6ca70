//! How a long text became another one: line by line, and within a line word by word.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use utoipa::ToSchema;

/// A text with more characters than this is long, as is one of several lines.
const LONG_CHARS: usize = 200;
/// Most lines of both sides of all texts of one comparison that are compared.
const LINES_MAX: usize = 20_000;
/// How long the lines of one comparison are looked at for what they have in common.
const TIME_MAX: Duration = Duration::from_secs(1);

/// A line of one text or of both.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineChange {
    /// `equal`: both have it; `delete`: only the one; `insert`: only the other.
    op: &'static str,
    /// The line with its end. Lines that are not inserted make up the one text, those that are not deleted the other.
    text: String,
    /// The line in pieces, where it became another one, or came of one, of which it keeps some words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<Words>,
}

/// A piece of a line.
#[derive(Debug, Serialize, ToSchema)]
pub struct Words {
    /// What it says.
    text: String,
    /// Whether the other line says something else there.
    changed: bool,
}

/// What may still be spent on the texts of a comparison.
#[derive(Debug)]
pub(super) struct Budget {
    lines: usize,
    until: Instant,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { lines: LINES_MAX, until: Instant::now() + TIME_MAX }
    }

    /// The lines of two texts, where one of them is long and both are not too long. Costs at most what is left; where time
    /// runs out, more lines than need be are said to differ.
    pub(super) fn lines(&mut self, from: Option<&Value>, to: Option<&Value>) -> Option<Vec<LineChange>> {
        let (Some(Value::String(from)), Some(Value::String(to))) = (from, to) else { return None };
        if !is_long(from) && !is_long(to) {
            return None;
        }
        let lines = [from, to].map(|text| text.split_inclusive(['\n', '\r']).count());
        self.lines = self.lines.checked_sub(lines.iter().sum())?;
        let difference = TextDiff::configure().deadline(self.until).diff_lines(from.as_str(), to.as_str());
        let changes = difference
            .ops()
            .iter()
            .flat_map(|operation| difference.iter_inline_changes_deadline(operation, Some(self.until)));
        let line = |change: similar::InlineChange<'_, str>| {
            let words: Vec<Words> = change
                .iter_strings_lossy()
                .map(|(changed, text)| Words { text: text.into_owned(), changed })
                .collect();
            LineChange {
                op: match change.tag() {
                    ChangeTag::Equal => "equal",
                    ChangeTag::Delete => "delete",
                    ChangeTag::Insert => "insert",
                },
                text: words.iter().map(|words| words.text.as_str()).collect(),
                words: if words.iter().any(|words| words.changed) { words } else { Vec::new() },
            }
        };
        Some(changes.map(line).collect())
    }
}

fn is_long(text: &str) -> bool {
    text.contains('\n') || text.chars().nth(LONG_CHARS).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn lines(from: &str, to: &str) -> Option<Vec<LineChange>> {
        Budget::new().lines(Some(&json!(from)), Some(&json!(to)))
    }

    #[test]
    fn words_that_differ_are_marked_within_lines_that_do() {
        let told = lines("One.\nYou are kind today.\nOut", "One.\nYou are brief today.\nOut").unwrap();
        let words = |word: &str| json!([{"text": "You are ", "changed": false}, {"text": word, "changed": true}, {"text": " today.\n", "changed": false}]);
        assert_eq!(
            json!(told),
            json!([
                {"op": "equal", "text": "One.\n"},
                {"op": "delete", "text": "You are kind today.\n", "words": words("kind")},
                {"op": "insert", "text": "You are brief today.\n", "words": words("brief")},
                {"op": "equal", "text": "Out"}
            ])
        );
    }

    #[test]
    fn short_texts_and_what_is_no_text_have_no_lines() {
        assert!(lines("short", "other").is_none());
        assert!(lines(&"x".repeat(200), "other").is_none());
        assert!(lines(&"x".repeat(201), "other").is_some());
        assert!(lines("short", "two\nlines").is_some());
        assert!(Budget::new().lines(Some(&json!(1)), Some(&json!("two\nlines"))).is_none());
        assert!(Budget::new().lines(None, Some(&json!("two\nlines"))).is_none());
    }

    #[test]
    fn what_would_take_too_long_has_no_lines() {
        let many = "x\n".repeat(LINES_MAX / 2 + 1);
        assert!(lines(&many, &many.replace('x', "y")).is_none());
        let mut budget = Budget::new();
        let half = "x\n".repeat(LINES_MAX / 4 + 1);
        let mut half = || budget.lines(Some(&json!(half)), Some(&json!(half)));
        assert!(half().is_some() && half().is_none(), "texts share what one comparison may spend");
    }

    proptest! {
        #[test]
        fn both_texts_can_be_put_together_again(from in "([a-c \n\r\té]{0,40}\n?){0,6}", to in "([a-c \n\r\té]{0,40}\n?){0,6}") {
            let Some(told) = lines(&from, &to) else { return Ok(()) };
            let side = |without: &str| -> String {
                told.iter().filter(|line| line.op != without).map(|line| line.text.as_str()).collect()
            };
            prop_assert_eq!(side("insert"), from);
            prop_assert_eq!(side("delete"), to);
            for line in told.iter().filter(|line| !line.words.is_empty()) {
                let words: String = line.words.iter().map(|words| words.text.as_str()).collect();
                prop_assert_eq!(&words, &line.text);
            }
        }
    }
}
