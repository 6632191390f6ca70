//! One connection from its first byte to its last: hyper in the middle, limits and leaving around it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::yield_now;

use super::error::ApiError;
use super::host::prefer_target;
use super::limits::Limits;
use super::linger::{linger, turn_away};
use super::pulse::{Felt, Pulse, overdue};
use super::server::Front;
use super::shutdown::{Stage, reached};
use super::tls::secure;

/// What hyper may buffer at the least; it refuses to work with less than 8 KiB.
const BUFFER_BYTES_MIN: usize = 16 * 1024;

/// hyper, set up for these limits; once for all connections.
pub(super) fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        // With it hyper sends nothing while it holds unparsed bytes: an answer waits for the rest of the next request,
        // and answers before a malformed one are lost.
        .pipeline_flush(false)
        .keep_alive(true)
        // An answer is short: to copy it behind its header is cheaper than to have the kernel gather the two.
        .writev(false)
        // A client that closes its sending side after its request still gets the answer.
        .half_close(true)
        // `overdue` does this, see there.
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(limits.header_bytes_max.max(BUFFER_BYTES_MIN));
    builder
}

/// What ends a connection that would go on.
#[derive(PartialEq, Eq)]
enum Interruption {
    /// Its state has lasted too long.
    Overdue,
    /// The server leaves.
    Closing,
}

/// Serves a connection as it was accepted, within TLS where the listener has a certificate.
pub(super) async fn serve<F, B>(
    socket: TcpStream,
    builder: &Builder,
    front: &Front,
    mut stages: watch::Receiver<Stage>,
    answer: impl Fn(Request<Incoming>) -> F,
) where
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Some(identity) = &front.tls else { return run(socket, builder, front, stages, answer).await };
    // Boxed, so that connections without TLS are none the larger.
    Box::pin(async {
        if let Some(secure) = secure(socket, identity, front, &mut stages).await {
            run(secure, builder, front, stages, answer).await;
        }
    })
    .await;
}

/// Serves one connection until it ends, by either side or by a limit.
pub(super) async fn run<T, F, B>(
    socket: T,
    builder: &Builder,
    front: &Front,
    mut stages: watch::Receiver<Stage>,
    answer: impl Fn(Request<Incoming>) -> F,
) where
    T: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let pulse = Arc::new(Pulse::default());
    let service = service_fn(|mut request| {
        pulse.request();
        prefer_target(&mut request);
        let answer = answer(request);
        let pulse = &pulse;
        async move {
            let mut response = answer.await;
            pulse.answer();
            if front.shutdown.is_draining() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let socket = TokioIo::new(Felt::new(socket, pulse.clone(), front.new_id.clone()));
    let mut connection = builder.serve_connection(socket, service);

    let interruption = {
        // A set polls only what has been woken: what does not concern a request costs it nothing.
        let mut aside = FuturesUnordered::new();
        aside.push(async {
            tokio::select! {
                () = overdue(&pulse, &front.limits) => Interruption::Overdue,
                () = reached(&mut stages, Stage::Closing) => Interruption::Closing,
            }
        });
        tokio::select! {
            biased;
            _ = &mut connection => None,
            interruption = aside.next() => interruption,
        }
    };
    if interruption == Some(Interruption::Overdue) {
        if pulse.is_within_header() {
            let socket = connection.into_parts().io.into_inner().into_inner();
            tokio::select! {
                () = Box::pin(tell_too_slow(socket, front)) => {}
                () = reached(&mut stages, Stage::Over) => {}
            }
        }
        return;
    }
    if interruption == Some(Interruption::Closing) {
        // A request that has arrived by now is still read: the runtime hears from the kernel, hyper reads, and only
        // a connection with nothing to read is closed.
        yield_now().await;
        let ended = poll_fn(|context| Poll::Ready(Pin::new(&mut connection).poll(context).is_ready())).await;
        if !ended {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                biased;
                _ = &mut connection => {}
                () = overdue(&pulse, &front.limits) => return,
                () = reached(&mut stages, Stage::Over) => return,
            }
        }
    }
    if pulse.peer_finished() {
        return;
    }
    let socket = connection.into_parts().io.into_inner().into_inner();
    tokio::select! {
        () = Box::pin(linger(socket)) => {}
        () = reached(&mut stages, Stage::Over) => {}
    }
}

async fn tell_too_slow<T: AsyncRead + AsyncWrite + Unpin>(socket: T, front: &Front) {
    let error = ApiError::request_timeout("the head of the request did not arrive in time");
    turn_away(socket, &error.raw(&front.new_id.unasked())).await;
}
