//! Whatever is sent: an answer that names what is wrong, and a router that goes on as before.

use std::io::{BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Client, connect, read};
use super::world::{CALLER, NOBODYS, PINNED_TO_V1, World, encoded};

/// After whatever came before: a good call is answered, nothing has panicked, changes are still taken.
#[track_caller]
fn unharmed(world: &mut World) {
    assert!(world.runs(), "{}", world.log());
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
    world.operator().put("/v1/numbers/%2B16505550001", &json!({"agentId": "sales", "pin": "V1"})).must(200);
    let log = world.log();
    assert!(!log.contains("panicked") && !log.contains("ended without an answer"), "{log}");
}

#[test]
fn a_number_that_nobody_serves_is_an_answer_with_a_reason() {
    let mut world = World::example().running();
    let reply = world.gateway().post("/v1/calls", &json!({"to": NOBODYS, "from": CALLER})).must(404).json();
    let known = world.call(PINNED_TO_V1, "known");
    let keys = |decision: &Value| decision.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&reply), keys(&known), "the same shape");
    assert_eq!(
        (&reply["agentId"], &reply["target"], &reply["split"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(reply["reason"]["code"], "no_route");
    unharmed(&mut world);
}

#[test]
fn a_malformed_number_is_refused_by_name() {
    let mut world = World::example().running();
    let mut gateway = world.gateway();
    let long = format!("+{}", "1".repeat(16));
    for to in [
        "+1415555abcd",
        "+",
        "+123456",
        &long,
        "tel:",
        "tel:+",
        "tel:+1x",
        "",
        "+1415\u{0}5550100",
        &"u".repeat(65),
    ] {
        let reply = gateway.post("/v1/calls", &json!({"to": to, "from": CALLER}));
        assert_eq!((reply.status, &*reply.field()), (400, "to"), "{to:?}: {}", reply.body);
        let percent: String = to.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let reply = gateway.get(&format!("/v1/route?to={percent}"));
        assert_eq!((reply.status, &*reply.field()), (400, "to"), "{to:?}: {}", reply.body);
    }
    assert_eq!(gateway.post("/v1/calls", &json!({"from": CALLER})).must(400).field(), "to");
    assert_eq!(gateway.get("/v1/route").must(400).field(), "to");
    // What is no phone number is a SIP user, and what is asked in another form is the same number.
    assert_eq!(gateway.get("/v1/route?to=4155550101").must(404).json()["reason"]["code"], "no_route");
    assert_eq!(gateway.get("/v1/route?to=tel:%2B1-415-555-0101").must(200).json()["version"], 1);
    assert_eq!(gateway.get("/v1/route?to=+14155550101").must(200).json()["version"], 1);
    // The caller is never a reason to refuse.
    for from in ["", "+", "anonymous", "\u{1F600}", &"9".repeat(300)] {
        let reply = gateway.post("/v1/calls", &json!({"to": PINNED_TO_V1, "from": from}));
        assert_eq!(reply.status, 201, "{from:?}: {}", reply.body);
    }
    for from in ["5", "[\"x\"]", "{}", "true", "\"\\ud800\""] {
        let body = format!("{{\"to\":\"{PINNED_TO_V1}\",\"from\":{from}}}");
        let reply = gateway.try_send("POST", "/v1/calls", body.as_bytes()).unwrap();
        assert_eq!(reply.status, 201, "{from}: {}", reply.body);
    }
    assert_eq!(gateway.get("/v1/route?to=+14155550101&from=%FF").status, 200);
    unharmed(&mut world);
}

#[test]
fn a_malformed_change_is_refused_by_name_and_changes_nothing() {
    let mut world = World::example().running();
    let mut operator = world.operator();
    let revision = world.revision();
    let arm = |id: &str, weight: Value| json!({"id": id, "agentId": "sales", "pin": "V1", "weight": weight});
    let split = |arms: Vec<Value>| json!({"id": "bad", "arms": arms});
    let many = (0..17).map(|at| arm(&format!("a{at}"), json!(1))).collect();
    for (what, body) in [
        ("a negative weight", split(vec![arm("a", json!(-1)), arm("b", json!(1))])),
        ("a fraction of a weight", split(vec![arm("a", json!(0.5))])),
        ("too large a weight", split(vec![arm("a", json!(1_000_001))])),
        ("all weights zero", split(vec![arm("a", json!(0)), arm("b", json!(0))])),
        ("17 arms", split(many)),
        ("no arm", split(vec![])),
        ("one id twice", split(vec![arm("a", json!(1)), arm("a", json!(1))])),
        ("no such agent", json!({"id": "bad", "arms": [{"id": "a", "agentId": "nobody", "weight": 1}]})),
        (
            "no such version",
            json!({"id": "bad", "arms": [{"id": "a", "agentId": "sales", "pin": "V9", "weight": 1}]}),
        ),
        (
            "no such pin",
            json!({"id": "bad", "arms": [{"id": "a", "agentId": "sales", "pin": "newest", "weight": 1}]}),
        ),
    ] {
        let reply = operator.post("/v1/splits", &body);
        assert_eq!(reply.status, 400, "{what}: {}", reply.body);
        assert!(reply.field().contains("arms"), "{what}: {}", reply.body);
    }
    let number = "/v1/numbers/%2B16505550002";
    for (what, field, body) in [
        ("no such version", "pin", json!({"agentId": "sales", "pin": "V9"})),
        ("no such agent", "agentId", json!({"agentId": "nobody"})),
        ("no such split", "splitId", json!({"splitId": "nothing"})),
        ("both", "splitId", json!({"agentId": "sales", "splitId": "spring-prompt"})),
        ("neither", "agentId", json!({})),
        ("an unknown key", "agent", json!({"agent": "sales"})),
        ("a number for a text", "agentId", json!({"agentId": 7})),
        ("a header with a line break", "headers", json!({"agentId": "sales", "headers": {"X-A": "a\r\nb"}})),
    ] {
        let reply = operator.put(number, &body);
        assert_eq!(reply.status, 400, "{what}: {}", reply.body);
        assert!(reply.field().starts_with(field), "{what}: {}", reply.body);
    }
    for malformed in ["+1415555abcd", "+1", "+1234567890123456", "%20", "%ff"] {
        let reply =
            operator.put(&format!("/v1/numbers/{}", encoded(malformed)), &json!({"agentId": "sales"}));
        assert_eq!(reply.status, 422, "{malformed}: {}", reply.body);
    }
    let reply = operator.put(&format!("/v1/numbers/{}", encoded(PINNED_TO_V1)), &json!({"agentId": "sales"}));
    assert_eq!((reply.status, reply.json()["error_code"].as_str()), (409, Some("MANAGED_BY_FILES")));
    assert_eq!(world.revision(), revision, "nothing was changed");
    unharmed(&mut world);
}

#[test]
fn a_body_that_is_no_json_is_refused_on_both_planes() {
    let mut world = World::example().running();
    let deep = "[".repeat(200_000);
    let nested = format!("{{\"to\":{}", "[".repeat(30_000));
    for body in ["nonsense", "{", "[]", "{\"to\":", "\u{0}", "{}{}", &nested] {
        let reply = world.gateway().try_send("POST", "/v1/calls", body.as_bytes()).unwrap();
        assert_eq!(reply.status, 400, "{}: {}", &body[..body.len().min(20)], reply.body);
        let reply = world.operator().try_send("POST", "/v1/splits", body.as_bytes()).unwrap();
        assert_eq!(reply.status, 400, "{}: {}", &body[..body.len().min(20)], reply.body);
    }
    let reply = world.gateway().try_send("POST", "/v1/calls", b"\xff\xfe\xfd").unwrap();
    assert_eq!(reply.status, 400, "{}", reply.body);
    // Above the limit of a call's body, within that of management.
    let reply = world.gateway().try_send("POST", "/v1/calls", deep.as_bytes()).unwrap();
    assert_eq!(reply.status, 413, "{}", reply.body);
    let reply = world.operator().try_send("POST", "/v1/splits", deep.as_bytes()).unwrap();
    assert_eq!(reply.status, 400, "{}", reply.body);
    unharmed(&mut world);
}

#[test]
fn a_body_too_large_is_refused_whether_its_length_is_said_or_not() {
    let mut world = World::example().running();
    let large = vec![b' '; 10 << 20];
    let reply = world.gateway().try_send("POST", "/v1/calls", &large).unwrap();
    assert_eq!(reply.status, 413, "{}", reply.body);
    let mut chunked =
        b"POST /v1/calls HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    chunked.extend_from_slice(format!("{:x}\r\n", large.len()).as_bytes());
    chunked.extend_from_slice(&large);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    assert_eq!(world.gateway().try_raw(&chunked).unwrap().status, 413);
    // Above the limit of management too.
    let reply = world.operator().try_send("POST", "/v1/splits", &large).unwrap();
    assert_eq!(reply.status, 413, "{}", reply.body);
    let huge = b"POST /v1/calls HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999\r\n\r\n{";
    assert_eq!(world.gateway().try_raw(huge).unwrap().status, 413);
    unharmed(&mut world);
}

#[test]
fn a_head_too_large_or_malformed_is_refused() {
    let mut world = World::example().running();
    for address in [world.calls_address(), world.admin_address()] {
        let head =
            format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "x".repeat(20_000));
        assert_eq!(Client::new(address).try_raw(head.as_bytes()).unwrap().status, 431);
        let path = format!("GET /v1/route?to={} HTTP/1.1\r\nhost: localhost\r\n\r\n", "1".repeat(20_000));
        let status = Client::new(address).try_raw(path.as_bytes()).unwrap().status;
        assert!(matches!(status, 414 | 431), "{status}");
        // No HTTP at all: an error or a closed connection, and nothing else.
        if let Ok(reply) =
            Client::new(address).try_raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        {
            assert_eq!(reply.status, 400);
        }
    }
    unharmed(&mut world);
}

/// Sends a beginning and then a byte each half second, for longer than is allowed; what was answered, and after how long.
fn drip(address: SocketAddr, beginning: &str, byte: u8) -> (Option<u16>, Duration) {
    let mut stream = connect(address).unwrap();
    stream.write_all(beginning.as_bytes()).unwrap();
    let start = Instant::now();
    let mut dripping = stream.try_clone().unwrap();
    let drops = thread::spawn(move || {
        for _ in 0..40 {
            thread::sleep(Duration::from_millis(500));
            if dripping.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let mut from = BufReader::new(stream);
    let status = read(&mut from).map(|reply| reply.status).ok();
    let mut rest = Vec::new();
    drop(from.read_to_end(&mut rest));
    let took = start.elapsed();
    drops.join().unwrap();
    (status, took)
}

#[test]
fn a_head_or_body_that_drips_is_cut_off_on_both_planes_and_holds_nobody_up() {
    let mut world = World::example()
        .with_variable("CORDBOARD_LIMITS_BODY_SECONDS", "1")
        .with_variable("CORDBOARD_LIMITS_HEADER_SECONDS", "1")
        .running();
    let body = |path: &str, key: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{key}content-length: 1000\r\n\r\n{{")
    };
    let (calls, admin, key) = (world.calls_address(), world.admin_address(), world.key());
    let drips = [
        (calls, body("/v1/calls", ""), b' '),
        (admin, body("/v1/splits", &format!("x-api-key: {key}\r\n")), b' '),
        (calls, "GET /v1/route?to=1 HTTP/1.1\r\nhost: ".to_owned(), b'l'),
        (admin, "GET /healthz HTTP/1.1\r\nhost: ".to_owned(), b'l'),
    ]
    .map(|(address, beginning, byte)| {
        let dripping = beginning.clone();
        (beginning, thread::spawn(move || drip(address, &dripping, byte)))
    });
    while drips.iter().any(|(_, drip)| !drip.is_finished()) {
        assert_eq!(world.version_at(PINNED_TO_V1), Some(1), "others are answered meanwhile");
        world.status();
    }
    for (beginning, drip) in drips {
        let (answer, took) = drip.join().unwrap();
        // Far less than the 20 seconds that it would have gone on for.
        assert!(took < Duration::from_secs(15), "{beginning}: cut off after {took:?}");
        assert_eq!(answer, Some(408), "{beginning}");
    }
    unharmed(&mut world);
}

#[test]
fn strangers_and_web_pages_are_refused() {
    let mut world = World::example().running();
    let raw = |world: &World, head: &str| {
        world
            .gateway()
            .try_raw(format!("GET /v1/route?to=%2B14155550101 HTTP/1.1\r\n{head}\r\n").as_bytes())
            .unwrap()
    };
    for head in [
        "host: evil.example\r\n",
        "host: localhost\r\norigin: https://evil.example\r\n",
        "host: localhost\r\nx-forwarded-for: 10.0.0.1\r\n",
        "host: localhost\r\nforwarded: for=10.0.0.1\r\n",
    ] {
        assert_eq!(raw(&world, head).status, 403, "{head}");
    }
    assert_eq!(raw(&world, "host: localhost\r\nx-api-key: wrong\r\n").status, 401);
    let key = world.key();
    assert_eq!(raw(&world, &format!("host: evil.example\r\nx-api-key: {key}\r\n")).status, 200);
    let mut nobody = Client::new(world.admin_address());
    nobody.get("/v1/status").must(401);
    nobody.put("/v1/numbers/%2B16505550001", &json!({"agentId": "sales"})).must(401);
    unharmed(&mut world);
}
