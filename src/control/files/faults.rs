//! Faults as they are found: bounded, and each with its place.

use std::sync::Arc;

use crate::domain::fault::Fault;
use crate::domain::files::Place;

/// Most faults that are reported at once.
pub(super) const FAULTS_MAX: usize = 100;

/// The faults of one file.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) file: Arc<str>,
    found: Vec<Fault>,
}

impl Faults {
    pub(super) fn of(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), found: Vec::new() }
    }

    /// Whether further faults would not be kept.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= FAULTS_MAX
    }

    /// Notes a fault at a line and column.
    pub(super) fn add(
        &mut self,
        (line, column): (u32, u32),
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        if !self.is_full() {
            self.found.push(self.place((line, column)).fault(message, expected));
        }
    }

    /// A place in this file.
    pub(super) fn place(&self, (line, column): (u32, u32)) -> Place {
        Place { file: Arc::clone(&self.file), line, column }
    }

    /// What could be read, with all faults in the order of the text.
    pub(super) fn beside<T>(mut self, value: T) -> Parsed<T> {
        self.found.sort_by_key(|fault| (fault.line, fault.column));
        Parsed { value, faults: self.found }
    }
}

/// What could be read of a file, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    pub(super) value: T,
    pub(super) faults: Vec<Fault>,
}

impl<T> Parsed<T> {
    pub(super) fn map<U>(self, map: impl FnOnce(T) -> U) -> Parsed<U> {
        Parsed { value: map(self.value), faults: self.faults }
    }

    /// The value, if there was no fault.
    #[cfg(any(test, fuzzing))]
    pub(super) fn sound(self) -> Result<T, Vec<Fault>> {
        if self.faults.is_empty() { Ok(self.value) } else { Err(self.faults) }
    }
}

/// A text as it is shown in a fault: quoted, and cut to 80 characters.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{:?}…", text.get(..at).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// What was probably meant by an unknown key: the nearest known one if one is near, else all of them.
pub(super) fn nearest(word: &str, known: &[&str]) -> String {
    let word: Vec<char> = word.chars().take(40).collect();
    let near = known
        .iter()
        .map(|known| (distance(&word, known), *known))
        .filter(|(edits, known)| *edits <= 1 + known.len() / 4)
        .min();
    match near {
        Some((_, known)) => format!("`{known}`"),
        None => format!("one of {}", known.join(", ")),
    }
}

/// Edits (insert, delete, replace) that turn one word into the other.
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (line, to) in (1..).zip(to.chars()) {
        let mut diagonal = line - 1;
        let mut left = line;
        if let Some(first) = row.first_mut() {
            *first = line;
        }
        for (cell, from) in row.iter_mut().skip(1).zip(from) {
            let here = (diagonal + usize::from(*from != to)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        let known = ["number", "agent", "header_rules", "headers", "site_variant"];
        assert_eq!(nearest("numbr", &known), "`number`");
        assert_eq!(nearest("header_rule", &known), "`header_rules`");
        assert_eq!(nearest("agents", &known), "`agent`");
        assert!(nearest("zzzzzzzz", &known).starts_with("one of number, agent"));
        assert!(nearest(&"x".repeat(1_000_000), &known).starts_with("one of"));
    }
}
