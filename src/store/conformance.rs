//! The laws of every store, whatever its engine.

mod commands;
mod staged;
mod state_text;
pub(crate) mod story;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::durable::logged;
use super::error::StoreErrorKind;
use super::port::{Commit, CommitError, ControlStore, HistoryFilter};
use crate::domain::address::{Number, Prefix};
use crate::domain::agent::{AgentRef, Version};
use crate::domain::change::{Change, Entry, NumberChanges, SplitRef, Touched};
use crate::domain::command::Command;
use crate::domain::id::{AccountId, ConfigHash, Revision, SplitId};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use commands::{Dice, world};
pub(crate) use staged::{
    what_lies_ready_comes_into_force_once,
    what_lies_ready_comes_into_force_with_its_commit_and_is_folded_unseen,
    what_no_commit_has_named_is_thrown_away,
};
pub(crate) use state_text::{logged_text, state_text};

/// A place where a store lives: opened again, it is the same store.
pub(crate) trait Engine {
    /// The store.
    type Store: ControlStore;

    /// Opens it. What was opened before is closed by then.
    fn open(&self) -> Self::Store;
}

/// Makes a test of each law, for an engine that this expression makes anew.
macro_rules! laws {
    ($engine:expr) => {
        $crate::store::conformance::laws!($engine;
            revisions_follow_each_other_without_gaps
            a_stale_commit_is_refused_and_leaves_nothing
            what_is_out_of_order_is_refused_and_leaves_nothing
            the_present_the_log_and_what_was_absorbed_agree
            what_the_files_hold_is_not_kept
            callers_are_in_the_present_and_in_no_line_of_the_log
            drafts_that_have_served_are_remembered
            a_configuration_is_kept_by_its_fingerprint
            the_history_comes_newest_first_and_as_filtered
            the_history_comes_as_asked_for_by_who_did_what_and_when
            the_history_of_an_agent_is_what_happened_to_it
            the_log_comes_in_order_and_in_pages
            counts_of_calls_live_as_long_as_their_split
            what_lies_ready_comes_into_force_with_its_commit_and_is_folded_unseen
            what_no_commit_has_named_is_thrown_away
            what_lies_ready_comes_into_force_once
        );
    };
    ($engine:expr; $($law:ident)*) => {
        $(#[test]
        fn $law() {
            $crate::store::conformance::$law(|| $engine);
        })*
    };
}
pub(crate) use laws;

/// A commit of these facts.
pub(crate) fn commit(revision: u64, changes: Vec<Change>) -> Commit {
    let entry = Entry {
        revision: Revision(revision),
        at: Timestamp(1_700_000_000_000 + i64::try_from(revision).unwrap()),
        account: account(if revision.is_multiple_of(2) { "ws-0" } else { "ws-1" }),
        author: "test".to_owned(),
        actor: revision.is_multiple_of(3).then(|| "ann".to_owned()),
        action: "test.commit".to_owned(),
        target: format!("t{}", revision % 4),
        summary: format!("revision {revision} was made"),
    };
    Commit { entry, staged: None, changes, bodies: Vec::new() }
}

/// The state that a store holds.
pub(crate) fn loaded(store: &impl ControlStore) -> State {
    let mut state = State::default();
    state.revision = store.load(&mut |change| state.absorb(&change, &mut Touched::default())).unwrap();
    state
}

fn replayed(store: &impl ControlStore) -> State {
    let mut state = State::default();
    for (entry, changes) in store.after(Revision(0), usize::MAX).unwrap() {
        assert_eq!(entry.revision, state.revision.next());
        absorb(&mut state, &changes);
        state.revision = entry.revision;
    }
    state
}

pub(crate) fn absorb(state: &mut State, changes: &[Change]) {
    for change in changes {
        state.absorb(change, &mut Touched::default());
    }
}

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn revisions(entries: &[(Entry, Vec<Change>)]) -> Vec<u64> {
    entries.iter().map(|(entry, _)| entry.revision.0).collect()
}

fn all(store: &impl ControlStore) -> Vec<u64> {
    revisions(&store.after(Revision(0), usize::MAX).unwrap())
}

pub(crate) fn revisions_follow_each_other_without_gaps<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    assert_eq!(loaded(&store).revision, Revision(0));
    assert_eq!(store.commit(Revision(0), &[commit(1, vec![])]).unwrap(), Revision(1));
    assert_eq!(store.commit(Revision(1), &[]).unwrap(), Revision(1));
    assert_eq!(store.commit(Revision(1), &[commit(2, vec![]), commit(3, vec![])]).unwrap(), Revision(3));
    assert_eq!(loaded(&store).revision, Revision(3));
    assert_eq!(all(&store), [1, 2, 3]);
}

