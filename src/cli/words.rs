//! JSON as words for people.

use serde_json::Value;

/// What stands for nothing.
pub(super) const NONE: &str = "-";

/// A text that can do nothing to a terminal: control characters are replaced.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The same of a text of several lines, which keeps them.
pub(super) fn clean_lines(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// A value as words: lists joined by commas, nothing as a dash.
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => NONE.to_owned(),
        Value::String(text) => clean(text),
        Value::Array(values) if values.is_empty() => NONE.to_owned(),
        Value::Array(values) => values.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(members) if members.is_empty() => NONE.to_owned(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{} {}", clean(name), words(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// A member as words.
pub(super) fn text_of(value: &Value, member: &str) -> String {
    words(value.get(member).unwrap_or(&Value::Null))
}

/// A member that is a text, if there is one in it.
pub(super) fn text_in<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A member that is a list; none where there is no list.
pub(super) fn items<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What serves by a route or an arm: `sales@V3`, or `split spring`.
pub(super) fn destination(value: &Value) -> String {
    match (text_in(value, "splitId"), text_in(value, "agentId")) {
        (Some(split), _) => format!("split {}", clean(split)),
        (None, Some(agent)) => format!("{}@{}", clean(agent), text_of(value, "pin")),
        (None, None) => NONE.to_owned(),
    }
}

/// How many: a count as it is, or the length of a list.
pub(super) fn count(value: &Value, member: &str) -> String {
    match value.get(member) {
        Some(Value::Array(values)) => values.len().to_string(),
        other => words(other.unwrap_or(&Value::Null)),
    }
}

/// A version by its number, or the draft where there is none.
pub(super) fn version_of(value: &Value, member: &str) -> String {
    match value.get(member) {
        Some(Value::Number(number)) => format!("V{number}"),
        _ => "draft".to_owned(),
    }
}

/// A fingerprint cut to what people compare.
pub(super) fn short_hash(value: &Value, member: &str) -> String {
    text_of(value, member).chars().take(8).collect()
}

/// A time without its fraction of a second.
pub(super) fn time(value: &Value, member: &str) -> String {
    let text = text_of(value, member);
    match text.split_once('.') {
        Some((whole, _)) if text.ends_with('Z') => format!("{whole}Z"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_a_router_says_can_steer_the_terminal() {
        assert_eq!(words(&json!({"a\u{1b}[2J": ["b\r\n", null]})), "a\u{fffd}[2J b\u{fffd}\u{fffd}, -");
    }

    #[test]
    fn what_is_missing_reads_as_a_dash() {
        for value in [json!({}), json!({"x": null}), json!({"x": ""}), json!({"x": []}), json!({"x": {}})] {
            assert_eq!(text_of(&value, "x"), NONE);
        }
        assert_eq!(destination(&json!({})), NONE);
        assert_eq!(time(&json!({}), "at"), NONE);
    }
}
