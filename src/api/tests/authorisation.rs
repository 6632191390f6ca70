//! Who may do what: every operation of the document, none left out.

use hyper::{Method, Request};
use serde_json::{Value, json};

use super::world::{World, key};
use crate::api::permits::{Need, Permits};
use crate::api::{document, routes};
use crate::domain::account::Permission;
use crate::domain::command::{Action, Author};

/// Operations that need no key: the probes, and what a test run's own token opens; the list may only shrink.
pub(super) const OPEN: [(&str, &str); 4] =
    [("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/readyz"), ("POST", "/v1/test-runs/{run}/result")];

pub(super) fn operations() -> Vec<(String, String, Need)> {
    let permits = Permits::of(&document::management(&routes().into_openapi()));
    permits.iter().map(|(method, path, need)| (method.to_owned(), path.to_owned(), need.clone())).collect()
}

/// A path whose objects exist in [`full`]. A new kind of object must be added here: that is the point.
pub(super) fn path(world: &World, template: &str) -> String {
    let sales = world.control.state();
    let run = sales.agents.iter().find_map(|(_, agent)| agent.test_runs.keys().next_back());
    let connectors = sales.agents.iter().flat_map(|(_, agent)| agent.connectors.keys());
    let path = template
        .replace("phone-numbers/{number}", "phone-numbers/+14155550120")
        .replace("{connector}", connectors.last().map_or("none", |id| id.as_str()))
        .replace("{clientEnv}", "live")
        .replace("{environment}", "live")
        .replace("{number}", "+14155550100")
        .replace("{prefix}", "+1415")
        .replace("{agentId}/{caller}", "sales/+14155550999")
        .replace("/v1/splits/{id}", "/v1/splits/spring")
        .replace("/v1/keys/{id}", "/v1/keys/key-reader")
        .replace("/v1/accounts/{accountId}", "/v1/accounts/ws-1")
        .replace("/v1/agents/{id}", "/v1/agents/sales")
        .replace("/api/v2/agents/{agent_id}", "/api/v2/agents/sales")
        .replace("{version}", "V1")
        .replace("{branch}", "main")
        .replace("{topic}", "TOPICS-1")
        .replace("{attribute}", "ATTRIBUTE-1")
        .replace("{variant}", "VARIANT-1")
        .replace("{accountId}", "ws-1")
        .replace("{deployment}", "019b76da-a800-7000-8000-000000000007")
        .replace("{run}", &run.map_or_else(|| "none".to_owned(), ToString::to_string))
        .replace("{hash}", &world.hash().to_string());
    assert!(!path.contains('{'), "no object for {path}");
    path
}

