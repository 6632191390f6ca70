//! `draft`: the configuration of an agent that is edited.

mod edit;
mod patch;

use std::fmt;
use std::path::{Path as FilePath, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::agents;
use super::failure::Failure;
use super::form;
use super::path::Path;
use super::session::{Errand, Session, is_stdin};
use super::words::clean_lines;
use crate::domain::agent_config::SOURCE_BYTES_MAX;
use crate::domain::id::{AgentId, BranchId};
use patch::Assignment;

/// Show and edit the draft of an agent
///
/// It is shown as TOML, without the keys that have their default, or as JSON with --json. Numbers that are pinned to the
/// draft serve each edit at once; versions and environments stay as they are.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard draft sales
  cordboard draft sales --edit
  cordboard draft sales set llm.temperature=0.4 'instructions.welcomeMessage=Good morning'
  cordboard draft sales put draft.toml
  cordboard draft sales --branch BRANCH-0A1B2C3D set llm.temperature=0.4
  cordboard draft sales revert")]
pub struct DraftArgs {
    /// The agent
    agent: AgentId,
    /// Of this branch [default: main]
    #[arg(long, value_name = "BRANCH", global = true)]
    branch: Option<BranchId>,
    /// Open it in an editor, $VISUAL or $EDITOR, and send what was saved
    ///
    /// If the router finds faults in it, they are shown and you can go on. What you typed is never lost: where it could
    /// not be sent, it stays in a file whose name is told. If somebody else edits the draft meanwhile, theirs is not
    /// overwritten.
    #[arg(long, short = 'e')]
    edit: bool,
    #[command(subcommand)]
    command: Option<DraftCommand>,
}

#[derive(Debug, Clone, Subcommand)]
enum DraftCommand {
    /// Give some keys of the draft another value
    ///
    /// A value is read as JSON where it is JSON, else as a text; a text that looks like a number stands in quotes: 'name="24"'.
    /// null gives a key its default. Lists are given whole. The other keys stay, whoever edits them meanwhile.
    #[command(after_help = "\
Examples:
  cordboard draft sales set llm.temperature=0.4 llm.model=gpt-5
  cordboard draft sales set 'instructions.welcomeMessage=Good morning' voice.language=null")]
    Set {
        /// A key, its parts joined by points, and its value
        #[arg(required = true, value_name = "KEY=VALUE")]
        assignments: Vec<Assignment>,
    },
    /// Give the draft another configuration, whole
    #[command(after_help = "\
Examples:
  cordboard draft sales put draft.toml
  cordboard draft sales put - --json")]
    Put {
        /// The configuration, TOML or JSON; - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Revert the draft to the newest version; that of a branch to where the branch was made
    #[command(after_help = "\
Examples:
  cordboard draft sales revert")]
    Revert,
}

/// The draft of an agent, or of one of its branches.
#[derive(Debug, Clone, Copy)]
struct Head<'a> {
    agent: &'a AgentId,
    branch: Option<&'a BranchId>,
}

impl Head<'_> {
    fn is_main(self) -> bool {
        self.branch.is_none_or(BranchId::is_main)
    }

    fn path(self) -> Path {
        agents::path_of(self.agent).segment("draft").query("branch", self.branch)
    }
}

impl fmt::Display for Head<'_> {
    /// As it is called in a sentence, and with its options before a command.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, branch } = self;
        match (branch, f.alternate()) {
            (None, _) => write!(f, "{agent}"),
            (Some(branch), false) => write!(f, "{agent} on {branch}"),
            (Some(branch), true) => write!(f, "{agent} --branch {branch}"),
        }
    }
}

impl Errand for DraftArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let head = Head { agent: &self.agent, branch: self.branch.as_ref() };
        let path = head.path();
        match &self.command {
            Some(_) if self.edit => {
                Err(Failure::Usage("--edit goes without a command: edit first, or afterwards".to_owned()))
            }
            None if self.edit => edit::edit(session, head),
            None => {
                let reply = session.get(&path)?;
                session.show(&reply, |config, _| clean_lines(&form::to_text(config)))
            }
            Some(DraftCommand::Set { assignments }) => {
                let patch = patch::of(assignments).map_err(Failure::Usage)?;
                let reply = session.change("PATCH", &path, Some(&patch))?;
                session.done(&reply, &format!("the draft of {head} is edited"))
            }
            Some(DraftCommand::Put { file }) => {
                let config = read(file, session)?;
                let reply = session.change("PUT", &path, Some(&config))?;
                let said =
                    if is_stdin(file) { "was sent".to_owned() } else { format!("{} says", file.display()) };
                session.done(&reply, &format!("the draft of {head} is what {said}"))
            }
            Some(DraftCommand::Revert) => {
                let reply = session.change("DELETE", &path, None)?;
                let of = if head.is_main() { "what its newest version is" } else { "as it was made" };
                session.done(&reply, &format!("the draft of {head} is {of}"))
            }
        }
    }
}

/// The configuration in a file.
fn read(file: &FilePath, session: &mut Session<'_, '_>) -> Result<Value, Failure> {
    let text = session.read_text(file, SOURCE_BYTES_MAX as u64)?;
    form::read(&text).map_err(|why| Failure::Usage(format!("{} {why}", file.display())))
}