pub(crate) fn a_stale_commit_is_refused_and_leaves_nothing<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    store.commit(Revision(0), &story::commits()).unwrap();
    let head = Revision(u64::try_from(story::commits().len()).unwrap());
    let before = state_text(&loaded(&store));
    for expected in [Revision(0), Revision(head.0 - 1), head.next()] {
        let late = commit(expected.0 + 1, vec![Change::FilesApplied { hash: ConfigHash([9; 16]) }]);
        let refused = store.commit(expected, &[late]).unwrap_err();
        assert!(matches!(refused, CommitError::Stale { head: told } if told == head), "{refused}");
    }
    assert_eq!(state_text(&loaded(&store)), before);
}

pub(crate) fn what_is_out_of_order_is_refused_and_leaves_nothing<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let applied = || vec![Change::FilesApplied { hash: ConfigHash([9; 16]) }];
    for second in [1, 3] {
        let commits = [commit(1, applied()), commit(second, vec![])];
        let refused = store.commit(Revision(0), &commits).unwrap_err();
        let CommitError::Failed(refused) = refused else { panic!("{refused}") };
        assert_eq!(refused.kind(), StoreErrorKind::OutOfOrder);
    }
    assert_eq!(state_text(&loaded(&store)), state_text(&State::default()));
    assert!(all(&store).is_empty());
}

pub(crate) fn the_present_the_log_and_what_was_absorbed_agree<E: Engine>(make: impl Fn() -> E) {
    let rolls = prop::collection::vec(any::<Dice>(), 1..60);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) };
    let law = |rolls: Vec<Dice>| {
        let engine = make();
        let mut store = engine.open();
        let mut state = State::default();
        let commits: Vec<Commit> =
            world().iter().filter_map(|command| granted(&mut state, command)).collect();
        store.commit(Revision(0), &commits).unwrap();
        for (i, group) in rolls.chunks(3).enumerate() {
            let expected = state.revision;
            let commits: Vec<Commit> = group
                .iter()
                .filter_map(|dice| {
                    let command = dice.command(&state);
                    granted(&mut state, &command)
                })
                .collect();
            prop_assert_eq!(store.commit(expected, &commits).unwrap(), state.revision);
            if i % 5 == 4 {
                drop(store);
                store = engine.open();
            }
        }
        let absorbed = state_text(&state);
        prop_assert_eq!(&state_text(&loaded(&store)), &absorbed);
        prop_assert_eq!(logged_text(&replayed(&store)), logged_text(&state));
        drop(store);
        prop_assert_eq!(&state_text(&loaded(&engine.open())), &absorbed);
        Ok(())
    };
    TestRunner::new(config).run(&rolls, law).unwrap();
}

/// The lines that a log has of commits.
pub(crate) fn logged_lines(commits: &[Commit]) -> Vec<(Entry, Vec<Change>)> {
    let line = |commit: &Commit| {
        let changes = commit.changes.iter().filter(|change| logged(change)).cloned().collect();
        (commit.entry.clone(), changes)
    };
    commits.iter().map(line).collect()
}

/// Has the state take a command in, if it is granted.
fn granted(state: &mut State, command: &Command) -> Option<Commit> {
    let outcome = state.weigh(command).ok()?;
    absorb(state, &outcome.changes);
    state.revision = state.revision.next();
    Some(Commit { bodies: outcome.bodies, ..commit(state.revision.0, outcome.changes) })
}

pub(crate) fn what_the_files_hold_is_not_kept<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let routed = || {
        let state = loaded(&store);
        (state.numbers.len(), state.prefixes.len(), state.defaults.len())
    };
    let mut head = store.commit(Revision(0), &story::commits()).unwrap();
    assert_eq!(routed(), (3, 1, 1));
    for (managed_by, expected) in [("api", (5, 2, 1)), ("files", (3, 1, 0))] {
        head = store.commit(head, &[commit(head.0 + 1, story::given_to(managed_by))]).unwrap();
        assert_eq!(routed(), expected);
    }
    assert_eq!(logged_text(&replayed(&store)), logged_text(&loaded(&store)));
}

pub(crate) fn callers_are_in_the_present_and_in_no_line_of_the_log<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    store.commit(Revision(0), &story::commits()).unwrap();
    let pins = |store: &E::Store| -> Vec<String> {
        loaded(store).caller_pins.iter().map(|(id, _)| id.caller.to_string()).collect()
    };
    assert_eq!(pins(&store), [story::PINNED]);
    let log = serde_json::to_string(&store.after(Revision(0), usize::MAX).unwrap()).unwrap();
    assert!(log.contains("14155550100"), "numbers are in it");
    for caller in [story::PINNED, story::RELEASED] {
        assert!(!log.contains(caller.trim_start_matches('+')), "{caller}");
    }
    drop(store);
    assert_eq!(pins(&engine.open()), [story::PINNED]);
}

