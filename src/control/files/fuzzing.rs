//! Laws of files: a fault stands in its file, what is read is applied once, and how a file is read changes nothing.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a law fails by a panic")]

use std::sync::Arc;

use super::faults::FAULTS_MAX;
use super::origin::text_of;
use super::plain_routes::PlainRoutes;
use super::route_file::RouteFile;
use super::{Library, SourceFile};
use crate::domain::change::Touched;
use crate::domain::command::{Action, Author, Command};
use crate::domain::fault::Fault;
use crate::domain::files::FileSet;
use crate::domain::id::AccountId;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

const ROUTES: &str = "routes/fuzzed.toml";

fn account() -> AccountId {
    AccountId::parse("ws-1").expect("an id")
}

/// A file of `routes/` among others, of which the agents are kept; `state` has the account.
pub(crate) fn route_file(others: &[SourceFile], state: State) -> impl Fn(&[u8]) + use<> {
    let agents: Vec<_> = others.iter().filter(|file| file.path.starts_with("agents/")).cloned().collect();
    let base = Library::new(&account()).read(&agents, &[]).expect("files without faults");
    move |bytes| {
        let file = SourceFile::new(ROUTES, bytes.to_vec());
        let read = base.read(std::slice::from_ref(&file), &[]);
        let library = match read {
            Ok(library) => library,
            Err(faults) => return told(&faults, ROUTES, bytes),
        };
        let set = library.file_set(&Library::new(&account()), None);
        assert!(FileSet { hash: library.hash(), ..set.clone() } == set, "the fingerprint is of these files");
        weighed(&state, set, bytes);
        let nothing = library.file_set(&library, None);
        assert!(nothing.put.is_empty() && nothing.released.is_empty(), "{nothing:?}");
    }
}

/// `agent.toml`, a draft and a version, all of them these bytes.
pub(crate) fn agent_files() -> impl Fn(&[u8]) {
    let named = SourceFile::new("agents/a/agent.toml", &b"name = \"A\"\n"[..]);
    move |bytes| {
        for path in ["agents/a/agent.toml", "agents/a/V1.toml", "agents/a/draft.toml"] {
            let file = SourceFile::new(path, bytes.to_vec());
            let files = if *file.path == *named.path { vec![file] } else { vec![named.clone(), file] };
            match Library::new(&account()).read(&files, &[]) {
                Err(faults) => told(&faults, path, bytes),
                Ok(library) => {
                    let set = library.file_set(&Library::new(&account()), None);
                    assert_eq!(set.agents.len(), 1);
                    assert_eq!(library.without_bodies().hash(), library.hash());
                }
            }
        }
    }
}

/// A route file cut at its tables and read whole is the same file.
pub(crate) fn cut(bytes: &[u8]) {
    let Ok(text) = text_of(ROUTES, bytes) else { return };
    let (cut, whole) = cut_and_whole(text);
    assert_eq!(cut.is_ok(), whole.is_ok(), "{cut:#?}\n{whole:#?}");
    if let (Ok(cut), Ok(whole)) = (cut, whole) {
        assert_eq!(cut, whole);
    }
}

/// What a text says read in pieces, and read at once.
pub(super) fn cut_and_whole(text: &str) -> (Result<String, Vec<Fault>>, Result<String, Vec<Fault>>) {
    let path: Arc<str> = Arc::from("routes/a.toml");
    let mut common = PlainRoutes::new(&account());
    let cut = RouteFile::read(&mut common, &path, text.as_bytes()).sound().map(|file| meaning(&file));
    let whole = RouteFile::read_whole(&path, text, &account()).sound().map(|file| meaning(&file));
    (cut, whole)
}

/// What a file says, whatever the order in which it was read.
fn meaning(file: &RouteFile) -> String {
    let route = |at: u32| &file.routes[at as usize].value;
    let phones: Vec<_> =
        file.numbers.phones.iter().map(|row| (&row.key, row.line, route(row.route))).collect();
    let users: Vec<_> = file.numbers.users.iter().map(|row| (&row.key, row.line, route(row.route))).collect();
    let rest = (&file.splits, &file.prefixes, &file.default, &file.caller_pins);
    format!("{phones:#?}{users:#?}{rest:#?}")
}

/// Granted or refused, a number that the set gives is routed by it, and what is wrong stands in the file.
fn weighed(state: &State, set: FileSet, bytes: &[u8]) {
    let numbers: Vec<_> = set.put.iter().map(|put| put.number.clone()).collect();
    let action = Action::ApplyFiles(Arc::new(FileSet { accepted: true, ..set }));
    let command = Command { account: account(), author: Author::Files, at: Timestamp(0), action };
    match state.weigh(&command) {
        Err(refusal) => {
            assert!(!refusal.message.is_empty());
            if !refusal.faults.is_empty() {
                told(&refusal.faults, ROUTES, bytes);
            }
        }
        Ok(outcome) => {
            let mut state = state.clone();
            for change in &outcome.changes {
                state.absorb(change, &mut Touched::default());
            }
            assert!(numbers.iter().all(|number| state.route(number).is_some()));
            let again = state.weigh(&command).expect("what was granted is granted again");
            assert!(
                again.changes.iter().all(|change| !format!("{change:?}").starts_with("Number")),
                "{again:?}"
            );
        }
    }
}

/// Each fault names the file, stands in it and says what is wrong.
fn told(faults: &[Fault], path: &str, bytes: &[u8]) {
    assert!((1..=FAULTS_MAX).contains(&faults.len()), "{} faults", faults.len());
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let lines: Vec<&str> = text.split('\n').collect();
    for fault in faults {
        assert!(fault.file == path && !fault.message.is_empty(), "{fault:?}");
        assert!(fault.line as usize <= lines.len(), "{fault:?} of {} lines", lines.len());
        let chars = (fault.line as usize).checked_sub(1).map_or(0, |at| lines[at].chars().count() + 1);
        assert!(fault.column as usize <= chars, "{fault:?} of {chars} characters");
    }
}
