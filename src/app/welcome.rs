//! What the router says when it is ready: where it listens, what it serves, what to try.

use std::fmt::{self, Write as _};
use std::path::Path;

use super::addresses::Reached;
use crate::domain::address::E164;
use crate::domain::route::{Destination, Route};
use crate::domain::state::State;
use crate::domain::words::counted;

/// Most agents and numbers that are listed.
const LISTED: usize = 8;

/// The data folder.
#[derive(Clone, Copy)]
pub(super) struct Folder<'p> {
    pub(super) data: &'p Path,
    /// The key's file, where this start has made the first account and its key.
    pub(super) key_made: Option<&'p Path>,
}

impl Folder<'_> {
    /// What commands must be told of it, for a shell: nothing where they look of themselves.
    fn flag(&self) -> String {
        let data = self.data.display().to_string();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
        match data.as_str() {
            "data" | "./data" => String::new(),
            data if data.chars().all(is_plain) => format!(" --data {data}"),
            data => format!(" --data '{}'", data.replace('\'', "'\\''")),
        }
    }
}

/// The text.
pub(super) fn text(state: &State, calls: &Reached, admin: &Reached, folder: Folder<'_>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, state, calls, admin, folder);
    text
}

fn write(
    out: &mut String,
    state: &State,
    calls: &Reached,
    admin: &Reached,
    folder: Folder<'_>,
) -> fmt::Result {
    writeln!(out, "Cordboard {} at revision {}", env!("CARGO_PKG_VERSION"), state.revision)?;
    writeln!(out, "  calls       {}", calls.url())?;
    writeln!(out, "  management  {}", admin.url())?;
    if let Some(key_file) = folder.key_made {
        writeln!(out, "  admin key   {} (made by this first start)", key_file.display())?;
    }
    writeln!(out, "\nAgents ({})", state.agents.len())?;
    for (id, agent) in state.agents.iter().take(LISTED) {
        let live = agent.deployed(crate::domain::id::Environment::Live).and_then(|version| version.number);
        let live = live.map_or_else(|| "nothing live".to_owned(), |number| format!("live {number}"));
        writeln!(out, "  {:<20} {}, {live}", id.agent.as_str(), counted(agent.versions.len(), "version"))?;
    }
    more(out, state.agents.len())?;
    writeln!(out, "\nNumbers ({})", state.numbers.len())?;
    for (number, place) in state.numbers.phones.iter().take(LISTED) {
        if let Some(used) = state.routes.get(place.get()) {
            writeln!(out, "  {:<20} {}", number.to_string(), destination(&used.route))?;
        }
    }
    more(out, state.numbers.len())?;
    let number = state.numbers.phones.iter().next().map(|(number, _)| *number);
    try_this(out, number, calls, &folder.flag())
}

fn more(out: &mut String, all: usize) -> fmt::Result {
    match all.checked_sub(LISTED) {
        Some(more) if more > 0 => writeln!(out, "  … and {more} more"),
        _ => Ok(()),
    }
}

fn destination(route: &Route) -> String {
    match &route.to {
        Destination::Agent { agent, pin } => format!("{agent} at {pin}"),
        Destination::Split(split) => format!("split {split}"),
    }
}

fn try_this(out: &mut String, number: Option<E164>, calls: &Reached, data: &str) -> fmt::Result {
    let number = number.map_or_else(|| "+14155550100".to_owned(), |number| number.to_string());
    let escaped = number.replace('+', "%2B");
    writeln!(out, "\nTry")?;
    // With TLS it depends on the certificate by which name curl may ask, and whom it must trust.
    if calls.tls.is_none() {
        writeln!(out, "  curl '{}/v1/route?to={escaped}&from=%2B14155550199'", calls.url())?;
    }
    writeln!(out, "  cordboard explain {number} --from +14155550199{data}")?;
    writeln!(out, "  cordboard status{data}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::world;

    #[test]
    fn one_version_is_no_versions() {
        let place = Reached { address: ([127, 0, 0, 1], 8700).into(), tls: None };
        let text = text(&world(), &place, &place, Folder { data: Path::new("data"), key_made: None });
        assert!(text.ends_with("\n  cordboard status\n"), "{text}");
        assert!(text.contains(" 1 version, ") && text.contains(" versions, "), "{text}");
    }

    #[test]
    fn commands_are_told_of_a_data_folder_that_they_would_not_look_for() {
        let flag = |data: &str| Folder { data: Path::new(data), key_made: None }.flag();
        assert_eq!(flag("data"), "");
        assert_eq!(flag("/var/lib/cordboard"), " --data /var/lib/cordboard");
        assert_eq!(flag("/it's here"), r" --data '/it'\''s here'");
    }
}
