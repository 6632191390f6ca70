//! The immutable table that decisions are read from.
//!
//! Numbers point to a route, a route to the seat of an agent's pin or to a split, a seat to the version that serves. So
//! a rollback puts another version into one seat, whatever follows it. Every part is copy-on-write: a patched table
//! shares all it did not touch.

#[cfg(test)]
mod books;
mod patch;

use std::iter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use regex::Regex;

use super::calls::Kept;
use super::capacity::{Capacities, Capacity};
use super::health::{Health, TargetHealth};
use super::series::Series;
use super::shelf::Body;
use super::written::Written;
use crate::domain::account::{Key, KeyDigest};
use crate::domain::address::{Address, E164, Prefix};
use crate::domain::agent::{Agent, AgentRef, Version};
use crate::domain::caller_pin::{CallerPin, CallerPinKey, Probe};
use crate::domain::change::SplitRef;
use crate::domain::destination::{Reach, Trouble};
use crate::domain::endpoint::Endpoint;
use crate::domain::fallback::Fallback;
use crate::domain::id::{AccountId, ArmId, Environment, Pin, Revision, VersionNumber};
use crate::domain::persistent::{Map, Slab};
use crate::domain::route::Route;
use crate::domain::split::Split;
use crate::domain::state::{CallerPinMap, NumberMap};

pub use patch::Workshop;

/// Everything a decision needs, at one revision. Cloning costs some reference counts.
#[derive(Debug, Clone, Default)]
pub struct RoutingTable {
    /// The revision it holds.
    pub revision: Revision,
    /// Numbers to the places of their routes.
    pub numbers: NumberMap,
    /// Callers who are given another version.
    pub(super) caller_pins: CallerPinMap,
    /// Keys that may ask.
    pub keys: Map<KeyDigest, Arc<Key>>,
    /// Mirrors the state's slab of routes, place by place.
    routes: Slab<Option<Way>>,
    accounts: Map<AccountId, Arc<AccountRoutes>>,
    /// Each account's id once: routes share its memory, so that comparing it touches nothing cold.
    account_ids: Map<AccountId, AccountId>,
    agents: Slab<Arc<ServingAgent>>,
    /// What serves, where routes look: one seat for each pin of an agent.
    seats: Slab<Option<Arc<Served>>>,
    agent_places: Map<AgentRef, u32>,
    agent_digests: Map<u64, u32>,
    splits: Slab<Arc<ServingSplit>>,
    split_places: Map<SplitRef, u32>,
    split_digests: Map<u64, u32>,
    default_endpoints: Option<Arc<[Endpoint]>>,
    /// The newest revision before which some deployment moved calls: of later ones nothing more is asked.
    calls_from: Revision,
    /// Agents with real-time configs: where there are none, an answer looks no further.
    pages: u32,
    /// Agents, splits and routes that have a limit or a fallback: where there are none, a decision looks no further.
    pub(super) guards: u32,
    /// How full what is limited is; of this table and of those that follow it.
    capacities: Arc<Capacities>,
    /// Which targets are down; likewise.
    health: Arc<Health>,
}

/// A version where it serves: what a decision hands out.
#[derive(Debug)]
pub struct Served {
    /// Whose.
    pub agent: Arc<AgentRef>,
    /// Where that stands in the table, as long as it is there.
    pub(super) agent_place: u32,
    /// The version or draft.
    pub version: Arc<Version>,
    /// The pin it serves for.
    pub pin: Pin,
    /// Where its runtime listens, if the agent or the settings say so; else the version says.
    pub endpoints: Option<Arc<[Endpoint]>>,
    /// Its configuration, once it is known; held for whoever asks the shelf for it.
    pub body: OnceLock<Arc<Body>>,
    /// Where the split stands in the table that deals the calls of its environment, if one tests that.
    pub(super) split: Option<u32>,
    /// What of the agent holds for all that it serves, if it has limits or a fallback.
    pub guard: Option<Arc<Guard>>,
    /// The health of its endpoints, in their order; nothing where nobody looks at it.
    pub health: Box<[Arc<TargetHealth>]>,
    /// Where its calls are counted.
    pub series: Arc<Series>,
    /// What gateways say of it in every answer, once the first has been written.
    pub written: OnceLock<Written>,
}

