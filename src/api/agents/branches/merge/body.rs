//! What a merge is asked for with.

use std::collections::HashSet;

use serde_json::Value;
use utoipa::ToSchema;

use crate::api::fields::{Fields, Kind, Text, Written};
use crate::domain::agent_config::{Resolution, Takes};
use crate::domain::deployment::MESSAGE_CHARS_MAX;
use crate::http::json::tree::Tree;

/// Most resolutions of a merge.
const RESOLUTIONS_MAX: usize = 1_000;
/// Most steps of a path.
const STEPS_MAX: usize = 64;

/// How a branch is to be merged.
#[derive(Debug, ToSchema)]
#[schema(as = Merge, rename_all = "camelCase")]
pub struct MergeBody {
    /// Why, for people: of the deployment, and of the version that is saved, which says `merge of` the branch without it.
    #[schema(value_type = Option<String>, max_length = 1_000)]
    pub(super) deployment_message: Option<Text<MESSAGE_CHARS_MAX>>,
    /// What is to become of conflicts.
    #[schema(required = false, max_items = 1_000)]
    pub(super) conflict_resolutions: Vec<ConflictResolution>,
}

/// What is to become of a conflict.
#[derive(Debug, ToSchema)]
pub struct ConflictResolution {
    /// Where it is, as the conflict says it.
    #[schema(min_items = 1, max_items = 64, example = json!(["topics", "opening-hours", "content"]))]
    path: Vec<String>,
    /// `ours`: as `main` has it. `theirs`: as the branch has it. `base`: as it was before both.
    #[schema(value_type = String, example = "theirs")]
    strategy: Takes,
    /// What takes its place, whatever the strategy; null is none.
    #[schema(required = false, nullable)]
    value: Option<Value>,
}

impl From<ConflictResolution> for Resolution {
    fn from(written: ConflictResolution) -> Self {
        let ConflictResolution { path, strategy, value } = written;
        Self { path, takes: value.map_or(strategy, Takes::Value) }
    }
}

impl Kind for Takes {
    fn expected() -> String {
        "ours, theirs or base".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        match String::of(tree)?.as_str() {
            "ours" => Ok(Self::Ours),
            "theirs" => Ok(Self::Theirs),
            "base" => Ok(Self::Base),
            _ => Err(Some(format!("is no strategy: expected {}", Self::expected()))),
        }
    }
}

impl Written for MergeBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut seen = HashSet::new();
        let expected = format!("a list of at most {RESOLUTIONS_MAX}");
        let read = |fields: &mut Fields<'_>| {
            let resolution = ConflictResolution::read(fields)?;
            if !seen.insert(resolution.path.clone()) {
                fields.fault("path", "is resolved above already");
            }
            Some(resolution)
        };
        let resolutions = fields.objects("conflictResolutions", RESOLUTIONS_MAX, &expected, read);
        Some(Self {
            deployment_message: fields.optional("deploymentMessage"),
            conflict_resolutions: resolutions.into_iter().flatten().flatten().collect(),
        })
    }
}

impl Written for ConflictResolution {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let path = fields.values_given::<String>("path");
        let steps = path.as_ref().map_or(0, Vec::len);
        if !(1..=STEPS_MAX).contains(&steps) && !fields.blames("path") {
            let wrong = if path.is_some() { format!("has {steps} steps") } else { "is missing".to_owned() };
            fields.fault("path", format!("{wrong}: expected a list of 1 to {STEPS_MAX} texts"));
        }
        let (strategy, value) = (fields.required("strategy"), fields.present("value"));
        Some(Self { path: path?, strategy: strategy?, value: value.map(Tree::into_json) })
    }
}
