//! Laws of the call path, over real states and tables.

mod capacity;
mod environment_splits;
mod moved;
mod pages;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::calls::{CallBounds, CallsInProgress, Ending, Kept, Outcome, Remembered, Which};
use super::decide::decide;
use super::decision::Unit;
use super::live::Live;
use super::request::{CallRequest, Override};
use super::series::SeriesBook;
use super::shelf::Shelf;
use super::switchboard::{Answer, Occasion, Purpose, Standing, Switchboard};
use super::table::{RoutingTable, Served, Workshop};
use super::token::TokenKeys;
use super::trail::{Notes, Silent, Trail};
use crate::domain::address::{Address, Caller, Prefix};
use crate::domain::caller_pin::CallerPin;
use crate::domain::change::{SplitRef, Touched};
use crate::domain::command::{Action, ArmPatch, SplitPatch};
use crate::domain::files::FileSet;
use crate::domain::id::{AccountId, Environment, Pin, Revision, SplitId};
use crate::domain::route::{HeaderRule, HeaderTest};
use crate::domain::split::{Split, UnitRule};
use crate::domain::state::State;
use crate::domain::testing::*;
use crate::domain::time::Timestamp;

type Headers = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// A state, its table and a switchboard, changed together.
struct World {
    state: State,
    table: RoutingTable,
    series: Arc<SeriesBook>,
    shelf: Arc<Shelf>,
    account: AccountId,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            table: RoutingTable::new(&[]),
            series: Arc::new(SeriesBook::new(1_000)),
            shelf: Arc::new(Shelf::default()),
            account: account(),
        };
        world.state = crate::domain::testing::world();
        world.table = world.built();
        world
    }

    /// A table made from nothing.
    fn built(&self) -> RoutingTable {
        let mut touched = Touched::default();
        touched.agents.extend(self.state.agents.iter().map(|(id, _)| id.clone()));
        touched.splits.extend(self.state.splits.iter().map(|(id, _)| id.clone()));
        touched.routes.extend(self.state.routes.iter().map(|(place, _)| place));
        touched.prefixes.extend(self.state.prefixes.iter().map(|(id, _)| id.clone()));
        touched.defaults.insert(self.account.clone());
        touched.caller_pins.extend(self.state.caller_pins.iter().map(|(id, _)| id.clone()));
        self.patched(&RoutingTable::new(&[]), &touched)
    }

    /// What a pin of an agent serves.
    fn serving(&self, agent: &str, pin: Pin) -> &Arc<Served> {
        self.table.served(self.table.agent(&agent_ref(agent)).unwrap(), pin).unwrap()
    }

    fn patched(&self, table: &RoutingTable, touched: &Touched) -> RoutingTable {
        let bodies = |_| None;
        let workshop = Workshop { series: &self.series, shelf: &self.shelf, bodies: &bodies };
        table.patched(&self.state, touched, workshop)
    }

    fn act(&mut self, action: Action) {
        let mut touched = Touched::default();
        if self.state.act_touching(action, &mut touched).is_ok() {
            self.table = self.patched(&self.table, &touched);
        }
    }

    fn put(&mut self, text: &str, to: &str) {
        self.act(Action::PutNumber { number: number(text), route: route(to) });
    }

    fn rollback(&mut self, live: u32) {
        let files = file_set(vec![file_agent("sales", 3, live), file_agent("reception", 1, 1)]);
        self.act(Action::ApplyFiles(Arc::new(files)));
    }

    fn call<'a>(&'a self, to: &'a str, from: &'a str, headers: &'a Headers) -> CallRequest<'a> {
        CallRequest {
            account: &self.account,
            gateway: "http",
            gateway_row: 0,
            to: Address::parse(to).unwrap(),
            caller: Caller::parse(from),
            call_id: None,
            headers,
            asked_for: None,
            token: None,
            agents: None,
        }
    }

    fn decided(&self, to: &str, from: &str) -> String {
        said(&self.table, &self.call(to, from, &Vec::new()), 0)
    }
}

fn said(table: &RoutingTable, call: &CallRequest<'_>, now: i64) -> String {
    let decision = decide(table, call, 0, Timestamp(now), &mut Silent);
    match decision.choice {
        None => decision.reason.code().to_owned(),
        Some(choice) => {
            let version = choice.served.version.pin();
            format!("{} {version} {}", choice.served.agent.agent, decision.reason.code())
        }
    }
}

#[test]
fn rules_decide_in_their_order() {
    let mut world = World::new();
    let to = "+14155550100";
    assert_eq!(world.decided(to, ""), "no_route");
    world.act(Action::PutDefault(route("reception@live")));
    assert_eq!(world.decided(to, ""), "reception V1 default_route");
    assert_eq!(world.decided("alice", ""), "reception V1 default_route");
    world.act(Action::PutPrefix { prefix: Prefix::parse("+1").unwrap(), route: route("sales@V1") });
    assert_eq!(world.decided(to, ""), "sales V1 prefix_route");
    world.act(Action::PutPrefix { prefix: Prefix::parse("+1415").unwrap(), route: route("sales@V2") });
    assert_eq!(world.decided(to, ""), "sales V2 prefix_route");
    world.put(to, "sales@sandbox");
    assert_eq!(
        world.decided(to, ""),
        "sales V2 prefix_route",
        "an empty environment lets the next rule decide"
    );
    world.put(to, "sales@draft");
    assert_eq!(world.decided(to, ""), "sales draft number_pin");
    let mut ruled = route("sales@draft");
    let rule = |test, pin| HeaderRule { header: "X-Env".to_owned(), test, agent: None, pin };
    ruled.header_rules = vec![
        rule(HeaderTest::Equals("empty".to_owned()), pin("pre-release")),
        rule(HeaderTest::Prefix("em".to_owned()), pin("V2")),
        rule(HeaderTest::Regex("^t.st$".to_owned()), pin("V3")),
    ];
    world.act(Action::PutNumber { number: number(to), route: ruled });
    for (value, said_as) in [
        ("test", "sales V3 header_rule"),
        ("empty", "sales V2 header_rule"),
        ("TEST", "sales draft number_pin"),
    ] {
        let headers: Headers = vec![("x-other".into(), "test".into()), ("x-ENV".into(), value.into())];
        assert_eq!(said(&world.table, &world.call(to, "", &headers), 0), said_as, "{value}");
    }
    let repeated: Headers = vec![("X-Env".into(), "live".into()), ("X-Env".into(), "test".into())];
    assert_eq!(said(&world.table, &world.call(to, "", &repeated), 0), "sales V3 header_rule");
}

