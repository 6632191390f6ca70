//! `publish`: the draft into an environment.

use clap::Args;
use serde_json::json;

use super::{HowArgs, Release, told};
use crate::cli::agents::path_of;
use crate::cli::failure::Failure;
use crate::cli::session::{Errand, Session};
use crate::cli::written::environment;
use crate::domain::id::{AgentId, Environment};

/// Put the draft of an agent into an environment
///
/// The draft is saved as a version first, unless the newest version is the same. Where the environment serves just that,
/// nothing is changed, and the exit code is 1. Before live, what it comes to is shown and put to you.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard publish sales
  cordboard publish sales --name 'Shorter greeting' -m 'As asked for by the call centre'
  cordboard publish sales --to live --dry-run
  cordboard publish sales --to live --yes --json")]
pub struct PublishArgs {
    /// The agent
    agent: AgentId,
    /// The environment: sandbox, pre-release or live
    #[arg(long, value_name = "ENVIRONMENT", default_value = "sandbox", value_parser = environment)]
    to: Environment,
    /// A name for the version that is saved, if one is [default: V<n>]
    #[arg(long)]
    name: Option<String>,
    /// A text for it [default: the message]
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    how: HowArgs,
}

impl Errand for PublishArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, to, name, description, how } = self;
        let release = Release {
            path: path_of(agent).segment("deployments").segment("publish"),
            body: json!({"environment": to, "versionName": name, "versionDescription": description}),
            of_draft: true,
            reached: Some(*to),
            what: format!("publishing {agent}"),
            how,
        };
        release.run(session, |answer| {
            let (what, environment) = told::deployed(answer);
            format!("{what} was published to {environment}")
        })
    }
}
