//! How a table follows the state: only what was touched is worked out again.

use std::collections::BTreeSet;
use std::mem;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use super::{
    AccountRoutes, Fixed, Guard, RoutingTable, Served, ServingAgent, ServingArm, ServingRoute, ServingRule,
    ServingSplit, ServingTest, To, Way, digest,
};
use crate::domain::address::Prefix;
use crate::domain::agent::{Agent, AgentRef, Version};
use crate::domain::caller_pin::{CallerPin, CallerPinRef};
use crate::domain::change::{SplitRef, Touched};
use crate::domain::id::{AccountId, AgentId, Environment, Pin, VersionNumber};
use crate::domain::route::{Destination, HeaderTest, Route, header_regex};
use crate::domain::split::{Arm, Split};
use crate::domain::state::State;
use crate::routing::capacity::Limited;
use crate::routing::series::{SeriesBook, SeriesKey, VersionLabel};
use crate::routing::shelf::{Bodies, Shelf};

/// What patching needs besides the state.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// Where ids of series come from.
    pub series: &'a SeriesBook,
    /// Configurations in memory.
    pub shelf: &'a Shelf,
    /// Where the others come from.
    pub bodies: &'a dyn Bodies,
}

impl RoutingTable {
    /// The table of a newer state, given what changed since this one.
    ///
    /// Cost: what was touched, and the splits of touched agents; nothing for numbers and routes that follow them.
    #[must_use]
    pub fn patched(&self, state: &State, touched: &Touched, workshop: Workshop<'_>) -> Self {
        let mut patch = Patch { table: self.clone(), state, workshop };
        patch.table.revision = state.revision;
        patch.table.keys = state.keys.clone();
        let mut splits: BTreeSet<SplitRef> = touched.splits.clone();
        for agent in &touched.agents {
            patch.agent(agent, &mut splits);
        }
        for split in &splits {
            patch.split(split);
        }
        for place in &touched.routes {
            patch.route(*place);
        }
        for (account, prefix) in &touched.prefixes {
            patch.prefix(account, *prefix);
        }
        for account in &touched.defaults {
            patch.default_route(account);
        }
        for pin in &touched.caller_pins {
            patch.caller_pin(pin);
        }
        patch.table.caller_pins = state.caller_pins.clone();
        patch.table.numbers = state.numbers.clone();
        patch.table
    }
}

struct Patch<'a> {
    table: RoutingTable,
    state: &'a State,
    workshop: Workshop<'a>,
}

