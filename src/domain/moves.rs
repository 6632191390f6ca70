//! What changes of routes and splits move: numbers, callers of splits, arms.
//!
//! What serves an ordinary call is compared before and after: one that no header rule matches, of a caller who is not
//! pinned. Cost: what changed, and, where a split serves otherwise, a look at every distinct route.

mod books;
mod following;
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use super::address::Number;
use super::change::Change;
use super::id::{AgentId, ArmId, Pin, SplitId, VersionNumber};
use super::route::{Destination, Route};
use super::split::Split;
use books::Books;

pub use following::{Followers, Following};
pub use scene::Scene;

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
            .filter(|id| {
                let scope = [after, before].into_iter().find_map(|scene| scene.split(id)?.scope.as_ref());
                match scope {
                    Some(scope) => books.differs(&before.of_scope(scope), &after.of_scope(scope)),
                    None => books.differs(&before.of_split(id), &after.of_split(id)),
                }
            })
            .collect();
        moves.numbers += followers((before, after), &otherwise, &numbers, seen);
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

/// Numbers that these splits deal with, by a route of beforehand, and that are not among those looked at one by one.
fn followers(
    (before, after): (&Scene<'_>, &Scene<'_>),
    splits: &BTreeSet<&SplitId>,
    looked_at: &BTreeSet<Number>,
    seen: impl Fn(&Route) -> bool,
) -> u64 {
    if splits.is_empty() {
        return 0;
    }
    let scopes = splits.iter().filter_map(|id| after.split(id).or(before.split(id))?.scope.as_ref());
    let scopes: Vec<_> = scopes.map(|scope| (&scope.agent, Pin::Environment(scope.environment))).collect();
    let dealt = |route: &Route| match &route.to {
        Destination::Split(split) => splits.contains(split),
        Destination::Agent { agent, pin } => scopes.contains(&(agent, *pin)),
    };
    let follows = |route: &Route| route.account == *before.account && dealt(route) && seen(route);
    let all = before.state.routes.iter().filter(|(_, used)| follows(&used.route));
    let all: u64 = all.map(|(_, used)| u64::from(used.numbers)).sum();
    let route = |number: &&Number| before.state.route(number).is_some_and(|route| follows(route));
    all.saturating_sub(looked_at.iter().filter(route).count() as u64)
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
