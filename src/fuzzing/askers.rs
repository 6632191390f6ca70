//! Who asks, by the headers of a request: nobody is a gateway who is relayed, a web page, or calls us by another's name.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{HeaderMap, Request};

use super::world::{self, KEY, NOW, doorkeeper, table};
use crate::gateways::asker::Asker;
use crate::http::foreign::is_foreign;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;

/// Headers a line each, as a client would send them.
pub(super) fn law() -> impl Fn(&[u8]) {
    let (doorkeeper, table) = (doorkeeper(), table(&SeriesBook::new(100), &Shelf::default()));
    let here = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 8700));
    move |bytes| {
        let mut head = Request::new(()).into_parts().0;
        head.headers = headers(bytes);
        let headers = &head.headers;
        // Asked twice: what the connection remembers of a host must not change the answer.
        let ends = doorkeeper.ends(here, here);
        for _ in 0..2 {
            let asker = doorkeeper.asker(&table, &ends, &head, || NOW);
            judge(headers, asker.as_ref().ok());
            if let Err(refused) = asker {
                let status = refused.status().as_u16();
                assert!(
                    matches!(status, 401 | 403) || (status == 400 && !headers.contains_key(HOST)),
                    "{refused:?}"
                );
            }
        }
    }
}

fn headers(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fn judge(headers: &HeaderMap, asker: Option<&Asker<'_>>) {
    let values =
        |name: &'static str| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    let (keys, bearers, hosts) = (values("x-api-key"), values("authorization"), values("host"));
    match asker {
        None => {}
        Some(Asker::Key(_)) => {
            let sent = match (keys.as_slice(), bearers.as_slice()) {
                ([key], _) => *key,
                ([], [bearer]) => bearer.get("bearer ".len()..).unwrap_or_default().trim_ascii(),
                _ => b"",
            };
            assert_eq!(sent, KEY.as_bytes(), "{headers:?}");
        }
        Some(Asker::Gateway(row, gateway)) => {
            assert_eq!((*row, &*gateway.name), (0, "http"));
            assert!(keys.is_empty() && !is_foreign(headers) && hosts.len() == 1, "{headers:?}");
            let bearer = |value: &&[u8]| value.len() >= 7 && value[..7].eq_ignore_ascii_case(b"bearer ");
            assert!(!bearers.iter().any(bearer), "{headers:?}");
            assert!(hosts.iter().all(|host| is_ours(host)), "{headers:?}");
        }
    }
}

/// The names of this machine, found by taking a port off any way it can be.
fn is_ours(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let bare = host.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(':');
    [host, bare].iter().any(|name| {
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let ours = |address: IpAddr| address.is_loopback() || address == Ipv4Addr::new(10, 0, 0, 1);
        ["localhost", world::HOST].iter().any(|ours| name.eq_ignore_ascii_case(ours))
            || address.is_ok_and(|address| ours(address.to_canonical()))
    })
}
