//! JSON as it was written: members in their order, and one that stands twice as well.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// A JSON value that nobody has looked at yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

impl Tree {
    /// What it is, for people.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// The same as a value whose members each stand once, the last one of a name.
    pub fn into_json(self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::String(text),
            Self::List(list) => list.into_iter().map(Self::into_json).collect(),
            Self::Object(members) => {
                members.into_iter().map(|(name, tree)| (name, tree.into_json())).collect()
            }
        }
    }

    /// Reads a text of JSON.
    ///
    /// # Errors
    /// Where it ceases to be JSON, in words. Nesting deeper than 128 levels counts as none.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|why| {
            let good = text.get(..why.valid_up_to()).unwrap_or_default();
            let column = good.rsplit(|byte| *byte == b'\n').next().map_or(1, |line| line.len() + 1);
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            format!("is not UTF-8 at line {line}, column {column}")
        })?;
        serde_json::from_str(text).map_err(|why| {
            let place = format!("line {}, column {}", why.line(), why.column());
            if why.is_eof() {
                format!("is JSON that breaks off at {place}")
            } else {
                format!("is no JSON, nested too deeply or has a number too large, at {place}")
            }
        })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Number::from_f64(value).map_or(Tree::Null, Tree::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Tree, E> {
        Ok(Tree::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_what_was_written_is_lost() {
        let tree = Tree::parse(br#"{"b":[null,true,-1,1.5,"\u00e4"],"a":{},"b":18446744073709551615}"#);
        let number = |number: Number| Tree::Number(number);
        let list = vec![
            Tree::Null,
            Tree::Bool(true),
            number((-1).into()),
            number(Number::from_f64(1.5).unwrap()),
            Tree::Text("ä".to_owned()),
        ];
        let members =
            [("b", Tree::List(list)), ("a", Tree::Object(Vec::new())), ("b", number(u64::MAX.into()))];
        assert_eq!(tree, Ok(Tree::Object(members.map(|(name, tree)| (name.to_owned(), tree)).to_vec())));
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place_and_in_our_words() {
        for (text, told) in [
            ("{\"a\":\n", "is JSON that breaks off at line 2, column 0"),
            ("{\"a\": x}", "is no JSON, nested too deeply or has a number too large, at line 1, column 7"),
            ("{} {}", "is no JSON, nested too deeply or has a number too large, at line 1, column 4"),
            (
                &"[".repeat(200_000),
                "is no JSON, nested too deeply or has a number too large, at line 1, column 128",
            ),
        ] {
            let shown: String = text.chars().take(20).collect();
            assert_eq!(Tree::parse(text.as_bytes()), Err(told.to_owned()), "{shown}");
        }
        assert_eq!(Tree::parse(b"{\n\"a\":\"\xe4\"}"), Err("is not UTF-8 at line 2, column 6".to_owned()));
    }
}