impl Served {
    /// Where calls are sent, best first by priority as configured; empty where nowhere is.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        self.endpoints.as_deref().unwrap_or(&self.version.dispatch.endpoints)
    }

    /// Where calls can be sent: the endpoints that are up, and all of them where none is.
    pub fn reachable(&self) -> impl Iterator<Item = &Endpoint> {
        let none_is_up = self.is_down();
        let is_up =
            move |at: usize| none_is_up || !self.health.get(at).is_some_and(|target| target.is_down());
        self.endpoints().iter().enumerate().filter(move |(at, _)| is_up(*at)).map(|(_, endpoint)| endpoint)
    }

    /// The endpoints that are down, since when and why. Takes locks: for whoever explains.
    pub fn unreachable(&self) -> impl Iterator<Item = (&Endpoint, Trouble)> {
        self.endpoints().iter().zip(&self.health).filter_map(|(endpoint, target)| match target.reach() {
            Reach::Down(trouble) => Some((endpoint, trouble)),
            Reach::Up | Reach::Unknown => None,
        })
    }

    /// Whether it has endpoints and all of them are down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        !self.health.is_empty() && self.health.iter().all(|target| target.is_down())
    }

    /// The limit of its agent.
    #[must_use]
    pub fn capacity(&self) -> Option<&Capacity> {
        self.guard.as_ref()?.capacity.as_ref()
    }
}

/// How many calls an agent may have, and where those go that it cannot take.
#[derive(Debug)]
pub struct Guard {
    /// How many it may have in progress, and how many it has.
    pub capacity: Option<Capacity>,
    /// Where the others go.
    pub fallback: Option<Fallback>,
}

/// An agent and the seats of its pins.
#[derive(Debug, Clone)]
pub struct ServingAgent {
    /// Its full name.
    pub id: Arc<AgentRef>,
    /// Where it stands in the table.
    pub(super) place: u32,
    /// What it holds.
    pub agent: Arc<Agent>,
    /// The seat of `draft`.
    draft: u32,
    /// Those of the environments, by [`Environment::index`].
    environments: [u32; 3],
    /// Versions that routes and caller pins name by number, in order.
    fixed: Vec<Fixed>,
    /// Places of the routes that lead to one of its seats and say nothing else.
    straight: Vec<u32>,
    /// Splits with an arm of this agent.
    splits: Vec<u32>,
    /// The one that tests an environment of it, and which.
    test: Option<(Environment, u32)>,
    /// Its limit and its fallback, if it has either.
    pub(super) guard: Option<Arc<Guard>>,
    /// Its real-time configs as JSON, by [`Environment::index`].
    pages: [Option<Arc<str>>; 3],
}

/// A version that routes and caller pins name by number.
#[derive(Debug, Clone)]
struct Fixed {
    number: VersionNumber,
    /// How many do.
    uses: u32,
    seat: u32,
}

impl ServingAgent {
    /// The seat of a pin. Of `V<n>` only where some route names it.
    fn seat(&self, pin: Pin) -> Option<u32> {
        match pin {
            Pin::Draft => Some(self.draft),
            Pin::Environment(environment) => self.environments.get(environment.index()).copied(),
            Pin::Version(number) => {
                let at = self.fixed.binary_search_by_key(&number, |fixed| fixed.number).ok()?;
                self.fixed.get(at).map(|fixed| fixed.seat)
            }
        }
    }

    /// Every seat, with its pin.
    fn seats(&self) -> impl Iterator<Item = (Pin, u32)> {
        let environments = Environment::ALL.into_iter().map(Pin::Environment).zip(self.environments);
        let fixed = self.fixed.iter().map(|fixed| (Pin::Version(fixed.number), fixed.seat));
        iter::once((Pin::Draft, self.draft)).chain(environments).chain(fixed)
    }
}

/// A split with its arms resolved: a call is a hash and an index.
#[derive(Debug)]
pub struct ServingSplit {
    /// The split.
    pub split: Arc<Split>,
    /// Its arms, in the order of the split's.
    pub arms: Vec<ServingArm>,
    /// Calls its slots have decided so far, across all tables.
    pub calls: Arc<AtomicU64>,
}

