use proptest::prelude::*;

use super::*;
use crate::domain::account::Key;
use crate::domain::command::{Action, Command, SplitPatch};
use crate::domain::files::FileSet;
use crate::domain::id::{ArmId, SplitId};
use crate::domain::route::{HeaderRule, HeaderTest};
use crate::domain::testing::*;

const NUMBERS: [&str; 8] = [
    "+14155550100",
    "+14155550101",
    "+14155550102",
    "+14155550103",
    "+14155550104",
    "desk-1",
    "desk-2",
    "+14155550105",
];
/// The last is given by files at times.
const OF_FILES: &str = NUMBERS[7];
const TO: [&str; 8] = [
    "sales@V1",
    "sales@V2",
    "sales@live",
    "reception@V1",
    "split:spring",
    "sales@draft",
    "reception@live",
    "temps@V1",
];

/// What others do, and what rows say.
#[derive(Debug, Clone)]
enum Step {
    Put { number: usize, to: usize, decorated: u8 },
    Delete { number: usize },
    Split { to: usize },
    EndSplit,
    DeleteSplit,
    Files { temps: bool, live: u32, number: Option<usize> },
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..8_usize, 0..8_usize, 0..4_u8).prop_map(|(number, to, decorated)| Step::Put { number, to, decorated }),
        2 => (0..8_usize).prop_map(|number| Step::Delete { number }),
        2 => (0..4_usize).prop_map(|to| Step::Split { to }),
        1 => Just(Step::EndSplit),
        1 => Just(Step::DeleteSplit),
        2 => (any::<bool>(), 1..3_u32, prop::option::of(0..3_usize))
            .prop_map(|(temps, live, number)| Step::Files { temps, live, number }),
    ];
    prop::collection::vec(step, 0..most)
}

fn rows_of(said: &[(usize, usize, u8)]) -> Rows {
    let mut rows = Rows::default();
    for (line, (of, to, site)) in (2..).zip(said) {
        let site = match site {
            0 => SaidSite::Kept,
            1 => SaidSite::Put(None),
            _ => SaidSite::Put(Some(crate::domain::id::SiteVariantId::parse("berlin").unwrap())),
        };
        let said = rows.said(Said { to: route(TO[*to]).to, site });
        rows.push(number(NUMBERS[*of]), Place { line, said });
    }
    rows
}

fn take(state: &mut State, step: &Step, applied: &mut u8) {
    let spring = || SplitId::parse("spring").unwrap();
    // What is refused has not happened: that is as good.
    drop(match step {
        Step::Put { number: of, to, decorated } => {
            let mut route = route(TO[*to]);
            if decorated & 1 != 0 {
                route.headers.insert("X-Brand".to_owned(), "north".to_owned());
            }
            if decorated & 2 != 0 {
                let test = HeaderTest::Equals("test".to_owned());
                let header = "X-Env".to_owned();
                route.header_rules = vec![HeaderRule { header, test, agent: None, pin: pin("V1") }];
            }
            state.act(Action::PutNumber { number: number(NUMBERS[*of]), route })
        }
        Step::Delete { number: of } => state.act(Action::DeleteNumber(number(NUMBERS[*of]))),
        Step::Split { to } => {
            let split = split("spring", &[("control", TO[*to], 1), ("test", "sales@V2", 1)]);
            state.act(Action::CreateSplit { split, numbers: Vec::new() })
        }
        Step::EndSplit => state.act(Action::EndSplit { id: spring(), winner: ArmId::parse("test").unwrap() }),
        Step::DeleteSplit => state.act(Action::DeleteSplit(spring())),
        Step::Files { temps, live, number: of } => {
            *applied += 1;
            let mut agents = vec![file_agent("sales", 3, *live), file_agent("reception", 1, 1)];
            if *temps {
                agents.push(file_agent("temps", 1, 1));
            }
            let mut set = FileSet { accepted: true, ..file_set(agents) };
            set.hash.0[1] = *applied;
            let present = state.route(&number(OF_FILES)).is_some_and(|r| r.managed_by == ManagedBy::Files);
            match of {
                Some(to) => set = set.with_number(OF_FILES, TO[*to]),
                None if present => set.released = vec![number(OF_FILES)],
                None => {}
            }
            state.apply(set)
        }
    });
}

