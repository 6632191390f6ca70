//! The OpenAPI document.

use serde_json::{Value, json};

use super::world::World;
use crate::api::openapi;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

fn document() -> Value {
    serde_json::from_str(&openapi()).unwrap()
}

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .filter(|(method, _)| METHODS.contains(&method.as_str()))
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

#[test]
fn the_document_is_served_to_anybody_and_is_of_openapi_3_1() {
    let world = World::new();
    let reply = world.from("192.0.2.1:9", "/openapi.json", &[]);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.json(), document());
    assert!(document()["openapi"].as_str().unwrap().starts_with("3.1."));
}

#[test]
fn every_operation_says_what_it_does_what_it_takes_and_how_it_fails() {
    let document = document();
    let operations = operations(&document);
    assert!(operations.len() > 25);
    let mut ids = std::collections::BTreeSet::new();
    for (name, operation) in operations {
        assert!(operation["summary"].is_string(), "{name} has no summary");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{name}");
        assert!(ids.insert(operation["operationId"].to_string()), "{name}: the same id twice");
        for (status, response) in operation["responses"].as_object().unwrap() {
            // That nobody serves is a decision.
            let nobody = status == "404" && matches!(name.as_str(), "post /v1/calls" | "get /v1/route");
            if status.starts_with('4') && !nobody {
                let schema = &response["content"]["application/json"]["schema"];
                // Of conflicts there is more to say; all that an error says is in it.
                let error = match (name.as_str(), status.as_str()) {
                    (name, "400" | "409") if name.ends_with("/merge") => "MergeRefused",
                    ("put /api/v2/agents/{agent_id}/rollback", "409") => "RevertRefused",
                    ("post /api/v2/agents/{agent_id}/publish", "409") => "StagingUnpublished",
                    _ => "Error",
                };
                let error = json!({"$ref": format!("#/components/schemas/{error}")});
                assert_eq!(schema, &error, "{name} {status}");
            }
        }
        let declared = |place: &str| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.filter(|it| it["in"] == place).count()
        };
        assert_eq!(declared("path"), name.matches('{').count(), "{name}");
    }
}

