//! The answer to a request that is not granted: one envelope for every error.

use std::fmt::Write as _;

use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::correlation::{CORRELATION_ID, CorrelationId};

/// An error as the caller is told it.
///
/// It holds nothing that only the log may see: what went wrong inside is logged where it is handled.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    message: String,
    errors: Vec<FieldError>,
    data: Option<Value>,
    members: Map<String, Value>,
    retry_after_seconds: Option<u32>,
    allow: Option<&'static str>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's path in the body or query.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorEnvelope<'a> {
    /// Always `false`.
    success: bool,
    /// What is wrong, for people.
    error: &'a str,
    /// The request's correlation id.
    error_id: &'a str,
    /// What is wrong, for programs.
    #[schema(example = "NOT_FOUND")]
    error_code: &'a str,
    /// The same as `error`.
    error_message: &'a str,
    /// More about it, or null.
    data: Option<&'a Value>,
    /// The same as `error`.
    message: &'a str,
    /// What is wrong, field by field; empty where no field is to blame.
    errors: &'a [FieldError],
    /// What an operation says besides.
    #[serde(flatten)]
    #[schema(ignore)]
    members: &'a Map<String, Value>,
}

impl ApiError {
    /// An error with a code of its own.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            message: message.into(),
            errors: Vec::new(),
            data: None,
            members: Map::new(),
            retry_after_seconds: None,
            allow: None,
        }))
    }

    /// 400: a field of the body or query is not what it must be.
    pub fn validation(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_FAILED", format!("{field}: {message}"))
            .with_field(field, message)
    }

    /// 401: the key is missing or invalid.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "AUTH_USER_INVALID_TOKEN", message)
    }

    /// 403: the key is good, but not for this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "USER_ACCESS_FORBIDDEN", message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// 405: the path is known, the method is not; `allow` lists those that are.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("this path takes {allow}");
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
        error.0.allow = Some(allow);
        error
    }

    /// 408: the request did not come in time; the connection ends.
    pub fn request_timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", message)
    }

    /// 409: it does not go with what is there.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 413: the body is larger than `bytes_max`; the connection ends.
    pub fn payload_too_large(bytes_max: usize) -> Self {
        let message = format!("the body is larger than {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
    }

    /// 422: an id in the path is malformed, or content does not fit its schema.
    pub fn unprocessable(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "SCHEMA_VALIDATION_FAILED", format!("{field}: {message}"))
            .with_field(field, message)
    }

    /// 500: we could not. Takes no cause, so that none can be told: log it where it is handled.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "an internal error occurred")
    }

    /// 503: not now; the same request may be granted in a while.
    pub fn overloaded(retry_after_seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED", "the server is overloaded, try again later")
            .with_retry_after(retry_after_seconds)
    }

    /// The same with another code, for an endpoint that has one of its own.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = code;
        self
    }

    /// The same with one more field to blame.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.errors.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// The same about an item of a list: its fields are named from there, such as `[3].to`; `body` is the item itself.
    #[must_use]
    pub fn within(mut self, index: usize) -> Self {
        let listed = self.listed();
        for fault in &mut self.0.errors {
            fault.field = match fault.field.as_str() {
                "body" => format!("[{index}]"),
                field => format!("[{index}].{field}"),
            };
        }
        // Most messages are the list of the fields' faults and nothing else.
        if self.0.message == listed {
            self.0.message = self.listed();
        }
        self
    }

    fn listed(&self) -> String {
        let told = self.0.errors.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
        told.collect::<Vec<_>>().join("; ")
    }

    /// The same with something to say about it under `data`.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.0.data = Some(data);
        self
    }

    /// The same with the members of an object beside its own.
    #[must_use]
    pub fn with_members<T: Serialize>(mut self, object: &T) -> Self {
        // What is answered always has a JSON form.
        if let Ok(Value::Object(members)) = serde_json::to_value(object) {
            self.0.members = members;
        }
        self
    }

    /// The same with a time after which to try again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What the caller is told.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What is wrong, field by field.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The envelope as JSON, for answers that hold several results.
    pub fn envelope<'a>(&'a self, correlation_id: &'a str) -> ErrorEnvelope<'a> {
        ErrorEnvelope {
            success: false,
            error: &self.0.message,
            error_id: correlation_id,
            error_code: self.0.code,
            error_message: &self.0.message,
            data: self.0.data.as_ref(),
            message: &self.0.message,
            errors: &self.0.errors,
            members: &self.0.members,
        }
    }

    /// The whole answer but for the correlation id's header.
    pub fn render(&self, correlation_id: &str) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body(correlation_id)));
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.0.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.0.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        // What is left of the request is not read, so nothing can follow it.
        if matches!(self.0.status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The bytes of an answer that ends a connection on which nothing was read.
    pub(super) fn raw(&self, correlation: &CorrelationId) -> Bytes {
        let body = self.body(correlation.as_str());
        let mut head = format!("HTTP/1.1 {}\r\n", self.0.status);
        if let Some(seconds) = self.0.retry_after_seconds {
            let _ = write!(head, "retry-after: {seconds}\r\n");
        }
        let _ = write!(
            head,
            "content-type: application/json\r\n{CORRELATION_ID}: {correlation}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let mut raw = head.into_bytes();
        raw.extend_from_slice(&body);
        raw.into()
    }

    fn body(&self, correlation_id: &str) -> Bytes {
        // Texts and JSON values always have a JSON form.
        serde_json::to_vec(&self.envelope(correlation_id)).unwrap_or_default().into()
    }
}

impl IntoResponse for ApiError {
    /// The answer with itself as an extension: [`correlate`](super::correlation::correlate) adds the `error_id`.
    fn into_response(self) -> axum::response::Response {
        let mut response = self.render("").map(axum::body::Body::new);
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_status_and_code() {
        let errors = [
            (ApiError::validation("to", "is missing"), 400, "VALIDATION_FAILED"),
            (ApiError::unauthorized("no key"), 401, "AUTH_USER_INVALID_TOKEN"),
            (ApiError::forbidden("not yours"), 403, "USER_ACCESS_FORBIDDEN"),
            (ApiError::not_found("no such thing"), 404, "NOT_FOUND"),
            (ApiError::method_not_allowed("GET"), 405, "METHOD_NOT_ALLOWED"),
            (ApiError::request_timeout("slow"), 408, "REQUEST_TIMEOUT"),
            (ApiError::conflict("IN_USE", "in use"), 409, "IN_USE"),
            (ApiError::payload_too_large(10), 413, "PAYLOAD_TOO_LARGE"),
            (ApiError::unprocessable("id", "is no id"), 422, "SCHEMA_VALIDATION_FAILED"),
            (ApiError::internal(), 500, "INTERNAL_ERROR"),
            (ApiError::overloaded(1), 503, "OVERLOADED"),
        ];
        for (error, status, code) in errors {
            assert_eq!((error.render("id").status().as_u16(), error.code()), (status, code));
        }
    }

    #[test]
    fn a_validation_error_names_its_field() {
        let error = ApiError::validation("to", "is missing");
        assert_eq!(
            serde_json::to_value(error.envelope("id-1")).unwrap(),
            serde_json::json!({
                "success": false, "error": "to: is missing", "error_id": "id-1", "error_code": "VALIDATION_FAILED",
                "error_message": "to: is missing", "data": null, "message": "to: is missing",
                "errors": [{"field": "to", "message": "is missing"}],
            })
        );
    }

    #[test]
    fn within_a_list_fields_are_named_from_their_item() {
        let error = ApiError::validation("to", "is missing").with_field("body", "is odd").within(3);
        let fields: Vec<_> = error.0.errors.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!((fields, error.message()), (vec!["[3].to", "[3]"], "to: is missing"));
        assert_eq!(ApiError::validation("a.b", "is bad").within(0).message(), "[0].a.b: is bad");
        assert_eq!(ApiError::forbidden("not yours").within(0).message(), "not yours");
    }

    #[test]
    fn headers_say_what_to_do_next() {
        let header = |error: ApiError, name: &str| {
            let response = error.render("id");
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header(ApiError::overloaded(3), "retry-after").as_deref(), Some("3"));
        assert_eq!(header(ApiError::method_not_allowed("GET, PUT"), "allow").as_deref(), Some("GET, PUT"));
        assert_eq!(header(ApiError::payload_too_large(1), "connection").as_deref(), Some("close"));
        assert_eq!(header(ApiError::not_found("x"), "retry-after"), None);
    }

    #[test]
    fn the_envelope_has_a_name_in_the_document() {
        assert_eq!(ErrorEnvelope::name(), "Error");
    }
}