/// Numbers with their routes, and routes with how many numbers they have.
fn routed(state: &State) -> Vec<String> {
    let route = |at: &RouteIx| &state.routes.get(at.get()).unwrap().route;
    let phones = state.numbers.phones.iter().map(|(phone, at)| format!("{phone:?} {:?}", route(at)));
    let users = state.numbers.users.iter().map(|(user, at)| format!("{user} {:?}", route(at)));
    let uses = state.routes.iter().map(|(place, used)| {
        assert_eq!(state.place(&used.route).map(RouteIx::get), Some(place));
        format!("{} of {:?}", used.numbers, used.route)
    });
    let mut lines: Vec<String> = phones.chain(users).chain(uses).collect();
    lines.sort_unstable();
    lines
}

/// Puts the rows one by one; answers whether all were granted.
fn put_each(state: &mut State, rows: &Rows) -> bool {
    let phones = rows.phones().iter().map(|(phone, place)| (Number::E164(*phone), *place));
    let users = rows.users().iter().map(|(user, place)| (Number::User(user.clone()), *place));
    phones.chain(users).fold(true, |granted, (number, place)| {
        let route = rows.said_at(place).unwrap().over(&account(), state.route(&number).map(AsRef::as_ref));
        // The files' own is refused by its number, not made the API's.
        let route = Route { managed_by: ManagedBy::Api, ..route };
        state.act(Action::PutNumber { number, route }).is_ok() && granted
    })
}

