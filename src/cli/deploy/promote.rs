//! `promote`: what an environment serves into a later one.

use std::str::FromStr;

use clap::Args;
use serde_json::json;

use super::{HowArgs, Release, told};
use crate::cli::agents::{active, path_of};
use crate::cli::failure::Failure;
use crate::cli::session::{Errand, Session};
use crate::cli::words::text_in;
use crate::cli::written::environment;
use crate::domain::deployment::DeploymentId;
use crate::domain::id::{AgentId, Environment};

/// Put what an environment serves into the next one, or a later one
///
/// Before live, what it comes to is shown and put to you.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard promote sales
  cordboard promote sales --from pre-release --to live
  cordboard promote sales --to live --dry-run
  cordboard promote sales --from pre-release --yes --json")]
pub struct PromoteArgs {
    /// The agent
    agent: AgentId,
    /// What is promoted: what an environment serves, or a deployment by its id
    #[arg(long, value_name = "ENVIRONMENT|DEPLOYMENT", default_value = "sandbox")]
    from: Origin,
    /// Where to: pre-release or live [default: the next environment]
    #[arg(long, value_name = "ENVIRONMENT", value_parser = environment)]
    to: Option<Environment>,
    #[command(flatten)]
    how: HowArgs,
}

/// What is promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// What this serves.
    Environment(Environment),
    /// What this brought.
    Deployment(DeploymentId),
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let environment = Environment::parse(text).map(Self::Environment);
        environment
            .or_else(|| DeploymentId::parse(text).map(Self::Deployment))
            .ok_or("expected sandbox, pre-release, or the id of a deployment")
    }
}

impl Errand for PromoteArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, from, to, how } = self;
        let (deployment, next) = match from {
            Origin::Deployment(deployment) => (deployment.to_string(), None),
            Origin::Environment(from) => {
                let active = active(session, agent)?;
                let serving = active.get(from.as_str()).and_then(|deployment| text_in(deployment, "id"));
                let nothing = || Failure::Nothing(format!("nothing of {agent} is deployed to {from}"));
                let next = from.next();
                (serving.ok_or_else(nothing)?.to_owned(), next)
            }
        };
        let release = Release {
            path: path_of(agent).segment("deployments").segment(deployment).segment("promote"),
            body: json!({"targetEnvironment": to}),
            of_draft: false,
            reached: to.or(next),
            what: format!("promoting {agent}"),
            how,
        };
        release.run(session, |answer| {
            let (what, environment) = told::deployed(answer);
            format!("{what} was promoted to {environment}")
        })
    }
}
