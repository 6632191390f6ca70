//! `backup`: everything that a router keeps, in one file.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::export::{Readers, pour_into};
use super::failure::Failure;
use super::path::Path;
use super::session::{Errand, Session, is_stdin};

/// Write everything that the router keeps to one file, while it runs
///
/// The store with the history, API keys as they are kept, the secrets, the first key, and the files that were applied last:
/// what `cordboard restore` makes the same router of. It is as of one revision; calls and changes go on meanwhile.
///
/// It holds secrets: the file is for its owner only, and should stay so. It needs a key of the first account with all
/// permissions, such as the first one.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard backup cordboard.backup
  cordboard backup /backups/cordboard.backup --json
  cordboard backup - > cordboard.backup")]
pub struct BackupArgs {
    /// Where to write it, or - for standard output; a file that is there is replaced when all of it has come
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Errand for BackupArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = Path::of("/v1/backup");
        if is_stdin(&self.file) {
            return session.pour(&path);
        }
        let reply = pour_into(session, &path, &self.file, Readers::Owner)?;
        let revision = reply.revision.unwrap_or_default();
        let file = self.file.display();
        if session.is_raw() {
            let revision: Option<u64> = revision.parse().ok();
            let told = json!({"file": file.to_string(), "revision": revision});
            return session.terminal.say(&format!("{told}\n"));
        }
        session.terminal.say(&format!("{file} holds everything up to revision {revision}, the secrets too\n"))
    }
}
