//! `export` and `import`: everything of an account, out of one router and into another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path as FilePath, PathBuf};

use clap::Args;
use serde_json::Value;

use super::client::Reply;
use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, STDIN_UNASKED, Session, is_stdin};
use super::words::{items, words};
use crate::domain::words::counted;

/// Write everything of the account as one JSON document
///
/// Agents with versions, draft, branches and environments, splits, prefixes, the default route, caller pins and numbers; what the
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
        pour_out(session, &Path::of("/v1/export"), self.output.as_deref())
    }
}

/// Who may read a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Readers {
    /// Whoever may read what this user writes.
    Usual,
    /// Its owner.
    Owner,
}

/// Writes a long answer to a file, or without one to standard output.
pub(super) fn pour_out(
    session: &mut Session<'_, '_>,
    path: &Path,
    file: Option<&FilePath>,
) -> Result<(), Failure> {
    match file {
        Some(file) => pour_into(session, path, file, Readers::Usual).map(drop),
        None => session.pour(path),
    }
}

/// Writes a long answer to a file, which is there when all of it is.
pub(super) fn pour_into(
    session: &mut Session<'_, '_>,
    path: &Path,
    file: &FilePath,
    readers: Readers,
) -> Result<Reply, Failure> {
    let unfinished = file.with_added_extension("unfinished");
    let named =
        |why: io::Error| Failure::Output(io::Error::new(why.kind(), format!("{}: {why}", file.display())));
    let mut begun = BufWriter::new(readers.create(&unfinished).map_err(named)?);
    let poured = session.pour_into(path, &mut begun);
    let whole = poured.and_then(|reply| {
        begun.flush().and_then(|()| begun.get_ref().sync_all()).map_err(named)?;
        fs::rename(&unfinished, file).map_err(named)?;
        Ok(reply)
    });
    if whole.is_err() {
        // What is there of it is of no use.
        let _ = fs::remove_file(&unfinished);
    }
    whole
}

impl Readers {
    /// A file anew, empty.
    fn create(self, path: &FilePath) -> io::Result<File> {
        match self {
            Self::Usual => File::create(path),
            Self::Owner => {
                // One that was left behind may be anybody's.
                if let Err(why) = fs::remove_file(path)
                    && why.kind() != io::ErrorKind::NotFound
                {
                    return Err(why);
                }
                OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
            }
        }
    }
}

/// Take over everything of an exported document
///
/// All of it in one revision, or nothing. What is there already is replaced; what the document does not name stays. What
/// the files have is refused: adopt it first.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard import all.json --dry-run
  cordboard import all.json
  cordboard import - --yes")]
pub struct ImportArgs {
    /// The document, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Say what it would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    assent: Assent,
}

impl Errand for ImportArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        if self.dry_run {
            let mut reply = self.send(session, true)?;
            // It is the present one: nothing holds from it on.
            reply.revision = None;
            let told = reply.json();
            let lines: String =
                items(&told, "changes").iter().map(|it| format!("\n  {}", words(it))).collect();
            return session.done(&reply, &format!("{}{lines}", Self::told("would import", &told)));
        }
        if !self.assent.yes {
            self.ask_first(session)?;
        }
        let reply = self.send(session, false)?;
        session.done(&reply, &Self::told("imported", &reply.json()))
    }
}

impl ImportArgs {
    /// Puts it to the operator if calls at `live` are won or lost: the router is asked by a dry run.
    fn ask_first(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        if is_stdin(&self.file) {
            return Err(Failure::Usage(STDIN_UNASKED.to_owned()));
        }
        let foreseen = self.send(session, true)?.json();
        let reaches_live = foreseen.get("reachesLive") != Some(&Value::Bool(false));
        if reaches_live {
            for change in items(&foreseen, "changes") {
                session.terminal.remark(format_args!("then {}", words(change)));
            }
        }
        self.assent.obtain(session, "importing everything of a document", |_| Ok(reaches_live))
    }

    fn send(&self, session: &mut Session<'_, '_>, dry_run: bool) -> Result<Reply, Failure> {
        let path = Path::of("/v1/import").query("dryRun", dry_run.then_some(true));
        session.upload(&path, "application/json", &self.file)?.granted()
    }

    fn told(done: &str, told: &Value) -> String {
        let count = |name: &str, one| {
            let count = told.get(name).and_then(Value::as_u64).unwrap_or_default();
            counted(usize::try_from(count).unwrap_or(usize::MAX), one)
        };
        if told.get("changed") == Some(&Value::Bool(false)) {
            return "all of it was so already".to_owned();
        }
        format!(
            "{done} {}, {}, {}, {}, {}",
            count("agents", "agent"),
            count("splits", "split"),
            count("prefixes", "prefix"),
            count("callerPins", "caller pin"),
            count("numbers", "number")
        )
    }
}
