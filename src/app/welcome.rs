//! What the router says when it is ready: where it listens, what it serves, what to try.

use std::fmt::{self, Write as _};
use std::path::Path;

use super::addresses::{Places, Reached};
use crate::control::status::ReloadStatus;
use crate::domain::address::E164;
use crate::domain::id::AccountId;
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

/// What is told: of agents and numbers those of the first account, whose the key in the data folder is.
pub(super) struct Welcome<'w> {
    pub(super) state: &'w State,
    /// How the files were found.
    pub(super) files: &'w ReloadStatus,
    /// The listeners.
    pub(super) places: &'w Places,
    pub(super) folder: Folder<'w>,
}

impl Welcome<'_> {
    /// The text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write(&mut text, self);
        text
    }
}

fn write(out: &mut String, welcome: &Welcome<'_>) -> fmt::Result {
    let Welcome { state, files, places: Places { calls, admin, sip: [sip, sip_tls] }, folder } = welcome;
    writeln!(out, "Cordboard {} at revision {}", env!("CARGO_PKG_VERSION"), state.revision)?;
    writeln!(out, "  calls       {}", calls.url())?;
    writeln!(out, "  management  {}", admin.url())?;
    for (transports, at) in [("UDP and TCP", sip), ("TLS", sip_tls)] {
        if let Some(at) = at {
            writeln!(out, "  SIP         {at} over {transports}")?;
        }
    }
    if let Some(key_file) = folder.key_made {
        writeln!(out, "  admin key   {} (made by this first start)", key_file.display())?;
    }
    if let Some(files) = told_files(files) {
        writeln!(out, "  files       {files}")?;
    }
    let is_first = |account: &AccountId| state.first_account.as_ref() == Some(account);
    let agents = || state.agents.iter().filter(|(id, _)| is_first(&id.account));
    let count = agents().count();
    writeln!(out, "\nAgents ({count})")?;
    for (id, agent) in agents().take(LISTED) {
        let live = agent.deployed(crate::domain::id::Environment::Live).and_then(|version| version.number);
        let live = live.map_or_else(|| "nothing live".to_owned(), |number| format!("live {number}"));
        writeln!(out, "  {:<20} {}, {live}", id.agent.as_str(), counted(agent.versions.len(), "version"))?;
    }
    more(out, count)?;
    let routes = state.routes.iter().filter(|(_, used)| is_first(&used.route.account));
    let count = routes.map(|(_, used)| used.numbers as usize).sum();
    writeln!(out, "\nNumbers ({count})")?;
    let phones = state.numbers.phones.iter();
    let phones = phones.filter_map(|(number, place)| Some((number, &state.routes.get(place.get())?.route)));
    let phones: Vec<_> = phones.filter(|(_, route)| is_first(&route.account)).take(LISTED).collect();
    for (number, route) in &phones {
        writeln!(out, "  {:<20} {}", number.to_string(), destination(route))?;
    }
    more(out, count)?;
    match state.accounts.len().saturating_sub(1) {
        0 => {}
        others => writeln!(out, "\n{} beside", counted(others, "account"))?,
    }
    try_this(out, phones.first().map(|(number, _)| **number), calls, &folder.flag())
}

/// What is to be known of the files, if anything is.
fn told_files(files: &ReloadStatus) -> Option<String> {
    let faults = match (&files.held, files.faults.len()) {
        (Some(_), _) => "held, since they would remove much: what was taken last serves".to_owned(),
        (None, 0) => String::new(),
        (None, faults) => format!("not taken, {}: what was taken last serves", counted(faults, "fault")),
    };
    let warnings = match files.warnings.len() + files.shadowed.len() {
        0 => String::new(),
        warnings => counted(warnings, "warning"),
    };
    let told: Vec<_> = [faults, warnings].into_iter().filter(|words| !words.is_empty()).collect();
    (!told.is_empty()).then(|| format!("{} (status tells)", told.join("; ")))
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
    use std::sync::Arc;

    use super::*;
    use crate::domain::account::Account;
    use crate::domain::agent::{AgentRef, Profile};
    use crate::domain::change::{Change, NumberChanges, Touched};
    use crate::domain::fault::Fault;
    use crate::domain::id::ConfigHash;
    use crate::domain::testing::{number, route, world};
    use crate::domain::time::Timestamp;

    fn text(state: &State, files: &ReloadStatus) -> String {
        let place = Reached { address: ([127, 0, 0, 1], 8700).into(), tls: None };
        let folder = Folder { data: Path::new("data"), key_made: None };
        let places = Places { calls: place.clone(), admin: place, sip: [None, None] };
        Welcome { state, files, places: &places, folder }.text()
    }

    #[test]
    fn files_that_are_not_in_force_are_told_of() {
        let files = |faults: usize, held: bool, warnings: usize| {
            let text = text(
                &world(),
                &ReloadStatus {
                    faults: vec![Fault::of_folder(); faults],
                    held: held.then_some(ConfigHash([0; 16])),
                    warnings: vec![String::new(); warnings],
                    ..ReloadStatus::default()
                },
            );
            text.lines().find_map(|line| line.strip_prefix("  files       ")).map(str::to_owned)
        };
        assert_eq!(files(0, false, 0), None);
        assert_eq!(
            files(2, false, 1).unwrap(),
            "not taken, 2 faults: what was taken last serves; 1 warning (status tells)"
        );
        assert!(files(1, true, 0).unwrap().starts_with("held, "));
        assert_eq!(files(0, false, 2).unwrap(), "2 warnings (status tells)");
    }

    #[test]
    fn what_other_accounts_have_is_neither_listed_nor_counted_as_ones_own() {
        let mut state = world();
        let own = text(&state, &ReloadStatus::default());
        let other = AccountId::parse("ws-9").unwrap();
        let profile = state.agents.iter().next().map(|(_, agent)| agent.profile.clone()).unwrap();
        let id = AgentRef { account: other.clone(), ..profile.id.clone() };
        let theirs = Route { account: other.clone(), ..route("sales@V1") };
        for change in [
            Change::AccountPut(Account::new(other, "Other", Timestamp(0))),
            Change::AgentPut(Profile { id, ..profile }),
            Change::Numbers(NumberChanges::one(number("+12005550100"), Some(Arc::new(theirs)))),
        ] {
            state.absorb(&change, &mut Touched::default());
        }
        let both = text(&state, &ReloadStatus::default());
        assert_eq!(both.replace("\n1 account beside\n", ""), own);
        assert_ne!(both, own);
    }

    #[test]
    fn one_version_is_no_versions() {
        let text = text(&world(), &ReloadStatus::default());
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
