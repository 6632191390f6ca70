//! The call plane over HTTP and JSON: paths, methods, and what is common to all answers.
//!
//! | path | who answers |
//! |---|---|
//! | `POST /v1/calls`, `GET /v1/route` | `ask` |
//! | `GET /v1/calls/{callId}`, `POST /v1/calls/{callId}/end` | `calls` |
//! | `POST /v1/calls:batch`, `POST /v1/calls/end:batch` | `batch` |
//! | `GET /v1/snapshots/{hash}` | `snapshots` |
//! | `/gateways/{kind}/{trunk}` | `webhooks` |

mod ask;
mod batch;
pub(super) mod body;
mod calls;
mod ending;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod snapshots;
pub mod wanted;
mod webhooks;

#[cfg(test)]
pub(in crate::gateways) mod tests;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use self::webhooks::Door;
use super::asker::{Asker, Ends};
use super::worker::Worker;
use crate::domain::account::Permission;
use crate::domain::id::ConfigHash;
use crate::domain::time::Timestamp;
use crate::http::body::read_body;
use crate::http::correlation::{CORRELATION_ID, CorrelationId};
use crate::http::error::ApiError;
use crate::http::fair::Shares;
use crate::http::lag::LoopLag;
use crate::http::server::{Answer, Answers, Service};
use crate::routing::request::CALL_ID_BYTES_MAX;

/// One worker's service.
#[derive(Debug)]
pub struct HttpGateway {
    worker: Rc<Worker>,
    shares: Rc<Shares>,
    _lag: LoopLag,
}

impl HttpGateway {
    /// Answers with this worker; to be called within [`run_worker`](crate::http::server::run_worker).
    #[must_use]
    pub fn new(worker: Rc<Worker>) -> Self {
        let parts = &worker.plane.parts;
        let (shares, lag_max) = (Rc::new(Shares::new(parts.doorkeeper.shares())), parts.lag_max);
        let settled = Rc::clone(&shares);
        let lag = LoopLag::measure(move |lag| settled.look(lag > lag_max));
        Self { worker, shares, _lag: lag }
    }
}

impl Service for HttpGateway {
    type Connection = HttpConnection;

    fn connection(&self, peer: SocketAddr, local: SocketAddr) -> HttpConnection {
        let shares = Some(Rc::clone(&self.shares));
        HttpConnection { shares, ..HttpConnection::new(&self.worker, peer, local) }
    }
}

/// What answers one connection's requests.
#[derive(Debug)]
pub struct HttpConnection {
    worker: Rc<Worker>,
    ends: Ends,
    shares: Option<Rc<Shares>>,
}

