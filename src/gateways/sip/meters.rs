//! What is counted of SIP, by trunk.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use super::message::NoRequest;
use super::response::Status;
use super::server::{Handled, Method, Outcome, Silence};
use super::trunk::Trunk;
use super::trunks::Trunks;
use crate::telemetry::cells::Cells;
use crate::telemetry::histogram::Histogram;
use crate::telemetry::page::{Family, Kind, Labels, Page};
use crate::telemetry::registry::Source;
use crate::telemetry::series::Series;

/// Why messages come to nothing, as the metric says it.
const DROPPED: [&str; 5] = ["refused", "no_request", "unanswerable", "too_long", UNSENT];
/// The socket did not take an answer.
const UNSENT: &str = "unsent";

const METHODS_AT: usize = 0;
const CODES_AT: usize = METHODS_AT + Method::ALL.len();
const DROPPED_AT: usize = CODES_AT + Status::ALL.len();
const MALFORMED: usize = DROPPED_AT + DROPPED.len();
const AGAIN: usize = MALFORMED + 1;
/// In nanoseconds.
const TOOK: Histogram = Histogram::doubling(AGAIN + 1, 1_000, 20, 1_000_000_000);
const COLUMNS: usize = TOOK.end_column();

/// All that is counted; clones are the same.
#[derive(Debug, Clone)]
pub struct SipMeters {
    cells: Series<COLUMNS>,
    /// The row of sources that are on no trunk's list.
    nobodys: u32,
}

impl SipMeters {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(trunks: &Trunks) -> Self {
        let cells = Series::new();
        let names = trunks.list().iter().map(Trunk::name).chain([""]);
        let mut nobodys = 0;
        for (row, name) in (0..).zip(names) {
            cells.begin(row, Labels::new(&[("trunk", name)]));
            nobodys = row;
        }
        Self { cells, nobodys }
    }

    /// What one thread counts with.
    #[must_use]
    pub fn tally(&self) -> SipTally {
        SipTally { cells: self.cells.worker(), nobodys: self.nobodys }
    }
}

/// What one thread counts with: some nanoseconds for a message.
#[derive(Debug)]
pub struct SipTally {
    cells: Arc<Cells<COLUMNS>>,
    nobodys: u32,
}

impl SipTally {
    /// A message that was looked at; its trunk by number.
    pub fn handled(&self, trunk: Option<u16>, handled: &Handled, took_ns: u64) {
        let row = self.cells.row(trunk.map_or(self.nobodys, u32::from));
        let of_method =
            handled.method.and_then(|method| Method::ALL.iter().position(|known| *known == method));
        if let Some(at) = of_method {
            row.add(METHODS_AT + at, 1);
        }
        match &handled.outcome {
            Outcome::Reply(reply) => {
                if let Some(at) = Status::ALL.iter().position(|status| *status == reply.status) {
                    row.add(CODES_AT + at, 1);
                }
                row.add(MALFORMED, reply.fault.is_some().into());
                row.add(AGAIN, reply.is_again.into());
                TOOK.observe(row, took_ns);
            }
            Outcome::Silence(why) => {
                let is_malformed = matches!(
                    why,
                    Silence::Unanswerable(_) | Silence::NoRequest(NoRequest::NotSip | NoRequest::TooLong)
                );
                row.add(MALFORMED, is_malformed.into());
                if let Some(reason) = why.as_dropped() {
                    self.count_dropped(trunk, reason);
                }
            }
        }
    }

    /// An answer that the socket did not take.
    pub fn unsent(&self, trunk: Option<u16>) {
        self.count_dropped(trunk, UNSENT);
    }

    fn count_dropped(&self, trunk: Option<u16>, reason: &str) {
        if let Some(at) = DROPPED.iter().position(|known| *known == reason) {
            self.cells.add(trunk.map_or(self.nobodys, u32::from), DROPPED_AT + at, 1);
        }
    }
}

const REQUESTS: Family = Family {
    name: "cordboard_sip_requests_total",
    help: "Requests by SIP, repeated ones included; trunk is empty for sources on no trunk's list.",
    kind: Kind::Counter,
};
const ANSWERS: Family =
    Family { name: "cordboard_sip_answers_total", help: "Answers by SIP.", kind: Kind::Counter };
