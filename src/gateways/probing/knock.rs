//! One question to one destination, by sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_ok;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::options::{NotSip, Options, takes_calls};
use crate::domain::destination::{Destination, Protocol};
use crate::gateways::sip::message::{Index, MESSAGE_BYTES_MAX};
use crate::http::outgoing::{NoAnswer, Outgoing};

/// Most addresses of one name that are asked, all at once: the first that answers counts.
const ADDRESSES_MAX: usize = 4;
/// Most threads that wait for a resolver or an answer to a `GET`.
const WAITING_MAX: usize = 32;
/// After how long a datagram is sent again, each time twice as long (RFC 3261, section 17.1.2.1).
const AGAIN: Duration = Duration::from_millis(500);

/// Why a destination counts as not up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It said that it takes no calls.
    #[error("answered {0}")]
    Answered(u16),
    /// It said nothing in time.
    #[error("no answer in time")]
    Silent,
    /// Its name has no address.
    #[error("its name leads to no address: {0}")]
    Nameless(String),
    /// It could not be asked.
    #[error("{0}")]
    Unreachable(String),
}

impl From<io::Error> for Trouble {
    fn from(why: io::Error) -> Self {
        Self::Unreachable(why.to_string())
    }
}

/// What is needed to ask: clones share it.
#[derive(Debug, Clone)]
pub struct Knocker {
    timeout: Duration,
    web: Option<Web>,
    tls: Arc<ClientConfig>,
    /// A resolver can take longer than we wait, and keeps its thread that long.
    waiting: Arc<Semaphore>,
}

/// How web targets are asked for more than a connection.
#[derive(Debug, Clone)]
pub struct Web {
    /// What is asked for, from the slash on.
    pub path: Arc<str>,
    /// What asks, and only whom it may.
    pub outgoing: Arc<Outgoing>,
}

impl Knocker {
    /// Waits so long for an answer; asks web targets for a path, if one is given and they may be asked.
    ///
    /// # Errors
    /// When there is no TLS to be had.
    pub fn new(timeout: Duration, web: Option<Web>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anybody = Arc::new(Anybody(provider.signature_verification_algorithms.supported_schemes()));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(anybody)
            .with_no_client_auth();
        let waiting = Arc::new(Semaphore::new(WAITING_MAX));
        Ok(Self { timeout, web, tls: Arc::new(config), waiting })
    }

    /// Asks a destination; the random bytes tell this question from all others.
    ///
    /// # Errors
    /// Why it counts as not up.
    pub async fn ask(&self, destination: &Destination, random: u128) -> Result<(), Trouble> {
        let asked = timeout(self.timeout, self.ask_without_end(destination, random)).await;
        asked.unwrap_or(Err(Trouble::Silent))
    }

    async fn ask_without_end(&self, destination: &Destination, random: u128) -> Result<(), Trouble> {
        if matches!(destination.protocol, Protocol::Http | Protocol::Https)
            && let Some(web) = &self.web
            && let Some(answered) = self.get(web, destination).await
        {
            return answered;
        }
        let addresses = self.addresses(destination).await?;
        let asked = addresses.into_iter().map(|address| {
            Box::pin(async move {
                match destination.protocol {
                    Protocol::SipUdp => datagrams(destination, address, random).await,
                    Protocol::SipTcp => stream(connect(address).await?, destination, random).await,
                    Protocol::SipTls => self.secure(destination, address, random).await,
                    // Who accepts a connection is there. Nothing is sent: neither TLS nor an upgrade is our affair.
                    Protocol::Ws | Protocol::Wss | Protocol::Http | Protocol::Https => {
                        connect(address).await.map(drop)
                    }
                }
            })
        });
        select_ok(asked).await.map(|(answered, _others)| answered)
    }

    /// Asks a web target for the path; nothing where it is nobody whom the router may ask.
    async fn get(&self, web: &Web, destination: &Destination) -> Option<Result<(), Trouble>> {
        let url = format!("{destination}{}", web.path);
        let (outgoing, time) = (Arc::clone(&web.outgoing), self.timeout);
        Some(match self.waiting(move || outgoing.get(&url, time)).await? {
            Ok(status) if status < 500 => Ok(()),
            Ok(status) => Err(Trouble::Answered(status)),
            Err(NoAnswer::NotAllowed) => return None,
            Err(NoAnswer::TooLate) => Err(Trouble::Silent),
            Err(NoAnswer::Failed(why)) => Err(Trouble::Unreachable(why)),
        })
    }

