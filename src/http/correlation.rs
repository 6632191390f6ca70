//! The id by which an operator finds a request again: taken from the request or made, and echoed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::error::ApiError;

/// The header that carries the id, both ways.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-polyai-correlation-id");

/// Longer ids are replaced.
const BYTES_MAX: usize = 128;

/// Makes an id for a request that came without one; cloning shares it.
#[derive(Clone)]
pub struct NewId(Arc<dyn Fn() -> Uuid + Send + Sync>);

impl NewId {
    /// Ids as `make` makes them; they should be random.
    #[must_use]
    pub fn new(make: impl Fn() -> Uuid + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// Makes one.
    #[must_use]
    pub fn make(&self) -> Uuid {
        (self.0)()
    }

    /// The id of a request of which no header is known.
    pub(super) fn unasked(&self) -> CorrelationId {
        CorrelationId(made(self.make()))
    }
}

impl Default for NewId {
    /// Counts from 1.
    fn default() -> Self {
        let last = AtomicU64::new(0);
        Self::new(move || Uuid::from_u128(u128::from(last.fetch_add(1, Relaxed)) + 1))
    }
}

impl fmt::Debug for NewId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NewId")
    }
}

/// A request's correlation id: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrelationId(HeaderValue);

impl CorrelationId {
    /// The request's own id if it is fit for a header and a log, else what `make` makes.
    ///
    /// Cost: taking one over shares the request's memory.
    pub fn of(headers: &HeaderMap, make: impl FnOnce() -> Uuid) -> Self {
        match headers.get(CORRELATION_ID) {
            Some(value) if is_fit(value) => Self(value.clone()),
            _ => Self(made(make())),
        }
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id as a header's value.
    pub fn into_header(self) -> HeaderValue {
        self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn is_fit(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    // Looking at all bytes, whatever they are, is many at a time.
    (1..=BYTES_MAX).contains(&bytes.len())
        && bytes.iter().fold(true, |fit, byte| fit & byte.is_ascii_graphic())
}

fn made(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    // Digits and hyphens are always fit.
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).unwrap_or(HeaderValue::from_static("-"))
}

/// Middleware that gives a request its [`CorrelationId`] as an extension, and the answer its header.
///
/// An [`ApiError`] among the answers gets the id as its `error_id`.
pub async fn correlate(State(make): State<NewId>, mut request: Request, next: Next) -> Response {
    let id = CorrelationId::of(request.headers(), || make.make());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let (parts, _) = response.into_parts();
        let (rendered, body) = error.render(id.as_str()).into_parts();
        // What other layers have added stays.
        let mut headers = parts.headers;
        headers.remove(CONTENT_LENGTH);
        headers.extend(rendered.headers);
        response = Response::new(axum::body::Body::new(body));
        *response.status_mut() = rendered.status;
        *response.headers_mut() = headers;
        *response.extensions_mut() = parts.extensions;
    }
    response.headers_mut().insert(CORRELATION_ID, id.into_header());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: &str = "00000000-0000-0000-0000-000000000000";

    fn of(value: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_bytes(b"X-PolyAI-Correlation-Id").unwrap();
        headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        CorrelationId::of(&headers, Uuid::nil).as_str().to_owned()
    }

    #[test]
    fn an_id_that_is_fit_is_taken_whatever_the_case_of_its_header() {
        assert_eq!(of(b"abc-1_{}"), "abc-1_{}");
        assert_eq!(of(&[b'x'; 128]), "x".repeat(128));
    }

    #[test]
    fn an_id_that_is_not_fit_is_replaced() {
        for unfit in [&b""[..], b"a b", b"a\tb", "ä".as_bytes(), &[b'x'; 129]] {
            assert_eq!(of(unfit), MADE, "{unfit:?}");
        }
    }

    #[test]
    fn an_id_is_made_where_there_is_none() {
        assert_eq!(CorrelationId::of(&HeaderMap::new(), Uuid::nil).as_str(), MADE);
    }
}
