//! `deployments`: what environments serve and served.

use std::cmp::Reverse;

use clap::Args;
use serde_json::{Value, json};

use super::agents::{active, path_of};
use super::failure::Failure;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{items, text_in, text_of, time, version_of};
use super::written::environment;
use crate::domain::id::{AgentId, Environment};

/// List what was put into the environments of an agent, newest first
///
/// What serves now is marked with *.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard deployments sales
  cordboard deployments sales --environment live --limit 10")]
pub struct DeploymentsArgs {
    /// The agent
    agent: AgentId,
    /// Only of this environment: sandbox, pre-release or live
    #[arg(long, value_parser = environment)]
    environment: Option<Environment>,
    /// Most lines to show of an environment [default: 100]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
}

impl Errand for DeploymentsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let mut deployments = Vec::new();
        for environment in Environment::ALL {
            if self.environment.is_none_or(|only| only == environment) {
                let path = path_of(&self.agent).segment("deployments");
                let path = path.query("environment", Some(environment)).query("limit", self.limit);
                deployments.extend_from_slice(items(&session.get(&path)?.json(), "deployments"));
            }
        }
        // Their ids sort by time.
        deployments.sort_by_cached_key(|deployment| Reverse(text_of(deployment, "id")));
        if session.is_raw() {
            return session.terminal.say(&format!("{}\n", json!({"deployments": deployments})));
        }
        let active = active(session, &self.agent)?;
        let told = told(&deployments, &active, session.terminal.look);
        session.terminal.say(&told)
    }
}

fn told(deployments: &[Value], active: &Value, look: Look) -> String {
    let row = |deployment: &Value| {
        let metadata = deployment.get("metadata").unwrap_or(&Value::Null);
        let environment = text_of(deployment, "environment");
        let serving = active.get(&environment).and_then(|serving| text_in(serving, "id"));
        let serves = serving.is_some() && serving == text_in(deployment, "id");
        [
            if serves { format!("{environment} *") } else { environment },
            version_of(metadata, "version_number"),
            text_of(metadata, "version_name"),
            text_of(metadata, "deployment_type"),
            time(deployment, "createdAt"),
            text_of(deployment, "createdBy"),
            text_of(metadata, "deployment_message"),
            text_of(deployment, "id"),
        ]
    };
    let header = ["ENVIRONMENT", "VERSION", "NAME", "BY", "AT", "AUTHOR", "WHY", "DEPLOYMENT"];
    table(look, header, deployments.iter().map(row), "nothing was deployed yet")
}
