//! `/v1/accounts`.

use serde_json::{Value, json};

use super::world::{NOW, World, error};
use crate::domain::time::Timestamp;

fn settings() -> Value {
    json!({
        "protected_main": false, "allow_skip_pre_release": true, "tests_gate": false, "merge_publishes": true,
        "merge_conflict_status": 400, "active_calls_default": "keep", "staging_publishes_live": false,
    })
}

#[test]
fn an_account_is_made_with_a_first_key_that_rules_it_and_nothing_else() {
    let world = World::new();
    let made = world.admin("POST", "/v1/accounts", json!({"name": "Two"}));
    assert_eq!(made.status, 201, "{}", made.text);
    let mut view = made.json();
    let key = view.as_object_mut().unwrap().remove("key").unwrap();
    let id = view["accountId"].as_str().unwrap().to_owned();
    let letters = id.strip_prefix("ws-").unwrap();
    assert!(
        letters.len() == 8 && letters.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()),
        "{id}"
    );
    let created = Timestamp(NOW).to_string();
    assert_eq!(view, json!({"accountId": id, "name": "Two", "createdAt": created, "settings": settings()}));
    let as_them =
        |method: &str, path: &str, body: Value| world.as_key(key.as_str().unwrap(), method, path, body);
    assert_eq!(as_them("GET", "/v1/agents", Value::Null).json(), json!([]));
    assert_eq!(as_them("GET", &format!("/v1/accounts/{id}"), Value::Null).json(), view);
    assert_eq!(as_them("GET", "/v1/accounts", Value::Null).json(), json!({"accounts": [view]}));
    assert_eq!(as_them("POST", "/v1/accounts", json!({"name": "Three"})).status, 403);
    assert_eq!(as_them("PATCH", &format!("/v1/accounts/{id}"), json!({"name": "Mine"})).status, 403);
    let other = error(404, "ACCOUNT_NOT_FOUND", "");
    assert_eq!(as_them("GET", "/v1/accounts/ws-1", Value::Null).error(), other);
    assert_eq!(as_them("PATCH", "/v1/accounts/ws-1", json!({"name": "Mine"})).error(), other);
    assert_eq!(as_them("GET", "/v1/accounts/ws-9", Value::Null).error(), other);
    assert_eq!(as_them("POST", "/v1/keys", json!({"name": "ci", "permissions": ["read"]})).status, 201);
    assert_eq!(world.get("/v1/accounts").json()["accounts"].as_array().unwrap().len(), 3);
    assert_eq!(world.get(&format!("/v1/accounts/{id}")).json(), view);
}

#[test]
fn an_id_may_be_chosen_where_it_is_free() {
    let world = World::new();
    let post = |body: Value| world.admin("POST", "/v1/accounts", body);
    assert_eq!(post(json!({"name": "Two", "accountId": "ws-0000ABCD"})).json()["accountId"], "ws-0000ABCD");
    assert_eq!(
        post(json!({"name": "Two", "accountId": "ws-0000ABCD"})).error(),
        error(409, "ALREADY_EXISTS", "")
    );
    for id in ["ws-1", "ws-0000abcd", "WS-0000ABCD"] {
        assert_eq!(
            post(json!({"name": "Two", "accountId": id})).error(),
            error(400, "VALIDATION_FAILED", "accountId")
        );
    }
    assert_eq!(post(json!({"settings": {}})).json()["errors"].as_array().unwrap().len(), 2);
}

#[test]
fn settings_change_as_far_as_they_are_named_in_the_state_that_was_seen() {
    let world = World::new();
    let patch = |tag: Option<&str>, body: Value| {
        let request =
            hyper::Request::builder().method("PATCH").uri("/v1/accounts/ws-2").header("x-api-key", "admin");
        let request = tag.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        world.send(request.body(body.to_string().into()).unwrap())
    };
    let before = world.get("/v1/accounts/ws-2");
    let body = json!({"settings": {"merge_conflict_status": 409, "active_calls_default": "move", "protected_main": true}});
    let after = patch(before.header("etag"), body.clone());
    let mut expected = settings();
    for (name, value) in body["settings"].as_object().unwrap() {
        expected[name] = value.clone();
    }
    assert_eq!((after.status, &after.json()["settings"]), (200, &expected), "{}", after.text);
    assert_eq!(after.json()["name"], "ws-2");
    assert_eq!(world.get("/v1/accounts/ws-2").json(), after.json());
    assert_eq!(patch(before.header("etag"), json!({})).error(), error(412, "PRECONDITION_FAILED", ""));
    let revision = after.revision();
    assert_eq!(patch(None, json!({"name": "ws-2", "settings": {"tests_gate": null}})).revision(), revision);
    let wrong = json!({
        "name": "n".repeat(101), "settings": {"tests_gate": 1, "merge_conflict_status": 500, "active_calls_default": "drop", "x": 1},
    });
    let errors = patch(None, wrong).json()["errors"].clone();
    let fields: Vec<_> =
        errors.as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    assert_eq!(
        fields,
        [
            "name",
            "settings.tests_gate",
            "settings.merge_conflict_status",
            "settings.active_calls_default",
            "settings.x"
        ]
    );
    let line = world.get("/v1/history").json()["entries"][0].clone();
    assert_eq!((&line["action"], &line["target"]), (&json!("account.change"), &json!("ws-2")));
    assert_eq!(patch(None, json!({"name": "  Zwei \n"})).json()["name"], "Zwei");
    for none in ["", " \t", "Zw\u{7}ei"] {
        assert_eq!(patch(None, json!({"name": none})).error(), error(400, "VALIDATION_FAILED", "name"));
    }
}
