//! Callers pinned by hand. What is told of it, and kept in the history for ever, names them by a hash only.

use std::ops::Bound;
use std::sync::Arc;

use super::Outcome;
use crate::domain::agent::AgentRef;
use crate::domain::caller_pin::{CALLER_PINS_MAX, CallerHash, CallerPin, CallerPinKey, CallerPinRef, Probe};
use crate::domain::change::Change;
use crate::domain::id::AccountId;
use crate::domain::object::ObjectRef;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::route::ManagedBy;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

impl State {
    pub(super) fn put_caller_pin(
        &self,
        pin: &CallerPin,
        known_as: CallerHash,
        at: Timestamp,
    ) -> Result<Outcome, Refusal> {
        let id = &pin.id;
        if !self.agents.contains_key(&id.agent) {
            let message = format!("there is no agent {}", id.agent.agent);
            return Err(Refusal::not_found("PROJECT_NOT_FOUND", message));
        }
        let mut warnings = Vec::new();
        self.check_pin(&id.agent.account, &id.agent.agent, pin.pin, "", &mut warnings)
            .map_err(|fault| Refusal::fields(vec![fault]))?;
        warnings.extend(id.caller.number().doubt());
        if pin.expired(at) {
            warnings.push("until is in the past: the pin has no effect".to_owned());
        }
        let present = self.caller_pins.get(id);
        refuse_files(present, known_as)?;
        let until = pin.until.map_or_else(String::new, |until| format!(" until {until}"));
        let outcome = Outcome {
            action: "caller-pin.put",
            target: known_as.to_string(),
            summary: format!("{known_as} is pinned to {} at {}{until}", id.agent.agent, pin.pin),
            warnings,
            ..Outcome::default()
        };
        if present.is_some_and(|present| present.as_ref() == pin) {
            return Ok(outcome);
        }
        let mut changes = Vec::new();
        if present.is_none() {
            changes = self.room_for_caller_pin(&id.agent.account, at, CALLER_PINS_MAX)?;
        }
        changes.push(Change::CallerPinPut(Arc::new(pin.clone())));
        Ok(Outcome { changes, ..outcome })
    }

    pub(super) fn delete_caller_pin(
        &self,
        id: &CallerPinRef,
        known_as: CallerHash,
    ) -> Result<Outcome, Refusal> {
        let present = self.caller_pins.get(id);
        let agent = &id.agent.agent;
        if present.is_none() {
            let message = format!("this caller is not pinned to a version of {agent}");
            return Err(Refusal::not_found("NOT_FOUND", message));
        }
        refuse_files(present, known_as)?;
        Ok(Outcome {
            changes: vec![Change::CallerPinRemoved(id.clone())],
            action: "caller-pin.delete",
            target: known_as.to_string(),
            summary: format!("{known_as} is no longer pinned to a version of {agent}"),
            ..Outcome::default()
        })
    }

    /// What the operator should know of a caller pin that is there: what it names may have gone since.
    #[must_use]
    pub fn warnings_of_caller_pin(&self, pin: &CallerPin) -> Vec<String> {
        let mut warnings = Vec::new();
        let id = &pin.id.agent;
        let fault = self.check_pin(&id.account, &id.agent, pin.pin, "", &mut warnings).err();
        warnings.extend(fault.map(|fault| fault.message));
        warnings.extend(pin.id.caller.number().doubt());
        warnings
    }

    /// The caller pins of an account, by agent and caller.
    pub(super) fn caller_pins_of(&self, account: &AccountId) -> impl Iterator<Item = &Arc<CallerPin>> {
        let first = Probe::first_of_account(account);
        let from = self.caller_pins.range_from(Bound::Excluded(&first as &dyn CallerPinKey));
        from.map(|(_, pin)| pin).take_while(move |pin| pin.id.agent.account == *account)
    }

