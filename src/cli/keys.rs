//! `keys`: API keys of the account.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::grammar::Asking;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, labelled, table};
use super::words::{NONE, items, text_of, time};
use super::written::given;
use crate::domain::account::Permission;
use crate::domain::id::AgentId;

/// What is done about keys over the API.
#[derive(Debug, Subcommand)]
pub enum KeysErrand {
    /// List the keys of the account
    #[command(after_help = "\
Examples:
  cordboard keys list
  cordboard keys list --json")]
    List(Asking<ListKeysArgs>),
    /// Make a key, which is shown once
    ///
    /// A key gives no more than the key that asks for it has: permissions, agents, and time.
    #[command(after_help = "\
Examples:
  cordboard keys create ci --permission read,edit
  cordboard keys create gateway --permission route --expires-at 2027-01-01T00:00:00Z
  cordboard keys create sales-team --permission read --permission deploy --agent sales --json")]
    Create(Asking<CreateKeyArgs>),
    /// End a key, at once and for calls too
    #[command(after_help = "\
Examples:
  cordboard keys delete key-0123456789ab
  cordboard keys delete key-0123456789ab --yes")]
    Delete(Asking<DeleteKeyArgs>),
}

// No documentation on these: it would take the place of the help above.
#[derive(Debug, Clone, Args)]
pub struct ListKeysArgs {}

#[derive(Debug, Clone, Args)]
pub struct CreateKeyArgs {
    /// Its name: the author of what is done with it
    name: String,
    /// What it may do: read, edit, deploy, route, override, snapshot, analytics or admin; with commas
    /// between them, or said for each
    #[arg(long = "permission", value_name = "PERMISSION", required = true, value_delimiter = ',', value_parser = permission)]
    permissions: Vec<Permission>,
    /// An agent it may see; may be said again [default: all of them]
    #[arg(long = "agent", value_name = "AGENT", value_delimiter = ',')]
    agents: Vec<AgentId>,
    /// When it ends, such as 2027-01-01T00:00:00Z [default: never]
    #[arg(long, value_name = "TIME", value_parser = super::written::time)]
    expires_at: Option<Value>,
}

#[derive(Debug, Clone, Args)]
pub struct DeleteKeyArgs {
    /// Its id, as `keys list` shows it
    id: String,
    /// Do not ask before the key ends
    #[arg(long, short = 'y')]
    yes: bool,
}

fn permission(text: &str) -> Result<Permission, String> {
    let expected = || format!("expected one of {}", Permission::ALL.map(Permission::as_str).join(", "));
    Permission::parse(text).ok_or_else(expected)
}

fn all() -> Path {
    Path::of("/v1/keys")
}

impl Errand for ListKeysArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let reply = session.get(&all())?;
        session.show(&reply, told)
    }
}

impl Errand for CreateKeyArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let key = given([
            ("name", Some(json!(self.name))),
            ("permissions", Some(json!(self.permissions))),
            ("agents", (!self.agents.is_empty()).then(|| json!(self.agents))),
            ("expiresAt", self.expires_at.clone()),
        ]);
        let reply = session.change("POST", &all(), Some(&Value::Object(key)))?;
        session.show(&reply, |key, look| {
            labelled(
                look,
                [("Id", text_of(key, "id")), ("Name", text_of(key, "name")), ("Key", text_of(key, "key"))],
            )
        })?;
        shown_once(session);
        Ok(())
    }
}

/// Says that a key has to be kept now.
pub(super) fn shown_once(session: &mut Session<'_, '_>) {
    if !session.is_raw() {
        session.terminal.remark(format_args!("the key is shown here and never again: keep it now"));
    }
}

impl Errand for DeleteKeyArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = all().segment(&self.id);
        if !self.yes {
            // Nobody is asked about a key that is not there.
            let key = session.get(&path)?.json();
            let name = text_of(&key, "name");
            session.terminal.agree(&format!("ending {} ({name}) turns away whoever uses it", self.id))?;
        }
        let reply = session.change("DELETE", &path, None)?;
        session.done(&reply, &format!("{} has ended", self.id))
    }
}

fn told(answer: &Value, look: Look) -> String {
    let row = |key: &Value| {
        let agents = text_of(key, "agents");
        [
            text_of(key, "id"),
            text_of(key, "name"),
            text_of(key, "permissions"),
            if agents == NONE { "all".to_owned() } else { agents },
            time(key, "createdAt"),
            time(key, "expiresAt"),
        ]
    };
    let header = ["KEY", "NAME", "MAY", "AGENTS", "CREATED", "ENDS"];
    table(look, header, items(answer, "keys").iter().map(row), "there are no keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_with_what_they_may_do() {
        let answer = json!({"keys": [
            {"id": "key-1", "name": "admin", "permissions": ["read", "admin"], "agents": null, "expiresAt": null,
             "createdAt": null},
            {"id": "key-2", "name": "ci", "permissions": ["read"], "agents": ["sales"],
             "createdAt": "2026-01-01T00:00:00.000Z", "expiresAt": "2027-01-01T00:00:00.000Z"},
        ]});
        assert_eq!(
            told(&answer, Look::default()),
            "\
KEY    NAME   MAY          AGENTS  CREATED               ENDS
key-1  admin  read, admin  all     -                     -
key-2  ci     read         sales   2026-01-01T00:00:00Z  2027-01-01T00:00:00Z
"
        );
    }
}
