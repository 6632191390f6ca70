//! More than there is room for: those who ask for too much are told so, and all others are served as before.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use super::http::{Client, Reply, connect, connect_from, read};
use super::skipped::skip;
use super::world::{CALLER, PATIENCE, PINNED_TO_V1, World};

const ASK: &str = "/v1/route?to=%2B14155550101";
const CALLS: &str = "listener=\"calls\"";
const FLOOD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const STEADY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A gateway that asks and asks again on many connections, whatever it is answered.
struct Flood {
    told: Arc<Told>,
    askers: Vec<JoinHandle<()>>,
}

/// What a flood was answered.
#[derive(Default)]
struct Told {
    stop: AtomicBool,
    answered: AtomicUsize,
    shed: AtomicUsize,
}

impl Flood {
    /// So many that a worker of any speed has more than a millisecond's work when all have asked.
    const ASKERS: usize = 4;
    const CONNECTIONS_EACH: usize = 64;

    fn on(world: &World) -> Self {
        let told = Arc::new(Told::default());
        let askers = (0..Self::ASKERS).map(|_| {
            let (address, told) = (world.calls_address(), Arc::clone(&told));
            let connections = (0..Self::CONNECTIONS_EACH)
                .map(|_| BufReader::new(connect_from(FLOOD, address).unwrap()))
                .collect();
            thread::spawn(move || told.flood(connections))
        });
        Self { askers: askers.collect(), told }
    }

    fn shed(&self) -> usize {
        self.told.shed.load(Ordering::Acquire)
    }

    /// How many requests were answered, and how many were shed.
    fn stop(self) -> (usize, usize) {
        self.told.stop.store(true, Ordering::Release);
        for asker in self.askers {
            asker.join().unwrap();
        }
        (self.told.answered.load(Ordering::Acquire), self.told.shed.load(Ordering::Acquire))
    }
}

