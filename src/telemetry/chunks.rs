//! An array that grows without moving what it holds, so that readers need no lock.

use std::sync::OnceLock;

/// How many elements appear at once.
const CHUNK_LEN: usize = 256;
/// How many elements there can be; further ones are refused.
pub(super) const LEN_MAX: u32 = 1 << 20;

/// A sparse array of up to [`LEN_MAX`] elements, made 256 at a time when first asked for.
///
/// Empty it takes 64 KiB.
pub(super) struct Chunks<T>(Box<[OnceLock<Box<[T]>>]>);

impl<T: Default> Chunks<T> {
    pub(super) fn new() -> Self {
        Self((0..LEN_MAX as usize / CHUNK_LEN).map(|_| OnceLock::new()).collect())
    }

    /// The element, if its chunk was ever made.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        self.0.get(index / CHUNK_LEN)?.get()?.get(index % CHUNK_LEN)
    }

    /// The element, made now if need be; `None` from [`LEN_MAX`] on.
    #[inline]
    pub(super) fn get_or_make(&self, index: u32) -> Option<&T> {
        self.get(index).or_else(|| self.make(index))
    }

    #[cold]
    fn make(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        let chunk = self.0.get(index / CHUNK_LEN)?;
        chunk.get_or_init(|| (0..CHUNK_LEN).map(|_| T::default()).collect()).get(index % CHUNK_LEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    #[test]
    fn elements_stay_where_they_are_while_the_array_grows() {
        let chunks = Chunks::<AtomicU32>::new();
        assert!(chunks.get(5).is_none(), "nothing is made by reading");
        let five = chunks.get_or_make(5).unwrap();
        five.store(55, Relaxed);
        chunks.get_or_make(LEN_MAX - 1).unwrap().store(7, Relaxed);
        assert_eq!(five.load(Relaxed), 55);
        assert!(std::ptr::eq(five, chunks.get_or_make(5).unwrap()));
        assert_eq!(chunks.get(LEN_MAX - 1).unwrap().load(Relaxed), 7);
        assert_eq!(chunks.get(4).unwrap().load(Relaxed), 0);
    }

    #[test]
    fn an_index_beyond_the_end_is_refused() {
        let chunks = Chunks::<AtomicU32>::new();
        assert!(chunks.get_or_make(LEN_MAX).is_none());
        assert!(chunks.get_or_make(u32::MAX).is_none());
    }
}
