//! A message as text for people: nothing that steers a terminal, no secrets, and numbers and names only if asked for.

use std::net::Ipv4Addr;

use super::digits::Run;
use super::grammar::{find, is_token, pieces, trim};
use super::name::is_named;
use crate::domain::sip::NUMBER_DIGITS_MIN;
use crate::telemetry::mask::mask;

/// Longest text of a message, in bytes, but for what says that it was cut.
pub const SHOWN_BYTES_MAX: usize = 16_384;

/// What stands for something that is not shown.
const HIDDEN: &str = "•••";

/// Headers that prove who somebody is.
const SECRET: [&str; 2] = ["Authorization", "Proxy-Authorization"];
/// Headers that say who calls in forms of their own, or whatever the caller wants.
const PERSONAL: [&str; 4] = ["Identity", "Subject", "User-to-User", "Call-Info"];
/// Headers of people with their names.
const PEOPLE: [&str; 12] = [
    "From",
    "To",
    "Contact",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "P-Called-Party-ID",
    "Remote-Party-ID",
    "Diversion",
    "History-Info",
    "Reply-To",
    "Referred-By",
    "Refer-To",
];

/// Writes a message as text: its head as it stands, and of its body how long it is.
///
/// What is no printable text is escaped, ends of lines aside. Credentials, tokens (`tok=`) and passwords of URIs are
/// never shown. Unless `unmasked`, numbers of seven digits or more are masked wherever they stand, and names of people
/// left out. Beyond [`SHOWN_BYTES_MAX`] the text is cut, which it says.
#[must_use]
pub fn shown(bytes: &[u8], unmasked: bool) -> String {
    let begin = bytes.iter().position(|c| !matches!(c, b'\r' | b'\n')).unwrap_or(bytes.len());
    let mut rest = bytes.get(begin..).unwrap_or_default();
    let mut text = String::new();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(field_end(rest));
        rest = behind;
        let (field, end) = without_end(line);
        // What would be cut is not looked at: it could be much.
        let room = (SHOWN_BYTES_MAX + 1).saturating_sub(text.len());
        text.push_str(&field_text(field.get(..room).unwrap_or(field), unmasked));
        text.push_str(end);
        if text.len() > SHOWN_BYTES_MAX {
            text.truncate(text.floor_char_boundary(SHOWN_BYTES_MAX));
            text.push_str(&format!("\n[cut: {} bytes in all]", bytes.len()));
            text.shrink_to_fit();
            return text;
        }
        if field.is_empty() {
            break;
        }
    }
    if !rest.is_empty() {
        text.push_str(&format!("[{} bytes of body]", rest.len()));
    }
    text
}

