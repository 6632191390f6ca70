//! What a gateway asks.

use std::borrow::Cow;

use crate::domain::address::{Address, Caller};
use crate::domain::id::{AccountId, AgentId, Pin};

/// Longest call id, in bytes.
pub const CALL_ID_BYTES_MAX: usize = 256;

/// Who serves this call? Everything is borrowed from the request.
#[derive(Debug, Clone)]
pub struct CallRequest<'a> {
    /// In whose name the gateway asks.
    pub account: &'a AccountId,
    /// The gateway's name: part of what tells calls apart.
    pub gateway: &'a str,
    /// The row of the gateway's cells.
    pub gateway_row: u16,
    /// What was dialled.
    pub to: Address<'a>,
    /// Who calls.
    pub caller: Caller<'a>,
    /// The gateway's name of the call, at most 256 bytes; without one nothing is remembered.
    pub call_id: Option<&'a str>,
    /// The call's headers, repeated ones several times.
    pub headers: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// A version asked for by name, by somebody who may.
    pub asked_for: Option<Override<'a>>,
    /// The token of an earlier decision.
    pub token: Option<&'a str>,
    /// The agents that whoever asks may be told of, if it is limited to some.
    pub agents: Option<&'a [AgentId]>,
}

impl CallRequest<'_> {
    /// Whether whoever asks may be told of an agent.
    #[must_use]
    #[inline]
    pub fn sees(&self, agent: &AgentId) -> bool {
        self.agents.is_none_or(|agents| agents.contains(agent))
    }

    /// All values of a header, whose name is in any case.
    pub fn header<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_ref())
    }
}

/// A version or an arm asked for by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Override<'a> {
    /// An agent at a pin.
    Agent {
        /// The agent's id.
        agent: Cow<'a, str>,
        /// What of it.
        pin: Pin,
    },
    /// An arm of a split, whatever its weight.
    Arm {
        /// The split's id.
        split: Cow<'a, str>,
        /// The arm's id.
        arm: Cow<'a, str>,
    },
}
