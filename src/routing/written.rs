//! What an answer says of a version in the same words every time.

/// A text in six parts, all in one piece of memory: made for the first answer, copied by the next ones.
#[derive(Debug)]
pub struct Written {
    text: Box<str>,
    ends: [usize; 6],
}

impl Written {
    /// Puts parts together; what is empty has to be written anew for each answer.
    #[must_use]
    pub fn of(parts: &[String; 6]) -> Self {
        let mut end = 0;
        let ends = parts.each_ref().map(|part| {
            end += part.len();
            end
        });
        Self { text: parts.concat().into(), ends }
    }

    /// The n-th part, from 0.
    #[must_use]
    #[inline]
    pub fn part(&self, at: usize) -> &str {
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.ends.get(at).and_then(|end| self.text.get(begin..*end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_back_as_they_were_added() {
        let parts = ["ab", "", "c", "", "déf", "g"];
        let written = Written::of(&parts.map(str::to_owned));
        assert_eq!([0, 1, 2, 3, 4, 5].map(|at| written.part(at)), parts);
        assert_eq!(written.part(6), "");
    }
}
