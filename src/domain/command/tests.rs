use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::agent_config::Dispatch;
use crate::domain::change::{NumberChanges, SplitRef};
use crate::domain::endpoint::{Endpoint, EndpointTemplate};
use crate::domain::id::Environment;
use crate::domain::refusal::RefusalKind;
use crate::domain::route::{Destination, HeaderRule, HeaderTest};
use crate::domain::testing::*;

fn fields(refusal: Refusal) -> Vec<String> {
    refusal.fields.into_iter().map(|fault| fault.field).collect()
}

fn route_text(state: &State, text: &str) -> Option<String> {
    state.route(&number(text)).map(|route| match &route.to {
        Destination::Agent { agent, pin } => format!("{agent}@{pin}"),
        Destination::Split(split) => format!("split:{split}"),
    })
}

#[test]
fn what_a_number_is_pinned_to_must_exist() {
    let mut state = world();
    for (to, field) in [("sales@V9", "pin"), ("nobody@draft", "agentId"), ("split:none", "splitId")] {
        assert_eq!(fields(state.put("+14155550100", to).unwrap_err()), [field], "{to}");
    }
    let empty = state.put("+14155550100", "sales@sandbox").unwrap();
    assert_eq!(empty.warnings, ["agent sales has nothing deployed to sandbox"]);
    assert_eq!(route_text(&state, "+14155550100").as_deref(), Some("sales@sandbox"));
}

#[test]
fn what_is_so_already_changes_nothing() {
    let mut state = world();
    assert_eq!(state.put("+14155550100", "sales@V1").unwrap().changes.len(), 1);
    assert!(state.put("+14155550100", "sales@V1").unwrap().changes.is_empty());
    assert!(
        state
            .apply(file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]))
            .unwrap()
            .changes
            .is_empty()
    );
}

#[test]
fn a_number_belongs_to_the_files_or_to_the_api_never_to_both() {
    let mut state = world();
    let agents = || vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    state.apply(file_set(agents()).with_number("+14155550100", "sales@V1")).unwrap();
    for refusal in [
        state.put("+14155550100", "sales@V2").unwrap_err(),
        state.act(Action::DeleteNumber(number("+14155550100"))).unwrap_err(),
    ] {
        assert_eq!((refusal.kind, refusal.code), (RefusalKind::Conflict, "MANAGED_BY_FILES"));
    }
    state.put("+14155550101", "sales@V1").unwrap();
    let refusal = state.apply(file_set(agents()).with_number("+14155550101", "sales@V2")).unwrap_err();
    assert!(refusal.faults[0].message.contains("+14155550101"), "{refusal}");
    assert_eq!(refusal.faults[0].line, 1);
}

#[test]
fn a_number_of_another_account_is_taken_and_not_to_be_seen() {
    let mut state = world();
    state.put("+14155550100", "sales@V1").unwrap();
    let theirs = AccountId::parse("ws-2").unwrap();
    let delete = Command { account: theirs, ..command(Action::DeleteNumber(number("+14155550100"))) };
    assert_eq!(state.weigh(&delete).unwrap_err().kind, RefusalKind::NotFound);
}

#[test]
fn a_split_takes_its_numbers_in_and_cannot_go_while_they_are_there() {
    let mut state = world();
    state.put("+14155550100", "sales@V1").unwrap();
    let spring = split("spring", &[("control", "sales@V1", 80), ("test", "sales@V2", 20)]);
    let numbers = vec![number("+14155550100"), number("+14155550101"), number("alice")];
    state.act(Action::CreateSplit { split: spring.clone(), numbers }).unwrap();
    for text in ["+14155550100", "+14155550101", "alice"] {
        assert_eq!(route_text(&state, text).as_deref(), Some("split:spring"));
    }
    let again = Action::CreateSplit { split: spring.clone(), numbers: Vec::new() };
    assert_eq!(state.act(again).unwrap_err().kind, RefusalKind::Conflict);
    let refusal = state.act(Action::DeleteSplit(spring.id.clone())).unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), ("IN_USE", "split spring is in use by 3 numbers"));
    for text in ["+14155550100", "+14155550101", "alice"] {
        state.act(Action::DeleteNumber(number(text))).unwrap();
    }
    state.act(Action::DeleteSplit(spring.id)).unwrap();
    assert!(state.splits.is_empty() && state.routes.is_empty());
}

