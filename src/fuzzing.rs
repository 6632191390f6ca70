//! Laws of everything that reads what others wrote, each over bytes that may be anything.
//!
//! Most readers are private, and rightly so: a network or a folder reaches them through the whole router only. So
//! their laws stand beside them, call what the network calls, and are compiled for tests and fuzzing alone.
//!
//! ```text
//!   tests/fuzz/fuzz_targets/NAME.rs --+
//!   tests/fuzz/corpus/NAME/*  --------+--> law(NAME): panics where the law does not hold
//! ```

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a law fails by a panic")]

mod addresses;
mod agent_body;
mod agent_config;
mod askers;
mod changes;
mod documents;
mod endpoint;
mod import_rows;
mod management;
mod office;
mod slots;
mod token;
mod world;

#[cfg(test)]
mod tests;

pub use crate::gateways::sip::fuzzing::{Said, Written};

use crate::gateways::http::fuzzing as call_plane;
use crate::gateways::probing::fuzzing as probing;
use crate::gateways::sip::fuzzing as sip;
use crate::http::fuzzing::Talk;
use crate::{api, control, settings};

/// What must hold of any bytes.
pub type Law = Box<dyn Fn(&[u8])>;

/// Makes a law: some stand on a whole router.
pub type Maker = fn() -> Law;

/// Every law by the name of its target.
pub const LAWS: [(&str, Maker); 28] = [
    ("addresses", || Box::new(addresses::law)),
    ("agent_body", || Box::new(agent_body::law())),
    ("agent_config", || Box::new(agent_config::law)),
    ("agent_files", || Box::new(control::files::fuzzing::agent_files())),
    ("asker_headers", || Box::new(askers::law())),
    ("call_body", || Box::new(call_plane::call_body(world::connection()))),
    ("call_connection", || Box::new(call_plane::connection(world::connection(), Talk::new()))),
    ("call_paths", || Box::new(call_plane::paths(world::connection()))),
    ("changes", || Box::new(changes::law())),
    ("cursor", || Box::new(api::fuzzing::cursor(world::key()))),
    ("cut", || Box::new(control::files::fuzzing::cut)),
    ("documents", || Box::new(documents::law())),
    ("end_body", || Box::new(call_plane::end_body(world::connection()))),
    ("endpoint_template", || Box::new(endpoint::law)),
    ("if_match", || Box::new(api::fuzzing::if_match(world::key(), world::state()))),
    ("if_none_match", || Box::new(call_plane::if_none_match(world::connection(), &world::state()))),
    ("import_rows", || Box::new(import_rows::law())),
    ("management_body", || Box::new(api::fuzzing::body(world::key(), world::state()))),
    ("management_connection", || Box::new(management::law())),
    ("route_file", || Box::new(control::files::fuzzing::route_file(&world::files(), world::accounts()))),
    ("route_query", || Box::new(call_plane::route_query(world::connection()))),
    ("settings", || Box::new(settings::fuzzing::law)),
    ("sip_answer", || Box::new(probing::answer())),
    ("sip_message", || Box::new(sip::message())),
    ("sip_peer", || Box::new(sip::written)),
    ("slots", || Box::new(slots::law)),
    ("token", || Box::new(token::law)),
    ("webhook", || Box::new(call_plane::webhook(world::connection()))),
];

/// The law of a target.
#[must_use]
pub fn law(target: &str) -> Option<Law> {
    LAWS.iter().find(|(name, _)| *name == target).map(|(_, law)| law())
}

/// Fails unless a place is in a text: lines and columns from 1, 0 for the whole or a line of it.
fn inside(text: &str, line: u32, column: u32) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert!(line as usize <= lines.len(), "line {line} of {}", lines.len());
    let chars = (line as usize).checked_sub(1).map_or(0, |line| lines[line].chars().count() + 1);
    assert!(column as usize <= chars, "column {column} of {chars} in line {line}");
}
