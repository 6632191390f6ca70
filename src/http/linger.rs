//! Closing a connection so that the peer can still read the last answer.
//!
//! A socket closed with bytes unread makes the kernel send a reset, and a reset throws away what the peer has received
//! but not read. So the sending side is closed first, and what still comes is read and forgotten until the peer closes.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long a peer may go on sending what nobody reads.
const TOTAL_MAX: Duration = Duration::from_secs(5);
/// How long it may be silent without closing.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// Says goodbye and waits, within bounds, until the peer has closed too.
pub async fn linger<T: AsyncRead + AsyncWrite + Unpin>(mut socket: T) {
    // The peer may be gone already; then there is nothing to wait for. The goodbye of TLS has to be sent, so that a
    // peer which takes nothing could hold it up.
    if !matches!(timeout(TOTAL_MAX, socket.shutdown()).await, Ok(Ok(()))) {
        return;
    }
    let mut forgotten = vec![0; 16 * 1024];
    let until_closed =
        async { while let Ok(Ok(1..)) = timeout(SILENCE_MAX, socket.read(&mut forgotten)).await {} };
    let _ = timeout(TOTAL_MAX, until_closed).await;
}

/// Sends a last answer to whoever is there, whatever they may have asked, and lingers.
pub(super) async fn turn_away<T: AsyncRead + AsyncWrite + Unpin>(mut socket: T, answer: &[u8]) {
    if let Ok(Ok(())) = timeout(SILENCE_MAX, socket.write_all(answer)).await {
        linger(socket).await;
    }
}
