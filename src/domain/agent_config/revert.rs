//! What one publish brought, taken back from a draft.
//!
//! It is a merge: what was published is the base, the draft one side, what was there before the publish the other. A key that
//! only the publish changed is as before; one that was changed since stays as the draft has it; one that both changed is a
//! conflict.

use serde_json::Value;

use super::compare::{Path, changes};
use super::merge::{Conflict, Merge, Resolution, Sides, Takes};
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
    /// ask twice for the same comes to the same. Which site variant is the default stays as the draft has it where one comes
    /// back that is there again already.
    ///
    /// Cost: a merge, two where site variants come back, and a comparison where it has strangers.
    #[must_use]
    pub fn merged(self, resolutions: &[Resolution]) -> Merge {
        let mut merge = self.merged_as_said(resolutions);
        let is_done = |merge: &Merge| {
            merge.conflicts.is_empty() && merge.config().is_ok_and(|config| config == *self.staging)
        };
        if !merge.strangers.is_empty() && is_done(&merge) {
            let done = self.done();
            merge.strangers.retain(|at| !resolutions.get(*at).is_some_and(&done));
        }
        merge
    }

    /// Whether a resolution is about what the publish had brought, or asks for what is there.
    fn done(self) -> impl Fn(&Resolution) -> bool {
        let brought = self.before.changes_to(self.entry);
        let (before, staging) = (self.before.to_json(), self.staging.to_json());
        move |Resolution { path, takes }| {
            let place = Path::of_names(path);
            let is_there = match takes {
                Takes::Theirs => place.value_in(&staging) == place.value_in(&before),
                Takes::Value(value) => place.value_in(&staging).as_ref() == Some(value),
                Takes::Ours | Takes::Base => false,
            };
            is_there || brought.iter().any(|change| change.path.meets(path))
        }
    }

    fn merged_as_said(self, resolutions: &[Resolution]) -> Merge {
        let Self { entry, before, staging } = self;
        let sides = Sides { base: entry, ours: staging, theirs: before };
        let merge = sides.merged(resolutions);
        let marks: Vec<Resolution> = merge.conflicts.iter().filter_map(mark_of_default).collect();
        if marks.is_empty() {
            return merge;
        }
        // What was asked for counts before them, since it stands behind them.
        let mut merge = sides.merged(&[&marks, resolutions].concat());
        merge.strangers = merge.strangers.iter().filter_map(|at| at.checked_sub(marks.len())).collect();
        merge
    }

    /// What becomes of the draft, key by key, as long as nothing more is said of the conflicts of a merge.
    #[must_use]
    pub fn changes(self, merge: Merge) -> Vec<KeyRevert> {
        let entry = self.entry.to_json();
        let after = merge.config().map_or_else(|_| merge.into_document(), |config| config.to_json());
        let changes = changes(&self.staging.to_json(), &after).into_iter();
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

/// What leaves a site variant the default, or leaves it not, if that is what is in conflict: it is a mark of the list, which
/// reading moves to another one where the one that has it goes.
fn mark_of_default(conflict: &Conflict) -> Option<Resolution> {
    let path: Vec<String> = conflict.path.names().map(str::to_owned).collect();
    let is_mark = matches!(path.as_slice(), [list, _, key] if list == "siteVariants" && key == "isDefault");
    is_mark.then_some(Resolution { path, takes: Takes::Ours })
}

#[cfg(test)]
mod tests;
