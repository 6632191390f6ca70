//! What is wrong in a file an operator wrote.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One mistake in a file, with its place and what was expected instead.
///
/// Lines and columns count from 1; 0 means that the whole file (or folder) is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
