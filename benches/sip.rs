//! SIP: what a redirected call costs, beside Kamailio and beside the least it could cost, and what a flood of garbage does.
//!
//! `cargo bench --bench sip`. A message is read in this process. Calls (`INVITE`, `302`, `ACK`) are made over UDP, 10,000 a
//! second, by one socket; servers take turns, five rounds, and are measured by the processor time they took for a call.
//! Ratios are medians of the ratios of the rounds. `kamailio` is measured where it is on the path.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints and may fail"
)]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "kit/folder.rs"]
mod folder;
#[path = "kit/kamailio.rs"]
mod kamailio;
#[path = "kit/process.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod process;
#[path = "kit/report.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod report;
#[path = "kit/router.rs"]
#[expect(dead_code, reason = "other benches take the rest of it")]
mod router;

use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use cordboard::gateways::sip::message::Index;
use cordboard::gateways::sip::request::Request;
use process::Server;
use report::{head, mix, nanos, row};
use router::Router;

const NUMBERS: u64 = 100_000;
const ROUNDS: usize = 5;
const CALLS_A_SECOND: u64 = 10_000;
/// Calls of a round.
const CALLS: u64 = 40_000;

fn main() -> io::Result<()> {
    if env::args().any(|argument| argument == "floor") {
        return floor(&env::args().next_back().expect("where to say the port"));
    }
    reading();
    let scratch = tempfile::tempdir()?;
    let scratch = scratch.path();
    folder::write(NUMBERS, &scratch.join("config"))?;
    fs::write(
        scratch.join("config/cordboard.toml"),
        "[listen]\nsip = \"127.0.0.1:0\"\n[probes]\nenabled = false\n",
    )?;
    let router = Router::start(scratch)?;
    let told: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(scratch.join("data/addresses.json"))?)?;
    let sip = told["sip"].as_str().and_then(|at| at.parse().ok()).expect("it speaks SIP");
    calls(scratch, &router.server, sip)?;
    garbage(&router, sip)
}

