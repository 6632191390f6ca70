//! Callers who are given another version of an agent by hand.

mod key;

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::address::{Caller, InvalidAddress, Number};
use super::agent::AgentRef;
use super::id::{AccountId, Hex32, Pin};
use super::object::Object;
use super::route::ManagedBy;
use super::time::Timestamp;

pub use key::{CallerPinKey, Probe};

/// Most callers that an account may pin.
pub const CALLER_PINS_MAX: usize = 100_000;

/// A caller pinned to a version of an agent: wherever routes lead to the agent, this version serves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallerPin {
    /// Who calls whom.
    #[serde(flatten)]
    pub id: CallerPinRef,
    /// Who may change it.
    pub managed_by: ManagedBy,
    /// What of the agent serves the caller.
    pub pin: Pin,
    /// Without effect from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl CallerPin {
    /// Whether its time is over.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// A caller pin's full name. Found without allocation by a [`Probe`]; sorts by account, agent, caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerPinRef {
    /// The agent.
    #[serde(flatten)]
    pub agent: AgentRef,
    /// The caller.
    pub caller: CallerAddress,
}

impl CallerPinRef {
    /// The pin as something that has an owner.
    #[must_use]
    pub fn object(&self) -> Object {
        Object::CallerPin { agent_id: self.agent.agent.clone(), caller: self.caller.clone() }
    }
}

/// The address of a caller who can be told apart from others: a phone number or a SIP user, never a withheld one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerAddress(Number);

/// A text that names no caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCaller {
    /// It is no address.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// It is what stands for callers who hide: many people, or nobody.
    #[error("stands for callers who withhold their number")]
    Withheld,
}

impl CallerAddress {
    /// Reads what an operator names: as [`Number::parse`].
    ///
    /// # Errors
    /// When the text is no address, or what is sent for withheld callers.
    pub fn parse(text: &str) -> Result<Self, InvalidCaller> {
        let number = Number::parse(text)?;
        match Caller::parse(text) {
            Caller::Known(_) => Ok(Self(number)),
            Caller::Withheld => Err(InvalidCaller::Withheld),
        }
    }

    /// The address.
    #[must_use]
    pub fn number(&self) -> &Number {
        &self.0
    }
}

impl fmt::Display for CallerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for CallerAddress {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallerAddress {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(|why| D::Error::custom(format!("{text:?} {why}")))
    }
}

/// What stands for a caller in the history, whose lines last forever: a hash that only the holder of the key can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerHash([u8; 16]);

impl CallerHash {
    /// The hash of a caller within an account; in another account the same caller has another one.
    #[must_use]
    pub fn of(secret: &[u8; 32], account: &AccountId, caller: &CallerAddress) -> Self {
        // No API key begins so, which are hashed under the same secret.
        let hash = blake3::keyed_hash(secret, format!("caller {account} {caller}").as_bytes());
        let mut half = [0; 16];
        half.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Self(half)
    }
}

impl fmt::Display for CallerHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "caller-{}", Hex32::of(self.0).as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn withheld_callers_are_no_callers_in_any_form() {
        for text in [
            "anonymous",
            "Unknown",
            "+266696687",
            "266696687",
            "sip:x@anonymous.invalid",
            "sip:x%40anonymous.invalid@host",
        ] {
            assert_eq!(CallerAddress::parse(text), Err(InvalidCaller::Withheld), "{text}");
        }
        for text in ["", "+12", "tel:", "sip:nobody"] {
            assert!(matches!(CallerAddress::parse(text), Err(InvalidCaller::Address(_))), "{text}");
        }
        assert_eq!(CallerAddress::parse("tel:+1-415-555-0100"), CallerAddress::parse("+14155550100"));
    }

    #[test]
    fn a_hash_tells_neither_the_caller_nor_that_two_accounts_have_the_same() {
        let account = |id| AccountId::parse(id).unwrap();
        let hash = |secret: u8, id, caller| {
            let caller = CallerAddress::parse(caller).unwrap();
            CallerHash::of(&[secret; 32], &account(id), &caller).to_string()
        };
        let one = hash(1, "ws-1", "+14155550100");
        assert_eq!(one, hash(1, "ws-1", "tel:+14155550100"));
        assert!(one.starts_with("caller-") && !one.contains("4155550100"));
        for other in [
            hash(2, "ws-1", "+14155550100"),
            hash(1, "ws-2", "+14155550100"),
            hash(1, "ws-1", "+14155550101"),
        ] {
            assert_ne!(one, other);
        }
    }
}
