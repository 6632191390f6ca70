//! Invitations answered a moment ago, so that one that comes again is answered the same.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use foldhash::fast::FixedState;

use super::identity::Key;
use super::response::Status;
use crate::domain::time::Timestamp;

/// How long an answer is remembered: as long as an invitation is sent again (RFC 3261, section 17.1.1.2).
pub const LIFE_MS: i64 = 32_000;

/// What was answered, without what every answer has from its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The status.
    pub status: Status,
    /// Our own headers.
    pub told: Box<[u8]>,
}

/// Room for answers, which several servers share; clones are the same room.
#[derive(Debug, Clone)]
pub struct Room {
    taken: Arc<AtomicUsize>,
    max: usize,
}

impl Room {
    /// Room for so many.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { taken: Arc::default(), max: max.max(1) }
    }

    fn is_full(&self) -> bool {
        self.taken.load(Relaxed) >= self.max
    }
}

/// Answers of the last 32 seconds, as many as there is room for.
///
/// Takes some 100 bytes and what was told for each: half a kilobyte.
#[derive(Debug)]
pub struct Transactions {
    kept: HashMap<Key, Kept, FixedState>,
    /// When each is forgotten, the earliest first.
    ends: VecDeque<(Timestamp, Key)>,
    room: Room,
}

impl Transactions {
    /// None yet.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self { kept: HashMap::default(), ends: VecDeque::new(), room }
    }

    /// What was answered within the last 32 seconds.
    pub fn find(&mut self, key: &Key, now: Timestamp) -> Option<&Kept> {
        self.forget(now);
        self.kept.get(key)
    }

    /// Keeps an answer; where there is no room the oldest here makes way, which is sent again least.
    pub fn keep(&mut self, key: Key, kept: Kept, now: Timestamp) {
        self.forget(now);
        if self.kept.contains_key(&key) {
            return;
        }
        if self.room.is_full()
            && let Some((_, oldest)) = self.ends.pop_front()
        {
            self.let_go(&oldest);
        }
        self.room.taken.fetch_add(1, Relaxed);
        self.kept.insert(key, kept);
        self.ends.push_back((now.plus_ms(LIFE_MS), key));
    }

    /// Forgets what is older than 32 seconds, as every look and every answer does: for a clock where nobody calls.
    pub fn forget(&mut self, now: Timestamp) {
        while let Some((end, key)) = self.ends.front()
            && *end <= now
        {
            let key = *key;
            self.ends.pop_front();
            self.let_go(&key);
        }
    }

    fn let_go(&mut self, key: &Key) {
        if self.kept.remove(key).is_some() {
            self.room.taken.fetch_sub(1, Relaxed);
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

impl Drop for Transactions {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.kept.len(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn kept(text: &str) -> Kept {
        Kept { status: Status::MOVED_TEMPORARILY, told: text.as_bytes().into() }
    }

    #[test]
    fn an_answer_is_remembered_for_32_seconds_and_not_a_moment_longer() {
        let mut transactions = Transactions::new(Room::new(10));
        transactions.keep([1; 16], kept("one"), NOW);
        let last = NOW.plus_ms(LIFE_MS - 1);
        assert_eq!(transactions.find(&[1; 16], last), Some(&kept("one")));
        assert_eq!(transactions.find(&[2; 16], last), None);
        assert_eq!(transactions.find(&[1; 16], last.plus_ms(1)), None);
        assert!(transactions.is_empty() && transactions.ends.is_empty());
    }

    #[test]
    fn the_first_answer_stays_and_is_kept_no_longer_for_a_second_one() {
        let mut transactions = Transactions::new(Room::new(10));
        transactions.keep([1; 16], kept("one"), NOW);
        transactions.keep([1; 16], kept("two"), NOW.plus_ms(20_000));
        assert_eq!(transactions.find(&[1; 16], NOW.plus_ms(31_999)), Some(&kept("one")));
        assert_eq!(transactions.find(&[1; 16], NOW.plus_ms(32_000)), None);
    }

    #[test]
    fn the_oldest_makes_way_where_there_is_no_room() {
        let room = Room::new(3);
        let mut transactions = Transactions::new(room.clone());
        for at in 0..100_u8 {
            transactions.keep([at; 16], kept("x"), NOW.plus_ms(at.into()));
            assert!(transactions.len() <= 3 && transactions.ends.len() == transactions.len());
        }
        let found: Vec<u8> =
            (0..100).filter(|at| transactions.find(&[*at; 16], NOW.plus_ms(99)).is_some()).collect();
        assert_eq!(found, [97, 98, 99]);
        // One server has all the room that the others leave, and gives it back.
        let mut another = Transactions::new(room.clone());
        another.keep([200; 16], kept("y"), NOW);
        assert!(room.is_full() && another.len() == 1);
        drop(transactions);
        assert_eq!(room.taken.load(Relaxed), 1);
        another.forget(NOW.plus_ms(LIFE_MS));
        assert_eq!(room.taken.load(Relaxed), 0);
    }
}