#[test]
fn an_arm_must_lead_somewhere() {
    let mut state = world();
    let bad = split("spring", &[("a", "nobody@draft", 1), ("b", "sales@V9", 1), ("c", "sales@live", 1)]);
    let refusal = state.act(Action::CreateSplit { split: bad, numbers: Vec::new() }).unwrap_err();
    assert_eq!(fields(refusal), ["arms[0].agentId", "arms[1].pin"]);
}

#[test]
fn a_patch_names_arms_and_keeps_the_salt_and_most_slots() {
    let mut state = world();
    let spring = split("spring", &[("a", "sales@V1", 50), ("b", "sales@V2", 25), ("c", "sales@V3", 25)]);
    state.act(Action::CreateSplit { split: spring.clone(), numbers: Vec::new() }).unwrap();
    let weight = |id: &str, weight| ArmPatch { weight: Some(weight), ..arm_patch(id) };
    let patch = SplitPatch { arms: vec![weight("c", 35), weight("a", 40)], ..SplitPatch::default() };
    state.act(Action::PatchSplit { id: spring.id.clone(), patch }).unwrap();
    let id = SplitRef { account: account(), split: spring.id.clone() };
    let after = Arc::clone(state.splits.get(&id).unwrap());
    assert_eq!((after.salt, after.moved_slots(&spring)), (spring.salt, 1_000));

    let unknown = SplitPatch { arms: vec![weight("d", 1)], ..SplitPatch::default() };
    let refusal = state.act(Action::PatchSplit { id: spring.id.clone(), patch: unknown }).unwrap_err();
    assert_eq!(fields(refusal), ["arms[0].id"]);

    let winner = ArmId::parse("b").unwrap();
    state.act(Action::EndSplit { id: spring.id.clone(), winner: winner.clone() }).unwrap();
    assert_eq!(state.splits.get(&id).unwrap().resting_arm(), 1);
    let again = state.act(Action::EndSplit { id: spring.id.clone(), winner }).unwrap();
    assert!(again.changes.is_empty());
    let patch = SplitPatch { paused: Some(true), ..SplitPatch::default() };
    assert_eq!(state.act(Action::PatchSplit { id: spring.id, patch }).unwrap_err().code, "SPLIT_ENDED");
}

#[test]
fn a_version_file_may_not_change_and_its_removal_removes_nothing() {
    let mut state = world();
    let mut changed = file_agent("sales", 3, 1);
    changed.value.versions[1].value.1 = config("something else");
    let refusal = state.apply(file_set(vec![changed, file_agent("reception", 1, 1)])).unwrap_err();
    assert!(refusal.faults[0].message.starts_with("V2 of agent sales has another content"));

    let mut fewer = file_agent("sales", 3, 1);
    fewer.value.versions.remove(2);
    state.apply(file_set(vec![fewer, file_agent("reception", 1, 1)])).unwrap();
    state.put("+14155550100", "sales@V3").unwrap();
}