impl Patch<'_> {
    /// Fills an agent's seats and names the splits that look at them.
    fn agent(&mut self, id: &AgentRef, splits: &mut BTreeSet<SplitRef>) {
        let place = self.table.agent_places.get(id).copied();
        let before = place.and_then(|place| self.table.agents.get(place)).cloned();
        for split in
            before.iter().flat_map(|agent| &agent.splits).filter_map(|place| self.table.splits.get(*place))
        {
            splits.insert(SplitRef { account: split.split.account.clone(), split: split.split.id.clone() });
        }
        let guarded = before.as_ref().is_some_and(|agent| agent.guard.is_some());
        self.table.pages -= u32::from(before.as_ref().is_some_and(|agent| has_pages(&agent.pages)));
        let digest = digest(&id.account, id.agent.as_str());
        let Some(agent) = self.state.agents.get(id) else {
            self.guard(guarded, false);
            if let (Some(place), Some(before)) = (place, before) {
                self.table.agents.free(place);
                self.table.agent_places.remove(id);
                self.table.agent_digests.remove(&digest);
                for (_, seat) in before.seats() {
                    self.table.seats.free(seat);
                }
            }
            return;
        };
        let Some(mut serving) = before.as_ref().map_or_else(
            || self.new_agent(id, agent, digest),
            |before| Some(ServingAgent { agent: Arc::clone(agent), ..before.as_ref().clone() }),
        ) else {
            return;
        };
        let moved = Environment::ALL.into_iter().map(|environment| agent.calls_from(environment)).max();
        self.table.calls_from = self.table.calls_from.max(moved.unwrap_or_default());
        serving.guard = self.guard_of(agent);
        serving.pages = pages_of(agent, before.as_deref());
        self.table.pages += u32::from(has_pages(&serving.pages));
        self.guard(guarded, serving.guard.is_some());
        self.fill_seats(&serving);
        self.table.agents.set(serving.place, Arc::new(serving));
    }

    /// Puts in an agent that the table did not hold, its seats empty; nothing where there is no room for it.
    fn new_agent(&mut self, id: &AgentRef, agent: &Arc<Agent>, digest: u64) -> Option<ServingAgent> {
        let mut seat = || self.table.seats.alloc(None);
        let mut serving = ServingAgent {
            id: Arc::new(id.clone()),
            place: 0,
            agent: Arc::clone(agent),
            draft: seat()?,
            environments: [seat()?, seat()?, seat()?],
            fixed: Vec::new(),
            straight: Vec::new(),
            splits: Vec::new(),
            test: None,
            guard: None,
            pages: [const { None }; 3],
        };
        serving.place = self.table.agents.alloc(Arc::new(serving.clone()))?;
        self.table.agent_places.insert(id.clone(), serving.place);
        self.table.agent_digests.insert(digest, serving.place);
        Some(serving)
    }

    fn guard_of(&self, agent: &Agent) -> Option<Arc<Guard>> {
        let profile = &agent.profile;
        let capacity = profile
            .max_calls_in_progress
            .map(|calls| self.table.capacities.of(Limited::Agent(profile.id.clone()), calls));
        let fallback = profile.fallback.clone();
        (capacity.is_some() || fallback.is_some()).then(|| Arc::new(Guard { capacity, fallback }))
    }

    /// Counts what has a limit or a fallback: one that had it before, and one that has it now.
    fn guard(&mut self, before: bool, now: bool) {
        self.table.guards += u32::from(now);
        self.table.guards -= u32::from(before);
    }

    fn served(
        &self,
        agent: &ServingAgent,
        version: &Arc<Version>,
        pin: Pin,
        arm: Option<(&Split, &Arm)>,
    ) -> Arc<Served> {
        let id = &agent.id;
        let series = SeriesKey {
            account: id.account.clone(),
            agent: id.agent.clone(),
            version: VersionLabel::of(version.number),
            environment: pin.environment(),
            arm: arm.map(|(split, arm)| (split.id.clone(), arm.id.clone())),
        };
        let body = self.workshop.shelf.take(&id.account, version.hash, self.workshop.bodies);
        let endpoints = self.table.endpoints_of(&agent.agent, version, pin);
        let listed = endpoints.as_deref().unwrap_or(&version.dispatch.endpoints);
        Arc::new(Served {
            agent: Arc::clone(id),
            agent_place: agent.place,
            version: Arc::clone(version),
            pin,
            split: agent.test.filter(|(tested, _)| pin == Pin::Environment(*tested)).map(|(_, split)| split),
            guard: agent.guard.clone(),
            health: self.table.health.of(listed, &id.agent, version.number),
            endpoints,
            body: body.map_or_else(OnceLock::new, OnceLock::from),
            series: self.workshop.series.get(&series),
            written: OnceLock::new(),
        })
    }

    fn split(&mut self, id: &SplitRef) {
        let place = self.table.split_places.get(id).copied();
        let before = place.and_then(|place| self.table.splits.get(place)).cloned();
        if let (Some(before), Some(place)) = (&before, place) {
            self.forget_split(&before.split, place);
        }
        let tested = before.as_ref().and_then(|before| before.split.under_test());
        let limited = |split: &Split| split.arms.iter().any(|arm| arm.max_calls_in_progress.is_some());
        let guarded = before.as_ref().is_some_and(|before| limited(&before.split));
        self.guard(guarded, self.state.splits.get(id).is_some_and(|split| limited(split)));
        let digest = digest(&id.account, id.split.as_str());
        let Some(split) = self.state.splits.get(id) else {
            if let Some(place) = place {
                self.test(place, tested, None);
                self.table.splits.free(place);
                self.table.split_places.remove(id);
                self.table.split_digests.remove(&digest);
            }
            return;
        };
        let serving = Arc::new(ServingSplit {
            arms: split.arms.iter().map(|arm| self.arm(split, arm)).collect(),
            // One that was deleted and made anew in one patch is another split.
            calls: before
                .filter(|before| before.split.birth() == split.birth())
                .map_or_else(Arc::default, |before| Arc::clone(&before.calls)),
            split: Arc::clone(split),
        });
        let place = match place {
            Some(place) => {
                self.table.splits.set(place, serving);
                Some(place)
            }
            None => self.table.splits.alloc(serving),
        };
        if let Some(place) = place {
            self.table.split_places.insert(id.clone(), place);
            self.table.split_digests.insert(digest, place);
            self.remember_split(split, place);
            self.test(place, tested, Some(split));
        }
    }

    /// Has the split at a place deal the calls of the environment that it tests, and of no other.
    fn test(&mut self, place: u32, before: Option<AgentRef>, now: Option<&Split>) {
        let now =
            now.and_then(|split| Some((split.under_test()?, (split.scope.as_ref()?.environment, place))));
        // Another split may test that agent by now: then there is nothing to take back.
        let ours = |agent: &Arc<ServingAgent>| agent.test.is_some_and(|(_, split)| split == place);
        let gone = before.filter(|before| now.as_ref().is_none_or(|(agent, _)| agent != before));
        if let Some(id) = gone.filter(|id| self.table.agent(id).is_some_and(ours)) {
            self.edit_agent(&id, |agent| agent.test = None);
            self.reseat(&id);
        }
        if let Some((id, test)) = now
            && self.table.agent(&id).is_some_and(|agent| agent.test != Some(test))
        {
            self.edit_agent(&id, |agent| agent.test = Some(test));
            self.reseat(&id);
        }
    }

    /// Fills an agent's seats anew.
    fn reseat(&mut self, id: &AgentRef) {
        let Some(serving) = self.table.agent(id).cloned() else { return };
        self.fill_seats(&serving);
    }

    fn fill_seats(&mut self, serving: &ServingAgent) {
        for (pin, seat) in serving.seats() {
            let served = serving.agent.resolve(pin).map(|version| self.served(serving, version, pin, None));
            self.table.seats.set(seat, served);
        }
        for place in &serving.straight {
            self.straighten(*place);
        }
    }

    fn arm(&self, split: &Split, arm: &Arm) -> ServingArm {
        let id = AgentRef { account: split.account.clone(), agent: arm.agent.clone() };
        let served = |place| {
            let agent = self.table.agent(&id)?;
            Some(self.served(agent, agent.agent.resolve(arm.pin)?, split.pin_of(arm), place))
        };
        let capacity = arm.max_calls_in_progress.map(|calls| {
            let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
            let limited = Limited::Arm { split: id, birth: split.birth(), arm: arm.id.clone() };
            self.table.capacities.of(limited, calls)
        });
        ServingArm {
            served: served(Some((split, arm))),
            outside: served(None),
            id: arm.id.clone(),
            pin: arm.pin,
            weight: arm.weight,
            capacity,
        }
    }

    fn remember_split(&mut self, split: &Split, place: u32) {
        self.edit_agents_of(split, |agent| {
            if !agent.splits.contains(&place) {
                agent.splits.push(place);
            }
        });
    }

    fn forget_split(&mut self, split: &Split, place: u32) {
        self.edit_agents_of(split, |agent| agent.splits.retain(|split| *split != place));
    }

    fn edit_agents_of(&mut self, split: &Split, edit: impl Fn(&mut ServingAgent)) {
        let agents: BTreeSet<AgentRef> = split
            .arms
            .iter()
            .map(|arm| AgentRef { account: split.account.clone(), agent: arm.agent.clone() })
            .collect();
        for id in agents {
            self.edit_agent(&id, &edit);
        }
    }

    fn edit_agent(&mut self, id: &AgentRef, edit: impl FnOnce(&mut ServingAgent)) {
        if let Some(place) = self.table.agent_places.get(id).copied()
            && let Some(agent) = self.table.agents.get(place)
        {
            let mut agent = agent.as_ref().clone();
            edit(&mut agent);
            self.table.agents.set(place, Arc::new(agent));
        }
    }

    fn route(&mut self, place: u32) {
        while self.table.routes.len() <= place {
            if self.table.routes.alloc(None).is_none() {
                return;
            }
        }
        if let Some(Some(before)) = self.table.routes.set(place, None) {
            let route = &before.route.route;
            self.guard(route.fallback.is_some(), false);
            self.release(route);
            if let Some(agent) = straight_to(route) {
                self.edit_agent(&agent, |agent| agent.straight.retain(|straight| *straight != place));
            }
        }
        let Some(used) = self.state.routes.get(place) else { return };
        let Some(route) = self.serving(&used.route) else { return };
        let account = self.account_id(&used.route.account);
        if let Some(agent) = straight_to(&used.route) {
            self.edit_agent(&agent, |agent| agent.straight.push(place));
        }
        self.guard(false, route.route.fallback.is_some());
        self.table.routes.set(place, Some(Way { account, straight: None, route }));
        self.straighten(place);
    }

    /// Keeps with a route what its seat serves now, if it is one that says nothing else.
    fn straighten(&mut self, place: u32) {
        let Some(way) = self.table.way_at(place) else { return };
        let To::Seat { seat, .. } = way.route.to else { return };
        if !way.route.route.is_bare() {
            return;
        }
        let straight = self.table.seated(seat).filter(|served| served.split.is_none()).cloned();
        let way = Way { straight, ..way.clone() };
        self.table.routes.set(place, Some(way));
    }

    fn prefix(&mut self, account: &AccountId, prefix: Prefix) {
        let route = self.state.prefixes.get(&(account.clone(), prefix)).cloned();
        let serving = route.and_then(|route| self.serving(&route));
        let guarded = serving.as_ref().is_some_and(|route| route.route.fallback.is_some());
        let before = self.edit_account(account, |routes| match serving {
            Some(serving) => {
                routes.lengths |= 1 << prefix.digits();
                routes.prefixes.insert(prefix, serving)
            }
            None => {
                let before = routes.prefixes.remove(&prefix);
                // Prefixes sort by their digits first: the next one tells whether there is another as long.
                let digits = prefix.digits();
                let first = Prefix::first_of(u8::try_from(digits).unwrap_or(u8::MAX));
                let next = routes.prefixes.range_from(Bound::Included(&first)).next();
                if next.is_none_or(|(next, _)| next.digits() != digits) {
                    routes.lengths &= !(1 << digits);
                }
                before
            }
        });
        self.guard(before.as_ref().is_some_and(|route| route.route.fallback.is_some()), guarded);
        if let Some(before) = before {
            self.release(&before.route);
        }
    }

    fn default_route(&mut self, account: &AccountId) {
        let route = self.state.defaults.get(account).cloned();
        let serving = route.and_then(|route| self.serving(&route));
        let guarded = serving.as_ref().is_some_and(|route| route.route.fallback.is_some());
        let before = self.edit_account(account, |routes| mem::replace(&mut routes.default, serving));
        self.guard(before.as_ref().is_some_and(|route| route.route.fallback.is_some()), guarded);
        if let Some(before) = before {
            self.release(&before.route);
        }
    }

    /// Keeps ready the version that a caller pin names, and no longer the one it named before.
    fn caller_pin(&mut self, id: &CallerPinRef) {
        let version = |pin: Option<&Arc<CallerPin>>| match pin?.pin {
            Pin::Version(number) => Some(number),
            Pin::Draft | Pin::Environment(_) => None,
        };
        let before = version(self.table.caller_pins.get(id));
        // Before the old one goes: it may be the same.
        if let Some(number) = version(self.state.caller_pins.get(id)) {
            self.retain_version(&id.agent, number);
        }
        if let Some(number) = before {
            self.release_version(&id.agent, number);
        }
    }

    /// Resolves a route and keeps ready what it names.
    fn serving(&mut self, route: &Arc<Route>) -> Option<Arc<ServingRoute>> {
        self.retain(route);
        let serving = self.resolve(route).map(Arc::new);
        if serving.is_none() {
            self.release(route);
        }
        serving
    }

    fn edit_account<T>(&mut self, account: &AccountId, edit: impl FnOnce(&mut AccountRoutes) -> T) -> T {
        // Taken out, so that of many changes only the first copies what older tables share.
        let mut routes = self.table.accounts.remove(account).map(Arc::unwrap_or_clone).unwrap_or_default();
        let edited = edit(&mut routes);
        self.table.accounts.insert(account.clone(), Arc::new(routes));
        edited
    }

    fn resolve(&self, route: &Arc<Route>) -> Option<ServingRoute> {
        let seat = |agent: &AgentId, pin: Pin| {
            let id = AgentRef { account: route.account.clone(), agent: agent.clone() };
            self.table.agent(&id)?.seat(pin)
        };
        let (to, own) = match &route.to {
            Destination::Agent { agent, pin } => {
                (To::Seat { seat: seat(agent, *pin)?, pin: *pin }, Some(agent))
            }
            Destination::Split(split) => {
                let id = SplitRef { account: route.account.clone(), split: split.clone() };
                (To::Split(*self.table.split_places.get(&id)?), None)
            }
        };
        let rules = route.header_rules.iter().filter_map(|rule| {
            let test = match &rule.test {
                HeaderTest::Equals(text) => ServingTest::Equals(text.as_str().into()),
                HeaderTest::Prefix(text) => ServingTest::Prefix(text.as_str().into()),
                HeaderTest::Regex(text) => ServingTest::Regex(header_regex(text).ok()?),
            };
            let seat = seat(rule.agent.as_ref().or(own)?, rule.pin)?;
            Some(ServingRule { header: rule.header.as_str().into(), test, seat, pin: rule.pin })
        });
        Some(ServingRoute { to, rules: rules.collect(), route: Arc::clone(route) })
    }

    /// An account's id in the memory that all its routes share.
    fn account_id(&mut self, id: &AccountId) -> AccountId {
        if let Some(shared) = self.table.account_ids.get(id) {
            return shared.clone();
        }
        self.table.account_ids.insert(id.clone(), id.clone());
        id.clone()
    }

    /// Notes that a route names versions by number, so that their agents keep them ready.
    fn retain(&mut self, route: &Route) {
        for (id, number) in named_versions(route) {
            self.retain_version(&id, number);
        }
    }

    fn retain_version(&mut self, id: &AgentRef, number: VersionNumber) {
        let Some(agent) = self.table.agent(id).cloned() else { return };
        let seat = match agent.seat(Pin::Version(number)) {
            Some(seat) => seat,
            None => {
                let version = agent.agent.versions.get(&number);
                let served = version.map(|version| self.served(&agent, version, Pin::Version(number), None));
                let Some(seat) = self.table.seats.alloc(served) else { return };
                seat
            }
        };
        self.edit_agent(id, |agent| match agent.fixed.binary_search_by_key(&number, |fixed| fixed.number) {
            Ok(at) => {
                if let Some(fixed) = agent.fixed.get_mut(at) {
                    fixed.uses += 1;
                }
            }
            Err(at) => agent.fixed.insert(at, Fixed { number, uses: 1, seat }),
        });
    }

    fn release(&mut self, route: &Route) {
        for (id, number) in named_versions(route) {
            self.release_version(&id, number);
        }
    }

    fn release_version(&mut self, id: &AgentRef, number: VersionNumber) {
        let mut empty = None;
        self.edit_agent(id, |agent| {
            if let Ok(at) = agent.fixed.binary_search_by_key(&number, |fixed| fixed.number)
                && let Some(fixed) = agent.fixed.get_mut(at)
            {
                fixed.uses -= 1;
                if fixed.uses == 0 {
                    empty = Some(agent.fixed.remove(at).seat);
                }
            }
        });
        if let Some(seat) = empty {
            self.table.seats.free(seat);
        }
    }
}