#[test]
fn numbers_of_another_account_are_nobodys() {
    let mut world = World::new();
    world.put("+14155550100", "sales@V1");
    let theirs = AccountId::parse("ws-2").unwrap();
    let headers = Vec::new();
    let call = CallRequest { account: &theirs, ..world.call("+14155550100", "", &headers) };
    assert_eq!(said(&world.table, &call, 0), "no_route");
}

#[test]
fn a_rollback_swaps_one_slot_and_every_follower_sees_it() {
    let mut world = World::new();
    world.put("+14155550100", "sales@live");
    world.put("+14155550101", "sales@V1");
    let spring = split("spring", &[("control", "sales@live", 1)]);
    world.act(Action::CreateSplit { split: spring, numbers: vec![number("+14155550102")] });
    world.rollback(3);
    assert_eq!(world.decided("+14155550100", ""), "sales V3 number_pin");
    assert_eq!(world.decided("+14155550101", ""), "sales V1 number_pin");
    assert_eq!(world.decided("+14155550102", "+1"), "sales V3 number_split");
}

#[test]
fn the_unit_is_what_the_split_asks_for_and_else_the_next_best() {
    let mut world = World::new();
    let to = "+14155550100";
    for (unit, from, call_id, header, used) in [
        (UnitRule::Caller, "+14155550999", Some("c1"), None, Unit::Caller),
        (UnitRule::Caller, "alice", Some("c1"), None, Unit::Caller),
        (UnitRule::Caller, "anonymous", Some("c1"), None, Unit::Call),
        (UnitRule::Caller, "+266696687", None, None, Unit::Random),
        (UnitRule::Call, "+14155550999", Some("c1"), None, Unit::Call),
        (UnitRule::Call, "+14155550999", None, None, Unit::Random),
        (UnitRule::Random, "+14155550999", Some("c1"), None, Unit::Random),
        (UnitRule::Header("X-User".to_owned()), "+14155550999", Some("c1"), Some("u1"), Unit::Header),
        (UnitRule::Header("X-User".to_owned()), "+14155550999", Some("c1"), None, Unit::Caller),
        (UnitRule::Header("X-User".to_owned()), "", Some("c1"), None, Unit::Call),
    ] {
        let mut spring =
            split("spring", &[("a", "sales@V1", 50), ("b", "sales@V2", 25), ("c", "sales@V3", 25)]);
        spring.unit = unit.clone();
        world = World::new();
        world.act(Action::CreateSplit { split: spring, numbers: vec![number(to)] });
        let headers: Headers = header.iter().map(|value| ("x-user".into(), (*value).into())).collect();
        let call = CallRequest { call_id, ..world.call(to, from, &headers) };
        let decision = decide(&world.table, &call, 7, Timestamp(0), &mut Silent);
        let in_split = decision.choice.unwrap().in_split.unwrap();
        assert_eq!(in_split.unit, Some(used), "{unit:?} {from:?} {call_id:?}");
        assert!(in_split.slot.is_some());
    }
    assert_eq!(world.table.splits().count(), 1);
}

#[test]
fn a_split_that_rests_sends_new_calls_to_its_control() {
    let to = "+14155550100";
    let mut world = World::new();
    let mut spring = split("spring", &[("a", "sales@V1", 0), ("b", "sales@V2", 1), ("c", "sales@V3", 1)]);
    (spring.starts_at, spring.ends_at) = (Some(Timestamp(10)), Some(Timestamp(20)));
    spring.call_quota = Some(5);
    let id = spring.id.clone();
    world.act(Action::CreateSplit { split: spring, numbers: vec![number(to)] });
    let headers = Vec::new();
    let at = |world: &World, now| said(&world.table, &world.call(to, "+1", &headers), now);
    assert_eq!(at(&world, 9), "sales V1 split_inactive");
    assert!(at(&world, 10).ends_with("number_split"));
    assert_eq!(at(&world, 20), "sales V1 split_inactive");
    world.table.splits().next().unwrap().calls.store(5, Ordering::Relaxed);
    assert_eq!(at(&world, 10), "sales V1 split_inactive");
    let patch = SplitPatch { call_quota: Some(Some(6)), ..SplitPatch::default() };
    world.act(Action::PatchSplit { id: id.clone(), patch });
    assert!(at(&world, 10).ends_with("number_split"), "a changed split keeps its count");
    world.act(Action::PatchSplit {
        id: id.clone(),
        patch: SplitPatch { paused: Some(true), ..SplitPatch::default() },
    });
    assert_eq!(at(&world, 10), "sales V1 split_inactive");
    world.act(Action::EndSplit { id, winner: crate::domain::id::ArmId::parse("c").unwrap() });
    assert_eq!(at(&world, 10), "sales V3 split_inactive");
}

#[test]
fn every_rule_that_was_looked_at_is_noted_in_order() {
    let mut world = World::new();
    world.put("+14155550100", "sales@sandbox");
    world.act(Action::PutDefault(route("reception@live")));
    let headers = Vec::new();
    let mut notes = Notes::default();
    decide(&world.table, &world.call("+14155550100", "", &headers), 0, Timestamp(0), &mut notes);
    let notes: Vec<_> = notes.rules.iter().map(|note| (note.rule, note.decided, note.why.as_str())).collect();
    assert_eq!(
        notes,
        [
            ("number_pin", false, "environment_empty: nothing is deployed to sandbox"),
            ("default_route", true, "reception at live"),
        ]
    );
}

