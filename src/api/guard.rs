//! The door: who asks, and whether they may.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::Extensions;
use axum::middleware::Next;
use axum::response::Response;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use subtle::ConstantTimeEq as _;

use super::Management;
use super::caller::Caller;
use super::etag::IfMatch;
use super::permits::{Need, Permits};
use super::request::Query;
use crate::domain::account::{Key, KeyDigest};
use crate::domain::state::State as Present;
use crate::http::credentials::{Credentials, KEY_EXPIRED, KEY_INVALID};
use crate::http::error::ApiError;
use crate::http::foreign::is_foreign;

/// The header that tells the revision of the configuration that an answer is about.
pub(super) const REVISION: HeaderName = HeaderName::from_static("x-cordboard-revision");
const ACTOR: HeaderName = HeaderName::from_static("x-cordboard-actor");
const ACTOR_CHARS_MAX: usize = 200;

/// Who may do what.
pub(super) struct Guard {
    pub(super) management: Arc<Management>,
    pub(super) permits: Permits,
}

/// Middleware that lets through what the document allows, with its [`Caller`] as an extension.
pub(super) async fn admit(
    State(guard): State<Arc<Guard>>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(need) = guard.permits.need(request.method(), path.as_str()) else {
        // Only a method that the path does not take: no handler is behind it.
        return Ok(next.run(request).await);
    };
    let caller = guard.caller(need, request.headers())?;
    let revision = caller.as_ref().map(|caller| caller.state.revision);
    // Probes may add what keeps others from answering for us; whoever brings a key means what it says.
    // Operations that take parameters say themselves what is wrong with them, all at once.
    if caller.is_some() && need.parameters.is_empty() {
        Query::of(request.uri()).end()?;
    }
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    let mut response = next.run(request).await;
    if let Some(revision) = revision {
        response.headers_mut().entry(REVISION).or_insert(HeaderValue::from(revision.0));
    }
    Ok(response)
}

/// Middleware that tells the present revision in answers that are about no other.
pub(super) async fn tell_revision(
    State(management): State<Arc<Management>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let present = || HeaderValue::from(management.control.state().revision.0);
    response.headers_mut().entry(REVISION).or_insert_with(present);
    response
}

impl Guard {
    fn caller(&self, need: &Need, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
        if need.key_optional && (need.any_of.is_empty() || Credentials::of(headers).key()?.is_none()) {
            return Ok(None);
        }
        let state = self.management.control.state();
        let key = self.authenticate(&state, headers)?;
        if !need.any_of.iter().any(|permission| key.may(*permission)) {
            let names: Vec<_> =
                need.any_of.iter().map(|permission| format!("`{}`", permission.as_str())).collect();
            let message = format!("this needs a key with the permission {}", names.join(" or "));
            return Err(ApiError::forbidden(message));
        }
        let (actor, if_match) = (actor(headers)?, IfMatch::of(headers));
        Ok(Some(Caller { key, actor, if_match, state }))
    }

    fn authenticate(&self, state: &Present, headers: &HeaderMap) -> Result<Arc<Key>, ApiError> {
        let text = Credentials::of(headers).key()?.ok_or_else(|| {
            ApiError::unauthorized("no key: send it as `x-api-key` or as `Authorization: Bearer`")
        })?;
        // Looking up by a keyed hash tells nothing about the key; the comparison takes the same time whatever is found.
        let digest = KeyDigest::of(&self.management.key_secret, text);
        let found = state.keys.get(&digest).filter(|key| bool::from(key.digest.0.ct_eq(&digest.0)));
        match found {
            Some(key) if !key.expired(self.management.now()) => Ok(Arc::clone(key)),
            Some(_) => Err(ApiError::unauthorized(KEY_EXPIRED)),
            None => Err(ApiError::unauthorized(KEY_INVALID)),
        }
    }
}

/// Who the caller says it acts for.
fn actor(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(ACTOR) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).ok().map(str::trim);
    match text {
        Some("") => Ok(None),
        Some(text) if text.chars().count() <= ACTOR_CHARS_MAX && !text.chars().any(char::is_control) => {
            Ok(Some(text.to_owned()))
        }
        _ => Err(ApiError::validation("X-Cordboard-Actor", "expected at most 200 visible characters")),
    }
}

/// Whether a request comes from this machine itself: not passed on by a proxy, nor made by a page of somebody else.
pub(super) fn from_this_machine(
    management: &Management,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> bool {
    let near = extensions
        .get::<ConnectInfo<SocketAddr>>()
        .is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    near && !is_foreign(headers)
        && headers.get("host").is_none_or(|host| names_this_machine(management, host))
}

fn names_this_machine(management: &Management, host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback() || address == management.admin.ip())
}
