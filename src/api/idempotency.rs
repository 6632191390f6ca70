//! `Idempotency-Key`: a `POST` that is sent again has the answer that it had, and is not carried out again.
//!
//! ```text
//!   name = hash(API key, method, path, Idempotency-Key)
//!   known: running -> 409 | answered, same query and body -> that answer | other query or body -> 422
//!   new:   carry out, reading along what the body says -> keep the answer -> answer
//! ```
//!
//! The body is not gathered: what the handler reads of it is hashed as it passes, since that is all the answer can rest
//! on. Once begun, the request is carried out to its end even if nobody waits for the answer any more: whoever lost the
//! connection is the one who asks again. What was not answered for good, since we could not, is not kept.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use super::caller::Caller;
use super::guard::REVISION;
use super::request::broken_off;
use super::{Management, aside};
use crate::control::answers::{KeptAnswer, Known, RequestName, Said, Turn};
use crate::http::correlation::CorrelationId;
use crate::http::error::ApiError;

/// The header of the request.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEY_BYTES_MAX: usize = 255;
/// Larger answers are not kept; none that changes something is nearly so large.
const BODY_BYTES_MAX: usize = 4 << 20;
/// The headers that belong to an answer.
const HEADERS: [HeaderName; 3] = [CONTENT_TYPE, ETAG, REVISION];

/// An answer with a member that is told once: asked again, the answer is without it.
#[derive(Debug)]
pub(super) struct ShownOnce<A>(pub(super) &'static str, pub(super) A);

/// The name of that member, as an extension of the answer.
#[derive(Debug, Clone, Copy)]
struct Once(&'static str);

impl<A: IntoResponse> IntoResponse for ShownOnce<A> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        response.extensions_mut().insert(Once(self.0));
        response
    }
}

/// Middleware behind the guard: carries a request out once.
pub(super) async fn once(
    State(management): State<Arc<Management>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let wanted = if request.method() == Method::POST { key(request.headers())? } else { None };
    let (Some(key), Some(caller)) = (wanted, request.extensions().get::<Caller>()) else {
        return Ok(next.run(request).await);
    };
    let name = name(caller, &request, key);
    let (answers, now) = (management.answers.clone(), management.now());
    match aside(move || answers.known(name, now)).await?? {
        Known::Running => Err(ApiError::conflict(
            "IDEMPOTENCY_KEY_IN_USE",
            "a request with this Idempotency-Key is being carried out: ask again when it has ended",
        )),
        Known::Answered(kept) => again(request, *kept).await,
        Known::Nothing(turn) => {
            // In a task of its own: it goes on if the connection is lost.
            let carried_out = tokio::spawn(carry_out(management, turn, request, next));
            carried_out.await.map_err(|why| {
                tracing::error!(error = %why, "a request ended without an answer");
                ApiError::internal()
            })
        }
    }
}

/// The key of a request, if it has one.
fn key(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let mut keys = headers.get_all(KEY).iter();
    let Some(key) = keys.next().map(HeaderValue::as_bytes) else { return Ok(None) };
    if (1..=KEY_BYTES_MAX).contains(&key.len())
        && key.iter().all(u8::is_ascii_graphic)
        && keys.next().is_none()
    {
        return Ok(Some(key));
    }
    Err(ApiError::validation("Idempotency-Key", "expected one key of 1 to 255 visible ASCII characters"))
}

fn name(caller: &Caller, request: &Request, key: &[u8]) -> RequestName {
    let mut hasher = blake3::Hasher::new_derive_key("cordboard names of requests");
    hasher.update(&caller.key.digest.0);
    for part in [request.method().as_str().as_bytes(), request.uri().path().as_bytes(), key] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    RequestName(*hasher.finalize().as_bytes())
}

/// The answer of before, if this is the request of before.
async fn again(request: Request, kept: KeptAnswer) -> Result<Response, ApiError> {
    if !says(request, kept.said).await? {
        let message = "this Idempotency-Key was used for a request that said something else: use another one";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", message));
    }
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in &kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Whether a request says what another one had said when it was answered.
async fn says(request: Request, said: Said) -> Result<bool, ApiError> {
    let (mut hasher, mut left) = (hasher(&request), said.bytes);
    let mut body = request.into_body();
    while left > 0 || said.whole {
        let Some(frame) = body.frame().await else { break };
        let Ok(bytes) = frame.map_err(|why| broken_off(&why))?.into_data() else { continue };
        let within = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if within < bytes.len() && said.whole {
            return Ok(false);
        }
        hasher.update(bytes.get(..within).unwrap_or_default());
        left -= within as u64;
    }
    Ok(left == 0 && *hasher.finalize().as_bytes() == said.hash)
}

fn hasher(request: &Request) -> blake3::Hasher {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(query.len() as u64).to_le_bytes()).update(query);
    hasher
}

