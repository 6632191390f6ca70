//! What holds for every request alike.

use axum::body::Body;
use hyper::Request;
use serde_json::{Value, json};

use super::world::{World, error};

fn put(body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method("PUT").uri("/v1/numbers/alice").header("x-api-key", "admin");
    request.body(body.into()).unwrap()
}

#[test]
fn a_body_that_is_no_json_is_refused_and_nothing_breaks() {
    let world = World::new();
    let nested = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let deep =
        format!(r#"{{"agentId":"sales","headers":{}{}}}"#, r#"{"a":"#.repeat(200_000), "}".repeat(200_000));
    let bodies = [
        (nested.as_bytes(), "body"),
        (deep.as_bytes(), "headers.a"),
        (b"{", "body"),
        (b"{\"agentId\":\"sales\"} x", "body"),
        (b"\xff", "body"),
        (b"nul", "body"),
        (br#"{"agentId":"sales","agentId":"sales"}"#, "agentId"),
        (br#"{"agentId":"\ud800"}"#, "body"),
    ];
    for (body, field) in bodies {
        let reply = world.send(put(body.to_vec()));
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field), "{shown}: {}", reply.text);
    }
}

#[test]
fn an_empty_body_is_an_empty_object_whatever_its_type() {
    let world = World::new();
    world.split("spring");
    for kind in [None, Some("application/json"), Some("text/plain")] {
        let mut request = Request::builder().method("POST").uri("/v1/reload").header("x-api-key", "admin");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        assert_eq!(world.send(request.body(Body::from(" ")).unwrap()).status, 200);
    }
}

#[test]
fn a_path_that_is_not_there_and_a_method_that_is_not_taken_have_the_envelope() {
    let world = World::new();
    let missing = world.get("/v1/nothing");
    assert_eq!(missing.error(), error(404, "NOT_FOUND", ""));
    let method = world.admin("PATCH", "/v1/numbers/alice", Value::Null);
    assert_eq!(method.error(), error(405, "METHOD_NOT_ALLOWED", ""));
    let mut allowed: Vec<_> = method.header("allow").unwrap().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PUT"]);
    assert_eq!(
        world.admin("POST", "/openapi.json", Value::Null).error(),
        error(405, "METHOD_NOT_ALLOWED", "")
    );
    for reply in [missing, method] {
        assert_eq!(reply.json()["success"], false);
        assert_eq!(Some(reply.json()["error_id"].as_str().unwrap()), reply.header("x-polyai-correlation-id"));
        assert_eq!(reply.revision(), world.control.state().revision.0);
    }
}

#[test]
fn an_answer_carries_the_id_of_its_request_and_the_revision() {
    let world = World::new();
    let request = Request::builder()
        .uri("/v1/agents")
        .header("x-api-key", "admin")
        .header("X-PolyAI-Correlation-Id", "mine");
    let reply = world.send(request.body(Body::empty()).unwrap());
    assert_eq!(reply.header("x-polyai-correlation-id"), Some("mine"));
    assert_eq!(reply.revision(), world.control.state().revision.0);
    let made = world.get("/v1/agents").header("x-polyai-correlation-id").unwrap().to_owned();
    assert!(
        made.len() == 32 && Some(made.as_str()) != world.get("/v1/agents").header("x-polyai-correlation-id")
    );
}

#[test]
fn the_history_tells_who_did_what_for_whom() {
    let world = World::new();
    let with_actor = |actor: &[u8]| {
        let mut request = put(json!({"agentId": "sales"}).to_string());
        let actor = hyper::header::HeaderValue::from_bytes(actor).unwrap();
        request.headers_mut().insert("x-cordboard-actor", actor);
        world.send(request)
    };
    assert_eq!(with_actor("Zoë".as_bytes()).status, 200);
    for bad in [vec![b'x'; 201], vec![0xff], b"a\tb".to_vec()] {
        assert_eq!(with_actor(&bad).error(), error(400, "VALIDATION_FAILED", "X-Cordboard-Actor"));
    }
    world.route("+14155550100", "sales", "V1");
    world.admin("DELETE", "/v1/numbers/alice", Value::Null);
    let all = world.get("/v1/history").json();
    let first = &all["entries"][0];
    assert_eq!(
        (&first["action"], &first["target"], &first["actor"]),
        (&json!("number.delete"), &json!("alice"), &json!(null))
    );
    let revisions: Vec<u64> =
        all["entries"].as_array().unwrap().iter().map(|e| e["revision"].as_u64().unwrap()).collect();
    assert!(revisions.is_sorted_by(|a, b| a > b));
    let alice = world.get("/v1/history?target=alice&limit=1").json();
    let cursor = alice["nextCursor"].as_str().unwrap();
    let older = world.get(&format!("/v1/history?target=alice&cursor={cursor}")).json();
    assert_eq!(older["nextCursor"], Value::Null);
    let entry = &older["entries"][0];
    assert_eq!(
        (&entry["action"], &entry["author"], &entry["actor"]),
        (&json!("number.put"), &json!("admin"), &json!("Zoë"))
    );
    assert_eq!(
        world.get(&format!("/v1/history?cursor={cursor}")).error(),
        error(400, "VALIDATION_FAILED", "cursor")
    );
    assert_eq!(world.get("/v1/history?target=+14155550100").json()["entries"].as_array().unwrap().len(), 1);
    assert_eq!(world.as_key("other", "GET", "/v1/history", Value::Null).json()["entries"], json!([]));
}