pub(crate) fn drafts_that_have_served_are_remembered<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let mut head = store.commit(Revision(0), &story::commits()).unwrap();
    let mut state = loaded(&store);
    let (agent, known) = state.agents.iter().map(|(id, agent)| (id.clone(), agent.clone())).next().unwrap();
    let first = known.draft.as_deref().unwrap();
    // One after the other, some twice in a row, some again later, and more than are remembered.
    let hashes = (0..50).chain([49, 49, 20, 30, 20]).chain(0..10).chain([9, 60]);
    for (hash, n) in hashes.zip(0..) {
        let version = Version { hash: ConfigHash([hash; 16]), created_at: Timestamp(n), ..first.clone() };
        let changes = vec![Change::DraftPut { agent: agent.clone(), version: Arc::new(version) }];
        absorb(&mut state, &changes);
        head = store.commit(head, &[commit(head.0 + 1, changes)]).unwrap();
        state.revision = head;
        assert_eq!(state_text(&loaded(&store)), state_text(&state));
    }
}

pub(crate) fn a_configuration_is_kept_by_its_fingerprint<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let (hash, other) = (ConfigHash([7; 16]), ConfigHash([8; 16]));
    let content: Arc<[u8]> = Arc::from(&b"{\"prompt\":\"\xc3\xa4\"}"[..]);
    for revision in 1..=3 {
        let commit = Commit { bodies: vec![(hash, content.clone()); 2], ..commit(revision, vec![]) };
        store.commit(Revision(revision - 1), &[commit]).unwrap();
    }
    drop(store);
    let store = engine.open();
    assert_eq!(store.body(hash).unwrap().as_deref(), Some(&*content));
    assert_eq!(store.body(other).unwrap(), None);
}

pub(crate) fn the_history_comes_newest_first_and_as_filtered<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let mut commits: Vec<Commit> = (1..=40).map(|revision| commit(revision, vec![])).collect();
    for commit in commits.iter_mut().skip(10).take(4) {
        commit.entry.summary = "files applied: 1 numbers; +14155550100 goes to sales at V1".to_owned();
    }
    commits[12].entry.action = "files.apply".to_owned();
    // What went with its agent is among the facts, however few of them the summary names.
    commits[14].entry.action = "files.apply".to_owned();
    let mut gone = NumberChanges::default();
    gone.push(Number::parse("+14155550300").unwrap(), None);
    gone.push(Number::parse("front-desk").unwrap(), None);
    commits[14].changes = vec![Change::Numbers(gone)];
    // So is what a split takes, or goes with an agent that is deleted.
    for (at, action) in [(17, "split.create"), (19, "split.change"), (21, "agent.delete"), (23, "plan.apply")]
    {
        commits[at - 1].entry.action = action.to_owned();
        let taken = NumberChanges::one(Number::parse("+14155550400").unwrap(), None);
        commits[at - 1].changes = vec![Change::Numbers(taken)];
    }
    let prefix = Prefix::parse("+1212").unwrap();
    commits[20].changes.push(Change::PrefixRemoved { account: account("ws-1"), prefix });
    store.commit(Revision(0), &commits).unwrap();
    let history = |id: &str, target: Option<&str>, before: Option<u64>, limit| {
        let target = target.map(str::to_owned);
        let last = HistoryFilter::last(account(id), limit);
        let filter = HistoryFilter { target, before: before.map(Revision), ..last };
        store.history(&filter).unwrap()
    };
    let numbers = |entries: Vec<Entry>| entries.iter().map(|entry| entry.revision.0).collect::<Vec<_>>();
    assert_eq!(history("ws-0", None, None, 1), [commits[39].entry.clone()]);
    assert_eq!(history("ws-0", None, Some(37), 1), [commits[35].entry.clone()]);
    assert_eq!(numbers(history("ws-1", None, None, 3)), [39, 37, 35]);
    assert_eq!(numbers(history("ws-0", Some("t2"), Some(34), 2)), [30, 26]);
    assert!(history("ws-1", Some("t2"), None, 9).is_empty());
    // Files change many things at once: such a line is of each that its summary names, whole.
    assert_eq!(numbers(history("ws-1", Some("+14155550100"), None, 9)), [13]);
    assert_eq!(numbers(history("ws-1", Some("t1"), Some(14), 2)), [13, 9]);
    for gone in ["+14155550300", "front-desk"] {
        assert_eq!(numbers(history("ws-1", Some(gone), None, 9)), [15]);
    }
    assert_eq!(numbers(history("ws-1", Some("+14155550400"), None, 9)), [23, 21, 19, 17]);
    assert_eq!(numbers(history("ws-1", Some("+1212"), None, 9)), [21]);
    assert!(history("ws-1", Some("front"), None, 9).is_empty());
    assert!(history("ws-1", Some("+1415555010"), None, 9).is_empty());
    assert!(history("ws-0", Some("+14155550100"), None, 9).is_empty());
    assert_eq!(history("ws-0", None, None, usize::MAX).len(), 20);
}

