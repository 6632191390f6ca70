//! Opening listeners: the port is proved free before workers share it.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel may hold ready for a worker that has not come to accept them.
const BACKLOG: i32 = 4096;
/// What the kernel may hold of datagrams for one worker: some thousands of them.
const DATAGRAM_BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// How many ports are looked at for one that is free for both kinds of sockets.
const PAIR_ATTEMPTS: usize = 16;

/// Why a listener could not be opened: the address and the cause.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", cause(address, source))]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

fn cause(address: &SocketAddr, source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => format!("port {} is in use by another process", address.port()),
        io::ErrorKind::PermissionDenied => format!("this user may not listen on port {}", address.port()),
        io::ErrorKind::AddrNotAvailable => format!("this machine has no address {}", address.ip()),
        _ => source.to_string(),
    }
}

/// Claims an address and opens `workers` listeners on it at once.
///
/// # Errors
/// See [`claim`].
pub fn bind_workers(
    address: SocketAddr,
    workers: usize,
) -> Result<(SocketAddr, Vec<TcpListener>), BindError> {
    claim(address)?.listen(workers)
}

/// An address that nobody else listens on; nobody hears here either until it is told to listen.
#[derive(Debug)]
pub struct Claim {
    address: SocketAddr,
    socket: Socket,
}

/// Takes an address without listening on it: who connects is refused, as if nobody were there.
///
/// So a port in use is found before anything is changed, and nobody is kept waiting by a start that takes long. Port 0
/// takes a free one. Two that claim one port in the same moment both get it; the second to listen is then refused.
///
/// # Errors
/// The port is taken, may not be used by this user, or the address is not one of this machine.
pub fn claim(address: SocketAddr) -> Result<Claim, BindError> {
    let claimed = || {
        let socket = socket(address)?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Claim { address, socket })
    };
    claimed().map_err(|source| BindError { address, source })
}

impl Claim {
    /// Opens `workers` listeners on the address, which is returned with them.
    ///
    /// The listeners are non-blocking, and the kernel spreads new connections over them.
    ///
    /// `SO_REUSEPORT` would let two servers of one user share a port without either noticing. So the first socket
    /// listens *without* it, which only one process can do; only then does it, already listening, allow others beside
    /// it. The port is never let go in between.
    ///
    /// # Errors
    /// Somebody else has begun to listen there meanwhile.
    pub fn listen(self, workers: usize) -> Result<(SocketAddr, Vec<TcpListener>), BindError> {
        let Self { address, socket } = self;
        open(address, socket, workers.max(1)).map_err(|source| BindError { address, source })
    }
}

fn open(address: SocketAddr, first: Socket, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    first.listen(BACKLOG)?;
    if workers > 1 {
        first.set_reuse_port(true)?;
    }
    let mut listeners = vec![TcpListener::from(first)];
    for _ in 1..workers {
        let another = socket(address)?;
        another.set_reuse_port(true)?;
        another.bind(&address.into())?;
        another.listen(BACKLOG)?;
        listeners.push(another.into());
    }
    Ok((address, listeners))
}

/// An address at which nobody else hears what comes to its port, by TCP or in datagrams.
#[derive(Debug)]
pub struct PairClaim {
    streams: Claim,
    datagrams: Socket,
}

/// The sockets of a [`PairClaim`], one of each kind a worker.
#[derive(Debug)]
pub struct Pairs {
    /// Where they are.
    pub address: SocketAddr,
    /// For connections.
    pub listeners: Vec<TcpListener>,
    /// For datagrams.
    pub datagrams: Vec<UdpSocket>,
}

/// Takes an address for TCP and UDP; port 0 takes one that is free for both.
///
/// # Errors
/// As [`claim`].
pub fn claim_pair(address: SocketAddr) -> Result<PairClaim, BindError> {
    let mut attempts = if address.port() == 0 { PAIR_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        let streams = claim(address)?;
        match datagram_socket(streams.address, |_| Ok(())) {
            Ok(datagrams) => return Ok(PairClaim { streams, datagrams }),
            // By luck the next free port is free for both.
            Err(source) if attempts == 0 || source.kind() != io::ErrorKind::AddrInUse => {
                return Err(BindError { address: streams.address, source });
            }
            Err(_) => {}
        }
    }
}

impl PairClaim {
    /// Opens `workers` sockets of each kind on the address; all are non-blocking, and the kernel spreads over them who
    /// sends: what comes from one address and port comes to one socket.
    ///
    /// Datagrams that have come since the address was claimed are let go: who sent them sends again, and an answer now
    /// would come late.
    ///
    /// # Errors
    /// See [`Claim::listen`].
    pub fn listen(self, workers: usize) -> Result<Pairs, BindError> {
        let Self { streams, datagrams } = self;
        let (address, listeners) = streams.listen(workers)?;
        let datagrams = open_datagrams(address, datagrams, workers.max(1))
            .map_err(|source| BindError { address, source })?;
        Ok(Pairs { address, listeners, datagrams })
    }
}

