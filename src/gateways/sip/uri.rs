//! URIs as far as a call is routed by them: scheme, user, host, parameters.

use std::borrow::Cow;

use super::grammar::value_of;

/// The scheme of a URI that numbers are read of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`, every step of which is encrypted.
    Sips,
    /// `tel:`
    Tel,
}

/// Why a URI leads to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoUri {
    /// It has no scheme.
    Malformed,
    /// It has a scheme of others.
    Scheme,
}

/// A URI in its parts, as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uri<'m> {
    /// The scheme.
    pub scheme: Scheme,
    /// The user without password and parameters, the number of a `tel:`; empty where there is none.
    pub user: &'m [u8],
    /// The parameters within the user (RFC 4904); those of a `tel:`.
    pub user_parameters: &'m [u8],
    /// The host and port; empty in a `tel:`.
    pub host: &'m [u8],
    /// The parameters behind the host.
    pub parameters: &'m [u8],
}

impl<'m> Uri<'m> {
    /// Takes a URI apart.
    ///
    /// # Errors
    /// When it has no scheme, or not one of ours.
    pub fn parse(uri: &'m [u8]) -> Result<Self, NoUri> {
        let (scheme, rest) = split(uri, b':').ok_or(NoUri::Malformed)?;
        let is_scheme = |c: &u8| c.is_ascii_alphanumeric() || b"+-.".contains(c);
        if !scheme.first().is_some_and(u8::is_ascii_alphabetic) || !scheme.iter().all(is_scheme) {
            return Err(NoUri::Malformed);
        }
        if scheme.eq_ignore_ascii_case(b"tel") {
            let (user, user_parameters) = split(rest, b';').unwrap_or((rest, b""));
            return Ok(Self { scheme: Scheme::Tel, user, user_parameters, host: b"", parameters: b"" });
        }
        let scheme = match () {
            () if scheme.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            () if scheme.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            () => return Err(NoUri::Scheme),
        };
        let (user, at) = match memchr::memrchr(b'@', rest) {
            Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default()),
            None => (&b""[..], rest),
        };
        let user = split(user, b':').map_or(user, |(user, _password)| user);
        let (user, user_parameters) = split(user, b';').unwrap_or((user, b""));
        let at = split(at, b'?').map_or(at, |(at, _headers)| at);
        let (host, parameters) = split(at, b';').unwrap_or((at, b""));
        Ok(Self { scheme, user, user_parameters, host, parameters })
    }

    /// The `sip:` URI of a user part, with whatever parameters are in it, at a host.
    #[must_use]
    pub fn of_parts(user: &'m str, host: &'m str) -> Self {
        let user = user.as_bytes();
        let (user, user_parameters) = split(user, b';').unwrap_or((user, b""));
        Self { scheme: Scheme::Sip, user, user_parameters, host: host.as_bytes(), parameters: b"" }
    }

    /// A parameter behind the host, in any case; empty where it has no value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'m [u8]> {
        value_of(self.parameters, name.as_bytes())
    }

    /// The user as text, a local number completed by its context where that is the beginning of a phone number.
    ///
    /// Nothing where there is no user, or it is no text. What is percent-encoded stays so.
    #[must_use]
    pub fn number(&self) -> Option<Cow<'m, str>> {
        let user = std::str::from_utf8(self.user).ok().filter(|user| !user.is_empty())?;
        let context = || value_of(self.user_parameters, b"phone-context");
        let context = context().or_else(|| self.parameter("phone-context"));
        let beginning = context.and_then(|context| std::str::from_utf8(context).ok()).map(undecorated);
        let is_local = user.bytes().all(|c| c.is_ascii_digit() || is_separator(c));
        let is_of_phone = self.scheme == Scheme::Tel || self.parameter("user") == Some(b"phone");
        match beginning {
            Some(beginning) if is_local && is_phone(&beginning) => {
                Some(Cow::Owned(format!("{beginning}{}", undecorated(user))))
            }
            _ if is_local && is_of_phone => Some(undecorated(user)),
            _ => Some(Cow::Borrowed(user)),
        }
    }
}

fn split(bytes: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(mark, bytes)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// What people write between digits (RFC 3966, section 5.1.1).
const fn is_separator(c: u8) -> bool {
    matches!(c, b'-' | b'.' | b'(' | b')')
}

fn undecorated(number: &str) -> Cow<'_, str> {
    if number.bytes().any(is_separator) {
        Cow::Owned(number.chars().filter(|c| !u8::try_from(*c).is_ok_and(is_separator)).collect())
    } else {
        Cow::Borrowed(number)
    }
}

fn is_phone(beginning: &str) -> bool {
    let digits = beginning.strip_prefix('+').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(uri: &str) -> Option<String> {
        Uri::parse(uri.as_bytes()).unwrap().number().map(Cow::into_owned)
    }

    #[test]
    fn the_user_is_found_in_all_that_may_stand_around_it() {
        for (uri, user) in [
            ("sip:+14155550100@h", Some("+14155550100")),
            ("SIPS:alice:secret@[::1]:5061;transport=tls?X=y", Some("alice")),
            ("sip:+14155550100;tgrp=a;trunk-context=b@h;user=phone", Some("+14155550100")),
            ("sip:7042;phone-context=+1-914-555@h", Some("+19145557042")),
            ("sip:4155550100;phone-context=+1@h;user=phone", Some("+14155550100")),
            ("sip:415.555-0100@h;user=phone", Some("4155550100")),
            ("sip:415.555-0100@h", Some("415.555-0100")),
            ("sip:7042@h;phone-context=+1914555", Some("+19145557042")),
            ("tel:+1-415-555-0100", Some("+1-415-555-0100")),
            ("tel:863-1234;phone-context=+1-914-555", Some("+19145558631234")),
            ("tel:7042;phone-context=example.com", Some("7042")),
            ("tel:+14155550100;phone-context=+44", Some("+14155550100")),
            ("sip:sips%3Auser%40example.com@example.net", Some("sips%3Auser%40example.com")),
            ("sip:a?b/c,d@h", Some("a?b/c,d")),
            ("sip:alice;phone-context=+1@h", Some("alice")),
            ("sip:example.com", None),
            ("sip:@h", None),
            ("tel:", None),
        ] {
            assert_eq!(number(uri).as_deref(), user, "{uri}");
        }
        assert_eq!(Uri::parse(b"sip:n\xfc@h").unwrap().number(), None);
    }

    #[test]
    fn parameters_of_the_host_are_none_of_the_user() {
        let uri = Uri::parse(b"sip:a;TGRP=x@h:5060;Transport=TCP;lr?Route=y").unwrap();
        assert_eq!((uri.host, uri.parameter("transport")), (&b"h:5060"[..], Some(&b"TCP"[..])));
        assert_eq!(
            (uri.parameter("lr"), uri.parameter("tgrp"), uri.parameter("Route")),
            (Some(&b""[..]), None, None)
        );
        assert_eq!(value_of(uri.user_parameters, b"tgrp"), Some(&b"x"[..]));
    }

    #[test]
    fn another_scheme_is_told_from_none() {
        for (uri, why) in [
            ("nobodyKnowsThisScheme:totallyopaquecontent", NoUri::Scheme),
            ("soap.beep://192.0.2.103:3002", NoUri::Scheme),
            ("example.com", NoUri::Malformed),
            (":a@h", NoUri::Malformed),
            ("1sip:a@h", NoUri::Malformed),
            ("si p:a@h", NoUri::Malformed),
        ] {
            assert_eq!(Uri::parse(uri.as_bytes()), Err(why), "{uri}");
        }
    }
}