#[test]
fn a_version_that_files_name_without_its_file_serves_on_with_a_warning() {
    let mut state = world();
    let mut fewer = file_agent("sales", 3, 1);
    fewer.value.versions.remove(0);
    let set = |agent| file_set(vec![agent, file_agent("reception", 1, 1)]);
    let by_environment = set(fewer.clone());
    fewer.value.environments.clear();
    let mut by_split = set(fewer.clone());
    by_split.splits = vec![file_split("spring", &[("control", "sales@V1", 1)])];
    let by_number = set(fewer.clone()).with_number("+14155550100", "sales@V1");
    let by_prefix = set(fewer.clone()).with_prefix("+1415", "sales@V1");
    let mut warnings_of = |set| {
        let mut warnings = state.apply(set).unwrap().warnings;
        warnings.retain(|warning| !warning.starts_with("they no longer list"));
        warnings
    };
    for set in [by_environment, by_split, by_number, by_prefix] {
        let warnings = warnings_of(set);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("agent sales at V1 is named by the files but has no file"));
    }
    let unnamed = FileSet { released: vec![number("+14155550100")], numbers_before: 2, ..set(fewer) };
    assert_eq!(warnings_of(unnamed), [""; 0]);
}

#[test]
fn an_environment_cannot_name_a_version_that_is_not_there() {
    let mut state = world();
    let refusal =
        state.apply(file_set(vec![file_agent("sales", 3, 4), file_agent("reception", 1, 1)])).unwrap_err();
    assert!(refusal.faults[0].message.contains("environments.live: agent sales has no V4"));
}

#[test]
fn a_vanished_agent_is_held_until_accepted_and_then_takes_its_numbers_along() {
    let mut state = world();
    state.put("+14155550100", "reception@live").unwrap();
    state.put("+14155550101", "sales@live").unwrap();
    let fewer = || file_set(vec![file_agent("sales", 3, 1)]);
    let refusal = state.apply(fewer()).unwrap_err();
    assert_eq!(refusal.code, FILES_HELD);
    assert!(refusal.faults[0].expected.contains(&ConfigHash([1; 16]).to_string()));
    state.apply(FileSet { accepted: true, ..fewer() }).unwrap();
    assert_eq!(route_text(&state, "+14155550100"), None);
    assert_eq!(route_text(&state, "+14155550101").as_deref(), Some("sales@live"));
}

#[test]
fn an_agent_that_file_routes_name_cannot_vanish_accepted_or_not() {
    let mut state = world();
    let with_number = |agents| file_set(agents).with_number("+14155550100", "reception@live");
    let both = || vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    state.apply(with_number(both()).with_prefix("+1415", "reception@V1")).unwrap();
    let fewer = file_set(vec![file_agent("sales", 3, 1)]);
    let numbered = FileSet { accepted: true, ..fewer.clone().with_number("+14155550100", "reception@live") };
    assert!(state.apply(numbered).unwrap_err().faults[0].message.contains("agent reception is gone"));
    let prefixed = FileSet { accepted: true, ..fewer.with_prefix("+1415", "reception@V1") };
    assert!(state.apply(prefixed).unwrap_err().faults[0].message.contains("agent reception is gone"));
    assert_eq!(route_text(&state, "+14155550100").as_deref(), Some("reception@live"));
}

#[test]
fn a_vanished_agent_leaves_numbers_that_only_an_exception_sent_to_it() {
    let mut state = world();
    let mut ruled = route("sales@V1");
    let rule = |agent: &str| crate::domain::route::HeaderRule {
        header: "X-Env".to_owned(),
        test: crate::domain::route::HeaderTest::Equals(agent.to_owned()),
        agent: Some(AgentId::parse(agent).unwrap()),
        pin: pin("V1"),
    };
    ruled.header_rules = vec![rule("reception"), rule("sales")];
    state.act(Action::PutNumber { number: number("+14155550100"), route: ruled }).unwrap();
    state.apply(FileSet { accepted: true, ..file_set(vec![file_agent("sales", 3, 1)]) }).unwrap();
    let left = state.route(&number("+14155550100")).unwrap();
    assert_eq!(left.header_rules, [rule("sales")]);
}

