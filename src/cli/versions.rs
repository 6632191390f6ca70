//! `versions`: what of an agent can be pinned.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::agents;
use super::failure::Failure;
use super::form;
use super::page::Page;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, labelled, table};
use super::words::{items, short_hash, text_of, time, version_of, words};
use super::written::{version, version_or_draft};
use crate::domain::id::{AgentId, Pin, VersionNumber};

/// Show the versions of an agent, save one, restore one
///
/// The draft comes first, then the versions, newest first, each with the environments it is deployed to and how many
/// numbers are pinned to it.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  cordboard versions sales
  cordboard versions show sales V3
  cordboard versions save sales 'Shorter greeting'"
)]
pub struct VersionsArgs {
    #[command(subcommand)]
    command: Option<VersionsCommand>,
    /// The agent
    #[arg(required = true)]
    agent: Option<AgentId>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Clone, Subcommand)]
enum VersionsCommand {
    /// List the versions of an agent
    #[command(after_help = "\
Examples:
  cordboard versions list sales
  cordboard versions list sales --limit 1000")]
    List {
        /// The agent
        agent: AgentId,
        #[command(flatten)]
        page: Page,
    },
    /// Show a version with its configuration
    #[command(
        visible_alias = "get",
        after_help = "\
Examples:
  cordboard versions show sales V3
  cordboard versions show sales draft --json"
    )]
    Show {
        /// The agent
        agent: AgentId,
        /// The version: V<n>, or draft
        #[arg(value_parser = version_or_draft)]
        version: Pin,
    },
    /// Save the draft as the next version
    ///
    /// The draft stays as it is, and no environment changes.
    #[command(after_help = "\
Examples:
  cordboard versions save sales 'Shorter greeting'
  cordboard versions save sales 'Shorter greeting' --description 'As asked for by the call centre'")]
    Save {
        /// The agent
        agent: AgentId,
        /// A name for people
        name: String,
        /// A text for people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Copy a version over the draft
    ///
    /// No environment changes; numbers that are pinned to the draft serve it at once.
    #[command(after_help = "\
Examples:
  cordboard versions restore sales V3")]
    Restore {
        /// The agent
        agent: AgentId,
        /// The version
        #[arg(value_parser = version)]
        version: VersionNumber,
    },
}

fn path_of(agent: &AgentId) -> Path {
    agents::path_of(agent).segment("versions")
}

impl Errand for VersionsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            Some(command) => command.run(session),
            None => list(session, agents::named(self.agent.as_ref())?, &self.page),
        }
    }
}

fn list(session: &mut Session<'_, '_>, agent: &AgentId, page: &Page) -> Result<(), Failure> {
    page.show(session, path_of(agent), told_versions)
}

impl VersionsCommand {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List { agent, page } => list(session, agent, page),
            Self::Show { agent, version } => {
                let reply = session.get(&path_of(agent).segment(version))?;
                session.show(&reply, told_version)
            }
            Self::Save { agent, name, description } => {
                let body = json!({"name": name, "description": description});
                let reply = session.change("POST", &path_of(agent), Some(&body))?;
                let saved = version_of(&reply.json(), "number");
                session.done(&reply, &format!("the draft of {agent} was saved as {saved}"))
            }
            Self::Restore { agent, version } => {
                let path = path_of(agent).segment(version).segment("restore");
                let reply = session.change("POST", &path, None)?;
                session.done(&reply, &format!("the draft of {agent} is what {version} is"))
            }
        }
    }
}

fn told_versions(answer: &Value, look: Look) -> String {
    let row = |version: &Value| {
        [
            version_of(version, "number"),
            text_of(version, "name"),
            version.get("environments").map_or_else(|| words(&Value::Null), words),
            text_of(version, "pinnedNumbers"),
            text_of(version, "author"),
            time(version, "createdAt"),
            short_hash(version, "hash"),
        ]
    };
    let header = ["VERSION", "NAME", "ENVIRONMENTS", "NUMBERS", "AUTHOR", "CREATED", "HASH"];
    table(look, header, items(answer, "versions").iter().map(row), "there are no versions")
}

fn told_version(version: &Value, look: Look) -> String {
    let head = labelled(
        look,
        [
            ("Version", look.bold(version_of(version, "number"))),
            ("Name", text_of(version, "name")),
            ("Description", text_of(version, "description")),
            ("Serves", text_of(version, "environments")),
            ("Numbers", text_of(version, "pinnedNumbers")),
            ("Author", text_of(version, "author")),
            ("Created", time(version, "createdAt")),
            ("Hash", text_of(version, "hash")),
        ],
    );
    let config = version.get("configuration").unwrap_or(&Value::Null);
    format!("{head}\n{}", super::words::clean_lines(&form::to_text(config)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_draft_is_told_from_the_versions() {
        let answer = json!({"versions": [
            {"number": null, "draft": true, "hash": "00112233445566778899aabbccddeeff", "environments": []},
            {"number": 3, "name": "V3", "author": "ann", "createdAt": "2026-01-01T00:00:00.000Z", "pinnedNumbers": 2,
             "hash": "ffeeddccbbaa99887766554433221100", "environments": ["sandbox", "live"]}
        ]});
        assert_eq!(
            told_versions(&answer, Look::default()),
            "\
VERSION  NAME  ENVIRONMENTS   NUMBERS  AUTHOR  CREATED               HASH
draft    -     -              -        -       -                     00112233
V3       V3    sandbox, live  2        ann     2026-01-01T00:00:00Z  ffeeddcc
"
        );
    }
}
