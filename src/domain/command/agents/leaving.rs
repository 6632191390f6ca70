//! What becomes of routes to an agent that goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::domain::agent::{Agent, AgentRef};
use crate::domain::change::{Change, NumberChanges};
use crate::domain::command::told::told;
use crate::domain::id::AgentId;
use crate::domain::route::{Destination, ManagedBy, Route};
use crate::domain::state::{RouteIx, State};
use crate::domain::words::counted;

/// What the API routes to an agent is released; what only an exception by header leads there loses the exception, and
/// what only came by a connector of the agent, the connector. Callers who are pinned to it are no longer.
#[derive(Debug, Default)]
pub(in crate::domain::command) struct Leaving {
    /// The facts, without the agent's own going.
    pub(in crate::domain::command) changes: Vec<Change>,
    released: usize,
}

impl Leaving {
    /// Looks at every distinct route, and at every number if one of them leads to the agent.
    pub(in crate::domain::command) fn of(state: &State, id: &AgentRef) -> Self {
        let mut leaving = Self::default();
        leaving.numbers(state, id);
        leaving.fallbacks(state, id);
        let pins = state.caller_pins_to(id).filter(|pin| pin.managed_by == ManagedBy::Api);
        leaving.changes.extend(pins.map(|pin| Change::CallerPinRemoved(pin.id.clone())));
        leaving
    }

    /// The routes that numbers get instead of theirs.
    pub(in crate::domain::command) fn new_routes(&self) -> impl Iterator<Item = &Route> {
        let numbers = self.changes.iter().filter_map(|change| match change {
            Change::Numbers(numbers) => Some(numbers),
            _ => None,
        });
        numbers.flat_map(|numbers| numbers.routes.iter().map(Arc::as_ref))
    }

    /// A sentence for the history; what goes along is named.
    pub(super) fn summary(&self, state: &State, agent: &AgentId) -> String {
        let released = match self.released {
            0 => String::new(),
            released => format!(", and {} released", counted(released, "number")),
        };
        format!("agent {agent} was deleted{released}{}", told(state, &self.changes))
    }

    fn numbers(&mut self, state: &State, id: &AgentRef) {
        let mut changes = NumberChanges::default();
        let mut replaced = BTreeMap::new();
        // Routes that differed in the exception only are one without it.
        let mut places: HashMap<Arc<Route>, usize, FixedState> = HashMap::default();
        let agent = state.agents.get(id).map(AsRef::as_ref);
        for (place, used) in state.routes.iter() {
            if let Some(left) = without_agent(&used.route, id, agent) {
                let route = left.map(|route| {
                    let route = Arc::new(route);
                    *places.entry(Arc::clone(&route)).or_insert_with(|| {
                        changes.routes.push(route);
                        changes.routes.len() - 1
                    })
                });
                replaced.insert(place, route.and_then(|at| u32::try_from(at).ok()));
            }
        }
        if replaced.is_empty() {
            return;
        }
        let numbers = &state.numbers;
        let new = |place: &RouteIx| replaced.get(&place.get()).copied();
        let phones = numbers.phones.iter().filter_map(|(phone, place)| Some((*phone, new(place)?)));
        changes.phones = phones.collect();
        let users = numbers.users.iter().filter_map(|(user, place)| Some((Arc::clone(user), new(place)?)));
        changes.users = users.collect();
        let gone = |route: &Option<u32>| route.is_none();
        self.released += changes.phones.iter().filter(|(_, route)| gone(route)).count()
            + changes.users.iter().filter(|(_, route)| gone(route)).count();
        self.changes.push(Change::Numbers(changes));
    }

    /// Prefixes and the default route.
    fn fallbacks(&mut self, state: &State, id: &AgentRef) {
        for ((account, prefix), route) in state.prefixes.iter() {
            if let Some(left) = without_agent(route, id, None) {
                self.changes.push(match left {
                    Some(route) => Change::PrefixPut { prefix: *prefix, route: Arc::new(route) },
                    None => Change::PrefixRemoved { account: account.clone(), prefix: *prefix },
                });
            }
        }
        if let Some(left) = state.defaults.get(&id.account).and_then(|route| without_agent(route, id, None)) {
            self.changes.push(match left {
                Some(route) => Change::DefaultPut { route: Arc::new(route) },
                None => Change::DefaultRemoved { account: id.account.clone() },
            });
        }
    }
}

/// What is left of a route of the API when an agent goes: nothing to say if it does not name it, else the route
/// without its exceptions for the agent and its connector, or none if it leads there itself.
#[expect(clippy::option_option, reason = "not named, gone, or left as another route")]
fn without_agent(route: &Route, id: &AgentRef, agent: Option<&Agent>) -> Option<Option<Route>> {
    let ours = route.account == id.account && route.managed_by == ManagedBy::Api;
    let connectors = agent.map(|agent| &agent.connectors);
    let connected =
        route.connector.as_ref().is_some_and(|it| connectors.is_some_and(|all| all.contains_key(it)));
    if !ours || !(connected || route.pins().any(|(agent, _)| *agent == id.agent)) {
        return None;
    }
    if matches!(&route.to, Destination::Agent { agent, .. } if *agent == id.agent) {
        return Some(None);
    }
    let mut left = route.clone();
    left.header_rules.retain(|rule| rule.agent.as_ref() != Some(&id.agent));
    left.connector = left.connector.filter(|_| !connected);
    Some(Some(left))
}
