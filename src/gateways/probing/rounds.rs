//! When which destination is asked, and what follows from its answers: the time and answers in, nothing else.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::domain::destination::Destination;
use crate::domain::time::Timestamp;

/// Most destinations that are asked; what is beyond counts as up.
pub const DESTINATIONS_MAX: usize = 10_000;
/// Most that are asked at once.
pub const AT_ONCE_MAX: usize = 256;

/// Between the first questions to destinations that came together, in milliseconds, unless they are too many for that.
const FIRST_GAP_MS: i64 = 10;
/// While answers speak against what is believed, one is asked so many times as often.
const HASTE: i64 = 5;

/// How often destinations are asked, and how much it takes to believe another thing of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two questions to one destination, in milliseconds.
    pub interval_ms: i64,
    /// Failures in a row from which one is down.
    pub fall: u32,
    /// Answers in a row from which one that was down is up.
    pub rise: u32,
}

/// What follows from an answer, or from none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is up.
    Up,
    /// It is down.
    Down,
    /// What was believed is believed on.
    AsBefore,
}

/// Who is to be asked when.
#[derive(Debug)]
pub struct Rounds {
    pace: Pace,
    watched: HashMap<Destination, Watched, FixedState>,
    queue: BTreeSet<(Timestamp, Destination)>,
    asked: usize,
    left_out: usize,
    rng: StdRng,
}

#[derive(Debug, Clone, Copy)]
struct Watched {
    /// When it is its turn; none while it is being asked.
    due: Option<Timestamp>,
    is_down: bool,
    /// Answers in a row that speak against what is believed.
    against: u32,
}

impl Rounds {
    /// Nobody is to be asked yet. The seed is for spreading questions over time.
    #[must_use]
    pub fn new(pace: Pace, seed: [u8; 32]) -> Self {
        let (watched, queue, rng) = (HashMap::default(), BTreeSet::new(), StdRng::from_seed(seed));
        Self { pace, watched, queue, asked: 0, left_out: 0, rng }
    }

    /// Asks these destinations from now on, and no others; those that are new soon, but not all at once.
    ///
    /// Nobody is asked beyond [`DESTINATIONS_MAX`]; those that are asked already have the first right to it.
    pub fn follow(&mut self, destinations: &[Destination], now: Timestamp) {
        let wanted: BTreeSet<&Destination> = destinations.iter().collect();
        self.watched.retain(|destination, _| wanted.contains(destination));
        self.queue.retain(|(_, destination)| wanted.contains(destination));
        let new: Vec<_> = wanted.into_iter().filter(|it| !self.watched.contains_key(it)).collect();
        let room = DESTINATIONS_MAX.saturating_sub(self.watched.len()).min(new.len());
        self.left_out = new.len() - room;
        let spread = i64::try_from(room).unwrap_or(i64::MAX).saturating_mul(FIRST_GAP_MS);
        let spread = spread.min(self.pace.interval_ms);
        for destination in new.into_iter().take(room) {
            let due = now.plus_ms(self.drawn(spread));
            self.watched.insert(destination.clone(), Watched { due: Some(due), is_down: false, against: 0 });
            self.queue.insert((due, destination.clone()));
        }
    }

    /// How many destinations nobody asks, since there are too many.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Whom to ask now, if it is somebody's turn and not too many are being asked: an answer has to follow.
    pub fn next(&mut self, now: Timestamp) -> Option<Destination> {
        if self.asked >= AT_ONCE_MAX || self.queue.first()?.0 > now {
            return None;
        }
        let (_, destination) = self.queue.pop_first()?;
        if let Some(watched) = self.watched.get_mut(&destination) {
            watched.due = None;
        }
        self.asked += 1;
        Some(destination)
    }

