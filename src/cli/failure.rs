//! Why a command did not do what it was asked.

use std::io;

use serde_json::Value;

use super::terminal::Terminal;
use super::words::{clean, items, text_in, text_of};
use crate::domain::address::Number;
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
        if matches!(self, Self::Output(why) if why.kind() == io::ErrorKind::BrokenPipe) {
            return;
        }
        if let Self::Refused(refused) = self
            && let Some(raw) = &refused.raw
        {
            // The refusal is told below, whether or not the copy arrives.
            let _ = terminal.out.write_all(raw).and_then(|()| terminal.out.flush());
        }
        let look = terminal.remarks;
        let [error, hinted] = [look.red("error:"), look.bold("hint:")];
        terminal.remark(format_args!("{error} {}", self.message()));
        if let Self::Refused(refused) = self {
            for line in refused.details() {
                terminal.remark(format_args!("  {line}"));
            }
        }
        if let Some(hint) = self.hint() {
            terminal.remark(format_args!("{hinted} {hint}"));
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Refused(refused) => refused.message(),
            Self::Unserved(number) => format!("nobody serves {}", clean(number)),
            Self::Declined => "nothing was changed".to_owned(),
            Self::Usage(message) => message.clone(),
            Self::Unreachable { url, why } => format!("cannot reach {url}: {why}"),
            Self::Output(why) => format!("cannot read or write: {why}"),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refused) => refused.hint(),
            Self::Unserved(number) if Number::parse(number).is_ok_and(|number| number.doubt().is_some()) => {
                Some("a phone number begins with + and its country code; this is a SIP user")
            }
            Self::Unserved(_) => Some(
                "route it with `cordboard numbers put`, or all the rest with `cordboard default-route put`",
            ),
            Self::Unreachable { .. } => {
                Some("is `cordboard serve` running there? --url, --calls-url and --data say where to look")
            }
            Self::Declined | Self::Usage(_) | Self::Output(_) => None,
        }
    }
}

impl Refused {
    fn code(&self) -> &str {
        self.body.get("error_code").and_then(Value::as_str).unwrap_or_default()
    }

    fn message(&self) -> String {
        let message = self.text();
        match self.code() {
            "" => format!("{message} (HTTP {})", self.status),
            code => format!("{message} ({}, HTTP {})", clean(code), self.status),
        }
    }

    fn text(&self) -> String {
        let said = ["error", "message", "error_message"].into_iter();
        let mut said = said.filter_map(|key| text_in(&self.body, key));
        said.next().map_or_else(|| "the router refused".to_owned(), clean)
    }

    /// What is wrong place by place in files, else field by field.
    fn details(&self) -> Vec<String> {
        let faults = self.body.get("data").map(|data| items(data, "faults")).unwrap_or_default();
        let places = faults.iter().filter_map(|fault| serde_json::from_value::<Fault>(fault.clone()).ok());
        let mut lines: Vec<_> = places.map(|fault| clean(&fault.to_string())).collect();
        if lines.is_empty() {
            let field = |error: &Value| format!("{}: {}", text_of(error, "field"), text_of(error, "message"));
            lines = items(&self.body, "errors").iter().map(field).collect();
        }
        // The message often says the faults itself.
        let text = self.text();
        lines.retain(|line| !text.contains(line.as_str()));
        lines
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match (self.status, self.code()) {
            (401, _) if !self.with_key => {
                "no key was found: give --key or CORDBOARD_KEY, or name the router's data folder with --data"
            }
            (401, _) => "the key is not one of this router: `cordboard keys reset` makes a new first key",
            (403, _) => "ask for a key with the permission, or for one that is not limited to other agents",
            (404, "") => "is a router listening at that address, and not something else?",
            (409, "MANAGED_BY_FILES") => "the route files own this: change it there",
            (409, "IN_USE") => "route its numbers elsewhere first",
            (412, _) => "somebody else changed it meanwhile: look at it again",
            (429 | 503, _) => "try again in a moment",
            _ => return None,
        })
    }
}
