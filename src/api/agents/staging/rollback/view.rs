//! What a rollback of a publish would come to, and what it is refused with.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::agents::content::few;
use crate::domain::address::Number;
use crate::domain::agent_config::{Conflict, KeyRevert, Merge, Revert, Section};
use crate::domain::id::VersionNumber;
use crate::domain::moves::Followers;
use crate::domain::refusal::{FieldFault, Refusal};
use crate::domain::words::counted;
use crate::http::error::{ApiError, ErrorEnvelope};

/// What a rollback of one publish would come to. Nothing was changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RollbackPreview {
    /// Whether there is anything left to take back, be it in conflict.
    has_changes: bool,
    /// The keys of Staging that would change.
    changes: Vec<RevertedChange>,
    /// The keys that the publish changed, and that were changed again since: they stay as they are until it is said what is to
    /// become of them.
    conflicts: Vec<RevertConflict>,
    /// Numbers that serve the draft, and so the change at once, by their pin, by a header rule, or by an arm of their split:
    /// the first 1,000, phone numbers by value, then SIP users by name.
    #[schema(value_type = Vec<String>, max_items = 1_000)]
    draft_numbers: Vec<Number>,
    /// How many such numbers there are.
    draft_number_count: u64,
}

/// A key of Staging that would change.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevertedChange {
    /// The group it is shown in.
    #[schema(value_type = String, example = "instructions")]
    section: Section,
    /// Which.
    #[schema(example = "topics[opening-hours].content")]
    field: String,
    /// What Staging has there; null where it is not there.
    staging: Option<Value>,
    /// What was published; null where it was not there.
    entry: Option<Value>,
    /// What Staging would have there; null where it would not be there any more.
    after_revert: Option<Value>,
}

/// A key that the publish changed, and that was changed again since.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevertConflict {
    /// The group it is shown in.
    #[schema(value_type = String, example = "instructions")]
    section: Section,
    /// Which. A list of which the items are right and go together wrong is in conflict as a whole.
    #[schema(example = "topics[opening-hours].content")]
    field: String,
    /// What was there before the publish; null where it was not there. Of a list whose order is in conflict, the ids of its
    /// items in order.
    base: Option<Value>,
    /// What was published; null where it was not there.
    entry: Option<Value>,
    /// What Staging has there; null where it is not there.
    staging: Option<Value>,
}

/// Why a rollback was not made; of conflicts, what they are as well.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is described here, and written as an error with more members")]
pub struct RevertRefused {
    #[serde(flatten)]
    error: ErrorEnvelope<'static>,
    #[serde(flatten)]
    conflicts: RevertConflicts,
}

/// The conflicts of a rollback; there where the code is `REVERT_CONFLICT`.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevertConflicts {
    /// The keys that nothing resolves.
    #[schema(required = false)]
    conflicts: Vec<RevertConflict>,
}

impl From<KeyRevert> for RevertedChange {
    fn from(revert: KeyRevert) -> Self {
        let KeyRevert { section, path, staging, entry, after } = revert;
        Self { section, field: path.to_string(), staging, entry, after_revert: after }
    }
}

impl From<Conflict> for RevertConflict {
    fn from(conflict: Conflict) -> Self {
        let Conflict { section, path, sides } = conflict;
        // What was published is the base of the merge, and what was there before it the other side.
        Self { section, field: path.to_string(), base: sides.theirs, entry: sides.base, staging: sides.ours }
    }
}

impl RollbackPreview {
    pub(super) fn of(revert: Revert<'_>, mut merge: Merge, followers: Followers) -> Self {
        let conflicts: Vec<_> = std::mem::take(&mut merge.conflicts).into_iter().map(Into::into).collect();
        let changes: Vec<_> = revert.changes(merge).into_iter().map(Into::into).collect();
        Self {
            has_changes: !changes.is_empty() || !conflicts.is_empty(),
            changes,
            conflicts,
            draft_numbers: followers.first,
            draft_number_count: followers.count,
        }
    }
}

/// 409, with the conflicts.
pub(super) fn conflicting(version: VersionNumber, merge: Merge) -> ApiError {
    let paths: Vec<_> = merge.conflicts.iter().map(|conflict| &conflict.path).collect();
    let count = counted(paths.len(), "thing");
    let why = format!("{count} that {version} brought changed again since: {}", few(&paths));
    let view = RevertConflicts { conflicts: merge.conflicts.into_iter().map(Into::into).collect() };
    ApiError::new(StatusCode::CONFLICT, "REVERT_CONFLICT", why).with_members(&view)
}

/// 400, with every resolution that is about no conflict.
pub(super) fn strange(places: &[usize]) -> ApiError {
    let fault = |place: &usize| FieldFault {
        field: format!("resolutions[{place}].field"),
        message: "is not in conflict".to_owned(),
    };
    Refusal::fields(places.iter().map(fault).collect()).into()
}
