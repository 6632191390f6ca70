//! What belongs to the files or to the API, and never to both.
//!
//! The API can take an object over although the files still list it, and give it back while they do. What they say of
//! it meanwhile is *shadowed*: it is read and checked as far as it is written, and changes nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::address::{Number, Prefix};
use super::caller_pin::CallerAddress;
use super::id::{AccountId, AgentId, SplitId};

/// Most objects that may be shadowed at a time.
pub const SHADOWED_MAX: usize = 1_000_000;
/// Most objects that are taken over or given back at a time.
pub const HANDED_OVER_MAX: usize = 10_000;

/// Something that has an owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Object {
    /// An agent, with its draft, versions and environments.
    Agent(AgentId),
    /// A split, with the owners of its slots.
    Split(SplitId),
    /// The account's default route.
    DefaultRoute,
    /// A prefix.
    Prefix(Prefix),
    /// A caller who is pinned to a version of an agent.
    #[serde(rename_all = "camelCase")]
    CallerPin {
        /// The agent.
        agent_id: AgentId,
        /// Who.
        caller: CallerAddress,
    },
    /// A number.
    Number(Number),
}

impl fmt::Display for Object {
    /// As in a sentence. Callers are not named: such sentences are kept for ever.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(agent) => write!(f, "agent {agent}"),
            Self::Split(split) => write!(f, "split {split}"),
            Self::DefaultRoute => f.write_str("the default route"),
            Self::Prefix(prefix) => write!(f, "prefix {prefix}"),
            Self::CallerPin { agent_id, .. } => write!(f, "the pin of a caller of {agent_id}"),
            Self::Number(number) => write!(f, "number {number}"),
        }
    }
}

/// An object's full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub object: Object,
}

impl ObjectRef {
    /// An object of an account.
    #[must_use]
    pub fn new(account: &AccountId, object: Object) -> Self {
        Self { account: account.clone(), object }
    }
}
