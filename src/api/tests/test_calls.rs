//! `/v1/agents/{id}/test-calls`: what is asked for, and how it is refused. What is decided is the call plane's.

use serde_json::{Value, json};

use super::world::{World, error};

const PATH: &str = "/v1/agents/sales/test-calls";

#[test]
fn a_test_call_names_what_of_the_agent_serves_it() {
    let world = World::new();
    for (body, pin) in [
        (Value::Null, "draft"),
        (json!({"pin": "V2", "from": "+14155550123", "headers": {"X-Env": "test"}}), "V2"),
        (json!({"pin": "sandbox"}), "sandbox"),
        (json!({"environment": "pre-release", "pin": null}), "pre-release"),
    ] {
        let reply = world.admin("POST", PATH, body);
        assert_eq!((reply.status, reply.header("content-type")), (201, Some("application/json")));
        assert_eq!(reply.json(), json!({"agentId": "sales", "pin": pin, "test": true}));
    }
}

#[test]
fn a_test_call_is_refused_by_the_field_at_fault_and_for_keys_that_may_not_override() {
    let world = World::new();
    for (body, field) in [
        (json!({"environment": "live"}), "environment"),
        (json!({"pin": "live"}), "pin"),
        (json!({"pin": "V1", "environment": "sandbox"}), "pin"),
        (json!({"pin": "newest"}), "pin"),
        (json!({"from": 1}), "from"),
        (json!({"headers": {"X-A": 1}}), "headers.X-A"),
        (json!({"to": "+14155550100"}), "to"),
    ] {
        let reply = world.admin("POST", PATH, body.clone());
        let (status, _, told) = reply.error();
        assert_eq!((status, told.as_str()), (400, field), "{body}: {}", reply.text);
    }
    let reader = world.as_key("reader", "POST", PATH, Value::Null);
    assert_eq!(reader.error(), error(403, "USER_ACCESS_FORBIDDEN", ""));
    assert_eq!(world.as_key("limited", "POST", PATH, Value::Null).status, 403);
    assert_eq!(world.as_key("other", "POST", PATH, Value::Null).error(), error(404, "PROJECT_NOT_FOUND", ""));
}
