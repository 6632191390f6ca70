//! A `From` or `To`: whose, and of which dialogue.

use super::grammar::{cut, is_blank, is_quoted_to_its_end, trim, value_of};

/// A URI with or without a display name, and its parameters (`name-addr` and `addr-spec` of RFC 3261, section 25.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party<'m> {
    /// The URI.
    pub uri: &'m [u8],
    /// The tag: which dialogue of the party's it is.
    pub tag: Option<&'m [u8]>,
}

impl<'m> Party<'m> {
    /// Reads one value; a display name may be any text that ends its quoted strings.
    #[must_use]
    pub fn parse(value: &'m [u8]) -> Option<Self> {
        if !is_quoted_to_its_end(value) {
            return None;
        }
        let (uri, parameters) = match bracketed(value) {
            Some((uri, behind)) => match trim(behind) {
                [] => (trim(uri), None),
                [b';', parameters @ ..] => (trim(uri), Some(parameters)),
                _ => return None,
            },
            None => {
                let (uri, parameters) = cut(value, b';');
                (trim(uri), parameters)
            }
        };
        let is_foreign = |c: &u8| is_blank(*c) || b"\"<>".contains(c);
        if uri.is_empty() || uri.iter().any(is_foreign) {
            return None;
        }
        let tag =
            parameters.and_then(|parameters| value_of(parameters, b"tag")).filter(|tag| !tag.is_empty());
        Some(Self { uri, tag })
    }
}

/// What stands in angle brackets, and behind them.
fn bracketed(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut quoted, mut escaped) = (false, false);
    let opens = value.iter().position(|c| {
        match c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        *c == b'<' && !quoted
    })?;
    let within = value.get(opens + 1..)?;
    let (uri, behind) =
        within.split_at_checked(within.iter().position(|c| *c == b'>').unwrap_or(within.len()))?;
    // Without its end the bracket is part of the URI, which it must not be.
    if behind.is_empty() { Some((value, behind)) } else { Some((uri, behind.get(1..)?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
        Party::parse(value).map(|party| (party.uri, party.tag))
    }

    #[test]
    fn the_uri_and_the_tag_are_found_whatever_the_name_before_them_is() {
        for (value, uri, tag) in [
            (&b"sip:a@h;tag=1"[..], &b"sip:a@h"[..], Some(&b"1"[..])),
            (b"<sip:a@h;tag=no>;tag=1", b"sip:a@h;tag=no", Some(b"1")),
            (b"\"<sip:no@h>;tag=no\\\"\" <sip:a@h>\r\n ;\tTAG = 1", b"sip:a@h", Some(b"1")),
            (b"caller<sip:a@h>;x;y=\"tag=2;\"", b"sip:a@h", None),
            (b"\"n\xfcll \x00\" < tel:+1 >;tag=\xfc", b"tel:+1", Some(b"\xfc")),
            (b"Bell, Alexander <sip:a@h>;tag=43", b"sip:a@h", Some(b"43")),
            (b"isbn:2983792873", b"isbn:2983792873", None),
        ] {
            assert_eq!(read(value), Some((uri, tag)), "{value:?}");
        }
    }

    #[test]
    fn open_quotes_and_brackets_and_blanks_in_the_uri_are_no_party() {
        for value in [
            &b""[..],
            b"\"Mr J. User <sip:j@h>",
            b"<sip:j@h",
            b"<sip:j@h> x",
            b"sip:j @h",
            b"<sip:j \r\n @h>",
            b"<>",
            b";tag=1",
        ] {
            assert_eq!(read(value), None, "{value:?}");
        }
    }
}
