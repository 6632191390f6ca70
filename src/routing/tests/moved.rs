//! Laws of calls that a deployment moves.

use super::*;
use crate::domain::change::Change;
use crate::domain::deployment::{Deployment, DeploymentId, DeploymentKind};
use crate::domain::fallback::Fallback;
use crate::routing::capacity::Capacity;
use crate::routing::decision::Decision;

const LIVE: &str = "+14155550100";
const PINNED: &str = "+14155550101";
const OTHER: &str = "+14155550102";

/// Puts a version of `sales` into an environment, and calls in progress with it or not.
fn deploy(world: &mut World, environment: Environment, n: u32, moves: bool) {
    let agent = agent_ref("sales");
    let before = world.state.agent(&agent).unwrap().calls_from(environment);
    let revision = world.state.revision.next();
    let deployment = Deployment {
        id: DeploymentId::derived((Timestamp(i64::from(n)), Revision(0)), &agent, environment, version(n)),
        environment,
        version: version(n),
        kind: DeploymentKind::Rollback,
        message: String::new(),
        created_by: "test".to_owned(),
        created_at: Timestamp(0),
        calls_from: if moves { revision } else { before },
    };
    absorb(world, &Change::Deployed { agent, deployment: Arc::new(deployment) });
}

/// Takes a fact in, as a revision of its own.
fn absorb(world: &mut World, change: &Change) {
    let mut touched = Touched::default();
    world.state.revision = world.state.revision.next();
    world.state.absorb(change, &mut touched);
    world.table = world.patched(&world.table, &touched);
}

struct Told {
    /// Version and code.
    said: String,
    id: u128,
    standing: Standing,
    token: Option<String>,
    token_ignored: Option<String>,
    sentence: String,
}

fn ask(board: &Switchboard, world: &World, to: &str, id: &str, token: Option<&str>, n: u128) -> Told {
    ask_as(board, world, (to, id, token), occasion(n), &mut Silent)
}

fn ask_as(
    board: &Switchboard,
    world: &World,
    (to, id, token): (&str, &str, Option<&str>),
    occasion: Occasion,
    trail: &mut impl Trail,
) -> Told {
    let headers = Vec::new();
    let call = CallRequest { call_id: Some(id), token, ..world.call(to, "+14155550199", &headers) };
    board.ask(&world.table, &call, occasion, trail, |answer| {
        let choice = answer.decision.choice.as_ref();
        let version = choice.map_or("none".to_owned(), |choice| choice.served.version.pin().to_string());
        Told {
            said: format!("{version} {}", answer.decision.code()),
            id: answer.decision_id,
            standing: answer.standing,
            token: answer.token.map(|token| token.as_str().to_owned()),
            token_ignored: answer.token_ignored.map(|why| why.to_string()),
            sentence: sentence(&answer.decision, &call.to),
        }
    })
}

fn sentence(decision: &Decision<'_>, to: &Address<'_>) -> String {
    crate::routing::decision::Sentence { decision, to }.to_string()
}

fn world() -> World {
    let mut world = World::new();
    world.put(LIVE, "sales@live");
    world.put(PINNED, "sales@V1");
    deploy(&mut world, Environment::Sandbox, 1, false);
    world.put(OTHER, "sales@sandbox");
    world
}

