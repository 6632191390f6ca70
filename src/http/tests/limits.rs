//! What a client that does not behave gets.

use std::time::{Duration, Instant};

use super::world::{Reply, World, eventually};
use crate::http::limits::Limits;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_header_over_its_limit_is_answered_431() {
    let world = World::new(Limits::default());
    let padding = 16 * 1024 - "GET / HTTP/1.1\r\nhost: x\r\nx-pad: \r\n\r\n".len();
    let header = |bytes| format!("GET / HTTP/1.1\r\nhost: x\r\nx-pad: {}\r\n\r\n", "a".repeat(bytes));
    assert_eq!(world.client().ask(header(padding)).status, 200, "16 KiB are allowed");
    let mut client = world.client();
    let reply = client.ask(header(padding + 1));
    assert_eq!((reply.status, reply.closes()), (431, true));
    assert_eq!(reply.json()["error_code"], "HEAD_TOO_LARGE");
    has_a_made_id(&reply);
    assert!(client.is_closed());
}

/// Whether an answer to a request that nobody read has an id all the same, in header and body.
#[track_caller]
fn has_a_made_id(reply: &Reply) {
    let id = reply.header("x-polyai-correlation-id").expect("an id");
    assert_eq!((id.len(), reply.json()["error_id"].as_str()), (36, Some(id)));
}

