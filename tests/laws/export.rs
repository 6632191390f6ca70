//! Everything of an account as one document: out of one router, into another.

use std::fs;

use serde_json::{Value, json};

use super::world::{AT_LIVE, IN_SPLIT, PINNED_TO_V1, World};

/// The example, with things of the API besides.
fn full() -> World {
    let world = World::example();
    let agent = world.text("agents/sales/agent.toml");
    let limits = "max_calls_in_progress = 900\nfallback = \"sip:queue@10.0.0.9\"\n";
    let world = world.with("agents/sales/agent.toml", &format!("{limits}{agent}")).running();
    let mut operator = world.operator();
    operator
        .put("/v1/numbers/front-desk", &json!({"agentId": "sales", "pin": "draft", "headers": {"X-Ä": "x"}}));
    let route = json!({"agentId": "sales", "pin": "live", "headers": {"X-Brand": "nörd \"1\""}, "fallback": "+14155550170",
        "headerRules": [{"header": "X-Env", "regex": "^t", "agentId": "reception", "pin": "V1"}]});
    operator.put("/v1/numbers/front-desk", &route).must(200);
    operator.put("/v1/prefixes/+49", &json!({"splitId": "spring-prompt"})).must(200);
    operator
        .put("/v1/caller-pins/sales/%2B14155550999", &json!({"pin": "V2", "until": "2090-01-01T00:00:00Z"}))
        .must(200);
    let arms = json!([{"id": "a", "agentId": "sales", "pin": "V1", "weight": 5},
        {"id": "b", "agentId": "sales", "pin": "V2", "weight": 3, "maxCallsInProgress": 40}, {"id": "c", "agentId": "reception", "pin": "live", "weight": 2}]);
    let split = json!({"id": "autumn", "arms": arms, "unit": "caller", "callQuota": 9_000, "scope": {"numbers": ["+4930123456"]}});
    operator.post("/v1/splits", &split).must(201);
    // Slots that a first deal would give otherwise.
    for weight in [9, 3] {
        let patch = json!({"arms": [{"id": "b", "weight": weight}]});
        operator.ask("PATCH", "/v1/splits/autumn", Some(&patch)).must(200);
    }
    world
}

fn export(world: &World) -> String {
    world.operator().get("/v1/export").must(200).body
}

/// What is the same wherever it is exported.
fn content(text: &str) -> &str {
    text.split_once(",\"account\":").unwrap().1
}

fn decisions(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    for to in [
        IN_SPLIT,
        PINNED_TO_V1,
        AT_LIVE,
        "front-desk",
        "+4930123456",
        "+4930999999",
        "+14155557777",
        "+339999999",
    ] {
        for n in 0..40 {
            let answer = world.route_of(to, &format!("+14155551{n:03}")).json();
            all.push(json!([
                answer["agentId"],
                answer["version"],
                answer["versionHash"],
                answer["split"],
                answer["headers"],
                answer["targets"],
                answer["reason"]
            ]));
        }
    }
    all
}

#[test]
fn an_export_makes_the_same_router_of_an_empty_one() {
    let world = full();
    let exported = export(&world);
    let document: Value = serde_json::from_str(&exported).unwrap();
    assert!(!exported.contains(&world.key()) && document.get("keys").is_none());
    for said in
        ["\"maxCallsInProgress\":900", "\"maxCallsInProgress\":40", "\"fallback\":\"sip:queue@10.0.0.9\""]
    {
        assert!(exported.contains(said), "{said}: {exported}");
    }
    let mut other = World::bare().with("routes/none.toml", "").running();
    let imported = other.operator().post("/v1/import", &document).must(200).json();
    assert_eq!((&imported["agents"], &imported["changed"]), (&json!(2), &json!(true)));
    assert_eq!(content(&export(&other)), content(&exported));
    assert_eq!(decisions(&other), decisions(&world));
    other.kill_9();
    other.start();
    assert_eq!(content(&export(&other)), content(&exported), "after a kill");
    assert_eq!(decisions(&other), decisions(&world));
    let revision = other.revision();
    let again = other.operator().post("/v1/import", &document).must(200).json();
    assert_eq!((&again["changed"], other.revision()), (&json!(false), revision));
}

