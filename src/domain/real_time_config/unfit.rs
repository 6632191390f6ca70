//! What does not fit a JSON Schema, in the words of every other fault: what it is, and what was expected.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// Longest message of a fault, in characters: some repeat what a schema says.
const MESSAGE_CHARS_MAX: usize = 300;
/// Most things that a message names.
const NAMED_MAX: usize = 10;

/// What is wrong with a value. Of the value itself no more than its kind is told: it may be of a caller.
pub(super) fn told(why: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let message = match why.kind() {
        Kind::Type { kind } => format!("is {}: expected {}", kind_of(why.instance()), types(kind)),
        Kind::Required { property } => format!("has no {property}: expected one"),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("has {}, which the schema does not know", names(unexpected))
        }
        Kind::PropertyNames { .. } => {
            "has a name that does not fit: expected what propertyNames says".to_owned()
        }
        Kind::Enum { options } => format!("is none of these: expected one of {}", choices(options)),
        Kind::Constant { expected_value } => format!("is another value: expected {expected_value}"),
        Kind::Minimum { limit } => format!("is too small: expected at least {limit}"),
        Kind::Maximum { limit } => format!("is too large: expected at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("is too small: expected more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("is too large: expected less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("is no multiple of {multiple_of}: expected one"),
        Kind::MinLength { limit } => format!("is too short: expected at least {limit} characters"),
        Kind::MaxLength { limit } => format!("is too long: expected at most {limit} characters"),
        Kind::Pattern { pattern } => format!("does not match: expected a text like {pattern}"),
        Kind::Format { format } => format!("has another format: expected {format}"),
        Kind::MinItems { limit } => format!("has too few items: expected at least {limit}"),
        Kind::MaxItems { limit } => format!("has too many items: expected at most {limit}"),
        Kind::AdditionalItems { limit } => {
            format!("has more items than the schema knows: expected at most {limit}")
        }
        Kind::UniqueItems => "has an item twice: expected each once".to_owned(),
        Kind::Contains => "has no item that fits: expected one as contains says".to_owned(),
        Kind::MinProperties { limit } => format!("has too few members: expected at least {limit}"),
        Kind::MaxProperties { limit } => format!("has too many members: expected at most {limit}"),
        Kind::AnyOf { .. } => "fits none of the alternatives: expected one of them".to_owned(),
        Kind::OneOfNotValid { .. } => "fits none of the alternatives: expected one of them".to_owned(),
        Kind::OneOfMultipleValid { .. } => {
            "fits more than one of the alternatives: expected exactly one".to_owned()
        }
        Kind::Not { .. } => "fits what it must not: expected what not excludes".to_owned(),
        Kind::FalseSchema => "must not be there: expected nothing".to_owned(),
        other => format!("does not fit: expected what {} says", other.keyword()),
    };
    shortened(message)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn types(kind: &TypeKind) -> String {
    let one = |kind: JsonType| match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "a text",
        JsonType::Array => "a list",
        JsonType::Object => "an object",
    };
    match kind {
        TypeKind::Single(kind) => one(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(one).collect::<Vec<_>>().join(" or "),
    }
}

fn names(names: &[String]) -> String {
    listed(names.iter().map(|name| format!("{name:?}")), names.len())
}

fn choices(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    listed(options.iter().map(Value::to_string), options.len())
}

fn listed(each: impl Iterator<Item = String>, count: usize) -> String {
    let more = if count > NAMED_MAX { ", …" } else { "" };
    format!("{}{more}", each.take(NAMED_MAX).collect::<Vec<_>>().join(", "))
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told_of(schema: &Value, value: &Value) -> Vec<String> {
        let validator = jsonschema::options().build(schema).unwrap();
        validator.iter_errors(value).map(|why| told(&why)).collect()
    }

    #[test]
    fn each_keyword_says_what_it_expected_and_never_the_value() {
        for (schema, value, expected) in [
            (json!({"type": "integer"}), json!("x"), "is a text: expected a whole number"),
            (json!({"type": ["boolean", "null"]}), json!([]), "is a list: expected null or true or false"),
            (json!({"required": ["open"]}), json!({}), "has no \"open\": expected one"),
            (
                json!({"properties": {"b": true}, "additionalProperties": false}),
                json!({"a\n": 1}),
                "has \"a\\n\", which the schema does not know",
            ),
            (json!({"enum": ["a", 1]}), json!("secret"), "is none of these: expected one of \"a\", 1"),
            (json!({"const": "a"}), json!("secret"), "is another value: expected \"a\""),
            (json!({"minimum": 3}), json!(2), "is too small: expected at least 3"),
            (json!({"exclusiveMaximum": 3}), json!(3), "is too large: expected less than 3"),
            (json!({"maxLength": 3}), json!("secret"), "is too long: expected at most 3 characters"),
            (json!({"pattern": "^x"}), json!("secret"), "does not match: expected a text like ^x"),
            (json!({"uniqueItems": true}), json!([1, 1]), "has an item twice: expected each once"),
            (
                json!({"anyOf": [false]}),
                json!("secret"),
                "fits none of the alternatives: expected one of them",
            ),
            (json!({"not": true}), json!("secret"), "fits what it must not: expected what not excludes"),
            (json!(false), json!("secret"), "must not be there: expected nothing"),
        ] {
            assert_eq!(told_of(&schema, &value), [expected], "{schema}");
        }
        let many: Vec<u32> = (0..1_000).collect();
        assert!(told_of(&json!({"enum": many}), &json!("x"))[0].ends_with("8, 9, …"));
        let long = told_of(&json!({"const": "x".repeat(1_000)}), &json!(1));
        assert_eq!(long[0].chars().count(), MESSAGE_CHARS_MAX + 1);
    }
}
