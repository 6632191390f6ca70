//! How facts become the present. Never refuses: what was committed has happened.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::{NumberMap, RouteIx, RouteUse, State};
use crate::domain::account::{Key, KeyDigest};
use crate::domain::agent::{Agent, AgentRef};
use crate::domain::agent_tests::run::{RunStatus, TestRunId};
use crate::domain::change::{Change, NumberChanges, SplitRef, Touched};
use crate::domain::persistent::Map;
use crate::domain::route::Route;
use crate::domain::split::Split;

impl State {
    /// Takes one fact in and notes what it touched.
    pub fn absorb(&mut self, change: &Change, touched: &mut Touched) {
        match change {
            Change::AccountPut(account) => {
                self.first_account.get_or_insert_with(|| account.id.clone());
                self.accounts.insert(account.id.clone(), Arc::new(account.clone()));
            }
            Change::KeyPut(key) => self.put_key(key),
            Change::KeyRemoved(key) => self.remove_key(key.digest),
            Change::AgentPut(profile) => {
                let agent = match self.agents.get(&profile.id) {
                    Some(agent) => agent.as_ref().clone().with_profile(profile.clone()),
                    None => Agent::new(profile.clone()),
                };
                self.put_agent(agent, touched);
            }
            Change::AgentRemoved(id) => {
                self.remove_agent(id);
                touched.agents.insert(id.clone());
            }
            Change::DraftPut { agent, version } => {
                self.with_agent(agent, touched, |agent| agent.put_draft(Arc::clone(version)));
            }
            Change::VersionSaved { agent, version } => {
                self.with_agent(agent, touched, |agent| {
                    if let Some(number) = version.number {
                        agent.versions.insert(number, Arc::clone(version));
                    }
                });
            }
            Change::Deployed { .. }
            | Change::EnvironmentEmptied { .. }
            | Change::BranchPut { .. }
            | Change::BranchRemoved { .. }
            | Change::ConnectorPut { .. }
            | Change::ConnectorRemoved { .. }
            | Change::ConfigPagePut { .. }
            | Change::TestsPut { .. }
            | Change::TestRunPut { .. }
            | Change::TestRunRemoved { .. } => self.absorb_part(change, touched),
            Change::Numbers(changes) | Change::FileNumbers(changes) => self.absorb_numbers(changes, touched),
            Change::PrefixPut { prefix, route } => {
                let id = (route.account.clone(), *prefix);
                self.prefixes.insert(id.clone(), Arc::clone(route));
                touched.prefixes.insert(id);
            }
            Change::PrefixRemoved { account, prefix } => {
                let id = (account.clone(), *prefix);
                self.prefixes.remove(&id);
                touched.prefixes.insert(id);
            }
            Change::DefaultPut { route } => {
                self.defaults.insert(route.account.clone(), Arc::clone(route));
                touched.defaults.insert(route.account.clone());
            }
            Change::DefaultRemoved { account } => {
                self.defaults.remove(account);
                touched.defaults.insert(account.clone());
            }
            Change::CallerPinPut(pin) => {
                self.caller_pins.insert(pin.id.clone(), Arc::clone(pin));
                touched.caller_pins.insert(pin.id.clone());
            }
            Change::CallerPinRemoved(id) => {
                self.caller_pins.remove(id);
                touched.caller_pins.insert(id.clone());
            }
            Change::SplitPut(split) => {
                let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
                let before = self.splits.insert(id.clone(), Arc::clone(split));
                self.index_split(&id, before.as_deref(), Some(split));
                touched.splits.insert(id);
            }
            Change::SplitRemoved(id) => {
                let before = self.splits.remove(id);
                self.index_split(id, before.as_deref(), None);
                touched.splits.insert(id.clone());
            }
            Change::Shadowed(object) => drop(self.shadowed.insert(object.clone(), ())),
            Change::Unshadowed(object) => drop(self.shadowed.remove(object)),
            Change::FilesApplied { hash } => self.files = Some(*hash),
        }
    }

    /// Notes which environment a split tests no longer, and which it tests now.
    fn index_split(&mut self, id: &SplitRef, before: Option<&Split>, now: Option<&Split>) {
        if let Some(agent) = before.and_then(Split::under_test)
            && self.environment_splits.get(&agent) == Some(&id.split)
        {
            self.environment_splits.remove(&agent);
        }
        if let Some(agent) = now.and_then(Split::under_test) {
            self.environment_splits.insert(agent, id.split.clone());
        }
    }

    fn put_key(&mut self, key: &Key) {
        self.remove_key(key.digest);
        let key = Arc::new(key.clone());
        self.account_keys.insert((key.account.clone(), key.digest), Arc::clone(&key));
        self.keys.insert(key.digest, key);
    }

    fn remove_key(&mut self, digest: KeyDigest) {
        if let Some(key) = self.keys.remove(&digest) {
            self.account_keys.remove(&(key.account.clone(), digest));
        }
    }

