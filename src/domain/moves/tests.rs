//! What is said to move is what moves.

use proptest::prelude::*;

use super::*;
use crate::domain::address::Prefix;
use crate::domain::change::SplitRef;
use crate::domain::command::{Action, ArmPatch, SplitPatch};
use crate::domain::split::slots::SLOTS;
use crate::domain::state::State;
use crate::domain::testing::*;
use crate::domain::time::Timestamp;

const NUMBERS: [&str; 4] = ["+14155550100", "+14155550101", "+442071230000", "alice"];
const SPLITS: [&str; 2] = ["spring", "summer"];
const TO: [&str; 6] = ["sales@V1", "sales@V2", "sales@live", "reception@V1", "split:spring", "split:summer"];

fn none(_: &SplitRef) -> u64 {
    0
}

fn moves(before: &State, after: &State, facts: &[Change]) -> Moves {
    let account = account();
    let scene = |state| Scene { state, account: &account, now: Timestamp(1_000), calls: &none };
    Moves::between(&scene(before), &scene(after), facts, |_| true)
}

/// Does an action and answers what it moves, and how many slots the action itself says.
fn act(state: &mut State, action: Action) -> (Moves, usize) {
    let before = state.clone();
    let outcome = state.act(action).unwrap();
    (moves(&before, state, &outcome.changes), outcome.moved_slots)
}

fn patch(id: &str, patch: SplitPatch) -> Action {
    Action::PatchSplit { id: id.parse().unwrap(), patch }
}

fn reweighed(id: &str, weight: u32) -> ArmPatch {
    ArmPatch { weight: Some(weight), ..arm_patch(id) }
}

fn weights(control: u32, test: u32) -> SplitPatch {
    SplitPatch { arms: vec![reweighed("control", control), reweighed("test", test)], ..SplitPatch::default() }
}

fn with_split() -> State {
    let mut state = world();
    let spring = split("spring", &[("control", "sales@V1", 80), ("test", "sales@V2", 20)]);
    let numbers = vec![number("+14155550100"), number("alice")];
    state.act(Action::CreateSplit { split: spring, numbers }).unwrap();
    state
}

#[test]
fn a_change_of_weights_moves_the_slots_that_it_says_from_the_control_to_the_test() {
    let mut state = with_split();
    let (moves, told) = act(&mut state, patch("spring", weights(60, 40)));
    let callers = &moves.callers[0];
    assert_eq!((callers.moved_slots, told, moves.numbers), (2_000, 2_000, 2));
    assert_eq!(callers.flows, [("control".parse().unwrap(), "test".parse().unwrap(), 2_000)]);
    let slots: Vec<_> = moves
        .arms
        .iter()
        .map(|arm| (arm.before.as_ref().unwrap().slots, arm.after.as_ref().unwrap().slots))
        .collect();
    assert_eq!(slots, [(8_000, 6_000), (2_000, 4_000)]);
}

#[test]
fn a_pause_moves_all_but_the_control_and_a_change_while_it_rests_moves_nobody() {
    let mut state = with_split();
    let paused = |paused| SplitPatch { paused: Some(paused), ..SplitPatch::default() };
    let (moves, told) = act(&mut state, patch("spring", paused(true)));
    assert_eq!((moves.callers[0].moved_slots, told, moves.numbers), (2_000, 0, 2));
    let (moves, told) = act(&mut state, patch("spring", weights(50, 50)));
    assert_eq!((moves.callers, told, moves.numbers), (vec![], 3_000, 0));
    let (moves, _) = act(&mut state, patch("spring", paused(false)));
    assert_eq!(moves.callers[0].moved_slots, 5_000);
    let end = Action::EndSplit { id: "spring".parse().unwrap(), winner: "test".parse().unwrap() };
    let (moves, _) = act(&mut state, end);
    assert_eq!((moves.callers[0].moved_slots, moves.numbers), (5_000, 2));
    assert_eq!(
        moves.arms.iter().map(|arm| arm.after.as_ref().unwrap().slots).collect::<Vec<_>>(),
        [0, 10_000]
    );
}

