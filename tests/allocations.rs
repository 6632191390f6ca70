//! The pure decision allocates nothing: counted, not believed.

#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use cordboard::domain::address::{Address, Caller};
use cordboard::domain::id::AccountId;
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
    let headers = [("X-Env".into(), "test".into())];
    let call = |to, account| CallRequest {
        account,
        gateway: "http",
        gateway_row: 0,
        to,
        caller: Caller::parse("+14155550199"),
        call_id: Some("call-1"),
        headers: &headers,
        asked_for: None,
        token: None,
        agents: None,
    };
    let stranger = AccountId::parse("ws-2").unwrap();
    for i in 0..200 {
        for (to, account) in [
            (Address::E164(table::number(i)), &world.account),
            (Address::E164(table::number(20_000 + i)), &world.account),
            (Address::User("alice".into()), &world.account),
            (Address::E164(table::number(i)), &stranger),
        ] {
            let call = call(to, account);
            let count = allocations(|| {
                black_box(decide(&world.table, &call, i, Timestamp(0), &mut Silent));
            });
            assert_eq!(count, 0, "number {i}");
        }
    }
    assert!(allocations(|| drop(black_box(Box::new(1)))) > 0, "the counter counts");
}
