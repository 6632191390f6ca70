//! What an answer says of a version in the same words every time.

use std::ops::RangeInclusive;

/// Parts of a [`Written`].
const PARTS: usize = 9;

/// A text in parts, all in one piece of memory: made for the first answer, copied by the next ones.
#[derive(Debug)]
pub struct Written {
    /// Bytes, since to cut a text one has to look at both its ends, and they may be in no cache.
    text: Box<[u8]>,
    ends: [usize; PARTS],
    complete: bool,
}

impl Written {
    /// Puts parts together; what is empty has to be written anew for each answer.
    #[must_use]
    pub fn of(parts: &[String; PARTS]) -> Self {
        let mut end = 0;
        let ends = parts.each_ref().map(|part| {
            end += part.len();
            end
        });
        Self {
            text: parts.concat().into_bytes().into(),
            ends,
            complete: parts.iter().all(|part| !part.is_empty()),
        }
    }

    /// Whether no part has to be written anew.
    #[must_use]
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The n-th part, from 0.
    #[must_use]
    #[inline]
    pub fn part(&self, at: usize) -> &[u8] {
        self.parts(at..=at)
    }

    /// Adjacent parts as one text.
    #[must_use]
    #[inline]
    pub fn parts(&self, range: RangeInclusive<usize>) -> &[u8] {
        let before = range.start().checked_sub(1).and_then(|before| self.ends.get(before));
        let begin = before.copied().unwrap_or_default();
        self.ends.get(*range.end()).and_then(|end| self.text.get(begin..*end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_back_as_they_were_added() {
        let parts = ["ab", "", "c", "", "déf", "g", "h", "i", "j"];
        let written = Written::of(&parts.map(str::to_owned));
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8].map(|at| written.part(at)), parts.map(str::as_bytes));
        assert_eq!((written.parts(2..=5), written.part(9)), ("cdéfg".as_bytes(), &b""[..]));
        assert!(!written.is_complete());
        assert!(Written::of(&parts.map(|part| format!("{part}."))).is_complete());
    }
}
