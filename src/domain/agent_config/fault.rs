//! What is wrong with a configuration, where, and what would have been right.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::node::NOWHERE;
use crate::domain::fault::Fault;

/// Most faults of one document that are reported.
pub const FAULTS_MAX: usize = 100;

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFault {
    /// The key, such as `llm.temperature` or `topics[3].name`; empty for the document as a whole.
    pub path: String,
    /// Line from 1; 0 where there is no text with lines.
    pub line: u32,
    /// Column in characters from 1; 0 where there is no text with lines.
    pub column: u32,
    /// What is wrong, as the end of a sentence that begins with the key.
    pub message: String,
    /// What would have been right.
    pub expected: String,
}

impl ConfigFault {
    /// The same fault as one of the file that holds the configuration.
    #[must_use]
    pub fn in_file(self, file: &str) -> Fault {
        let message = self.sentence();
        Fault {
            file: file.to_owned(),
            line: self.line,
            column: self.column,
            message,
            expected: self.expected,
        }
    }

    fn sentence(&self) -> String {
        if self.path.is_empty() {
            format!("the configuration {}", self.message)
        } else {
            format!("`{}` {}", self.path, self.message)
        }
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())?;
        if !self.expected.is_empty() {
            write!(f, " (expected {})", self.expected)?;
        }
        Ok(())
    }
}

/// Collects faults while a reader walks the document, and knows which key it is at.
pub struct Faults<'s> {
    /// The text that offsets of nodes count in, where there is one.
    source: &'s str,
    path: String,
    found: Vec<ConfigFault>,
}

impl<'s> Faults<'s> {
    pub fn new(source: &'s str) -> Self {
        Self { source, path: String::new(), found: Vec::new() }
    }

    /// Steps into a key of the present object; gives what [`Faults::leave`] wants.
    pub fn enter_key(&mut self, name: &str) -> usize {
        let back = self.path.len();
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            if back > 0 {
                self.path.push('.');
            }
            self.path.push_str(&cut(name));
        } else {
            self.path.push_str(&format!("[{:?}]", cut(name)));
        }
        back
    }

    /// Steps into an item of the present list; gives what [`Faults::leave`] wants.
    pub fn enter_item(&mut self, index: usize) -> usize {
        let back = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        back
    }

    /// Steps back out.
    pub fn leave(&mut self, back: usize) {
        self.path.truncate(back);
    }

    /// Whether further faults would not be kept.
    pub fn is_full(&self) -> bool {
        self.found.len() >= FAULTS_MAX
    }

    /// Notes a fault at the present key; `at` is the place in the source.
    pub fn add(&mut self, at: usize, message: impl Into<String>, expected: impl Into<String>) {
        if self.is_full() {
            return;
        }
        let (line, column) = place(self.source, at);
        let path = self.path.clone();
        self.found.push(ConfigFault {
            path,
            line,
            column,
            message: message.into(),
            expected: expected.into(),
        });
    }

    /// All faults in the order of the text, if there is one.
    pub fn into_result(mut self) -> Result<(), Vec<ConfigFault>> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|fault| (fault.line, fault.column));
        Err(self.found)
    }
}

/// A name or value as it is shown in a fault: the first 60 characters.
pub fn cut(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn place(source: &str, at: usize) -> (u32, u32) {
    if at == NOWHERE {
        return (0, 0);
    }
    let before = source.get(..at).unwrap_or(source);
    let lines = memchr::memchr_iter(b'\n', before.as_bytes()).count();
    let last = before.rsplit('\n').next().unwrap_or_default();
    let from_one = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
    (from_one(lines), from_one(last.chars().count()))
}
