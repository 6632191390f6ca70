//! The table of a caller pin: `[[caller_pin]]`.

use toml::de::DeTable;

use super::item::{Item, Read, sketch};
use super::route_table::{AGENT_EXPECTED, agent, pin, taken};
use super::value::{Doc, Value};
use crate::domain::address::InvalidAddress;
use crate::domain::agent::AgentRef;
use crate::domain::caller_pin::{CallerAddress, CallerPin, CallerPinRef};
use crate::domain::files::Keys;
use crate::domain::id::{AccountId, Pin};
use crate::domain::named::Named;
use crate::domain::route::ManagedBy;

const KEYS: [&str; 4] = ["caller", "agent", "pin", "until"];

/// Reads a caller pin; it is of the account given until the whole file is known.
pub(super) fn read(
    doc: &mut Doc<'_>,
    (table, at): (&DeTable<'_>, usize),
    account: &AccountId,
) -> Item<CallerPin> {
    let (mut who, mut of, mut serves, mut until) = (None, None, Read::Absent, None);
    let (mut keys, mut is_right) = (Keys::default(), true);
    for (key, value) in table {
        keys.note(key.get_ref().to_string(), doc.at(value.span().start));
        is_right &= match key.get_ref().as_ref() {
            "caller" => caller(doc, value).map(|caller| who = Some(caller)).is_some(),
            "agent" => agent(doc, "agent", value).map(|agent| of = Some(agent)).is_some(),
            "pin" => taken(&mut serves, pin(doc, "pin", value)),
            "until" => doc.moment("until", value).map(|at| until = Some(at)).is_some(),
            _ => {
                doc.unknown("caller_pin", key, &KEYS);
                false
            }
        };
    }
    for (key, expected) in
        [("caller", InvalidAddress::EXPECTED), ("agent", AGENT_EXPECTED), ("pin", Pin::EXPECTED)]
    {
        if !table.contains_key(key) {
            doc.fault(at, format!("{key}: is missing"), expected);
        }
    }
    let agent = of.clone().map(|agent| AgentRef { account: account.clone(), agent });
    let id = agent.zip(who).map(|(agent, caller)| CallerPinRef { agent, caller });
    let value = match (id, serves.right()) {
        (Some(id), Some(pin)) if is_right => {
            Ok(CallerPin { id, managed_by: ManagedBy::Files, pin: *pin, until })
        }
        (id, pin) => {
            let names = of.iter().flat_map(|agent| Named::serving("", agent, pin.copied())).collect();
            Err(sketch(account, "caller_pin", id.map(|id| id.object()), names))
        }
    };
    Item { value, keys }
}

fn caller(doc: &mut Doc<'_>, value: &Value<'_>) -> Option<CallerAddress> {
    let text = doc.text("caller", value)?;
    match CallerAddress::parse(text) {
        Ok(caller) => Some(caller),
        Err(why) => {
            doc.fault(value.span().start, format!("caller: {why}"), InvalidAddress::EXPECTED);
            None
        }
    }
}
