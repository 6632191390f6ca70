//! Targets that are asked whether they are up, and left out of answers while they are not.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::world::{AT_LIVE, CALLER, PATIENCE, World};

/// How long a socket of ours waits before it looks whether it is to go.
const PAUSE: Duration = Duration::from_millis(20);

/// Somebody who listens until it is dropped.
struct Target {
    address: SocketAddr,
    /// The status of its answers.
    status: Arc<AtomicU16>,
    /// The first line of all that it was asked.
    heard: Arc<Mutex<Vec<String>>>,
    gone: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What a target speaks.
#[derive(Clone, Copy)]
enum Speaks {
    SipUdp,
    SipTcp,
    Http,
}

impl Target {
    fn anywhere(speaks: Speaks) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), speaks)
    }

    /// At an address that may be another's for a moment.
    fn at(address: SocketAddr, speaks: Speaks) -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let (heard, gone) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (code, lines, over) = (Arc::clone(&status), Arc::clone(&heard), Arc::clone(&gone));
        let answer = move |asked: &str| {
            lines.lock().unwrap().push(asked.lines().next().unwrap_or_default().to_owned());
            answer(asked, code.load(Ordering::Relaxed))
        };
        let is_over = move || over.load(Ordering::Relaxed);
        let (address, thread) = match speaks {
            Speaks::SipUdp => {
                let socket = bound(|| UdpSocket::bind(address));
                let address = socket.local_addr().unwrap();
                (address, thread::spawn(move || datagrams(&socket, &answer, &is_over)))
            }
            Speaks::SipTcp | Speaks::Http => {
                let listener = bound(|| TcpListener::bind(address));
                let address = listener.local_addr().unwrap();
                (address, thread::spawn(move || connections(&listener, &answer, &is_over)))
            }
        };
        Self { address, status, heard, gone, thread: Some(thread) }
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// Ends it, and says where it was.
    fn killed(self) -> SocketAddr {
        self.address
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        drop(self.thread.take().unwrap().join());
    }
}

fn bound<S>(bind: impl Fn() -> io::Result<S>) -> S {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match bind() {
            Ok(socket) => return socket,
            Err(why) => assert!(Instant::now() < deadline, "{why}"),
        }
        thread::sleep(PAUSE);
    }
}

fn datagrams(socket: &UdpSocket, answer: &dyn Fn(&str) -> String, is_over: &dyn Fn() -> bool) {
    socket.set_read_timeout(Some(PAUSE)).unwrap();
    let mut bytes = [0; 4_096];
    while !is_over() {
        if let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let asked = String::from_utf8_lossy(&bytes[..length]);
            socket.send_to(answer(&asked).as_bytes(), from).unwrap();
        }
    }
}

fn connections(listener: &TcpListener, answer: &dyn Fn(&str) -> String, is_over: &dyn Fn() -> bool) {
    listener.set_nonblocking(true).unwrap();
    while !is_over() {
        match listener.accept() {
            Ok((stream, _)) => drop(converse(stream, answer)),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

fn converse(mut stream: TcpStream, answer: &dyn Fn(&str) -> String) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut asked, mut bytes) = (Vec::new(), [0; 4_096]);
    while !asked.ends_with(b"\r\n\r\n") {
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            length => asked.extend_from_slice(&bytes[..length]),
        }
    }
    stream.write_all(answer(&String::from_utf8_lossy(&asked)).as_bytes())
}

/// What a server sends back in the protocol of what it was asked.
fn answer(asked: &str, status: u16) -> String {
    if asked.starts_with("GET ") {
        return format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
    let same = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let lines = asked.split_inclusive("\r\n").filter(|line| same.iter().any(|name| line.starts_with(name)));
    format!("SIP/2.0 {status} X\r\n{}Content-Length: 0\r\n\r\n", lines.collect::<String>())
}

/// The example, whose agent `sales` is at these, in this order; probed often.
fn world(targets: &[&str]) -> World {
    world_of(targets.iter().copied().zip(0..))
}

/// The same with a priority for each.
fn world_of<'t>(targets: impl Iterator<Item = (&'t str, u8)>) -> World {
    let world = World::example()
        .with_variable("CORDBOARD_PROBES_ENABLED", "true")
        .with_variable("CORDBOARD_PROBES_SECONDS", "1")
        .with_variable("CORDBOARD_PROBES_TIMEOUT_MILLISECONDS", "10000")
        .with_variable("CORDBOARD_PROBES_FALL", "2");
    let tables = targets.map(|(uri, priority)| format!("{{ uri = {uri:?}, priority = {priority} }}"));
    let endpoints = format!("endpoints = [{}]\n", tables.collect::<Vec<_>>().join(", "));
    let agent = world.text("agents/sales/agent.toml");
    let lines = agent.lines().map(|line| match line.strip_prefix("endpoints = ") {
        Some(_) => endpoints.clone(),
        None => format!("{line}\n"),
    });
    world.edit("agents/sales/agent.toml", &lines.collect::<String>());
    world
}

