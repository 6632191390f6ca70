//! What changes of routes and splits move: numbers, callers of splits, arms.
//!
//! What serves an ordinary call is compared before and after: one that no header rule matches, of a caller who is not
//! pinned. Cost: what changed, and, where a split serves otherwise, a look at every distinct route.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::address::{Number, Prefix};
use super::agent::AgentRef;
use super::change::{Change, SplitRef};
use super::id::{AccountId, AgentId, ArmId, ConfigHash, Pin, SplitId, VersionNumber};
use super::route::{Destination, Route};
use super::split::Split;
use super::split::slots::SLOTS;
use super::state::State;
use super::time::Timestamp;

/// What some changes move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// Numbers of which at least some ordinary calls are served by another agent, pin or version, or by nobody any more.
    pub numbers: u64,
    /// Callers of splits that are there before and after, where any slot has another arm.
    pub callers: Vec<CallerMoves>,
    /// Arms that serve otherwise.
    pub arms: Vec<ArmMoves>,
}

/// Which callers of a split get another arm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerMoves {
    /// The split.
    pub split: SplitId,
    /// How many of the 10,000 slots.
    pub moved_slots: usize,
    /// From which arm to which, and how many.
    pub flows: Vec<(ArmId, ArmId, usize)>,
}

/// An arm that serves otherwise; a side is nothing where the arm is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmMoves {
    /// The split.
    pub split: SplitId,
    /// The arm.
    pub arm: ArmId,
    /// Before.
    pub before: Option<ArmServes>,
    /// After.
    pub after: Option<ArmServes>,
}

/// What an arm does at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmServes {
    /// The agent.
    pub agent: AgentId,
    /// What of it.
    pub pin: Pin,
    /// Which version that is; nothing for a draft, and where the pin names nothing.
    pub version: Option<VersionNumber>,
    /// How many of the 10,000 slots it serves: all or none while the split rests.
    pub slots: usize,
}

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

impl Moves {
    /// What the facts that lead from one state to another move. Of numbers that only follow a split those count whose
    /// route is `seen`; that a number passes over an empty environment to a prefix or the default is followed only
    /// where its own route changed.
    #[must_use]
    pub fn between(
        before: &Scene<'_>,
        after: &Scene<'_>,
        facts: &[Change],
        seen: impl Fn(&Route) -> bool,
    ) -> Self {
        let mut books = Books::new(before, after);
        let (mut numbers, mut splits) = (BTreeSet::new(), BTreeSet::new());
        for fact in facts {
            match fact {
                Change::Numbers(changes) | Change::FileNumbers(changes) => numbers.extend(changes.names()),
                Change::SplitPut(split) => drop(splits.insert(&split.id)),
                Change::SplitRemoved(id) => drop(splits.insert(&id.split)),
                _ => {}
            }
        }
        let mut moves = Self::default();
        // One that came and went again never had a route of its own.
        numbers.retain(|number| before.routes(number) || after.routes(number));
        for number in &numbers {
            moves.numbers += u64::from(books.differs(&before.of_number(number), &after.of_number(number)));
        }
        let otherwise: BTreeSet<&SplitId> = splits
            .iter()
            .copied()
            .filter(|id| books.differs(&before.of_split(id), &after.of_split(id)))
            .collect();
        moves.numbers += followers(before, &otherwise, &numbers, seen);
        for id in splits {
            let (was, is) = (before.split(id), after.split(id));
            if let (Some(was), Some(is)) = (was, is)
                && was.birth() == is.birth()
            {
                moves.callers.extend(callers(before, after, was, is));
            }
            moves.arms.extend(arms(before, after, was, is));
        }
        moves
    }
}

/// Numbers that lead into these splits beforehand, and are not among those looked at one by one.
fn followers(
    before: &Scene<'_>,
    splits: &BTreeSet<&SplitId>,
    looked_at: &BTreeSet<Number>,
    seen: impl Fn(&Route) -> bool,
) -> u64 {
    if splits.is_empty() {
        return 0;
    }
    let follows = |route: &Route| {
        route.account == *before.account
            && matches!(&route.to, Destination::Split(split) if splits.contains(split))
            && seen(route)
    };
    let all = before.state.routes.iter().filter(|(_, used)| follows(&used.route));
    let all: u64 = all.map(|(_, used)| u64::from(used.numbers)).sum();
    let route = |number: &&Number| before.state.route(number).is_some_and(|route| follows(route));
    all.saturating_sub(looked_at.iter().filter(route).count() as u64)
}

/// An agent's version where it serves: what calls of one kind get.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Point {
    agent: AgentId,
    pin: Pin,
    number: Option<VersionNumber>,
    hash: ConfigHash,
}

/// What serves the ordinary calls of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Serves {
    /// Nothing: the next rule is asked, and after the last nobody serves.
    Nobody,
    /// The same for all callers.
    One(Point),
    /// More than one, by slot of this split.
    Many(SplitId),
}

