//! `default-route`: where everything else goes.

use clap::{Args, Subcommand};

use super::destination::{self, DestinationArgs};
use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, Session};

/// Show and change where everything else goes
///
/// The default route serves numbers that have no route of their own and no prefix.
#[derive(Debug, Clone, Args)]
pub struct DefaultRouteArgs {
    #[command(subcommand)]
    command: DefaultRouteCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum DefaultRouteCommand {
    /// Show the default route
    #[command(
        visible_alias = "show",
        after_help = "\
Examples:
  cordboard default-route get"
    )]
    Get,
    /// Set the default route
    #[command(after_help = "\
Examples:
  cordboard default-route put --agent reception --pin V2
  cordboard default-route put --agent reception --pin live --yes")]
    Put {
        #[command(flatten)]
        destination: DestinationArgs,
        #[command(flatten)]
        assent: Assent,
    },
    /// Remove the default route
    #[command(after_help = "\
Examples:
  cordboard default-route delete --yes")]
    Delete {
        #[command(flatten)]
        assent: Assent,
    },
}

impl Errand for DefaultRouteArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let (path, what) = (Path::of("/v1/default-route"), "the default route");
        match &self.command {
            DefaultRouteCommand::Get => destination::get(session, &path),
            DefaultRouteCommand::Put { destination, assent } => {
                destination::put(session, &path, what, &destination.to_json(), *assent)
            }
            DefaultRouteCommand::Delete { assent } => destination::delete(session, &path, what, *assent),
        }
    }
}
