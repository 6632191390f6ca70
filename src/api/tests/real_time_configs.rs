//! Real-time configs: what fits a schema, and nothing else, at once.

use serde_json::{Value, json};

use super::world::{Reply, World, error};

fn ask(world: &World, method: &str, path: &str, body: Value) -> Reply {
    world.admin(method, &format!("/v1/agents/sales/real-time-configs{path}"), body)
}

fn patch(world: &World, variables: Value) -> Reply {
    let mut body = json!({});
    body["variables"] = variables;
    ask(world, "PATCH", "/live/variables", body)
}

fn schema(world: &World, body: Value) -> Reply {
    ask(world, "PUT", "/live/schema", body)
}

#[test]
fn values_are_merged_name_by_name_and_null_is_a_value() {
    let world = World::new();
    let empty = ask(&world, "GET", "/live", Value::Null);
    let nothing = json!({"clientEnv": "live", "variables": null, "schema": null, "lastUpdated": null});
    assert_eq!(empty.json(), nothing);
    let first = patch(&world, json!({"open": true, "hours": {"from": 9, "to": 17}}));
    assert_eq!(first.status, 200, "{}", first.text);
    let second = patch(&world, json!({"hours": {"from": 10}, "note": null})).json();
    assert_eq!(second["variables"], json!({"open": true, "hours": {"from": 10}, "note": null}));
    assert_eq!(second["lastUpdated"], "2023-11-14T22:13:20.000Z");
    let pages = ask(&world, "GET", "", Value::Null).json()["configPages"].clone();
    assert_eq!((pages.as_array().unwrap().len(), &pages[2]), (3, &second));
    let before = world.control.state().revision;
    assert_eq!(patch(&world, json!({"open": true})).status, 200);
    assert_eq!(world.control.state().revision, before, "nothing changed");
}

#[test]
fn what_does_not_fit_is_refused_whole_each_value_by_its_path() {
    let world = World::new();
    let open = json!({"type": "object", "properties": {"open": {"type": "boolean"}, "list": {"items": {"type": "integer"}}}});
    assert_eq!(
        schema(&world, json!({"schema": open})).status,
        200,
        "nothing is stored yet: any schema passes"
    );
    assert_eq!(patch(&world, json!({"open": true})).status, 200);
    let before = ask(&world, "GET", "/live", Value::Null);
    let bad = patch(&world, json!({"open": 3, "list": [1, "x"], "fine": 1}));
    assert_eq!((bad.status, &bad.json()["error_code"]), (400, &json!("REAL_TIME_CONFIG_INVALID_FOR_SCHEMA")));
    let errors = bad.json()["errors"].clone();
    let mut fields: Vec<_> =
        errors.as_array().unwrap().iter().map(|it| it["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["variables.list[1]", "variables.open"]);
    let text = json!({"schema": {"properties": {"open": {"type": "string"}}}});
    assert_eq!(
        schema(&world, text.clone()).error(),
        error(400, "REAL_TIME_CONFIG_INVALID_FOR_SCHEMA", "variables.open")
    );
    let after = ask(&world, "GET", "/live", Value::Null);
    assert_eq!((after.text, after.headers.get("etag")), (before.text, before.headers.get("etag")));
    let mut both = text;
    both["variables"] = json!({"open": "yes"});
    assert_eq!(schema(&world, both).json()["variables"], json!({"open": "yes"}), "checked together");
    let long = patch(&world, json!({"open": "x".repeat(65_536)}));
    assert_eq!(long.error(), error(400, "REAL_TIME_CONFIG_INVALID_FOR_SCHEMA", "variables"));
    let nested = |levels| (1..levels).fold(json!(1), |inner, _| json!({"deeper": inner}));
    let deep = patch(&world, nested(66));
    assert_eq!(deep.error(), error(400, "REAL_TIME_CONFIG_INVALID_FOR_SCHEMA", "variables"));
    // Whatever is taken goes out and comes in.
    assert_eq!(schema(&world, json!({"schema": {}, "variables": {}})).status, 200);
    assert_eq!(patch(&world, nested(64)).status, 200);
    let exported = world.get("/v1/export");
    let document: Value = serde_json::from_str(&exported.text).unwrap();
    assert_eq!(
        world.admin("POST", "/v1/import", document).status,
        409,
        "what files have is refused, as ever"
    );
}

#[test]
fn what_is_no_schema_or_no_environment_is_refused_by_name() {
    let world = World::new();
    for (body, code, field) in [
        (json!({"schema": {"type": "colour"}}), "REAL_TIME_CONFIG_INVALID_SCHEMA", "schema.type"),
        (
            json!({"schema": {"$ref": "https://x.example/s"}}),
            "REAL_TIME_CONFIG_INVALID_SCHEMA",
            "schema.$ref",
        ),
        (json!({"schema": 3}), "REAL_TIME_CONFIG_INVALID_SCHEMA", "schema"),
        (json!({}), "VALIDATION_FAILED", "schema"),
        (json!({"schema": {}, "variables": 3}), "VALIDATION_FAILED", "variables"),
    ] {
        let reply = schema(&world, body);
        assert_eq!(reply.error(), error(400, code, field), "{}", reply.text);
    }
    let unknown = error(400, "REAL_TIME_CONFIG_UNKNOWN_CLIENT_ENVIRONMENT", "clientEnv");
    assert_eq!(ask(&world, "GET", "/production", Value::Null).error(), unknown);
    assert_eq!(ask(&world, "PATCH", "/Live/variables", json!({"variables": {}})).error(), unknown);
    let nobody = world.get("/v1/agents/nobody/real-time-configs/live");
    assert_eq!(nobody.error(), error(404, "PROJECT_NOT_FOUND", ""));
}

#[test]
fn a_page_that_changed_meanwhile_is_left_alone_where_its_state_was_named() {
    let world = World::new();
    let tag = ask(&world, "GET", "/live", Value::Null).header("etag").unwrap().to_owned();
    let send = |tag: &str| {
        let path = "/v1/agents/sales/real-time-configs/live/variables";
        let request = hyper::Request::builder().method("PATCH").uri(path).header("x-api-key", "admin");
        let body = json!({"variables": {"n": tag}}).to_string();
        world.send(request.header("If-Match", tag).body(body.into()).unwrap())
    };
    assert_eq!(send(&tag).status, 200);
    assert_eq!(send(&tag).error(), error(412, "PRECONDITION_FAILED", ""));
}

#[test]
fn of_many_edits_at_once_none_is_lost() {
    let world = World::new();
    let requests = (0..100).map(|n| {
        let path = "/v1/agents/sales/real-time-configs/live/variables";
        let request = hyper::Request::builder().method("PATCH").uri(path).header("x-api-key", "admin");
        request.body(json!({"variables": {format!("v{n}"): n}}).to_string().into()).unwrap()
    });
    assert_eq!(world.send_all(requests.collect()), [200; 100]);
    let page = ask(&world, "GET", "/live", Value::Null).json();
    assert_eq!(page["variables"].as_object().unwrap().len(), 100);
}