#[test]
fn what_is_no_head_is_answered_400_in_the_envelope_alone_or_behind_other_requests() {
    let world = World::new(Limits::default());
    for before in 0..3 {
        let mut client = world.client();
        client
            .send(format!("{}no request\r\n\r\n", "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(before)))
            .unwrap();
        for _ in 0..before {
            assert_eq!(client.reply().unwrap().unwrap().status, 200);
        }
        let reply = client.reply().unwrap().unwrap();
        assert_eq!((reply.status, reply.closes()), (400, true));
        assert_eq!(reply.json()["errors"][0]["field"], "head");
        has_a_made_id(&reply);
        assert!(client.is_closed());
    }
    let mut client = world.client();
    assert_eq!(client.get("/").unwrap().unwrap().status, 200);
    has_a_made_id(&client.ask("GET / HTTP/9\r\n\r\n"));
}

#[test]
fn a_header_without_end_is_answered_431_and_not_reset() {
    let world = World::new(Limits::default());
    let mut client = world.client();
    let flood = format!("GET / HTTP/1.1\r\nx-pad: {}", "a".repeat(1 << 20));
    assert_eq!(client.ask(flood).status, 431);
    assert!(client.is_closed());
}

#[test]
fn too_many_headers_are_answered_431() {
    let world = World::new(Limits::default());
    let headers = "a: b\r\n".repeat(101);
    let reply = world.client().ask(format!("GET / HTTP/1.1\r\n{headers}\r\n"));
    assert_eq!((reply.status, reply.json()["error_code"].as_str()), (431, Some("HEAD_TOO_LARGE")));
    has_a_made_id(&reply);
}

#[test]
fn a_header_that_trickles_in_is_answered_408() {
    let world = World::new(Limits { header_timeout: SHORT, idle_timeout: LONG, ..Limits::default() });
    for first in ["", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut client = world.client();
        if !first.is_empty() {
            assert_eq!(client.ask(first).status, 200);
        }
        let mut bytes = client.socket.try_clone().unwrap();
        let start = Instant::now();
        let trickle = std::thread::spawn(move || {
            use std::io::Write;
            // Each byte alone is in time; all together are not.
            while bytes.write_all(b"G").is_ok() {
                std::thread::sleep(SHORT / 10);
            }
        });
        let reply = client.reply().unwrap().expect("an answer before the end");
        assert_eq!((reply.status, reply.closes()), (408, true));
        assert_eq!(reply.json()["error_code"], "REQUEST_TIMEOUT");
        assert!(start.elapsed() >= SHORT, "cut too early");
        assert!(client.is_closed());
        client.socket.shutdown(std::net::Shutdown::Both).unwrap();
        trickle.join().unwrap();
    }
}

#[test]
fn a_connection_that_never_asks_ends() {
    let world = World::new(Limits { header_timeout: SHORT, idle_timeout: LONG, ..Limits::default() });
    assert!(world.client().is_closed());
    eventually("the place is given back", || world.front.traffic.open() == 0);
}

#[test]
fn an_idle_connection_outlives_the_limit_of_a_header_but_not_its_own() {
    let limits = Limits { header_timeout: SHORT, idle_timeout: SHORT * 5, ..Limits::default() };
    let world = World::new(limits);
    let mut client = world.client();
    assert_eq!(client.get("/").unwrap().unwrap().status, 200);
    std::thread::sleep(SHORT * 3);
    assert_eq!(client.get("/").unwrap().unwrap().status, 200);
    let idle_since = Instant::now();
    assert!(client.is_closed());
    assert!(idle_since.elapsed() >= SHORT * 4, "closed too early");
}

#[test]
fn an_answer_that_is_not_read_ends_the_connection() {
    let world = World::new(Limits { idle_timeout: SHORT, header_timeout: SHORT, ..Limits::default() });
    let mut client = world.client();
    client.send("GET /big HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50)).unwrap();
    eventually("it is served", || world.front.traffic.accepted() == 1);
    eventually("it is cut", || world.front.traffic.open() == 0);
}

#[test]
fn a_long_answer_is_not_an_idle_connection() {
    let world = World::new(Limits { idle_timeout: SHORT, header_timeout: SHORT, ..Limits::default() });
    let mut client = world.client();
    client.send("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    std::thread::sleep(SHORT * 4);
    world.held.notify_one();
    assert_eq!(client.reply().unwrap().unwrap().status, 200);
}

#[test]
fn a_body_over_its_limit_is_answered_413_before_it_is_read() {
    let world = World::new(Limits { body_bytes_max: 100, ..Limits::default() });
    let mut client = world.client();
    let reply =
        client.ask("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 101\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!((reply.status, reply.closes()), (413, true));
    assert_eq!(reply.json()["error_code"], "PAYLOAD_TOO_LARGE");
    assert!(client.is_closed());
    let body = "a".repeat(100);
    let request = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{body}");
    assert_eq!(world.client().ask(request).status, 200, "the limit itself is allowed");
}

#[test]
fn a_body_that_conceals_its_length_is_counted() {
    let world = World::new(Limits { body_bytes_max: 100, ..Limits::default() });
    let chunk = format!("32\r\n{}\r\n", "a".repeat(0x32));
    let request =
        format!("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{}", chunk.repeat(3));
    assert_eq!(world.client().ask(request).status, 413);
}

#[test]
fn a_client_that_sends_ten_megabytes_too_many_can_read_why() {
    let world = World::new(Limits::default());
    let mut client = world.client();
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\n\r\n").unwrap();
    client.send(vec![b'a'; 10_000_000]).unwrap();
    assert_eq!(client.reply().unwrap().unwrap().status, 413);
    assert!(client.is_closed());
}

#[test]
fn a_body_byte_by_byte_is_answered_408() {
    let world = World::new(Limits { body_timeout: SHORT, ..Limits::default() });
    let mut client = world.client();
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n").unwrap();
    let mut bytes = client.socket.try_clone().unwrap();
    let trickle = std::thread::spawn(move || {
        use std::io::Write;
        (0..1000)
            .take_while(|_| {
                std::thread::sleep(SHORT / 10);
                bytes.write_all(b"a").is_ok()
            })
            .count()
    });
    let start = Instant::now();
    let reply = client.reply().unwrap().unwrap();
    assert_eq!((reply.status, reply.closes()), (408, true));
    assert!(start.elapsed() >= SHORT && start.elapsed() < SHORT * 20, "{:?}", start.elapsed());
    client.socket.shutdown(std::net::Shutdown::Both).unwrap();
    assert!(trickle.join().unwrap() < 1000);
}

#[test]
fn one_connection_too_many_is_told_to_come_again() {
    let world = World::new(Limits { connections_max: 2, ..Limits::default() });
    let mut served = [world.client(), world.client()];
    for client in &mut served {
        assert_eq!(client.get("/").unwrap().unwrap().status, 200);
    }
    for _ in 0..20 {
        let mut client = world.client();
        let reply = client.get("/").unwrap().unwrap();
        assert_eq!((reply.status, reply.header("retry-after"), reply.closes()), (503, Some("1"), true));
        assert_eq!(reply.json()["error_code"], "OVERLOADED");
        has_a_made_id(&reply);
        assert!(client.is_closed());
    }
    assert_eq!(served[0].get("/").unwrap().unwrap().status, 200, "those inside are not disturbed");
    assert_eq!(world.front.traffic.turned_away(), 20);
    drop(served);
    eventually("there is room again", || {
        world.client().get("/").is_ok_and(|reply| reply.unwrap().status == 200)
    });
}
