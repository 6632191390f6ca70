//! Branches: isolated working copies of an agent's configuration.

use serde::{Deserialize, Serialize};

use super::id::{BranchId, ConfigHash, Revision};
use super::time::Timestamp;

/// Most branches of an agent besides `main`.
pub const BRANCHES_MAX: usize = 100;
/// Longest name of a branch, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// A branch besides `main`, whose draft is the agent's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// Its id.
    pub id: BranchId,
    /// A name for people.
    pub name: String,
    /// What it is now.
    pub draft: ConfigHash,
    /// What `main` was when it was made, or what it was itself when it was last merged: since then it has changed by
    /// what is between this and its draft.
    pub base: ConfigHash,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// The revision that made it.
    pub created_in: Revision,
}

/// What a name of a branch is, for error texts.
pub const NAME_EXPECTED: &str = "1 to 100 characters in one line, and not main";

/// Whether a branch besides `main` may have this name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    name != BranchId::MAIN
        && (1..=NAME_CHARS_MAX).contains(&name.chars().count())
        && !name.contains(char::is_control)
}
