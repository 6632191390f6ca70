//! What more numbers cost: the same questions to a router of 10 thousand, 100 thousand, 1 million and 10 million.
//!
//! `cargo bench --bench growth`. Each size is a folder of files that a router of its own reads: its first start, a later
//! start with the store that the first one made, memory, answers and changes. Ten million numbers are 650 MB of files
//! in the folder for temporary files.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints and may fail"
)]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "kit/folder.rs"]
mod folder;
#[path = "kit/load.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod load;
#[path = "kit/process.rs"]
mod process;
#[path = "kit/questions.rs"]
mod questions;
#[path = "kit/report.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod report;
#[path = "kit/router.rs"]
mod router;

use std::io;
use std::rc::Rc;
use std::time::Duration;

use load::{Load, Until};
use questions::{ask, put_number, routed};
use router::Router;

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
/// Changes whose time is measured, one after the other.
const CHANGES: u64 = 300;

/// What is measured at each size.
const ROWS: [&str; 8] = [
    "first start: until it answers, s",
    "first start: most memory at once, MiB",
    "later start: until it answers, s",
    "later start: most memory at once, MiB",
    "memory at rest, MiB",
    "GET /v1/route, 64 connections: processor time, µs",
    "PUT /v1/numbers/{number}: half are acknowledged within, µs",
    "wrong answers",
];

fn main() -> io::Result<()> {
    let columns = SIZES.into_iter().map(measured).collect::<io::Result<Vec<_>>>()?;
    println!("\n{:<60} {:>12} {:>12} {:>12} {:>12}", "numbers", SIZES[0], SIZES[1], SIZES[2], SIZES[3]);
    for (at, row) in ROWS.iter().enumerate() {
        let cells: String = columns.iter().map(|column| format!(" {:>12.2}", column[at])).collect();
        println!("{row:<60}{cells}");
    }
    Ok(())
}

/// One column.
fn measured(numbers: u64) -> io::Result<[f64; ROWS.len()]> {
    let scratch = tempfile::tempdir()?;
    folder::write(numbers, &scratch.path().join("config"))?;
    let first = Router::start(scratch.path())?;
    let (first_s, first_peak) = (first.started_in.as_secs_f64(), first.server.peak_mib());
    drop(first);
    let router = Router::start(scratch.path())?;
    let (later_s, later_peak) = (router.started_in.as_secs_f64(), router.server.peak_mib());
    let (mut costs, mut wrong) = (Vec::new(), 0);
    let questions = Load {
        to: router.calls,
        connections: 64,
        request: Rc::new(ask(numbers, "%2B")),
        right: Rc::new(routed(numbers)),
    };
    for _ in 0..ROUNDS {
        let before = router.server.cpu_us();
        let outcome = questions.run(Until::Elapsed(ROUND))?;
        costs.push((router.server.cpu_us() - before) / outcome.answers as f64);
        wrong += outcome.wrong;
    }
    costs.sort_unstable_by(f64::total_cmp);
    let key = router.key.clone();
    let changed = Load {
        to: router.admin,
        connections: 1,
        request: Rc::new(move |at, request| put_number(request, &key, 19_990_000_000 + at, at % 1_000, 1)),
        right: Rc::new(|_, status, _| status == 200),
    }
    .run(Until::Sent(CHANGES))?;
    let half = changed.took_us[changed.took_us.len() / 2];
    wrong += changed.wrong;
    let at_rest = router.server.resident_mib();
    Ok([first_s, first_peak, later_s, later_peak, at_rest, costs[ROUNDS / 2], half, wrong as f64])
}
