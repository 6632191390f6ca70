//! What follows an environment of an agent: whose calls another deployment reaches.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::domain::address::Number;
use crate::domain::agent::AgentRef;
use crate::domain::change::SplitRef;
use crate::domain::id::{Environment, Pin};
use crate::domain::route::{Destination, Route};
use crate::domain::split::Split;
use crate::domain::state::State;

/// What leads to an environment of an agent: by its pin, by a header rule, or by an arm of its split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Following {
    /// How many numbers.
    pub numbers: u64,
    /// How many prefixes.
    pub prefixes: u64,
    /// Whether the default route does.
    pub default_route: bool,
}

impl Following {
    /// Counts those whose route is `seen`. Cost: a look at every distinct route.
    #[must_use]
    pub fn of(
        state: &State,
        agent: &AgentRef,
        environment: Environment,
        seen: impl Fn(&Route) -> bool,
    ) -> Self {
        let pin = Pin::Environment(environment);
        let follows = |route: &Route| {
            route.account == agent.account && leads_to(state, route, agent, pin) && seen(route)
        };
        let numbers = state.routes.iter().filter(|(_, used)| follows(&used.route));
        let prefixes = state.prefixes.iter().filter(|(_, route)| follows(route));
        Self {
            numbers: numbers.map(|(_, used)| u64::from(used.numbers)).sum(),
            prefixes: prefixes.count() as u64,
            default_route: state.defaults.get(&agent.account).is_some_and(|route| follows(route)),
        }
    }
}

/// The numbers that a pin of an agent serves, by their route, by a header rule, or by an arm of their split.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followers {
    /// The first of them: phone numbers by value, then SIP users by name.
    pub first: Vec<Number>,
    /// How many there are.
    pub count: u64,
}

impl Followers {
    /// Finds those whose route is `seen`, `most` of them by name. Cost: a look at every distinct route, and, where there are
    /// any, at the numbers until the first are found.
    #[must_use]
    pub fn of(state: &State, agent: &AgentRef, pin: Pin, most: usize, seen: impl Fn(&Route) -> bool) -> Self {
        let follows = |route: &Route| {
            route.account == agent.account && leads_to(state, route, agent, pin) && seen(route)
        };
        let routes = state.routes.iter().filter(|(_, used)| follows(&used.route));
        let (mut places, mut count) = (HashSet::with_hasher(FixedState::default()), 0);
        for (place, used) in routes {
            places.insert(place);
            count += u64::from(used.numbers);
        }
        let phones = state.numbers.phones.iter().map(|(phone, place)| (Number::E164(*phone), place));
        let users = state.numbers.users.iter().map(|(user, place)| (Number::User(Arc::clone(user)), place));
        let followers = phones.chain(users).filter(|(_, place)| places.contains(&place.get()));
        let named = usize::try_from(count).map_or(most, |count| count.min(most));
        Self { first: followers.take(named).map(|(number, _)| number).collect(), count }
    }
}

fn leads_to(state: &State, route: &Route, agent: &AgentRef, pin: Pin) -> bool {
    let arm_does = |split: &Split| split.arms.iter().any(|arm| arm.agent == agent.agent && arm.pin == pin);
    route.pins().any(|(named, at)| *named == agent.agent && at == pin)
        || match &route.to {
            Destination::Agent { .. } => false,
            Destination::Split(split) => {
                let id = SplitRef { account: route.account.clone(), split: split.clone() };
                state.splits.get(&id).is_some_and(|split| arm_does(split))
            }
        }
}
