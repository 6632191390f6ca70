//! Requests that the router makes itself, to whom it may.
//!
//! By `https`, to addresses of the public internet: what private networks hold is asked only where the settings list it,
//! or anybody who may name a URL could look around in there. Whom a name stands for is looked at after it was resolved,
//! and that very address is asked; no answer is followed anywhere else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ring::hmac;
use rustls::{ClientConfig, RootCertStore};
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Connector as _, NextTimeout, TcpConnector};
use ureq::{Agent, Error};

use super::secure::SecureConnector;

/// Time to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Time for a request and its answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
const NOT_FOUND: &str = "is at no address that is public or listed, or nowhere";
/// What a URL must be, for people.
pub const EXPECTED: &str = "https and a public host, or a host that `outgoing.allowed_hosts` lists";

/// Whom the router may ask although it is not public, or without TLS.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Host names, in lower case.
    pub names: Vec<String>,
    /// Networks.
    pub networks: Vec<IpNet>,
}

impl Listed {
    fn name(&self, host: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    fn address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Why a URL may not be asked, as far as it says itself whom it means.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check(&self, url: &str) -> Result<(), String> {
        let uri: Uri = url.parse().map_err(|_| format!("is no URL: expected {EXPECTED}"))?;
        let host = host_of(&uri).ok_or_else(|| format!("names no host: expected {EXPECTED}"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("holds a user name: expected none, since requests are signed".to_owned());
        }
        let address: Option<IpAddr> = host.parse().ok();
        let is_listed = self.name(host) || address.is_some_and(|address| self.address(address));
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_listed => {}
            Some("http") => return Err(format!("is not encrypted: expected {EXPECTED}")),
            _ => return Err(format!("is no web address: expected {EXPECTED}")),
        }
        if address.is_some_and(|address| !is_listed && !is_public(address)) {
            return Err(format!("is at an address that is not public: expected {EXPECTED}"));
        }
        Ok(())
    }
}

fn host_of(uri: &Uri) -> Option<&str> {
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some(host)
}

/// Asks.
#[derive(Debug)]
pub struct Outgoing {
    listed: Arc<Listed>,
    agent: Agent,
}

impl Outgoing {
    /// Asks whom it may. Believes the issuers that this machine does.
    #[must_use]
    pub fn new(listed: Listed) -> Self {
        let listed = Arc::new(listed);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_global(Some(REQUEST_TIME_MAX))
            .user_agent(concat!("cordboard/", env!("CARGO_PKG_VERSION")))
            .build();
        let connector = ().chain(TcpConnector::default()).chain(SecureConnector::new(trusted));
        let resolver = Guarded { listed: Arc::clone(&listed), inner: DefaultResolver::default() };
        Self { listed, agent: Agent::with_parts(config, connector, resolver) }
    }

    /// Who is listed.
    #[must_use]
    pub fn listed(&self) -> &Arc<Listed> {
        &self.listed
    }

    /// Sends JSON and reads nothing but the status of the answer. Blocks, for 30 seconds at most.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    pub fn post(&self, url: &str, headers: &[(&str, String)], body: &[u8]) -> Result<u16, String> {
        self.listed.check(url)?;
        let mut request = self.agent.post(url).content_type("application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send(body).map_err(|why| match why {
            Error::Timeout(_) => "did not answer in time".to_owned(),
            // Whether there is such a name where we are is nobody's business.
            Error::HostNotFound | Error::BadUri(_) => NOT_FOUND.to_owned(),
            Error::Io(why) => format!("could not be asked: {why}"),
            why => format!("could not be asked: {why}"),
        })?;
        Ok(response.status().as_u16())
    }

    /// Asks for something and reads nothing but the status of the answer. Blocks, for as long at most.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn get(&self, url: &str, time: Duration) -> Result<u16, NoAnswer> {
        self.listed.check(url).map_err(|_| NoAnswer::NotAllowed)?;
        // On a connection of its own: one that is kept says nothing of whether a new one would be accepted.
        let request = self.agent.get(url).header("connection", "close");
        let request = request.config().timeout_global(Some(time)).build();
        let response = request.call().map_err(|why| match why {
            Error::Timeout(_) => NoAnswer::TooLate,
            Error::HostNotFound | Error::BadUri(_) => NoAnswer::NotAllowed,
            Error::Io(why) => NoAnswer::Failed(why.to_string()),
            why => NoAnswer::Failed(why.to_string()),
        })?;
        Ok(response.status().as_u16())
    }
}

/// Why nobody answered a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// It is nobody whom the router may ask, or nobody at all: which of them is not told apart.
    NotAllowed,
    /// None came in time.
    TooLate,
    /// Whatever else, for people.
    Failed(String),
}

/// The signature of a body at a moment, in seconds since the epoch: `t=<seconds>,v1=<64 lower-hex>`, HMAC-SHA-256 over
/// `<seconds>.<body>`.
#[must_use]
pub fn signature(secret: &str, at: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signing = hmac::Context::with_key(&key);
    signing.update(format!("{at}.").as_bytes());
    signing.update(body);
    let digits = signing.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("t={at},v1={digits}")
}

fn trusted() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots);
    Ok(Arc::new(config.with_no_client_auth()))
}

/// Resolves names to addresses that may be asked, and to no others.
#[derive(Debug)]
struct Guarded {
    listed: Arc<Listed>,
    inner: DefaultResolver,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let host = host_of(uri).unwrap_or_default();
        let may =
            |address: IpAddr| self.listed.name(host) || self.listed.address(address) || is_public(address);
        let mut allowed = self.empty();
        found.iter().filter(|address| may(address.ip())).for_each(|address| allowed.push(*address));
        if allowed.is_empty() {
            return Err(Error::BadUri(NOT_FOUND.to_owned()));
        }
        Ok(allowed)
    }
}

