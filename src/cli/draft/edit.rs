//! `draft --edit`: the draft in an editor, until it is sent or given up; what was typed is never lost.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::Head;
use crate::cli::client::Reply;
use crate::cli::failure::{Failure, Refused};
use crate::cli::form;
use crate::cli::session::Session;
use crate::domain::id::AgentId;

/// What faults are written behind, at the head of the file.
const MARK: &str = "#! ";

/// Lets somebody edit the draft, and sends what they saved if it is still the draft that they saw.
pub(super) fn edit(session: &mut Session<'_, '_>, head: Head<'_>) -> Result<(), Failure> {
    if !session.terminal.interactive {
        let message = format!(
            "--edit needs a terminal: `cordboard draft {head:#} put FILE` sends a file, and `set` some keys"
        );
        return Err(Failure::Usage(message));
    }
    // A change of nothing: what would refuse the edit refuses it before anything is typed.
    let seen = session.change("PATCH", &head.path(), Some(&json!({})))?;
    let sheet = Sheet::of(head.agent, &seen.json())?;
    let sent = until_sent(session, head, &seen, &sheet);
    match sent {
        Ok(()) => sheet.discard(),
        Err(_) => sheet.keep(session, head),
    }
    sent
}

fn until_sent(
    session: &mut Session<'_, '_>,
    head: Head<'_>,
    seen: &Reply,
    sheet: &Sheet,
) -> Result<(), Failure> {
    let config = seen.json();
    loop {
        sheet.open(&session.terminal.editor)?;
        let wrong = match form::read(&sheet.read()?) {
            Ok(edited) if edited == config => {
                return session.terminal.say(&format!("the draft of {head} stays as it is\n"));
            }
            Ok(edited) => {
                let sent = session.change_if("PUT", &head.path(), Some(&edited), seen.etag.as_deref());
                match sent {
                    Ok(reply) => return session.done(&reply, &format!("the draft of {head} is edited")),
                    Err(Failure::Refused(refused)) if refused.status == 400 => faults(&refused),
                    Err(why) => return Err(why),
                }
            }
            Err(why) => vec![format!("the file {why}")],
        };
        for fault in &wrong {
            let label = session.terminal.remarks.red("fault:");
            session.terminal.remark(format_args!("{label} {fault}"));
        }
        if !session.terminal.interactive || !session.terminal.ask("Go on editing?")? {
            return Err(Failure::Declined);
        }
        sheet.note(&wrong)?;
    }
}

fn faults(refused: &Refused) -> Vec<String> {
    let details = refused.fields();
    if details.is_empty() { vec![refused.text()] } else { details }
}

/// The file that is edited.
struct Sheet {
    file: PathBuf,
}

impl Sheet {
    /// A new file that its owner alone may read, with a configuration.
    fn of(agent: &AgentId, config: &Value) -> Result<Self, Failure> {
        let toml = form::to_toml(config);
        let kind = if toml.is_some() { "toml" } else { "json" };
        let text = toml.unwrap_or_else(|| format!("{config:#}\n"));
        let folder = std::env::temp_dir();
        for attempt in 0..u32::MAX {
            let name = format!("cordboard-{agent}-draft-{}-{attempt}.{kind}", std::process::id());
            let file = folder.join(name);
            // One that is there is somebody else's, or was kept.
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
                Ok(mut begun) => {
                    begun.write_all(text.as_bytes()).map_err(Failure::Output)?;
                    return Ok(Self { file });
                }
                Err(why) if why.kind() == ErrorKind::AlreadyExists => {}
                Err(why) => return Err(Failure::Output(why)),
            }
        }
        Err(Failure::Output(ErrorKind::AlreadyExists.into()))
    }

    /// Opens it in an editor, which may have arguments, and waits until that has ended.
    fn open(&self, editor: &str) -> Result<(), Failure> {
        let opened = Command::new("/bin/sh")
            .args(["-c", &format!("{editor} \"$1\""), "sh"])
            .arg(&self.file)
            .status()
            .and_then(
                |status| if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) },
            );
        opened.map_err(|why| Failure::Usage(format!("the editor {editor} did not end well: {why}")))
    }

    fn read(&self) -> Result<String, Failure> {
        fs::read_to_string(&self.file).map_err(Failure::Output)
    }

    /// Writes above what was typed what is wrong with it, in the place of what was wrong before.
    fn note(&self, faults: &[String]) -> Result<(), Failure> {
        // JSON has no comments.
        if self.file.extension().is_some_and(|kind| kind == "json") {
            return Ok(());
        }
        let typed = self.read()?;
        let typed: String = typed.split_inclusive('\n').skip_while(|line| line.starts_with(MARK)).collect();
        let notes: String =
            faults.iter().map(|fault| format!("{MARK}{}\n", fault.replace('\n', " "))).collect();
        fs::write(&self.file, notes + &typed).map_err(Failure::Output)
    }

    /// Says where what was typed is.
    fn keep(&self, session: &mut Session<'_, '_>, head: Head<'_>) {
        let file = self.file.display();
        session.terminal.remark(format_args!(
            "what you typed is kept in {file}; `cordboard draft {head:#} put {file}` sends it"
        ));
    }

    fn discard(&self) {
        // Nothing is lost with it.
        let _ = fs::remove_file(&self.file);
    }
}
