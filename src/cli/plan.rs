//! `plan` and `apply`: many changes as one, seen before they are made.

mod told;

use std::path::{Path as FilePath, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, Session};
use super::words::items;
use crate::domain::words::counted;

/// Largest file of changes that is sent, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Show what changes would come to
///
/// The file is JSON: {"changes": [{"method": "PUT", "path": "/v1/numbers/+14155550100", "body": {"agentId": "sales",
/// "pin": "V3"}}]}, each a request of the API that changes numbers, prefixes, the default route, caller pins or splits.
/// They are taken in order, and each meets what those before it made. Nothing is changed.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard plan changes.json
  cordboard plan changes.json --json
  cordboard plan -")]
pub struct PlanArgs {
    /// The file of changes, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Make changes as one revision, or none of them
///
/// The file is that of `cordboard plan`. What the changes come to is shown, put to you where it reaches live, and then
/// made; if anybody changes anything in between, nothing is.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard apply changes.json
  cordboard apply changes.json --yes --json
  cordboard apply - --yes")]
pub struct ApplyArgs {
    /// The file of changes, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    assent: Assent,
}

impl Errand for PlanArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let changes = read(&self.file, session)?;
        let reply = session.change("POST", &Path::of("/v1/plan"), Some(&changes))?;
        session.show(&reply, told::plan)
    }
}

impl Errand for ApplyArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let mut changes = read(&self.file, session)?;
        let plan = session.change("POST", &Path::of("/v1/plan"), Some(&changes))?.json();
        if !session.is_raw() {
            let told = told::plan(&plan, session.terminal.look);
            session.terminal.say(&format!("{told}\n"))?;
        }
        let what = format!("applying {}", self.file.display());
        // A router that does not say may mean it.
        self.assent.obtain(session, &what, |_| Ok(plan.get("reachesLive") != Some(&json!(false))))?;
        // What was shown is what is done.
        if let (Some(body), Some(revision)) = (changes.as_object_mut(), plan.get("revision")) {
            body.insert("expectedRevision".to_owned(), revision.clone());
        }
        let reply = session.change("POST", &Path::of("/v1/apply"), Some(&changes))?;
        let count = items(&plan, "changes").iter().filter(|change| told::is_change(change)).count();
        let outcome = match count {
            0 => "everything was so already".to_owned(),
            1 => "1 change was made".to_owned(),
            count => format!("{} were made", counted(count, "change")),
        };
        session.done(&reply, &outcome)
    }
}

/// The changes in a file, as they are sent.
fn read(file: &FilePath, session: &mut Session<'_, '_>) -> Result<Value, Failure> {
    let text = session.read_text(file, FILE_BYTES_MAX)?;
    let unreadable = |why: String| Failure::Usage(format!("{} cannot be read: {why}", file.display()));
    match serde_json::from_str(&text) {
        Ok(changes @ Value::Object(_)) => Ok(changes),
        Ok(_) => Err(unreadable("expected an object such as {\"changes\": [...]}".to_owned())),
        Err(why) => Err(unreadable(format!("it is no JSON: {why}"))),
    }
}
