//! The OpenAPI document: what the code says, and what is true of every operation alike.

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

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cordboard management API",
        description = "Numbers, routes, splits and agents of a runtime call router for voice agents. Every answer \
            carries `x-cordboard-revision`: a change holds for every call that begins after its answer. Errors all \
            have one shape. The roles of a security requirement are permissions of the key.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ErrorEnvelope<'static>, FieldError))
)]
struct Begun;

/// The document before there are operations.
pub(super) fn begun() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::with_openapi(Begun::openapi())
}

/// The document with what every operation shares: how a key is sent, and how errors look.
pub(super) fn finished(document: &utoipa::openapi::OpenApi) -> Value {
    // The document is made of texts and maps, which always have a JSON form.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let mut schemes = serde_json::Map::new();
    schemes.insert(KEY.to_owned(), json!({"type": "apiKey", "in": "header", "name": "x-api-key"}));
    schemes.insert(BEARER.to_owned(), json!({"type": "http", "scheme": "bearer"}));
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("securitySchemes".to_owned(), Value::Object(schemes));
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for operation in paths.into_iter().flat_map(|paths| paths.values_mut()) {
        for operation in operation.as_object_mut().into_iter().flat_map(|methods| methods.values_mut()) {
            finish(operation);
        }
    }
    document
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
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, description) in errors {
        responses.entry(*status).or_insert_with(|| json!({"description": description}));
    }
    for (status, response) in responses.iter_mut() {
        let failed = status.starts_with(['4', '5']) && response.get("content").is_none();
        if let Some(response) = response.as_object_mut().filter(|_| failed) {
            let schema = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
            response.insert("content".to_owned(), schema);
        }
    }
}

/// The answer of `/openapi.json`.
pub(super) fn answer(document: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json")], document).into_response()
}
