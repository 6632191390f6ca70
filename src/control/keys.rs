//! API keys: made, written down once, and made anew when lost.

use crate::domain::account::{Account, Key, KeyDigest, Permission};
use crate::domain::command::{Action, Author, Command};
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;

/// The name of the key that the first start makes.
pub const ADMIN: &str = "admin";

/// A new key: what is kept of it, and the text that is shown once.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What is kept.
    pub key: Key,
    /// `cb_` and 64 hex digits.
    pub text: String,
}

/// Makes a key out of 32 random bytes: with every permission and the first key's name, for who wants another to say so.
#[must_use]
pub fn new_key(account: &AccountId, secret: &[u8; 32], random: [u8; 32], at: Timestamp) -> NewKey {
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("cb_{hex}");
    let digest = KeyDigest::of(secret, &text);
    // The id names the key in lists; it must not help to guess the key, so it is cut from the digest.
    let id: String = digest.0.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let key = Key {
        id: format!("key-{id}"),
        name: ADMIN.to_owned(),
        account: account.clone(),
        permissions: Permission::ALL.to_vec(),
        agents: None,
        expires_at: None,
        created_at: Some(at),
        digest,
    };
    NewKey { key, text }
}

/// The command that makes the first account with its first key.
#[must_use]
pub fn first_account(key: Key, at: Timestamp) -> Command {
    let account = Account::new(key.account.clone(), "Main", at);
    Command {
        account: account.id.clone(),
        author: Author::Console,
        at,
        action: Action::CreateAccount { account, key },
    }
}
