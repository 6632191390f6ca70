//! A persistent array whose indices are handed out, given back and handed out again.
//!
//! ```text
//!   page of pages          bits 16..24 of the index
//!      |  page of pages    bits  8..16
//!      |     |  page       bits  0..8, 256 slots
//! ```
//!
//! Three pages deep whatever it holds: a read is three dependent loads, of which the upper two stay in cache. A change
//! after a clone copies three pages of at most 256. Free slots hold the list of free slots, so that the list is as
//! persistent as the rest and costs no memory.

use std::fmt;
use std::iter;
use std::mem;
use std::sync::Arc;

/// Slots in a page, and pages in a page of pages.
const PAGE: usize = 256;

/// A persistent array of at most [`Slab::CAPACITY`] values, found by index.
#[derive(Clone)]
pub struct Slab<T> {
    pages: Arc<[Arc<[Page<T>]>]>,
    /// Indices from here on have never been handed out.
    end: u32,
    /// The index that was given back last.
    free: Option<u32>,
    len: u32,
}

type Page<T> = Arc<[Slot<T>]>;

#[derive(Clone)]
enum Slot<T> {
    Taken(T),
    Free { next: Option<u32> },
}

impl<T> Slab<T> {
    /// How many values fit: 2²⁴.
    pub const CAPACITY: u32 = 1 << 24;

    /// An empty slab.
    pub fn new() -> Self {
        Self { pages: Arc::default(), end: 0, free: None, len: 0 }
    }

    /// How many values there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value at an index, if the index is in use.
    #[inline]
    pub fn get(&self, index: u32) -> Option<&T> {
        let [high, middle, low] = digits(index)?;
        match self.pages.get(high)?.get(middle)?.get(low)? {
            Slot::Taken(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }

    /// All values with their indices, in the order of the indices.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let slots = self.pages.iter().flat_map(|pages| pages.iter()).flat_map(|page| page.iter());
        (0..).zip(slots).filter_map(|(index, slot)| match slot {
            Slot::Taken(value) => Some((index, value)),
            Slot::Free { .. } => None,
        })
    }
}

impl<T> Slab<T> {
    /// The indices that only one of two slabs has in use, or whose values are not the `same`, in order.
    ///
    /// Cost, where one was made of a clone of the other: a look at each page, and at the values of those that the two
    /// do not share.
    pub fn differing(&self, other: &Self, same: impl Fn(&T, &T) -> bool) -> Vec<u32> {
        let mut indices = Vec::new();
        for first in (0..self.end.max(other.end)).step_by(PAGE) {
            let shared = match (self.page(first), other.page(first)) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                _ => false,
            };
            if !shared {
                indices.extend((first..).take(PAGE).filter(|index| {
                    match (self.get(*index), other.get(*index)) {
                        (Some(one), Some(other)) => !same(one, other),
                        (None, None) => false,
                        _ => true,
                    }
                }));
            }
        }
        indices
    }

    fn page(&self, index: u32) -> Option<&Page<T>> {
        let [high, middle, _] = digits(index)?;
        self.pages.get(high)?.get(middle)
    }
}

impl<T: Clone> Slab<T> {
    /// Puts a value at a free index, the one given back last if there is one; `None` if the slab is full.
    pub fn alloc(&mut self, value: T) -> Option<u32> {
        let index = match self.free {
            Some(index) => index,
            None => self.extend_by_one()?,
        };
        let slot = self.slot_mut(index)?;
        if let Slot::Free { next } = mem::replace(slot, Slot::Taken(value)) {
            self.free = next;
        }
        self.len += 1;
        Some(index)
    }

    /// Puts a value at an index in use and returns the value it replaces; `None`, and no change, if it is not in use.
    pub fn set(&mut self, index: u32, value: T) -> Option<T> {
        self.get(index)?;
        match self.slot_mut(index)? {
            Slot::Taken(held) => Some(mem::replace(held, value)),
            Slot::Free { .. } => None,
        }
    }

    /// Gives an index back and returns its value; `None`, and no change, if the index is not in use.
    pub fn free(&mut self, index: u32) -> Option<T> {
        self.get(index)?;
        let next = self.free;
        match mem::replace(self.slot_mut(index)?, Slot::Free { next }) {
            Slot::Taken(value) => {
                self.free = Some(index);
                self.len -= 1;
                Some(value)
            }
            Slot::Free { .. } => None,
        }
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        let [high, middle, low] = digits(index)?;
        let pages = Arc::make_mut(&mut self.pages).get_mut(high)?;
        let page = Arc::make_mut(pages).get_mut(middle)?;
        Arc::make_mut(page).get_mut(low)
    }

