//! SIP over TCP and TLS: messages cut from a stream, each answered before the next is looked at.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::exchange::Exchange;
use super::message::MESSAGE_BYTES_MAX;
use super::server::Transport;
use super::stream::{Framed, PONG};
use crate::http::limits::Limits;
use crate::http::linger::linger;
use crate::http::server::{Connected, Front, attend};
use crate::http::shutdown::{Stage, reached};
use crate::http::tls::secure;

/// What is read at once.
const CHUNK_BYTES: usize = 4_096;
/// Answers wait for each other up to so many bytes.
const ANSWERS_BYTES: usize = 65_536;

/// Answers a listener's connections until the server has left; to be called within
/// [`run_worker`](crate::http::server::run_worker).
///
/// Who takes longer for a message than for a header of HTTP is cut off, as is who says nothing for the idle timeout
/// or does not take what is answered. Memory: 4 KiB a connection, at most two messages' and 64 KiB of answers.
///
/// # Errors
/// The runtime cannot take the listener, which must be non-blocking.
pub async fn serve(listener: TcpListener, exchange: Rc<RefCell<Exchange>>, front: Front) -> io::Result<()> {
    attend(listener, &front, |connected| {
        let (exchange, front) = (Rc::clone(&exchange), front.clone());
        async move { talk(connected, exchange, &front).await }
    })
    .await
}

async fn talk(Connected { socket, peer, .. }: Connected, exchange: Rc<RefCell<Exchange>>, front: &Front) {
    let mut stages = front.shutdown.stages();
    match &front.tls {
        None => {
            let talk = Talk::<TcpStream>::new(socket, peer, Transport::Tcp, exchange);
            talk.go_on(&front.limits, stages).await;
        }
        // Boxed, so that connections without TLS are none the larger.
        Some(identity) => {
            if let Some(socket) = Box::pin(secure(socket, identity, front, &mut stages)).await {
                let talk = Talk::new(socket, peer, Transport::Tls, exchange);
                Box::pin(talk.go_on(&front.limits, stages)).await;
            }
        }
    }
}

/// One connection.
struct Talk<S> {
    stream: S,
    peer: SocketAddr,
    transport: Transport,
    exchange: Rc<RefCell<Exchange>>,
    /// What has come and is not answered yet.
    come: Vec<u8>,
    /// The answer to one message.
    answer: Vec<u8>,
    /// What has to be sent.
    answers: Vec<u8>,
    /// When there is anything to tell of what has come.
    worth: Worth,
    is_over: bool,
    /// Whether it comes from a trunk: a stranger is told so once, and has no more time than for that.
    is_known: bool,
}

/// When another look at what has come is worth it.
#[derive(Debug, Clone, Copy)]
struct Worth {
    bytes: usize,
    line_end: bool,
}

impl Worth {
    const ANY: Self = Self { bytes: 1, line_end: false };

    /// Whether it is, after the bytes from `new` on have come.
    fn is_met(self, come: &[u8], new: usize) -> bool {
        let ends_line = || come.get(new..).is_some_and(|new| memchr::memchr(b'\n', new).is_some());
        come.len() >= MESSAGE_BYTES_MAX || come.len() >= self.bytes && (!self.line_end || ends_line())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn new(stream: S, peer: SocketAddr, transport: Transport, exchange: Rc<RefCell<Exchange>>) -> Self {
        let (come, answer, answers) = (Vec::new(), Vec::new(), Vec::new());
        let is_known = exchange.borrow().knows(peer.ip());
        let (worth, is_over) = (Worth::ANY, false);
        Self { stream, peer, transport, exchange, come, answer, answers, worth, is_over, is_known }
    }

    /// Reads and answers until either side ends it.
    async fn go_on(mut self, limits: &Limits, mut stages: watch::Receiver<Stage>) {
        // The first message must come soon: who only connects takes a place from others.
        let mut deadline = Instant::now() + limits.header_timeout;
        let mut is_within = false;
        while !self.is_over {
            let new = tokio::select! {
                biased;
                read = timeout_at(deadline, self.read()) => match read {
                    Ok(Ok(Some(new))) => new,
                    // Ended, broken or too slow.
                    _ => return,
                },
                () = reached(&mut stages, Stage::Closing) => return,
            };
            let mut has_answered = false;
            if self.worth.is_met(&self.come, new) {
                let Ok(answered) = self.answer_all(limits.header_timeout).await else { return };
                has_answered = answered;
            }
            if !self.is_known {
                continue;
            }
            if self.come.is_empty() {
                deadline = Instant::now() + limits.idle_timeout;
            } else if has_answered || !is_within {
                // The time of a message begins with its first byte.
                deadline = Instant::now() + limits.header_timeout;
            }
            is_within = !self.come.is_empty();
        }
        linger(self.stream).await;
    }

    /// Reads what comes next; where it begins among what has come, or nothing where that was all.
    async fn read(&mut self) -> io::Result<Option<usize>> {
        let new = self.come.len();
        self.come.reserve(CHUNK_BYTES);
        let bytes = self.stream.read_buf(&mut self.come).await?;
        Ok((bytes > 0).then_some(new))
    }

    /// Answers what is whole of what has come; tells whether anything was.
    async fn answer_all(&mut self, time: Duration) -> io::Result<bool> {
        let mut at = 0;
        while !self.is_over {
            let framed = self.exchange.borrow_mut().frame(self.come.get(at..).unwrap_or_default());
            at += match framed {
                Framed::Part { bytes, in_head } => {
                    self.worth = Worth { bytes, line_end: in_head };
                    break;
                }
                Framed::Blank(bytes) => bytes,
                Framed::Ping(bytes) => {
                    if self.is_known {
                        self.answers.extend_from_slice(PONG);
                    }
                    bytes
                }
                Framed::Message(bytes) => {
                    self.answer(at, bytes);
                    bytes
                }
                Framed::Endless(bytes) => {
                    self.answer(at, bytes);
                    // Where the next message begins nobody knows.
                    self.is_over = true;
                    bytes
                }
            };
            if self.answers.len() >= ANSWERS_BYTES {
                self.send(time).await?;
            }
        }
        self.come.drain(..at);
        self.send(time).await?;
        Ok(at > 0)
    }

    fn answer(&mut self, at: usize, bytes: usize) {
        let message = self.come.get(at..at + bytes).unwrap_or_default();
        let mut exchange = self.exchange.borrow_mut();
        exchange.answer(message, self.peer, self.transport, &mut self.answer);
        self.answers.extend_from_slice(&self.answer);
        self.is_over |= !self.is_known;
    }

    async fn send(&mut self, time: Duration) -> io::Result<()> {
        if self.answers.is_empty() {
            return Ok(());
        }
        let sent = async {
            self.stream.write_all(&self.answers).await?;
            self.stream.flush().await
        };
        timeout(time, sent).await??;
        self.answers.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_byte_by_byte_is_looked_at_only_where_that_tells_more() {
        let in_head = Worth { bytes: 4, line_end: true };
        assert!(!in_head.is_met(b"INV", 2) && !in_head.is_met(b"INVI", 3) && in_head.is_met(b"INV\n", 3));
        assert!(!in_head.is_met(b"\nNVI", 3), "that line end was seen");
        let in_body = Worth { bytes: 6, line_end: false };
        assert!(!in_body.is_met(b"x\n\n12", 4) && in_body.is_met(b"x\n\n123", 5));
        assert!(in_head.is_met(&[b'x'; MESSAGE_BYTES_MAX], MESSAGE_BYTES_MAX - 1), "it is too long");
    }
}
