//! A split as it is written.

use utoipa::ToSchema;

use crate::api::fields::{Fields, Kind, Whole, Written};
use crate::domain::address::Number;
use crate::domain::command::{ArmPatch, SplitPatch};
use crate::domain::id::{AccountId, AgentId, ArmId, Environment, Pin, SplitId};
use crate::domain::refusal::FieldFault;
use crate::domain::route::ManagedBy;
use crate::domain::split::slots::{ARMS_MAX, Owners};
use crate::domain::split::{Arm, EnvironmentScope, Split, UnitRule};
use crate::domain::time::Timestamp;
use crate::http::json::tree::Tree;

/// Largest whole number that every JSON reader keeps exact.
const EXACT_MAX: u64 = (1 << 53) - 1;
/// Largest weight.
const WEIGHT_MAX: u64 = crate::domain::split::WEIGHT_MAX as u64;
/// Largest limit of calls in progress.
const CALLS_MAX: u64 = crate::domain::split::CALLS_MAX as u64;
/// As many arms as there can be may go, and as many come.
const CHANGES_MAX: usize = 2 * ARMS_MAX;

type Weight = Whole<WEIGHT_MAX>;
type Quota = Whole<EXACT_MAX>;
type Calls = Whole<CALLS_MAX, 1>;

/// A new split.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewSplit {
    /// Its id; made where absent.
    #[schema(value_type = Option<String>)]
    pub(super) id: Option<SplitId>,
    /// A name for people, at most 100 characters.
    #[schema(required = false)]
    pub(super) name: String,
    /// Which calls are in it: those to numbers, or those of an environment.
    pub(in crate::api) scope: Option<Scope>,
    /// What is hashed: `caller` (default), `call`, `random` or `{"header": name}`.
    #[schema(value_type = serde_json::Value, required = false)]
    pub(super) unit: UnitRule,
    /// 1 to 16 arms; the first is the control.
    pub(super) arms: Vec<NewArm>,
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
    #[schema(required = false)]
    pub(super) paused: bool,
}

/// An arm of a new split.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewArm {
    /// What it is matched by.
    #[schema(value_type = String)]
    id: ArmId,
    /// A name for people, at most 100 characters.
    #[schema(required = false)]
    name: String,
    /// The agent that serves.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// What of it; `draft` unless said.
    #[schema(value_type = String, required = false)]
    pin: Pin,
    /// Its share, relative to the other arms: 0 to 1,000,000.
    #[schema(value_type = u32)]
    weight: Weight,
    /// How many calls it may have in progress: 1 to 100,000,000; further ones give way to the control.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000_000)]
    max_calls_in_progress: Option<Calls>,
}

/// Which calls are in a split.
#[derive(Debug, Default, ToSchema)]
#[schema(as = ScopeBody, rename_all = "camelCase")]
pub struct Scope {
    /// Calls to these numbers, whose route leads into the split from now on.
    #[schema(value_type = Vec<String>, required = false)]
    pub(in crate::api) numbers: Vec<Number>,
    /// Instead of numbers: all calls that lead to the live environment of this agent, to test other versions of it. The
    /// control is what is live; a test arm that names a draft or an environment is held to the version that this is now.
    #[schema(value_type = Option<String>)]
    agent_id: Option<AgentId>,
    /// With the agent: `live`.
    #[schema(value_type = Option<String>, example = "live")]
    environment: Option<Environment>,
}

/// Changes to a split; what is absent stays, null clears.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SplitChange {
    /// A name for people.
    name: Option<String>,
    /// Numbers to put into it besides those it has.
    scope: Option<MoreNumbers>,
    /// Changes to arms, by id.
    #[schema(required = false)]
    arms: Vec<ArmChange>,
    /// Not begun before; null: at once.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Option<Timestamp>>,
    /// Over from then on; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Option<Timestamp>>,
    /// Over after this many calls; null: never.
    #[schema(value_type = Option<u64>)]
    call_quota: Option<Option<Quota>>,
    /// Whether it rests.
    paused: Option<bool>,
}

