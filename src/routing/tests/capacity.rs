//! Laws of limits and fallbacks.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use super::*;
use crate::domain::destination::Destination;
use crate::domain::fallback::Fallback;
use crate::domain::route::Route;
use crate::routing::capacity::Capacity;
use crate::routing::decision::Decision;

const TO: &str = "+14155550100";
const OTHER: &str = "+14155550101";

fn fallback(text: &str) -> Option<Fallback> {
    Some(Fallback::parse(text).unwrap())
}

/// `sales` and `reception` with limits and fallbacks.
fn guarded(world: &mut World, limits: [Option<u32>; 2], fallbacks: [Option<&str>; 2]) {
    let mut agents = vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    for ((agent, limit), text) in agents.iter_mut().zip(limits).zip(fallbacks) {
        agent.value.max_calls_in_progress = limit;
        agent.value.fallback = text.and_then(fallback);
    }
    world.act(Action::ApplyFiles(Arc::new(file_set(agents))));
}

/// Lets each version be at a host of its own, so that one is down without the others.
fn at_own_hosts(world: &mut World, live: u32) {
    let mut agents = vec![file_agent("sales", 3, live), file_agent("reception", 1, 1)];
    let uri = "sip:{agent}@v{version}.{agent}.example";
    for agent in &mut agents {
        agent.value.endpoints = vec![serde_json::from_value(serde_json::json!({"uri": uri})).unwrap()];
    }
    world.act(Action::ApplyFiles(Arc::new(file_set(agents))));
}

/// Says whether a target is up; whether that is news.
fn tell(world: &World, target: &str, up: bool) -> bool {
    let said = if up { Ok(()) } else { Err((Timestamp(0), "no answer".into())) };
    world.table.health().tell(&Destination::of(target).unwrap(), said)
}

/// A split whose test arm, and its control, may have so many calls; all slots are the test's.
fn split_limited(world: &mut World, control: Option<u32>, test: Option<u32>) {
    let mut split = split("spring", &[("control", "reception@live", 0), ("test", "sales@V2", 1)]);
    split.arms[0].max_calls_in_progress = control;
    split.arms[1].max_calls_in_progress = test;
    world.act(Action::CreateSplit { split, numbers: vec![number(TO)] });
}

fn limit_test_arm(world: &mut World, calls: Option<u32>) {
    let arm = ArmPatch { max_calls_in_progress: Some(calls), ..arm_patch("test") };
    let patch = SplitPatch { arms: vec![arm], ..SplitPatch::default() };
    world.act(Action::PatchSplit { id: SplitId::parse("spring").unwrap(), patch });
}

fn put_with_fallback(world: &mut World, to: &str, leads_to: &str, text: &str) {
    let route = Route { fallback: fallback(text), ..route(leads_to) };
    world.act(Action::PutNumber { number: number(to), route });
}

/// Who takes a call: agent, version, split, target of its own, and what counts it.
fn taken(decision: &Decision<'_>) -> String {
    let Some(choice) = &decision.choice else { return decision.reason.code().to_owned() };
    let served = choice.served;
    let split = choice.in_split.and_then(|in_split| in_split.arm()).map_or("-", |arm| arm.id.as_str());
    let counted = if served.series.key.arm.is_some() { "in results" } else { "outside" };
    let target = choice.target.map_or("-".to_owned(), ToString::to_string);
    format!("{} {} {split} {target} {counted}", served.agent.agent, served.version.pin())
}

fn begin(board: &Switchboard, world: &World, to: &str, id: &str) -> String {
    let headers = Vec::new();
    let call = CallRequest { call_id: Some(id), ..world.call(to, "+14155550199", &headers) };
    board.ask(&world.table, &call, occasion(1), &mut Silent, |answer| taken(&answer.decision))
}

fn end(board: &Switchboard, world: &World, id: &str) {
    board.calls.end(
        &world.account,
        Which::default(),
        id,
        &Ending { outcome: Outcome::Completed, ..Ending::default() },
    );
}

