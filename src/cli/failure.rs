//! Why a command did not do what it was asked.

use std::io;

use serde_json::Value;

use super::terminal::Terminal;
use super::words::{clean, items, text_of};
use crate::domain::fault::Fault;

/// Why a command did not do what it was asked, each with its exit code.
#[derive(Debug)]
pub(super) enum Failure {
    /// The router answered no.
    Refused(Box<Refused>),
    /// Nobody serves the number that was asked for.
    Unserved(String),
    /// The operator answered no.
    Declined,
    /// It was asked wrongly.
    Usage(String),
    /// The router gave no answer.
    Unreachable {
        /// The address that was tried.
        url: String,
        /// What happened.
        why: String,
    },
    /// The result could not be written, or an answer not be read.
    Output(io::Error),
}

/// An answer that is a no.
#[derive(Debug)]
pub(super) struct Refused {
    /// Its HTTP status.
    pub(super) status: u16,
    /// Its body, where that is JSON.
    pub(super) body: Value,
    /// Whether a key was sent.
    pub(super) with_key: bool,
    /// Its body as it came, where the operator wants to see that.
    pub(super) raw: Option<Vec<u8>>,
}

impl Failure {
    /// The exit code of the process.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            // Whoever reads us has seen enough, as with `| head`.
            Self::Output(why) if why.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Refused(_) | Self::Unserved(_) | Self::Declined | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
        }
    }

    /// Tells the operator, with what to do about it where that is known.
    pub(super) fn tell(&self, terminal: &mut Terminal<'_>) {
        if let Self::Refused(refused) = self
            && let Some(raw) = &refused.raw
        {
            // The refusal is told below, whether or not the copy arrives.
            let _ = terminal.out.write_all(raw).and_then(|()| terminal.out.flush());
        }
        let (message, hint) = match self {
            Self::Output(why) if why.kind() == io::ErrorKind::BrokenPipe => return,
            Self::Refused(refused) => (refused.message(), refused.hint()),
            Self::Unserved(number) => (
                format!("nobody serves {}", clean(number)),
                Some(
                    "route it with `cordboard numbers put`, or set a default with `cordboard default-route put`",
                ),
            ),
            Self::Declined => ("nothing was changed".to_owned(), None),
            Self::Usage(message) => (message.clone(), None),
            Self::Unreachable { url, why } => (
                format!("cannot reach {url}: {why}"),
                Some("is `cordboard serve` running there? --url, --calls-url and --data say where to look"),
            ),
            Self::Output(why) => (format!("cannot read or write: {why}"), None),
        };
        let [error, hinted] = if terminal.look.colours {
            ["\x1b[1;31merror:\x1b[0m", "\x1b[1mhint:\x1b[0m"]
        } else {
            ["error:", "hint:"]
        };
        terminal.remark(format_args!("{error} {message}"));
        if let Self::Refused(refused) = self {
            refused.details().for_each(|line| terminal.remark(format_args!("  {line}")));
        }
        if let Some(hint) = hint {
            terminal.remark(format_args!("{hinted} {hint}"));
        }
    }
}

impl Refused {
    fn code(&self) -> &str {
        self.body.get("error_code").and_then(Value::as_str).unwrap_or_default()
    }

    fn message(&self) -> String {
        let message = ["error", "message", "error_message"]
            .into_iter()
            .find_map(|key| self.body.get(key).and_then(Value::as_str))
            .map_or_else(|| "the router refused".to_owned(), clean);
        match self.code() {
            "" => format!("{message} (HTTP {})", self.status),
            code => format!("{message} ({}, HTTP {})", clean(code), self.status),
        }
    }

    /// What is wrong field by field, then place by place in files.
    fn details(&self) -> impl Iterator<Item = String> {
        let fields = items(&self.body, "errors")
            .iter()
            .map(|error| format!("{}: {}", text_of(error, "field"), text_of(error, "message")));
        let faults = self.body.get("data").map(|data| items(data, "faults")).unwrap_or_default();
        let faults = faults.iter().filter_map(|fault| serde_json::from_value::<Fault>(fault.clone()).ok());
        fields.chain(faults.map(|fault| clean(&fault.to_string())))
    }

    fn hint(&self) -> Option<&'static str> {
        match (self.status, self.code()) {
            (401, _) if !self.with_key => Some(
                "no key was found: give --key or CORDBOARD_KEY, or name the router's data folder with --data",
            ),
            (401, _) => {
                Some("the key is not one of this router: `cordboard keys reset` makes a new first key")
            }
            (403, _) => {
                Some("ask for a key with the permission, or for one that is not limited to other agents")
            }
            (409, "MANAGED_BY_FILES") => Some("the route files own this: change it there"),
            (409, "IN_USE") => Some("route its numbers elsewhere first"),
            (_, "FILES_HELD") => {
                Some("`cordboard status` shows what is held, `cordboard reload --accept HASH` takes it")
            }
            (412, _) => Some("somebody else changed it meanwhile: look at it again"),
            (429 | 503, _) => Some("try again in a moment"),
            (404, "NOT_FOUND") => Some("is the id right, and the key of the same account?"),
            _ => None,
        }
    }
}
