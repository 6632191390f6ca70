//! How a unit becomes an arm: 10,000 slots, each owned by one arm, and how they move when weights change.
//!
//! The owners are part of a split and are stored with it; they are never worked out again from weights alone, since
//! that would move callers that need not move. The same steps in another language give the same slots: the vectors in
//! `tests/split_vectors.json` say so.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Slots of a split; one is a basis point of its traffic.
pub const SLOTS: usize = 10_000;

/// Most arms of a split.
pub const ARMS_MAX: usize = 16;

/// The slot of a unit: XXH3-64 of its bytes seeded with the salt, scaled by multiply and shift, so that no slot is
/// favoured. Cost: about 5 ns.
#[must_use]
pub fn slot_of(unit: &[u8], salt: u64) -> u16 {
    slot_of_draw(xxh3_64_with_seed(unit, salt))
}

/// The slot of an evenly drawn number.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the product shifted by 64 is below 10,000")]
pub const fn slot_of_draw(draw: u64) -> u16 {
    ((draw as u128 * SLOTS as u128) >> 64) as u16
}

/// Slots an arm is due: proportional to the weights, largest remainder first, ties to the earlier arm.
///
/// The sum is exactly [`SLOTS`] if any weight is positive, and then a positive weight gets at least one slot, taken
/// from the arm with the most.
#[must_use]
pub fn quota(weights: &[u32]) -> Vec<usize> {
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let share = |weight: u32| u64::from(weight) * SLOTS as u64;
    let mut due: Vec<usize> =
        weights.iter().map(|w| usize::try_from(share(*w) / total).unwrap_or(SLOTS)).collect();
    let missing = SLOTS.saturating_sub(due.iter().sum());
    let mut by_remainder: Vec<(u64, usize)> =
        weights.iter().enumerate().map(|(arm, w)| (share(*w) % total, arm)).collect();
    by_remainder.sort_by_key(|(remainder, arm)| (std::cmp::Reverse(*remainder), *arm));
    for (_, arm) in by_remainder.into_iter().take(missing) {
        if let Some(slots) = due.get_mut(arm) {
            *slots += 1;
        }
    }
    for (arm, weight) in weights.iter().enumerate() {
        if *weight > 0 && due.get(arm) == Some(&0) {
            let most = due.iter().copied().max().unwrap_or_default();
            if let Some(giver) = due.iter_mut().find(|slots| **slots == most) {
                *giver = giver.saturating_sub(1);
            }
            if let Some(slots) = due.get_mut(arm) {
                *slots = 1;
            }
        }
    }
    due
}

/// Which arm owns each slot, by the arm's position. Always [`SLOTS`] long; cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owners(Arc<[u8]>);

impl Owners {
    /// Owners of a new split: one run of slots an arm, in the order the arms are listed.
    #[must_use]
    pub fn first(weights: &[u32]) -> Self {
        let mut owners = Vec::with_capacity(SLOTS);
        for (arm, slots) in (0..=u8::MAX).zip(quota(weights)) {
            owners.extend(std::iter::repeat_n(arm, slots));
        }
        owners.resize(SLOTS, 0);
        Self(owners.into())
    }

    /// Owners from runs of (first slot, last slot, arm), which must cover every slot once, in order.
    #[must_use]
    pub fn from_runs(runs: impl IntoIterator<Item = (usize, usize, u8)>) -> Option<Self> {
        let mut owners = Vec::with_capacity(SLOTS);
        for (first, last, arm) in runs {
            if first != owners.len() || last < first || last >= SLOTS {
                return None;
            }
            owners.resize(last + 1, arm);
        }
        (owners.len() == SLOTS).then(|| Self(owners.into()))
    }

    /// The owners as runs of (first slot, last slot, arm).
    #[must_use]
    pub fn runs(&self) -> Vec<(usize, usize, u8)> {
        let mut runs: Vec<(usize, usize, u8)> = Vec::new();
        for (slot, arm) in self.0.iter().enumerate() {
            match runs.last_mut() {
                Some((_, last, owner)) if owner == arm => *last = slot,
                _ => runs.push((slot, slot, *arm)),
            }
        }
        runs
    }

