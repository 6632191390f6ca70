//! Calls in progress, and how they end.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Plan, START_MS, World, field};
use crate::domain::time::Timestamp;

fn world() -> World {
    let mut world = World::new();
    world.number("+14155550100", "sales", "live");
    world
}

fn call(id: &str) -> Value {
    json!({"to": "+14155550100", "callId": id})
}

#[test]
fn a_call_is_shown_while_it_is_in_progress_and_ten_minutes_after() {
    let world = world();
    let id = "a/b c ü";
    let path = "/v1/calls/a%2Fb%20c%20%C3%BC";
    let decided =
        world.post("/v1/calls", json!({"to": "+14155550100", "callId": id, "gateway": "http"})).json();
    let shown = world.get_as("all", path).json();
    assert_eq!(shown["decision"]["decisionId"], decided["decisionId"]);
    assert_eq!(shown["decision"]["version"], 3);
    let start = Timestamp(START_MS).to_string();
    for (key, value) in [
        ("callId", json!(id)),
        ("gateway", json!("http")),
        ("to", json!("+14155550100")),
        ("startedAt", json!(start)),
        ("endedAt", Value::Null),
        ("outcome", Value::Null),
        ("inProgress", json!(true)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    world.clock.advance(Duration::from_secs(90));
    let said = json!({"outcome": "transferred", "automated": false, "sentiment": 0.5, "handoff": true});
    let ended = world.post(&format!("{path}/end"), said);
    assert_eq!((ended.status, &ended.json()["ended"]), (200, &json!(true)));
    let shown = world.get_as("all", path).json();
    for (key, value) in [
        ("endedAt", json!(Timestamp(START_MS + 90_000).to_string())),
        ("durationSeconds", json!(90.0)),
        ("outcome", json!("transferred")),
        ("automated", json!(false)),
        ("sentiment", json!(0.5)),
        ("handoff", json!(true)),
        ("inProgress", json!(false)),
    ] {
        assert!(shown[key] == value || shown[key].as_f64() == value.as_f64(), "{key}: {}", shown[key]);
    }
    world.clock.advance(Duration::from_secs(599));
    world.plane.sweep(world.plane.now());
    assert_eq!(world.get_as("all", path).status, 200);
    world.clock.advance(Duration::from_secs(1));
    world.plane.sweep(world.plane.now());
    assert_eq!(world.get_as("all", path).status, 404);
}

#[test]
fn the_first_end_stands() {
    let world = world();
    world.post("/v1/calls", call("c"));
    let first = world.post("/v1/calls/c/end", json!({"outcome": "failed", "durationSeconds": 5}));
    let second = world.post("/v1/calls/c/end", json!({"outcome": "completed", "durationSeconds": 9}));
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json(), second.json());
    assert_eq!(second.json()["outcome"], "failed");
    assert_eq!(world.metric("cordboard_calls_ended_total", "outcome=\"failed\""), 1.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", "outcome=\"completed\""), 0.0);
}

#[test]
fn what_started_less_what_ended_is_in_progress() {
    let world = world();
    for n in 0..10 {
        world.post("/v1/calls", call(&format!("c{n}")));
        world.post("/v1/calls", call(&format!("c{n}")));
    }
    let in_progress = || world.metric("cordboard_calls_in_progress", "");
    assert_eq!(world.metric("cordboard_calls_started_total", "version=\"V3\",environment=\"live\""), 10.0);
    assert_eq!(in_progress(), 10.0);
    for n in 0..4 {
        world.post(&format!("/v1/calls/c{n}/end"), json!({}));
    }
    assert_eq!(in_progress(), 6.0);
    world.clock.advance(Duration::from_secs(6 * 3_600));
    assert_eq!(world.plane.sweep(world.plane.now()), 6);
    assert_eq!(in_progress(), 0.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", ""), 10.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", "outcome=\"unknown\""), 6.0);
    let late = world.post("/v1/calls/c9/end", json!({"outcome": "failed"}));
    assert_eq!(late.json()["outcome"], "failed", "a real end replaces a time-out's");
    assert_eq!((in_progress(), world.metric("cordboard_calls_ended_total", "")), (0.0, 10.0));
}

#[test]
fn an_unknown_call_ends_by_its_token_and_only_by_it() {
    let (here, elsewhere) = (world(), world());
    let token = elsewhere.post("/v1/calls", call("c")).json()["token"].clone();
    let unknown = here.post("/v1/calls/c/end", json!({}));
    assert_eq!((unknown.status, &unknown.json()["error_code"]), (404, &json!("CALL_NOT_FOUND")));
    assert_eq!(here.post("/v1/calls/c/end", json!({"token": "forged"})).status, 404);
    for _ in 0..2 {
        let end = json!({"token": token, "outcome": "failed", "durationSeconds": 30});
        let ended = here.post("/v1/calls/c/end", end);
        assert_eq!((ended.status, &ended.json()["outcome"]), (200, &json!("failed")));
    }
    assert_eq!(here.metric("cordboard_calls_ended_total", "version=\"V3\""), 1.0);
    assert_eq!(here.metric("cordboard_calls_in_progress", ""), 0.0);
}

#[test]
fn a_call_cannot_end_before_it_began_nor_long_from_now_but_clocks_may_differ_by_a_minute() {
    let world = world();
    world.post("/v1/calls", call("c"));
    let ended_at = |ms: i64| json!({"endedAt": Timestamp(ms).to_string()});
    for off in [-60_001, 3_600_000] {
        let refused = world.post("/v1/calls/c/end", ended_at(START_MS + off));
        assert_eq!((refused.status, field(&refused)), (400, "endedAt".to_owned()));
    }
    let ended = world.post("/v1/calls/c/end", ended_at(START_MS - 2_000));
    assert_eq!((ended.status, &ended.json()["durationSeconds"]), (200, &json!(0)));
}

#[test]
fn a_call_without_room_is_answered_with_its_token_and_counted() {
    let mut world = World::with(Plan { calls_max: 1, ..Plan::default() });
    world.number("+14155550100", "sales", "live");
    world.post("/v1/calls", call("first"));
    let second = world.post("/v1/calls", call("second"));
    assert_eq!((second.status, second.json()["token"].is_string()), (201, true));
    assert_eq!(world.metric("cordboard_calls_not_remembered_total", ""), 1.0);
    assert_eq!(world.get_as("all", "/v1/calls/first").status, 200);
    assert_eq!(world.get_as("all", "/v1/calls/second").status, 404);
}
