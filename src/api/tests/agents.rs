//! `/v1/agents` and `/v1/snapshots`.

use hyper::Request;
use serde_json::{Value, json};

use super::world::{World, error};

#[test]
fn agents_and_what_of_them_can_be_pinned_are_shown() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    world.route("+14155550101", "sales", "live");
    world.route("+14155550102", "sales", "draft");
    let agents = world.get("/v1/agents").json();
    assert_eq!(agents[1]["agentId"], "sales");
    assert_eq!(
        agents[0],
        json!({"accountId": "ws-1", "agentId": "reception", "agentName": "reception", "branchCount": 1, "maxCallsInProgress": null, "fallback": null,
            "createdAt": "2023-11-14T22:13:20.000Z", "updatedAt": "2023-11-14T22:13:20.000Z"})
    );
    let versions = world.get("/v1/agents/sales/versions").json();
    assert_eq!(versions["nextCursor"], Value::Null);
    let brief: Vec<Value> = versions["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| json!([v["number"], v["draft"], v["environments"], v["pinnedNumbers"]]))
        .collect();
    assert_eq!(
        brief,
        [
            json!([null, true, [], 1]),
            json!([3, false, [], 0]),
            json!([2, false, [], 0]),
            json!([1, false, ["live"], 1])
        ]
    );
    for name in ["V1", "1"] {
        let version = world.get(&format!("/v1/agents/sales/versions/{name}")).json();
        assert_eq!((&version["number"], &version["hash"]), (&json!(1), &json!(world.hash())));
        assert_eq!(version["configuration"]["instructions"]["systemPrompt"], "sales 1");
    }
    assert_eq!(world.get("/v1/agents/sales/versions/draft").json()["draft"], true);
    assert_eq!(world.get("/v1/agents/sales/versions/V9").error(), error(404, "NOT_FOUND", ""));
    assert_eq!(world.get("/v1/agents/sales/versions/latest").status, 422);
    assert_eq!(world.get("/v1/agents/nobody/versions").error(), error(404, "PROJECT_NOT_FOUND", ""));
}

#[test]
fn compare_shows_only_the_keys_that_differ_by_section() {
    let world = World::new();
    let compare = |from: &str, to: &str| world.get(&format!("/v1/agents/sales/compare?from={from}&to={to}"));
    let answer = compare("live", "V2").json();
    assert_eq!((&answer["from"]["version"], &answer["from"]["hash"]), (&json!(1), &json!(world.hash())));
    assert_eq!(answer["hasChanges"], true);
    let change =
        json!({"path": "instructions.systemPrompt", "type": "modify", "from": "sales 1", "to": "sales 2"});
    assert_eq!(answer["sections"], json!([{"section": "instructions", "changes": [change]}]));
    let same = compare("V1", "live").json();
    assert_eq!((&same["hasChanges"], &same["sections"]), (&json!(false), &json!([])));
    for (query, field) in [
        ("from=V1", "to"),
        ("to=V1", "from"),
        ("from=V9&to=V1", "from"),
        ("from=V1&to=sandbox", "to"),
        ("from=V1&to=BRANCH-0", "to"),
        ("from=V1&to=a/b", "to"),
        ("from=V1&from=V2&to=V1", "from"),
        ("from=V1&to=V2&deep=1", "deep"),
    ] {
        let reply = world.get(&format!("/v1/agents/sales/compare?{query}"));
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field), "{query}");
    }
}

#[test]
fn pages_of_versions_joined_are_all_versions() {
    let world = World::new();
    for limit in 1..=5 {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.get(&format!("/v1/agents/sales/versions?limit={limit}{cursor}")).json();
            all.extend(page["versions"].as_array().unwrap().iter().map(|v| v["number"].as_u64()));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(all, [None, Some(3), Some(2), Some(1)], "limit {limit}");
    }
}

#[test]
fn a_version_never_changes() {
    let world = World::new();
    for method in ["PUT", "PATCH", "DELETE"] {
        let reply = world.admin(method, "/v1/agents/sales/versions/V1", json!({}));
        assert_eq!(reply.error(), error(405, "VERSION_IMMUTABLE", ""), "{method}");
        assert_eq!(reply.header("allow"), Some("GET, HEAD"));
    }
}

#[test]
fn a_snapshot_is_the_configuration_for_ever() {
    let world = World::new();
    let path = format!("/v1/snapshots/{}", world.hash());
    let reply = world.get(&path);
    assert_eq!(reply.json()["instructions"]["systemPrompt"], "sales 1");
    assert_eq!(reply.header("cache-control"), Some("private, max-age=31536000, immutable"));
    let tag = reply.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", world.hash()));
    let known =
        Request::builder().uri(&path).header("x-api-key", "admin").header("if-none-match", tag.as_str());
    let known = world.send(known.body(axum::body::Body::empty()).unwrap());
    assert_eq!((known.status, known.text.as_str(), known.header("etag")), (304, "", Some(tag.as_str())));
    assert_eq!(world.get(&format!("/v1/snapshots/{}", "0".repeat(32))).error(), error(404, "NOT_FOUND", ""));
    assert_eq!(world.get("/v1/snapshots/XYZ").status, 422);
}
