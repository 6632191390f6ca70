//! `revert`: what one publish brought, taken out of the draft.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};

use super::agents;
use super::client::{Question, Reply};
use super::compare;
use super::conflicts::{self, Conflicts, Said};
use super::failure::Failure;
use super::publishes::staging_of;
use super::session::{Errand, Session};
use super::table::Look;
use super::words::{clean, items, text_in, text_of, version_of};
use crate::domain::deployment::DeploymentId;
use crate::domain::id::{AgentId, Environment, VersionNumber};

/// What resolves a conflict without a value of its own.
const STRATEGIES: [&str; 2] = ["keep", "revert"];

/// Take out of the draft what one publish brought
///
/// What came later stays; of what was changed again since, you are asked one by one. Where there is no terminal to ask on, all of
/// it is listed, nothing is done, and the exit code is 1. No version and no environment changes before the next publish; numbers
/// that are pinned to the draft serve what is left at once.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard revert sales V3 --dry-run
  cordboard revert sales V3
  cordboard revert sales V3 --keep
  cordboard revert sales V3 --resolve topics[opening-hours].content=revert --resolve llm.temperature=0.4")]
pub struct RevertArgs {
    /// The agent
    agent: AgentId,
    /// The publish: the version that it made, or its id as `cordboard publishes` tells it
    #[arg(value_name = "V<n>|PUBLISH")]
    publish: Publish,
    /// Show what would become of the draft, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave all else that was changed again since as the draft has it
    #[arg(long, conflicts_with = "revert")]
    keep: bool,
    /// Take back all else that was changed again since, too
    #[arg(long)]
    revert: bool,
    /// Resolve a conflict: as the draft has it, as it was before the publish, or by a value in JSON, texts in quotes; may be given
    /// again
    #[arg(long, value_name = "FIELD=keep|revert|JSON")]
    resolve: Vec<ResolutionWritten>,
}

/// What was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publish {
    /// This version, the last time.
    Version(VersionNumber),
    /// What this put somewhere.
    Deployment(DeploymentId),
}

impl FromStr for Publish {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let version = VersionNumber::parse(text).map(Self::Version);
        version
            .or_else(|| DeploymentId::parse(text).map(Self::Deployment))
            .ok_or("expected a version: V1, V2 …, or the id of a publish")
    }
}

/// `topics[opening-hours].content=revert`: what is to become of a conflict.
#[derive(Debug, Clone, PartialEq)]
struct ResolutionWritten(Value);

impl FromStr for ResolutionWritten {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, _, said) = conflicts::read(text, &STRATEGIES)?;
        Ok(Self(match said {
            Said::Strategy(strategy) => json!({"field": field, "strategy": strategy}),
            Said::Value(value) => json!({"field": field, "strategy": "value", "value": value}),
        }))
    }
}

impl Errand for RevertArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let id = self.id(session)?;
        let conflicts = self.conflicts();
        if self.dry_run {
            let path = staging_of(&self.agent).segment("rollback").segment("preview");
            let reply = session.get(&path.query("change_track_id", Some(&id)))?;
            return session.show(&reply, |preview, look| self.told(&conflicts, preview, look));
        }
        let said = self.resolve.iter().map(|written| written.0.clone()).collect();
        let ask = |session: &Session<'_, '_>, said: &[Value], _| self.ask(session, &id, said);
        let reply = conflicts.settle(session, said, ask)?;
        let done = format!("the draft of {} is without what {} brought", self.agent, self.name());
        session.done(&reply, &done)
    }
}

impl RevertArgs {
    fn name(&self) -> String {
        match self.publish {
            Publish::Version(version) => version.to_string(),
            Publish::Deployment(id) => id.to_string(),
        }
    }

    /// The id of the publish; of a version, that of the last time that it was published.
    fn id(&self, session: &Session<'_, '_>) -> Result<String, Failure> {
        let wanted = match self.publish {
            Publish::Deployment(id) => return Ok(id.to_string()),
            Publish::Version(version) => version.to_string(),
        };
        let is_wanted = |deployment: &Value| {
            let metadata = deployment.get("metadata").unwrap_or(&Value::Null);
            text_in(metadata, "deployment_type") == Some("publish")
                && version_of(metadata, "version_number") == wanted
        };
        let mut found = None;
        for environment in Environment::ALL {
            let path = agents::path_of(&self.agent).segment("deployments");
            let path = path.query("environment", Some(environment)).query("limit", Some(1_000));
            let answer = session.get(&path)?.json();
            let ids = items(&answer, "deployments").iter().filter(|it| is_wanted(it));
            // Ids sort by time.
            found = found.max(ids.filter_map(|it| text_in(it, "id")).max().map(str::to_owned));
        }
        let nothing = || Failure::Nothing(format!("{wanted} of {} was not published", self.agent));
        found.ok_or_else(nothing)
    }

    fn ask(&self, session: &Session<'_, '_>, id: &str, said: &[Value]) -> Result<Reply, Failure> {
        let body = json!({"change_track_id": id, "resolutions": said});
        session.ask(Question {
            body: Some(body.to_string().into_bytes()),
            ..Question::of("PUT", &staging_of(&self.agent).segment("rollback"))
        })
    }

    fn conflicts(&self) -> Conflicts<'static> {
        Conflicts {
            between: format!("between what {} brought and what came later", self.name()),
            question: "Keep what the draft has, or revert it to what was there before, or quit?",
            ways: &[('k', "keep"), ('r', "revert")],
            all: if self.keep { Some("keep") } else { self.revert.then_some("revert") },
            place: |conflict| (text_of(conflict, "field"), conflict.get("entry").unwrap_or(&Value::Null)),
            sides: [("draft (keep)".to_owned(), "staging"), ("before (revert)".to_owned(), "base")],
            resolution: |conflict, strategy| {
                let [section, field] = ["section", "field"].map(|member| conflict.get(member));
                json!({"section": section, "field": field, "strategy": strategy})
            },
            hopeless: "there are ever more conflicts: edit the draft by hand",
        }
    }

    /// What would become of the draft.
    fn told(&self, conflicts: &Conflicts<'_>, preview: &Value, look: Look) -> String {
        let (agent, name) = (&self.agent, self.name());
        if preview.get("has_changes") != Some(&json!(true)) {
            return format!("the draft of {agent} has nothing left of what {name} brought\n");
        }
        let mut text = format!("the draft of {agent} without what {name} brought\n");
        for change in items(preview, "changes") {
            let [from, to] = ["staging", "after_revert"].map(|side| change.get(side).unwrap_or(&Value::Null));
            text += &compare::told_side(&clean(&text_of(change, "field")), from, to, look);
        }
        let open = items(preview, "conflicts");
        if !open.is_empty() {
            text += "\nchanged again since, and asked about\n";
        }
        open.iter().for_each(|conflict| text += &format!("{}\n", conflicts.told(conflict, look)));
        let numbers: Vec<String> =
            items(preview, "draft_numbers").iter().take(5).map(super::words::words).collect();
        match preview.get("draft_number_count").and_then(Value::as_u64) {
            None | Some(0) => {}
            Some(count) => {
                let more = if count > numbers.len() as u64 { " …" } else { "" };
                text += &format!(
                    "\nserved at once by the numbers at the draft ({count}): {}{more}\n",
                    numbers.join(", ")
                );
            }
        }
        text
    }
}
