//! JSON Schemas of real-time configs: whether they are any, and what does not fit them.
//!
//! Draft 7, whatever `$schema` says. References stay within the schema, so that nothing is fetched; patterns are matched
//! in linear time; how long a check may take is [reckoned](super::effort) before it begins.

use std::fmt;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use super::effort::{Effort, References, subschemas};
use super::unfit::told;
use crate::domain::refusal::FieldFault;

/// Longest schema as JSON, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 256 << 10;
/// Deepest nesting of a schema.
pub const SCHEMA_DEPTH_MAX: usize = 64;
/// Longest variables as JSON, in bytes: they are in every decision of their environment.
pub const VARIABLES_BYTES_MAX: usize = 64 << 10;
/// Deepest nesting of variables, themselves a level: what holds them nests deeper, and is read as well.
pub const VARIABLES_DEPTH_MAX: usize = 64;
/// Most faults that are told.
const FAULTS_MAX: usize = 100;
/// Most memory of a compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 18;
/// Most patterns of a schema: they are all in memory while it is asked.
const PATTERNS_MAX: usize = 200;

/// A schema that can be asked.
pub struct ConfigSchema<'s> {
    schema: &'s Value,
    references: References<'s>,
    validator: Validator,
}

impl fmt::Debug for ConfigSchema<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigSchema").field("schema", self.schema).finish_non_exhaustive()
    }
}

impl<'s> ConfigSchema<'s> {
    /// Takes a schema.
    ///
    /// # Errors
    /// What is wrong with it, by paths such as `schema.properties.open.type`.
    pub fn read(schema: &'s Value) -> Result<Self, Vec<FieldFault>> {
        let fault = |message: String| vec![FieldFault { field: "schema".to_owned(), message }];
        if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
            return Err(fault("is no schema: expected an object, true or false".to_owned()));
        }
        let bytes = bytes_of(schema);
        if bytes > SCHEMA_BYTES_MAX {
            return Err(fault(format!("has {bytes} bytes: expected at most {SCHEMA_BYTES_MAX}")));
        }
        if depth_of(schema) > SCHEMA_DEPTH_MAX {
            return Err(fault(format!("is nested too deeply: expected at most {SCHEMA_DEPTH_MAX} levels")));
        }
        let patterns = patterns_in(schema);
        if patterns > PATTERNS_MAX {
            return Err(fault(format!("has {patterns} patterns: expected at most {PATTERNS_MAX}")));
        }
        let references = References::of(schema);
        let faults = unfit(schema, &references);
        if !faults.is_empty() {
            return Err(faults);
        }
        // What it costs to look at nothing is what its references cost.
        Effort::of(schema, &Value::Null, &references).map_err(|why| fault(why.to_string()))?;
        let patterns =
            PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .with_pattern_options(patterns)
            .offline()
            .build(schema)
            .map_err(|why| {
                let field = path_in("schema", schema, why.instance_path().as_str());
                vec![FieldFault { field, message: format!("is against draft 7: {}", told(&why)) }]
            })?;
        Ok(Self { schema, references, validator })
    }

    /// What of variables does not fit, by paths such as `variables.opening.hours[0]`; nothing where all does.
    #[must_use]
    pub fn faults(&self, variables: &Value) -> Vec<FieldFault> {
        self.faults_of("variables", variables)
    }

    /// The same of any value, by paths that begin with what it is called.
    #[must_use]
    pub fn faults_of(&self, root: &str, value: &Value) -> Vec<FieldFault> {
        if let Err(why) = Effort::of(self.schema, value, &self.references) {
            // Values that a simple schema would take in no time: it is the schema that asks for too much.
            let message = format!("{why}, or smaller values");
            return vec![FieldFault { field: "schema".to_owned(), message }];
        }
        let faults = self.validator.iter_errors(value).take(FAULTS_MAX).map(|why| FieldFault {
            field: path_in(root, value, why.instance_path().as_str()),
            message: told(&why),
        });
        faults.collect()
    }
}

/// What is wrong with variables whatever the schema.
#[must_use]
pub(super) fn oversized(variables: &Map<String, Value>) -> Option<FieldFault> {
    let fault = |message| Some(FieldFault { field: "variables".to_owned(), message });
    let bytes = serde_json::to_vec(variables).map_or(usize::MAX, |text| text.len());
    if bytes > VARIABLES_BYTES_MAX {
        return fault(format!("have {bytes} bytes together: expected at most {VARIABLES_BYTES_MAX}"));
    }
    if variables.values().any(|value| depth_of(value) >= VARIABLES_DEPTH_MAX) {
        return fault(format!("are nested too deeply: expected at most {VARIABLES_DEPTH_MAX} levels"));
    }
    None
}

