//! What callers notice of a router that was killed and came back: nothing.

use std::fs;

use serde_json::{Value, json};

use super::world::{AT_LIVE, CALLER, World};

fn arms(world: &World) -> Vec<Value> {
    let mut gateway = world.gateway();
    let asked = (0..300).map(|caller| {
        let path = format!("/v1/route?to=%2B16505559000&from=%2B1415777{caller:04}");
        let decision = gateway.get(&path).must(200).json();
        decision["split"].clone()
    });
    asked.collect()
}

#[test]
fn a_caller_keeps_its_arm_through_restarts_also_when_weights_were_changed() {
    let mut world = World::example().running();
    let mut operator = world.operator();
    let arm = |id: &str, weight: u32| json!({"id": id, "agentId": "sales", "pin": "V1", "weight": weight});
    let body = json!({"id": "kept", "scope": {"numbers": ["+16505559000"]},
                      "arms": [arm("control", 50), arm("a", 30), arm("b", 20)]});
    operator.post("/v1/splits", &body).must(201);
    for (a, b) in [(5, 45), (40, 10), (25, 25)] {
        let body = json!({"arms": [{"id": "a", "weight": a}, {"id": "b", "weight": b}]});
        let changed = operator.patch("/v1/splits/kept", &body).must(200).json();
        assert!(changed["movedSlots"].as_u64().unwrap() > 0, "{changed}");
    }
    let before = arms(&world);
    world.kill_9();
    world.start();
    assert_eq!(arms(&world), before);
    world.restart();
    assert_eq!(arms(&world), before);
}

#[test]
fn a_caller_keeps_its_arm_of_a_split_from_a_file_whose_weights_were_changed() {
    let split = |control: u32, a: u32, b: u32| {
        let arm = |id: &str, weight: u32| {
            format!("{{ id = \"{id}\", agent = \"sales\", pin = \"V1\", weight = {weight} }}")
        };
        let arms = [arm("control", control), arm("a", a), arm("b", b)].join(", ");
        format!(
            "[[split]]\nid = \"kept\"\narms = [{arms}]\n[[number]]\nnumber = \"+16505559000\"\nsplit = \"kept\"\n"
        )
    };
    let mut world = World::example().with("routes/kept.toml", &split(50, 30, 20)).running();
    for weights in [(50, 5, 45), (50, 40, 10), (50, 25, 25)] {
        let revision = world.revision();
        world.save("routes/kept.toml", &split(weights.0, weights.1, weights.2));
        world.until("the weights are in force", |world| world.revision() > revision);
    }
    let before = arms(&world);
    world.kill_9();
    world.start();
    assert_eq!(arms(&world), before);
}

#[test]
fn a_call_keeps_its_version_by_its_token_through_a_restart() {
    let mut world = World::example().running();
    let begun = world.call(AT_LIVE, "long");
    assert_eq!(begun["version"], 1);
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    world.kill_9();
    world.start();
    assert_eq!(world.version_at(AT_LIVE), Some(2));
    for id in ["long", "another-leg"] {
        let body = json!({"to": AT_LIVE, "from": CALLER, "callId": id, "token": begun["token"]});
        let again = world.gateway().post("/v1/calls", &body).must(201).json();
        assert_eq!((&again["version"], &again["reason"]["code"]), (&json!(1), &json!("token")), "{again}");
        assert_eq!(again["versionHash"], begun["versionHash"]);
    }
    let mut forged = begun["token"].as_str().unwrap().to_owned();
    let last = if forged.ends_with('A') { 'B' } else { 'A' };
    forged.pop();
    forged.push(last);
    let body = json!({"to": AT_LIVE, "from": CALLER, "callId": "forged", "token": forged});
    assert_eq!(
        world.gateway().post("/v1/calls", &body).must(201).json()["version"],
        2,
        "a forged token is ignored"
    );
}

#[test]
fn nothing_is_acknowledged_once_the_store_was_removed_under_the_router() {
    for lost in ["control.sqlite", "control.sqlite-wal", ""] {
        let mut world = World::example().running();
        let pin = |number: &str| world.client(&["pin", number, "sales@V1"]);
        assert_eq!(pin("+442079460001").code(), 0);
        let (data, aside) = (world.data(), world.config().with_file_name("aside"));
        let mut operator = world.operator();
        fs::rename(data.join(lost), &aside).unwrap();
        let body = json!({"agentId": "sales", "pin": "V1"});
        let refused = operator.put("/v1/numbers/%2B442079460002", &body).must(503).json();
        assert_eq!(refused["error_code"], "STORE_UNAVAILABLE");
        world.until("status says so", |_| {
            let status = operator.get("/v1/status").must(200).json();
            status["store"]["error"].to_string().contains("removed or replaced")
        });
        assert_eq!(world.version_at(AT_LIVE), Some(1), "calls go on");
        fs::rename(&aside, data.join(lost)).unwrap();
        assert_eq!(pin("+442079460003").code(), 0, "and so do changes, once it is back");
        world.terminate();
        world.start();
        for number in ["+442079460001", "+442079460003"] {
            assert_eq!(world.version_at(number), Some(1), "{number}: what was acknowledged is there");
        }
    }
}

#[test]
fn a_lost_store_is_never_taken_for_a_first_start() {
    let mut world = World::example().running();
    let key = world.key();
    assert_eq!(world.terminate().code(), 0);
    let store = world.data().join("control.sqlite");
    let backup = fs::read(&store).unwrap();
    for lose in [|store| fs::write(store, "").unwrap(), |store| fs::remove_file(store).unwrap()] {
        lose(&store);
        for ended in [world.refused(), world.run(&["keys", "reset", "--data", "data"])] {
            assert_eq!(ended.code(), 1);
            for words in ["control.sqlite", "backup", "new beginning", "hash.key", "admin.key", "last-good"] {
                assert!(ended.err.contains(words), "{words} is not in {}", ended.err);
            }
        }
        assert_eq!(world.key(), key, "the admin key is as it was");
        fs::write(&store, &backup).unwrap();
        world.start();
        assert_eq!(world.terminate().code(), 0);
    }
    // As the text says.
    for entry in fs::read_dir(world.data()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["hash.key", "admin.key", "last-good"].contains(&name) || name.starts_with("control.sqlite") {
            fs::rename(&path, world.config().with_file_name(name)).unwrap();
        }
    }
    world.start();
    assert_ne!(world.key(), key);
    assert_eq!(world.revision(), 2);
}
