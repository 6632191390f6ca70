//! SIP over UDP: datagrams read in batches, each answered at once.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, UdpSocket as StdSocket};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use rustix::net::sockopt::{set_ip_mtu_discover, set_ipv6_mtu_discover};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use super::exchange::Exchange;
use super::server::Transport;
use crate::http::shutdown::{Stage, reached};

/// The longest datagram there is, and room for several that the kernel hands over as one.
const BUFFER_BYTES: usize = 65_536;
/// How often old answers are let go, also where nothing comes.
const QUIET: Duration = Duration::from_secs(1);

/// Answers what comes to a socket until the server has left; to be called within
/// [`run_worker`](crate::http::server::run_worker).
///
/// Memory: 64 KiB for each datagram of a batch, used as far as datagrams are long.
///
/// # Errors
/// The runtime cannot take the socket, which must be non-blocking.
pub async fn serve(
    socket: StdSocket,
    exchange: Rc<RefCell<Exchange>>,
    mut stages: watch::Receiver<Stage>,
) -> io::Result<()> {
    let mut line = Line::new(socket, exchange)?;
    let mut buffers = vec![0; BATCH_SIZE * BUFFER_BYTES];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    let mut seconds = interval(QUIET);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut closing = pin!(reached(&mut stages, Stage::Closing));
    loop {
        let received = tokio::select! {
            biased;
            received = line.receive(&mut buffers, &mut metas) => received,
            () = &mut closing => return Ok(()),
            _ = seconds.tick() => {
                line.exchange.borrow_mut().forget();
                continue;
            }
        };
        match received {
            Ok(count) => {
                let batch = buffers.chunks_exact(BUFFER_BYTES).zip(&metas).take(count);
                batch.for_each(|(buffer, meta)| line.answer(buffer, meta));
                if count == BATCH_SIZE {
                    // There is more, and others on this thread have work too.
                    yield_now().await;
                }
            }
            // What another host says of a datagram we sent it; nothing to do with what comes next.
            Err(why) => tracing::debug!(error = %why, "a datagram could not be read"),
        }
    }
}

/// A socket and who answers it.
struct Line {
    socket: UdpSocket,
    state: UdpSocketState,
    exchange: Rc<RefCell<Exchange>>,
    /// Whether the host's address that was asked must be named as the one that answers: the socket has several.
    is_any: bool,
    out: Vec<u8>,
}

impl Line {
    fn new(socket: StdSocket, exchange: Rc<RefCell<Exchange>>) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let address = socket.local_addr()?;
        // An answer may be longer than a packet: it has to be sent in pieces, not be refused.
        if address.is_ipv6() {
            set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::DONT)?;
        } else {
            set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT)?;
        }
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            state,
            exchange,
            is_any: address.ip().is_unspecified(),
            out: Vec::new(),
        })
    }

    /// Waits for datagrams; how many buffers were filled.
    async fn receive(&self, buffers: &mut [u8], metas: &mut [RecvMeta; BATCH_SIZE]) -> io::Result<usize> {
        let mut slices = buffers.chunks_exact_mut(BUFFER_BYTES).map(IoSliceMut::new);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        let receive = || self.state.recv((&self.socket).into(), &mut slices, metas);
        self.socket.async_io(Interest::READABLE, receive).await
    }

    /// Answers the datagrams of one buffer.
    fn answer(&mut self, buffer: &[u8], meta: &RecvMeta) {
        let bytes = buffer.get(..meta.len).unwrap_or(buffer);
        for bytes in bytes.chunks(meta.stride.max(1)) {
            let mut exchange = self.exchange.borrow_mut();
            let answered = exchange.answer(bytes, meta.addr, Transport::Udp, &mut self.out);
            let Some(to) = answered.to else { continue };
            if self.send(to, meta.dst_ip).is_err() {
                // Its sender asks again.
                exchange.count_unsent(answered.trunk);
            }
        }
    }

    fn send(&self, to: std::net::SocketAddr, asked: Option<IpAddr>) -> io::Result<()> {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: &self.out,
            segment_size: None,
            src_ip: asked.filter(|_| self.is_any),
        };
        self.state.try_send((&self.socket).into(), &transmit)
    }
}
