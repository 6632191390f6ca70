//! Phone numbers and secrets in logs: shown in part, unless whole ones were asked for.

use std::fmt::{self, Write as _};

/// Wraps a number, caller or token for a log line; whole only if `show`.
#[must_use]
pub const fn mask(text: &str, show: bool) -> Masked<'_> {
    Masked { text, show }
}

/// A text for a log line: `+141•••00` for `+14155550100`.
///
/// A phone number of eight digits or more keeps three digits, which tell the country, and the last two; anything else
/// keeps nothing. Shown whole, control characters are escaped, so that no caller writes log lines of its own.
#[derive(Clone, Copy)]
pub struct Masked<'a> {
    text: &'a str,
    show: bool,
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.show {
            return self.text.chars().try_for_each(|c| match c {
                c if c.is_control() => write!(f, "{}", c.escape_default()),
                c => f.write_char(c),
            });
        }
        let (plus, digits) = match self.text.strip_prefix('+') {
            Some(digits) => ("+", digits),
            None => ("", self.text),
        };
        match (digits.get(..3), digits.len().checked_sub(2).and_then(|at| digits.get(at..))) {
            (Some(first), Some(last)) if is_phone_number(digits) => write!(f, "{plus}{first}•••{last}"),
            _ => f.write_str("•••"),
        }
    }
}

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_phone_number(digits: &str) -> bool {
    (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_country_and_two_digits() {
        assert_eq!(mask("+14155550100", false).to_string(), "+141•••00");
        assert_eq!(mask("442071838750", false).to_string(), "442•••50");
        assert_eq!(format!("{:?}", mask("+14155550100", false)), "+141•••00");
    }

    #[test]
    fn what_is_no_whole_number_keeps_nothing() {
        for text in
            ["", "+", "911", "+1234567", "alice", "é•ü•é•ü•", "0123456789abcdef0123", "1234567890123456"]
        {
            assert_eq!(mask(text, false).to_string(), "•••", "{text}");
        }
    }

    #[test]
    fn whole_numbers_show_only_when_asked_for_and_never_break_a_line() {
        assert_eq!(mask("+14155550100", true).to_string(), "+14155550100");
        assert_eq!(mask("al\r\nice\u{1b}[2J", true).to_string(), "al\\r\\nice\\u{1b}[2J");
    }
}
