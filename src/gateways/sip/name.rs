//! Names of headers, long and of one letter.

/// A header that the redirect server itself reads or copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The way of the request, and so of its answer.
    Via,
    /// Who calls.
    From,
    /// Who is called.
    To,
    /// Names the call.
    CallId,
    /// Numbers the request.
    CSeq,
    /// How many more proxies may pass it on.
    MaxForwards,
    /// How long the body is.
    ContentLength,
    /// What a server must be able to do.
    Require,
    /// When it was sent.
    Timestamp,
    /// What must not be told.
    Privacy,
    /// Who calls, as a trusted network says.
    PAssertedIdentity,
    /// Credentials.
    Authorization,
    /// Any other.
    Other,
}

impl Name {
    /// The header of a name, in any case and also of one letter.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let is = |long: &str| name.eq_ignore_ascii_case(long.as_bytes());
        match name {
            [letter] => match letter.to_ascii_lowercase() {
                b'v' => Self::Via,
                b'f' => Self::From,
                b't' => Self::To,
                b'i' => Self::CallId,
                b'l' => Self::ContentLength,
                _ => Self::Other,
            },
            [b't' | b'T', _] if is("To") => Self::To,
            [b'v' | b'V', _, _] if is("Via") => Self::Via,
            [b'f' | b'F', _, _, _] if is("From") => Self::From,
            [b'c' | b'C', _, _, _] if is("CSeq") => Self::CSeq,
            [b'c' | b'C', ..] if is("Call-ID") => Self::CallId,
            [b'c' | b'C', ..] if is("Content-Length") => Self::ContentLength,
            [b'm' | b'M', ..] if is("Max-Forwards") => Self::MaxForwards,
            [b'r' | b'R', ..] if is("Require") => Self::Require,
            [b't' | b'T', ..] if is("Timestamp") => Self::Timestamp,
            [b'p' | b'P', ..] if is("Privacy") => Self::Privacy,
            [b'p' | b'P', ..] if is("P-Asserted-Identity") => Self::PAssertedIdentity,
            [b'a' | b'A', ..] if is("Authorization") => Self::Authorization,
            _ => Self::Other,
        }
    }

    /// The name in texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Via => "Via",
            Self::From => "From",
            Self::To => "To",
            Self::CallId => "Call-ID",
            Self::CSeq => "CSeq",
            Self::MaxForwards => "Max-Forwards",
            Self::ContentLength => "Content-Length",
            Self::Require => "Require",
            Self::Timestamp => "Timestamp",
            Self::Privacy => "Privacy",
            Self::PAssertedIdentity => "P-Asserted-Identity",
            Self::Authorization => "Authorization",
            Self::Other => "another header",
        }
    }
}

/// The long name of a header of one letter, of all that are registered.
#[must_use]
pub const fn long(letter: u8) -> Option<&'static str> {
    Some(match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => return None,
    })
}

/// Whether a header as it is written is the one of this long name.
#[must_use]
pub fn is_named(written: &[u8], name: &str) -> bool {
    match written {
        [letter] => long(*letter).is_some_and(|long| long.eq_ignore_ascii_case(name)),
        _ => written.eq_ignore_ascii_case(name.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_by_its_long_name_in_any_case_and_by_its_letter() {
        for (written, name) in [
            ("v", Name::Via),
            ("VIA", Name::Via),
            ("I", Name::CallId),
            ("call-id", Name::CallId),
            ("CSEQ", Name::CSeq),
            ("l", Name::ContentLength),
            ("content-LENGTH", Name::ContentLength),
            ("timestamp", Name::Timestamp),
            ("p-asserted-identity", Name::PAssertedIdentity),
            ("m", Name::Other),
            ("", Name::Other),
            ("Callid", Name::Other),
        ] {
            assert_eq!(Name::of(written.as_bytes()), name, "{written}");
        }
        assert!(is_named(b"S", "Subject") && is_named(b"subject", "Subject") && !is_named(b"s", "Via"));
    }

    #[test]
    fn a_letter_and_its_long_name_are_the_same_header() {
        for letter in b'a'..=b'z' {
            if let Some(long) = long(letter) {
                assert_eq!(Name::of(&[letter]), Name::of(long.as_bytes()), "{long}");
                assert!(is_named(&[letter.to_ascii_uppercase()], long));
            }
        }
    }
}
