//! What a merge is refused with: the conflicts, and what comes of the rest.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::agents::content::few;
use crate::domain::agent::Agent;
use crate::domain::agent_config::{Conflict, Merge};
use crate::domain::id::BranchId;
use crate::domain::refusal::{FieldFault, Refusal};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::words::counted;
use crate::http::error::{ApiError, ErrorEnvelope};

/// Why a merge was not made; of conflicts, what they are as well.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is described here, and written as an error with more members")]
pub struct MergeRefused {
    #[serde(flatten)]
    error: ErrorEnvelope<'static>,
    #[serde(flatten)]
    conflicts: MergeConflicts,
}

/// The conflicts of a merge; there where the code is `MERGE_CONFLICT`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergeConflicts {
    /// What comes of the merge, as `main` has it where there is a conflict: every key of the configuration.
    #[schema(required = false)]
    value: Value,
    /// What `main` and the branch both changed, each in its own way; and, as a whole, lists that do not go with what the other
    /// did elsewhere.
    #[schema(required = false)]
    conflicts: Vec<ConflictView>,
    /// `true`.
    #[schema(required = false)]
    has_conflicts: bool,
    /// When `main` was last edited.
    #[schema(required = false, value_type = String, format = DateTime)]
    target_last_updated: Timestamp,
    /// When the branch was made.
    #[schema(required = false, value_type = String, format = DateTime)]
    source_created_at: Timestamp,
}

/// Something that `main` and a branch both changed, each in its own way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MergeConflict)]
pub struct ConflictView {
    /// Where it is: names of keys and ids of items.
    #[schema(example = json!(["topics", "opening-hours", "content"]))]
    path: Vec<String>,
    /// What was there before; null where nothing was. Of a list whose order is in conflict, the ids of its items in order.
    base_value: Option<Value>,
    /// What `main` has there; null where it is not there.
    ours_value: Option<Value>,
    /// What the branch has there; null where it is not there.
    theirs_value: Option<Value>,
    /// `add`: both added it. `modify`: both changed it. `delete`: one deleted it, and the other changed it.
    #[serde(rename = "type")]
    kind: &'static str,
}

impl From<Conflict> for ConflictView {
    fn from(conflict: Conflict) -> Self {
        let (kind, sides) = (conflict.kind().as_str(), conflict.sides);
        Self {
            path: conflict.path.names().map(str::to_owned).collect(),
            base_value: sides.base,
            ours_value: sides.ours,
            theirs_value: sides.theirs,
            kind,
        }
    }
}

/// The answer to a merge with conflicts, under the status that the account wants.
pub(super) fn conflicting(state: &State, agent: &Agent, branch: &BranchId, mut merge: Merge) -> ApiError {
    let account = state.accounts.get(&agent.profile.id.account);
    let settings = account.map(|account| account.settings).unwrap_or_default();
    let status = StatusCode::from_u16(settings.merge_conflict_status.into());
    let conflicts = std::mem::take(&mut merge.conflicts);
    let paths: Vec<_> = conflicts.iter().map(|conflict| &conflict.path).collect();
    let count = counted(paths.len(), "thing");
    let why = format!("main and branch {branch} changed {count} in different ways: {}", few(&paths));
    let view = MergeConflicts {
        value: merge.into_document(),
        conflicts: conflicts.into_iter().map(Into::into).collect(),
        has_conflicts: true,
        target_last_updated: agent.draft.as_ref().map(|draft| draft.created_at).unwrap_or_default(),
        source_created_at: agent.branch(branch).map(|branch| branch.created_at).unwrap_or_default(),
    };
    let status = status.unwrap_or(StatusCode::BAD_REQUEST);
    ApiError::new(status, "MERGE_CONFLICT", why).with_members(&view)
}

/// 400, with every resolution that is about no conflict.
pub(super) fn strange(places: &[usize]) -> ApiError {
    let fault = |place: &usize| FieldFault {
        field: format!("conflictResolutions[{place}].path"),
        message: "is not in conflict".to_owned(),
    };
    Refusal::fields(places.iter().map(fault).collect()).into()
}
