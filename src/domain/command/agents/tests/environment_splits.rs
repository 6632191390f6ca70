//! Laws of splits that test `live`.

use super::*;
use crate::domain::id::ArmId;
use crate::domain::split::{EnvironmentScope, Split};

/// `live` of desk is at V1, `pre-release` at V2, and the draft is another content yet.
fn rehearsed() -> State {
    let mut state = with_desk();
    state.act(publish(Environment::Live)).unwrap();
    state.act(edit("two")).unwrap();
    state.act(publish(Environment::PreRelease)).unwrap();
    state.act(edit("three")).unwrap();
    state
}

/// A split of desk's `live`, its test arms at these pins.
fn testing(id: &str, tests: &[&str]) -> Split {
    let pins: Vec<String> = tests.iter().map(|pin| format!("desk@{pin}")).collect();
    let ids: Vec<String> = (0..tests.len()).map(|n| format!("test{n}")).collect();
    let tests = ids.iter().zip(&pins).map(|(id, to)| (id.as_str(), to.as_str(), 1));
    let arms: Vec<_> = std::iter::once(("control", "desk@live", 9)).chain(tests).collect();
    let scope = EnvironmentScope { agent: AgentId::parse("desk").unwrap(), environment: Environment::Live };
    Split { scope: Some(scope), ..split(id, &arms) }
}

fn create_split(split: Split) -> Action {
    Action::CreateSplit { split, numbers: Vec::new() }
}

fn found<'s>(state: &'s State, id: &str) -> &'s Split {
    state.splits.iter().map(|(_, split)| split).find(|split| split.id.as_str() == id).unwrap()
}

fn pins(state: &State, id: &str) -> Vec<String> {
    found(state, id).arms.iter().map(|arm| arm.pin.to_string()).collect()
}

fn end(id: &str, winner: &str) -> Action {
    Action::EndSplit { id: SplitId::parse(id).unwrap(), winner: ArmId::parse(winner).unwrap() }
}

fn ending_its_split(action: Action) -> Action {
    let Action::Agent { agent, mut edit } = action else { panic!("an edit of an agent") };
    match &mut edit {
        AgentEdit::Publish(Publish { deploy, .. })
        | AgentEdit::Promote(Promote { deploy, .. })
        | AgentEdit::Rollback(Rollback { deploy, .. }) => deploy.end_split = true,
        _ => panic!("a way into an environment"),
    }
    Action::Agent { agent, edit }
}

#[test]
fn a_test_arm_is_held_to_what_its_pin_names_when_the_split_begins() {
    let mut state = rehearsed();
    let outcome = state.act(create_split(testing("next", &["pre-release", "draft", "V1", "draft"]))).unwrap();
    assert_eq!(pins(&state, "next"), ["live", "V2", "V3", "V1", "V3"], "the draft is saved, once");
    assert_eq!(outcome.changes.len(), 2);
    assert!(outcome.warnings.iter().any(|told| told == "arm test0 is held to V2, which is pre-release now"));
    state.act(publish(Environment::PreRelease)).unwrap();
    state.act(edit("four")).unwrap();
    assert_eq!(pins(&state, "next"), ["live", "V2", "V3", "V1", "V3"]);
    // A draft that is a version already is that one.
    state.act(end("next", "control")).unwrap();
    state.act(desk(save())).unwrap();
    state.act(create_split(testing("later", &["draft"]))).unwrap();
    assert_eq!(pins(&state, "later"), ["live", "V4"]);
}

#[test]
fn an_arm_that_comes_later_is_held_as_well_and_those_that_are_there_stay() {
    let mut state = rehearsed();
    state.act(create_split(testing("next", &["pre-release"]))).unwrap();
    state.act(publish(Environment::PreRelease)).unwrap();
    let weight = ArmPatch { weight: Some(4), ..arm_patch("test0") };
    let more = ArmPatch {
        agent: Some(AgentId::parse("desk").unwrap()),
        pin: Some(pin("pre-release")),
        weight: Some(1),
        ..arm_patch("test1")
    };
    let patch = SplitPatch { arms: vec![weight, more], ..SplitPatch::default() };
    state.act(Action::PatchSplit { id: SplitId::parse("next").unwrap(), patch }).unwrap();
    assert_eq!(pins(&state, "next"), ["live", "V2", "V3"]);
}