    async fn addresses(&self, destination: &Destination) -> Result<Vec<SocketAddr>, Trouble> {
        let (host, port) = (destination.bare_host(), destination.port);
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let host = host.to_owned();
        let found = self.waiting(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)).await;
        let nameless = |why: &str| Trouble::Nameless(why.to_owned());
        let mut addresses: Vec<SocketAddr> = match found {
            Some(Ok(addresses)) => addresses,
            Some(Err(why)) => return Err(nameless(&why.to_string())),
            None => return Err(nameless("the resolver broke off")),
        };
        addresses.truncate(ADDRESSES_MAX);
        if addresses.is_empty() { Err(nameless("it has none")) } else { Ok(addresses) }
    }

    /// Does something that blocks on one of few threads, which it keeps for as long as it takes.
    async fn waiting<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let permit = Arc::clone(&self.waiting).acquire_owned().await.ok()?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        working.await.ok()
    }

    async fn secure(
        &self,
        destination: &Destination,
        address: SocketAddr,
        random: u128,
    ) -> Result<(), Trouble> {
        let connection = connect(address).await?;
        let from = connection.local_addr()?;
        let name = ServerName::try_from(destination.bare_host().to_owned())
            .map_err(|why| Trouble::Unreachable(why.to_string()))?;
        match TlsConnector::from(Arc::clone(&self.tls)).connect(name, connection).await {
            Ok(stream) => converse(stream, &Options::new(destination, from, random)).await,
            Err(why) => turned_away(why),
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Trouble> {
    Ok(TcpStream::connect(address).await?)
}

async fn datagrams(destination: &Destination, address: SocketAddr, random: u128) -> Result<(), Trouble> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A socket of its own: nobody but the target is heard, and who has no such port says so.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    let options = Options::new(destination, socket.local_addr()?, random);
    let (mut index, mut bytes, mut again) = (Index::default(), vec![0; MESSAGE_BYTES_MAX], AGAIN);
    loop {
        socket.send(&options.bytes).await?;
        let heard = timeout(again, async {
            loop {
                let length = socket.recv(&mut bytes).await?;
                if let Some(code) = options.code_of(&mut index, bytes.get(..length).unwrap_or_default()) {
                    return judged(code);
                }
            }
        });
        if let Ok(answered) = heard.await {
            return answered;
        }
        again *= 2;
    }
}

async fn stream(stream: TcpStream, destination: &Destination, random: u128) -> Result<(), Trouble> {
    let from = stream.local_addr()?;
    converse(stream, &Options::new(destination, from, random)).await
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, options: &Options) -> Result<(), Trouble> {
    if let Err(why) = stream.write_all(&options.bytes).await {
        return turned_away(why);
    }
    let (mut index, mut heard) = (Index::default(), Vec::new());
    loop {
        match stream.read_buf(&mut heard).await {
            Ok(0) => return Err(Trouble::Unreachable("it closed the connection".to_owned())),
            Ok(_) => {}
            Err(why) => return turned_away(why),
        }
        match options.code_in(&mut index, &mut heard) {
            Ok(Some(code)) => return judged(code),
            Ok(None) => {}
            Err(NotSip) => return Err(Trouble::Unreachable("it answers, but not by SIP".to_owned())),
        }
    }
}

fn judged(code: u16) -> Result<(), Trouble> {
    if takes_calls(code) { Ok(()) } else { Err(Trouble::Answered(code)) }
}

/// What to make of a connection that broke off.
///
/// Who refuses our TLS in the words of TLS, since it wants a certificate of ours or an older version, may well serve
/// gateways that have it: it is there.
fn turned_away(why: io::Error) -> Result<(), Trouble> {
    match why.get_ref().and_then(|why| why.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_)) => Ok(()),
        _ => Err(why.into()),
    }
}