#[test]
fn a_pinned_caller_gets_the_version_wherever_the_route_leads_to_the_agent_and_never_another_agent() {
    let mut world = World::new();
    let (to, other, caller) = ("+14155550100", "+14155550101", "+14155550901");
    world.act(put_caller_pin(caller_pin(caller, "sales@V3")));
    assert_eq!(world.decided(to, caller), "no_route", "a pin is no route");
    for (action, before) in [
        (Action::PutDefault(route("sales@live")), "sales V1 default_route"),
        (
            Action::PutPrefix { prefix: Prefix::parse("+1415").unwrap(), route: route("sales@V2") },
            "sales V2 prefix_route",
        ),
        (Action::PutNumber { number: number(to), route: route("sales@draft") }, "sales draft number_pin"),
        (
            Action::CreateSplit {
                split: split("spring", &[("a", "sales@V2", 1)]),
                numbers: vec![number(to)],
            },
            "sales V2 number_split",
        ),
    ] {
        world.act(action);
        assert_eq!(world.decided(to, "+14155550902"), before);
        assert_eq!(world.decided(to, caller), "sales V3 caller_pin", "instead of {before}");
        assert_eq!(world.decided(to, "anonymous"), before);
    }
    let by_rule = crate::domain::route::Route {
        header_rules: vec![HeaderRule {
            header: "X-Env".to_owned(),
            test: HeaderTest::Equals("test".to_owned()),
            agent: Some(crate::domain::id::AgentId::parse("sales").unwrap()),
            pin: pin("V2"),
        }],
        ..route("reception@live")
    };
    world.act(Action::PutNumber { number: number(other), route: by_rule });
    let headers = vec![("X-Env".into(), "test".into())];
    assert_eq!(said(&world.table, &world.call(other, caller, &headers), 0), "sales V3 caller_pin");
    assert_eq!(said(&world.table, &world.call(other, "bob", &headers), 0), "sales V2 header_rule");
    assert_eq!(world.decided(other, caller), "reception V1 number_pin", "another agent is left alone");
}

#[test]
fn a_pin_serves_until_its_time_and_not_where_nothing_is_deployed() {
    let mut world = World::new();
    let (to, caller) = ("+14155550100", "alice");
    world.put(to, "sales@V1");
    let until = CallerPin { until: Some(Timestamp(5_000)), ..caller_pin(caller, "sales@V2") };
    world.act(put_caller_pin(until));
    let headers = Vec::new();
    let said_at = |world: &World, now| said(&world.table, &world.call(to, caller, &headers), now);
    assert_eq!(said_at(&world, 4_999), "sales V2 caller_pin");
    assert_eq!(said_at(&world, 5_000), "sales V1 number_pin");
    world.act(put_caller_pin(caller_pin(caller, "sales@sandbox")));
    assert_eq!(said_at(&world, 0), "sales V1 number_pin");
    let mut notes = Notes::default();
    decide(&world.table, &world.call(to, caller, &headers), 0, Timestamp(0), &mut notes);
    let notes: Vec<_> = notes.rules.iter().map(|note| (note.rule, note.decided, note.why.as_str())).collect();
    assert_eq!(
        notes,
        [
            ("number_pin", true, "sales at V1"),
            ("caller_pin", false, "environment_empty: nothing is deployed to sandbox"),
        ]
    );
    world.act(put_caller_pin(caller_pin(caller, "sales@live")));
    world.rollback(3);
    assert_eq!(said_at(&world, 0), "sales V3 caller_pin", "a pin to an environment follows it");
    world.act(delete_caller_pin(&caller_pin(caller, "sales@live")));
    assert_eq!(said_at(&world, 0), "sales V1 number_pin");
}

#[test]
fn calls_of_a_pinned_caller_stay_out_of_split_results() {
    let mut world = World::new();
    let to = "+14155550100";
    let spring = split("spring", &[("a", "sales@V1", 1), ("b", "sales@V2", 1)]);
    world.act(Action::CreateSplit { split: spring, numbers: vec![number(to)] });
    world.act(put_caller_pin(caller_pin("+14155550901", "sales@V2")));
    let board = switchboard(&world, 10);
    let headers = Vec::new();
    let counted = || {
        let id =
            crate::domain::change::SplitRef { account: account(), split: SplitId::parse("spring").unwrap() };
        world.table.split(&id).unwrap().calls.load(Ordering::Relaxed)
    };
    let call = CallRequest { call_id: Some("c1"), ..world.call(to, "+14155550901", &headers) };
    board.ask(&world.table, &call, occasion(1), &mut Silent, |answer| {
        let choice = answer.decision.choice.as_ref().unwrap();
        assert!(choice.in_split.is_none() && choice.served.series.key.arm.is_none());
        assert_eq!(choice.served.pin, pin("V2"));
    });
    assert_eq!(counted(), 0);
    let call = CallRequest { call_id: Some("c2"), ..world.call(to, "+14155550902", &headers) };
    assert!(asked(&board, &world, &call, 2).0.ends_with("number_split"));
    assert_eq!(counted(), 1);
}

#[test]
fn an_earlier_decision_a_token_and_an_override_go_before_a_caller_pin() {
    let mut world = World::new();
    let to = "+14155550100";
    world.put(to, "sales@V1");
    let board = switchboard(&world, 10);
    let headers = Vec::new();
    let ask = |world: &World, id: &str, token: Option<&str>, asked_for| {
        let call = CallRequest { call_id: Some(id), token, asked_for, ..world.call(to, "alice", &headers) };
        let (said, _, _, token) = asked(&board, world, &call, 1);
        (said, token.unwrap())
    };
    let (_, token) = ask(&world, "c1", None, None);
    world.act(put_caller_pin(caller_pin("alice", "sales@V2")));
    assert_eq!(ask(&world, "c1", None, None).0, "V1 call_in_progress");
    assert_eq!(ask(&world, "c2", Some(&token), None).0, "V1 token");
    let wanted = Override::Agent { agent: "sales".into(), pin: Pin::Version(version(3)) };
    assert_eq!(ask(&world, "c3", None, Some(wanted)).0, "V3 override");
    let (said, token) = ask(&world, "c4", None, None);
    assert_eq!(said, "V2 caller_pin");
    world.act(delete_caller_pin(&caller_pin("alice", "sales@V2")));
    assert_eq!(ask(&world, "c4", None, None).0, "V2 call_in_progress");
    assert_eq!(ask(&world, "c5", Some(&token), None).0, "V2 token");
    assert_eq!(ask(&world, "c6", None, None).0, "V1 number_pin");
}

