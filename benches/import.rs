//! A million numbers in one import: how long it takes, what memory it holds, and how long a change has to wait meanwhile.
//!
//! `cargo bench --bench import`. The router is a process of its own; numbers come as CSV, first to an empty map, then each
//! of them to another version, while an operator pins a number again and again on another connection.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints and may fail"
)]

#[path = "kit/process.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod process;
#[path = "kit/report.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod report;
#[path = "kit/router.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod router;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use report::{head, row};
use router::Router;
use serde_json::{Value, json};

const NUMBERS: u32 = 1_000_000;

fn main() -> io::Result<()> {
    let scratch = tempfile::tempdir()?;
    write_config(&scratch.path().join("config"))?;
    let router = Router::start(scratch.path())?;
    let rest = router.server.peak_mib();
    head("An import of 1,000,000 numbers, 26 MB of CSV");
    for (what, pin) in [("to an empty map", "V1"), ("each to another version", "V2"), ("once more", "V2")] {
        let (took, waited) = import(&router, &csv(pin));
        row(&format!("{what}: until it is answered"), took.as_secs_f64(), "s", None);
        row(&format!("{what}: worst wait of a pin meanwhile"), waited.as_secs_f64() * 1e3, "ms", None);
        row(&format!("{what}: most memory above rest so far"), router.server.peak_mib() - rest, "MiB", None);
    }
    drop(router);
    let router = Router::start(scratch.path())?;
    row("a start with these numbers", router.started_in.as_secs_f64(), "s", None);
    Ok(())
}

fn csv(pin: &str) -> String {
    let mut csv = String::from("number,agentId,pin\n");
    for at in 0..NUMBERS {
        let _ = writeln!(csv, "+1{:010},agent-{},{pin}", 2_000_000_000 + u64::from(at) * 7, at % 10);
    }
    csv
}

/// Imports while somebody pins a number again and again; how long each took, of the pins the longest.
fn import(router: &Router, csv: &str) -> (Duration, Duration) {
    let (admin, key) = (format!("http://{}", router.admin), router.key.as_str());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let pins = scope.spawn(|| {
            let (agent, mut worst) = (ureq::Agent::new_with_defaults(), Duration::ZERO);
            for version in [1, 2].into_iter().cycle() {
                let body = json!({"agentId": "agent-0", "pin": format!("V{version}")}).to_string();
                let begun = Instant::now();
                let pinned = agent.put(format!("{admin}/v1/numbers/+442079460000")).header("x-api-key", key);
                pinned.send(body).expect("a pin");
                worst = worst.max(begun.elapsed());
                if over.load(Ordering::SeqCst) {
                    break;
                }
            }
            worst
        });
        let begun = Instant::now();
        let import = ureq::post(format!("{admin}/v1/numbers:import")).header("x-api-key", key);
        let mut answer = import.header("content-type", "text/csv").send(csv).expect("an import");
        let took = begun.elapsed();
        over.store(true, Ordering::SeqCst);
        let answer: Value = answer.body_mut().read_json().expect("an answer");
        assert!(answer["revision"].is_u64(), "{answer}");
        (took, pins.join().expect("pins"))
    })
}

/// Ten agents of two versions each.
fn write_config(config: &Path) -> io::Result<()> {
    fs::create_dir_all(config.join("routes"))?;
    for agent in 0..10 {
        let folder = config.join(format!("agents/agent-{agent}"));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("agent.toml"), "[environments]\nlive = \"V1\"\n")?;
        for version in 1..=2 {
            fs::write(folder.join(format!("V{version}.toml")), format!("name = \"{agent} {version}\"\n"))?;
        }
    }
    Ok(())
}
