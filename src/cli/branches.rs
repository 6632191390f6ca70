//! `branches`: working copies of an agent's configuration.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::agents;
use super::failure::Failure;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{items, text_of, time};
use crate::domain::id::{AgentId, BranchId};

/// Show the branches of an agent, make and delete them
///
/// A branch begins as what the draft of `main` is, and is edited by itself. Nobody is served what is on it.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  cordboard branches sales
  cordboard branches create sales 'Shorter greeting'
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
        match (&self.command, &self.agent) {
            (Some(BranchesCommand::List { agent }), _) | (None, Some(agent)) => {
                let reply = session.get(&path_of(agent))?;
                session.show(&reply, told)
            }
            (Some(BranchesCommand::Create { agent, name }), _) => {
                let body = json!({"branchName": name});
                let reply = session.change("POST", &path_of(agent), Some(&body))?;
                let id = text_of(&reply.json(), "branchId");
                session.done(&reply, &format!("branch {id} was made of the draft of {agent}"))
            }
            (Some(BranchesCommand::Delete { agent, branch }), _) => {
                let reply = session.change("DELETE", &path_of(agent).segment(branch), None)?;
                session.done(&reply, &format!("branch {branch} of {agent} is deleted"))
            }
            (None, None) => Err(Failure::Usage("name the agent".to_owned())),
        }
    }
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
