//! Splits that begin and end by the clock.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::world::World;

const NUMBER: &str = "+16505559000";

/// By how much the clock of the router, which runs on from its start, may differ from the wall clock.
const SKEW_MS: i64 = 250;
const HOUR_MS: i64 = 3_600_000;

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the router lives in real time")]
fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(now.as_millis()).unwrap()
}

/// A time as an operator writes it.
fn written(ms: i64) -> String {
    (OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(ms)).format(&Rfc3339).unwrap()
}

/// A split whose test arm has everything, so that whether it decides shows in every answer.
fn split(starts: &Value, ends: &Value) -> Value {
    json!({"id": "timed", "scope": {"numbers": [NUMBER]}, "startsAt": starts, "endsAt": ends,
           "arms": [{"id": "control", "agentId": "sales", "pin": "V1", "weight": 0},
                    {"id": "test", "agentId": "sales", "pin": "V2", "weight": 1}]})
}

fn decided(world: &World) -> Decided {
    let decision = world.route(NUMBER).must(200).json();
    (decision["version"].as_u64(), decision["reason"]["code"].as_str().unwrap().to_owned())
}

type Decided = (Option<u64>, String);

/// Asks without pause until after a time: answers that came before it are of one kind, what is asked after it of another.
#[track_caller]
fn turns_at(world: &World, time: i64, before: &Decided, after: &Decided) {
    loop {
        let asked = now_ms();
        let decided = decided(world);
        if now_ms() < time - SKEW_MS {
            assert_eq!(&decided, before, "answered {} ms before its time", time - asked);
        } else if asked > time + SKEW_MS {
            return assert_eq!(&decided, after, "asked {} ms after its time", asked - time);
        }
        assert!(decided == *before || decided == *after, "{decided:?}");
    }
}

#[test]
fn a_split_begins_and_ends_by_the_clock_and_is_the_control_before_and_after() {
    let world = World::example().running();
    let (control, test) = ((Some(1), "split_inactive".to_owned()), (Some(2), "number_split".to_owned()));
    let mut operator = world.operator();
    let far = split(&json!(written(now_ms() + HOUR_MS)), &json!(written(now_ms() + 2 * HOUR_MS)));
    operator.post("/v1/splits", &far).must(201);
    assert_eq!(decided(&world), control, "it has not begun");

    // However long the change takes: what is asked before its time and after it is told apart by the clock.
    let starts = now_ms() + 1_500;
    operator.patch("/v1/splits/timed", &json!({"startsAt": written(starts)})).must(200);
    let revision = world.revision();
    turns_at(&world, starts, &control, &test);
    let begun = world.call(NUMBER, "begun-in-it");
    assert_eq!(begun["split"]["arm"], "test");
    assert_eq!(world.revision(), revision, "nobody changed anything");

    let ends = now_ms() + 1_500;
    operator.patch("/v1/splits/timed", &json!({"endsAt": written(ends)})).must(200);
    turns_at(&world, ends, &test, &control);
    let body = json!({"to": NUMBER, "from": super::world::CALLER, "callId": "begun-in-it"});
    let again = world.gateway().post("/v1/calls", &body).must(200).json();
    assert_eq!(again["version"], 2, "a call that began in it keeps its arm");
}

#[test]
fn times_that_were_given_survive_a_restart() {
    let mut world = World::example().running();
    let (starts, ends) = (written(now_ms() - 60_000), written(now_ms() + HOUR_MS));
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