#[test]
fn a_version_that_only_a_caller_pin_names_keeps_its_seat_as_long_as_the_pin_is_there() {
    let mut world = World::new();
    let seats = |world: &World| {
        let agent = world.table.agent(&agent_ref("sales")).unwrap();
        (1..=3).filter(|n| world.table.served(agent, Pin::Version(version(*n))).is_some()).collect::<Vec<_>>()
    };
    world.act(put_caller_pin(caller_pin("alice", "sales@V2")));
    world.act(put_caller_pin(caller_pin("bob", "sales@V2")));
    assert_eq!(seats(&world), [2]);
    world.act(put_caller_pin(caller_pin("alice", "sales@V3")));
    assert_eq!(seats(&world), [2, 3]);
    world.act(delete_caller_pin(&caller_pin("bob", "sales@V2")));
    assert_eq!(seats(&world), [3]);
    let until = CallerPin { until: Some(Timestamp(1)), ..caller_pin("alice", "sales@V3") };
    world.act(put_caller_pin(until));
    assert_eq!(seats(&world), [3], "the same version once more");
    world.act(delete_caller_pin(&caller_pin("alice", "sales@V3")));
    assert!(seats(&world).is_empty());
}

#[test]
fn an_older_table_never_replaces_a_newer() {
    let table = |revision| {
        let mut table = RoutingTable::default();
        table.revision = Revision(revision);
        table
    };
    let live = Live::new(table(5));
    let mut view = live.view();
    assert!(!live.install(table(5)) && !live.install(table(4)));
    assert!(live.install(table(6)) && !live.install(table(5)));
    assert_eq!(view.table().revision, Revision(6));
}

#[test]
fn however_many_install_tables_at_once_nobody_sees_an_older_one_after_a_newer() {
    const LAST: u64 = 4_000;
    let live = Live::new(RoutingTable::default());
    std::thread::scope(|scope| {
        for part in 0..4 {
            let live = live.clone();
            scope.spawn(move || {
                // Each in an order of its own; together all of them.
                for at in 0..LAST / 4 {
                    let revision = (at * 7_919 % (LAST / 4)) * 4 + part + 1;
                    let mut table = RoutingTable::default();
                    table.revision = Revision(revision);
                    live.install(table);
                    assert!(live.snapshot().revision >= Revision(revision), "it or a newer one is in force");
                }
            });
        }
        for _ in 0..2 {
            let mut view = live.view();
            scope.spawn(move || {
                let mut seen = Revision(0);
                while seen < Revision(LAST) {
                    let now = view.table().revision;
                    assert!(now >= seen, "{now} after {seen}");
                    seen = now;
                }
            });
        }
    });
    assert_eq!(live.snapshot().revision, Revision(LAST));
}

fn switchboard(world: &World, calls_max: usize) -> Switchboard {
    let bounds = CallBounds { calls_max, life_ms: 1_000, ended_ms: 100 };
    Switchboard {
        calls: CallsInProgress::new(bounds, 1),
        tokens: TokenKeys::new([1; 32], 3_600),
        series: Arc::clone(&world.series),
        shelf: Arc::clone(&world.shelf),
    }
}

fn occasion(id: u128) -> Occasion {
    Occasion { purpose: Purpose::Call, now: Timestamp(0), decision_id: id, draw: u64::try_from(id).unwrap() }
}

/// Version, reason, decision id, standing and token of an answer.
fn asked(
    board: &Switchboard,
    world: &World,
    call: &CallRequest<'_>,
    id: u128,
) -> (String, u128, Standing, Option<String>) {
    board.ask(&world.table, call, occasion(id), &mut Silent, |answer| {
        let version =
            answer.decision.choice.as_ref().map_or("none".to_owned(), |c| c.served.version.pin().to_string());
        let said = format!("{version} {}", answer.decision.reason.code());
        (said, answer.decision_id, answer.standing, answer.token.map(|token| token.as_str().to_owned()))
    })
}

#[test]
fn a_call_keeps_the_version_it_started_with() {
    let mut world = World::new();
    world.put("+14155550100", "sales@live");
    let board = switchboard(&world, 10);
    let headers = Vec::new();
    let (said, id, standing, token) = {
        let call = CallRequest { call_id: Some("c1"), ..world.call("+14155550100", "", &headers) };
        asked(&board, &world, &call, 1)
    };
    assert_eq!((said.as_str(), id, standing), ("V1 number_pin", 1, Standing::Began));
    world.rollback(3);
    let call = CallRequest { call_id: Some("c1"), ..world.call("+14155550100", "", &headers) };
    let (said, id, standing, _) = asked(&board, &world, &call, 2);
    assert_eq!((said.as_str(), id, standing), ("V1 call_in_progress", 1, Standing::InProgress));
    let other = CallRequest { call_id: Some("c2"), ..call.clone() };
    assert_eq!(asked(&board, &world, &other, 3).0, "V3 number_pin");

    // Another node with the same key, or another leg with another id.
    let elsewhere = switchboard(&world, 10);
    let leg = CallRequest { call_id: Some("leg"), token: token.as_deref(), ..call.clone() };
    let (said, id, standing, _) = asked(&elsewhere, &world, &leg, 4);
    assert_eq!((said.as_str(), id, standing), ("V1 token", 1, Standing::Began));
    let wrong = CallRequest { call_id: Some("x"), token: Some("nonsense"), ..call };
    assert_eq!(asked(&elsewhere, &world, &wrong, 5).0, "V3 number_pin");
}

