//! `agents`: what can serve.

mod create;
mod listening;
mod transfer;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, labelled, table};
use super::words::{NONE, items, text_of, time, version_of};
use crate::domain::id::AgentId;
use create::CreateArgs;
use listening::{EndpointsArgs, FallbackArgs};
use transfer::{ExportArgs, ImportArgs};

/// Show the agents, make and delete them
///
/// Without a command, lists them.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard agents
  cordboard agents create 'Front desk' --id desk --greeting 'Hello, how can I help?'
  cordboard agents show desk")]
pub struct AgentsArgs {
    #[command(subcommand)]
    command: Option<AgentsCommand>,
}

#[derive(Debug, Clone, Subcommand)]
enum AgentsCommand {
    /// List the agents
    #[command(after_help = "\
Examples:
  cordboard agents list --json")]
    List,
    /// Make an agent
    Create(CreateArgs),
    /// Show an agent, and what its environments serve
    #[command(
        visible_alias = "get",
        after_help = "\
Examples:
  cordboard agents show sales"
    )]
    Show {
        /// The agent
        agent: AgentId,
    },
    /// Delete an agent with its versions, and release its numbers
    ///
    /// Calls in progress keep what they began with. An agent that a split or the route files name stays.
    #[command(after_help = "\
Examples:
  cordboard agents delete desk")]
    Delete {
        /// The agent
        agent: AgentId,
        #[command(flatten)]
        assent: Assent,
    },
    /// Make an agent out of the draft of another one
    #[command(after_help = "\
Examples:
  cordboard agents duplicate sales 'Sales, evenings' --id sales-evenings")]
    Duplicate {
        /// The agent
        agent: AgentId,
        /// What the copy is called
        #[arg(value_name = "NAME")]
        name: String,
        /// The id of the copy [default: one is made]
        #[arg(long)]
        id: Option<AgentId>,
    },
    Endpoints(EndpointsArgs),
    Fallback(FallbackArgs),
    /// Write an agent with all its versions as one JSON document
    Export(ExportArgs),
    Import(ImportArgs),
}

/// The agent of a command that is about one, with or without a subcommand.
///
/// # Errors
/// [`Failure::Usage`] where none is named.
pub(super) fn named(agent: Option<&AgentId>) -> Result<&AgentId, Failure> {
    agent.ok_or_else(|| Failure::Usage("name the agent".to_owned()))
}

/// The path of an agent.
pub(super) fn path_of(agent: &AgentId) -> Path {
    Path::of("/v1/agents").segment(agent)
}

/// What its environments serve, `activeDeployments`.
pub(super) fn active(session: &Session<'_, '_>, agent: &AgentId) -> Result<Value, Failure> {
    let mut answer = session.get(&path_of(agent).segment("deployments").segment("active"))?.json();
    Ok(answer.get_mut("activeDeployments").map(Value::take).unwrap_or_default())
}

/// Whether anything of it is at `live`.
fn serves_live(session: &Session<'_, '_>, agent: &AgentId) -> Result<bool, Failure> {
    Ok(active(session, agent)?.get("live").is_some_and(|live| !live.is_null()))
}

impl Errand for AgentsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match self.command.as_ref().unwrap_or(&AgentsCommand::List) {
            AgentsCommand::List => {
                let reply = session.get(&Path::of("/v1/agents"))?;
                session.show(&reply, told_agents)
            }
            AgentsCommand::Create(create) => create.run(session),
            AgentsCommand::Show { agent } => show(session, agent),
            AgentsCommand::Delete { agent, assent } => delete(session, agent, *assent),
            AgentsCommand::Duplicate { agent, name, id } => {
                let body = json!({"newAgentName": name, "newAgentId": id});
                let reply = session.change("POST", &path_of(agent).segment("duplicate"), Some(&body))?;
                let copy = text_of(&reply.json(), "agentId");
                session.done(&reply, &format!("agent {copy} was made, as a copy of {agent}"))
            }
            AgentsCommand::Endpoints(endpoints) => endpoints.run(session),
            AgentsCommand::Fallback(fallback) => fallback.run(session),
            AgentsCommand::Export(export) => export.run(session),
            AgentsCommand::Import(import) => import.run(session),
        }
    }
}

fn show(session: &mut Session<'_, '_>, agent: &AgentId) -> Result<(), Failure> {
    let mut shown = session.get(&path_of(agent))?.json();
    let active = active(session, agent)?;
    if let Some(members) = shown.as_object_mut() {
        members.insert("activeDeployments".to_owned(), active);
    }
    if session.is_raw() {
        return session.terminal.say(&format!("{shown}\n"));
    }
    let told = told_agent(&shown, session.terminal.look);
    session.terminal.say(&told)
}

fn delete(session: &mut Session<'_, '_>, agent: &AgentId, assent: Assent) -> Result<(), Failure> {
    // What it serves at live, nobody serves any more, or whatever is behind it.
    assent.obtain(session, &format!("deleting agent {agent}"), |session| serves_live(session, agent))?;
    let reply = session.change("DELETE", &path_of(agent), None)?;
    session.done(&reply, &format!("agent {agent} is deleted"))
}

fn told_agents(answer: &Value, look: Look) -> String {
    let agents = answer.as_array().map(Vec::as_slice).unwrap_or_else(|| items(answer, "agents"));
    let row = |agent: &Value| {
        [
            text_of(agent, "agentId"),
            text_of(agent, "agentName"),
            time(agent, "createdAt"),
            time(agent, "updatedAt"),
        ]
    };
    let header = ["AGENT", "NAME", "CREATED", "CHANGED"];
    table(look, header, agents.iter().map(row), "there are no agents")
}

fn told_agent(agent: &Value, look: Look) -> String {
    let serves = |environment: &str| {
        let deployment = agent.get("activeDeployments").and_then(|active| active.get(environment));
        match deployment.filter(|deployment| !deployment.is_null()) {
            Some(deployment) => {
                let metadata = deployment.get("metadata").unwrap_or(&Value::Null);
                let version = version_of(metadata, "version_number");
                format!(
                    "{version}, since {} by {}",
                    time(deployment, "createdAt"),
                    text_of(deployment, "createdBy")
                )
            }
            None => NONE.to_owned(),
        }
    };
    labelled(
        look,
        [
            ("Agent", look.bold(text_of(agent, "agentId"))),
            ("Name", text_of(agent, "agentName")),
            ("Created", time(agent, "createdAt")),
            ("Changed", time(agent, "updatedAt")),
            ("Calls", most(agent)),
            ("Fallback", text_of(agent, "fallback")),
            ("sandbox", serves("sandbox")),
            ("pre-release", serves("pre-release")),
            ("live", serves("live")),
        ],
    )
}

fn most(agent: &Value) -> String {
    match agent.get("maxCallsInProgress") {
        Some(Value::Number(calls)) => format!("at most {calls} in progress"),
        _ => "as many as come".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn agents_are_listed_whether_bare_or_in_an_object() {
        let agents = json!([{"agentId": "sales", "agentName": "Sales"}]);
        let expected = "AGENT  NAME   CREATED  CHANGED\nsales  Sales  -        -\n";
        assert_eq!(told_agents(&agents, Look::default()), expected);
        assert_eq!(told_agents(&json!({"agents": agents}), Look::default()), expected);
        assert_eq!(told_agents(&json!(null), Look::default()), "there are no agents\n");
    }
}