/// Every path of both planes.
const PATHS: [&str; 89] = [
    "/api/v2/agents/{agent_id}/publish",
    "/api/v2/agents/{agent_id}/publish-history",
    "/api/v2/agents/{agent_id}/rollback",
    "/api/v2/agents/{agent_id}/rollback/preview",
    "/api/v2/agents/{agent_id}/staging/diff",
    "/gateways/kamailio/{trunk}",
    "/gateways/kamailio/{trunk}/end",
    "/healthz",
    "/metrics",
    "/readyz",
    "/v1/accounts",
    "/v1/accounts/{accountId}",
    "/v1/accounts/{accountId}/agents",
    "/v1/adopt",
    "/v1/agents",
    "/v1/agents/import",
    "/v1/agents/{id}",
    "/v1/agents/{id}/branches",
    "/v1/agents/{id}/branches/{branch}",
    "/v1/agents/{id}/branches/{branch}/attributes",
    "/v1/agents/{id}/branches/{branch}/attributes/{attribute}",
    "/v1/agents/{id}/branches/{branch}/behavior",
    "/v1/agents/{id}/branches/{branch}/knowledge-base/topics",
    "/v1/agents/{id}/branches/{branch}/knowledge-base/topics/{topic}",
    "/v1/agents/{id}/branches/{branch}/merge",
    "/v1/agents/{id}/branches/{branch}/variants",
    "/v1/agents/{id}/branches/{branch}/variants/{variant}",
    "/v1/agents/{id}/compare",
    "/v1/agents/{id}/deployments",
    "/v1/agents/{id}/deployments/active",
    "/v1/agents/{id}/deployments/publish",
    "/v1/agents/{id}/deployments/{deployment}/promote",
    "/v1/agents/{id}/deployments/{deployment}/rollback",
    "/v1/agents/{id}/draft",
    "/v1/agents/{id}/duplicate",
    "/v1/agents/{id}/endpoints",
    "/v1/agents/{id}/endpoints/{environment}",
    "/v1/agents/{id}/export",
    "/v1/agents/{id}/fallback",
    "/v1/agents/{id}/history",
    "/v1/agents/{id}/real-time-configs",
    "/v1/agents/{id}/real-time-configs/{clientEnv}",
    "/v1/agents/{id}/real-time-configs/{clientEnv}/schema",
    "/v1/agents/{id}/real-time-configs/{clientEnv}/variables",
    "/v1/agents/{id}/telephony/connectors",
    "/v1/agents/{id}/telephony/connectors/batch",
    "/v1/agents/{id}/telephony/connectors/lookup",
    "/v1/agents/{id}/telephony/connectors/{connector}",
    "/v1/agents/{id}/telephony/phone-numbers",
    "/v1/agents/{id}/telephony/phone-numbers/batch",
    "/v1/agents/{id}/telephony/phone-numbers/{number}",
    "/v1/agents/{id}/test-calls",
    "/v1/agents/{id}/test-runs",
    "/v1/agents/{id}/tests",
    "/v1/agents/{id}/versions",
    "/v1/agents/{id}/versions/{version}",
    "/v1/agents/{id}/versions/{version}/restore",
    "/v1/apply",
    "/v1/backup",
    "/v1/caller-pins",
    "/v1/caller-pins/{agentId}/{caller}",
    "/v1/calls",
    "/v1/calls/end:batch",
    "/v1/calls/{callId}",
    "/v1/calls/{callId}/end",
    "/v1/calls:batch",
    "/v1/default-route",
    "/v1/export",
    "/v1/history",
    "/v1/import",
    "/v1/keys",
    "/v1/keys/{id}",
    "/v1/numbers",
    "/v1/numbers/{number}",
    "/v1/numbers:import",
    "/v1/plan",
    "/v1/prefixes",
    "/v1/prefixes/{prefix}",
    "/v1/release",
    "/v1/reload",
    "/v1/route",
    "/v1/sip/messages",
    "/v1/snapshots/{hash}",
    "/v1/splits",
    "/v1/splits/{id}",
    "/v1/splits/{id}/end",
    "/v1/status",
    "/v1/test-runs/{run}",
    "/v1/test-runs/{run}/result",
];

#[test]
fn both_planes_are_in_the_document_each_path_on_its_server() {
    let document = document();
    let ports = |servers: &Value| -> Vec<String> {
        let servers = servers.as_array().into_iter().flatten();
        servers.map(|server| server["variables"]["port"]["default"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ports(&document["servers"]), ["8701"]);
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(paths, PATHS);
    for (path, item) in document["paths"].as_object().unwrap() {
        let on: &[&str] = match path.as_str() {
            "/v1/snapshots/{hash}" => &["8701", "8700"],
            path if ["/v1/calls", "/v1/route", "/gateways/"]
                .iter()
                .any(|on_calls| path.starts_with(on_calls)) =>
            {
                &["8700"]
            }
            _ => &[],
        };
        assert_eq!(ports(&item["servers"]), on, "{path}");
    }
}

#[test]
fn what_the_call_plane_does_is_granted_nowhere_on_management() {
    let world = World::new();
    for path in ["/v1/route?to=alice", "/v1/calls/a"] {
        assert_eq!(world.get(path).status, 404, "{path}");
    }
    assert_eq!(world.admin("POST", "/v1/calls", json!({"to": "alice"})).status, 404);
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                object.values().for_each(|value| check(value, document));
            }
            Value::Array(values) => values.iter().for_each(|value| check(value, document)),
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
}

#[test]
fn keys_may_be_sent_in_either_header() {
    let document = document();
    assert_eq!(document["components"]["securitySchemes"]["key"]["name"], "x-api-key");
    let snapshot = &document["paths"]["/v1/snapshots/{hash}"]["get"]["security"];
    let ways =
        json!([{"key": ["read"]}, {"key": ["snapshot"]}, {"bearer": ["read"]}, {"bearer": ["snapshot"]}]);
    assert_eq!(snapshot, &ways);
}
