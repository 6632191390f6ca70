//! Those who watch messages as they come: none of them keeps a worker waiting, and nobody watching costs one load.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use futures_util::Stream;
use percent_encoding::percent_decode;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::digits::has_digits;
use super::grammar::pieces;
use super::message::{Index, Message, NoRequest};
use super::party::Party;
use super::server::{Arrival, Handled, Outcome, Silence};
use super::shown::shown;
use super::trunk::Trunk;
use super::uri::Uri;
use crate::domain::sip::{SipNews, SipSeen, SipWatch, SoughtNumber, Unwatched};
use crate::domain::time::Timestamp;

/// Most that watch at once.
pub const WATCHERS_MAX: usize = 8;
/// Messages that wait for a watcher; one more is missed.
const WAITING_MAX: usize = 256;

/// The headers that tell of a number, besides the request-URI.
const OF_NUMBERS: [&str; 4] = ["From", "To", "P-Asserted-Identity", "Diversion"];

/// All who watch.
///
/// Memory: at most 32 KiB a message, and as many messages as may wait, for each.
#[derive(Debug, Default)]
pub struct Watchers {
    list: ArcSwap<Vec<Arc<Watcher>>>,
    count: AtomicUsize,
}

/// One of them, as workers know it.
#[derive(Debug)]
struct Watcher {
    watch: SipWatch,
    news: Sender<SipNews>,
    /// Messages missed that nobody was told of yet.
    missed: Arc<AtomicU64>,
}

/// A message that was handled.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'m> {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// By which trunk.
    pub trunk: Option<&'m Trunk>,
    /// How.
    pub transport: &'static str,
    /// From where.
    pub source: SocketAddr,
    /// What came.
    pub received: &'m [u8],
    /// What was answered.
    pub answered: Option<&'m [u8]>,
    /// Why nothing was, where that is counted.
    pub dropped: Option<&'static str>,
}

impl Watchers {
    /// Whether anybody watches; one relaxed load.
    #[inline]
    pub fn are_any(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// Shows a message to whom it concerns.
    ///
    /// Cost where it concerns nobody: the comparison of a trunk for each watcher, and where that fits and a number is
    /// looked for, a look at the message. Where it concerns somebody, some ten microseconds for the text.
    #[cold]
    pub fn tell(&self, sighting: &Sighting<'_>) {
        for watcher in self.list.load().iter() {
            watcher.tell(sighting);
        }
    }

    /// Begins to watch; it ends when what is returned is dropped, and when all workers have.
    ///
    /// # Errors
    /// When there is no such trunk, or too many watch already.
    pub fn watch(self: &Arc<Self>, watch: SipWatch, trunks: &[Trunk]) -> Result<Watching, Unwatched> {
        let own = trunks.iter().filter(|trunk| trunk.account == watch.account).map(Trunk::name);
        if let Some(wanted) = &watch.trunk
            && !own.clone().any(|name| name == wanted)
        {
            return Err(Unwatched::NoTrunk(own.map(str::to_owned).collect()));
        }
        let (news, told) = channel(WAITING_MAX);
        let missed = Arc::default();
        let watcher = Arc::new(Watcher { watch, news, missed: Arc::clone(&missed) });
        let before = self.list.rcu(|list| {
            let mut list = list.as_ref().clone();
            if list.len() < WATCHERS_MAX {
                list.push(Arc::clone(&watcher));
            }
            list
        });
        if before.len() >= WATCHERS_MAX {
            return Err(Unwatched::TooMany(WATCHERS_MAX));
        }
        self.count.fetch_add(1, Relaxed);
        Ok(Watching { told, missed, watcher: Arc::downgrade(&watcher), watchers: Arc::downgrade(self) })
    }

    fn leave(&self, watcher: &Weak<Watcher>) {
        self.list.rcu(|list| {
            let is_other = |it: &&Arc<Watcher>| Arc::as_ptr(it) != watcher.as_ptr();
            list.iter().filter(is_other).cloned().collect::<Vec<_>>()
        });
        self.count.fetch_sub(1, Relaxed);
    }
}

impl Watcher {
    fn tell(&self, sighting: &Sighting<'_>) {
        if !self.wants(sighting) {
            return;
        }
        match self.news.try_reserve() {
            Ok(place) => {
                let missed = self.missed.swap(0, Relaxed);
                place.send(SipNews { missed, seen: Some(sighting.seen(self.watch.unmasked)) });
            }
            Err(TrySendError::Full(())) => drop(self.missed.fetch_add(1, Relaxed)),
            Err(TrySendError::Closed(())) => {}
        }
    }

