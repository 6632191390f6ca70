//! Laws of what comes back to the question whether a target is up.

#![expect(clippy::expect_used, reason = "a law fails by a panic")]

use std::net::SocketAddr;

use memchr::memmem;

use super::options::{NotSip, Options};
use crate::domain::destination::Destination;
use crate::gateways::sip;
use crate::gateways::sip::message::{Index, MESSAGE_BYTES_MAX};

/// Any bytes, as a datagram and as a stream in whatever pieces: the same code or none, and nobody's but an answer's.
pub(crate) fn answer() -> impl Fn(&[u8]) {
    let destination = Destination::of("sip:h").expect("a destination");
    let asked = Options::new(&destination, SocketAddr::from(([192, 0, 2, 1], 5062)), 1);
    move |bytes| {
        sip::fuzzing::answer(bytes);
        let whole = in_pieces(&asked, [bytes, b""]);
        for at in [1, bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(1)] {
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            assert_eq!(in_pieces(&asked, [first, second]), whole, "cut at {at}");
        }
        if let Some(code) = asked.code_of(&mut Index::default(), bytes) {
            let has = |part: &[u8]| memmem::find(bytes, part).is_some();
            assert!(has(code.to_string().as_bytes()) && has(b"OPTIONS") && has(b"z9hG4bK0"));
            // A stream tells no line ends from octets but in pairs, and skips those alone.
            if has(b"\r\n\r\n") && !has(b"\0") && !bytes.starts_with(b"\r\n") {
                assert_eq!(whole, Ok(Some(code)), "what answers as a datagram answers in a stream");
            }
        }
    }
}

/// What a stream is found to be, once it is known.
fn in_pieces(asked: &Options, pieces: [&[u8]; 2]) -> Result<Option<u16>, NotSip> {
    let (mut index, mut stream) = (Index::default(), Vec::new());
    for piece in pieces {
        stream.extend_from_slice(piece);
        if let Some(code) = asked.code_in(&mut index, &mut stream)? {
            return Ok(Some(code));
        }
        assert!(stream.len() <= MESSAGE_BYTES_MAX, "{} bytes are kept", stream.len());
    }
    Ok(None)
}
