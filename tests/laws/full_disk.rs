//! A disk that is full: changes are refused, calls are not.

use serde_json::json;

use super::http::Client;
use super::mount::{Place, SmallDisk};
use super::skipped::skip;
use super::world::{AT_LIVE, PINNED_TO_V1, World};

/// No file may grow beyond this: enough for what a start writes, not for many changes.
const BYTES_MAX: u64 = 256 << 10;

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

/// What holds where nothing more can be written, until there is room again.
fn refuses_changes_and_answers_calls(mut world: World, make_room: impl FnOnce(&World)) {
    let mut operator = world.operator();
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

    make_room(&world);
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

#[test]
fn with_a_full_disk_changes_are_refused_and_calls_are_answered_until_there_is_room() {
    let law = "full_disk::with_a_full_disk_changes_are_refused_and_calls_are_answered_until_there_is_room";
    let world = World::example();
    match SmallDisk::mount(&world.data(), 4_096, law) {
        Place::Here(disk) => {
            let world = world.running();
            disk.fill();
            refuses_changes_and_answers_calls(world, |_| disk.make_room());
        }
        Place::Elsewhere => {}
        Place::Nowhere => {
            skip(law, "this user may not mount a small disk, not even in a namespace of its own");
        }
    }
}

/// A quota, as it were: needs no right to mount, so that no machine passes without having been refused a write.
#[test]
fn where_files_may_grow_no_more_changes_are_refused_and_calls_are_answered_until_they_may() {
    let world = World::example().running();
    world.limit_files(Some(BYTES_MAX));
    refuses_changes_and_answers_calls(world, |world| world.limit_files(None));
}

#[test]
fn a_log_that_cannot_be_written_stops_neither_changes_nor_calls() {
    let mut world =
        World::example().with_variable("CORDBOARD_LOG", "debug").with_log_to("/dev/full").running();
    let mut operator = world.operator();
    for at in 0..20 {
        let path = format!("/v1/numbers/%2B1650555{at:04}");
        operator.put(&path, &json!({"agentId": "sales", "pin": "V1"})).must(200);
        assert_eq!(world.call(PINNED_TO_V1, &format!("unlogged-{at}"))["version"], 1);
    }
    world.put_live("V2");
    world.until("the deployment is in force", |world| world.version_at(AT_LIVE) == Some(2));
    world.edit("routes/bad.toml", "garbage");
    world.until("it is refused", |world| world.status()["reload"]["ok"] == false);
    assert_eq!(world.terminate().code(), 0);
}