/// All that can decide a call is there at first, and the strongest goes each time.
#[test]
fn of_all_that_can_decide_the_stronger_wins_whatever_weaker_is_there() {
    let mut world = World::new();
    let to = "+14155550100";
    let board = switchboard(&world, 100);
    let none = Vec::new();
    world.put(to, "sales@V1");
    let first = CallRequest { call_id: Some("here"), ..world.call(to, "alice", &none) };
    asked(&board, &world, &first, 1);
    world.put(to, "sales@V2");
    let elsewhere = CallRequest { call_id: Some("elsewhere"), ..world.call(to, "alice", &none) };
    let token = asked(&switchboard(&world, 100), &world, &elsewhere, 2).3.unwrap();

    world.act(Action::PutDefault(route("reception@V1")));
    world.act(Action::PutPrefix { prefix: Prefix::parse("+1").unwrap(), route: route("sales@V1") });
    world.act(Action::PutPrefix { prefix: Prefix::parse("+1415").unwrap(), route: route("sales@V2") });
    let mut ruled = route("sales@draft");
    let test = HeaderTest::Equals("test".to_owned());
    let agent = Some("reception".parse().unwrap());
    ruled.header_rules = vec![HeaderRule { header: "X-Env".to_owned(), test, agent, pin: pin("live") }];
    world.act(Action::PutNumber { number: number(to), route: ruled });
    world.act(put_caller_pin(caller_pin("alice", "sales@V3")));
    let headers: Headers = vec![("X-Env".into(), "test".into())];
    let asked_for = Override::Agent { agent: "sales".into(), pin: Pin::Version(version(3)) };

    let whole = CallRequest {
        call_id: Some("here"),
        token: Some(&token),
        asked_for: Some(asked_for),
        ..world.call(to, "alice", &headers)
    };
    let no_id = CallRequest { call_id: None, ..whole.clone() };
    let no_token = CallRequest { token: None, ..no_id.clone() };
    let no_override = CallRequest { asked_for: None, ..no_token.clone() };
    let no_header = CallRequest { headers: &none, ..no_override.clone() };
    let withheld = CallRequest { caller: Caller::parse("anonymous"), ..no_header.clone() };
    let calls = [
        (whole, "V1 call_in_progress"),
        (no_id, "V2 token"),
        (no_token, "V3 override"),
        (no_override, "V1 header_rule"),
        (no_header, "V3 caller_pin"),
        (withheld, "draft number_pin"),
    ];
    for (call, said) in calls {
        assert_eq!(asked(&board, &world, &call, 3).0, said);
    }
    let gone = [
        (Action::DeleteNumber(number(to)), "sales V2 prefix_route"),
        (Action::DeletePrefix(Prefix::parse("+1415").unwrap()), "sales V1 prefix_route"),
        (Action::DeletePrefix(Prefix::parse("+1").unwrap()), "reception V1 default_route"),
        (Action::DeleteDefault, "no_route"),
    ];
    for (action, said) in gone {
        world.act(action);
        assert_eq!(world.decided(to, ""), said);
    }
}

