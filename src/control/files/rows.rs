//! The numbers of a file, small and in order.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::domain::address::{E164, Number};
use crate::domain::files::{Keys, Place, Placed};
use crate::domain::id::AccountId;
use crate::domain::route::Route;

/// A number, its line, and the place of its route among those of its file: 16 bytes for a phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<K> {
    pub(super) key: K,
    pub(super) line: u32,
    pub(super) route: u32,
}

/// The numbers of one file, each once, by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Numbers {
    pub(super) phones: Vec<Row<E164>>,
    pub(super) users: Vec<Row<Arc<str>>>,
}

impl Numbers {
    pub(super) fn push(&mut self, number: Number, line: u32, route: u32) {
        match number {
            Number::E164(key) => self.phones.push(Row { key, line, route }),
            Number::User(key) => self.users.push(Row { key, line, route }),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.phones.len() + self.users.len()
    }

    /// The line of a number, and the place of its route.
    pub(super) fn find(&self, number: &Number) -> Option<(u32, u32)> {
        match number {
            Number::E164(phone) => find(&self.phones, |key| key.cmp(phone)),
            Number::User(user) => find(&self.users, |key| key.as_ref().cmp(user.as_ref())),
        }
    }

    /// Sorts, and tells each number that is there twice with both its lines; only the first stays.
    pub(super) fn settle(&mut self, mut twice: impl FnMut(Number, u32, u32)) {
        settle(&mut self.phones, |key, first, again| twice(Number::E164(*key), first, again));
        settle(&mut self.users, |key, first, again| twice(Number::User(Arc::clone(key)), first, again));
    }
}

fn find<K>(rows: &[Row<K>], order: impl Fn(&K) -> Ordering) -> Option<(u32, u32)> {
    let at = rows.binary_search_by(|row| order(&row.key)).ok()?;
    rows.get(at).map(|row| (row.line, row.route))
}

fn settle<K: Ord>(rows: &mut Vec<Row<K>>, mut twice: impl FnMut(&K, u32, u32)) {
    let order = |a: &Row<K>, b: &Row<K>| a.key.cmp(&b.key).then(a.line.cmp(&b.line));
    rows.sort_unstable_by(order);
    rows.shrink_to_fit();
    let mut any = false;
    for pair in rows.windows(2) {
        if let [first, again] = pair
            && first.key.cmp(&again.key) == Ordering::Equal
        {
            twice(&again.key, first.line, again.line);
            any = true;
        }
    }
    if any {
        rows.dedup_by(|again, first| again.key == first.key);
    }
}

/// Values each of which is kept once, with a dense place.
pub(super) struct Interner<T>(HashMap<T, u32, FixedState>);

impl<T: Eq + Hash> Interner<T> {
    /// The place of a value, and whether it is new.
    pub(super) fn place(&mut self, value: T) -> (u32, bool) {
        let next = super::origin::small(self.0.len());
        let place = *self.0.entry(value).or_insert(next);
        (place, place == next)
    }

    /// The values by their places.
    pub(super) fn into_values(self) -> Vec<T> {
        let mut values: Vec<(u32, T)> = self.0.into_iter().map(|(value, place)| (place, value)).collect();
        values.sort_unstable_by_key(|(place, _)| *place);
        values.into_iter().map(|(_, value)| value).collect()
    }
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

/// The distinct routes of a file's numbers.
#[derive(Default)]
pub(super) struct Routes {
    routes: Interner<Arc<Route>>,
    places: Vec<(Place, Keys)>,
}

/// Where a number leads whose route is at fault: nowhere, but it is a number all the same.
pub(super) const NOWHERE: u32 = u32::MAX;

impl Routes {
    /// The place of a route, first written at `place`, where its values stand as its keys say.
    pub(super) fn place(&mut self, route: Arc<Route>, place: impl FnOnce() -> (Place, Keys)) -> u32 {
        let (at, is_new) = self.routes.place(route);
        if is_new {
            self.places.push(place());
        }
        at
    }

    /// The routes by their places, as routes of an account.
    pub(super) fn of(self, account: &AccountId) -> Vec<Placed<Arc<Route>>> {
        let routes = self.routes.into_values().into_iter().zip(self.places);
        routes.map(|(route, (at, keys))| Placed { at, keys, value: owned_by(account, route) }).collect()
    }
}

/// The same route, of an account.
pub(super) fn owned_by(account: &AccountId, route: Arc<Route>) -> Arc<Route> {
    if route.account == *account {
        return route;
    }
    Arc::new(Route { account: account.clone(), ..Arc::unwrap_or_clone(route) })
}
