//! Numbers that lie ready, come into force and are folded.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Engine, absorb, commit, loaded, logged_text, replayed, state_text};
use crate::domain::address::Number;
use crate::domain::change::{Change, NumberChanges, StagedId};
use crate::domain::id::Revision;
use crate::domain::route::Route;
use crate::domain::state::State;
use crate::store::error::StoreErrorKind;
use crate::store::port::{Commit, CommitError, ControlStore, HistoryFilter};

/// Numbers and their routes; some are released.
type Throw = Vec<(u8, Option<u8>)>;

#[derive(Debug, Clone)]
enum Step {
    /// Lays a piece ready.
    Stage(Throw),
    /// Brings all pieces into force, with something said after them.
    Land(Throw),
    /// Another change.
    Commit(Throw),
    Fold,
    Reopen,
}

fn throw(most: usize) -> impl Strategy<Value = Throw> {
    prop::collection::vec((0..12_u8, prop::option::weighted(0.8, 0..4_u8)), 0..most)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => throw(8).prop_map(Step::Stage),
        2 => throw(3).prop_map(Step::Land),
        3 => throw(4).prop_map(Step::Commit),
        3 => Just(Step::Fold),
        1 => Just(Step::Reopen),
    ]
}

fn route(n: u8) -> Arc<Route> {
    serde_json::from_value(
        serde_json::json!({"account": "ws-1", "agentId": "sales", "pin": format!("V{}", n + 1)}),
    )
    .unwrap()
}

fn numbers(throw: &Throw) -> NumberChanges {
    let mut numbers = NumberChanges { routes: (0..4).map(route).collect(), ..NumberChanges::default() };
    let mut seen = Vec::new();
    for (n, to) in throw {
        if !seen.contains(n) {
            seen.push(*n);
            let text = if *n < 9 { format!("+1415555010{n}") } else { format!("desk-{n}") };
            numbers.push(Number::parse(&text).unwrap(), to.map(u32::from));
        }
    }
    numbers
}

pub(crate) fn what_lies_ready_comes_into_force_with_its_commit_and_is_folded_unseen<E: Engine>(
    make: impl Fn() -> E,
) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
    let law = |steps: Vec<Step>| {
        let engine = make();
        let mut store = engine.open();
        let mut state = State::default();
        let mut ready: Option<(StagedId, Vec<Change>)> = None;
        for step in &steps {
            let mut made = None;
            match step {
                Step::Stage(throw) => {
                    let (id, pieces) =
                        ready.get_or_insert_with(|| (store.begin_staging().unwrap(), Vec::new()));
                    store.stage(*id, &numbers(throw)).unwrap();
                    pieces.push(Change::Numbers(numbers(throw)));
                }
                Step::Land(throw) => {
                    let (staged, pieces) = ready.take().unzip();
                    made = Some((staged, pieces.unwrap_or_default(), throw));
                }
                Step::Commit(throw) => made = Some((None, Vec::new(), throw)),
                Step::Fold => drop(store.fold().unwrap()),
                Step::Reopen => {
                    drop(store);
                    store = engine.open();
                    ready = None;
                }
            }
            if let Some((staged, pieces, throw)) = made {
                let said = vec![Change::Numbers(numbers(throw))];
                absorb(&mut state, &pieces);
                absorb(&mut state, &said);
                let one = Commit { staged, ..commit(state.revision.next().0, said) };
                state.revision = store.commit(state.revision, &[one]).unwrap();
            }
            prop_assert_eq!(state_text(&loaded(&store)), state_text(&state));
        }
        prop_assert_eq!(logged_text(&replayed(&store)), logged_text(&state));
        while store.fold().unwrap() {}
        prop_assert_eq!(state_text(&loaded(&store)), state_text(&state));
        prop_assert_eq!(logged_text(&replayed(&store)), logged_text(&state));
        Ok(())
    };
    TestRunner::new(config).run(&prop::collection::vec(step(), 0..24), law).unwrap();
}

fn kind(refused: CommitError) -> StoreErrorKind {
    let CommitError::Failed(failed) = refused else { panic!("{refused}") };
    failed.kind()
}

pub(crate) fn what_no_commit_has_named_is_thrown_away<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let some = || numbers(&vec![(1, Some(1))]);
    let [dropped, left] = [(); 2].map(|()| store.begin_staging().unwrap());
    for _ in 0..40 {
        store.stage(dropped, &some()).unwrap();
        store.stage(left, &some()).unwrap();
    }
    store.unstage(dropped).unwrap();
    let land = |store: &E::Store, staged| {
        let one = Commit { staged: Some(staged), ..commit(1, vec![]) };
        store.commit(Revision(0), &[one])
    };
    assert_eq!(kind(land(&store, dropped).unwrap_err()), StoreErrorKind::OutOfOrder);
    assert_eq!(store.stage(dropped, &some()).unwrap_err().kind(), StoreErrorKind::OutOfOrder);
    drop(store);
    let store = engine.open();
    assert_eq!(kind(land(&store, left).unwrap_err()), StoreErrorKind::OutOfOrder);
    assert_eq!(state_text(&loaded(&store)), state_text(&State::default()));
}

pub(crate) fn what_lies_ready_comes_into_force_once<E: Engine>(make: impl Fn() -> E) {
    let engine = make();
    let store = engine.open();
    let staged = store.begin_staging().unwrap();
    store.stage(staged, &numbers(&vec![(1, Some(1)), (10, Some(2))])).unwrap();
    let mut land = Commit { staged: Some(staged), ..commit(1, vec![]) };
    land.entry.action = "numbers.import".to_owned();
    store.commit(Revision(0), std::slice::from_ref(&land)).unwrap();
    land.entry.revision = Revision(2);
    assert_eq!(kind(store.commit(Revision(1), &[land]).unwrap_err()), StoreErrorKind::OutOfOrder);
    // Nor is it thrown away by who thinks that it did not happen.
    store.unstage(staged).unwrap();
    assert_eq!(loaded(&store).numbers.len(), 2);
    for (target, lines) in [("+14155550101", 1), ("desk-10", 1), ("+14155550102", 0)] {
        let last = HistoryFilter::last(super::account("ws-1"), 9);
        let filter = HistoryFilter { target: Some(target.to_owned()), ..last };
        assert_eq!(store.history(&filter).unwrap().len(), lines, "{target}");
    }
}
