//! Changes in the middle of traffic: no call fails, calls that have begun keep their version, all later ones get the new.

use std::time::Instant;

use serde_json::json;

use super::load::{Load, Told};
use super::world::{AT_LIVE, CALLER, PINNED_TO_V1, World, encoded};

const CALLS: usize = 1_000;
const GATEWAYS: usize = 8;

/// A number that only the API routes.
const OF_THE_API: &str = "+14155550800";

/// A change of the version of a number, and between which instants it came into force.
struct Change {
    from: u64,
    into: u64,
    sent: Instant,
    acknowledged: Instant,
}

/// More workers than cores, so that one that looks at an old table is found out.
fn world() -> World {
    World::example().with_variable("CORDBOARD_CALLS_WORKERS", "4")
}

/// Callers of a number, and in the middle of them a change from one version into another, which moves new calls and no
/// others: none of them fails, in each half are 1,000 calls at least.
fn moves_new_calls_only(world: &World, to: &'static str, versions: (u64, u64), change: impl FnOnce()) {
    let load = Load::on(world, to);
    load.more(CALLS);
    let sent = Instant::now();
    change();
    let acknowledged = Instant::now();
    load.more(CALLS);
    let told = load.stop();
    let change = Change { from: versions.0, into: versions.1, sent, acknowledged };
    begins(&told, &change);
    goes_on(world, to, &told);
    ends(world, &told, &change);
}

/// Which version calls begin with.
#[track_caller]
fn begins(told: &Told, Change { from, into, sent, acknowledged }: &Change) {
    for call in &told.calls {
        if call.answered < *sent {
            assert_eq!(call.version, *from, "{call:?} was answered before the change");
        }
        if call.asked > *acknowledged {
            assert_eq!(call.version, *into, "{call:?} was asked after the change was acknowledged");
        }
        assert!(call.version == *from || call.version == *into, "{call:?}");
    }
    let earlier = told.calls.iter().filter(|call| call.version == *from).count();
    assert!(earlier >= CALLS && told.calls.len() - earlier >= CALLS, "{earlier} of {}", told.calls.len());
}

/// They keep it: asked again, and by their token.
#[track_caller]
fn goes_on(world: &World, to: &str, told: &Told) {
    let mut gateway = world.gateway();
    for (at, call) in told.calls.iter().enumerate() {
        let body = json!({"to": to, "from": CALLER, "callId": call.id});
        let again = gateway.post("/v1/calls", &body).must(200).json();
        assert_eq!(again["version"], call.version, "{call:?} asked again");
        if at % 10 == 0 {
            let id = format!("leg-of-{}", call.id);
            let body = json!({"to": to, "from": CALLER, "callId": id, "token": call.token});
            let leg = gateway.post("/v1/calls", &body).must(201).json();
            assert_eq!(leg["version"], call.version, "{call:?} by its token");
            gateway.post(&format!("/v1/calls/{id}/end"), &json!({"outcome": "transferred"})).must(200);
        }
    }
}

/// They end on it, and are counted for it.
#[track_caller]
fn ends(world: &World, told: &Told, Change { from, into, .. }: &Change) {
    let mut gateway = world.gateway();
    for call in &told.calls {
        gateway.post(&format!("/v1/calls/{}/end", call.id), &json!({"outcome": "completed"})).must(200);
    }
    for version in [from, into] {
        let begun = told.calls.iter().filter(|call| call.version == *version).count();
        let labels = [&*format!("version=\"V{version}\""), "outcome=\"completed\""];
        let ended = world.metric("cordboard_calls_ended_total", &labels);
        #[expect(clippy::cast_precision_loss, reason = "few calls")]
        let begun = begun as f64;
        assert_eq!(ended, begun, "calls that ended on V{version}, of those that began on it");
    }
    assert_eq!(world.status()["callsInProgress"], 0);
}

#[test]
fn a_deployment_by_file_in_the_middle_of_traffic_moves_new_calls_and_no_others() {
    let world = world().running();
    let revision = world.revision();
    moves_new_calls_only(&world, AT_LIVE, (1, 2), || {
        world.put_live("V2");
        world.until("the deployment is in force", |world| world.revision() > revision);
    });
}

#[test]
fn a_rollback_by_file_in_the_middle_of_traffic_moves_new_calls_and_no_others() {
    let world = world();
    world.put_live("V2");
    let world = world.running();
    let revision = world.revision();
    moves_new_calls_only(&world, AT_LIVE, (2, 1), || {
        world.put_live("V1");
        world.until("the rollback is in force", |world| world.revision() > revision);
    });
}

#[test]
fn a_pin_changed_by_file_in_the_middle_of_traffic_moves_new_calls_and_no_others() {
    let world = world().running();
    let revision = world.revision();
    moves_new_calls_only(&world, PINNED_TO_V1, (1, 2), || {
        let text = world.text("routes/example.toml").replacen("pin = \"V1\"\n", "pin = \"V2\"\n", 1);
        world.save("routes/example.toml", &text);
        world.until("the pin is in force", |world| world.revision() > revision);
    });
}

#[test]
fn a_pin_rolled_back_by_the_api_in_the_middle_of_traffic_moves_new_calls_and_no_others() {
    let world = world().running();
    let mut operator = world.operator();
    let path = format!("/v1/numbers/{}", encoded(OF_THE_API));
    operator.put(&path, &json!({"agentId": "sales", "pin": "V2"})).must(200);
    moves_new_calls_only(&world, OF_THE_API, (2, 1), || {
        operator.put(&path, &json!({"agentId": "sales", "pin": "V1"})).must(200);
    });
}

#[test]
fn changes_without_pause_let_no_call_fail_and_no_answer_lag_behind() {
    let world = world().running();
    let mut operator = world.operator();
    let path = format!("/v1/numbers/{}", encoded(OF_THE_API));
    let load = Load::on(&world, AT_LIVE);
    // On connections of their own, so that every worker has some of them.
    let mut gateways: Vec<_> = (0..GATEWAYS).map(|_| world.gateway()).collect();
    let question = format!("/v1/route?to={}", encoded(OF_THE_API));
    for change in 0..200 {
        let version = 1 + change % 2;
        operator.put(&path, &json!({"agentId": "sales", "pin": format!("V{version}")})).must(200);
        for (at, gateway) in gateways.iter_mut().enumerate() {
            let answer = gateway.get(&question).must(200).json();
            assert_eq!(answer["version"], version, "after change {change}, on connection {at}");
        }
    }
    let told = load.stop();
    assert!(told.calls.iter().all(|call| call.version == 1), "nobody touched the other number");
}
