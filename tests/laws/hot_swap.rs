//! Changes in the middle of traffic: no call fails, calls that have begun keep their version, all later ones get the new.

use std::time::Instant;

use serde_json::json;

use super::load::{Load, Told};
use super::world::{AT_LIVE, CALLER, PINNED_TO_V1, World, encoded};

const CALLS: usize = 1_000;

/// A number at `V1` that only the API routes.
const OF_THE_API: &str = "+14155550800";

/// Between which instants a change came into force.
struct Change {
    sent: Instant,
    acknowledged: Instant,
}

/// Traffic on a number at V1, and in the middle of it a change to V2.
fn traffic(world: &World, to: &'static str, change: impl FnOnce()) -> (Told, Change) {
    let load = Load::on(world, to);
    load.more(CALLS);
    let sent = Instant::now();
    change();
    let acknowledged = Instant::now();
    load.more(CALLS);
    (load.stop(), Change { sent, acknowledged })
}

#[track_caller]
fn obeyed(world: &World, to: &str, told: &Told, change: &Change) {
    assert!(told.calls.len() >= 2 * CALLS);
    for call in &told.calls {
        if call.answered < change.sent {
            assert_eq!(call.version, 1, "{call:?} was answered before the change");
        }
        if call.asked > change.acknowledged {
            assert_eq!(call.version, 2, "{call:?} was asked after the change was acknowledged");
        }
    }
    let earlier = told.calls.iter().filter(|call| call.version == 1).count();
    assert!(earlier >= CALLS && told.calls.len() - earlier >= CALLS, "{earlier} of {}", told.calls.len());
    let mut gateway = world.gateway();
    for (at, call) in told.calls.iter().enumerate() {
        let body = json!({"to": to, "from": CALLER, "callId": call.id});
        let again = gateway.post("/v1/calls", &body).must(200).json();
        assert_eq!(again["version"], call.version, "{call:?} asked again");
        if at % 10 == 0 {
            let body = json!({"to": to, "from": CALLER, "callId": format!("leg-of-{}", call.id), "token": call.token});
            let leg = gateway.post("/v1/calls", &body).must(201).json();
            assert_eq!(leg["version"], call.version, "{call:?} by its token");
        }
    }
}

#[test]
fn a_deployment_by_file_in_the_middle_of_traffic_moves_new_calls_and_no_others() {
    let world = World::example().running();
    let revision = world.revision();
    let (told, change) = traffic(&world, AT_LIVE, || {
        world.put_live("V2");
        world.until("the deployment is in force", |world| world.revision() > revision);
    });
    obeyed(&world, AT_LIVE, &told, &change);
}

#[test]
fn a_pin_changed_by_file_in_the_middle_of_traffic_moves_new_calls_and_no_others() {
    let world = World::example().running();
    let revision = world.revision();
    let (told, change) = traffic(&world, PINNED_TO_V1, || {
        let text = world.text("routes/example.toml").replacen("pin = \"V1\"\n", "pin = \"V2\"\n", 1);
        world.save("routes/example.toml", &text);
        world.until("the pin is in force", |world| world.revision() > revision);
    });
    obeyed(&world, PINNED_TO_V1, &told, &change);
}

#[test]
fn a_pin_changed_by_the_api_in_the_middle_of_traffic_moves_new_calls_and_no_others() {
    let world = World::example().running();
    let mut operator = world.operator();
    let path = format!("/v1/numbers/{}", encoded(OF_THE_API));
    operator.put(&path, &json!({"agentId": "sales", "pin": "V1"})).must(200);
    let (told, change) = traffic(&world, OF_THE_API, || {
        operator.put(&path, &json!({"agentId": "sales", "pin": "V2"})).must(200);
    });
    obeyed(&world, OF_THE_API, &told, &change);
}

#[test]
fn changes_without_pause_let_no_call_fail_and_no_answer_lag_behind() {
    let world = World::example().running();
    let mut operator = world.operator();
    let path = format!("/v1/numbers/{}", encoded(OF_THE_API));
    let load = Load::on(&world, AT_LIVE);
    let mut gateway = world.gateway();
    for change in 0..200 {
        let version = 1 + change % 2;
        operator.put(&path, &json!({"agentId": "sales", "pin": format!("V{version}")})).must(200);
        let answer = gateway.get(&format!("/v1/route?to={}", encoded(OF_THE_API))).must(200).json();
        assert_eq!(answer["version"], version, "after change {change}");
    }
    let told = load.stop();
    assert!(told.calls.iter().all(|call| call.version == 1), "nobody touched the other number");
}