#[test]
fn what_the_files_have_is_refused_by_name_and_nothing_changes() {
    let world = full();
    let mut document: Value = serde_json::from_str(&export(&world)).unwrap();
    let revision = world.revision();
    let refused = world.operator().post("/v1/import", &document).must(409).json();
    assert_eq!(refused["error_code"], "MANAGED_BY_FILES");
    assert!(refused["message"].to_string().contains("agent sales"), "{refused}");
    for list in ["agents", "splits", "prefixes", "callerPins"] {
        document[list] = json!([]);
    }
    document["defaultRoute"] = Value::Null;
    document["numbers"] = json!([{"number": "+14155550170", "agentId": "sales", "pin": "V1"},
        {"number": "+14155550171", "agentId": "nobody"}]);
    let refused = world.operator().post("/v1/import", &document).must(400);
    assert!(refused.body.contains("numbers[1].agentId"), "{}", refused.body);
    assert_eq!(world.version_at("+14155550170"), world.version_at("+14155557777"), "as all of the prefix");
    assert_eq!(world.revision(), revision);
}

#[test]
fn bad_documents_are_told_of_by_place() {
    let world = World::bare()
        .with("routes/none.toml", "")
        .with_variable("CORDBOARD_LIMITS_ACCOUNT_IMPORT_BYTES_MAX", "1048576")
        .running();
    let mut operator = world.operator();
    let number = json!({"number": "+14155550170", "agentId": "sales"});
    for (document, named) in [
        (json!([]), "expected an object"),
        (json!({}), "cordboard"),
        (json!({"cordboard": 2}), "cordboard"),
        (json!({"cordboard": 1, "keys": []}), "body.keys"),
        (json!({"cordboard": 1, "numbers": {}}), "numbers"),
        (json!({"cordboard": 1, "numbers": [{"number": "+1"}]}), "numbers[0].number"),
        (json!({"cordboard": 1, "numbers": [number, number]}), "stands there twice"),
        (json!({"cordboard": 1, "numbers": [number]}), "numbers[0].agentId"),
        (
            json!({"cordboard": 1, "agents": [{"id": "a", "name": "a", "createdAt": "2026-01-01T00:00:00Z",
            "draft": {"createdAt": "2026-01-01T00:00:00Z", "config": {"name": ""}}}]}),
            "agents[0].draft.config",
        ),
    ] {
        let refused = operator.post("/v1/import", &document).must(400);
        assert!(refused.body.contains(named), "{document}: {}", refused.body);
    }
    let large = json!({"cordboard": 1, "numbers": vec![number; 40_000]});
    let refused = operator.post("/v1/import", &large);
    assert_eq!(refused.status, 413);
    assert!(refused.body.contains("1048576"), "{}", refused.body);
}

#[test]
fn the_command_line_moves_everything() {
    let world = full();
    let told = world.client(&["export", "--output", "all.json"]);
    assert_eq!(told.code(), 0, "{}", told.err);
    let file = world.config().parent().unwrap().join("all.json");
    let exported = fs::read_to_string(&file).unwrap();
    assert_eq!(content(&world.client(&["export"]).out), content(&exported));
    let other = World::bare().with("routes/none.toml", "").running();
    let file = file.display().to_string();
    let dry = other.client(&["import", &file, "--dry-run"]);
    assert!(dry.code() == 0 && dry.out.starts_with("would import 2 agents"), "{dry:?}");
    assert!(dry.out.contains("\n  agent sales is new\n") && !dry.out.contains("from revision"), "{dry:?}");
    let asked = other.client(&["import", &file]);
    assert!(asked.code() == 2 && asked.err.contains("then agent sales is new"), "{asked:?}");
    assert_eq!(other.client(&["export"]).out.matches("sales").count(), 0, "asked first");
    let told = other.client(&["import", &file, "--yes"]);
    assert!(told.code() == 0 && told.out.starts_with("imported 2 agents"), "{told:?}");
    assert_eq!(content(&other.client(&["export"]).out), content(&exported));
    assert!(other.client(&["import", &file, "--yes"]).out.starts_with("all of it was so already"));
}

#[test]
fn a_hundred_thousand_numbers_come_and_go() {
    let world = World::example().running();
    let number = |n: u32| json!({"number": format!("+1650{n:07}"), "agentId": "sales", "pin": "V1"});
    let document = json!({"cordboard": 1, "numbers": (0..100_000).map(number).collect::<Vec<_>>()});
    world.operator().post("/v1/import", &document).must(200);
    let exported: Value = serde_json::from_str(&export(&world)).unwrap();
    assert_eq!(exported["numbers"].as_array().unwrap().len(), 100_003);
    assert_eq!(world.version_at("+16500099999"), Some(1));
}
