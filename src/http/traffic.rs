//! How many connections there are, were, and were turned away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;

use super::tls::HandshakeFault;

/// Connections that may be told "not now" at the same time; beyond that they are dropped without a word.
const TURNED_AWAY_AT_ONCE_MAX: usize = 256;

/// The connections of all workers of a listener, counted; cloning shares the count.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    listeners: AtomicUsize,
    open: AtomicUsize,
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

    /// What is to become of a connection that has just been accepted, where `max` may be open.
    pub(super) fn admit(&self, max: usize) -> Admission {
        self.0.accepted.fetch_add(1, Relaxed);
        if let Some(place) = Place::take(self, Kind::Open, max) {
            return Admission::Serve(place);
        }
        if let Some(place) = Place::take(self, Kind::Leaving, TURNED_AWAY_AT_ONCE_MAX) {
            self.0.turned_away.fetch_add(1, Relaxed);
            return Admission::TurnAway(place);
        }
        self.0.dropped.fetch_add(1, Relaxed);
        Admission::Drop
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
    Open,
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
        // Counted before it is compared: two workers can never both take the last place. The place that is one too
        // many gives itself back at once.
        (place.count().fetch_add(1, Relaxed) < max).then_some(place)
    }

    fn count(&self) -> &AtomicUsize {
        match self.kind {
            Kind::Listener => &self.traffic.0.listeners,
            Kind::Open => &self.traffic.0.open,
            Kind::Leaving => &self.traffic.0.leaving,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.count().fetch_sub(1, Relaxed) == 1 {
            self.traffic.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_given_back_can_be_taken_again() {
        let traffic = Traffic::default();
        let Admission::Serve(place) = traffic.admit(1) else { panic!("the first is served") };
        assert!(matches!(traffic.admit(1), Admission::TurnAway(_)));
        assert_eq!((traffic.open(), traffic.accepted(), traffic.turned_away()), (1, 2, 1));
        drop(place);
        assert!(matches!(traffic.admit(1), Admission::Serve(_)));
        assert_eq!(traffic.open(), 0);
    }

    #[test]
    fn those_turned_away_are_bounded_and_the_rest_counted() {
        let traffic = Traffic::default();
        let places: Vec<_> = (0..TURNED_AWAY_AT_ONCE_MAX).map(|_| traffic.admit(0)).collect();
        assert!(places.iter().all(|place| matches!(place, Admission::TurnAway(_))));
        assert!(matches!(traffic.admit(0), Admission::Drop));
        assert_eq!(traffic.dropped(), 1);
    }
}
