//! A version tested against what is live, by the command line, and what calls get of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::world::{Ended, World};

const NUMBER: &str = "+14155550180";
const CREATE: [&str; 9] = [
    "splits",
    "create",
    "next",
    "--live-of",
    "desk",
    "--arm",
    "control=desk@live:1",
    "--arm",
    "test=desk@pre-release:1",
];

#[track_caller]
fn done(ended: Ended) -> Ended {
    assert_eq!(ended.code(), 0, "{}{}", ended.out, ended.err);
    ended
}

/// The agent `desk` with V1 live, V2 in pre-release, and a number at live.
fn rehearsed() -> World {
    let world = World::bare().with("routes/none.toml", "").running();
    done(world.client(&["agents", "create", "Front desk", "--id", "desk", "--greeting", "Hello"]));
    done(world.client(&["publish", "desk", "--to", "live", "--yes"]));
    done(world.client(&["draft", "desk", "set", "instructions.systemPrompt=Be brief."]));
    done(world.client(&["publish", "desk", "--to", "pre-release"]));
    done(world.client(&["numbers", "put", NUMBER, "--agent", "desk", "--pin", "live", "--yes"]));
    world
}

/// What forty callers get, by version: how many, and one of the decisions.
fn served(world: &World) -> BTreeMap<u64, (usize, Value)> {
    let mut served: BTreeMap<u64, (usize, Value)> = BTreeMap::new();
    for n in 0..40 {
        let decision = world.route_of(NUMBER, &format!("+1415555{n:04}")).must(200).json();
        served.entry(decision["version"].as_u64().unwrap()).or_insert((0, decision)).0 += 1;
    }
    served
}

fn versions(world: &World) -> Vec<u64> {
    served(world).into_keys().collect()
}

