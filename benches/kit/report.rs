//! Rows with a budget beside what was measured.

use std::time::{Duration, Instant};

/// Prints the head of a report.
pub fn head(title: &str) {
    println!("\n{title}");
    println!("{:<66} {:>12} {:>14}  ", "what", "measured", "budget");
}

/// Prints a row; nothing fails when a budget is not kept, since the machine may be busy.
pub fn row(what: &str, measured: f64, unit: &str, budget: Option<f64>) {
    let (budget_text, kept) = match budget {
        Some(budget) => {
            (format!("≤ {budget:.2} {unit}"), if measured <= budget { "kept" } else { "NOT KEPT" })
        }
        None => (String::new(), ""),
    };
    println!("{what:<66} {:>12} {budget_text:>14}  {kept}", format!("{measured:.2} {unit}"));
}

/// Nanoseconds of one of `times` repetitions: the median of seven runs.
pub fn nanos(times: u32, mut run: impl FnMut(u32)) -> f64 {
    let mut runs: Vec<f64> = (0..7)
        .map(|_| {
            let begun = Instant::now();
            for i in 0..times {
                run(i);
            }
            begun.elapsed().as_nanos() as f64 / f64::from(times)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[3]
}

/// The median of some durations, in microseconds.
pub fn median_us(mut all: Vec<Duration>) -> f64 {
    all.sort_unstable();
    all[all.len() / 2].as_secs_f64() * 1e6
}

/// Scatters 0, 1, 2 … over 64 bits.
pub fn mix(i: u64) -> u64 {
    let i = i.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let i = (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let i = (i ^ (i >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    i ^ (i >> 31)
}

/// Resident memory of this process, in bytes.
pub fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4_096
}