/// Carries a request out and keeps its answer, if it is one that stands.
async fn carry_out(management: Arc<Management>, turn: Turn, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<CorrelationId>().cloned();
    let revision = request.extensions().get::<Caller>().map(|caller| caller.state.revision);
    let heard =
        Arc::new(Mutex::new(Heard { hasher: hasher(&request), bytes: 0, whole: false, broken: false }));
    let of_body = Arc::clone(&heard);
    let request = request.map(|body| {
        lock(&of_body).whole = body.is_end_stream();
        Body::new(Overheard { body, heard: of_body })
    });
    let mut response = next.run(request).await;
    // Further out, it would be the present revision of whoever asks again.
    if let Some(revision) = revision {
        response.headers_mut().entry(REVISION).or_insert(HeaderValue::from(revision.0));
    }
    let said = lock(&heard).said();
    let Some(said) = said.filter(|_| stands(response.status())) else { return response };
    let (response, answer) = match copied(response, said, id.as_ref()).await {
        Ok(copied) => copied,
        Err(response) => return response,
    };
    let kept = aside(move || turn.end(&answer, management.now())).await;
    if let Ok(Err(why)) = kept {
        tracing::error!(error = ?why, "an answer could not be kept: the same request would be carried out again");
    }
    response
}

/// Whether an answer is one for good: not one of what we could not do, or did not get.
fn stands(status: StatusCode) -> bool {
    let passing = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !status.is_server_error() && !passing.contains(&status)
}

/// An answer and what is kept of it; the answer alone where it is too large, or breaks off.
async fn copied(
    response: Response,
    said: Said,
    id: Option<&CorrelationId>,
) -> Result<(Response, KeptAnswer), Response> {
    let fits = response.body().size_hint().upper().is_some_and(|most| most <= BODY_BYTES_MAX as u64);
    if !fits {
        return Err(response);
    }
    let (parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Err(ApiError::internal().into_response()),
    };
    let kept = match (parts.extensions.get::<ApiError>(), parts.extensions.get::<Once>()) {
        // The envelope is filled in further out; it is kept with the id of this request, which the log has.
        (Some(error), _) => {
            let rendered = error.render(id.map_or("", CorrelationId::as_str)).into_body().collect().await;
            rendered.map_or_else(|never| match never {}, |body| body.to_bytes().to_vec())
        }
        (None, Some(Once(member))) => without(&body, member),
        (None, None) => body.to_vec(),
    };
    let header = |name: &HeaderName| {
        let value = parts.headers.get(name)?;
        Some((name.to_string(), value.as_bytes().to_vec()))
    };
    let headers = HEADERS.iter().filter_map(header).collect();
    let answer = KeptAnswer { said, status: parts.status.as_u16(), headers, body: kept };
    Ok((Response::from_parts(parts, Body::from(body)), answer))
}

/// A JSON object without one of its members; nothing where it is no object, since that may be all of the secret.
fn without(body: &[u8], member: &str) -> Vec<u8> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else { return Vec::new() };
    members.remove(member);
    Value::Object(members).to_string().into_bytes()
}

/// What was heard of a body so far.
#[derive(Debug)]
struct Heard {
    hasher: blake3::Hasher,
    bytes: u64,
    whole: bool,
    broken: bool,
}

impl Heard {
    /// What was said; nothing where it broke off.
    fn said(&self) -> Option<Said> {
        let Self { hasher, bytes, whole, broken } = self;
        (!broken).then(|| Said { hash: *hasher.finalize().as_bytes(), bytes: *bytes, whole: *whole })
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body that is heard by two.
struct Overheard {
    body: Body,
    heard: Arc<Mutex<Heard>>,
}

impl hyper::body::Body for Overheard {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(frame) = &polled {
            let mut heard = lock(&self.heard);
            match frame {
                Some(Ok(frame)) => {
                    let bytes = frame.data_ref().map(Bytes::as_ref).unwrap_or_default();
                    heard.hasher.update(bytes);
                    heard.bytes += bytes.len() as u64;
                    heard.whole = self.body.is_end_stream();
                }
                Some(Err(_)) => heard.broken = true,
                None => heard.whole = true,
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