impl ServingSplit {
    /// Counts a call that its slots decided, unless its quota is used up: never more, however many count at once.
    pub(super) fn count(&self) -> bool {
        let quota = self.split.call_quota.unwrap_or(u64::MAX);
        let next = |calls: u64| (calls < quota).then(|| calls + 1);
        self.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// Takes back a call that was counted and did not begin.
    pub(super) fn uncount(&self) {
        // Never below none, whoever gives back what was not counted.
        let _ = self.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |calls| calls.checked_sub(1));
    }

    /// Whether it has had all calls of its quota.
    pub(super) fn is_used_up(&self) -> bool {
        self.split.call_quota.is_some_and(|quota| self.calls.load(Ordering::Relaxed) >= quota)
    }
}

/// An arm and what it serves.
#[derive(Debug)]
pub struct ServingArm {
    /// What serves, unless the environment it names serves nothing.
    pub served: Option<Arc<Served>>,
    /// Its id.
    pub id: ArmId,
    /// What of the agent; of a test arm of an environment, the version that it is held to.
    pub pin: Pin,
    /// Its weight.
    pub weight: u32,
    /// How many calls it may have in progress, if that is limited, and how many it has.
    pub capacity: Option<Capacity>,
    /// The same version for calls that are in no results of the split.
    pub outside: Option<Arc<Served>>,
}

/// A route as numbers find it.
///
/// Memory that is in no cache is what a decision waits for. So what most routes lead to is kept right here; there are
/// few routes that say nothing else, however many numbers have them, and a rollback changes them with the seat.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// In the memory that all routes of the account share.
    pub(super) account: AccountId,
    /// What its seat serves, where the route says nothing but where calls go and no split tests that.
    pub(super) straight: Option<Arc<Served>>,
    pub(super) route: Arc<ServingRoute>,
}

/// A route with its ends resolved.
#[derive(Debug)]
pub struct ServingRoute {
    pub(super) to: To,
    pub(super) rules: Box<[ServingRule]>,
    /// The route as written.
    pub route: Arc<Route>,
}

/// Where a route leads: to a seat, or into a split.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    Seat { seat: u32, pin: Pin },
    Split(u32),
}

#[derive(Debug)]
pub(super) struct ServingRule {
    pub(super) header: Box<str>,
    pub(super) test: ServingTest,
    pub(super) seat: u32,
    pub(super) pin: Pin,
}

#[derive(Debug)]
pub(super) enum ServingTest {
    Equals(Box<str>),
    Prefix(Box<str>),
    Regex(Regex),
}

