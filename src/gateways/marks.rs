//! By what a call knows its version when it gets where it is sent: parameters of the target's URI, and headers.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::outgoing::{AGENT_VERSION, headers};
use crate::domain::endpoint::{Endpoint, Filling};
use crate::domain::id::SplitId;
use crate::routing::decision::Choice;
use crate::routing::switchboard::Answer;
use crate::routing::token::TokenText;

/// Most targets of an answer: the steps of `q` from 1.0 to 0.1.
pub const TARGETS_MAX: usize = 10;

/// What the router itself says; nobody else's headers of these names go along.
const OURS: [&str; 5] = ["X-Agent-Id", "X-Split", "X-Arm", "X-Decision-Id", "Timestamp"];
/// RFC 3986's unreserved characters stay as they are: all of them may be in a parameter of a URI.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a marked URI is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A contact of `sip:`, `sips:` or `tel:`.
    Contact,
    /// A contact of `sips:`, since the caller wants every step encrypted.
    EncryptedContact,
    /// A request-URI of `sip:` or `sips:`, which has no headers (RFC 3261, section 19.1.1).
    RequestUri,
}

impl Place {
    const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Contact => &["sip:", "sips:", "tel:"],
            Self::EncryptedContact => &["sips:"],
            Self::RequestUri => &["sip:", "sips:"],
        }
    }
}

/// What a decision marks a call with.
#[derive(Debug)]
pub struct Marks<'a> {
    /// What a target's URI is filled with.
    filling: Filling<'a>,
    version: &'a str,
    split: Option<&'a SplitId>,
    token: Option<&'a str>,
}

impl<'a> Marks<'a> {
    /// The marks of a choice; `digits` holds those of its version.
    #[must_use]
    pub fn of(
        choice: &Choice<'a>,
        token: Option<&'a TokenText>,
        call_id: &'a str,
        digits: &'a mut itoa::Buffer,
    ) -> Self {
        let arm = choice.in_split.and_then(|in_split| Some((in_split.split, in_split.arm()?)));
        let version = choice.served.version.number;
        Self {
            filling: Filling {
                agent: choice.served.agent.agent.as_str(),
                version,
                arm: arm.map_or("", |(_, arm)| arm.id.as_str()),
                call_id,
            },
            version: version.map_or("draft", |version| digits.format(version.get())),
            split: arm.map(|(split, _)| &split.split.id),
            token: token.map(TokenText::as_str),
        }
    }

    /// Writes the URI of a target with its parameters; `false`, and something that is none, where a call cannot be sent
    /// to it from there.
    pub fn uri(&self, out: &mut Vec<u8>, target: &Endpoint, place: Place) -> bool {
        let begin = out.len();
        target.uri.render(&self.filling, |piece| out.extend_from_slice(piece.as_bytes()));
        let uri = out.get(begin..).unwrap_or_default();
        let is = |scheme: &&str| {
            uri.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        if !place.schemes().iter().any(is) {
            return false;
        }
        // Headers of a URI stand behind its parameters; a question mark before the host is one of the user.
        let host = memchr::memrchr(b'@', uri).unwrap_or_default();
        let headers = uri.get(host..).and_then(|rest| memchr::memchr(b'?', rest)).map(|at| begin + host + at);
        if let (Some(headers), Place::RequestUri) = (headers, place) {
            out.truncate(headers);
        }
        let end = out.len();
        let mut parameter = |name: &str, value: &str| {
            out.extend_from_slice(name.as_bytes());
            // Nearly always: ids and tokens are made of little else.
            if value.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~')) {
                out.extend_from_slice(value.as_bytes());
            } else {
                utf8_percent_encode(value, ENCODED).for_each(|piece| out.extend_from_slice(piece.as_bytes()));
            }
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

    /// Puts the headers of what was decided: agent, version, and in a split which one and which arm.
    pub fn headers(&self, mut put: impl FnMut(&str, &str)) {
        put("X-Agent-Id", self.filling.agent);
        put(AGENT_VERSION, self.version);
        if let Some(split) = self.split {
            put("X-Split", split.as_str());
            put("X-Arm", self.filling.arm);
        }
    }
}

/// Puts the header by which a decision can be looked up.
pub fn decision_header(answer: &Answer<'_>, put: impl FnOnce(&str, &str)) {
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    put("X-Decision-Id", Uuid::from_u128(answer.decision_id).hyphenated().encode_lower(&mut id));
}

/// Puts the headers of the version and of the number.
pub fn version_headers(choice: &Choice<'_>, mut put: impl FnMut(&str, &str)) {
    let number = choice.route.map(|route| &route.route.headers);
    for (name, value) in headers(&choice.served.version.dispatch.sip_headers, number) {
        if !OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
            put(name, value);
        }
    }
}
