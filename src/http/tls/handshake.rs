//! From a socket that was just accepted to one within TLS: bounded in time, and nobody waits for it but its own task.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{HandshakeFault, Identity};
use crate::http::error::ApiError;
use crate::http::linger::{linger, turn_away};
use crate::http::server::{Front, Tongue};
use crate::http::shutdown::{SETTLE, Stage, reached};

/// The first byte of whoever begins a handshake.
const HANDSHAKE: u8 = 0x16;

/// Makes a socket one within TLS, on which the first bytes of a request have come, or which the peer has closed.
///
/// None where nothing comes of it, and then the socket is closed: the peer does not speak TLS (it is told so), the two
/// cannot agree, handshake and first byte together take longer than a header may, or the server is leaving and the
/// peer has nothing to ask.
pub async fn secure(
    socket: TcpStream,
    identity: &Identity,
    front: &Front,
    stages: &mut watch::Receiver<Stage>,
) -> Option<TlsStream<TcpStream>> {
    let deadline = Instant::now() + front.limits.header_timeout;
    let peer = socket.peer_addr().ok();
    let fault = |kind, why: &dyn std::fmt::Display| {
        front.traffic.count_handshake_fault(kind);
        tell(peer, kind, why);
    };
    let mut over = stages.clone();
    let begun = async {
        let mut first = [0];
        let peek = async { socket.peek(&mut first).await };
        match timeout_at(deadline, before_closing(stages, peek)).await {
            Err(_) => return Err(Some((HandshakeFault::Slow, "not a byte has come".to_owned()))),
            Ok(Some(Ok(1))) => {}
            // It has gone, or the server goes: nobody has said anything yet.
            Ok(_) => return Err(None),
        }
        if first != [HANDSHAKE] {
            if front.tongue == Tongue::Http {
                turn_away(socket, &no_tls(front)).await;
            }
            return Err(Some((HandshakeFault::Plain, "it does not speak TLS".to_owned())));
        }
        let accept = TlsAcceptor::from(identity.pair().config()).accept(socket).into_fallible();
        match timeout_at(deadline, accept).await {
            Err(_) => Err(Some((HandshakeFault::Slow, "the handshake took too long".to_owned()))),
            Ok(Err((why, socket))) => {
                // The peer was told why, and should be able to read it.
                linger(socket).await;
                Err(Some((HandshakeFault::Failed, why.to_string())))
            }
            Ok(Ok(secure)) => Ok(secure),
        }
    };
    let begun = tokio::select! {
        begun = begun => begun,
        () = reached(&mut over, Stage::Over) => return None,
    };
    let mut secure = begun.map_err(|why| why.inspect(|(kind, why)| fault(*kind, why))).ok()?;
    // A request follows the handshake at once, or after one way through the network: who leaves waits for that.
    match timeout_at(deadline, before_closing(stages, async { secure.fill_buf().await.map(<[u8]>::len) }))
        .await
    {
        Ok(Some(Ok(_))) => Some(secure),
        Ok(None) => {
            linger(secure).await;
            None
        }
        Ok(Some(Err(_))) | Err(_) => None,
    }
}

/// What comes before the server closes, or within a moment after.
async fn before_closing<T>(
    stages: &mut watch::Receiver<Stage>,
    coming: impl Future<Output = io::Result<T>>,
) -> Option<io::Result<T>> {
    let mut coming = std::pin::pin!(coming);
    tokio::select! {
        biased;
        come = &mut coming => Some(come),
        () = reached(stages, Stage::Closing) => timeout(SETTLE, coming).await.ok(),
    }
}

/// What whoever speaks plain HTTP is told: that this is not the place for it.
fn no_tls(front: &Front) -> Bytes {
    let message = "this listener speaks TLS: ask it by https://";
    ApiError::new(StatusCode::BAD_REQUEST, "TLS_REQUIRED", message).raw(&front.new_id.unasked())
}

fn tell(peer: Option<SocketAddr>, kind: HandshakeFault, why: &dyn std::fmt::Display) {
    let peer = peer.map(tracing::field::display);
    tracing::debug!(peer, reason = kind.as_str(), error = %why, "no handshake");
}