fn looked(world: &World, to: &str) -> (String, String) {
    let headers = Vec::new();
    let call = world.call(to, "+14155550199", &headers);
    let decision = decide(&world.table, &call, 0, Timestamp(0), &mut Silent);
    let why = crate::routing::decision::Sentence { decision: &decision, to: &call.to }.to_string();
    (taken(&decision), why)
}

fn of_arm(world: &World) -> Capacity {
    let id = SplitRef { account: account(), split: SplitId::parse("spring").unwrap() };
    world.table.split(&id).unwrap().arms[1].capacity.clone().unwrap()
}

fn of_agent(world: &World, agent: &str) -> Capacity {
    let guard = world.table.agent(&agent_ref(agent)).unwrap().guard.clone();
    guard.unwrap().capacity.clone().unwrap()
}

const TEST: &str = "sales V2 test - in results";
const CONTROL: &str = "reception V1 - - outside";

#[test]
fn an_arm_at_its_limit_gives_way_to_the_control_outside_the_results_until_a_call_of_it_ends() {
    let mut world = World::new();
    split_limited(&mut world, None, Some(2));
    let board = switchboard(&world, 10);
    assert_eq!([begin(&board, &world, TO, "a"), begin(&board, &world, TO, "b")], [TEST, TEST]);
    assert_eq!(begin(&board, &world, TO, "c"), CONTROL);
    assert_eq!(begin(&board, &world, TO, "a"), TEST, "asked again it is the same call and takes nothing");
    assert_eq!(begin(&board, &world, TO, "c"), CONTROL, "and one that gave way stays where it is");
    assert_eq!((of_arm(&world).calls(), world.table.capacities().turned_away()[0].1), (2, 1));
    assert_eq!(world.table.splits().next().unwrap().calls.load(Ordering::Relaxed), 2, "nor of the quota");
    let (said, why) = looked(&world, TO);
    assert_eq!(
        (said.as_str(), why.as_str()),
        (
            CONTROL,
            "+14155550100 leads to arm test of split spring, which has as many calls in progress as it may (2): \
             the split's control serves, outside its results"
        )
    );
    end(&board, &world, "a");
    end(&board, &world, "a");
    assert_eq!(of_arm(&world).calls(), 1);
    assert_eq!(begin(&board, &world, TO, "d"), TEST);
    assert_eq!(looked(&world, TO).0, CONTROL);
}

#[test]
fn who_only_asks_takes_no_place_and_neither_does_a_call_that_is_not_remembered() {
    let mut world = World::new();
    split_limited(&mut world, None, Some(2));
    let board = switchboard(&world, 1);
    let headers = Vec::new();
    for purpose in [Purpose::Answer, Purpose::DryRun] {
        let call = CallRequest { call_id: Some("x"), ..world.call(TO, "", &headers) };
        let occasion = Occasion { purpose, ..occasion(1) };
        let told = board.ask(&world.table, &call, occasion, &mut Silent, |answer| taken(&answer.decision));
        assert_eq!((told.as_str(), of_arm(&world).calls()), (TEST, 0));
    }
    assert_eq!(begin(&board, &world, TO, "a"), TEST);
    assert_eq!(begin(&board, &world, TO, "no room"), TEST);
    assert_eq!(of_arm(&world).calls(), 1, "nobody would give the place of the other one back");
    board.calls.sweep(Timestamp(1_000));
    assert_eq!(of_arm(&world).calls(), 0, "one that nobody ends gives its place back when its time is over");
}