/// Changes to an arm; one that there is not yet is added and needs `agentId` and `weight`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
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
    /// How many calls it may have in progress; null: any number.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000_000)]
    max_calls_in_progress: Option<Option<Calls>>,
    /// Whether it goes.
    #[schema(required = false)]
    remove: bool,
}

/// How to end a split.
#[derive(Debug, ToSchema)]
#[schema(as = EndSplit)]
pub struct EndBody {
    /// The arm that gets all calls.
    #[schema(value_type = String)]
    pub(in crate::api) winner: ArmId,
}

impl Written for NewSplit {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut places = 0..;
        let arms = fields.objects("arms", ARMS_MAX, "1 to 16 arms", |fields| {
            Some(NewArm::read(fields, places.next().unwrap_or_default()))
        });
        let are_counted = arms.as_ref().is_some_and(|arms| arms.iter().all(Option::is_some));
        if arms.is_none() && !fields.blames("arms") {
            fields.fault("arms", "is missing: expected 1 to 16 arms");
        }
        let split = Self {
            id: fields.optional("id"),
            name: fields.optional("name").unwrap_or_default(),
            scope: fields.object("scope", Scope::read),
            unit: fields.optional("unit").unwrap_or_default(),
            arms: arms.unwrap_or_default().into_iter().flatten().collect(),
            starts_at: fields.optional("startsAt"),
            ends_at: fields.optional("endsAt"),
            call_quota: fields.optional("callQuota"),
            paused: fields.optional("paused").unwrap_or_default(),
        };
        let id = split.id.clone().or_else(|| SplitId::parse("new").ok())?;
        let weighed = split.to_split(fields.caller().account(), id, 0, Timestamp(0));
        for FieldFault { field, message } in weighed.faults() {
            // Where some are no arms at all, nobody knows what the others are together, nor which place they have.
            if are_counted || !field.starts_with("arms") {
                fields.fault(&field, message);
            }
        }
        Some(split)
    }
}

impl NewArm {
    /// Reads the arm at a place; what could not be read of it is something that is right, so that no fault of one arm
    /// hides another's.
    fn read(fields: &mut Fields<'_>, place: usize) -> Self {
        let (id, agent_id, weight) =
            (fields.required("id"), fields.required::<AgentId>("agentId"), fields.required("weight"));
        let (name, pin) = (fields.optional("name"), fields.optional("pin").unwrap_or_default());
        if let Some(agent) = &agent_id {
            fields.check_agent(agent, pin);
        }
        let max_calls_in_progress = fields.optional("maxCallsInProgress");
        let name = name.unwrap_or_default();
        Self {
            id: id.unwrap_or_else(|| ArmId::unread(place)),
            name,
            agent_id: agent_id.unwrap_or_else(|| AgentId::unread(place)),
            pin,
            weight: weight.unwrap_or(Whole::MOST),
            max_calls_in_progress,
        }
    }
}

impl Kind for UnitRule {
    fn expected() -> String {
        "caller, call, random or {\"header\": name}".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        match tree {
            Tree::Text(text) => match text.as_str() {
                "caller" => Ok(Self::Caller),
                "call" => Ok(Self::Call),
                "random" => Ok(Self::Random),
                _ => Err(Some(format!("is another text: expected {}", Self::expected()))),
            },
            Tree::Object(mut members) => match (members.pop(), members.is_empty()) {
                (Some((name, Tree::Text(header))), true) if name == "header" => Ok(Self::Header(header)),
                _ => Err(None),
            },
            _ => Err(None),
        }
    }
}

impl NewSplit {
    /// The split that is meant, dealt for the first time.
    pub(in crate::api) fn to_split(
        &self,
        account: &AccountId,
        id: SplitId,
        salt: u64,
        now: Timestamp,
    ) -> Split {
        let arm = |arm: &NewArm| Arm {
            id: arm.id.clone(),
            name: arm.name.clone(),
            agent: arm.agent_id.clone(),
            pin: arm.pin,
            weight: arm.weight.get_u32(),
            max_calls_in_progress: arm.max_calls_in_progress.map(Whole::get_u32),
        };
        let arms: Vec<Arm> = self.arms.iter().map(arm).collect();
        let weights: Vec<u32> = arms.iter().map(|arm| arm.weight).collect();
        Split {
            account: account.clone(),
            id,
            name: self.name.clone(),
            managed_by: ManagedBy::Api,
            scope: self.scope.as_ref().and_then(Scope::environment),
            unit: self.unit.clone(),
            owners: Owners::first(&weights),
            arms,
            salt,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            call_quota: self.call_quota.map(Whole::get),
            paused: self.paused,
            ending: None,
            created_at: now,
            updated_at: now,
        }
    }
}

