//! What is wrong in a file an operator wrote.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One mistake in a file, with its place and what was expected instead.
///
/// Lines and columns count from 1; 0 means that the whole file (or folder) is meant. Ordered by place; what is about the
/// files as a whole comes last, since it mostly follows from something that stands in one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Path as the operator knows it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong, naming the field.
    pub message: String,
    /// What would have been right.
    pub expected: String,
}

impl Fault {
    /// A fault of the files as a whole, still without words.
    #[must_use]
    pub fn of_folder() -> Self {
        Self { file: String::new(), line: 0, column: 0, message: String::new(), expected: String::new() }
    }

    fn order(&self) -> (bool, &str, u32, u32, &str, &str) {
        let Self { file, line, column, message, expected } = self;
        (file.is_empty(), file, *line, *column, message, expected)
    }
}

impl Ord for Fault {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Fault {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_empty() {
            f.write_str("files")?;
        }
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {}", self.message)?;
        if !self.expected.is_empty() {
            write!(f, " (expected {})", self.expected)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_a_place_comes_after_it() {
        let at = |file: &str, line| Fault { file: file.to_owned(), line, ..Fault::of_folder() };
        let mut faults =
            [Fault::of_folder(), at("routes/b.toml", 1), at("agents/a.toml", 9), at("routes/b.toml", 0)];
        faults.sort();
        let places = faults.each_ref().map(|fault| (fault.file.as_str(), fault.line));
        assert_eq!(places, [("agents/a.toml", 9), ("routes/b.toml", 0), ("routes/b.toml", 1), ("", 0)]);
    }
}