    /// The arm that owns a slot.
    #[must_use]
    pub fn arm(&self, slot: u16) -> u8 {
        self.0.get(usize::from(slot)).copied().unwrap_or_default()
    }

    /// How many slots an arm owns.
    #[must_use]
    pub fn count(&self, arm: u8) -> usize {
        self.0.iter().filter(|owner| **owner == arm).count()
    }

    /// The same owners with the arms renumbered; an arm without a new position keeps its slots under `stranded`, a
    /// position past all arms, from which [`Owners::moved`] takes them.
    #[must_use]
    pub fn renumbered(&self, position: impl Fn(u8) -> Option<u8>, stranded: u8) -> Self {
        Self(self.0.iter().map(|arm| position(*arm).unwrap_or(stranded)).collect())
    }

    /// Owners after a change of weights, with the fewest possible slots moved.
    ///
    /// Arms that shrink (and owners past the weights) give up their highest slots; the freed slots, lowest first, go to
    /// the arms that grow, in the order they are listed. No slot moves to an arm that did not grow.
    #[must_use]
    pub fn moved(&self, weights: &[u32]) -> Self {
        let want = quota(weights);
        if want.iter().sum::<usize>() != SLOTS {
            return self.clone();
        }
        let mut have = [0usize; 256];
        for arm in self.0.iter() {
            if let Some(slots) = have.get_mut(usize::from(*arm)) {
                *slots += 1;
            }
        }
        let due = |arm: usize| want.get(arm).copied().unwrap_or_default();
        let mut freed = Vec::new();
        for (slot, arm) in self.0.iter().enumerate().rev() {
            if let Some(slots) = have.get_mut(usize::from(*arm))
                && *slots > due(usize::from(*arm))
            {
                *slots -= 1;
                freed.push(slot);
            }
        }
        let mut owners = self.0.to_vec();
        let mut takers = (0..=u8::MAX)
            .zip(have)
            .flat_map(|(arm, slots)| std::iter::repeat_n(arm, due(usize::from(arm)).saturating_sub(slots)));
        for slot in freed.into_iter().rev() {
            if let (Some(owner), Some(arm)) = (owners.get_mut(slot), takers.next()) {
                *owner = arm;
            }
        }
        Self(owners.into())
    }

    /// How many slots belong to different arms in two sets of owners.
    #[must_use]
    pub fn difference(&self, other: &Self) -> usize {
        self.0.iter().zip(other.0.iter()).filter(|(a, b)| a != b).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../tests/split_vectors.json")).unwrap()
    }

    fn weights(value: &Value) -> Vec<u32> {
        value.as_array().unwrap().iter().map(|w| u32::try_from(w.as_u64().unwrap()).unwrap()).collect()
    }

    #[test]
    fn slots_are_those_of_every_other_implementation() {
        let vectors = vectors();
        let slots = vectors["slots"].as_array().unwrap();
        assert!(slots.len() >= 55);
        for row in slots {
            let salt = row["salt"].as_str().unwrap().parse().unwrap();
            let slot = slot_of(row["key"].as_str().unwrap().as_bytes(), salt);
            assert_eq!(u64::from(slot), row["slot"].as_u64().unwrap(), "{row}");
        }
    }

    #[test]
    fn quotas_and_moves_are_those_of_every_other_implementation() {
        let vectors = vectors();
        for row in vectors["quotas"].as_array().unwrap() {
            let due: Vec<u64> = quota(&weights(&row["weights"])).iter().map(|n| *n as u64).collect();
            assert_eq!(Value::from(due), row["slots"], "{row}");
        }
        for row in vectors["moves"].as_array().unwrap() {
            let (from, to) = (weights(&row["from"]), weights(&row["to"]));
            let first = Owners::first(&from);
            let moved = first.moved(&to);
            let runs: Vec<Vec<u64>> =
                moved.runs().into_iter().map(|(a, b, arm)| vec![a as u64, b as u64, arm.into()]).collect();
            assert_eq!(serde_json::to_value(runs).unwrap(), row["owner"], "{row}");
            assert_eq!(first.difference(&moved) as u64, row["moved"].as_u64().unwrap());
        }
    }

