//! Which part of a fact is kept: what the route files hold, they keep themselves.

use std::borrow::Cow;

use crate::domain::change::{Change, NumberChanges};
use crate::domain::object::Object;
use crate::domain::route::{ManagedBy, Route};

/// The fact as it is stored, if anything of it is.
///
/// Rows and log are both made from this, so that the log replayed is always the present, but for what is not
/// [`logged`]. What goes over to the files
/// is, to the store, gone.
pub(super) fn durable(change: &Change) -> Option<Cow<'_, Change>> {
    match change {
        Change::FileNumbers(_) => None,
        Change::PrefixPut { prefix, route } if of_files(route) => {
            Some(Cow::Owned(Change::PrefixRemoved { account: route.account.clone(), prefix: *prefix }))
        }
        Change::DefaultPut { route } if of_files(route) => {
            Some(Cow::Owned(Change::DefaultRemoved { account: route.account.clone() }))
        }
        Change::CallerPinPut(pin) if pin.managed_by == ManagedBy::Files => {
            Some(Cow::Owned(Change::CallerPinRemoved(pin.id.clone())))
        }
        Change::Numbers(numbers) if numbers.routes.iter().any(|route| of_files(route)) => {
            Some(Cow::Owned(Change::Numbers(without_files(numbers))))
        }
        other => Some(Cow::Borrowed(other)),
    }
}

/// Whether the log keeps a fact besides the rows. Its lines are never altered, and callers must not be in it for ever.
pub(super) fn logged(change: &Change) -> bool {
    match change {
        Change::CallerPinPut(_) | Change::CallerPinRemoved(_) => false,
        Change::Shadowed(id) | Change::Unshadowed(id) => !matches!(id.object, Object::CallerPin { .. }),
        _ => true,
    }
}

/// The same numbers with those of the files released.
fn without_files(numbers: &NumberChanges) -> NumberChanges {
    let mut kept = NumberChanges::default();
    let mut places = Vec::with_capacity(numbers.routes.len());
    for route in &numbers.routes {
        places.push(if of_files(route) { None } else { u32::try_from(kept.routes.len()).ok() });
        if !of_files(route) {
            kept.routes.push(route.clone());
        }
    }
    let place = |at: Option<u32>| places.get(at? as usize).copied().flatten();
    kept.phones = numbers.phones.iter().map(|(phone, at)| (*phone, place(*at))).collect();
    kept.users = numbers.users.iter().map(|(user, at)| (user.clone(), place(*at))).collect();
    kept
}

fn of_files(route: &Route) -> bool {
    route.managed_by == ManagedBy::Files
}
