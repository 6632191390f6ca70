//! SIP: its sockets, and what its threads share.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::AppError;
use super::connections::Listener;
use crate::api::SipMessages;
use crate::domain::sip::Unwatched;
use crate::gateways::sip::exchange::{Exchange, SipPlane};
use crate::gateways::sip::meters::{SipMeters, SocketDrops};
use crate::gateways::sip::transactions::Room;
use crate::gateways::sip::trunks::Trunks;
use crate::gateways::sip::{connections, datagrams};
use crate::gateways::worker::Worker;
use crate::http::bind::{BindError, Claim, PairClaim, Pairs, claim, claim_pair};
use crate::http::correlation::NewId;
use crate::http::limits::Limits;
use crate::http::server::{Front, Tongue};
use crate::http::shutdown::Shutdown;
use crate::http::tls::Identity;
use crate::settings::Settings;
use crate::telemetry::{Registry, TelemetryError};

/// The listeners, as their flags and keys are called.
pub(super) const SIP: &str = "sip";
pub(super) const SIP_TLS: &str = "sip_tls";

/// Longest time a connection is kept on which nothing comes: trunks call seldom, and hold theirs open.
const IDLE: Duration = Duration::from_secs(600);

/// The addresses that SIP is to be spoken at.
pub(super) struct SipClaims {
    plain: Option<PairClaim>,
    tls: Option<Claim>,
}

impl SipClaims {
    /// Takes what the settings say.
    pub(super) fn claim(settings: &Settings) -> Result<Self, AppError> {
        let named = |plane| move |source: BindError| AppError::Bind { plane, source };
        Ok(Self {
            plain: settings.listen.sip.map(claim_pair).transpose().map_err(named(SIP))?,
            tls: settings.listen.sip_tls.map(claim).transpose().map_err(named(SIP_TLS))?,
        })
    }
}

/// What SIP is made of beside its sockets.
pub(super) struct SipParts {
    pub(super) trunks: Trunks,
    /// Of which that of tags and challenges is a function.
    pub(super) key_secret: [u8; 32],
    pub(super) limits: Limits,
    pub(super) tls: Option<Identity>,
    /// That of the call plane: SIP leaves with it.
    pub(super) shutdown: Shutdown,
}

/// SIP at its sockets; nothing is answered yet.
pub(super) struct Sip {
    plane: Arc<SipPlane>,
    plain: Option<(Pairs, Front)>,
    tls: Option<(SocketAddr, Vec<TcpListener>, Front)>,
}

impl Sip {
    /// Opens the sockets, as many of each kind as there are workers, who remember so many answers together.
    pub(super) fn listen(
        claims: SipClaims,
        parts: SipParts,
        workers: usize,
        answers_max: usize,
    ) -> Result<Self, AppError> {
        let SipParts { trunks, key_secret, limits, tls, shutdown } = parts;
        let secret = blake3::derive_key("cordboard sip tags and challenges", &key_secret);
        let meters = SipMeters::new(&trunks);
        let room = Room::new(answers_max);
        let watchers = Arc::default();
        let plane = SipPlane { trunks, watchers, meters, secret, room, shutdown: shutdown.clone() };
        let plane = Arc::new(plane);
        let limits = Arc::new(Limits { idle_timeout: IDLE, ..limits });
        let front = |tls| Front {
            limits: Arc::clone(&limits),
            shutdown: shutdown.clone(),
            tls,
            new_id: NewId::default(),
            tongue: Tongue::Other,
            ..Front::default()
        };
        let named = |plane| move |source: BindError| AppError::Bind { plane, source };
        let plain = claims.plain.map(|claim| claim.listen(workers)).transpose().map_err(named(SIP))?;
        let encrypted = claims.tls.map(|claim| claim.listen(workers)).transpose().map_err(named(SIP_TLS))?;
        Ok(Self {
            plane,
            plain: plain.map(|pairs| (pairs, front(None))),
            tls: encrypted.map(|(address, listeners)| (address, listeners, front(tls))),
        })
    }

    /// Where SIP is spoken: over UDP and TCP, and over TLS.
    pub(super) fn addresses(&self) -> [Option<SocketAddr>; 2] {
        [self.plain.as_ref().map(|(pairs, _)| pairs.address), self.tls.as_ref().map(|(address, ..)| *address)]
    }

    /// What is counted of connections.
    pub(super) fn listeners(&self) -> impl Iterator<Item = Listener> {
        let plain = self.plain.iter().map(|(_, front)| Listener::of(SIP, front));
        plain.chain(self.tls.iter().map(|(.., front)| Listener::of(SIP_TLS, front)))
    }

    /// Shows what is counted, where SIP is spoken.
    pub(super) fn register(&self, registry: &Registry) -> Result<(), TelemetryError> {
        if self.plain.is_some() || self.tls.is_some() {
            registry.add(self.plane.meters.clone())?;
        }
        match &self.plain {
            Some((pairs, _)) => registry.add(SocketDrops(pairs.address)),
            None => Ok(()),
        }
    }

    /// How somebody watches what comes, as long as workers answer it.
    pub(super) fn messages(&self) -> SipMessages {
        let is_spoken = self.plain.is_some() || self.tls.is_some();
        // Workers alone hold the plane: with the last of them everybody's watching ends.
        let plane = Arc::downgrade(&self.plane);
        Arc::new(move |watch| {
            if !is_spoken {
                return Err(Unwatched::NotSpoken);
            }
            let plane = plane.upgrade().ok_or(Unwatched::Leaving)?;
            Ok(plane.watchers.watch(watch, plane.trunks.list())?.boxed())
        })
    }

    /// The sockets of each worker.
    pub(super) fn into_lines(self) -> impl Iterator<Item = SipLine> {
        let Self { plane, plain, tls } = self;
        let mut plain = plain.into_iter().flat_map(|(pairs, front)| {
            let sockets = pairs.listeners.into_iter().zip(pairs.datagrams);
            sockets.map(move |(streams, datagrams)| (streams, datagrams, front.clone()))
        });
        let mut encrypted = tls
            .into_iter()
            .flat_map(|(_, listeners, front)| listeners.into_iter().map(move |it| (it, front.clone())));
        std::iter::repeat_with(move || SipLine {
            plane: Arc::clone(&plane),
            plain: plain.next(),
            encrypted: encrypted.next(),
        })
    }
}

/// One worker's sockets.
pub(super) struct SipLine {
    plane: Arc<SipPlane>,
    plain: Option<(TcpListener, UdpSocket, Front)>,
    encrypted: Option<(TcpListener, Front)>,
}

impl SipLine {
    /// Answers until the server has left.
    pub(super) async fn serve(self, worker: Rc<Worker>) -> io::Result<()> {
        let Self { plane, plain, encrypted } = self;
        let exchange = Rc::new(RefCell::new(Exchange::new(worker, &plane)));
        let plain = async {
            let Some((streams, packets, front)) = plain else { return Ok(()) };
            let packets = datagrams::serve(packets, Rc::clone(&exchange), front.shutdown.stages());
            tokio::try_join!(packets, connections::serve(streams, Rc::clone(&exchange), front)).map(drop)
        };
        let encrypted = async {
            let Some((streams, front)) = encrypted else { return Ok(()) };
            connections::serve(streams, Rc::clone(&exchange), front).await
        };
        tokio::try_join!(plain, encrypted).map(drop)
    }
}
