//! How many connections there are, were, and were turned away.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::limits::{Limits, TURNED_AWAY_AT_ONCE_MAX};
use super::tls::HandshakeFault;

/// The connections of all workers of a listener, counted; cloning shares the count.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    listeners: AtomicUsize,
    open: AtomicUsize,
    /// The same by where they come from; nobody is listed of whom there is none.
    by_origin: Mutex<BTreeMap<IpAddr, usize>>,
    leaving: AtomicUsize,
    accepted: AtomicU64,
    turned_away: AtomicU64,
    dropped: AtomicU64,
    accept_faults: AtomicU64,
    handshake_faults: [AtomicU64; HandshakeFault::ALL.len()],
    emptied: Notify,
}

impl Traffic {
    /// Connections being served.
    pub fn open(&self) -> usize {
        self.0.open.load(Relaxed)
    }

    /// Connections accepted since the start, whatever became of them.
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Relaxed)
    }

    /// Connections answered 503 because there were too many.
    pub fn turned_away(&self) -> u64 {
        self.0.turned_away.load(Relaxed)
    }

    /// Connections closed unanswered because too many were being turned away already.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// Times the system could not hand over a connection, for want of file descriptors or memory.
    pub fn accept_faults(&self) -> u64 {
        self.0.accept_faults.load(Relaxed)
    }

    /// Connections that came to no handshake, for one reason.
    pub fn handshake_faults(&self, kind: HandshakeFault) -> u64 {
        self.of_kind(kind).load(Relaxed)
    }

    pub(super) fn count_handshake_fault(&self, kind: HandshakeFault) {
        self.of_kind(kind).fetch_add(1, Relaxed);
    }

    fn of_kind(&self, kind: HandshakeFault) -> &AtomicU64 {
        let [plain, slow, failed] = &self.0.handshake_faults;
        match kind {
            HandshakeFault::Plain => plain,
            HandshakeFault::Slow => slow,
            HandshakeFault::Failed => failed,
        }
    }

    /// Waits until nobody listens and no connection is open.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            if self.0.listeners.load(Relaxed) == 0 && self.open() == 0 {
                return;
            }
            emptied.await;
        }
    }

    pub(super) fn count_accept_fault(&self) {
        self.0.accept_faults.fetch_add(1, Relaxed);
    }

    /// Counts a listener for as long as the place is held.
    pub(super) fn listen(&self) -> Place {
        self.0.listeners.fetch_add(1, Relaxed);
        Place { traffic: self.clone(), kind: Kind::Listener }
    }

    /// What is to become of a connection that has just been accepted.
    ///
    /// Any address may take all places. The reserve is for addresses that have few then: so nobody keeps others out.
    ///
    /// Cost: a lock that is shared by all workers, for as long as it takes to find an address among those that are here.
    pub(super) fn admit(&self, peer: IpAddr, limits: &Limits) -> Admission {
        self.0.accepted.fetch_add(1, Relaxed);
        let (origin, max) = (origin(peer), limits.connections_max);
        let place = Place::take(self, Kind::Open(origin), max).or_else(|| {
            let has_few = self.open_from(origin) < limits.few();
            has_few.then(|| Place::take(self, Kind::Open(origin), max + limits.reserve())).flatten()
        });
        if let Some(place) = place {
            return Admission::Serve(place);
        }
        if let Some(place) = Place::take(self, Kind::Leaving, TURNED_AWAY_AT_ONCE_MAX) {
            self.0.turned_away.fetch_add(1, Relaxed);
            return Admission::TurnAway(place);
        }
        self.0.dropped.fetch_add(1, Relaxed);
        Admission::Drop
    }

    fn open_from(&self, origin: IpAddr) -> usize {
        self.by_origin().get(&origin).copied().unwrap_or_default()
    }

    fn by_origin(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.0.by_origin.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom an address stands for: itself, or in IPv6 its network of 64 bits, of which one host has all addresses it likes.
fn origin(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// What becomes of a connection.
pub(super) enum Admission {
    Serve(Place),
    TurnAway(Place),
    Drop,
}

#[derive(Clone, Copy)]
enum Kind {
    Listener,
    Open(IpAddr),
    Leaving,
}

/// A place among the listeners or connections, given back when dropped.
pub(super) struct Place {
    traffic: Traffic,
    kind: Kind,
}

impl Place {
    fn take(traffic: &Traffic, kind: Kind, max: usize) -> Option<Self> {
        let place = Self { traffic: traffic.clone(), kind };
        if let Kind::Open(origin) = kind {
            *traffic.by_origin().entry(origin).or_default() += 1;
        }
        // Counted before it is compared: two workers can never both take the last place. The place that is one too
        // many gives itself back at once.
        (place.count().fetch_add(1, Relaxed) < max).then_some(place)
    }

    fn count(&self) -> &AtomicUsize {
        match self.kind {
            Kind::Listener => &self.traffic.0.listeners,
            Kind::Open(_) => &self.traffic.0.open,
            Kind::Leaving => &self.traffic.0.leaving,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Kind::Open(origin) = self.kind
            && let Entry::Occupied(mut open) = self.traffic.by_origin().entry(origin)
        {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
        if self.count().fetch_sub(1, Relaxed) == 1 {
            self.traffic.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SOMEBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const ANOTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    fn admit(traffic: &Traffic, peer: IpAddr, connections_max: usize) -> Admission {
        traffic.admit(peer, &Limits { connections_max, ..Limits::default() })
    }

    fn served(traffic: &Traffic, peer: IpAddr, max: usize) -> Option<Place> {
        match admit(traffic, peer, max) {
            Admission::Serve(place) => Some(place),
            Admission::TurnAway(_) | Admission::Drop => None,
        }
    }

    #[test]
    fn a_place_given_back_can_be_taken_again() {
        let traffic = Traffic::default();
        let place = served(&traffic, SOMEBODY, 1).expect("the first is served");
        assert!(matches!(admit(&traffic, SOMEBODY, 1), Admission::TurnAway(_)));
        assert_eq!((traffic.open(), traffic.accepted(), traffic.turned_away()), (1, 2, 1));
        drop(place);
        assert!(served(&traffic, SOMEBODY, 1).is_some());
        assert_eq!(traffic.open(), 0);
        assert!(traffic.by_origin().is_empty(), "nothing is kept of those who have left");
    }

    #[test]
    fn those_turned_away_are_bounded_and_the_rest_counted() {
        let traffic = Traffic::default();
        let places: Vec<_> = (0..TURNED_AWAY_AT_ONCE_MAX).map(|_| admit(&traffic, SOMEBODY, 0)).collect();
        assert!(places.iter().all(|place| matches!(place, Admission::TurnAway(_))));
        assert!(matches!(admit(&traffic, SOMEBODY, 0), Admission::Drop));
        assert_eq!(traffic.dropped(), 1);
    }

    #[test]
    fn who_takes_all_places_keeps_nobody_else_out() {
        let traffic = Traffic::default();
        let crowd: Vec<_> = (0..1_000).map_while(|_| served(&traffic, SOMEBODY, 1_000)).collect();
        assert_eq!(crowd.len(), 1_000, "all places are anybody's");
        assert!(served(&traffic, SOMEBODY, 1_000).is_none());
        // Less than a hundredth when it comes, a hundredth when it is there.
        let few: Vec<_> = (0..1_000).map_while(|_| served(&traffic, ANOTHER, 1_000)).collect();
        assert_eq!(few.len(), 10);
        assert!(served(&traffic, SOMEBODY, 1_000).is_none());
        drop(few);
        assert!(served(&traffic, ANOTHER, 1_000).is_some(), "there is room in reserve again");
    }

    #[test]
    fn the_reserve_is_bounded() {
        let traffic = Traffic::default();
        let all: Vec<_> =
            (0..10_000u32).filter_map(|at| served(&traffic, Ipv4Addr::from(at).into(), 1_000)).collect();
        assert_eq!(all.len(), 1_100);
    }

    #[test]
    fn a_host_with_many_addresses_is_one() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
        ] {
            let [a, b] = [one, other].map(|text| origin(text.parse().unwrap()));
            assert_eq!(a == b, same, "{one} {other}");
        }
    }
}
