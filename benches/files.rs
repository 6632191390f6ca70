//! A million numbers from route files: read, check, weigh and absorb, and one edited file among them.
//!
//! `cargo bench --bench files`. Times are of warm files; memory is the peak above what the process had before.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints and may fail")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "kit/report.rs"]
#[allow(dead_code, clippy::indexing_slicing, reason = "each bench uses a part of the kit")]
mod report;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cordboard::control::files::{Library, SourceFile};
use cordboard::domain::account::Account;
use cordboard::domain::change::{Change, Touched};
use cordboard::domain::command::{Action, Author, Command};
use cordboard::domain::id::AccountId;
use cordboard::domain::state::State;
use cordboard::domain::time::Timestamp;
use report::{head, row};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FILES: usize = 100;
const NUMBERS: usize = 10_000;
const AGENTS: usize = 10;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the files");
    write_files(folder.path());
    for _ in 0..3 {
        measure(folder.path());
    }
}

fn write_files(folder: &Path) {
    for agent in 0..AGENTS {
        let agents = folder.join(format!("agents/agent-{agent}"));
        fs::create_dir_all(&agents).expect("a folder");
        fs::write(agents.join("agent.toml"), "[environments]\nlive = \"V2\"\n").expect("a file");
        for version in 1..=2 {
            let config = format!("name = \"Agent {agent}\"\ndescription = \"V{version}\"\n");
            fs::write(agents.join(format!("V{version}.toml")), config).expect("a file");
        }
    }
    fs::create_dir_all(folder.join("routes")).expect("a folder");
    for file in 0..FILES {
        fs::write(folder.join(format!("routes/{file:03}.toml")), route_file(file, 0)).expect("a file");
    }
}

/// Ten thousand numbers; `turn` shifts who serves one of them.
fn route_file(file: usize, turn: usize) -> String {
    let mut text = String::new();
    if file == 0 {
        for split in 0..10 {
            let _ = write!(
                text,
                "[[split]]\nid = \"split-{split}\"\narms = [\n  {{ id = \"control\", agent = \"agent-1\", pin = \"V1\", weight = 80 }},\n  \
                 {{ id = \"test\", agent = \"agent-1\", pin = \"V2\", weight = 20 }},\n]\n\n"
            );
        }
    }
    for i in 0..NUMBERS {
        let number = file * NUMBERS + i;
        let to = if i == 0 { number + turn } else { number } % AGENTS;
        let _ = write!(text, "[[number]]\nnumber = \"+14{number:09}\"\n");
        let _ = if number.is_multiple_of(3) {
            write!(text, "split = \"split-{to}\"\n\n")
        } else {
            write!(text, "agent = \"agent-{to}\"\npin = \"V2\"\n\n")
        };
    }
    text
}

fn measure(folder: &Path) {
    let account = AccountId::parse("ws-1").expect("an id");
    let mut state = State::default();
    let first = Account::new(account.clone(), String::new(), Timestamp(0));
    state.absorb(&Change::AccountPut(first), &mut Touched::default());
    let rest = resident_kib("VmRSS");
    fs::write("/proc/self/clear_refs", "5").expect("the peak is reset");

    let cpu_before = cpu_ms();
    let mut watch = Watch::default();
    let files = sources(folder);
    watch.lap("found and loaded");
    let empty = Library::new(&account);
    let library = empty.read(&files, &[]).expect("good files");
    let parsed = watch.lap("parsed and checked");
    let numbers = apply(&mut state, &library, &empty, &mut watch);
    let cpu = cpu_ms() - cpu_before;
    drop(files);
    assert_eq!(numbers, FILES * NUMBERS);
    let peak_mb = resident_kib("VmHWM").saturating_sub(rest) as f64 * 1_024.0 / 1e6;

    head("Route files with 1 M numbers: 100 files of 10,000, warm");
    watch.rows();
    row("together", watch.total_ms(), "ms", Some(2_000.0));
    row("processor time of that, both threads", cpu, "ms", None);
    row("peak above rest", peak_mb, "MB", Some(300.0));
    row("parsed a second", numbers as f64 / parsed.as_secs_f64() / 1e6, "M", None);

    let edited = SourceFile::new("routes/050.toml", route_file(50, 1));
    let mut watch = Watch::default();
    let next = library.read(std::slice::from_ref(&edited), &[]).expect("a good file");
    watch.lap("one file edited: parsed and checked");
    assert_eq!(apply(&mut state, &next, &library, &mut watch), 1);
    watch.rows();
}

/// What control does with files, but for the store and the table.
fn apply(state: &mut State, library: &Library, applied: &Library, watch: &mut Watch) -> usize {
    let set = library.file_set(applied, None);
    let numbers = set.put.len();
    watch.lap("the difference");
    let command = Command {
        account: set.account.clone(),
        author: Author::Files,
        at: Timestamp(0),
        action: Action::ApplyFiles(Arc::new(set)),
    };
    let outcome = state.weigh(&command).expect("granted");
    drop(command);
    watch.lap("weighed");
    for change in &outcome.changes {
        state.absorb(change, &mut Touched::default());
    }
    watch.lap("absorbed");
    numbers
}

/// Laps, one a row.
struct Watch {
    since: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Default for Watch {
    fn default() -> Self {
        Self { since: Instant::now(), laps: Vec::new() }
    }
}

impl Watch {
    fn lap(&mut self, what: &'static str) -> Duration {
        let lap = self.since.elapsed();
        self.laps.push((what, lap));
        self.since = Instant::now();
        lap
    }

    fn total_ms(&self) -> f64 {
        self.laps.iter().map(|(_, lap)| lap.as_secs_f64() * 1e3).sum()
    }

    fn rows(&self) {
        for (what, lap) in &self.laps {
            row(what, lap.as_secs_f64() * 1e3, "ms", None);
        }
    }
}

fn sources(folder: &Path) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for kind in ["agents", "routes"] {
        let mut folders = vec![folder.join(kind)];
        while let Some(inner) = folders.pop() {
            for found in fs::read_dir(inner).expect("a folder") {
                let path = found.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(folder).expect("a path below").display().to_string();
                files.push(SourceFile::new(name, fs::read(&path).expect("a file")));
            }
        }
    }
    files
}

/// Processor time of this process so far, in steps of ten milliseconds: what counts on a busy machine.
fn cpu_ms() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("the process knows itself");
    let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("ticks") * 10.0).sum()
}

fn resident_kib(key: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("the process knows itself");
    let line = status.lines().find(|line| line.starts_with(key)).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}
