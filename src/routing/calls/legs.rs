//! The legs of one call id: one for each number that was dialled through each gateway.

use std::cmp::Ordering;

use super::{Leg, Placed};
use crate::domain::address::{Address, Number};

/// Most legs of one call id.
pub const LEGS_MAX: usize = 1_024;

/// The legs of one call id, never none.
///
/// Cost: a leg is found by at most ten comparisons, and nearly always by the first.
#[derive(Debug)]
pub(super) struct Legs {
    /// Nearly always the only one: kept in place, without an allocation of its own.
    first: Placed,
    more: Option<Box<More>>,
}

/// The legs after the first.
#[derive(Debug, Default)]
struct More {
    /// As they came.
    legs: Vec<Placed>,
    /// Their places, in the order of what was dialled and through which gateway.
    by_name: Vec<u16>,
}

impl Legs {
    pub(super) fn new(first: Placed) -> Self {
        Self { first, more: None }
    }

    /// The first that came of those that are left.
    pub(super) fn first(&self) -> &Leg {
        &self.first.leg
    }

    /// The leg to a number through a gateway.
    pub(super) fn find(&self, to: &Address<'_>, gateway: &str) -> Option<&Leg> {
        if order(&self.first.leg, to, gateway).is_eq() {
            return Some(&self.first.leg);
        }
        let more = self.more.as_ref()?;
        let place = more.search(to, gateway).ok()?;
        more.at(place)
    }

    /// Takes a leg that is not here yet; `false` where there are too many.
    pub(super) fn push(&mut self, placed: Placed) -> bool {
        let more = self.more.get_or_insert_default();
        let Ok(last) = u16::try_from(more.legs.len()) else { return false };
        match more.search(&placed.leg.to.as_address(), placed.leg.names.gateway()) {
            Err(place) if more.legs.len() + 1 < LEGS_MAX => {
                more.by_name.insert(place, last);
                more.legs.push(placed);
                true
            }
            _ => false,
        }
    }

    /// All of them, the newest last.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Leg> {
        let more = self.more.iter().flat_map(|more| &more.legs);
        std::iter::once(&self.first).chain(more).map(|placed| &placed.leg)
    }

    /// All of them, the newest last. What a leg is found by must stay as it is.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Placed> {
        std::iter::once(&mut self.first).chain(self.more.iter_mut().flat_map(|more| &mut more.legs))
    }

    /// Forgets the legs that do not stay; `false` where none does, and then one is left to be dropped.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&mut Placed) -> bool) -> bool {
        let Some(more) = &mut self.more else { return stays(&mut self.first) };
        let before = more.legs.len();
        more.legs.retain_mut(&mut stays);
        if !stays(&mut self.first) {
            if more.legs.is_empty() {
                return false;
            }
            self.first = more.legs.remove(0);
        }
        if more.legs.is_empty() {
            self.more = None;
        } else if more.legs.len() < before {
            more.sort();
        }
        true
    }
}

impl More {
    fn at(&self, place: usize) -> Option<&Leg> {
        self.legs.get(usize::from(*self.by_name.get(place)?)).map(|placed| &placed.leg)
    }

    fn search(&self, to: &Address<'_>, gateway: &str) -> Result<usize, usize> {
        self.by_name.binary_search_by(|at| {
            self.legs
                .get(usize::from(*at))
                .map_or(Ordering::Greater, |placed| order(&placed.leg, to, gateway))
        })
    }

    fn sort(&mut self) {
        let Self { legs, by_name } = self;
        by_name.clear();
        by_name.extend((0..).take(legs.len()));
        let name =
            |at: &u16| legs.get(usize::from(*at)).map(|placed| (&placed.leg.to, placed.leg.names.gateway()));
        by_name.sort_unstable_by(|a, b| name(a).cmp(&name(b)));
    }
}

/// Where a leg stands to a number and a gateway.
fn order(leg: &Leg, to: &Address<'_>, gateway: &str) -> Ordering {
    let by_number = match (&leg.to, to) {
        (Number::E164(a), Address::E164(b)) => a.cmp(b),
        (Number::User(a), Address::User(b)) => (**a).cmp(&**b),
        (Number::E164(_), Address::User(_)) => Ordering::Less,
        (Number::User(_), Address::E164(_)) => Ordering::Greater,
    };
    by_number.then_with(|| leg.names.gateway().cmp(gateway))
}
