//! A leaf: a small hash table, open addressing, shared and copied whole.
//!
//! Its home slot is the upper half of `hash × capacity`, so that a capacity need not be a power of two and a table
//! has just the slots it wants: 4/3 of its entries when written anew, 5/4 when it is as full as it may be. The hash has
//! a fixed seed: the same changes give the same bytes. Whoever chooses keys that collide gains little, since a
//! leaf is never longer than [`Leaf::ENTRIES_MAX`].

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::iter;
use std::mem;
use std::sync::Arc;

use foldhash::quality::FixedState;

const HASHER: FixedState = FixedState::with_seed(0);

/// The two reference counts of an `Arc`.
pub(super) const COUNTS_BYTES: usize = 2 * size_of::<usize>();

/// Up to [`Leaf::ENTRIES_MAX`] entries (one more just before a split), each at or soon after its home slot.
#[derive(Clone)]
pub(super) struct Leaf<K, V> {
    slots: Arc<[Option<(K, V)>]>,
    len: usize,
}

impl<K, V> Leaf<K, V> {
    /// Entries at which a leaf is split.
    ///
    /// Small slots make large leaves: then 10 M numbers have so few that all branches stay near the processor, and a
    /// look-up waits for memory once. A change copies a leaf, so that large slots, which may count references, make
    /// small leaves.
    pub(super) const ENTRIES_MAX: usize = if size_of::<Option<(K, V)>>() <= 16 { 2_048 } else { 512 };
    /// Entries under which a leaf looks for a neighbour to join.
    pub(super) const ENTRIES_MIN: usize = Self::ENTRIES_MAX / 4;
    /// Entries a bulk build puts in a leaf: room to grow.
    pub(super) const ENTRIES_FILL: usize = Self::ENTRIES_MAX / 4 * 3;

    pub(super) fn empty() -> Self {
        Self { slots: Arc::default(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &(K, V)> {
        self.slots.iter().flatten()
    }

    /// Where its slots are: as long as both live, leaves at one place are one.
    pub(super) fn place(&self) -> usize {
        self.slots.as_ptr().addr()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.slots) + COUNTS_BYTES
    }
}

impl<K: Ord + Hash, V> Leaf<K, V> {
    /// A leaf with room for `room` entries, filled with entries of different keys, at most as many.
    pub(super) fn of(entries: impl Iterator<Item = (K, V)>, room: usize) -> Self {
        let mut leaf = Self { slots: iter::repeat_with(|| None).take(room + room / 3 + 1).collect(), len: 0 };
        if let Some(slots) = Arc::get_mut(&mut leaf.slots) {
            for entry in entries {
                if let Err(at) = find(slots, &entry.0)
                    && let Some(slot) = slots.get_mut(at)
                {
                    *slot = Some(entry);
                    leaf.len += 1;
                }
            }
        }
        leaf
    }

    /// The entries in the order of their keys.
    pub(super) fn sorted(&self) -> Vec<&(K, V)> {
        let mut entries = Vec::with_capacity(self.len);
        entries.extend(self.entries());
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        entries
    }

    #[inline]
    pub(super) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let at = find(&self.slots, key).ok()?;
        self.slots.get(at)?.as_ref().map(|(_, value)| value)
    }
}

impl<K: Ord + Hash + Clone, V: Clone> Leaf<K, V> {
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let vacant = match find(&self.slots, &key) {
            Ok(at) => {
                let (_, held) = Arc::make_mut(&mut self.slots).get_mut(at)?.as_mut()?;
                return Some(mem::replace(held, value));
            }
            Err(at) => at,
        };
        if (self.len + 1) * 5 > self.slots.len() * 4 {
            let entries = self.entries().cloned().chain(iter::once((key, value)));
            *self = Self::of(entries, self.len + self.len / 8 + 1);
        } else if let Some(slot) = Arc::make_mut(&mut self.slots).get_mut(vacant) {
            *slot = Some((key, value));
            self.len += 1;
        }
        None
    }

    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let at = find(&self.slots, key).ok()?;
        let slots = Arc::make_mut(&mut self.slots);
        let (_, removed) = slots.get_mut(at)?.take()?;
        close_gap(slots, at);
        self.len -= 1;
        if self.len * 2 < self.slots.len() {
            *self = Self::of(self.entries().cloned(), self.len);
        }
        Some(removed)
    }

    /// Keeps the lower half of the keys and returns the first of the upper half with their leaf.
    pub(super) fn split(&mut self) -> Option<(K, Self)> {
        let sorted = self.sorted();
        let (low, high) = sorted.split_at(sorted.len() / 2);
        let first = high.first()?.0.clone();
        let right = Self::of(high.iter().copied().cloned(), high.len());
        *self = Self::of(low.iter().copied().cloned(), low.len());
        Some((first, right))
    }

    /// Takes in the entries of a neighbour.
    pub(super) fn join(&mut self, other: &Self) {
        let entries = self.entries().chain(other.entries()).cloned();
        *self = Self::of(entries, self.len + other.len);
    }
}

/// The slot of a key, or else the free slot where it would go (past the end, if none is free).
#[inline]
fn find<K, V, Q>(slots: &[Option<(K, V)>], key: &Q) -> Result<usize, usize>
where
    K: Borrow<Q>,
    Q: Eq + Hash + ?Sized,
{
    let home = home(key, slots.len());
    let (before, after) = slots.split_at(home);
    for (slot, at) in after.iter().zip(home..).chain(before.iter().zip(0..)) {
        match slot {
            Some((held, _)) if held.borrow() == key => return Ok(at),
            Some(_) => {}
            None => return Err(at),
        }
    }
    Err(slots.len())
}

/// Moves entries back into a slot that became free, so that no search ends there too early.
fn close_gap<K: Hash, V>(slots: &mut [Option<(K, V)>], freed: usize) {
    let capacity = slots.len();
    let steps = |from: usize, to: usize| if to >= from { to - from } else { to + capacity - from };
    let mut free = freed;
    for at in (freed + 1..capacity).chain(0..freed) {
        let Some(Some((key, _))) = slots.get(at) else { return };
        if steps(home(key, capacity), at) >= steps(free, at) {
            slots.swap(free, at);
            free = at;
        }
    }
}

/// The slot at which the search for a key begins.
#[inline]
fn home<Q: Hash + ?Sized>(key: &Q, capacity: usize) -> usize {
    let hash = HASHER.hash_one(key) >> 32;
    // At most 2³² × a leaf's capacity: no overflow, and the result is less than the capacity.
    let product = hash * capacity as u64;
    (product >> 32) as usize
}
