//! What holds for every request alike.

use axum::body::Body;
use hyper::Request;
use serde_json::{Value, json};

use super::authorisation::{full, operations, path};
use super::world::{Reply, World, error};

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
        (deep.as_bytes(), "body"),
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

/// The fields of a refused body, none of them told in the words of a library.
fn told(world: &World, method: &str, path: &str, body: &Value) -> Vec<String> {
    let reply = world.admin(method, path, body.clone());
    let json = reply.json();
    assert_eq!((reply.status, &json["error_code"]), (400, &json!("VALIDATION_FAILED")), "{}", reply.text);
    let faults = json["errors"].as_array().unwrap();
    for fault in faults {
        let message = fault["message"].as_str().unwrap();
        for theirs in
            ["invalid type", "invalid value", "missing field", "unknown field", "a sequence", " line "]
        {
            assert!(!message.contains(theirs), "{fault}");
        }
    }
    faults.iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn all_faults_of_a_route_are_told_at_once_each_at_its_place_and_in_our_words() {
    let world = World::new();
    let told = |method: &str, path: &str, body: &Value| told(&world, method, path, body);
    let route = json!({
        "agentId": "nobody", "pin": 3, "siteVariantId": "", "headers": {"X-A": 1, "X B": "", "X-C": "c"}, "colour": 1,
        "headerRules": [
            {"header": "X A", "equals": 7}, {"header": "X-A", "equals": "a"}, "X-A", {"pin": "V9", "prefix": "x"},
            {"header": "X-A", "regex": "(", "agentId": "sales", "pin": "V9", "glob": "*"},
        ],
    });
    assert_eq!(
        told("PUT", "/v1/numbers/alice", &route),
        [
            "pin",
            "siteVariantId",
            "agentId",
            "headerRules[0].header",
            "headerRules[0].equals",
            "headerRules[2]",
            "headerRules[3].header",
            "headerRules[4].regex",
            "headerRules[4].pin",
            "headerRules[4].glob",
            "headers.X B",
            "headers.X-A",
            "colour"
        ]
    );
    let in_split = json!({"splitId": "winter", "pin": "V1", "headerRules": [{"header": "X-A"}, {"header": "X-A", "equals": "a"}]});
    assert_eq!(
        told("PUT", "/v1/default-route", &in_split),
        ["pin", "splitId", "headerRules[0]", "headerRules[0].agentId", "headerRules[1].agentId"]
    );
}

#[test]
fn all_faults_of_a_split_are_told_at_once_each_at_its_place_and_in_our_words() {
    let world = World::new();
    world.split("spring");
    let told = |method: &str, path: &str, body: &Value| told(&world, method, path, body);
    let split = json!({
        "id": "a b", "name": "n".repeat(101), "unit": "day", "startsAt": "soon", "callQuota": 0, "paused": "no", "salt": "1",
        "scope": {"numbers": ["+1", "+14155550100", 7], "site": 1},
        "arms": [{"id": "a", "agentId": "sales", "weight": -1}, {"id": "b", "agentId": "nobody", "pin": "newest", "weight": 1}],
    });
    assert_eq!(
        told("POST", "/v1/splits", &split),
        [
            "arms[0].weight",
            "arms[1].pin",
            "arms[1].agentId",
            "id",
            "scope.numbers[0]",
            "scope.numbers[2]",
            "scope.site",
            "unit",
            "startsAt",
            "paused",
            "name",
            "callQuota",
            "salt"
        ]
    );
    let change = json!({
        "name": 1, "endsAt": "2026", "unit": "call",
        "arms": [{"id": "test", "weight": "1"}, {"weight": 1}, {"id": "control", "agentId": "nobody", "pin": "V1"}],
    });
    assert_eq!(
        told("PATCH", "/v1/splits/spring", &change),
        ["arms[0].weight", "arms[1].id", "arms[2].agentId", "name", "endsAt", "unit"]
    );
    // What only the split itself can tell is told by the place in the request, too.
    let change =
        json!({"arms": [{"id": "new", "weight": 1}, {"id": "test", "agentId": "nobody"}], "callQuota": 0});
    assert_eq!(told("PATCH", "/v1/splits/spring", &change), ["arms[0].id", "callQuota", "arms[1].agentId"]);
    assert_eq!(told("POST", "/v1/splits/spring/end", &json!({"arm": "test"})), ["winner", "arm"]);
    assert_eq!(told("POST", "/v1/reload", &json!({"accept": 1, "force": true})), ["accept", "force"]);
}

#[test]
fn of_very_many_faults_a_hundred_are_told_and_the_rest_counted() {
    let world = World::new();
    let numbers: Vec<_> = (0..150).map(|_| "+1").collect();
    let arms = json!([{"id": "a", "agentId": "sales", "weight": 1}]);
    let reply = world.admin("POST", "/v1/splits", json!({"arms": arms, "scope": {"numbers": numbers}}));
    assert_eq!(reply.error(), error(400, "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT", "scope.numbers[0]"));
    let errors = reply.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 101);
    assert_eq!(errors[100], json!({"field": "body", "message": "has 50 more faults than are told"}));
}