impl Written for Scope {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        if !fields.says("agentId") && !fields.says("environment") {
            return Some(Self { numbers: fields.values("numbers"), ..Self::default() });
        }
        if fields.present("numbers").is_some() {
            fields.fault("numbers", "stands beside an environment: expected either");
        }
        let (agent_id, environment) = (fields.required::<AgentId>("agentId"), fields.required("environment"));
        if let (Some(agent), Some(environment)) = (&agent_id, environment) {
            fields.check_agent(agent, Pin::Environment(environment));
        }
        Some(Self { numbers: Vec::new(), agent_id, environment })
    }
}

impl Scope {
    /// The environment, where it is one.
    fn environment(&self) -> Option<EnvironmentScope> {
        Some(EnvironmentScope { agent: self.agent_id.clone()?, environment: self.environment? })
    }
}

/// Which numbers come into a split; what else it deals stays.
#[derive(Debug, Default, ToSchema)]
#[schema(as = ScopeChange)]
pub struct MoreNumbers {
    /// Calls to these numbers besides, whose route leads into the split from now on.
    #[schema(value_type = Vec<String>, required = false)]
    numbers: Vec<Number>,
}

impl Written for MoreNumbers {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        if fields.present("agentId").is_some() | fields.present("environment").is_some() {
            fields.fault_of_all("what a split tests stays: expected numbers, or another split");
        }
        Some(Self { numbers: fields.values("numbers") })
    }
}

impl Written for SplitChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let expected = "at most 32 changes, and 1 to 16 arms after them";
        let arms = fields.objects("arms", CHANGES_MAX, expected, ArmChange::read).unwrap_or_default();
        Some(Self {
            name: fields.optional("name"),
            scope: fields.object("scope", MoreNumbers::read),
            arms: arms.into_iter().flatten().collect(),
            starts_at: fields.given("startsAt"),
            ends_at: fields.given("endsAt"),
            call_quota: fields.given("callQuota"),
            paused: fields.optional("paused"),
        })
    }
}

impl Written for ArmChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (id, agent_id) = (fields.required("id"), fields.optional::<AgentId>("agentId"));
        let (name, pin) = (fields.optional("name"), fields.optional::<Pin>("pin"));
        let max_calls_in_progress = fields.given("maxCallsInProgress");
        let (weight, remove) = (fields.optional("weight"), fields.optional("remove").unwrap_or_default());
        // Without both, the arm itself says what is missing.
        if let (Some(agent), Some(pin)) = (&agent_id, pin) {
            fields.check_agent(agent, pin);
        }
        Some(Self { id: id?, name, agent_id, pin, weight, max_calls_in_progress, remove })
    }
}

impl Written for EndBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { winner: fields.required("winner")? })
    }
}

impl SplitChange {
    /// The patch that is meant.
    pub(in crate::api) fn into_patch(self) -> SplitPatch {
        let arm = |arm: ArmChange| ArmPatch {
            id: arm.id,
            name: arm.name,
            agent: arm.agent_id,
            pin: arm.pin,
            weight: arm.weight.map(Whole::get_u32),
            max_calls_in_progress: arm.max_calls_in_progress.map(|calls| calls.map(Whole::get_u32)),
            remove: arm.remove,
        };
        SplitPatch {
            name: self.name,
            numbers: self.scope.unwrap_or_default().numbers,
            arms: self.arms.into_iter().map(arm).collect(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            call_quota: self.call_quota.map(|quota| quota.map(Whole::get)),
            paused: self.paused,
        }
    }
}
