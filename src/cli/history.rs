//! `history`: who changed what.

use clap::Args;
use serde_json::Value;

use super::agents;
use super::failure::Failure;
use super::page::Page;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{clean, items, text_in, text_of, time};
use super::written::moment;
use crate::domain::id::AgentId;
use crate::domain::time::Timestamp;

/// Show who changed what, newest first
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard history
  cordboard history --target +14155550100 --limit 20
  cordboard history sales --from 2026-01-01T00:00:00Z
  cordboard history --author ci --action number.put
  cordboard history --target spring-prompt --json
  cordboard history --ndjson > history.ndjson
  cordboard history --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z --ndjson")]
pub struct HistoryArgs {
    /// Only changes of this number, split, agent or other object
    ///
    /// A change of files counts for each thing that its line names, which are the first ten.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Only changes of this agent itself, its drafts, versions and environments
    #[arg(conflicts_with = "target")]
    agent: Option<AgentId>,
    /// Only by the key of this name, by files or by console
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Only on behalf of this one
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only of this kind, such as number.put
    #[arg(long)]
    action: Option<String>,
    /// Only from this moment on, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// Only before this moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// Print all of it, not a page: a line of JSON for each change, as they come
    #[arg(long, conflicts_with_all = ["limit", "cursor"])]
    ndjson: bool,
    #[command(flatten)]
    page: Page,
}

impl Errand for HistoryArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = match &self.agent {
            Some(agent) => agents::path_of(agent).segment("history"),
            None => Path::of("/v1/history").query("target", self.target.as_ref()),
        };
        let path = path
            .query("author", self.author.as_ref())
            .query("actor", self.actor.as_ref())
            .query("action", self.action.as_ref())
            .query("from", self.from)
            .query("to", self.to);
        if self.ndjson {
            return session.pour(&path.query("format", Some("ndjson")));
        }
        let none = match (&self.target, &self.agent) {
            (Some(target), _) => format!("nothing of {} has changed", clean(target)),
            (None, Some(agent)) => format!("nothing of {agent} has changed"),
            (None, None) => "nothing has changed".to_owned(),
        };
        self.page.show(session, path, |answer, look| told(answer, look, &none))
    }
}

fn told(answer: &Value, look: Look, none: &str) -> String {
    let row = |entry: &Value| {
        let author = match text_in(entry, "actor") {
            Some(actor) => format!("{} for {}", text_of(entry, "author"), clean(actor)),
            None => text_of(entry, "author"),
        };
        [
            text_of(entry, "revision"),
            time(entry, "at"),
            author,
            text_of(entry, "action"),
            text_of(entry, "summary"),
        ]
    };
    let header = ["REVISION", "AT", "AUTHOR", "ACTION", "WHAT"];
    table(look, header, items(answer, "entries").iter().map(row), none)
}