#[test]
fn a_split_that_has_had_all_its_calls_moves_nobody() {
    let mut state = with_split();
    state.act(patch("spring", SplitPatch { call_quota: Some(Some(10)), ..SplitPatch::default() })).unwrap();
    let before = state.clone();
    let outcome = state.act(patch("spring", weights(60, 40))).unwrap();
    let account = account();
    let at = |calls: u64| {
        let calls = move |_: &SplitRef| calls;
        let scene = |state| Scene { state, account: &account, now: Timestamp(1_000), calls: &calls };
        Moves::between(&scene(&before), &scene(&state), &outcome.changes, |_| true).numbers
    };
    assert_eq!((at(9), at(10)), (2, 0));
}

#[test]
fn another_version_in_an_arm_moves_its_numbers_but_no_caller_to_another_arm() {
    let mut state = with_split();
    let arm = ArmPatch { pin: Some(pin("V3")), ..arm_patch("test") };
    let (moves, _) =
        act(&mut state, patch("spring", SplitPatch { arms: vec![arm], ..SplitPatch::default() }));
    assert_eq!((moves.numbers, moves.callers), (2, vec![]));
    let arm = &moves.arms[0];
    let version = |side: &Option<ArmServes>| side.as_ref().unwrap().version.unwrap().to_string();
    assert_eq!(
        (arm.arm.as_str(), version(&arm.before), version(&arm.after)),
        ("test", "V2".into(), "V3".into())
    );
    assert_eq!(moves.arms.len(), 1);
}

#[test]
fn numbers_that_the_key_may_not_see_do_not_count() {
    let mut state = with_split();
    let before = state.clone();
    let outcome = state.act(patch("spring", weights(60, 40))).unwrap();
    let account = account();
    let scene = |state| Scene { state, account: &account, now: Timestamp(1_000), calls: &none };
    let numbers =
        |seen: bool| Moves::between(&scene(&before), &scene(&state), &outcome.changes, |_| seen).numbers;
    assert_eq!((numbers(true), numbers(false)), (2, 0));
}

#[test]
fn a_number_that_is_released_moves_unless_a_prefix_serves_it_likewise() {
    let mut state = world();
    state.put("+14155550100", "sales@V1").unwrap();
    let prefix = |to| Action::PutPrefix { prefix: Prefix::parse("+1415").unwrap(), route: route(to) };
    let release = Action::DeleteNumber(number("+14155550100"));
    assert_eq!(act(&mut state.clone(), release.clone()).0.numbers, 1, "nobody serves it");
    state.act(prefix("sales@V1")).unwrap();
    assert_eq!(act(&mut state.clone(), release.clone()).0.numbers, 0);
    state.act(prefix("sales@V2")).unwrap();
    assert_eq!(act(&mut state.clone(), release.clone()).0.numbers, 1);
    state.act(prefix("sales@sandbox")).unwrap();
    state.act(Action::PutDefault(route("sales@V1"))).unwrap();
    assert_eq!(act(&mut state, release).0.numbers, 0, "an empty environment is passed over");
}

#[test]
fn a_number_that_leaves_a_split_which_changes_too_counts_once() {
    let mut state = with_split();
    let put = Action::PutNumber { number: number("alice"), route: route("sales@V3") };
    let (moves, _) = act(&mut state, Action::Several([put, patch("spring", weights(60, 40))].into()));
    assert_eq!(moves.numbers, 2, "it, and the one that stays");
}

#[test]
fn nobody_moves_in_a_split_that_went_and_was_made_anew() {
    let mut state = world();
    let arms = [("control", "sales@V1", 80), ("test", "sales@V2", 20)];
    state.act(Action::CreateSplit { split: split("spring", &arms), numbers: Vec::new() }).unwrap();
    let anew = split("spring", &[("control", "sales@V1", 20), ("test", "sales@V2", 80)]);
    let create = Action::CreateSplit { split: Split { salt: 43, ..anew }, numbers: Vec::new() };
    let (moves, _) =
        act(&mut state, Action::Several([Action::DeleteSplit("spring".parse().unwrap()), create].into()));
    assert_eq!((moves.callers.len(), moves.arms.len()), (0, 2));
}

