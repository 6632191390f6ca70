//! Why a decision came out as it did: every rule looked at, in order.

use std::fmt;

use super::calls::KeptArm;
use super::decision::InSplit;

/// Takes note of each rule that is looked at. Notes cost nothing where nobody listens.
pub trait Trail {
    /// A rule, whether it decided, and why or why not.
    fn note(&mut self, rule: &'static str, decided: bool, why: fmt::Arguments<'_>);

    /// A place in a split that led to nothing; the note that says why follows.
    #[inline]
    fn passed_over(&mut self, _: &InSplit<'_>) {}
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
pub struct Notes {
    /// The rules that were looked at.
    pub rules: Vec<Note>,
    /// The first place in a split that led to nothing.
    pub passed_over: Option<KeptArm>,
}

impl Trail for Notes {
    fn note(&mut self, rule: &'static str, decided: bool, why: fmt::Arguments<'_>) {
        self.rules.push(Note { rule, decided, why: why.to_string() });
    }

    fn passed_over(&mut self, in_split: &InSplit<'_>) {
        self.passed_over.get_or_insert_with(|| KeptArm::of(in_split));
    }
}