#[test]
fn a_move_decides_calls_of_its_environment_afresh_once_and_no_others() {
    let mut world = world();
    let board = switchboard(&world, 10);
    for to in [LIVE, PINNED, OTHER] {
        assert_eq!(ask(&board, &world, to, "a", None, 1).standing, Standing::Began);
    }
    assert_eq!(ask(&board, &world, LIVE, "b", None, 7).standing, Standing::Began);
    deploy(&mut world, Environment::Live, 2, false);
    assert_eq!(ask(&board, &world, LIVE, "a", None, 2).said, "V1 call_in_progress", "it keeps its version");
    deploy(&mut world, Environment::Live, 3, true);
    let moved = ask(&board, &world, LIVE, "a", None, 3);
    assert_eq!((moved.said.as_str(), moved.id, moved.standing), ("V3 moved", 1, Standing::Moved));
    assert_eq!(
        moved.sentence,
        "a deployment moved the calls that began before it: +14155550100 is pinned to sales at live"
    );
    let again = ask(&board, &world, LIVE, "a", None, 4);
    assert_eq!(
        (again.said.as_str(), again.id, again.standing),
        ("V3 call_in_progress", 1, Standing::InProgress)
    );
    for to in [PINNED, OTHER] {
        assert_eq!(ask(&board, &world, to, "a", None, 5).said, "V1 call_in_progress", "{to}");
    }
    assert_eq!(board.calls.in_progress(), 4);
    // A later one that keeps calls moves none of those that are here by now, but still those that never asked.
    deploy(&mut world, Environment::Live, 2, false);
    assert_eq!(ask(&board, &world, LIVE, "a", None, 6).said, "V3 call_in_progress");
    assert_eq!(ask(&board, &world, LIVE, "b", None, 8).said, "V2 moved");
}

#[test]
fn a_call_that_has_ended_is_not_moved() {
    let mut world = world();
    let board = switchboard(&world, 10);
    ask(&board, &world, LIVE, "a", None, 1);
    board.calls.end(&world.account, Which::default(), "a", &Ending::default()).unwrap();
    deploy(&mut world, Environment::Live, 3, true);
    assert_eq!(ask(&board, &world, LIVE, "a", None, 2).said, "V1 call_in_progress");
    assert_eq!(board.calls.in_progress(), 0);
}

#[test]
fn calls_that_were_told_to_move_do_so_after_their_environment_was_emptied_too() {
    let mut world = world();
    let board = switchboard(&world, 10);
    let token = ask(&board, &world, LIVE, "a", None, 1).token;
    ask(&board, &world, LIVE, "b", None, 2);
    deploy(&mut world, Environment::Live, 3, true);
    let environment = Environment::Live;
    absorb(&mut world, &Change::EnvironmentEmptied { agent: agent_ref("sales"), environment });
    assert_eq!(ask(&board, &world, LIVE, "a", None, 3).said, "none no_route");
    world.act(Action::PutDefault(route("reception@V1")));
    assert_eq!(ask(&board, &world, LIVE, "a", None, 4).said, "V1 moved");
    deploy(&mut world, Environment::Live, 2, false);
    assert_eq!(ask(&board, &world, LIVE, "b", None, 5).said, "V2 moved");
    let elsewhere = switchboard(&world, 10);
    assert_eq!(ask(&elsewhere, &world, LIVE, "leg", token.as_deref(), 6).said, "V2 moved");
}

#[test]
fn a_token_from_before_a_move_is_ignored_by_every_node_and_they_agree() {
    let mut world = world();
    let board = switchboard(&world, 10);
    let old = ask(&board, &world, LIVE, "a", None, 1).token.unwrap();
    let pinned = ask(&board, &world, PINNED, "p", None, 2).token.unwrap();
    deploy(&mut world, Environment::Live, 3, true);
    let elsewhere = switchboard(&world, 10);
    let leg = ask(&elsewhere, &world, LIVE, "leg", Some(&old), 3);
    assert_eq!((leg.said.as_str(), leg.id, leg.standing), ("V3 moved", 1, Standing::Began));
    assert_eq!(leg.token_ignored.as_deref(), Some("a deployment moved the calls of its environment since"));
    assert_eq!(ask(&elsewhere, &world, PINNED, "p", Some(&pinned), 4).said, "V1 token");
    // The token of the node that asked first counts on the one that has the call yet as it was.
    let renewed = leg.token.unwrap();
    let here = ask(&board, &world, LIVE, "a", Some(&renewed), 5);
    assert_eq!((here.said.as_str(), here.id, here.standing), ("V3 token", 1, Standing::Moved));
    assert_eq!(ask(&board, &world, LIVE, "a", Some(&old), 6).said, "V3 call_in_progress");
}

