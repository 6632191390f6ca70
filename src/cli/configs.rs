//! `configs`: values of an environment that are in force at once, outside versions.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::agents;
use super::failure::Failure;
use super::form;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, Session, is_stdin};
use super::table::{Look, labelled, table};
use super::words::{NONE, clean_lines, items, text_of, time, words};
use super::written::{ValueWritten, environment};
use crate::domain::id::{AgentId, Environment};

/// Largest file of a schema or of values, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Show and change the real-time configs of an agent
///
/// An environment has values that are in the next decision at once, that of calls in progress too; they are outside versions. A
/// JSON Schema says what they must be like.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  cordboard configs sales
  cordboard configs show sales live
  cordboard configs set sales sandbox tier=gold retries=3"
)]
pub struct ConfigsArgs {
    #[command(subcommand)]
    command: Option<ConfigsCommand>,
    /// The agent
    #[arg(required = true)]
    agent: Option<AgentId>,
}

#[derive(Debug, Clone, Subcommand)]
enum ConfigsCommand {
    /// List the environments, each with the names of its values
    #[command(after_help = "\
Examples:
  cordboard configs list sales --json")]
    List {
        /// The agent
        agent: AgentId,
    },
    /// Show the values of an environment, and their schema
    #[command(
        visible_alias = "get",
        after_help = "\
Examples:
  cordboard configs show sales live
  cordboard configs show sales sandbox --json"
    )]
    Show {
        /// The agent
        agent: AgentId,
        /// The environment: sandbox, pre-release or live
        #[arg(value_parser = environment)]
        environment: Environment,
    },
    /// Set some values of an environment; the others stay
    ///
    /// A value is read as JSON where it is JSON, else as a text; a text that looks like a number stands in quotes: 'code="24"'.
    /// null is a value like others.
    #[command(after_help = "\
Examples:
  cordboard configs set sales sandbox tier=gold retries=3
  cordboard configs set sales live 'hours={\"from\":9,\"to\":17}' --yes")]
    Set {
        /// The agent
        agent: AgentId,
        /// The environment: sandbox, pre-release or live
        #[arg(value_parser = environment)]
        environment: Environment,
        /// A name and its value
        #[arg(required = true, value_name = "NAME=VALUE")]
        values: Vec<ValueWritten>,
        #[command(flatten)]
        assent: Assent,
    },
    Schema(SchemaArgs),
}

/// Give an environment another schema
///
/// The values that are there must fit it, or those that come along.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard configs schema sales sandbox schema.json
  cordboard configs schema sales live - --variables values.toml --yes")]
struct SchemaArgs {
    /// The agent
    agent: AgentId,
    /// The environment: sandbox, pre-release or live
    #[arg(value_parser = environment)]
    environment: Environment,
    /// The schema, JSON Schema draft 7, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Other values, JSON or TOML, that take the place of all there are; or - for standard input
    #[arg(long, value_name = "FILE")]
    variables: Option<PathBuf>,
    #[command(flatten)]
    assent: Assent,
}

fn path_of(agent: &AgentId) -> Path {
    agents::path_of(agent).segment("real-time-configs")
}

impl Errand for ConfigsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            Some(command) => command.run(session),
            None => list(session, agents::named(self.agent.as_ref())?),
        }
    }
}

fn list(session: &mut Session<'_, '_>, agent: &AgentId) -> Result<(), Failure> {
    let reply = session.get(&path_of(agent))?;
    session.show(&reply, told_pages)
}

impl ConfigsCommand {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List { agent } => list(session, agent),
            Self::Show { agent, environment } => {
                let reply = session.get(&path_of(agent).segment(environment))?;
                session.show(&reply, told_page)
            }
            Self::Set { agent, environment, values, assent } => {
                let body = json!({"variables": object_of(values)?});
                let doing = format!("setting values of {agent}");
                assent.obtain(session, &doing, |_| Ok(*environment == Environment::Live))?;
                let path = path_of(agent).segment(environment).segment("variables");
                let reply = session.change("PATCH", &path, Some(&body))?;
                session.done(&reply, &format!("the values of {agent} at {environment} are set"))
            }
            Self::Schema(schema) => schema.run(session),
        }
    }
}

