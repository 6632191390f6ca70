//! Who owns which slot: nobody has more or fewer than the weights say, and no slot moves that need not.

use crate::domain::split::slots::{ARMS_MAX, Owners, SLOTS, quota};

/// Weights of three bytes each, for the first half and then the second half of what there is.
pub(super) fn law(bytes: &[u8]) {
    let half = bytes.len() / 2;
    let (before, after) = (weights(&bytes[..half]), weights(&bytes[half..]));
    let owners = Owners::first(&before);
    if before.iter().any(|weight| *weight > 0) {
        fits(&owners, &before);
    }
    reads_back(&owners);
    let moved = owners.moved(&after);
    if after.iter().any(|weight| *weight > 0) {
        fits(&moved, &after);
        let due = quota(&after);
        let excess = (0..)
            .zip(0..ARMS_MAX)
            .map(|(arm, at)| owners.count(arm).saturating_sub(due.get(at).copied().unwrap_or_default()));
        assert_eq!(owners.difference(&moved), excess.sum::<usize>(), "{before:?} to {after:?}");
    } else {
        assert_eq!(moved, owners);
    }
    reads_back(&moved);
    let runs = bytes.chunks_exact(5).map(|run| {
        let slot = |at: usize| usize::from(u16::from_be_bytes([run[at], run[at + 1]]));
        (slot(0), slot(2), run[4])
    });
    if let Some(owners) = Owners::from_runs(runs) {
        reads_back(&owners);
    }
}

fn weights(bytes: &[u8]) -> Vec<u32> {
    let weight = |bytes: &[u8]| u32::from_be_bytes([0, bytes[0] & 0x0f, bytes[1], bytes[2]]);
    bytes.chunks_exact(3).take(ARMS_MAX).map(weight).collect()
}

/// Each arm has its share: to a slot, but one with any weight has at least one.
fn fits(owners: &Owners, weights: &[u32]) {
    let due = quota(weights);
    assert_eq!(due.iter().sum::<usize>(), SLOTS);
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    for (arm, (weight, due)) in (0..).zip(weights.iter().zip(&due)) {
        assert_eq!(owners.count(arm), *due, "arm {arm} of {weights:?}");
        assert_eq!(*weight == 0, *due == 0, "arm {arm} of {weights:?}");
        let share = u64::from(*weight) * SLOTS as u64 / total;
        // Some may have given a slot to those too light for one.
        assert!((*due as u64).abs_diff(share) <= ARMS_MAX as u64, "arm {arm} of {weights:?}");
    }
}

fn reads_back(owners: &Owners) {
    assert_eq!(Owners::from_runs(owners.runs()).as_ref(), Some(owners));
}
