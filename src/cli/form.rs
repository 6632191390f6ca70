//! A configuration as a text that people write: TOML, or JSON where TOML has no word for it.

use serde_json::{Map, Number, Value};
use toml::Table;

/// A configuration as TOML; nothing where it has a null or a number that TOML cannot say.
pub(super) fn to_toml(config: &Value) -> Option<String> {
    let toml::Value::Table(table) = of_json(config)? else { return None };
    toml::to_string_pretty(&table).ok()
}

/// The text of a configuration as it is shown and edited.
pub(super) fn to_text(config: &Value) -> String {
    to_toml(config).unwrap_or_else(|| format!("{config:#}\n"))
}

/// Reads a configuration in either form: what begins with a brace is JSON, everything else TOML.
///
/// # Errors
/// What is wrong with it, with its place.
pub(super) fn read(text: &str) -> Result<Value, String> {
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        let json = text.trim_start_matches('\u{feff}');
        return serde_json::from_str(json).map_err(|why| format!("is no JSON: {why}"));
    }
    let table: Table = text.parse().map_err(|why: toml::de::Error| {
        let place = why.span().map(|span| place(text, span.start)).unwrap_or_default();
        format!("is no TOML: {}{place}", why.message())
    })?;
    Ok(of_toml(toml::Value::Table(table)))
}

/// Where a byte stands.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(", at line {line}, column {column}")
}

fn of_json(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(is) => toml::Value::Boolean(*is),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => toml::Value::Integer(whole),
            None if number.is_u64() => return None,
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Array(items) => toml::Value::Array(items.iter().map(of_json).collect::<Option<_>>()?),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| Some((name.clone(), of_json(value)?)));
            toml::Value::Table(members.collect::<Option<_>>()?)
        }
    })
}

fn of_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(whole) => Value::Number(whole.into()),
        // What is not finite has no JSON; the router says that a number is expected there.
        toml::Value::Float(number) => {
            Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
        }
        toml::Value::Boolean(is) => Value::Bool(is),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(of_toml).collect()),
        toml::Value::Table(members) => Value::Object(
            members.into_iter().map(|(name, value)| (name, of_toml(value))).collect::<Map<_, _>>(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_reads_in_either_form_and_faults_have_their_place() {
        let config =
            json!({"name": "Desk", "llm": {"temperature": 0.5}, "topics": [{"id": "a", "name": "A\n\"b\""}]});
        assert_eq!(read(&to_text(&config)), Ok(config.clone()));
        assert_eq!(read(&format!(" {config}")), Ok(config));
        assert_eq!(read(""), Ok(json!({})));
        let fault = read("name = \"Desk\"\nllm = {").unwrap_err();
        assert!(fault.starts_with("is no TOML") && fault.contains("line 2"), "{fault}");
        assert!(read("{\"name\":").unwrap_err().contains("line 1"));
        assert_eq!(to_toml(&json!({"workflow": {"x": null}})), None);
        assert!(to_text(&json!({"workflow": {"x": null}})).starts_with('{'));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e15..1e15f64).prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "[a\"'\\\\\n\r\t\u{0}\u{7f}]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_shown_reads_back_as_it_was(members in prop::collection::btree_map("\\PC{0,6}", any_json(), 0..5)) {
            let config = Value::Object(members.into_iter().collect());
            prop_assert_eq!(read(&to_toml(&config).unwrap()).unwrap(), config);
        }

        #[test]
        fn nothing_that_is_typed_makes_the_reader_panic(text in "\\PC{0,60}") {
            let _ = read(&text);
        }
    }
}