    fn some_weights(arms: usize) -> impl Strategy<Value = Vec<u32>> {
        proptest::collection::vec(prop_oneof![Just(0u32), 1..10u32, 1..=1_000_000u32], arms)
            .prop_filter("not all 0", |w| w.iter().any(|w| *w > 0))
    }

    proptest! {
        #[test]
        fn every_slot_is_owned_and_every_positive_weight_has_one(weights in (1..=16usize).prop_flat_map(some_weights)) {
            let due = quota(&weights);
            prop_assert_eq!(due.iter().sum::<usize>(), SLOTS);
            let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
            for (slots, weight) in due.iter().zip(&weights) {
                prop_assert_eq!(*slots > 0, *weight > 0);
                let exact = f64::from(*weight) / total * 10_000.0;
                prop_assert!((*slots as f64 - exact).abs() <= 16.0, "{} slots for a share of {}", slots, exact);
            }
        }

        #[test]
        fn a_change_of_weights_moves_the_total_variation_distance_and_only_to_arms_that_grew(
            (before, between, after) in (3..=16usize).prop_flat_map(|n| (some_weights(n), some_weights(n), some_weights(n)))
        ) {
            // Two steps, so that the owners are no longer the runs of a new split.
            let old = Owners::first(&before).moved(&between);
            let new = old.moved(&after);
            let (had, has) = (quota(&between), quota(&after));
            let distance = had.iter().zip(&has).map(|(a, b)| a.abs_diff(*b)).sum::<usize>() / 2;
            prop_assert_eq!(old.difference(&new), distance);
            for slot in 0..10_000u16 {
                let (from, to) = (old.arm(slot), new.arm(slot));
                if from != to {
                    prop_assert!(has[usize::from(to)] > had[usize::from(to)]);
                    prop_assert!(has[usize::from(from)] < had[usize::from(from)]);
                }
            }
            prop_assert_eq!(Owners::from_runs(new.runs()), Some(new));
        }

        #[test]
        fn a_removed_arm_gives_up_its_slots_and_the_others_keep_theirs(weights in some_weights(4), gone in 0..4u8) {
            let mut left = weights.clone();
            left.remove(usize::from(gone));
            prop_assume!(left.iter().any(|w| *w > 0));
            let old = Owners::first(&weights);
            let renumbered = old.renumbered(|arm| match arm.cmp(&gone) {
                std::cmp::Ordering::Less => Some(arm),
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Greater => Some(arm - 1),
            }, u8::MAX);
            let new = renumbered.moved(&left);
            for (arm, slots) in (0u8..).zip(quota(&left)) {
                prop_assert_eq!(new.count(arm), slots);
            }
        }

        #[test]
        fn shares_of_callers_follow_the_weights_within_error(weights in some_weights(3), salt in any::<u64>()) {
            let owners = Owners::first(&weights);
            let calls = 20_000u32;
            let mut seen = [0u32; 3];
            for i in 0..calls {
                let unit = format!("+1415{i:07}");
                seen[usize::from(owners.arm(slot_of(unit.as_bytes(), salt)))] += 1;
            }
            for (arm, slots) in quota(&weights).into_iter().enumerate() {
                let share = slots as f64 / SLOTS as f64;
                // Six standard deviations: one false alarm in 500 million.
                let error = 6.0 * (share * (1.0 - share) / f64::from(calls)).sqrt() + 1e-9;
                prop_assert!((f64::from(seen[arm]) / f64::from(calls) - share).abs() <= error);
            }
        }
    }

    #[test]
    fn runs_that_do_not_cover_every_slot_once_are_refused() {
        assert!(Owners::from_runs([(0, 4_999, 0), (5_000, 9_999, 1)]).is_some());
        assert!(Owners::from_runs([(0, 4_999, 0)]).is_none());
        assert!(Owners::from_runs([(0, 5_000, 0), (5_000, 9_999, 1)]).is_none());
        assert!(Owners::from_runs([(0, usize::MAX, 0)]).is_none());
        assert!(Owners::from_runs([]).is_none());
    }
}