#[test]
fn an_agent_that_a_split_names_cannot_vanish() {
    let mut state = world();
    let spring = split("spring", &[("control", "reception@V1", 1)]);
    state.act(Action::CreateSplit { split: spring, numbers: Vec::new() }).unwrap();
    let fewer = FileSet { accepted: true, ..file_set(vec![file_agent("sales", 3, 1)]) };
    let refusal = state.apply(fewer).unwrap_err();
    assert!(refusal.faults[0].message.contains("split spring names it"), "{refusal}");
}

#[test]
fn more_than_a_tenth_of_the_numbers_are_not_released_unasked() {
    let agents = || vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    let mut state = world();
    let all =
        (0..100).fold(file_set(agents()), |set, i| set.with_number(&format!("+1415555{i:04}"), "sales@V1"));
    state.apply(all).unwrap();
    let without = |n: usize| FileSet {
        released: (0..n).map(|i| number(&format!("+1415555{i:04}"))).collect(),
        numbers_before: 100,
        ..file_set(agents())
    };
    assert_eq!(state.apply(without(11)).unwrap_err().code, FILES_HELD);
    assert_eq!(state.numbers.len(), 100);
    state.apply(without(10)).unwrap();
    assert_eq!(state.numbers.len(), 90);
}

#[test]
fn however_little_the_files_route_they_do_not_lose_all_of_it_unasked() {
    let agents = || vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    let two = || file_set(agents()).with_number("+14155550001", "sales@V1").with_prefix("+1416", "sales@V1");
    let mut state = world();
    state.apply(two()).unwrap();
    let released = || vec![number("+14155550001")];
    let nothing = || FileSet { released: released(), numbers_before: 1, ..file_set(agents()) };
    assert_eq!(state.apply(nothing()).unwrap_err().code, FILES_HELD);
    let one = FileSet { released: released(), numbers_before: 1, put: Vec::new(), ..two() };
    state.apply(one).unwrap();
    state.apply(FileSet { accepted: true, ..nothing() }).unwrap();
    assert_eq!(state.apply(file_set(agents())).map(|outcome| outcome.changes.len()).unwrap(), 0);
}

#[test]
fn a_split_of_the_files_keeps_its_slots_when_weights_change() {
    let agents = || vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    let with = |weights: [u32; 3]| {
        let [a, b, c] = weights;
        let mut set = file_set(agents());
        set.splits =
            vec![file_split("s", &[("a", "sales@V1", a), ("b", "sales@V2", b), ("c", "sales@V3", c)])];
        set
    };
    let mut state = world();
    state.apply(with([50, 25, 25])).unwrap();
    let id = SplitRef { account: account(), split: SplitId::parse("s").unwrap() };
    let before = Arc::clone(state.splits.get(&id).unwrap());
    assert_eq!(before.salt, xxhash_rust::xxh3::xxh3_64(b"ws-1/s"));
    state.apply(with([40, 25, 35])).unwrap();
    let after = Arc::clone(state.splits.get(&id).unwrap());
    assert_eq!(after.moved_slots(&before), 1_000);
    assert!(state.apply(with([40, 25, 35])).unwrap().changes.is_empty());
}

#[test]
fn a_faulty_set_changes_nothing_and_tells_all_its_faults() {
    let mut state = world();
    let before = format!("{state:?}");
    let set = file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)])
        .with_number("+14155550100", "nobody@V1")
        .with_number("+14155550101", "sales@V9")
        .with_prefix("+1415", "sales@V8");
    let refusal = state.apply(set).unwrap_err();
    assert_eq!(refusal.faults.len(), 3, "{refusal}");
    assert_eq!(format!("{state:?}"), before);
}

#[test]
fn a_draft_without_a_file_is_the_highest_version() {
    let mut state = world();
    let mut without = file_agent("sales", 3, 1);
    without.value.draft = None;
    state.apply(file_set(vec![without, file_agent("reception", 1, 1)])).unwrap();
    let id = AgentRef { account: account(), agent: AgentId::parse("sales").unwrap() };
    let agent = state.agents.get(&id).unwrap();
    assert_eq!(agent.draft.as_ref().unwrap().hash, agent.versions[&version(3)].hash);
    assert_eq!(agent.draft.as_ref().unwrap().number, None);
    assert_eq!(agent.deployed(Environment::Live).unwrap().number, Some(version(1)));
}

