//! The rows of an import, in little memory.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::{RowFault, RowFaults};
use crate::domain::address::{E164, Number};
use crate::domain::id::SiteVariantId;
use crate::domain::route::Destination;

/// What a row says of the route of its number. Whatever else an existing number has stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Said {
    /// What serves.
    pub to: Destination,
    /// Its site.
    pub site: SaidSite,
}

/// What a row says of the site variant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SaidSite {
    /// Nothing: it stays as it is.
    Kept,
    /// That it is this one, or the version's default.
    Put(Option<SiteVariantId>),
}

/// What a row says, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line on which it begins, from 1.
    pub line: u32,
    /// Which of the things that rows say.
    pub said: u32,
}

/// Rows of an import: 16 bytes a phone number, and what they say, each different thing once.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    said: Vec<Said>,
    said_places: HashMap<Said, u32, FixedState>,
    phones: Vec<(E164, Place)>,
    users: Vec<(Arc<str>, Place)>,
}

impl Rows {
    /// The place of something that rows say, for [`Rows::push`].
    pub fn said(&mut self, said: Said) -> u32 {
        if let Some(place) = self.said_places.get(&said) {
            return *place;
        }
        let place = u32::try_from(self.said.len()).unwrap_or(u32::MAX);
        self.said.push(said.clone());
        self.said_places.insert(said, place);
        place
    }

    /// Adds a row.
    pub fn push(&mut self, number: Number, place: Place) {
        match number {
            Number::E164(phone) => self.phones.push((phone, place)),
            Number::User(user) => self.users.push((user, place)),
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.phones.len() + self.users.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts the rows in the order of their numbers, each number once: a second row of a number is a fault.
    pub fn order(&mut self, faults: &mut RowFaults) {
        order(&mut self.phones, Number::E164, faults);
        order(&mut self.users, Number::User, faults);
        self.said_places = HashMap::default();
    }

    /// What a row says.
    pub(in crate::domain) fn said_at(&self, place: Place) -> Option<&Said> {
        self.said.get(place.said as usize)
    }

    /// Rows of phone numbers, in order.
    pub(in crate::domain) fn phones(&self) -> &[(E164, Place)] {
        &self.phones
    }

    /// Rows of SIP users, in order.
    pub(in crate::domain) fn users(&self) -> &[(Arc<str>, Place)] {
        &self.users
    }

    /// The row of a number, once they are in order.
    pub(in crate::domain) fn row_of(&self, number: &Number) -> Option<Place> {
        match number {
            Number::E164(phone) => find(&self.phones, phone),
            Number::User(user) => find(&self.users, user),
        }
    }
}

fn find<K: Ord>(rows: &[(K, Place)], key: &K) -> Option<Place> {
    let at = rows.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
    rows.get(at).map(|(_, place)| *place)
}

fn order<K: Ord + Clone>(rows: &mut Vec<(K, Place)>, named: impl Fn(K) -> Number, faults: &mut RowFaults) {
    rows.sort_unstable();
    rows.dedup_by(|(again, second), (number, first)| {
        if again != number {
            return false;
        }
        let number = named(number.clone());
        faults.push(RowFault {
            line: second.line,
            field: "number".to_owned(),
            message: format!("{number} is on line {} already: expected each number once", first.line),
            code: "VALIDATION_FAILED",
        });
        true
    });
}
