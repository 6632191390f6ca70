//! The one map of numbers, which state and routing table share.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::domain::address::{Address, E164, Number};
use crate::domain::persistent::Map;
use crate::domain::route::Route;

/// The place of a route in the slab of routes. Never 0 inside, so that an empty slot of the map costs no extra byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteIx(NonZeroU32);

impl RouteIx {
    /// The handle of a place.
    #[must_use]
    pub fn new(place: u32) -> Option<Self> {
        place.checked_add(1).and_then(NonZeroU32::new).map(Self)
    }

    /// The place.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get() - 1
    }
}

/// A route and how many numbers use it.
#[derive(Debug, Clone)]
pub struct RouteUse {
    /// The route.
    pub route: Arc<Route>,
    /// Numbers that have it.
    pub numbers: u32,
}

/// Numbers to the places of their routes: 12 bytes a phone number besides the slack of the map.
#[derive(Debug, Clone, Default)]
pub struct NumberMap {
    /// Phone numbers.
    pub phones: Map<E164, RouteIx>,
    /// SIP users.
    pub users: Map<Arc<str>, RouteIx>,
}

impl NumberMap {
    /// The place of a number's route.
    #[must_use]
    pub fn get(&self, number: &Number) -> Option<RouteIx> {
        match number {
            Number::E164(phone) => self.phones.get(phone).copied(),
            Number::User(user) => self.users.get(user.as_ref()).copied(),
        }
    }

    /// The place of the route of an address that was dialled. Cost at 10 M numbers: one cold cache line.
    #[inline]
    #[must_use]
    pub fn look_up(&self, dialled: &Address<'_>) -> Option<RouteIx> {
        match dialled {
            Address::E164(phone) => self.phones.get(phone).copied(),
            Address::User(user) => self.users.get(user.as_ref()).copied(),
        }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.phones.len() + self.users.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
