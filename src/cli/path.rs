//! Paths of the API, percent-encoded.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path with its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    text: String,
    has_query: bool,
}

impl Path {
    /// A path as it is known; nothing of it is encoded.
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), has_query: text.contains('?') }
    }

    /// Adds a segment, encoded.
    pub(super) fn segment(mut self, segment: impl Display) -> Self {
        self.text.push('/');
        self.text.extend(utf8_percent_encode(&segment.to_string(), RESERVED));
        self
    }

    /// Adds a query parameter, encoded; nothing where there is no value.
    pub(super) fn query(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            self.text.push(if self.has_query { '&' } else { '?' });
            self.text.push_str(name);
            self.text.push('=');
            self.text.extend(utf8_percent_encode(&value.to_string(), RESERVED));
            self.has_query = true;
        }
        self
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_segment_or_value_can_leave_its_place() {
        let path =
            Path::of("/v1/numbers").segment("+49 30/?#%ä").query("a", Some("1&b=2")).query("c", Some(3));
        assert_eq!(path.as_str(), "/v1/numbers/%2B49%2030%2F%3F%23%25%C3%A4?a=1%26b%3D2&c=3");
    }
}
