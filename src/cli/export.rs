//! `export` and `import`: everything of an account, out of one router and into another.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::client::{Reply, Upload};
use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, Session};
use super::words::text_of;

/// What stands for standard input.
const STDIN: &str = "-";

/// Write everything of the account as one JSON document
///
/// Agents with versions, draft and environments, splits, prefixes, the default route, caller pins and numbers; what the
/// files have too. Keys are not in it. It is as of one revision, and in a stable order.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard export > all.json
  cordboard export --output all.json")]
pub struct ExportArgs {
    /// Where to write it; a file that is there is replaced when all of it has come [default: standard output]
    #[arg(long, short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Errand for ExportArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = Path::of("/v1/export");
        let Some(file) = &self.output else { return session.pour(&path) };
        let unfinished = file.with_added_extension("unfinished");
        let mut begun = BufWriter::new(File::create(&unfinished).map_err(Failure::Output)?);
        let poured = session.pour_into(&path, &mut begun);
        let whole = poured.and_then(|()| {
            begun.flush().and_then(|()| begun.get_ref().sync_all()).map_err(Failure::Output)?;
            fs::rename(&unfinished, file).map_err(Failure::Output)
        });
        if whole.is_err() {
            // What is there of it is of no use.
            let _ = fs::remove_file(&unfinished);
        }
        whole
    }
}

/// Take over everything of an exported document
///
/// All of it in one revision, or nothing. What is there already is replaced; what the document does not name stays. What
/// the files have is refused: adopt it first.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard import all.json
  cordboard import - --yes")]
pub struct ImportArgs {
    /// The document, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    assent: Assent,
}

impl Errand for ImportArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        if self.is_stdin() && !self.assent.yes {
            let why = "standard input can be read only once, so that nobody can be asked: say --yes";
            return Err(Failure::Usage(why.to_owned()));
        }
        // What it replaces may be at live, whatever it says itself.
        self.assent.obtain(session, "importing everything of a document", |_| Ok(true))?;
        let reply = self.send(session)?;
        let told = reply.json();
        let count = |name| text_of(&told, name);
        if told.get("changed") == Some(&Value::Bool(false)) {
            return session.done(&reply, "all of it was so already");
        }
        let what = format!(
            "imported {} agents, {} splits, {} prefixes, {} caller pins, {} numbers",
            count("agents"),
            count("splits"),
            count("prefixes"),
            count("callerPins"),
            count("numbers")
        );
        session.done(&reply, &what)
    }
}

impl ImportArgs {
    fn is_stdin(&self) -> bool {
        self.file.as_os_str() == STDIN
    }

    fn send(&self, session: &mut Session<'_, '_>) -> Result<Reply, Failure> {
        let (path, content_type) = (Path::of("/v1/import"), "application/json");
        let reply = if self.is_stdin() {
            session.upload(Upload { path: &path, content_type, bytes: None, body: None })?
        } else {
            let unread =
                |why: io::Error| Failure::Usage(format!("{} cannot be read: {why}", self.file.display()));
            let file = File::open(&self.file).map_err(unread)?;
            let size = file.metadata().map_err(unread)?;
            let bytes = size.is_file().then_some(size.len());
            // No more than was said, should it grow meanwhile.
            let mut body = file.take(bytes.unwrap_or(u64::MAX));
            session.upload(Upload { path: &path, content_type, bytes, body: Some(&mut body) })?
        };
        session.granted(reply)
    }
}
