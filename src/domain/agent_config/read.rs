//! Reads a document by the table of keys: all faults at once, absent keys filled with their defaults.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use super::canonical;
use super::credential;
use super::fault::{Faults, cut};
use super::nearest::nearest;
use super::node::{LEVELS_MAX, Member, Node, Shape, TOO_DEEP};
use super::rule::Rule;
use super::schema::{Key, Kind, Length};

/// Largest whole number that every reader of JSON keeps as it is: 2⁵³ − 1.
const WHOLE_MAX: i128 = (1 << 53) - 1;

/// Walks nodes and the table of keys side by side.
///
/// Whatever is at fault becomes `null`: the caller throws the result away when there are faults.
pub struct Reader<'f, 's> {
    faults: &'f mut Faults<'s>,
    level: usize,
    /// Whether it was found right when it came in: what is looked for in new ones only, is not looked for again.
    stored: bool,
}

impl<'f, 's> Reader<'f, 's> {
    pub fn new(faults: &'f mut Faults<'s>, stored: bool) -> Self {
        Self { faults, level: 0, stored }
    }

    /// The value of a node, complete and within all limits of its kind.
    pub fn value(&mut self, kind: &Kind, node: &Node) -> Value {
        self.level += 1;
        let value = match (kind, &node.shape) {
            (Kind::Text { min, max, rule, .. }, Shape::Text(text)) => {
                self.text(text, *min, *max, *rule, kind, node.at)
            }
            (Kind::Choice { of, .. }, Shape::Text(text)) if of.contains(&text.as_str()) => {
                text.as_str().into()
            }
            (Kind::Number { min, max, .. }, Shape::Whole(_) | Shape::Number(_)) => {
                match number(node).filter(|n| (min..=max).contains(&n)) {
                    Some(n) => n.into(),
                    None => self.mismatch(kind, node),
                }
            }
            (Kind::Whole { min, max, .. }, Shape::Whole(_) | Shape::Number(_)) => {
                match whole(node).and_then(|n| u32::try_from(n).ok()) {
                    Some(n) if (min..=max).contains(&&n) => n.into(),
                    _ => self.mismatch(kind, node),
                }
            }
            (Kind::Flag(_), Shape::Flag(flag)) => (*flag).into(),
            (Kind::Object(keys), Shape::Object(members)) => self.object(keys, members, node.at),
            (Kind::Items { keys, max, unique }, Shape::List(items)) if items.len() <= *max => {
                self.items(keys, unique, items)
            }
            (Kind::Texts { max, each }, Shape::List(items)) if items.len() <= *max => {
                self.texts(*each, items)
            }
            (Kind::Map { max, name, value, each }, Shape::Object(members)) if members.len() <= *max => {
                self.map(*name, *value, *each, members)
            }
            (Kind::Free { null: true, .. }, Shape::Null) => Value::Null,
            (Kind::Free { bytes_max, credentials, .. }, Shape::Object(_)) => {
                self.free_object(node, *bytes_max, *credentials, kind)
            }
            _ => self.mismatch(kind, node),
        };
        self.level -= 1;
        value
    }

    fn text(&mut self, text: &str, min: usize, max: Length, rule: Rule, kind: &Kind, at: usize) -> Value {
        let (length, max, unit) = match max {
            Length::Chars(max) => (text.chars().count(), max, "characters"),
            Length::Bytes(max) => (text.len(), max, "bytes"),
        };
        if length == 0 && min > 0 {
            self.faults.add(at, "is empty", kind.expected());
        } else if length < min || length > max {
            self.faults.add(at, format!("has {length} {unit}, the limit is {max}"), kind.expected());
        } else if let Err(message) = rule.check(text) {
            self.faults.add(at, message, kind.expected());
        }
        text.into()
    }