/// The targets of an answer.
fn targets(decision: &Value) -> Vec<String> {
    let targets = decision["targets"].as_array().unwrap().iter();
    targets.map(|target| target["uri"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn until_sent_to(world: &World, wanted: &[&str]) {
    world.until(&format!("calls are sent to {wanted:?}"), |world| {
        targets(&world.route(AT_LIVE).json()) == wanted
    });
}

fn up(world: &World, target: &str) -> Option<bool> {
    let line = format!("cordboard_target_up{{target=\"{target}\"}} ");
    let page = world.metrics();
    page.lines().find_map(|found| found.strip_prefix(&line)).map(|value| value == "1")
}

#[test]
fn a_target_that_is_down_is_left_out_of_answers_and_shown_until_it_is_up_again() {
    let (first, second) = (Target::anywhere(Speaks::SipUdp), Target::anywhere(Speaks::SipTcp));
    let [at_first, at_second] =
        [format!("sip:{}", first.address), format!("sip:{};transport=tcp", second.address)];
    let user = |at: &str| at.replacen("sip:", "sip:sales@", 1);
    let (one, two) = (user(&at_first), user(&at_second));
    let world = world(&[&one, &two]).running();
    world.until("both were asked", |world| {
        up(world, &at_first) == Some(true) && up(world, &at_second) == Some(true)
    });
    assert!(first.heard.lock().unwrap()[0].starts_with(&format!("OPTIONS {at_first} SIP/2.0")));
    let begun = world.call(AT_LIVE, "begun");
    assert_eq!(targets(&begun), [one.as_str(), &two]);

    let address = first.killed();
    until_sent_to(&world, &[&two]);
    let call = world.call(AT_LIVE, "new");
    assert_eq!((&call["target"], targets(&call)), (&json!(two), vec![two.clone()]));
    let body = json!({"to": AT_LIVE, "from": CALLER, "callId": "begun"});
    let again = world.gateway().post("/v1/calls", &body).must(200).json();
    let kept = ["decisionId", "version", "agentId"];
    assert!(kept.iter().all(|member| again[member] == begun[member]), "{again} {begun}");
    assert_eq!(targets(&again), [two.as_str()], "it keeps its version, and is not sent where nobody is");

    assert_eq!((up(&world, &at_first), up(&world, &at_second)), (Some(false), Some(true)));
    assert!(world.metric("cordboard_targets", &["state=\"down\""]) >= 1.0);
    assert!(world.metric("cordboard_target_probes_total", &["result=\"unreachable\""]) >= 2.0);
    let status = world.status();
    let troubles = status["targets"]["troubles"].as_array().unwrap();
    let trouble = troubles.iter().find(|trouble| trouble["target"] == at_first).unwrap();
    assert!(trouble["cause"].as_str().unwrap().contains("refused") && trouble["since"].is_string());
    assert!(world.client(&["status"]).out.contains(&format!("{at_first} since ")));
    let told = world.client(&["explain", AT_LIVE]);
    assert!(told.out.contains(&format!("Target         {two}\n")), "{}", told.out);
    assert!(told.out.contains(&format!("Left out       {one} since ")), "{}", told.out);

    let other = second.killed();
    until_sent_to(&world, &[&one, &two]);
    let told = world.client(&["explain", AT_LIVE]);
    assert!(told.out.contains(&format!("All down       {one} since ")), "{}", told.out);
    let _first = Target::at(address, Speaks::SipUdp);
    until_sent_to(&world, &[&one]);
    let _second = Target::at(other, Speaks::SipTcp);
    until_sent_to(&world, &[&one, &two]);
    world.until("the log has it", |world| world.log().matches("a target is up again").count() == 2);
    let log = world.log();
    let told = log.lines().filter(|line| line.contains("a target is down") && line.contains(&at_first));
    assert_eq!(told.count(), 1, "{log}");
}

#[test]
fn a_sip_target_that_takes_no_calls_is_down_and_one_that_refuses_the_question_is_up() {
    let (first, second) = (Target::anywhere(Speaks::SipUdp), Target::anywhere(Speaks::SipUdp));
    let [one, two] = [&first, &second].map(|target| format!("sip:{}", target.address));
    first.answers(503);
    second.answers(405);
    let world = world(&[&one, &two]).running();
    until_sent_to(&world, &[&two]);
    assert_eq!(up(&world, &two), Some(true));
    assert!(world.status().to_string().contains("answered 503"));
    first.answers(200);
    until_sent_to(&world, &[&one, &two]);
}

#[test]
fn a_web_target_is_up_where_it_accepts_connections_or_answers_a_path_that_it_may_be_asked_for() {
    let (socket, web) = (Target::anywhere(Speaks::Http), Target::anywhere(Speaks::Http));
    let (one, two) = (format!("ws://{}/media", socket.address), format!("http://{}/calls", web.address));
    let world = world(&[&one, &two])
        .with(
            "cordboard.toml",
            "[probes]\nhttp_path = \"/health\"\n[outgoing]\nallowed_hosts = [\"127.0.0.0/8\"]\n",
        )
        .running();
    let [at_socket, at_web] = [&socket, &web].map(|target| target.address);
    world.until("both were asked", |world| {
        up(world, &format!("ws://{at_socket}")) == Some(true)
            && up(world, &format!("http://{at_web}")) == Some(true)
    });
    assert!(web.heard.lock().unwrap().iter().all(|line| line == "GET /health HTTP/1.1"));
    assert_eq!(*socket.heard.lock().unwrap(), [""; 0], "a connection is enough");
    web.answers(500);
    until_sent_to(&world, &[&one]);
    web.answers(404);
    until_sent_to(&world, &[&one, &two]);
    let address = socket.killed();
    until_sent_to(&world, &[&two]);
    let _socket = Target::at(address, Speaks::Http);
    until_sent_to(&world, &[&one, &two]);
}

#[test]
fn a_web_target_whom_the_router_may_not_ask_is_sent_nothing_and_is_up_where_it_accepts_connections() {
    let web = Target::anywhere(Speaks::Http);
    let at = format!("http://{}", web.address);
    let world =
        world(&[&at, "sip:127.0.0.1:9"]).with_variable("CORDBOARD_PROBES_HTTP_PATH", "/health").running();
    web.answers(503);
    world.until("it was asked", |world| up(world, &at) == Some(true));
    assert_eq!(*web.heard.lock().unwrap(), [""; 0]);
    until_sent_to(&world, &[&at]);
}

#[test]
fn a_target_that_a_later_version_brings_is_known_to_be_down_at_once() {
    let live = Target::anywhere(Speaks::SipUdp);
    let (dead, up_at) = ("sip:{agent}.v{version}@127.0.0.1:9", format!("sip:{}", live.address));
    let world = world(&[dead, &up_at]).running();
    until_sent_to(&world, &[&up_at]);
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    assert_eq!(targets(&world.route(AT_LIVE).json()), [up_at]);
}

#[test]
fn a_call_that_asks_again_is_sent_where_it_was_sent_unless_that_went_down() {
    let [one, two, three] = [(); 3].map(|()| Target::anywhere(Speaks::SipUdp));
    let uris = [&one, &two, &three].map(|target| format!("sip:{}", target.address));
    let world = world_of(uris.iter().map(|uri| (uri.as_str(), 0))).running();
    world.until("all were asked", |world| uris.iter().all(|uri| up(world, uri) == Some(true)));
    let ids = (0..40).map(|call| format!("call-{call}"));
    let begun: Vec<_> = ids.map(|id| (targets(&world.call(AT_LIVE, &id)), id)).collect();
    drop(three);
    world.until("one is left out", |world| targets(&world.route(AT_LIVE).json()).len() == 2);
    for (before, id) in begun {
        let body = json!({"to": AT_LIVE, "from": CALLER, "callId": id});
        let now = targets(&world.gateway().post("/v1/calls", &body).must(200).json());
        let expected: Vec<_> = before.into_iter().filter(|uri| *uri != uris[2]).collect();
        assert_eq!(now, expected, "{id}");
    }
}
