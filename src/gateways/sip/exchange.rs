//! One thread's redirect server, joined with what decides, counts and watches.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use super::meters::{SipMeters, SipTally};
use super::server::{Arrival, Outcome, RedirectServer, Transport};
use super::stream::Framed;
use super::transactions::Room;
use super::trunks::Trunks;
use super::watchers::{Sighting, Watchers};
use crate::gateways::worker::Worker;
use crate::http::shutdown::Shutdown;
use crate::routing::switchboard::Purpose;
use crate::routing::trail::Silent;

/// For how long a gateway should not ask a router again that is leaving, in seconds.
const RETRY_AFTER_S: u32 = 30;

/// What all threads' exchanges share.
#[derive(Debug)]
pub struct SipPlane {
    /// Who may ask.
    pub trunks: Trunks,
    /// Who watches what comes.
    pub watchers: Arc<Watchers>,
    /// What is counted.
    pub meters: SipMeters,
    /// Of which tags and challenges are functions.
    pub secret: [u8; 32],
    /// How many answers are remembered by all threads together.
    pub room: Room,
    /// By which new calls are turned away.
    pub shutdown: Shutdown,
}

/// Answers everything that comes by SIP to one thread.
#[derive(Debug)]
pub struct Exchange {
    server: RedirectServer,
    worker: Rc<Worker>,
    plane: Arc<SipPlane>,
    tally: SipTally,
}

/// What is to be done about a message whose answer, if any, is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// Where a datagram is to be sent; nothing where none is.
    pub to: Option<SocketAddr>,
    /// By which trunk it came.
    pub trunk: Option<u16>,
}

impl Exchange {
    /// An exchange of the thread whose worker this is.
    #[must_use]
    pub fn new(worker: Rc<Worker>, plane: &Arc<SipPlane>) -> Self {
        Self {
            server: RedirectServer::new(plane.secret, plane.room.clone()),
            worker,
            plane: Arc::clone(plane),
            tally: plane.meters.tally(),
        }
    }

    /// Answers a message into `out`, whose content is replaced.
    pub fn answer(
        &mut self,
        bytes: &[u8],
        source: SocketAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Answered {
        let Self { server, worker, plane, tally } = self;
        let moment = worker.moment();
        let found = plane.trunks.of(source.ip());
        let trunk = found.map(|(number, _)| number);
        server.draining = plane.shutdown.is_draining().then_some(RETRY_AFTER_S);
        let arrival =
            Arrival { bytes, source, transport, trunk: found.map(|(_, trunk)| trunk), now: moment.now };
        let handled = server.handle(&arrival, out, |invitation, answering| {
            let call = invitation.asks(worker.numbering());
            let occasion = worker.occasion(Purpose::Call, moment.now);
            worker.ask(&call, occasion, moment, &mut Silent, |answer| answering.tell(answer))
        });
        tally.handled(trunk, &handled, worker.since_ns(moment));
        if plane.watchers.are_any()
            && let Some(sighting) = Sighting::of(&arrival, &handled, out, worker.wall_time())
        {
            plane.watchers.tell(&sighting);
        }
        let to = match handled.outcome {
            Outcome::Reply(reply) => Some(reply.to),
            Outcome::Silence(_) => None,
        };
        Answered { to, trunk }
    }

    /// Whether a source is on a trunk's list.
    #[must_use]
    pub fn knows(&self, source: IpAddr) -> bool {
        self.plane.trunks.of(source).is_some()
    }

    /// Looks at what a stream begins with.
    pub fn frame(&mut self, stream: &[u8]) -> Framed {
        self.server.frame(stream)
    }

    /// An answer that the socket did not take.
    pub fn count_unsent(&self, trunk: Option<u16>) {
        self.tally.unsent(trunk);
    }

    /// Lets go of answers older than 32 seconds, where nothing comes that would do it.
    pub fn forget(&mut self) {
        let now = self.worker.moment().now;
        self.server.transactions.forget(now);
    }
}