/// What can happen to routes while a call is in progress.
#[derive(Debug, Clone)]
enum Upset {
    Rollback(u32),
    Pin(&'static str),
    Split(&'static str),
    CallerPin(&'static str),
    Delete,
}

fn upset() -> impl Strategy<Value = Upset> {
    let to = || prop::sample::select(vec!["sales@V1", "sales@V2", "sales@V3", "sales@draft", "reception@V1"]);
    prop_oneof![
        (1..=3u32).prop_map(Upset::Rollback),
        to().prop_map(Upset::Pin),
        to().prop_map(Upset::Split),
        prop::sample::select(vec!["sales@V1", "sales@V2", "sales@V3"]).prop_map(Upset::CallerPin),
        Just(Upset::Delete),
    ]
}

proptest! {
    #[test]
    fn a_call_in_progress_never_changes_version_whatever_happens(
        upsets in prop::collection::vec(upset(), 1..20)
    ) {
        let mut world = World::new();
        let (to, headers) = ("+14155550100", Vec::new());
        let board = switchboard(&world, 1_000);
        let mut begun: Vec<(String, String)> = Vec::new();
        world.put(to, "sales@live");
        for (at, upset) in upsets.into_iter().enumerate() {
            let id = format!("call-{at}");
            let first = CallRequest { call_id: Some(&id), ..world.call(to, "alice", &headers) };
            let version = asked(&board, &world, &first, at as u128 + 1).0;
            if !version.ends_with("no_route") {
                begun.push((id, version.split(' ').next().unwrap().to_owned()));
            }
            match upset {
                Upset::Rollback(live) => world.rollback(live),
                Upset::Pin(to_) => world.put(to, to_),
                Upset::Split(to_) => {
                    let split = split(&format!("split-{at}"), &[("a", to_, 1), ("b", "sales@live", 1)]);
                    let numbers = vec![number(to)];
                    world.act(Action::CreateSplit { split, numbers });
                }
                Upset::CallerPin(to_) => world.act(put_caller_pin(caller_pin("alice", to_))),
                Upset::Delete => world.act(Action::DeleteNumber(number(to))),
            }
            for (id, version) in &begun {
                let again = CallRequest { call_id: Some(id), ..world.call(to, "alice", &headers) };
                prop_assert_eq!(asked(&board, &world, &again, 0).0, format!("{version} call_in_progress"));
            }
        }
    }
}

#[test]
fn a_token_remembers_a_draft_that_was_edited_since() {
    let mut world = World::new();
    world.put("+14155550100", "sales@draft");
    let board = switchboard(&world, 10);
    let headers = Vec::new();
    let call = CallRequest { call_id: Some("c1"), ..world.call("+14155550100", "", &headers) };
    let token = asked(&board, &world, &call, 1).3.unwrap();
    let before = world.serving("sales", Pin::Draft).version.hash;
    let mut edited = file_agent("sales", 3, 1);
    edited.value.draft.as_mut().unwrap().value = config("edited");
    world.act(Action::ApplyFiles(Arc::new(file_set(vec![edited, file_agent("reception", 1, 1)]))));
    let call =
        CallRequest { call_id: Some("c2"), token: Some(&token), ..world.call("+14155550100", "", &headers) };
    board.ask(&world.table, &call, occasion(2), &mut Silent, |answer| {
        assert_eq!(answer.decision.choice.as_ref().unwrap().served.version.hash, before);
    });
}

fn agent_ref(id: &str) -> crate::domain::agent::AgentRef {
    crate::domain::agent::AgentRef {
        account: account(),
        agent: crate::domain::id::AgentId::parse(id).unwrap(),
    }
}

#[test]
fn a_split_never_has_more_calls_than_its_quota_however_many_begin_at_once() {
    let to = "+14155550100";
    for round in 0..20 {
        let mut world = World::new();
        let mut spring = split("spring", &[("a", "sales@V1", 1), ("b", "sales@V2", 1)]);
        (spring.call_quota, spring.unit) = (Some(5), UnitRule::Call);
        world.act(Action::CreateSplit { split: spring, numbers: vec![number(to)] });
        let board = switchboard(&world, 1_000);
        let headers = Vec::new();
        // Eight calls, of which the split's slots decide so many.
        let begin = &|caller: u128, thread: u128| {
            let began = (0..8).filter(|n| {
                let id = format!("{round}-{caller}-{n}");
                let call = CallRequest { call_id: Some(&id), ..world.call(to, "", &headers) };
                let (said, _, standing, _) = asked(&board, &world, &call, thread * 8 + n);
                standing == Standing::Began && said.ends_with("number_split")
            });
            began.count() as u64
        };
        let calls = || world.table.splits().next().unwrap().calls.load(Ordering::Relaxed);
        let at_once = std::thread::scope(|scope| {
            // Each call is asked for by two at once.
            let threads: Vec<_> =
                (0..8).map(|thread| scope.spawn(move || begin(thread / 2, thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
        });
        assert!(at_once <= 5 && calls() == at_once, "{at_once} of {}", calls());
        assert_eq!((at_once + begin(9, 9), calls()), (5, 5));
    }
}

#[test]
fn no_route_is_not_remembered() {
    let mut world = World::new();
    let board = switchboard(&world, 10);
    let headers = Vec::new();
    let call = CallRequest { call_id: Some("c1"), ..world.call("+14155550100", "", &headers) };
    assert_eq!(asked(&board, &world, &call, 1).0, "none no_route");
    world.put("+14155550100", "sales@V1");
    let call = CallRequest { call_id: Some("c1"), ..world.call("+14155550100", "", &headers) };
    assert_eq!(asked(&board, &world, &call, 2).0, "V1 number_pin");
}

#[test]
fn a_full_table_of_calls_answers_with_a_token_and_keeps_the_live_ones() {
    let mut world = World::new();
    world.put("+14155550100", "sales@V1");
    let board = switchboard(&world, 2);
    let headers = Vec::new();
    let ask = |id: &str, n| {
        let call = CallRequest { call_id: Some(id), ..world.call("+14155550100", "", &headers) };
        let (_, decision, standing, token) = asked(&board, &world, &call, n);
        assert!(token.is_some());
        (decision, standing)
    };
    assert_eq!(ask("a", 1), (1, Standing::Began));
    assert_eq!(ask("b", 2), (2, Standing::Began));
    assert_eq!(ask("c", 3), (3, Standing::NotRemembered));
    assert_eq!(ask("a", 4), (1, Standing::InProgress));
    let ending = Ending { outcome: Outcome::Completed, ..Ending::default() };
    assert_eq!(board.calls.end(&world.account, Which::default(), "a", &ending).unwrap().len(), 1);
    assert_eq!(ask("c", 5), (5, Standing::Began));
    assert_eq!(board.calls.in_progress(), 2);
}

#[test]
fn an_end_twice_is_harmless_and_a_real_end_replaces_a_time_out() {
    let mut world = World::new();
    world.put("+14155550100", "sales@V1");
    let board = switchboard(&world, 10);
    let headers = Vec::new();
    let call = CallRequest { call_id: Some("c1"), ..world.call("+14155550100", "", &headers) };
    asked(&board, &world, &call, 1);
    assert!(board.calls.sweep(Timestamp(999)).is_empty());
    assert_eq!(board.calls.sweep(Timestamp(1_000))[0].ending.outcome, Outcome::Unknown);
    let end = |outcome| {
        let ending =
            Ending { outcome, at: Timestamp(1_500), known_at: Timestamp(1_500), ..Ending::default() };
        board.calls.end(&world.account, Which::default(), "c1", &ending).unwrap()
    };
    let ended = end(Outcome::Completed);
    assert!(ended[0].after_timeout && ended[0].ending.duration_s == Some(1.5));
    assert!(end(Outcome::Failed).is_empty());
    assert_eq!(
        board.calls.legs(&world.account, Which::default(), "c1").pop().unwrap().ended.unwrap().outcome,
        Outcome::Completed
    );
    board.calls.sweep(Timestamp(1_600));
    assert!(board.calls.legs(&world.account, Which::default(), "c1").is_empty());
    assert_eq!(board.calls.in_progress(), 0);
}

#[test]
fn overrides_reach_any_version_and_arms_of_weight_0() {
    let mut world = World::new();
    world.put("+14155550100", "sales@V1");
    let spring = split("spring", &[("a", "sales@V1", 1), ("never", "sales@V2", 0)]);
    world.act(Action::CreateSplit { split: spring, numbers: Vec::new() });
    let board = switchboard(&world, 10);
    let headers = Vec::new();
    for (asked_for, said) in [
        (Override::Agent { agent: "sales".into(), pin: Pin::Version(version(3)) }, "V3 override"),
        (Override::Agent { agent: "sales".into(), pin: Pin::Environment(Environment::Live) }, "V1 override"),
        (Override::Arm { split: "spring".into(), arm: "never".into() }, "V2 override"),
        (Override::Agent { agent: "nobody".into(), pin: Pin::Draft }, "V1 number_pin"),
        (Override::Arm { split: "spring".into(), arm: "none".into() }, "V1 number_pin"),
    ] {
        let call = CallRequest { asked_for: Some(asked_for), ..world.call("+14155550100", "", &headers) };
        assert_eq!(asked(&board, &world, &call, 1).0, said);
    }
}

#[test]
fn a_change_of_one_prefix_leaves_the_others_as_they_are() {
    let mut world = World::new();
    let prefix = |text| Prefix::parse(text).unwrap();
    for text in ["+1", "+1212", "+1415"] {
        world.act(Action::PutPrefix { prefix: prefix(text), route: route("sales@V1") });
    }
    world.act(Action::PutDefault(route("reception@V1")));
    let serving = |world: &World, to: &str| {
        let Address::E164(number) = Address::parse(to).unwrap() else { panic!("a phone number") };
        let routes = world.table.account(&world.account).unwrap();
        let matching = routes.matching(number).map(|(_, route)| Arc::clone(route));
        (matching.collect::<Vec<_>>(), Arc::clone(routes.default.as_ref().unwrap()))
    };
    let untouched = |world: &World, before: &(Vec<_>, _)| {
        let after = serving(world, "+12125550100");
        let same = before.0.iter().zip(&after.0).all(|(before, after)| Arc::ptr_eq(before, after));
        same && before.0.len() == after.0.len() && Arc::ptr_eq(&before.1, &after.1)
    };
    let before = serving(&world, "+12125550100");
    assert_eq!(before.0.len(), 2);
    world.act(Action::PutPrefix { prefix: prefix("+1415"), route: route("sales@V2") });
    assert!(untouched(&world, &before));
    assert_eq!(world.decided("+14155550100", ""), "sales V2 prefix_route");
    world.act(Action::DeletePrefix(prefix("+1415")));
    assert!(untouched(&world, &before));
    assert_eq!(world.decided("+14155550100", ""), "sales V1 prefix_route");
    assert_eq!(world.decided("+442071230000", ""), "reception V1 default_route");
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Prefix(u8, u8),
    DeletePrefix(u8),
    Default(u8),
    DeleteDefault,
    Rollback(u8),
    Split(u8),
    Weights(u8, u8, u8),
    DeleteSplit,
    PinCaller(u8, u8),
    UnpinCaller(u8, u8),
    LoseReception,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6u8, 0..8u8).prop_map(|(n, to)| Step::Put(n, to)),
        1 => (0..6u8).prop_map(Step::Delete),
        2 => (0..5u8, 0..8u8).prop_map(|(n, to)| Step::Prefix(n, to)),
        1 => (0..5u8).prop_map(Step::DeletePrefix),
        1 => (0..8u8).prop_map(Step::Default),
        1 => Just(Step::DeleteDefault),
        2 => (1..=3u8).prop_map(Step::Rollback),
        1 => (0..6u8).prop_map(Step::Split),
        1 => (0..5u8, 0..5u8, 1..5u8).prop_map(|(a, b, c)| Step::Weights(a, b, c)),
        1 => Just(Step::DeleteSplit),
        3 => (0..2u8, 0..7u8).prop_map(|(n, to)| Step::PinCaller(n, to)),
        1 => (0..2u8, 0..7u8).prop_map(|(n, to)| Step::UnpinCaller(n, to)),
        1 => Just(Step::LoseReception),
    ];
    proptest::collection::vec(step, 0..40)
}

fn action(step: &Step) -> Action {
    const TO: [&str; 8] = [
        "sales@V1",
        "sales@V2",
        "sales@draft",
        "sales@live",
        "sales@sandbox",
        "reception@V1",
        "reception@live",
        "split:spring",
    ];
    let to = |n: &u8| route(TO[usize::from(*n)]);
    let text = |n: &u8| number(&format!("+141555501{n:02}"));
    let spring = || SplitId::parse("spring").unwrap();
    let pinned =
        |n: &u8, at: &u8| caller_pin(["+14155550901", "+14155550902"][usize::from(*n)], TO[usize::from(*at)]);
    let prefix = |n: &u8| {
        let texts = ["+1", "+1415", "+141555501", "+14155550102", "+14155550103"];
        Prefix::parse(texts[usize::from(*n)]).unwrap()
    };
    match step {
        Step::Put(n, at) => Action::PutNumber { number: text(n), route: to(at) },
        Step::Delete(n) => Action::DeleteNumber(text(n)),
        Step::Prefix(n, at) => Action::PutPrefix { prefix: prefix(n), route: to(at) },
        Step::DeletePrefix(n) => Action::DeletePrefix(prefix(n)),
        Step::Default(at) => Action::PutDefault(to(at)),
        Step::DeleteDefault => Action::DeleteDefault,
        Step::Rollback(live) => {
            let agents = vec![file_agent("sales", 3, (*live).into()), file_agent("reception", 1, 1)];
            Action::ApplyFiles(Arc::new(file_set(agents)))
        }
        Step::Split(n) => {
            let arms = [("a", "sales@live", 50), ("b", "sales@V2", 25), ("c", "reception@live", 25)];
            Action::CreateSplit { split: split("spring", &arms), numbers: vec![text(n)] }
        }
        Step::Weights(a, b, c) => {
            let weight = |id: &str, weight: &u8| ArmPatch { weight: Some((*weight).into()), ..arm_patch(id) };
            let arms = vec![weight("a", a), weight("b", b), weight("c", c)];
            Action::PatchSplit { id: spring(), patch: SplitPatch { arms, ..SplitPatch::default() } }
        }
        Step::DeleteSplit => Action::DeleteSplit(spring()),
        Step::PinCaller(n, at) => put_caller_pin(pinned(n, at)),
        Step::UnpinCaller(n, at) => delete_caller_pin(&pinned(n, at)),
        Step::LoseReception => {
            let files = file_set(vec![file_agent("sales", 3, 1)]);
            Action::ApplyFiles(Arc::new(FileSet { accepted: true, ..files }))
        }
    }
}

proptest! {
    #[test]
    fn a_patched_table_decides_as_one_made_from_nothing(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.act(action(step));
            let fresh = world.built();
            for n in 0..6 {
                for from in ["+14155550901", "+14155550902", ""] {
                    let (to, headers) = (format!("+141555501{n:02}"), Vec::new());
                    let call = CallRequest { call_id: Some("c"), ..world.call(&to, from, &headers) };
                    prop_assert_eq!(said(&world.table, &call, 0), said(&fresh, &call, 0), "after {:?}", step);
                }
            }
        }
    }

    #[test]
    fn the_same_unit_gets_the_same_arm_until_weights_move_it(
        callers in proptest::collection::vec(1_000_000u64..9_999_999, 1..30), weights in (1..50u8, 1..50u8, 1..50u8)
    ) {
        let mut world = World::new();
        world.act(action(&Step::Split(0)));
        let arm = |world: &World, caller: u64| {
            let (from, headers) = (format!("+1415{caller}"), Vec::new());
            let call = world.call("+14155550100", &from, &headers);
            let decision = decide(&world.table, &call, 0, Timestamp(0), &mut Silent);
            decision.choice.unwrap().in_split.unwrap().arm
        };
        let before: Vec<u8> = callers.iter().map(|caller| arm(&world, *caller)).collect();
        world.rollback(2);
        let unmoved: Vec<u8> = callers.iter().map(|caller| arm(&world, *caller)).collect();
        prop_assert_eq!(&before, &unmoved);
        world.act(action(&Step::Weights(weights.0, weights.1, weights.2)));
        let total = u32::from(weights.0) + u32::from(weights.1) + u32::from(weights.2);
        let grew = |arm: u8| {
            let (had, has) = [(50, weights.0), (25, weights.1), (25, weights.2)][usize::from(arm)];
            u32::from(has) * 100 > had * total
        };
        for (caller, was) in callers.iter().zip(before) {
            let is = arm(&world, *caller);
            prop_assert!(is == was || grew(is));
        }
    }
}

#[test]
fn a_split_that_was_deleted_and_made_anew_in_one_patch_counts_from_nothing() {
    let mut world = World::new();
    let arms = [("a", "sales@live", 50), ("b", "sales@V2", 50)];
    let make =
        |salt| Action::CreateSplit { split: Split { salt, ..split("spring", &arms) }, numbers: vec![] };
    world.act(make(1));
    let id = SplitRef { account: account(), split: SplitId::parse("spring").unwrap() };
    world.table.split(&id).unwrap().calls.store(77, Ordering::Relaxed);
    let mut touched = Touched::default();
    world.state.act_touching(Action::DeleteSplit(id.split.clone()), &mut touched).unwrap();
    world.state.act_touching(make(2), &mut touched).unwrap();
    world.table = world.patched(&world.table, &touched);
    assert_eq!(world.table.split(&id).unwrap().calls.load(Ordering::Relaxed), 0);
}

#[test]
fn ends_that_are_told_by_token_are_known_though_the_memory_for_calls_is_full() {
    let mut world = World::new();
    world.put("+14155550100", "sales@V1");
    let board = switchboard(&world, 1);
    let headers = Vec::new();
    let call = |id| CallRequest { call_id: Some(id), ..world.call("+14155550100", "", &headers) };
    asked(&board, &world, &call("live"), 1);
    let kept = || Kept::of(&decide(&world.table, &call("c"), 0, Timestamp(0), &mut Silent), 2).unwrap();
    let ending = Ending { at: Timestamp(9_000), known_at: Timestamp(9_000), ..Ending::default() };
    let end = || board.calls.remember_ended(&call("c"), "c", kept(), Timestamp(1_000), &ending);
    assert!(matches!(end(), Remembered::New));
    assert!(matches!(end(), Remembered::Already(_)));
    assert_eq!(board.calls.in_progress(), 1);
    let legs = board.calls.legs(&world.account, Which::default(), "c");
    assert_eq!(legs[0].ended.as_ref().unwrap().duration_s, Some(8.0));
}

proptest! {
    #[test]
    fn a_leg_is_found_by_its_number_and_gateway_whatever_others_there_are(
        names in prop::collection::vec((0..40u32, any::<bool>(), 0..3u8), 1..80), ends in any::<u64>()
    ) {
        let mut world = World::new();
        world.act(Action::PutDefault(route("sales@V1")));
        let board = switchboard(&world, 1_000);
        let headers = Vec::new();
        let numbers: Vec<String> = (0..80)
            .map(|n| if n < 40 { format!("+1415555{n:04}") } else { format!("user-{n}") })
            .collect();
        let mut known: std::collections::HashMap<(usize, u8), u128> = Default::default();
        for (at, (number, is_user, gateway)) in (1..).zip(&names) {
            let number = *number as usize + if *is_user { 40 } else { 0 };
            let gateway_name = ["http", "edge", "other"][usize::from(*gateway)];
            let call = world.call(&numbers[number], "", &headers);
            let call = CallRequest { call_id: Some("c"), gateway: gateway_name, ..call };
            let decided = asked(&board, &world, &call, at).1;
            prop_assert_eq!(decided, *known.entry((number, *gateway)).or_insert(at));
            // Some are forgotten on the way: the others are found all the same.
            if ends >> (at % 64) & 1 == 1 {
                let which = Which { gateway: Some(gateway_name), dialled: Some(super::token::dialled(&call.to)) };
                prop_assert!(board.calls.end(&world.account, which, "c", &Ending::default()).is_some());
                board.calls.sweep(Timestamp(500));
                known.remove(&(number, *gateway));
            }
        }
        prop_assert_eq!(board.calls.legs(&world.account, Which::default(), "c").len(), known.len());
    }
}