/// References that lead out of the schema or nowhere, and ids that would change where others lead.
fn unfit<'s>(schema: &'s Value, references: &References<'s>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let (mut waiting, mut seen) = (vec![("schema".to_owned(), schema)], std::collections::HashSet::new());
    while let Some((path, node)) = waiting.pop() {
        if !seen.insert(std::ptr::from_ref(node)) || faults.len() == FAULTS_MAX {
            continue;
        }
        let mut fault = |key: &str, message: &str| {
            faults.push(FieldFault { field: format!("{path}.{key}"), message: message.to_owned() });
        };
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            match references.target(reference) {
                Some(target) => waiting.push((format!("{path}.$ref"), target)),
                None if reference.starts_with('#') => fault("$ref", "leads nowhere in this schema"),
                None => {
                    fault("$ref", "leads out of this schema, and nothing is fetched: expected # and a path");
                }
            }
        }
        let id = node.get("$id").and_then(Value::as_str);
        if id.is_some_and(|id| !id.starts_with('#')) && !std::ptr::eq(node, schema) {
            fault("$id", "is not the schema's own: expected # and a name");
        }
        for (key, child) in subschemas(node) {
            waiting.push((format!("{path}.{key}"), child));
        }
    }
    faults
}

fn bytes_of(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

/// How deep a value is nested; a value by itself is one level.
fn depth_of(value: &Value) -> usize {
    let (mut deepest, mut waiting) = (0, vec![(1, value)]);
    while let Some((depth, value)) = waiting.pop() {
        deepest = deepest.max(depth);
        match value {
            Value::Array(items) => waiting.extend(items.iter().map(|item| (depth + 1, item))),
            Value::Object(members) => waiting.extend(members.values().map(|item| (depth + 1, item))),
            _ => {}
        }
    }
    deepest
}

/// How many patterns there are in a schema; what only looks like one counts too.
fn patterns_in(schema: &Value) -> usize {
    let (mut count, mut waiting) = (0, vec![schema]);
    while let Some(value) = waiting.pop() {
        count += usize::from(value.get("pattern").is_some_and(Value::is_string));
        count += value.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(members) => waiting.extend(members.values()),
            _ => {}
        }
    }
    count
}

