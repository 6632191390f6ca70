//! A decision as a redirect: where the call goes, and which version serves it.

use std::io::Write as _;

use super::response::{Status, header};
use super::trunk::{Contacts, Trunk};
use crate::domain::endpoint::Endpoint;
pub use crate::gateways::marks::TARGETS_MAX as CONTACTS_MAX;
use crate::gateways::marks::{Marks, Place, decision_header, version_headers};
use crate::gateways::targets;
use crate::routing::switchboard::{Answer, Standing};

/// Longest part of an answer that is ours, in bytes; contacts and headers beyond are left out.
pub const TOLD_BYTES_MAX: usize = 16_384;

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
            decision_header(answer, |name, value| header(self.told, name, value));
        }
        let is_told = answer.standing != Standing::Hidden;
        let Some(choice) = answer.decision.choice.as_ref().filter(|_| is_told) else {
            return Answered(Status::NOT_FOUND);
        };
        let mut digits = itoa::Buffer::new();
        let marks = Marks::of(choice, answer.token.as_ref(), self.call_id, &mut digits);
        let contacts = targets::with(choice, answer.decision_id, |targets| self.contacts(targets, &marks));
        if self.trunk.headers.decision {
            marks.headers(|name, value| header(self.told, name, value));
        }
        if contacts.is_none() {
            return Answered(Status::TEMPORARILY_UNAVAILABLE);
        }
        if self.trunk.headers.version {
            version_headers(choice, |name, value| {
                if self.told.len() + name.len() + value.len() < TOLD_BYTES_MAX {
                    header(self.told, name, value);
                }
            });
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
        let place = if self.only_sips { Place::EncryptedContact } else { Place::Contact };
        let mut tenths = 10_u8;
        for target in targets {
            let before = self.told.len();
            self.told.extend_from_slice(b"Contact: <");
            if !marks.uri(self.told, target, place) || self.told.len() > TOLD_BYTES_MAX {
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
