//! Splits that begin and end by the clock.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::world::World;

const NUMBER: &str = "+16505559000";

/// The time so many milliseconds from now, as an operator writes it.
#[expect(clippy::disallowed_methods, reason = "the router lives in real time")]
fn in_ms(ms: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let at = OffsetDateTime::UNIX_EPOCH + now + time::Duration::milliseconds(ms);
    at.format(&Rfc3339).unwrap()
}

/// A split whose test arm has everything, so that whether it decides shows in every answer.
fn split(starts: &Value, ends: &Value) -> Value {
    json!({"id": "timed", "scope": {"numbers": [NUMBER]}, "startsAt": starts, "endsAt": ends,
           "arms": [{"id": "control", "agentId": "sales", "pin": "V1", "weight": 0},
                    {"id": "test", "agentId": "sales", "pin": "V2", "weight": 1}]})
}

fn decided(world: &World) -> (Option<u64>, String) {
    let decision = world.route(NUMBER).must(200).json();
    (decision["version"].as_u64(), decision["reason"]["code"].as_str().unwrap().to_owned())
}

#[test]
fn a_split_begins_and_ends_by_the_clock_and_is_the_control_before_and_after() {
    let world = World::example().running();
    let (starts, ends) = (in_ms(1_500), in_ms(3_500));
    world.operator().post("/v1/splits", &split(&json!(starts), &json!(ends))).must(201);
    let (control, test) = ((Some(1), "split_inactive".to_owned()), (Some(2), "number_split".to_owned()));
    assert_eq!(decided(&world), control, "it has not begun");
    world.until("it begins", |world| decided(world) == test);
    let begun = world.call(NUMBER, "begun-in-it");
    assert_eq!(begun["split"]["arm"], "test");
    world.until("it ends", |world| decided(world) == control);
    let body = json!({"to": NUMBER, "from": super::world::CALLER, "callId": "begun-in-it"});
    let again = world.gateway().post("/v1/calls", &body).must(200).json();
    assert_eq!(again["version"], 2, "a call that began in it keeps its arm");
}

#[test]
fn times_that_were_given_survive_a_restart() {
    let mut world = World::example().running();
    let (starts, ends) = (in_ms(-60_000), in_ms(3_600_000));
    world.operator().post("/v1/splits", &split(&json!(starts), &json!(ends))).must(201);
    let before = world.operator().get("/v1/splits/timed").must(200).json();
    world.kill_9();
    world.start();
    let after = world.operator().get("/v1/splits/timed").must(200).json();
    assert_eq!(
        (&after["startsAt"], &after["endsAt"], &after["salt"]),
        (&before["startsAt"], &before["endsAt"], &before["salt"])
    );
    assert_eq!(decided(&world).0, Some(2));
}