/// Numbers, each with a route of its own.
fn different_routes(count: u32) -> NumberChanges {
    let mut changes = NumberChanges::default();
    for at in 0..count {
        let headers = [("X-Number".to_owned(), at.to_string())].into();
        changes.routes.push(Arc::new(Route { headers, ..route("sales@V1") }));
        changes.push(number(&format!("+1415{at:07}")), Some(at));
    }
    changes
}

#[test]
fn numbers_that_go_into_a_split_keep_their_headers_and_share_equal_routes() {
    let mut state = world();
    let changes = different_routes(3);
    state.absorb(&Change::Numbers(changes.clone()), &mut Touched::default());
    state.put("+14155550100", "sales@V1").unwrap();
    let spring = split("spring", &[("control", "sales@V1", 80), ("test", "sales@V2", 20)]);
    let mut numbers: Vec<Number> = changes.phones.iter().map(|(phone, _)| Number::E164(*phone)).collect();
    numbers.extend(["+14155550100", "+14155550101", "alice"].map(number));
    let outcome = state.act(Action::CreateSplit { split: spring, numbers }).unwrap();
    let Change::Numbers(routed) = &outcome.changes[1] else { panic!("numbers were routed") };
    assert_eq!((routed.routes.len(), routed.len()), (4, 6));
    assert_eq!(state.routes.len(), 4);
    assert_eq!(route_text(&state, "+14150000002").as_deref(), Some("split:spring"));
}

#[test]
fn only_new_routes_need_room() {
    let mut state = world();
    let changes = different_routes(3);
    state.absorb(&Change::Numbers(changes.clone()), &mut Touched::default());
    let (known, new) = (|| changes.routes.iter().map(Arc::as_ref), [route("sales@V1"), route("sales@V2")]);
    assert_eq!(state.room_among(3, known()), Ok(()), "routes that there are take no room");
    assert_eq!(state.room_among(5, known().chain(&new)), Ok(()));
    assert_eq!(state.room_among(4, known().chain(&new)).unwrap_err().code, "TOO_MANY_ROUTES");
}

#[test]
fn what_an_agent_that_goes_leaves_of_routes_needs_room_and_loses_no_number() {
    let mut state = world();
    state.apply(file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)])).unwrap();
    // Four routes with an exception for reception; of two of them the same is left.
    let mut changes = NumberChanges::default();
    for (at, header) in ["a", "b", "c", "c"].into_iter().enumerate() {
        let to_reception = HeaderRule {
            header: format!("X-{at}"),
            test: HeaderTest::Equals("1".to_owned()),
            agent: Some(AgentId::parse("reception").unwrap()),
            pin: Pin::Draft,
        };
        let headers = [("X-Brand".to_owned(), header.to_owned())].into();
        changes.routes.push(Arc::new(Route {
            headers,
            header_rules: vec![to_reception],
            ..route("sales@V1")
        }));
        changes.push(number(&format!("+1415000000{at}")), Some(u32::try_from(at).unwrap()));
    }
    state.absorb(&Change::Numbers(changes), &mut Touched::default());
    let files = FileSet { accepted: true, ..file_set(vec![file_agent("sales", 3, 1)]) };
    let full = state.apply_files_among(6, &files, Timestamp(0)).unwrap_err();
    assert!(full.message.contains("at most 6 fit"), "{}", full.message);
    let outcome = state.apply_files_among(7, &files, Timestamp(0)).unwrap();
    let next = outcome.ahead.unwrap().0;
    assert_eq!((next.numbers.len(), next.routes.len()), (4, 3));
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Delete(u8),
}

