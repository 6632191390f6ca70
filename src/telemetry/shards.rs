//! Who counts: each worker brings something of its own, readers go through all of them.

use std::sync::{Arc, Mutex, PoisonError};

/// The parts of a thing of which each worker owns one; clones are the same set.
///
/// Parts stay for good, also when their worker is gone: a sum must not fall.
#[derive(Debug)]
pub struct ShardSet<T>(Arc<Mutex<Vec<Arc<T>>>>);

impl<T> ShardSet<T> {
    /// A set of nobody.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }

    /// Takes in a worker's part, once, as it starts; hands it back to be kept there.
    pub fn register(&self, part: T) -> Arc<T> {
        let part = Arc::new(part);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&part));
        part
    }

    /// All parts at this moment: a copied list, so that reading them holds nobody up.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<T> Default for ShardSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for ShardSet<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stays_when_its_worker_is_gone() {
        let set = ShardSet::new();
        drop(set.clone().register(7));
        set.register(8);
        assert_eq!(set.all().iter().map(|part| **part).sum::<i32>(), 15);
    }
}
