//! Laws of splits that deal the calls of `live`.

use std::collections::BTreeSet;

use super::*;
use crate::domain::command::{AgentEdit, Deploy, Promote, Publish};
use crate::domain::deployment::DeploymentId;
use crate::domain::id::{AgentId, ArmId};
use crate::domain::object::Object;
use crate::domain::split::EnvironmentScope;

const TO: &str = "+14155550100";

/// `sales` is of the API, V1 is live, and a number leads there; of ten callers, `split` deals to V2 and V3 as well.
fn world(split: impl FnOnce(&mut Split)) -> World {
    let mut world = World::new();
    world.act(Action::Adopt(BTreeSet::from([Object::Agent(AgentId::parse("sales").unwrap())])));
    world.put(TO, "sales@live");
    let scope = EnvironmentScope { agent: AgentId::parse("sales").unwrap(), environment: Environment::Live };
    let arms = [("control", "sales@live", 1), ("two", "sales@V2", 1), ("three", "sales@V3", 1)];
    let mut next = Split { scope: Some(scope), ..crate::domain::testing::split("next", &arms) };
    split(&mut next);
    world.act(Action::CreateSplit { split: next, numbers: Vec::new() });
    world
}

/// Who serves thirty callers of a number: the version and the rule, and how many of them.
fn served(world: &World, to: &str) -> BTreeSet<String> {
    (0..30).map(|n| world.decided(to, &format!("+1415555{n:04}"))).collect()
}

fn all_arms() -> BTreeSet<String> {
    [1, 2, 3].map(|n| format!("sales V{n} environment_split")).into()
}

#[test]
fn it_deals_all_calls_that_lead_to_live_by_whatever_rule() {
    let mut world = world(|_| {});
    assert_eq!(served(&world, TO), all_arms());
    world.act(Action::PutPrefix { prefix: Prefix::parse("+1416").unwrap(), route: route("sales@live") });
    assert_eq!(served(&world, "+14165550100"), all_arms());
    world.act(Action::PutDefault(route("sales@live")));
    assert_eq!(served(&world, "+493012345678"), all_arms());
    let rule = HeaderRule {
        header: "x-env".to_owned(),
        test: HeaderTest::Equals("live".to_owned()),
        agent: None,
        pin: pin("live"),
    };
    let ruled = crate::domain::route::Route { header_rules: vec![rule], ..route("sales@V1") };
    world.act(Action::PutNumber { number: number("+14155550101"), route: ruled });
    let headers: Headers = vec![("x-env".into(), "live".into())];
    let ruled: BTreeSet<String> = (0..30)
        .map(|n| said(&world.table, &world.call("+14155550101", &format!("+1415555{n:04}"), &headers), 0))
        .collect();
    assert_eq!(ruled, all_arms());
    // Other pins are not tested.
    world.put(TO, "sales@V2");
    assert_eq!(world.decided(TO, "+1"), "sales V2 number_pin");
}

#[test]
fn an_arm_of_another_split_and_a_caller_pin_get_what_is_live_and_stay_out_of_it() {
    let mut world = world(|_| {});
    let spring = split("spring", &[("control", "sales@live", 1)]);
    world.act(Action::CreateSplit { split: spring, numbers: vec![number("+14155550102")] });
    assert_eq!(served(&world, "+14155550102"), ["sales V1 number_split".to_owned()].into());
    for n in 0..30 {
        world.act(put_caller_pin(caller_pin(&format!("+1415555{n:04}"), "sales@live")));
    }
    assert_eq!(served(&world, TO), ["sales V1 caller_pin".to_owned()].into());
}

