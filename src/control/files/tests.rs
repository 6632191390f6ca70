//! Laws of the files, beside those of each module.

mod agents;
mod at_once;
mod cutting;
mod difference;
mod faults;
mod last_good;

use std::fmt::Write as _;

use super::{Library, SourceFile, Summary, check};
use crate::domain::account::Account;
use crate::domain::change::{Change, Touched};
use crate::domain::command::{Action, Author, Command};
use crate::domain::fault::Fault;
use crate::domain::id::AccountId;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

fn account() -> AccountId {
    AccountId::parse("ws-1").unwrap()
}

fn file(path: &str, text: impl AsRef<[u8]>) -> SourceFile {
    SourceFile::new(path, text.as_ref().to_vec())
}

/// Agents `agent-0` to `agent-<n - 1>`, each with V1 and V2, V2 live.
fn agents(n: usize) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for i in 0..n {
        let folder = format!("agents/agent-{i}");
        files.push(file(&format!("{folder}/agent.toml"), "[environments]\nlive = \"V2\"\n"));
        for version in 1..=2 {
            let config = format!("name = \"Agent {i}\"\ndescription = \"as of V{version}\"\n");
            files.push(file(&format!("{folder}/V{version}.toml"), config));
        }
    }
    files
}

/// Splits `split-0` to `split-<n - 1>` of three arms.
fn splits(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n {
        let arm = |id: &str, pin: &str, weight| {
            format!("{{ id = \"{id}\", agent = \"agent-0\", pin = \"{pin}\", weight = {weight} }}")
        };
        let arms = [arm("control", "V1", 60), arm("test", "V2", 30), arm("third", "live", 10)].join(",\n  ");
        write!(text, "[[split]]\nid = \"split-{i}\"\narms = [\n  {arms},\n]\n\n").unwrap();
    }
    text
}

fn state() -> State {
    let mut state = State::default();
    let account = Account::new(account(), "Main", Timestamp(0));
    state.absorb(&Change::AccountPut(account), &mut Touched::default());
    state
}

/// Applies what differs between two libraries, whatever it removes.
fn apply(state: &mut State, library: &Library, applied: &Library) -> Result<usize, Refusal> {
    let set = library.file_set(applied, Some(library.hash()));
    let action = Action::ApplyFiles(std::sync::Arc::new(set));
    let command = Command { account: account(), author: Author::Files, at: Timestamp(1), action };
    let outcome = state.weigh(&command)?;
    for change in &outcome.changes {
        state.absorb(change, &mut Touched::default());
    }
    Ok(outcome.changes.len())
}

/// Every number of a state with its route, as text.
fn numbers(state: &State) -> Vec<String> {
    let route = |place: u32| format!("{:?}", state.routes.get(place).unwrap().route);
    let phones = state.numbers.phones.iter().map(|(phone, at)| format!("{phone} {}", route(at.get())));
    let users = state.numbers.users.iter().map(|(user, at)| format!("{user} {}", route(at.get())));
    phones.chain(users).collect()
}

fn read(files: &[SourceFile]) -> Result<Library, Vec<Fault>> {
    Library::new(&account()).read(files, &[])
}

fn checked(files: &[SourceFile]) -> Result<Summary, Vec<Fault>> {
    check(files, &account(), false, Timestamp(0))
}
