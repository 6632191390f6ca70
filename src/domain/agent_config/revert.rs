//! What one publish brought, taken back from a draft.
//!
//! It is a merge: what was published is the base, the draft one side, what was there before the publish the other. A key that
//! only the publish changed is as before; one that was changed since stays as the draft has it; one that both changed is a
//! conflict.

use serde_json::Value;

use super::compare::{Path, changes};
use super::merge::{Merge, Resolution, Sides};
use super::{AgentConfig, Section};

/// A publish that is to be taken back.
#[derive(Debug, Clone, Copy)]
pub struct Revert<'c> {
    /// What was published.
    pub entry: &'c AgentConfig,
    /// The version before it.
    pub before: &'c AgentConfig,
    /// The draft.
    pub staging: &'c AgentConfig,
}

/// What becomes of a key of the draft.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRevert {
    /// The group it is shown in.
    pub section: Section,
    /// Where it is.
    pub path: Path,
    /// What the draft has there; nothing where it is not there.
    pub staging: Option<Value>,
    /// What was published there.
    pub entry: Option<Value>,
    /// What is there afterwards.
    pub after: Option<Value>,
}

impl Revert<'_> {
    /// The draft without what the publish brought.
    ///
    /// Once that is gone, resolutions of what it had brought are no strangers, though they are about no conflict any more: to
    /// ask twice for the same comes to the same.
    ///
    /// Cost: a merge, and a comparison where it has strangers.
    #[must_use]
    pub fn merged(self, resolutions: &[Resolution]) -> Merge {
        let Self { entry, before, staging } = self;
        let mut merge = Sides { base: entry, ours: staging, theirs: before }.merged(resolutions);
        let is_done = |merge: &Merge| {
            merge.conflicts.is_empty() && merge.config().is_ok_and(|config| config == *staging)
        };
        if !merge.strangers.is_empty() && is_done(&merge) {
            let brought = before.changes_to(entry);
            let is_of_it = |resolution: &Resolution| brought.iter().any(|it| it.path.meets(&resolution.path));
            merge.strangers.retain(|at| !resolutions.get(*at).is_some_and(is_of_it));
        }
        merge
    }

    /// What becomes of the draft, key by key, by the document that it is to be.
    #[must_use]
    pub fn changes(self, after: &Value) -> Vec<KeyRevert> {
        let entry = self.entry.to_json();
        let changes = changes(&self.staging.to_json(), after).into_iter();
        let revert = changes.map(|change| KeyRevert {
            section: change.section,
            entry: change.path.value_in(&entry),
            path: change.path,
            staging: change.from,
            after: change.to,
        });
        revert.collect()
    }
}

#[cfg(test)]
mod tests;