fn ordered(said: &[(usize, usize, u8)]) -> Vec<(usize, usize, u8)> {
    let mut once = BTreeSet::new();
    said.iter().copied().filter(|(of, ..)| once.insert(*of)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_import_comes_to_what_putting_its_rows_one_by_one_comes_to_whatever_happened_since_it_was_weighed(
        before in steps(12),
        meanwhile in steps(8),
        said in prop::collection::vec((0..8_usize, 0..8_usize, 0..3_u8), 0..8),
    ) {
        let (mut state, mut applied) = (world(), 0);
        before.iter().for_each(|step| take(&mut state, step, &mut applied));
        let rows = rows_of(&ordered(&said));
        let weighed = state.weigh_rows(rows.clone());
        let mut one_by_one = state.clone();
        prop_assert_eq!(put_each(&mut one_by_one, &rows), weighed.is_ok());
        let Ok((import, facts)) = weighed else { return Ok(()) };
        let import = Arc::new(import);
        let mut at_once = state.clone();
        at_once.land(Arc::clone(&import), &mut Touched::default()).unwrap();
        prop_assert_eq!(routed(&at_once), routed(&one_by_one));

        meanwhile.iter().for_each(|step| take(&mut state, step, &mut applied));
        let (mut landed, mut touched) = (state.clone(), Touched::default());
        let Ok(outcome) = landed.land(Arc::clone(&import), &mut touched) else {
            // It is weighed anew, and that tells what stands against it; where nothing does, it lands at last.
            let Ok((again, _)) = state.weigh_rows(rows.clone()) else { return Ok(()) };
            state.land(Arc::new(again), &mut Touched::default()).unwrap();
            return Ok(());
        };
        let mut one_by_one = state.clone();
        prop_assert!(put_each(&mut one_by_one, &rows), "a row was granted that is refused by itself");
        prop_assert_eq!(routed(&landed), routed(&one_by_one));
        // Everything else is as others have made it.
        prop_assert!(landed.agents.differing(&state.agents, Arc::ptr_eq).is_empty());
        prop_assert!(landed.splits.differing(&state.splits, Arc::ptr_eq).is_empty());
        // What a table has to look at: every place that is not as it was.
        let same = |one: &RouteUse, other: &RouteUse| Arc::ptr_eq(&one.route, &other.route);
        for place in landed.routes.differing(&state.routes, same) {
            prop_assert!(touched.routes.contains(&place), "place {}", place);
        }
        // What lies ready and what is said after it are what a store makes of it.
        let mut replayed = state.clone();
        replayed.absorb(&Change::Numbers(facts), &mut Touched::default());
        outcome.changes.iter().for_each(|change| replayed.absorb(change, &mut Touched::default()));
        prop_assert_eq!(routed(&replayed), routed(&landed));
        // What is told is what happened to the numbers.
        let (new, rest): (Vec<_>, Vec<_>) = ordered(&said).into_iter().partition(|(of, ..)| {
            state.route(&number(NUMBERS[*of])).is_none()
        });
        let unchanged = rest.iter().filter(|(of, ..)| {
            let number = number(NUMBERS[*of]);
            state.route(&number) == landed.route(&number)
        });
        let (created, unchanged) = (new.len(), unchanged.count());
        let told = Imported { created, updated: rest.len() - unchanged, unchanged };
        prop_assert_eq!(outcome.imported, Some(told));
    }
}

fn lines(faults: &RowFaults) -> Vec<(u32, &str, &str)> {
    faults.told().map(|fault| (fault.line, fault.field.as_str(), fault.code)).collect()
}

#[test]
fn what_is_wrong_with_rows_is_told_by_line() {
    let mut state = world();
    state
        .apply(file_set(vec![file_agent("sales", 3, 1)]).with_number("+14155550109", "sales@V1"))
        .unwrap_err();
    let agents = vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    state.apply(file_set(agents).with_number("+14155550109", "sales@V1")).unwrap();
    let rows = rows(&[
        ("+14155550101", "sales@V1"),
        ("+14155550102", "nobody@V1"),
        ("desk-1", "sales@V9"),
        ("+14155550109", "sales@V1"),
        ("+14155550100", "split:none"),
        ("+14155550101", "sales@V2"),
    ]);
    let faults = state.weigh_rows(rows).unwrap_err();
    let expected = [
        (3, "agentId", "VALIDATION_FAILED"),
        (4, "pin", "VALIDATION_FAILED"),
        (5, "", "MANAGED_BY_FILES"),
        (6, "splitId", "VALIDATION_FAILED"),
        (7, "number", "VALIDATION_FAILED"),
    ];
    assert_eq!(lines(&faults), expected);
    let again = faults.told().last().unwrap();
    assert_eq!(again.message, "+14155550101 is on line 2 already: expected each number once");
}

#[test]
fn a_key_that_is_limited_to_agents_imports_only_to_and_from_these() {
    let mut state = world();
    state.put("+14155550101", "sales@V1").unwrap();
    let limited = Key { agents: Some(vec![AgentId::parse("reception").unwrap()]), ..key() };
    let author = Author::Key { key: Arc::new(limited), actor: None };
    let mut rows = rows(&[
        ("+14155550100", "reception@V1"),
        ("+14155550101", "reception@V1"),
        ("+14155550102", "sales@V1"),
    ]);
    let mut none = RowFaults::default();
    rows.order(&mut none);
    let faults = state.weigh_import(&account(), &author, Arc::new(rows), none).unwrap_err();
    assert_eq!(lines(&faults), [(3, "", "USER_ACCESS_FORBIDDEN"), (4, "", "USER_ACCESS_FORBIDDEN")]);
}

#[test]
fn an_import_weighed_for_a_key_that_saw_more_is_hidden_from_it() {
    let state = world();
    let (import, _) = state.weigh_rows(rows(&[("+14155550100", "sales@V1")])).unwrap();
    let limited = Key { agents: Some(vec![AgentId::parse("reception").unwrap()]), ..key() };
    let author = Author::Key { key: Arc::new(limited.clone()), actor: None };
    let action = Action::ImportNumbers(Arc::new(import));
    let command = Command { author, ..command(action) };
    assert!(!Sight::of_key(&state, &limited).command(&command));
    assert!(Sight::of_key(&state, &key()).command(&command));
}

#[test]
fn an_import_whose_split_is_gone_by_then_is_weighed_anew() {
    let mut state = world();
    let spring = || split("spring", &[("control", "sales@V1", 1)]);
    state.act(Action::CreateSplit { split: spring(), numbers: Vec::new() }).unwrap();
    let (import, _) = state.weigh_rows(rows(&[("+14155550100", "split:spring")])).unwrap();
    let import = Arc::new(import);
    let patch = SplitPatch { paused: Some(true), ..SplitPatch::default() };
    state.act(Action::PatchSplit { id: spring().id, patch }).unwrap();
    let mut landed = state.clone();
    landed.land(Arc::clone(&import), &mut Touched::default()).unwrap();
    assert!(landed.splits.iter().all(|(_, split)| split.paused));
    state.act(Action::DeleteSplit(spring().id)).unwrap();
    let refused = state.land(import, &mut Touched::default()).unwrap_err();
    assert_eq!(refused.code, OVERTAKEN);
}
