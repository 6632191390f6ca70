//! The pure decision allocates nothing: counted, not believed.

#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use cordboard::domain::address::{Address, Caller};
use cordboard::domain::agent::Profile;
use cordboard::domain::caller_pin::{CallerAddress, CallerPin, CallerPinRef};
use cordboard::domain::change::Change;
use cordboard::domain::fallback::Fallback;
use cordboard::domain::id::{AccountId, Pin};
use cordboard::domain::route::ManagedBy;
use cordboard::domain::time::Timestamp;
use cordboard::gateways::sip::message::Index;
use cordboard::gateways::sip::request::Request;
use cordboard::routing::capacity::Claim;
use cordboard::routing::decide::{begin, decide};
use cordboard::routing::request::CallRequest;
use cordboard::routing::trail::Silent;

#[path = "../benches/kit/table.rs"]
#[expect(clippy::expect_used, reason = "what a measurement is made of is known to be right")]
#[expect(dead_code, reason = "benches use more of it")]
mod table;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every method hands its arguments to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    run();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn a_request_of_sip_is_read_without_allocation() {
    let request = "INVITE sip:+14155550100@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: \"A\" <sip:b@h>\r\n \
        ;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nX-A: b\r\n\r\n";
    let mut index = Index::default();
    let counted = allocations(|| {
        let message = index.read(request.as_bytes()).unwrap();
        black_box(Request::of(message, &message.ends()).unwrap());
    });
    assert_eq!(counted, 0);
    let many = format!("INVITE sip:a@h SIP/2.0\r\n{}\r\n", "X: y\r\n".repeat(10_000));
    let counted = allocations(|| {
        let _ = black_box(index.read(many.as_bytes()));
    });
    assert_eq!(counted, 0);
}

#[test]
fn a_decision_allocates_nothing() {
    let world = table::World::new(10_000, table::Routing::Fixture);
    let stranger = AccountId::parse("ws-2").unwrap();
    assert_none_are_counted(&world, &stranger, None);
}

#[test]
fn a_decision_of_a_pinned_caller_allocates_nothing_either() {
    let mut world = table::World::new(10_000, table::Routing::Fixture);
    let callers = [CALLER, "alice"].map(|caller| CallerAddress::parse(caller).unwrap());
    let pins: Vec<Change> = (0..table::AGENTS)
        .flat_map(|k| callers.clone().map(|caller| pinned(&world.account, k, caller)))
        .collect();
    world.apply(&pins);
    let stranger = AccountId::parse("ws-2").unwrap();
    assert_none_are_counted(&world, &stranger, Some("caller_pin"));
}

#[test]
fn a_decision_that_gives_way_allocates_nothing_either_nor_does_taking_a_place() {
    let stranger = AccountId::parse("ws-2").unwrap();
    for (fallback, calls_max, down) in [
        ("sip:desk@10.0.0.9", 0, false),
        ("+14000000007", 0, false),
        ("sip:desk@10.0.0.9", u32::MAX, true),
        ("+14000000007", u32::MAX, true),
        ("sip:desk@10.0.0.9", u32::MAX, false),
    ] {
        let mut world = table::World::new(10_000, table::Routing::Fixture);
        limit(&mut world, &Fallback::parse(fallback).unwrap(), calls_max);
        if down {
            let health = world.table.health();
            let silent = || Err((Timestamp(0), "no answer".into()));
            assert!(!health.destinations().is_empty());
            assert!(health.destinations().iter().all(|target| health.tell(target, silent())));
        }
        assert_none_are_counted(&world, &stranger, None);
        let gave_way = (0..200).filter(|i| {
            let call = call(Address::E164(table::number(*i)), &world.account, Caller::parse(CALLER), &[]);
            decide(&world.table, &call, *i, Timestamp(0), &mut Silent).detour.is_some()
        });
        assert_eq!(gave_way.count(), if down || calls_max == 0 { 200 } else { 0 });
    }
}

/// Gives every agent a fallback, and every agent and arm a limit.
fn limit(world: &mut table::World, fallback: &Fallback, calls_max: u32) {
    let agents = world.state.agents.iter().map(|(_, agent)| {
        let limit = Some(calls_max);
        let fallback = Some(fallback.clone());
        Change::AgentPut(Profile { max_calls_in_progress: limit, fallback, ..agent.profile.clone() })
    });
    let splits = world.state.splits.iter().map(|(_, split)| {
        let mut split = split.as_ref().clone();
        split.arms.iter_mut().for_each(|arm| arm.max_calls_in_progress = Some(calls_max));
        Change::SplitPut(Arc::new(split))
    });
    let changes: Vec<Change> = agents.chain(splits).collect();
    world.apply(&changes);
}

fn call<'a>(
    to: Address<'a>,
    account: &'a AccountId,
    caller: Caller<'a>,
    headers: &'a [(Cow<'a, str>, Cow<'a, str>)],
) -> CallRequest<'a> {
    CallRequest {
        account,
        gateway: "http",
        gateway_row: 0,
        to,
        caller,
        call_id: Some("call-1"),
        headers,
        asked_for: None,
        token: None,
        agents: None,
    }
}

const CALLER: &str = "+14155550199";

fn pinned(account: &AccountId, k: u64, caller: CallerAddress) -> Change {
    let id = CallerPinRef { agent: table::agent(account, k), caller };
    let pin = Pin::Version(table::version(k % 10 + 1));
    Change::CallerPinPut(Arc::new(CallerPin { id, managed_by: ManagedBy::Api, pin, until: None }))
}

/// Decides many calls, those to routed numbers for this reason.
fn assert_none_are_counted(world: &table::World, stranger: &AccountId, reason: Option<&str>) {
    let headers = [("X-Env".into(), "test".into())];
    for i in 0..200 {
        for (to, account) in [
            (Address::E164(table::number(i)), &world.account),
            (Address::E164(table::number(20_000 + i)), &world.account),
            (Address::User("alice".into()), &world.account),
            (Address::E164(table::number(i)), stranger),
        ] {
            for caller in [CALLER, "alice", "anonymous"] {
                let call = call(to.clone(), account, Caller::parse(caller), &headers);
                let mut code = "";
                let count = allocations(|| {
                    let decision = decide(&world.table, &call, i, Timestamp(0), &mut Silent);
                    code = black_box(decision).reason.code();
                });
                assert_eq!(count, 0, "number {i}");
                let mut claim = Claim::default();
                let count = allocations(|| {
                    black_box(begin(&world.table, &call, (i, Timestamp(0)), (&mut claim, None), &mut Silent));
                });
                assert_eq!(count, 0, "number {i}, a call that begins");
                let found = code != "no_route" && caller != "anonymous";
                assert!(!found || reason.is_none_or(|reason| reason == code), "number {i}: {code}");
            }
        }
    }
    assert!(allocations(|| drop(black_box(Box::new(1)))) > 0, "the counter counts");
}