    /// An index never handed out before, with the pages it needs.
    fn extend_by_one(&mut self) -> Option<u32> {
        let index = self.end;
        let [high, middle, low] = digits(index)?;
        if low == 0 {
            if middle == 0 {
                append(&mut self.pages, Arc::default());
            }
            let pages = Arc::make_mut(&mut self.pages).get_mut(high)?;
            append(pages, iter::repeat_n(Slot::Free { next: None }, PAGE).collect());
        }
        self.end += 1;
        Some(index)
    }
}

/// The place of an index in each of the three pages, from the top; `None` beyond the capacity.
#[inline]
fn digits(index: u32) -> Option<[usize; 3]> {
    let [beyond, high, middle, low] = index.to_be_bytes();
    (beyond == 0).then(|| [high, middle, low].map(usize::from))
}

fn append<T: Clone>(page: &mut Arc<[T]>, last: T) {
    *page = page.iter().cloned().chain(iter::once(last)).collect();
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[derive(Debug, Clone)]
    enum Change {
        Alloc { count: u32 },
        Set { index: u32, value: u32 },
        Free { from: u32, count: u32 },
        Snapshot,
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            3 => (1..700_u32).prop_map(|count| Change::Alloc { count }),
            2 => (0..2_000_u32, any::<u32>()).prop_map(|(index, value)| Change::Set { index, value }),
            2 => (0..2_000_u32, 1..400_u32).prop_map(|(from, count)| Change::Free { from, count }),
            1 => Just(Change::Snapshot),
        ]
    }

    fn assert_same(slab: &Slab<u32>, model: &HashMap<u32, u32>) {
        let mut entries: Vec<_> = model.iter().map(|(index, value)| (*index, value)).collect();
        entries.sort_unstable();
        assert!(slab.iter().eq(entries));
        assert_eq!(slab.len() as usize, model.len());
        assert!((0..4_000).all(|index| slab.get(index) == model.get(&index)));
    }

    proptest! {
        #[test]
        fn it_holds_what_a_hash_map_holds_and_its_clones_stay_as_they_were(
            changes in proptest::collection::vec(change(), 1..24),
        ) {
            let (mut slab, mut model) = (Slab::new(), HashMap::new());
            let mut snapshots = Vec::new();
            let mut used_most = 0;
            for change in changes {
                match change {
                    Change::Alloc { count } => {
                        for value in 0..count {
                            let index = slab.alloc(value).expect("room");
                            prop_assert_eq!(model.insert(index, value), None);
                        }
                    }
                    Change::Set { index, value } => {
                        let replaced = model.get_mut(&index).map(|held| mem::replace(held, value));
                        prop_assert_eq!(slab.set(index, value), replaced);
                    }
                    Change::Free { from, count } => {
                        for index in from..from + count {
                            prop_assert_eq!(slab.free(index), model.remove(&index));
                        }
                    }
                    Change::Snapshot => snapshots.push((slab.clone(), model.clone())),
                }
                used_most = used_most.max(slab.len());
                prop_assert_eq!(slab.end, used_most, "an index is free and a new one was taken");
            }
            snapshots.push((slab, model));
            for (one, other) in snapshots.iter().zip(&snapshots[1..]) {
                let expected = (0..20_000).filter(|index| one.1.get(index) != other.1.get(index));
                prop_assert!(one.0.differing(&other.0, |a, b| a == b).into_iter().eq(expected));
            }
            for (slab, model) in &snapshots {
                assert_same(slab, model);
            }
        }
    }

    #[test]
    fn indices_run_on_across_pages_of_every_depth() {
        let mut slab = Slab::new();
        for value in 0..70_000 {
            assert_eq!(slab.alloc(value), Some(value));
        }
        assert!(slab.iter().eq((0..70_000).zip(&(0..70_000).collect::<Vec<_>>())));
        assert_eq!((slab.get(65_536), slab.get(70_000), slab.get(u32::MAX)), (Some(&65_536), None, None));
    }

    #[test]
    fn a_full_slab_takes_no_more_until_an_index_is_given_back() {
        let mut slab = Slab::new();
        slab.alloc('a');
        slab.end = Slab::<char>::CAPACITY;
        assert_eq!(slab.alloc('b'), None);
        assert_eq!(slab.free(0), Some('a'));
        assert_eq!(slab.alloc('c'), Some(0));
        assert_eq!(slab.alloc('d'), None);
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn an_index_given_back_twice_is_handed_out_once() {
        let mut slab = Slab::new();
        slab.alloc('a');
        assert_eq!((slab.free(0), slab.free(0)), (Some('a'), None));
        assert_eq!((slab.alloc('b'), slab.alloc('c')), (Some(0), Some(1)));
    }

    #[test]
    fn a_change_after_a_clone_copies_one_page() {
        let mut slab = Slab::new();
        for _ in 0..10_000 {
            slab.alloc(Arc::new(()));
        }
        let clone = slab.clone();
        slab.set(5_000, Arc::default());
        let copied = clone.iter().filter(|(_, value)| Arc::strong_count(value) > 1).count();
        assert_eq!(copied, PAGE - 1);
    }
}
