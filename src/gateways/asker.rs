//! Who may ask: holders of a key, and gateways known by the address they ask from.

use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;

use super::gateway::{Gateway, Gateways};
use crate::domain::account::{Key, KeyDigest, Permission};
use crate::domain::id::{AccountId, AgentId};
use crate::domain::time::Timestamp;
use crate::http::credentials::{Credentials, KEY_EXPIRED, KEY_INVALID};
use crate::http::error::ApiError;
use crate::http::foreign::tells_of_another;
use crate::http::host::is_named;
use crate::routing::table::RoutingTable;

/// Shares of keys: there may be any number of keys, and those with the same share are one to the others.
const KEY_SHARES: usize = 32;

/// Somebody who may ask, and what it is bound to.
#[derive(Debug, Clone)]
pub enum Asker<'g> {
    /// The holder of a valid key.
    Key(Arc<Key>),
    /// A gateway, by its address: with its row.
    Gateway(u16, &'g Gateway),
}

impl Asker<'_> {
    /// In whose name it asks.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Key(key) => &key.account,
            Self::Gateway(_, gateway) => &gateway.account,
        }
    }

    /// Whether it may do this. An address lets a gateway only route calls and end them.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Key(key) => key.may(permission),
            Self::Gateway(..) => permission == Permission::Route,
        }
    }

    /// Whether it may be told of this agent.
    #[must_use]
    pub fn sees(&self, agent: &AgentId) -> bool {
        match self {
            Self::Key(key) => key.sees(agent),
            Self::Gateway(..) => true,
        }
    }

    /// The agents it is limited to, if it is.
    #[must_use]
    pub fn agents(&self) -> Option<&[AgentId]> {
        match self {
            Self::Key(key) => key.agents.as_deref(),
            Self::Gateway(..) => None,
        }
    }
}

/// A connection as far as it tells who asks.
#[derive(Debug)]
pub struct Ends {
    /// The peer, never an IPv4-mapped address.
    peer: IpAddr,
    /// The gateway on whose list the peer is.
    gateway: Option<u16>,
    /// Our own address, as the peer knows it unless there is a translation between.
    local: IpAddr,
    /// The first `Host` that was found to be ours: the next requests nearly always name the same.
    host: OnceCell<Box<[u8]>>,
}

impl Ends {
    /// The peer's address, never an IPv4-mapped one.
    #[must_use]
    pub const fn peer(&self) -> IpAddr {
        self.peer
    }
}

/// Tells who asks.
#[derive(Debug)]
pub struct Doorkeeper {
    /// The gateways.
    pub gateways: Gateways,
    secret: [u8; 32],
    hosts: Vec<String>,
}

impl Doorkeeper {
    /// `secret` is the key under which API keys are hashed; `hosts` are names, besides loopback's and the bound
    /// address, by which a gateway that asks without a key may call us.
    #[must_use]
    pub fn new(gateways: Gateways, secret: [u8; 32], hosts: Vec<String>) -> Self {
        Self { gateways, secret, hosts }
    }

    /// Looks at a new connection, once.
    #[must_use]
    pub fn ends(&self, peer: SocketAddr, local: SocketAddr) -> Ends {
        Ends {
            peer: peer.ip().to_canonical(),
            gateway: self.gateways.of(peer.ip()),
            local: local.ip().to_canonical(),
            host: OnceCell::new(),
        }
    }