    /// The callers who are pinned to an agent.
    pub(super) fn caller_pins_to<'s>(
        &'s self,
        agent: &'s AgentRef,
    ) -> impl Iterator<Item = &'s Arc<CallerPin>> {
        let first = Probe::first_of(agent);
        let from = self.caller_pins.range_from(Bound::Excluded(&first as &dyn CallerPinKey));
        from.map(|(_, pin)| pin).take_while(move |pin| pin.id.agent == *agent)
    }

    /// Makes room for one more caller pin where there is none: those whose time is over go first.
    fn room_for_caller_pin(
        &self,
        account: &AccountId,
        at: Timestamp,
        most: usize,
    ) -> Result<Vec<Change>, Refusal> {
        if self.caller_pins.len() < most || self.caller_pins_of(account).count() < most {
            return Ok(Vec::new());
        }
        let over = |pin: &&Arc<CallerPin>| pin.managed_by == ManagedBy::Api && pin.expired(at);
        let over = self.caller_pins_of(account).filter(over);
        let swept: Vec<Change> = over.map(|pin| Change::CallerPinRemoved(pin.id.clone())).collect();
        if swept.is_empty() {
            let message = format!("the account pins {most} callers, which is as many as it may");
            return Err(Refusal::new(RefusalKind::Conflict, "TOO_MANY_CALLER_PINS", message));
        }
        Ok(swept)
    }
}

