//! The OpenAPI document: what the code says, and what is true of every operation alike.
//!
//! [`management`] is what this API does, and what its guard goes by. [`whole`] is what everybody reads: the call plane
//! is in it too, written down in `call_plane.json`, with the server that each path is on.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::Management;
use crate::http::error::{ErrorEnvelope, FieldError};

/// The name of the security scheme of keys.
pub(super) const KEY: &str = "key";
const BEARER: &str = "bearer";
/// The name of the security scheme of what a test run's token opens.
pub(super) const RUN: &str = "run";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cordboard API",
        description = "Calls, numbers, routes, splits and agents of a runtime call router for voice agents. It has two \
            servers: management, and the call plane for the paths that name it. Every answer of management carries \
            `x-cordboard-revision`: a change holds for every call that begins after its answer. Errors all have one \
            shape. The roles of a security requirement are permissions of the key.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ErrorEnvelope<'static>, FieldError))
)]
struct Begun;

/// The document before there are operations.
pub(super) fn begun() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::with_openapi(Begun::openapi())
}

/// The document of management with what every operation shares: how a key is sent, and how errors look.
pub(super) fn management(document: &utoipa::openapi::OpenApi) -> Value {
    // The document is made of texts and maps, which always have a JSON form.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let mut schemes = serde_json::Map::new();
    schemes.insert(KEY.to_owned(), json!({"type": "apiKey", "in": "header", "name": "x-api-key"}));
    let of_runs = "The token of a test run, which its runner was told.";
    schemes.insert(RUN.to_owned(), json!({"type": "http", "scheme": "bearer", "description": of_runs}));
    schemes.insert(BEARER.to_owned(), json!({"type": "http", "scheme": "bearer"}));
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("securitySchemes".to_owned(), Value::Object(schemes));
    }
    for (path, item) in members(&mut document, "/paths").into_iter().flatten() {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            refuse_by_path(path, operation);
        }
    }
    finish_all(&mut document);
    for (_, item) in members(&mut document, "/paths").into_iter().flatten() {
        item.get_mut("post").into_iter().for_each(may_be_repeated);
    }
    document
}

/// How paths of one agent begin.
const AGENT: [&str; 2] = ["/v1/agents/{id}", "/api/v2/agents/{agent_id}"];

/// How an operation fails by what it is about, unless it says it in words of its own.
fn refuse_by_path(path: &str, operation: &mut Value) {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let takes = |key: &str, value: &str| {
        parameters.into_iter().flatten().any(|parameter| parameter.get(key).is_some_and(|it| it == value))
    };
    let refusals = [
        ("404", "`PROJECT_NOT_FOUND`", AGENT.iter().any(|agent| path.starts_with(agent))),
        ("412", "`PRECONDITION_FAILED`", takes("name", "If-Match")),
        ("422", "An id is malformed.", takes("in", "path")),
    ];
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    // What never succeeds says all there is to say.
    if !responses.keys().any(|status| status.starts_with('2')) {
        return;
    }
    for (status, description, _) in refusals.into_iter().filter(|(_, _, applies)| *applies) {
        responses.entry(status).or_insert_with(|| json!({"description": description}));
    }
}

/// Says of a `POST` that it is carried out once however often it is sent, if it is sent with a key of its own.
fn may_be_repeated(operation: &mut Value) {
    let parameter = json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "Sent again with the same API key, path, query and body within 24 hours, the request has the answer \
            that it had, with `Idempotent-Replayed: true`, and nothing is done. What is shown only once is not in it.",
    });
    if let Some(operation) = operation.as_object_mut() {
        let parameters = operation.entry("parameters").or_insert_with(|| Value::Array(Vec::new()));
        parameters.as_array_mut().into_iter().for_each(|list| list.push(parameter.clone()));
    }
    let answers = [
        ("409", "`IDEMPOTENCY_KEY_IN_USE`: a request with this key is being carried out"),
        ("422", "`IDEMPOTENCY_KEY_REUSED`: the key came with another query or body"),
    ];
    let Some(responses) = members(operation, "/responses") else { return };
    for (status, why) in answers {
        let response = responses.entry(status).or_insert_with(|| json!({"description": ""}));
        if let Some(Value::String(told)) = response.get_mut("description") {
            let between = if told.is_empty() { "" } else { "; " };
            *told = format!("{told}{between}{why}");
        }
        answers_error(response);
    }
}

