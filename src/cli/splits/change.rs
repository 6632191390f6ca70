//! `splits change`.

use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

use super::super::failure::Failure;
use super::super::live::{Assent, has_live_arm, is_split_live_now};
use super::super::session::Session;
use super::super::written::{
    ArmWritten, MaxCallsWritten, WeightWritten, count_or_none, limited, number, time_or_none,
};
use super::create::is_any_live_now;
use super::{moved, path_of};
use crate::domain::address::Number;
use crate::domain::id::{ArmId, SplitId};

/// Change weights, arms, times or numbers of a split
///
/// What is not said stays as it is. A change of weights moves as few callers to another arm as it can, and says how many
/// of the 10,000 slots moved.
#[derive(Debug, Clone, Args)]
#[command(
    group = ArgGroup::new("changes").required(true).multiple(true),
    after_help = "\
Examples:
  cordboard splits change spring --weight control=60 --weight test=40
  cordboard splits change spring --arm third=sales@V5:10
  cordboard splits change spring --remove-arm third
  cordboard splits change spring --max-calls test=10 --max-calls control=none
  cordboard splits change spring --ends-at 2026-02-28T00:00:00Z --call-quota none
  cordboard splits change spring --number +14155550101 --number +14155550102"
)]
pub(in super::super) struct ChangeArgs {
    /// The split
    id: SplitId,
    /// The weight of an arm there is; may be said again
    #[arg(long = "weight", value_name = "ARM=WEIGHT", group = "changes")]
    weights: Vec<WeightWritten>,
    /// An arm to add, or to replace; may be said again
    #[arg(long = "arm", value_name = "ARM=AGENT@PIN:WEIGHT", group = "changes")]
    arms: Vec<ArmWritten>,
    /// How many calls an arm may have in progress, or none; may be said again
    #[arg(long = "max-calls", value_name = "ARM=COUNT", group = "changes")]
    max_calls: Vec<MaxCallsWritten>,
    /// An arm to remove; may be said again
    #[arg(long = "remove-arm", value_name = "ARM", group = "changes")]
    removed: Vec<ArmId>,
    /// A name for people
    #[arg(long, group = "changes")]
    name: Option<String>,
    /// A number to route to the split besides those it has; may be said again
    #[arg(long = "number", value_name = "NUMBER", value_parser = number, group = "changes")]
    numbers: Vec<Number>,
    /// When it begins, or none
    #[arg(long, value_name = "TIME", value_parser = time_or_none, group = "changes")]
    starts_at: Option<Value>,
    /// When it is over, or none
    #[arg(long, value_name = "TIME", value_parser = time_or_none, group = "changes")]
    ends_at: Option<Value>,
    /// After how many calls it is over, or none
    #[arg(long, value_name = "COUNT", value_parser = count_or_none, group = "changes")]
    call_quota: Option<Value>,
    #[command(flatten)]
    assent: Assent,
}

impl ChangeArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let patch = self.to_json();
        self.assent.obtain(session, &format!("changing split {}", self.id), |session| {
            Ok(self.moves_calls()
                && (has_live_arm(&patch)
                    || is_split_live_now(session, self.id.as_str())?
                    || is_any_live_now(session, &self.numbers)?))
        })?;
        let reply = session.change("PATCH", &path_of(&self.id), Some(&patch))?;
        let moved = moved(&reply.json());
        session.done(&reply, &format!("split {} was changed{moved}", self.id))
    }

    /// Whether anything but the name changes.
    fn moves_calls(&self) -> bool {
        self.to_json().as_object().is_some_and(|patch| patch.keys().any(|key| key != "name"))
    }

    fn to_json(&self) -> Value {
        let weights =
            self.weights.iter().map(|WeightWritten { id, weight }| json!({"id": id, "weight": weight}));
        let removed = self.removed.iter().map(|id| json!({"id": id, "remove": true}));
        let arms: Vec<_> = weights.chain(self.arms.iter().map(ArmWritten::to_json)).chain(removed).collect();
        let arms = limited(arms, &self.max_calls);
        let said = [
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("arms", (!arms.is_empty()).then(|| json!(arms))),
            ("scope", (!self.numbers.is_empty()).then(|| json!({"numbers": self.numbers}))),
            ("startsAt", self.starts_at.clone()),
            ("endsAt", self.ends_at.clone()),
            ("callQuota", self.call_quota.clone()),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(said.collect::<Map<_, _>>())
    }
}
