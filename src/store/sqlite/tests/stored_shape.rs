//! What is stored is kept as a text that every build reads and writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::json;

use super::{Disk, Engine as _};
use crate::domain::address::E164;
use crate::domain::agent::AgentRef;
use crate::domain::change::{Change, NumberChanges};
use crate::domain::id::Revision;
use crate::domain::route::Route;
use crate::domain::state::State;
use crate::store::conformance::{absorb, commit, loaded, logged_lines, state_text, story};
use crate::store::port::{Commit, ControlStore as _, HistoryFilter};

const FORMAT_1: &str = include_str!("../../../../tests/fixtures/control-1.sql");

/// A database as the SQL that makes it.
fn dump(connection: &Connection) -> String {
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut lines: Vec<String> = Vec::new();
    for pragma in ["application_id", "user_version"] {
        let value: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
        lines.push(format!("PRAGMA {pragma} = {value};"));
    }
    lines.extend(texts("SELECT sql || ';' FROM sqlite_schema WHERE sql NOT NULL ORDER BY type DESC, name"));
    for table in
        texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name = 'split_calls', name")
    {
        let columns = connection.prepare(&format!("SELECT * FROM {table}")).unwrap().column_count();
        let order = if columns > 1 { "1, 2" } else { "1" };
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY {order}")).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> =
                (0..columns).map(|column| literal(row.get_ref(column).unwrap())).collect();
            lines.push(format!("INSERT INTO {table} VALUES ({});", values.join(", ")));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Text(text) => format!("'{}'", std::str::from_utf8(text).unwrap().replace('\'', "''")),
        ValueRef::Blob(bytes) => {
            format!("x'{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}

fn written_today() -> String {
    let disk = Disk::new();
    let store = disk.open();
    store.commit(Revision(0), &story::commits()).unwrap();
    let spring = loaded(&store).splits.iter().next().unwrap().0.clone();
    store.save_split_calls(&[(spring, 1_234)]).unwrap();
    // Cut off where it is folded in part, and a number was changed since.
    let staged = store.begin_staging().unwrap();
    for piece in pieces() {
        store.stage(staged, &piece).unwrap();
    }
    let mut import = imported(7);
    (import.staged, import.changes) = (Some(staged), Vec::new());
    store.commit(Revision(6), &[import, changed_since(8)]).unwrap();
    assert!(store.fold().unwrap());
    drop(store);
    dump(&Connection::open(disk.file()).unwrap())
}

/// What [`written_today`] writes, in commits.
fn written() -> Vec<Commit> {
    [story::commits(), vec![imported(7), changed_since(8)]].concat()
}

fn pieces() -> [NumberChanges; 2] {
    let route = |pin: &str| -> Arc<Route> {
        serde_json::from_value(json!({"account": "ws-1", "agentId": "sales", "pin": pin})).unwrap()
    };
    let phone = |at: u64| (E164::from_value(14_155_550_300 + at).unwrap(), Some(0));
    let first = NumberChanges {
        routes: vec![route("V1")],
        phones: (0..2).map(phone).collect(),
        ..NumberChanges::default()
    };
    let second = NumberChanges {
        routes: vec![route("live")],
        phones: (2..4).map(phone).collect(),
        users: vec![(Arc::from("desk-3"), Some(0))],
    };
    [first, second]
}

/// The import of them, whole.
fn imported(revision: u64) -> Commit {
    commit(revision, pieces().map(Change::Numbers).to_vec())
}

fn changed_since(revision: u64) -> Commit {
    let [_, NumberChanges { phones, users, .. }] = pieces();
    let released = NumberChanges {
        phones: phones.into_iter().take(1).map(|(phone, _)| (phone, None)).collect(),
        users: users.into_iter().map(|(user, _)| (user, None)).collect(),
        ..NumberChanges::default()
    };
    commit(revision, vec![Change::Numbers(released)])
}

/// Opens a file of a format and finds this story in it.
fn is_read_as(file: &str, commits: &[Commit]) {
    let disk = Disk::new();
    Connection::open(disk.file()).unwrap().execute_batch(file).unwrap();
    let store = disk.open();
    let mut state = State::default();
    for commit in commits {
        absorb(&mut state, &commit.changes);
        state.revision = commit.entry.revision;
    }
    assert_eq!(state_text(&loaded(&store)), state_text(&state));
    assert_eq!(store.after(Revision(0), 99).unwrap(), logged_lines(commits));
    let agents: BTreeSet<_> =
        commits.iter().flat_map(|commit| &commit.changes).filter_map(Change::agent).cloned().collect();
    for AgentRef { account, agent } in agents {
        let filter = HistoryFilter { agent: Some(agent), ..HistoryFilter::last(account, 99) };
        let (found, noted) = (store.history(&filter).unwrap(), filter.agent.unwrap());
        let about =
            |commit: &&Commit| commit.changes.iter().filter_map(Change::agent).any(|it| it.agent == noted);
        let expected: Vec<_> =
            commits.iter().rev().filter(about).map(|commit| commit.entry.clone()).collect();
        assert_eq!(found, expected, "{noted}");
    }
    for (hash, content) in &commits[1].bodies {
        assert_eq!(store.body(*hash).unwrap().as_ref(), Some(content));
    }
    assert_eq!(store.split_calls().unwrap()[0].1, 1_234);
    // Whatever it was, it is of the newest format now, and takes what that can hold.
    let told: Vec<_> = commits.iter().map(|commit| &commit.changes).collect();
    let rest = story::commits().into_iter().filter(|commit| !told.contains(&&commit.changes));
    let rest: Vec<Commit> =
        (state.revision.0 + 1..).zip(rest).map(|(revision, later)| commit(revision, later.changes)).collect();
    store.commit(state.revision, &rest).unwrap();
    assert_eq!((loaded(&store).caller_pins.len(), loaded(&store).shadowed.len()), (1, 7));
}

#[test]
fn a_store_of_each_format_is_read_as_it_was_meant() {
    is_read_as(FORMAT_1, &written());
}

/// If this fails, what is stored has changed: keep the old file as it is, add a step to the formats and a file for the
/// new one.
#[test]
fn what_is_written_today_is_format_1_to_the_letter() {
    let today = written_today();
    assert!(today == FORMAT_1, "this is what is written today:\n{today}");
}
