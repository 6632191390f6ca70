//! The caller pins of the files, given whole.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{AgentRef, Change, FileSet, ManagedBy, Merge, Place, Placed, nowhere};
use crate::domain::caller_pin::{CALLER_PINS_MAX, CallerPin, CallerPinKey, CallerPinRef, Probe};

impl Merge<'_> {
    pub(super) fn caller_pins(&mut self, files: &FileSet) {
        let mut seen: BTreeMap<&CallerPinRef, &Place> = BTreeMap::new();
        for Placed { at, value: pin } in &files.caller_pins {
            if let Some(first) = seen.insert(&pin.id, at) {
                let agent = &pin.id.agent.agent;
                let message = format!(
                    "caller: is given for agent {agent} twice, first in {}:{}",
                    first.file, first.line
                );
                self.faults.push(at.fault(message, "each caller of an agent once"));
            }
            let present = self.next.caller_pins.get(&pin.id).cloned();
            let same = || present.as_ref().is_some_and(|it| it.pin == pin.pin && it.until == pin.until);
            if self.governs(at, &pin.id.agent.account, pin.id.object(), same) {
                self.check_caller_pin(at, pin);
                if present.as_ref() != Some(pin) {
                    self.change(Change::CallerPinPut(pin.clone()));
                }
            }
        }
        let of_files = |pin: &CallerPin| pin.managed_by == ManagedBy::Files;
        let pins = self.next.caller_pins.iter();
        let gone = pins.filter(|(id, pin)| of_files(pin) && !seen.contains_key(id));
        let gone: Vec<_> = gone.map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.change(Change::CallerPinRemoved(id));
        }
        self.check_room(files);
    }

    fn check_caller_pin(&mut self, at: &Place, pin: &CallerPin) {
        let AgentRef { account, agent } = &pin.id.agent;
        let account = &self.judged_in(at, account);
        if self.doubt.agents.contains(agent) {
            return;
        }
        if self.gone.contains(&pin.id.agent) {
            let message = format!("caller_pin: agent {agent} is gone from the files");
            return self.faults.push(at.fault(message, "an agent that has a folder in agents/"));
        }
        let mut warnings = Vec::new();
        match self.next.check_pin(account, agent, pin.pin, "", &mut warnings) {
            Err(fault) => return self.refused(at, "caller_pin", vec![fault]),
            Ok(()) => self.outcome.warnings.extend(warnings),
        }
        self.warn_of_lost_file(&pin.id.agent, pin.pin);
    }

    /// Refuses more pins of one account than there may be.
    fn check_room(&mut self, files: &FileSet) {
        if self.next.caller_pins.len() <= CALLER_PINS_MAX {
            return;
        }
        let mut accounts: Vec<_> = files.caller_pins.iter().map(|pin| &pin.value.id.agent.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        for account in accounts {
            let pins = self.next.caller_pins_of(account).count();
            if pins > CALLER_PINS_MAX {
                let message = format!("caller_pin: account {account} would pin {pins} callers");
                self.faults.push(nowhere(message, format!("at most {CALLER_PINS_MAX}")));
            }
        }
    }

    /// Releases the callers that the API pinned to an agent which goes.
    pub(super) fn release_caller_pins(&mut self, id: &AgentRef) {
        let first = Probe::first_of(id);
        let pins = self.next.caller_pins.range_from(Bound::Excluded(&first as &dyn CallerPinKey));
        let released = pins.take_while(|(pin, _)| pin.agent == *id).map(|(pin, _)| pin.clone());
        for pin in released.collect::<Vec<_>>() {
            self.change(Change::CallerPinRemoved(pin));
        }
    }
}
