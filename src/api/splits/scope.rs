//! Which calls are in a split, as it is shown: how many numbers lead into it, and the first of them by name.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::caller::Caller;
use crate::domain::address::Number;
use crate::domain::id::{AgentId, Environment, SplitId};
use crate::domain::split::{EnvironmentScope, Split};
use crate::domain::state::State;

/// Most numbers of a split that are shown by name; all of them are at `GET /v1/numbers?splitId=`.
const NAMED_MAX: usize = 100;

/// Which calls are in a split.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Scope)]
pub enum ScopeView {
    /// Those to some numbers.
    #[schema(title = "Numbers")]
    Numbers {
        /// The first 100, phone numbers by value, then SIP users by name. How many there are is `numberCount`; all of
        /// them are at `GET /v1/numbers?splitId=`.
        #[schema(value_type = Vec<String>, max_items = 100)]
        numbers: Vec<Number>,
    },
    /// Those that lead to an environment of an agent.
    #[schema(title = "Environment")]
    Environment {
        /// The agent.
        #[serde(rename = "agentId")]
        #[schema(value_type = String)]
        agent: AgentId,
        /// `live`.
        #[schema(value_type = String)]
        environment: Environment,
    },
}

impl Default for ScopeView {
    fn default() -> Self {
        Self::Numbers { numbers: Vec::new() }
    }
}

impl ScopeView {
    fn of(split: &Split) -> Self {
        match &split.scope {
            Some(EnvironmentScope { agent, environment }) => {
                Self::Environment { agent: agent.clone(), environment: *environment }
            }
            None => Self::default(),
        }
    }
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
    pub(super) fn of<'s>(caller: &Caller, state: &State, splits: impl Iterator<Item = &'s Split>) -> Self {
        let leading = |split: &Split| Leading { scope: ScopeView::of(split), count: 0 };
        let mut leading: HashMap<SplitId, Leading, FixedState> =
            splits.map(|split| (split.id.clone(), leading(split))).collect();
        let mut places: HashMap<u32, SplitId, FixedState> = HashMap::default();
        let sight = caller.sight_in(state);
        for (place, used) in state.routes.iter() {
            if used.route.account == *caller.account()
                && let Some(split) = state.split_of(&used.route)
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
    let named = |found: &Leading| match found.scope {
        ScopeView::Numbers { .. } => usize::try_from(found.count).unwrap_or(usize::MAX).min(NAMED_MAX),
        ScopeView::Environment { .. } => 0,
    };
    let mut missing: usize = leading.values().map(named).sum();
    let phones = state.numbers.phones.iter().map(|(phone, place)| (Number::E164(*phone), place));
    let users = state.numbers.users.iter().map(|(user, place)| (Number::User(Arc::clone(user)), place));
    let mut all = phones.chain(users);
    while missing > 0 {
        let Some((number, place)) = all.next() else { return };
        if let Some(found) = places.get(&place.get()).and_then(|split| leading.get_mut(split))
            && let ScopeView::Numbers { numbers } = &mut found.scope
            && numbers.len() < NAMED_MAX
        {
            numbers.push(number);
            missing -= 1;
        }
    }
}
