//! The pure decision, changes of the table, calls in progress and tokens.
//!
//! `cargo bench --bench decide`. Numbers are dialled at random, every one is in a split of three arms.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints and may fail"
)]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "kit/report.rs"]
mod report;
#[path = "kit/table.rs"]
mod table;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use cordboard::domain::address::{Address, Caller, E164, Number};
use cordboard::domain::change::{Change, NumberChanges, Touched};
use cordboard::domain::id::{Environment, Pin};
use cordboard::domain::route::{Destination, ManagedBy, Route};
use cordboard::domain::time::Timestamp;
use cordboard::routing::calls::{CallBounds, CallsInProgress, Ending, Kept};
use cordboard::routing::decide::decide;
use cordboard::routing::live::Live;
use cordboard::routing::request::CallRequest;
use cordboard::routing::token::TokenKeys;
use cordboard::routing::trail::Silent;
use foldhash::fast::FixedState;
use report::{head, median_us, mix, nanos, resident, row};
use table::{Routing, World, agent, number, version};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const READS: u32 = 1_000_000;

fn main() {
    head("The pure decision: random numbers, splits of three arms");
    let small = decision(10_000, None);
    decision(1_000_000, Some(small));
    decision(10_000_000, Some(small));
    changes();
    calls_and_tokens();
}

fn decision(numbers: u64, small: Option<f64>) -> f64 {
    let rest = resident();
    let world = World::new(numbers, Routing::Splits);
    let used = resident().saturating_sub(rest);
    let callers: Vec<E164> = (0..1_000).map(|i| number(mix(i) % 1_000_000)).collect();
    let call = |i: u32| CallRequest {
        account: &world.account,
        gateway: "http",
        gateway_row: 0,
        to: Address::E164(number(mix(u64::from(i)) % numbers)),
        caller: Caller::Known(Address::E164(callers[i as usize % 1_000])),
        call_id: None,
        headers: &[],
        asked_for: None,
        token: None,
    };
    let took = nanos(READS, |i| {
        let decision = decide(&world.table, &call(i), 0, Timestamp(0), &mut Silent);
        black_box(decision.choice.map(|choice| choice.served.series.id));
    });
    let flat: HashMap<E164, u32, FixedState> = (0..numbers).map(|i| (number(i), 0)).collect();
    let bare = nanos(READS, |i| {
        black_box(flat.get(&number(mix(u64::from(i)) % numbers)));
    });
    let name = |what: &str| format!("{numbers:>10} numbers: {what}");
    row(&name("decide"), took, "ns", Some(400.0));
    row(&name("a bare hash table look-up, for comparison"), bare, "ns", None);
    if let Some(small) = small {
        row(&name("decide, times that of 10,000"), took / small, "×", Some(3.0));
    }
    if numbers >= 1_000_000 {
        let each = used as f64 / numbers as f64;
        row(&name("memory a number, state and table together"), each, "bytes", Some(64.0));
    }
    took
}

fn changes() {
    head("One change among 10,000,000 numbers: from the commit until the next call sees it");
    let mut world = World::new(10_000_000, Routing::OneAgentLive);
    let live = Live::new(world.table.clone());
    let mut view = live.view();
    let one = |n: u64| {
        Change::Numbers(NumberChanges::one(
            Number::E164(number(mix(n) % 10_000_000)),
            Some(Arc::new(Route::plain(
                world.account.clone(),
                ManagedBy::Api,
                Destination::Agent {
                    agent: agent(&world.account, n % 1_000).agent,
                    pin: Pin::Version(version(n % 9 + 1)),
                },
            ))),
        ))
    };
    let pins: Vec<Change> = (0..1_000).map(one).collect();
    row("one pin", swaps(&mut world, &live, &mut view, &pins), "µs", Some(100.0));
    let to = |n: u64| Change::EnvironmentSet {
        agent: agent(&world.account, 0),
        environment: Environment::Live,
        to: Some(version(n % 2 + 1)),
    };
    let rollbacks: Vec<Change> = (0..1_000).map(to).collect();
    let took = swaps(&mut world, &live, &mut view, &rollbacks);
    row("a rollback that 10,000,000 numbers follow", took, "µs", Some(100.0));
}

/// The median time of absorbing, patching, installing and seeing a change.
fn swaps(
    world: &mut World,
    live: &Live,
    view: &mut cordboard::routing::live::LiveView,
    changes: &[Change],
) -> f64 {
    let took = changes.iter().map(|change| {
        let begun = Instant::now();
        let mut touched = Touched::default();
        let mut state = world.state.clone();
        state.absorb(change, &mut touched);
        state.revision = state.revision.next();
        world.state = state;
        world.table = world.patched(&touched);
        assert!(live.install(world.table.clone()), "a newer table");
        assert_eq!(view.table().revision, world.state.revision);
        begun.elapsed()
    });
    median_us(took.collect())
}

fn calls_and_tokens() {
    head("Calls in progress and tokens, 100,000 calls");
    let world = World::new(10_000, Routing::Fixture);
    let keys = TokenKeys::new([1; 32], None, 3_600);
    let bounds = CallBounds { calls_max: 10_000_000, life_ms: i64::MAX, ended_ms: 0 };
    let calls = CallsInProgress::new(bounds, 7);
    let ids: Vec<String> = (0..700_000).map(|i| format!("{i:032x}@10.0.0.1")).collect();
    let call = |i: u32| CallRequest {
        account: &world.account,
        gateway: "http",
        gateway_row: 0,
        to: Address::E164(number(mix(u64::from(i)) % 10_000)),
        caller: Caller::Withheld,
        call_id: None,
        headers: &[],
        asked_for: None,
        token: None,
    };
    let decided = |i| decide(&world.table, &call(i), 0, Timestamp(0), &mut Silent);
    let bare = nanos(100_000, |i| {
        black_box(Kept::of(&decided(i), 1));
    });
    let mut next = 0;
    let remembered = nanos(100_000, |i| {
        let kept = Kept::of(&decided(i), 1).expect("every number is routed");
        black_box(calls.remember(&call(i), &ids[next], &kept, Timestamp(0)));
        next += 1;
    }) - bare;
    let mut next = 0;
    let looked_up = nanos(100_000, |i| {
        black_box(calls.kept(&call(i), &ids[next]));
        next += 1;
    });
    let mut next = 0;
    let ended = nanos(100_000, |_| {
        black_box(calls.end(&world.account, None, &ids[next], &Ending::default()));
        next += 1;
    });
    let call_0 = call(0);
    let decision = decided(0);
    let signed = nanos(100_000, |i| {
        black_box(keys.sign_decision(&world.account, &call_0.to, &decision, i.into(), Timestamp(0)));
    });
    let token = keys.sign_decision(&world.account, &call_0.to, &decision, 1, Timestamp(0)).expect("a choice");
    let checked = nanos(100_000, |_| {
        black_box(keys.check(&world.account, Some(&call_0.to), token.as_str(), Timestamp(0))).ok();
    });
    for (what, took) in [
        ("remember a call", remembered),
        ("look one up", looked_up),
        ("end one", ended),
        ("sign a token", signed),
        ("check one", checked),
    ] {
        row(what, took, "ns", None);
    }
    row("all of them together", remembered + looked_up + ended + signed + checked, "ns", Some(1_000.0));
}
