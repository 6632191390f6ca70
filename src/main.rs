//! The `cordboard` binary: reads its arguments and hands over.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cordboard::app;
use cordboard::cli::{self, CheckArgs, Cli, ClientCommand, Command, KeysCommand, KeysResetArgs, RestoreArgs};
use cordboard::domain::fault::Fault;
use cordboard::domain::words::counted;
use cordboard::settings::{self, Flags, Settings, Sources, Variables};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Cli::<Flags>::read(std::env::args_os()).unwrap_or_else(|why| why.exit()).into_command();
    for unknown in Variables::of_process().unknown(cli::VARIABLES) {
        // What was meant by it is not known, so the command is carried out all the same.
        drop(writeln!(io::stderr(), "warning: {unknown}"));
    }
    let outcome = match command {
        Command::Client(command) => return cli::run::<Flags>(&command),
        Command::Serve(flags) => serve(flags),
        Command::Check(check) => run_check(&check),
        Command::Restore(restoring) => restore(&restoring),
        Command::Keys(KeysCommand::Asking(keys)) => return cli::run::<Flags>(&ClientCommand::Keys(keys)),
        Command::Keys(KeysCommand::Reset(reset)) => reset_key(&reset),
    };
    // Nobody listens any more if even this cannot be written.
    outcome.unwrap_or(ExitCode::FAILURE)
}

fn serve(flags: Flags) -> io::Result<ExitCode> {
    let sources = Sources { flags, variables: Variables::of_process() };
    match app::serve(&sources, &mut io::stdout().lock()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(why) => {
            writeln!(io::stderr(), "error: {why}")?;
            tell(why.faults())
        }
    }
}

fn run_check(args: &CheckArgs) -> io::Result<ExitCode> {
    let flags = Flags { config: args.folder.as_ref().map(|it| it.display().to_string()), ..Flags::default() };
    let folder = settings::config_folder(&Sources { flags, variables: Variables::of_process() });
    let outcome = app::check(&folder);
    let mut out = io::stdout().lock();
    match (&outcome, args.json) {
        (Ok(summary), true) => writeln!(
            out,
            "{}",
            json!({"ok": true, "folder": folder.display().to_string(), "hash": summary.hash, "agents": summary.agents, "versions": summary.versions,
                   "splits": summary.splits, "prefixes": summary.prefixes, "numbers": summary.numbers,
                   "callerPins": summary.caller_pins,
                   "warnings": summary.warnings, "faults": []})
        )?,
        (Ok(summary), false) => tell_summary(&mut out, &folder, summary)?,
        (Err(faults), true) => writeln!(
            out,
            "{}",
            json!({"ok": false, "folder": folder.display().to_string(), "faults": faults})
        )?,
        (Err(faults), false) => {
            let faults_of = (counted(faults.len(), "fault"), folder.display());
            writeln!(io::stderr(), "error: {} in {}", faults_of.0, faults_of.1)?;
            return tell(faults);
        }
    }
    Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The data folder that was said, by a flag or in the settings; nothing where these are faulty, which is told.
fn data_folder(said: Option<&Path>, as_json: bool) -> io::Result<Option<PathBuf>> {
    let flags = Flags { data: said.map(|data| data.display().to_string()), ..Flags::default() };
    match Settings::load(&Sources { flags, variables: Variables::of_process() }) {
        Ok(settings) => Ok(Some(settings.data)),
        Err(faults) => {
            failed("the settings are faulty, so that the data folder is not known", as_json)?;
            for fault in faults {
                writeln!(io::stderr(), "  {fault}")?;
            }
            Ok(None)
        }
    }
}

/// Says why nothing was done.
fn failed(why: &str, as_json: bool) -> io::Result<ExitCode> {
    if as_json {
        writeln!(io::stdout(), "{}", json!({"error": why}))?;
    }
    writeln!(io::stderr(), "error: {why}")?;
    Ok(ExitCode::FAILURE)
}

fn restore(args: &RestoreArgs) -> io::Result<ExitCode> {
    // A folder that is named needs no settings: on a new machine there may be none yet.
    let named = args.data.clone().map_or_else(|| data_folder(None, args.json), |named| Ok(Some(named)));
    let Some(data) = named? else { return Ok(ExitCode::FAILURE) };
    match app::restore(&args.file, &data, args.force) {
        Ok(app::Restored { revision, replaced }) if args.json => {
            writeln!(
                io::stdout(),
                "{}",
                json!({"revision": revision, "data": data.display().to_string(),
                "replaced": replaced.map(|replaced| replaced.display().to_string())})
            )?;
        }
        Ok(app::Restored { revision, replaced }) => {
            writeln!(io::stdout(), "{} holds everything up to revision {revision}", data.display())?;
            if let Some(replaced) = replaced {
                writeln!(io::stdout(), "what it held before is in {}", replaced.display())?;
            }
        }
        Err(why) => return failed(&why.to_string(), args.json),
    }
    Ok(ExitCode::SUCCESS)
}

fn reset_key(args: &KeysResetArgs) -> io::Result<ExitCode> {
    let Some(data) = data_folder(args.data.as_deref(), args.json)? else { return Ok(ExitCode::FAILURE) };
    let file = data.join("admin.key");
    match app::reset_admin_key(&data) {
        Ok(()) if args.json => writeln!(io::stdout(), "{}", json!({"keyFile": file.display().to_string()}))?,
        Ok(()) => writeln!(io::stdout(), "a new admin key is in {}; the old one has ended", file.display())?,
        Err(why) => return failed(&why.to_string(), args.json),
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_summary(out: &mut impl Write, folder: &Path, summary: &app::Summary) -> io::Result<()> {
    let app::Summary { hash, agents, versions, splits, prefixes, numbers, caller_pins, warnings } = summary;
    writeln!(
        out,
        "ok: {} has {}, {}, {}, {}, {}, {}",
        folder.display(),
        counted(*agents, "agent"),
        counted(*versions, "version"),
        counted(*splits, "split"),
        counted(*prefixes, "prefix"),
        counted(*numbers, "number"),
        counted(*caller_pins, "caller pin")
    )?;
    writeln!(out, "fingerprint {hash}")?;
    for warning in warnings {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}

fn tell(faults: &[Fault]) -> io::Result<ExitCode> {
    let mut out = io::stderr().lock();
    for fault in faults {
        writeln!(out, "  {fault}")?;
    }
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_can_be_told_where_the_data_folder_is() {
        for line in [
            "serve",
            "status",
            "explain +14155550100",
            "numbers list",
            "splits show a",
            "keys reset",
            "restore a",
            "backup a",
        ] {
            let words = format!("cordboard {line} --data elsewhere");
            assert!(Cli::<Flags>::read(words.split(' ')).is_ok(), "{words}");
        }
    }
}
