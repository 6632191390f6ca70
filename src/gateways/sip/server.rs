//! The redirect server (RFC 3261, section 8.3): bytes and a moment in, bytes and where they go out.

use std::net::SocketAddr;

use super::digest::{Asking, Verdict};
use super::grammar::is_token;
use super::identity::Identity;
use super::invitation::Invitation;
use super::message::{Ends, Fault, Index, Message, NoRequest, is_ack};
use super::name::Name;
use super::redirect::{Answered, Answering, TOLD_BYTES_MAX};
use super::request::Request;
use super::response::{Status, destination, end, head, header};
use super::stream::{Framed, frame};
use super::transactions::{Kept, Room, Transactions};
use super::trunk::Trunk;
use super::uri::{NoUri, Scheme, Uri};
use super::via::Via;
use crate::domain::time::Timestamp;

/// Longest answer that a datagram holds, in bytes: what IPv4 leaves of 64 KB.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;

/// The methods that are served.
const ALLOWED: &str = "INVITE, ACK, CANCEL, OPTIONS";
/// The methods that exist but are not served.
const KNOWN: [&[u8]; 10] = [
    b"BYE",
    b"INFO",
    b"MESSAGE",
    b"NOTIFY",
    b"PRACK",
    b"PUBLISH",
    b"REFER",
    b"REGISTER",
    b"SUBSCRIBE",
    b"UPDATE",
];

/// How bytes came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// Cut from a stream.
    Tcp,
    /// Cut from an encrypted stream.
    Tls,
}

impl Transport {
    /// As people are told it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// A message that came in.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Its bytes: a datagram, or what [`frame`] cut.
    pub bytes: &'a [u8],
    /// From where.
    pub source: SocketAddr,
    /// How.
    pub transport: Transport,
    /// The trunk on whose list the source is; none refuses it.
    pub trunk: Option<&'a Trunk>,
    /// When.
    pub now: Timestamp,
}

/// A message that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handled {
    /// What it asks for; nothing where it is no request, or came from a source that is not listened to.
    pub method: Option<Method>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Who serves a call.
    Invite,
    /// Nothing: an answer has arrived.
    Ack,
    /// To forget a call that was asked for.
    Cancel,
    /// Whether anybody is there.
    Options,
    /// What a redirect server does not do.
    Other,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Invite, Self::Ack, Self::Cancel, Self::Options, Self::Other];

    fn of(method: &[u8]) -> Self {
        match method {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"CANCEL" => Self::Cancel,
            b"OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }

    /// As metrics call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Other => "other",
        }
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is written.
    Reply(Reply),
    /// Nothing is sent.
    Silence(Silence),
}

/// An answer that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Where a datagram goes; on a stream an answer goes back as its request came.
    pub to: SocketAddr,
    /// What is answered.
    pub status: Status,
    /// What was wrong with the request, where it is answered by 400.
    pub fault: Option<Fault>,
    /// Whether an invitation came again and is answered as it was.
    pub is_again: bool,
}

impl Silence {
    /// As metrics call it, where it is a message that comes to nothing.
    #[must_use]
    pub const fn as_dropped(self) -> Option<&'static str> {
        match self {
            Self::Acknowledged | Self::NoRequest(NoRequest::KeepAlive) => None,
            Self::Refused => Some("refused"),
            Self::NoRequest(_) => Some("no_request"),
            Self::Unanswerable(_) => Some("unanswerable"),
            Self::TooLong => Some("too_long"),
        }
    }
}

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// An `ACK`, which nobody answers.
    Acknowledged,
    /// The source is on no trunk's list, and a datagram may come from anywhere: no answer ever leaves.
    Refused,
    /// It is no request.
    NoRequest(NoRequest),
    /// It is faulty, and no `Via` says whose it is.
    Unanswerable(Fault),
    /// The answer is longer than a datagram.
    TooLong,
}

/// Answers what comes to one socket or worker.
#[derive(Debug)]
pub struct RedirectServer {
    /// For how many seconds nobody should ask here, while no new calls are taken.
    pub draining: Option<u32>,
    /// What was answered a moment ago.
    pub transactions: Transactions,
    secret: [u8; 32],
    index: Index,
    told: Vec<u8>,
}

