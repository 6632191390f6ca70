//! A redirect server in front of a call plane, and who calls it.

use std::net::SocketAddr;

use crate::domain::time::Timestamp;
use crate::gateways::http::tests::world::{START_MS, World, account};
use crate::gateways::numbering::Numbering;
use crate::gateways::sip::server::{Arrival, Outcome, RedirectServer, Reply, Silence, Transport};
use crate::gateways::sip::transactions::Room;
use crate::gateways::sip::trunk::Trunk;
use crate::gateways::worker::Worker;
use crate::routing::switchboard::Purpose;
use crate::routing::trail::Silent;

/// What a message came to.
pub struct Heard {
    pub outcome: Outcome,
    pub bytes: Vec<u8>,
}

impl Heard {
    pub fn reply(&self) -> Reply {
        let Outcome::Reply(reply) = self.outcome else { panic!("silence: {:?}", self.outcome) };
        reply
    }

    pub fn silence(&self) -> Silence {
        let Outcome::Silence(why) = self.outcome else { panic!("answered: {:.999}", self.text()) };
        assert!(self.bytes.is_empty(), "nothing is there that could be sent");
        why
    }

    pub fn code(&self) -> u16 {
        let code = self.reply().status.code;
        assert!(self.text().starts_with(&format!("SIP/2.0 {code} ")), "{}", self.text());
        code
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// All values of a header, as it is written.
    pub fn all(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let lines = text.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.map(str::to_owned).collect()
    }

    /// The one value of a header.
    pub fn the(&self, name: &str) -> String {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} of {}", self.text());
        all[0].clone()
    }
}

/// A redirect server with one trunk, `default`.
pub struct Switch {
    pub world: World,
    pub server: RedirectServer,
    pub trunk: Trunk,
    pub plans: Option<Numbering>,
    pub source: SocketAddr,
    pub transport: Transport,
    pub now: Timestamp,
    /// How often somebody was asked.
    pub asked: usize,
    worker: Worker,
}

impl Switch {
    /// +14155550100 is pinned to V3 of `sales`, +14155550101 to V1.
    pub fn new() -> Self {
        let mut world = World::new();
        world.number("+14155550100", "sales", "V3");
        world.number("+14155550101", "sales", "V1");
        let worker = Worker::new(&world.plane, [5; 32]);
        Self {
            world,
            server: RedirectServer::new([4; 32], Room::new(1_000)),
            trunk: Trunk::new("default", 0, account()),
            plans: None,
            source: "192.0.2.1:5062".parse().unwrap(),
            transport: Transport::Udp,
            now: Timestamp(START_MS),
            asked: 0,
            worker,
        }
    }

    pub fn hear(&mut self, bytes: impl AsRef<[u8]>) -> Heard {
        let trunk = self.trunk.clone();
        self.hear_by(bytes.as_ref(), Some(&trunk))
    }

    /// The same from an address of a trunk, or of none.
    pub fn hear_by(&mut self, bytes: &[u8], trunk: Option<&Trunk>) -> Heard {
        let Self { source, transport, now, .. } = *self;
        let arrival = Arrival { bytes, source, transport, trunk, now };
        let (worker, asked, plans) = (&self.worker, &mut self.asked, self.plans.as_ref());
        let mut out = b"left over".to_vec();
        let handled = self.server.handle(&arrival, &mut out, |invitation, answering| {
            *asked += 1;
            let (moment, call) = (worker.moment(), invitation.asks(plans));
            let occasion = worker.occasion(Purpose::Call, moment.now);
            worker.ask(&call, occasion, moment, &mut Silent, |answer| answering.tell(answer))
        });
        Heard { outcome: handled.outcome, bytes: out }
    }
}

/// A request of good form; each has to be told from the others by `id`.
pub fn request(method: &str, uri: &str, id: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK{id}\r\n\
         Max-Forwards: 70\r\n\
         From: \"A\" <sip:+14155550199@gw.example.com>;tag=f{id}\r\n\
         To: <{uri}>\r\n\
         Call-ID: {id}@gw.example.com\r\n\
         CSeq: 7 {method}\r\n\
         Contact: <sip:gw@192.0.2.1:5062>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// An invitation of a number that is served.
pub fn invite(id: &str) -> String {
    request("INVITE", "sip:+14155550100@cordboard.example", id)
}

/// A request with further lines.
pub fn with(request: &str, lines: &str) -> String {
    request.replacen("Max-Forwards:", &format!("{lines}\r\nMax-Forwards:"), 1)
}
