//! Which calls are in a split, as it is shown: how many numbers lead into it, and the first of them by name.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::caller::Caller;
use crate::domain::address::Number;
use crate::domain::id::SplitId;
use crate::domain::route::Destination;
use crate::domain::state::State;

/// Most numbers of a split that are shown by name; all of them are at `GET /v1/numbers?splitId=`.
const NAMED_MAX: usize = 100;

/// Which calls are in a split.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = Scope)]
pub struct ScopeView {
    /// Calls to these numbers: the first 100, phone numbers by value, then SIP users by name. How many there are is
    /// `numberCount`; all of them are at `GET /v1/numbers?splitId=`.
    #[schema(value_type = Vec<String>, max_items = 100)]
    numbers: Vec<Number>,
}

/// What leads into one split.
#[derive(Debug, Clone, Default)]
pub(super) struct Leading {
    /// The first of the numbers.
    pub(super) scope: ScopeView,
    /// All of them.
    pub(super) count: u64,
}

/// What leads into some splits, as far as a caller may see.
pub(super) struct Scopes(HashMap<SplitId, Leading, FixedState>);

impl Scopes {
    /// Looks them up. Cost: a look at every distinct route, and, where numbers lead into them, at the numbers until
    /// the first of each are found.
    pub(super) fn of<'s>(caller: &Caller, state: &State, splits: impl Iterator<Item = &'s SplitId>) -> Self {
        let mut leading: HashMap<SplitId, Leading, FixedState> =
            splits.map(|split| (split.clone(), Leading::default())).collect();
        let mut places: HashMap<u32, SplitId, FixedState> = HashMap::default();
        let sight = caller.sight_in(state);
        for (place, used) in state.routes.iter() {
            if let Destination::Split(split) = &used.route.to
                && used.route.account == *caller.account()
                && sight.route(&used.route)
                && let Some(found) = leading.get_mut(split)
            {
                found.count += u64::from(used.numbers);
                places.insert(place, split.clone());
            }
        }
        name_first(state, &places, &mut leading);
        Self(leading)
    }

    /// What leads into one of them.
    pub(super) fn take(&mut self, split: &SplitId) -> Leading {
        self.0.remove(split).unwrap_or_default()
    }
}

fn name_first(
    state: &State,
    places: &HashMap<u32, SplitId, FixedState>,
    leading: &mut HashMap<SplitId, Leading, FixedState>,
) {
    let named = |found: &Leading| usize::try_from(found.count).unwrap_or(usize::MAX).min(NAMED_MAX);
    let mut missing: usize = leading.values().map(named).sum();
    let phones = state.numbers.phones.iter().map(|(phone, place)| (Number::E164(*phone), place));
    let users = state.numbers.users.iter().map(|(user, place)| (Number::User(Arc::clone(user)), place));
    let mut all = phones.chain(users);
    while missing > 0 {
        let Some((number, place)) = all.next() else { return };
        if let Some(found) = places.get(&place.get()).and_then(|split| leading.get_mut(split))
            && found.scope.numbers.len() < NAMED_MAX
        {
            found.scope.numbers.push(number);
            missing -= 1;
        }
    }
}