fn refuse_files(present: Option<&Arc<CallerPin>>, known_as: CallerHash) -> Result<(), Refusal> {
    match present {
        Some(pin) if pin.managed_by == ManagedBy::Files => {
            let id = ObjectRef::new(&pin.id.agent.account, pin.id.object());
            Err(Refusal::managed_by_files(&format!("the pin of {known_as}"), id))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sight::Sight;
    use crate::domain::testing::*;

    #[test]
    fn a_caller_is_pinned_to_what_the_agent_has() {
        let mut state = world();
        let outcome = state.act(put_caller_pin(caller_pin("+14155550100", "sales@V2"))).unwrap();
        assert_eq!(
            (outcome.action, outcome.changes.len(), outcome.warnings),
            ("caller-pin.put", 1, Vec::new())
        );
        let again = state.act(put_caller_pin(caller_pin("tel:+1-415-555-0100", "sales@V2"))).unwrap();
        assert!(again.changes.is_empty());
        let empty = state.act(put_caller_pin(caller_pin("alice", "sales@sandbox"))).unwrap();
        assert_eq!(empty.warnings, ["agent sales has nothing deployed to sandbox"]);
        let refused = state.act(put_caller_pin(caller_pin("+14155550100", "sales@V9"))).unwrap_err();
        assert_eq!((refused.code, refused.fields[0].field.as_str()), ("VALIDATION_FAILED", "pin"));
        let refused = state.act(put_caller_pin(caller_pin("+14155550100", "nobody@V1"))).unwrap_err();
        assert_eq!(refused.code, "PROJECT_NOT_FOUND");
        let past = CallerPin { until: Some(Timestamp(1_000)), ..caller_pin("bob", "sales@V1") };
        assert_eq!(state.act(put_caller_pin(past)).unwrap().warnings.len(), 1);
    }

    #[test]
    fn the_history_never_names_a_caller() {
        let mut state = world();
        for caller in ["+14155550100", "alice"] {
            let pin = caller_pin(caller, "sales@V2");
            for action in [put_caller_pin(pin.clone()), delete_caller_pin(&pin)] {
                let outcome = state.act(action).unwrap();
                let told = format!("{} {} {}", outcome.action, outcome.target, outcome.summary);
                assert!(told.contains("caller-") && !told.contains(&caller[1..]), "{told}");
            }
            let refused = state.act(delete_caller_pin(&pin)).unwrap_err();
            assert!(refused.code == "NOT_FOUND" && !refused.message.contains(caller));
        }
        let files = || file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]);
        let applied = state.apply(files().with_caller_pin("+14155550100", "sales@V1")).unwrap();
        assert!(applied.summary.contains("a caller of sales is pinned to V1"), "{}", applied.summary);
        let removed = state.apply(files()).unwrap();
        assert!(removed.summary.contains("a caller of sales is pinned no longer"), "{}", removed.summary);
        assert!(!(applied.summary + &removed.summary).contains("4155550100"));
    }

    #[test]
    fn pins_belong_to_the_files_or_to_the_api() {
        let mut state = world();
        let files = || file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]);
        state.apply(files().with_caller_pin("+14155550100", "sales@V1")).unwrap();
        let pin = caller_pin("+14155550100", "sales@V2");
        for action in [put_caller_pin(pin.clone()), delete_caller_pin(&pin)] {
            assert_eq!(state.act(action).unwrap_err().code, "MANAGED_BY_FILES");
        }
        state.act(put_caller_pin(caller_pin("+14155550101", "sales@V2"))).unwrap();
        let both = files().with_caller_pin("+14155550100", "sales@V1");
        let refused = state.apply(both.clone().with_caller_pin("+14155550101", "sales@V1")).unwrap_err();
        assert!(refused.faults[0].message.contains("belongs to the API"), "{refused:?}");
        for (twice, message) in [
            (both.clone().with_caller_pin("+14155550100", "sales@V2"), "sales is given twice"),
            (both.clone().with_caller_pin("+14155550102", "sales@V9"), "no V9"),
            (both.clone().with_caller_pin("+14155550102", "nobody@V1"), "no agent nobody"),
        ] {
            let refused = state.apply(twice).unwrap_err();
            assert!(refused.faults[0].message.contains(message), "{refused:?}");
        }
        state.apply(both.with_caller_pin("alice", "reception@live")).unwrap();
        assert_eq!(state.caller_pins.len(), 3);
        state.apply(files()).unwrap();
        assert_eq!(
            state.caller_pins.len(),
            1,
            "what no file gives any more is gone, what the API made stays"
        );
    }

    #[test]
    fn an_agent_goes_with_its_caller_pins_in_the_same_revision() {
        let mut state = world();
        state.act(put_caller_pin(caller_pin("+14155550100", "sales@V2"))).unwrap();
        state.act(put_caller_pin(caller_pin("+14155550100", "reception@V1"))).unwrap();
        let mut without = file_set(vec![file_agent("reception", 1, 1)]);
        without.accepted = true;
        let named = state.apply(without.clone().with_caller_pin("alice", "sales@V1")).unwrap_err();
        assert!(named.faults[0].message.contains("gone from the files"), "{named:?}");
        state.apply(without).unwrap();
        let left: Vec<_> = state.caller_pins.iter().map(|(id, _)| id.agent.agent.to_string()).collect();
        assert_eq!(left, ["reception"]);
    }

    #[test]
    fn a_full_account_sweeps_what_is_over_and_else_refuses() {
        let mut state = world();
        let until = |caller, until| CallerPin { until: Some(until), ..caller_pin(caller, "sales@V1") };
        for pin in [until("a", Timestamp(5_000)), until("b", Timestamp(6_000))] {
            state.act(put_caller_pin(pin)).unwrap();
        }
        let room = |at, most| state.room_for_caller_pin(&account(), Timestamp(at), most);
        assert_eq!(room(1_000, 3), Ok(Vec::new()));
        assert_eq!(room(4_999, 2).unwrap_err().code, "TOO_MANY_CALLER_PINS");
        let swept = room(5_000, 2).unwrap();
        assert_eq!(swept, [Change::CallerPinRemoved(caller_pin("a", "sales@V1").id)]);
        let other = AccountId::parse("ws-2").unwrap();
        assert_eq!(
            state.room_for_caller_pin(&other, Timestamp(0), 2),
            Ok(Vec::new()),
            "each account by itself"
        );
    }

    #[test]
    fn a_key_that_may_not_see_the_agent_may_not_pin_its_callers() {
        let state = world();
        let limited = crate::domain::account::Key { agents: Some(vec![]), ..key() };
        let pin = caller_pin("+14155550100", "sales@V2");
        for action in [put_caller_pin(pin.clone()), delete_caller_pin(&pin)] {
            assert_eq!(action.permission(), Some(crate::domain::account::Permission::Edit));
            let command = command(action);
            assert!(Sight::whole(&state).command(&command));
            assert!(!Sight::of_key(&state, &limited).command(&command));
        }
    }
}