proptest! {
    #[test]
    fn routes_are_kept_once_and_counted(steps in proptest::collection::vec(
        prop_oneof![(0..20u8, 0..6u8).prop_map(|(n, to)| Step::Put(n, to)), (0..20u8).prop_map(Step::Delete)], 0..60))
    {
        const TO: [&str; 6] = ["sales@V1", "sales@V2", "sales@draft", "sales@live", "reception@V1", "reception@live"];
        let mut state = world();
        let mut model = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(n, to) => {
                    state.put(&format!("+1415555010{n:02}"), TO[usize::from(to)]).unwrap();
                    model.insert(n, to);
                }
                Step::Delete(n) => {
                    let gone = state.act(Action::DeleteNumber(number(&format!("+1415555010{n:02}"))));
                    prop_assert_eq!(gone.is_ok(), model.remove(&n).is_some());
                }
            }
            let mut counts = BTreeMap::new();
            for to in model.values() {
                *counts.entry(route(TO[usize::from(*to)])).or_insert(0u32) += 1;
            }
            let kept: BTreeMap<_, _> = state.routes.iter().map(|(_, used)| (used.route.as_ref().clone(), used.numbers)).collect();
            prop_assert_eq!(kept, counts);
            prop_assert_eq!(state.numbers.len(), model.len());
        }
    }
}

#[test]
fn the_history_names_the_numbers_of_the_api_that_go_with_their_agent() {
    let mut state = world();
    for at in 0..12 {
        state.put(&format!("+141555501{at:02}"), "reception@live").unwrap();
    }
    let fewer = || file_set(vec![file_agent("sales", 3, 1)]);
    let held = state.apply(fewer()).unwrap_err().faults.remove(0).message;
    assert!(held.contains("and 12 numbers of the API (+14155550100, +14155550101, "), "{held}");
    let told = state.apply(FileSet { accepted: true, ..fewer() }).unwrap().summary;
    for words in ["12 of the API released", "; +14155550100 is gone", "; +14155550109 is gone; …"] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    assert!(!told.contains("+14155550110"), "{told}");
}