#[test]
fn a_call_is_found_by_the_decision_that_a_token_moved_it_to() {
    let mut world = world();
    let (board, elsewhere) = (switchboard(&world, 10), switchboard(&world, 10));
    ask(&board, &world, LIVE, "a", None, 1);
    deploy(&mut world, Environment::Live, 3, true);
    let token = ask(&elsewhere, &world, LIVE, "leg", None, 9).token.unwrap();
    let moved = ask(&board, &world, LIVE, "a", Some(&token), 2);
    assert_eq!((moved.said.as_str(), moved.id, moved.standing), ("V3 token", 9, Standing::Moved));
    let found = board.calls.decided(&world.account, 9).map(|leg| leg.names.call_id().to_owned());
    assert_eq!(found.as_deref(), Some("a"));
}

#[test]
fn nobody_moves_a_call_of_an_agent_that_is_hidden_from_them() {
    let mut world = world();
    let board = switchboard(&world, 10);
    ask(&board, &world, LIVE, "a", None, 1);
    deploy(&mut world, Environment::Live, 3, true);
    world.put(LIVE, "reception@V1");
    let (headers, seen) = (Vec::new(), [agent_ref("reception").agent]);
    let call =
        CallRequest { call_id: Some("a"), agents: Some(&seen), ..world.call(LIVE, "+14155550199", &headers) };
    let standing = board.ask(&world.table, &call, occasion(2), &mut Silent, |answer| answer.standing);
    assert_eq!(standing, Standing::Hidden);
    assert_eq!(board.calls.leg(&call, "a").unwrap().kept.served.agent.agent.as_str(), "sales");
}

/// `sales` may have one call at a time; further ones go to a desk.
fn limited() -> World {
    let mut world = world();
    let mut agents = vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    agents[0].value.max_calls_in_progress = Some(1);
    agents[0].value.fallback = Some(Fallback::parse("sip:desk@h").unwrap());
    world.act(Action::ApplyFiles(Arc::new(file_set(agents))));
    world
}

fn capacity(world: &World) -> Capacity {
    world.serving("sales", Pin::Draft).capacity().unwrap().clone()
}

