//! A split as it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use super::scope::{Leading, ScopeView};
use crate::api::Management;
use crate::domain::change::SplitRef;
use crate::domain::id::{AgentId, ArmId, Pin, SplitId};
use crate::domain::route::ManagedBy;
use crate::domain::split::{Arm, Split, UnitRule};
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// An A/B test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Split)]
pub struct SplitView {
    /// Its id.
    #[schema(value_type = String)]
    id: SplitId,
    /// A name for people.
    name: String,
    /// Which calls are in it.
    scope: ScopeView,
    /// What is hashed: `caller`, `call`, `random` or `{"header": name}`.
    #[schema(value_type = serde_json::Value)]
    unit: UnitRule,
    /// The arms; the first is the control.
    arms: Vec<ArmView>,
    /// The seed of the hash, as text, since it is wider than a JSON number is exact.
    salt: String,
    /// Runs of first slot, last slot and arm, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    owners: Option<Vec<(usize, usize, ArmId)>>,
    /// Not begun before.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Over from then on.
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    /// Over after this many calls.
    call_quota: Option<u64>,
    /// Calls it has had on this node.
    calls: u64,
    /// Whether it rests.
    paused: bool,
    /// How it was ended by hand, if it was.
    ended: Option<EndedView>,
    /// Whether its slots decide now; else the control, or the winner, gets all calls.
    active: bool,
    /// `api` or `files`: who may change it.
    #[schema(value_type = String)]
    managed_by: ManagedBy,
    /// How many numbers lead into it, or to the environment that it tests.
    number_count: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// How many of the 10,000 slots have another arm than before; only in the answer to a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_slots: Option<usize>,
    /// What the operator should know, e.g. that an environment serves nothing.
    warnings: Vec<String>,
}

/// One side of a split.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Arm)]
pub struct ArmView {
    /// What it is matched by.
    #[schema(value_type = String)]
    id: ArmId,
    /// A name for people.
    name: String,
    /// The agent that serves.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// What of it.
    #[schema(value_type = String)]
    pin: Pin,
    /// Its share, relative to the other arms.
    weight: u32,
    /// How many calls it may have in progress; null: any number.
    max_calls_in_progress: Option<u32>,
    /// How many of the 10,000 slots it owns.
    slots: usize,
}

/// How a split was ended by hand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ended)]
pub struct EndedView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The arm that gets all calls from then on.
    #[schema(value_type = String)]
    winner: ArmId,
}

impl SplitView {
    /// A split in a state. Cost: a look at each of its slots.
    pub(super) fn of(management: &Management, state: &State, split: &Split, leading: Leading) -> Self {
        let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
        let calls = management.control.split_calls(&id);
        let in_quota = split.call_quota.is_none_or(|quota| calls < quota);
        let mut arms: Vec<ArmView> = split.arms.iter().map(ArmView::of).collect();
        for (first, last, arm) in split.owners.runs() {
            if let Some(arm) = arms.get_mut(usize::from(arm)) {
                arm.slots += last + 1 - first;
            }
        }
        Self {
            id: split.id.clone(),
            name: split.name.clone(),
            scope: leading.scope,
            unit: split.unit.clone(),
            arms,
            salt: split.salt.to_string(),
            owners: None,
            starts_at: split.starts_at,
            ends_at: split.ends_at,
            call_quota: split.call_quota,
            calls,
            paused: split.paused,
            ended: split
                .ending
                .as_ref()
                .map(|ending| EndedView { at: ending.at, winner: ending.winner.clone() }),
            active: in_quota && split.inactive(management.now_of_calls()).is_none(),
            managed_by: split.managed_by,
            number_count: leading.count,
            created_at: split.created_at,
            updated_at: split.updated_at,
            moved_slots: None,
            warnings: state.split_warnings(split),
        }
    }

    /// The same without the numbers by name; how many lead into it is known.
    pub(in crate::api) fn counted(management: &Management, state: &State, split: &Split, count: u64) -> Self {
        Self::of(management, state, split, Leading { count, ..Leading::default() })
    }

    /// The same with the owners of its slots.
    pub(super) fn with_owners(self, split: &Split) -> Self {
        let arm = |at: u8| split.arms.get(usize::from(at)).map(|arm| arm.id.clone());
        let runs = split.owners.runs().into_iter();
        let owners = runs.filter_map(|(first, last, at)| Some((first, last, arm(at)?))).collect();
        Self { owners: Some(owners), ..self }
    }

    /// The same with what the operator should know of the change.
    pub(super) fn with_warnings(mut self, warnings: &[String]) -> Self {
        let new: Vec<_> =
            warnings.iter().filter(|warning| !self.warnings.contains(warning)).cloned().collect();
        self.warnings.extend(new);
        self
    }

    /// The same after a change that moved slots.
    pub(super) fn with_moved_slots(self, moved: usize) -> Self {
        Self { moved_slots: Some(moved), ..self }
    }
}

impl ArmView {
    fn of(arm: &Arm) -> Self {
        Self {
            id: arm.id.clone(),
            name: arm.name.clone(),
            agent_id: arm.agent.clone(),
            pin: arm.pin,
            weight: arm.weight,
            max_calls_in_progress: arm.max_calls_in_progress,
            slots: 0,
        }
    }
}
