//! What is wrong in settings or a watched folder, and where it stands.

use std::fmt;
use std::sync::Arc;

/// One mistake, with its place and what would have been right.
///
/// Lines and columns count from 1; 0 means the whole file, folder, flag or variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file as the operator knows it, or `flag --calls`, or `variable CORDBOARD_CALLS`.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong, naming the key.
    pub message: String,
    /// What would have been right.
    pub expected: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {} (expected {})", self.message, self.expected)
    }
}

/// Where a value was written; the default place is nowhere, as of a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    file: Arc<str>,
    line: u32,
    column: u32,
}

impl Place {
    /// A place in a file, both numbers from 1.
    pub fn in_file(file: Arc<str>, line: u32, column: u32) -> Self {
        Self { file, line, column }
    }

    /// A whole file, folder, flag or variable.
    pub fn whole(file: &str) -> Self {
        Self { file: Arc::from(file), line: 0, column: 0 }
    }

    /// The fault of what stands here.
    pub fn fault(&self, message: impl Into<String>, expected: impl Into<String>) -> Fault {
        Fault {
            file: self.file.to_string(),
            line: self.line,
            column: self.column,
            message: message.into(),
            expected: expected.into(),
        }
    }
}