    /// Who sends a request.
    ///
    /// A key that is sent decides, and must be valid. Without one it is the gateway on whose list the address is,
    /// unless the request was relayed or comes from a web page.
    ///
    /// `wall` is asked for the time that people know, by which keys expire. Cost: 50 ns by address, 200 ns by key.
    ///
    /// # Errors
    /// 401 without a valid key from an address on no list; 403 for a request that no gateway would send itself; 400 for
    /// one that names no host where it must.
    pub fn asker(
        &self,
        table: &RoutingTable,
        ends: &Ends,
        head: &Parts,
        wall: impl FnOnce() -> Timestamp,
    ) -> Result<Asker<'_>, ApiError> {
        self.asker_listed(ends.gateway, table, ends, head, wall)
    }

    /// The same where another list than that of the gateways says whose the peer's address is: the gateway of this row.
    ///
    /// # Errors
    /// As [`Doorkeeper::asker`].
    pub fn asker_listed(
        &self,
        row: Option<u16>,
        table: &RoutingTable,
        ends: &Ends,
        head: &Parts,
        wall: impl FnOnce() -> Timestamp,
    ) -> Result<Asker<'_>, ApiError> {
        let seen = Seen::of(&head.headers);
        if seen.host.is_none() {
            is_named(head.version, &head.headers)?;
        }
        if let Some(text) = seen.credentials.key()? {
            // Found by its keyed hash, so that how long the search takes tells nothing about any key.
            let key = table.keys.get(&KeyDigest::of(&self.secret, text));
            return match key {
                Some(key) if key.expires_at.is_none() || !key.expired(wall()) => {
                    Ok(Asker::Key(Arc::clone(key)))
                }
                Some(_) => Err(ApiError::unauthorized(KEY_EXPIRED)),
                None => Err(ApiError::unauthorized(KEY_INVALID)),
            };
        }
        let known = row.and_then(|row| Some((row, self.gateways.get(row)?)));
        let Some((row, gateway)) = known else {
            return Err(ApiError::unauthorized("an API key is needed: send it as x-api-key"));
        };
        if let Some(relayed) = seen.relayed {
            return Err(ApiError::forbidden(format!("a request with {relayed} needs an API key")));
        }
        if !seen.host.is_none_or(|host| self.names_us(host.as_bytes(), ends)) || seen.more_hosts {
            return Err(ApiError::forbidden("this Host is not listed: a request to it needs an API key"));
        }
        Ok(Asker::Gateway(row, gateway))
    }

    /// How many shares there are of what an overloaded worker can answer.
    #[must_use]
    pub fn shares(&self) -> usize {
        self.share(None) + 1
    }

    /// The share from which an asker's requests are answered: its own for each gateway that is known by its address; a
    /// key's, by its hash; one for all strangers.
    #[must_use]
    pub fn share(&self, asker: Option<&Asker<'_>>) -> usize {
        let keys = usize::from(self.gateways.other());
        match asker {
            Some(Asker::Gateway(row, _)) => usize::from(*row),
            // The hash is keyed, so that nobody can choose whose share it is.
            Some(Asker::Key(key)) => keys + usize::from(key.digest.0[0]) % KEY_SHARES,
            None => keys + KEY_SHARES,
        }
    }

    /// [`Self::is_ours`], remembered for the connection.
    fn names_us(&self, host: &[u8], ends: &Ends) -> bool {
        if ends.host.get().is_some_and(|known| **known == *host) {
            return true;
        }
        let ours = self.is_ours(host, ends.local);
        if ours {
            ends.host.get_or_init(|| host.into());
        }
        ours
    }

    /// Whether a `Host` names us and not what a stranger had resolved to our address.
    fn is_ours(&self, host: &[u8], local: IpAddr) -> bool {
        let Ok(host) = std::str::from_utf8(host) else { return false };
        let name = without_port(host);
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) => {
                address.is_loopback() || address == local || self.hosts.iter().any(|listed| listed == name)
            }
            Err(_) => {
                let same =
                    |listed: &str| listed.eq_ignore_ascii_case(name) || listed.eq_ignore_ascii_case(host);
                same("localhost") || self.hosts.iter().any(|listed| same(listed))
            }
        }
    }
}

/// `example.com` of `example.com:8700`, `[::1]` of `[::1]:8700`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) && !port.is_empty() => name,
        _ => host,
    }
}

/// What the headers tell of who asks, found in one pass: that is several times faster than to look for each.
#[derive(Default)]
struct Seen<'h> {
    credentials: Credentials<'h>,
    /// A header that no gateway sends by itself.
    relayed: Option<&'h HeaderName>,
    host: Option<&'h HeaderValue>,
    /// Whether more than one host is named, which no honest client does.
    more_hosts: bool,
}

impl<'h> Seen<'h> {
    fn of(headers: &'h HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            if *name == HOST {
                seen.more_hosts |= seen.host.replace(value).is_some();
            } else if !seen.credentials.take(name, value) && tells_of_another(name, value) {
                seen.relayed.get_or_insert(name);
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(host: &str) -> bool {
        let doorkeeper = Doorkeeper::new(
            Gateways::new(Vec::new(), None, |_| None),
            [0; 32],
            vec!["calls.example.com".to_owned(), "10.9.9.9".to_owned()],
        );
        doorkeeper.is_ours(host.as_bytes(), "10.0.0.7".parse().unwrap())
    }

    #[test]
    fn only_names_of_ours_are_hosts() {
        for host in [
            "localhost",
            "LOCALHOST:8700",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8700",
            "10.0.0.7:8700",
            "calls.example.com",
            "Calls.Example.com:443",
            "10.9.9.9:80",
        ] {
            assert!(ours(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.8",
            "",
            ":80",
            "[::2]",
        ] {
            assert!(!ours(host), "{host}");
        }
    }
}