    fn object(&mut self, keys: &[Key], members: &[Member], at: usize) -> Value {
        self.repeated(members);
        for member in members {
            if !keys.iter().any(|key| key.name == member.name) && !self.faults.is_full() {
                let back = self.faults.enter_key(&member.name);
                self.faults.add(member.at, "is no known key", nearest(&member.name, keys));
                self.faults.leave(back);
            }
        }
        let mut object = Map::new();
        for key in keys {
            let back = self.faults.enter_key(key.name);
            let value = match members.iter().find(|member| member.name == key.name) {
                Some(member) => self.value(&key.kind, &member.node),
                None => key.kind.preset().unwrap_or_else(|| {
                    self.faults.add(at, "is missing", key.kind.expected());
                    Value::Null
                }),
            };
            self.faults.leave(back);
            object.insert(key.name.to_owned(), value);
        }
        Value::Object(object)
    }

    fn items(&mut self, keys: &[Key], unique: &[&str], items: &[Node]) -> Value {
        let list = items.iter().enumerate().map(|(index, item)| {
            let back = self.faults.enter_item(index);
            self.level += 1;
            let value = match &item.shape {
                Shape::Object(members) => self.object(keys, members, item.at),
                _ => self.wrong(item, "an object"),
            };
            self.level -= 1;
            self.faults.leave(back);
            value
        });
        let list = list.collect();
        for name in unique {
            let mut seen = BTreeSet::new();
            for (index, value) in items.iter().enumerate() {
                let Some(node) = value.get(name) else { continue };
                if node.text().is_some_and(|text| !seen.insert(text)) {
                    let back = self.faults.enter_item(index);
                    self.faults.enter_key(name);
                    self.faults.add(
                        node.at,
                        format!("is {} again", shown(node)),
                        format!("every {name} once"),
                    );
                    self.faults.leave(back);
                }
            }
        }
        list
    }

    fn texts(&mut self, each: usize, items: &[Node]) -> Value {
        let kind = Kind::Text { min: 0, max: Length::Chars(each), rule: Rule::Any, preset: None };
        let list = items.iter().enumerate().map(|(index, item)| {
            let back = self.faults.enter_item(index);
            let value = self.value(&kind, item);
            self.faults.leave(back);
            value
        });
        list.collect()
    }

    fn map(&mut self, name: Rule, value: Rule, each: usize, members: &[Member]) -> Value {
        let kind = Kind::Text { min: 0, max: Length::Chars(each), rule: value, preset: None };
        let mut seen = BTreeSet::new();
        let mut object = Map::new();
        for member in members {
            let back = self.faults.enter_key(&member.name);
            if let Err(message) = name.check(&member.name) {
                self.faults.add(member.at, message, name.expected().unwrap_or("text in one line"));
            }
            // Header names are the same in any case.
            let folded =
                if name == Rule::HeaderName { member.name.to_lowercase() } else { member.name.clone() };
            if !seen.insert(folded) {
                self.faults.add(member.at, "is given twice", "every name once");
            }
            let value = self.value(&kind, &member.node);
            self.faults.leave(back);
            object.insert(member.name.clone(), value);
        }
        Value::Object(object)
    }

    fn free_object(&mut self, node: &Node, bytes_max: usize, credentials: bool, kind: &Kind) -> Value {
        // Its own level is counted already.
        self.level -= 1;
        let value = self.free(node);
        self.level += 1;
        let bytes = canonical::json(&value).len();
        if bytes > bytes_max {
            self.faults.add(node.at, format!("has {bytes} bytes"), kind.expected());
        } else if !credentials && !self.stored {
            credential::check(node, self.faults);
        }
        value
    }

