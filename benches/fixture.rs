//! Writes a configuration folder of a size: `cargo run --release --example fixture -- NUMBERS FOLDER`.
//!
//! Numbers are `+14000000000 + 7·i` in files of 10,000. Agents are `agent-0` … `agent-999` with V1 … V10 and the endpoint
//! `sip:{agent}.v{version}@127.0.0.1:5060`. Number i is pinned to `agent-(i mod 1000)` at `V(i mod 9 + 1)`, but every
//! tenth is in `split-k`, k = i mod 1000: V1, V2, V3 of `agent-k` as arms `a`, `b`, `c` with weights 50, 25, 25.

#![expect(clippy::print_stderr, reason = "says what is wrong with the arguments")]

#[path = "kit/folder.rs"]
mod folder;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(numbers), Some(into), None) =
        (arguments.next().and_then(|n| n.parse().ok()), arguments.next(), arguments.next())
    else {
        eprintln!("usage: fixture NUMBERS FOLDER");
        return ExitCode::from(2);
    };
    match folder::write(numbers, &PathBuf::from(into)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
