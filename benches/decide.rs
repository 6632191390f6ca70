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
use cordboard::domain::id::Pin;
use cordboard::domain::route::{Destination, ManagedBy, Route};
use cordboard::domain::time::Timestamp;
use cordboard::routing::calls::{CallBounds, CallsInProgress, Ending, Kept, Which};
use cordboard::routing::capacity::Places;
use cordboard::routing::decide::decide;
use cordboard::routing::live::Live;
use cordboard::routing::request::CallRequest;
use cordboard::routing::token::TokenKeys;
use cordboard::routing::trail::Silent;
use foldhash::fast::FixedState;
use report::{head, median_us, mix, nanos, resident, row};
use table::{Routing, World, agent, deployed, number, version};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const READS: u32 = 1_000_000;

fn main() {
    head("The pure decision: random numbers, splits of three arms");
    let small = decision(10_000, None);
    decision(1_000_000, Some(small));
    decision(10_000_000, Some(small));
    changes();
    for calls in [1_000, CALLS] {
        calls_and_tokens(calls);
    }
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
        agents: None,
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
    let to = |n: u64| deployed(agent(&world.account, 0), n % 2 + 1);
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

/// Most calls in progress at the same time: their memory is in no cache. That of a thousand is.
const CALLS: u32 = 100_000;

/// Calls come and go as in a router that has run for a while: as many in progress, memory used again.
fn calls_and_tokens(count: u32) {
    head(&format!("Calls in progress and tokens, {count} calls"));
    let world = World::new(10_000, Routing::Fixture);
    let keys = TokenKeys::new([1; 32], 3_600);
    let bounds = CallBounds { calls_max: 10_000_000, life_ms: i64::MAX, ended_ms: 0 };
    let calls = CallsInProgress::new(bounds, 7);
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
        agents: None,
    };
    let decided = |i| decide(&world.table, &call(i), 0, Timestamp(0), &mut Silent);
    let mut rounds: [Vec<f64>; 4] = Default::default();
    for round in 0..10 * CALLS / count {
        let id = |i: u32| format!("{:032x}@10.0.0.1", mix(u64::from(round % 3 * count + i)));
        let ids: Vec<String> = (0..count).map(id).collect();
        // Looked up and ended in another order than begun.
        let later: Vec<(u32, String)> = (0..count).map(|i| i * 7_919 % count).map(|i| (i, id(i))).collect();
        let bare = once(&ids, |i, _| {
            black_box(decided(i).choice.is_some());
        });
        let remembered = once(&ids, |i, id| {
            let kept = Kept::of(&decided(i), u128::from(i)).expect("every number is routed");
            black_box(calls.remember(&call(i), id, (kept, Places::default()), Timestamp(0)));
        });
        let looked_up = once(&later, |_, (i, id)| {
            black_box(calls.leg(&call(*i), id)).expect("in progress");
        });
        let ended = once(&later, |_, (_, id)| {
            black_box(calls.end(&world.account, Which::default(), id, &Ending::default()))
                .expect("in progress");
        });
        let begun = Instant::now();
        calls.sweep(Timestamp(1));
        let swept = begun.elapsed().as_nanos() as f64 / f64::from(count);
        for (all, took) in rounds.iter_mut().zip([remembered - bare, looked_up, ended, swept]) {
            // The first rounds fill memory that all later ones use again.
            all.extend((round >= 3).then_some(took));
        }
    }
    let [remembered, looked_up, ended, swept] = rounds.map(|mut all| {
        all.sort_unstable_by(f64::total_cmp);
        all[all.len() / 2]
    });
    let requests: Vec<CallRequest<'_>> = (0..1_000).map(call).collect();
    let decisions: Vec<_> = (0..1_000).map(decided).collect();
    let sign = |i: u32| {
        let at = i as usize % 1_000;
        keys.sign_decision(&world.account, &requests[at].to, &decisions[at], i.into(), Timestamp(0))
    };
    let signed = nanos(CALLS, |i| {
        black_box(sign(i));
    });
    let tokens: Vec<_> = (0..1_000).map(|i| sign(i).expect("a choice")).collect();
    let checked = nanos(CALLS, |i| {
        let at = i as usize % 1_000;
        black_box(keys.check(&world.account, Some(&requests[at].to), tokens[at].as_str(), Timestamp(0))).ok();
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
    row("forget one that has ended (every few seconds, by nobody who waits)", swept, "ns", None);
}

/// Nanoseconds that a piece of work takes for one of many.
fn once<T>(all: &[T], mut work: impl FnMut(u32, &T)) -> f64 {
    let begun = Instant::now();
    for (i, each) in (0..).zip(all) {
        work(i, each);
    }
    begun.elapsed().as_nanos() as f64 / all.len() as f64
}
