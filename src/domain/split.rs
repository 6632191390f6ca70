//! A/B tests: weighted arms, each an agent and a pin.

pub mod slots;

use serde::{Deserialize, Serialize};

use super::agent::AgentRef;
use super::id::{AccountId, AgentId, ArmId, Environment, Pin, SplitId};
use super::refusal::FieldFault;
use super::route::{ManagedBy, NO_HEADER_NAME, is_header_name};
use super::time::Timestamp;
use slots::{ARMS_MAX, Owners};

/// Largest weight of an arm.
pub const WEIGHT_MAX: u32 = 1_000_000;

/// Most calls in progress that an arm or an agent can be limited to.
pub const CALLS_MAX: u32 = 100_000_000;
/// What a limit of calls in progress must be.
pub const CALLS_EXPECTED: &str = "a whole number from 1 to 100,000,000";

/// What is hashed to find a call's arm.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitRule {
    /// The caller, else the call, else a fresh draw.
    #[default]
    Caller,
    /// The call, else a fresh draw.
    Call,
    /// A fresh draw for every call.
    Random,
    /// This header's value, else as [`UnitRule::Caller`].
    Header(String),
}

/// One side of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arm {
    /// What it is matched by, never its position.
    pub id: ArmId,
    /// A name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The agent that serves.
    #[serde(rename = "agentId")]
    pub agent: AgentId,
    /// What of it.
    pub pin: Pin,
    /// Its share, relative to the other arms; 0 is reachable only by an override.
    pub weight: u32,
    /// How many calls it may have in progress; further ones give way to the control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_calls_in_progress: Option<u32>,
}

/// An environment whose calls a split deals, instead of those of numbers that lead into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentScope {
    /// The agent.
    #[serde(rename = "agentId")]
    pub agent: AgentId,
    /// What of it: `live`.
    pub environment: Environment,
}

/// How a split was ended by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// The arm that gets all calls from then on.
    pub winner: ArmId,
}