#[test]
fn a_call_that_names_its_version_has_it_and_takes_a_place_if_there_is_one() {
    let mut world = World::new();
    split_limited(&mut world, None, Some(1));
    let board = switchboard(&world, 10);
    let headers = Vec::new();
    let named = Override::Arm { split: "spring".into(), arm: "test".into() };
    let ask = |id, named: Option<Override<'static>>, token: Option<&str>| {
        let call = CallRequest { call_id: Some(id), asked_for: named, token, ..world.call(TO, "", &headers) };
        board.ask(&world.table, &call, occasion(1), &mut Silent, |answer| {
            (taken(&answer.decision), answer.token.map(|token| token.as_str().to_owned()))
        })
    };
    let (first, token) = ask("a", Some(named.clone()), None);
    assert_eq!((first.as_str(), of_arm(&world).calls()), (TEST, 1));
    assert_eq!(ask("b", Some(named), None).0, TEST);
    assert_eq!(ask("c", None, token.as_deref()).0, TEST);
    assert_eq!((ask("d", None, None).0.as_str(), of_arm(&world).calls()), (CONTROL, 1));
    for id in ["b", "c", "d"] {
        end(&board, &world, id);
    }
    assert_eq!(of_arm(&world).calls(), 1);
    end(&board, &world, "a");
    assert_eq!(ask("e", None, token.as_deref()).0, TEST);
    assert_eq!(of_arm(&world).calls(), 1);
}

#[test]
fn an_agent_at_its_limit_gives_way_to_the_routes_fallback_else_its_own_else_serves_all_the_same() {
    let mut world = World::new();
    put_with_fallback(&mut world, TO, "sales@V2", "sip:queue@10.0.0.9");
    world.put(OTHER, "sales@V1");
    guarded(&mut world, [Some(1), None], [None, None]);
    let board = switchboard(&world, 10);
    assert_eq!(begin(&board, &world, OTHER, "a"), "sales V1 - - outside");
    assert_eq!(begin(&board, &world, OTHER, "b"), "sales V1 - - outside", "a call is always answered");
    let (_, why) = looked(&world, OTHER);
    assert_eq!(
        why,
        "+14155550101 is pinned to sales at V1; it belongs to sales, which has as many calls in progress as it may (1), \
         and nothing else can take the call"
    );
    assert_eq!(begin(&board, &world, TO, "c"), "sales V2 - sip:queue@10.0.0.9 outside");
    guarded(&mut world, [Some(1), None], [Some("sip:desk@10.0.0.8"), None]);
    assert_eq!(begin(&board, &world, OTHER, "d"), "sales V1 - sip:desk@10.0.0.8 outside");
    assert_eq!(begin(&board, &world, TO, "e"), "sales V2 - sip:queue@10.0.0.9 outside");
    assert_eq!(begin(&board, &world, TO, "c"), "sales V2 - sip:queue@10.0.0.9 outside", "kept");
    assert_eq!(
        of_agent(&world, "sales").calls(),
        1,
        "counts outlive the table, and fallbacks are not counted"
    );
    end(&board, &world, "a");
    assert_eq!(looked(&world, OTHER).0, "sales V1 - - outside");
    guarded(&mut world, [None, None], [None, None]);
    assert_eq!(world.table.guards, 1, "the number's");
}

#[test]
fn what_is_full_gives_way_to_a_control_that_is_neither_full_nor_down() {
    let mut world = World::new();
    at_own_hosts(&mut world, 1);
    split_limited(&mut world, Some(1), Some(1));
    let board = switchboard(&world, 20);
    assert_eq!(begin(&board, &world, TO, "a"), TEST);
    assert_eq!(begin(&board, &world, TO, "b"), CONTROL);
    assert_eq!(begin(&board, &world, TO, "c"), TEST, "with nothing else, the arm serves all the same");
    let fallback = Route { fallback: fallback("sip:desk@h"), ..route("split:spring") };
    world.act(Action::PutNumber { number: number(TO), route: fallback });
    assert_eq!(begin(&board, &world, TO, "d"), "sales V2 - sip:desk@h outside");
    end(&board, &world, "b");
    assert_eq!(begin(&board, &world, TO, "e"), CONTROL);
    end(&board, &world, "e");
    assert!(tell(&world, "sip:v1.reception.example", false));
    assert_eq!(begin(&board, &world, TO, "f"), "sales V2 - sip:desk@h outside");
}