#[test]
fn a_version_is_tested_against_what_is_live_and_goes_live_when_it_wins() {
    let mut world = rehearsed();
    let refused = world.client(&CREATE);
    assert_eq!(refused.code(), 2, "it reaches live and nobody can be asked: {}", refused.err);
    let made = done(world.client(&[&CREATE[..], &["--yes"]].concat()));
    assert!((made.out + &made.err).contains("arm test is held to V2, which is pre-release now"));
    let served_now = served(&world);
    assert_eq!(served_now.keys().copied().collect::<Vec<_>>(), [1, 2]);
    for (_, decision) in served_now.values() {
        assert_eq!(decision["reason"]["code"], "environment_split");
        assert_eq!((&decision["pin"], &decision["environment"]), (&json!("live"), &json!("live")));
        assert_eq!(decision["split"]["id"], "next");
    }
    let told = served_now[&2].1["reason"]["text"].as_str().unwrap().to_owned();
    assert!(told.starts_with(&format!("{NUMBER} leads to desk at live: in split next; slot ")), "{told}");
    assert!(told.contains(" belongs to test (weight 1)"), "{told}");
    let told = done(world.client(&["splits", "show", "next"])).out;
    assert!(told.contains("live of desk") && told.contains("running"), "{told}");
    let told = done(world.client(&["explain", NUMBER, "--from", "+14155550000"])).out;
    assert!(told.contains("✓ number_pin") && told.contains("✓ environment_split"), "{told}");

    // Whoever heard a version hears it again, from a router that was killed as well.
    let arms = |world: &World| {
        let arm = |n| world.route_of(NUMBER, &format!("+1415555{n:04}")).json()["split"]["arm"].clone();
        (0..40).map(arm).collect::<Vec<_>>()
    };
    let before = arms(&world);
    world.kill_9();
    world.start();
    assert_eq!(arms(&world), before);

    let refused = world.client(&["publish", "desk", "--to", "live", "--yes"]);
    assert_eq!(refused.code(), 1);
    assert!(refused.err.contains("SPLIT_RUNNING") && refused.err.contains("split next"), "{}", refused.err);
    assert!(world.client(&["splits", "delete", "next"]).err.contains("IN_USE"));
    let revision = world.revision();
    done(world.client(&["splits", "end", "next", "--winner", "test", "--yes"]));
    assert_eq!(world.revision(), revision + 1);
    let after = served(&world);
    assert_eq!(after.keys().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(after[&2].1["reason"]["code"], "number_pin");
    let active = world.operator().get("/v1/agents/desk/deployments/active").must(200).json();
    let live = &active["activeDeployments"]["live"];
    assert_eq!(
        (&live["metadata"]["version_number"], &live["metadata"]["deployment_type"]),
        (&json!(2), &json!("promotion"))
    );
    done(world.client(&["splits", "delete", "next"]));
}

#[test]
fn another_weight_moves_the_fewest_callers_and_none_the_wrong_way() {
    let world = rehearsed();
    done(world.client(&[&CREATE[..], &["--yes"]].concat()));
    let arms = |world: &World| {
        let arm = |n| world.route_of(NUMBER, &format!("+1415555{n:04}")).json()["split"]["arm"].clone();
        (0..200).map(arm).collect::<Vec<_>>()
    };
    let before = arms(&world);
    let told = done(world.client(&["splits", "change", "next", "--weight", "control=3", "--yes"]));
    assert!((told.out + &told.err).contains("2500 of 10000 slots moved"));
    let moved: Vec<_> = before.into_iter().zip(arms(&world)).filter(|(was, is)| was != is).collect();
    assert!((20..90).contains(&moved.len()), "{}", moved.len());
    assert!(
        moved.iter().all(|(was, is)| was == "test" && is == "control"),
        "only the arm that grew gets callers"
    );
}

#[test]
fn an_emergency_ends_the_test_in_one_revision_and_calls_in_progress_keep_their_arm() {
    let world = rehearsed();
    done(world.client(&[&CREATE[..], &["--yes"]].concat()));
    let asked = |n: u32| {
        let body = json!({"to": NUMBER, "from": format!("+1415555{n:04}"), "callId": format!("call-{n}")});
        world.gateway().post("/v1/calls", &body)
    };
    let before: Vec<Value> = (0..40).map(|n| asked(n).must(201).json()["version"].clone()).collect();
    assert!(before.contains(&json!(1)) && before.contains(&json!(2)));
    done(world.client(&["draft", "desk", "set", "instructions.systemPrompt=Be careful."]));
    let revision = world.revision();
    done(world.client(&["publish", "desk", "--to", "live", "--end-split", "--yes"]));
    assert_eq!(world.revision(), revision + 1);
    assert_eq!(versions(&world), [3]);
    let after: Vec<Value> = (0..40).map(|n| asked(n).must(200).json()["version"].clone()).collect();
    assert_eq!(after, before);
    let told = done(world.client(&["history", "--target", "next"])).out;
    assert!(told.contains("split next ended for its control"), "{told}");
}

#[test]
fn a_split_of_live_needs_the_permission_to_deploy_and_says_what_is_wrong_with_it() {
    let world = rehearsed();
    let body = json!({"name": "ci", "permissions": ["read", "edit"]});
    let key = world.operator().post("/v1/keys", &body).must(201).json()["key"].as_str().unwrap().to_owned();
    let arms = json!([
        {"id": "control", "agentId": "desk", "pin": "live", "weight": 1},
        {"id": "test", "agentId": "desk", "pin": "V2", "weight": 1},
    ]);
    let scope = json!({"agentId": "desk", "environment": "live"});
    let split = json!({"id": "next", "scope": scope, "arms": arms});
    let mut editor = world.operator().with_key(&key);
    assert!(
        editor.post("/v1/splits", &split).must(403).json()["message"].as_str().unwrap().contains("`deploy`")
    );
    let mut operator = world.operator();
    for (wrong, status, field) in [
        (json!({"agentId": "desk"}), 400, "scope.environment"),
        (json!({"agentId": "desk", "environment": "production"}), 400, "scope.environment"),
        (json!({"agentId": "desk", "environment": "sandbox"}), 400, "scope.environment"),
        (json!({"agentId": "nobody", "environment": "live"}), 400, "scope.agentId"),
        (json!({"agentId": "desk", "environment": "live", "numbers": [NUMBER]}), 400, "scope.numbers"),
    ] {
        let split = json!({"id": "next", "scope": wrong, "arms": arms});
        let reply = operator.post("/v1/splits", &split).must(status).json();
        let fields: Vec<&Value> = reply["errors"].as_array().unwrap().iter().map(|it| &it["field"]).collect();
        assert!(fields.contains(&&json!(field)), "{reply}");
    }
    operator.post("/v1/splits", &split).must(201);
    let end = json!({"winner": "test"});
    editor.post("/v1/splits/next/end", &end).must(403);
    editor.patch("/v1/splits/next", &json!({"paused": true})).must(403);
    let again = json!({"id": "later", "scope": scope, "arms": arms});
    assert_eq!(operator.post("/v1/splits", &again).must(409).json()["error_code"], "SPLIT_RUNNING");
    operator.patch("/v1/splits/next", &json!({"scope": {"numbers": [NUMBER]}})).must(400);
    operator.patch("/v1/splits/next", &json!({"scope": scope})).must(400);
    operator.put(&format!("/v1/numbers/{NUMBER}"), &json!({"splitId": "next"})).must(400);
    let shown = operator.get("/v1/splits/next").must(200).json();
    assert_eq!((&shown["scope"], &shown["numberCount"]), (&scope, &json!(1)));
}

#[test]
fn a_plan_says_who_is_moved_and_an_export_carries_the_test_along() {
    let world = rehearsed();
    let arms = json!([
        {"id": "control", "agentId": "desk", "pin": "live", "weight": 1},
        {"id": "test", "agentId": "desk", "pin": "V2", "weight": 1},
    ]);
    let split = json!({"id": "next", "scope": {"agentId": "desk", "environment": "live"}, "arms": arms});
    let change =
        |method: &str, path: &str, body: Value| json!({"method": method, "path": path, "body": body});
    let plan =
        |changes: Value| world.operator().post("/v1/plan", &json!({"changes": changes})).must(200).json();
    let planned = plan(json!([change("POST", "/v1/splits", split.clone())]));
    assert_eq!(planned["moves"]["numbers"], 1, "{planned}");
    world.operator().post("/v1/splits", &split).must(201);
    let same = plan(json!([change("PATCH", "/v1/splits/next", json!({"name": "Next"}))]));
    assert_eq!(same["moves"]["numbers"], 0, "{same}");
    let ended = plan(json!([change("POST", "/v1/splits/next/end", json!({"winner": "test"}))]));
    assert_eq!(ended["moves"]["numbers"], 1, "{ended}");
    let document = world.operator().get("/v1/export").must(200).json();
    let other = World::bare().with("routes/none.toml", "").running();
    other.operator().post("/v1/import", &document).must(200);
    for n in 0..40 {
        let from = format!("+1415555{n:04}");
        let arm = |world: &World| world.route_of(NUMBER, &from).json()["split"]["arm"].clone();
        assert_eq!(arm(&other), arm(&world));
    }
    let refused = other.client(&["publish", "desk", "--to", "live", "--yes"]);
    assert!(refused.err.contains("SPLIT_RUNNING"), "{}", refused.err);
}

#[test]
fn no_import_goes_around_what_a_split_of_live_is_held_to() {
    let world = rehearsed();
    let document = |splits: Value| json!({"cordboard": 1, "splits": splits});
    let import = |key: &str, document: &Value| world.operator().with_key(key).post("/v1/import", document);
    let body = json!({"name": "ci", "permissions": ["read", "edit"]});
    let editor =
        world.operator().post("/v1/keys", &body).must(201).json()["key"].as_str().unwrap().to_owned();
    let arm =
        |id: &str, pin: &str, weight: u32| json!({"id": id, "agentId": "desk", "pin": pin, "weight": weight});
    let split = |id: &str| {
        json!({"id": id, "scope": {"agentId": "desk", "environment": "live"}, "salt": "1", "owners": [[0, 9999, 1]],
            "arms": [arm("control", "live", 0), arm("test", "V2", 1)],
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"})
    };
    import(&editor, &document(json!([split("sly")]))).must(403);
    let operator = world.key();
    let account = world.operator().get("/v1/accounts").must(200).json()["accounts"][0]["accountId"].clone();
    let path = format!("/v1/accounts/{}", account.as_str().unwrap());
    let gate = |on: bool| json!({"settings": {"tests_gate": on}});
    world.operator().patch(&path, &gate(true)).must(200);
    let refused = import(&operator, &document(json!([split("sly")]))).must(400);
    assert!(refused.json()["message"].as_str().unwrap().contains("TESTS_NOT_PASSED"));
    world.operator().patch(&path, &gate(false)).must(200);
    import(&operator, &document(json!([split("first")]))).must(200);
    let refused = import(&operator, &document(json!([split("second")]))).must(400);
    assert!(
        refused.json()["message"].as_str().unwrap().contains("SPLIT_RUNNING"),
        "it is not left out in silence"
    );
    // Nor does an import put something else into what is tested.
    let mut whole = world.operator().get("/v1/export").must(200).json();
    whole["agents"][0]["environments"]["live"] = json!("V2");
    assert_eq!(import(&operator, &whole).must(400).field(), "agents[0].environments.live");
}
