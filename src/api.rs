//! The management API: what operators ask and change, by one table of routes that is also the OpenAPI document.
//!
//! ```text
//!   request --> correlation id --> guard: key, permission --> once --> handler: parse, Command, submit, present --> answer
//!                                    ^ reads what each operation declares in the document
//! ```
//!
//! Handlers never touch the store: every change is a [`Command`](crate::domain::command::Command) through
//! [`Control`], and every read is of the one state that the guard took when the request came in. Which permission an
//! operation needs is written once, at its handler, as the `security` of its documentation; the guard enforces what
//! the document says and lets nothing through that the document does not have.

pub mod accounts;
pub mod agents;
pub mod backup;
pub mod caller_pins;
pub mod default_route;
pub mod hand_over;
pub mod history;
pub mod keys;
pub mod numbers;
pub mod plan;
pub mod prefixes;
pub mod probes;
pub mod sip;
pub mod snapshots;
pub mod splits;
pub mod status;
pub mod transfer;

mod answer;
mod caller;
mod cursor;
mod document;
mod etag;
mod fields;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod guard;
mod idempotency;
mod operation;
mod permits;
mod refused;
mod request;
mod route;
mod turns;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use futures_util::stream::BoxStream;
use hyper::StatusCode;
use utoipa_axum::router::OpenApiRouter;

use crate::control::Control;
use crate::control::answers::Answers;
use crate::domain::id::InvalidId;
use crate::domain::sip::{SipNews, SipWatch, Unwatched};
use crate::domain::test_call::TestCall;
use crate::domain::time::Timestamp;
use crate::http::correlation::{NewId, correlate};
use crate::http::error::ApiError;
use crate::http::outgoing::Listed;
use crate::http::tls::Identity;
use crate::telemetry::{Clock, Health, Registry};

use guard::Guard;
use permits::Permits;

pub use transfer::Streams;
pub use turns::Turns;

/// What decides a test call, as the JSON that answers it.
pub type TestCalls = Arc<dyn Fn(&TestCall) -> Option<String> + Send + Sync>;

/// What lets somebody watch messages of SIP, as long as they want; it ends when the router leaves.
pub type SipMessages = Arc<dyn Fn(SipWatch) -> Result<BoxStream<'static, SipNews>, Unwatched> + Send + Sync>;

/// What the API works on.
pub struct Management {
    /// The one way to change anything, and what there is to read.
    pub control: Control,
    /// Answers that stand, for requests that come again.
    pub answers: Answers,
    /// What `/metrics` shows.
    pub registry: Registry,
    /// What the probes show.
    pub health: Health,
    /// Hashes keys.
    pub key_secret: [u8; 32],
    /// The time.
    pub clock: Clock,
    /// Where calls are taken.
    pub calls: SocketAddr,
    /// Where this API listens.
    pub admin: SocketAddr,
    /// The certificate of the listener of calls, if it has one.
    pub calls_tls: Option<Identity>,
    /// The certificate of this API's listener, if it has one.
    pub admin_tls: Option<Identity>,
    /// How many calls are in progress.
    pub calls_in_progress: Arc<dyn Fn() -> usize + Send + Sync>,
    /// Decides a test call, which is no call; nothing where the agent has nothing at that pin.
    pub test_call: TestCalls,
    /// What comes by SIP.
    pub sip_messages: SipMessages,
    /// What an import of numbers may take.
    pub import_limits: numbers::ImportLimits,
    /// Largest document of an account that is imported, in bytes.
    pub account_import_bytes_max: usize,
    /// Whom the router may ask although it is not public.
    pub listed: Arc<Listed>,
    /// Who edits which draft or page at the moment.
    pub turns: Turns,
    /// Room for long answers.
    pub streams: Streams,
    /// Random bytes, for ids and salts.
    pub random: fn() -> [u8; 32],
}

impl Management {
    fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    /// The time as calls know it, which does not jump with the wall clock.
    fn now_of_calls(&self) -> Timestamp {
        Timestamp(self.clock.steady_ms())
    }
}

impl fmt::Debug for Management {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management")
            .field("calls", &self.calls)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

/// The API as a router for [`serve_admin`](crate::http::admin::serve_admin), which tells it who asks.
pub fn router(management: Management) -> Router {
    let management = Arc::new(management);
    let (router, document) = routes().split_for_parts();
    let document = document::management(&document);
    let guard = Arc::new(Guard { management: Arc::clone(&management), permits: Permits::of(&document) });
    let document = bytes::Bytes::from(document::whole(&document).to_string());
    let random = management.random;
    let new_id = NewId::new(move || {
        let [high, ..] = halves(random());
        uuid::Builder::from_random_bytes(high).into_uuid()
    });
    router
        .route_layer(from_fn_with_state(Arc::clone(&management), idempotency::once))
        .route_layer(from_fn_with_state(guard, guard::admit))
        .route("/openapi.json", get(move || std::future::ready(document::answer(document.clone()))))
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "this path does not take that method",
            )
        })
        .fallback(async || ApiError::not_found("there is no such path"))
        .layer(from_fn_with_state(Arc::clone(&management), guard::tell_revision))
        .layer(from_fn_with_state(new_id, correlate))
        .with_state(management)
}

/// The OpenAPI document of both planes, as `/openapi.json` answers it.
#[must_use]
pub fn openapi() -> String {
    document::whole(&document::management(&routes().into_openapi())).to_string()
}

fn routes() -> OpenApiRouter<Arc<Management>> {
    document::begun()
        .merge(accounts::routes())
        .merge(agents::routes())
        .merge(backup::routes())
        .merge(caller_pins::routes())
        .merge(default_route::routes())
        .merge(hand_over::routes())
        .merge(history::routes())
        .merge(keys::routes())
        .merge(numbers::routes())
        .merge(plan::routes())
        .merge(prefixes::routes())
        .merge(probes::routes())
        .merge(sip::routes())
        .merge(snapshots::routes())
        .merge(splits::routes())
        .merge(status::routes())
        .merge(transfer::routes())
}

/// Does what takes long, or waits for the disk, where nobody is kept waiting by it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|why| {
        tracing::error!(error = %why, "a request ended without an answer");
        ApiError::internal()
    })
}

/// An id as [`made_id`] makes it, read as one of its kind.
fn made<T>(
    beginning: &str,
    random: &[u8],
    parse: impl FnOnce(&str) -> Result<T, InvalidId>,
) -> Result<T, ApiError> {
    parse(&made_id(beginning, random)).map_err(|why| {
        tracing::error!(%why, "an id could not be made");
        ApiError::internal()
    })
}

/// A text for an id out of random bytes: a beginning, and eight of `0-9A-Z`.
fn made_id(beginning: &str, random: &[u8]) -> String {
    const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let letter =
        |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).map_or('0', |letter| char::from(*letter));
    beginning.chars().chain(random.iter().take(8).map(letter)).collect()
}

/// Two independent halves of random bytes.
fn halves(random: [u8; 32]) -> [[u8; 16]; 2] {
    let half = |at: usize| {
        let mut half = [0; 16];
        half.iter_mut().zip(random.iter().skip(at)).for_each(|(to, from)| *to = *from);
        half
    };
    [half(0), half(16)]
}

#[cfg(test)]
mod tests;
