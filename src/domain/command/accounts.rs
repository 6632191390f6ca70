//! Accounts, made and changed by who has the first one.

use super::Outcome;
use crate::domain::account::{ACCOUNTS_MAX, Account, AccountSettings, Key, SettingsPatch};
use crate::domain::change::Change;
use crate::domain::id::AccountId;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::state::State;

/// What is to be changed of an account; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPatch {
    /// Its name.
    pub name: Option<String>,
    /// Its settings.
    pub settings: SettingsPatch,
}

impl State {
    /// Makes an account with its first key.
    pub(super) fn create_account(&self, account: &Account, key: &Key) -> Result<Outcome, Refusal> {
        let conflict = |code, why: String| Err(Refusal::new(RefusalKind::Conflict, code, why));
        if self.accounts.contains_key(&account.id) {
            return conflict("ALREADY_EXISTS", format!("there is an account {} already", account.id));
        }
        if self.accounts.len() >= ACCOUNTS_MAX {
            return conflict(
                "TOO_MANY_ACCOUNTS",
                format!("there are {ACCOUNTS_MAX} accounts, and no more can be made"),
            );
        }
        Ok(Outcome {
            changes: vec![Change::AccountPut(account.clone()), Change::KeyPut(key.clone())],
            action: "account.create",
            target: account.id.to_string(),
            summary: format!("account {} was made, with the key {}", account.id, key.name),
            ..Outcome::default()
        })
    }

    /// Changes an account's name or settings.
    pub(super) fn patch_account(&self, id: &AccountId, patch: &AccountPatch) -> Result<Outcome, Refusal> {
        let account = self.accounts.get(id).ok_or_else(|| no_account(id))?;
        let settings = account.settings.with(&patch.settings);
        let name = patch.name.as_ref().unwrap_or(&account.name);
        let patched = Account { name: name.clone(), settings, ..account.as_ref().clone() };
        if patched == **account {
            return Ok(Outcome::default());
        }
        let mut told = Vec::new();
        if patched.name != account.name {
            told.push(format!("its name is {name}"));
        }
        told.extend(differing(&account.settings, &settings));
        Ok(Outcome {
            changes: vec![Change::AccountPut(patched)],
            action: "account.change",
            target: id.to_string(),
            summary: format!("account {id} was changed: {}", told.join(", ")),
            ..Outcome::default()
        })
    }

    /// Whether a key may ask for what is about the whole instance: one of its first account that sees all of it.
    #[must_use]
    pub fn is_of_instance(&self, key: &Key) -> bool {
        key.agents.is_none() && self.first_account.as_ref() == Some(&key.account)
    }
}

/// The settings that differ, as they are from now on.
fn differing(before: &AccountSettings, after: &AccountSettings) -> Vec<String> {
    let members = |settings: &AccountSettings| match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(members)) => members,
        // Settings always have a JSON form, an object.
        _ => serde_json::Map::new(),
    };
    let (before, after) = (members(before), members(after));
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    changed.map(|(name, value)| format!("{name} is {value}")).collect()
}

/// The refusal of an account that is not there.
#[must_use]
pub fn no_account(id: &AccountId) -> Refusal {
    Refusal::not_found("ACCOUNT_NOT_FOUND", format!("there is no account {id}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::account::{ActiveCalls, KeyDigest, Permission};
    use crate::domain::command::{Action, Author, Command};
    use crate::domain::testing::{account, key, world};
    use crate::domain::time::Timestamp;

    fn id(text: &str) -> AccountId {
        AccountId::parse(text).unwrap()
    }

    fn create(text: &str, digest: u8) -> Action {
        let key = Key { account: id(text), digest: KeyDigest([digest; 32]), ..key() };
        Action::CreateAccount { account: Account::new(id(text), "Two", Timestamp(0)), key }
    }

    #[test]
    fn accounts_are_made_and_changed_by_who_has_the_first_one() {
        let mut state = world();
        state.act(create("ws-2", 2)).unwrap();
        assert_eq!(state.act(create("ws-2", 3)).unwrap_err().code, "ALREADY_EXISTS");
        let patch = || Action::PatchAccount { id: id("ws-2"), patch: AccountPatch::default() };
        let limited = Key { agents: Some(vec!["sales".parse().unwrap()]), ..key() };
        let theirs = Key { account: id("ws-2"), digest: KeyDigest([2; 32]), ..key() };
        let poor = Key { permissions: vec![Permission::Edit], ..key() };
        for (maker, may) in [(key(), true), (limited, false), (theirs, false), (poor, false)] {
            let mut state = state.clone();
            state.absorb(&Change::KeyPut(maker.clone()), &mut crate::domain::change::Touched::default());
            for action in [create("ws-3", 3), patch()] {
                let author = Author::Key { key: Arc::new(maker.clone()), actor: None };
                let command = Command { account: maker.account.clone(), author, at: Timestamp(0), action };
                assert_eq!(state.authorise(&command).is_ok(), may, "{maker:?}");
            }
        }
    }

    #[test]
    fn a_change_of_an_account_is_told_by_what_differs() {
        let mut state = world();
        let settings = SettingsPatch {
            tests_gate: Some(true),
            merge_publishes: Some(true),
            active_calls_default: Some(ActiveCalls::Move),
            ..SettingsPatch::default()
        };
        let patch = || Action::PatchAccount {
            id: account(),
            patch: AccountPatch { name: Some("New".to_owned()), settings },
        };
        let outcome = state.act(patch()).unwrap();
        assert_eq!(
            outcome.summary,
            "account ws-1 was changed: its name is New, active_calls_default is \"move\", tests_gate is true"
        );
        assert!(state.accounts.get(&account()).unwrap().settings.tests_gate);
        assert!(state.act(patch()).unwrap().is_nothing(), "it is so already");
        let nobody = Action::PatchAccount { id: id("ws-9"), patch: AccountPatch::default() };
        assert_eq!(state.act(nobody).unwrap_err().code, "ACCOUNT_NOT_FOUND");
    }

    #[test]
    fn there_are_so_many_accounts_and_no_more() {
        let mut state = world();
        for n in 1..ACCOUNTS_MAX {
            state.act(create(&format!("ws-{}", n + 100), 2)).unwrap();
        }
        assert_eq!(state.act(create("ws-0", 2)).unwrap_err().code, "TOO_MANY_ACCOUNTS");
    }
}