#[test]
fn where_all_targets_are_down_the_fallback_is_used_until_one_is_up() {
    let mut world = World::new();
    at_own_hosts(&mut world, 1);
    put_with_fallback(&mut world, TO, "sales@V2", "sip:desk@10.0.0.9");
    world.put(OTHER, "sales@V2");
    let target = "sip:v2.sales.example";
    assert!(world.table.health().destinations().contains(&Destination::of(target).unwrap()));
    assert_eq!(looked(&world, TO).0, "sales V2 - - outside");
    assert!(tell(&world, target, false));
    let (said, why) = looked(&world, TO);
    assert_eq!(said, "sales V2 - sip:desk@10.0.0.9 outside");
    assert_eq!(
        why,
        "+14155550100 leads to sales at V2, which has no target that is up: the route's fallback sip:desk@10.0.0.9 is used"
    );
    assert_eq!(
        looked(&world, OTHER).0,
        "sales V2 - - outside",
        "without a fallback it is sent there all the same"
    );
    at_own_hosts(&mut world, 3);
    assert_eq!(looked(&world, TO).0, "sales V2 - sip:desk@10.0.0.9 outside", "a swap changes nothing of it");
    assert!(tell(&world, target, true));
    assert_eq!(looked(&world, TO).0, "sales V2 - - outside");
}

#[test]
fn a_number_as_fallback_is_followed_once_and_its_split_counts_no_such_call() {
    let mut world = World::new();
    at_own_hosts(&mut world, 1);
    split_limited(&mut world, None, None);
    put_with_fallback(&mut world, OTHER, "sales@V1", TO);
    put_with_fallback(&mut world, "alice", "sales@V3", OTHER);
    for down in ["sip:v1.sales.example", "sip:v3.sales.example"] {
        assert!(tell(&world, down, false));
    }
    assert_eq!(looked(&world, OTHER).0, CONTROL);
    let (said, why) = looked(&world, "alice");
    assert_eq!(said, "sales V3 - - outside", "its fallback is down, and that one's is not looked at");
    assert_eq!(
        why,
        "alice is pinned to sales at V3; it has no target that is up, and nothing else can take the call"
    );
    put_with_fallback(&mut world, "alice", "sales@V3", "bob");
    assert_eq!(looked(&world, "alice").0, "sales V3 - - outside", "a number without a route takes no calls");
    let itself = Route { fallback: fallback("alice"), ..route("sales@V3") };
    let refused = world.state.act(Action::PutNumber { number: number("alice"), route: itself }).unwrap_err();
    assert_eq!(refused.fields[0].field, "fallback");
    let noted = {
        let (headers, mut notes) = (Vec::new(), Notes::default());
        let _ = decide(&world.table, &world.call(OTHER, "", &headers), 0, Timestamp(0), &mut notes);
        notes.rules.into_iter().map(|note| (note.rule, note.decided)).collect::<Vec<_>>()
    };
    assert_eq!(
        noted,
        [("number_pin", true), ("target_health", false), ("number_split", true), ("fallback", true)]
    );
}