/// An A/B test with its slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Split {
    /// Whose it is.
    pub account: AccountId,
    /// Its id.
    pub id: SplitId,
    /// A name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Who may change it.
    #[serde(default)]
    pub managed_by: ManagedBy,
    /// The environment that it tests, if it is one of these; else calls come from numbers that lead into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<EnvironmentScope>,
    /// What is hashed.
    #[serde(default)]
    pub unit: UnitRule,
    /// 1 to 16 arms; the first is the control.
    pub arms: Vec<Arm>,
    /// The seed of the hash, drawn once; as text, since it is wider than a JSON number is exact.
    #[serde(with = "salt_text")]
    pub salt: u64,
    /// Which arm owns each slot.
    #[serde(with = "owner_runs")]
    pub owners: Owners,
    /// Not begun before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// Over from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Over after this many calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_quota: Option<u64>,
    /// Whether it rests.
    #[serde(default)]
    pub paused: bool,
    /// How it was ended by hand, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Split {
    /// What tells it from another split that had its id before: the salt that was drawn when it was made, and when that
    /// was. Changes leave both as they are.
    #[must_use]
    pub fn birth(&self) -> (u64, Timestamp) {
        (self.salt, self.created_at)
    }

    /// The weights, arm by arm.
    #[must_use]
    pub fn weights(&self) -> Vec<u32> {
        self.arms.iter().map(|arm| arm.weight).collect()
    }

    /// Whether an arm leads to an agent of its account.
    #[must_use]
    pub fn names(&self, agent: &AgentId) -> bool {
        self.arms.iter().any(|arm| arm.agent == *agent)
    }

    /// The agent whose environment it deals the calls of, until it is ended by hand.
    #[must_use]
    pub fn under_test(&self) -> Option<AgentRef> {
        let scope = self.scope.as_ref().filter(|_| self.ending.is_none())?;
        Some(AgentRef { account: self.account.clone(), agent: scope.agent.clone() })
    }

    /// What the calls of an arm are pinned to: all those of an environment's split to that environment.
    #[must_use]
    pub fn pin_of(&self, arm: &Arm) -> Pin {
        self.scope.as_ref().map_or(arm.pin, |scope| Pin::Environment(scope.environment))
    }

    /// Whether it is over for good, though not for want of calls: somebody else counts these.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ending.is_some() || self.ends_at.is_some_and(|at| at <= now)
    }

    /// Whether it has begun and is not over; one that is paused goes on.
    #[must_use]
    pub fn is_running(&self, now: Timestamp) -> bool {
        !self.is_over(now) && self.starts_at.is_none_or(|at| at <= now)
    }

    /// The same, ended by hand for an arm.
    #[must_use]
    pub fn ended(&self, winner: ArmId, at: Timestamp) -> Self {
        Self { ending: Some(Ending { at, winner }), updated_at: at, ..self.clone() }
    }

    /// The position of an arm.
    #[must_use]
    pub fn position(&self, arm: &str) -> Option<u8> {
        self.arms.iter().position(|a| a.id.as_str() == arm).and_then(|at| u8::try_from(at).ok())
    }

    /// Why its slots do not decide at a moment, if they do not; the quota is somebody else's to count.
    #[must_use]
    pub fn inactive(&self, now: Timestamp) -> Option<Inactive> {
        if self.ending.is_some() {
            Some(Inactive::Ended)
        } else if self.paused {
            Some(Inactive::Paused)
        } else if self.starts_at.is_some_and(|at| now < at) {
            Some(Inactive::NotBegun)
        } else if self.ends_at.is_some_and(|at| at <= now) {
            Some(Inactive::Ended)
        } else {
            None
        }
    }

    /// The arm that serves while the slots do not decide: the winner, else the control.
    #[must_use]
    pub fn resting_arm(&self) -> u8 {
        self.ending.as_ref().and_then(|ending| self.position(ending.winner.as_str())).unwrap_or_default()
    }

    /// The same split with other arms: kept arms keep as many of their slots as the weights allow.
    #[must_use]
    pub fn with_arms(&self, arms: Vec<Arm>) -> Self {
        let position = |old: u8| {
            let id = &self.arms.get(usize::from(old))?.id;
            arms.iter().position(|arm| arm.id == *id).and_then(|at| u8::try_from(at).ok())
        };
        let weights: Vec<u32> = arms.iter().map(|arm| arm.weight).collect();
        let owners = self.owners.renumbered(position, u8::MAX).moved(&weights);
        Self { arms, owners, ..self.clone() }
    }

    /// Slots whose arm (by id) differs between two states of a split.
    #[must_use]
    pub fn moved_slots(&self, before: &Self) -> usize {
        let arm = |split: &'_ Self, slot| {
            split.arms.get(usize::from(split.owners.arm(slot))).map(|arm| arm.id.clone())
        };
        if self.arms.iter().map(|a| &a.id).eq(before.arms.iter().map(|a| &a.id)) {
            return self.owners.difference(&before.owners);
        }
        (0..10_000).filter(|slot| arm(self, *slot) != arm(before, *slot)).count()
    }

    /// Everything wrong with the split by itself, whatever else exists.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut fault =
            |field: String, message: &str| faults.push(FieldFault { field, message: message.to_owned() });
        if self.name.chars().count() > 100 {
            fault("name".to_owned(), "is longer than 100 characters: expected at most 100");
        }
        if let UnitRule::Header(name) = &self.unit
            && !is_header_name(name)
        {
            fault("unit.header".to_owned(), NO_HEADER_NAME);
        }
        if self.arms.is_empty() || self.arms.len() > ARMS_MAX {
            fault("arms".to_owned(), "expected 1 to 16 arms");
        } else if self.arms.iter().all(|arm| arm.weight == 0) {
            fault("arms".to_owned(), "all weights are 0: expected at least one above 0");
        }
        for (i, arm) in self.arms.iter().enumerate() {
            if arm.weight > WEIGHT_MAX {
                fault(format!("arms[{i}].weight"), "expected a whole number from 0 to 1,000,000");
            }
            if arm.max_calls_in_progress.is_some_and(|calls| !(1..=CALLS_MAX).contains(&calls)) {
                fault(
                    format!("arms[{i}].maxCallsInProgress"),
                    "expected a whole number from 1 to 100,000,000",
                );
            }
            if arm.name.chars().count() > 100 {
                fault(format!("arms[{i}].name"), "is longer than 100 characters: expected at most 100");
            }
            if self.arms.iter().take(i).any(|other| other.id == arm.id) {
                fault(format!("arms[{i}].id"), "is the id of an earlier arm too: expected one of its own");
            }
        }
        self.scope_faults(&mut fault);
        if self.call_quota == Some(0) {
            fault("callQuota".to_owned(), "is 0: expected at least 1, or none");
        }
        if let (Some(start), Some(end)) = (self.starts_at, self.ends_at)
            && end <= start
        {
            fault("endsAt".to_owned(), "is not after startsAt");
        }
        faults
    }

    /// What an environment's split holds against each other: what the environment serves, and versions of the same
    /// agent.
    fn scope_faults(&self, fault: &mut impl FnMut(String, &str)) {
        let Some(EnvironmentScope { agent, environment }) = &self.scope else { return };
        if *environment != Environment::Live {
            fault("scope.environment".to_owned(), "is not the one that can be tested: expected live");
        }
        if self.arms.len() == 1 {
            fault("arms".to_owned(), "has the control only, which tests nothing: expected another arm");
        }
        for (i, arm) in self.arms.iter().enumerate() {
            if arm.agent != *agent {
                let message = format!("is another agent than the one tested: expected {agent}");
                fault(format!("arms[{i}].agentId"), &message);
            }
            match (i, arm.pin == Pin::Environment(*environment)) {
                (0, false) => fault(
                    "arms[0].pin".to_owned(),
                    &format!(
                        "is the control's, which serves what {environment} serves: expected {environment}"
                    ),
                ),
                (0, true) | (_, false) => {}
                (_, true) => fault(
                    format!("arms[{i}].pin"),
                    "is what the control serves: expected V<n>, draft, sandbox or pre-release",
                ),
            }
        }
    }
}

