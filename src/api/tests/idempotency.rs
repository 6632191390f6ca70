//! `Idempotency-Key`, for every `POST` there is.

use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hyper::Request;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

use super::authorisation::{OPEN, body, full, operations, path};
use super::world::{Reply, World, error};

const IMPORT: &str = "/v1/numbers:import";

fn post(api_key: &str, key: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method("POST").uri(path).header("x-api-key", api_key);
    let request = request.header("Idempotency-Key", key).header("content-type", "application/x-ndjson");
    request.body(body.into()).unwrap()
}

fn ask(world: &World, key: &str, path: &str, body: &Value) -> Reply {
    world.send(post("admin", key, path, body.to_string()))
}

fn is_replay(reply: &Reply) -> bool {
    reply.header("idempotent-replayed") == Some("true")
}

fn split(id: &str) -> Value {
    json!({"id": id, "arms": [{"id": "control", "agentId": "sales", "weight": 1}]})
}

#[test]
fn every_post_that_is_sent_again_has_its_answer_again_and_nothing_is_done() {
    for (method, template, _) in operations() {
        // What needs no key has no name of a request either.
        if method != "POST" || OPEN.contains(&(method.as_str(), template.as_str())) {
            continue;
        }
        let world = full();
        let (path, body) = (path(&world, &template), body(&method, &template));
        let body = if body.is_null() { json!({}) } else { body };
        let first = ask(&world, "a", &path, &body);
        let done = world.control.state().revision;
        // Something else happens meanwhile.
        world.route("+14155550177", "sales", "V1");
        let again = ask(&world, "a", &path, &body);
        assert!(!is_replay(&first) && is_replay(&again), "{path}: {}", again.text);
        assert_eq!(world.control.state().revision, done.next(), "{path}");
        let mut shown = first.json();
        if let Some(Value::String(_)) = shown.get("key") {
            shown.as_object_mut().unwrap().remove("key");
        }
        assert_eq!((again.status, again.json()), (first.status, shown), "{path}");
        for header in ["content-type", "etag", "x-cordboard-revision"] {
            assert_eq!(again.header(header), first.header(header), "{path} {header}");
        }
    }
}

#[test]
fn what_is_shown_once_is_not_shown_again() {
    let world = World::new();
    for (path, body) in [
        ("/v1/keys", json!({"name": "ci", "permissions": ["read"]})),
        ("/v1/accounts", json!({"name": "Two"})),
    ] {
        let first = ask(&world, "a", path, &body).json();
        let again = ask(&world, "a", path, &body);
        assert_eq!(again.status, 201);
        assert!(first["key"].as_str().unwrap().starts_with("cb_"));
        assert!(again.json().get("key").is_none() && !again.text.contains(first["key"].as_str().unwrap()));
        assert_eq!(again.json()["name"], first["name"]);
    }
}

#[test]
fn a_key_is_for_one_request_of_one_asker() {
    let world = World::new();
    assert_eq!(ask(&world, "a", "/v1/splits", &split("one")).status, 201);
    let reused = error(422, "IDEMPOTENCY_KEY_REUSED", "");
    assert_eq!(ask(&world, "a", "/v1/splits", &split("two")).error(), reused);
    let begun = split("one").to_string();
    for body in [begun[..begun.len() - 1].to_owned(), format!("{begun} "), String::new()] {
        assert_eq!(world.send(post("admin", "a", "/v1/splits", body)).error(), reused);
    }
    assert_eq!(ask(&world, "b", "/v1/splits", &split("one")).error(), error(409, "ALREADY_EXISTS", ""));
    assert_eq!(ask(&world, "a", "/v1/splits/one/end", &json!({"winner": "control"})).status, 200);
    // Another account's requests are others.
    let theirs = world.send(post("other", "a", "/v1/splits", split("one").to_string()));
    assert!(theirs.status == 400 && !is_replay(&theirs), "{}", theirs.text);
    let row = json!({"number": "+14155550100", "agentId": "sales"});
    assert_eq!(ask(&world, "a", IMPORT, &row).status, 200);
    assert_eq!(ask(&world, "a", &format!("{IMPORT}?dryRun=true"), &row).error(), reused);
    assert!(world.get("/v1/splits/two").status == 404);
}