/// Does something when a rule is noted.
struct At<F>(&'static str, Option<F>);

impl<F: FnOnce()> Trail for At<F> {
    fn note(&mut self, rule: &'static str, _: bool, _: std::fmt::Arguments<'_>) {
        if rule == self.0
            && let Some(deed) = self.1.take()
        {
            deed();
        }
    }
}

#[test]
fn a_moved_call_holds_one_place_and_is_not_in_its_own_way() {
    let mut world = limited();
    let board = switchboard(&world, 10);
    ask(&board, &world, LIVE, "a", None, 1);
    deploy(&mut world, Environment::Live, 3, true);
    assert_eq!(capacity(&world).calls(), 1);
    let moved = ask(&board, &world, LIVE, "a", None, 2);
    assert!(moved.said == "V3 moved" && !moved.sentence.contains("desk"), "{}", moved.sentence);
    assert_eq!(capacity(&world).calls(), 1);
    board.calls.end(&world.account, Which::default(), "a", &Ending::default()).unwrap();
    assert_eq!(capacity(&world).calls(), 0);
}

#[test]
fn nobody_gets_the_place_of_a_moved_call_while_it_is_decided() {
    let mut world = limited();
    let board = switchboard(&world, 10);
    ask(&board, &world, LIVE, "a", None, 1);
    deploy(&mut world, Environment::Live, 3, true);
    let (sales, mut taken) = (capacity(&world), None);
    let mut trail = At("number_pin", Some(|| taken = sales.take()));
    let moved = ask_as(&board, &world, (LIVE, "a", None), occasion(2), &mut trail);
    assert!(moved.said == "V3 moved" && !moved.sentence.contains("desk"), "{}", moved.sentence);
    assert!(taken.is_none());
    assert_eq!(sales.calls(), 1);
}

#[test]
fn of_many_who_ask_for_a_moved_call_of_a_full_agent_at_once_all_get_one_decision() {
    for round in 0..200_u128 {
        let mut world = limited();
        let board = switchboard(&world, 10);
        ask(&board, &world, LIVE, "a", None, 1);
        deploy(&mut world, Environment::Live, 3, true);
        let all = std::sync::Barrier::new(4);
        let moved: usize = std::thread::scope(|scope| {
            let threads = [1, 2, 3, 4].map(|n| {
                let (board, world, all) = (&board, &world, &all);
                scope.spawn(move || {
                    all.wait();
                    let told = ask(board, world, LIVE, "a", None, round + n);
                    assert!(
                        told.said.starts_with("V3 ") && !told.sentence.contains("desk"),
                        "{}",
                        told.sentence
                    );
                    usize::from(told.standing == Standing::Moved)
                })
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((moved, capacity(&world).calls()), (1, 1));
        let leg = board.calls.legs(&world.account, Which::default(), "a").remove(0);
        assert!(leg.kept.detour.is_none());
    }
}

#[test]
fn who_only_asks_what_would_become_of_a_moved_call_is_told_what_then_becomes_of_it() {
    let mut world = limited();
    let board = switchboard(&world, 10);
    ask(&board, &world, LIVE, "a", None, 1);
    deploy(&mut world, Environment::Live, 3, true);
    let dry = Occasion { purpose: Purpose::DryRun, ..occasion(2) };
    let told = ask_as(&board, &world, (LIVE, "a", None), dry, &mut Silent);
    assert_eq!((told.said.as_str(), told.standing), ("V3 moved", Standing::Passing));
    assert!(!told.sentence.contains("desk"), "{}", told.sentence);
    assert_eq!(capacity(&world).calls(), 1);
    let other = ask_as(&board, &world, (LIVE, "b", None), dry, &mut Silent);
    assert!(other.sentence.contains("desk"), "{}", other.sentence);
    let moved = ask(&board, &world, LIVE, "a", None, 3);
    assert_eq!((moved.said, moved.sentence, moved.standing), (told.said, told.sentence, Standing::Moved));
    assert_eq!(capacity(&world).calls(), 1);
}

#[test]
fn a_moved_call_that_nobody_serves_any_more_stays_as_it_was_and_so_do_its_places() {
    let mut world = world();
    let mut agents = vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    agents[0].value.max_calls_in_progress = Some(1);
    world.act(Action::ApplyFiles(Arc::new(file_set(agents))));
    let board = switchboard(&world, 10);
    ask(&board, &world, LIVE, "a", None, 1);
    ask(&board, &world, LIVE, "has no place", None, 2);
    deploy(&mut world, Environment::Live, 3, true);
    world.act(Action::DeleteNumber(number(LIVE)));
    assert_eq!(ask(&board, &world, LIVE, "a", None, 3).said, "none no_route");
    assert_eq!(capacity(&world).calls(), 1);
    board.calls.end(&world.account, Which::default(), "a", &Ending::default()).unwrap();
    assert_eq!(ask(&board, &world, LIVE, "has no place", None, 4).said, "none no_route");
    assert_eq!(capacity(&world).calls(), 0, "nothing was decided, so that it takes none either");
    world.put(LIVE, "sales@live");
    assert_eq!(ask(&board, &world, LIVE, "has no place", None, 5).said, "V3 moved");
    assert_eq!(capacity(&world).calls(), 1);
}

/// A split whose arms serve what is live, with a quota.
fn with_quota(world: &mut World, quota: u64, unit: UnitRule) {
    let mut spring = split("spring", &[("a", "sales@live", 1), ("b", "sales@live", 1)]);
    (spring.call_quota, spring.unit) = (Some(quota), unit);
    world.act(Action::CreateSplit { split: spring, numbers: vec![number(LIVE)] });
}

fn counted(world: &World) -> u64 {
    world.table.splits().next().unwrap().calls.load(Ordering::Relaxed)
}

/// The slot and the arm of a call.
fn slot(board: &Switchboard, world: &World, id: &str) -> (Option<u16>, u8) {
    let leg = board.calls.legs(&world.account, Which::default(), id).remove(0);
    let arm = leg.kept.arm.unwrap();
    (arm.slot, arm.arm)
}

#[test]
fn a_moved_call_keeps_its_place_in_a_split_whose_quota_it_used_up_itself() {
    let mut world = world();
    with_quota(&mut world, 1, UnitRule::Caller);
    let board = switchboard(&world, 10);
    assert_eq!(ask(&board, &world, LIVE, "a", None, 1).said, "V1 number_split");
    assert_eq!(ask(&board, &world, LIVE, "b", None, 2).said, "V1 split_inactive");
    let place = slot(&board, &world, "a");
    deploy(&mut world, Environment::Live, 3, true);
    let dry = Occasion { purpose: Purpose::DryRun, ..occasion(3) };
    for occasion in [dry, occasion(4)] {
        let moved = ask_as(&board, &world, (LIVE, "a", None), occasion, &mut Silent);
        assert_eq!(moved.said, "V3 moved");
        assert!(moved.sentence.contains("slot"), "{}", moved.sentence);
    }
    assert_eq!((slot(&board, &world, "a"), counted(&world)), (place, 1));
    assert!(!ask(&board, &world, LIVE, "b", None, 5).sentence.contains("slot"));
    assert_eq!(
        (slot(&board, &world, "b").0, counted(&world)),
        (None, 1),
        "it was in no results before either"
    );
}

#[test]
fn a_call_that_was_drawn_into_an_arm_is_not_drawn_again_when_it_is_moved() {
    let mut world = world();
    with_quota(&mut world, 100, UnitRule::Random);
    let board = switchboard(&world, 100);
    let asked = |world: &World, n: u64| {
        let occasion = Occasion { draw: n.wrapping_mul(0x9E37_79B9_7F4A_7C15), ..occasion(n.into()) };
        ask_as(&board, world, (LIVE, &(n % 20).to_string(), None), occasion, &mut Silent)
    };
    let slots =
        |world: &World| -> Vec<_> { (0..20).map(|n: u64| slot(&board, world, &n.to_string())).collect() };
    (0..20).for_each(|n| drop(asked(&world, n)));
    let before = slots(&world);
    deploy(&mut world, Environment::Live, 3, true);
    (20..40).for_each(|n| assert_eq!(asked(&world, n).said, "V3 moved"));
    assert_eq!((slots(&world), counted(&world)), (before.clone(), 20));
    assert!(before.iter().any(|place| place.1 == 0) && before.iter().any(|place| place.1 == 1));
}

#[test]
fn a_call_that_ends_while_it_is_asked_for_is_not_moved_and_counts_in_no_split() {
    let mut world = world();
    let board = switchboard(&world, 10);
    ask(&board, &world, LIVE, "a", None, 1);
    deploy(&mut world, Environment::Live, 3, true);
    with_quota(&mut world, 1, UnitRule::Caller);
    let end = || drop(board.calls.end(&world.account, Which::default(), "a", &Ending::default()).unwrap());
    let told = ask_as(&board, &world, (LIVE, "a", Some("none")), occasion(2), &mut At("token", Some(end)));
    assert_eq!((told.said.as_str(), told.standing), ("V1 call_in_progress", Standing::InProgress));
    assert_eq!((counted(&world), board.calls.in_progress()), (0, 0));
}

#[test]
fn a_moved_call_counts_once_in_its_split() {
    let mut world = world();
    let mut spring = split("spring", &[("a", "sales@live", 1)]);
    spring.call_quota = Some(2);
    world.act(Action::CreateSplit { split: spring, numbers: vec![number(LIVE)] });
    let board = switchboard(&world, 10);
    ask(&board, &world, LIVE, "a", None, 1);
    deploy(&mut world, Environment::Live, 3, true);
    assert_eq!(ask(&board, &world, LIVE, "a", None, 2).said, "V3 moved");
    assert_eq!(world.table.splits().next().unwrap().calls.load(Ordering::Relaxed), 1);
}

#[test]
fn of_many_who_ask_for_a_moved_call_at_once_one_moves_it() {
    for round in 0..20_u128 {
        let mut world = world();
        let board = switchboard(&world, 10);
        ask(&board, &world, LIVE, "a", None, 1);
        deploy(&mut world, Environment::Live, 3, true);
        let moved: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4_u128)
                .map(|n| {
                    let (board, world) = (&board, &world);
                    scope.spawn(move || {
                        let told = ask(board, world, LIVE, "a", None, round + n);
                        assert!(told.said.starts_with("V3 "), "{}", told.said);
                        usize::from(told.standing == Standing::Moved)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((moved, board.calls.in_progress()), (1, 1));
    }
}
