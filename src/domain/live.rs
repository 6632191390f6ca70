//! Whether a change reaches `live`: gives calls to a pin to it, or takes calls from one.

use super::change::{Change, SplitRef};
use super::id::{Environment, Pin};
use super::route::{Destination, Route};
use super::split::Split;
use super::state::State;

/// Whether a fact that leads from one state to another reaches `live`. A split's name moves no call.
#[must_use]
pub fn reaches_live(before: &State, after: &State, fact: &Change) -> bool {
    let routes = |was: Option<&Route>, is: Option<&Route>| {
        was.is_some_and(|route| before.leads_to_live(route))
            || is.is_some_and(|route| after.leads_to_live(route))
    };
    match fact {
        Change::Numbers(numbers) => {
            let was = numbers.names().any(|number| routes(before.route(&number).map(AsRef::as_ref), None));
            was || numbers.routes.iter().any(|route| routes(None, Some(route)))
        }
        Change::PrefixPut { prefix, route } => {
            let was = before.prefixes.get(&(route.account.clone(), *prefix));
            routes(was.map(AsRef::as_ref), Some(route))
        }
        Change::PrefixRemoved { account, prefix } => {
            routes(before.prefixes.get(&(account.clone(), *prefix)).map(AsRef::as_ref), None)
        }
        Change::DefaultPut { route } => {
            routes(before.defaults.get(&route.account).map(AsRef::as_ref), Some(route))
        }
        Change::DefaultRemoved { account } => routes(before.defaults.get(account).map(AsRef::as_ref), None),
        Change::SplitPut(split) => {
            let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
            let was = before.splits.get(&id);
            let same = was.is_some_and(|was| is_renamed(was, split));
            !same && was.into_iter().chain([split]).any(|split| has_live_arm(split))
        }
        Change::CallerPinPut(pin) => {
            let was = before.caller_pins.get(&pin.id);
            was.into_iter().chain([pin]).any(|pin| is_live(pin.pin))
        }
        Change::CallerPinRemoved(id) => before.caller_pins.get(id).is_some_and(|pin| is_live(pin.pin)),
        Change::Deployed { deployment, .. } => deployment.environment == Environment::Live,
        Change::EnvironmentEmptied { environment, .. } => *environment == Environment::Live,
        // Nothing leads into a split that goes.
        _ => false,
    }
}

impl State {
    /// Whether a route leads to `live`: by its pin, by a header rule, or by an arm of its split.
    pub(super) fn leads_to_live(&self, route: &Route) -> bool {
        route.pins().any(|(_, pin)| is_live(pin))
            || match &route.to {
                Destination::Agent { .. } => false,
                Destination::Split(split) => {
                    let id = SplitRef { account: route.account.clone(), split: split.clone() };
                    self.splits.get(&id).is_some_and(|split| has_live_arm(split))
                }
            }
    }
}

fn is_live(pin: Pin) -> bool {
    pin == Pin::Environment(Environment::Live)
}

fn has_live_arm(split: &Split) -> bool {
    split.arms.iter().any(|arm| is_live(arm.pin))
}

/// Whether nothing but names is other than before.
fn is_renamed(was: &Split, is: &Split) -> bool {
    let nameless = |split: &Split| {
        let mut split = Split { name: String::new(), updated_at: was.updated_at, ..split.clone() };
        split.arms.iter_mut().for_each(|arm| arm.name.clear());
        split
    };
    nameless(was) == nameless(is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Prefix;
    use crate::domain::command::{Action, ArmPatch, SplitPatch};
    use crate::domain::testing::*;

    /// Whether an action reaches live in a world with a number at live, one at V1, and a split of each kind.
    fn reaches(action: Action) -> bool {
        let mut state = world();
        for (id, to) in [("hot", "sales@live"), ("cold", "sales@V1")] {
            state
                .act(Action::CreateSplit { split: split(id, &[("a", to, 1)]), numbers: Vec::new() })
                .unwrap();
        }
        state.put("+14155550100", "sales@live").unwrap();
        state.put("+14155550101", "sales@V1").unwrap();
        state.put("+14155550102", "split:hot").unwrap();
        state.act(put_caller_pin(caller_pin("alice", "sales@live"))).unwrap();
        let before = state.clone();
        let outcome = state.act(action).unwrap();
        outcome.changes.iter().any(|fact| reaches_live(&before, &state, fact))
    }

    fn patch(id: &str, patch: SplitPatch) -> Action {
        Action::PatchSplit { id: id.parse().unwrap(), patch }
    }

    #[test]
    fn what_gives_calls_to_live_or_takes_them_reaches_it() {
        let put = |text: &str, to: &str| Action::PutNumber { number: number(text), route: route(to) };
        let prefix = Prefix::parse("+1415").unwrap();
        let paused = SplitPatch { paused: Some(true), ..SplitPatch::default() };
        let with_number = SplitPatch { numbers: vec![number("+14155550100")], ..SplitPatch::default() };
        for action in [
            put("+14155550101", "sales@live"),
            put("+14155550100", "sales@V1"),
            put("+14155550101", "split:hot"),
            Action::DeleteNumber(number("+14155550102")),
            Action::PutPrefix { prefix, route: route("sales@live") },
            Action::PutDefault(route("split:hot")),
            Action::CreateSplit { split: split("new", &[("a", "sales@live", 1)]), numbers: Vec::new() },
            patch("hot", paused.clone()),
            patch("cold", with_number),
            Action::EndSplit { id: "hot".parse().unwrap(), winner: "a".parse().unwrap() },
            put_caller_pin(caller_pin("bob", "sales@live")),
            put_caller_pin(caller_pin("alice", "sales@V1")),
            delete_caller_pin(&caller_pin("alice", "sales@V1")),
        ] {
            assert!(reaches(action.clone()), "{action:?}");
        }
        let named = SplitPatch { name: Some("Hot".to_owned()), ..SplitPatch::default() };
        let arm = ArmPatch { name: Some("Arm".to_owned()), ..arm_patch("a") };
        for action in [
            put("+14155550101", "sales@V2"),
            put("+14155550100", "sales@live"),
            Action::DeleteNumber(number("+14155550101")),
            Action::PutPrefix { prefix, route: route("sales@V1") },
            patch("cold", paused),
            patch("hot", named),
            patch("hot", SplitPatch { arms: vec![arm], ..SplitPatch::default() }),
            put_caller_pin(caller_pin("bob", "sales@V1")),
        ] {
            assert!(!reaches(action.clone()), "{action:?}");
        }
    }
}
