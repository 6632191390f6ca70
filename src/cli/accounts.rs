//! `accounts`: workspaces and their settings.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::keys::shown_once;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, labelled, table};
use super::words::{items, text_of, time, words};
use super::written::{ValueWritten, given};
use crate::domain::id::AccountId;

/// Show, make and change accounts
///
/// Accounts are made and changed with a key of the first one that has the permission `admin`; every other key sees its own.
#[derive(Debug, Clone, Args)]
pub struct AccountsArgs {
    #[command(subcommand)]
    command: AccountsCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum AccountsCommand {
    /// List the accounts
    #[command(after_help = "\
Examples:
  cordboard accounts list")]
    List,
    /// Show an account and its settings
    #[command(
        visible_alias = "get",
        after_help = "\
Examples:
  cordboard accounts show ws-00000001"
    )]
    Show {
        /// The account
        account: AccountId,
    },
    /// Make an account with a first key, which is shown once
    #[command(after_help = "\
Examples:
  cordboard accounts create Retail
  cordboard accounts create Retail --id ws-0000ABCD --json")]
    Create {
        /// Its name
        name: String,
        /// Its id: ws- and eight of 0-9A-Z [default: made]
        #[arg(long)]
        id: Option<AccountId>,
    },
    /// Change an account's name or settings
    #[command(after_help = "\
Examples:
  cordboard accounts set ws-00000001 --name Main
  cordboard accounts set ws-00000001 --setting protected_main=true --setting active_calls_default=move")]
    Set(SetArgs),
}

#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true))]
struct SetArgs {
    /// The account
    account: AccountId,
    /// Its new name
    #[arg(long, group = "what")]
    name: Option<String>,
    /// A setting as `accounts show` names it; may be said again
    #[arg(long = "setting", value_name = "NAME=VALUE", group = "what")]
    settings: Vec<ValueWritten>,
}

fn all() -> Path {
    Path::of("/v1/accounts")
}

impl Errand for AccountsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            AccountsCommand::List => {
                let reply = session.get(&all())?;
                session.show(&reply, told)
            }
            AccountsCommand::Show { account } => {
                let reply = session.get(&all().segment(account))?;
                session.show(&reply, told_one)
            }
            AccountsCommand::Create { name, id } => {
                let id = id.as_ref().map(|id| json!(id));
                let account = given([("name", Some(json!(name))), ("accountId", id)]);
                let reply = session.change("POST", &all(), Some(&Value::Object(account)))?;
                session.show(&reply, |made, look| {
                    let (id, key) = (text_of(made, "accountId"), text_of(made, "key"));
                    labelled(look, [("Account", id), ("Name", text_of(made, "name")), ("Key", key)])
                })?;
                shown_once(session);
                Ok(())
            }
            AccountsCommand::Set(set) => set.run(session),
        }
    }
}

impl SetArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let settings = self.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone()));
        let settings = (!self.settings.is_empty()).then(|| Value::Object(settings.collect()));
        let change = given([("name", self.name.as_ref().map(|name| json!(name))), ("settings", settings)]);
        let path = all().segment(&self.account);
        let reply = session.change("PATCH", &path, Some(&Value::Object(change)))?;
        session.done(&reply, &format!("account {} was changed", self.account))
    }
}

fn told(answer: &Value, look: Look) -> String {
    let row = |account: &Value| {
        [text_of(account, "accountId"), text_of(account, "name"), time(account, "createdAt")]
    };
    table(
        look,
        ["ACCOUNT", "NAME", "CREATED"],
        items(answer, "accounts").iter().map(row),
        "there are no accounts",
    )
}

fn told_one(account: &Value, look: Look) -> String {
    let lines =
        [("Account", "accountId"), ("Name", "name")].map(|(label, member)| (label, text_of(account, member)));
    let settings = account.get("settings").and_then(Value::as_object).into_iter().flatten();
    let settings = settings.map(|(name, value)| (name.as_str(), words(value)));
    labelled(look, lines.into_iter().chain([("Created", time(account, "createdAt"))]).chain(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_told_with_its_settings() {
        let account = json!({
            "accountId": "ws-00000001", "name": "Main", "createdAt": "2026-01-01T00:00:00.000Z",
            "settings": {"merge_conflict_status": 400, "tests_gate": true},
        });
        assert_eq!(
            told_one(&account, Look::default()),
            "\
Account                ws-00000001
Name                   Main
Created                2026-01-01T00:00:00Z
merge_conflict_status  400
tests_gate             yes
"
        );
    }
}