pub(super) fn body(method: &str, template: &str) -> Value {
    match (method, template) {
        ("PUT", "/v1/caller-pins/{agentId}/{caller}") => json!({"pin": "V1"}),
        ("PUT", "/v1/agents/{id}/fallback") => json!({"fallback": "sip:desk@h"}),
        ("PUT", path) if path.starts_with("/v1/agents/{id}/endpoints") => json!({"endpoints": []}),
        ("PUT", "/v1/agents/{id}/real-time-configs/{clientEnv}/schema") => json!({"schema": {}}),
        ("PATCH", "/v1/agents/{id}/real-time-configs/{clientEnv}/variables") => json!({"variables": {}}),
        ("POST", "/v1/agents/{id}/telephony/connectors/batch") => json!({"connectorIds": ["x"]}),
        ("PATCH", "/v1/agents/{id}/telephony/connectors/batch") => json!({"updates": []}),
        ("POST", "/v1/agents/{id}/telephony/connectors/lookup") => json!({"phoneNumber": "+14155550120"}),
        ("PATCH", "/v1/agents/{id}/telephony/phone-numbers/{number}") => json!({"connectorId": "x"}),
        (_, "/v1/agents/{id}/telephony/phone-numbers" | "/v1/agents/{id}/telephony/phone-numbers/batch")
            if method != "GET" =>
        {
            json!({"phoneNumbers": ["+14155550121"]})
        }
        ("PUT", "/v1/agents/{id}/tests") => json!({"checks": []}),
        ("POST", "/v1/agents/{id}/test-runs") => json!({"target": "draft"}),
        ("PUT", "/api/v2/agents/{agent_id}/rollback") => json!({"change_track_id": "unknown"}),
        ("PUT", _) => json!({"agentId": "sales"}),
        ("POST", "/v1/plan" | "/v1/apply") => {
            json!({"changes": [{"method": "PUT", "path": "/v1/default-route", "body": {"agentId": "sales"}}]})
        }
        ("POST", "/v1/numbers:import") => json!({"number": "+14155550100", "agentId": "sales"}),
        ("PATCH", "/v1/splits/{id}") => json!({"paused": true}),
        ("POST", "/v1/splits/{id}/end") => json!({"winner": "control"}),
        ("POST", "/v1/adopt" | "/v1/release") => json!({"numbers": ["+14155550100"]}),
        ("POST", "/v1/keys") => json!({"name": "ci", "permissions": ["admin"]}),
        ("POST", "/v1/accounts") => json!({"name": "Two"}),
        ("PATCH", "/v1/accounts/{accountId}") => json!({"settings": {"tests_gate": true}}),
        ("POST", "/v1/import") => json!({"cordboard": 1}),
        ("POST", "/v1/splits") => json!({"arms": [{"id": "control", "agentId": "sales", "weight": 1}]}),
        ("POST", "/v1/agents" | "/v1/accounts/{accountId}/agents") => {
            json!({"name": "New", "responseSettings": {"greeting": "Hello"}})
        }
        ("POST", "/v1/agents/{id}/duplicate") => json!({"newAgentName": "Copy"}),
        ("POST", "/v1/agents/{id}/branches") => json!({"branchName": "Summer"}),
        ("PATCH", "/v1/agents/{id}/branches/{branch}/behavior") => json!({"behavior": "Be kind."}),
        ("POST", "/v1/agents/{id}/branches/{branch}/knowledge-base/topics") => {
            json!({"name": "Hours", "content": "9 to 5"})
        }
        ("POST", "/v1/agents/{id}/branches/{branch}/variants") => json!({"name": "North"}),
        ("POST" | "PATCH", template) if template.contains("/attributes") => json!({"name": "Address"}),
        ("POST", "/v1/agents/{id}/versions") => json!({"name": "first"}),
        _ => Value::Null,
    }
}

/// A world with one of everything.
pub(super) fn full() -> World {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    world.split("spring");
    for path in ["/v1/prefixes/+1415", "/v1/default-route"] {
        assert_eq!(world.admin("PUT", path, json!({"agentId": "sales"})).status, 200);
    }
    assert_eq!(world.admin("PUT", "/v1/caller-pins/sales/+14155550999", json!({"pin": "V2"})).status, 200);
    let tests = json!({"checks": [{"name": "named", "pointer": "/name", "operator": "exists"}]});
    assert_eq!(world.admin("PUT", "/v1/agents/sales/tests", tests).status, 200);
    assert_eq!(world.admin("POST", "/v1/agents/sales/test-runs", json!({"target": "V1"})).status, 201);
    let numbers = json!({"phoneNumbers": ["+14155550120"], "clientEnv": "sandbox"});
    assert_eq!(world.admin("POST", "/v1/agents/sales/telephony/phone-numbers", numbers).status, 201);
    world
}

#[test]
fn only_probes_are_open() {
    let open: Vec<_> = operations().into_iter().filter(|(_, _, need)| need.key_optional).collect();
    let open: Vec<_> = open.iter().map(|(method, path, _)| (method.as_str(), path.as_str())).collect();
    assert_eq!(open, OPEN);
    assert!(operations().iter().all(|(_, _, need)| need.key_optional || !need.any_of.is_empty()));
}

