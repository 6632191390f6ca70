//! The OpenAPI document says what the call plane answers, key by key.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::{CALLER, NOBODYS, PINNED_TO_V1, World};

/// What is said of a schema: its members, and which of them are always there.
fn said(document: &Value, schema: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let schema = &document["components"]["schemas"][schema];
    let all = schema["properties"].as_object().unwrap().keys().cloned().collect();
    (
        all,
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
    )
}

#[track_caller]
fn as_said(document: &Value, schema: &str, answer: &Value) {
    let (all, required) = said(document, schema);
    let there: BTreeSet<String> = answer.as_object().unwrap().keys().cloned().collect();
    assert!(there.is_subset(&all) && required.is_subset(&there), "{schema}: {answer}");
}

#[test]
fn answers_of_the_call_plane_have_the_members_that_the_document_says() {
    let world = World::example().running();
    let document = world.operator().get("/openapi.json").must(200).json();
    let mut gateway = world.gateway();
    let call = json!({"to": PINNED_TO_V1, "from": CALLER, "callId": "a"});
    let decided = gateway.post("/v1/calls", &call).must(201).json();
    as_said(&document, "Decision", &decided);
    as_said(&document, "Target", &decided["targets"][0]);
    as_said(&document, "Reason", &decided["reason"]);
    let nobody = gateway.post("/v1/calls", &json!({"to": NOBODYS})).must(404).json();
    as_said(&document, "Decision", &nobody);
    let split = gateway.get("/v1/route?to=%2B14155550100&dryRun=true").must(200).json();
    as_said(&document, "Decision", &split);
    as_said(&document, "InSplit", &split["split"]);
    as_said(&document, "Explanation", &split["explain"]);
    let shown =
        super::http::Client::new(world.calls_address()).with_key(&world.key()).get("/v1/calls/a").must(200);
    as_said(&document, "Call", &shown.json());
    let ended =
        gateway.post("/v1/calls/a/end", &json!({"sentiment": -1, "outcome": "failed"})).must(200).json();
    as_said(&document, "EndedCall", &ended);
    // Every member that can be sent means something, and all that mean something are said.
    let (members, _) = said(&document, "CallBody");
    let all: serde_json::Map<String, Value> = members
        .iter()
        .map(|name| (name.clone(), if name == "to" { json!(PINNED_TO_V1) } else { Value::Null }))
        .collect();
    let explained = gateway.post("/v1/calls?dryRun=true", &Value::Object(all)).must(200).json();
    assert_eq!(explained["explain"]["ignored"], json!([]));
}
