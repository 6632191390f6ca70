//! SIP at real sockets: datagrams, connections, TLS, and what becomes of those who misbehave.

use std::collections::HashSet;
use std::io::{ErrorKind, Read as _, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::http::{connect, connect_from, secure_as};
use super::tls::Authority;
use super::world::{AT_LIVE, NOBODYS, PATIENCE, PINNED_TO_V1, World};

/// A moment in which nothing is expected to come.
const NOTHING: Duration = Duration::from_millis(300);

pub fn world() -> World {
    World::example().with_variable("CORDBOARD_SIP", "127.0.0.1:0")
}

/// Where a running world speaks SIP.
pub fn spoken(world: &World) -> SocketAddr {
    let addresses: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(world.addresses()).unwrap()).unwrap();
    addresses["sip"].as_str().unwrap().parse().unwrap()
}

/// A gateway at a socket of its own.
pub struct Caller(UdpSocket);

impl Caller {
    pub fn at(from: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    pub fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST)
    }

    /// Where it is answered.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub fn send(&self, to: SocketAddr, message: impl AsRef<[u8]>) {
        self.0.send_to(message.as_ref(), to).unwrap();
    }

    /// What comes next.
    pub fn hear(&self) -> String {
        let mut bytes = [0; 65_536];
        let len = self.0.recv(&mut bytes).expect("an answer");
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    pub fn ask(&self, to: SocketAddr, message: impl AsRef<[u8]>) -> String {
        self.send(to, message);
        self.hear()
    }

    /// That nothing comes.
    pub fn hears_nothing(&self) {
        self.0.set_read_timeout(Some(NOTHING)).unwrap();
        let heard = self.0.recv(&mut [0; 65_536]);
        let kind = heard.expect_err("nothing was to come").kind();
        assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind}");
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

/// A request of good form; each has to be told from the others by `id`.
pub fn request(method: &str, number: &str, id: &str) -> String {
    format!(
        "{method} sip:{number}@cordboard.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{id}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:+14155550199@gw.example.com>;tag=f{id}\r\n\
         To: <sip:{number}@cordboard.example>\r\n\
         Call-ID: {id}@gw.example.com\r\n\
         CSeq: 7 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn header<'t>(text: &'t str, name: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn code(text: &str) -> &str {
    text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)).unwrap_or_else(|| panic!("{text}"))
}

/// The version that an answer names, as a header and as a parameter of where it leads.
fn version(text: &str) -> String {
    assert_eq!(code(text), "302", "{text}");
    let version = header(text, "X-Agent-Version");
    assert!(header(text, "Contact").contains(&format!(";ver={version}")), "{text}");
    version.to_owned()
}

