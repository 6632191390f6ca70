//! Why a decision comes out as it does, for a request that is no call.

use std::sync::Arc;

use serde::Serialize;

use crate::domain::destination::Trouble;
use crate::domain::endpoint::Endpoint;
use crate::domain::id::ArmId;
use crate::domain::split::slots::quota;
use crate::domain::time::Timestamp;
use crate::routing::decision::{Choice, Decision, InSplit, Unit};
use crate::routing::trail::Notes;

/// The `explain` of a dry run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Every rule looked at, in order.
    rules: Vec<Rule>,
    /// What was hashed, where a slot decided.
    unit: Option<&'static str>,
    /// The slot that decided.
    slot: Option<u16>,
    /// The arms of the split that the call is in.
    arms: Vec<Share>,
    /// The targets of the version that are down.
    targets_down: Vec<TargetDown>,
    /// The revision that decided.
    revision: u64,
    /// Fields of the request that mean nothing here.
    ignored: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Rule {
    rule: &'static str,
    decided: bool,
    why: String,
}

/// An arm's share of the 10,000 slots: by its weight, and as it has become by changes of weights.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Share {
    id: ArmId,
    weight: u32,
    configured_slots: usize,
    owned_slots: usize,
}

/// A target that is down.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetDown {
    /// As all calls of the version have it.
    uri: String,
    since: Timestamp,
    cause: Arc<str>,
    /// Whether the call is not sent there; where all are down it is, since somewhere it must be sent.
    left_out: bool,
}

impl Explanation {
    /// Explains where a decision puts a call; not yet on what way it came there.
    #[must_use]
    pub fn of(decision: &Decision<'_>) -> Self {
        let bare = Self {
            rules: Vec::new(),
            unit: None,
            slot: None,
            arms: Vec::new(),
            targets_down: decision.choice.as_ref().map(down).unwrap_or_default(),
            revision: decision.revision.0,
            ignored: Vec::new(),
        };
        match decision.choice.as_ref().and_then(|choice| choice.in_split) {
            Some(in_split) => bare.within(&in_split),
            None => bare,
        }
    }

    /// The same with the way: the rules that were looked at, and what of the request was not.
    ///
    /// Of a call that is in no split the place is shown that led to nothing, if one did.
    #[must_use]
    pub fn with(mut self, notes: Notes, ignored: Vec<String>) -> Self {
        if let Some(place) = notes.passed_over.as_ref().filter(|_| self.arms.is_empty()) {
            self = self.within(&place.in_split());
        }
        let rules = notes.rules.into_iter().map(|note| Rule {
            rule: note.rule,
            decided: note.decided,
            why: note.why,
        });
        Self { rules: rules.collect(), ignored, ..self }
    }

    fn within(self, in_split: &InSplit<'_>) -> Self {
        Self { unit: in_split.unit.map(Unit::as_str), slot: in_split.slot, arms: shares(in_split), ..self }
    }
}

fn down(choice: &Choice<'_>) -> Vec<TargetDown> {
    let served = choice.served;
    let left_out = choice.target.is_some() || !served.is_down();
    let target = |(endpoint, Trouble { since, cause }): (&Endpoint, _)| TargetDown {
        uri: endpoint.uri.for_version(&served.agent.agent, served.version.number),
        since,
        cause,
        left_out,
    };
    served.unreachable().map(target).collect()
}

fn shares(in_split: &InSplit<'_>) -> Vec<Share> {
    let split = &in_split.split.split;
    let arms = (0..).zip(&split.arms).zip(quota(&split.weights()));
    arms.map(|((position, arm), configured_slots)| Share {
        id: arm.id.clone(),
        weight: arm.weight,
        configured_slots,
        owned_slots: split.owners.count(position),
    })
    .collect()
}
