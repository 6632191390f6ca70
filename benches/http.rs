//! The router as a process of its own, asked over HTTP: what an answer costs it, beside the least it could cost.
//!
//! `cargo bench --bench http`. One million numbers, read from files; servers are measured in turn, seven rounds, by
//! the processor time they took for an answer, which holds still on a busy machine where answers a second do not.
//! Ratios are medians of the ratios of the rounds. `nginx` is measured where it is installed.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints and may fail"
)]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "kit/floor.rs"]
mod floor;
#[path = "kit/folder.rs"]
mod folder;
#[path = "kit/load.rs"]
mod load;
#[path = "kit/nginx.rs"]
mod nginx;
#[path = "kit/process.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod process;
#[path = "kit/questions.rs"]
mod questions;
#[path = "kit/report.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod report;
#[path = "kit/router.rs"]
mod router;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{env, thread};

use load::{Load, Until};
use process::Server;
use questions::{HOST, ask, dialled, number, put_number, routed, says, write};
use report::{head, mix, row};
use router::{Router, await_file};

const NUMBERS: u64 = 1_000_000;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);
/// Calls begun and ended in a round.
const CALLS: u64 = 40_000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "floor") {
        let body_bytes = arguments[at + 1].parse().map_err(io::Error::other)?;
        return floor::serve(body_bytes, Path::new(&arguments[at + 2]));
    }
    let scratch = tempfile::tempdir()?;
    let scratch = scratch.path();
    folder::write(NUMBERS, &scratch.join("config"))?;
    head("A start with 1,000,000 numbers in files");
    let mut router = None;
    for name in ["first start", "later starts"] {
        // The one before ends first.
        drop(router.take());
        let started = Router::start(scratch)?;
        row(&format!("{name}: until it answers"), started.started_in.as_secs_f64(), "s", None);
        row(&format!("{name}: most memory held at once"), started.server.peak_mib(), "MiB", None);
        router = Some(started);
    }
    let router = router.expect("it was started");
    routes(scratch, &router.server, router.calls)?;
    calls(&router.server, router.calls)?;
    swaps(&router)
}

/// `GET /v1/route`, beside the floor and nginx.
fn routes(scratch: &Path, router: &Server, address: SocketAddr) -> io::Result<()> {
    let body_bytes = answer_bytes(address)?;
    let file = scratch.join("floor");
    let mut floor_command = Command::new(env::current_exe()?);
    let mut floor = Server::start(floor_command.arg("floor").arg(body_bytes.to_string()).arg(&file))?;
    let floor_address = await_file(&file, &mut floor)?.parse().map_err(io::Error::other)?;
    let nginx = nginx::start(scratch, NUMBERS, body_bytes)?;
    if let Some((_, address)) = &nginx {
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() && begun.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(20));
        }
    }

    head(&format!("GET /v1/route, keep-alive, 1,000,000 numbers, {body_bytes} bytes of JSON"));
    let right = |_: u64, status: u16, _: &[u8]| status == 200;
    for connections in [64, 2] {
        let mut cost = [vec![], vec![], vec![]];
        let mut amiss = Amiss::default();
        for _ in 0..ROUNDS {
            let load = Load {
                to: address,
                connections,
                request: Rc::new(ask(NUMBERS, "%2B")),
                right: Rc::new(routed(NUMBERS)),
            };
            cost[0].push(measured(router, &load, Until::Elapsed(ROUND), &mut amiss)?);
            let load = Load { to: floor_address, right: Rc::new(right), ..load };
            cost[1].push(measured(&floor, &load, Until::Elapsed(ROUND), &mut amiss)?);
            if let Some((server, address)) = &nginx {
                let load = Load { to: *address, request: Rc::new(ask(NUMBERS, "+")), ..load };
                cost[2].push(measured(server, &load, Until::Elapsed(ROUND), &mut amiss)?);
            }
        }
        let [router, floor, nginx] = &cost;
        let name = |what: &str| format!("{connections:>2} connections: {what}");
        row(&name("processor time of an answer"), median(router.clone()), "µs", None);
        row(&name("the same, bare hyper"), median(floor.clone()), "µs", None);
        row(&name("times bare hyper"), ratio(router, floor), "×", Some(1.25));
        if !nginx.is_empty() {
            row(&name("the same, nginx"), median(nginx.clone()), "µs", None);
            row(&name("times nginx"), ratio(router, nginx), "×", Some(1.0));
        }
        amiss.tell();
    }
    Ok(())
}

