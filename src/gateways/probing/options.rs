//! The question whether a SIP target is up: an `OPTIONS` (RFC 3261, section 11), and which message answers it.

use std::fmt::Write as _;
use std::net::SocketAddr;

use memchr::memmem;

use crate::domain::destination::{Destination, Protocol};
use crate::gateways::sip::grammar::number;
use crate::gateways::sip::message::{Index, MESSAGE_BYTES_MAX, Message};
use crate::gateways::sip::name::Name;

/// What an answer's `CSeq` begins with: each question is a dialogue of its own.
const SEQUENCE: u64 = 1;

/// One question to one destination.
#[derive(Debug)]
pub struct Options {
    /// The request as it is sent.
    pub bytes: Vec<u8>,
    call_id: String,
    branch: String,
}

impl Options {
    /// A question from an address of ours. The random bytes tell it from all others.
    #[must_use]
    pub fn new(destination: &Destination, from: SocketAddr, random: u128) -> Self {
        let (transport, parameters) = match destination.protocol {
            Protocol::SipTcp => ("TCP", ";transport=tcp"),
            Protocol::SipTls => ("TLS", ";transport=tls"),
            _ => ("UDP", ""),
        };
        let (call_id, branch) = (format!("{random:032x}"), format!("z9hG4bK{random:032x}"));
        let host = match from {
            SocketAddr::V4(from) => from.ip().to_string(),
            SocketAddr::V6(from) => format!("[{}]", from.ip()),
        };
        let mut text = String::with_capacity(512);
        // Writing to memory cannot fail.
        let _ = write!(
            text,
            "OPTIONS {destination} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {from};rport;branch={branch}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:cordboard@{host}>;tag={tag:x}\r\n\
             To: <{destination}>\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {SEQUENCE} OPTIONS\r\n\
             Contact: <sip:cordboard@{from}{parameters}>\r\n\
             User-Agent: cordboard/{version}\r\n\
             Accept: application/sdp\r\n\
             Content-Length: 0\r\n\r\n",
            tag = random >> 64,
            version = env!("CARGO_PKG_VERSION"),
        );
        Self { bytes: text.into_bytes(), call_id, branch }
    }

    /// The code of a message, if it answers this question; that somebody is looking into it (`100` and the like) is none.
    #[must_use]
    pub fn code_of(&self, index: &mut Index, bytes: &[u8]) -> Option<u16> {
        let (code, message) = index.read_answer(bytes)?;
        (code >= 200 && self.is_asked_by(&message)).then_some(code)
    }

    fn is_asked_by(&self, message: &Message<'_>) -> bool {
        let once = |name| message.once(name).ok().flatten();
        let mut sequence = once(Name::CSeq).unwrap_or_default().splitn(2, u8::is_ascii_whitespace);
        sequence.next().and_then(|counted| number(counted, 10)) == Some(SEQUENCE)
            && sequence.next().is_some_and(|method| method.trim_ascii() == b"OPTIONS")
            && once(Name::CallId) == Some(self.call_id.as_bytes())
            && message.ends().sender.and_then(|via| via.branch) == Some(self.branch.as_bytes())
    }

    /// The code of what answers this question in a stream; what is over is taken from it.
    ///
    /// # Errors
    /// When what comes is no SIP, or has no end.
    pub fn code_in(&self, index: &mut Index, stream: &mut Vec<u8>) -> Result<Option<u16>, NotSip> {
        loop {
            let blank = stream.iter().take_while(|c| matches!(c, b'\r' | b'\n')).count();
            stream.drain(..blank);
            let Some(head) = memmem::find(stream, b"\r\n\r\n").map(|at| at + 4) else {
                return if stream.len() > MESSAGE_BYTES_MAX { Err(NotSip) } else { Ok(None) };
            };
            let bytes = stream.get(..head).unwrap_or_default();
            if let Some(code) = self.code_of(index, bytes) {
                return Ok(Some(code));
            }
            // Something else that came on the same way: it is not ours to answer.
            let message = match index.read_answer(bytes) {
                Some((_, message)) => message.content_length(),
                None => index.read(bytes).map_err(|_| NotSip)?.content_length(),
            };
            let whole = head.saturating_add(message.map_err(|_| NotSip)?.unwrap_or_default());
            if whole > MESSAGE_BYTES_MAX {
                return Err(NotSip);
            }
            if whole > stream.len() {
                return Ok(None);
            }
            stream.drain(..whole);
        }
    }
}

/// What comes back is no SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSip;