#[test]
fn a_key_of_some_agents_learns_nothing_of_others_from_faults() {
    let world = World::new();
    let fields = |agent: &str| {
        let body = json!({"agentId": agent, "pin": "V9", "colour": 1});
        let reply = world.as_key("limited", "PUT", "/v1/numbers/alice", body);
        reply.json()["errors"].clone()
    };
    assert_eq!(fields("sales"), fields("nobody"));
    assert_eq!(fields("reception")[0]["field"], "pin");
}

#[test]
fn an_empty_body_of_a_post_is_an_empty_object_whatever_its_type() {
    let posts: Vec<_> = operations().into_iter().filter(|(method, _, _)| method == "POST").collect();
    assert!(posts.len() > 8, "{posts:?}");
    for (_, template, _) in posts {
        // Rows are no JSON.
        if template == "/v1/numbers:import" {
            continue;
        }
        let world = full();
        let path = path(&world, &template);
        let told = |reply: Reply| (reply.error(), reply.json()["errors"].clone());
        let ask = |kind: Option<&str>, body: &'static str| {
            let request = Request::builder().method("POST").uri(&path).header("x-api-key", "admin");
            let request =
                kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
            told(world.send(request.body(Body::from(body)).unwrap()))
        };
        let expected = ask(Some("application/json"), "{}");
        for kind in [None, Some("application/json"), Some("text/plain")] {
            for body in ["", " "] {
                assert_eq!(ask(kind, body), expected, "{template} {kind:?} {body:?}");
            }
        }
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
fn all_that_is_wrong_with_a_query_is_told_at_once() {
    let world = World::new();
    let told = |query: &str| {
        let reply = world.get(query).json();
        let faults = reply["errors"].as_array().unwrap().clone();
        faults
            .iter()
            .map(|it| format!("{}: {}", it["field"], it["message"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told("/v1/numbers?limit=0&pin=V0&agentId=%ff&managedBy=me&managedBy=you&colour=red"),
        [
            "agentId: the parameter agentId is not UTF-8",
            "pin: is no pin: expected draft, V<n>, sandbox, pre-release or live",
            "managedBy: is given twice",
            "limit: expected a whole number from 1 to 1000",
            "colour: is no parameter of this path",
        ]
    );
    assert_eq!(told("/v1/history?from=x&to=y&limit=z").len(), 3);
    assert_eq!(told("/v1/agents/sales/compare?side=V1").len(), 3);
    assert_eq!(told("/v1/agents/sales/deployments?limit=x").len(), 2);
    let alone = world.get("/v1/agents/sales/deployments?environment=moon");
    assert_eq!(alone.error(), error(400, "DEPLOYMENTS_INVALID_ENVIRONMENT", "environment"));
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
        made.len() == 36 && Some(made.as_str()) != world.get("/v1/agents").header("x-polyai-correlation-id")
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