impl RedirectServer {
    /// A server that remembers as many answers as there is room for.
    ///
    /// Tags and challenges are functions of the secret: workers that share one give the same.
    #[must_use]
    pub fn new(secret: [u8; 32], room: Room) -> Self {
        let transactions = Transactions::new(room);
        Self { draining: None, transactions, secret, index: Index::default(), told: Vec::new() }
    }

    /// Answers a message into `out`, whose content is replaced; `ask` is asked about a call that is new.
    ///
    /// Nothing of it depends on `Max-Forwards`: a redirect server forwards nothing, so that with 0 it answers too
    /// (RFC 3261, section 8.3). Cost beside that of `ask`: about 1 µs.
    pub fn handle(
        &mut self,
        arrival: &Arrival<'_>,
        out: &mut Vec<u8>,
        ask: impl FnOnce(&Invitation<'_>, Answering<'_>) -> Answered,
    ) -> Handled {
        out.clear();
        self.told.clear();
        let silence = |why| Handled { method: None, outcome: Outcome::Silence(why) };
        if arrival.trunk.is_none() && arrival.transport == Transport::Udp {
            return silence(Silence::Refused);
        }
        if is_ack(arrival.bytes) {
            let outcome = Outcome::Silence(Silence::Acknowledged);
            return Handled { method: Some(Method::Ack), outcome };
        }
        let Self { draining, transactions, secret, index, told } = self;
        let message = match index.read(arrival.bytes) {
            Ok(message) => message,
            Err(why) => return silence(Silence::NoRequest(why)),
        };
        let method = Some(Method::of(message.method));
        if method == Some(Method::Ack) {
            return Handled { method, outcome: Outcome::Silence(Silence::Acknowledged) };
        }
        let ends = message.ends();
        let Some(sender) = ends.sender else {
            let fault = message.fault.unwrap_or(Fault::Malformed(Name::Via));
            return Handled { method, outcome: Outcome::Silence(Silence::Unanswerable(fault)) };
        };
        let identity = Identity::of(secret, &message, &ends, arrival.source.ip(), out);
        out.clear();
        let desk =
            Desk { arrival, identity, draining: *draining, transactions, secret, told, is_again: false };
        Handled { method, outcome: desk.respond(message, (&ends, &sender), out, ask) }
    }

    /// Looks at what a stream begins with, see [`frame`].
    pub fn frame(&mut self, stream: &[u8]) -> Framed {
        frame(&mut self.index, stream)
    }
}

/// One message on its way to its answer.
struct Desk<'s> {
    arrival: &'s Arrival<'s>,
    identity: Identity,
    draining: Option<u32>,
    transactions: &'s mut Transactions,
    secret: &'s [u8; 32],
    /// Our own headers of the answer.
    told: &'s mut Vec<u8>,
    is_again: bool,
}

