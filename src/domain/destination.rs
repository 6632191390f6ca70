//! Where a target listens, whoever is called there: what can be up or down.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use super::time::Timestamp;

/// Longest name of a host, in bytes.
const HOST_BYTES_MAX: usize = 253;

/// How, at which host and at which port a target listens; cheap to clone.
///
/// Shown as the shortest URI that says it whole, without user and path: `sip:10.0.0.1:5060;transport=tcp`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// What is spoken there.
    pub protocol: Protocol,
    /// A name in lower case, or an address, that of IPv6 in brackets.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
}

/// What is spoken with a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// SIP in datagrams.
    SipUdp,
    /// SIP on a connection.
    SipTcp,
    /// SIP on an encrypted connection.
    SipTls,
    /// A WebSocket.
    Ws,
    /// An encrypted WebSocket.
    Wss,
    /// HTTP.
    Http,
    /// HTTP within TLS.
    Https,
}

impl Protocol {
    /// What stands before the host.
    const fn begin(self) -> &'static str {
        match self {
            Self::SipUdp | Self::SipTcp => "sip:",
            Self::SipTls => "sips:",
            Self::Ws => "ws://",
            Self::Wss => "wss://",
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }

    /// The port where none is written.
    const fn port(self) -> u16 {
        match self {
            Self::SipUdp | Self::SipTcp => 5060,
            Self::SipTls => 5061,
            Self::Ws | Self::Http => 80,
            Self::Wss | Self::Https => 443,
        }
    }
}

impl Destination {
    /// The destination of a URI, as far as it says itself where that is.
    ///
    /// None of a `tel:` URI, of a host that is not the same for every call, and of what names another way than host, port
    /// and one of our transports: a `maddr`, SCTP.
    #[must_use]
    pub fn of(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once(':')?;
        let (protocol, authority) = match scheme.to_ascii_lowercase().as_str() {
            "sip" => sip(rest, Protocol::SipUdp)?,
            "sips" => sip(rest, Protocol::SipTls)?,
            "ws" => (Protocol::Ws, web(rest)?),
            "wss" => (Protocol::Wss, web(rest)?),
            "http" => (Protocol::Http, web(rest)?),
            "https" => (Protocol::Https, web(rest)?),
            _ => return None,
        };
        let (host, port) = host_and_port(authority)?;
        Some(Self { protocol, host: host.into(), port: port.unwrap_or_else(|| protocol.port()) })
    }

    /// The host as resolvers and addresses are written: without brackets.
    #[must_use]
    pub fn bare_host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}:{}", self.protocol.begin(), self.host, self.port)?;
        if self.protocol == Protocol::SipTcp { f.write_str(";transport=tcp") } else { Ok(()) }
    }
}

/// Host and port of what stands behind `sip:`, and what is spoken there; `plain` unless it says so.
fn sip(rest: &str, plain: Protocol) -> Option<(Protocol, &str)> {
    let at = rest.rsplit_once('@').map_or(rest, |(_user, at)| at);
    let at = at.split_once('?').map_or(at, |(at, _headers)| at);
    let mut parts = at.split(';');
    let authority = parts.next()?;
    let mut protocol = plain;
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.eq_ignore_ascii_case("maddr") {
            return None;
        }
        if name.eq_ignore_ascii_case("transport") {
            protocol = match (value.to_ascii_lowercase().as_str(), plain) {
                ("udp", Protocol::SipUdp) => Protocol::SipUdp,
                ("tcp", Protocol::SipUdp) => Protocol::SipTcp,
                // RFC 3261, section 26.2.2: a `sips:` URI over TCP is TLS over TCP.
                ("tcp" | "tls", _) => Protocol::SipTls,
                _ => return None,
            };
        }
    }
    Some((protocol, authority))
}

/// Host and port of what stands behind the colon of a web address.
fn web(rest: &str) -> Option<&str> {
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    Some(authority.rsplit_once('@').map_or(authority, |(_user, at)| at))
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let is_of_name = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
            if host.is_empty() || host.len() > HOST_BYTES_MAX || !host.bytes().all(is_of_name) {
                return None;
            }
            (host.to_ascii_lowercase(), port)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(port) if port.bytes().all(|c| c.is_ascii_digit()) => {
            Some(port.parse().ok().filter(|port| *port != 0)?)
        }
        Some(_) => return None,
        None if port.is_empty() => None,
        None => return None,
    };
    Some((host, port))
}

/// What is known of a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nothing: it counts as up.
    #[default]
    Unknown,
    /// It answers.
    Up,
    /// It does not.
    Down(Trouble),
}

/// Since when a destination is down, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// What came of the last probe, for people.
    pub cause: Arc<str>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(uri: &str) -> Option<String> {
        Destination::of(uri).map(|destination| destination.to_string())
    }

    #[test]
    fn all_uris_of_one_socket_are_one_destination() {
        for (uri, destination) in [
            ("sip:10.0.0.1", "sip:10.0.0.1:5060"),
            ("sip:sales.v3@10.0.0.1:5060", "sip:10.0.0.1:5060"),
            ("SIP:a@SBC.Example;Transport=UDP", "sip:sbc.example:5060"),
            ("sip:a;x=1@h:5070;transport=tcp;lr?Subject=x", "sip:h:5070;transport=tcp"),
            ("sip:h;transport=TLS", "sips:h:5061"),
            ("sips:{arm}-{callId}@h", "sips:h:5061"),
            ("sips:h;transport=tcp", "sips:h:5061"),
            ("sip:[2001:DB8:0::1]:5062", "sip:[2001:db8::1]:5062"),
            ("ws://h/{callId}?x=y", "ws://h:80"),
            ("wss://user@h:8443/media", "wss://h:8443"),
            ("http://h", "http://h:80"),
            ("https://h#x", "https://h:443"),
        ] {
            assert_eq!(shown(uri).as_deref(), Some(destination), "{uri}");
            assert_eq!(shown(destination).as_deref(), Some(destination), "itself again");
        }
    }

    #[test]
    fn what_does_not_say_where_it_is_has_no_destination() {
        for uri in [
            "tel:+14155550100",
            "sip:a@{arm}.example",
            "sip:a@h{callId}:5060",
            "wss://{callId}/x",
            "sip:a@h:{arm}",
            "sip:a@h;maddr=10.0.0.9",
            "sip:a@h;transport=sctp",
            "sip:a@h;transport=ws",
            "sips:a@h;transport=udp",
            "sip:a@h:0",
            "sip:a@h:65536",
            "sip:a@h:+1",
            "sip:a@",
            "sip:a@[::1",
            "sip:a@[::g]",
            "sip:a@[::1]5060",
            "sip:a@h%41",
            "wss:h",
            "",
        ] {
            assert_eq!(shown(uri), None, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn no_uri_is_too_much_and_nothing_of_its_user_is_shown(user in "[a-z0-9.%;=:@?/]{0,20}", rest in "[a-z0-9.:;=@\\[\\]{}]{0,20}") {
            let uri = format!("sip:SECRET{user}@{rest}");
            if let Some(shown) = shown(&uri) {
                prop_assert!(!shown.contains("SECRET") && !shown.contains('@'), "{shown}");
            }
        }
    }
}
