//! `prefixes`: where numbers by their first digits go.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::destination::{self, DestinationArgs};
use super::failure::Failure;
use super::live::Assent;
use super::page::Page;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{items, text_of};
use super::written::prefix;
use crate::domain::address::Prefix;

/// Show and change where numbers by their first digits go
///
/// A prefix serves numbers that have no route of their own; the longest that fits wins.
#[derive(Debug, Clone, Args)]
pub struct PrefixesArgs {
    #[command(subcommand)]
    command: PrefixesCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum PrefixesCommand {
    /// List the prefixes
    #[command(after_help = "\
Examples:
  cordboard prefixes list")]
    List(Page),
    /// Show where a prefix goes
    #[command(
        visible_alias = "show",
        after_help = "\
Examples:
  cordboard prefixes get +1415"
    )]
    Get {
        /// The prefix: + and 1 to 15 digits
        #[arg(value_parser = prefix)]
        prefix: Prefix,
    },
    /// Route a prefix
    #[command(after_help = "\
Examples:
  cordboard prefixes put +1415 --agent sales --pin V3
  cordboard prefixes put +1415 --split spring-prompt --yes")]
    Put {
        /// The prefix: + and 1 to 15 digits
        #[arg(value_parser = prefix)]
        prefix: Prefix,
        #[command(flatten)]
        destination: DestinationArgs,
        #[command(flatten)]
        assent: Assent,
    },
    /// Release a prefix
    #[command(after_help = "\
Examples:
  cordboard prefixes delete +1415")]
    Delete {
        /// The prefix
        #[arg(value_parser = prefix)]
        prefix: Prefix,
        #[command(flatten)]
        assent: Assent,
    },
}

impl Errand for PrefixesArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let all = Path::of("/v1/prefixes");
        match &self.command {
            PrefixesCommand::List(page) => page.show(session, all, told),
            PrefixesCommand::Get { prefix } => destination::get(session, &all.segment(prefix)),
            PrefixesCommand::Put { prefix, destination, assent } => {
                let what = format!("prefix {prefix}");
                destination::put(session, &all.segment(prefix), &what, &destination.to_json(), *assent)
            }
            PrefixesCommand::Delete { prefix, assent } => {
                destination::delete(session, &all.segment(prefix), &format!("prefix {prefix}"), *assent)
            }
        }
    }
}

fn told(answer: &Value, look: Look) -> String {
    let row = |route: &Value| {
        let [to, .., managed_by] = destination::columns(route);
        [text_of(route, "prefix"), to, managed_by]
    };
    let header = ["PREFIX", "GOES TO", "MANAGED BY"];
    table(look, header, items(answer, "prefixes").iter().map(row), "there are no prefixes")
}
