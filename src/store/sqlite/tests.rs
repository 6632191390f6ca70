use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::domain::address::E164;
use crate::domain::agent::{PAST_DRAFTS_MAX, Version};
use crate::domain::change::NumberChanges;
use crate::domain::state::State;
use crate::store::conformance::{Engine, absorb, commit, laws, loaded, state_text, story};

mod crash;
mod stored_shape;

/// A folder with a file.
pub(super) struct Disk(TempDir);

impl Disk {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.path().join("control.sqlite")
    }
}

impl Engine for Disk {
    type Store = SqliteStore;

    fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.file()).unwrap()
    }
}

laws!(Disk::new());

fn routed(numbers: impl Iterator<Item = u64>) -> Change {
    let route = serde_json::from_value(story::route("api")).unwrap();
    let phones = numbers.map(|n| (E164::from_value(14_000_000_000 + n).unwrap(), Some(0))).collect();
    Change::Numbers(NumberChanges { routes: vec![route], phones, ..NumberChanges::default() })
}

fn refusal(path: &Path) -> StoreError {
    SqliteStore::open(path).map(drop).unwrap_err()
}

#[test]
fn a_store_in_memory_keeps_to_the_same_story() {
    let store = SqliteStore::in_memory().unwrap();
    store.commit(Revision(0), &story::commits()).unwrap();
    let mut state = State::default();
    story::commits().iter().for_each(|commit| absorb(&mut state, &commit.changes));
    state.revision = Revision(6);
    assert_eq!(state_text(&loaded(&store)), state_text(&state));
    assert_eq!(store.after(Revision(5), 9).unwrap().len(), 1);
}

#[test]
fn a_full_disk_refuses_the_commit_whole_and_reads_go_on() {
    let disk = Disk::new();
    let store = disk.open();
    let mut head = store.commit(Revision(0), &story::commits()).unwrap();
    let before = state_text(&loaded(&store));
    let pages: i64 = lock(&store.writer).query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |pages: i64| {
        lock(&store.writer).pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    };
    limit(pages + 2);
    let commits = [commit(head.0 + 1, vec![routed(0..5)]), commit(head.0 + 2, vec![routed(0..20_000)])];
    let Err(CommitError::Failed(full)) = store.commit(head, &commits) else { panic!("it was not full") };
    assert_eq!(full.kind(), StoreErrorKind::DiskFull);
    assert_eq!(full.to_string(), "the store cannot be written: the disk is full");
    assert_eq!(state_text(&loaded(&store)), before);
    assert_eq!(store.after(head, 9).unwrap(), []);
    limit(1 << 30);
    head = store.commit(head, &commits).unwrap();
    drop(store);
    assert_eq!(loaded(&disk.open()).revision, head);
    assert_eq!(loaded(&disk.open()).numbers.phones.len(), 20_002);
}

#[test]
fn many_numbers_come_in_facts_of_a_bounded_size() {
    let store = SqliteStore::in_memory().unwrap();
    store.commit(Revision(0), &[commit(1, vec![routed(0..250_000)])]).unwrap();
    let mut sizes = Vec::new();
    store
        .load(&mut |change| {
            if let Change::Numbers(numbers) = change {
                sizes.push((numbers.len(), numbers.routes.len()));
            }
        })
        .unwrap();
    assert_eq!(sizes, [(100_000, 1), (100_000, 1), (50_000, 1)]);
}

#[test]
fn texts_are_kept_once_and_swept_when_nothing_uses_them() {
    let store = SqliteStore::in_memory().unwrap();
    store.commit(Revision(0), &story::commits()).unwrap();
    let count = |table: &str| -> i64 {
        lock(&store.writer).query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("route"), count("dispatch"), count("version") + count("draft")), (2, 1, 4));
    let released = NumberChanges {
        phones: vec![(E164::from_value(14_155_550_100).unwrap(), None)],
        ..NumberChanges::default()
    };
    store.commit(Revision(6), &[commit(7, vec![Change::Numbers(released)])]).unwrap();
    assert_eq!(count("route"), 2);
    lock(&store.writer).execute_batch("PRAGMA query_only = ON").unwrap();
    let before = loaded(&store);
    assert_eq!(count("route"), 2, "what cannot be swept does no harm");
    lock(&store.writer).execute_batch("PRAGMA query_only = OFF").unwrap();
    assert_eq!(state_text(&loaded(&store)), state_text(&before));
    assert_eq!((count("route"), count("dispatch")), (1, 1));
    assert_eq!(state_text(&loaded(&store)), state_text(&before));
}

