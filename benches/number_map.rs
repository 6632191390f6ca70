//! Reads, changes and memory of the map of numbers, beside a flat hash table.
//!
//! `cargo bench --bench number_map`. `wait` is a read whose result says what is read next, as long as a call waits for
//! it; `get` are reads that a processor may overlap. `change` is one key changed while somebody holds a clone, `free`
//! the dropping of that clone, medians of a thousand. `upsert` and `remove` are up to a million sorted rows, after a
//! clone.

#![expect(clippy::print_stdout, reason = "prints a table")]

use std::collections::HashMap;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Instant;

use cordboard::domain::address::E164;
use cordboard::domain::persistent::Map;
use foldhash::fast::FixedState;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const READS: u32 = 2_000_000;
const CHANGES: u32 = 1_000;
const ROWS: u64 = 1_000_000;

const LEAST: E164 = match E164::from_value(1_000_000) {
    Some(number) => number,
    None => unreachable!(),
};

type Keys = fn(u64) -> u64;

fn main() {
    println!(
        "{:>9} {:>10} | {:>7} {:>7} | {:>7} {:>7} | {:>9} {:>8} | {:>5} | {:>8} {:>9} {:>9}",
        "numbers",
        "keys",
        "wait ns",
        "flat",
        "get ns",
        "flat",
        "change µs",
        "free µs",
        "bytes",
        "build ms",
        "upsert ms",
        "remove ms"
    );
    for count in [10_000, 1_000_000, 10_000_000] {
        for (name, keys) in [("sequential", sequential as Keys), ("random", random as Keys)] {
            measure(name, keys, count);
        }
    }
}

/// A block of numbers as an operator is given it.
fn sequential(i: u64) -> u64 {
    14_000_000_000 + 7 * i
}

fn random(i: u64) -> u64 {
    1_000_000 + mix(i) % 999_998_000_000_000
}

fn mix(i: u64) -> u64 {
    let i = i.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let i = (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let i = (i ^ (i >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    i ^ (i >> 31)
}

fn number(value: u64) -> E164 {
    E164::from_value(value).unwrap_or(LEAST)
}

fn measure(name: &str, keys: Keys, count: u64) {
    let mut sorted: Vec<_> = (0..count).map(|i| (number(keys(i)), NonZeroU32::MIN)).collect();
    sorted.sort_unstable();
    let flat: HashMap<E164, NonZeroU32, FixedState> = sorted.iter().copied().collect();

    let started = Instant::now();
    let mut map = Map::from_sorted(sorted.iter().copied());
    let build_ms = started.elapsed().as_secs_f64() * 1e3;
    let bytes = map.heap_bytes();

    let [wait_ns, get_ns] = [
        read_ns::<true>(keys, count, |key| map.get(&key).copied()),
        read_ns::<false>(keys, count, |key| map.get(&key).copied()),
    ];
    let [flat_wait_ns, flat_ns] = [
        read_ns::<true>(keys, count, |key| flat.get(&key).copied()),
        read_ns::<false>(keys, count, |key| flat.get(&key).copied()),
    ];
    drop(flat);
    let (change_us, free_us) = change_us(&mut map, keys, count);

    let held = map.clone();
    let stride = usize::try_from(count.div_ceil(ROWS)).unwrap_or(1);
    let rows: Vec<_> = sorted.iter().copied().step_by(stride).collect();
    let started = Instant::now();
    map.extend(rows.iter().copied());
    let upsert_ms = started.elapsed().as_secs_f64() * 1e3;
    drop(held);
    let held = map.clone();
    let started = Instant::now();
    for (key, _) in &rows {
        map.remove(key);
    }
    let remove_ms = started.elapsed().as_secs_f64() * 1e3;
    drop(held);

    println!(
        "{count:>9} {name:>10} | {wait_ns:>7.1} {flat_wait_ns:>7.1} | {get_ns:>7.1} {flat_ns:>7.1} | {change_us:>9.2} {free_us:>8.2} | {:>5.2} | {build_ms:>8.1} {upsert_ms:>9.1} {remove_ms:>9.1}",
        bytes as f64 / count as f64,
    );
}

fn read_ns<const WAITS: bool>(keys: Keys, count: u64, get: impl Fn(E164) -> Option<NonZeroU32>) -> f64 {
    let (mut state, mut seen) = (1, 0);
    let started = Instant::now();
    for _ in 0..READS {
        let found = get(number(keys(state % count))).map_or(0, NonZeroU32::get);
        seen ^= found;
        state = mix(state.wrapping_add(if WAITS { u64::from(found) } else { 1 }));
    }
    let elapsed = started.elapsed();
    black_box((state, seen));
    elapsed.as_secs_f64() * 1e9 / f64::from(READS)
}

fn change_us(map: &mut Map<E164, NonZeroU32>, keys: Keys, count: u64) -> (f64, f64) {
    let mut changes = Vec::new();
    let mut frees = Vec::new();
    for change in 0..CHANGES {
        let key = number(keys(mix(u64::from(change)) % count));
        let held = map.clone();
        let started = Instant::now();
        map.insert(key, NonZeroU32::MAX);
        changes.push(started.elapsed());
        let started = Instant::now();
        drop(held);
        frees.push(started.elapsed());
    }
    let median = |mut times: Vec<std::time::Duration>| {
        times.sort_unstable();
        times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    (median(changes), median(frees))
}
