//! Many calls in one request.

use serde_json::{Value, json};

use super::world::{Plan, World, field};
use crate::domain::account::Permission;
use crate::domain::split::UnitRule;

const TO: &str = "+14155550100";

fn world() -> World {
    let mut world = World::new();
    world.number(TO, "sales", "live");
    world
}

fn results(reply: &crate::http::tests::world::Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["results"].as_array().unwrap().clone()
}

#[test]
fn each_call_of_a_batch_is_decided_as_it_would_be_alone_and_counted() {
    let world = world();
    let alone = world.post("/v1/calls", json!({"to": TO, "callId": "alone"})).json();
    let calls = json!([
        {"to": TO, "callId": "alone"},
        {"to": TO, "callId": "new"},
        {"to": TO, "callId": "new"},
        {"to": "+442071230000", "callId": "nobody's"},
        {"to": TO},
    ]);
    let results = results(&world.post("/v1/calls:batch", calls));
    let codes: Vec<_> = results.iter().map(|result| result["reason"]["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["call_in_progress", "number_pin", "call_in_progress", "no_route", "number_pin"]);
    assert_eq!(results[0]["decisionId"], alone["decisionId"]);
    assert_eq!(results[2]["decisionId"], results[1]["decisionId"]);
    assert!(results[4]["callId"].is_string() && results[4]["token"].is_string());
    let keys = |decision: &Value| decision.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(results.iter().all(|result| keys(result) == keys(&alone)));
    assert_eq!(world.metric("cordboard_calls_started_total", "agent=\"sales\""), 3.0);
    assert_eq!(world.metric("cordboard_decision_seconds_count", "gateway=\"http\""), 6.0);
}

#[test]
fn a_faulty_item_spoils_no_other_and_its_error_is_in_its_place() {
    let world = world();
    let body = format!(
        r#"[{{"to":"{TO}","callId":"a"}}, {{"callId":7}}, 7, {}{}, {{"to":"{TO}","override":{{}}}}, {{"to":"{TO}","gateway":"edge"}},
            {{"to":"{TO}","callId":"b"}}]"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    let reply =
        world.send("POST", "/v1/calls:batch", &[("x-polyai-correlation-id", "mine")], body.as_bytes());
    let results = results(&reply);
    assert_eq!((&results[0]["callId"], &results[6]["callId"]), (&json!("a"), &json!("b")));
    let told = |at: usize| {
        let result = &results[at];
        assert_eq!((&result["success"], &result["error_id"]), (&json!(false), &json!("mine")), "{result}");
        let fields =
            result["errors"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap());
        (result["status"].as_u64().unwrap(), fields.collect::<Vec<_>>())
    };
    assert_eq!(told(1), (400, vec!["[1].callId", "[1].to"]));
    assert_eq!(told(2), (400, vec!["[2]"]));
    assert_eq!(told(3), (400, vec!["[3]"]));
    assert_eq!(told(4), (400, vec!["[4].override"]));
    assert_eq!(told(5), (403, vec!["[5].gateway"]));
    assert_eq!(results[2]["error"], "[2]: is a number: expected an object");
}

#[test]
fn what_is_no_list_or_too_long_a_one_is_refused_as_a_whole() {
    let world = world();
    let items = |count: usize| Value::Array(vec![json!({"to": TO}); count]);
    for path in ["/v1/calls:batch", "/v1/calls/end:batch"] {
        assert!(results(&world.post(path, json!([]))).is_empty(), "{path}");
        for body in [json!({}), json!("x"), items(1_001)] {
            let reply = world.post(path, body);
            assert_eq!((reply.status, field(&reply)), (400, "body".to_owned()), "{path}");
        }
        let bare = world.send("POST", path, &[], b"");
        assert_eq!((bare.status, field(&bare)), (400, "body".to_owned()), "{path}");
        let large = world.send("POST", path, &[], &vec![b' '; (1 << 20) + 1]);
        assert_eq!(large.status, 413, "{path}");
        assert_eq!(world.get(path).status, 405, "{path}");
    }
    assert_eq!(results(&world.post("/v1/calls:batch", items(1_000))).len(), 1_000);
    assert_eq!(world.metric("cordboard_calls_started_total", "agent=\"sales\""), 1_000.0);
    let odd = world.post("/v1/calls:batch?dryRun=maybe", items(1));
    assert_eq!((odd.status, field(&odd)), (400, "dryRun".to_owned()));
}

#[test]
fn a_dry_batch_explains_each_call_and_remembers_none() {
    let world = world();
    let calls = json!([{"to": TO, "callId": "a"}, {"to": "alice"}]);
    let results = results(&world.post("/v1/calls:batch?dryRun=true", calls));
    assert!(results.iter().all(|result| result["explain"]["rules"].is_array()), "{results:?}");
    assert_eq!(world.plane.in_progress(), 0);
}

#[test]
fn who_may_not_ask_alone_may_not_ask_in_a_batch_and_permissions_are_looked_at_item_by_item() {
    let mut world = world();
    world.split("spring", UnitRule::Call, &[("a", "V1", 1), ("b", "V2", 0)], &["+14155550101"]);
    world.key("reader", &[Permission::Read], None);
    world.key("router", &[Permission::Route], None);
    let overridden = json!({"to": TO, "override": {"splitId": "spring", "arm": "b"}});
    let calls = json!([overridden, {"to": TO}]);
    for path in ["/v1/calls:batch", "/v1/calls/end:batch"] {
        assert_eq!(world.post_as("reader", path, &calls).status, 403, "{path}");
        assert_eq!(world.post_as("nobody", path, &calls).status, 401, "{path}");
    }
    let dry = results(&world.post_as("router", "/v1/calls:batch?dryRun=true", &calls));
    assert_eq!((&dry[0]["status"], &dry[1]["version"]), (&json!(403), &json!(3)));
    let ignored = results(&world.post_as("router", "/v1/calls:batch", &calls));
    assert_eq!((&ignored[0]["version"], &ignored[1]["version"]), (&json!(3), &json!(3)));
    let heeded = results(&world.post_as("all", "/v1/calls:batch", &calls));
    assert_eq!((&heeded[0]["version"], &heeded[0]["reason"]["code"]), (&json!(2), &json!("override")));
}

#[test]
fn ends_of_a_batch_name_their_calls_and_each_stands_for_itself() {
    let mut world = world();
    world.number("+14155550102", "sales", "V1");
    for id in ["a", "b/ü", "c"] {
        world.post("/v1/calls", json!({"to": TO, "callId": id}));
    }
    let ends = json!([
        {"callId": "a", "outcome": "transferred"},
        {"callId": "unknown"},
        {"outcome": "failed"},
        {"callId": "b/ü", "outcome": "busy"},
        {"callId": "b/ü", "durationSeconds": 7},
        {"callId": "a", "outcome": "failed"},
        {"callId": ""},
    ]);
    let results = results(&world.post("/v1/calls/end:batch", ends));
    assert_eq!((&results[0]["ended"], &results[0]["outcome"]), (&json!(true), &json!("transferred")));
    assert_eq!((&results[1]["status"], &results[1]["error_code"]), (&json!(404), &json!("CALL_NOT_FOUND")));
    assert_eq!(results[2]["errors"][0]["field"], "[2].callId");
    assert_eq!(results[3]["errors"][0]["field"], "[3].outcome");
    assert_eq!((&results[4]["callId"], &results[4]["durationSeconds"]), (&json!("b/ü"), &json!(7)));
    assert_eq!(results[5]["outcome"], "transferred", "the first end stands");
    assert_eq!(results[6]["errors"][0]["field"], "[6].callId");
    assert_eq!(world.plane.in_progress(), 1);
    assert_eq!(world.metric("cordboard_calls_ended_total", "outcome=\"completed\""), 1.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", "outcome=\"transferred\""), 1.0);
}

#[test]
fn where_calls_have_no_room_a_batch_is_answered_all_the_same() {
    let mut world = World::with(Plan { calls_max: 2, ..Plan::default() });
    world.number(TO, "sales", "live");
    let calls: Vec<_> = (0..5).map(|n| json!({"to": TO, "callId": format!("c-{n}")})).collect();
    let results = results(&world.post("/v1/calls:batch", Value::Array(calls)));
    assert!(results.iter().all(|result| result["version"] == 3 && result["token"].is_string()));
    assert_eq!(world.metric("cordboard_calls_not_remembered_total", ""), 3.0);
}