/// Whether an address is of the public internet: no loopback, private, link-local, shared, documentation, multicast or
/// otherwise special one (RFC 6890), nor an IPv6 address that stands for such an IPv4 one.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: [([u8; 4], u8); 15] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ];
    !SPECIAL
        .iter()
        .any(|(network, bits)| Ipv4Net::new((*network).into(), *bits).is_ok_and(|net| net.contains(&address)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let within = |network: [u16; 8], bits| {
        Ipv6Net::new(network.into(), bits).is_ok_and(|network| network.contains(&address))
    };
    let [_, second, third, .., before_last, last] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    if within([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96) {
        return is_public_v4(v4(before_last, last));
    }
    if within([0x2002, 0, 0, 0, 0, 0, 0, 0], 16) {
        return is_public_v4(v4(second, third));
    }
    // Global unicast and nothing else, without what is set aside of it.
    within([0x2000, 0, 0, 0, 0, 0, 0, 0], 3)
        && !within([0x2001, 0, 0, 0, 0, 0, 0, 0], 23)
        && !within([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32)
        && !within([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn listed(hosts: &[&str]) -> Listed {
        let mut listed = Listed::default();
        for host in hosts {
            match host.parse() {
                Ok(network) => listed.networks.push(network),
                Err(_) => listed.names.push((*host).to_owned()),
            }
        }
        listed
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for public in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "2a00::1", "64:ff9b::808:808"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "::127.0.0.1",
            "2001::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn a_url_is_checked_as_far_as_it_says_whom_it_means() {
        let none = Listed::default();
        for fine in ["https://runner.example.com/run", "https://1.1.1.1", "https://[2606:4700::1111]:8443/x"]
        {
            assert_eq!(none.check(fine), Ok(()), "{fine}");
        }
        for wrong in [
            "http://runner.example.com",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://10.0.0.1:8443",
            "/run",
            "ftp://example.com",
            "https://user@example.com/",
            "https://",
            "",
            "https://[::ffff:127.0.0.1]/",
        ] {
            assert!(none.check(wrong).is_err(), "{wrong}");
        }
        let some = listed(&["127.0.0.0/8", "runner.internal"]);
        for fine in ["http://127.0.0.1:9/run", "http://runner.internal/run", "https://RUNNER.internal"] {
            assert_eq!(some.check(fine), Ok(()), "{fine}");
        }
        assert!(some.check("http://10.0.0.1/").is_err());
    }

    /// A listener that answers one request with a status, and says what it heard.
    fn answering(status: &'static str) -> (u16, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut bytes = [0; 4_096];
            let length = socket.read(&mut bytes).unwrap();
            write!(
                socket,
                "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:{port}/other\r\ncontent-length: 0\r\n\r\n"
            )
            .unwrap();
            String::from_utf8_lossy(&bytes[..length]).into_owned()
        });
        (port, heard)
    }

    #[test]
    fn a_name_that_stands_for_a_private_address_is_not_asked_unless_it_is_listed() {
        let (port, heard) = answering("204 No Content");
        let refused =
            Outgoing::new(listed(&["192.0.2.0/24"])).post(&format!("https://localhost:{port}/"), &[], b"{}");
        assert!(refused.unwrap_err().contains(NOT_FOUND));
        let signed = [("x-cordboard-signature", "v1=00".to_owned())];
        let url = format!("http://localhost:{port}/run");
        assert_eq!(Outgoing::new(listed(&["localhost"])).post(&url, &signed, b"{}"), Ok(204));
        let heard = heard.join().unwrap();
        assert!(
            heard.starts_with("POST /run HTTP/1.1\r\n") && heard.contains("x-cordboard-signature: v1=00")
        );
    }

    #[test]
    fn a_status_is_asked_for_where_that_is_allowed_and_nowhere_else() {
        let (port, heard) = answering("503 Service Unavailable");
        let url = format!("http://127.0.0.1:{port}/health");
        let time = Duration::from_secs(20);
        assert_eq!(Outgoing::new(Listed::default()).get(&url, time), Err(NoAnswer::NotAllowed));
        let named = format!("https://localhost:{port}/health");
        assert_eq!(Outgoing::new(Listed::default()).get(&named, time), Err(NoAnswer::NotAllowed));
        assert_eq!(Outgoing::new(listed(&["127.0.0.1/32"])).get(&url, time), Ok(503));
        let heard = heard.join().unwrap();
        assert!(heard.starts_with("GET /health HTTP/1.1\r\n") && heard.contains("connection: close"));
    }

    #[test]
    fn a_signature_is_that_of_anybody_who_has_the_secret() {
        // echo -n '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_1
        let expected = "t=1700000000,v1=2bacf7b77f8a947e36777d445799846ce8389284516e77b94f239ef893b8def7";
        assert_eq!(signature("whsec_1", 1_700_000_000, b"{\"a\":1}"), expected);
    }

    #[test]
    fn no_answer_is_followed_anywhere() {
        let (port, heard) = answering("307 Temporary Redirect");
        let url = format!("http://127.0.0.1:{port}/run");
        assert_eq!(Outgoing::new(listed(&["127.0.0.1/32"])).post(&url, &[], b"{}"), Ok(307));
        heard.join().unwrap();
    }
}
