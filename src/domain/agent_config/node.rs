//! A document as it was written, from JSON or TOML, before anything is known about its keys.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::de::{DeTable, DeValue};

/// The place of a node that has none: JSON keeps no places.
pub const NOWHERE: usize = usize::MAX;

/// Deepest nesting of lists and objects, the document itself included.
pub const LEVELS_MAX: usize = 64;
/// What stands for a list or object below that.
pub const TOO_DEEP: &str = "nested too deeply";

/// A value with the byte offset at which it stands.
#[derive(Debug)]
pub struct Node {
    pub at: usize,
    pub shape: Shape,
}

/// What stands there.
#[derive(Debug)]
pub enum Shape {
    Null,
    Flag(bool),
    /// Written without fraction or exponent.
    Whole(i128),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order written; a key may repeat.
    Object(Vec<Member>),
    /// Something JSON cannot say, such as a date; the text ends a sentence that begins with "is".
    Foreign(&'static str),
}

/// A key of an object and what it holds.
#[derive(Debug)]
pub struct Member {
    pub name: String,
    pub at: usize,
    pub node: Node,
}

impl Node {
    /// The node under a key, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Shape::Object(members) = &self.shape else { return None };
        members.iter().find(|member| member.name == name).map(|member| &member.node)
    }

    /// The items, if this is a list; else none.
    pub fn items(&self) -> &[Self] {
        match &self.shape {
            Shape::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members, if this is an object; else none.
    pub fn members(&self) -> &[Member] {
        match &self.shape {
            Shape::Object(members) => members,
            _ => &[],
        }
    }

    /// The tree of a TOML document, cut below `levels`.
    ///
    /// Dotted keys in inline tables in dotted keys nest thousands deep in a few lines.
    pub fn from_toml(table: DeTable<'_>, at: usize, levels: usize) -> Self {
        let Some(levels) = levels.checked_sub(1) else {
            return Self { at, shape: Shape::Foreign(TOO_DEEP) };
        };
        let members = table.into_iter().map(|(name, value)| Member {
            at: name.span().start,
            name: name.into_inner().into_owned(),
            node: Self::from_toml_value(value.span().start, value.into_inner(), levels),
        });
        Self { at, shape: Shape::Object(members.collect()) }
    }

    fn from_toml_value(at: usize, value: DeValue<'_>, levels: usize) -> Self {
        let shape = match value {
            DeValue::String(text) => Shape::Text(text.into_owned()),
            DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Shape::Whole(number),
                Err(_) => Shape::Foreign("a number of too many digits"),
            },
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Shape::Number(number),
                Err(_) => Shape::Foreign("a number that cannot be read"),
            },
            DeValue::Boolean(flag) => Shape::Flag(flag),
            DeValue::Datetime(_) => Shape::Foreign("a date or time"),
            DeValue::Array(items) => match levels.checked_sub(1) {
                Some(levels) => {
                    let items = items.into_iter().map(|item| (item.span().start, item.into_inner()));
                    Shape::List(items.map(|(at, item)| Self::from_toml_value(at, item, levels)).collect())
                }
                None => Shape::Foreign(TOO_DEEP),
            },
            DeValue::Table(table) => return Self::from_toml(table, at, levels),
        };
        Self { at, shape }
    }
}

impl From<Shape> for Node {
    fn from(shape: Shape) -> Self {
        Self { at: NOWHERE, shape }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(NodeVisitor).map(Self::from)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Shape, E> {
        Ok(Shape::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Shape, E> {
        Ok(Shape::Whole(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Shape, E> {
        Ok(Shape::Whole(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Shape, E> {
        Ok(Shape::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(Shape::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Shape, E> {
        Ok(Shape::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut members = Vec::new();
        while let Some((name, node)) = map.next_entry()? {
            members.push(Member { name, at: NOWHERE, node });
        }
        Ok(Shape::Object(members))
    }
}
