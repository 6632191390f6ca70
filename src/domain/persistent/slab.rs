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