#[test]
fn what_a_split_of_an_environment_is_is_checked_field_by_field() {
    let mut state = rehearsed();
    let fields = |state: &mut State, change: fn(&mut Split)| {
        let mut split = testing("next", &["V2"]);
        change(&mut split);
        let refusal = state.act(create_split(split)).unwrap_err();
        refusal.fields.iter().map(|fault| fault.field.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fields(&mut state, |split| split.arms[0].pin = pin("V1")), "arms[0].pin");
    assert_eq!(fields(&mut state, |split| split.arms[1].pin = pin("live")), "arms[1].pin");
    assert_eq!(fields(&mut state, |split| split.arms[1].pin = pin("V9")), "arms[1].pin");
    assert_eq!(fields(&mut state, |split| split.arms[1].pin = pin("sandbox")), "arms[1].pin");
    let other = |split: &mut Split| split.arms[1].agent = AgentId::parse("sales").unwrap();
    assert_eq!(fields(&mut state, other), "arms[1].agentId");
    let sandbox = |split: &mut Split| {
        split.scope.as_mut().unwrap().environment = Environment::Sandbox;
    };
    assert_eq!(fields(&mut state, sandbox), "scope.environment arms[0].pin scope.environment");
    let mut state = with_desk();
    state.act(desk(save())).unwrap();
    assert_eq!(fields(&mut state, |split| split.arms[1].pin = pin("V1")), "scope.environment");
    // What is live of an agent of the files is theirs to say.
    let mut of_files = testing("next", &["V2"]);
    of_files.scope.as_mut().unwrap().agent = AgentId::parse("sales").unwrap();
    of_files.arms.iter_mut().for_each(|arm| arm.agent = AgentId::parse("sales").unwrap());
    assert_eq!(state.act(create_split(of_files)).unwrap_err().code, "MANAGED_BY_FILES");
}

#[test]
fn one_split_at_a_time_tests_an_agent_and_one_that_is_over_makes_room() {
    let mut state = rehearsed();
    let brief =
        Split { ends_at: Some(Timestamp(state.revision.0 as i64 + 1_000_000)), ..testing("brief", &["V2"]) };
    state.act(create_split(brief)).unwrap();
    assert_eq!(refused(&mut state, create_split(testing("next", &["V2"]))), SPLIT_RUNNING);
    assert_eq!(refused(&mut state, Action::DeleteSplit(SplitId::parse("brief").unwrap())), "IN_USE");
    let patch = SplitPatch { ends_at: Some(Some(Timestamp(i64::MIN + 1))), ..SplitPatch::default() };
    state.act(Action::PatchSplit { id: SplitId::parse("brief").unwrap(), patch }).unwrap();
    state.act(create_split(testing("next", &["V2"]))).unwrap();
    assert!(found(&state, "brief").ending.is_some(), "for good, so that two never deal the same calls");
    state.act(Action::DeleteSplit(SplitId::parse("brief").unwrap())).unwrap();
    assert_eq!(
        state
            .act(Action::PutNumber { number: number("+14155550100"), route: route("split:next") })
            .unwrap_err()
            .fields[0]
            .field,
        "splitId",
        "no number leads into it"
    );
}

#[test]
fn while_a_split_tests_live_nothing_else_comes_there_unless_it_ends_the_split() {
    let mut state = rehearsed();
    let first = active(&state, Environment::Live);
    state.act(publish(Environment::Live)).unwrap();
    state.act(edit("four")).unwrap();
    let rehearsed = active(&state, Environment::PreRelease);
    let ways = [publish(Environment::Live), promote(&rehearsed, None), roll_back(&first, None)];
    state.act(create_split(testing("next", &["V2"]))).unwrap();
    for way in ways {
        assert_eq!(refused(&mut state, way.clone()), SPLIT_RUNNING);
        let mut state = state.clone();
        let (before, revision) = (active(&state, Environment::Live), state.revision);
        state.act(ending_its_split(way)).unwrap();
        assert_eq!(state.revision, revision.next(), "both in one revision");
        assert_ne!(active(&state, Environment::Live).version, before.version);
        assert_eq!(found(&state, "next").ending.as_ref().unwrap().winner.as_str(), "control");
    }
    // Other environments are not tested.
    state.act(publish(Environment::Sandbox)).unwrap();
    // Back to what serves: nothing new but the end of the split.
    let live = active(&state, Environment::Live);
    assert!(state.act(roll_back(&live, None)).unwrap().is_nothing());
    state.act(ending_its_split(roll_back(&live, None))).unwrap();
    assert_eq!(active(&state, Environment::Live), live);
    assert!(found(&state, "next").ending.is_some());
}

#[test]
fn one_that_has_not_begun_or_is_over_stands_in_nobodys_way_and_one_that_is_paused_does() {
    let later = Some(Timestamp(i64::MAX));
    let earlier = Some(Timestamp(i64::MIN + 2));
    for (change, free) in [
        ((|split, later, _| split.starts_at = later) as fn(&mut Split, _, _), true),
        (|split, _, earlier| split.ends_at = earlier, true),
        (|split, _, _| split.paused = true, false),
    ] {
        let mut state = rehearsed();
        let mut split = testing("next", &["V2"]);
        change(&mut split, later, earlier);
        state.act(create_split(split)).unwrap();
        assert_eq!(state.act(publish(Environment::Live)).is_ok(), free);
    }
}

#[test]
fn the_version_of_a_test_arm_that_wins_goes_live_in_the_same_revision() {
    let mut state = rehearsed();
    state.act(create_split(testing("next", &["pre-release"]))).unwrap();
    let revision = state.revision;
    let mut lost = state.clone();
    let outcome = state.act(end("next", "test0")).unwrap();
    assert_eq!(outcome.summary, "split next ends: test0 gets all its calls; V2 of desk was promoted to live");
    assert_eq!(state.revision, revision.next());
    let live = active(&state, Environment::Live);
    assert_eq!((live.version, live.kind), (version(2), DeploymentKind::Promotion));
    state.act(publish(Environment::Live)).unwrap();
    assert_eq!(active(&state, Environment::Live).version, version(3), "it stands in nobody's way any more");
    lost.act(end("next", "control")).unwrap();
    assert_eq!(active(&lost, Environment::Live).version, version(1));
}

#[test]
fn an_account_that_forbids_to_skip_pre_release_tests_only_what_is_there() {
    let mut state = rehearsed();
    settle(&mut state, |settings| settings.allow_skip_pre_release = false);
    assert_eq!(refused(&mut state, create_split(testing("next", &["draft"]))), "PRE_RELEASE_NOT_READY");
    state.act(create_split(testing("next", &["V2"]))).unwrap();
    state.act(publish(Environment::PreRelease)).unwrap();
    assert_eq!(refused(&mut state, end("next", "test0")), "PRE_RELEASE_NOT_READY");
    state.act(end("next", "control")).unwrap();
}
