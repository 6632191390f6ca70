//! `connectors numbers` and `connectors import`: numbers that come by a connector.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::agents;
use crate::cli::failure::Failure;
use crate::cli::live::Assent;
use crate::cli::page;
use crate::cli::path::Path;
use crate::cli::session::Session;
use crate::cli::table::{Look, table};
use crate::cli::words::{items, text_of};
use crate::cli::written::{environment, number};
use crate::domain::address::Number;
use crate::domain::id::{AgentId, ConnectorId, Environment};
use crate::domain::words::counted;

/// List the numbers of an agent that came by a connector
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard connectors numbers sales
  cordboard connectors numbers sales --connector CONNECTOR-0A1B2C3D --json")]
pub(super) struct NumbersArgs {
    /// The agent
    agent: AgentId,
    /// Only those of this connector
    #[arg(long, value_name = "ID")]
    connector: Option<ConnectorId>,
    /// Where to go on, as the end of the page before says
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    cursor: Option<Number>,
}

/// Take numbers in, all or none, and pin them to an environment
///
/// The connector of that environment is made if there is none.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard connectors import sales +14155550100 +14155550101 --to sandbox
  cordboard connectors import sales +14155550100 --yes")]
pub(super) struct ImportArgs {
    /// The agent
    agent: AgentId,
    /// A number, or a SIP user
    #[arg(required = true, value_name = "NUMBER", value_parser = number)]
    numbers: Vec<Number>,
    /// The environment: sandbox, pre-release or live
    #[arg(long = "to", value_name = "ENVIRONMENT", value_parser = environment, default_value = "live")]
    environment: Environment,
    #[command(flatten)]
    assent: Assent,
}

/// The path of the numbers of an agent that came by a connector.
pub(super) fn path_of(agent: &AgentId) -> Path {
    agents::path_of(agent).segment("telephony").segment("phone-numbers")
}

impl NumbersArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, connector, cursor } = self;
        let path = path_of(agent).query("connectorId", connector.as_ref()).query("cursor", cursor.as_ref());
        page::show(session, &path, told)
    }
}

impl ImportArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, numbers, environment, assent } = self;
        let doing = format!("importing numbers of {agent}");
        assent.obtain(session, &doing, |_| Ok(*environment == Environment::Live))?;
        let body = json!({"phoneNumbers": numbers, "clientEnv": environment});
        let reply = session.change("POST", &path_of(agent), Some(&body))?;
        let count = items(&reply.json(), "imported").len();
        let are = if count == 1 { "is" } else { "are" };
        let count = counted(count, "number");
        session.done(&reply, &format!("{count} of {agent} {are} pinned to {environment}"))
    }
}

fn told(answer: &Value, look: Look) -> String {
    let row = |number: &Value| ["number", "clientEnv", "connectorId"].map(|member| text_of(number, member));
    let header = ["NUMBER", "ENVIRONMENT", "CONNECTOR"];
    table(look, header, items(answer, "phoneNumbers").iter().map(row), "no number came by a connector")
}