#[test]
fn the_history_says_what_files_have_changed_of_agents_and_splits() {
    let mut state = world();
    let mut set = file_set(vec![file_agent("sales", 4, 1), file_agent("reception", 1, 1)]);
    let mut spring = file_split("spring", &[("control", "sales@V1", 1)]);
    set.splits = vec![spring.clone()];
    set.agents[0].value.name = "Sales of spring".to_owned();
    set.agents[1].value.endpoints = vec![Endpoint {
        uri: EndpointTemplate::parse("sip:{agent}@10.0.0.9").unwrap(),
        priority: 1,
        weight: 1,
    }];
    let told = state.apply(set.clone()).unwrap().summary;
    for words in ["; agent sales has another name", "; agent reception has other endpoints", "; sales has V4"]
    {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    spring.value.paused = true;
    spring.value.ends_at = Some(Timestamp(0));
    set.splits = vec![spring];
    let told = state.apply(set).unwrap().summary;
    assert!(told.ends_with("; split spring is paused, to end 1970-01-01T00:00:00.000Z"), "{told}");
}

#[test]
fn the_history_says_what_a_change_of_a_split_or_a_number_has_changed() {
    let mut state = world();
    let spring = split("spring", &[("control", "reception@V1", 1)]);
    state.act(Action::CreateSplit { split: spring.clone(), numbers: Vec::new() }).unwrap();
    let mut patched = |patch| state.act(Action::PatchSplit { id: spring.id.clone(), patch }).unwrap().summary;
    let paused = SplitPatch { paused: Some(true), ..SplitPatch::default() };
    assert_eq!(patched(paused), "split spring is now paused; 0 of 10000 slots moved");
    let times =
        SplitPatch { starts_at: Some(Some(Timestamp(0))), paused: Some(false), ..SplitPatch::default() };
    assert_eq!(
        patched(times),
        "split spring is now not paused, to begin 1970-01-01T00:00:00.000Z; 0 of 10000 slots moved"
    );
    let numbered = SplitPatch { numbers: vec![number("+14155550100")], ..SplitPatch::default() };
    assert_eq!(
        patched(numbered),
        "split spring is now as it was; 1 number put into it: +14155550100; 0 of 10000 slots moved"
    );
    state.put("+14155550101", "sales@V1").unwrap();
    let headers = [("X-Tier".to_owned(), "gold".to_owned())].into();
    let tiered = Route { headers, ..route("sales@V1") };
    let put = Action::PutNumber { number: number("+14155550101"), route: tiered };
    let told = state.act(put).unwrap().summary;
    assert_eq!(told, "+14155550101 goes to sales at V1, now with other headers (X-Tier)");
}

#[test]
fn a_split_names_each_number_that_it_takes_and_what_that_leaves() {
    let mut state = world();
    state.put("+14155550100", "sales@V2").unwrap();
    let numbers = vec![number("+14155550100"), number("+14155550101")];
    let create = |id: &str| Action::CreateSplit {
        split: split(id, &[("a", "sales@V1", 1)]),
        numbers: numbers.clone(),
    };
    let made = state.act(create("v")).unwrap();
    let put = "2 numbers put into it: +14155550100 (from sales at V2), +14155550101";
    assert_eq!(made.summary, format!("split v is new: a sales at V1 (1); {put}"));
    assert_eq!(made.warnings, ["+14155550100 leaves sales at V2"]);
    let made = state.act(create("w")).unwrap();
    assert_eq!(made.warnings, ["+14155550100 leaves split v", "+14155550101 leaves split v"]);
    let patch = SplitPatch { numbers, ..SplitPatch::default() };
    let back = Action::PatchSplit { id: SplitId::parse("v").unwrap(), patch };
    let put = state.act(back.clone()).unwrap();
    assert_eq!(put.warnings, ["+14155550100 leaves split w", "+14155550101 leaves split w"]);
    assert_eq!(state.act(back).unwrap().warnings, [""; 0], "they are there already");
}

#[test]
fn what_a_plan_says_can_be_read_before_and_after() {
    let mut state = world();
    let id = || SplitId::parse("v").unwrap();
    state.put("+14155550100", "sales@V2").unwrap();
    let mut told = |action| state.act(action).unwrap().summary;
    let create = Action::CreateSplit { split: split("v", &[("a", "sales@V1", 1)]), numbers: Vec::new() };
    assert!(told(create).starts_with("split v is new: "));
    let end = Action::EndSplit { id: id(), winner: ArmId::parse("a").unwrap() };
    assert_eq!(told(end), "split v ends: a gets all its calls");
    assert_eq!(told(Action::DeleteSplit(id())), "split v is gone");
    assert_eq!(told(Action::DeleteNumber(number("+14155550100"))), "+14155550100 is released");
}

#[test]
fn files_that_say_the_same_otherwise_are_said_to_change_nothing() {
    let mut state = world();
    let set = || file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]);
    let commented = FileSet { hash: ConfigHash([2; 16]), ..set() };
    let applied = state.apply(commented).unwrap();
    assert_eq!(applied.summary, "files applied: nothing they say has changed");
    let applied = state.apply(set().with_number("+14155550100", "sales@V1")).unwrap();
    let told =
        "files applied: 2 agents, 0 splits, 1 number given another route; +14155550100 goes to sales at V1";
    assert_eq!(applied.summary, told);
}

