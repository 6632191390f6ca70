//! Any good document, made from the table of keys.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::rule::Rule;
use super::super::schema::{DOCUMENT, Key, Kind};

/// Any document that is read without faults.
pub fn document() -> impl Strategy<Value = Value> {
    object(DOCUMENT).prop_map(related)
}

fn object(keys: &'static [Key]) -> BoxedStrategy<Value> {
    keys.iter()
        .map(|key| {
            let value = value(&key.kind);
            let maybe = if key.kind.preset().is_none() {
                value.prop_map(Some).boxed()
            } else {
                proptest::option::of(value).boxed()
            };
            maybe.prop_map(|value| value.map(|value| (key.name.to_owned(), value)))
        })
        .collect::<Vec<_>>()
        .prop_map(|members| Value::Object(members.into_iter().flatten().collect()))
        .boxed()
}

fn value(kind: &'static Kind) -> BoxedStrategy<Value> {
    let preset = kind.preset();
    let some = match kind {
        Kind::Text { rule, .. } => text(*rule),
        Kind::Choice { of, .. } => proptest::sample::select(*of).prop_map(Value::from).boxed(),
        Kind::Number { min, max, .. } => (*min..=*max).prop_map(Value::from).boxed(),
        Kind::Whole { min, max, .. } => (*min..=*max).prop_map(Value::from).boxed(),
        Kind::Flag(_) => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Object(keys) => object(keys),
        Kind::Items { keys, unique, .. } => proptest::collection::vec(object(keys), 0..4)
            .prop_map(|mut items| {
                for (index, item) in items.iter_mut().enumerate() {
                    unique.iter().for_each(|name| item[*name] = json!(format!("{name}-{index}")));
                }
                items.into()
            })
            .boxed(),
        Kind::Texts { .. } => proptest::collection::vec(".{0,5}", 0..4).prop_map(Value::from).boxed(),
        Kind::Map { .. } => proptest::collection::btree_map("x-[a-d]", "[^\\p{Cc}]{0,5}", 0..4)
            .prop_map(|map| json!(map))
            .boxed(),
        Kind::Free { .. } => free(),
    };
    match preset {
        // Defaults that are written out are a case of their own.
        Some(preset) => prop_oneof![4 => some, 1 => Just(preset)].boxed(),
        None => some,
    }
}

fn text(rule: Rule) -> BoxedStrategy<Value> {
    let pattern = match rule {
        Rule::Any => "(?s).{0,9}",
        Rule::Line => "[^\\p{Cc}]{1,9}",
        Rule::Language => "[a-z]{2}(-[A-Z][a-z]{3})?(-[A-Z]{2})?",
        Rule::SecureUrl => "https://[a-z]{1,5}/[a-z]{0,5}",
        Rule::SiteVariantId => "[!-~]{1,9}",
        Rule::Endpoint => "(sip|tel):([a-z]|\\{agent\\}|\\{version\\}|\\{arm\\}|\\{callId\\}){1,5}",
        Rule::HeaderName => "x-[a-z]{1,9}",
        Rule::HeaderValue => "[a-z]{1,9}",
    };
    pattern.prop_map(Value::from).boxed()
}

fn free() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has none", |n| n.is_finite()).prop_map(Value::from),
        (-1e19..1e19).prop_map(Value::from),
        (-1e25..1e25).prop_map(Value::from),
        "(?s).{0,5}".prop_map(Value::from),
    ];
    let any = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("(?s)[a-z]|.", inner, 0..4).prop_map(|map| json!(map)),
        ]
    });
    proptest::collection::btree_map("(?s)[a-z]|.", any, 0..4).prop_map(|map| json!(map)).boxed()
}

/// Makes the keys fit each other.
fn related(mut document: Value) -> Value {
    if document.pointer("/backgroundSound/kind") == Some(&json!("url")) {
        document["backgroundSound"]["url"] = json!("https://h/");
    }
    for field in items(&mut document, "/callAnalysis/fields") {
        field["enum"] = json!(["a", "b"]);
    }
    let attributes = items(&mut document, "/siteAttributes").len();
    let mut default = false;
    for variant in items(&mut document, "/siteVariants") {
        if variant.get("isDefault") == Some(&json!(true)) {
            variant["isDefault"] = json!(!default);
            default = true;
        }
        if let Some(Value::Object(values)) = variant.get_mut("values") {
            let texts = std::mem::take(values).into_iter().take(attributes).map(|(_, text)| text);
            *values = texts.enumerate().map(|(index, text)| (format!("id-{index}"), text)).collect();
        }
    }
    document
}

fn items<'v>(document: &'v mut Value, pointer: &str) -> &'v mut [Value] {
    document.pointer_mut(pointer).and_then(Value::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default()
}

/// The document without what TOML cannot say.
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => items.into_iter().filter(|item| !item.is_null()).map(without_nulls).collect(),
        // Nor has it whole numbers of more than 64 bits, which is how some of these are written.
        other => other,
    }
}

/// The same document as JSON with its keys in another order and whole numbers with a fraction.
pub fn written_otherwise(value: &Value, seed: u64) -> String {
    match value {
        Value::Object(members) => written_members(members, seed),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| written_otherwise(item, seed)).collect();
            format!("[ {} ]", items.join(" , "))
        }
        Value::Number(number) if number.is_i64() => format!("{number}.0"),
        other => other.to_string(),
    }
}

fn written_members(members: &Map<String, Value>, seed: u64) -> String {
    let mut written: Vec<_> = members.iter().collect();
    written
        .sort_by_key(|(name, _)| name.bytes().fold(seed, |sum, c| sum.rotate_left(7) ^ (u64::from(c) * 31)));
    let written =
        written.iter().map(|(name, value)| format!("{}:{}", json!(name), written_otherwise(value, seed)));
    format!("{{\n{}}}", written.collect::<Vec<_>>().join(",\n\t"))
}