/// Believes whoever answers: nothing that a probe sends is secret, and gateways look at certificates themselves.
#[derive(Debug)]
struct Anybody(Vec<SignatureScheme>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn at(uri: &str, address: SocketAddr) -> Destination {
        Destination::of(&uri.replace("HERE", &address.to_string())).unwrap()
    }

    fn answer(asked: &[u8], code: u16) -> Vec<u8> {
        let asked = String::from_utf8(asked.to_vec()).unwrap();
        let (_, lines) = asked.split_once("\r\n").unwrap();
        format!("SIP/2.0 {code} X\r\n{lines}").into_bytes()
    }

    async fn ask(time: Duration, destination: &Destination) -> Result<(), Trouble> {
        Knocker::new(time, None).unwrap().ask(destination, 7).await
    }

    #[tokio::test]
    async fn a_datagram_that_is_lost_is_sent_again_and_what_answers_nothing_of_ours_is_silent() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let here = at("sip:HERE", socket.local_addr().unwrap());
        let answering = async {
            let mut bytes = [0; 2_048];
            let (length, _) = socket.recv_from(&mut bytes).await.unwrap();
            let first = bytes[..length].to_vec();
            let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
            assert_eq!(first, bytes[..length], "the same question");
            socket.send_to(b"SIP/2.0 200 OK\r\n\r\n", from).await.unwrap();
            socket.send_to(&answer(&first, 200), from).await.unwrap();
        };
        let (asked, ()) = tokio::join!(ask(PATIENCE, &here), answering);
        assert_eq!(asked, Ok(()));
        assert_eq!(ask(Duration::from_millis(20), &here).await, Err(Trouble::Silent));
    }

    #[tokio::test]
    async fn a_name_is_up_where_one_of_its_addresses_is() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let named = at(
            &format!("sip:localhost:{}", socket.local_addr().unwrap().port()),
            socket.local_addr().unwrap(),
        );
        let answering = async {
            let mut bytes = [0; 2_048];
            let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
            socket.send_to(&answer(&bytes[..length], 404), from).await.unwrap();
        };
        let (asked, ()) = tokio::join!(ask(PATIENCE, &named), answering);
        assert_eq!(asked, Ok(()));
        let nowhere = Destination::of("sip:nowhere.invalid").unwrap();
        assert!(matches!(ask(PATIENCE, &nowhere).await, Err(Trouble::Nameless(_))));
    }

    fn acceptor() -> TlsAcceptor {
        let made = rcgen::generate_simple_self_signed(vec!["whoever.example".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config =
            config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    #[tokio::test]
    async fn within_tls_anybody_is_believed_and_what_he_says_counts() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = at("sips:HERE", listener.local_addr().unwrap());
        for (code, judged) in [(200, Ok(())), (503, Err(Trouble::Answered(503)))] {
            let answering = async {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = acceptor().accept(stream).await.unwrap();
                let (mut asked, mut byte) = (Vec::new(), [0]);
                while !asked.ends_with(b"\r\n\r\n") {
                    stream.read_exact(&mut byte).await.unwrap();
                    asked.push(byte[0]);
                }
                stream.write_all(&answer(&asked, code)).await.unwrap();
                stream.flush().await.unwrap();
                stream
            };
            let (asked, _stream) = tokio::join!(ask(PATIENCE, &here), answering);
            assert_eq!(asked, judged);
        }
    }

    #[tokio::test]
    async fn who_refuses_our_tls_by_an_alert_is_there_and_who_speaks_none_or_no_sip_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // A fatal alert: the handshake failed. Then what no TLS and no SIP is.
        let alert: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
        let web: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        for (uri, said, is_up) in
            [("sips:HERE", alert, true), ("sips:HERE", web, false), ("sip:HERE;transport=tcp", web, false)]
        {
            let answering = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = [0; 4_096];
                assert!(stream.read(&mut bytes).await.unwrap() > 0);
                stream.write_all(said).await.unwrap();
                stream
            };
            let here = at(uri, address);
            let (asked, _stream) = tokio::join!(ask(PATIENCE, &here), answering);
            assert_eq!(asked.is_ok(), is_up, "{uri}: {asked:?}");
            assert!(is_up || matches!(asked, Err(Trouble::Unreachable(_))), "{asked:?}");
        }
    }
}
