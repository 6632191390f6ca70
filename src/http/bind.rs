//! Opening listeners: the port is proved free before workers share it.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel may hold ready for a worker that has not come to accept them.
const BACKLOG: i32 = 4096;

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