    /// When it is the next one's turn; none while that waits for others to answer, or there is nobody.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        self.queue.first().filter(|_| self.asked < AT_ONCE_MAX).map(|(due, _)| *due)
    }

    /// Takes note of whether one that was asked answered as what is up.
    pub fn answered(&mut self, destination: &Destination, is_up: bool, now: Timestamp) -> Verdict {
        self.asked = self.asked.saturating_sub(1);
        let Pace { interval_ms, fall, rise } = self.pace;
        // One that went and came again meanwhile has its turn already, and begins anew.
        let Some(watched) = self.watched.get_mut(destination).filter(|watched| watched.due.is_none()) else {
            return Verdict::AsBefore;
        };
        let enough = if watched.is_down { rise } else { fall };
        watched.against = if is_up == watched.is_down { watched.against + 1 } else { 0 };
        if watched.against >= enough.max(1) {
            watched.is_down = !watched.is_down;
            watched.against = 0;
        }
        let (in_doubt, is_down) = (watched.against > 0, watched.is_down);
        let wait = if in_doubt { interval_ms / HASTE } else { interval_ms };
        // A tenth more or less, so that those that came together do not stay together.
        let due = now.plus_ms(wait - wait / 10 + self.drawn(wait / 5));
        if let Some(watched) = self.watched.get_mut(destination) {
            watched.due = Some(due);
        }
        self.queue.insert((due, destination.clone()));
        match (in_doubt, is_down) {
            (true, _) => Verdict::AsBefore,
            (false, true) => Verdict::Down,
            (false, false) => Verdict::Up,
        }
    }

    /// A time of less than so many milliseconds.
    fn drawn(&mut self, below: i64) -> i64 {
        let below = u64::try_from(below).unwrap_or_default();
        i64::try_from(self.rng.next_u64() % below.max(1)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { interval_ms: 10_000, fall: 3, rise: 2 };

    fn rounds() -> Rounds {
        Rounds::new(PACE, [7; 32])
    }

    fn hosts(count: usize) -> Vec<Destination> {
        (0..count).map(|host| Destination::of(&format!("sip:h{host}")).unwrap()).collect()
    }

    /// Lets the next one have its turn and answer.
    fn turn(rounds: &mut Rounds, now: &mut Timestamp, is_up: bool) -> Verdict {
        *now = rounds.wakes_at().unwrap().max(*now);
        let asked = rounds.next(*now).unwrap();
        rounds.answered(&asked, is_up, *now)
    }

    #[test]
    fn it_takes_so_many_in_a_row_to_believe_another_thing() {
        use Verdict::{AsBefore, Down, Up};
        let (mut rounds, mut now) = (rounds(), Timestamp(0));
        rounds.follow(&hosts(1), now);
        for (is_up, verdict) in [
            (false, AsBefore),
            (false, AsBefore),
            (true, Up),
            (false, AsBefore),
            (false, AsBefore),
            (false, Down),
            (false, Down),
            (true, AsBefore),
            (false, Down),
            (true, AsBefore),
            (true, Up),
            (true, Up),
        ] {
            assert_eq!(turn(&mut rounds, &mut now, is_up), verdict);
        }
    }

    #[test]
    fn who_answers_otherwise_than_before_is_asked_again_soon() {
        let (mut rounds, mut now) = (rounds(), Timestamp(0));
        rounds.follow(&hosts(1), now);
        let mut wait = |is_up| {
            turn(&mut rounds, &mut now, is_up);
            rounds.wakes_at().unwrap().0 - now.0
        };
        let (whole, soon) = (9_000..=11_000, 1_800..=2_200);
        assert!(whole.contains(&wait(true)));
        assert!(soon.contains(&wait(false)) && soon.contains(&wait(false)));
        assert!(whole.contains(&wait(false)), "it is down");
        assert!(soon.contains(&wait(true)));
        assert!(whole.contains(&wait(true)), "it is up");
    }

    #[test]
    fn a_thousand_that_come_together_are_spread_over_the_interval_and_one_alone_is_asked_at_once() {
        let mut rounds = rounds();
        rounds.follow(&hosts(1), Timestamp(0));
        assert!(rounds.wakes_at().unwrap().0 <= FIRST_GAP_MS);
        rounds.follow(&hosts(1_001), Timestamp(0));
        let mut in_each_second = [0; 10];
        for second in 0..10 {
            let now = Timestamp(second * 1_000 + 999);
            while let Some(asked) = rounds.next(now) {
                in_each_second[usize::try_from(second).unwrap()] += 1;
                rounds.answered(&asked, true, Timestamp(100_000));
            }
        }
        assert!(in_each_second.iter().all(|count| (50..=150).contains(count)), "{in_each_second:?}");
    }

    #[test]
    fn no_more_than_so_many_are_asked_at_once_and_no_more_than_so_many_at_all() {
        let mut rounds = rounds();
        rounds.follow(&hosts(DESTINATIONS_MAX + 5), Timestamp(0));
        assert_eq!((rounds.left_out(), rounds.watched.len()), (5, DESTINATIONS_MAX));
        let later = Timestamp(20_000);
        let asked: Vec<_> = std::iter::from_fn(|| rounds.next(later)).collect();
        assert_eq!((asked.len(), rounds.wakes_at()), (AT_ONCE_MAX, None));
        rounds.answered(&asked[0], true, later);
        assert!(rounds.wakes_at().is_some() && rounds.next(later).is_some());
    }

    #[test]
    fn who_goes_is_asked_no_more_and_who_comes_again_begins_anew() {
        let (mut rounds, now) = (rounds(), Timestamp(10_000));
        rounds.follow(&hosts(2), Timestamp(0));
        let asked = rounds.next(now).unwrap();
        rounds.follow(&[], now);
        assert_eq!(rounds.wakes_at(), None);
        rounds.follow(std::slice::from_ref(&asked), now);
        assert_eq!(rounds.answered(&asked, false, now), Verdict::AsBefore);
        assert_eq!((rounds.queue.len(), rounds.asked, rounds.watched[&asked].against), (1, 0, 0));
    }
}
