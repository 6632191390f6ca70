//! A decision as a redirect: where the call goes, and which version serves it.

use std::io::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::response::{Status, header};
use super::trunk::{Contacts, Trunk};
use crate::domain::endpoint::{Endpoint, Filling};
use crate::gateways::outgoing::{AGENT_VERSION, headers};
use crate::gateways::targets;
use crate::routing::decision::Choice;
use crate::routing::switchboard::{Answer, Standing};
use crate::routing::token::TokenText;

/// Most targets of an answer: the steps of `q` from 1.0 to 0.1.
pub const CONTACTS_MAX: usize = 10;
/// Longest part of an answer that is ours, in bytes; contacts and headers beyond are left out.
pub const TOLD_BYTES_MAX: usize = 16_384;

/// What the router itself says; nobody else's headers of these names go along.
const OURS: [&str; 5] = ["X-Agent-Id", "X-Split", "X-Arm", "X-Decision-Id", "Timestamp"];
/// RFC 3986's unreserved characters stay as they are: all of them may be in a parameter of a URI.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How an invitation is answered, once.
#[derive(Debug)]
pub struct Answering<'r> {
    pub(super) trunk: &'r Trunk,
    pub(super) call_id: &'r str,
    pub(super) only_sips: bool,
    pub(super) told: &'r mut Vec<u8>,
}

/// That an invitation was answered, and how.
#[derive(Debug)]
#[must_use]
pub struct Answered(pub(super) Status);

impl Answering<'_> {
    /// Tells what was decided, and by what id it can be looked up: 302, 404 where nobody serves the number, 480 where who serves it has no target that
    /// a call can be sent to by SIP, or none that is encrypted where the caller wants that.
    pub fn tell(mut self, answer: &Answer<'_>) -> Answered {
        if self.trunk.headers.decision {
            let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
            let id = Uuid::from_u128(answer.decision_id).hyphenated().encode_lower(&mut id);
            header(self.told, "X-Decision-Id", id);
        }
        let is_told = answer.standing != Standing::Hidden;
        let Some(choice) = answer.decision.choice.as_ref().filter(|_| is_told) else {
            return Answered(Status::NOT_FOUND);
        };
        let arm = choice.in_split.and_then(|in_split| Some((in_split.split, in_split.arm()?)));
        let version = choice.served.version.number;
        let mut digits = itoa::Buffer::new();
        let marks = Marks {
            filling: Filling {
                agent: choice.served.agent.agent.as_str(),
                version,
                arm: arm.map_or("", |(_, arm)| arm.id.as_str()),
                call_id: self.call_id,
            },
            version: version.map_or("draft", |version| digits.format(version.get())),
            token: answer.token.as_ref().map(TokenText::as_str),
        };
        let contacts = targets::with(choice, answer.decision_id, |targets| self.contacts(targets, &marks));
        if self.trunk.headers.decision {
            header(self.told, "X-Agent-Id", marks.filling.agent);
            header(self.told, AGENT_VERSION, marks.version);
            if let Some((split, arm)) = arm {
                header(self.told, "X-Split", split.split.id.as_str());
                header(self.told, "X-Arm", arm.id.as_str());
            }
        }
        if contacts.is_none() {
            return Answered(Status::TEMPORARILY_UNAVAILABLE);
        }
        if self.trunk.headers.version {
            version_headers(self.told, choice);
        }
        Answered(Status::MOVED_TEMPORARILY)
    }

    /// Tells that nobody can answer now, and when to ask again.
    pub fn unavailable(self, retry_after_s: u32) -> Answered {
        header(self.told, "Retry-After", itoa::Buffer::new().format(retry_after_s));
        Answered(Status::SERVICE_UNAVAILABLE)
    }
}

impl Answering<'_> {
    /// Writes as many targets as the trunk wants; nothing where none of them is fit.
    fn contacts(&mut self, targets: &[&Endpoint], marks: &Marks<'_>) -> Option<()> {
        let wanted = match self.trunk.contacts {
            Contacts::One => 1,
            Contacts::Many => CONTACTS_MAX,
        };
        let mut tenths = 10_u8;
        for target in targets {
            let before = self.told.len();
            self.told.extend_from_slice(b"Contact: <");
            if !marks.uri(self.told, target, self.only_sips) || self.told.len() > TOLD_BYTES_MAX {
                self.told.truncate(before);
                continue;
            }
            self.told.push(b'>');
            if wanted > 1 {
                let _ = write!(self.told, ";q={}.{}", tenths / 10, tenths % 10);
            }
            self.told.extend_from_slice(b"\r\n");
            tenths -= 1;
            if usize::from(10 - tenths) == wanted {
                break;
            }
        }
        (tenths < 10).then_some(())
    }
}

/// What a target's URI is filled and marked with.
struct Marks<'a> {
    filling: Filling<'a>,
    version: &'a str,
    token: Option<&'a str>,
}

impl Marks<'_> {
    /// Writes the URI of a target with its parameters; `false` where a call cannot be sent to it by SIP.
    fn uri(&self, out: &mut Vec<u8>, target: &Endpoint, only_sips: bool) -> bool {
        let begin = out.len();
        target.uri.render(&self.filling, |piece| out.extend_from_slice(piece.as_bytes()));
        let uri = out.get(begin..).unwrap_or_default();
        let is = |scheme: &str| {
            uri.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        if !(is("sips:") || !only_sips && (is("sip:") || is("tel:"))) {
            return false;
        }
        // Headers of a URI stand behind its parameters; a question mark before the host is one of the user.
        let host = memchr::memrchr(b'@', uri).unwrap_or_default();
        let headers = uri.get(host..).and_then(|rest| memchr::memchr(b'?', rest)).map(|at| begin + host + at);
        let end = out.len();
        let mut parameter = |name: &str, value: &str| {
            out.extend_from_slice(name.as_bytes());
            utf8_percent_encode(value, ENCODED).for_each(|piece| out.extend_from_slice(piece.as_bytes()));
        };
        parameter(";agent=", self.filling.agent);
        parameter(";ver=", self.version);
        if !self.filling.arm.is_empty() {
            parameter(";arm=", self.filling.arm);
        }
        if let Some(token) = self.token {
            parameter(";tok=", token);
        }
        if let Some(tail) = headers.and_then(|headers| out.get_mut(headers..)) {
            tail.rotate_left(end - headers.unwrap_or(end));
        }
        true
    }
}

/// The headers of the version and of the number.
fn version_headers(told: &mut Vec<u8>, choice: &Choice<'_>) {
    let number = choice.route.map(|route| &route.route.headers);
    for (name, value) in headers(&choice.served.version.dispatch.sip_headers, number) {
        let is_ours = OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name));
        if !is_ours && told.len() + name.len() + value.len() < TOLD_BYTES_MAX {
            header(told, name, value);
        }
    }
}