const MALFORMED_FAMILY: Family = Family {
    name: "cordboard_sip_malformed_total",
    help: "Messages by SIP that broke its rules: answered 400, or dropped where nobody could be answered.",
    kind: Kind::Counter,
};
const DROPPED_FAMILY: Family = Family {
    name: "cordboard_sip_dropped_total",
    help: "Messages by SIP that nothing was sent for: refused (datagrams of sources on no list), no_request, \
           unanswerable (malformed without a Via), too_long (the answer), unsent (the socket was full).",
    kind: Kind::Counter,
};
const RETRANSMISSIONS: Family = Family {
    name: "cordboard_sip_retransmissions_total",
    help: "INVITEs that came again within 32 seconds and were answered from memory.",
    kind: Kind::Counter,
};
const ANSWER_TIME: Family = Family {
    name: "cordboard_sip_answer_seconds",
    help: "Time from a SIP request that was read to its answer written.",
    kind: Kind::Histogram,
};

impl Source for SipMeters {
    fn families(&self) -> &[Family] {
        &[REQUESTS, ANSWERS, MALFORMED_FAMILY, DROPPED_FAMILY, RETRANSMISSIONS, ANSWER_TIME]
    }

    fn write(&self, page: &mut Page) {
        let readings = self.cells.read();
        let mut requests = page.family(&REQUESTS);
        for reading in &readings {
            for (at, method) in Method::ALL.iter().enumerate() {
                let count = reading.count(METHODS_AT + at);
                requests.line_with(&reading.labels, ("method", method.as_str()), count);
            }
        }
        let mut answers = page.family(&ANSWERS);
        for reading in &readings {
            for (at, status) in Status::ALL.iter().enumerate() {
                let mut code = itoa::Buffer::new();
                let label = ("code", code.format(status.code));
                answers.line_with(&reading.labels, label, reading.count(CODES_AT + at));
            }
        }
        let mut dropped = page.family(&DROPPED_FAMILY);
        for reading in &readings {
            for (at, reason) in DROPPED.iter().enumerate() {
                dropped.line_with(&reading.labels, ("reason", reason), reading.count(DROPPED_AT + at));
            }
        }
        for (family, column) in [(&MALFORMED_FAMILY, MALFORMED), (&RETRANSMISSIONS, AGAIN)] {
            let mut lines = page.family(family);
            for reading in &readings {
                lines.line(&reading.labels, reading.count(column));
            }
        }
        let mut times = page.histograms(&ANSWER_TIME, TOOK);
        for reading in &readings {
            times.lines(&reading.labels, &reading.sums);
        }
    }
}

/// What the kernel let go of datagrams for want of room, at the sockets of one port of this host.
#[derive(Debug, Clone)]
pub struct SocketDrops(pub SocketAddr);

const SOCKET_DROPS: Family = Family {
    name: "cordboard_sip_socket_drops_total",
    help: "Datagrams the kernel dropped at the SIP sockets, since their workers came too late.",
    kind: Kind::Counter,
};

impl Source for SocketDrops {
    fn families(&self) -> &[Family] {
        &[SOCKET_DROPS]
    }

    fn write(&self, page: &mut Page) {
        // Only Linux tells; elsewhere nothing is said rather than none.
        let file = if self.0.is_ipv4() { "/proc/self/net/udp" } else { "/proc/self/net/udp6" };
        if let Ok(sockets) = fs::read_to_string(file) {
            page.family(&SOCKET_DROPS).line(&Labels::none(), drops(&sockets, self.0.port()));
        }
    }
}

/// The last column of the lines of a local port, see proc_pid_net(5).
fn drops(sockets: &str, port: u16) -> u64 {
    let of_port = |line: &&str| {
        let local = line.split_ascii_whitespace().nth(1).and_then(|local| local.rsplit_once(':'));
        local.is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port))
    };
    let lines = sockets.lines().skip(1).filter(of_port);
    lines.filter_map(|line| line.split_ascii_whitespace().last()?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_those_of_all_sockets_of_the_port() {
        let sockets = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            1317: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 22219 2 0000000000000000 3\n\
            1318: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 22220 2 0000000000000000 4\n\
            1319: 0100007F:13C5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 22221 2 0000000000000000 9\n";
        assert_eq!(drops(sockets, 5060), 7);
        assert_eq!(drops(sockets, 5062), 0);
        assert_eq!(drops("", 5060), 0);
    }
}