#[test]
fn no_operation_is_granted_without_a_valid_key() {
    let world = full();
    for (method, template, need) in operations() {
        if need.key_optional {
            continue;
        }
        let path = path(&world, &template);
        let bare =
            Request::builder().method(method.as_str()).uri(&path).body(axum::body::Body::empty()).unwrap();
        let replies = [
            world.send(bare),
            world.as_key("wrong", &method, &path, Value::Null),
            world.as_key("", &method, &path, Value::Null),
            world.as_key("expired", &method, &path, Value::Null),
        ];
        for reply in replies {
            assert_eq!((reply.status, &reply.json()["error_code"]), (401, &json!("AUTH_USER_INVALID_TOKEN")));
        }
    }
}

#[test]
fn no_operation_is_granted_without_its_permission_and_each_of_its_permissions_is_enough() {
    let world = full();
    for (method, template, need) in operations() {
        if need.any_of.is_empty() {
            continue;
        }
        let others: Vec<_> = Permission::ALL.into_iter().filter(|it| !need.any_of.contains(it)).collect();
        world.enact(Author::Console, Action::ReplaceKey(key("poor", "ws-1", &others)));
        let (path, body) = (path(&world, &template), body(&method, &template));
        let reply = world.as_key("poor", &method, &path, body.clone());
        let code = reply.json()["error_code"].clone();
        assert_eq!((reply.status, code), (403, json!("USER_ACCESS_FORBIDDEN")), "{method} {path}");
        if template == "/v1/backup" {
            // It gives the first key away, so that it takes no less.
            world.enact(Author::Console, Action::ReplaceKey(key("rich", "ws-1", &Permission::ALL)));
            assert_eq!(world.as_key("rich", &method, &path, body).status, 200);
            continue;
        }
        for permission in need.any_of {
            let world = full();
            world.enact(Author::Console, Action::ReplaceKey(key("rich", "ws-1", &[permission])));
            let reply = world.as_key("rich", &method, &path, body.clone());
            assert!(reply.status != 401 && reply.status != 403, "{method} {path}: {}", reply.text);
        }
    }
}

#[test]
fn no_operation_takes_a_parameter_that_it_does_not_know_and_nothing_is_done_then() {
    let world = full();
    let before = world.control.state().revision;
    for (method, template, need) in operations() {
        if need.key_optional {
            continue;
        }
        let (path, body) = (path(&world, &template), body(&method, &template));
        for parameter in ["dryrun", "dryRun", "bogus"] {
            if !need.parameters.iter().any(|known| known == parameter) {
                let reply = world.admin(&method, &format!("{path}?{parameter}=true"), body.clone());
                let faults = reply.json()["errors"].as_array().cloned().unwrap_or_default();
                let told = faults.iter().any(|fault| fault["field"] == parameter);
                assert!(reply.status == 400 && told, "{method} {path}: {}", reply.text);
            }
        }
    }
    assert_eq!(world.control.state().revision, before);
}

#[test]
fn what_another_account_has_is_not_there() {
    for (method, template, need) in operations() {
        let world = full();
        // The default route has no id: each account has its own.
        if !(template.contains('{') || template == "/v1/default-route") || need.key_optional {
            continue;
        }
        let (path, body) = (path(&world, &template), body(&method, &template));
        let reply = world.as_key("other", &method, &path, body);
        let expected = match (method.as_str(), template.as_str()) {
            ("PUT", "/v1/numbers/{number}") => 400,
            ("PUT", "/v1/prefixes/{prefix}" | "/v1/default-route") => 400,
            ("PUT" | "PATCH" | "DELETE", "/v1/agents/{id}/versions/{version}") => 405,
            _ => 404,
        };
        assert_eq!(reply.status, expected, "{method} {path}: {}", reply.text);
        assert_eq!(world.get("/v1/numbers/+14155550100").json()["agentId"], "sales");
        assert_eq!(world.get("/v1/splits/spring").json()["paused"], false);
    }
}

#[test]
fn lists_show_what_the_account_has_and_the_key_may_see() {
    let world = full();
    world.route("+14155550101", "reception", "V1");
    let counts = |key: &str| {
        ["/v1/numbers", "/v1/prefixes", "/v1/splits", "/v1/agents"].map(|path| {
            let json = world.as_key(key, "GET", path, Value::Null).json();
            let list = json.as_array().or_else(|| json.as_object()?.values().find_map(Value::as_array));
            list.unwrap().len()
        })
    };
    assert_eq!(counts("admin"), [3, 1, 1, 2]);
    assert_eq!(counts("limited"), [1, 0, 0, 1]);
    assert_eq!(counts("other"), [0, 0, 0, 0]);
}

