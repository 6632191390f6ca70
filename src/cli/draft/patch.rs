//! Keys and values as they are written on the command line, as one patch.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::cli::written::json_or_text;

/// `llm.temperature=0.4`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assignment {
    keys: Vec<String>,
    value: Value,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected KEY=VALUE, such as llm.temperature=0.4";
        let (path, value) = text.split_once('=').ok_or(EXPECTED)?;
        let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
        if keys.iter().any(String::is_empty) {
            return Err(EXPECTED.to_owned());
        }
        if path.contains('[') {
            return Err(format!(
                "{path} is in a list, which is given whole: KEY=[…], or all of it by --edit"
            ));
        }
        Ok(Self { keys, value: json_or_text(value) })
    }
}

/// The patch that makes all of these.
///
/// # Errors
/// Where one says something of what another is, by name.
pub(super) fn of(assignments: &[Assignment]) -> Result<Value, String> {
    let mut patch = Map::new();
    for Assignment { keys, value } in assignments {
        put(&mut patch, keys, value).map_err(|()| format!("{} is given twice", keys.join(".")))?;
    }
    Ok(Value::Object(patch))
}

fn put(patch: &mut Map<String, Value>, keys: &[String], value: &Value) -> Result<(), ()> {
    let Some((first, rest)) = keys.split_first() else { return Ok(()) };
    if rest.is_empty() {
        return if patch.insert(first.clone(), value.clone()).is_some() { Err(()) } else { Ok(()) };
    }
    let within = patch.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
    put(within.as_object_mut().ok_or(())?, rest, value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(texts: &[&str]) -> Result<Value, String> {
        of(&texts.iter().map(|text| text.parse()).collect::<Result<Vec<_>, String>>()?)
    }

    #[test]
    fn values_are_json_where_they_are_json_and_texts_else() {
        let texts = [
            "llm.temperature=0.4",
            "llm.model=gpt=5",
            "name=\"24\"",
            "workflow=null",
            "endpoints=[]",
            "description=",
        ];
        let expected = json!({"llm": {"temperature": 0.4, "model": "gpt=5"}, "name": "24", "workflow": null,
            "endpoints": [], "description": ""});
        assert_eq!(patch(&texts), Ok(expected));
    }

    #[test]
    fn what_is_said_twice_or_of_nothing_is_refused() {
        for texts in [&["a=1", "a=2"][..], &["a=1", "a.b=2"], &["a.b=1", "a=2"], &["a={\"b\":1}", "a=null"]] {
            assert!(patch(texts).unwrap_err().contains("twice"), "{texts:?}");
        }
        for text in ["", "a", "=1", "a.=1", ".a=1", "topics[a].name=x"] {
            assert!(text.parse::<Assignment>().is_err(), "{text:?}");
        }
    }
}