/// Whether a SIP target that answers so takes calls.
///
/// Whatever it says of the question itself, it is there; `503` says that it takes none now (RFC 3261, section 21.5.4),
/// `408` that whoever answered did not reach it.
#[must_use]
pub const fn takes_calls(code: u16) -> bool {
    !matches!(code, 408 | 503)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gateways::sip::request::Request;

    const RANDOM: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

    fn options(destination: &str) -> Options {
        let from = if destination.contains('[') { "[::1]:5062" } else { "192.0.2.1:5062" };
        Options::new(&Destination::of(destination).unwrap(), from.parse().unwrap(), RANDOM)
    }

    /// What a server sends back: the lines it has to, behind a status line.
    fn answer(options: &Options, code: u16) -> String {
        let asked = String::from_utf8(options.bytes.clone()).unwrap();
        let same = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let lines: String = asked
            .split_inclusive("\r\n")
            .filter(|line| same.iter().any(|name| line.starts_with(name)))
            .collect();
        format!("SIP/2.0 {code} Whatever\r\n{lines}Content-Length: 0\r\n\r\n")
    }

    #[test]
    fn the_question_is_a_request_that_our_own_server_finds_nothing_wrong_with() {
        for (destination, uri, via) in [
            ("sip:a@h.example", "sip:h.example:5060", "SIP/2.0/UDP 192.0.2.1:5062"),
            ("sip:h;transport=tcp", "sip:h:5060;transport=tcp", "SIP/2.0/TCP 192.0.2.1:5062"),
            ("sips:[2001:db8::1]", "sips:[2001:db8::1]:5061", "SIP/2.0/TLS [::1]:5062"),
        ] {
            let options = options(destination);
            let mut index = Index::default();
            let message = index.read(&options.bytes).unwrap();
            assert_eq!(message.fault, None);
            assert_eq!((message.method, message.uri), (&b"OPTIONS"[..], uri.as_bytes()));
            let sender = message.ends().sender.unwrap();
            assert_eq!(sender.sent, via.as_bytes());
            assert!(sender.wants_rport && sender.branch.unwrap().starts_with(b"z9hG4bK"));
            let has = |name: &str, value: &[u8]| assert_eq!(message.named(name).next(), Some(value));
            has("Max-Forwards", b"70");
            has("CSeq", b"1 OPTIONS");
            has("Content-Length", b"0");
            assert!(
                message.named("Contact").next().is_some() && message.named("User-Agent").next().is_some()
            );
            let request = Request::of(message, &message.ends()).unwrap();
            assert!(request.to.tag.is_none());
        }
    }

    #[test]
    fn only_an_answer_to_the_very_question_counts() {
        let (options, mut index) = (options("sip:h"), Index::default());
        let right = answer(&options, 200);
        assert_eq!(options.code_of(&mut index, right.as_bytes()), Some(200));
        for (from, to) in [
            ("SIP/2.0 200", "SIP/2.0 20"),
            ("branch=z9hG4bK01", "branch=z9hG4bK02"),
            ("Call-ID: 01", "Call-ID: 02"),
            ("1 OPTIONS", "2 OPTIONS"),
            ("1 OPTIONS", "1 INVITE"),
            ("CSeq: 1 OPTIONS\r\n", ""),
        ] {
            let wrong = right.replacen(from, to, 1);
            assert_ne!(wrong, right);
            assert_eq!(options.code_of(&mut index, wrong.as_bytes()), None, "{to}");
        }
        assert_eq!(options.code_of(&mut index, &options.bytes), None, "an echo is no answer");
    }

    #[test]
    fn in_a_stream_it_is_found_behind_what_others_say_and_whatever_the_pieces() {
        let (options, mut index) = (options("sip:h;transport=tcp"), Index::default());
        let other = "OPTIONS sip:x SIP/2.0\r\nContent-Length: 4\r\n\r\nSIP/";
        let foreign = answer(&options, 503).replace("1 OPTIONS", "9 OPTIONS");
        let whole = format!("\r\n\r\n{other}{foreign}\r\n{}", answer(&options, 404));
        let mut stream = Vec::new();
        let mut found = None;
        for byte in whole.bytes() {
            assert_eq!(found, None);
            stream.push(byte);
            found = options.code_in(&mut index, &mut stream).unwrap();
        }
        assert_eq!(found, Some(404));
        for wrong in ["HTTP/1.1 400 Bad Request\r\n\r\n", &"x".repeat(MESSAGE_BYTES_MAX + 1)] {
            assert_eq!(options.code_in(&mut index, &mut wrong.as_bytes().to_vec()), Err(NotSip));
        }
    }

    #[test]
    fn every_answer_is_one_of_who_takes_calls_but_for_two() {
        assert!([200, 302, 401, 404, 405, 483, 500, 600].into_iter().all(takes_calls));
        assert!(!takes_calls(503) && !takes_calls(408));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_back_is_too_much(bytes in prop::collection::vec(any::<u8>(), 0..300), begins in any::<bool>()) {
            let options = options("sip:h");
            let mut stream = if begins { b"SIP/2.0 200 OK\r\nVia: ".to_vec() } else { Vec::new() };
            stream.extend(bytes);
            let _ = options.code_of(&mut Index::default(), &stream);
            let _ = options.code_in(&mut Index::default(), &mut stream);
        }
    }
}