    /// Any value of JSON, numbers in one form each, so that equal values are equal.
    fn free(&mut self, node: &Node) -> Value {
        self.level += 1;
        let value = match &node.shape {
            Shape::Null => Value::Null,
            Shape::Flag(flag) => (*flag).into(),
            Shape::Text(text) => text.as_str().into(),
            Shape::Whole(_) | Shape::Number(_) => self.free_number(node),
            Shape::Foreign(TOO_DEEP) => self.wrong(node, format!("at most {LEVELS_MAX} levels")),
            Shape::Foreign(_) => self.wrong(node, "a value that JSON has; dates as text"),
            Shape::List(_) | Shape::Object(_) if self.level > LEVELS_MAX => {
                self.faults.add(node.at, format!("is {TOO_DEEP}"), format!("at most {LEVELS_MAX} levels"));
                Value::Null
            }
            Shape::List(items) => {
                let list = items.iter().enumerate().map(|(index, item)| {
                    let back = self.faults.enter_item(index);
                    let value = self.free(item);
                    self.faults.leave(back);
                    value
                });
                list.collect()
            }
            Shape::Object(members) => {
                self.repeated(members);
                let members = members.iter().map(|member| {
                    let back = self.faults.enter_key(&member.name);
                    let value = self.free(&member.node);
                    self.faults.leave(back);
                    (member.name.clone(), value)
                });
                Value::Object(members.collect())
            }
        };
        self.level -= 1;
        value
    }

    fn free_number(&mut self, node: &Node) -> Value {
        let value = match node.shape {
            _ if whole(node).is_some() => whole(node).and_then(|n| i64::try_from(n).ok()).map(Value::from),
            Shape::Whole(n) => large(n).map(Value::from),
            Shape::Number(n) => Number::from_f64(n).map(Value::Number),
            _ => None,
        };
        value.unwrap_or_else(|| self.wrong(node, "a finite number of at most 15 digits; longer ones as text"))
    }

    fn repeated(&mut self, members: &[Member]) {
        let mut seen = BTreeSet::new();
        for member in members {
            if !seen.insert(member.name.as_str()) {
                let back = self.faults.enter_key(&member.name);
                self.faults.add(member.at, "is given twice", "every key once");
                self.faults.leave(back);
            }
        }
    }

    fn mismatch(&mut self, kind: &Kind, node: &Node) -> Value {
        self.wrong(node, kind.expected())
    }

    fn wrong(&mut self, node: &Node, expected: impl Into<String>) -> Value {
        self.faults.add(node.at, format!("is {}", shown(node)), expected);
        Value::Null
    }
}

/// A number as such.
fn number(node: &Node) -> Option<f64> {
    match node.shape {
        #[expect(clippy::cast_precision_loss, reason = "checked to be exact")]
        Shape::Whole(n) if n.abs() <= WHOLE_MAX => Some(n as f64),
        Shape::Number(n) if n.is_finite() => Some(n),
        _ => None,
    }
}

/// A number without a fraction, however it was written: `1`, `1.0` and `1e0` are one.
fn whole(node: &Node) -> Option<i128> {
    match node.shape {
        Shape::Whole(n) if n.abs() <= WHOLE_MAX => Some(n),
        #[expect(clippy::cast_possible_truncation, reason = "has no fraction and is small")]
        Shape::Number(n) if n.fract() == 0.0 && n.abs() <= WHOLE_MAX as f64 => Some(n as i128),
        _ => None,
    }
}

/// A whole number that is not small but keeps its digits as a floating-point number, as in a canonical form.
fn large(number: i128) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "what is lost is looked at")]
    let near = number as f64;
    #[expect(clippy::cast_possible_truncation, reason = "out of range is not equal")]
    let exact = near as i128 == number;
    (exact || canonical::number(near) == number.to_string()).then_some(near)
}

/// A node as it is shown in a fault.
fn shown(node: &Node) -> String {
    match &node.shape {
        Shape::Null => "null".to_owned(),
        Shape::Flag(flag) => flag.to_string(),
        Shape::Whole(number) => number.to_string(),
        Shape::Number(number) => number.to_string(),
        Shape::Text(text) => format!("{:?}", cut(text)),
        Shape::List(items) => format!("a list of {}", items.len()),
        Shape::Object(members) => format!("an object of {}", members.len()),
        Shape::Foreign(what) => (*what).to_owned(),
    }
}
