//! How long a check would take, reckoned before it begins: a schema of a few lines can ask for more than anybody can wait.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Most looks of a subschema at a value.
const LOOKS_MAX: u64 = 500_000;
/// Bytes of a text that a pattern goes through in what a look takes.
const BYTES_A_LOOK: usize = 64;
/// Most pairs of a subschema and a value.
const PAIRS_MAX: usize = 100_000;
/// Deepest nesting of looks: through references further than a schema is nested itself.
const DEPTH_MAX: usize = 400;

/// Keywords that hold one schema, or a list of them, for the value itself.
const IN_PLACE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];
/// Keywords that hold one schema, or a list of them, for each item of a list.
const OF_ITEMS: [&str; 3] = ["items", "additionalItems", "contains"];
/// Keywords that hold schemas by name.
const BY_NAME: [&str; 4] = ["properties", "patternProperties", "dependencies", "definitions"];
/// Keywords that hold one schema for each member, or its name.
const OF_MEMBERS: [&str; 2] = ["additionalProperties", "propertyNames"];

/// Why a check is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMuch {
    #[error("takes too long to check: expected fewer references and alternatives that lead to one another")]
    Looks,
    #[error("leads from reference to reference too far: expected fewer of them behind one another")]
    Deep,
}

/// Every schema that is right within another one, with its path there.
pub(super) fn subschemas(schema: &Value) -> impl Iterator<Item = (String, &Value)> {
    let single = IN_PLACE.into_iter().chain(OF_ITEMS).chain(OF_MEMBERS);
    let single = single.filter_map(|key| Some((key, schema.get(key)?))).flat_map(|(key, value)| {
        let listed = value.as_array().map(|list| list.iter().enumerate());
        let listed = listed.into_iter().flatten().map(move |(i, item)| (format!("{key}[{i}]"), item));
        listed.chain((!value.is_array()).then(|| (key.to_owned(), value)))
    });
    let named = BY_NAME.into_iter().filter_map(|key| Some((key, schema.get(key)?.as_object()?)));
    let named = named
        .flat_map(|(key, members)| members.iter().map(move |(name, value)| (format!("{key}.{name}"), value)));
    single.chain(named)
}

/// Where references within a schema lead.
#[derive(Debug)]
pub(super) struct References<'s> {
    root: &'s Value,
    /// What has a name of its own.
    names: HashMap<&'s str, &'s Value, FixedState>,
}

impl<'s> References<'s> {
    pub(super) fn of(root: &'s Value) -> Self {
        let (mut names, mut waiting) = (HashMap::default(), vec![root]);
        while let Some(value) = waiting.pop() {
            if let Some(name) = value.get("$id").and_then(Value::as_str).filter(|id| id.starts_with('#')) {
                names.insert(name, value);
            }
            match value {
                Value::Array(items) => waiting.extend(items),
                Value::Object(members) => waiting.extend(members.values()),
                _ => {}
            }
        }
        Self { root, names }
    }

    /// What a reference leads to, if that is within the schema.
    pub(super) fn target(&self, reference: &str) -> Option<&'s Value> {
        let fragment = reference.strip_prefix('#')?;
        let pointer = percent_decode_str(fragment).decode_utf8().ok()?;
        if pointer.is_empty() || pointer.starts_with('/') {
            return self.root.pointer(&pointer);
        }
        self.names.get(reference).copied()
    }
}

/// The looks of a schema at a value, counted as if each subschema looked at all that it may.
pub(super) struct Effort<'r, 's> {
    references: &'r References<'s>,
    /// By the places of subschema and value in memory; those on the way have none yet, and are not gone round in.
    known: HashMap<(usize, usize), u64, FixedState>,
}

impl<'s> Effort<'_, 's> {
    /// Reckons a check.
    pub(super) fn of(schema: &'s Value, value: &Value, references: &References<'s>) -> Result<u64, TooMuch> {
        Effort { references, known: HashMap::default() }.looks(schema, value, 0)
    }

    fn looks(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Result<u64, TooMuch> {
        let pair = (std::ptr::from_ref(schema).addr(), std::ptr::from_ref(value).addr());
        if let Some(looks) = self.known.get(&pair) {
            return Ok(*looks);
        }
        if depth > DEPTH_MAX {
            return Err(TooMuch::Deep);
        }
        if self.known.len() >= PAIRS_MAX {
            return Err(TooMuch::Looks);
        }
        self.known.insert(pair, 1);
        let mut sum = 1_u64.saturating_add(by_patterns(schema, value));
        let mut add = |this: &mut Self, schema: &'s Value, value: &Value| {
            sum = sum.saturating_add(this.looks(schema, value, depth + 1)?);
            if sum > LOOKS_MAX { Err(TooMuch::Looks) } else { Ok(()) }
        };
        if let Some(target) =
            schema.get("$ref").and_then(Value::as_str).and_then(|it| self.references.target(it))
        {
            add(self, target, value)?;
        }
        for schema in IN_PLACE.into_iter().filter_map(|key| schema.get(key)).flat_map(each) {
            add(self, schema, value)?;
        }
        let dependencies = schema.get("dependencies").and_then(Value::as_object);
        for schema in dependencies.into_iter().flat_map(serde_json::Map::values).filter(|it| !it.is_array()) {
            add(self, schema, value)?;
        }
        for item in value.as_array().into_iter().flatten() {
            for schema in OF_ITEMS.into_iter().filter_map(|key| schema.get(key)).flat_map(each) {
                add(self, schema, item)?;
            }
        }
        let members = value.as_object().into_iter().flatten();
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        for (name, member) in members {
            if let Some(schema) = schema.get("properties").and_then(|schemas| schemas.get(name)) {
                add(self, schema, member)?;
            }
            for schema in patterns.into_iter().flat_map(serde_json::Map::values) {
                add(self, schema, member)?;
            }
            if let Some(schema) = schema.get("additionalProperties") {
                add(self, schema, member)?;
            }
            if let Some(schema) = schema.get("propertyNames") {
                add(self, schema, &Value::Null)?;
            }
        }
        self.known.insert(pair, sum);
        Ok(sum)
    }
}

/// What it takes to match texts with the patterns of a schema, in looks.
fn by_patterns(schema: &Value, value: &Value) -> u64 {
    let own = value.as_str().filter(|_| schema.get("pattern").is_some()).map_or(0, str::len);
    let named = schema.get("patternProperties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    let names = value.as_object().into_iter().flatten().map(|(name, _)| name.len());
    let bytes = if named == 0 { own } else { own.saturating_add(names.sum::<usize>().saturating_mul(named)) };
    u64::try_from(bytes / BYTES_A_LOOK).unwrap_or(u64::MAX)
}

/// A schema, or each of a list of them.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let listed = value.as_array().into_iter().flatten();
    listed.chain((!value.is_array()).then_some(value))
}