impl Desk<'_> {
    /// Writes the answer.
    fn respond(
        mut self,
        message: Message<'_>,
        (ends, sender): (&Ends<'_>, &Via<'_>),
        out: &mut Vec<u8>,
        ask: impl FnOnce(&Invitation<'_>, Answering<'_>) -> Answered,
    ) -> Outcome {
        let Arrival { source, transport, .. } = *self.arrival;
        let (status, fault) = match self.decide(message, ends, ask) {
            Ok(status) => (status, None),
            Err(Fault::Version) => (Status::VERSION_NOT_SUPPORTED, None),
            Err(fault) => (Status::BAD_REQUEST, Some(fault)),
        };
        match fault {
            Some(fault) => head(out, (status.code, fault), &message, ends, source, &self.identity.tag),
            None => head(out, (status.code, status.reason), &message, ends, source, &self.identity.tag),
        }
        out.extend_from_slice(self.told);
        end(out);
        let is_datagram = transport == Transport::Udp;
        if is_datagram && out.len() > DATAGRAM_BYTES_MAX {
            out.clear();
            return Outcome::Silence(Silence::TooLong);
        }
        let to = if is_datagram { destination(sender, source) } else { source };
        Outcome::Reply(Reply { to, status, fault, is_again: self.is_again })
    }

    fn decide(
        &mut self,
        message: Message<'_>,
        ends: &Ends<'_>,
        ask: impl FnOnce(&Invitation<'_>, Answering<'_>) -> Answered,
    ) -> Result<Status, Fault> {
        let Some(trunk) = self.arrival.trunk else { return Ok(Status::FORBIDDEN) };
        let request = Request::of(message, ends)?;
        Ok(match message.method {
            b"INVITE" => return self.invite(&request, trunk, ask),
            b"CANCEL" if self.transactions.find(&self.identity.key, self.arrival.now).is_some() => Status::OK,
            b"CANCEL" => Status::NO_DIALOGUE,
            b"OPTIONS" if self.lacks(&request) => Status::BAD_EXTENSION,
            b"OPTIONS" if self.is_draining() => Status::SERVICE_UNAVAILABLE,
            b"OPTIONS" => self.allowing(Status::OK),
            known if KNOWN.contains(&known) => self.allowing(Status::METHOD_NOT_ALLOWED),
            _ => self.allowing(Status::NOT_IMPLEMENTED),
        })
    }

    /// What the request alone decides comes first; from there on an answer is remembered.
    fn invite(
        &mut self,
        request: &Request<'_>,
        trunk: &Trunk,
        ask: impl FnOnce(&Invitation<'_>, Answering<'_>) -> Answered,
    ) -> Result<Status, Fault> {
        if request.to.tag.is_some() {
            return Ok(Status::NO_DIALOGUE);
        }
        let uri = match Uri::parse(request.message.uri) {
            Ok(uri) => uri,
            Err(NoUri::Scheme) => return Ok(Status::UNSUPPORTED_SCHEME),
            Err(NoUri::Malformed) => return Err(Fault::RequestLine),
        };
        if self.lacks(request) {
            return Ok(Status::BAD_EXTENSION);
        }
        let now = self.arrival.now;
        if let Some(kept) = self.transactions.find(&self.identity.key, now) {
            self.told.extend_from_slice(&kept.told);
            self.is_again = true;
            return Ok(kept.status);
        }
        let status = self.answer(request, &uri, trunk, ask);
        let kept = Kept { status, told: self.told.as_slice().into() };
        self.transactions.keep(self.identity.key, kept, now);
        Ok(status)
    }

    fn answer(
        &mut self,
        request: &Request<'_>,
        uri: &Uri<'_>,
        trunk: &Trunk,
        ask: impl FnOnce(&Invitation<'_>, Answering<'_>) -> Answered,
    ) -> Status {
        if !self.is_granted(request, trunk) {
            return Status::UNAUTHORIZED;
        }
        if self.is_draining() {
            return Status::SERVICE_UNAVAILABLE;
        }
        let Some(invitation) = Invitation::of(request, uri, trunk) else { return Status::NOT_FOUND };
        let only_sips = uri.scheme == Scheme::Sips;
        let answering = Answering { trunk, call_id: &invitation.call_id, only_sips, told: self.told };
        ask(&invitation, answering).0
    }

    /// Whether the trunk's password is known, where it has one; else the challenge is written.
    fn is_granted(&mut self, request: &Request<'_>, trunk: &Trunk) -> bool {
        let Some(password) = &trunk.password else { return true };
        let Arrival { source, now, .. } = *self.arrival;
        let Message { method, uri, .. } = request.message;
        let asking = Asking { method, uri, source: source.ip(), now };
        let verdict = password.check(request.message.all(Name::Authorization), self.secret, &asking);
        if verdict != Verdict::Granted {
            password.challenge(self.told, self.secret, &asking, verdict == Verdict::Stale);
        }
        verdict == Verdict::Granted
    }

    /// Whether no calls are taken now; then it is written when to ask again.
    fn is_draining(&mut self) -> bool {
        if let Some(retry_after_s) = self.draining {
            header(self.told, "Retry-After", itoa::Buffer::new().format(retry_after_s));
        }
        self.draining.is_some()
    }

    /// Whether something is required of us: we have no extensions; then it is written which.
    fn lacks(&mut self, request: &Request<'_>) -> bool {
        let mut separator = "Unsupported: ";
        for tag in request.required().filter(|tag| is_token(tag)) {
            if self.told.len() + tag.len() < TOLD_BYTES_MAX {
                self.told.extend_from_slice(separator.as_bytes());
                self.told.extend_from_slice(tag);
                separator = ", ";
            }
        }
        let lacks = request.required().next().is_some();
        if !self.told.is_empty() {
            self.told.extend_from_slice(b"\r\n");
        }
        lacks
    }

    fn allowing(&mut self, status: Status) -> Status {
        header(self.told, "Allow", ALLOWED);
        status
    }
}
