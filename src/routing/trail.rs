//! Why a decision came out as it did: every rule looked at, in order.

use std::fmt;

/// Takes note of each rule that is looked at. Notes cost nothing where nobody listens.
pub trait Trail {
    /// A rule, whether it decided, and why or why not.
    fn note(&mut self, rule: &'static str, decided: bool, why: fmt::Arguments<'_>);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Trail for Silent {
    #[inline]
    fn note(&mut self, _: &'static str, _: bool, _: fmt::Arguments<'_>) {}
}

/// One rule that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The rule.
    pub rule: &'static str,
    /// Whether it decided.
    pub decided: bool,
    /// Why, or why not.
    pub why: String,
}

/// Keeps every note, for `explain`.
#[derive(Debug, Clone, Default)]
pub struct Notes(pub Vec<Note>);

impl Trail for Notes {
    fn note(&mut self, rule: &'static str, decided: bool, why: fmt::Arguments<'_>) {
        self.0.push(Note { rule, decided, why: why.to_string() });
    }
}
