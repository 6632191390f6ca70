//! Configurations, fetched by who runs them.

use serde_json::{Value, json};

use super::world::World;

#[test]
fn the_configuration_of_what_serves_is_told_once_and_then_known() {
    let mut world = World::new();
    world.number("+14155550100", "sales", "live");
    let path = world.get("/v1/route?to=%2B14155550100").json()["snapshot"].as_str().unwrap().to_owned();
    let snapshot = world.get_as("all", &path);
    assert_eq!((snapshot.status, &snapshot.json()["name"]), (200, &json!("sales 3")));
    let tag = format!("\"{}\"", path.strip_prefix("/v1/snapshots/").unwrap());
    assert_eq!(snapshot.header("etag"), Some(tag.as_str()));
    assert_eq!(snapshot.header("cache-control"), Some("private, max-age=31536000, immutable"));
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let reply = world.send("GET", &path, &[("x-api-key", "all"), ("if-none-match", &known)], b"");
        assert_eq!((reply.status, reply.body.len()), (304, 0), "{known}");
        assert_eq!(reply.header("etag"), Some(tag.as_str()));
    }
    let other = world.send("GET", &path, &[("x-api-key", "all"), ("if-none-match", "\"x\"")], b"");
    assert_eq!(other.status, 200);
}

#[test]
fn a_call_in_progress_keeps_its_configuration_and_nothing_else_does() {
    let mut world = World::new();
    let before = world.draft("sales", json!({"instructions": {"welcomeMessage": "before"}}));
    world.number("+14155550100", "sales", "draft");
    let call: Value = world.post("/v1/calls", json!({"to": "+14155550100", "callId": "c"})).json();
    let path = format!("/v1/snapshots/{before}");
    assert_eq!(call["snapshot"], json!(path));
    world.draft("sales", json!({"instructions": {"welcomeMessage": "after"}}));
    assert_eq!(world.get_as("all", &path).status, 200);
    world.post("/v1/calls/c/end", json!({}));
    world.clock.advance(std::time::Duration::from_secs(601));
    world.plane.sweep(world.plane.now());
    // Both workers must have let go of the older table.
    let gone = || {
        world.get("/v1/route?to=1");
        world.plane.sweep(world.plane.now());
        world.get_as("all", &path).status == 404
    };
    crate::http::tests::world::eventually("the body is gone", gone);
}

#[test]
fn a_hash_that_is_none_is_malformed_and_one_nobody_has_is_not_there() {
    let world = World::new();
    assert_eq!(world.get_as("all", "/v1/snapshots/V3").status, 422);
    assert_eq!(world.get_as("all", &format!("/v1/snapshots/{}", "0".repeat(32))).status, 404);
}
