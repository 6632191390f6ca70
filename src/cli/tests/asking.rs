//! Requests, answers and exit codes.

use serde_json::{Value, json};

use super::world::{World, run_with};
use crate::cli::Variables;
use crate::domain::fault::Fault;

#[test]
fn a_request_carries_the_key_that_was_found() {
    let world = World::new().answers("GET /v1/agents", 200, &json!([]));
    let outcome = world.run("cordboard agents");
    assert_eq!((outcome.code, outcome.out.as_str(), outcome.err.as_str()), (0, "there are no agents\n", ""));
    assert_eq!(world.asked()[0].header("x-api-key"), Some("first-key"));
}

#[test]
fn a_key_that_is_said_wins_over_one_that_was_found() {
    let world = World::new().with_variable("CORDBOARD_KEY", "by-variable");
    world.run("cordboard agents");
    world.run("cordboard agents --key by-flag");
    let keys: Vec<_> =
        world.asked().iter().map(|asked| asked.header("x-api-key").map(str::to_owned)).collect();
    assert_eq!(keys, [Some("by-variable".to_owned()), Some("by-flag".to_owned())]);
}

#[test]
fn a_key_may_come_from_a_file_of_its_own() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from-file\n").unwrap();
    let world = World::new().with_variable("CORDBOARD_ADMIN_KEY_FILE", file.path().to_str().unwrap());
    world.run("cordboard agents");
    assert_eq!(world.asked()[0].header("x-api-key"), Some("from-file"));
}

#[test]
fn paths_and_queries_are_percent_encoded() {
    let world = World::new();
    world.run("cordboard numbers get 'sip:front%20desk/1@example.com'");
    world.run("cordboard numbers list --prefix +1415 --pin pre-release --cursor a&b=c");
    assert_eq!(
        world.lines(),
        [
            "GET /v1/numbers/front%2520desk%2F1",
            "GET /v1/numbers?prefix=%2B1415&pin=pre-release&cursor=a%26b%3Dc"
        ]
    );
}

#[test]
fn json_is_the_answer_as_it_came() {
    let world = World::new().answers("GET /v1/status", 200, &json!({"b": 1, "a": [2]}));
    assert_eq!(world.run("cordboard status --json").out, "{\"a\":[2],\"b\":1}\n");
}

#[test]
fn a_refusal_names_every_field_and_exits_1() {
    let refusal = json!({
        "success": false, "error": "the split is not valid", "error_code": "VALIDATION_FAILED",
        "errors": [{"field": "arms[1].weight", "message": "is too large"}, {"field": "unit", "message": "is unknown"}]
    });
    let world = World::new().answers("GET /v1/splits", 400, &refusal);
    let outcome = world.run("cordboard splits list");
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    assert_eq!(
        outcome.err,
        "error: the split is not valid (VALIDATION_FAILED, HTTP 400)\n  arms[1].weight: is too large\n  unit: is unknown\n"
    );
    let outcome = world.run("cordboard splits list --json");
    assert_eq!(outcome.code, 1);
    assert_eq!(serde_json::from_str::<Value>(&outcome.out).unwrap(), refusal);
}

#[test]
fn faults_of_files_are_told_with_their_places() {
    let refusal = json!({
        "error": "1 fault in the files", "error_code": "FILES_FAULTY",
        "errors": [{"field": "routes/a.toml", "message": "pin is unknown"}],
        "data": {"faults": [{"file": "routes/a.toml", "line": 3, "column": 7, "message": "pin is unknown", "expected": "draft"}]}
    });
    let world = World::new().answers("POST /v1/reload", 400, &refusal);
    assert_eq!(
        world.run("cordboard reload").err,
        "error: 1 fault in the files (FILES_FAULTY, HTTP 400)\n  routes/a.toml:3:7: pin is unknown (expected draft)\n"
    );
}

#[test]
fn held_files_are_told_once_with_how_to_take_them() {
    let fault = Fault {
        message: "held: it would remove 400 of 400 numbers".to_owned(),
        expected: "`cordboard reload --accept aabb` if that is meant".to_owned(),
        ..Fault::of_folder()
    };
    let refusal = json!({"error": fault.to_string(), "error_code": "FILES_HELD", "data": {"hash": "aabb", "faults": [fault]}});
    let world = World::new().answers("POST /v1/reload", 409, &refusal);
    assert_eq!(world.run("cordboard reload").err, format!("error: {fault} (FILES_HELD, HTTP 409)\n"));
}

#[test]
fn a_message_that_is_the_only_fault_is_told_once() {
    let refusal =
        json!({"error": "limit: is too large", "errors": [{"field": "limit", "message": "is too large"}]});
    let world = World::new().answers("GET /v1/agents", 400, &refusal);
    assert_eq!(world.run("cordboard agents").err, "error: limit: is too large (HTTP 400)\n");
}

#[test]
fn a_refusal_without_an_envelope_is_told_too() {
    let world = World::new().answers("GET /v1/agents", 502, &json!("<html>"));
    assert_eq!(world.run("cordboard agents").err, "error: the router refused (HTTP 502)\n");
}

#[test]
fn a_hint_says_where_a_key_can_be_had() {
    let refused = json!({"error": "the API key is missing", "error_code": "AUTH_USER_INVALID_TOKEN"});
    let world = World::new().answers("GET /v1/agents", 401, &refused);
    std::fs::remove_file(world.data.path().join("admin.key")).unwrap();
    let outcome = world.run("cordboard agents");
    assert_eq!(world.asked()[0].header("x-api-key"), None);
    assert!(outcome.err.contains("hint: no key was found: give --key"), "{}", outcome.err);
}

