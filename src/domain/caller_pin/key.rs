//! How a caller pin is found by borrowed parts, so that a call that looks for its own allocates nothing.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::{CallerAddress, CallerPinRef};
use crate::domain::address::{Address, E164, Number};
use crate::domain::agent::AgentRef;
use crate::domain::id::AccountId;

/// Whatever has the parts of a caller pin's full name: owned or borrowed, they compare and hash alike.
pub trait CallerPinKey {
    /// The parts.
    fn probe(&self) -> Probe<'_>;
}

/// The parts of a caller pin's full name, borrowed; in the order of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probe<'a> {
    account: &'a str,
    agent: &'a str,
    caller: Who<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Who<'a> {
    /// Sorts before every caller, and is none.
    First,
    Phone(E164),
    User(&'a str),
}

impl<'a> Probe<'a> {
    /// The pin of somebody who calls an agent.
    #[must_use]
    pub fn of(agent: &'a AgentRef, caller: &'a Address<'_>) -> Self {
        let caller = match caller {
            Address::E164(phone) => Who::Phone(*phone),
            Address::User(user) => Who::User(user),
        };
        Self { account: agent.account.as_str(), agent: agent.agent.as_str(), caller }
    }

    /// Sorts before every pin of an account, and is none.
    #[must_use]
    pub fn first_of_account(account: &'a AccountId) -> Self {
        Self { account: account.as_str(), agent: "", caller: Who::First }
    }

    /// Sorts before every pin of an agent and after those of agents before it, and is none.
    #[must_use]
    pub fn first_of(agent: &'a AgentRef) -> Self {
        Self { account: agent.account.as_str(), agent: agent.agent.as_str(), caller: Who::First }
    }
}

impl CallerPinKey for Probe<'_> {
    fn probe(&self) -> Probe<'_> {
        *self
    }
}

impl CallerPinKey for CallerPinRef {
    fn probe(&self) -> Probe<'_> {
        let CallerAddress(number) = &self.caller;
        let caller = match number {
            Number::E164(phone) => Who::Phone(*phone),
            Number::User(user) => Who::User(user),
        };
        Probe { account: self.agent.account.as_str(), agent: self.agent.agent.as_str(), caller }
    }
}

impl<'a> Borrow<dyn CallerPinKey + 'a> for CallerPinRef {
    fn borrow(&self) -> &(dyn CallerPinKey + 'a) {
        self
    }
}

impl PartialEq for dyn CallerPinKey + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.probe() == other.probe()
    }
}

impl Eq for dyn CallerPinKey + '_ {}

impl PartialOrd for dyn CallerPinKey + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn CallerPinKey + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.probe().cmp(&other.probe())
    }
}

impl Hash for dyn CallerPinKey + '_ {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.probe().hash(hasher);
    }
}

impl PartialOrd for CallerPinRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CallerPinRef {
    fn cmp(&self, other: &Self) -> Ordering {
        self.probe().cmp(&other.probe())
    }
}

impl Hash for CallerPinRef {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.probe().hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::*;
    use crate::domain::id::AgentId;
    use crate::domain::persistent::Map;

    fn agent(account: &str, agent: &str) -> AgentRef {
        AgentRef { account: AccountId::parse(account).unwrap(), agent: AgentId::parse(agent).unwrap() }
    }

    #[test]
    fn a_pin_is_found_by_what_a_call_says_and_by_nothing_else() {
        let mut map = Map::new();
        let callers = ["+14155550100", "14155550100", "alice", "+442071230000"];
        let agents = [agent("ws-1", "sales"), agent("ws-1", "sales-2"), agent("ws-2", "sales")];
        for agent in &agents {
            for caller in callers {
                let caller = CallerAddress::parse(caller).unwrap();
                map.insert(CallerPinRef { agent: agent.clone(), caller: caller.clone() }, caller);
            }
        }
        for agent in &agents {
            for caller in callers {
                let address = Address::parse(caller).unwrap();
                let found: Option<&CallerAddress> = map.get(&Probe::of(agent, &address) as &dyn CallerPinKey);
                assert_eq!(found.unwrap().to_string(), caller);
            }
            let first = Probe::first_of(agent);
            let own = map.range_from(Bound::Included(&first as &dyn CallerPinKey));
            let own = own.take_while(|(id, _)| id.agent == *agent);
            assert_eq!(own.count(), callers.len());
        }
        let stranger = Address::parse("bob").unwrap();
        assert!(map.get(&Probe::of(&agents[0], &stranger) as &dyn CallerPinKey).is_none());
        let second = AccountId::parse("ws-2").unwrap();
        let from = Probe::first_of_account(&second);
        assert_eq!(map.range_from(Bound::Excluded(&from as &dyn CallerPinKey)).count(), callers.len());
    }
}