/// A path of ours, and what in it is asked for.
enum Path<'u> {
    Route,
    Calls,
    CallBatch,
    Call(&'u str),
    CallEnd(&'u str),
    EndBatch,
    Snapshot(&'u str),
    Webhook(Door<'u>),
}

impl<'u> Path<'u> {
    fn of(path: &'u str) -> Option<Self> {
        let segment = |text: &'u str| Some(text).filter(|text| !text.is_empty() && !text.contains('/'));
        if let Some(rest) = path.strip_prefix("/gateways/") {
            return Door::of(rest).map(Self::Webhook);
        }
        match path.strip_prefix("/v1/")? {
            "route" => Some(Self::Route),
            "calls" => Some(Self::Calls),
            "calls:batch" => Some(Self::CallBatch),
            // A call of this id is found by `end%3Abatch`.
            "calls/end:batch" => Some(Self::EndBatch),
            rest => {
                if let Some(hash) = rest.strip_prefix("snapshots/") {
                    return segment(hash).map(Self::Snapshot);
                }
                let call = rest.strip_prefix("calls/")?;
                match call.strip_suffix("/end") {
                    Some(call) => segment(call).map(Self::CallEnd),
                    None => segment(call).map(Self::Call),
                }
            }
        }
    }

    /// The methods that it takes, as the header `Allow` lists them.
    const fn methods(&self) -> &'static str {
        match self {
            Self::Calls | Self::CallBatch | Self::CallEnd(_) | Self::EndBatch => "POST",
            Self::Route | Self::Call(_) | Self::Snapshot(_) => "GET",
            Self::Webhook(_) => webhooks::METHODS,
        }
    }

    fn takes(&self, method: &Method) -> bool {
        self.methods().split(", ").any(|known| known == method.as_str())
    }
}

impl Answers for HttpConnection {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let correlation = self.correlation(&head);
        let answered = match self.admit(&head) {
            Ok(path) if head.method == Method::POST => self.post(&path, &head, body, &correlation).await,
            Ok(path) => self.get(&path, &head),
            Err(refused) => Err(refused),
        };
        finish(correlation, answered)
    }
}

impl HttpConnection {
    /// Answers a connection between these two ends, without a look at how late the worker is.
    #[must_use]
    pub fn new(worker: &Rc<Worker>, peer: SocketAddr, local: SocketAddr) -> Self {
        let ends = worker.plane.parts.doorkeeper.ends(peer, local);
        Self { worker: Rc::clone(worker), ends, shares: None }
    }

    /// Answers a request that has no body.
    #[must_use]
    pub fn answer_bodiless(&self, head: &Parts) -> Answer {
        let answered = match self.admit(head) {
            Ok(Path::Calls) => self.ask_by_body(head, &Bytes::new()),
            Ok(Path::CallEnd(call)) => self.end(head, call, &Bytes::new()),
            Ok(Path::CallBatch | Path::EndBatch) => Err(batch::not_a_list(&[])),
            Ok(Path::Webhook(door)) => self.webhook(door, head, b""),
            Ok(path) => self.get(&path, head),
            Err(refused) => Err(refused),
        };
        finish(self.correlation(head), answered)
    }

    fn admit<'u>(&self, head: &'u Parts) -> Result<Path<'u>, ApiError> {
        self.in_time(head)?;
        let path = Path::of(head.uri.path()).ok_or_else(|| ApiError::not_found("there is nothing here"))?;
        if path.takes(&head.method) { Ok(path) } else { Err(ApiError::method_not_allowed(path.methods())) }
    }

    /// Turns away, and counts, who has had its share while the worker has too much to do.
    fn in_time(&self, head: &Parts) -> Result<(), ApiError> {
        match self.shares.as_deref().filter(|shares| !shares.is_calm()) {
            Some(shares) => self.shed(shares, head),
            None => Ok(()),
        }
    }

    /// Turns away who has had its share of what the worker can do.
    fn shed(&self, shares: &Shares, head: &Parts) -> Result<(), ApiError> {
        let doorkeeper = &self.worker.plane.parts.doorkeeper;
        let asker = match Path::of(head.uri.path()) {
            Some(Path::Webhook(door)) => self.by_trunk(door, head).map(|(_, asker)| asker),
            _ => self.known(head),
        };
        let asker = asker.ok();
        if shares.admits(doorkeeper.share(asker.as_ref())) {
            return Ok(());
        }
        let row = match asker {
            Some(Asker::Gateway(row, _)) => row,
            _ => doorkeeper.gateways.other(),
        };
        self.worker.plane.meters.count_shed(row);
        Err(ApiError::overloaded(1))
    }

    fn get(&self, path: &Path<'_>, head: &Parts) -> Result<Answer, ApiError> {
        match path {
            Path::Call(call) => self.call(head, call),
            Path::Snapshot(hash) => self.snapshot(head, hash),
            Path::Webhook(door) => self.webhook(*door, head, b""),
            _ => self.ask_by_query(head),
        }
    }

    async fn post(
        &self,
        path: &Path<'_>,
        head: &Parts,
        body: Incoming,
        correlation: &CorrelationId,
    ) -> Result<Answer, ApiError> {
        if let Path::Webhook(door) = path {
            return self.webhook_with(*door, head, body).await;
        }
        // Before the body: a stranger's is not worth reading.
        let asker = self.asker(head, Permission::Route)?;
        let parts = &self.worker.plane.parts;
        let bytes_max = match path {
            Path::CallBatch | Path::EndBatch => parts.batch_bytes_max,
            _ => parts.limits.body_bytes_max,
        };
        let body = read_body(body, bytes_max, parts.limits.body_timeout).await?;
        match path {
            Path::CallEnd(call) => self.end(head, call, &body),
            Path::CallBatch => self.ask_batch(&asker, head, &body, correlation).await,
            Path::EndBatch => self.end_batch(&asker, head, &body, correlation).await,
            _ => self.ask_by_body(head, &body),
        }
    }

    /// Who asks.
    fn known(&self, head: &Parts) -> Result<Asker<'_>, ApiError> {
        let doorkeeper = &self.worker.plane.parts.doorkeeper;
        let wall = || Timestamp(self.worker.plane.parts.clock.now_ms());
        self.worker.with_table(|table| doorkeeper.asker(table, &self.ends, head, wall))
    }

    /// Who asks, if it may do this.
    fn asker(&self, head: &Parts, permission: Permission) -> Result<Asker<'_>, ApiError> {
        permitted(self.known(head)?, permission)
    }

    fn correlation(&self, head: &Parts) -> CorrelationId {
        CorrelationId::of(&head.headers, || self.worker.new_id())
    }
}

/// Who asks, if it may do this.
fn permitted(asker: Asker<'_>, permission: Permission) -> Result<Asker<'_>, ApiError> {
    if asker.may(permission) {
        return Ok(asker);
    }
    let message = match asker {
        Asker::Key(_) => format!("the API key lacks the permission {}", permission.as_str()),
        Asker::Gateway(..) => "without an API key calls can be routed and ended, nothing else".to_owned(),
    };
    Err(ApiError::forbidden(message))
}

fn finish(correlation: CorrelationId, answered: Result<Answer, ApiError>) -> Answer {
    let mut answer = answered.unwrap_or_else(|error| error.render(correlation.as_str()));
    answer.headers_mut().insert(CORRELATION_ID, correlation.into_header());
    answer
}

/// An answer of JSON.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The call's id in a path.
fn call_id_in_path(segment: &str) -> Result<Cow<'_, str>, ApiError> {
    let malformed = |message: &str| ApiError::unprocessable("callId", message);
    let call_id = percent_decode_str(segment).decode_utf8().map_err(|_| malformed("is not UTF-8"))?;
    if call_id.len() > CALL_ID_BYTES_MAX {
        return Err(malformed("is longer than 256 bytes"));
    }
    Ok(call_id)
}

fn hash_in_path(segment: &str) -> Result<ConfigHash, ApiError> {
    ConfigHash::parse(segment)
        .ok_or_else(|| ApiError::unprocessable("hash", "expected 32 lower-case hexadecimal digits"))
}