/// Behind the end of the first line and of those that continue it.
fn field_end(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', rest) else { return bytes.len() };
        let is_blank = end == 0 && trim(rest.get(..at).unwrap_or_default()).is_empty();
        end += at + 1;
        if is_blank || !matches!(bytes.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
}

/// A line and what ends it.
fn without_end(line: &[u8]) -> (&[u8], &'static str) {
    let Some(field) = line.strip_suffix(b"\n") else { return (line, "") };
    field.strip_suffix(b"\r").map_or((field, "\n"), |field| (field, "\r\n"))
}

fn field_text(field: &[u8], unmasked: bool) -> String {
    let named = memchr::memchr(b':', field).map(|colon| field.split_at(colon));
    let (name, value) = named.filter(|(name, _)| is_token(trim(name))).unwrap_or((b"", field));
    let is_of = |names: &[&str]| names.iter().any(|known| is_named(trim(name), known));
    if is_of(&SECRET) || !unmasked && is_of(&PERSONAL) {
        return format!("{}: {HIDDEN}", escaped(name));
    }
    let mut text = escaped(name);
    if !unmasked && is_of(&PEOPLE) {
        text.push(':');
        text.push_str(&escaped(&without_names(value.get(1..).unwrap_or_default())));
    } else {
        text.push_str(&escaped(value));
    }
    let text = without_passwords(&without_tokens(&text));
    if unmasked { text } else { with_masked_numbers(&text) }
}

/// Text as it is, and everything else by its code.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut chars = chunk.valid().chars().peekable();
        while let Some(c) = chars.next() {
            let is_line_end = c == '\n' || c == '\r' && chars.peek() == Some(&'\n');
            if is_line_end || matches!(c, '\t' | '"' | '\'' | '\\') {
                text.push(c);
            } else {
                text.extend(c.escape_debug());
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// A value of people without their names.
fn without_names(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for (at, piece) in pieces(value, b',').enumerate() {
        if at > 0 {
            out.push(b',');
        }
        // Where a quoted name has no end, the first bracket will do.
        let bracket = find(piece, b'<').or_else(|| memchr::memchr(b'<', piece));
        let (name, uri) = match bracket.and_then(|at| piece.split_at_checked(at)) {
            Some(parts) => parts,
            // A URI alone has a scheme and neither blanks nor quotes before its parameters.
            None if is_uri(piece) => (&b""[..], piece),
            None => (piece, &b""[..]),
        };
        if !matches!(trim(name), b"" | b"*") {
            out.extend_from_slice(format!(" {HIDDEN} ").as_bytes());
        } else {
            out.extend_from_slice(name);
        }
        out.extend_from_slice(uri);
    }
    out
}

fn is_uri(piece: &[u8]) -> bool {
    let uri = trim(piece.split(|c| *c == b';').next().unwrap_or_default());
    memchr::memchr(b':', uri).is_some() && !uri.iter().any(|c| c.is_ascii_whitespace() || *c == b'"')
}

/// Replaces every part of a text that `next` finds, which it looks for in what is left, by something else.
fn replaced(text: &str, mut next: impl FnMut(&str) -> Option<(usize, usize, String)>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((begin, end, instead)) = next(rest) {
        out.push_str(rest.get(..begin).unwrap_or_default());
        out.push_str(&instead);
        rest = rest.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Where a word stands first that may be written in any case; nothing before it that it could be the end of.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let mut before = None;
    text.as_bytes().windows(word.len()).position(|window| {
        let is_begin = before.is_none_or(|c: u8| !c.is_ascii_alphanumeric() && c != b'-' && c != b'_');
        before = window.first().copied();
        is_begin && window.eq_ignore_ascii_case(word.as_bytes())
    })
}

/// A text without what stands behind `tok=`.
fn without_tokens(text: &str) -> String {
    replaced(text, |text| {
        let mut from = 0;
        loop {
            let word = from + find_word(text.get(from..)?, "tok")?;
            from = word + 3;
            let behind = text.get(from..)?.trim_start();
            let Some(value) = behind.strip_prefix('=').map(str::trim_start) else { continue };
            let length = match value.strip_prefix('"') {
                Some(quoted) => quoted.find('"').map_or(value.len(), |end| end + 2),
                None => {
                    value.find(|c: char| c.is_whitespace() || ";>&?,\"".contains(c)).unwrap_or(value.len())
                }
            };
            let begin = text.len() - value.len();
            return Some((begin, begin + length, HIDDEN.to_owned()));
        }
    })
}

/// A text whose URIs have no passwords. One pass, whatever it is: strangers write it.
fn without_passwords(text: &str) -> String {
    replaced(text, |text| {
        let mut from = 0;
        loop {
            from += behind_scheme(text.get(from..)?)?;
            let rest = text.get(from..)?;
            let end = rest.find(|c: char| c.is_whitespace() || "<>\"".contains(c)).unwrap_or(rest.len());
            let user = rest.get(..end)?.rfind('@').and_then(|at| rest.get(..at)).unwrap_or_default();
            if let Some(colon) = user.find(':') {
                return Some((from + colon + 1, from + user.len(), HIDDEN.to_owned()));
            }
            // A URI within this one would have a colon before the mark.
            from += end;
        }
    })
}

/// Behind the colon of the first `sip:` or `sips:`.
fn behind_scheme(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let word = from + find_word(text.get(from..)?, "sip")?;
        from = word + 3;
        match text.as_bytes().get(from..) {
            Some([b':', ..]) => return Some(from + 1),
            Some([b's' | b'S', b':', ..]) => return Some(from + 2),
            _ => {}
        }
    }
}

/// A text whose phone numbers are masked; addresses of hosts are none.
fn with_masked_numbers(text: &str) -> String {
    let mut digits = Vec::new();
    replaced(text, |text| {
        let run = Run::find(text.as_bytes(), &mut digits)?;
        let piece = text.get(run.begin..run.end)?;
        let is_number = digits.len() >= NUMBER_DIGITS_MIN && piece.parse::<Ipv4Addr>().is_err();
        let shown = if is_number {
            mask(std::str::from_utf8(&digits).unwrap_or_default(), false).to_string()
        } else {
            piece.to_owned()
        };
        Some((run.begin, run.end, shown))
    })
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    const INVITE: &str = "INVITE sip:+14155550100;tok=abc.D-e_f@h;TOK = \"x y\" SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.168.100.200:5062;branch=z9hG4bK1\r\n\
        f: \"Alice \\\" Smith\" <sip:alice:hunter2@h>;tag=1\r\n\
        To: <sip:%2B1%34155550100@h>\r\n\
        P-Asserted-Identity: Bell, Alexander\r\n <tel:+1-415-555-0199>\r\n\
        Proxy-Authorization : Digest username=\"u\",\r\n\tresponse=\"deadbeef\"\r\n\
        y: eyJhbGciOi\r\n\
        Call-ID: 20261122.14155550199@h\r\n\
        CSeq: 7 INVITE\r\nX-Odd: \x1b[2J\u{202e}\r\n\r\nv=0 secret";

    #[test]
    fn a_message_is_masked_and_all_else_is_as_it_stands() {
        assert_eq!(
            shown(INVITE.as_bytes(), false),
            "INVITE sip:+141•••00;tok=•••;TOK = ••• SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.168.100.200:5062;branch=z9hG4bK1\r\n\
             f: ••• <sip:alice:•••@h>;tag=1\r\n\
             To: <sip:%2B141•••00@h>\r\n\
             P-Asserted-Identity: ••• , ••• <tel:+141•••99>\r\n\
             Proxy-Authorization : •••\r\n\
             y: •••\r\n\
             Call-ID: •••@h\r\n\
             CSeq: 7 INVITE\r\nX-Odd: \\u{1b}[2J\\u{202e}\r\n\r\n[10 bytes of body]"
        );
    }

    #[test]
    fn secrets_are_hidden_also_from_who_sees_numbers() {
        let text = shown(INVITE.as_bytes(), true);
        for there in ["+14155550100", "Smith", "Alexander\r\n <tel", "eyJhbGciOi", "20261122"] {
            assert!(text.contains(there), "{there}: {text}");
        }
        for hidden in ["abc", "D-e_f", "x y", "hunter2", "deadbeef", "username", "v=0"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let long = format!("OPTIONS sip:h SIP/2.0\r\nX: {}\r\n\r\n", "ü\x07".repeat(20_000));
        let text = shown(long.as_bytes(), true);
        assert!(text.len() < SHOWN_BYTES_MAX + 100, "{}", text.len());
        assert!(text.ends_with(&format!("\n[cut: {} bytes in all]", long.len())), "{text:.100}");
    }

    #[test]
    fn what_is_no_message_is_shown_all_the_same() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"\r\n\r\n", ""),
            (b"\0\xff\xfe", "\\0\\xff\\xfe"),
            (b"GET / HTTP/1.1\nAuthorization: Basic x\n\n", "GET / HTTP/1.1\nAuthorization: •••\n\n"),
            (b"From: \"open <sip:a@h>\r", "From: ••• <sip:a@h>\\r"),
            (b"Contact: *", "Contact: *"),
            (b"From: sip:a@h;tag=1", "From: sip:a@h;tag=1"),
        ] {
            assert_eq!(shown(bytes, false), text, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_phone_number_and_nothing_that_steers_a_terminal_is_shown(
            pieces in prop::collection::vec(
                prop_oneof![
                    "[0-9]{1,20}", "%3[0-9]", "[-.() ]{1,3}", "[\r\n\t:;<>@\",=]", "tok=", "From: ", "sips?:",
                    "\\PC{0,4}", "[a-f\u{0}-\u{1f}]{0,3}",
                ],
                0..60,
            ),
            garbage in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let mut bytes = pieces.concat().into_bytes();
            bytes.extend(garbage);
            for unmasked in [false, true] {
                let text = shown(&bytes, unmasked);
                let line = serde_json::to_string(&text).unwrap();
                prop_assert!(!line.contains(['\n', '\r']));
                let steers = |c: char| c.is_control() && !"\t\r\n".contains(c);
                prop_assert!(!text.contains(steers), "{text:?}");
                // What is percent-encoded is no less a digit, nor the 20 of a blank a part of a number.
                let decoded = percent_decode_str(&text).decode_utf8_lossy();
                let mut longest = decoded.split(|c: char| !c.is_ascii_digit()).map(str::len);
                prop_assert!(unmasked || longest.all(|digits| digits < NUMBER_DIGITS_MIN), "{text:?}");
            }
        }
    }
}
