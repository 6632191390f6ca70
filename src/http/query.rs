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
/// passed over; a name without `=` has an empty value. Iteration goes on after a parameter that is no text, and ends where
/// there are too many.
///
/// Cost: one pass; a name or value with nothing to decode is borrowed.
pub fn pairs(text: &str) -> Pairs<'_> {
    Pairs { rest: text, left: PARAMETERS_MAX }
}

/// Iterator over the decoded pairs of a query, see [`pairs`].
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a str,
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(Cow<'a, str>, Cow<'a, str>), QueryFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.next_written()?;
        Some(match self.left.checked_sub(1) {
            None => {
                self.rest = "";
                Err(QueryFault::TooMany)
            }
            Some(left) => {
                self.left = left;
                pair.decoded()
            }
        })
    }
}

impl<'a> Pairs<'a> {
    /// The next pair that is not empty, as it was written.
    fn next_written(&mut self) -> Option<Pair<'a>> {
        while !self.rest.is_empty() {
            let (pair, end) = Pair::first_of(self.rest);
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if end > 0 {
                return Some(pair);
            }
        }
        None
    }
}

/// A pair as it was written.
#[derive(Default)]
struct Pair<'a> {
    name: Coded<'a>,
    value: Coded<'a>,
}

/// A text in which some characters may stand for others.
#[derive(Default)]
struct Coded<'a> {
    text: &'a str,
    has_codes: bool,
}

impl<'a> Pair<'a> {
    /// The pair that a text begins with, and where it ends.
    fn first_of(text: &'a str) -> (Self, usize) {
        let (mut split, mut end) = (None, text.len());
        let (mut name_has_codes, mut has_codes) = (false, false);
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'&' => {
                    end = at;
                    break;
                }
                b'=' if split.is_none() => {
                    split = Some(at);
                    name_has_codes = std::mem::take(&mut has_codes);
                }
                b'+' | b'%' => has_codes = true,
                _ => {}
            }
        }
        let coded = |from: usize, to: usize, has_codes| Coded {
            text: text.get(from..to).unwrap_or_default(),
            has_codes,
        };
        let pair = match split {
            Some(split) => {
                Self { name: coded(0, split, name_has_codes), value: coded(split + 1, end, has_codes) }
            }
            None => Self { name: coded(0, end, has_codes), value: Coded::default() },
        };
        (pair, end)
    }

    fn decoded(self) -> Result<(Cow<'a, str>, Cow<'a, str>), QueryFault> {
        let written = self.name.text;
        match (self.name.decoded(), self.value.decoded()) {
            (Some(name), Some(value)) => Ok((name, value)),
            _ => {
                let parameter = percent_decode(written.as_bytes()).decode_utf8_lossy().into_owned();
                Err(QueryFault::NotText { parameter })
            }
        }
    }
}

impl<'a> Coded<'a> {
    /// What it stands for, if that is text.
    fn decoded(self) -> Option<Cow<'a, str>> {
        if !self.has_codes {
            return Some(Cow::Borrowed(self.text));
        }
        let mut decoded = String::with_capacity(self.text.len());
        let mut rest = self.text;
        while let Some((plain, code)) =
            rest.bytes().position(|byte| matches!(byte, b'+' | b'%')).and_then(|at| rest.split_at_checked(at))
        {
            decoded.push_str(plain);
            let (byte, bytes) = coded_byte(code.as_bytes());
            if !byte.is_ascii() {
                return self.decoded_bytes();
            }
            decoded.push(char::from(byte));
            rest = code.get(bytes..).unwrap_or_default();
        }
        decoded.push_str(rest);
        Some(Cow::Owned(decoded))
    }

    /// The same where characters take several codes.
    #[cold]
    fn decoded_bytes(&self) -> Option<Cow<'a, str>> {
        let mut decoded = Vec::with_capacity(self.text.len());
        let mut rest = self.text.as_bytes();
        while !rest.is_empty() {
            let (byte, bytes) = coded_byte(rest);
            decoded.push(byte);
            rest = rest.get(bytes..).unwrap_or_default();
        }
        String::from_utf8(decoded).ok().map(Cow::Owned)
    }
}

/// The byte that a text begins with or has a code for, and how many bytes of the text that takes.
fn coded_byte(text: &[u8]) -> (u8, usize) {
    match text {
        [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            (hex(*high) << 4 | hex(*low), 3)
        }
        [b'+', ..] => (b' ', 1),
        [byte, ..] => (*byte, 1),
        [] => (0, 0),
    }
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
        pairs(text).map(|pair| pair.map(|(name, value)| (name.into_owned(), value.into_owned()))).collect()
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
        let (name, value) = pairs("callId=abc-1").next().unwrap().unwrap();
        assert!(matches!((name, value), (Cow::Borrowed("callId"), Cow::Borrowed("abc-1"))));
    }

    #[test]
    fn what_is_no_text_is_refused_by_the_name_of_its_parameter() {
        let fault = all("a=1&from=%ff&b=2").unwrap_err();
        assert_eq!(fault.field(), "from");
        assert_eq!(fault.to_string(), "the parameter from is not UTF-8");
        assert_eq!(pairs("from=%ff&b=2").count(), 2, "who can do without it reads on");
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
        fn no_text_makes_it_panic_or_run_for_ever(text in "[&=%+a-f0-9\u{e9}]{0,512}") {
            prop_assert!(pairs(&text).count() <= PARAMETERS_MAX + 1);
        }
    }
}