fn open_datagrams(address: SocketAddr, first: Socket, workers: usize) -> io::Result<Vec<UdpSocket>> {
    // Only now, as for connections: with it from the start two servers could share the port.
    first.set_reuse_port(true)?;
    let first = UdpSocket::from(first);
    while first.recv(&mut [0]).is_ok() {}
    let mut sockets = vec![first];
    for _ in 1..workers {
        let another = datagram_socket(address, |socket| socket.set_reuse_port(true))?;
        sockets.push(another.into());
    }
    Ok(sockets)
}

/// A bound, non-blocking UDP socket with room for what comes while its worker is busy.
fn datagram_socket(
    address: SocketAddr,
    prepare: impl FnOnce(&Socket) -> io::Result<()>,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Beyond the system's limit where this process may go there; else the system's limit it is.
    if set_socket_recv_buffer_size_force(&socket, DATAGRAM_BUFFER_BYTES).is_err() {
        socket.set_recv_buffer_size(DATAGRAM_BUFFER_BYTES)?;
    }
    prepare(&socket)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A non-blocking TCP socket that may take a port whose last connections still fade.
fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    use super::*;

    const ANY: &str = "127.0.0.1:0";

    #[test]
    fn who_connects_to_a_claim_is_refused_until_it_listens() {
        let claim = claim(ANY.parse().unwrap()).unwrap();
        let address = claim.address;
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let _listeners = claim.listen(2).unwrap();
        TcpStream::connect(address).unwrap();
    }

    #[test]
    fn of_two_claims_on_one_port_one_listens() {
        let first = claim(ANY.parse().unwrap()).unwrap();
        let second = claim(first.address);
        let _listeners = first.listen(2).unwrap();
        assert!(second.and_then(|second| second.listen(2)).is_err());
    }

    #[test]
    fn a_port_in_use_is_named() {
        let (taken, _listeners) = bind_workers(ANY.parse().unwrap(), 3).unwrap();
        let error = bind_workers(taken, 3).unwrap_err();
        let port = taken.port();
        assert_eq!(
            error.to_string(),
            format!("cannot listen on 127.0.0.1:{port}: port {port} is in use by another process")
        );
    }

    #[test]
    fn a_foreign_address_is_named() {
        let error = bind_workers("192.0.2.1:0".parse().unwrap(), 1).unwrap_err();
        assert!(error.to_string().ends_with("this machine has no address 192.0.2.1"), "{error}");
    }

    #[test]
    fn a_port_given_back_can_be_taken_again() {
        let (address, listeners) = bind_workers(ANY.parse().unwrap(), 2).unwrap();
        drop(listeners);
        assert_eq!(bind_workers(address, 2).unwrap().0, address);
    }

    #[test]
    fn a_pair_has_one_port_for_both_and_shares_it_with_nobody() {
        let claimed = claim_pair(ANY.parse().unwrap()).unwrap();
        let port = claimed.streams.address;
        for taken in [
            claim_pair(port).err(),
            datagram_socket(port, |_| Ok(())).err().map(|source| BindError { address: port, source }),
        ] {
            assert!(taken.is_some(), "claimed");
        }
        let pairs = claimed.listen(3).unwrap();
        assert_eq!((pairs.listeners.len(), pairs.datagrams.len(), pairs.address), (3, 3, port));
        assert!(pairs.datagrams.iter().all(|socket| socket.local_addr().unwrap() == port));
        let beside = datagram_socket(port, |_| Ok(()));
        assert_eq!(beside.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn datagrams_from_before_are_let_go_and_later_ones_come_to_one_worker_for_each_sender() {
        let claimed = claim_pair(ANY.parse().unwrap()).unwrap();
        let sender = UdpSocket::bind(ANY).unwrap();
        sender.send_to(b"early", claimed.streams.address).unwrap();
        let pairs = claimed.listen(2).unwrap();
        for _ in 0..2 {
            sender.send_to(b"late", pairs.address).unwrap();
        }
        let mut came = [0, 0];
        let deadline = Instant::now() + Duration::from_secs(5);
        while came[0] + came[1] < 2 && Instant::now() < deadline {
            for (count, socket) in came.iter_mut().zip(&pairs.datagrams) {
                let mut bytes = [0; 8];
                while let Ok(len) = socket.recv(&mut bytes) {
                    assert_eq!(&bytes[..len], b"late");
                    *count += 1;
                }
            }
        }
        assert!(came == [2, 0] || came == [0, 2], "{came:?}");
    }

    #[test]
    fn every_worker_gets_connections() {
        let (address, listeners) = bind_workers(ANY.parse().unwrap(), 4).unwrap();
        let clients: Vec<_> = (0..256).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut taken = vec![0; listeners.len()];
        let deadline = Instant::now() + Duration::from_secs(5);
        while taken.iter().sum::<usize>() < clients.len() && Instant::now() < deadline {
            for (count, listener) in taken.iter_mut().zip(&listeners) {
                while listener.accept().is_ok() {
                    *count += 1;
                }
            }
        }
        assert_eq!(taken.iter().sum::<usize>(), clients.len(), "none is lost: {taken:?}");
        assert!(taken.iter().all(|count| *count > 0), "all have some: {taken:?}");
    }
}
