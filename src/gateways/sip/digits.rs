//! Digits of phone numbers as they stand in messages: in a row, percent-encoded, with what people write between them.

/// Most separators between two digits of a number.
const BETWEEN_MAX: usize = 4;

/// What stands somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Digit(u8),
    /// What people write between digits (RFC 3966, section 5.1.1), a blank, or the end of a folded line.
    Between,
}

/// What bytes begin with, and how many of them that is.
const fn mark(bytes: &[u8]) -> Option<(Mark, usize)> {
    Some(match bytes {
        [digit @ b'0'..=b'9', ..] => (Mark::Digit(*digit), 1),
        [b'%', b'3', digit @ b'0'..=b'9', ..] => (Mark::Digit(*digit), 3),
        [b'-' | b'.' | b'(' | b')' | b'/' | b'_' | b' ' | b'\t' | b'\r' | b'\n', ..] => (Mark::Between, 1),
        [b'%', b'2', b'0' | b'8' | b'9' | b'd' | b'D' | b'e' | b'E', ..] => (Mark::Between, 3),
        _ => return None,
    })
}

/// A number's digits among bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// Where it begins.
    pub begin: usize,
    /// Behind its last digit.
    pub end: usize,
}

impl Run {
    /// The first run, whose digits replace what is in `digits`; it is as long as it can be.
    pub fn find(bytes: &[u8], digits: &mut Vec<u8>) -> Option<Self> {
        digits.clear();
        let at = |at: usize| bytes.get(at..).and_then(mark);
        let begin = (0..bytes.len()).find(|place| matches!(at(*place), Some((Mark::Digit(_), _))))?;
        let (mut end, mut place, mut between) = (begin, begin, 0);
        while let Some((mark, length)) = at(place) {
            place += length;
            match mark {
                Mark::Digit(digit) => {
                    digits.push(digit);
                    (end, between) = (place, 0);
                }
                Mark::Between if between < BETWEEN_MAX => between += 1,
                Mark::Between => break,
            }
        }
        Some(Self { begin, end })
    }
}

/// Whether these digits stand in a row somewhere.
pub fn has_digits(bytes: &[u8], sought: &[u8]) -> bool {
    let (mut rest, mut digits) = (bytes, Vec::new());
    while let Some(run) = Run::find(rest, &mut digits) {
        if memchr::memmem::find(&digits, sought).is_some() {
            return true;
        }
        rest = rest.get(run.end..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_found_in_every_form_they_are_written_in() {
        for text in [
            "sip:+14155550100@h",
            "<tel:+1-(415)-555-0100>",
            "%2B1%34155550%31%30%30",
            "x 1 415 555 0100 y",
            "004.14155550100",
            "7 14155%2D55%2D0100",
        ] {
            assert!(has_digits(text.as_bytes(), b"14155550100"), "{text}");
        }
        for text in ["", "1415555010", "1415;5550100", "1415-----5550100", "%2B1415%2F5550100"] {
            assert!(!has_digits(text.as_bytes(), b"14155550100"), "{text}");
        }
    }
}
