//! Kamailio for real: SIPp calls, Kamailio asks the router by the configurations that are shipped, SIPp takes the calls.

use std::collections::HashMap;
use std::fs::{self, File};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::format_description;

use super::skipped::skip;
use super::world::{AT_LIVE, CALLER, PATIENCE, World};

/// Who takes calls that Kamailio could ask nobody about.
const FALLBACK: &str = "fallback";

/// How Kamailio asks.
#[derive(Clone, Copy)]
enum By {
    Sip,
    Http,
}

/// A router with runtimes for two versions behind it and Kamailio in front.
struct Exchange {
    world: World,
    /// Where all runtimes listen, each on an address of its own.
    port: u16,
    kamailio: SocketAddr,
    folder: TempDir,
    processes: Vec<Child>,
}

/// A call, as SIPp has seen it.
#[derive(Default, Debug)]
struct Call {
    /// When the caller sent its first INVITE, and when it was answered.
    sent: String,
    answered: String,
    /// Which runtimes had its INVITE, and which its BYE.
    begun: Vec<String>,
    ended: Vec<String>,
}

fn is_here(program: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// A port that is free at every address.
fn free_port() -> u16 {
    UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

/// Whether somebody takes datagrams there; to try it by binding would take the address from who is about to.
fn is_taken(at: SocketAddr) -> bool {
    let SocketAddr::V4(at) = at else { return false };
    let local = format!(" {:08X}:{:04X} ", u32::from_le_bytes(at.ip().octets()), at.port());
    fs::read_to_string("/proc/net/udp").unwrap().contains(&local)
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// This moment, as SIPp writes it.
fn now() -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");
    OffsetDateTime::now_utc().format(&format).unwrap()
}

impl Exchange {
    /// Nothing where the programs are missing, which is said.
    fn new(law: &str, by: By, patience_ms: u32) -> Option<Self> {
        let trunk = "[[trunk]]\nname = \"kamailio\"\nkind = \"kamailio\"\naddresses = [\"127.0.0.1\"]\n";
        Self::with(law, by, patience_ms, trunk, "runtime.xml")
    }

    /// The same with these trunks, and runtimes that do this.
    fn with(law: &str, by: By, patience_ms: u32, trunks: &str, runtime: &str) -> Option<Self> {
        if let Some(missing) = ["kamailio", "sipp"].into_iter().find(|program| !is_here(program)) {
            skip(law, &format!("{missing} is not installed"));
            return None;
        }
        let port = free_port();
        let world = World::example().with_variable("CORDBOARD_SIP", "127.0.0.1:0");
        let agent = world.text("agents/sales/agent.toml");
        let endpoints = format!("endpoints = [{{ uri = \"sip:{{agent}}@127.0.0.1{{version}}:{port}\" }}]");
        let lines = agent.lines().map(|line| if line.starts_with("endpoints") { &endpoints } else { line });
        let settings = world.text("cordboard.toml");
        let world = world
            .with("agents/sales/agent.toml", &lines.collect::<Vec<_>>().join("\n"))
            .with("cordboard.toml", &format!("{settings}\n{trunks}"))
            .with_variable("CORDBOARD_PROBES_ENABLED", "false")
            .running();
        let kamailio = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let folder = TempDir::new().unwrap();
        let mut exchange = Self { world, port, kamailio, folder, processes: Vec::new() };
        for (name, host) in [("1", 11), ("2", 12), (FALLBACK, 19)] {
            let scenario = if name == FALLBACK { "runtime.xml" } else { runtime };
            exchange.runtime(name, scenario, SocketAddr::from(([127, 0, 0, host], port)));
        }
        exchange.kamailio(by, patience_ms);
        Some(exchange)
    }

    fn runtime(&mut self, name: &str, scenario: &str, at: SocketAddr) {
        let mut sipp = self.sipp(name, scenario, at);
        self.started(sipp.spawn().unwrap(), at);
    }

    fn sipp(&self, name: &str, scenario: &str, at: SocketAddr) -> Command {
        let mut sipp = Command::new("sipp");
        sipp.arg("-sf").arg(file("tests/laws/kamailio").join(scenario)).args([
            "-nostdin",
            "-trace_msg",
            "-message_file",
        ]);
        sipp.arg(self.trace_of(name)).args(["-i", &at.ip().to_string(), "-p", &at.port().to_string()]);
        sipp.current_dir(self.folder.path()).env("TZ", "UTC").stdin(Stdio::null());
        let out = File::create(self.folder.path().join(format!("{name}.out"))).unwrap();
        sipp.stderr(out.try_clone().unwrap()).stdout(out);
        sipp
    }

    fn trace_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.messages"))
    }

    fn kamailio(&mut self, by: By, patience_ms: u32) {
        let addresses: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(self.world.addresses()).unwrap()).unwrap();
        let (config, cordboard, patience) = match by {
            By::Sip => ("redirect.cfg", format!("sip:{}", addresses["sip"].as_str().unwrap()), patience_ms),
            By::Http => {
                let calls = self.world.calls_address();
                (
                    "http.cfg",
                    format!("http://{calls}/gateways/kamailio/kamailio"),
                    patience_ms.div_ceil(1_000),
                )
            }
        };
        let log = File::create(self.folder.path().join("kamailio.out")).unwrap();
        let define = |name: &str, value: &str| ["-A".to_owned(), format!("{name}={value}")];
        let child = Command::new("kamailio")
            .arg("-f")
            .arg(file("config/gateways/kamailio").join(config))
            .args(define("CORDBOARD", &format!("{cordboard:?}")))
            .args(define("LISTEN", &format!("udp:{}", self.kamailio)))
            .args(define("FALLBACK", &format!("\"sip:queue@127.0.0.19:{}\"", self.port)))
            .args(define("PATIENCE", &patience.to_string()))
            .args(["-DD", "-E", "-m", "64", "-M", "16", "-Y"])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let at = self.kamailio;
        self.started(child, at);
    }

    /// Takes a process in, once it listens.
    fn started(&mut self, mut child: Child, at: SocketAddr) {
        let deadline = Instant::now() + PATIENCE;
        while !is_taken(at) {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "not listening at {at}: {}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
        self.processes.push(child);
    }

    /// What the programs have said, for a failure.
    fn said(&self) -> String {
        let names = ["kamailio", "1", "2", FALLBACK, "caller"];
        let text = |name: &&str| {
            fs::read_to_string(self.folder.path().join(format!("{name}.out"))).unwrap_or_default()
        };
        names.iter().map(text).map(|text| text.chars().take(3_000).collect::<String>()).collect()
    }

    /// Has so many calls made, so many a second.
    fn calls(&self, count: u32, rate: u32) -> Child {
        self.calls_as("caller.xml", count, rate)
    }

    fn calls_as(&self, scenario: &str, count: u32, rate: u32) -> Child {
        let numbers = self.folder.path().join("numbers.csv");
        fs::write(&numbers, format!("SEQUENTIAL\n{AT_LIVE};{CALLER}\n")).unwrap();
        let mut sipp = self.sipp("caller", scenario, SocketAddr::from(([127, 0, 0, 1], free_port())));
        sipp.arg("-inf").arg(numbers).args(["-r", &rate.to_string(), "-m", &count.to_string()]);
        sipp.args(["-timeout", "120s", "-timeout_error"]).arg(self.kamailio.to_string()).spawn().unwrap()
    }

    /// Waits until a runtime has had so many calls.
    fn until_had(&self, runtime: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        let had = || {
            fs::read_to_string(self.trace_of(runtime)).map_or(0, |text| text.matches("\nINVITE sip:").count())
        };
        while had() < count {
            assert!(
                Instant::now() < deadline,
                "{} of {count} calls came to {runtime}: {}",
                had(),
                self.said()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until all calls are over, none of which may have failed.
    fn all_well(&self, mut calls: Child) {
        let status = calls.wait().unwrap();
        assert!(status.success(), "calls failed ({status}): {}", self.said());
    }

    /// What was seen of each call, by its id.
    fn seen(&self) -> HashMap<String, Call> {
        let mut calls: HashMap<String, Call> = HashMap::new();
        for name in ["caller", "1", "2", FALLBACK] {
            let trace = fs::read_to_string(self.trace_of(name)).unwrap_or_default();
            for (at, is_received, message) in messages(&trace) {
                let value = |header: &str| {
                    message.lines().find_map(|line| line.strip_prefix(header)?.strip_prefix(": "))
                };
                let Some(id) = value("Call-ID") else { continue };
                let call = calls.entry(id.to_owned()).or_default();
                match (name, message.split(' ').next(), is_received) {
                    ("caller", Some("INVITE"), false) if call.sent.is_empty() => call.sent = at.to_owned(),
                    ("caller", Some("SIP/2.0"), true)
                        if message.starts_with("SIP/2.0 200") && call.answered.is_empty() =>
                    {
                        call.answered = at.to_owned();
                    }
                    ("caller", ..) => {}
                    (_, Some("INVITE"), true) => {
                        let told = value("X-Agent-Version").unwrap_or(FALLBACK);
                        assert_eq!(told, name, "{message}");
                        if !call.begun.contains(&name.to_owned()) {
                            call.begun.push(name.to_owned());
                        }
                    }
                    (_, Some("BYE"), true) if !call.ended.contains(&name.to_owned()) => {
                        call.ended.push(name.to_owned());
                    }
                    _ => {}
                }
            }
        }
        calls
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        for child in &mut self.processes {
            // Kamailio has its children end with it.
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
            drop(child.wait());
        }
    }
}

/// The messages of a trace: when, whether it was received, the text.
fn messages(trace: &str) -> impl Iterator<Item = (&str, bool, &str)> {
    let pieces = trace.split("----------------------------------------------- ").skip(1);
    pieces.filter_map(|piece| {
        let (at, rest) = piece.split_once('\n')?;
        let (how, message) = rest.split_once("\n\n")?;
        Some((at.trim(), how.contains("received"), message))
    })
}

/// In the middle of 2,000 calls another version becomes live.
fn a_rollback_moves_new_calls_and_no_others(law: &str, by: By) {
    // Machines that test are busy: what is late here is not lost.
    let Some(exchange) = Exchange::new(law, by, 20_000) else { return };
    let calls = exchange.calls(2_000, 200);
    exchange.until_had("1", 700);
    let (before, revision) = (now(), exchange.world.revision());
    exchange.world.put_live("V2");
    exchange.world.until("the other version is live", |world| world.revision() > revision);
    let after = now();
    exchange.all_well(calls);

    let seen = exchange.seen();
    assert_eq!(seen.len(), 2_000);
    let mut of_each = HashMap::<&str, usize>::new();
    for (id, call) in &seen {
        assert_eq!(call.begun.len(), 1, "{id} began once: {call:?}");
        assert_eq!(call.ended, call.begun, "{id} ends where it began");
        let version = call.begun[0].as_str();
        *of_each.entry(version).or_default() += 1;
        if call.answered < before {
            assert_eq!(version, "1", "{id} was answered before the rollback: {call:?}");
        }
        if call.sent > after {
            assert_eq!(version, "2", "{id} began after the rollback: {call:?}");
        }
    }
    assert!(of_each["1"] >= 700 && of_each["2"] >= 500, "{of_each:?}");
    assert_eq!(of_each.get(FALLBACK), None);
}

/// The router is killed, and started a second later.
fn without_a_router_calls_go_to_the_fallback(law: &str, by: By) {
    let Some(mut exchange) = Exchange::new(law, by, 400) else { return };
    // It comes back where it was.
    let addresses: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(exchange.world.addresses()).unwrap()).unwrap();
    let sip = addresses["sip"].as_str().unwrap().to_owned();
    let calls = exchange.calls(600, 100);
    exchange.until_had("1", 100);
    exchange.world.kill_9();
    let killed = now();
    thread::sleep(Duration::from_secs(1));
    let restarting = now();
    exchange.world.start_at(&sip);
    let back = now();
    exchange.all_well(calls);

    let seen = exchange.seen();
    assert_eq!(seen.len(), 600);
    let mut fell = 0;
    for (id, call) in &seen {
        // A call of which Cordboard's answer came late has rung at both; it goes on with one.
        assert_eq!(call.ended.len(), 1, "{id} ends once: {call:?}");
        if call.sent > killed && call.sent < restarting {
            assert_eq!(call.ended, [FALLBACK], "{id}: {call:?}");
            fell += 1;
        }
    }
    let later = seen.values().filter(|call| call.sent > back && call.ended == ["1"]).count();
    assert!(fell > 50, "in a second there are 100 calls: {fell}");
    assert!(later > 0, "and then the router is asked again");
}

#[test]
fn a_rollback_amid_calls_that_kamailio_asks_about_by_sip_moves_new_ones_and_no_others() {
    a_rollback_moves_new_calls_and_no_others("a rollback amid calls by Kamailio's SIP", By::Sip);
}

#[test]
fn a_rollback_amid_calls_that_kamailio_asks_about_by_http_moves_new_ones_and_no_others() {
    a_rollback_moves_new_calls_and_no_others("a rollback amid calls by Kamailio's HTTP", By::Http);
}

#[test]
fn kamailio_sends_calls_elsewhere_while_the_router_it_asks_by_sip_is_gone() {
    without_a_router_calls_go_to_the_fallback("a killed router behind Kamailio's SIP", By::Sip);
}

#[test]
fn kamailio_sends_calls_elsewhere_while_the_router_it_asks_by_http_is_gone() {
    without_a_router_calls_go_to_the_fallback("a killed router behind Kamailio's HTTP", By::Http);
}

/// The router knows nothing of this Kamailio: that is no answer about a call.
fn a_stranger_to_the_router_uses_the_fallback(law: &str, by: By, trunks: &str) {
    let Some(exchange) = Exchange::with(law, by, 20_000, trunks, "runtime.xml") else { return };
    exchange.all_well(exchange.calls(20, 20));
    let seen = exchange.seen();
    assert_eq!(seen.len(), 20);
    assert!(seen.values().all(|call| call.begun == [FALLBACK] && call.ended == [FALLBACK]), "{seen:?}");
}

#[test]
fn a_trunk_that_the_router_does_not_have_turns_no_call_away() {
    a_stranger_to_the_router_uses_the_fallback("a misspelt trunk behind Kamailio's HTTP", By::Http, "");
}

#[test]
fn a_source_that_the_router_does_not_know_turns_no_call_away() {
    let trunks = "[[trunk]]\nname = \"default\"\naddresses = [\"192.0.2.1\"]\n";
    a_stranger_to_the_router_uses_the_fallback("an unlisted Kamailio that asks by SIP", By::Sip, trunks);
}

#[test]
fn a_call_that_its_runtime_refuses_is_over_for_the_router_too() {
    let trunk = "[[trunk]]\nname = \"kamailio\"\nkind = \"kamailio\"\naddresses = [\"127.0.0.1\"]\n";
    let law = "calls that runtimes refuse behind Kamailio's HTTP";
    let Some(exchange) = Exchange::with(law, By::Http, 20_000, trunk, "busy.xml") else { return };
    exchange.all_well(exchange.calls_as("refused.xml", 20, 20));
    let of_trunk = "gateway=\"kamailio:kamailio\"";
    exchange.world.until("all are over", |world| {
        let ended = ["outcome=\"failed\"", of_trunk];
        world.metric("cordboard_calls_ended_total", &ended) == 20.0
            && world.metric("cordboard_calls_in_progress", &[of_trunk]) == 0.0
    });
}
