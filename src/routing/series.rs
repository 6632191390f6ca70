//! Dense ids for the metrics of every version that serves: small numbers for cells, names for people.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::FixedState;

use crate::domain::id::{AccountId, AgentId, ArmId, Environment, SplitId, VersionNumber};
use crate::domain::time::Timestamp;

/// How long a series stays after its version serves nowhere and has no calls.
const REST_MS: i64 = 3_600_000;

/// Which version, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionLabel {
    /// `draft`.
    Draft,
    /// `V3`.
    Version(VersionNumber),
    /// `_other`: there are too many to tell apart.
    Other,
}

impl VersionLabel {
    /// The label of a version's number, or of the draft.
    #[must_use]
    pub fn of(number: Option<VersionNumber>) -> Self {
        number.map_or(Self::Draft, Self::Version)
    }
}

impl std::fmt::Display for VersionLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Draft => f.write_str("draft"),
            Self::Version(version) => version.fmt(f),
            Self::Other => f.write_str("_other"),
        }
    }
}

/// What tells series apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// Account.
    pub account: AccountId,
    /// Agent.
    pub agent: AgentId,
    /// Version.
    pub version: VersionLabel,
    /// Environment, where the call came through one.
    pub environment: Option<Environment>,
    /// Split and arm, where the call is in one.
    pub arm: Option<(SplitId, ArmId)>,
}

/// A series that is in use: who holds it keeps its id from being given to another.
#[derive(Debug)]
pub struct Series {
    /// The row of its cells.
    pub id: u32,
    /// Its labels.
    pub key: SeriesKey,
}

/// Gives out the ids. Locked only when a table is patched, a token brings an unknown combination, or at a scrape.
#[derive(Debug)]
pub struct SeriesBook {
    pairs_max: usize,
    inner: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    by_key: HashMap<SeriesKey, Held, FixedState>,
    pairs: HashSet<(AccountId, AgentId, VersionLabel), FixedState>,
    free: Vec<u32>,
    next: u32,
}

#[derive(Debug)]
struct Held {
    series: Arc<Series>,
    resting_since: Option<Timestamp>,
}

impl SeriesBook {
    /// A book that tells at most so many (agent, version) pairs apart.
    #[must_use]
    pub fn new(pairs_max: usize) -> Self {
        Self { pairs_max, inner: Mutex::new(Book::default()) }
    }

    /// The series of a key. Above the cap a pair that is new becomes `_other`.
    pub fn get(&self, key: &SeriesKey) -> Arc<Series> {
        let mut book = self.lock();
        if let Some(held) = book.by_key.get(key) {
            return Arc::clone(&held.series);
        }
        let pair = (key.account.clone(), key.agent.clone(), key.version);
        if book.pairs.contains(&pair) || book.pairs.len() < self.pairs_max {
            book.pairs.insert(pair);
            return book.open(key.clone());
        }
        let other = SeriesKey { version: VersionLabel::Other, ..key.clone() };
        match book.by_key.get(&other) {
            Some(held) => Arc::clone(&held.series),
            None => book.open(other),
        }
    }

    /// All series there are.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Series>> {
        let mut all: Vec<_> = self.lock().by_key.values().map(|held| Arc::clone(&held.series)).collect();
        all.sort_unstable_by_key(|series| series.id);
        all
    }

    /// Ends the series that nothing has held for an hour.
    ///
    /// Their ids go to `end` before any of them can be given to another series: whoever keeps something by id lets go
    /// of it there.
    pub fn sweep(&self, now: Timestamp, mut end: impl FnMut(u32)) {
        let mut book = self.lock();
        let mut ended = Vec::new();
        for held in book.by_key.values_mut() {
            if Arc::strong_count(&held.series) > 1 {
                held.resting_since = None;
            } else if now.0 - held.resting_since.get_or_insert(now).0 >= REST_MS {
                ended.push((held.series.id, held.series.key.clone()));
            }
        }
        for (id, key) in &ended {
            end(*id);
            book.by_key.remove(key);
            book.free.push(*id);
        }
        let left: HashSet<_, FixedState> =
            book.by_key.keys().map(|key| (key.account.clone(), key.agent.clone(), key.version)).collect();
        book.pairs.retain(|pair| left.contains(pair));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn open(&mut self, key: SeriesKey) -> Arc<Series> {
        let id = self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        let series = Arc::new(Series { id, key: key.clone() });
        self.by_key.insert(key, Held { series: Arc::clone(&series), resting_since: None });
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(version: u32) -> SeriesKey {
        SeriesKey {
            account: AccountId::parse("ws-1").unwrap(),
            agent: AgentId::parse("sales").unwrap(),
            version: VersionLabel::of(VersionNumber::new(version)),
            environment: None,
            arm: None,
        }
    }

    #[test]
    fn above_the_cap_only_new_pairs_become_other() {
        let book = SeriesBook::new(2);
        let (one, two) = (book.get(&key(1)), book.get(&key(2)));
        let (three, four) = (book.get(&key(3)), book.get(&key(4)));
        assert_eq!(three.key.version, VersionLabel::Other);
        assert_eq!(three.id, four.id);
        let live = SeriesKey { environment: Some(Environment::Live), ..key(1) };
        assert_eq!(book.get(&live).key.version, one.key.version);
        assert_eq!(book.get(&key(2)).id, two.id);
    }

    #[test]
    fn a_series_ends_an_hour_after_the_last_holder_and_its_id_is_given_again() {
        let book = SeriesBook::new(10);
        let held = book.get(&key(1));
        let id = book.get(&key(2)).id;
        let swept = |now| {
            let mut ended = Vec::new();
            book.sweep(Timestamp(now), |id| ended.push(id));
            ended
        };
        assert_eq!((swept(0), swept(REST_MS - 1)), (vec![], vec![]));
        assert_eq!(swept(REST_MS), [id]);
        assert_eq!(book.get(&key(3)).id, id);
        assert_eq!(book.get(&key(1)).id, held.id);
    }
}
