//! Laws of what comes in by SIP.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a law fails by a panic")]

mod written;

pub use written::{Said, Written};

use std::cell::RefCell;
use std::net::SocketAddr;

use super::grammar::{cut, parameter, pieces, trim};
use super::message::{FIELDS_MAX, Index, MESSAGE_BYTES_MAX, Message, NoRequest, VIAS_MAX, text};
use super::name::Name;
use super::request::Request;
use super::server::{Arrival, Outcome, RedirectServer, Transport};
use super::stream::{Framed, frame};
use super::transactions::Room;
use super::trunk::Trunk;
use super::via::Via;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;

/// The headers that an answer to a call nobody decided may have.
const SAID: [&str; 9] =
    ["Via", "From", "To", "Call-ID", "CSeq", "Timestamp", "Retry-After", "Allow", "Unsupported"];

/// Any bytes, as a datagram and as a stream: read within their bounds, answered or not, and an answer is the request's.
pub(crate) fn message() -> impl Fn(&[u8]) {
    let law = comes_back();
    move |bytes| {
        let mut index = Index::default();
        if let Ok(message) = index.read(bytes) {
            assert!(message.head_bytes <= bytes.len() && message.fields().count() <= FIELDS_MAX);
            assert!(message.body.len() <= bytes.len() - message.head_bytes);
            for (name, value) in message.fields() {
                assert!(!name.is_empty());
                assert!(!text(value).contains('\n'), "{value:?} is no line");
            }
        }
        match frame(&mut index, bytes) {
            Framed::Part { bytes: more, .. } => {
                assert!(bytes.len() < more && bytes.len() < MESSAGE_BYTES_MAX);
            }
            Framed::Blank(of) | Framed::Ping(of) | Framed::Message(of) | Framed::Endless(of) => {
                assert!((1..=bytes.len().min(MESSAGE_BYTES_MAX)).contains(&of), "{of} of {}", bytes.len());
            }
        }
        law(bytes);
    }
}

/// A request says what its writer meant.
pub(crate) fn written(bytes: &[u8]) {
    let written = Written::of(bytes);
    let Some(meant) = written.says else { return };
    let mut index = Index::default();
    let read = index.read(&written.bytes).map(|message| Request::of(message, &message.ends()));
    let Ok(Ok(request)) = read else { panic!("{read:?} of {}", written.bytes.escape_ascii()) };
    assert_eq!(Said::by(&request), meant, "by {}", written.bytes.escape_ascii());
}

/// Any bytes, as an answer: no request, and its header fields are those of a request of the same lines.
pub(crate) fn answer(bytes: &[u8]) {
    let (mut index, mut other) = (Index::default(), Index::default());
    let Some((code, answer)) = index.read_answer(bytes) else { return };
    assert!((100..700).contains(&code), "{code}");
    assert_eq!(other.read(bytes).err(), Some(NoRequest::Response));
    let begins = bytes.iter().position(|c| !matches!(c, b'\r' | b'\n' | 0)).expect("a status line");
    let line = bytes[begins..].iter().position(|c| *c == b'\n').map_or(bytes.len(), |end| begins + end + 1);
    let request = [b"ANSWER sip:x SIP/2.0\r\n", &bytes[line..]].concat();
    if request.len() > MESSAGE_BYTES_MAX {
        return;
    }
    let request = other.read(&request).expect("a request line");
    assert_eq!((answer.fault, answer.body), (request.fault, request.body));
    assert!(answer.fields().eq(request.fields()), "{answer:?} and {request:?}");
}

