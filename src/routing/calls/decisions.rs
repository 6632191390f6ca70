//! Which call a decision began: how an end finds its call that has nothing but the token.

use std::sync::atomic::{AtomicU64, Ordering};

/// Most decisions that are found again.
const PLACES_MAX: usize = 1 << 18;

/// The keys of calls by their decisions' ids, the newest in each place.
///
/// Ids are random in their lower half, so that they spread evenly; what is overwritten is not found any more. What is
/// found may be wrong, of another decision or torn between two, so that whoever asks compares the decision of the call.
/// 16 bytes a place. Cost: two plain writes for a call that begins, and no lock.
#[derive(Debug)]
pub(super) struct Decisions(Box<[[AtomicU64; 2]]>);

impl Decisions {
    /// Room for as many calls, within bounds.
    pub(super) fn new(calls_max: usize) -> Self {
        let places = calls_max.clamp(1, PLACES_MAX).next_power_of_two();
        Self((0..places).map(|_| Default::default()).collect())
    }

    /// Notes the call of a decision.
    pub(super) fn note(&self, decision_id: u128, call: u128) {
        let Some([high, low]) = self.place(decision_id) else { return };
        high.store((call >> 64) as u64, Ordering::Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
        low.store(call as u64, Ordering::Relaxed);
    }

    /// The call of a decision, perhaps.
    pub(super) fn call(&self, decision_id: u128) -> Option<u128> {
        let [high, low] = self.place(decision_id)?;
        Some(u128::from(high.load(Ordering::Relaxed)) << 64 | u128::from(low.load(Ordering::Relaxed)))
    }

    fn place(&self, decision_id: u128) -> Option<&[AtomicU64; 2]> {
        let spread = usize::try_from(decision_id & u128::from(u32::MAX)).unwrap_or_default();
        self.0.get(spread & (self.0.len() - 1))
    }
}
