//! Everything Cordboard knows, as one value that is cheap to copy.

mod absorb;
mod numbers;

use std::sync::Arc;

use super::account::{Account, Key, KeyDigest};
use super::address::{Number, Prefix};
use super::agent::{Agent, AgentRef};
use super::agent_tests::run::TestRunId;
use super::caller_pin::{CallerPin, CallerPinRef};
use super::change::SplitRef;
use super::id::{AccountId, ConfigHash, Pin, Revision, SplitId};
use super::object::{Object, ObjectRef};
use super::persistent::{Map, Slab};
use super::route::{Destination, ManagedBy, Route};
use super::split::Split;

pub use numbers::{NumberMap, RouteIx, RouteUse};

/// Caller pins by agent and caller: the one map that state and routing table share.
pub type CallerPinMap = Map<CallerPinRef, Arc<CallerPin>>;

/// The present: all facts so far, absorbed. Every part is copy-on-write, so a clone costs a few reference counts and a
/// change costs what it touches.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The last change.
    pub revision: Revision,
    /// Accounts.
    pub accounts: Map<AccountId, Arc<Account>>,
    /// The account that was made first: the instance's own, and that of files that name none.
    pub first_account: Option<AccountId>,
    /// Keys, by what they are recognised by.
    pub keys: Map<KeyDigest, Arc<Key>>,
    /// The same keys by account.
    pub(in crate::domain) account_keys: Map<(AccountId, KeyDigest), Arc<Key>>,
    /// Agents.
    pub agents: Map<AgentRef, Arc<Agent>>,
    /// Every routed number and the place of its route.
    pub numbers: NumberMap,
    /// Routes of numbers, each once, with how many numbers use it.
    pub routes: Slab<RouteUse>,
    route_places: Map<Arc<Route>, RouteIx>,
    /// Routes of prefixes.
    pub prefixes: Map<(AccountId, Prefix), Arc<Route>>,
    /// Routes of what nothing else matches.
    pub defaults: Map<AccountId, Arc<Route>>,
    /// Callers who are given another version.
    pub caller_pins: CallerPinMap,
    /// Splits.
    pub splits: Map<SplitRef, Arc<Split>>,
    /// The splits that test an environment and are not ended by hand, by its agent.
    pub(in crate::domain) environment_splits: Map<AgentRef, SplitId>,
    /// Runs of tests that are kept, and whose they are.
    pub test_runs: Map<TestRunId, AgentRef>,
    /// Those of them that are running.
    pub running_tests: Map<TestRunId, AgentRef>,
    /// Objects of the API that the files in force list too; whether they are there or were deleted since.
    pub shadowed: Map<ObjectRef, ()>,
    /// Fingerprint of the files that were applied last.
    pub files: Option<ConfigHash>,
    /// Whether agents have to say where they listen since the settings say nothing for those that do not: no fact, but
    /// how the instance is set up.
    pub needs_endpoints: bool,
}

impl State {
    /// A state in which nothing has happened, where agents have to say where they listen, or need not.
    #[must_use]
    pub fn empty(needs_endpoints: bool) -> Self {
        Self { needs_endpoints, ..Self::default() }
    }

    /// An agent by account and id.
    #[must_use]
    pub fn agent(&self, id: &AgentRef) -> Option<&Arc<Agent>> {
        self.agents.get(id)
    }

    /// The split that tests an environment of an agent, if one does that is not ended by hand.
    #[must_use]
    pub fn environment_split(&self, agent: &AgentRef) -> Option<&Arc<Split>> {
        let split = self.environment_splits.get(agent)?.clone();
        self.splits.get(&SplitRef { account: agent.account.clone(), split })
    }

    /// The split that deals the calls of a route: the one it names, or the one that tests the environment it names.
    #[must_use]
    pub fn split_of<'r>(&'r self, route: &'r Route) -> Option<&'r SplitId> {
        match &route.to {
            Destination::Split(split) => Some(split),
            Destination::Agent { agent, pin: Pin::Environment(environment) } => {
                let agent = AgentRef { account: route.account.clone(), agent: agent.clone() };
                let split = self.environment_split(&agent)?;
                let tests = split.scope.as_ref().is_some_and(|scope| scope.environment == *environment);
                tests.then_some(&split.id)
            }
            Destination::Agent { .. } => None,
        }
    }

    /// The route of a number, whoever owns it.
    #[must_use]
    pub fn route(&self, number: &Number) -> Option<&Arc<Route>> {
        let place = self.numbers.get(number)?;
        self.routes.get(place.get()).map(|used| &used.route)
    }

    /// Who may change an object of an account, if it is there.
    #[must_use]
    pub fn owner(&self, account: &AccountId, object: &Object) -> Option<ManagedBy> {
        let account = || account.clone();
        let route = |route: &Arc<Route>| route.managed_by;
        match object {
            Object::Agent(agent) => {
                let id = AgentRef { account: account(), agent: agent.clone() };
                self.agents.get(&id).map(|agent| agent.profile.managed_by)
            }
            Object::Split(split) => {
                let id = SplitRef { account: account(), split: split.clone() };
                self.splits.get(&id).map(|split| split.managed_by)
            }
            Object::DefaultRoute => self.defaults.get(&account()).map(route),
            Object::Prefix(prefix) => self.prefixes.get(&(account(), *prefix)).map(route),
            Object::CallerPin { agent_id, caller } => {
                let agent = AgentRef { account: account(), agent: agent_id.clone() };
                let id = CallerPinRef { agent, caller: caller.clone() };
                self.caller_pins.get(&id).map(|pin| pin.managed_by)
            }
            Object::Number(number) => {
                self.route(number).filter(|route| route.account == account()).map(route)
            }
        }
    }

    /// The same but for numbers and their routes, which are those of another state.
    pub(in crate::domain) fn with_numbers_of(&self, other: &Self) -> Self {
        let Self { numbers, routes, route_places, .. } = other.clone();
        Self { numbers, routes, route_places, ..self.clone() }
    }

    /// The place of a route that some number uses.
    #[must_use]
    pub fn place(&self, route: &Route) -> Option<RouteIx> {
        self.route_places.get(route).copied()
    }
}
