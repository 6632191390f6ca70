//! What follows an environment of an agent: whose calls another deployment reaches.

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
