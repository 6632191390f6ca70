//! `caller-pins`: callers who get another version than everybody else.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::live::{Assent, at_live, is_live_now};
use super::page::Page;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, labelled, table};
use super::words::{NONE, items, text_of, time, words};
use super::written::{caller, pin};
use crate::domain::caller_pin::CallerAddress;
use crate::domain::id::{AgentId, Pin};

/// Show and change which callers get another version
///
/// Wherever routes lead to the agent, a pinned caller is served by the version of the pin, outside of splits. The agent
/// stays the one that the routes say.
#[derive(Debug, Clone, Args)]
pub struct CallerPinsArgs {
    #[command(subcommand)]
    command: CallerPinsCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum CallerPinsCommand {
    /// List the pinned callers
    #[command(after_help = "\
Examples:
  cordboard caller-pins list
  cordboard caller-pins list --agent sales --json")]
    List {
        /// Only callers of this agent
        #[arg(long)]
        agent: Option<AgentId>,
        #[command(flatten)]
        page: Page,
    },
    /// Show what a caller is pinned to
    #[command(
        visible_alias = "get",
        after_help = "\
Examples:
  cordboard caller-pins show +14155550999 --agent sales"
    )]
    Show(WhoArgs),
    /// Pin a caller to a version of an agent
    #[command(after_help = "\
Examples:
  cordboard caller-pins put +14155550999 --agent sales --pin V4
  cordboard caller-pins put +14155550999 --agent sales --pin draft --until 2026-12-31T00:00:00Z")]
    Put(PutArgs),
    /// Pin a caller no longer
    #[command(after_help = "\
Examples:
  cordboard caller-pins delete +14155550999 --agent sales")]
    Delete {
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        assent: Assent,
    },
}

#[derive(Debug, Clone, Args)]
struct WhoArgs {
    /// The caller: +digits, tel:, sip:, or a SIP user
    #[arg(value_parser = caller)]
    caller: CallerAddress,
    /// The agent
    #[arg(long)]
    agent: AgentId,
}

#[derive(Debug, Clone, Args)]
struct PutArgs {
    #[command(flatten)]
    who: WhoArgs,
    /// What of the agent: draft, V<n>, sandbox, pre-release or live
    #[arg(long, value_name = "PIN", value_parser = pin)]
    pin: Pin,
    /// Without effect from then on, such as 2026-12-31T00:00:00Z [default: never]
    #[arg(long, value_name = "TIME", value_parser = super::written::time)]
    until: Option<Value>,
    #[command(flatten)]
    assent: Assent,
}

fn all() -> Path {
    Path::of("/v1/caller-pins")
}

impl WhoArgs {
    fn path(&self) -> Path {
        all().segment(&self.agent).segment(&self.caller)
    }
}

impl Errand for CallerPinsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            CallerPinsCommand::List { agent, page } => {
                page.show(session, all().query("agentId", agent.as_ref()), told)
            }
            CallerPinsCommand::Show(who) => {
                let reply = session.get(&who.path())?;
                session.show(&reply, told_one)
            }
            CallerPinsCommand::Put(put) => put.run(session),
            CallerPinsCommand::Delete { who, assent } => {
                let (path, WhoArgs { caller, agent }) = (who.path(), who);
                let doing = format!("ending the pin of {caller} to a version of {agent}");
                assent.obtain(session, &doing, |session| is_live_now(session, &path))?;
                let reply = session.change("DELETE", &path, None)?;
                session.done(&reply, &format!("{caller} is no longer pinned to a version of {agent}"))
            }
        }
    }
}

impl PutArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let (path, WhoArgs { caller, agent }) = (self.who.path(), &self.who);
        let body = json!({"pin": self.pin, "until": self.until});
        let what = format!("{agent}@{}", self.pin);
        self.assent.obtain(session, &format!("pinning the caller {caller} to {what}"), |session| {
            Ok(at_live(&body) || is_live_now(session, &path)?)
        })?;
        let reply = session.change("PUT", &path, Some(&body))?;
        session.done(&reply, &format!("the caller {caller} is pinned to {what}"))
    }
}

fn serves(pin: &Value) -> String {
    format!("{}@{}", text_of(pin, "agentId"), text_of(pin, "pin"))
}

fn until(pin: &Value) -> String {
    let over = pin.get("expired") == Some(&Value::Bool(true));
    format!("{}{}", time(pin, "until"), if over { " (over)" } else { "" })
}

fn told(answer: &Value, look: Look) -> String {
    let row = |pin: &Value| [text_of(pin, "caller"), serves(pin), until(pin), text_of(pin, "managedBy")];
    let header = ["CALLER", "GETS", "UNTIL", "MANAGED BY"];
    table(look, header, items(answer, "callerPins").iter().map(row), "no callers are pinned")
}

fn told_one(pin: &Value, look: Look) -> String {
    let mut lines = vec![("Caller", text_of(pin, "caller")), ("Gets", serves(pin))];
    if text_of(pin, "until") != NONE {
        lines.push(("Until", until(pin)));
    }
    lines.push(("In history", text_of(pin, "knownAs")));
    lines.push(("Managed by", text_of(pin, "managedBy")));
    for warning in items(pin, "warnings") {
        lines.push(("Warning", look.yellow(words(warning))));
    }
    labelled(look, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_whose_time_is_over_is_told_so() {
        let pin = json!({
            "agentId": "sales", "caller": "+14155550999", "knownAs": "caller-00", "pin": "V4", "expired": true,
            "until": "2026-01-01T00:00:00.000Z", "managedBy": "api", "warnings": ["careful"]
        });
        assert_eq!(
            told_one(&pin, Look::default()),
            "\
Caller      +14155550999
Gets        sales@V4
Until       2026-01-01T00:00:00Z (over)
In history  caller-00
Managed by  api
Warning     careful
"
        );
        assert!(told(&json!({"callerPins": [pin]}), Look::default()).contains("(over)"));
    }
}
