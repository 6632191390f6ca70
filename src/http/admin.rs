//! The management server: a router on a runtime of many threads, within the same limits.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;
use tokio::sync::mpsc;

use super::acceptor::{Acceptor, Admitted};
use super::body::{Timed, body_limit};
use super::connection;
use super::correlation::{CORRELATION_ID, CorrelationId};
use super::host::is_named;
use super::limits::Limits;
use super::server::Front;
use super::shutdown::{Stage, reached};

/// Answers a listener's connections with a router until the server has left and all of them have ended.
///
/// Requests carry [`ConnectInfo<SocketAddr>`]. A body is bounded in time ([`Timed`]) and, where an extractor reads it
/// whole, in size; an endpoint that takes more sets a [`body_limit`] of its own. An answer that is made bit by
/// bit must not pause for longer than the idle timeout.
///
/// # Errors
/// The runtime cannot take the listener; it must be non-blocking.
pub async fn serve_admin(listener: std::net::TcpListener, router: Router, front: Front) -> io::Result<()> {
    let mut acceptor = Acceptor::new(listener, front.clone())?;
    let builder = Arc::new(connection::builder(&front.limits));
    let router = within(router, &front.limits);
    let mut stages = front.shutdown.stages();
    // Never sent on: it closes when the last connection has dropped its end.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    while let Some(Admitted { socket, peer, place, .. }) = acceptor.next().await {
        let (front, builder, router, alive) = (front.clone(), builder.clone(), router.clone(), alive.clone());
        let stages = front.shutdown.stages();
        tokio::spawn(async move {
            let answer = |request| answer(&router, peer, &front, request);
            connection::serve(socket, &builder, &front, stages, answer).await;
            drop((place, alive));
        });
    }
    drop((acceptor, alive));
    tokio::select! {
        _ = ended.recv() => {}
        () = reached(&mut stages, Stage::Over) => {}
    }
    Ok(())
}

/// A router that reads no body larger than these limits allow.
pub(super) fn within(router: Router, limits: &Limits) -> TowerToHyperService<Router> {
    TowerToHyperService::new(router.layer(body_limit(limits.body_bytes_max)))
}

/// Hands the router a request of this peer, if it names its host.
pub(super) async fn answer(
    router: &TowerToHyperService<Router>,
    peer: SocketAddr,
    front: &Front,
    request: Request<Incoming>,
) -> Response<Body> {
    if let Err(error) = is_named(request.version(), request.headers()) {
        let correlation = CorrelationId::of(request.headers(), || front.new_id.make());
        let mut answer = error.render(correlation.as_str()).map(Body::new);
        answer.headers_mut().insert(CORRELATION_ID, correlation.into_header());
        return answer;
    }
    let mut request = request.map(|body| Body::new(Timed::new(body, front.limits.body_timeout)));
    request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
    router.call(request).await.unwrap_or_else(|never| match never {})
}
