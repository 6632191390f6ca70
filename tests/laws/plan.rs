//! Many changes as one: seen before they are made, made as one revision or not at all.

use std::fs;

use serde_json::{Value, json};

use super::world::{AT_LIVE, IN_SPLIT, PINNED_TO_V1, World};

const NEW: &str = "+442079460001";

fn change(method: &str, path: &str, body: Value) -> Value {
    let mut change = json!({"method": method, "path": path});
    change["body"] = body;
    change
}

/// A split of 80 and 20 with a number of the API in it, and the number of the API at V1.
fn world() -> World {
    let world = World::example().with("routes/example.toml", "").running();
    let arms = json!([
        {"id": "control", "agentId": "sales", "pin": "V1", "weight": 80},
        {"id": "test", "agentId": "sales", "pin": "V2", "weight": 20},
    ]);
    let made = json!({"id": "spring", "arms": arms, "scope": {"numbers": [IN_SPLIT]}});
    world.operator().post("/v1/splits", &made).must(201);
    for (number, pin) in [(PINNED_TO_V1, "V1"), (AT_LIVE, "live")] {
        let path = format!("/v1/numbers/{number}");
        world.operator().put(&path, &json!({"agentId": "sales", "pin": pin})).must(200);
    }
    world
}

fn shift() -> Value {
    change(
        "PATCH",
        "/v1/splits/spring",
        json!({"arms": [{"id": "control", "weight": 50}, {"id": "test", "weight": 50}]}),
    )
}

fn pin_to(number: &str, pin: &str) -> Value {
    change("PUT", &format!("/v1/numbers/{number}"), json!({"agentId": "sales", "pin": pin}))
}

/// The arm of each of many callers.
fn arms(world: &World) -> Vec<String> {
    let arm = |n: u32| {
        let decision = world.route_of(IN_SPLIT, &format!("+1202555{n:04}")).must(200).json();
        decision["split"]["arm"].as_str().unwrap().to_owned()
    };
    (0..400).map(arm).collect()
}

#[test]
fn changes_are_made_as_one_revision_and_survive_a_kill_or_none_is_made() {
    let mut world = world();
    let revision = world.revision();
    let good = [pin_to(PINNED_TO_V1, "V2"), pin_to(NEW, "V1"), shift()];
    for bad in [pin_to(NEW, "V9"), change("DELETE", "/v1/numbers/+442079460099", Value::Null)] {
        let list: Vec<&Value> = good.iter().chain([&bad]).collect();
        let refused = world.operator().post("/v1/apply", &json!({ "changes": list }));
        assert!([400, 404].contains(&refused.status), "{}", refused.body);
        assert!(refused.field().starts_with("changes[3]"), "{}", refused.body);
        assert_eq!((world.revision(), world.version_at(PINNED_TO_V1)), (revision, Some(1)));
        assert_eq!(world.version_at(NEW), None);
    }
    let applied = world.operator().post("/v1/apply", &json!({ "changes": good })).must(200).json();
    assert_eq!(applied["revision"], revision + 1);
    for killed in [false, true] {
        if killed {
            world.kill_9();
            world.start();
        }
        assert_eq!((world.revision(), world.version_at(PINNED_TO_V1)), (revision + 1, Some(2)));
        assert_eq!(world.version_at(NEW), Some(1));
        let split = world.operator().get("/v1/splits/spring").must(200).json();
        assert_eq!(split["arms"][1]["slots"], 5_000);
        let history = world.operator().get("/v1/history?target=%2B442079460001").must(200).json();
        assert_eq!(history["entries"][0]["revision"], revision + 1, "{history}");
    }
}

#[test]
fn a_plan_that_was_overtaken_is_refused_and_what_it_said_is_what_is_done() {
    let world = world();
    let changes = json!([shift(), pin_to(PINNED_TO_V1, "V2")]);
    let plan = world.operator().post("/v1/plan", &json!({ "changes": changes })).must(200).json();
    let before = arms(&world);
    world.operator().put(&format!("/v1/numbers/{NEW}"), &json!({"agentId": "sales"})).must(200);
    let stale = json!({"changes": changes, "expectedRevision": plan["revision"]});
    let refused = world.operator().post("/v1/apply", &stale).must(412).json();
    assert_eq!(refused["errors"][0]["field"], "expectedRevision");
    assert_eq!(arms(&world), before);

    let plan = world.operator().post("/v1/plan", &json!({ "changes": changes })).must(200).json();
    let fresh = json!({"changes": changes, "expectedRevision": plan["revision"]});
    let applied = world.operator().post("/v1/apply", &fresh).must(200).json();
    assert_eq!(applied["moves"], plan["moves"]);
    assert_eq!((&plan["moves"]["numbers"], &plan["reachesLive"]), (&json!(2), &json!(false)));
    let callers = &plan["moves"]["callers"][0];
    let flows = json!([{"from": "control", "to": "test", "slots": 3_000}]);
    assert_eq!((&callers["movedSlots"], &callers["flows"]), (&json!(3_000), &flows));
    let moved: Vec<_> = before.iter().zip(arms(&world)).filter(|(was, is)| *was != is).collect();
    assert!(moved.iter().all(|(was, is)| *was == "control" && is == "test"), "{moved:?}");
    assert!((80..=160).contains(&moved.len()), "3 of 10 callers are moved: {} of 400", moved.len());
}

#[test]
fn changes_are_planned_and_applied_by_command() {
    let world = world();
    let file = world.config().join("changes.json");
    let write = |changes: &Value| fs::write(&file, json!({ "changes": changes }).to_string()).unwrap();
    let file = file.to_str().unwrap();
    write(&json!([shift(), pin_to(NEW, "V1")]));
    let planned = world.client(&["plan", file]);
    assert_eq!(planned.code(), 0, "{}", planned.err);
    for line in [
        "2 changes on revision ",
        "+ +442079460001 goes to sales at V1",
        "    + arm test  sales@V2  weight 50  50.00 %",
        "Callers  30.00 % of split spring: 30.00 % from control to test",
    ] {
        assert!(planned.out.contains(line), "{line}: {}", planned.out);
    }
    let revision = world.revision();
    let applied = world.client(&["apply", file]);
    assert_eq!(applied.code(), 0, "{}", applied.err);
    assert!(applied.out.ends_with(&format!("2 changes were made, from revision {}\n", revision + 1)));
    write(&json!([pin_to(AT_LIVE, "V2")]));
    let refused = world.client(&["apply", file]);
    assert_eq!((refused.code(), world.version_at(AT_LIVE)), (2, Some(1)), "live is asked for");
    assert_eq!(world.client(&["apply", file, "--yes"]).code(), 0);
    assert_eq!(world.version_at(AT_LIVE), Some(2));
    write(&json!([pin_to(AT_LIVE, "V9")]));
    let refused = world.client(&["plan", file]);
    assert_eq!(refused.code(), 1);
    assert!(refused.err.contains("changes[0].body.pin"), "{}", refused.err);
}
