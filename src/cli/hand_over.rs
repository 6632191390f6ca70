//! `adopt` and `release`: what goes from the files to the API, and back.

use clap::Args;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, Session};
use super::words::text_of;
use super::written::{CallerWritten, number, prefix};
use crate::domain::address::{Number, Prefix};
use crate::domain::id::{AgentId, SplitId};

/// Take numbers, splits or agents out of the files, to change them from here
///
/// They stay what they are, and are the API's from then on. The files may go on listing them, to no effect: `cordboard
/// status` says where. It stays so until they are taken out of the files, or released.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard adopt +14155550100 +14155550101
  cordboard adopt --beginning +1415
  cordboard adopt --split spring-prompt --agent sales --default-route")]
pub struct AdoptArgs {
    #[command(flatten)]
    what: WhatArgs,
}

/// Give numbers, splits or agents back to the files that list them
///
/// From then on they are what the files say. To move what was made from here into files, write it there just as it is;
/// when `cordboard status` warns of it, release it. No call is lost in between.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard release +14155550100
  cordboard release --beginning +1415 --yes")]
pub struct ReleaseArgs {
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    assent: Assent,
}

#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
struct WhatArgs {
    /// Numbers: +digits, tel:, sip:, or SIP users
    #[arg(value_name = "NUMBER", value_parser = number)]
    numbers: Vec<Number>,
    /// All phone numbers that begin so
    #[arg(long, value_name = "PREFIX", value_parser = prefix)]
    beginning: Option<Prefix>,
    /// The route of a prefix; may be said again
    #[arg(long = "prefix", value_name = "PREFIX", value_parser = prefix)]
    prefixes: Vec<Prefix>,
    /// The default route
    #[arg(long)]
    default_route: bool,
    /// A split; may be said again
    #[arg(long = "split", value_name = "SPLIT")]
    splits: Vec<SplitId>,
    /// An agent, with draft, versions and environments; may be said again
    #[arg(long = "agent", value_name = "AGENT")]
    agents: Vec<AgentId>,
    /// The pin of a caller; may be said again
    #[arg(long = "caller-pin", value_name = "AGENT:CALLER")]
    caller_pins: Vec<CallerWritten>,
}

impl WhatArgs {
    fn to_json(&self) -> Value {
        let pin =
            |CallerWritten { agent, caller }: &CallerWritten| json!({"agentId": agent, "caller": caller});
        let pins: Vec<Value> = self.caller_pins.iter().map(pin).collect();
        let said = [
            ("numbers", (!self.numbers.is_empty()).then(|| json!(self.numbers))),
            ("prefix", self.beginning.map(|prefix| json!(prefix))),
            ("prefixes", (!self.prefixes.is_empty()).then(|| json!(self.prefixes))),
            ("defaultRoute", self.default_route.then_some(json!(true))),
            ("splits", (!self.splits.is_empty()).then(|| json!(self.splits))),
            ("agents", (!self.agents.is_empty()).then(|| json!(self.agents))),
            ("callerPins", (!pins.is_empty()).then(|| json!(pins))),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(said.collect::<Map<_, _>>())
    }
}

impl Errand for AdoptArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let reply = session.change("POST", &Path::of("/v1/adopt"), Some(&self.what.to_json()))?;
        session.done(&reply, &text_of(&reply.json(), "summary"))
    }
}

impl Errand for ReleaseArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let (path, mut what) = (Path::of("/v1/release"), self.what.to_json());
        if !self.assent.yes {
            // What the files say, which is what serves then, is known there only.
            let foreseen = session.change("POST", &path, Some(&with(&what, "dryRun", json!(true))))?.json();
            let reaches_live = foreseen.get("reachesLive") != Some(&json!(false));
            if reaches_live {
                session.terminal.remark(format_args!("then {}", text_of(&foreseen, "summary")));
            }
            self.assent.obtain(session, "this", |_| Ok(reaches_live))?;
            // What was shown is what is done.
            let revision = foreseen.get("revision").cloned().unwrap_or_default();
            what = with(&what, "expectedRevision", revision);
        }
        let reply = session.change("POST", &path, Some(&what))?;
        session.done(&reply, &text_of(&reply.json(), "summary"))
    }
}

fn with(body: &Value, member: &str, value: Value) -> Value {
    let mut members = body.as_object().cloned().unwrap_or_default();
    members.insert(member.to_owned(), value);
    Value::Object(members)
}
