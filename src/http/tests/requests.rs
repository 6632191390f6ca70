//! What a client that behaves may expect.

use std::net::Shutdown;

use super::world::{Client, World};
use crate::http::limits::Limits;

fn post(body: &[u8]) -> Vec<u8> {
    let mut request =
        format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend_from_slice(body);
    request
}

#[test]
fn a_connection_keeps_its_peer_and_its_state_over_many_requests() {
    let world = World::new(Limits::default());
    let mut client = world.client();
    let me = client.socket.local_addr().unwrap();
    for before in 0..10 {
        assert_eq!(client.get("/").unwrap().unwrap().text(), format!("{me} {before}"));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let world = World::new(Limits::default());
    let mut client = world.client();
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(500)).unwrap();
    for before in 0..500 {
        let reply = client.reply().unwrap().unwrap();
        assert!(reply.text().ends_with(&format!(" {before}")), "{reply:?}");
    }
}

#[test]
fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let world = World::new(Limits::default());
    let mut client = world.client();
    assert_eq!(client.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HT").status, 200);
    assert_eq!(client.ask("TP/1.1\r\nhost: x\r\n\r\n").status, 200);
}

#[test]
fn requests_before_a_malformed_one_are_answered() {
    let world = World::new(Limits::default());
    let mut client = world.client();
    client.send(format!("{}no request\r\n\r\n", "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3))).unwrap();
    let statuses = [(); 4].map(|()| client.reply().unwrap().unwrap().status);
    assert_eq!(statuses, [200, 200, 200, 400]);
    assert!(client.is_closed());
}

#[test]
fn ten_megabytes_arrive_whole() {
    let world = World::new(Limits { body_bytes_max: 10_000_000, ..Limits::default() });
    let body: Vec<u8> = (0..10_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let reply = world.client().ask(post(&body));
    assert_eq!(reply.text(), format!("10000000 {}", blake3::hash(&body)));
}

#[test]
fn a_body_in_chunks_is_the_same_body() {
    let world = World::new(Limits::default());
    let reply = world.client().ask(
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    );
    assert_eq!(reply.text(), format!("7 {}", blake3::hash(b"abcdefg")));
}

#[test]
fn an_empty_body_needs_no_length() {
    let world = World::new(Limits::default());
    assert_eq!(
        world.client().ask("POST / HTTP/1.1\r\nhost: x\r\n\r\n").text(),
        format!("0 {}", blake3::hash(b""))
    );
}

#[test]
fn a_body_that_breaks_off_is_refused_by_name() {
    let world = World::new(Limits::default());
    let mut client = world.client();
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc").unwrap();
    client.socket.shutdown(Shutdown::Write).unwrap();
    let reply = client.reply().unwrap().unwrap();
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["errors"][0]["field"], "body");
    assert!(client.is_closed());
}

#[test]
fn a_client_that_stops_sending_still_gets_its_answer() {
    let world = World::new(Limits::default());
    let mut client = world.client();
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    client.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.reply().unwrap().unwrap().status, 200);
    assert!(client.is_closed());
}

#[test]
fn many_clients_at_once_are_all_answered() {
    let world = World::new(Limits::default());
    let mut clients: Vec<Client> = (0..200).map(|_| world.client()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    }
    for client in &mut clients {
        assert_eq!(client.reply().unwrap().unwrap().status, 200);
    }
}