#[test]
fn files_that_list_less_unasked_are_warned_of_and_those_that_were_accepted_are_not() {
    let set = |accepted| FileSet {
        accepted,
        released: vec![number("+14155550100")],
        numbers_before: 2,
        ..file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)])
    };
    let with_more = || {
        let mut state = world();
        let more = file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]);
        let mut more = more.with_number("+14155550100", "sales@V1").with_prefix("+1415", "sales@V1");
        more = more.with_number("+14155550101", "sales@V1").with_default("sales@V1");
        more.splits = vec![file_split("spring", &[("control", "sales@V1", 1)])];
        state.apply(more).unwrap();
        state
    };
    let told = with_more().apply(set(false)).unwrap().warnings;
    assert_eq!(
        told,
        ["they no longer list 1 of 2 numbers, 1 prefix, 1 split, 1 default route: this was removed"]
    );
    assert_eq!(with_more().apply(set(true)).unwrap().warnings, [""; 0]);
}

#[test]
fn what_is_routed_to_an_agent_that_nobody_can_reach_is_warned_of_where_the_settings_help_nobody() {
    let mut state = world();
    state.needs_endpoints = true;
    let mut bare = file_agent("bare", 1, 1);
    for config in bare.value.versions.iter_mut().map(|placed| &mut placed.value.1) {
        config.dispatch = Arc::new(Dispatch { endpoints: Vec::new(), ..config.dispatch.as_ref().clone() });
    }
    let mut set = file_set(vec![bare, file_agent("sales", 3, 1), file_agent("reception", 1, 1)]);
    let told = |pin: &str| [format!("agent bare at {pin} has no endpoints: its calls are told no target")];
    assert_eq!(state.apply(set.clone()).unwrap().warnings, told("live"));
    assert_eq!(state.put("+14155550100", "bare@V1").unwrap().warnings, told("V1"));
    assert_eq!(state.put("+14155550101", "sales@V1").unwrap().warnings, [""; 0], "the version says");
    state.needs_endpoints = false;
    assert_eq!(state.put("+14155550100", "bare@V1").unwrap().warnings, [""; 0], "the settings say");
    state.needs_endpoints = true;
    set.agents[0].value.endpoints = vec![Endpoint {
        uri: EndpointTemplate::parse("sip:{agent}@10.0.0.9").unwrap(),
        priority: 1,
        weight: 1,
    }];
    assert_eq!(state.apply(set).unwrap().warnings, [""; 0], "the agent says");
    assert_eq!(state.put("+14155550100", "bare@V1").unwrap().warnings, [""; 0]);
}

#[test]
fn a_split_that_files_drop_while_a_number_leads_into_it_names_the_number_and_whose_it_is() {
    let mut state = world();
    let agents = || vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    let with = FileSet { splits: vec![file_split("spring", &[("a", "sales@V1", 1)])], ..file_set(agents()) };
    state.apply(with).unwrap();
    state.put("+14155550100", "split:spring").unwrap();
    let fault = state.apply(file_set(agents())).unwrap_err().faults.remove(0);
    assert_eq!(
        fault.message,
        "split spring is gone from the files but in use by 1 number, such as +14155550100 of the API"
    );
}

#[test]
fn a_fault_of_the_files_names_the_keys_of_the_files_and_what_was_expected() {
    let mut state = world();
    let agents = || vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    let mut split = file_set(agents());
    split.splits = vec![file_split("spring", &[("a", "nobody@V1", 1)])];
    for (set, message, expected) in [
        (
            file_set(agents()).with_number("+14155550100", "zeta@V1"),
            "number: agent: there is no agent zeta",
            "agents/",
        ),
        (
            file_set(agents()).with_number("+14155550100", "sales@V9"),
            "number: pin: agent sales has no V9",
            "version",
        ),
        (
            file_set(agents()).with_number("+14155550100", "split:none"),
            "number: split: there is no split none",
            "[[split]]",
        ),
        (split, "split spring: arms[0].agent: there is no agent nobody", "agents/"),
    ] {
        let fault = state.apply(set).unwrap_err().faults.remove(0);
        assert_eq!(fault.message, message);
        assert!(fault.expected.contains(expected), "{fault}");
    }
}
