//! `/v1/keys`.

use serde_json::{Value, json};

use super::world::{NOW, World, error};
use crate::domain::account::KeyDigest;
use crate::domain::account::Permission;
use crate::domain::time::Timestamp;

fn make(world: &World, body: Value) -> Value {
    let reply = world.admin("POST", "/v1/keys", body);
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json()
}

#[test]
fn a_key_is_shown_once_and_does_what_it_may_on_both_planes_until_it_is_deleted() {
    let world = World::new();
    let body = json!({
        "name": " ci ", "permissions": ["route", "read", "read"], "agents": ["sales"],
        "expiresAt": "2030-01-01T00:00:00Z",
    });
    let made = make(&world, body);
    let text = made["key"].as_str().unwrap();
    assert!(text.starts_with("cb_") && text.len() == 67);
    let mut view = made.clone();
    view.as_object_mut().unwrap().remove("key");
    assert_eq!(
        view,
        json!({
            "id": made["id"], "name": "ci", "permissions": ["read", "route"], "agents": ["sales"],
            "expiresAt": "2030-01-01T00:00:00.000Z", "createdAt": Timestamp(NOW).to_string(),
        })
    );
    let path = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    let shown = world.get(&path);
    assert_eq!(shown.json(), view);
    let list = world.get("/v1/keys");
    assert!(list.json()["keys"].as_array().unwrap().contains(&view));
    for reply in [&shown, &list, &world.get("/v1/history")] {
        assert!(!reply.text.contains(text));
    }
    assert_eq!(world.as_key(text, "GET", "/v1/agents", Value::Null).json().as_array().unwrap().len(), 1);
    assert_eq!(world.as_key(text, "GET", "/v1/keys", Value::Null).status, 403);
    // The call plane asks the table.
    let digest = KeyDigest::of(&[3; 32], text);
    assert!(world.control.live().snapshot().keys.contains_key(&digest));
    let gone = world.admin("DELETE", &path, Value::Null);
    assert_eq!((gone.status, gone.revision()), (204, world.control.state().revision.0));
    assert_eq!(world.as_key(text, "GET", "/v1/agents", Value::Null).status, 401);
    assert!(!world.control.live().snapshot().keys.contains_key(&digest));
    assert_eq!(world.get(&path).error(), error(404, "KEY_NOT_FOUND", ""));
}

#[test]
fn all_faults_of_a_key_are_told_by_their_fields() {
    let world = World::new();
    let post = |body: Value| world.admin("POST", "/v1/keys", body);
    let fields = |body: Value| -> Vec<String> {
        let reply = post(body);
        assert_eq!(
            (reply.status, &reply.json()["error_code"]),
            (400, &json!("VALIDATION_FAILED")),
            "{}",
            reply.text
        );
        let errors = reply.json()["errors"].clone();
        errors.as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    };
    let shape = json!({"name": " ", "permissions": ["reed", "read"], "agents": ["a b"], "expiresAt": "soon", "key": "mine"});
    assert_eq!(fields(shape), ["name", "permissions[0]", "agents[0]", "expiresAt", "key"]);
    assert_eq!(fields(json!({})), ["name", "permissions"]);
    assert_eq!(fields(json!({"name": "a", "permissions": []})), ["permissions"]);
    assert_eq!(fields(json!({"name": "files", "permissions": ["read"]})), ["name"]);
    let content = json!({
        "name": "a", "permissions": ["read"], "agents": ["sales", "nobody"], "expiresAt": Timestamp(NOW).to_string(),
    });
    assert_eq!(fields(content), ["agents[1]", "expiresAt"]);
    assert_eq!(fields(json!({"name": "a", "permissions": ["read"], "agents": []})), ["agents"]);
    let taken = post(json!({"name": "reader", "permissions": ["read"]}));
    assert_eq!(taken.error(), error(409, "ALREADY_EXISTS", ""));
    assert_eq!(world.get("/v1/keys/a%20b").error(), error(422, "SCHEMA_VALIDATION_FAILED", "id"));
}

#[test]
fn a_key_gives_no_more_than_it_has() {
    let world = World::new();
    let poor = make(&world, json!({"name": "poor", "permissions": ["admin", "read"]}));
    let as_poor = |body: Value| world.as_key(poor["key"].as_str().unwrap(), "POST", "/v1/keys", body);
    assert_eq!(
        as_poor(json!({"name": "a", "permissions": ["edit"]})).error(),
        error(403, "USER_ACCESS_FORBIDDEN", "")
    );
    assert_eq!(as_poor(json!({"name": "a", "permissions": ["admin"]})).status, 201);
    let limited = |body: Value| world.as_key("limited", "POST", "/v1/keys", body).status;
    assert_eq!(limited(json!({"name": "b", "permissions": ["read"]})), 403);
    for unseen in ["sales", "nobody"] {
        assert_eq!(
            limited(json!({"name": "b", "permissions": ["read"], "agents": [unseen]})),
            403,
            "{unseen}"
        );
    }
    assert_eq!(limited(json!({"name": "b", "permissions": ["read"], "agents": ["reception"]})), 201);
    let seen = world.as_key("limited", "GET", "/v1/keys", Value::Null).json();
    let names: Vec<_> = seen["keys"].as_array().unwrap().iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, ["b", "limited"]);
}

#[test]
fn the_last_key_that_rules_its_account_stays() {
    let world = World::new();
    let delete = |id: &str| world.admin("DELETE", &format!("/v1/keys/key-{id}"), Value::Null);
    assert_eq!(delete("admin").error(), error(409, "LAST_ADMIN_KEY", ""));
    assert_eq!(delete("expired").status, 204);
    assert_eq!(delete("limited").status, 204);
    make(&world, json!({"name": "keys", "permissions": ["admin"]}));
    assert_eq!(
        delete("admin").error(),
        error(409, "LAST_ADMIN_KEY", ""),
        "another could make keys of its own kind alone"
    );
    make(&world, json!({"name": "second", "permissions": Permission::ALL.map(Permission::as_str)}));
    assert_eq!(delete("admin").status, 204);
    assert_eq!(delete("admin").status, 401, "it has ended");
}

#[test]
fn a_key_is_deleted_in_the_state_that_was_seen() {
    let world = World::new();
    let made = world.admin("POST", "/v1/keys", json!({"name": "ci", "permissions": ["read"]}));
    let path = format!("/v1/keys/{}", made.json()["id"].as_str().unwrap());
    let tag = made.header("etag").unwrap();
    assert_eq!(world.get(&path).header("etag"), Some(tag));
    let delete = |tag: &str| {
        let request = hyper::Request::builder().method("DELETE").uri(&path).header("x-api-key", "admin");
        world.send(request.header("if-match", tag).body(axum::body::Body::empty()).unwrap())
    };
    assert_eq!(delete("\"other\"").error(), error(412, "PRECONDITION_FAILED", ""));
    assert_eq!(delete(tag).status, 204);
}