#[test]
fn one_that_rests_sends_calls_to_what_is_live_outside_its_results() {
    let headers = Vec::new();
    let mut world =
        world(|split| (split.starts_at, split.ends_at) = (Some(Timestamp(10)), Some(Timestamp(20))));
    let at = |world: &World, now| {
        (0..30)
            .map(|n| said(&world.table, &world.call(TO, &format!("+1415555{n:04}"), &headers), now))
            .collect::<BTreeSet<_>>()
    };
    let resting: BTreeSet<String> = ["sales V1 split_inactive".to_owned()].into();
    assert_eq!(
        [9, 10, 19, 20].map(|now| at(&world, now)),
        [resting.clone(), all_arms(), all_arms(), resting.clone()]
    );
    let id = SplitId::parse("next").unwrap();
    let patch = SplitPatch { paused: Some(true), ..SplitPatch::default() };
    world.act(Action::PatchSplit { id: id.clone(), patch });
    assert_eq!(at(&world, 10), resting);
    world.act(Action::EndSplit { id: id.clone(), winner: ArmId::parse("three").unwrap() });
    assert_eq!(served(&world, TO), ["sales V3 number_pin".to_owned()].into(), "as if there had been none");
    world.act(Action::DeleteSplit(id));
    assert_eq!(served(&world, TO), ["sales V3 number_pin".to_owned()].into());
}

#[test]
fn one_that_takes_the_place_of_one_that_is_over_deals_whatever_their_names() {
    for name in ["another", "zulu"] {
        let mut world = world(|split| split.ends_at = Some(Timestamp(i64::MIN + 2)));
        assert_eq!(served(&world, TO), ["sales V1 split_inactive".to_owned()].into());
        let next = world.table.splits().next().unwrap().split.as_ref().clone();
        let other = Split { id: SplitId::parse(name).unwrap(), ends_at: None, ..next };
        world.act(Action::CreateSplit { split: other, numbers: Vec::new() });
        assert_eq!(world.table.splits().count(), 2);
        assert_eq!(served(&world, TO), all_arms(), "{name}");
    }
}

#[test]
fn whatever_its_arm_a_call_of_it_is_one_of_live() {
    let world = world(|_| {});
    for n in 0..30 {
        let (from, headers) = (format!("+1415555{n:04}"), Vec::new());
        let call = world.call(TO, &from, &headers);
        let decision = decide(&world.table, &call, 0, Timestamp(0), &mut Silent);
        let choice = decision.choice.unwrap();
        assert_eq!(choice.served.pin, pin("live"));
        let in_split = choice.in_split.unwrap();
        assert_eq!(in_split.unit, Some(Unit::Caller));
        assert!(in_split.slot.is_some());
    }
}

#[test]
fn a_table_that_followed_every_change_is_the_one_made_from_nothing() {
    let mut world = world(|_| {});
    let same = |world: &World| {
        let built = World { table: world.built(), ..World::new() };
        let built = World { account: world.account.clone(), ..built };
        for to in [TO, "+14155550101"] {
            assert_eq!(served(world, to), served(&built, to));
        }
    };
    same(&world);
    let edit = |edit| Action::Agent { agent: AgentId::parse("sales").unwrap(), edit };
    let deploy = |end_split| Deploy {
        id: DeploymentId::new(Timestamp(1), &[u8::from(end_split); 10]),
        message: String::new(),
        active_calls: None,
        end_split,
    };
    let publish = |environment, end_split| {
        edit(AgentEdit::Publish(Publish {
            deploy: deploy(end_split),
            environment,
            version_name: String::new(),
            version_description: String::new(),
            of_staging: false,
        }))
    };
    world.act(publish(Environment::Sandbox, false));
    same(&world);
    assert_eq!(served(&world, TO), all_arms());
    world.put("+14155550101", "sales@live");
    same(&world);
    let sandbox =
        Arc::clone(world.state.agent(&agent_ref("sales")).unwrap().deployment(Environment::Sandbox).unwrap());
    let promote = Promote { deploy: deploy(true), from: sandbox, to: Some(Environment::Live) };
    world.act(edit(AgentEdit::Promote(promote)));
    same(&world);
    assert_eq!(served(&world, TO), ["sales V4 number_pin".to_owned()].into());
}
