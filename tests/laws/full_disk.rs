//! A disk that is full: changes are refused, calls are not.

use serde_json::json;

use super::http::Client;
use super::mount::SmallDisk;
use super::world::{AT_LIVE, PINNED_TO_V1, World};

/// Changes until one cannot be kept, whose code is answered.
fn change_until_refused(operator: &mut Client) -> (u64, String) {
    for at in 0..20_000 {
        let path = format!("/v1/numbers/%2B1650555{:04}", at % 10_000);
        let headers = json!({"X-Filling": "x".repeat(200), "X-At": at.to_string()});
        let reply = operator.put(&path, &json!({"agentId": "sales", "pin": "V1", "headers": headers}));
        if reply.status != 200 {
            assert_eq!(reply.status, 503, "{}", reply.body);
            return (at, reply.json()["error_code"].as_str().unwrap().to_owned());
        }
    }
    panic!("the disk is not full");
}

#[test]
fn with_a_full_disk_changes_are_refused_and_calls_are_answered_until_there_is_room() {
    let world = World::example();
    let Some(disk) = SmallDisk::mount(&world.data(), 4_096) else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    let mut world = world.running();
    let mut operator = world.operator();
    disk.fill();
    let (at, code) = change_until_refused(&mut operator);
    assert_eq!(code, "STORE_UNAVAILABLE");
    let status = world.status();
    assert_eq!(status["store"]["ok"], false, "{status}");
    let refused = format!("/v1/numbers/%2B1650555{:04}", at % 10_000);
    if at < 10_000 {
        assert_eq!(operator.get(&refused).status, 404, "what was refused is not in force");
    }
    for call in 0..100 {
        assert_eq!(world.call(PINNED_TO_V1, &format!("full-{call}"))["version"], 1);
        let end = format!("/v1/calls/full-{call}/end");
        world.gateway().post(&end, &json!({})).must(200);
    }
    // Files cannot be kept either: refused, and the last good ones serve.
    world.put_live("V2");
    world.until("the files are refused", |world| world.status()["reload"]["ok"] == false);
    assert_eq!(world.version_at(AT_LIVE), Some(1));
    assert!(world.runs() && !world.log().contains("panicked"), "{}", world.log());

    disk.make_room();
    operator.put(&refused, &json!({"agentId": "sales", "pin": "V2"})).must(200);
    assert_eq!(world.status()["store"]["ok"], true);
    assert_eq!(world.client(&["reload"]).code(), 0);
    assert_eq!(world.version_at(AT_LIVE), Some(2));
    world.kill_9();
    world.start();
    assert_eq!(world.operator().get(&refused).must(200).json()["pin"], "V2");
    assert_eq!(world.version_at(AT_LIVE), Some(2));
    world.kill_9();
}
