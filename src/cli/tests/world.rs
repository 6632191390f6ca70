//! A router of canned answers, and a terminal of canned replies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use clap::{Args, Parser as _};
use serde_json::Value;

use crate::cli::{Cli, ClientCommand, Command, KeysCommand, Terminal, Variables, carry_out};

/// A grammar of `serve`, which is not the command line's to know.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// A folder
    #[arg(long)]
    pub(super) config: Option<String>,
    /// Another folder
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// An address
    #[arg(long)]
    calls: Option<String>,
    /// Another address
    #[arg(long)]
    admin: Option<String>,
    /// A level
    #[arg(long)]
    log: Option<String>,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    /// Method and path.
    pub(super) line: String,
    pub(super) head: String,
    pub(super) body: Value,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

struct Canned {
    line: &'static str,
    status: u16,
    head: &'static str,
    body: String,
}

type Shared<T> = Arc<Mutex<Vec<T>>>;

/// What the made-up router and terminal hold.
pub(super) struct World {
    pub(super) address: SocketAddr,
    pub(super) data: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
    canned: Shared<Canned>,
    asked: Shared<Asked>,
    server: Option<JoinHandle<()>>,
}

/// How a command went.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl World {
    /// A router that knows nothing, found by its data folder.
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let data = tempfile::tempdir().unwrap();
        let addresses = format!(r#"{{"calls":"{address}","admin":"{address}"}}"#);
        std::fs::write(data.path().join("addresses.json"), addresses).unwrap();
        std::fs::write(data.path().join("admin.key"), "first-key\n").unwrap();
        let (canned, asked) = (Shared::default(), Shared::default());
        let server = {
            let (canned, asked) = (Arc::clone(&canned), Arc::clone(&asked));
            std::thread::spawn(move || {
                // A connection that says nothing is the end of the world.
                while let Ok((stream, _)) = listener.accept() {
                    if answer(&stream, &canned, &asked).is_none() {
                        break;
                    }
                }
            })
        };
        Self { address, data, variables: Vec::new(), canned, asked, server: Some(server) }
    }

    pub(super) fn answers(self, line: &'static str, status: u16, body: &Value) -> Self {
        self.answers_with(line, status, "", body)
    }

    /// A canned answer with header lines, each with its line end.
    pub(super) fn answers_with(
        self,
        line: &'static str,
        status: u16,
        head: &'static str,
        body: &Value,
    ) -> Self {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.canned.lock().unwrap().push(Canned { line, status, head, body });
        self
    }

    pub(super) fn with_variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs a command line where nobody can be asked.
    pub(super) fn run(&self, line: &str) -> Outcome {
        self.run_as(line, None)
    }

    /// Runs a command line where a person at a terminal types this.
    pub(super) fn run_answering(&self, line: &str, typed: &str) -> Outcome {
        self.run_as(line, Some(typed))
    }

    fn run_as(&self, line: &str, typed: Option<&str>) -> Outcome {
        let data = self.data.path().to_str().unwrap().to_owned();
        let variables =
            [("CORDBOARD_DATA", data)].into_iter().chain(self.variables.iter().cloned()).collect();
        run_with(line, typed, &variables)
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Method and path of the requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(TcpStream::connect(self.address));
        if let Some(server) = self.server.take() {
            server.join().unwrap();
        }
    }
}

/// Runs a command line with these variables.
pub(super) fn run_with(line: &str, typed: Option<&str>, variables: &Variables) -> Outcome {
    let command = match Cli::<Flags>::try_parse_from(words(line)).unwrap().into_command() {
        Command::Client(command) => command,
        Command::Keys(KeysCommand::Asking(keys)) => Box::new(ClientCommand::Keys(keys)),
        _ => panic!("{line} is no client command"),
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut terminal = Terminal {
        input: &mut typed.unwrap_or_default().as_bytes(),
        out: &mut out,
        err: &mut err,
        interactive: typed.is_some(),
        json: false,
        editor: variables.editor().to_owned(),
        look: Default::default(),
        remarks: Default::default(),
    };
    let code = carry_out::<Flags>(&command, variables, &mut terminal);
    Outcome { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

/// Splits a command line as a shell does, single quotes and all.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn answer(mut stream: &TcpStream, canned: &Shared<Canned>, asked: &Shared<Asked>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (status, extra, answer) = {
        let canned = canned.lock().unwrap();
        canned.iter().find(|canned| canned.line == line).map_or_else(
            || (404, "", r#"{"error":"there is nothing here","error_code":"NOT_FOUND"}"#.to_owned()),
            |canned| (canned.status, canned.head, canned.body.clone()),
        )
    };
    let body = serde_json::from_slice(&body).unwrap_or_default();
    asked.lock().unwrap().push(Asked { line, head, body });
    let length = answer.len();
    let text = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{extra}\r\n{answer}"
    );
    stream.write_all(text.as_bytes()).ok()
}