#[test]
fn a_target_that_is_down_is_left_out_while_another_is_up() {
    let mut world = World::new();
    let mut sales = file_agent("sales", 3, 1);
    let endpoint = |uri: &str| serde_json::from_value(serde_json::json!({"uri": uri})).unwrap();
    sales.value.endpoints = vec![endpoint("sip:one"), endpoint("sip:two")];
    world.act(Action::ApplyFiles(Arc::new(file_set(vec![sales, file_agent("reception", 1, 1)]))));
    let reachable = |world: &World| {
        let served = world.serving("sales", Pin::Draft);
        served.reachable().map(|endpoint| endpoint.uri.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(reachable(&world), ["sip:one", "sip:two"]);
    assert!(tell(&world, "sip:one", false));
    assert_eq!(reachable(&world), ["sip:two"]);
    assert!(tell(&world, "sip:two", false));
    assert_eq!(reachable(&world), ["sip:one", "sip:two"], "somewhere it must be sent");
}

#[test]
fn a_limit_that_is_lowered_or_goes_and_comes_again_knows_the_calls_that_are_there() {
    let mut world = World::new();
    split_limited(&mut world, None, Some(3));
    let board = switchboard(&world, 20);
    for id in ["a", "b"] {
        assert_eq!(begin(&board, &world, TO, id), TEST);
    }
    limit_test_arm(&mut world, Some(1));
    assert_eq!(begin(&board, &world, TO, "c"), CONTROL);
    end(&board, &world, "a");
    assert_eq!(begin(&board, &world, TO, "d"), CONTROL);
    limit_test_arm(&mut world, None);
    assert_eq!((begin(&board, &world, TO, "e").as_str(), world.table.guards), (TEST, 0));
    limit_test_arm(&mut world, Some(1));
    assert_eq!(begin(&board, &world, TO, "f"), CONTROL, "b is there still");
    for id in ["b", "c", "d", "e", "f"] {
        end(&board, &world, id);
    }
    assert_eq!(of_arm(&world).calls(), 0);
}

#[test]
fn whatever_begins_ends_and_swaps_at_once_no_limit_is_passed_and_all_places_come_back() {
    let mut world = World::new();
    split_limited(&mut world, None, Some(3));
    guarded(&mut world, [Some(4), None], [Some("sip:desk@h"), None]);
    world.put(OTHER, "sales@live");
    let board = switchboard(&world, 100_000);
    let live = Live::new(world.table.clone());
    let (stop, above, arms, agents) =
        (AtomicBool::new(false), AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    let (account, arm, agent) = (world.account.clone(), of_arm(&world), of_agent(&world, "sales"));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|thread| {
                let (board, account) = (&board, &account);
                let (above, arms, agents, mut view) = (&above, &arms, &agents, live.view());
                scope.spawn(move || {
                    for n in 0..1_500u128 {
                        let id = format!("{thread}-{n}");
                        let to = Address::parse(if n % 3 == 0 { OTHER } else { TO }).unwrap();
                        let caller = Caller::Withheld;
                        let call = CallRequest {
                            account,
                            gateway: "http",
                            gateway_row: 0,
                            to,
                            caller,
                            call_id: Some(&id),
                            headers: &[],
                            asked_for: None,
                            token: None,
                            agents: None,
                        };
                        let told = board.ask(view.table(), &call, occasion(n), &mut Silent, |answer| {
                            taken(&answer.decision)
                        });
                        let by_arm = told == TEST;
                        let by_agent = by_arm || told.ends_with("- - outside") && told.starts_with("sales");
                        for (counts, most, held) in [(arms, 3, by_arm), (agents, 4, by_agent)] {
                            let others = if held { counts.fetch_add(1, Ordering::SeqCst) } else { 0 };
                            above.fetch_or(others >= most, Ordering::SeqCst);
                        }
                        for (counts, held) in [(arms, by_arm), (agents, by_agent)] {
                            counts.fetch_sub(u32::from(held), Ordering::SeqCst);
                        }
                        if n % 7 != 0 {
                            board.calls.end(account, Which::default(), &id, &Ending::default());
                        } else {
                            // Nobody ends it: it does when its time is over.
                            board.calls.sweep(Timestamp(2_000));
                        }
                    }
                })
            })
            .collect();
        let (world, live, stop) = (&mut world, &live, &stop);
        scope.spawn(move || {
            let mut live_at = 1;
            while !stop.load(Ordering::Relaxed) {
                live_at = live_at % 3 + 1;
                let mut agents = vec![file_agent("sales", 3, live_at), file_agent("reception", 1, 1)];
                agents[0].value.max_calls_in_progress = Some(4);
                agents[0].value.fallback = fallback("sip:desk@h");
                world.act(Action::ApplyFiles(Arc::new(file_set(agents))));
                live.install(world.table.clone());
                live.sweep();
            }
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        stop.store(true, Ordering::Relaxed);
    });
    assert!(!above.load(Ordering::SeqCst));
    board.calls.sweep(Timestamp(10_000));
    assert_eq!((arm.calls(), agent.calls()), (0, 0));
}

#[derive(Debug, Clone)]
enum Event {
    Begin(u8, bool),
    End(u8),
    Expire(i64),
    Limit(Option<u32>),
    LimitAgent(Option<u32>),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let limit = || prop::option::weighted(0.8, 1..4u32);
    let event = prop_oneof![
        6 => (0..20u8, any::<bool>()).prop_map(|(id, split)| Event::Begin(id, split)),
        4 => (0..20u8).prop_map(Event::End),
        1 => (0..3i64).prop_map(|n| Event::Expire(n * 600)),
        1 => limit().prop_map(Event::Limit),
        1 => limit().prop_map(Event::LimitAgent),
    ];
    prop::collection::vec(event, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn counts_never_rise_above_a_limit_and_come_to_nothing_in_the_end(events in events()) {
        let mut world = World::new();
        split_limited(&mut world, None, Some(2));
        guarded(&mut world, [Some(3), None], [None, None]);
        world.put(OTHER, "sales@live");
        let board = switchboard(&world, 1_000);
        let (mut arm_limit, mut agent_limit, mut now) = (Some(2), Some(3), 0);
        for event in events {
            let calls = |world: &World| {
                (arm_limit.map(|_| of_arm(world).calls()), agent_limit.map(|_| of_agent(world, "sales").calls()))
            };
            let before = calls(&world);
            match event {
                Event::Begin(id, split) => {
                    begin(&board, &world, if split { TO } else { OTHER }, &id.to_string());
                    let after = calls(&world);
                    for (before, after, limit) in [(before.0, after.0, arm_limit), (before.1, after.1, agent_limit)] {
                        prop_assert!(after <= limit.max(before), "{:?} {:?} {:?}", before, after, limit);
                    }
                }
                Event::End(id) => end(&board, &world, &id.to_string()),
                Event::Expire(later) => {
                    now += later;
                    board.calls.sweep(Timestamp(now));
                }
                Event::Limit(limit) => {
                    limit_test_arm(&mut world, limit);
                    arm_limit = limit;
                }
                Event::LimitAgent(limit) => {
                    guarded(&mut world, [limit, None], [None, None]);
                    agent_limit = limit;
                }
            }
        }
        limit_test_arm(&mut world, Some(1));
        guarded(&mut world, [Some(1), None], [None, None]);
        for id in 0..20u8 {
            end(&board, &world, &id.to_string());
        }
        prop_assert_eq!((of_arm(&world).calls(), of_agent(&world, "sales").calls()), (0, 0));
    }
}

#[test]
fn two_who_ask_at_once_for_a_new_call_get_the_last_place_together() {
    let mut world = World::new();
    guarded(&mut world, [Some(1), None], [Some("sip:queue@10.0.0.9"), None]);
    world.put(TO, "sales@V1");
    let (live, board, barrier) =
        (Live::new(world.table.clone()), switchboard(&world, 100_000), Barrier::new(2));
    let account = world.account.clone();
    let ask = |n: u128| {
        let (mut view, id) = (live.view(), format!("call-{n}"));
        let to = Address::parse(TO).unwrap();
        let call = CallRequest {
            account: &account,
            gateway: "http",
            gateway_row: 0,
            to,
            caller: Caller::Withheld,
            call_id: Some(&id),
            headers: &[],
            asked_for: None,
            token: None,
            agents: None,
        };
        barrier.wait();
        let told = board.ask(view.table(), &call, occasion(n), &mut Silent, |answer| taken(&answer.decision));
        barrier.wait();
        board.calls.end(&account, Which::default(), &id, &Ending::default());
        barrier.wait();
        told
    };
    let rounds = || (0..5_000).map(&ask).filter(|told| told != "sales V1 - - outside").collect::<Vec<_>>();
    let fallen_back = thread::scope(|scope| {
        let other = scope.spawn(rounds);
        [rounds(), other.join().unwrap()].concat()
    });
    assert_eq!(fallen_back, [""; 0]);
}
