//! What is counted of connections, by listener.

use crate::http::server::Front;
use crate::http::tls::HandshakeFault;
use crate::http::traffic::Traffic;
use crate::telemetry::page::{Family, Kind, Labels, Page};
use crate::telemetry::registry::Source;

/// The connections of all listeners.
#[derive(Debug)]
pub(super) struct Connections(Vec<Listener>);

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Listener {
    labels: Labels,
    traffic: Traffic,
    has_tls: bool,
}

/// A number of connections.
type Count = fn(&Traffic) -> u64;

const OPEN: Family = Family {
    name: "cordboard_connections_open",
    help: "Connections that are being served.",
    kind: Kind::Gauge,
};
const ACCEPTED: Family = Family {
    name: "cordboard_connections_accepted_total",
    help: "Connections that came, whatever became of them.",
    kind: Kind::Counter,
};
const TURNED_AWAY: Family = Family {
    name: "cordboard_connections_turned_away_total",
    help: "Connections closed, with 503 where there was time for it, since too many were open.",
    kind: Kind::Counter,
};
const ACCEPT_FAILURES: Family = Family {
    name: "cordboard_connections_accept_failures_total",
    help: "Times the system could not hand over a connection, for want of file descriptors or memory.",
    kind: Kind::Counter,
};
const HANDSHAKE_FAILURES: Family = Family {
    name: "cordboard_tls_handshake_failures_total",
    help: "Connections to a TLS listener that came to no handshake: plain (no TLS), slow or failed.",
    kind: Kind::Counter,
};

impl Connections {
    /// Those of these listeners.
    pub(super) fn of(listeners: impl Iterator<Item = Listener>) -> Self {
        Self(listeners.collect())
    }
}

impl Listener {
    /// A listener of this name.
    pub(super) fn of(name: &str, front: &Front) -> Self {
        Self {
            labels: Labels::new(&[("listener", name)]),
            traffic: front.traffic.clone(),
            has_tls: front.tls.is_some(),
        }
    }
}

impl Source for Connections {
    fn families(&self) -> &[Family] {
        &[OPEN, ACCEPTED, TURNED_AWAY, ACCEPT_FAILURES, HANDSHAKE_FAILURES]
    }

    fn write(&self, page: &mut Page) {
        let counts: [(_, Count); 4] = [
            (&OPEN, |traffic| traffic.open() as u64),
            (&ACCEPTED, Traffic::accepted),
            (&TURNED_AWAY, |traffic| traffic.turned_away() + traffic.dropped()),
            (&ACCEPT_FAILURES, Traffic::accept_faults),
        ];
        for (family, count) in counts {
            let mut lines = page.family(family);
            for Listener { labels, traffic, .. } in &self.0 {
                lines.line(labels, count(traffic));
            }
        }
        let mut lines = page.family(&HANDSHAKE_FAILURES);
        for Listener { labels, traffic, .. } in self.0.iter().filter(|listener| listener.has_tls) {
            for kind in HandshakeFault::ALL {
                lines.line_with(labels, ("reason", kind.as_str()), traffic.handshake_faults(kind));
            }
        }
    }
}
