//! `numbers import`: a file of numbers, sent as it is.

use std::path::{Path as FilePath, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::client::Reply;
use crate::cli::failure::Failure;
use crate::cli::live::Assent;
use crate::cli::path::Path;
use crate::cli::session::{STDIN_UNASKED, Session, is_stdin};
use crate::cli::words::text_of;
use crate::domain::words::counted;

#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What it is, where its name does not end in .csv, .ndjson or .jsonl
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Say what it would do, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    assent: Assent,
}

/// What a file of numbers is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
}

impl Format {
    fn of(file: &FilePath) -> Option<Self> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

impl ImportArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let format = self.format.or_else(|| Format::of(&self.file)).ok_or_else(|| {
            let file = self.file.display();
            Failure::Usage(format!(
                "{file} does not say by its name what it is: say --format csv or --format ndjson"
            ))
        })?;
        if self.dry_run {
            let mut reply = self.send(session, format, true)?;
            // It is the present one: nothing holds from it on.
            reply.revision = None;
            let weighed = reply.json();
            let live = match reaching_live(&weighed) {
                0 => String::new(),
                count => format!("; {} from or to live", counted(count, "number")),
            };
            let what = format!("would be imported: {}{live}", told(&weighed));
            return session.done(&reply, &what);
        }
        if !self.assent.yes {
            self.ask_first(session, format)?;
        }
        let reply = self.send(session, format, false)?;
        let what = format!("imported: {}", told(&reply.json()));
        session.done(&reply, &what)
    }

    /// Puts it to the operator if calls at `live` are won or lost: the router is asked by a dry run.
    fn ask_first(&self, session: &mut Session<'_, '_>, format: Format) -> Result<(), Failure> {
        if is_stdin(&self.file) {
            return Err(Failure::Usage(STDIN_UNASKED.to_owned()));
        }
        let weighed = self.send(session, format, true)?.json();
        let reaching = reaching_live(&weighed);
        let count = counted(reaching, "number");
        let doing =
            format!("importing {} ({}; {count} from or to live)", self.file.display(), told(&weighed));
        self.assent.obtain(session, &doing, |_| Ok(reaching > 0))
    }

    fn send(&self, session: &mut Session<'_, '_>, format: Format, dry_run: bool) -> Result<Reply, Failure> {
        let path = Path::of("/v1/numbers:import").query("dryRun", dry_run.then_some(true));
        let reply = session.upload(&path, format.media_type(), &self.file);
        reply.and_then(Reply::granted).map_err(|why| self.placed(why))
    }

    /// Says of faults in which file they are.
    fn placed(&self, why: Failure) -> Failure {
        let Failure::Refused(mut refused) = why else { return why };
        let faults = refused.body.pointer_mut("/data/faults").and_then(Value::as_array_mut);
        for fault in faults.into_iter().flatten() {
            if let Some(file) = fault.get_mut("file") {
                *file = json!(self.file.display().to_string());
            }
        }
        Failure::Refused(refused)
    }
}

/// How many numbers would come from or go to `live`.
fn reaching_live(weighed: &Value) -> usize {
    let reaching = weighed.get("numbersReachingLive").and_then(Value::as_u64).unwrap_or_default();
    usize::try_from(reaching).unwrap_or(usize::MAX)
}

/// What became of the rows.
fn told(answer: &Value) -> String {
    let imported = answer.get("imported").unwrap_or(&Value::Null);
    let [created, updated, unchanged] =
        ["created", "updated", "unchanged"].map(|member| text_of(imported, member));
    format!("{created} made, {updated} given another route, {unchanged} as they were")
}
