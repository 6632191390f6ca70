//! Accounts as they are written in requests.

use utoipa::ToSchema;

use crate::api::fields::{Fields, Kind, Name, Written};
use crate::domain::account::{ActiveCalls, ConflictStatus, SettingsPatch};
use crate::domain::command::AccountPatch;
use crate::domain::id::AccountId;
use crate::http::json::tree::Tree;

/// An account that is to be made.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewAccount {
    /// 1 to 100 characters.
    pub(super) name: String,
    /// `ws-` and eight of `0-9A-Z`; made where absent.
    #[schema(value_type = Option<String>, pattern = "^ws-[0-9A-Z]{8}$")]
    pub(super) account_id: Option<AccountId>,
}

impl Written for NewAccount {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name: Option<Name> = fields.required("name");
        let account_id: Option<AccountId> = fields.optional("accountId");
        if account_id.as_ref().is_some_and(|id| !has_form(id.as_str())) {
            fields.fault("accountId", "is no id for an account: expected ws- and eight of 0-9A-Z");
        }
        Some(Self { account_id, name: name?.0 })
    }
}

fn has_form(id: &str) -> bool {
    let letters =
        |text: &str| text.len() == 8 && text.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    id.strip_prefix("ws-").is_some_and(letters)
}

/// What is to be changed of an account; what is absent stays.
#[derive(Debug, ToSchema)]
pub struct AccountChange {
    /// 1 to 100 characters.
    name: Option<String>,
    /// Settings; those that are absent stay.
    settings: Option<SettingsChange>,
}

/// What is to be changed of settings; what is absent stays.
#[derive(Debug, ToSchema)]
pub struct SettingsChange {
    /// Whether the draft of `main` is edited by nobody, only merged into.
    protected_main: Option<bool>,
    /// Whether a promotion to live may leave out pre-release.
    allow_skip_pre_release: Option<bool>,
    /// Whether a promotion, and whatever else comes into live but a rollback, needs tests that were passed.
    tests_gate: Option<bool>,
    /// Whether a branch that is merged is published to `sandbox`, with all of `main`.
    merge_publishes: Option<bool>,
    /// The status of the answer to a merge with conflicts: 400 or 409.
    #[schema(value_type = Option<u16>)]
    merge_conflict_status: Option<ConflictStatus>,
    /// What becomes of calls in progress where an environment gets another version: `keep` or `move`.
    #[schema(value_type = Option<String>)]
    active_calls_default: Option<ActiveCalls>,
    /// Whether a publish of staging reaches live where pre-release may not be left out otherwise.
    staging_publishes_live: Option<bool>,
}

impl Written for AccountChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.optional("name").map(|Name(name)| name);
        Some(Self { name, settings: fields.object("settings", SettingsChange::read) })
    }
}

impl Written for SettingsChange {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            protected_main: fields.optional("protected_main"),
            allow_skip_pre_release: fields.optional("allow_skip_pre_release"),
            tests_gate: fields.optional("tests_gate"),
            merge_publishes: fields.optional("merge_publishes"),
            merge_conflict_status: fields.optional("merge_conflict_status"),
            active_calls_default: fields.optional("active_calls_default"),
            staging_publishes_live: fields.optional("staging_publishes_live"),
        })
    }
}

impl AccountChange {
    /// As the domain takes it.
    pub(in crate::api) fn into_patch(self) -> AccountPatch {
        let settings = self.settings.map_or_else(SettingsPatch::default, |change| SettingsPatch {
            protected_main: change.protected_main,
            allow_skip_pre_release: change.allow_skip_pre_release,
            tests_gate: change.tests_gate,
            merge_publishes: change.merge_publishes,
            merge_conflict_status: change.merge_conflict_status,
            active_calls_default: change.active_calls_default,
            staging_publishes_live: change.staging_publishes_live,
        });
        AccountPatch { name: self.name, settings }
    }
}

impl Kind for ConflictStatus {
    fn expected() -> String {
        "400 or 409".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let Tree::Number(number) = tree else { return Err(None) };
        let status = number.as_u64().and_then(|status| u16::try_from(status).ok());
        let known = status.and_then(|status| Self::try_from(status).ok());
        known.ok_or_else(|| Some(format!("is {number}: expected {}", Self::expected())))
    }
}
