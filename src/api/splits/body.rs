//! A split as it is written.

use std::fmt;

use serde::de::{IgnoredAny, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::api::request::Object;
use crate::domain::address::{InvalidAddress, Number};
use crate::domain::command::{ArmPatch, SplitPatch};
use crate::domain::id::{AgentId, ArmId, Pin, SplitId};
use crate::domain::split::slots::ARMS_MAX;
use crate::domain::split::{Arm, UnitRule};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// Largest whole number that every JSON reader keeps exact.
const EXACT_MAX: u64 = (1 << 53) - 1;
/// Largest weight.
const WEIGHT_MAX: u64 = crate::domain::split::WEIGHT_MAX as u64;

type Weight = Whole<WEIGHT_MAX>;
type Quota = Whole<EXACT_MAX>;

/// A new split.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSplit {
    /// Its id; made where absent.
    #[schema(value_type = Option<String>)]
    pub(super) id: Option<SplitId>,
    /// A name for people, at most 100 characters.
    #[serde(default)]
    pub(super) name: String,
    /// The numbers to put into it.
    #[schema(value_type = Option<Scope>)]
    pub(super) scope: Option<Object<Scope>>,
    /// What is hashed: `caller` (default), `call`, `random` or `{"header": name}`.
    #[serde(default)]
    #[schema(value_type = serde_json::Value)]
    pub(super) unit: UnitRule,
    /// 1 to 16 arms; the first is the control.
    #[schema(value_type = Vec<NewArm>)]
    arms: Vec<Object<NewArm>>,
    /// Not begun before.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) starts_at: Option<Timestamp>,
    /// Over from then on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) ends_at: Option<Timestamp>,
    /// Over after this many calls.
    #[schema(value_type = Option<u64>)]
    pub(super) call_quota: Option<Quota>,
    /// Whether it rests.
    #[serde(default)]
    pub(super) paused: bool,
}

/// An arm of a new split.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewArm {
    /// What it is matched by.
    #[schema(value_type = String)]
    id: ArmId,
    /// A name for people, at most 100 characters.
    #[serde(default)]
    name: String,
    /// The agent that serves.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// What of it; `draft` unless said.
    #[serde(default)]
    #[schema(value_type = String)]
    pin: Pin,
    /// Its share, relative to the other arms: 0 to 1,000,000.
    #[schema(value_type = u32)]
    weight: Weight,
}

/// Which calls are in a split.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scope {
    /// Calls to these numbers, whose route leads into the split from now on.
    #[serde(default)]
    numbers: Vec<String>,
    #[schema(ignore)]
    agent_id: Option<IgnoredAny>,
    #[schema(ignore)]
    environment: Option<IgnoredAny>,
}

/// Changes to a split; what is absent stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SplitChange {
    /// A name for people.
    name: Option<String>,
    /// Numbers to put into it besides those it has.
    #[schema(value_type = Option<Scope>)]
    scope: Option<Object<Scope>>,
    /// Changes to arms, by id.
    #[serde(default)]
    #[schema(value_type = Vec<ArmChange>)]
    arms: Vec<Object<ArmChange>>,
    /// Not begun before; null: at once.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Option<Timestamp>>,
    /// Over from then on; null: never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Option<Timestamp>>,
    /// Over after this many calls; null: never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u64>)]
    call_quota: Option<Option<Quota>>,
    /// Whether it rests.
    paused: Option<bool>,
}

/// Changes to an arm; one that there is not yet is added and needs `agentId` and `weight`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArmChange {
    /// Which.
    #[schema(value_type = String)]
    id: ArmId,
    /// A name for people.
    name: Option<String>,
    /// The agent that serves.
    #[schema(value_type = Option<String>)]
    agent_id: Option<AgentId>,
    /// What of it.
    #[schema(value_type = Option<String>)]
    pin: Option<Pin>,
    /// Its share, relative to the other arms.
    #[schema(value_type = Option<u32>)]
    weight: Option<Weight>,
    /// Whether it goes.
    #[serde(default)]
    remove: bool,
}

/// How to end a split.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndSplit {
    /// The arm that gets all calls.
    #[schema(value_type = String)]
    pub(super) winner: ArmId,
}

impl NewSplit {
    /// The arms. Too many are refused here, before anything is worked out for each.
    pub(super) fn arms(&self) -> Result<Vec<Arm>, ApiError> {
        if self.arms.len() > ARMS_MAX {
            return Err(ApiError::validation("arms", "expected 1 to 16 arms"));
        }
        let arm = |Object(arm): &Object<NewArm>| Arm {
            id: arm.id.clone(),
            name: arm.name.clone(),
            agent: arm.agent_id.clone(),
            pin: arm.pin,
            weight: arm.weight.get_u32(),
        };
        Ok(self.arms.iter().map(arm).collect())
    }
}

impl Scope {
    /// The numbers that are named.
    pub(super) fn numbers(scope: Option<&Object<Self>>) -> Result<Vec<Number>, ApiError> {
        let Some(Object(scope)) = scope else { return Ok(Vec::new()) };
        if scope.agent_id.is_some() || scope.environment.is_some() {
            return Err(ApiError::validation(
                "scope",
                "environment splits are not available in this release",
            ));
        }
        let number = |(i, text): (usize, &String)| {
            Number::parse(text).map_err(|why| {
                let message = format!("{why}: expected {}", InvalidAddress::EXPECTED);
                ApiError::validation(format!("scope.numbers[{i}]"), message)
                    .with_code("PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT")
            })
        };
        scope.numbers.iter().enumerate().map(number).collect()
    }
}

impl SplitChange {
    /// The patch that is meant.
    pub(super) fn into_patch(self) -> Result<SplitPatch, ApiError> {
        // As many as there can be may go, and as many come.
        if self.arms.len() > 2 * ARMS_MAX {
            return Err(ApiError::validation(
                "arms",
                "expected at most 32 changes, and 1 to 16 arms after them",
            ));
        }
        let arm = |Object(arm): Object<ArmChange>| ArmPatch {
            id: arm.id,
            name: arm.name,
            agent: arm.agent_id,
            pin: arm.pin,
            weight: arm.weight.map(Whole::get_u32),
            remove: arm.remove,
        };
        Ok(SplitPatch {
            name: self.name,
            numbers: Scope::numbers(self.scope.as_ref())?,
            arms: self.arms.into_iter().map(arm).collect(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            call_quota: self.call_quota.map(|quota| quota.map(Whole::get)),
            paused: self.paused,
        })
    }
}

/// Tells a field that is null from one that is absent.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// A whole number from 0 to a bound; no fraction, no text.
#[derive(Debug, Clone, Copy)]
pub struct Whole<const MAX: u64>(u64);

impl<const MAX: u64> Whole<MAX> {
    pub(super) fn get(self) -> u64 {
        self.0
    }

    fn get_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<'de, const MAX: u64> Deserialize<'de> for Whole<MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_u64(Self(0))
    }
}

impl<const MAX: u64> Visitor<'_> for Whole<MAX> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 0 to {MAX}")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self, E> {
        if value <= MAX { Ok(Self(value)) } else { Err(E::invalid_value(Unexpected::Unsigned(value), &self)) }
    }
}
