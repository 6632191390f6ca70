//! What a connection is doing, seen from outside of hyper, and when it has done it for too long.
//!
//! hyper's own header timer has one limit for an idle connection and for a half-sent header, and arms a new timer for
//! every request. Here the two have limits of their own, and one timer serves a connection all its life: each time it
//! fires somebody looks whether the state is still the same as the last time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};

use super::correlation::NewId;
use super::limits::Limits;
use super::unread::{own_answer, refusal};

/// The connection is new, and nothing has come.
const NEW: u8 = 0;
/// A header has begun.
const HEADER: u8 = 1;
/// A request is being answered.
const SERVING: u8 = 2;
/// The answer is ready or sent; the next request has not begun.
const IDLE: u8 = 3;

/// A connection's state, written by the one task that drives it.
///
/// It is atomic only so that the connection can move between threads; nobody else writes.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    state: AtomicU8,
    /// Changes whenever the present state begins anew.
    turn: AtomicU32,
    peer_finished: AtomicBool,
    /// An answer is ready that may not have been sent whole.
    owes: AtomicBool,
}

impl Pulse {
    /// A header is complete.
    pub(super) fn request(&self) {
        self.enter(SERVING);
    }

    /// An answer is ready to be sent.
    pub(super) fn answer(&self) {
        self.owes.store(true, Relaxed);
        self.enter(IDLE);
    }

    /// Whether a header has begun and has not ended, so that what is sent now is taken for the answer to it.
    pub(super) fn is_within_header(&self) -> bool {
        self.state.load(Relaxed) == HEADER && !self.owes.load(Relaxed)
    }

    /// The peer will send no more.
    pub(super) fn peer_finished(&self) -> bool {
        self.peer_finished.load(Relaxed)
    }

    fn enter(&self, state: u8) {
        self.state.store(state, Relaxed);
        self.turn.store(self.turn.load(Relaxed).wrapping_add(1), Relaxed);
    }

    fn read(&self, bytes: usize) {
        if bytes == 0 {
            self.peer_finished.store(true, Relaxed);
            return;
        }
        match self.state.load(Relaxed) {
            IDLE => self.enter(HEADER),
            // The time of a first header began with its connection.
            NEW => self.state.store(HEADER, Relaxed),
            _ => {}
        }
    }

    fn wrote(&self) {
        if self.state.load(Relaxed) == IDLE {
            self.enter(IDLE);
        }
    }

    /// hyper has nothing left to send.
    fn flushed(&self) {
        self.owes.store(false, Relaxed);
    }
}

/// Looks at a state before it has lasted its limit: what comes in between, comes late by one look at most.
const LOOKS: u32 = 8;

/// Waits until a connection's state has lasted too long.
///
/// It looks now and then, so that a request costs no look at the clock. A limit is kept never too early, and too late by
/// at most an eighth of the header's.
pub(super) async fn overdue(pulse: &Pulse, limits: &Limits) {
    let period = limits.header_timeout / LOOKS;
    let (mut seen, mut since) = (pulse.turn.load(Relaxed), Instant::now());
    loop {
        sleep(period).await;
        let (now, turn) = (Instant::now(), pulse.turn.load(Relaxed));
        if turn != seen {
            (seen, since) = (turn, now);
        }
        let lasted = now.duration_since(since);
        match pulse.state.load(Relaxed) {
            NEW | HEADER if lasted >= limits.header_timeout => return,
            IDLE if lasted >= limits.idle_timeout => return,
            _ => {}
        }
    }
}

/// A socket that tells its pulse what passes, and says in our words what hyper would refuse without any.
pub(super) struct Felt<T> {
    socket: T,
    pulse: Arc<Pulse>,
    new_id: NewId,
    /// What is still to be sent in place of an [answer of hyper's own](own_answer), its last.
    last: Bytes,
}

impl<T> Felt<T> {
    pub(super) fn new(socket: T, pulse: Arc<Pulse>, new_id: NewId) -> Self {
        Self { socket, pulse, new_id, last: Bytes::new() }
    }

    pub(super) fn into_inner(self) -> T {
        self.socket
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Felt<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, into))?;
        self.pulse.read(into.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Felt<T> {
    fn send_last(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.last.is_empty() {
            let count = ready!(Pin::new(&mut self.socket).poll_write(context, &self.last))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.last.advance(count);
            self.pulse.wrote();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Felt<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let before = match own_answer(bytes) {
            Some((0, status)) => {
                self.last = refusal(status).raw(&self.new_id.unasked());
                return Poll::Ready(Ok(bytes.len()));
            }
            Some((at, _)) => bytes.get(..at).unwrap_or_default(),
            None => bytes,
        };
        let count = ready!(Pin::new(&mut self.socket).poll_write(context, before))?;
        self.pulse.wrote();
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.socket).poll_write_vectored(context, parts))?;
        self.pulse.wrote();
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send_last(context))?;
        ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        self.pulse.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send_last(context))?;
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