    fn wants(&self, sighting: &Sighting<'_>) -> bool {
        let SipWatch { account, with_strangers, trunk: named, number, .. } = &self.watch;
        let is_of = match sighting.trunk {
            Some(trunk) => {
                trunk.account == *account && named.as_ref().is_none_or(|name| name == trunk.name())
            }
            None => *with_strangers && named.is_none(),
        };
        is_of && number.as_ref().is_none_or(|number| is_about(sighting.received, number))
    }
}

impl<'m> Sighting<'m> {
    /// What became of a message; nothing where it only kept a way open.
    #[must_use]
    pub fn of(arrival: &Arrival<'m>, handled: &Handled, out: &'m [u8], at: Timestamp) -> Option<Self> {
        let Arrival { bytes, source, transport, trunk, .. } = *arrival;
        let (answered, dropped) = match handled.outcome {
            Outcome::Silence(Silence::NoRequest(NoRequest::KeepAlive)) => return None,
            Outcome::Silence(why) => (None, why.as_dropped()),
            Outcome::Reply(_) => (Some(out), None),
        };
        let transport = transport.as_str();
        Some(Self { at, trunk, transport, source, received: bytes, answered, dropped })
    }

    fn seen(&self, unmasked: bool) -> SipSeen {
        SipSeen {
            at: self.at,
            trunk: self.trunk.map(|trunk| trunk.name().to_owned()),
            transport: self.transport,
            source: self.source,
            received: shown(self.received, unmasked),
            answered: self.answered.map(|bytes| shown(bytes, unmasked)),
            dropped: self.dropped,
        }
    }
}

/// Whether a request is about a number; what cannot be read is about none.
fn is_about(bytes: &[u8], number: &SoughtNumber) -> bool {
    let mut index = Index::default();
    let Ok(message) = index.read(bytes) else { return false };
    let has = |value: &[u8]| match number {
        SoughtNumber::Digits(digits) => has_digits(value, digits.as_bytes()),
        SoughtNumber::User(user) => {
            let party = |piece| Party::parse(piece).map(|party| party.uri);
            pieces(value, b',').filter_map(party).any(|uri| is_user(uri, user))
        }
    };
    let of_uri = |message: &Message<'_>| match number {
        SoughtNumber::Digits(_) => has(message.uri),
        SoughtNumber::User(user) => is_user(message.uri, user),
    };
    of_uri(&message) || OF_NUMBERS.iter().any(|name| message.named(name).any(&has))
}

fn is_user(uri: &[u8], user: &str) -> bool {
    Uri::parse(uri).is_ok_and(|uri| percent_decode(uri.user).eq(user.bytes()))
}

/// What somebody watches: the messages that concern it, in the order in which each worker had them.
#[derive(Debug)]
pub struct Watching {
    told: Receiver<SipNews>,
    missed: Arc<AtomicU64>,
    watcher: Weak<Watcher>,
    watchers: Weak<Watchers>,
}

