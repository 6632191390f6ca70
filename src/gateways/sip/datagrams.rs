//! SIP over UDP: datagrams read in batches, each answered at once.

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::UdpSocket as StdSocket;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
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

/// How many datagrams are read at once; at most those of `quinn-udp`, 32.
const BATCH: usize = 16;
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
    let mut batch = Batch::new();
    let mut seconds = interval(QUIET);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let leaving = stages.clone();
    let mut closing = pin!(reached(&mut stages, Stage::Closing));
    loop {
        tokio::select! {
            biased;
            answered = line.answer_all(&mut batch) => match answered {
                // There is more, and others on this thread have work too; a flood is not to keep the server from leaving.
                Ok(()) if *leaving.borrow() >= Stage::Closing => return Ok(()),
                Ok(()) => yield_now().await,
                // What another host says of a datagram we sent it; nothing to do with what comes next.
                Err(why) => tracing::debug!(error = %why, "a datagram could not be read"),
            },
            () = &mut closing => return Ok(()),
            _ = seconds.tick() => line.exchange.borrow_mut().forget(),
        }
    }
}

/// Room for the datagrams that are read at once.
struct Batch {
    buffers: Vec<u8>,
    metas: [RecvMeta; BATCH],
}

impl Batch {
    fn new() -> Self {
        Self { buffers: vec![0; BATCH * BUFFER_BYTES], metas: [RecvMeta::default(); BATCH] }
    }

    /// Reads what has come; how many buffers were filled.
    fn read(&mut self, state: &UdpSocketState, socket: &UdpSocket) -> io::Result<usize> {
        let mut slices = self.buffers.chunks_exact_mut(BUFFER_BYTES).map(IoSliceMut::new);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        state.recv(socket.into(), &mut slices, &mut self.metas)
    }

    /// The first so many buffers.
    fn filled(&self, count: usize) -> impl Iterator<Item = (&[u8], &RecvMeta)> {
        self.buffers.chunks_exact(BUFFER_BYTES).zip(&self.metas).take(count)
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
            // Peers of IPv4 may be at it too; a socket of IPv6 alone knows no such option.
            let _ = set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT);
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

    /// Waits for datagrams and answers them, until a whole batch has come at once.
    async fn answer_all(&mut self, batch: &mut Batch) -> io::Result<()> {
        let Self { socket, state, exchange, is_any, out } = self;
        let answer = || {
            let count = batch.read(state, socket)?;
            for (buffer, meta) in batch.filled(count) {
                let bytes = buffer.get(..meta.len).unwrap_or(buffer);
                for bytes in bytes.chunks(meta.stride.max(1)) {
                    let mut exchange = exchange.borrow_mut();
                    let answered = exchange.answer(bytes, meta.addr, Transport::Udp, out);
                    let Some(to) = answered.to else { continue };
                    let src_ip = meta.dst_ip.filter(|_| *is_any);
                    let transmit =
                        Transmit { destination: to, ecn: None, contents: out, segment_size: None, src_ip };
                    if state.try_send((&*socket).into(), &transmit).is_err() {
                        // Its sender asks again.
                        exchange.count_unsent(answered.trunk);
                    }
                }
            }
            // The kernel had no more: to ask it once again would only tell the same.
            if count < BATCH { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        };
        socket.async_io(Interest::READABLE, answer).await
    }
}