/// Calls that are remembered, and their ends, beside answers that are not.
fn calls(router: &Server, address: SocketAddr) -> io::Result<()> {
    head("POST /v1/calls and POST /v1/calls/{callId}/end, 64 connections");
    let route = Load {
        to: address,
        connections: 64,
        request: Rc::new(ask(NUMBERS, "%2B")),
        right: Rc::new(routed(NUMBERS)),
    };
    let (mut routes, mut begins, mut ends, mut amiss) = (vec![], vec![], vec![], Amiss::default());
    for round in 0..ROUNDS as u64 {
        let first = round * CALLS;
        let posted = |_: u64, status: u16, _: &[u8]| status == 201;
        let right = |_: u64, status: u16, _: &[u8]| status == 200;
        let begin = Load { request: Rc::new(begin(first)), right: Rc::new(posted), ..route.clone() };
        let end = Load { request: Rc::new(end(first)), right: Rc::new(right), ..route.clone() };
        routes.push(measured(router, &route, Until::Sent(CALLS), &mut amiss)?);
        begins.push(measured(router, &begin, Until::Sent(CALLS), &mut amiss)?);
        ends.push(measured(router, &end, Until::Sent(CALLS), &mut amiss)?);
    }
    row("GET /v1/route, processor time", median(routes.clone()), "µs", None);
    row("a call begins", median(begins.clone()), "µs", None);
    row("a call begins, times GET /v1/route", ratio(&begins, &routes), "×", Some(2.0));
    row("a call ends", median(ends.clone()), "µs", None);
    row("a call ends, times GET /v1/route", ratio(&ends, &routes), "×", Some(2.0));
    amiss.tell();
    Ok(())
}

/// `GET /v1/route` while numbers are routed anew over the API, a thousand a second.
///
/// The numbers that change are asked for too: each answer must name the one agent with its version, or the other.
fn swaps(router: &Router) -> io::Result<()> {
    head("GET /v1/route beside PUT /v1/numbers/{number}, 4 connections");
    let (admin, key) = (router.admin, router.key.clone());
    let changes = move |until: Until, connections: usize| {
        let (key, begun) = (key.clone(), Instant::now());
        let request = move |at: u64, request: &mut Vec<u8>| {
            // The load has a thread of its own, which may wait.
            thread::sleep(Duration::from_millis(at).saturating_sub(begun.elapsed()));
            let n = (mix(at) >> 32) % 2;
            put_number(request, &key, 19_990_000_000 + at % SWAPPED, n, n + 1);
        };
        let right = |_: u64, status: u16, _: &[u8]| status == 200;
        Load { to: admin, connections, request: Rc::new(request), right: Rc::new(right) }.run(until)
    };
    // Each of them once, so that all are there.
    assert_eq!(changes(Until::Sent(SWAPPED), 16)?.wrong, 0, "the numbers are taken");

    let asked = |at: u64, request: &mut Vec<u8>| {
        if at.is_multiple_of(4) {
            let to = 19_990_000_000 + at % SWAPPED;
            write(request, format_args!("GET /v1/route?to=%2B{to} HTTP/1.1\r\n{HOST}\r\n"));
        } else {
            ask(NUMBERS, "%2B")(at, request);
        }
    };
    let right = |at: u64, status: u16, body: &[u8]| {
        let is = |n: u64| says(body, n, n + 1);
        if at.is_multiple_of(4) {
            status == 200 && (is(0) || is(1))
        } else {
            routed(NUMBERS)(at, status, body)
        }
    };
    let load = Load { to: router.calls, connections: 4, request: Rc::new(asked), right: Rc::new(right) };
    let (mut ratios, mut quiet, mut rates, mut amiss) = (vec![], vec![], vec![], Amiss::default());
    for _ in 0..ROUNDS {
        let alone = load.run(Until::Elapsed(ROUND))?;
        let changes = changes.clone();
        let changing = thread::spawn(move || changes(Until::Elapsed(ROUND), 16));
        let beside = load.run(Until::Elapsed(ROUND))?;
        let changed = changing.join().map_err(|_| io::Error::other("the changes broke"))??;
        [&alone, &beside, &changed].into_iter().for_each(|outcome| amiss.add(outcome));
        rates.push(changed.answers as f64 / ROUND.as_secs_f64());
        quiet.push(alone.p99_us());
        ratios.push(beside.p99_us() / alone.p99_us());
    }
    row("swaps a second", median(rates), "", None);
    row("99 of 100 answers come within, without swaps", median(quiet), "µs", None);
    row("the same with swaps, times that", median(ratios), "×", Some(1.5));
    amiss.tell();
    Ok(())
}

