//! What is wrong with a request is told, by name.

use std::time::Duration;

use serde_json::json;

use super::world::{Plan, World, field};
use crate::http::limits::Limits;

#[test]
fn every_error_has_the_envelope_and_the_correlation_id() {
    let world = World::new();
    let reply = world.send("GET", "/v1/route", &[("X-PolyAI-Correlation-Id", "mine-1")], b"");
    assert_eq!(reply.header("x-polyai-correlation-id"), Some("mine-1"));
    let error = reply.json();
    assert_eq!(
        error,
        json!({
            "success": false, "error": "to: is missing", "error_id": "mine-1", "error_code": "VALIDATION_FAILED",
            "error_message": "to: is missing", "data": null, "message": "to: is missing",
            "errors": [{"field": "to", "message": "is missing"}],
        })
    );
    let made = world.get("/v1/nothing");
    assert_eq!(made.header("x-polyai-correlation-id"), made.json()["error_id"].as_str());
}

#[test]
fn a_wrong_path_is_404_and_a_wrong_method_405_with_those_that_are_right() {
    let world = World::new();
    for path in ["/", "/v1", "/v1/calls/", "/v1/calls/a/b", "/v1/calls//end", "/v1/route/", "/v2/route"] {
        assert_eq!(world.get(path).status, 404, "{path}");
    }
    for (method, path, allow) in [
        ("GET", "/v1/calls", "POST"),
        ("POST", "/v1/route", "GET"),
        ("DELETE", "/v1/calls/c", "GET"),
        ("GET", "/v1/calls/c/end", "POST"),
        ("PUT", "/v1/snapshots/x", "GET"),
    ] {
        let reply = world.send(method, path, &[], b"");
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{method} {path}");
    }
}

#[test]
fn every_bad_address_is_named_and_no_caller_is_bad() {
    let world = World::new();
    for to in ["", "%2B", "%2B123456", "%2B1234567890123456", "%2B1415abc", "tel:", "sip:h", "a%00b"] {
        let reply = world.get(&format!("/v1/route?to={to}"));
        assert_eq!((reply.status, field(&reply)), (400, "to".to_owned()), "{to}");
    }
    let long = "x".repeat(65);
    for (to, status) in
        [(long.as_str(), 400), ("4155550100", 404), ("reception", 404), ("%2B14155550100", 404)]
    {
        assert_eq!(world.get(&format!("/v1/route?to={to}")).status, status, "{to}");
    }
    for from in ["", "%2B", "%2B1", "anonymous", "a%00b", "sip:", &"x".repeat(5_000)] {
        let reply = world.get(&format!("/v1/route?to=%2B14155550100&from={from}"));
        assert_eq!(reply.status, 404, "{from}");
    }
}

#[test]
fn every_bad_body_is_refused_and_named() {
    let world = World::new();
    let deep = "[".repeat(60_000);
    let nested = format!("{{\"headers\":{deep}");
    for (body, named) in [
        ("", "to"),
        ("{}", "to"),
        ("nonsense", "body"),
        ("{\"to\":\"\0\"}", "body"),
        (deep.as_str(), "body"),
        (nested.as_str(), "body"),
        (r#"{"to":14155550100}"#, "to"),
        (r#"{"to":"+14155550100","callId":7}"#, "callId"),
        (r#"{"to":"+14155550100","headers":{"X-A":["b"]}}"#, "headers.X-A"),
    ] {
        let reply = world.send("POST", "/v1/calls", &[("content-type", "text/plain")], body.as_bytes());
        let shown: String = body.chars().take(60).collect();
        assert_eq!((reply.status, field(&reply)), (400, named.to_owned()), "{shown}");
    }
    let long = "x".repeat(257);
    for reply in [world.get_as("all", &format!("/v1/calls/{long}")), world.get_as("all", "/v1/calls/%ff")] {
        assert_eq!((reply.status, field(&reply)), (422, "callId".to_owned()));
    }
}

#[test]
fn a_body_too_large_or_too_slow_ends_the_connection_and_no_other() {
    let limits =
        Limits { body_bytes_max: 64 * 1024, body_timeout: Duration::from_millis(200), ..Limits::default() };
    let mut world = World::with(Plan { limits, ..Plan::default() });
    world.number("+14155550100", "sales", "live");
    let head = |length: usize| {
        format!("POST /v1/calls HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n")
    };
    let mut large = world.client();
    let reply = large.ask(head(10_000_000));
    assert_eq!((reply.status, reply.closes()), (413, true));
    let mut slow = world.client();
    slow.send(head(1_000)).unwrap();
    slow.send("{").unwrap();
    let reply = slow.reply().unwrap().unwrap();
    assert_eq!((reply.status, reply.closes()), (408, true));
    assert_eq!(world.get("/v1/route?to=%2B14155550100").status, 200);
}
