//! What a command has at hand: the router, the terminal, and how results are wanted.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path as FilePath;

use serde_json::{Map, Value};

use super::client::{Client, Question, Reply, Upload};
use super::failure::Failure;
use super::path::Path;
use super::table::Look;
use super::terminal::Terminal;
use super::words::{clean, items, words};

/// One command's work.
#[derive(Debug)]
pub(super) struct Session<'s, 't> {
    /// Where it writes.
    pub(super) terminal: &'s mut Terminal<'t>,
    client: Client,
    json: bool,
}

/// What a client command does.
pub(super) trait Errand {
    /// Does it.
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure>;
}

impl<'s, 't> Session<'s, 't> {
    pub(super) fn new(terminal: &'s mut Terminal<'t>, client: Client, json: bool) -> Self {
        Self { terminal, client, json }
    }

    /// Asks anything; a no is an answer too.
    pub(super) fn ask(&self, question: Question<'_>) -> Result<Reply, Failure> {
        self.client.ask(question)
    }

    /// Reads something of management.
    pub(super) fn get(&self, path: &Path) -> Result<Reply, Failure> {
        self.look_at(path)?.granted()
    }

    /// Reads something of management that may not be there.
    pub(super) fn find(&self, path: &Path) -> Result<Option<Reply>, Failure> {
        let reply = self.look_at(path)?;
        if reply.status == 404 { Ok(None) } else { reply.granted().map(Some) }
    }

    /// Changes something of management.
    pub(super) fn change(&self, method: &str, path: &Path, body: Option<&Value>) -> Result<Reply, Failure> {
        self.change_if(method, path, body, None)
    }

    /// Changes something of management if it is still as it was seen.
    pub(super) fn change_if(
        &self,
        method: &str,
        path: &Path,
        body: Option<&Value>,
        seen: Option<&str>,
    ) -> Result<Reply, Failure> {
        let body = body.map(|body| body.to_string().into_bytes());
        self.ask(Question { body, if_match: seen, ..Question::of(method, path) })?.granted()
    }

    /// Sends a file to management as it is, or standard input; on a terminal it is seen how far it is.
    pub(super) fn upload(
        &mut self,
        path: &Path,
        content_type: &'static str,
        file: &FilePath,
    ) -> Result<Reply, Failure> {
        let unread = |why: io::Error| Failure::Usage(format!("{} cannot be read: {why}", file.display()));
        let (mut body, mut bytes) = (None, None);
        if !is_stdin(file) {
            let opened = File::open(file).map_err(unread)?;
            let size = opened.metadata().map_err(unread)?;
            bytes = size.is_file().then_some(size.len());
            // No more than was said, should it grow meanwhile.
            body = Some(opened.take(bytes.unwrap_or(u64::MAX)));
        }
        let body = body.as_mut().map(|body| -> &mut dyn Read { body });
        let tty = self.terminal.remarks.tty;
        let Terminal { input, err, .. } = &mut *self.terminal;
        let upload = Upload { path, content_type, bytes, body };
        self.client.upload(upload, &mut **input, tty.then_some(&mut **err))
    }

    /// The text of a file, or of standard input, of so many bytes at most.
    pub(super) fn read_text(&mut self, file: &FilePath, most: u64) -> Result<String, Failure> {
        let mut text = String::new();
        let read = if is_stdin(file) {
            (&mut *self.terminal.input).take(most + 1).read_to_string(&mut text)
        } else {
            File::open(file).and_then(|file| file.take(most + 1).read_to_string(&mut text))
        };
        let unread = |why: String| Failure::Usage(format!("{} cannot be read: {why}", file.display()));
        read.map_err(|why| unread(why.to_string()))?;
        if text.len() as u64 > most {
            return Err(unread(format!("it is larger than {} MiB", most >> 20)));
        }
        Ok(text)
    }

    /// Writes a long answer of management as it comes.
    pub(super) fn pour(&mut self, path: &Path) -> Result<(), Failure> {
        self.client.pour(path, &mut *self.terminal.out)?.granted().map(drop)
    }

    /// Reads an answer of management that has no end, to be read line by line.
    pub(super) fn follow(&self, path: &Path) -> Result<impl BufRead + use<>, Failure> {
        self.client.follow(path)
    }

    /// The same as [`pour`](Self::pour) into something else.
    pub(super) fn pour_into(&self, path: &Path, out: &mut dyn Write) -> Result<Reply, Failure> {
        self.client.pour(path, out)?.granted()
    }

    /// Shows an answer: for people as they read it, for programs as it came.
    pub(super) fn show(
        &mut self,
        reply: &Reply,
        read: impl FnOnce(&Value, Look) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            return self.raw(reply);
        }
        let text = read(&reply.json(), self.terminal.look);
        self.terminal.say(&text)
    }

    /// Says that a change was made, and from when it holds; for programs as one JSON object with `revision`.
    pub(super) fn done(&mut self, reply: &Reply, what: &str) -> Result<(), Failure> {
        let answer = reply.json();
        for warning in items(&answer, "warnings") {
            let warning = warning.get("message").unwrap_or(warning);
            let label = self.terminal.remarks.yellow("warning:");
            self.terminal.remark(format_args!("{label} {}", words(warning)));
        }
        if self.json {
            return self.terminal.say(&format!("{}\n", with_revision(answer, reply.revision.as_deref())));
        }
        let from = reply.revision.as_ref().map(|revision| format!(", from revision {}", clean(revision)));
        let from = from.unwrap_or_default();
        self.terminal.say(&format!("{what}{from}\n"))
    }

    /// Shows an answer as it came.
    pub(super) fn raw(&mut self, reply: &Reply) -> Result<(), Failure> {
        self.terminal.out.write_all(&reply.body).map_err(Failure::Output)?;
        if reply.body.last().is_none_or(|last| *last == b'\n') {
            return Ok(());
        }
        self.terminal.say("\n")
    }

    /// Whether results are wanted as they come.
    pub(super) fn is_raw(&self) -> bool {
        self.json
    }

    fn look_at(&self, path: &Path) -> Result<Reply, Failure> {
        self.ask(Question::of("GET", path))
    }
}

/// Why nobody is asked before standard input is sent.
pub(super) const STDIN_UNASKED: &str =
    "standard input can be read only once, so that nobody can be asked: say --yes";

/// Whether a file stands for standard input.
pub(super) fn is_stdin(file: &FilePath) -> bool {
    file.as_os_str() == "-"
}

/// The answer to a change as one object that says from which revision it holds, whatever the answer was.
fn with_revision(answer: Value, revision: Option<&str>) -> Value {
    let mut members = match answer {
        Value::Object(members) => members,
        Value::Null => Map::new(),
        other => Map::from_iter([("answer".to_owned(), other)]),
    };
    if let Some(revision) = revision.and_then(|text| text.parse::<u64>().ok()) {
        members.entry("revision").or_insert_with(|| revision.into());
    }
    Value::Object(members)
}