#[test]
fn a_refusal_stands_too_and_what_we_could_not_do_does_not() {
    let world = World::new();
    let bad = ask(&world, "a", "/v1/splits", &json!({}));
    let again = ask(&world, "a", "/v1/splits", &json!({}));
    assert_eq!((bad.status, again.json()), (400, bad.json()));
    assert!(is_replay(&again));
    let row = json!({"number": "+14155550100", "agentId": "sales"});
    let (begun, waits) = unbounded_channel();
    let held = world.begin(post("admin", "held", IMPORT, half_a_body(begun)));
    heard(&world, waits);
    assert_eq!(ask(&world, "b", IMPORT, &row).error(), error(503, "IMPORT_IN_PROGRESS", ""));
    held.abort();
    let until = Instant::now() + Duration::from_secs(20);
    while ask(&world, "b", IMPORT, &row).status == 503 {
        assert!(Instant::now() < until, "it never ends");
    }
    let after = ask(&world, "b", IMPORT, &row);
    assert_eq!(after.status, 200);
}

/// A body of which no more than a beginning comes; says when that is asked for.
fn half_a_body(begun: tokio::sync::mpsc::UnboundedSender<()>) -> Body {
    let first = stream::once(async move {
        begun.send(()).unwrap();
        Ok::<_, std::io::Error>(Bytes::from_static(b"{"))
    });
    Body::from_stream(first.chain(stream::pending()))
}

fn heard(world: &World, mut begun: tokio::sync::mpsc::UnboundedReceiver<()>) {
    world.runtime.block_on(begun.recv()).unwrap();
}

#[test]
fn while_a_request_is_carried_out_nobody_else_carries_it_out() {
    let world = World::new();
    let (begun, waits) = unbounded_channel();
    let held = world.begin(post("admin", "a", IMPORT, half_a_body(begun)));
    heard(&world, waits);
    let row = json!({"number": "+14155550100", "agentId": "sales"});
    assert_eq!(ask(&world, "a", IMPORT, &row).error(), error(409, "IDEMPOTENCY_KEY_IN_USE", ""));
    assert_eq!(world.runtime.block_on(held).unwrap(), 408, "its body never came");
    let after = ask(&world, "a", IMPORT, &row);
    assert!(after.status == 200 && !is_replay(&after), "{}", after.text);
}

#[test]
fn a_request_is_carried_out_although_nobody_waits_for_its_answer_any_more() {
    let world = World::new();
    let row = json!({"number": "+14155550100", "agentId": "sales"}).to_string();
    let (begun, waits) = unbounded_channel();
    let (go, gone) = oneshot::channel();
    let text = row.clone();
    let body = stream::once(async move {
        begun.send(()).unwrap();
        gone.await.unwrap();
        Ok::<_, std::io::Error>(Bytes::from(text))
    });
    let held = world.begin(post("admin", "a", IMPORT, Body::from_stream(body)));
    heard(&world, waits);
    held.abort();
    assert!(world.runtime.block_on(held).unwrap_err().is_cancelled());
    go.send(()).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let reply = world.send(post("admin", "a", IMPORT, row.clone()));
        if reply.status == 200 {
            assert!(is_replay(&reply), "it was carried out twice");
            break;
        }
        assert_eq!(reply.error(), error(409, "IDEMPOTENCY_KEY_IN_USE", ""));
        assert!(Instant::now() < until, "it never ends");
    }
}

#[test]
fn a_key_is_1_to_255_visible_characters_and_means_nothing_on_what_is_no_post() {
    let world = World::new();
    for key in [String::new(), "k".repeat(256), "a b".to_owned()] {
        let reply = ask(&world, &key, "/v1/splits", &split("one"));
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", "Idempotency-Key"), "{key:?}");
    }
    let mut two = post("admin", "a", "/v1/splits", split("one").to_string());
    two.headers_mut().append("idempotency-key", "b".parse().unwrap());
    assert_eq!(world.send(two).error(), error(400, "VALIDATION_FAILED", "Idempotency-Key"));
    assert_eq!(world.get("/v1/splits").json()["splits"], json!([]));
    assert_eq!(ask(&world, &"k".repeat(255), "/v1/splits", &split("one")).status, 201);
    for pin in ["V1", "V2"] {
        let mut put =
            post("admin", "k", "/v1/numbers/alice", json!({"agentId": "sales", "pin": pin}).to_string());
        *put.method_mut() = hyper::Method::PUT;
        assert_eq!(world.send(put).json()["pin"], pin);
    }
}