/// An answer names the request by the octets that came, whichever request it is, and comes again as it was.
pub(crate) fn comes_back() -> impl Fn(&[u8]) {
    let account = AccountId::parse("ws-1").expect("an id");
    let trunk = Trunk { trust_headers: true, ..Trunk::new("default", 0, account) };
    let server = RefCell::new(RedirectServer::new([1; 32], Room::new(100)));
    let source = SocketAddr::from(([192, 0, 2, 1], 5062));
    move |bytes| {
        for transport in [Transport::Udp, Transport::Tls] {
            let arrival = Arrival { bytes, source, transport, trunk: Some(&trunk), now: Timestamp(1) };
            let answer = || {
                let mut out = Vec::new();
                let outcome = server.borrow_mut().handle(&arrival, &mut out, |invitation, answering| {
                    let call = invitation.asks(None);
                    assert!(call.call_id.is_some_and(|id| !id.is_empty() && id.len() <= 256));
                    answering.unavailable(7)
                });
                (outcome, out)
            };
            let (outcome, out) = answer();
            assert_eq!(answer().1, out, "what comes again is answered the same");
            match outcome.outcome {
                Outcome::Silence(_) => assert!(out.is_empty()),
                Outcome::Reply(reply) => {
                    assert_eq!(reply.to.ip(), source.ip());
                    of_its_request(bytes, &out);
                }
            }
        }
    }
}

/// Fails unless an answer is well formed and all that is its request's is what came.
fn of_its_request(request: &[u8], answer: &[u8]) {
    let line = answer.iter().position(|c| *c == b'\n').expect("a status line");
    assert!(answer.starts_with(b"SIP/2.0 ") && answer[line - 1] == b'\r');
    // Read by the same index, whose own laws are elsewhere: as a request of the same headers.
    let answer = [b"ANSWER sip:x SIP/2.0\r\n", &answer[line + 1..]].concat();
    let (mut asked, mut answered) = (Index::default(), Index::default());
    let asked = asked.read(request).expect("what is answered is a request");
    let has_many = asked.fields().count() > VIAS_MAX;
    let answered = answered.read(&answer).expect("an answer has headers");
    if has_many {
        return;
    }
    assert_eq!((answered.fault, answered.body), (None, &b""[..]), "{}", answer.escape_ascii());
    for (name, _) in answered.fields() {
        let name = std::str::from_utf8(name).expect("a name of ours");
        assert!(SAID.contains(&name) || name == "Content-Length", "{name}");
    }
    // A CR alone does not come back, and nobody reads what comes with one.
    let has_bare_return =
        request.iter().zip(request.iter().skip(1)).any(|(c, next)| *c == b'\r' && *next != b'\n');
    if has_bare_return || request.ends_with(b"\r") {
        return;
    }
    vias(&asked, &answered);
    for name in [Name::From, Name::CallId, Name::CSeq, Name::Timestamp] {
        assert_eq!(answered.all(name).next(), asked.all(name).next(), "{name:?}");
    }
    match (asked.all(Name::To).next(), answered.all(Name::To).next()) {
        (Some(asked), Some(answered)) => {
            let tag = answered.strip_prefix(asked).unwrap_or_else(|| panic!("{answered:?} to {asked:?}"));
            assert!(tag.is_empty() || tag.len() == 21 && tag.starts_with(b";tag="));
        }
        (asked, answered) => assert_eq!(asked, answered),
    }
}

/// Fails unless all steps come back, the last one's with nothing but where its request came from.
fn vias(asked: &Message<'_>, answered: &Message<'_>) {
    let values = |message: &Message<'_>| message.all(Name::Via).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (asked, answered) = (values(asked), values(answered));
    assert_eq!(asked.len(), answered.len());
    assert_eq!(asked[1..], answered[1..]);
    let (last, earlier) = cut(&asked[0], b',');
    let (last_answered, earlier_answered) = cut(&answered[0], b',');
    // Nothing stands behind the last octet of a value.
    assert_eq!(earlier.map(trim), earlier_answered.map(trim));
    let (last, last_answered) =
        (Via::parse(last).expect("a sender"), Via::parse(last_answered).expect("a sender"));
    assert_eq!(trim(last.sent), trim(last_answered.sent));
    let told = |via: Via<'_>| -> Vec<Vec<u8>> {
        let pieces = via.parameters.into_iter().flat_map(|parameters| pieces(parameters, b';'));
        let is_ours = |piece: &&[u8]| {
            let (name, _) = parameter(piece);
            name.eq_ignore_ascii_case(b"rport") || name.eq_ignore_ascii_case(b"received")
        };
        pieces.filter(|piece| !is_ours(piece)).map(|piece| trim(piece).to_vec()).collect()
    };
    assert_eq!(told(last), told(last_answered));
}