impl SchemaArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, environment, file, variables, assent } = self;
        if is_stdin(file) && variables.as_deref().is_some_and(is_stdin) {
            return Err(Failure::Usage("standard input can be read only once: name a file".to_owned()));
        }
        let text = session.read_text(file, FILE_BYTES_MAX)?;
        let schema: Value = serde_json::from_str(&text)
            .map_err(|why| Failure::Usage(format!("{} is no JSON: {why}", file.display())))?;
        let mut body = Map::from_iter([("schema".to_owned(), schema)]);
        if let Some(file) = variables {
            let text = session.read_text(file, FILE_BYTES_MAX)?;
            let values =
                form::read(&text).map_err(|why| Failure::Usage(format!("{} {why}", file.display())))?;
            body.insert("variables".to_owned(), values);
            // A schema by itself changes no decision.
            let doing = format!("replacing the values of {agent}");
            assent.obtain(session, &doing, |_| Ok(*environment == Environment::Live))?;
        }
        let path = path_of(agent).segment(environment).segment("schema");
        let reply = session.change("PUT", &path, Some(&Value::Object(body)))?;
        session.done(&reply, &format!("the schema of {agent} at {environment} is what was sent"))
    }
}

/// Values by their names.
fn object_of(values: &[ValueWritten]) -> Result<Value, Failure> {
    let mut members = Map::new();
    for ValueWritten { name, value } in values {
        if members.insert(name.clone(), value.clone()).is_some() {
            return Err(Failure::Usage(format!("{name} is given twice")));
        }
    }
    Ok(Value::Object(members))
}

/// A member that is there, and more than null.
fn present<'v>(page: &'v Value, member: &str) -> Option<&'v Value> {
    page.get(member).filter(|value| !value.is_null())
}

fn told_pages(answer: &Value, look: Look) -> String {
    let row = |page: &Value| {
        let names = page.get("variables").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let names: Vec<Value> = names.map(|name| json!(name)).collect();
        [
            text_of(page, "clientEnv"),
            words(&Value::Array(names)),
            words(&json!(present(page, "schema").is_some())),
            time(page, "lastUpdated"),
        ]
    };
    let header = ["ENVIRONMENT", "VALUES", "SCHEMA", "CHANGED"];
    table(look, header, items(answer, "configPages").iter().map(row), "there are no environments")
}

fn told_page(page: &Value, look: Look) -> String {
    let head = labelled(
        look,
        [("Environment", look.bold(text_of(page, "clientEnv"))), ("Changed", time(page, "lastUpdated"))],
    );
    let shown = |value: Option<&Value>, text: fn(&Value) -> String| match value {
        Some(value) => clean_lines(&text(value)),
        None => format!("{NONE}\n"),
    };
    let parts = [
        ("Values", shown(present(page, "variables"), form::to_text)),
        ("Schema", shown(present(page, "schema"), |schema| format!("{schema:#}\n"))),
    ];
    let parts = parts.map(|(title, text)| format!("\n{}\n{text}", look.dim(title)));
    head + &parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_with_its_values_and_its_schema() {
        let page = json!({"clientEnv": "live", "variables": {"tier": "gold", "retries": 3},
            "schema": {"type": "object"}, "lastUpdated": "2026-01-01T00:00:00.000Z"});
        let empty = json!({"clientEnv": "sandbox", "variables": null, "schema": null, "lastUpdated": null});
        assert_eq!(
            told_page(&page, Look::default()),
            "\
Environment  live
Changed      2026-01-01T00:00:00Z

Values
retries = 3
tier = \"gold\"

Schema
{
  \"type\": \"object\"
}
"
        );
        assert_eq!(
            told_page(&empty, Look::default()),
            "Environment  sandbox\nChanged      -\n\nValues\n-\n\nSchema\n-\n"
        );
        assert_eq!(
            told_pages(&json!({"configPages": [empty, page]}), Look::default()),
            "\
ENVIRONMENT  VALUES         SCHEMA  CHANGED
sandbox      -              no      -
live         retries, tier  yes     2026-01-01T00:00:00Z
"
        );
    }
}
