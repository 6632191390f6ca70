//! Leaving within TLS: a handshake takes its ways through the network, and who is in the middle of it is not lost.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::world::{Client, PATIENCE, World, eventually};
use crate::http::limits::Limits;
use crate::http::server::Front;
use crate::http::shutdown::DrainLimits;
use crate::http::tls::{HandshakeFault, Identity, Pair};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// A server within TLS, and whom its clients believe.
fn world(limits: Limits) -> (World, Arc<ClientConfig>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let pair = Pair::of_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate.der().to_vec())).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_webpki_verifier(verifier.build().unwrap()).with_no_client_auth();
    let front = Front { limits: Arc::new(limits), tls: Some(Identity::new(pair)), ..Front::default() };
    (World::of(front), Arc::new(client))
}

/// A client that has said its first word.
fn greeting(world: &World, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let socket = TcpStream::connect(world.address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    stream.conn.write_tls(&mut stream.sock).unwrap();
    stream
}

fn quick() -> DrainLimits {
    DrainLimits {
        quiet: Duration::from_millis(50),
        accept_max: Duration::from_millis(400),
        total_max: Duration::from_secs(15),
    }
}

#[test]
fn a_request_whose_handshake_was_under_way_when_the_server_closed_is_answered() {
    let (mut world, config) = world(Limits::default());
    let mut client = greeting(&world, &config);
    let silent = Client::connect(world.address).unwrap();
    eventually("both are in", || world.front.traffic.open() == 2);
    let address = world.address;
    let drained = world.drain(quick());
    eventually("nobody listens", || TcpStream::connect(address).is_err());
    while client.conn.is_handshaking() {
        client.conn.complete_io(&mut client.sock).unwrap();
    }
    // One way through the network.
    std::thread::sleep(Duration::from_millis(10));
    client.write_all(REQUEST).unwrap();
    let mut answer = String::new();
    // An end that was not said would be an error.
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    drop((client, silent));
    assert_eq!(drained.recv_timeout(PATIENCE), Ok(0));
}

#[test]
fn whoever_hangs_up_within_a_handshake_is_counted_and_gives_its_place_back() {
    let (world, config) = world(Limits::default());
    drop(TcpStream::connect(world.address).unwrap());
    let mut client = greeting(&world, &config);
    client.sock.write_all(b"\x16").unwrap();
    drop(client);
    eventually("all have gone", || world.front.traffic.accepted() == 2 && world.front.traffic.open() == 0);
    let faults = HandshakeFault::ALL.map(|kind| world.front.traffic.handshake_faults(kind));
    assert_eq!(faults, [0, 0, 1], "who says nothing has no fault");
}

#[test]
fn an_idle_connection_within_tls_ends_at_its_own_limit() {
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(600),
        ..Limits::default()
    };
    let (world, config) = world(limits);
    let mut client = greeting(&world, &config);
    client.write_all(REQUEST).unwrap();
    let mut byte = [0];
    client.read_exact(&mut byte).unwrap();
    eventually("it is closed", || world.front.traffic.open() == 0);
}
