//! The pure decision allocates nothing: counted, not believed.

#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use cordboard::domain::address::{Address, Caller};
use cordboard::domain::caller_pin::{CallerAddress, CallerPin, CallerPinRef};
use cordboard::domain::change::Change;
use cordboard::domain::id::{AccountId, Pin};
use cordboard::domain::route::ManagedBy;
use cordboard::domain::time::Timestamp;
use cordboard::routing::decide::decide;
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

const CALLER: &str = "+14155550199";

fn pinned(account: &AccountId, k: u64, caller: CallerAddress) -> Change {
    let id = CallerPinRef { agent: table::agent(account, k), caller };
    let pin = Pin::Version(table::version(k % 10 + 1));
    Change::CallerPinPut(Arc::new(CallerPin { id, managed_by: ManagedBy::Api, pin, until: None }))
}

/// Decides many calls, those to routed numbers for this reason.
fn assert_none_are_counted(world: &table::World, stranger: &AccountId, reason: Option<&str>) {
    let headers = [("X-Env".into(), "test".into())];
    let call = |to, account, caller| CallRequest {
        account,
        gateway: "http",
        gateway_row: 0,
        to,
        caller,
        call_id: Some("call-1"),
        headers: &headers,
        asked_for: None,
        token: None,
        agents: None,
    };
    for i in 0..200 {
        for (to, account) in [
            (Address::E164(table::number(i)), &world.account),
            (Address::E164(table::number(20_000 + i)), &world.account),
            (Address::User("alice".into()), &world.account),
            (Address::E164(table::number(i)), stranger),
        ] {
            for caller in [CALLER, "alice", "anonymous"] {
                let call = call(to.clone(), account, Caller::parse(caller));
                let mut code = "";
                let count = allocations(|| {
                    let decision = decide(&world.table, &call, i, Timestamp(0), &mut Silent);
                    code = black_box(decision).reason.code();
                });
                assert_eq!(count, 0, "number {i}");
                let found = code != "no_route" && caller != "anonymous";
                assert!(!found || reason.is_none_or(|reason| reason == code), "number {i}: {code}");
            }
        }
    }
    assert!(allocations(|| drop(black_box(Box::new(1)))) > 0, "the counter counts");
}
