//! What a rollback of a publish is asked for with.

use std::collections::HashSet;

use serde_json::Value;
use utoipa::ToSchema;

use crate::api::fields::{Fields, Kind, Written};
use crate::domain::agent_config::{Path, Resolution, Section, Takes, section_of};
use crate::http::json::tree::Tree;

/// Most resolutions.
const RESOLUTIONS_MAX: usize = 1_000;
/// Most steps of a field.
const STEPS_MAX: usize = 64;

/// How what a publish brought is to be taken back. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = StagingRollback)]
pub struct RollbackBody {
    /// The publish, by its id in the publish history; required unless the query says it.
    #[schema(format = "uuid")]
    pub(super) change_track_id: Option<String>,
    /// What is to become of conflicts.
    #[schema(required = false, max_items = 1_000)]
    pub(super) resolutions: Vec<FieldResolution>,
}

/// What is to become of a conflict.
#[derive(Debug, ToSchema)]
pub struct FieldResolution {
    /// The group it is shown in: that of the field.
    #[schema(value_type = Option<String>, example = "instructions")]
    #[expect(dead_code, reason = "it says nothing that the field does not; it is checked")]
    section: Option<Section>,
    /// Where it is, as the conflict says it.
    #[schema(value_type = String, example = "instructions.systemPrompt")]
    field: FieldPath,
    /// `keep`: it stays as Staging has it. `revert`: it is as it was before the publish. `value`: it is `value`.
    #[schema(value_type = String, example = "revert")]
    strategy: Strategy,
    /// What takes its place; with the strategy `value` alone.
    #[schema(required = false, nullable)]
    value: Option<Value>,
}

/// The field of a conflict.
#[derive(Debug)]
struct FieldPath {
    text: String,
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Keep,
    Revert,
    Value,
}

/// Any value, null too.
struct Anything(Tree);

impl From<FieldResolution> for Resolution {
    fn from(written: FieldResolution) -> Self {
        let takes = match written.strategy {
            Strategy::Keep => Takes::Ours,
            Strategy::Revert => Takes::Theirs,
            Strategy::Value => Takes::Value(written.value.unwrap_or_default()),
        };
        Self { path: written.field.names, takes }
    }
}

impl Kind for FieldPath {
    fn expected() -> String {
        format!("a field as the conflict says it, of at most {STEPS_MAX} steps")
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = String::of(tree)?;
        match Path::read_names(&text) {
            Some((names, "")) if names.len() <= STEPS_MAX => Ok(Self { names, text }),
            _ => Err(Some(format!("is no field: expected {}", Self::expected()))),
        }
    }
}

impl Kind for Section {
    fn expected() -> String {
        "the section of the field".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        Self::parse(&String::of(tree)?)
            .ok_or_else(|| Some(format!("is no section: expected {}", Self::expected())))
    }
}

impl Kind for Strategy {
    fn expected() -> String {
        "keep, revert or value".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        match String::of(tree)?.as_str() {
            "keep" => Ok(Self::Keep),
            "revert" => Ok(Self::Revert),
            "value" => Ok(Self::Value),
            _ => Err(Some(format!("is no strategy: expected {}", Self::expected()))),
        }
    }
}

impl Kind for Anything {
    fn expected() -> String {
        "any value".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        Ok(Self(tree))
    }
}

impl Written for RollbackBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut seen = HashSet::new();
        let expected = format!("a list of at most {RESOLUTIONS_MAX}");
        let read = |fields: &mut Fields<'_>| {
            let resolution = FieldResolution::read(fields)?;
            if !seen.insert(resolution.field.names.clone()) {
                fields.fault("field", "is resolved above already");
            }
            Some(resolution)
        };
        let resolutions = fields.objects("resolutions", RESOLUTIONS_MAX, &expected, read);
        let change_track_id = fields.optional(super::ID);
        fields.leave_others();
        Some(Self { change_track_id, resolutions: resolutions.into_iter().flatten().flatten().collect() })
    }
}

impl Written for FieldResolution {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (section, field) = (fields.optional::<Section>("section"), fields.required::<FieldPath>("field"));
        if let (Some(section), Some(field)) = (section, &field)
            && section_of(&field.text) != Some(section)
        {
            fields.fault("section", "is not the section of the field");
        }
        let (strategy, value) = (fields.required("strategy"), fields.given::<Anything>("value"));
        match (strategy, &value) {
            (Some(Strategy::Value), None) => {
                fields.fault("value", "is missing: expected what takes the place of the conflict");
            }
            (Some(Strategy::Keep | Strategy::Revert), Some(Some(_))) => {
                fields.fault("value", "means nothing here: expected the strategy value beside it");
            }
            _ => {}
        }
        let value = value.flatten().map(|Anything(tree)| tree.into_json());
        Some(Self { section, field: field?, strategy: strategy?, value })
    }
}