    /// What an agent has besides its profile and its versions.
    fn absorb_part(&mut self, change: &Change, touched: &mut Touched) {
        match change {
            Change::Deployed { agent, deployment } => {
                self.with_agent(agent, touched, |agent| agent.deploy(deployment));
            }
            Change::EnvironmentEmptied { agent, environment } => {
                self.with_agent(agent, touched, |agent| agent.empty(*environment));
            }
            Change::BranchPut { agent, branch } => self.with_agent(agent, touched, |agent| {
                agent.branches.insert(branch.id.clone(), Arc::clone(branch));
            }),
            Change::BranchRemoved { agent, branch } => {
                self.with_agent(agent, touched, |agent| drop(agent.branches.remove(branch)));
            }
            Change::ConnectorPut { agent, connector } => self.with_agent(agent, touched, |agent| {
                agent.connectors.insert(connector.id.clone(), Arc::clone(connector));
            }),
            Change::ConnectorRemoved { agent, connector } => {
                self.with_agent(agent, touched, |agent| drop(agent.connectors.remove(connector)));
            }
            Change::ConfigPagePut { agent, page } => self.with_agent(agent, touched, |agent| {
                if let Some(place) = agent.config_pages.get_mut(page.environment.index()) {
                    *place = Some(Arc::clone(page));
                }
            }),
            // Calls know nothing of tests: their table stays as it is.
            Change::TestsPut { agent, suite } => {
                self.with_agent(agent, &mut Touched::default(), |agent| {
                    agent.tests = Some(Arc::clone(suite)).filter(|suite| !suite.is_empty());
                });
            }
            Change::TestRunPut { agent, run } => {
                self.with_agent(agent, &mut Touched::default(), |agent| {
                    drop(agent.test_runs.insert(run.id, Arc::clone(run)));
                });
                self.test_runs.insert(run.id, agent.clone());
                self.index_test_run(run.id, (run.status == RunStatus::Running).then_some(agent));
            }
            Change::TestRunRemoved { agent, run } => {
                self.with_agent(agent, &mut Touched::default(), |agent| drop(agent.test_runs.remove(run)));
                self.test_runs.remove(run);
                self.index_test_run(*run, None);
            }
            _ => {}
        }
    }

    fn remove_agent(&mut self, id: &AgentRef) {
        for run in self.agents.remove(id).iter().flat_map(|agent| agent.test_runs.keys()) {
            self.running_tests.remove(run);
            self.test_runs.remove(run);
        }
    }

    /// Notes whose run of tests is running, or that it no longer is.
    fn index_test_run(&mut self, run: TestRunId, of: Option<&AgentRef>) {
        match of {
            Some(agent) => drop(self.running_tests.insert(run, agent.clone())),
            None => drop(self.running_tests.remove(&run)),
        }
    }

    fn put_agent(&mut self, agent: Agent, touched: &mut Touched) {
        touched.agents.insert(agent.profile.id.clone());
        self.agents.insert(agent.profile.id.clone(), Arc::new(agent));
    }

    fn with_agent(&mut self, id: &AgentRef, touched: &mut Touched, edit: impl FnOnce(&mut Agent)) {
        // Taken out, so that while loading, when nobody shares it, a thousand versions are not copied for each.
        if let Some(agent) = self.agents.remove(id) {
            let mut agent = Arc::unwrap_or_clone(agent);
            edit(&mut agent);
            self.put_agent(agent, touched);
        }
    }

    pub(in crate::domain) fn absorb_numbers(&mut self, changes: &NumberChanges, touched: &mut Touched) {
        let places: Vec<Option<RouteIx>> =
            changes.routes.iter().map(|route| self.place_of(route, touched)).collect();
        let place = |route: &Option<u32>| -> Option<RouteIx> {
            route.and_then(|route| places.get(route as usize).copied().flatten())
        };
        let mut uses = Uses::default();
        let NumberMap { phones, users } = &mut self.numbers;
        if phones.is_empty() {
            // The first million of numbers is not put in one by one.
            let routed = || changes.phones.iter().filter_map(|(phone, route)| Some((*phone, place(route)?)));
            *phones = Map::from_sorted(routed());
            routed().for_each(|(_, place)| uses.change(None, Some(place)));
        } else {
            for (phone, route) in &changes.phones {
                uses.change(put(phones, *phone, place(route)), place(route));
            }
        }
        for (user, route) in &changes.users {
            uses.change(put(users, Arc::clone(user), place(route)), place(route));
        }
        self.count(uses, &places, touched);
    }

    /// The place of a route, made if there is none.
    fn place_of(&mut self, route: &Arc<Route>, touched: &mut Touched) -> Option<RouteIx> {
        if let Some(place) = self.route_places.get(route) {
            return Some(*place);
        }
        let place = self.routes.alloc(RouteUse { route: Arc::clone(route), numbers: 0 })?;
        touched.routes.insert(place);
        let handle = RouteIx::new(place)?;
        self.route_places.insert(Arc::clone(route), handle);
        Some(handle)
    }

    /// Adds up the uses and frees the routes that no number has any more.
    fn count(&mut self, uses: Uses, placed: &[Option<RouteIx>], touched: &mut Touched) {
        let unused = placed.iter().flatten().map(|place| (*place, 0));
        for (place, difference) in uses.0.into_iter().chain(unused) {
            let Some(used) = self.routes.get(place.get()) else { continue };
            let numbers = used.numbers.saturating_add_signed(difference);
            let route = Arc::clone(&used.route);
            if numbers == 0 {
                self.routes.free(place.get());
                self.route_places.remove(&route);
                touched.routes.insert(place.get());
            } else if difference != 0 {
                self.routes.set(place.get(), RouteUse { route, numbers });
            }
        }
    }
}

fn put<K: Ord + std::hash::Hash + Clone>(
    map: &mut Map<K, RouteIx>,
    key: K,
    place: Option<RouteIx>,
) -> Option<RouteIx> {
    match place {
        Some(place) => map.insert(key, place),
        None => map.remove(&key),
    }
}

/// By how much the number of users of each route changes.
#[derive(Default)]
struct Uses(HashMap<RouteIx, i32, FixedState>);

impl Uses {
    fn change(&mut self, before: Option<RouteIx>, after: Option<RouteIx>) {
        if before != after {
            for (place, by) in [(before, -1), (after, 1)] {
                if let Some(place) = place {
                    *self.0.entry(place).or_default() += by;
                }
            }
        }
    }
}