/// The document of both planes, each path with the servers it is on where that is not management alone.
pub(super) fn whole(management: &Value) -> Value {
    let mut whole = management.clone();
    // The file is part of the program, and a test reads it.
    let mut calls: Value = serde_json::from_str(CALL_PLANE).unwrap_or_default();
    finish_all(&mut calls);
    let servers = |places: &[Value]| Value::Array(places.to_vec());
    let (on_management, on_calls) = (server("management", "8701"), server("call plane", "8700"));
    for (path, item) in members(&mut calls, "/paths").into_iter().flatten() {
        item["servers"] = servers(std::slice::from_ref(&on_calls));
        if let Some(paths) = members(&mut whole, "/paths") {
            paths.insert(path.clone(), item.take());
        }
    }
    for (name, schema) in members(&mut calls, "/components/schemas").into_iter().flatten() {
        if let Some(schemas) = members(&mut whole, "/components/schemas") {
            schemas.insert(name.clone(), schema.take());
        }
    }
    if let Some(item) = members(&mut whole, "/paths").and_then(|paths| paths.get_mut(ON_BOTH)) {
        item["servers"] = servers(&[on_management.clone(), on_calls]);
    }
    if let Some(root) = whole.as_object_mut() {
        root.insert("servers".to_owned(), servers(&[on_management]));
    }
    whole
}

/// What the call plane does, as an OpenAPI document.
const CALL_PLANE: &str = include_str!("call_plane.json");
/// The path that both planes have.
const ON_BOTH: &str = "/v1/snapshots/{hash}";

/// A server at an address that its reader fills in.
fn server(name: &str, port: &str) -> Value {
    json!({
        "url": "{scheme}://{host}:{port}", "description": name,
        "variables": {
            "scheme": {"default": "http", "enum": ["http", "https"]},
            "host": {"default": "127.0.0.1"},
            "port": {"default": port},
        },
    })
}

fn members<'v>(value: &'v mut Value, pointer: &str) -> Option<&'v mut serde_json::Map<String, Value>> {
    value.pointer_mut(pointer).and_then(Value::as_object_mut)
}

fn finish_all(document: &mut Value) {
    for (_, item) in members(document, "/paths").into_iter().flatten() {
        let mut ids = BTreeSet::new();
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            finish(operation);
            // One handler may refuse several methods; each is an operation all the same.
            if let Some(Value::String(id)) = operation.get_mut("operationId")
                && !ids.insert(id.clone())
            {
                id.insert_str(0, &format!("{method}_"));
            }
        }
    }
}

fn finish(operation: &mut Value) {
    let mut keyed = false;
    if let Some(ways) = operation.get_mut("security").and_then(Value::as_array_mut) {
        let bearers: Vec<Value> =
            ways.iter().filter_map(|way| way.get(KEY)).map(|roles| json!({BEARER: roles})).collect();
        keyed = !bearers.is_empty();
        ways.extend(bearers);
    }
    let errors: &[(&str, &str)] = if keyed {
        &[
            ("400", "A field of the request is wrong."),
            ("401", "The key is missing or not valid."),
            ("403", "The key may not do this."),
            ("503", "Not now: try again later."),
        ]
    } else {
        &[]
    };
    let of_bodies: &[(&str, &str)] = if operation.get("requestBody").is_some() {
        &[("408", "The body did not come in time."), ("413", "The body is too large.")]
    } else {
        &[]
    };
    let of_heads = [("431", "`HEAD_TOO_LARGE`: the head is too large, or has more than 100 headers.")];
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, description) in errors.iter().chain(of_bodies).chain(&of_heads) {
        responses.entry(*status).or_insert_with(|| json!({"description": description}));
    }
    for (status, response) in responses.iter_mut() {
        if status.starts_with(['4', '5']) && response.get("content").is_none() {
            answers_error(response);
        }
    }
}

/// Says of an answer that it is an error.
fn answers_error(response: &mut Value) {
    if let Some(response) = response.as_object_mut() {
        let schema = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
        response.entry("content").or_insert(schema);
    }
}

/// The answer of `/openapi.json`.
pub(super) fn answer(document: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json")], document).into_response()
}
