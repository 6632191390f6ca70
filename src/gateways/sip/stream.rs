//! Messages cut from a stream: by `Content-Length`, with empty lines between that keep a way open.

use memchr::memmem;

use super::message::{Fault, Index, MESSAGE_BYTES_MAX};

/// What a stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed {
    /// Not enough to tell: more has to come, so many bytes in all at the least, and a line end where its head is not
    /// whole. Who looks again only then spends no more on a sender who sends byte by byte.
    Part {
        /// How long the stream is at least when there is more to tell.
        bytes: usize,
        /// Whether what comes must bring a line end.
        in_head: bool,
    },
    /// So many bytes between messages, to be skipped.
    Blank(usize),
    /// So many bytes that ask whether anybody is there (RFC 5626, section 3.5.1), to be answered by [`PONG`].
    Ping(usize),
    /// A message of so many bytes.
    Message(usize),
    /// Nothing of which the end is known: what is there can be handled once more, then the stream has to be closed.
    Endless(usize),
}

/// The answer to a ping.
pub const PONG: &[u8] = b"\r\n";

/// Looks at what has come of a stream.
///
/// A message without `Content-Length` has no body. Cost: a pass over the head.
#[must_use]
pub fn frame(index: &mut Index, stream: &[u8]) -> Framed {
    match stream {
        [] | [b'\r'] | b"\r\n" | b"\r\n\r" => {
            return Framed::Part { bytes: stream.len() + 1, in_head: false };
        }
        [b'\r', b'\n', b'\r', b'\n', ..] => return Framed::Ping(4),
        [b'\r', b'\n', ..] => return Framed::Blank(2),
        [b'\n' | b'\r', ..] => return Framed::Blank(1),
        _ => {}
    }
    let begin = stream.get(..MESSAGE_BYTES_MAX).unwrap_or(stream);
    let ends = [&b"\n\r\n"[..], b"\n\n"].map(|end| memmem::find(begin, end).map(|at| at + end.len()));
    let Some(head) = ends.into_iter().flatten().min() else {
        return match begin.len() {
            MESSAGE_BYTES_MAX => Framed::Endless(MESSAGE_BYTES_MAX),
            len => Framed::Part { bytes: len + 1, in_head: true },
        };
    };
    let Ok(message) = index.read(begin.get(..head).unwrap_or(begin)) else { return Framed::Endless(head) };
    // Of a head that was not read to its end nobody knows the length: it may stand in what was not read.
    if message.head_bytes < head {
        return Framed::Endless(head);
    }
    match message.content_length() {
        Ok(length) => match head.saturating_add(length.unwrap_or(0)) {
            whole if whole > MESSAGE_BYTES_MAX => Framed::Endless(head),
            whole if whole > stream.len() => Framed::Part { bytes: whole, in_head: false },
            whole => Framed::Message(whole),
        },
        Err(Fault::Malformed(_) | Fault::Repeated(_)) => Framed::Endless(head),
        Err(_) => Framed::Message(head),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "INVITE sip:a@h SIP/2.0\r\nl : 4\r\n\r\n";

    fn framed(stream: &str) -> Framed {
        frame(&mut Index::default(), stream.as_bytes())
    }

    #[test]
    fn a_message_ends_where_its_length_says() {
        assert_eq!(framed(&format!("{HEAD}bodyINVITE")), Framed::Message(HEAD.len() + 4));
        assert_eq!(framed(&format!("{HEAD}bod")), Framed::Part { bytes: HEAD.len() + 4, in_head: false });
        assert_eq!(framed("INVITE sip:a@h SIP/2.0\r\n\r\nBYE"), Framed::Message(26));
        assert_eq!(framed("INVITE sip:a@h SIP/2.0\n\nBYE"), Framed::Message(24));
    }

    #[test]
    fn what_keeps_the_way_open_is_told_from_what_is_to_be_answered() {
        assert_eq!(framed("\r\n\r\nINVITE"), Framed::Ping(4));
        assert_eq!(framed("\r\nINVITE"), Framed::Blank(2));
        assert_eq!(framed("\nINVITE"), Framed::Blank(1));
        for part in ["", "\r", "\r\n", "\r\n\r", "INV"] {
            let more = Framed::Part { bytes: part.len() + 1, in_head: part == "INV" };
            assert_eq!(framed(part), more, "{part:?}");
        }
    }

    #[test]
    fn a_stream_whose_next_message_cannot_be_found_has_to_be_closed() {
        for (length, is_endless) in
            [("-1", true), ("x", true), ("65535", true), ("99999999999", true), ("65000", false)]
        {
            let head = format!("INVITE sip:a@h SIP/2.0\r\nContent-Length: {length}\r\n\r\n");
            let part = Framed::Part { bytes: head.len() + 65_000, in_head: false };
            assert_eq!(framed(&head), if is_endless { Framed::Endless(head.len()) } else { part });
        }
        let twice = "INVITE sip:a@h SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n";
        assert_eq!(framed(twice), Framed::Endless(twice.len()));
        assert_eq!(framed("SIP/2.0 200 OK\r\n\r\n"), Framed::Endless(18));
        // A length behind more fields than are read is not overlooked: what follows would be read as a request.
        let hidden = format!("INVITE sip:a@h SIP/2.0\r\n{}l: 40\r\n\r\n", "a:b\r\n".repeat(256));
        assert_eq!(framed(&format!("{hidden}INVITE sip:b@h SIP/2.0\r\n\r\n")), Framed::Endless(hidden.len()));
        assert_eq!(framed(&"x".repeat(MESSAGE_BYTES_MAX)), Framed::Endless(MESSAGE_BYTES_MAX));
    }

    proptest! {
        #[test]
        fn however_it_is_cut_a_stream_has_the_same_messages(bodies in prop::collection::vec("[ -~\r\n]{0,40}", 1..5), at in 0..200_usize) {
            let messages: Vec<String> = bodies
                .iter()
                .map(|body| format!("INVITE sip:a@h SIP/2.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
                .collect();
            let stream = messages.concat();
            let (mut index, mut read, mut begin) = (Index::default(), Vec::new(), 0);
            for end in [at.min(stream.len()), stream.len()] {
                while let Framed::Message(bytes) = frame(&mut index, &stream.as_bytes()[begin..end]) {
                    read.push(stream[begin..begin + bytes].to_owned());
                    begin += bytes;
                }
            }
            prop_assert_eq!(read, messages);
        }
    }
}
