//! What a change is about, as `GET` shows it.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use crate::api::Management;
use crate::api::caller::Caller;
use crate::api::caller_pins::CallerPinView;
use crate::api::numbers::NumberView;
use crate::api::prefixes::PrefixView;
use crate::api::route::RouteView;
use crate::api::splits::SplitView;
use crate::domain::caller_pin::CallerPinRef;
use crate::domain::change::{Change, SplitRef};
use crate::domain::command::Action;
use crate::domain::id::SplitId;
use crate::domain::route::{Destination, Route};
use crate::domain::state::State;

/// Shows objects in states that follow each other.
pub(super) struct Objects<'p> {
    management: &'p Management,
    caller: &'p Caller,
    /// How many numbers lead into each split, once anybody has asked.
    counts: Option<HashMap<SplitId, u64>>,
}

impl<'p> Objects<'p> {
    pub(super) fn new(management: &'p Management, caller: &'p Caller) -> Self {
        Self { management, caller, counts: None }
    }

    /// What an action is about, in a state; nothing where it is not there. Of a split, the numbers that lead into it are
    /// counted, not named.
    pub(super) fn show(&mut self, state: &State, action: &Action) -> Option<Value> {
        let account = self.caller.account();
        match action {
            Action::PutNumber { number, .. } | Action::DeleteNumber(number) => {
                let route = state.route(number).filter(|route| route.account == *account)?;
                json(&NumberView::of(state, number.clone(), route))
            }
            Action::PutPrefix { prefix, .. } | Action::DeletePrefix(prefix) => {
                let route = state.prefixes.get(&(account.clone(), *prefix))?;
                json(&PrefixView::of(state, *prefix, route))
            }
            Action::PutDefault(_) | Action::DeleteDefault => {
                json(&RouteView::of(state, state.defaults.get(account)?))
            }
            Action::PutCallerPin { pin, .. } => self.caller_pin(state, &pin.id),
            Action::DeleteCallerPin { id, .. } => self.caller_pin(state, id),
            Action::CreateSplit { split, .. } => self.split(state, &split.id),
            Action::PatchSplit { id, .. } | Action::EndSplit { id, .. } | Action::DeleteSplit(id) => {
                self.split(state, id)
            }
            Action::CreateAccount { .. }
            | Action::PatchAccount { .. }
            | Action::Agent { .. }
            | Action::ReplaceKey(_)
            | Action::CreateKey(_)
            | Action::DeleteKey(_)
            | Action::ApplyFiles(_)
            | Action::ImportNumbers(_)
            | Action::ImportAccount(_)
            | Action::Adopt(_)
            | Action::Release { .. }
            | Action::Several(_) => None,
        }
    }

    fn caller_pin(&self, state: &State, id: &CallerPinRef) -> Option<Value> {
        let pin = state.caller_pins.get(id)?;
        json(&CallerPinView::of(self.management, pin, state.warnings_of_caller_pin(pin)))
    }

    fn split(&mut self, state: &State, id: &SplitId) -> Option<Value> {
        let key = SplitRef { account: self.caller.account().clone(), split: id.clone() };
        let split = state.splits.get(&key)?;
        // Whether the key may see it is judged only behind this.
        if !self.caller.sight_in(state).split(split) {
            return None;
        }
        let caller = self.caller;
        let count = self.counts.get_or_insert_with(|| counted(caller, state)).get(id).copied();
        let mut shown = json(&SplitView::counted(self.management, state, split, count.unwrap_or_default()))?;
        shown.as_object_mut().map(|members| members.remove("scope"));
        Some(shown)
    }

    /// Keeps the counts right from one state to the next.
    pub(super) fn follow(&mut self, before: &State, after: &State, facts: &[Change]) {
        let Some(counts) = &mut self.counts else { return };
        for fact in facts {
            let Change::Numbers(numbers) = fact else { continue };
            for number in numbers.names() {
                if let Some(split) = before.route(&number).and_then(|route| seen(self.caller, before, route))
                {
                    let count = counts.entry(split.clone()).or_default();
                    *count = count.saturating_sub(1);
                }
                if let Some(split) = after.route(&number).and_then(|route| seen(self.caller, after, route)) {
                    *counts.entry(split.clone()).or_default() += 1;
                }
            }
        }
    }
}

/// The split that a route leads into, as far as a caller may see.
fn seen<'r>(caller: &Caller, state: &State, route: &'r Route) -> Option<&'r SplitId> {
    let Destination::Split(split) = &route.to else { return None };
    (route.account == *caller.account() && caller.sight_in(state).route(route)).then_some(split)
}

/// Cost: a look at every distinct route.
fn counted(caller: &Caller, state: &State) -> HashMap<SplitId, u64> {
    let mut counts = HashMap::new();
    for (_, used) in state.routes.iter() {
        if let Some(split) = seen(caller, state, &used.route) {
            *counts.entry(split.clone()).or_default() += u64::from(used.numbers);
        }
    }
    counts
}

fn json(view: &impl Serialize) -> Option<Value> {
    serde_json::to_value(view).ok()
}
