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

/// Opens `workers` listeners on one address, after proving that nobody else listens there.
///
/// Port 0 takes a free one; the address that came of it is returned. The listeners are non-blocking, and the kernel
/// spreads new connections over them.
///
/// `SO_REUSEPORT` would let two servers of one user share a port without either noticing. So the first socket listens
/// *without* it, which only one process can do; only then does it, already listening, allow others beside it. The
/// port is never let go in between.
///
/// # Errors
/// The port is taken, may not be used by this user, or the address is not one of this machine.
pub fn bind_workers(
    address: SocketAddr,
    workers: usize,
) -> Result<(SocketAddr, Vec<TcpListener>), BindError> {
    open(address, workers.max(1)).map_err(|source| BindError { address, source })
}

fn open(address: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let first = socket(address)?;
    first.bind(&address.into())?;
    first.listen(BACKLOG)?;
    if workers > 1 {
        first.set_reuse_port(true)?;
    }
    let first = TcpListener::from(first);
    let bound = first.local_addr()?;

    let mut listeners = vec![first];
    for _ in 1..workers {
        let another = socket(bound)?;
        another.set_reuse_port(true)?;
        another.bind(&bound.into())?;
        another.listen(BACKLOG)?;
        listeners.push(another.into());
    }
    Ok((bound, listeners))
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