#[test]
fn what_has_no_id_shows_an_account_nothing_of_another() {
    let world = full();
    let theirs = ["sales", "reception", "+1415", "spring", "ws-1", "key-admin", "key-reader", "limited"];
    for (method, template, need) in operations() {
        if method != "GET" || template.contains('{') || need.key_optional {
            continue;
        }
        let reply = world.as_key("other", &method, &template, Value::Null);
        assert!(matches!(reply.status, 200 | 403 | 404), "{template}: {}", reply.text);
        for word in theirs {
            assert!(!reply.text.contains(word), "{template} shows {word}: {}", reply.text);
        }
    }
}

#[test]
fn a_key_of_some_agents_neither_sees_nor_changes_what_leads_to_others() {
    for (method, template, _) in operations() {
        let world = full();
        let is_list = method == "GET" && !template.replace("{accountId}", "").contains('{');
        if OPEN.contains(&(method.as_str(), template.as_str())) || is_list {
            continue;
        }
        let (path, body) = (path(&world, &template), body(&method, &template));
        let reply = world.as_key("limited", &method, &path, body);
        let expected = match template.as_str() {
            // Which row it is, it says line by line.
            "/v1/numbers:import" => 400,
            // What holds in its account holds for it, too.
            "/v1/accounts/{accountId}" if method == "GET" => 200,
            template if template.ends_with("/{version}") && method != "GET" => 405,
            _ => 403,
        };
        assert_eq!(reply.status, expected, "{method} {path}: {}", reply.text);
    }
    let world = full();
    for path in ["/v1/status", "/v1/history", "/v1/default-route"] {
        assert_eq!(world.as_key("limited", "GET", path, Value::Null).status, 403, "{path}");
    }
    let own = world.as_key("limited", "PUT", "/v1/numbers/+14155550109", json!({"agentId": "reception"}));
    assert_eq!(own.status, 200, "{}", own.text);
}

#[test]
fn a_key_is_read_from_either_header_and_a_wrong_one_is_never_passed_over() {
    let world = World::new();
    let ask = |name: &str, value: &str| {
        let request = Request::builder().method(Method::GET).uri("/v1/agents").header(name, value);
        world.send(request.body(axum::body::Body::empty()).unwrap()).status
    };
    assert_eq!(ask("x-api-key", "reader"), 200);
    assert_eq!(ask("X-API-KEY", "reader"), 200);
    assert_eq!(ask("Authorization", "Bearer reader"), 200);
    assert_eq!(ask("authorization", "bearer reader"), 200);
    assert_eq!(ask("authorization", "Basic reader"), 401);
    assert_eq!(ask("authorization", "reader"), 401);
    assert_eq!(world.from("127.0.0.1:9", "/metrics", &[("x-api-key", "wrong")]).status, 401);
}

#[test]
fn a_key_that_is_replaced_ends_at_once() {
    let world = World::new();
    assert_eq!(world.get("/v1/agents").status, 200);
    let mut new = key("admin", "ws-1", &Permission::ALL);
    new.digest = key("fresh", "ws-1", &[]).digest;
    world.enact(Author::Console, Action::ReplaceKey(new));
    assert_eq!(world.get("/v1/agents").status, 401);
    assert_eq!(world.as_key("fresh", "GET", "/v1/agents", Value::Null).status, 200);
}

#[test]
fn of_two_keys_that_differ_neither_counts() {
    let world = World::new();
    let ask = |bearer: &str| {
        let request = Request::builder().method(Method::GET).uri("/v1/agents").header("x-api-key", "reader");
        let request = request.header("authorization", bearer);
        world.send(request.body(axum::body::Body::empty()).unwrap()).status
    };
    assert_eq!(ask("Bearer reader"), 200);
    for wrong in ["Bearer wrong", "Bearer admin", "Bearer"] {
        assert_eq!(ask(wrong), 401, "{wrong}");
    }
}
