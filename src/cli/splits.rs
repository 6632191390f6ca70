//! `splits`: A/B tests, shown and run.

mod change;
mod create;
mod told;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::live::{Assent, is_split_live_now};
use super::page::Page;
use super::path::Path;
use super::session::{Errand, Session};
use super::words::text_of;
use crate::domain::id::{ArmId, SplitId};
use change::ChangeArgs;
use create::CreateArgs;

/// Show and run A/B tests
///
/// A split shares calls among its arms, each an agent at a pin with a weight; the first arm is the control. A caller
/// stays with an arm: a change of weights moves the fewest callers.
#[derive(Debug, Clone, Args)]
pub struct SplitsArgs {
    #[command(subcommand)]
    command: SplitsCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum SplitsCommand {
    /// List the splits
    #[command(after_help = "\
Examples:
  cordboard splits list")]
    List(Page),
    /// Show a split
    #[command(
        visible_alias = "get",
        after_help = "\
Examples:
  cordboard splits show spring
  cordboard splits show spring --owners"
    )]
    Show {
        /// The split
        id: SplitId,
        /// Print only which slots belong to which arm, to be pasted under its [[split]] in a route file
        ///
        /// Routers that share route files but no store agree on every caller when the file carries this line.
        #[arg(long)]
        owners: bool,
    },
    Create(CreateArgs),
    Change(ChangeArgs),
    /// Let a split rest: all its calls go to the control
    #[command(after_help = "\
Examples:
  cordboard splits pause spring")]
    Pause(OneArgs),
    /// Let a split go on; callers find the arms they had
    #[command(after_help = "\
Examples:
  cordboard splits resume spring")]
    Resume(OneArgs),
    /// End a split: all its calls go to one arm
    #[command(after_help = "\
Examples:
  cordboard splits end spring --winner test")]
    End {
        #[command(flatten)]
        one: OneArgs,
        /// The arm that gets all calls from now on
        #[arg(long, value_name = "ARM")]
        winner: ArmId,
    },
    /// Delete a split that nothing is routed to
    #[command(after_help = "\
Examples:
  cordboard splits delete spring")]
    Delete {
        /// The split
        id: SplitId,
    },
}

#[derive(Debug, Clone, Args)]
struct OneArgs {
    /// The split
    id: SplitId,
    #[command(flatten)]
    assent: Assent,
}

impl OneArgs {
    fn obtain(&self, session: &mut Session<'_, '_>, verb: &str) -> Result<Path, Failure> {
        let Self { id, assent } = self;
        assent.obtain(session, &format!("{verb} split {id}"), |session| {
            is_split_live_now(session, id.as_str())
        })?;
        Ok(path_of(id))
    }

    fn rest(&self, session: &mut Session<'_, '_>, paused: bool) -> Result<(), Failure> {
        let (verb, outcome) = if paused { ("pausing", "rests") } else { ("resuming", "goes on") };
        let path = self.obtain(session, verb)?;
        let reply = session.change("PATCH", &path, Some(&json!({"paused": paused})))?;
        session.done(&reply, &format!("split {} {outcome}", self.id))
    }
}

impl Errand for SplitsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            SplitsCommand::List(page) => page.show(session, Path::of("/v1/splits"), told::list),
            SplitsCommand::Show { id, owners: false } => {
                let reply = session.get(&path_of(id))?;
                session.show(&reply, told::one)
            }
            SplitsCommand::Show { id, owners: true } => {
                let reply = session.get(&path_of(id).query("owners", Some(true)))?;
                session.show(&reply, |split, _| told::owners(split))
            }
            SplitsCommand::Create(create) => create.run(session),
            SplitsCommand::Change(change) => change.run(session),
            SplitsCommand::Pause(one) => one.rest(session, true),
            SplitsCommand::Resume(one) => one.rest(session, false),
            SplitsCommand::End { one, winner } => {
                let path = one.obtain(session, &format!("ending for {winner} the"))?.segment("end");
                let reply = session.change("POST", &path, Some(&json!({"winner": winner})))?;
                session.done(&reply, &format!("split {} is over: all its calls go to {winner}", one.id))
            }
            SplitsCommand::Delete { id } => {
                let reply = session.change("DELETE", &path_of(id), None)?;
                session.done(&reply, &format!("split {id} was deleted"))
            }
        }
    }
}

fn path_of(id: &SplitId) -> Path {
    Path::of("/v1/splits").segment(id)
}

/// How many callers another state of the weights moves, in words.
fn moved(split: &Value) -> String {
    match split.get("movedSlots") {
        Some(Value::Number(_)) => format!("; {} of 10000 slots moved", text_of(split, "movedSlots")),
        _ => String::new(),
    }
}
