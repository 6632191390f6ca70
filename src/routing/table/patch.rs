//! How a table follows the state: only what was touched is worked out again.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use super::{
    AccountRoutes, Fixed, RoutingTable, Served, ServingAgent, ServingArm, ServingRoute, ServingRule,
    ServingSplit, ServingTest, To, digest,
};
use crate::domain::address::Prefix;
use crate::domain::agent::{Agent, AgentRef, Version};
use crate::domain::change::{SplitRef, Touched};
use crate::domain::id::{AccountId, AgentId, Environment, Pin, VersionNumber};
use crate::domain::route::{Destination, HeaderTest, Route, header_regex};
use crate::domain::split::{Arm, Split};
use crate::domain::state::State;
use crate::routing::series::{Series, SeriesBook, SeriesKey, VersionLabel};
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
        for account in &touched.accounts {
            patch.account(account);
        }
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
    /// Fills an agent's slots and names the splits that look at them.
    fn agent(&mut self, id: &AgentRef, splits: &mut BTreeSet<SplitRef>) {
        let place = self.table.agent_places.get(id).copied();
        let before = place.and_then(|place| self.table.agents.get(place)).cloned();
        for split in
            before.iter().flat_map(|agent| &agent.splits).filter_map(|place| self.table.splits.get(*place))
        {
            splits.insert(SplitRef { account: split.split.account.clone(), split: split.split.id.clone() });
        }
        let digest = digest(&id.account, id.agent.as_str());
        let Some(agent) = self.state.agents.get(id) else {
            if let Some(place) = place {
                self.table.agents.free(place);
                self.table.agent_places.remove(id);
                self.table.agent_digests.remove(&digest);
            }
            return;
        };
        let name = before.as_ref().map_or_else(|| Arc::new(id.clone()), |before| Arc::clone(&before.id));
        let mut serving = ServingAgent {
            id: name,
            agent: Arc::clone(agent),
            draft: None,
            environments: [None, None, None],
            fixed: Vec::new(),
            splits: before.as_ref().map(|before| before.splits.clone()).unwrap_or_default(),
        };
        serving.draft = agent.draft.as_ref().map(|version| self.served(&serving, version, None, None));
        for (environment, slot) in Environment::ALL.into_iter().zip(&mut serving.environments) {
            *slot = agent.deployed(environment).map(|version| {
                served(&self.table, self.workshop, &serving.id, agent, version, Some(environment), None)
            });
        }
        for fixed in before.iter().flat_map(|before| &before.fixed) {
            let version = agent.versions.get(&fixed.number);
            let served = version.map(|version| self.served(&serving, version, None, None));
            serving.fixed.push(Fixed { served, ..fixed.clone() });
        }
        self.put_agent(place, serving, digest);
    }

    fn put_agent(&mut self, place: Option<u32>, serving: ServingAgent, digest: u64) {
        let id = serving.id.as_ref().clone();
        match place {
            Some(place) => drop(self.table.agents.set(place, Arc::new(serving))),
            None => {
                if let Some(place) = self.table.agents.alloc(Arc::new(serving)) {
                    self.table.agent_places.insert(id, place);
                    self.table.agent_digests.insert(digest, place);
                }
            }
        }
    }

    fn served(
        &self,
        agent: &ServingAgent,
        version: &Arc<Version>,
        environment: Option<Environment>,
        arm: Option<(&Split, &Arm)>,
    ) -> Arc<Served> {
        served(&self.table, self.workshop, &agent.id, &agent.agent, version, environment, arm)
    }

    fn split(&mut self, id: &SplitRef) {
        let place = self.table.split_places.get(id).copied();
        let before = place.and_then(|place| self.table.splits.get(place)).cloned();
        if let (Some(before), Some(place)) = (&before, place) {
            self.forget_split(&before.split, place);
        }
        let digest = digest(&id.account, id.split.as_str());
        let Some(split) = self.state.splits.get(id) else {
            if let Some(place) = place {
                self.table.splits.free(place);
                self.table.split_places.remove(id);
                self.table.split_digests.remove(&digest);
            }
            return;
        };
        let serving = Arc::new(ServingSplit {
            arms: split.arms.iter().map(|arm| self.arm(split, arm)).collect(),
            calls: before.map_or_else(|| Arc::new(AtomicU64::new(0)), |before| Arc::clone(&before.calls)),
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
        }
    }

    fn arm(&self, split: &Split, arm: &Arm) -> ServingArm {
        let id = AgentRef { account: split.account.clone(), agent: arm.agent.clone() };
        let served = self.table.agent(&id).and_then(|agent| {
            let version = agent.agent.resolve(arm.pin)?;
            Some(self.served(agent, version, arm.pin.environment(), Some((split, arm))))
        });
        ServingArm { served, id: arm.id.clone(), pin: arm.pin, weight: arm.weight }
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
            self.release(&before.route);
        }
        let Some(used) = self.state.routes.get(place) else { return };
        let route = Arc::clone(&used.route);
        self.retain(&route);
        let serving = self.resolve(&route).map(Arc::new);
        self.table.routes.set(place, serving);
    }

    fn account(&mut self, account: &AccountId) {
        if let Some(before) = self.table.accounts.remove(account) {
            let routes: Vec<_> = before
                .prefixes
                .iter()
                .map(|(_, route)| route)
                .chain(&before.default)
                .map(|r| Arc::clone(&r.route))
                .collect();
            for route in routes {
                self.release(&route);
            }
        }
        let mut routes = AccountRoutes::default();
        let from = (account.clone(), Prefix::FIRST);
        let own = self.state.prefixes.range_from(std::ops::Bound::Included(&from));
        let own: Vec<_> = own.take_while(|((owner, _), _)| owner == account).collect();
        for ((_, prefix), route) in own {
            self.retain(route);
            if let Some(serving) = self.resolve(route) {
                routes.lengths |= 1 << prefix.digits();
                routes.prefixes.insert(*prefix, Arc::new(serving));
            }
        }
        if let Some(route) = self.state.defaults.get(account) {
            self.retain(route);
            routes.default = self.resolve(route).map(Arc::new);
        }
        self.table.accounts.insert(account.clone(), Arc::new(routes));
    }

    fn resolve(&self, route: &Arc<Route>) -> Option<ServingRoute> {
        let place = |agent: &AgentId| {
            let id = AgentRef { account: route.account.clone(), agent: agent.clone() };
            self.table.agent_places.get(&id).copied()
        };
        let to = match &route.to {
            Destination::Agent { agent, pin } => To::Agent { agent: place(agent)?, pin: *pin },
            Destination::Split(split) => {
                let id = SplitRef { account: route.account.clone(), split: split.clone() };
                To::Split(*self.table.split_places.get(&id)?)
            }
        };
        let own = match to {
            To::Agent { agent, .. } => Some(agent),
            To::Split(_) => None,
        };
        let rules = route.header_rules.iter().filter_map(|rule| {
            let agent = match &rule.agent {
                Some(agent) => place(agent),
                None => own,
            };
            let test = match &rule.test {
                HeaderTest::Equals(text) => ServingTest::Equals(text.as_str().into()),
                HeaderTest::Prefix(text) => ServingTest::Prefix(text.as_str().into()),
                HeaderTest::Regex(text) => ServingTest::Regex(header_regex(text).ok()?),
            };
            Some(ServingRule { header: rule.header.as_str().into(), test, agent: agent?, pin: rule.pin })
        });
        Some(ServingRoute { to, rules: rules.collect(), route: Arc::clone(route) })
    }

    /// Notes that a route names versions by number, so that their agents keep them ready.
    fn retain(&mut self, route: &Route) {
        for (id, number) in named_versions(route) {
            let Some(agent) = self.table.agent(&id).cloned() else { continue };
            let version = agent.agent.versions.get(&number).cloned();
            let served = version.map(|version| self.served(&agent, &version, None, None));
            self.edit_agent(&id, |agent| {
                match agent.fixed.binary_search_by_key(&number, |fixed| fixed.number) {
                    Ok(at) => {
                        if let Some(fixed) = agent.fixed.get_mut(at) {
                            fixed.uses += 1;
                        }
                    }
                    Err(at) => agent.fixed.insert(at, Fixed { number, uses: 1, served }),
                }
            });
        }
    }

    fn release(&mut self, route: &Route) {
        for (id, number) in named_versions(route) {
            self.edit_agent(&id, |agent| {
                if let Ok(at) = agent.fixed.binary_search_by_key(&number, |fixed| fixed.number)
                    && let Some(fixed) = agent.fixed.get_mut(at)
                {
                    fixed.uses -= 1;
                    if fixed.uses == 0 {
                        agent.fixed.remove(at);
                    }
                }
            });
        }
    }
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

fn served(
    table: &RoutingTable,
    workshop: Workshop<'_>,
    id: &Arc<AgentRef>,
    agent: &Agent,
    version: &Arc<Version>,
    environment: Option<Environment>,
    arm: Option<(&Split, &Arm)>,
) -> Arc<Served> {
    Arc::new(Served {
        agent: Arc::clone(id),
        version: Arc::clone(version),
        environment,
        endpoints: table.endpoints_of(agent, version),
        body: workshop.shelf.take(&id.account, version.hash, workshop.bodies),
        series: series(workshop.series, id, version, environment, arm),
        written: OnceLock::new(),
    })
}

fn series(
    book: &SeriesBook,
    id: &AgentRef,
    version: &Version,
    environment: Option<Environment>,
    arm: Option<(&Split, &Arm)>,
) -> Arc<Series> {
    book.get(&SeriesKey {
        account: id.account.clone(),
        agent: id.agent.clone(),
        version: VersionLabel::of(version.number),
        environment,
        arm: arm.map(|(split, arm)| (split.id.clone(), arm.id.clone())),
    })
}
