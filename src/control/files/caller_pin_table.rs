//! The table of a caller pin: `[[caller_pin]]`.

use toml::de::DeTable;

use super::route_table::{AGENT_EXPECTED, agent, pin};
use super::value::{Doc, Value};
use crate::domain::address::InvalidAddress;
use crate::domain::agent::AgentRef;
use crate::domain::caller_pin::{CallerAddress, CallerPin, CallerPinRef};
use crate::domain::id::{AccountId, Pin};
use crate::domain::route::ManagedBy;

const KEYS: [&str; 4] = ["caller", "agent", "pin", "until"];

/// Reads a caller pin; it is of the account given until the whole file is known.
pub(super) fn read(
    doc: &mut Doc<'_>,
    (table, at): (&DeTable<'_>, usize),
    account: &AccountId,
) -> Option<CallerPin> {
    let (mut who, mut of, mut serves, mut until, mut ok) = (None, None, None, None, true);
    for (key, value) in table {
        let read = match key.get_ref().as_ref() {
            "caller" => caller(doc, value).map(|caller| who = Some(caller)),
            "agent" => agent(doc, "agent", value).map(|agent| of = Some(agent)),
            "pin" => pin(doc, "pin", value).map(|pin| serves = Some(pin)),
            "until" => doc.moment("until", value).map(|at| until = Some(at)),
            _ => {
                doc.unknown("caller_pin", key, &KEYS);
                None
            }
        };
        ok &= read.is_some();
    }
    for (key, expected) in
        [("caller", InvalidAddress::EXPECTED), ("agent", AGENT_EXPECTED), ("pin", Pin::EXPECTED)]
    {
        if !table.contains_key(key) {
            doc.fault(at, format!("{key}: is missing"), expected);
        }
    }
    let agent = AgentRef { account: account.clone(), agent: of? };
    let id = CallerPinRef { agent, caller: who? };
    let pin = CallerPin { id, managed_by: ManagedBy::Files, pin: serves?, until };
    ok.then_some(pin)
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
