//! Answers: the request's own octets back to it, and what we say behind them.

use std::fmt::Display;
use std::io::Write as _;
use std::net::SocketAddr;

use super::grammar::{cut, parameter, pieces, trim};
use super::identity::Tag;
use super::message::{Ends, Message};
use super::name::Name;
use super::via::Via;

/// What became of a request: its code and what that means in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// 100 to 699.
    pub code: u16,
    /// The reason phrase.
    pub reason: &'static str,
}

macro_rules! statuses {
    ($($name:ident $code:literal $reason:literal,)*) => {
        impl Status {
            $(#[doc = $reason] pub const $name: Self = Self { code: $code, reason: $reason };)*
            /// Everything that is ever answered, by rising code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

statuses! {
    OK 200 "OK",
    MOVED_TEMPORARILY 302 "Moved Temporarily",
    BAD_REQUEST 400 "Bad Request",
    UNAUTHORIZED 401 "Unauthorized",
    FORBIDDEN 403 "Forbidden",
    NOT_FOUND 404 "Not Found",
    METHOD_NOT_ALLOWED 405 "Method Not Allowed",
    UNSUPPORTED_SCHEME 416 "Unsupported URI Scheme",
    BAD_EXTENSION 420 "Bad Extension",
    TEMPORARILY_UNAVAILABLE 480 "Temporarily Unavailable",
    NO_DIALOGUE 481 "Call/Transaction Does Not Exist",
    NOT_IMPLEMENTED 501 "Not Implemented",
    SERVICE_UNAVAILABLE 503 "Service Unavailable",
    VERSION_NOT_SUPPORTED 505 "Version Not Supported",
}

/// Writes everything of an answer that is the request's, from the status line on.
///
/// All `Via`, `From`, `To`, `Call-ID`, `CSeq` and `Timestamp` are the octets that came, but for three things: the last
/// sender's `Via` is told where the request came from (RFC 3261, section 18.2.1; RFC 3581), a `To` without a tag gets
/// ours, and a CR that ends no line becomes a blank.
pub fn head(
    out: &mut Vec<u8>,
    (code, reason): (u16, impl Display),
    message: &Message<'_>,
    ends: &Ends<'_>,
    source: SocketAddr,
    tag: &Tag,
) {
    // Writing to memory cannot fail.
    let _ = write!(out, "SIP/2.0 {code} {reason}\r\n");
    for (at, via) in message.all(Name::Via).enumerate() {
        out.extend_from_slice(b"Via: ");
        if at == 0 {
            let (last, earlier) = cut(via, b',');
            sender(out, last, ends.sender.as_ref(), source);
            if let Some(earlier) = earlier {
                out.push(b',');
                octets(out, earlier);
            }
        } else {
            octets(out, via);
        }
        out.extend_from_slice(b"\r\n");
    }
    for name in [Name::From, Name::To, Name::CallId, Name::CSeq, Name::Timestamp] {
        let Some(value) = message.all(name).next() else { continue };
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        octets(out, value);
        if name == Name::To && ends.to.is_some_and(|to| to.tag.is_none()) {
            out.extend_from_slice(b";tag=");
            out.extend_from_slice(tag);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Ends an answer: none of ours has a body.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
}

/// Writes a header of our own; control characters in its value become blanks.
pub fn header(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let is_plain = value.bytes().all(|c| (b' '..0x7f).contains(&c));
    if !is_plain && value.contains(char::is_control) {
        let harmless = value.chars().map(|c| if c.is_control() { ' ' } else { c });
        out.extend_from_slice(harmless.collect::<String>().as_bytes());
    } else {
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Where an answer goes that is not sent back on a connection (RFC 3261, section 18.2.2; RFC 3581, section 4).
///
/// Always the address the request came from: neither a host that a `Via` names nor its `maddr` is sent anything.
#[must_use]
pub fn destination(sender: &Via<'_>, source: SocketAddr) -> SocketAddr {
    if sender.wants_rport {
        return source;
    }
    SocketAddr::new(source.ip(), sender.port.filter(|port| *port != 0).unwrap_or(5060))
}

/// The last sender's `Via`, which is told where its request came from.
fn sender(out: &mut Vec<u8>, value: &[u8], via: Option<&Via<'_>>, source: SocketAddr) {
    let Some(via) = via.filter(|via| via.wants_rport || !via.is_sent_from(source.ip())) else {
        return octets(out, value);
    };
    octets(out, trim(via.sent));
    // Before all that others wrote: behind a quote that is left open it would be part of the quotation.
    let _ = write!(out, ";received={}", source.ip().to_canonical());
    for piece in via.parameters.into_iter().flat_map(|parameters| pieces(parameters, b';')) {
        let (name, _) = parameter(piece);
        if name.eq_ignore_ascii_case(b"rport") {
            let _ = write!(out, ";rport={}", source.port());
        } else if !name.eq_ignore_ascii_case(b"received") {
            out.push(b';');
            octets(out, trim(piece));
        }
    }
}

/// Copies a value, in which line ends stand before continuation lines only.
fn octets(out: &mut Vec<u8>, value: &[u8]) {
    if memchr::memchr(b'\r', value).is_none() {
        return out.extend_from_slice(value);
    }
    let next = value.iter().skip(1).map(Some).chain([None]);
    out.extend(value.iter().zip(next).map(|(c, next)| match (*c, next) {
        (b'\r', next) if next != Some(&b'\n') => b' ',
        (c, _) => c,
    }));
}
