//! One listener's connections, as they come: admitted, turned away, or the end of listening.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{unconstrained, yield_now};
use tokio::time::sleep;

use super::error::ApiError;
use super::linger::turn_away;
use super::server::{Front, Tongue};
use super::shutdown::{Stage, reached};
use super::tls::secure;
use super::traffic::{Admission, Place};

/// The pauses after the system could not hand over a connection: the first, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A connection that is to be served.
pub(super) struct Admitted {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) place: Place,
}

/// Accepts connections until the server leaves.
pub(super) struct Acceptor {
    listener: TcpListener,
    front: Front,
    stages: watch::Receiver<Stage>,
    stage: Stage,
    pause: Duration,
    _listening: Place,
}

impl Acceptor {
    pub(super) fn new(listener: std::net::TcpListener, front: Front) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            stages: front.shutdown.stages(),
            stage: Stage::Serving,
            pause: PAUSE_MIN,
            _listening: front.traffic.listen(),
            front,
        })
    }

    /// The next connection to serve; none when the server has left, with no connection waiting to be accepted.
    pub(super) async fn next(&mut self) -> Option<Admitted> {
        loop {
            match self.accept().await? {
                Ok((socket, peer)) => {
                    self.pause = PAUSE_MIN;
                    if let Some(admitted) = self.admit(socket, peer) {
                        return Some(admitted);
                    }
                }
                // The peer has gone before it was accepted.
                Err(error) if is_the_peers(&error) => {}
                // No file descriptors or no memory: the connection stays in the queue, and asking again at once
                // would only burn the worker's time.
                Err(_) => {
                    self.front.traffic.count_accept_fault();
                    sleep(self.pause).await;
                    self.pause = PAUSE_MAX.min(self.pause * 2);
                }
            }
        }
    }

    async fn accept(&mut self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            if self.stage >= Stage::Closing {
                return self.accept_waiting().await;
            }
            let next = if self.stage < Stage::Deaf { Stage::Deaf } else { Stage::Closing };
            tokio::select! {
                accepted = self.listener.accept() => return Some(accepted),
                () = reached(&mut self.stages, next) => {
                    self.stage = *self.stages.borrow_and_update();
                    deafen(&self.listener);
                }
            }
        }
    }

    /// A connection that is in the queue already, if any.
    async fn accept_waiting(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        // Lets the runtime hear from the kernel first.
        yield_now().await;
        unconstrained(poll_fn(|context| {
            Poll::Ready(match self.listener.poll_accept(context) {
                Poll::Ready(accepted) => Some(accepted),
                Poll::Pending => None,
            })
        }))
        .await
    }

    fn admit(&self, socket: TcpStream, peer: SocketAddr) -> Option<Admitted> {
        match self.front.traffic.admit(peer.ip(), &self.front.limits) {
            Admission::Serve(place) => {
                let local = socket.local_addr().ok()?;
                socket.set_nodelay(true).ok()?;
                Some(Admitted { socket, peer, local, place })
            }
            Admission::TurnAway(_) if self.front.tongue != Tongue::Http => None,
            Admission::TurnAway(place) => {
                let (front, mut stages) = (self.front.clone(), self.stages.clone());
                let answer = ApiError::overloaded(1).raw(&front.new_id.unasked());
                tokio::spawn(async move {
                    match &front.tls {
                        None => turn_away(socket, &answer).await,
                        Some(identity) => {
                            if let Some(socket) = secure(socket, identity, &front, &mut stages).await {
                                turn_away(socket, &answer).await;
                            }
                        }
                    }
                    drop(place);
                });
                None
            }
            Admission::Drop => None,
        }
    }
}

fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Has the kernel ignore the first packet of every new handshake, and no other.
///
/// Where the kernel knows no such filter, a connection made in the instant of closing may be reset.
fn deafen(listener: &TcpListener) {
    #[cfg(target_os = "linux")]
    {
        use socket2::{SockFilter, SockRef};
        const LOAD_BYTE: u16 = 0x30;
        const AND: u16 = 0x54;
        const JUMP_IF_EQUAL: u16 = 0x15;
        const RETURN: u16 = 0x06;
        const FLAGS_OFFSET: u32 = 13;
        const SYN: u32 = 0x02;
        const ACK: u32 = 0x10;
        let ignore_first_packets = [
            SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_OFFSET),
            SockFilter::new(AND, 0, 0, SYN | ACK),
            SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
            SockFilter::new(RETURN, 0, 0, 0),
            SockFilter::new(RETURN, 0, 0, u32::MAX),
        ];
        // A kernel without it is served as well as it can be, see above.
        let _ = SockRef::from(listener).attach_filter(&ignore_first_packets);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = listener;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::http::bind::bind_workers;
    use crate::http::server::run_worker;

    #[test]
    fn a_deaf_listener_keeps_what_it_has_and_hears_nothing_new() {
        let (address, mut listeners) = bind_workers("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        run_worker(async {
            let listener = TcpListener::from_std(listeners.remove(0))?;
            let _early = TcpStream::connect(address)?;
            deafen(&listener);
            let late = TcpStream::connect_timeout(&address, Duration::from_millis(300));
            assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
            listener.accept().await.map(drop)
        })
        .unwrap();
    }
}
