//! Where agents listen, and what they take.

use serde_json::{Value, json};

use super::world::{World, error};

fn desk(world: &World) {
    let body = json!({"name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "Hello"}});
    assert_eq!(world.admin("POST", "/v1/agents", body).status, 200);
}

#[test]
fn endpoints_are_said_for_the_agent_and_for_each_environment() {
    let world = World::new();
    desk(&world);
    let at = |uri: &str| json!({"endpoints": [{"uri": uri, "priority": 0, "weight": 1}]});
    let put = |path: &str, body: Value| world.admin("PUT", &format!("/v1/agents/desk/endpoints{path}"), body);
    assert_eq!(put("", json!({"endpoints": [{"uri": "sip:all@h"}]})).json(), at("sip:all@h"));
    assert_eq!(put("/live", at("sip:live@h")).json(), at("sip:live@h"));
    let all = world.get("/v1/agents/desk/endpoints");
    assert_eq!(all.json()["endpoints"][0]["uri"], "sip:all@h");
    assert_eq!(all.json()["environments"]["live"][0]["uri"], "sip:live@h");
    assert_eq!(all.json()["environments"]["sandbox"], json!([]));
    assert_eq!(put("/live", json!({"endpoints": []})).json(), json!({"endpoints": []}));
    assert_eq!(world.get("/v1/agents/desk/endpoints/live").json(), json!({"endpoints": []}));
    let bad = put("", json!({"endpoints": [{"uri": "ftp://h"}]}));
    assert_eq!(bad.error(), error(400, "VALIDATION_FAILED", "endpoints[0].uri"));
    assert_eq!(put("", json!({})).error(), error(400, "VALIDATION_FAILED", "endpoints"));
    assert_eq!(put("/production", at("sip:a@h")).status, 422);
    let request = hyper::Request::builder().method("PUT").uri("/v1/agents/desk/endpoints/live");
    let request = request.header("x-api-key", "admin").header("If-Match", all.header("etag").unwrap());
    assert_eq!(world.send(request.body(at("sip:x@h").to_string().into()).unwrap()).status, 412);
    let theirs = world.admin("PUT", "/v1/agents/sales/endpoints", at("sip:a@h"));
    assert_eq!(theirs.error(), error(409, "MANAGED_BY_FILES", ""));
}

#[test]
fn a_fallback_and_a_limit_are_said_together_and_a_limit_that_is_not_named_stays() {
    let world = World::new();
    desk(&world);
    let put = |body: Value| world.admin("PUT", "/v1/agents/desk/fallback", body);
    let both = put(json!({"fallback": "sip:desk@h", "maxCallsInProgress": 3}));
    assert_eq!(both.json(), json!({"fallback": "sip:desk@h", "maxCallsInProgress": 3, "warnings": []}));
    let number = put(json!({"fallback": "+14155550177"})).json();
    assert_eq!((&number["fallback"], &number["maxCallsInProgress"]), (&json!("+14155550177"), &json!(3)));
    assert!(number["warnings"][0].as_str().unwrap().contains("no route of its own"), "{number}");
    let none = put(json!({"fallback": null, "maxCallsInProgress": null})).json();
    assert_eq!(none, json!({"fallback": null, "maxCallsInProgress": null, "warnings": []}));
    assert_eq!(world.get("/v1/agents/desk/fallback").json(), none);
    assert_eq!(
        put(json!({"maxCallsInProgress": 0})).error(),
        error(400, "VALIDATION_FAILED", "maxCallsInProgress")
    );
    assert_eq!(put(json!({"fallback": "ftp://h"})).error(), error(400, "VALIDATION_FAILED", "fallback"));
    let theirs = world.admin("PUT", "/v1/agents/sales/fallback", json!({}));
    assert_eq!(theirs.error(), error(409, "MANAGED_BY_FILES", ""));
}
