//! Query strings and form bodies, parsed with as little copying as they allow.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Parameters in one query or form; more are a fault.
pub const PARAMETERS_MAX: usize = 64;

/// What is wrong with a query or form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryFault {
    /// A parameter's name or value decodes to bytes that are no text.
    #[error("the parameter {parameter} is not UTF-8")]
    NotText {
        /// The parameter, with what is not text replaced.
        parameter: String,
    },
    /// There are more than [`PARAMETERS_MAX`].
    #[error("there are more than {PARAMETERS_MAX} parameters")]
    TooMany,
}

impl QueryFault {
    /// The parameter the fault is about, or `query`.
    pub fn field(&self) -> &str {
        match self {
            Self::NotText { parameter } => parameter,
            Self::TooMany => "query",
        }
    }
}

/// The names and values of a query string (without its `?`) or of an `application/x-www-form-urlencoded` body.
///
/// `+` is a space, `%2B` a plus; a `%` before anything but two hexadecimal digits stands for itself; empty pairs are
/// passed over; a name without `=` has an empty value. Iteration ends after the first fault.
///
/// Cost: a name or value with nothing to decode is borrowed.
pub fn pairs(text: &[u8]) -> Pairs<'_> {
    Pairs { rest: text, left: PARAMETERS_MAX }
}

/// Iterator over the decoded pairs of a query, see [`pairs`].
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(Cow<'a, str>, Cow<'a, str>), QueryFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.next_raw()?;
        let decoded = match self.left.checked_sub(1) {
            None => Err(QueryFault::TooMany),
            Some(left) => {
                self.left = left;
                decode_pair(pair)
            }
        };
        if decoded.is_err() {
            self.rest = &[];
        }
        Some(decoded)
    }
}

impl<'a> Pairs<'a> {
    /// The next pair that is not empty, as it was written.
    fn next_raw(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (pair, rest) = split_at_byte(self.rest, b'&');
            self.rest = rest;
            if !pair.is_empty() {
                return Some(pair);
            }
        }
        None
    }
}

/// What stands before the first such byte, and what after it.
fn split_at_byte(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    match memchr::memchr(byte, text).and_then(|at| text.split_at_checked(at)) {
        Some((before, after)) => (before, after.get(1..).unwrap_or_default()),
        None => (text, &[]),
    }
}

fn decode_pair(pair: &[u8]) -> Result<(Cow<'_, str>, Cow<'_, str>), QueryFault> {
    let (name, value) = split_at_byte(pair, b'=');
    match (decode(name), decode(value)) {
        (Some(name), Some(value)) => Ok((name, value)),
        _ => {
            let parameter = percent_decode(name).decode_utf8_lossy().into_owned();
            Err(QueryFault::NotText { parameter })
        }
    }
}

fn decode(text: &[u8]) -> Option<Cow<'_, str>> {
    if memchr::memchr2(b'+', b'%', text).is_none() {
        return std::str::from_utf8(text).ok().map(Cow::Borrowed);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, special)) =
        memchr::memchr2(b'+', b'%', rest).and_then(|at| rest.split_at_checked(at))
    {
        decoded.extend_from_slice(plain);
        let (byte, after) = match special {
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), after)
            }
            [b'+', after @ ..] => (b' ', after),
            [_, after @ ..] => (b'%', after),
            [] => break,
        };
        decoded.push(byte);
        rest = after;
    }
    decoded.extend_from_slice(rest);
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// What a hexadecimal digit stands for.
const fn hex(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { (digit | 0x20) - b'a' + 10 }
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Result<Vec<(String, String)>, QueryFault> {
        pairs(text.as_bytes())
            .map(|pair| pair.map(|(name, value)| (name.into_owned(), value.into_owned())))
            .collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn a_query_is_decoded_as_a_form() {
        assert_eq!(
            all("to=%2B1415&from=+1415&&h.X-Env=a%20b&dryRun&x==y&%zz=%4"),
            Ok(owned(&[
                ("to", "+1415"),
                ("from", " 1415"),
                ("h.X-Env", "a b"),
                ("dryRun", ""),
                ("x", "=y"),
                ("%zz", "%4"),
            ]))
        );
        assert_eq!(all(""), Ok(Vec::new()));
        assert_eq!(all("=&="), Ok(owned(&[("", ""), ("", "")])));
    }

    #[test]
    fn what_needs_no_decoding_is_borrowed() {
        let (name, value) = pairs(b"callId=abc-1").next().unwrap().unwrap();
        assert!(matches!((name, value), (Cow::Borrowed("callId"), Cow::Borrowed("abc-1"))));
    }

    #[test]
    fn what_is_no_text_is_refused_by_the_name_of_its_parameter() {
        let fault = all("a=1&from=%ff&b=2").unwrap_err();
        assert_eq!(fault.field(), "from");
        assert_eq!(fault.to_string(), "the parameter from is not UTF-8");
        assert_eq!(pairs(b"from=\xff&b=2").count(), 1, "iteration ends with the fault");
    }

    #[test]
    fn one_parameter_too_many_is_refused() {
        assert_eq!(all(&"a=1&".repeat(PARAMETERS_MAX)).unwrap().len(), PARAMETERS_MAX);
        assert_eq!(all(&"a=1&".repeat(PARAMETERS_MAX + 1)), Err(QueryFault::TooMany));
    }

    proptest! {
        #[test]
        fn any_pairs_written_are_read_back(written in prop::collection::vec((".+", ".*"), 0..8)) {
            let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
            let query: Vec<_> = written.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
            prop_assert_eq!(all(&query.join("&")), Ok(written));
        }

        #[test]
        fn no_bytes_make_it_panic_or_run_for_ever(text in prop::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(pairs(&text).count() <= PARAMETERS_MAX + 1);
        }
    }
}
