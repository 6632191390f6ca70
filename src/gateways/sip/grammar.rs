//! What all headers are made of: blanks, tokens, quoted strings, lists and parameters.

use memchr::{memchr, memchr2};

/// Whether a byte is a blank; line ends are, since within a value they stand before a continuation line only.
#[must_use]
pub const fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without the blanks around it.
#[must_use]
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

/// Whether it is a token (RFC 3261, section 25.1), as methods, names of headers and option tags are.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|c| TOKEN.get(usize::from(*c)) == Some(&true))
}

/// How many bytes at the begin are of a token.
#[must_use]
pub fn token_bytes(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|c| TOKEN.get(usize::from(**c)) == Some(&true)).count()
}

/// Which bytes are of tokens.
const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut c = 0;
    while c < 128_u8 {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            token[c as usize] = c.is_ascii_alphanumeric()
                || matches!(c, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        }
        c += 1;
    }
    token
};

/// A number of at most so many digits, leading zeros aside, and nothing else.
#[must_use]
pub fn number(bytes: &[u8], digits_max: usize) -> Option<u64> {
    let zeros = bytes.iter().take_while(|c| **c == b'0').count();
    let digits = bytes.get(zeros..)?;
    if bytes.is_empty() || digits.len() > digits_max.min(19) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
}

/// Where a mark stands first outside quoted strings and angle brackets.
#[must_use]
pub fn find(bytes: &[u8], mark: u8) -> Option<usize> {
    if is_plain(bytes) { memchr(mark, bytes) } else { find_outside(bytes, mark) }
}

/// Whether there are neither quoted strings nor brackets: of most values, in which marks are found much faster.
fn is_plain(bytes: &[u8]) -> bool {
    memchr2(b'"', b'<', bytes).is_none()
}

/// Looks no further than the mark.
fn find_outside(bytes: &[u8], mark: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    for (at, c) in bytes.iter().enumerate() {
        match *c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !bracketed => quoted = !quoted,
            _ if quoted => {}
            c if c == mark && !bracketed => return Some(at),
            b'<' => bracketed = true,
            b'>' => bracketed = false,
            _ => {}
        }
    }
    None
}

/// Whether every quoted string has its end.
#[must_use]
pub fn is_quoted_to_its_end(bytes: &[u8]) -> bool {
    if memchr(b'"', bytes).is_none() {
        return true;
    }
    let (mut quoted, mut escaped) = (false, false);
    for c in bytes {
        match c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    !quoted
}

/// The two sides of the first mark outside quoted strings and angle brackets; nothing behind it where there is none.
#[must_use]
pub fn cut(bytes: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match find(bytes, mark).and_then(|at| bytes.split_at_checked(at)) {
        Some((before, behind)) => (before, behind.get(1..)),
        None => (bytes, None),
    }
}

/// The pieces between marks outside quoted strings and angle brackets, as they stand; at least one.
///
/// Cost: one pass, however many there are.
pub fn pieces(bytes: &[u8], mark: u8) -> impl Iterator<Item = &[u8]> {
    pieces_of(bytes, mark, is_plain(bytes))
}

fn pieces_of(bytes: &[u8], mark: u8, is_plain: bool) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let all = rest?;
        let at = if is_plain { memchr(mark, all) } else { find_outside(all, mark) };
        let (piece, behind) = at.and_then(|at| all.split_at_checked(at)).unwrap_or((all, b""));
        rest = at.and(behind.get(1..));
        Some(piece)
    })
}

/// The name and value of `name`, `name=value` or `name = "value"`; the value as it stands.
#[must_use]
pub fn parameter(piece: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (name, value) = cut(piece, b'=');
    (trim(name), value.map(trim))
}

/// The value of a parameter among those that begin at a semicolon, whatever the case of its name.
///
/// Nothing where it is missing, empty where it has no value.
#[must_use]
pub fn value_of<'m>(parameters: &'m [u8], name: &[u8]) -> Option<&'m [u8]> {
    let found = self::parameters(parameters).find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.unwrap_or_default())
}

/// The names and values of the parameters that begin at a semicolon; a name is empty where there is none.
///
/// Cost: one pass.
pub fn parameters(parameters: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let is_plain = is_plain(parameters);
    pieces_of(parameters, b';', is_plain).map(move |piece| {
        if !is_plain {
            return parameter(piece);
        }
        match piece.iter().position(|c| *c == b'=').and_then(|at| piece.split_at_checked(at)) {
            Some((name, value)) => (trim(name), value.get(1..).map(trim)),
            None => (trim(piece), None),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_in_quoted_strings_and_brackets_separate_nothing() {
        let list = br#""a, \", b" <sip:x,y@h>;p="1,2" , sip:z"#;
        let read: Vec<&[u8]> = pieces(list, b',').map(trim).collect();
        assert_eq!(read, [&br#""a, \", b" <sip:x,y@h>;p="1,2""#[..], b"sip:z"]);
        assert_eq!(pieces(b"", b',').count(), 1);
        assert_eq!(pieces(b",,", b',').count(), 3);
        assert!(is_quoted_to_its_end(list) && !is_quoted_to_its_end(br#""a\""#));
    }

    #[test]
    fn parameters_are_found_in_any_case_with_blanks_around_the_equals_sign() {
        let parameters = b";\r\n TAG \t= 9 ; lr; x=\"a;tag=8\"";
        assert_eq!(value_of(parameters, b"tag"), Some(&b"9"[..]));
        assert_eq!(value_of(parameters, b"lr"), Some(&b""[..]));
        assert_eq!(value_of(parameters, b"x"), Some(&b"\"a;tag=8\""[..]));
        assert_eq!(value_of(parameters, b"y"), None);
    }

    #[test]
    fn numbers_have_nothing_but_digits_and_no_more_of_them_than_they_may() {
        for (text, read) in [
            ("0", Some(0)),
            ("0068", Some(68)),
            ("4294967295", Some(4_294_967_295)),
            ("00000000000000000000001", Some(1)),
            ("42949672950", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
        ] {
            assert_eq!(number(text.as_bytes(), 10), read, "{text:?}");
        }
    }
}