impl ServingTest {
    pub(super) fn matches(&self, value: &str) -> bool {
        match self {
            Self::Equals(text) => **text == *value,
            Self::Prefix(text) => value.starts_with(&**text),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

/// What an account routes besides numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct AccountRoutes {
    prefixes: Map<Prefix, Arc<ServingRoute>>,
    /// Bit n: some prefix has n digits.
    lengths: u16,
    pub(super) default: Option<Arc<ServingRoute>>,
}

impl AccountRoutes {
    /// The routes of the prefixes of a number, longest first.
    pub(super) fn matching(&self, number: E164) -> impl Iterator<Item = (Prefix, &Arc<ServingRoute>)> {
        let lengths = self.lengths;
        (1..=15u32).rev().filter(move |digits| lengths & (1 << digits) != 0).filter_map(move |digits| {
            let prefix = Prefix::of(number, digits)?;
            self.prefixes.get(&prefix).map(|route| (prefix, route))
        })
    }
}

impl RoutingTable {
    /// An empty table of revision 0.
    #[must_use]
    pub fn new(default_endpoints: &[Endpoint]) -> Self {
        let default_endpoints = (!default_endpoints.is_empty()).then(|| Arc::from(default_endpoints));
        Self { default_endpoints, ..Self::default() }
    }

    #[inline]
    pub(super) fn way_at(&self, place: u32) -> Option<&Way> {
        self.routes.get(place)?.as_ref()
    }

    pub(super) fn account(&self, account: &AccountId) -> Option<&AccountRoutes> {
        self.accounts.get(account).map(Arc::as_ref)
    }

    #[inline]
    pub(super) fn seated(&self, seat: u32) -> Option<&Arc<Served>> {
        self.seats.get(seat)?.as_ref()
    }

    /// What a pin of an agent serves. `V<n>` only where some route names it; for the others see
    /// [`ByName`](super::named::ByName).
    #[must_use]
    pub fn served(&self, agent: &ServingAgent, pin: Pin) -> Option<&Arc<Served>> {
        self.seated(agent.seat(pin)?)
    }

    /// What a caller of an agent is pinned to. Cost: a few cache lines, no allocation.
    pub(super) fn caller_pin(&self, agent: &AgentRef, caller: &Address<'_>) -> Option<&Arc<CallerPin>> {
        self.caller_pins.get(&Probe::of(agent, caller) as &dyn CallerPinKey)
    }

    #[inline]
    pub(super) fn split_at(&self, place: u32) -> Option<&Arc<ServingSplit>> {
        self.splits.get(place)
    }

    /// An agent by name.
    #[must_use]
    pub fn agent(&self, id: &AgentRef) -> Option<&Arc<ServingAgent>> {
        self.agents.get(*self.agent_places.get(id)?)
    }

    /// A split by name.
    #[must_use]
    pub fn split(&self, id: &SplitRef) -> Option<&Arc<ServingSplit>> {
        self.splits.get(*self.split_places.get(id)?)
    }

    /// Every split.
    pub fn splits(&self) -> impl Iterator<Item = &Arc<ServingSplit>> {
        self.splits.iter().map(|(_, split)| split)
    }

    pub(super) fn agent_by_digest(&self, digest: u64) -> Option<&Arc<ServingAgent>> {
        self.agents.get(*self.agent_digests.get(&digest)?)
    }

    pub(super) fn split_by_digest(&self, digest: u64) -> Option<&Arc<ServingSplit>> {
        self.splits.get(*self.split_digests.get(&digest)?)
    }

    /// Whether a deployment moved the calls that were decided when this was.
    #[must_use]
    #[inline]
    pub fn moves(&self, kept: &Kept) -> bool {
        kept.revision < self.calls_from && self.moved(kept)
    }

    #[cold]
    fn moved(&self, kept: &Kept) -> bool {
        let served = &kept.served;
        let calls_from = served
            .pin
            .environment()
            .and_then(|environment| Some(self.agent(&served.agent)?.agent.calls_from(environment)));
        calls_from.is_some_and(|calls_from| kept.revision < calls_from)
    }

    /// The real-time config of what serves, as JSON, as it is in this table.
    #[must_use]
    #[inline]
    pub fn real_time_config(&self, served: &Served) -> Option<&str> {
        if self.pages == 0 { None } else { self.page(served) }
    }

    fn page(&self, served: &Served) -> Option<&str> {
        let environment = served.pin.environment()?;
        // Found where it stood then, unless it went since: it may have come again elsewhere, and another be there.
        let there = self.agents.get(served.agent_place).filter(|it| Arc::ptr_eq(&it.id, &served.agent));
        let agent = there.or_else(|| self.agent(&served.agent))?;
        agent.pages.get(environment.index())?.as_deref()
    }

    /// How full what is limited is.
    #[must_use]
    pub fn capacities(&self) -> &Capacities {
        &self.capacities
    }

    /// Which targets are down: for whoever probes them.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Where calls are sent that a pin serves, unless the version says it: as the environment has it, else as the agent
    /// has it, else as the settings have it for versions that say nothing.
    pub(super) fn endpoints_of(&self, agent: &Agent, version: &Version, pin: Pin) -> Option<Arc<[Endpoint]>> {
        if let Some(endpoints) = agent.endpoints(pin.environment()) {
            return Some(Arc::clone(endpoints));
        }
        if version.dispatch.endpoints.is_empty() { self.default_endpoints.clone() } else { None }
    }
}

/// What stands for an account's agent, split, arm or site in a token: XXH3-64 of `<account id>/<id>`.
#[must_use]
pub fn digest(account: &AccountId, id: &str) -> u64 {
    // Ids are at most 64 bytes, those of sites 100; hashed in one go, which is several times faster than in pieces.
    let mut bytes = [0; 192];
    let mut len = 0;
    for part in [account.as_str(), "/", id] {
        if let Some(place) = bytes.get_mut(len..len + part.len()) {
            place.copy_from_slice(part.as_bytes());
            len += part.len();
        }
    }
    xxhash_rust::xxh3::xxh3_64(bytes.get(..len).unwrap_or_default())
}