/// One message, in this process.
fn reading() {
    head("An INVITE of 1 KB with a body");
    let body = "x".repeat(420);
    let invite = format!(
        "INVITE sip:+14155550100@cordboard.example;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-524287-1---9d3f2c1b;rport\r\n\
         Max-Forwards: 70\r\nContact: <sip:gw@192.0.2.1:5060>\r\n\
         To: <sip:+14155550100@cordboard.example>\r\nFrom: \"A Caller\" <sip:+14155550199@gw.example.com>;tag=5f3a\r\n\
         Call-ID: 9d3f2c1b-5f3a-4e2a-8c8e-3d2f1a0b9c8d@192.0.2.1\r\nCSeq: 1 INVITE\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nSupported: replaces, timer\r\nUser-Agent: bench\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut index = Index::default();
    let read = nanos(100_000, |_| {
        black_box(index.read(black_box(invite.as_bytes())).is_ok());
    });
    row(&format!("index over {} bytes", invite.len()), read, "ns", Some(1_000.0));
    let whole = nanos(100_000, |_| {
        let message = index.read(black_box(invite.as_bytes())).expect("a request");
        black_box(Request::of(message, &message.ends()).is_ok());
    });
    row("the same, and found to be of good form", whole, "ns", None);
}

/// What a round came to.
struct Round {
    us: f64,
    unanswered: u64,
    dropped: u64,
}

/// Calls over UDP, beside Kamailio and the floor.
fn calls(scratch: &Path, router: &Server, at: SocketAddr) -> io::Result<()> {
    head(&format!("A redirected call, {NUMBERS} numbers, {CALLS_A_SECOND} calls a second"));
    let told = scratch.join("floor");
    let least = Server::start(Command::new(env::current_exe()?).arg("floor").arg(&told))?;
    let kamailio = kamailio::start(scratch, NUMBERS)?;
    let deadline = Instant::now() + Duration::from_secs(60);
    let floor_at = loop {
        if let Some(at) = fs::read_to_string(&told).ok().and_then(|text| text.trim().parse().ok()) {
            break at;
        }
        assert!(Instant::now() < deadline, "the floor has not begun");
        thread::sleep(Duration::from_millis(10));
    };
    if let Some((_, at)) = &kamailio {
        while !is_taken(at.port()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
    }
    let (mut ours, mut floors, mut peers) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..ROUNDS as u64 {
        ours.push(drive(router, at, seed)?);
        floors.push(drive(&least, floor_at, seed)?);
        if let Some((server, at)) = &kamailio {
            peers.push(drive(server, *at, seed)?);
        }
    }
    let median = |rounds: &[Round]| middle(rounds.iter().map(|round| round.us).collect());
    let ratio = |to: &[Round]| middle(ours.iter().zip(to).map(|(one, other)| one.us / other.us).collect());
    row("CPU of the router", median(&ours), "µs", None);
    row("datagrams dropped at its sockets", total(&ours, |round| round.dropped), "", Some(0.0));
    row("calls of it that nobody answered", total(&ours, |round| round.unanswered), "", Some(0.0));
    row("CPU of a loop that copies five headers", median(&floors), "µs", None);
    row("the router against that loop", ratio(&floors), "x", None);
    if peers.is_empty() {
        println!("kamailio is not installed: no comparison");
        return Ok(());
    }
    row("CPU of Kamailio", median(&peers), "µs", None);
    row("the router against Kamailio", ratio(&peers), "x", Some(1.0 / 3.0));
    Ok(())
}

fn middle(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn total(rounds: &[Round], of: impl Fn(&Round) -> u64) -> f64 {
    rounds.iter().map(of).sum::<u64>() as f64
}

/// Makes the calls of a round.
fn drive(server: &Server, at: SocketAddr, seed: u64) -> io::Result<Round> {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0")?);
    socket.connect(at)?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    let answered = Arc::new(AtomicU64::new(0));
    let listening = {
        let (socket, answered) = (Arc::clone(&socket), Arc::clone(&answered));
        thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(len) = socket.recv(&mut bytes) {
                let text = std::str::from_utf8(&bytes[..len]).unwrap_or_default();
                if !text.starts_with("SIP/2.0 302") {
                    continue;
                }
                answered.fetch_add(1, Relaxed);
                let lines = text.lines().filter(|line| {
                    ["Via", "From", "To", "Call-ID"].iter().any(|name| line.starts_with(name))
                });
                let mut ack = "ACK sip:a@h SIP/2.0\r\n".to_owned();
                for line in lines {
                    ack.push_str(line);
                    ack.push_str("\r\n");
                }
                ack.push_str("CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
                let _ = socket.send(ack.as_bytes());
            }
        })
    };
    let (before, lost, begun) = (server.cpu_us(), drops(at.port()), Instant::now());
    for n in 0..CALLS {
        let due = Duration::from_micros(n * 1_000_000 / CALLS_A_SECOND);
        if let Some(left) = due.checked_sub(begun.elapsed()).filter(|left| left.as_micros() > 500) {
            thread::sleep(left);
        }
        let draw = mix(seed << 32 | n);
        let number = 14_000_000_000 + 7 * (draw % NUMBERS);
        let id = seed << 32 | n;
        let invite = format!(
            "INVITE sip:+{number}@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-{id}\r\n\
             From: <sip:+1555{caller:07}@{local}>;tag=c{id}\r\nTo: <sip:+{number}@{at}>\r\nCall-ID: {id}-{port}@127.0.0.1\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:gw@{local}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            local = socket.local_addr()?,
            caller = draw >> 40,
            port = socket.local_addr()?.port(),
        );
        socket.send(invite.as_bytes())?;
    }
    listening.join().expect("it listened");
    let us = (server.cpu_us() - before) / CALLS as f64;
    Ok(Round { us, unanswered: CALLS - answered.load(Relaxed).min(CALLS), dropped: drops(at.port()) - lost })
}

/// Whether somebody takes datagrams at a port; to try it by binding would take it from who is about to.
fn is_taken(port: u16) -> bool {
    !drops_of_each(port).is_empty()
}

/// Datagrams that the kernel has dropped at the sockets of a port.
fn drops(port: u16) -> u64 {
    drops_of_each(port).into_iter().sum()
}

/// The same, socket by socket.
fn drops_of_each(port: u16) -> Vec<u64> {
    let sockets = fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let of_port =
        |line: &&str| line.split_whitespace().nth(1).is_some_and(|at| at.ends_with(&format!(":{port:04X}")));
    let lines = sockets.lines().skip(1).filter(of_port);
    lines.filter_map(|line| line.split_whitespace().last()?.parse().ok()).collect()
}

/// The least a redirect server could do: the five headers back, and three lines of its own.
fn floor(told: &str) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    fs::write(told, socket.local_addr()?.to_string())?;
    let (mut bytes, mut out) = ([0; 65_536], Vec::new());
    loop {
        let (len, from) = socket.recv_from(&mut bytes)?;
        if bytes.starts_with(b"ACK") {
            continue;
        }
        out.clear();
        out.extend_from_slice(b"SIP/2.0 302 Moved Temporarily\r\n");
        for line in std::str::from_utf8(&bytes[..len]).unwrap_or_default().split("\r\n") {
            if ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)) {
                out.extend_from_slice(line.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
        out.extend_from_slice(
            b"Contact: <sip:a@10.0.0.1:5060>\r\nX-Agent-Version: 3\r\nContent-Length: 0\r\n\r\n",
        );
        socket.send_to(&out, from)?;
    }
}

/// How long decisions take while somebody else sends garbage as fast as he can.
fn garbage(router: &Router, at: SocketAddr) -> io::Result<()> {
    head("Decisions of calls by SIP beside a flood of garbage");
    let mut ratios = Vec::new();
    let (mut calm, mut flooded) = (0.0, 0.0);
    for seed in 100..100 + ROUNDS as u64 {
        calm = decisions(router, || drive(&router.server, at, seed).map(drop))?;
        let over = Arc::new(AtomicBool::new(false));
        let flood = {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
                let mut sent = 0_u64;
                while !over.load(Relaxed) {
                    let mut garbage = [0_u8; 512];
                    for (piece, n) in garbage.chunks_exact_mut(8).zip(sent..) {
                        piece.copy_from_slice(&mix(n).to_le_bytes());
                    }
                    let _ = socket.send_to(&garbage, at);
                    sent += 64;
                    if sent.is_multiple_of(640) {
                        thread::sleep(Duration::from_micros(100));
                    }
                }
            })
        };
        flooded = decisions(router, || drive(&router.server, at, seed + 1_000).map(drop))?;
        over.store(true, Relaxed);
        flood.join().expect("it flooded");
        ratios.push(flooded / calm);
    }
    row("a decision, calm", calm, "µs", None);
    row("a decision beside garbage", flooded, "µs", None);
    row("the second against the first", middle(ratios), "x", Some(1.5));
    Ok(())
}

/// The mean time of the decisions that are made meanwhile, in microseconds.
fn decisions(router: &Router, meanwhile: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let before = decided(router.admin)?;
    meanwhile()?;
    let after = decided(router.admin)?;
    Ok((after.0 - before.0) / (after.1 - before.1).max(1.0) * 1e6)
}

/// The sum and the count of `cordboard_decision_seconds` of calls by SIP.
fn decided(admin: SocketAddr) -> io::Result<(f64, f64)> {
    let mut stream = TcpStream::connect(admin)?;
    stream.write_all(
        format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    let sum = |family: &str| {
        let of_sip = |line: &&str| line.starts_with(family) && line.contains("gateway=\"sip:");
        page.lines()
            .filter(of_sip)
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum::<f64>()
    };
    Ok((sum("cordboard_decision_seconds_sum"), sum("cordboard_decision_seconds_count")))
}