#[test]
fn a_draft_that_is_no_longer_remembered_leaves_no_row() {
    let store = SqliteStore::in_memory().unwrap();
    let head = store.commit(Revision(0), &story::commits()).unwrap();
    let (agent, first) =
        loaded(&store).agents.iter().map(|(id, agent)| (id.clone(), agent.clone())).next().unwrap();
    let put = |at: u32| {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&at.to_be_bytes());
        let hash = ConfigHash(hash);
        let version = Arc::new(Version { hash, ..first.draft.as_deref().unwrap().clone() });
        Change::DraftPut { agent: agent.clone(), version }
    };
    store.commit(head, &[commit(head.0 + 1, (0..300).map(put).collect())]).unwrap();
    let rows: i64 =
        lock(&store.writer).query_row("SELECT count(*) FROM draft", [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), PAST_DRAFTS_MAX + 1);
}

#[test]
fn a_file_of_another_program_is_left_alone() {
    let disk = Disk::new();
    Connection::open(disk.file()).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(disk.file()).unwrap();
    assert_eq!(refusal(&disk.file()).kind(), StoreErrorKind::Foreign);
    assert_eq!(fs::read(disk.file()).unwrap(), before);
}

#[test]
fn a_format_of_a_later_release_is_left_alone_and_named() {
    let disk = Disk::new();
    drop(disk.open());
    Connection::open(disk.file()).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    assert_eq!(
        refusal(&disk.file()).to_string(),
        "the store cannot be opened: its format 7 is newer than 1, the newest this release knows"
    );
}

#[test]
fn a_damaged_file_is_called_damaged() {
    let disk = Disk::new();
    let store = disk.open();
    store.commit(Revision(0), &story::commits()).unwrap();
    drop(store);
    let sound = fs::read(disk.file()).unwrap();
    for (from, to) in [(0, 100), (100, 4_096), (4_096, 4_196)] {
        let mut bytes = sound.clone();
        bytes[from..to].fill(0xa5);
        fs::write(disk.file(), &bytes).unwrap();
        assert_eq!(refusal(&disk.file()).kind(), StoreErrorKind::Damaged, "{from}..{to}");
    }
    fs::write(disk.file(), &sound[..8_192]).unwrap();
    assert_eq!(refusal(&disk.file()).kind(), StoreErrorKind::Damaged);
    fs::write(disk.file(), sound).unwrap();
    disk.open();
}

#[test]
fn a_row_that_nobody_can_have_written_is_damage_and_never_a_state() {
    for damage in [
        "UPDATE route SET spec = '{}'",
        "DELETE FROM route",
        "UPDATE phone SET number = 5 WHERE number = 14155550100",
        "UPDATE deployment SET spec = replace(spec, 'live', 'production')",
        "UPDATE account SET spec = 'x'",
        "UPDATE caller_pin SET spec = replace(spec, '+14155550999', 'anonymous')",
        "UPDATE head SET revision = -1",
        "DELETE FROM head",
    ] {
        let store = SqliteStore::in_memory().unwrap();
        store.commit(Revision(0), &story::commits()).unwrap();
        lock(&store.writer).execute_batch(damage).unwrap();
        let refused = store.load(&mut |_| ()).unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Damaged, "{damage}");
        assert_eq!(refused.to_string(), "the store cannot be read: the file is damaged");
    }
}

#[test]
fn a_file_that_cannot_be_made_is_an_error_of_its_kind() {
    let disk = Disk::new();
    assert_eq!(refusal(&disk.0.path().join("nowhere/control.sqlite")).kind(), StoreErrorKind::Io);
    assert_eq!(refusal(disk.0.path()).kind(), StoreErrorKind::Io);
}

#[test]
fn a_store_that_another_holds_or_that_may_only_be_read_says_so() {
    let disk = Disk::new();
    let store = disk.open();
    let kind = || match store.commit(Revision(0), &[commit(1, vec![])]) {
        Err(CommitError::Failed(error)) => error.kind(),
        other => panic!("{other:?}"),
    };
    lock(&store.writer).execute_batch("PRAGMA query_only = ON").unwrap();
    assert_eq!(kind(), StoreErrorKind::ReadOnly);
    lock(&store.writer).execute_batch("PRAGMA query_only = OFF; PRAGMA busy_timeout = 0").unwrap();
    let other = Connection::open(disk.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(kind(), StoreErrorKind::Busy);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.commit(Revision(0), &[commit(1, vec![])]).unwrap(), Revision(1));
}

#[test]
fn the_file_is_its_owners_only() {
    let disk = Disk::new();
    let _store = disk.open();
    for entry in fs::read_dir(disk.0.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
}

#[test]
fn whoever_reads_never_waits_for_a_commit() {
    let disk = Disk::new();
    let store = disk.open();
    store.commit(Revision(0), &story::commits()).unwrap();
    let mut writer = lock(&store.writer);
    let transaction = writer.transaction().unwrap();
    transaction.execute("DELETE FROM body", []).unwrap();
    transaction.execute("DELETE FROM log", []).unwrap();
    assert!(store.body(ConfigHash([1; 16])).unwrap().is_some());
    assert_eq!(store.after(Revision(0), 9).unwrap().len(), 6);
}