/// Why a split's slots do not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inactive {
    /// It was paused.
    Paused,
    /// `startsAt` is to come.
    NotBegun,
    /// `endsAt` has passed, or it was ended by hand.
    Ended,
    /// As many calls as it was to have.
    OutOfQuota,
}

impl Inactive {
    /// The end of the sentence "split x …".
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Paused => "is paused",
            Self::NotBegun => "has not begun",
            Self::Ended => "has ended",
            Self::OutOfQuota => "has had all its calls",
        }
    }
}

/// The salt of a split that comes from a file: the same on every node, whatever was stored.
#[must_use]
pub fn file_salt(account: &AccountId, split: &SplitId) -> u64 {
    xxhash_rust::xxh3::xxh3_64(format!("{account}/{split}").as_bytes())
}

mod salt_text {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(salt: &u64, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(salt)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

mod owner_runs {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::slots::Owners;

    pub(super) fn serialize<S: Serializer>(owners: &Owners, s: S) -> Result<S::Ok, S::Error> {
        owners.runs().serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Owners, D::Error> {
        let runs = Vec::<(usize, usize, u8)>::deserialize(d)?;
        Owners::from_runs(runs)
            .ok_or_else(|| D::Error::custom("runs that cover the slots 0 to 9999 once, in order"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(id: &str, weight: u32) -> Arm {
        let (id, agent) = (ArmId::parse(id).unwrap(), AgentId::parse("sales").unwrap());
        Arm { id, name: String::new(), agent, pin: Pin::Draft, weight, max_calls_in_progress: None }
    }

    fn split(arms: Vec<Arm>) -> Split {
        let weights: Vec<u32> = arms.iter().map(|arm| arm.weight).collect();
        Split {
            account: AccountId::parse("ws-1").unwrap(),
            id: SplitId::parse("spring").unwrap(),
            name: String::new(),
            managed_by: ManagedBy::Api,
            scope: None,
            unit: UnitRule::Caller,
            arms,
            salt: u64::MAX,
            owners: Owners::first(&weights),
            starts_at: None,
            ends_at: None,
            call_quota: None,
            paused: false,
            ending: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn arms_are_matched_by_id_so_that_a_new_order_moves_nobody() {
        let before = split(vec![arm("a", 50), arm("b", 25), arm("c", 25)]);
        let after = before.with_arms(vec![arm("c", 25), arm("a", 50), arm("b", 25)]);
        assert_eq!(after.moved_slots(&before), 0);
        let fewer = before.with_arms(vec![arm("a", 50), arm("c", 50)]);
        assert_eq!(fewer.moved_slots(&before), 2_500);
    }

    #[test]
    fn a_stored_split_reads_back_and_its_shape_stays() {
        let split = split(vec![arm("control", 80), arm("test", 20)]);
        let text = serde_json::to_string(&split).unwrap();
        assert_eq!(
            text,
            r#"{"account":"ws-1","id":"spring","managedBy":"api","unit":"caller","arms":[{"id":"control","agentId":"sales","pin":"draft","weight":80},{"id":"test","agentId":"sales","pin":"draft","weight":20}],"salt":"18446744073709551615","owners":[[0,7999,0],[8000,9999,1]],"paused":false,"createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(serde_json::from_str::<Split>(&text).unwrap(), split);
    }

    #[test]
    fn faults_of_a_split_name_the_field() {
        let fields = |arms| split(arms).faults().into_iter().map(|f| f.field).collect::<Vec<_>>();
        assert_eq!(fields(vec![]), ["arms"]);
        let limited = |calls| Arm { max_calls_in_progress: Some(calls), ..arm("a", 1) };
        assert_eq!(fields(vec![limited(0)]), ["arms[0].maxCallsInProgress"]);
        assert_eq!(fields(vec![limited(CALLS_MAX + 1)]), ["arms[0].maxCallsInProgress"]);
        assert!(fields(vec![limited(1)]).is_empty());
        assert_eq!(fields(vec![arm("a", 0), arm("b", 0)]), ["arms"]);
        assert_eq!(fields(vec![arm("a", 1), arm("a", 1_000_001)]), ["arms[1].weight", "arms[1].id"]);
        assert_eq!(fields((0..17).map(|i| arm(&format!("a{i}"), 1)).collect()), ["arms"]);
    }
}