pub(crate) fn the_history_comes_as_asked_for_by_who_did_what_and_when<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let mut commits: Vec<Commit> = (1..=40).map(|revision| commit(revision, vec![])).collect();
    commits[4].entry.author = "ann".to_owned();
    commits[6].entry.action = "key.create".to_owned();
    store.commit(Revision(0), &commits).unwrap();
    let at = |revision: usize| Some(commits[revision - 1].entry.at);
    let last = || HistoryFilter::last(account("ws-1"), 3);
    let found = |filter: HistoryFilter| -> Vec<u64> {
        store.history(&filter).unwrap().iter().map(|entry| entry.revision.0).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(HistoryFilter { author: text("ann"), ..last() }), [5]);
    assert_eq!(found(HistoryFilter { action: text("key.create"), ..last() }), [7]);
    assert_eq!(found(HistoryFilter { actor: text("ann"), ..last() }), [39, 33, 27]);
    assert_eq!(found(HistoryFilter { from: at(9), to: at(13), ..last() }), [11, 9], "`to` is not in it");
    let both = HistoryFilter { actor: text("ann"), target: text("t1"), before: Some(Revision(33)), ..last() };
    assert_eq!(found(both), [21, 9]);
}

pub(crate) fn the_history_of_an_agent_is_what_happened_to_it<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let commits = story::commits();
    store.commit(Revision(0), &commits).unwrap();
    let about = |change: &Change, agent: &AgentRef| change.agent() == Some(agent);
    let agents: BTreeSet<AgentRef> =
        commits.iter().flat_map(|commit| commit.changes.iter().filter_map(Change::agent).cloned()).collect();
    assert!(agents.len() > 1, "{agents:?}");
    for agent in agents {
        let last = HistoryFilter::last(agent.account.clone(), 9);
        let found =
            store.history(&HistoryFilter { agent: Some(agent.agent.clone()), ..last.clone() }).unwrap();
        let expected: Vec<Entry> = commits
            .iter()
            .rev()
            .filter(|commit| commit.changes.iter().any(|change| about(change, &agent)))
            .map(|commit| commit.entry.clone())
            .collect();
        assert_eq!(found, expected, "{agent}");
        let before = HistoryFilter { agent: Some(agent.agent), before: Some(found[0].revision), ..last };
        assert_eq!(store.history(&before).unwrap(), expected[1..]);
    }
}

pub(crate) fn the_log_comes_in_order_and_in_pages<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let commits = story::commits();
    store.commit(Revision(0), &commits).unwrap();
    let mut seen = Vec::new();
    let mut last = Revision(0);
    loop {
        let page = store.after(last, 2).unwrap();
        assert!(page.len() <= 2);
        let Some((entry, _)) = page.last() else { break };
        last = entry.revision;
        seen.extend(page);
    }
    assert_eq!(seen, logged_lines(&commits));
}

pub(crate) fn counts_of_calls_live_as_long_as_their_split<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let commits = story::commits();
    store.commit(Revision(0), &commits).unwrap();
    let head = u64::try_from(commits.len()).unwrap();
    let id = |id: &str| SplitRef { account: account("ws-1"), split: SplitId::parse(id).unwrap() };
    store.save_split_calls(&[(id("spring"), 5), (id("nowhere"), 7)]).unwrap();
    store.save_split_calls(&[(id("spring"), 1_000)]).unwrap();
    let spring = loaded(&store).splits.get(&id("spring")).unwrap().clone();
    store.commit(Revision(head), &[commit(head + 1, vec![Change::SplitPut(spring.clone())])]).unwrap();
    drop(store);
    let store = engine.open();
    assert_eq!(store.split_calls().unwrap(), [(id("spring"), 1_000)]);
    let again = vec![Change::SplitRemoved(id("spring")), Change::SplitPut(spring)];
    store.commit(Revision(head + 1), &[commit(head + 2, again)]).unwrap();
    assert_eq!(store.split_calls().unwrap(), []);
}
