//! `/v1/prefixes` and `/v1/default-route`.

use serde_json::{Value, json};

use super::world::{World, error};

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
