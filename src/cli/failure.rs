//! Why a command did not do what it was asked.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

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
    /// What was put to the test has failed.
    TestsFailed(String),
    /// There is nothing to do it with.
    Nothing(String),
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
    /// No router has left its address in the data folder that was named.
    NoAddress(PathBuf),
    /// The result could not be written, or an answer not be read.
    Output(io::Error),
}

/// Which key goes with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// None.
    Nothing,
    /// One that the operator gave.
    Given,
    /// That of the data folder.
    Found,
}

/// An answer that is a no.
#[derive(Debug)]
pub(super) struct Refused {
    /// Its HTTP status.
    pub(super) status: u16,
    /// Its body, where that is JSON.
    pub(super) body: Value,
    /// Which key was sent.
    pub(super) sent: Sent,
}

impl Failure {
    /// The exit code of the process.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            // Whoever reads us has seen enough, as with `| head`.
            Self::Output(why) if why.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Refused(_)
            | Self::Unserved(_)
            | Self::TestsFailed(_)
            | Self::Nothing(_)
            | Self::Declined
            | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } | Self::NoAddress(_) => 3,
        }
    }

    /// Tells the operator, with what to do about it where that is known; and a program, where results are wanted as
    /// JSON, by one object with `error` in the place of the result.
    pub(super) fn tell(&self, terminal: &mut Terminal<'_>) {
        if matches!(self, Self::Output(why) if why.kind() == io::ErrorKind::BrokenPipe) {
            return;
        }
        if let Some(object) = self.to_json().filter(|_| terminal.json) {
            // The failure is told below, whether or not the copy arrives.
            let _ = writeln!(terminal.out, "{object}").and_then(|()| terminal.out.flush());
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

    /// For programs: the router's answer where it has one that says what was wrong; nothing where the result itself was
    /// an answer.
    fn to_json(&self) -> Option<Value> {
        match self {
            Self::Unserved(_) | Self::TestsFailed(_) => None,
            Self::Refused(refused) if refused.body.get("error").is_some() => Some(refused.body.clone()),
            Self::Refused(refused) => Some(json!({"error": refused.text(), "status": refused.status})),
            other => Some(json!({"error": other.message()})),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Refused(refused) => refused.message(),
            Self::NoAddress(folder) => format!("no router has left its address in {}", folder.display()),
            Self::TestsFailed(run) => format!("test run {} has failed", clean(run)),
            Self::Unserved(number) => format!("nobody serves {}", clean(number)),
            Self::Declined => "nothing was changed".to_owned(),
            Self::Usage(message) | Self::Nothing(message) => message.clone(),
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
            Self::NoAddress(_) => {
                Some("is `cordboard serve` running on that folder? --url says where else to look")
            }
            Self::Declined | Self::TestsFailed(_) | Self::Nothing(_) | Self::Usage(_) | Self::Output(_) => {
                None
            }
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

    /// What it says as a whole.
    pub(super) fn text(&self) -> String {
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
            lines = self.fields();
        }
        // The message often says the faults itself.
        let text = self.text();
        lines.retain(|line| !text.contains(line.as_str()));
        lines
    }

    /// What is wrong field by field.
    pub(super) fn fields(&self) -> Vec<String> {
        let field = |error: &Value| format!("{}: {}", text_of(error, "field"), text_of(error, "message"));
        items(&self.body, "errors").iter().map(field).collect()
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match (self.status, self.code()) {
            (401, _) => match self.sent {
                Sent::Nothing => {
                    "no key was found: give --key or CORDBOARD_KEY, or name the router's data folder with --data; if its \
                     admin.key is lost, `cordboard keys reset` makes a new one"
                }
                Sent::Given => {
                    "the key that was given is not one of this router, or has ended; without --key, CORDBOARD_KEY and \
                     CORDBOARD_ADMIN_KEY_FILE the first key is taken from the data folder"
                }
                Sent::Found => {
                    "admin.key in the data folder holds no key of this router: `cordboard keys reset` makes a new first key \
                     and ends the one there is"
                }
            },
            (403, _) => "ask for a key with the permission, or for one that is not limited to other agents",
            (404, "") => "is a router listening at that address, and not something else?",
            (_, "MERGE_CONFLICT") => {
                "say --ours, --theirs or --resolve PATH=ours|theirs|base|JSON, or run it on a terminal to be asked"
            }
            (_, "REVERT_CONFLICT") => {
                "say --keep, --revert or --resolve FIELD=keep|revert|JSON, or run it on a terminal to be asked"
            }
            (409, "IN_USE") => "route its numbers elsewhere first",
            (412, "PRE_RELEASE_NOT_READY") => {
                "promote it to pre-release first, or have the account allow to skip that"
            }
            (412, "TESTS_NOT_PASSED") => {
                "`cordboard tests runs AGENT` shows why, `cordboard tests run` tries again"
            }
            (412, _) => "somebody else changed it meanwhile: look at it again",
            (429 | 503, _) => "try again in a moment",
            _ => return None,
        })
    }
}