/// Numbers that are routed anew over and over.
const SWAPPED: u64 = 1_000;

/// Answers that are not what was hoped for.
#[derive(Default)]
struct Amiss {
    wrong: u64,
    turned_away: u64,
}

impl Amiss {
    fn add(&mut self, outcome: &load::Outcome) {
        self.wrong += outcome.wrong;
        self.turned_away += outcome.turned_away;
    }

    fn tell(&self) {
        row("wrong answers", self.wrong as f64, "", Some(0.0));
        row("turned away (503) since the machine was too busy", self.turned_away as f64, "", None);
    }
}

/// Microseconds of processor time that an answer took the server.
fn measured(server: &Server, load: &Load, until: Until, amiss: &mut Amiss) -> io::Result<f64> {
    let before = server.cpu_us();
    let outcome = load.run(until)?;
    amiss.add(&outcome);
    Ok((server.cpu_us() - before) / outcome.answers as f64)
}

fn begin(first: u64) -> impl Fn(u64, &mut Vec<u8>) {
    move |at, request| {
        let (to, from) = (number(dialled(at, NUMBERS)), 15_550_000_000 + mix(!at) % 10_000_000);
        let id = call_id(first + at);
        let body = format!(r#"{{"to":"+{to}","from":"+{from}","callId":"{id}"}}"#);
        post(request, "/v1/calls", &body);
    }
}

fn end(first: u64) -> impl Fn(u64, &mut Vec<u8>) {
    move |at, request| {
        let body = r#"{"outcome":"completed","durationSeconds":61.5}"#;
        post(request, &format!("/v1/calls/{}/end", call_id(first + at)), body);
    }
}

fn post(request: &mut Vec<u8>, path: &str, body: &str) {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n");
    write(request, format_args!("{head}Content-Length: {length}\r\n\r\n{body}"));
}

fn call_id(at: u64) -> String {
    format!("{:016x}{at:016x}", mix(at))
}

fn answer_bytes(address: SocketAddr) -> io::Result<usize> {
    let seen = Rc::new(std::cell::Cell::new(0));
    let see = Rc::clone(&seen);
    let right = move |_: u64, _: u16, body: &[u8]| {
        see.set(body.len());
        true
    };
    Load { to: address, connections: 1, request: Rc::new(ask(NUMBERS, "%2B")), right: Rc::new(right) }
        .run(Until::Sent(1))?;
    Ok(seen.get())
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The median of the ratios, round by round.
fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(of.iter().zip(to).map(|(of, to)| of / to).collect())
}