impl<'s> Scene<'s> {
    fn split(&self, id: &SplitId) -> Option<&'s Split> {
        let id = SplitRef { account: self.account.clone(), split: id.clone() };
        self.state.splits.get(&id).map(AsRef::as_ref)
    }

    fn point(&self, agent: &AgentId, pin: Pin) -> Option<Point> {
        let id = AgentRef { account: self.account.clone(), agent: agent.clone() };
        let version = self.state.agents.get(&id)?.resolve(pin)?;
        Some(Point { agent: agent.clone(), pin, number: version.number, hash: version.hash })
    }

    /// Whether the slots of a split do not decide.
    fn rests(&self, split: &Split) -> bool {
        split.inactive(self.now).is_some()
            || split.call_quota.is_some_and(|quota| {
                let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
                (self.calls)(&id) >= quota
            })
    }

    /// The arm that serves each slot, by its position.
    fn serving_arms(&self, split: &Split) -> Vec<u8> {
        let slots = 0..u16::try_from(SLOTS).unwrap_or(u16::MAX);
        if self.rests(split) {
            return slots.map(|_| split.resting_arm()).collect();
        }
        slots.map(|slot| split.owners.arm(slot)).collect()
    }

    fn of_split(&self, id: &SplitId) -> Serves {
        let Some(split) = self.split(id) else { return Serves::Nobody };
        let serving: BTreeSet<u8> = self.serving_arms(split).into_iter().collect();
        let mut points = serving.into_iter().map(|at| {
            let arm = split.arms.get(usize::from(at))?;
            self.point(&arm.agent, arm.pin)
        });
        let Some(first) = points.next() else { return Serves::Nobody };
        if points.any(|point| point != first) {
            return Serves::Many(id.clone());
        }
        first.map_or(Serves::Nobody, Serves::One)
    }

    fn of_route(&self, route: &Route) -> Serves {
        match &route.to {
            Destination::Agent { agent, pin } => self.point(agent, *pin).map_or(Serves::Nobody, Serves::One),
            Destination::Split(split) => self.of_split(split),
        }
    }

    fn routes(&self, number: &Number) -> bool {
        self.state.route(number).is_some_and(|route| route.account == *self.account)
    }

    /// What serves a number: its own route, else the longest prefix, else the default route.
    fn of_number(&self, number: &Number) -> Serves {
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

/// Compares what serves, each split once.
struct Books<'s> {
    before: &'s Scene<'s>,
    after: &'s Scene<'s>,
    splits: HashMap<SplitId, bool>,
}

impl<'s> Books<'s> {
    fn new(before: &'s Scene<'s>, after: &'s Scene<'s>) -> Self {
        Self { before, after, splits: HashMap::new() }
    }

    fn differs(&mut self, was: &Serves, is: &Serves) -> bool {
        let (Serves::Many(was), Serves::Many(is)) = (was, is) else { return was != is };
        if was != is {
            // Each deals its callers in a way of its own.
            return true;
        }
        if let Some(differs) = self.splits.get(was) {
            return *differs;
        }
        let differs = self.deals_otherwise(was);
        self.splits.insert(was.clone(), differs);
        differs
    }

    fn deals_otherwise(&self, id: &SplitId) -> bool {
        let (Some(was), Some(is)) = (self.before.split(id), self.after.split(id)) else { return true };
        if was.birth() != is.birth() {
            return true;
        }
        let points = |scene: &Scene<'_>, split: &Split| -> Vec<Option<Point>> {
            split.arms.iter().map(|arm| scene.point(&arm.agent, arm.pin)).collect()
        };
        let (points_before, points_after) = (points(self.before, was), points(self.after, is));
        let arms = self.before.serving_arms(was).into_iter().zip(self.after.serving_arms(is));
        arms.into_iter()
            .any(|(was, is)| points_before.get(usize::from(was)) != points_after.get(usize::from(is)))
    }
}

fn callers(before: &Scene<'_>, after: &Scene<'_>, was: &Split, is: &Split) -> Option<CallerMoves> {
    let mut flows: BTreeMap<(u8, u8), usize> = BTreeMap::new();
    for pair in before.serving_arms(was).into_iter().zip(after.serving_arms(is)) {
        *flows.entry(pair).or_default() += 1;
    }
    let id = |split: &Split, at: u8| split.arms.get(usize::from(at)).map(|arm| arm.id.clone());
    let flows: Vec<_> = flows
        .into_iter()
        .filter_map(|((from, to), slots)| Some((id(was, from)?, id(is, to)?, slots)))
        .filter(|(from, to, _)| from != to)
        .collect();
    let moved_slots = flows.iter().map(|(.., slots)| slots).sum();
    (moved_slots > 0).then(|| CallerMoves { split: is.id.clone(), moved_slots, flows })
}

fn arms(before: &Scene<'_>, after: &Scene<'_>, was: Option<&Split>, is: Option<&Split>) -> Vec<ArmMoves> {
    let (mut before, mut after) = (serving(before, was), serving(after, is));
    // Those that are there now in their order, then those that are gone.
    let order = is.into_iter().chain(was).flat_map(|split| &split.arms);
    let moves = order.filter_map(|arm| {
        let split = is.or(was)?.id.clone();
        let (before, after) = (before.remove(&arm.id), after.remove(&arm.id));
        (before != after).then(|| ArmMoves { split, arm: arm.id.clone(), before, after })
    });
    moves.collect()
}

fn serving(scene: &Scene<'_>, split: Option<&Split>) -> BTreeMap<ArmId, ArmServes> {
    let Some(split) = split else { return BTreeMap::new() };
    let mut slots = [0; 256];
    for at in scene.serving_arms(split) {
        if let Some(slots) = slots.get_mut(usize::from(at)) {
            *slots += 1;
        }
    }
    let arms = split.arms.iter().zip(slots).map(|(arm, slots)| {
        let version = scene.point(&arm.agent, arm.pin).and_then(|point| point.number);
        (arm.id.clone(), ArmServes { agent: arm.agent.clone(), pin: arm.pin, version, slots })
    });
    arms.collect()
}

#[cfg(test)]
mod tests;
