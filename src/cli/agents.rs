//! `agents` and `versions`: what can serve.

use clap::Args;
use serde_json::Value;

use super::failure::Failure;
use super::page::Page;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{items, short_hash, text_of, time, words};
use crate::domain::id::AgentId;

/// List the agents
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard agents")]
pub struct AgentsArgs {}

impl Errand for AgentsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let reply = session.get(&Path::of("/v1/agents"))?;
        session.show(&reply, told_agents)
    }
}

/// List the versions of an agent
///
/// The draft comes first, then the versions, newest first, each with the environments it is deployed to and how many
/// numbers are pinned to it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard versions sales")]
pub struct VersionsArgs {
    /// The agent
    agent: AgentId,
    #[command(flatten)]
    page: Page,
}

impl Errand for VersionsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = Path::of("/v1/agents").segment(&self.agent).segment("versions");
        self.page.show(session, path, told_versions)
    }
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

fn told_versions(answer: &Value, look: Look) -> String {
    let row = |version: &Value| {
        [
            match version.get("number") {
                Some(Value::Number(number)) => format!("V{number}"),
                _ => "draft".to_owned(),
            },
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

    #[test]
    fn agents_are_listed_whether_bare_or_in_an_object() {
        let agents = json!([{"agentId": "sales", "agentName": "Sales"}]);
        let expected = "AGENT  NAME   CREATED  CHANGED\nsales  Sales  -        -\n";
        assert_eq!(told_agents(&agents, Look::default()), expected);
        assert_eq!(told_agents(&json!({"agents": agents}), Look::default()), expected);
        assert_eq!(told_agents(&json!(null), Look::default()), "there are no agents\n");
    }
}
