//! `export` and `import`: everything of an account, out of one router and into another.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path as FilePath, PathBuf};

use clap::Args;
use serde_json::Value;

use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, STDIN_UNASKED, Session, is_stdin};
use crate::domain::words::counted;

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
        pour_into(session, &Path::of("/v1/export"), self.output.as_deref())
    }
}

/// Writes a long answer to a file, which is there when all of it is; without one to standard output.
pub(super) fn pour_into(
    session: &mut Session<'_, '_>,
    path: &Path,
    file: Option<&FilePath>,
) -> Result<(), Failure> {
    let Some(file) = file else { return session.pour(path) };
    let unfinished = file.with_added_extension("unfinished");
    let named =
        |why: io::Error| Failure::Output(io::Error::new(why.kind(), format!("{}: {why}", file.display())));
    let mut begun = BufWriter::new(File::create(&unfinished).map_err(named)?);
    let poured = session.pour_into(path, &mut begun);
    let whole = poured.and_then(|()| {
        begun.flush().and_then(|()| begun.get_ref().sync_all()).map_err(named)?;
        fs::rename(&unfinished, file).map_err(named)
    });
    if whole.is_err() {
        // What is there of it is of no use.
        let _ = fs::remove_file(&unfinished);
    }
    whole
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
        if is_stdin(&self.file) && !self.assent.yes {
            return Err(Failure::Usage(STDIN_UNASKED.to_owned()));
        }
        // What it replaces may be at live, whatever it says itself.
        self.assent.obtain(session, "importing everything of a document", |_| Ok(true))?;
        let reply = session.upload(&Path::of("/v1/import"), "application/json", &self.file)?.granted()?;
        let told = reply.json();
        let count = |name: &str, one| {
            let count = told.get(name).and_then(Value::as_u64).unwrap_or_default();
            counted(usize::try_from(count).unwrap_or(usize::MAX), one)
        };
        if told.get("changed") == Some(&Value::Bool(false)) {
            return session.done(&reply, "all of it was so already");
        }
        let what = format!(
            "imported {}, {}, {}, {}, {}",
            count("agents", "agent"),
            count("splits", "split"),
            count("prefixes", "prefix"),
            count("callerPins", "caller pin"),
            count("numbers", "number")
        );
        session.done(&reply, &what)
    }
}
