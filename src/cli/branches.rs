//! `branches`: working copies of an agent's configuration.

mod merge;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use self::merge::MergeArgs;
use super::agents;
use super::failure::Failure;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{items, text_of, time};
use crate::domain::id::{AgentId, BranchId};

/// Show the branches of an agent, make, merge and delete them
///
/// A branch begins as what the draft of `main` is, and is edited by itself. Nobody is served what is on it until it is merged.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  cordboard branches sales
  cordboard branches create sales 'Shorter greeting'
  cordboard branches merge sales BRANCH-0A1B2C3D
  cordboard branches delete sales BRANCH-0A1B2C3D"
)]
pub struct BranchesArgs {
    #[command(subcommand)]
    command: Option<BranchesCommand>,
    /// The agent
    #[arg(required = true)]
    agent: Option<AgentId>,
}

#[derive(Debug, Clone, Subcommand)]
enum BranchesCommand {
    /// List the branches of an agent
    #[command(after_help = "\
Examples:
  cordboard branches list sales --json")]
    List {
        /// The agent
        agent: AgentId,
    },
    /// Make a branch of what the draft of an agent is now
    #[command(after_help = "\
Examples:
  cordboard branches create sales 'Shorter greeting'")]
    Create {
        /// The agent
        agent: AgentId,
        /// A name for people, of which the agent has no other branch
        name: String,
    },
    /// Merge a branch into main, and publish that to sandbox
    ///
    /// Of what both changed in different ways, you are asked one by one; where there is no terminal to ask on, all of it is
    /// listed, nothing is done, and the exit code is 1. Whether a merge is published is a setting of the account.
    #[command(after_help = "\
Examples:
  cordboard branches merge sales BRANCH-0A1B2C3D -m 'Shorter greeting'
  cordboard branches merge sales BRANCH-0A1B2C3D --theirs
  cordboard branches merge sales BRANCH-0A1B2C3D --resolve topics[opening-hours].content=ours --resolve llm.temperature=0.4")]
    Merge(MergeArgs),
    /// Delete a branch with what was edited there
    #[command(after_help = "\
Examples:
  cordboard branches delete sales BRANCH-0A1B2C3D")]
    Delete {
        /// The agent
        agent: AgentId,
        /// The branch, by its id
        branch: BranchId,
    },
}

fn path_of(agent: &AgentId) -> Path {
    agents::path_of(agent).segment("branches")
}

impl Errand for BranchesArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            None => list(session, agents::named(self.agent.as_ref())?),
            Some(BranchesCommand::List { agent }) => list(session, agent),
            Some(BranchesCommand::Create { agent, name }) => {
                let body = json!({"branchName": name});
                let reply = session.change("POST", &path_of(agent), Some(&body))?;
                let id = text_of(&reply.json(), "branchId");
                session.done(&reply, &format!("branch {id} was made of the draft of {agent}"))
            }
            Some(BranchesCommand::Merge(merge)) => merge.run(session),
            Some(BranchesCommand::Delete { agent, branch }) => {
                let reply = session.change("DELETE", &path_of(agent).segment(branch), None)?;
                session.done(&reply, &format!("branch {branch} of {agent} is deleted"))
            }
        }
    }
}

fn list(session: &mut Session<'_, '_>, agent: &AgentId) -> Result<(), Failure> {
    let reply = session.get(&path_of(agent))?;
    session.show(&reply, told)
}

fn told(answer: &Value, look: Look) -> String {
    let row = |branch: &Value| {
        [
            text_of(branch, "branchId"),
            text_of(branch, "name"),
            text_of(branch, "createdBy"),
            time(branch, "createdAt"),
            time(branch, "updatedAt"),
        ]
    };
    let header = ["BRANCH", "NAME", "AUTHOR", "CREATED", "CHANGED"];
    table(look, header, items(answer, "branches").iter().map(row), "there are no branches")
}
