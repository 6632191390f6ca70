//! `numbers`: which number goes where.

mod import;
mod progress;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::destination::{self, DestinationArgs};
use super::failure::Failure;
use super::live::Assent;
use super::page::Page;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{items, text_of};
use super::written::{number, object, pair, pin};
use crate::domain::address::{Number, Prefix};
use crate::domain::id::{AgentId, Pin, SiteVariantId, SplitId};
use import::ImportArgs;
pub(super) use progress::Progress;

/// Show and change which number goes where
#[derive(Debug, Clone, Args)]
pub struct NumbersArgs {
    #[command(subcommand)]
    command: NumbersCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum NumbersCommand {
    /// List numbers, in their order
    #[command(after_help = "\
Examples:
  cordboard numbers list
  cordboard numbers list --agent sales --pin live --limit 1000
  cordboard numbers list --prefix +1415 --json")]
    List(ListArgs),
    /// Show where a number goes
    #[command(
        visible_alias = "show",
        after_help = "\
Examples:
  cordboard numbers get +14155550100"
    )]
    Get {
        /// The number: +digits, tel:, sip:, or a SIP user
        #[arg(value_parser = number)]
        number: Number,
    },
    /// Route a number
    ///
    /// The number's route is replaced whole: header rules, headers, site variant and fallback that are not said here
    /// go. To change the pin alone there is `cordboard pin`.
    #[command(after_help = "\
Examples:
  cordboard numbers put +14155550100 --agent sales --pin V3
  cordboard numbers put +14155550100 --agent sales --pin live --header X-Brand=north --yes
  cordboard numbers put +14155550100 --agent sales --pin V3 --fallback sip:queue@10.0.0.9
  cordboard numbers put +14155550100 --split spring-prompt")]
    Put(PutArgs),
    /// Route many numbers at once, from a file of CSV or NDJSON
    ///
    /// All of it holds from one revision on, or nothing of it. CSV has a first row that names its columns, of number,
    /// agentId, pin, splitId and siteVariantId; NDJSON has an object of these on each line. Numbers that are not in the
    /// file stay, and so do header rules, headers and what has no column. Every fault is told by its line.
    #[command(after_help = "\
Examples:
  cordboard numbers import numbers.csv --dry-run
  cordboard numbers import numbers.csv --yes
  psql -c \"COPY route TO STDOUT CSV HEADER\" | cordboard numbers import - --format csv --yes")]
    Import(ImportArgs),
    /// Release a number
    #[command(after_help = "\
Examples:
  cordboard numbers delete +14155550100")]
    Delete {
        /// The number
        #[arg(value_parser = number)]
        number: Number,
        #[command(flatten)]
        assent: Assent,
    },
}

#[derive(Debug, Clone, Args)]
struct ListArgs {
    /// Only numbers of this agent
    #[arg(long)]
    agent: Option<AgentId>,
    /// Only numbers in this split
    #[arg(long)]
    split: Option<SplitId>,
    /// Only numbers that begin so
    #[arg(long, value_parser = super::written::prefix)]
    prefix: Option<Prefix>,
    /// Only numbers at this pin
    #[arg(long, value_parser = pin)]
    pin: Option<Pin>,
    /// Only numbers that the API or the files manage
    #[arg(long, value_name = "WHO", value_parser = ["api", "files"])]
    managed_by: Option<String>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Clone, Args)]
struct PutArgs {
    /// The number: +digits, tel:, sip:, or a SIP user
    #[arg(value_parser = number)]
    number: Number,
    #[command(flatten)]
    destination: DestinationArgs,
    /// A header to send on with the call, which wins over the version's; may be said again
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = pair)]
    headers: Vec<(String, String)>,
    /// The site variant whose attributes the call gets
    #[arg(long, value_name = "ID")]
    site: Option<SiteVariantId>,
    #[command(flatten)]
    assent: Assent,
}

/// The path of a number.
pub(super) fn path_of(number: &Number) -> Path {
    Path::of("/v1/numbers").segment(number)
}

impl Errand for NumbersArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            NumbersCommand::List(list) => list.run(session),
            NumbersCommand::Get { number } => destination::get(session, &path_of(number)),
            NumbersCommand::Import(import) => import.run(session),
            NumbersCommand::Put(put) => {
                let (path, what) = (path_of(&put.number), put.number.to_string());
                destination::put(session, &path, &what, &put.route(), put.assent)
            }
            NumbersCommand::Delete { number, assent } => {
                destination::delete(session, &path_of(number), &number.to_string(), *assent)
            }
        }
    }
}

impl ListArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = Path::of("/v1/numbers")
            .query("agentId", self.agent.as_ref())
            .query("splitId", self.split.as_ref())
            .query("prefix", self.prefix)
            .query("pin", self.pin)
            .query("managedBy", self.managed_by.as_ref());
        self.page.show(session, path, told)
    }
}

impl PutArgs {
    fn route(&self) -> Value {
        let mut route = self.destination.to_json();
        if let Value::Object(members) = &mut route {
            if !self.headers.is_empty() {
                members.insert("headers".to_owned(), object(&self.headers));
            }
            if let Some(site) = &self.site {
                members.insert("siteVariantId".to_owned(), json!(site));
            }
        }
        route
    }
}

fn told(answer: &Value, look: Look) -> String {
    let row = |route: &Value| {
        let [to, rules, site, managed_by] = destination::columns(route);
        [text_of(route, "number"), to, rules, site, managed_by]
    };
    let header = ["NUMBER", "GOES TO", "RULES", "SITE VARIANT", "MANAGED BY"];
    table(look, header, items(answer, "numbers").iter().map(row), "there are no such numbers")
}
