//! Who is turned away by a worker that has too much to do: those who ask for more than their fair share, and only they.

use std::cell::Cell;

/// However late a worker is, so many requests of each asker are answered between two looks.
///
/// Looks are at least [`LOOK_PERIOD`](super::lag::LOOK_PERIOD) apart, and further by what the worker is late; so this is
/// a small part of what it can do, and more than an asker needs that merely goes about its business.
pub const ASSURED: u32 = 16;

/// Nobody is turned away, but it is counted who asks.
const ENDLESS: u32 = u32::MAX;

/// One worker's shares: how often each asker may ask until the next look at the worker's lag.
///
/// Nothing is counted while the worker is in time. Once it is found late, what each asker asks for is counted from that
/// look to the next. If it is late then too, it answers in the next round half of what it answered in the last, shared
/// so that everybody gets the same but those who want less, who get what they want (max-min fairness). So it goes on,
/// by halves down to [`ASSURED`] for each while it is late, by doubles while it is in time, until nobody is turned away.
///
/// Cost: of [`Shares::is_calm`] a load, of [`Shares::admits`] a few; of a look while the worker is late, or was just
/// now, some 35 passes over the askers, otherwise none. Memory: four bytes an asker.
#[derive(Debug)]
pub struct Shares {
    /// How often each has asked since the last look, whatever was answered.
    asked: Box<[Cell<u32>]>,
    /// How often each may; none while the worker is in time.
    level: Cell<Option<u32>>,
}

impl Shares {
    /// Shares for so many askers, which are called by their numbers.
    #[must_use]
    pub fn new(askers: usize) -> Self {
        Self { asked: vec![Cell::new(0); askers].into(), level: Cell::new(None) }
    }

    /// Whether there is no need to know who asks, nor to ask [`Shares::admits`].
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.level.get().is_none()
    }

    /// Whether a request of this asker is to be answered.
    pub fn admits(&self, asker: usize) -> bool {
        let (Some(level), Some(asked)) = (self.level.get(), self.asked.get(asker)) else { return true };
        let before = asked.get();
        asked.set(before.saturating_add(1));
        before < level
    }

    /// Settles the shares until the next look.
    pub fn look(&self, is_late: bool) {
        let next = match (self.level.get(), is_late) {
            (None, false) => return,
            // One pause, such as of the whole machine, is no overload.
            (None, true) => Some(ENDLESS),
            (Some(level), false) if self.asked.iter().all(|asked| asked.get() <= level) => None,
            (Some(level), _) => {
                let answered = self.answered_at(level);
                let answers = if is_late { answered / 2 } else { answered * 2 };
                Some(self.level_for(answers).max(ASSURED))
            }
        };
        self.level.set(next);
        for asked in &self.asked {
            asked.set(0);
        }
    }

    /// How many requests are answered where each asker may have this many, of those that were asked.
    fn answered_at(&self, level: u32) -> u64 {
        self.asked.iter().map(|asked| u64::from(asked.get().min(level))).sum()
    }

    /// The highest level at which no more than so many are answered.
    fn level_for(&self, answers: u64) -> u32 {
        if self.answered_at(ENDLESS) <= answers {
            return ENDLESS;
        }
        // What lies below `fits` does fit, `above` does not.
        let (mut fits, mut above) = (0, ENDLESS);
        while above - fits > 1 {
            let between = u32::midpoint(fits, above);
            *if self.answered_at(between) <= answers { &mut fits } else { &mut above } = between;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Lets each ask so often between two looks; how often each was answered.
    fn round(shares: &Shares, asks: &[u32]) -> Vec<u32> {
        let answered = |(asker, asks): (usize, &u32)| (0..*asks).filter(|_| shares.admits(asker)).count();
        asks.iter().enumerate().map(answered).map(|answered| u32::try_from(answered).unwrap()).collect()
    }

    /// Shares of a worker that has just been found late for so many looks, being asked for so much all the time.
    fn late(looks: usize, asks: &[u32]) -> Shares {
        let shares = Shares::new(asks.len());
        shares.look(true);
        for _ in 1..looks {
            round(&shares, asks);
            shares.look(true);
        }
        shares
    }

    #[test]
    fn one_pause_turns_nobody_away() {
        let shares = late(1, &[1_000, 1]);
        assert_eq!(round(&shares, &[1_000, 1]), [1_000, 1]);
        shares.look(false);
        assert!(shares.is_calm());
    }

    #[test]
    fn who_floods_is_turned_away_and_nobody_else() {
        let shares = late(2, &[1_000, 100, 3]);
        // Half of 1,103 is 551: the two get what they want.
        assert_eq!(round(&shares, &[1_000, 100, 3]), [448, 100, 3]);
        shares.look(true);
        assert_eq!(round(&shares, &[1_000, 100, 3]), [172, 100, 3]);
    }

    #[test]
    fn all_who_flood_get_the_same() {
        let shares = late(3, &[8_000, 2_000, 1]);
        let [one, other, small] = round(&shares, &[8_000, 2_000, 1])[..] else { panic!("three askers") };
        assert!(one == other && one > ASSURED && small == 1, "{one} {other} {small}");
    }

    #[test]
    fn however_long_it_is_late_each_gets_what_is_assured() {
        let shares = late(100, &[1_000, ASSURED]);
        assert_eq!(round(&shares, &[1_000, ASSURED]), [ASSURED, ASSURED]);
        // Also one that has not been heard of before.
        let shares = late(100, &[1_000, 0]);
        assert_eq!(round(&shares, &[0, 1_000]), [0, ASSURED]);
    }

    #[test]
    fn a_worker_that_is_in_time_again_comes_to_answer_all() {
        let asks = [1_000, 3];
        let shares = late(100, &asks);
        let mut last = 0;
        for _ in 0..10 {
            let answered = round(&shares, &asks)[0];
            assert!(answered >= last, "never less than before");
            last = answered;
            shares.look(false);
        }
        assert!(shares.is_calm() && last == 1_000);
    }

    #[test]
    fn who_is_unknown_is_answered() {
        assert!(late(5, &[1_000]).admits(1));
    }

    proptest! {
        #[test]
        fn shares_are_max_min_fair_and_at_most_half_of_the_last_round(asks in vec(0u32..3_000, 1..8)) {
            let shares = late(2, &asks);
            let answered = round(&shares, &asks);
            let most = *answered.iter().max().unwrap();
            for (asked, answered) in asks.iter().zip(&answered) {
                // Whoever is turned away gets as much as anybody, and no less than is assured.
                prop_assert!(answered == asked || (*answered == most && most >= ASSURED));
            }
            let all = |of: &[u32]| of.iter().sum::<u32>();
            prop_assert!(all(&answered) <= (all(&asks) / 2).max(ASSURED * u32::try_from(asks.len()).unwrap()));
            // Nothing is left over that one more for each could have had.
            let wanting = asks.iter().zip(&answered).filter(|(asked, answered)| asked > answered).count();
            prop_assert!(wanting == 0 || all(&answered) + u32::try_from(wanting).unwrap() > all(&asks) / 2);
        }

        #[test]
        fn who_asks_for_what_is_assured_is_never_turned_away(
            looks in vec((any::<bool>(), vec(0u32..500, 3), 0..=ASSURED), 0..40),
        ) {
            let shares = Shares::new(4);
            for (is_late, mut asks, modest) in looks {
                shares.look(is_late);
                asks.push(modest);
                prop_assert_eq!(round(&shares, &asks)[3], modest);
            }
        }
    }
}