fn has_pages(pages: &[Option<Arc<str>>; 3]) -> bool {
    pages.iter().any(Option::is_some)
}

/// The real-time configs of an agent as JSON; those that are as they were are written once only.
fn pages_of(agent: &Agent, before: Option<&ServingAgent>) -> [Option<Arc<str>>; 3] {
    Environment::ALL.map(|environment| {
        let page = agent.config_page(environment)?;
        let known = before.and_then(|before| before.agent.config_page(environment));
        if known.is_some_and(|known| Arc::ptr_eq(known, page)) {
            return before.and_then(|before| before.pages.get(environment.index())?.clone());
        }
        // Values of JSON always have a text.
        page.variables.as_ref().and_then(|variables| serde_json::to_string(variables).ok()).map(Arc::from)
    })
}

/// The agent that a route leads to, if it says nothing else.
fn straight_to(route: &Route) -> Option<AgentRef> {
    let Destination::Agent { agent, .. } = &route.to else { return None };
    route.is_bare().then(|| AgentRef { account: route.account.clone(), agent: agent.clone() })
}

fn named_versions(route: &Route) -> Vec<(AgentRef, VersionNumber)> {
    let named = route.pins().filter_map(|(agent, pin)| match pin {
        Pin::Version(number) => {
            Some((AgentRef { account: route.account.clone(), agent: agent.clone() }, number))
        }
        _ => None,
    });
    named.collect()
}
