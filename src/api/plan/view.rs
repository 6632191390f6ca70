//! A plan as it is shown.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::id::{AgentId, ArmId, Pin, Revision, SplitId, VersionNumber};
use crate::domain::moves::{ArmMoves, ArmServes, CallerMoves, Moves};

/// What changes come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Plan)]
pub struct PlanView {
    /// Of a plan, the revision on which it was weighed, which is the `expectedRevision` for `POST /v1/apply`; of what was
    /// applied, the revision from which it holds.
    #[schema(value_type = u64)]
    pub(super) revision: Revision,
    /// Each change.
    pub(super) changes: Vec<ChangeView>,
    /// What all of them together move.
    pub(super) moves: MovesView,
    /// Whether calls at a `live` pin are won or lost: by the pin of a route, of a header rule, of an arm or of a caller.
    pub(super) reaches_live: bool,
}

/// What one change comes to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlannedChange)]
pub struct ChangeView {
    /// Its place among them, from 0.
    pub(super) index: usize,
    /// As it was written.
    pub(super) method: String,
    /// As it was written.
    pub(super) path: String,
    /// What is done, e.g. `number.put`.
    #[schema(value_type = String)]
    pub(super) action: &'static str,
    /// A sentence for people.
    pub(super) summary: String,
    /// What it is about as `GET` shows it before the change, null where it is not there; a split without its `scope`.
    #[schema(value_type = Option<Object>)]
    pub(super) before: Option<Value>,
    /// The same after the change.
    #[schema(value_type = Option<Object>)]
    pub(super) after: Option<Value>,
    /// What you should know all the same.
    pub(super) warnings: Vec<String>,
}

/// What changes move, compared before all of them and after.
///
/// It is about ordinary calls: those that no header rule matches, of callers who are not pinned.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Moves)]
pub struct MovesView {
    /// Numbers of which some calls or all are served by another agent, pin or version than before: those whose own
    /// route was put or deleted, and those that lead into a split that serves otherwise. Numbers without a route of their
    /// own, which follow prefixes and the default route, are not counted.
    numbers: u64,
    /// Splits that are there before and after and of which callers get another arm: by weights, arms, a pause or an end.
    callers: Vec<CallerMovesView>,
    /// Arms that are new, gone, or serve something else or another share.
    arms: Vec<ArmMovesView>,
}

/// Which callers of a split get another arm.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallerMoves)]
pub struct CallerMovesView {
    /// The split.
    #[schema(value_type = String)]
    split_id: SplitId,
    /// How many of the 10,000 slots have another arm: the share of callers, in hundredths of a per cent. While a split
    /// rests, all slots have the arm that serves meanwhile.
    moved_slots: usize,
    /// From which arm to which.
    flows: Vec<FlowView>,
}

/// Slots that go from one arm to another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Flow)]
pub struct FlowView {
    /// The arm they had.
    #[schema(value_type = String)]
    from: ArmId,
    /// The arm they get.
    #[schema(value_type = String)]
    to: ArmId,
    /// How many.
    slots: usize,
}

/// An arm that serves otherwise.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ArmMoves)]
pub struct ArmMovesView {
    /// The split.
    #[schema(value_type = String)]
    split_id: SplitId,
    /// The arm.
    #[schema(value_type = String)]
    arm: ArmId,
    /// Before; null where it was not there.
    before: Option<ArmServesView>,
    /// After; null where it is gone.
    after: Option<ArmServesView>,
}

/// What an arm does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ArmServes)]
pub struct ArmServesView {
    /// The agent.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// What of it.
    #[schema(value_type = String)]
    pin: Pin,
    /// Which version that is now; null for a draft, and where the pin names nothing.
    #[schema(value_type = Option<u32>)]
    version: Option<VersionNumber>,
    /// How many of the 10,000 slots it serves now.
    slots: usize,
}

impl MovesView {
    pub(super) fn of(moves: Moves) -> Self {
        Self {
            numbers: moves.numbers,
            callers: moves.callers.into_iter().map(CallerMovesView::from).collect(),
            arms: moves.arms.into_iter().map(ArmMovesView::from).collect(),
        }
    }
}

impl From<CallerMoves> for CallerMovesView {
    fn from(CallerMoves { split, moved_slots, flows }: CallerMoves) -> Self {
        let flows = flows.into_iter().map(|(from, to, slots)| FlowView { from, to, slots }).collect();
        Self { split_id: split, moved_slots, flows }
    }
}

impl From<ArmMoves> for ArmMovesView {
    fn from(ArmMoves { split, arm, before, after }: ArmMoves) -> Self {
        let (before, after) = (before.map(ArmServesView::from), after.map(ArmServesView::from));
        Self { split_id: split, arm, before, after }
    }
}

impl From<ArmServes> for ArmServesView {
    fn from(ArmServes { agent, pin, version, slots }: ArmServes) -> Self {
        Self { agent_id: agent, pin, version, slots }
    }
}