impl Told {
    fn flood(&self, mut connections: Vec<BufReader<TcpStream>>) {
        let ask = format!("GET {ASK} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        while !self.stop.load(Ordering::Acquire) {
            for connection in &mut connections {
                connection.get_mut().write_all(ask.as_bytes()).unwrap();
            }
            for connection in &mut connections {
                let reply = read(connection).unwrap();
                if reply.status == 200 {
                    self.answered.fetch_add(1, Ordering::AcqRel);
                } else {
                    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{reply:?}");
                    assert_eq!(reply.json()["error_code"], "OVERLOADED");
                    self.shed.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
    }
}

#[test]
fn a_gateway_that_floods_is_shed_and_one_beside_it_is_answered_every_time() {
    let gateways = format!(
        "\n[[gateway]]\nname = \"flood\"\naddresses = [\"{FLOOD}\"]\n\
         \n[[gateway]]\nname = \"steady\"\naddresses = [\"{STEADY}\"]\n"
    );
    let mut world = World::example();
    world.edit("cordboard.toml", &(world.text("cordboard.toml") + &gateways));
    // One worker, which is late when it has a millisecond's work, so that any machine is too slow for the flood.
    world = world
        .with_variable("CORDBOARD_CALLS_WORKERS", "1")
        .with_variable("CORDBOARD_LIMITS_LAG_MILLISECONDS_MAX", "1")
        .running();
    let flood = Flood::on(&world);
    world.until("the flood is shed", |_| flood.shed() > 0);
    let shed_before = flood.shed();
    let mut steady = world.gateway().from(STEADY);
    // A key is nobody's gateway, and has a share too.
    let mut key = world.gateway().with_key(&world.key());
    let deadline = Instant::now() + PATIENCE;
    for asked in 1.. {
        steady.get(ASK).must(200);
        key.get(ASK).must(200);
        if asked >= 50 && flood.shed() > shed_before + 1_000 {
            break;
        }
        assert!(Instant::now() < deadline, "the flood is not shed while another asks");
        // Fifty times a second; nothing is waited for.
        thread::sleep(Duration::from_millis(20));
    }
    let (answered, shed) = flood.stop();
    assert!(answered > 0, "what the worker can do it does");
    let counts = ["flood", "steady", "other"].map(|name| {
        world.metric("cordboard_requests_shed_total", &[&format!("gateway=\"{name}\"")]).to_string()
    });
    assert_eq!(counts, [shed.to_string(), "0".to_owned(), "0".to_owned()]);
}

#[test]
fn ten_thousand_connections_are_served_and_one_more_only_from_an_address_that_has_few() {
    const MAX: usize = 10_000;
    // Those of this process, which runs other laws at the same time, and those of the router.
    let [ours, its] = [MAX as u64 + 1_000, MAX as u64 * 11 / 10 + 512];
    let allowed = getrlimit(Resource::Nofile);
    if allowed.maximum.is_some_and(|maximum| maximum < ours.max(its)) {
        let why =
            format!("this machine allows {:?} open files, and {} are needed", allowed.maximum, ours.max(its));
        skip("ten_thousand_connections_are_served_and_one_more_only_from_an_address_that_has_few", &why);
        return;
    }
    if allowed.current.is_some_and(|current| current < ours) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(ours), ..allowed }).unwrap();
    }
    // It begins with what is usual, and raises that itself. Silence is not what ends connections here.
    let world = World::example()
        .with_open_files(1_024)
        .with_variable("CORDBOARD_LIMITS_HEADER_SECONDS", "300")
        .running();
    let open = |world: &World| world.metric("cordboard_connections_open", &[CALLS]);
    let memory = |world: &World| world.metric("process_resident_memory_bytes", &[]);
    let empty = memory(&world);
    let ask = format!("GET {ASK} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut all: Vec<_> = (0..MAX).map(|_| connect(world.calls_address()).unwrap()).collect();
    world.until("all have come", |world| open(world) == 10_000.0);
    for socket in &mut all {
        socket.write_all(ask.as_bytes()).unwrap();
    }
    let mut all: Vec<_> = all.into_iter().map(|socket| BufReader::with_capacity(1_024, socket)).collect();
    for connection in &mut all {
        assert_eq!(read(connection).unwrap().status, 200);
    }
    let took = memory(&world) - empty;
    assert!(took < 10_000.0 * 40_000.0, "{} bytes a connection", took / 10_000.0);
    let refused = world.gateway().get(ASK).must(503);
    assert_eq!((refused.header("retry-after"), refused.header("connection")), (Some("1"), Some("close")));
    world.gateway().from(STEADY).get(ASK).must(200);
    assert!(world.metric("cordboard_connections_turned_away_total", &[CALLS]) >= 1.0);
    // Those that are in are served as before.
    for connection in all.iter_mut().step_by(100) {
        connection.get_mut().write_all(ask.as_bytes()).unwrap();
        assert_eq!(read(connection).unwrap().status, 200);
    }
    drop(all);
    world.until("there is room again", |world| world.gateway().get(ASK).status == 200);
}

#[test]
fn connections_that_say_nothing_or_half_of_it_are_cut_and_give_their_places_back() {
    let world = World::example().with_variable("CORDBOARD_LIMITS_HEADER_SECONDS", "1").running();
    let beginnings =
        ["", "G", "GET /v1/route?to=%2B14155550101 HTTP/1.1\r\n", "POST /v1/calls HTTP/1.1\r\nhost: x"];
    let mut all = Vec::new();
    for address in [world.calls_address(), world.admin_address()] {
        for beginning in beginnings.iter().cycle().take(100) {
            let mut socket = connect(address).unwrap();
            socket.write_all(beginning.as_bytes()).unwrap();
            all.push((*beginning, socket));
        }
    }
    for (beginning, socket) in &mut all {
        let mut told = String::new();
        socket.read_to_string(&mut told).unwrap();
        // Who has asked for nothing is told nothing.
        let is_told = told.starts_with("HTTP/1.1 408 ") && told.contains("REQUEST_TIMEOUT");
        assert!(if beginning.is_empty() { told.is_empty() } else { is_told }, "{beginning:?}: {told}");
    }
    world.until("all places are given back", |world| {
        world.metric("cordboard_connections_open", &[CALLS]) == 0.0
    });
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
}

#[test]
fn with_a_full_table_new_calls_go_by_their_token_and_none_gives_way_until_one_has_ended() {
    let world = World::example()
        .with_variable("CORDBOARD_LIMITS_CALLS_IN_PROGRESS_MAX", "3")
        .with_variable("CORDBOARD_CALLS_WORKERS", "2")
        .running();
    let mut gateway = world.gateway();
    let body = |id: &str| json!({"to": PINNED_TO_V1, "from": CALLER, "callId": id});
    let kept: Vec<Value> = ["a", "b", "c"].map(|id| world.call(PINNED_TO_V1, id)).into();
    let new: Vec<Value> = (0..500).map(|at| begin(&mut gateway, &body(&format!("new-{at}")))).collect();
    let [not_remembered, in_progress] =
        ["cordboard_calls_not_remembered_total", "cordboard_calls_in_progress"]
            .map(|name| world.metric(name, &[]));
    assert_eq!([not_remembered, in_progress], [500.0, 3.0]);
    for decision in &new {
        assert_eq!((&decision["version"], decision["token"].is_string()), (&json!(1), true), "{decision}");
    }
    // One that is not remembered is decided again, and keeps its version by its token.
    let again = begin(&mut gateway, &body("new-0"));
    assert_ne!(again["decisionId"], new[0]["decisionId"]);
    let mut with_token = body("new-0");
    with_token["token"] = new[0]["token"].clone();
    assert_eq!(begin(&mut gateway, &with_token)["reason"]["code"], "token");
    // Its end is taken by its token.
    let end = |token: Option<&Value>| json!({"outcome": "completed", "token": token});
    gateway.post("/v1/calls/new-0/end", &end(None)).must(404);
    gateway.post("/v1/calls/new-0/end", &end(Some(&new[0]["token"]))).must(200);
    // Those that were there first are there.
    for decision in &kept {
        let id = decision["callId"].as_str().unwrap();
        let same = gateway.post("/v1/calls", &body(id)).must(200).json();
        assert_eq!(same["decisionId"], decision["decisionId"], "{id}");
    }
    gateway.post("/v1/calls/a/end", &end(None)).must(200);
    let first = begin(&mut gateway, &body("there is room"));
    let same = gateway.post("/v1/calls", &body("there is room")).must(200).json();
    assert_eq!(
        (&same["decisionId"], &same["reason"]["code"]),
        (&first["decisionId"], &json!("call_in_progress"))
    );
    assert_eq!(world.metric("cordboard_calls_in_progress", &[]), 3.0);
}

/// Begins a call.
#[track_caller]
fn begin(gateway: &mut Client, body: &Value) -> Value {
    gateway.post("/v1/calls", body).must(201).json()
}

/// Both statuses of what is met exactly and of what is exceeded by one.
#[track_caller]
fn bounded(what: &str, met: (&Reply, u16), exceeded: (&Reply, u16)) {
    assert_eq!(met.0.status, met.1, "{what}, met: {}", met.0.body);
    assert_eq!(exceeded.0.status, exceeded.1, "{what}, exceeded by one: {}", exceeded.0.body);
}

/// A body of so many bytes.
fn padded(body: &Value, bytes: usize) -> String {
    let body = body.to_string();
    let spaces = " ".repeat(bytes - body.len());
    body + &spaces
}

#[test]
fn heads_and_bodies_that_just_fit_are_taken_and_one_byte_more_is_told() {
    const HEAD: usize = 16 * 1_024;
    const BODY: usize = 64 * 1_024;
    const ADMIN_BODY: usize = 1_024 * 1_024;
    let world = World::example()
        .with_variable("CORDBOARD_LIMITS_ADMIN_BODY_BYTES_MAX", &ADMIN_BODY.to_string())
        .running();
    let ask = |mut client: Client, request: &str| client.try_raw(request.as_bytes()).unwrap();
    for (address, path) in [(world.calls_address(), ASK), (world.admin_address(), "/healthz")] {
        let beginning = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n");
        let long = |bytes: usize| {
            let padding = bytes - beginning.len() - "x-pad: \r\n\r\n".len();
            ask(Client::new(address), &format!("{beginning}x-pad: {}\r\n\r\n", "a".repeat(padding)))
        };
        bounded("bytes of a head", (&long(HEAD), 200), (&long(HEAD + 1), 431));
        let many =
            |more: usize| ask(Client::new(address), &format!("{beginning}{}\r\n", "a: b\r\n".repeat(more)));
        bounded("headers", (&many(99), 200), (&many(100), 431));
    }
    let call = |bytes| padded(&json!({"to": PINNED_TO_V1, "from": CALLER}), bytes);
    let told = |bytes: usize| world.gateway().try_send("POST", "/v1/calls", call(bytes).as_bytes()).unwrap();
    let concealed = |bytes: usize| {
        let head = "POST /v1/calls HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
        ask(world.gateway(), &format!("{head}{bytes:x}\r\n{}\r\n0\r\n\r\n", call(bytes)))
    };
    for large in [told(BODY + 1), concealed(BODY + 1)] {
        assert!(large.body.contains("larger than 65536 bytes"), "{}", large.body);
    }
    bounded("bytes of a body", (&told(BODY), 201), (&told(BODY + 1), 413));
    bounded("bytes of a body of no length", (&concealed(BODY), 201), (&concealed(BODY + 1), 413));
    let number = |bytes: usize| {
        let body = padded(&json!({"agentId": "sales", "pin": "V1"}), bytes);
        world.operator().try_send("PUT", "/v1/numbers/%2B16505550001", body.as_bytes()).unwrap()
    };
    bounded("bytes of a change", (&number(ADMIN_BODY), 200), (&number(ADMIN_BODY + 1), 413));
}

#[test]
fn what_calls_say_is_taken_up_to_its_limit_and_one_more_is_refused_by_name() {
    let world = World::example().running();
    // Who asks by address alone has a name already.
    let mut gateway = world.gateway().with_key(&world.key());
    // Bytes count, not characters.
    let id = |bytes: usize| format!("{}{}", "é".repeat(100), "a".repeat(bytes - 200));
    let users = |bytes: usize| "u".repeat(bytes);
    let headers = |count: usize| (0..count).map(|at| (format!("X-{at}"), json!("a"))).collect::<Value>();
    let mut by_body = |field: &str, met: (Value, u16), exceeded: Value| {
        let [fits, large] = [met.0, exceeded].map(|value| {
            let mut body = json!({"to": PINNED_TO_V1, "from": CALLER});
            body[field] = value;
            gateway.post("/v1/calls", &body)
        });
        bounded(field, (&fits, met.1), (&large, 400));
        assert_eq!(large.field(), field, "{}", large.body);
    };
    by_body("callId", (json!(id(256)), 201), json!(id(257)));
    // Nobody serves the longest user, which is an answer.
    by_body("to", (json!(users(64)), 404), json!(users(65)));
    by_body("to", (json!("+999999999999999"), 404), json!("+9999999999999999"));
    by_body("headers", (headers(100), 201), headers(101));
    by_body("gateway", (json!(users(64)), 201), json!(users(65)));
    by_body("tags", (json!(vec!["t"; 20]), 201), json!(vec!["t"; 21]));
    // Who calls is never a reason to refuse.
    for from in [users(64), users(65)] {
        gateway.post("/v1/calls", &json!({"to": PINNED_TO_V1, "from": from})).must(201);
    }
    let mut by_query = |field: &str, met: (&str, u16), exceeded: &str| {
        let to = if field == "to" { "" } else { "to=%2B14155550101&" };
        let [fits, large] =
            [met.0, exceeded].map(|value| gateway.get(&format!("/v1/route?{to}{field}={}", percent(value))));
        bounded(field, (&fits, met.1), (&large, 400));
        assert_eq!(large.field(), field, "{}", large.body);
    };
    // The same call again.
    by_query("callId", (&id(256), 200), &id(257));
    by_query("to", (&users(64), 404), &users(65));
    by_query("gateway", (&users(64), 200), &users(65));
    let [fits, large] =
        [256, 257].map(|bytes| gateway.post(&format!("/v1/calls/{}/end", percent(&id(bytes))), &json!({})));
    bounded("callId in a path", (&fits, 200), (&large, 422));
    assert_eq!(large.field(), "callId", "{}", large.body);
}

/// Each byte of a text as a query or a path may hold it.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn what_operators_say_is_taken_up_to_its_limit_and_one_more_is_refused_by_name() {
    let [longest, too_long] = [64, 65].map(|chars| "a".repeat(chars));
    let world = World::example();
    for file in ["agent.toml", "V1.toml", "V2.toml"] {
        world.edit(&format!("agents/{longest}/{file}"), &world.text(&format!("agents/sales/{file}")));
    }
    let world = world.running();
    let mut operator = world.operator();
    let mut refused_by_name = |field: &str, path: &str, status: u16, [met, exceeded]: [Value; 2]| {
        let method = if status == 201 { "POST" } else { "PUT" };
        let [fits, large] = [met, exceeded].map(|body| operator.ask(method, path, Some(&body)));
        bounded(field, (&fits, status), (&large, 400));
        assert!(large.field().starts_with(field), "{}", large.body);
    };
    let mut number = |field: &str, met: Value, exceeded: Value| {
        let bodies = [met, exceeded].map(|value| {
            let mut body = json!({"agentId": "sales", "pin": "V1"});
            body[field] = value;
            body
        });
        refused_by_name(field, "/v1/numbers/%2B16505550001", 200, bodies);
    };
    number("agentId", json!(longest), json!(too_long));
    let rules = |count: usize| json!(vec![json!({"header": "X-A", "equals": "a"}); count]);
    number("headerRules", rules(50), rules(51));
    let headers = |count: usize| (0..count).map(|at| (format!("X-{at}"), json!("a"))).collect::<Value>();
    number("headers", headers(50), headers(51));
    let split = |id: &str, weights: &[u64]| {
        let arm = |(at, weight): (usize, &u64)| json!({"id": format!("arm-{at}"), "agentId": "sales", "pin": "V1", "weight": weight});
        json!({"id": id, "arms": weights.iter().enumerate().map(arm).collect::<Vec<_>>()})
    };
    refused_by_name("arms", "/v1/splits", 201, [split("many", &[1; 16]), split("more", &[1; 17])]);
    let heavy = [split("heavy", &[1_000_000, 1]), split("heavier", &[1_000_001, 1])];
    refused_by_name("arms", "/v1/splits", 201, heavy);
    refused_by_name("id", "/v1/splits", 201, [split(&longest, &[1]), split(&too_long, &[1])]);
    world.edit(&format!("agents/{too_long}/agent.toml"), "name = \"Too long\"\n");
    let status = world.until_fault("64");
    assert!(status["faults"][0]["file"].as_str().unwrap().contains(&too_long), "{status}");
}