/// A pointer into a value as paths are written here.
fn path_in(root: &str, value: &Value, pointer: &str) -> String {
    let (mut path, mut here) = (root.to_owned(), Some(value));
    for step in pointer.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        let is_list = here.is_some_and(Value::is_array);
        here = match here {
            Some(Value::Array(items)) => name.parse().ok().and_then(|at: usize| items.get(at)),
            Some(Value::Object(members)) => members.get(&name),
            _ => None,
        };
        path.push_str(&if is_list { format!("[{name}]") } else { format!(".{name}") });
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fields(faults: &[FieldFault]) -> Vec<&str> {
        faults.iter().map(|fault| fault.field.as_str()).collect()
    }

    #[test]
    fn every_value_that_does_not_fit_is_told_by_its_path() {
        let schema = json!({
            "properties": {
                "open": {"type": "boolean"},
                "hours": {"items": {"type": "integer"}},
                "a/b": {"properties": {"~": {"pattern": "^x"}}},
            },
            "required": ["open"],
        });
        let schema = ConfigSchema::read(&schema).unwrap();
        assert_eq!(schema.faults(&json!({"open": true, "hours": [1], "other": null})), []);
        let faults = schema.faults(&json!({"hours": [1, "x", null], "a/b": {"~": "y"}}));
        let mut told = fields(&faults);
        told.sort_unstable();
        assert_eq!(told, ["variables", "variables.a/b.~", "variables.hours[1]", "variables.hours[2]"]);
    }

    #[test]
    fn what_is_no_schema_is_refused_and_says_where() {
        let deep = (0..64).fold(json!(true), |inner, _| json!({"not": inner}));
        let long = json!({"title": "x".repeat(SCHEMA_BYTES_MAX)});
        for (schema, field) in [
            (json!(3), "schema"),
            (json!({"type": "colour"}), "schema.type"),
            (json!({"properties": {"a": {"not": {"minimum": "x"}}}}), "schema.properties.a.not.minimum"),
            (json!({"pattern": "("}), "schema.pattern"),
            (json!({"pattern": "(?=a)"}), "schema.pattern"),
            (json!({"pattern": r"(a)\1"}), "schema.pattern"),
            (json!({"$ref": "http://x.example/s.json"}), "schema.$ref"),
            (json!({"items": {"$ref": "other.json#/a"}}), "schema.items.$ref"),
            (json!({"$ref": "http://json-schema.org/draft-07/schema#"}), "schema.$ref"),
            (json!({"properties": {"a": {"$ref": "#/definitions/none"}}}), "schema.properties.a.$ref"),
            (json!({"definitions": {"a": {"$id": "http://x.example/a"}}}), "schema.definitions.a.$id"),
            (deep, "schema"),
            (long, "schema"),
        ] {
            let faults = ConfigSchema::read(&schema).unwrap_err();
            assert_eq!(fields(&faults).first(), Some(&field), "{}", faults[0].message);
        }
    }

    #[test]
    fn what_looks_like_a_reference_and_is_none_is_left_alone() {
        for schema in [
            json!(true),
            json!({"properties": {"$ref": {"type": "string"}}}),
            json!({"enum": [{"$ref": "http://x.example"}, {}], "default": {"$id": "http://x.example/b"}}),
            json!({"$id": "http://x.example/a", "$schema": "http://json-schema.org/draft-07/schema#"}),
            json!({"$ref": "#/definitions/a%20b", "definitions": {"a b": {"type": "object"}}}),
            json!({"$ref": "#name", "definitions": {"x": {"$id": "#name", "type": "object"}}}),
        ] {
            let read = ConfigSchema::read(&schema).map(|read| read.faults(&json!({})));
            assert_eq!(read.map_err(|faults| faults[0].message.clone()), Ok(vec![]), "{schema}");
        }
    }

    #[test]
    fn schemas_that_name_themselves_end() {
        for schema in [json!({"$ref": "#"}), json!({"allOf": [{"$ref": "#"}]}), json!({"not": {"$ref": "#"}})]
        {
            if let Ok(schema) = ConfigSchema::read(&schema) {
                let _ = schema.faults(&json!({"a": 1}));
            }
        }
        let tree = json!({"properties": {"children": {"items": {"$ref": "#"}}}, "required": ["name"]});
        let tree = ConfigSchema::read(&tree).unwrap();
        let faults = tree.faults(&json!({"name": 1, "children": [{"name": 1, "children": [{}]}]}));
        assert_eq!(fields(&faults), ["variables.children[0].children[0]"]);
    }

    #[test]
    fn what_would_take_for_ever_is_refused_before_it_begins() {
        let twice = |to: String| json!({"allOf": [{"$ref": to}, {"$ref": to}]});
        let mut definitions: Map<String, Value> =
            (0..60).map(|n| (format!("d{n}"), twice(format!("#/definitions/d{}", n + 1)))).collect();
        definitions.insert("d60".to_owned(), json!({"type": "object"}));
        let doubling = json!({"$ref": "#/definitions/d0", "definitions": definitions});
        assert_eq!(fields(&ConfigSchema::read(&doubling).unwrap_err()), ["schema"]);
        let by_depth = json!({"properties": {"a": twice("#".to_owned())}});
        let by_depth = ConfigSchema::read(&by_depth).unwrap();
        let nested = |depth| (0..depth).fold(json!({}), |inner, _| json!({"a": inner}));
        assert_eq!(by_depth.faults(&nested(5)), []);
        assert_eq!(fields(&by_depth.faults(&nested(60))), ["schema"]);
        let mut chain: Map<String, Value> = (0..2_000)
            .map(|n| (format!("d{n}"), json!({"$ref": format!("#/definitions/d{}", n + 1)})))
            .collect();
        chain.insert("d2000".to_owned(), json!(true));
        let chain = json!({"$ref": "#/definitions/d0", "definitions": chain});
        assert_eq!(fields(&ConfigSchema::read(&chain).unwrap_err()), ["schema"]);
    }

    #[test]
    fn patterns_are_few_and_long_texts_are_not_looked_at_for_ever() {
        let many = |count: usize| {
            let own: Vec<Value> = (1..count).map(|n| json!({"pattern": format!("^{n}")})).collect();
            json!({"not": {"anyOf": own}, "patternProperties": {"^x": true}})
        };
        assert!(ConfigSchema::read(&many(PATTERNS_MAX)).is_ok());
        assert_eq!(fields(&ConfigSchema::read(&many(PATTERNS_MAX + 1)).unwrap_err()), ["schema"]);
        let twice = |to: String| json!({"allOf": [{"$ref": to}, {"$ref": to}]});
        let mut definitions: Map<String, Value> =
            (0..10).map(|n| (format!("d{n}"), twice(format!("#/definitions/d{}", n + 1)))).collect();
        definitions.insert("d10".to_owned(), json!({"pattern": "a", "patternProperties": {"a": {}}}));
        let schema =
            json!({"additionalProperties": {"$ref": "#/definitions/d0"}, "definitions": definitions});
        let schema = ConfigSchema::read(&schema).unwrap();
        let long = "a".repeat(60_000);
        assert_eq!(schema.faults(&json!({"a": "a", "b": {"a": 1}})), []);
        assert_eq!(fields(&schema.faults(&json!({"a": long}))), ["schema"]);
        assert_eq!(fields(&schema.faults(&json!({"b": {long: 1}}))), ["schema"]);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let key = prop::sample::select(vec![
            "$ref",
            "$id",
            "allOf",
            "anyOf",
            "not",
            "if",
            "then",
            "items",
            "properties",
            "type",
            "pattern",
            "required",
            "dependencies",
            "definitions",
            "a",
            "#/properties/a",
            "patternProperties",
            "contains",
        ]);
        let text = prop::sample::select(vec!["#", "#/properties/a", "object", "a", "^a+$", "(", "#x"]);
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (-2..3).prop_map(Value::from),
            text.prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..4).prop_map(|members| {
                    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_panics_whatever_the_schema_and_the_values(schema in any_json(), variables in any_json()) {
            if let Ok(schema) = ConfigSchema::read(&schema) {
                let _ = schema.faults(&variables);
            }
        }
    }
}
