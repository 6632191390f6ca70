//! A state at a moment, and what serves in it.

use std::collections::BTreeSet;
use std::fmt;

use crate::domain::address::{Number, Prefix};
use crate::domain::agent::AgentRef;
use crate::domain::change::SplitRef;
use crate::domain::id::{AccountId, AgentId, ConfigHash, Pin, SplitId, VersionNumber};
use crate::domain::route::{Destination, ManagedBy, Route};
use crate::domain::split::slots::SLOTS;
use crate::domain::split::{Arm, EnvironmentScope, Split};
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// A state at a moment, as calls of an account meet it.
pub struct Scene<'s> {
    /// The state.
    pub state: &'s State,
    /// Whose calls.
    pub account: &'s AccountId,
    /// The moment.
    pub now: Timestamp,
    /// How many calls a split of a quota has had.
    pub calls: &'s dyn Fn(&SplitRef) -> u64,
}

impl fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene")
            .field("account", &self.account)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// An agent's version where it serves: what calls of one kind get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) agent: AgentId,
    pub(super) pin: Pin,
    pub(super) number: Option<VersionNumber>,
    pub(super) hash: ConfigHash,
}

/// What serves the ordinary calls of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Serves {
    /// Nothing: the next rule is asked, and after the last nobody serves.
    Nobody,
    /// The same for all callers.
    One(Point),
    /// More than one, by slot of this split.
    Many(SplitId),
}

impl<'s> Scene<'s> {
    pub(super) fn split(&self, id: &SplitId) -> Option<&'s Split> {
        let id = SplitRef { account: self.account.clone(), split: id.clone() };
        self.state.splits.get(&id).map(AsRef::as_ref)
    }

    pub(super) fn point(&self, agent: &AgentId, pin: Pin) -> Option<Point> {
        let id = AgentRef { account: self.account.clone(), agent: agent.clone() };
        let version = self.state.agents.get(&id)?.resolve(pin)?;
        Some(Point { agent: agent.clone(), pin, number: version.number, hash: version.hash })
    }

    /// What an arm serves.
    pub(super) fn point_of(&self, split: &Split, arm: &Arm) -> Option<Point> {
        let point = self.point(&arm.agent, arm.pin)?;
        Some(Point { pin: split.pin_of(arm), ..point })
    }

    /// Whether the slots of a split do not decide.
    pub(super) fn rests(&self, split: &Split) -> bool {
        split.inactive(self.now).is_some()
            || split.call_quota.is_some_and(|quota| {
                let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
                (self.calls)(&id) >= quota
            })
    }

    /// The arm that serves each slot, by its position.
    pub(super) fn serving_arms(&self, split: &Split) -> Vec<u8> {
        let slots = 0..u16::try_from(SLOTS).unwrap_or(u16::MAX);
        if self.rests(split) {
            return slots.map(|_| split.resting_arm()).collect();
        }
        slots.map(|slot| split.owners.arm(slot)).collect()
    }

    /// What serves the calls of an environment, whether a split tests it or none does.
    pub(super) fn of_scope(&self, EnvironmentScope { agent, environment }: &EnvironmentScope) -> Serves {
        let to = Destination::Agent { agent: agent.clone(), pin: Pin::Environment(*environment) };
        self.of_route(&Route::plain(self.account.clone(), ManagedBy::Api, to))
    }

    pub(super) fn of_split(&self, id: &SplitId) -> Serves {
        let Some(split) = self.split(id) else { return Serves::Nobody };
        let serving: BTreeSet<u8> = self.serving_arms(split).into_iter().collect();
        let mut points = serving.into_iter().map(|at| self.point_of(split, split.arms.get(usize::from(at))?));
        let Some(first) = points.next() else { return Serves::Nobody };
        if points.any(|point| point != first) {
            return Serves::Many(id.clone());
        }
        first.map_or(Serves::Nobody, Serves::One)
    }

    pub(super) fn of_route(&self, route: &Route) -> Serves {
        match (self.state.split_of(route), &route.to) {
            (Some(split), _) => self.of_split(split),
            (None, Destination::Agent { agent, pin }) => {
                self.point(agent, *pin).map_or(Serves::Nobody, Serves::One)
            }
            (None, Destination::Split(_)) => Serves::Nobody,
        }
    }

    pub(super) fn routes(&self, number: &Number) -> bool {
        self.state.route(number).is_some_and(|route| route.account == *self.account)
    }

    /// What serves a number: its own route, else the longest prefix, else the default route.
    pub(super) fn of_number(&self, number: &Number) -> Serves {
        let own = self.state.route(number).filter(|route| route.account == *self.account);
        let prefixes = match number {
            Number::E164(phone) => Some(*phone),
            Number::User(_) => None,
        };
        let prefixes = prefixes.into_iter().flat_map(|phone| {
            (1..=15).rev().filter_map(move |digits| {
                self.state.prefixes.get(&(self.account.clone(), Prefix::of(phone, digits)?))
            })
        });
        let routes = own.into_iter().chain(prefixes).chain(self.state.defaults.get(self.account));
        routes
            .map(|route| self.of_route(route))
            .find(|serves| *serves != Serves::Nobody)
            .unwrap_or(Serves::Nobody)
    }
}
