//! `/v1/prefixes` and `/v1/default-route`.

use serde_json::{Value, json};

use super::world::{World, error};
use crate::domain::testing::{file_agent, file_set};

#[test]
fn a_prefix_is_what_was_put_until_it_is_deleted() {
    let world = World::new();
    let path = "/v1/prefixes/%2B1415";
    assert_eq!(world.get(path).error(), error(404, "NOT_FOUND", ""));
    let put = world.admin("PUT", path, json!({"agentId": "sales", "pin": "live"}));
    assert_eq!(
        (put.status, &put.json()["prefix"], &put.json()["pin"]),
        (200, &json!("+1415"), &json!("live"))
    );
    assert_eq!(world.get("/v1/prefixes/+1415").json(), put.json());
    assert_eq!(
        world.admin("PUT", path, json!({"agentId": "sales", "pin": "V9"})).error(),
        error(400, "VALIDATION_FAILED", "pin")
    );
    assert_eq!(world.admin("DELETE", path, Value::Null).status, 204);
    assert_eq!(world.admin("DELETE", path, Value::Null).error(), error(404, "NOT_FOUND", ""));
    for malformed in ["1415", "+", "+0", "+1234567890123456", "+14a"] {
        assert_eq!(world.get(&format!("/v1/prefixes/{malformed}")).status, 422, "{malformed}");
    }
}

#[test]
fn prefixes_are_listed_in_pages() {
    let world = World::new();
    for prefix in ["+49", "+1", "+1415", "+4930"] {
        world.admin("PUT", &format!("/v1/prefixes/{prefix}"), json!({"agentId": "sales"}));
    }
    let first = world.get("/v1/prefixes?limit=3").json();
    let names = |page: &Value| -> Vec<String> {
        let prefixes = page["prefixes"].as_array().unwrap().iter();
        prefixes.map(|prefix| prefix["prefix"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["+1", "+49", "+1415"]);
    let rest = world.get(&format!("/v1/prefixes?cursor={}", first["nextCursor"].as_str().unwrap())).json();
    assert_eq!((names(&rest), &rest["nextCursor"]), (vec!["+4930".to_owned()], &Value::Null));
}

#[test]
fn the_default_route_is_what_was_put_until_it_is_deleted() {
    let world = World::new();
    let path = "/v1/default-route";
    assert_eq!(world.get(path).error(), error(404, "NOT_FOUND", ""));
    assert_eq!(world.admin("DELETE", path, Value::Null).error(), error(404, "NOT_FOUND", ""));
    let put = world.admin("PUT", path, json!({"agentId": "reception", "pin": "live"}));
    assert_eq!(world.get(path).json(), put.json());
    assert_eq!(world.as_key("other", "GET", path, Value::Null).status, 404);
    assert_eq!(world.admin("DELETE", path, Value::Null).status, 204);
}

#[test]
fn a_fallback_that_is_neither_a_target_nor_a_number_is_refused_by_name() {
    let world = World::new();
    let put = |fallback: &str| {
        let route = json!({"agentId": "sales", "pin": "V1", "fallback": fallback});
        world.admin("PUT", "/v1/default-route", route)
    };
    for fallback in ["front desk", "{agent}", "sip:{caller}@h", "desk@host", "sip:a b@h"] {
        let refused = put(fallback);
        assert_eq!(refused.error(), error(400, "VALIDATION_FAILED", "fallback"), "{fallback}");
        let message = refused.json()["errors"][0]["message"].to_string();
        assert!(message.contains("expected a sip, sips, tel"), "{message}");
    }
    for fallback in ["front%20desk", "sip:{agent}.v{version}@h"] {
        assert_eq!(put(fallback).json()["fallback"], fallback);
    }
}

#[test]
fn a_change_of_a_route_holds_for_one_state_only_where_it_says_so() {
    let world = World::new();
    for path in ["/v1/numbers/+14155550100", "/v1/prefixes/+1415", "/v1/default-route"] {
        let ask = |method: &str, tag: &str, body: Value| {
            let request = hyper::Request::builder().method(method).uri(path).header("x-api-key", "admin");
            let body = if body.is_null() { String::new() } else { body.to_string() };
            world.send(request.header("if-match", tag).body(body.into()).unwrap())
        };
        let pin = |pin: &str| json!({"agentId": "sales", "pin": pin});
        assert_eq!(ask("PUT", "*", pin("V1")).status, 412, "{path}: there is none yet");
        let old = world.admin("PUT", path, pin("V1")).header("etag").unwrap().to_owned();
        assert_eq!(ask("PUT", &old, pin("V2")).status, 200, "{path}");
        let stale = error(412, "PRECONDITION_FAILED", "");
        assert_eq!(ask("PUT", &old, pin("V3")).error(), stale, "{path}");
        assert_eq!(ask("DELETE", &old, Value::Null).error(), stale, "{path}");
        assert_eq!(world.get(path).json()["pin"], "V2");
        let new = world.get(path).header("etag").unwrap().to_owned();
        assert_eq!(ask("DELETE", &new, Value::Null).status, 204, "{path}");
    }
}

#[test]
fn of_writers_that_have_seen_the_same_state_one_writes() {
    let world = World::new();
    let path = "/v1/default-route";
    let tag = world.admin("PUT", path, json!({"agentId": "sales", "pin": "V1"}));
    let tag = tag.header("etag").unwrap();
    let ask = |at: u32| {
        let request = hyper::Request::builder().method("PUT").uri(path).header("x-api-key", "admin");
        let body = json!({"agentId": "sales", "pin": "V2", "headers": {"X-Writer": at.to_string()}});
        request.header("if-match", tag).body(body.to_string().into()).unwrap()
    };
    let mut statuses = world.send_all((0..20).map(ask).collect());
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[412; 19]].concat());
}

#[test]
fn the_routes_of_the_files_are_theirs_alone() {
    let world = World::new();
    let agents = vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)];
    world.apply(file_set(agents).with_prefix("+1415", "sales@V1").with_default("sales@V1"));
    for path in ["/v1/prefixes/+1415", "/v1/default-route"] {
        for (method, body) in [("PUT", json!({"agentId": "sales"})), ("DELETE", Value::Null)] {
            let refused = world.admin(method, path, body);
            assert_eq!(refused.error(), error(409, "MANAGED_BY_FILES", ""), "{method} {path}");
        }
        assert_eq!(world.get(path).json()["managedBy"], "files");
    }
}

#[test]
fn a_header_that_is_reserved_is_refused_wherever_it_is_written() {
    let world = World::new();
    for path in ["/v1/numbers/+14155550100", "/v1/prefixes/+1415", "/v1/default-route"] {
        for name in ["Via", "contact", "V", "x-agent-version"] {
            let body = json!({"agentId": "sales", "headers": {name: "x", "X-Fine": "y"}});
            let refused = world.admin("PUT", path, body);
            let field = format!("headers.{name}");
            assert_eq!(refused.error(), error(400, "VALIDATION_FAILED", &field), "{path}");
            assert!(refused.text.contains("is reserved"), "{}", refused.text);
        }
        assert_eq!(world.get(path).status, 404, "{path}");
    }
}