/// Something that happens; what cannot be is passed over.
fn step() -> impl Strategy<Value = Action> {
    let number_of = |at: usize| number(NUMBERS[at]);
    let weight = 0..5u32;
    prop_oneof![
        6 => (0..4usize, 0..6usize)
            .prop_map(move |(n, to)| Action::PutNumber { number: number_of(n), route: route(TO[to]) }),
        2 => (0..4usize).prop_map(move |n| Action::DeleteNumber(number_of(n))),
        2 => (0..2usize, 0..4usize, 0..4usize, weight.clone(), any::<u64>()).prop_map(|(s, a, b, w, salt)| {
            let split = split(SPLITS[s], &[("control", TO[a], 3), ("test", TO[b], w)]);
            Action::CreateSplit { split: Split { salt, ..split }, numbers: Vec::new() }
        }),
        4 => (0..2usize, weight.clone(), weight, any::<Option<bool>>()).prop_map(|(s, a, b, paused)| {
            patch(SPLITS[s], SplitPatch { paused, ..weights(a, b) })
        }),
        1 => (0..2usize).prop_map(|s| Action::DeleteSplit(SPLITS[s].parse().unwrap())),
        1 => (0..2usize).prop_map(|s| Action::EndSplit {
            id: SPLITS[s].parse().unwrap(),
            winner: "test".parse().unwrap(),
        }),
        1 => (0..6usize)
            .prop_map(|to| Action::PutPrefix { prefix: Prefix::parse("+1").unwrap(), route: route(TO[to]) }),
    ]
}

/// The split that deals the callers, if it is not the same for all, and what each slot gets.
type Served = (Option<(SplitId, u64)>, Vec<Option<(AgentId, Pin)>>);

/// What every slot of a number is served by, naively; two splits deal callers each in its way unless all get the same.
fn served(state: &State, text: &str) -> Served {
    let prefix = || state.prefixes.get(&(account(), Prefix::parse("+1").unwrap()));
    let own = state.route(&number(text));
    let Some(route) = own.or_else(|| text.starts_with("+1").then(prefix).flatten()) else {
        return (None, vec![None; SLOTS]);
    };
    match &route.to {
        Destination::Agent { agent, pin } => (None, vec![Some((agent.clone(), *pin)); SLOTS]),
        Destination::Split(id) => {
            let split = &state.splits.get(&SplitRef { account: account(), split: id.clone() }).unwrap();
            let arm = |slot| match split.inactive(Timestamp(1_000)) {
                Some(_) => split.resting_arm(),
                None => split.owners.arm(slot),
            };
            let point = |slot| {
                let arm = &split.arms[usize::from(arm(slot))];
                Some((arm.agent.clone(), arm.pin))
            };
            let points: Vec<_> = (0..10_000).map(point).collect();
            let dealt = points.iter().any(|point| *point != points[0]);
            (dealt.then(|| (id.clone(), split.salt)), points)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn as_many_numbers_count_as_are_served_otherwise(
        history in prop::collection::vec(step(), 0..12),
        change in prop::collection::vec(step(), 1..6),
    ) {
        let mut state = world();
        for action in history {
            drop(state.act(action));
        }
        let before = state.clone();
        let mut facts = Vec::new();
        for action in change {
            facts.extend(state.act(action).map(|outcome| outcome.changes).unwrap_or_default());
        }
        let routed = |text: &&&str| {
            before.route(&number(text)).is_some() || state.route(&number(text)).is_some()
        };
        let differs = |text: &&&str| served(&before, text) != served(&state, text);
        let expected = NUMBERS.iter().filter(routed).filter(differs).count();
        prop_assert_eq!(moves(&before, &state, &facts).numbers, expected as u64);
    }
}
