//! A router killed at any moment has lost nothing that it acknowledged and kept nothing by halves.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;

use super::super::lock;
use super::{Disk, Engine as _, routed};
use crate::domain::change::{Change, NumberChanges};
use crate::domain::id::Revision;
use crate::domain::state::State;
use crate::store::conformance::{absorb, commit, loaded, logged_lines, state_text};
use crate::store::port::{Commit, ControlStore as _};
use crate::store::sqlite::SqliteStore;

const ROUNDS: u64 = 25;

/// The commit that makes a revision: mostly small, sometimes large enough to be hit in the middle.
fn numbered(revision: u64) -> Commit {
    let size = if revision.is_multiple_of(8) { 3_000 } else { 3 };
    let body = crate::domain::id::ConfigHash(u128::from(revision).to_be_bytes());
    let first = revision % 50 * 100;
    let numbers = routed(first..first + size);
    let mut one = commit(revision, vec![numbers, pinned(revision)]);
    one.bodies = vec![(body, std::sync::Arc::from(revision.to_be_bytes().as_slice()))];
    one
}

/// What lies ready before the commit of each fourth revision and comes into force with it.
fn pieces(revision: u64) -> Vec<NumberChanges> {
    let first = |piece: u64| revision % 50 * 70 + piece * 400;
    let numbers = |piece| match routed(first(piece)..first(piece) + 400) {
        Change::Numbers(numbers) => numbers,
        other => panic!("{other:?}"),
    };
    if revision.is_multiple_of(4) { (0..3).map(numbers).collect() } else { Vec::new() }
}

/// The commit of a revision with all that it brings into force.
fn whole(revision: u64) -> Commit {
    let Commit { entry, changes, bodies, .. } = numbered(revision);
    let changes = pieces(revision).into_iter().map(Change::Numbers).chain(changes).collect();
    Commit { entry, staged: None, changes, bodies }
}

/// Lays ready what a commit brings into force, and now and then something that none ever does.
fn staged(store: &SqliteStore, revision: u64) -> Commit {
    let mut commit = numbered(revision);
    let pieces = pieces(revision);
    // Twice: the first is what a process leaves behind that ends before it commits.
    for _ in 0..2 {
        if !pieces.is_empty() {
            let staged = store.begin_staging().unwrap();
            pieces.iter().for_each(|piece| store.stage(staged, piece).unwrap());
            commit.staged = Some(staged);
        }
    }
    commit
}

/// A caller who is pinned to another version in each revision, and in every seventh to none.
fn pinned(revision: u64) -> Change {
    let id = json!({"account": "ws-1", "agent": "sales", "caller": format!("caller-{}", revision % 5)});
    let (kind, rest) = match revision % 7 {
        0 => ("callerPinRemoved", json!({})),
        n => ("callerPinPut", json!({"managedBy": "api", "pin": format!("V{n}")})),
    };
    let mut fact = json!({"change": kind});
    let members = fact.as_object_mut().unwrap();
    members.extend(id.as_object().unwrap().clone());
    members.extend(rest.as_object().unwrap().clone());
    serde_json::from_value(fact).unwrap()
}

/// What the killed process runs: commits until the end of the world, a word for each. The folder comes from outside;
/// where none comes, there is nothing to do.
#[test]
#[ignore = "the other process of the test below"]
fn commits_until_it_is_killed() {
    let mut file = String::new();
    io::stdin().lock().read_line(&mut file).unwrap();
    if file.is_empty() {
        return;
    }
    let store = SqliteStore::open(&PathBuf::from(file.trim_end())).unwrap();
    let mut head = loaded(&store).revision;
    loop {
        let group: Vec<Commit> = (1..=1 + head.0 % 3).map(|more| staged(&store, head.0 + more)).collect();
        head = store.commit(head, &group).unwrap();
        for _ in 0..head.0 % 3 {
            store.fold().unwrap();
        }
        // Not by `println!`, which the test harness would hold back.
        writeln!(io::stdout().lock(), "acknowledged {head}").unwrap();
        io::stdout().flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_nothing_is_half_there() {
    let disk = Disk::new();
    let mut state = State::default();
    for round in 0..ROUNDS {
        let acknowledged = killed(&disk, round);
        let store = disk.open();
        let now = loaded(&store);
        assert!(now.revision >= acknowledged, "{acknowledged} was acknowledged, {} is there", now.revision);
        while state.revision < now.revision {
            let commit = whole(state.revision.next().0);
            absorb(&mut state, &commit.changes);
            state.revision = commit.entry.revision;
        }
        assert_eq!(state_text(&now), state_text(&state));
        let log = store.after(Revision(0), usize::MAX).unwrap();
        assert_eq!(log.len() as u64, now.revision.0);
        let left = "SELECT (SELECT count(*) FROM import_piece), (SELECT sum(pieces) FROM import)";
        let left: (i64, Option<i64>) =
            lock(&store.writer).query_row(left, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let pieces: usize = (1..=now.revision.0).map(|revision| pieces(revision).len()).sum();
        let pieces = i64::try_from(pieces).unwrap();
        assert_eq!((left.0, left.1.unwrap_or_default()), (pieces, pieces), "what no commit names is gone");
        for revision in 1..=now.revision.0 {
            let one = whole(revision);
            let line = &log[usize::try_from(revision - 1).unwrap()];
            assert_eq!(logged_lines(std::slice::from_ref(&one)), std::slice::from_ref(line));
            assert_eq!(store.body(one.bodies[0].0).unwrap().as_ref(), Some(&one.bodies[0].1));
        }
    }
    assert!(state.revision > Revision(ROUNDS), "only {} revisions were made", state.revision);
}

/// Lets a process commit, kills it some acknowledgements later, and answers the last that was heard of.
fn killed(disk: &Disk, round: u64) -> Revision {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::sqlite::tests::crash::commits_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", disk.file().display()).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut heard = String::new();
    let mut acknowledged = 0;
    while acknowledged <= round % 7 * 3 {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "the process ended by itself: {heard}");
        acknowledged += u64::from(line.starts_with("acknowledged"));
        heard.push_str(&line);
    }
    // Somewhere within the next commits, another moment in each round.
    let spins = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 200_000;
    (0..spins).for_each(|_| std::hint::spin_loop());
    child.kill().unwrap();
    child.wait().unwrap();
    output.read_to_string(&mut heard).unwrap();
    // A line may have been cut; without its end it was not acknowledged.
    let whole = heard.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last = whole.lines().filter_map(|line| line.rsplit_once("acknowledged ")?.1.parse().ok()).next_back();
    Revision(last.unwrap_or_default())
}
