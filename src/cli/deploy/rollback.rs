//! `rollback`: what an environment served before.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};

use super::{HowArgs, Release, told};
use crate::cli::agents::path_of;
use crate::cli::failure::Failure;
use crate::cli::session::{Errand, Session};
use crate::cli::words::{items, text_in, version_of};
use crate::cli::written::environment;
use crate::domain::deployment::DeploymentId;
use crate::domain::id::{AgentId, Environment, VersionNumber};

/// Put back what an environment served before
///
/// New calls get it from the revision on that is told; calls in progress keep what they began with, unless they are told
/// to move. Before live, what it comes to is shown and put to you.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard rollback sales
  cordboard rollback sales live --to V3 -m 'V4 hangs up'
  cordboard rollback sales --dry-run
  cordboard rollback sales sandbox --yes --json")]
pub struct RollbackArgs {
    /// The agent
    agent: AgentId,
    /// The environment: sandbox, pre-release or live
    #[arg(value_name = "ENVIRONMENT", default_value = "live", value_parser = environment)]
    environment: Environment,
    /// What it is to serve: a version that it served, or a deployment of it [default: what it served before, and after a rollback before that]
    #[arg(long, value_name = "V<n>|DEPLOYMENT")]
    to: Option<Earlier>,
    #[command(flatten)]
    how: HowArgs,
}

/// What an environment served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    /// This version.
    Version(VersionNumber),
    /// What this brought.
    Deployment(DeploymentId),
}

impl FromStr for Earlier {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let version = VersionNumber::parse(text).map(Self::Version);
        version
            .or_else(|| DeploymentId::parse(text).map(Self::Deployment))
            .ok_or("expected a version: V1, V2 …, or the id of a deployment")
    }
}

impl Errand for RollbackArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, environment, how, .. } = self;
        let deployments = path_of(agent).segment("deployments");
        let list = deployments.clone().query("environment", Some(environment)).query("limit", Some(1_000));
        let history = session.get(&list)?.json();
        let target = self.target(items(&history, "deployments"))?;
        let serving = items(&history, "deployments").first().and_then(|serving| text_in(serving, "id"));
        let release = Release {
            path: deployments.segment(target).segment("rollback"),
            body: json!({}),
            of_draft: false,
            reached: Some(*environment),
            what: format!("rolling back {agent}"),
            how,
        };
        release.run(session, |answer| {
            let (what, environment) = told::deployed(answer);
            let made = answer.get("deployment").and_then(|deployment| text_in(deployment, "id"));
            if made == serving {
                format!("{what} serves {environment} already")
            } else {
                format!("{what} serves {environment} again")
            }
        })
    }
}

impl RollbackArgs {
    /// The id of the deployment to go back to; the newest deployment comes first.
    fn target(&self, history: &[Value]) -> Result<String, Failure> {
        let Self { agent, environment, .. } = self;
        let version = |deployment: &Value| {
            deployment
                .get("metadata")
                .map(|metadata| version_of(metadata, "version_number"))
                .unwrap_or_default()
        };
        let id = |deployment: &Value| text_in(deployment, "id").map(str::to_owned);
        let found = match self.to {
            Some(Earlier::Deployment(wanted)) => {
                let wanted = wanted.to_string();
                history.iter().filter_map(id).find(|id| *id == wanted)
            }
            Some(Earlier::Version(wanted)) => {
                history.iter().find(|deployment| version(deployment) == wanted.to_string()).and_then(id)
            }
            None => {
                let serving = history.first().map(version);
                let others = |deployment: &&Value| Some(version(deployment)) != serving;
                // What a rollback brought served before: from there it goes on back, and not forth again.
                let first = history
                    .iter()
                    .position(|deployment| Some(version(deployment)) == serving && !is_rollback(deployment));
                history.iter().skip(first.unwrap_or_default()).find(others).and_then(id)
            }
        };
        found.ok_or_else(|| {
            Failure::Nothing(match self.to {
                Some(Earlier::Deployment(_)) => format!("{environment} of {agent} has no such deployment"),
                Some(Earlier::Version(version)) => format!("{environment} of {agent} never served {version}"),
                None => format!("{environment} of {agent} served nothing else before"),
            })
        })
    }
}

fn is_rollback(deployment: &Value) -> bool {
    let kind = deployment.get("metadata").and_then(|metadata| text_in(metadata, "deployment_type"));
    kind == Some("rollback")
}