/// Everything that comes until the other end closes.
fn heard_to_the_end(mut from: TcpStream) -> String {
    from.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What has come once so many answers are whole.
fn answers(from: &mut TcpStream, count: usize) -> String {
    from.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = String::new();
    while text.matches("Content-Length: 0\r\n\r\n").count() < count {
        let mut bytes = [0; 4_096];
        let len = from.read(&mut bytes).unwrap();
        assert!(len > 0, "closed after {text}");
        text.push_str(std::str::from_utf8(&bytes[..len]).unwrap());
    }
    text
}

#[test]
fn an_invite_is_led_to_its_version_and_told_the_same_again_whatever_changed() {
    let world = world().running();
    let (at, caller) = (spoken(&world), Caller::new());
    let first = caller.ask(at, request("INVITE", AT_LIVE, "one"));
    let before = version(&first);
    let revision = world.revision();
    world.put_live(if before == "1" { "V2" } else { "V1" });
    world.until("another version is live", |world| world.revision() > revision);
    assert_eq!(caller.ask(at, request("INVITE", AT_LIVE, "one")), first, "it came again");
    assert_ne!(version(&caller.ask(at, request("INVITE", AT_LIVE, "two"))), before);
    caller.send(at, request("ACK", AT_LIVE, "one"));
    caller.hears_nothing();
    assert_eq!(code(&caller.ask(at, request("CANCEL", AT_LIVE, "one"))), "200");
    assert_eq!(code(&caller.ask(at, request("CANCEL", AT_LIVE, "three"))), "481");
    assert_eq!(code(&caller.ask(at, request("INVITE", NOBODYS, "four"))), "404");
    assert_eq!(code(&caller.ask(at, request("OPTIONS", AT_LIVE, "five"))), "200");

    let trunk = ["trunk=\"default\""];
    let count = |family: &str, label: &str| world.metric(family, &[trunk[0], label]);
    assert_eq!(count("cordboard_sip_requests_total", "method=\"INVITE\""), 4.0);
    assert_eq!(count("cordboard_sip_requests_total", "method=\"ACK\""), 1.0);
    assert_eq!(count("cordboard_sip_answers_total", "code=\"302\""), 3.0);
    assert_eq!(count("cordboard_sip_answers_total", "code=\"404\""), 1.0);
    assert_eq!(world.metric("cordboard_sip_retransmissions_total", &trunk), 1.0);
    assert_eq!(world.metric("cordboard_sip_answer_seconds_count", &trunk), 7.0);
    assert_eq!(world.metric("cordboard_sip_socket_drops_total", &[]), 0.0);
    let begun = world.metric("cordboard_calls_started_total", &["gateway=\"sip:default\""]);
    assert_eq!(begun, 2.0, "a call that comes again is one call");
}

#[test]
fn a_call_that_came_by_sip_is_ended_over_http() {
    let world = world().running();
    version(&Caller::new().ask(spoken(&world), request("INVITE", PINNED_TO_V1, "ending")));
    let end = serde_json::json!({"gateway": "sip:default", "outcome": "completed", "durationSeconds": 3});
    let mut gateway = super::http::Client::new(world.calls_address()).with_key(&world.key());
    gateway.post("/v1/calls/ending@gw.example.com/end", &end).must(200);
    let labels = ["gateway=\"sip:default\"", "outcome=\"completed\""];
    assert_eq!(world.metric("cordboard_calls_ended_total", &labels), 1.0);
}

#[test]
fn an_answer_goes_where_the_request_came_from_whatever_its_via_says() {
    let world = world().running();
    let (at, caller, other) = (spoken(&world), Caller::new(), Caller::new());
    let elsewhere = format!("127.0.0.1:{}", other.0.local_addr().unwrap().port());
    let invite = request("INVITE", PINNED_TO_V1, "via");
    let text = caller.ask(at, invite.replace("127.0.0.1;rport", "192.0.2.7:9;rport;maddr=127.0.0.1"));
    assert!(header(&text, "Via").contains(";received=127.0.0.1"), "{text}");
    // Without rport the port is that of the Via (RFC 3261), but never another host.
    caller.send(at, request("INVITE", PINNED_TO_V1, "port").replace("127.0.0.1;rport", &elsewhere));
    assert_eq!(code(&other.hear()), "302");
    caller.hears_nothing();
}

#[test]
fn a_connection_is_answered_message_by_message_however_it_is_cut() {
    let world = world().running();
    let mut stream = connect(spoken(&world)).unwrap();
    let both = format!(
        "\r\n\r\n{}{}",
        request("INVITE", PINNED_TO_V1, "t1")
            .replace("/UDP", "/TCP")
            .replace("Length: 0\r\n\r\n", "Length: 4\r\n\r\nbody"),
        request("OPTIONS", PINNED_TO_V1, "t2").replace("/UDP", "/TCP")
    );
    stream.write_all(both.as_bytes()).unwrap();
    let text = answers(&mut stream, 2);
    let text = text.strip_prefix("\r\n").expect("the ping is answered first");
    assert_eq!(version(text), "1");
    assert_eq!(text.matches("SIP/2.0 200 OK").count(), 1);
    for byte in request("INVITE", PINNED_TO_V1, "t3").bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!(version(&answers(&mut stream, 1)), "1");
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(heard_to_the_end(stream), "");
}

#[test]
fn a_stream_whose_next_message_nobody_finds_is_answered_and_closed() {
    let world = world().running();
    let at = spoken(&world);
    let bad =
        request("INVITE", PINNED_TO_V1, "cut").replace("Content-Length: 0", "Content-Length: 1\r\nl: 2");
    let mut stream = connect(at).unwrap();
    stream.write_all(bad.as_bytes()).unwrap();
    assert_eq!(code(&heard_to_the_end(stream)), "400");
    let mut stream = connect(at).unwrap();
    let sent = stream.write_all(&[b'x'; 70_000]);
    drop(sent);
    let mut rest = Vec::new();
    // Closed with or without what was on the way.
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(rest, b"");
    world.until("it is counted", |world| {
        world.metric("cordboard_sip_malformed_total", &["trunk=\"default\""]) >= 2.0
    });
}

#[test]
fn who_sends_half_a_message_or_nothing_is_cut_off_and_others_are_answered_meanwhile() {
    let world = world().with_variable("CORDBOARD_LIMITS_HEADER_SECONDS", "1").running();
    let at = spoken(&world);
    let mut half: Vec<TcpStream> = (0..200).map(|_| connect(at).unwrap()).collect();
    for (n, stream) in half.iter_mut().enumerate() {
        let begin = if n % 2 == 0 { "INVITE sip:+1" } else { "" };
        stream.write_all(begin.as_bytes()).unwrap();
    }
    assert_eq!(version(&Caller::new().ask(at, request("INVITE", PINNED_TO_V1, "meanwhile"))), "1");
    for stream in half {
        assert_eq!(heard_to_the_end(stream), "");
    }
    world.until("their places are given back", |world| {
        world.metric("cordboard_connections_open", &["listener=\"sip\""]) == 0.0
    });
}

#[test]
fn one_more_connection_than_there_may_be_is_closed_and_datagrams_are_answered_all_the_same() {
    let world = world().with_variable("CORDBOARD_LIMITS_CONNECTIONS_MAX", "10").running();
    let at = spoken(&world);
    let _held: Vec<TcpStream> = (0..10)
        .map(|n| {
            let mut stream = connect(at).unwrap();
            stream.write_all(request("OPTIONS", PINNED_TO_V1, &format!("held{n}")).as_bytes()).unwrap();
            answers(&mut stream, 1);
            stream
        })
        .collect();
    assert_eq!(heard_to_the_end(connect(at).unwrap()), "");
    assert!(world.metric("cordboard_connections_turned_away_total", &["listener=\"sip\""]) >= 1.0);
    assert_eq!(version(&Caller::new().ask(at, request("INVITE", PINNED_TO_V1, "datagram"))), "1");
}

#[test]
fn garbage_is_counted_and_nobody_is_answered_by_it() {
    let world = world().running();
    let (at, caller) = (spoken(&world), Caller::new());
    let no_via = request("INVITE", PINNED_TO_V1, "novia").replace("Via:", "Viola:");
    let garbage: [&[u8]; 6] = [
        b"\0\0\0\0",
        b"\xff\xfe",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        no_via.as_bytes(),
        &[b'a'; 65_000],
    ];
    for bytes in garbage {
        caller.send(at, bytes);
    }
    caller.hears_nothing();
    let dropped = |reason: &str| {
        world.metric("cordboard_sip_dropped_total", &["trunk=\"default\"", &format!("reason=\"{reason}\"")])
    };
    assert_eq!((dropped("no_request"), dropped("unanswerable")), (4.0, 1.0));
    let text = caller.ask(at, request("INVITE", PINNED_TO_V1, "bad").replace("CSeq: 7 INVITE", "CSeq: many"));
    assert_eq!(code(&text), "400");
    assert!(text.lines().next().unwrap().contains("CSeq"), "the fault is named: {text}");
    assert_eq!(world.metric("cordboard_sip_malformed_total", &["trunk=\"default\""]), 5.0);
}

#[test]
fn an_invite_of_64_kb_with_a_hundred_vias_is_answered_whole() {
    let world = world().running();
    let vias: String =
        (1..100).map(|n| format!("Via: SIP/2.0/UDP 192.0.2.{n};branch=z9hG4bK{n}\r\n")).collect();
    let invite = request("INVITE", PINNED_TO_V1, "long")
        .replace("Max-Forwards: 70", &format!("{vias}Max-Forwards: 0"));
    let invite = invite.replace("Content-Length: 0\r\n\r\n", "");
    let body = "x".repeat(64_000 - invite.len());
    let text =
        Caller::new().ask(spoken(&world), format!("{invite}Content-Length: {}\r\n\r\n{body}", body.len()));
    assert_eq!(version(&text), "1");
    assert_eq!(text.lines().filter(|line| line.starts_with("Via: ")).count(), 100);
}

#[test]
fn every_worker_answers_and_each_sender_stays_with_one() {
    let world = world().with_variable("CORDBOARD_CALLS_WORKERS", "4").running();
    let at = spoken(&world);
    let callers: Vec<Caller> = (0..64).map(|_| Caller::new()).collect();
    for (n, caller) in callers.iter().enumerate() {
        caller.send(at, request("INVITE", PINNED_TO_V1, &format!("w{n}")));
    }
    let first: Vec<String> = callers.iter().map(Caller::hear).collect();
    let tags: HashSet<&str> = first.iter().map(|text| header(text, "To")).collect();
    assert_eq!(tags.len(), callers.len());
    for (n, (caller, first)) in callers.iter().zip(&first).enumerate() {
        assert_eq!(caller.ask(at, request("INVITE", PINNED_TO_V1, &format!("w{n}"))), *first);
    }
    assert_eq!(world.metric("cordboard_sip_retransmissions_total", &["trunk=\"default\""]), 64.0);
}

#[test]
fn a_router_that_leaves_sends_new_calls_elsewhere_and_repeats_what_it_said() {
    let mut world = world().running();
    let (at, caller) = (spoken(&world), Caller::new());
    let said = caller.ask(at, request("INVITE", PINNED_TO_V1, "before"));
    // Who goes on connecting keeps the router in the stage in which it is still answering.
    let calls = world.calls_address();
    let knocking = std::thread::spawn(move || {
        let deadline = Instant::now() + PATIENCE;
        while connect_from(Ipv4Addr::LOCALHOST, calls).is_ok() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    world.signal(Signal::TERM);
    let deadline = Instant::now() + PATIENCE;
    let mut n = 0;
    let refused = loop {
        n += 1;
        let text = caller.ask(at, request("INVITE", PINNED_TO_V1, &format!("leaving{n}")));
        if code(&text) == "503" {
            break text;
        }
        assert!(Instant::now() < deadline, "{text}");
    };
    assert_eq!(header(&refused, "Retry-After"), "30");
    assert_eq!(code(&caller.ask(at, request("OPTIONS", PINNED_TO_V1, "there"))), "503");
    assert_eq!(caller.ask(at, request("INVITE", PINNED_TO_V1, "before")), said);
    assert_eq!(world.wait().code(), 0);
    knocking.join().unwrap();
}

#[test]
fn a_port_that_somebody_has_is_named_and_nothing_is_left_behind() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let world = World::example();
    let ended = world.refused_with(&["--calls", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--sip", &at]);
    assert_eq!(ended.code(), 1);
    assert!(
        ended.err.contains(&format!("cannot listen on {at}")) && ended.err.contains("in use"),
        "{}",
        ended.err
    );
    assert!(!world.data().exists());
}

#[test]
fn who_is_on_no_list_hears_nothing_by_datagram_and_no_on_a_connection() {
    let trunk = "[[trunk]]\nname = \"carrier\"\naddresses = [\"127.0.0.2\"]\n";
    let world = world().with("cordboard.toml", trunk).running();
    let at = spoken(&world);
    let invite = request("INVITE", PINNED_TO_V1, "list");
    assert_eq!(version(&Caller::at(Ipv4Addr::new(127, 0, 0, 2)).ask(at, &invite)), "1");
    let stranger = Caller::new();
    stranger.send(at, &invite);
    stranger.hears_nothing();
    let refused = ["trunk=\"\"", "reason=\"refused\""];
    assert_eq!(world.metric("cordboard_sip_dropped_total", &refused), 1.0);
    let mut stream = connect(at).unwrap();
    stream.write_all(format!("{invite}{invite}").as_bytes()).unwrap();
    let text = heard_to_the_end(stream);
    assert_eq!(
        (code(&text), text.matches("SIP/2.0").count() - text.matches("SIP/2.0/UDP").count()),
        ("403", 1)
    );
    let begun = world.metric("cordboard_calls_started_total", &["gateway=\"sip:carrier\""]);
    assert_eq!(begun, 1.0);
}

#[test]
fn a_trunk_with_a_password_is_answered_by_who_knows_it() {
    use sha2::{Digest as _, Sha256};
    let hash =
        |text: String| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let trunk = "[[trunk]]\nname = \"default\"\npassword_file = \"secret\"\n";
    let world = world().with("cordboard.toml", trunk).with("secret", "s3cret\n").running();
    let (at, caller) = (spoken(&world), Caller::new());
    let challenge = caller.ask(at, request("INVITE", PINNED_TO_V1, "who"));
    assert_eq!(code(&challenge), "401");
    let line = challenge.lines().find(|line| line.contains("SHA-256")).expect("the better hash is offered");
    let nonce = line.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    for (password, id, expected) in [("s3cret", "right", "302"), ("secret", "wrong", "401")] {
        let uri = format!("sip:{PINNED_TO_V1}@cordboard.example");
        let (ha1, ha2) = (hash(format!("default:cordboard:{password}")), hash(format!("INVITE:{uri}")));
        let response = hash(format!("{ha1}:{nonce}:00000001:c0:auth:{ha2}"));
        let proof = format!(
            "Authorization: Digest username=\"default\", realm=\"cordboard\", nonce=\"{nonce}\", uri=\"{uri}\", \
             qop=auth, nc=00000001, cnonce=\"c0\", response=\"{response}\", algorithm=SHA-256\r\nTo:"
        );
        let text = caller.ask(at, request("INVITE", PINNED_TO_V1, id).replace("To:", &proof));
        assert_eq!(code(&text), expected, "{text}");
    }
}

#[test]
fn over_tls_it_takes_a_certificate_and_who_does_not_believe_it_is_counted() {
    let without = World::example();
    let ended = without.refused_with(&[
        "--calls",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--sip-tls",
        "127.0.0.1:0",
    ]);
    assert!(ended.err.contains("flag --sip-tls") && ended.err.contains("certificate"), "{}", ended.err);

    let authority = Authority::new();
    let made = authority.issue(2_100);
    let settings =
        "[listen]\nsip_tls = \"127.0.0.1:0\"\nsip_tls_cert = \"cert.pem\"\nsip_tls_key = \"key.pem\"\n";
    let world = World::example()
        .with("cordboard.toml", settings)
        .with("cert.pem", &made.certificate)
        .with("key.pem", &made.key)
        .running();
    let addresses: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(world.addresses()).unwrap()).unwrap();
    let at: SocketAddr = addresses["sipTls"].as_str().unwrap().parse().unwrap();
    let invite = request("INVITE", PINNED_TO_V1, "tls").replace("/UDP", "/TLS");

    let mut stream = secure_as("localhost", connect(at).unwrap(), &authority.client()).unwrap();
    stream.write_all(invite.as_bytes()).unwrap();
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        let mut bytes = [0; 4_096];
        let len = stream.read(&mut bytes).unwrap();
        text.push_str(std::str::from_utf8(&bytes[..len]).unwrap());
    }
    assert_eq!(version(&text), "1");

    // The other name is no name of the certificate; the other side has to find that out.
    let wrong = secure_as("elsewhere.example", connect(at).unwrap(), &authority.client());
    assert!(wrong.and_then(|mut stream| stream.write_all(invite.as_bytes())).is_err());
    let mut plain = connect(at).unwrap();
    plain.write_all(invite.as_bytes()).unwrap();
    let mut heard = Vec::new();
    // Closed with or without what was on the way.
    let _ = plain.read_to_end(&mut heard);
    assert_eq!(heard, b"", "nothing of HTTP is said to who speaks SIP");
    let faults = |reason: &str| {
        let labels = ["listener=\"sip_tls\"", &format!("reason=\"{reason}\"")];
        world.metric("cordboard_tls_handshake_failures_total", &labels)
    };
    world.until("both are counted", |_| faults("failed") >= 1.0 && faults("plain") >= 1.0);
}

#[test]
fn a_hundred_thousand_half_finished_connections_come_and_go_and_calls_are_answered_meanwhile() {
    const WAVES: u8 = 100;
    /// So many from each of so many addresses.
    const OF_EACH: u8 = 25;
    const ADDRESSES: u8 = 40;
    let world = world()
        .with_variable("CORDBOARD_LIMITS_HEADER_SECONDS", "1")
        .with_variable("CORDBOARD_LIMITS_CONNECTIONS_MAX", "500")
        .running();
    let (at, caller) = (spoken(&world), Caller::new());
    let half = b"INVITE sip:+14155550101@h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n";
    for wave in 0..WAVES {
        let hosts = (1..=ADDRESSES).flat_map(|host| (0..OF_EACH).map(move |_| host));
        let begun = hosts.filter_map(|host| {
            let mut stream = connect_from(Ipv4Addr::new(127, 1, wave, host), at).ok()?;
            // Who was one too many is closed already.
            let _ = stream.write_all(half);
            Some(stream)
        });
        let held: Vec<TcpStream> = begun.collect();
        assert_eq!(version(&caller.ask(at, request("INVITE", PINNED_TO_V1, &format!("wave{wave}")))), "1");
        drop(held);
    }
    let listener = ["listener=\"sip\""];
    let all = f64::from(WAVES) * f64::from(OF_EACH) * f64::from(ADDRESSES);
    world.until("all have come and gone", |world| {
        let of_sip = |name: &str| world.metric(name, &listener);
        of_sip("cordboard_connections_accepted_total") == all && of_sip("cordboard_connections_open") == 0.0
    });
}

#[test]
fn a_stranger_holds_no_connection_by_keeping_it_alive() {
    let trunk = "[[trunk]]\nname = \"carrier\"\naddresses = [\"127.0.0.2\"]\n";
    let world =
        world().with("cordboard.toml", trunk).with_variable("CORDBOARD_LIMITS_HEADER_SECONDS", "1").running();
    let mut stream = connect(spoken(&world)).unwrap();
    stream.write_all(b"\r\n\r\n").unwrap();
    assert_eq!(heard_to_the_end(stream), "", "neither a pong nor time");
}
