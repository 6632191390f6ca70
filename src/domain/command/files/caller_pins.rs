//! The caller pins of the files, given whole.

use std::collections::BTreeSet;

use super::{AgentRef, Change, FileSet, Item, ManagedBy, Merge, Placed, nowhere};
use crate::domain::caller_pin::{CALLER_PINS_MAX, CallerPin, CallerPinRef};
use crate::domain::named::Named;

impl Merge<'_> {
    pub(super) fn caller_pins(&mut self, files: &FileSet) {
        let mut seen: BTreeSet<&CallerPinRef> = BTreeSet::new();
        for Placed { at, keys, value: pin } in &files.caller_pins {
            seen.insert(&pin.id);
            let present = self.next.caller_pins.get(&pin.id).cloned();
            let same = || present.as_ref().is_some_and(|it| it.pin == pin.pin && it.until == pin.until);
            if self.governs(at, &pin.id.agent.account, pin.id.object(), same) {
                let AgentRef { account, agent } = &pin.id.agent;
                let item = Item { at, keys, what: "caller_pin" };
                self.check_names(&item, account, Named::serving("", agent, Some(pin.pin)));
                if present.as_ref() != Some(pin) {
                    self.change(Change::CallerPinPut(pin.clone()));
                }
            }
        }
        let of_files = |pin: &CallerPin| pin.managed_by == ManagedBy::Files;
        let pins = self.next.caller_pins.iter();
        let gone = pins.filter(|(id, pin)| of_files(pin) && !seen.contains(id));
        let gone: Vec<_> = gone.map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.change(Change::CallerPinRemoved(id));
        }
        self.check_room(files);
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
}
