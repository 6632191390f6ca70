//! `splits create`.

use clap::Args;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::live::{Assent, has_live_arm, is_live_now};
use super::super::numbers;
use super::super::path::Path;
use super::super::session::Session;
use super::super::written::{ArmWritten, MaxCallsWritten, UnitWritten, given, limited, number, time};
use crate::domain::address::Number;
use crate::domain::id::{AgentId, SplitId};

/// Make a split
///
/// The first arm is the control: it serves while the split has not begun, rests, or is over. Numbers that are named are
/// routed to the split at once.
///
/// With --live-of, it tests what is live: it deals all calls that lead to `live` of that agent, against its arm at
/// `live`, which comes first. Other arms are held to the version that their pin names now. Until it is over, nothing else
/// comes into `live`, unless the command there says --end-split.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard splits create spring --arm control=sales@V3:80 --arm test=sales@draft:20
  cordboard splits create spring --arm control=sales@V3:1 --arm test=sales@V4:1 --number +14155550100
  cordboard splits create beta --arm a=sales@V3:9 --arm b=sales@V4:1 --unit header:X-Customer --call-quota 5000
  cordboard splits create trial --arm a=sales@V3:9 --arm b=sales@V4:1 --max-calls b=10
  cordboard splits create next --live-of sales --arm control=sales@live:90 --arm test=sales@pre-release:10
  cordboard splits create night --arm a=sales@V3:1 --arm b=sales@V4:1 --starts-at 2026-01-31T22:00:00Z")]
pub(in super::super) struct CreateArgs {
    /// Its id: letters, digits, hyphens or underscores
    id: SplitId,
    /// An arm, the control first; to be said for each
    #[arg(long = "arm", value_name = "ARM=AGENT@PIN:WEIGHT", required = true)]
    arms: Vec<ArmWritten>,
    /// How many calls an arm may have in progress; may be said again
    #[arg(long = "max-calls", value_name = "ARM=COUNT")]
    max_calls: Vec<MaxCallsWritten>,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// What keeps a call with an arm: caller, call, random or header:NAME [default: caller]
    #[arg(long)]
    unit: Option<UnitWritten>,
    /// A number to route to the split; may be said again
    #[arg(long = "number", value_name = "NUMBER", value_parser = number)]
    numbers: Vec<Number>,
    /// The agent whose live calls are split, instead of those of numbers
    #[arg(long, value_name = "AGENT", conflicts_with = "numbers")]
    live_of: Option<AgentId>,
    /// When it begins
    #[arg(long, value_name = "TIME", value_parser = time)]
    starts_at: Option<Value>,
    /// When it is over
    #[arg(long, value_name = "TIME", value_parser = time)]
    ends_at: Option<Value>,
    /// After how many calls it is over
    #[arg(long, value_name = "COUNT")]
    call_quota: Option<u64>,
    #[command(flatten)]
    assent: Assent,
}

impl CreateArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        if let Some(limit) =
            self.max_calls.iter().find(|limit| self.arms.iter().all(|arm| arm.id != limit.id))
        {
            return Err(Failure::Usage(format!(
                "--max-calls names {}, which is no arm of the split",
                limit.id
            )));
        }
        let split = self.to_json();
        self.assent.obtain(session, &format!("making split {}", self.id), |session| {
            // A split that no number is in wins and loses no calls, whatever its arms.
            Ok(self.live_of.is_some()
                || !self.numbers.is_empty()
                    && (has_live_arm(&split) || is_any_live_now(session, &self.numbers)?))
        })?;
        let reply = session.change("POST", &Path::of("/v1/splits"), Some(&split))?;
        session.done(&reply, &format!("split {} was made", self.id))
    }

    fn scope(&self) -> Option<Value> {
        match &self.live_of {
            Some(agent) => Some(json!({"agentId": agent, "environment": "live"})),
            None => (!self.numbers.is_empty()).then(|| json!({"numbers": self.numbers})),
        }
    }

    fn to_json(&self) -> Value {
        let arms = limited(self.arms.iter().map(ArmWritten::to_json).collect(), &self.max_calls);
        let split = given([
            ("id", Some(json!(self.id))),
            ("arms", Some(json!(arms))),
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("unit", self.unit.as_ref().map(|unit| unit.0.clone())),
            ("scope", self.scope()),
            ("startsAt", self.starts_at.clone()),
            ("endsAt", self.ends_at.clone()),
            ("callQuota", self.call_quota.map(|quota| json!(quota))),
        ]);
        Value::Object(split)
    }
}

/// Whether one of these numbers is served at `live` now.
pub(super) fn is_any_live_now(session: &Session<'_, '_>, dialled: &[Number]) -> Result<bool, Failure> {
    for number in dialled {
        if is_live_now(session, &numbers::path_of(number))? {
            return Ok(true);
        }
    }
    Ok(false)
}
