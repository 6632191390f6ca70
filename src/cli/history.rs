//! `history`: who changed what.

use clap::Args;
use serde_json::Value;

use super::failure::Failure;
use super::page::Page;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{clean, items, text_in, text_of, time};

/// Show who changed what, newest first
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard history
  cordboard history --target +14155550100 --limit 20
  cordboard history --target spring-prompt --json")]
pub struct HistoryArgs {
    /// Only changes of this number, split, agent or other object
    ///
    /// A change of files counts for each thing that its line names, which are the first ten.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    #[command(flatten)]
    page: Page,
}

impl Errand for HistoryArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = Path::of("/v1/history").query("target", self.target.as_ref());
        let none = match &self.target {
            Some(target) => format!("nothing of {} has changed", clean(target)),
            None => "nothing has changed yet".to_owned(),
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
