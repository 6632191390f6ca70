//! The management server: a router on a runtime of many threads, within the same limits.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;
use tokio::sync::mpsc;

use super::acceptor::{Acceptor, Admitted};
use super::body::Timed;
use super::connection;
use super::correlation::{CORRELATION_ID, CorrelationId, NewId};
use super::error::ApiError;
use super::host::is_named;
use super::server::Front;
use super::shutdown::{Stage, reached};

/// Answers a listener's connections with a router until the server has left and all of them have ended.
///
/// Requests carry [`ConnectInfo<SocketAddr>`]. A body is bounded in time ([`Timed`]) and, where an extractor reads it
/// whole, in size; an endpoint that takes more sets a [`DefaultBodyLimit`] of its own. An answer that is made bit by
/// bit must not pause for longer than the idle timeout.
///
/// # Errors
/// The runtime cannot take the listener; it must be non-blocking.
pub async fn serve_admin(listener: std::net::TcpListener, router: Router, front: Front) -> io::Result<()> {
    let mut acceptor = Acceptor::new(listener, front.clone())?;
    let builder = Arc::new(connection::builder(&front.limits));
    let router = TowerToHyperService::new(router.layer(DefaultBodyLimit::max(front.limits.body_bytes_max)));
    let mut stages = front.shutdown.stages();
    // Never sent on: it closes when the last connection has dropped its end.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    while let Some(Admitted { socket, peer, place, .. }) = acceptor.next().await {
        let (front, builder, router, alive) = (front.clone(), builder.clone(), router.clone(), alive.clone());
        let stages = front.shutdown.stages();
        tokio::spawn(async move {
            let body_timeout = front.limits.body_timeout;
            let answer = |request: Request<Incoming>| {
                let mut request = request.map(|body| Body::new(Timed::new(body, body_timeout)));
                request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
                let answer = match is_named(request.version(), request.headers()) {
                    Ok(()) => Ok(router.call(request)),
                    Err(error) => Err(refused(&error, &request, &front.new_id)),
                };
                async move {
                    match answer {
                        Ok(answer) => answer.await.unwrap_or_else(|never| match never {}),
                        Err(refused) => refused,
                    }
                }
            };
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

/// The answer to a request that the router does not get to see.
fn refused(error: &ApiError, request: &Request<Body>, new_id: &NewId) -> Response<Body> {
    let correlation = CorrelationId::of(request.headers(), || new_id.make());
    let mut answer = error.render(correlation.as_str()).map(Body::new);
    answer.headers_mut().insert(CORRELATION_ID, correlation.to_header());
    answer
}