#[test]
fn a_router_that_is_not_there_is_exit_code_3() {
    // Bound and let go, so that nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = run_with(&format!("cordboard status --url {address}"), None, &Variables::default());
    assert_eq!((outcome.code, outcome.out.as_str()), (3, ""));
    assert!(outcome.err.starts_with(&format!("error: cannot reach http://{address}: ")), "{}", outcome.err);
    assert!(outcome.err.contains("hint: is `cordboard serve` running there?"), "{}", outcome.err);
}

#[test]
fn an_address_that_cannot_be_asked_is_exit_code_2() {
    let outcome = run_with("cordboard status --url ftp://router:8701", None, &Variables::default());
    assert_eq!(outcome.code, 2, "{}", outcome.err);
    let world = World::new().with_variable("CORDBOARD_KEY", "two\nlines");
    let outcome = world.run("cordboard status");
    assert_eq!((outcome.code, world.lines().len()), (2, 0));
    assert!(!outcome.err.contains("lines"), "{}", outcome.err);
}

#[test]
fn a_redirect_takes_the_key_nowhere() {
    let head = "location: http://127.0.0.1:1/\r\n";
    let world = World::new().answers_with("GET /v1/agents", 307, head, &Value::Null);
    assert_eq!((world.run("cordboard agents").code, world.lines().len()), (1, 1));
}

#[test]
fn explain_asks_the_call_plane_without_making_a_call() {
    let world = World::new().answers(
        "POST /v1/calls?dryRun=true",
        200,
        &json!({"agentId": "sales", "version": 3, "pin": "V3"}),
    );
    let outcome = world.run(
        "cordboard explain +14155550100 --from +14155550123 --header 'X-Env: test' --override spring/test --url 127.0.0.1:1",
    );
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(outcome.out.starts_with("+14155550100 is served by sales, V3 (pin V3)\n"), "{}", outcome.out);
    assert_eq!(
        world.asked()[0].body,
        json!({"to": "+14155550100", "from": "+14155550123", "headers": {"X-Env": "test"},
               "override": {"splitId": "spring", "arm": "test"}})
    );
}

#[test]
fn a_number_that_nobody_serves_is_explained_and_exits_1() {
    let decision = json!({"agentId": null, "reason": {"code": "no_route", "text": "there is no route"}});
    let world = World::new().answers("POST /v1/calls?dryRun=true", 404, &decision);
    let outcome = world.run("cordboard explain +14155550100");
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.out.starts_with("Nobody serves +14155550100\nbecause there is no route\n"),
        "{}",
        outcome.out
    );
    assert!(outcome.err.starts_with("error: nobody serves +14155550100\nhint: "), "{}", outcome.err);
}

#[test]
fn a_long_list_says_how_it_goes_on() {
    let page =
        json!({"numbers": [{"number": "+14155550100", "agentId": "sales", "pin": "V3"}], "nextCursor": "c2"});
    let world = World::new().answers("GET /v1/numbers?limit=1", 200, &page);
    let outcome = world.run("cordboard numbers list --limit 1");
    assert_eq!(outcome.err, "there is more: --cursor c2\n");
    assert!(outcome.out.contains("\n+14155550100  sales@V3"), "{}", outcome.out);
}

#[test]
fn any_request_can_be_sent_with_a_body_from_anywhere() {
    let world = World::new().answers("DELETE /v1/x", 200, &json!({"deleted": [1]})).answers(
        "POST /v1/x",
        200,
        &json!({}),
    );
    let file = world.data.path().join("body.json");
    std::fs::write(&file, r#"{"from":"file"}"#).unwrap();
    assert_eq!(
        world.run(r#"cordboard api delete /v1/x --data '{"a":1}'"#).out,
        "{\n  \"deleted\": [\n    1\n  ]\n}\n"
    );
    assert_eq!(
        world.run(&format!("cordboard api POST /v1/x --data @{} --calls-plane", file.display())).code,
        0
    );
    assert_eq!(world.run_answering("cordboard api POST /v1/x --data -", r#"{"from":"input"}"#).code, 0);
    assert_eq!(world.run("cordboard api POST /v1/x --data @/nowhere").code, 2);
    let bodies: Vec<_> = world.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies, [json!({"a": 1}), json!({"from": "file"}), json!({"from": "input"})]);
}

#[test]
fn any_request_can_be_for_one_state_only_and_carried_out_once() {
    let world = World::new().answers_with("POST /v1/x", 200, "etag: \"e2\"\r\n", &json!({}));
    for (said, sent) in [("e1", "\"e1\""), ("'\"e1\"'", "\"e1\""), ("*", "*")] {
        let line = format!("cordboard api POST /v1/x --if-match {said} --idempotency-key release-42 -i");
        let outcome = world.run(&line);
        assert_eq!((outcome.code, outcome.out.as_str()), (0, "{}\n"), "{}", outcome.err);
        assert!(outcome.err.starts_with("status: 200\netag: \"e2\"\n"), "{}", outcome.err);
        let asked = world.asked().pop().unwrap();
        assert_eq!(
            (asked.header("if-match"), asked.header("idempotency-key")),
            (Some(sent), Some("release-42"))
        );
    }
    assert!(world.run("cordboard api POST /v1/x").err.is_empty());
    let plain = world.asked().pop().unwrap();
    assert_eq!((plain.header("if-match"), plain.header("idempotency-key")), (None, None));
}

#[test]
fn the_openapi_document_is_printed_as_it_is() {
    let world = World::new().answers("GET /openapi.json", 200, &json!({"openapi": "3.1.0"}));
    assert_eq!(world.run("cordboard openapi").out, "{\"openapi\":\"3.1.0\"}\n");
}