impl Stream for Watching {
    type Item = SipNews;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SipNews>> {
        let next = self.told.poll_recv(context);
        if next.is_pending() {
            // Who has caught up learns at once what it has missed, though nothing more may come.
            let missed = self.missed.swap(0, Relaxed);
            if missed > 0 {
                return Poll::Ready(Some(SipNews { missed, seen: None }));
            }
        }
        next
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(watchers) = self.watchers.upgrade() {
            watchers.leave(&self.watcher);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::domain::id::AccountId;

    fn account(id: &str) -> AccountId {
        AccountId::parse(id).unwrap()
    }

    fn trunks() -> Vec<Trunk> {
        vec![Trunk::new("one", 0, account("ws-1")), Trunk::new("two", 1, account("ws-2"))]
    }

    fn watch(number: Option<&str>) -> SipWatch {
        SipWatch {
            account: account("ws-1"),
            with_strangers: false,
            trunk: None,
            number: number.map(|number| SoughtNumber::parse(number).unwrap()),
            unmasked: false,
        }
    }

    fn sighting<'m>(trunk: Option<&'m Trunk>, received: &'m [u8]) -> Sighting<'m> {
        let source = "192.0.2.1:5060".parse().unwrap();
        let (answered, dropped) = (Some(&b"SIP/2.0 200 OK\r\n\r\n"[..]), None);
        Sighting { at: Timestamp(0), trunk, transport: "udp", source, received, answered, dropped }
    }

    /// What is there to be told.
    fn told(watching: &mut Watching) -> Vec<SipNews> {
        std::iter::from_fn(|| watching.next().now_or_never().flatten()).collect()
    }

    const OPTIONS: &[u8] = b"OPTIONS sip:h SIP/2.0\r\n\r\n";

    #[test]
    fn each_sees_the_trunks_of_its_account_and_strangers_only_who_may() {
        let (watchers, trunks) = (Arc::new(Watchers::default()), trunks());
        let [one, two] = [&trunks[0], &trunks[1]];
        assert!(!watchers.are_any());
        let watching = |watch| watchers.watch(watch, &trunks).unwrap();
        let named = |trunk: &str| SipWatch { trunk: Some(trunk.to_owned()), ..watch(None) };
        let mut plain = watching(watch(None));
        let mut all = watching(SipWatch { with_strangers: true, ..watch(None) });
        let mut only = watching(SipWatch { with_strangers: true, ..named("one") });
        assert!(watchers.are_any());
        for trunk in [Some(one), Some(two), None] {
            watchers.tell(&sighting(trunk, OPTIONS));
        }
        let trunks_of = |watching: &mut Watching| -> Vec<Option<String>> {
            told(watching).into_iter().map(|news| news.seen.unwrap().trunk).collect()
        };
        assert_eq!(trunks_of(&mut plain), [Some("one".to_owned())]);
        assert_eq!(trunks_of(&mut all), [Some("one".to_owned()), None]);
        assert_eq!(trunks_of(&mut only), [Some("one".to_owned())]);
        let refused = watchers.watch(named("two"), &trunks).unwrap_err();
        assert_eq!(refused, Unwatched::NoTrunk(vec!["one".to_owned()]));
        drop((plain, all, only));
        assert!(!watchers.are_any());
    }

    #[test]
    fn there_are_no_more_than_may_be_and_who_leaves_makes_room() {
        let (watchers, trunks) = (Arc::new(Watchers::default()), trunks());
        let mut watching: Vec<_> =
            (0..WATCHERS_MAX).map(|_| watchers.watch(watch(None), &trunks).unwrap()).collect();
        assert_eq!(watchers.watch(watch(None), &trunks).unwrap_err(), Unwatched::TooMany(WATCHERS_MAX));
        watching.pop();
        watching.push(watchers.watch(watch(None), &trunks).unwrap());
        watchers.tell(&sighting(Some(&trunks[0]), OPTIONS));
        assert!(watching.iter_mut().all(|watching| told(watching).len() == 1));
    }

    #[test]
    fn who_is_too_slow_is_told_how_many_it_missed_with_the_next_or_once_it_has_caught_up() {
        let (watchers, trunks) = (Arc::new(Watchers::default()), trunks());
        let mut watching = watchers.watch(watch(None), &trunks).unwrap();
        let tell = |count: usize| {
            (0..count).for_each(|_| watchers.tell(&sighting(Some(&trunks[0]), OPTIONS)));
        };
        tell(WAITING_MAX + 3);
        watching.next().now_or_never().flatten().unwrap();
        tell(3);
        let told = told(&mut watching);
        let missed: Vec<_> = told
            .iter()
            .filter(|news| news.missed > 0)
            .map(|news| (news.missed, news.seen.is_some()))
            .collect();
        assert_eq!((told.len(), missed), (WAITING_MAX + 1, vec![(3, true), (2, false)]));
    }

    #[test]
    fn it_ends_where_nobody_is_left_to_tell() {
        let (watchers, trunks) = (Arc::new(Watchers::default()), trunks());
        let mut watching = watchers.watch(watch(None), &trunks).unwrap();
        drop(watchers);
        assert_eq!(watching.next().now_or_never(), Some(None));
    }

    #[test]
    fn a_number_is_found_where_somebody_is_named_and_nowhere_else() {
        let head = "INVITE sip:a@h SIP/2.0\r\n";
        let uri = "INVITE sip:0014155550100@h SIP/2.0\r\n\r\n".to_owned();
        for (message, number, is) in [
            (uri.clone(), "+14155550100", true),
            (uri, "+14155550101", false),
            (format!("{head}f: <tel:+1-415-555-0100>\r\n\r\n"), "4155550100", true),
            (format!("{head}Diversion: <sip:x@h>, <sip:+14155550100@h>\r\n\r\n"), "+14155550100", true),
            (format!("{head}P-Asserted-Identity: tel:+14155550100\r\n\r\n"), "+14155550100", true),
            (format!("{head}Call-ID: 14155550100\r\n\r\n"), "+14155550100", false),
            (format!("{head}To: \"bob\" <sip:al%69ce@bob>\r\n\r\n"), "alice", true),
            (format!("{head}To: \"bob\" <sip:al%69ce@bob>\r\n\r\n"), "bob", false),
            (format!("{head}\r\n"), "a", true),
            ("\0".to_owned(), "a", false),
        ] {
            let number = SoughtNumber::parse(number).unwrap();
            assert_eq!(is_about(message.as_bytes(), &number), is, "{message} {number:?}");
        }
    }
}
