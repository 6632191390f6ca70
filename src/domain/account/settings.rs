//! What holds in an account unless a request says otherwise.

use serde::{Deserialize, Serialize};

/// The settings of an account, by their names in the API.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountSettings {
    /// Whether the draft of `main` is edited by nobody, only merged into.
    pub protected_main: bool,
    /// Whether a promotion to live may leave out pre-release.
    pub allow_skip_pre_release: bool,
    /// Whether a promotion, and whatever else comes into live but a rollback, needs tests that were passed.
    pub tests_gate: bool,
    /// Whether a branch that is merged is published to the sandbox, with all of `main`.
    pub merge_publishes: bool,
    /// How conflicts of a merge are answered.
    pub merge_conflict_status: ConflictStatus,
    /// What becomes of calls in progress where an environment gets another version.
    pub active_calls_default: ActiveCalls,
    /// Whether a publish of staging reaches live where pre-release may not be left out otherwise.
    pub staging_publishes_live: bool,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            protected_main: false,
            allow_skip_pre_release: true,
            tests_gate: false,
            merge_publishes: true,
            merge_conflict_status: ConflictStatus::BadRequest,
            active_calls_default: ActiveCalls::Keep,
            staging_publishes_live: false,
        }
    }
}

impl AccountSettings {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The settings with some of them changed.
    #[must_use]
    pub fn with(self, patch: &SettingsPatch) -> Self {
        Self {
            protected_main: patch.protected_main.unwrap_or(self.protected_main),
            allow_skip_pre_release: patch.allow_skip_pre_release.unwrap_or(self.allow_skip_pre_release),
            tests_gate: patch.tests_gate.unwrap_or(self.tests_gate),
            merge_publishes: patch.merge_publishes.unwrap_or(self.merge_publishes),
            merge_conflict_status: patch.merge_conflict_status.unwrap_or(self.merge_conflict_status),
            active_calls_default: patch.active_calls_default.unwrap_or(self.active_calls_default),
            staging_publishes_live: patch.staging_publishes_live.unwrap_or(self.staging_publishes_live),
        }
    }
}

/// Settings that are to be changed; those that are not named stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are those of the settings")]
pub struct SettingsPatch {
    pub protected_main: Option<bool>,
    pub allow_skip_pre_release: Option<bool>,
    pub tests_gate: Option<bool>,
    pub merge_publishes: Option<bool>,
    pub merge_conflict_status: Option<ConflictStatus>,
    pub active_calls_default: Option<ActiveCalls>,
    pub staging_publishes_live: Option<bool>,
}

/// What becomes of calls in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActiveCalls {
    /// They keep their version.
    Keep,
    /// They are decided afresh the next time they ask.
    Move,
}

impl ActiveCalls {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Move => "move",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Keep, Self::Move].into_iter().find(|calls| calls.as_str() == text)
    }
}

/// The number by which conflicts of a merge are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum ConflictStatus {
    /// 400.
    BadRequest,
    /// 409.
    Conflict,
}

impl From<ConflictStatus> for u16 {
    fn from(status: ConflictStatus) -> Self {
        match status {
            ConflictStatus::BadRequest => 400,
            ConflictStatus::Conflict => 409,
        }
    }
}

impl TryFrom<u16> for ConflictStatus {
    type Error = &'static str;

    fn try_from(status: u16) -> Result<Self, Self::Error> {
        match status {
            400 => Ok(Self::BadRequest),
            409 => Ok(Self::Conflict),
            _ => Err("expected 400 or 409"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_read_back_as_they_are_written_and_what_is_missing_is_as_it_always_was() {
        let changed = AccountSettings {
            merge_conflict_status: ConflictStatus::Conflict,
            active_calls_default: ActiveCalls::Move,
            ..AccountSettings::default()
        };
        let text = serde_json::to_value(changed).unwrap();
        assert_eq!(
            text,
            json!({
                "protected_main": false, "allow_skip_pre_release": true, "tests_gate": false, "merge_publishes": true,
                "merge_conflict_status": 409, "active_calls_default": "move", "staging_publishes_live": false
            })
        );
        assert_eq!(serde_json::from_value::<AccountSettings>(text).unwrap(), changed);
        let bare: AccountSettings = serde_json::from_value(json!({})).unwrap();
        assert!(bare.is_default() && !changed.is_default());
        assert!(serde_json::from_value::<AccountSettings>(json!({"merge_conflict_status": 500})).is_err());
    }

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let patch = SettingsPatch { tests_gate: Some(true), ..SettingsPatch::default() };
        let patched = AccountSettings::default().with(&patch);
        assert_eq!(patched, AccountSettings { tests_gate: true, ..AccountSettings::default() });
        assert_eq!(patched.with(&SettingsPatch::default()), patched);
    }
}
