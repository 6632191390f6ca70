//! Accounts and the keys that act for them.

mod settings;

use serde::{Deserialize, Serialize};

use super::id::{AccountId, AgentId};
use super::time::Timestamp;

pub use settings::{AccountSettings, ActiveCalls, ConflictStatus, SettingsPatch};

/// Most accounts of an instance.
pub const ACCOUNTS_MAX: usize = 1_000;
/// Most keys of an account.
pub const KEYS_MAX: usize = 1_000;

/// A workspace: owns agents, numbers, splits and keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What holds in it.
    #[serde(default, skip_serializing_if = "AccountSettings::is_default")]
    pub settings: AccountSettings,
}

impl Account {
    /// An account in which nothing is set.
    #[must_use]
    pub fn new(id: AccountId, name: impl Into<String>, created_at: Timestamp) -> Self {
        Self { id, name: name.into(), created_at, settings: AccountSettings::default() }
    }
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// See everything of the account.
    Read,
    /// Change drafts, routes and splits.
    Edit,
    /// Change what environments serve.
    Deploy,
    /// Ask for calls.
    Route,
    /// Ask for a version by name instead of by rule.
    Override,
    /// Fetch configurations on the call plane.
    Snapshot,
    /// See calls, metrics and results.
    Analytics,
    /// Change keys and accounts.
    Admin,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Edit,
        Self::Deploy,
        Self::Route,
        Self::Override,
        Self::Snapshot,
        Self::Analytics,
        Self::Admin,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Deploy => "deploy",
            Self::Route => "route",
            Self::Override => "override",
            Self::Snapshot => "snapshot",
            Self::Analytics => "analytics",
            Self::Admin => "admin",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text)
    }
}

/// The keyed hash under which a key is known; the key itself is never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyDigest(pub [u8; 32]);

impl KeyDigest {
    /// The keyed BLAKE3 of a key's text.
    #[must_use]
    pub fn of(secret: &[u8; 32], text: &str) -> Self {
        Self(*blake3::keyed_hash(secret, text.as_bytes()).as_bytes())
    }
}

/// An API key of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Its id, shown in lists.
    pub id: String,
    /// The name for people; the author of what is done with it.
    pub name: String,
    /// Whose it is.
    pub account: AccountId,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// The only agents it may see; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<AgentId>>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was made, where that was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// What it is recognised by.
    pub digest: KeyDigest,
}

impl Key {
    /// Whether it may do this.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Whether it may see this agent.
    #[must_use]
    pub fn sees(&self, agent: &AgentId) -> bool {
        self.agents.as_ref().is_none_or(|agents| agents.contains(agent))
    }

    /// Whether it may do anything to all of its account, for ever.
    #[must_use]
    pub fn rules(&self) -> bool {
        Permission::ALL.into_iter().all(|permission| self.may(permission))
            && self.agents.is_none()
            && self.expires_at.is_none()
    }

    /// Whether this one sees all that another one sees.
    #[must_use]
    pub fn sees_all_of(&self, other: &Self) -> bool {
        match (&self.agents, &other.agents) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(agents)) => agents.iter().all(|agent| self.sees(agent)),
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}
