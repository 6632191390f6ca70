//! The headers that go along with a call.

use std::collections::BTreeMap;

pub use crate::domain::reserved::AGENT_VERSION;
use crate::domain::reserved::is_reserved_header;
use crate::domain::route::{is_header_name, is_header_value};

/// Headers by name, as they were written.
pub type Headers = BTreeMap<String, String>;

/// The version's headers and those of the number, which win over the version's of the same name in any case.
///
/// Left out: reserved names, what is no header name, and values with control characters. They are refused where they
/// are written; this guards what was kept before.
pub fn headers<'h>(
    version: &'h Headers,
    number: Option<&'h Headers>,
) -> impl Iterator<Item = (&'h str, &'h str)> {
    let replaced = move |name: &str| number.is_some_and(|number| has(number, name));
    let version = version.iter().filter(move |(name, _)| !replaced(name));
    version
        .chain(number.into_iter().flatten())
        .filter(|(name, value)| may_go(name, value))
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

fn has(headers: &Headers, name: &str) -> bool {
    headers.keys().any(|other| other.eq_ignore_ascii_case(name))
}

fn may_go(name: &str, value: &str) -> bool {
    !is_reserved_header(name) && is_header_name(name) && is_header_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_numbers_headers_win_in_any_case() {
        let (version, number) = (of(&[("X-A", "1"), ("X-B", "2")]), of(&[("x-a", "3")]));
        assert_eq!(headers(&version, Some(&number)).collect::<Vec<_>>(), [("X-B", "2"), ("x-a", "3")]);
        assert_eq!(headers(&version, None).count(), 2);
    }

    #[test]
    fn reserved_names_and_control_characters_never_go_out() {
        let wrong = of(&[
            ("Via", "x"),
            ("call-id", "x"),
            ("CSEQ", "1"),
            ("v", "x"),
            ("x-agent-version", "9"),
            ("X A", "x"),
            ("X-B", "a\r\nX-C: d"),
            ("X-D", "\0"),
            ("", "x"),
            ("X-E", "fine"),
        ]);
        assert_eq!(headers(&wrong, Some(&wrong)).collect::<Vec<_>>(), [("X-E", "fine")]);
    }
}
