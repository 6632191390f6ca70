//! `connectors`: what numbers of an agent share.

mod numbers;
mod set;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::agents;
use super::failure::Failure;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, labelled, table};
use super::words::{items, text_in, text_of};
use crate::domain::id::{AgentId, ConnectorId};
use crate::domain::words::counted;
use numbers::{ImportArgs, NumbersArgs};
use set::SetArgs;

/// Show and change the connectors of an agent, and import numbers to them
///
/// A connector is the environment, site variant, language and voice that numbers of an agent share. It is made with the first
/// numbers that are imported to its environment.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  cordboard connectors sales
  cordboard connectors import sales +14155550100 --to sandbox
  cordboard connectors set sales CONNECTOR-0A1B2C3D --asr-language en-US"
)]
pub struct ConnectorsArgs {
    #[command(subcommand)]
    command: Option<ConnectorsCommand>,
    /// The agent
    #[arg(required = true)]
    agent: Option<AgentId>,
}

#[derive(Debug, Clone, Subcommand)]
enum ConnectorsCommand {
    /// List the connectors of an agent
    #[command(after_help = "\
Examples:
  cordboard connectors list sales --json")]
    List {
        /// The agent
        agent: AgentId,
    },
    /// Show a connector
    #[command(
        visible_alias = "get",
        after_help = "\
Examples:
  cordboard connectors show sales CONNECTOR-0A1B2C3D"
    )]
    Show {
        /// The agent
        agent: AgentId,
        /// The connector
        connector: ConnectorId,
    },
    Set(SetArgs),
    /// Delete a connector, and release its numbers
    ///
    /// You are asked first, and told how many numbers it has.
    #[command(after_help = "\
Examples:
  cordboard connectors delete sales CONNECTOR-0A1B2C3D
  cordboard connectors delete sales CONNECTOR-0A1B2C3D --yes")]
    Delete {
        /// The agent
        agent: AgentId,
        /// The connector
        connector: ConnectorId,
        /// Do not ask before its numbers are released
        #[arg(long, short = 'y')]
        yes: bool,
    },
    Numbers(NumbersArgs),
    Import(ImportArgs),
}

fn path_of(agent: &AgentId) -> Path {
    agents::path_of(agent).segment("telephony").segment("connectors")
}

impl Errand for ConnectorsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            Some(command) => command.run(session),
            None => list(session, agents::named(self.agent.as_ref())?),
        }
    }
}

fn list(session: &mut Session<'_, '_>, agent: &AgentId) -> Result<(), Failure> {
    let reply = session.get(&path_of(agent))?;
    session.show(&reply, told_connectors)
}

impl ConnectorsCommand {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List { agent } => list(session, agent),
            Self::Show { agent, connector } => {
                let reply = session.get(&path_of(agent).segment(connector))?;
                session.show(&reply, told_connector)
            }
            Self::Set(set) => set.run(session),
            Self::Delete { agent, connector, yes } => delete(session, agent, connector, *yes),
            Self::Numbers(numbers) => numbers.run(session),
            Self::Import(import) => import.run(session),
        }
    }
}

fn delete(
    session: &mut Session<'_, '_>,
    agent: &AgentId,
    connector: &ConnectorId,
    yes: bool,
) -> Result<(), Failure> {
    if !yes {
        let had = session.get(&numbers::path_of(agent).query("connectorId", Some(connector)))?.json();
        let more = if text_in(&had, "nextCursor").is_some() { "more than " } else { "" };
        let count = counted(items(&had, "phoneNumbers").len(), "number");
        session
            .terminal
            .agree(&format!("deleting connector {connector} of {agent} releases {more}{count}"))?;
    }
    let reply = session.change("DELETE", &path_of(agent).segment(connector), None)?;
    let released = counted(items(&reply.json(), "deletedPhoneNumbers").len(), "number");
    session.done(&reply, &format!("connector {connector} of {agent} is deleted, with {released} released"))
}

fn told_connectors(answer: &Value, look: Look) -> String {
    let row = |connector: &Value| {
        ["connectorId", "name", "clientEnv", "variantId", "asrLangCode", "voiceName"]
            .map(|member| text_of(connector, member))
    };
    let header = ["CONNECTOR", "NAME", "ENVIRONMENT", "SITE VARIANT", "LISTENS FOR", "VOICE"];
    table(look, header, items(answer, "connectors").iter().map(row), "there are no connectors")
}

fn told_connector(connector: &Value, look: Look) -> String {
    let lines = [
        ("Name", "name"),
        ("Environment", "clientEnv"),
        ("Site variant", "variantId"),
        ("Listens for", "asrLangCode"),
        ("Speaks", "ttsLangCode"),
        ("Voice", "voiceName"),
        ("No handoff", "disableHandoff"),
    ];
    let head = ("Connector", look.bold(text_of(connector, "connectorId")));
    let lines = lines.map(|(label, member)| (label, text_of(connector, member)));
    labelled(look, [head].into_iter().chain(lines))
}
