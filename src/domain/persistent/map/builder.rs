//! Builds a map bottom up from entries in order.

use std::hash::Hash;
use std::sync::Arc;

use super::branch::{Branch, CHILDREN_FILL};
use super::leaf::Leaf;
use super::node::Node;

/// Collects entries in ascending order, a leaf at a time.
pub(super) struct Builder<K, V> {
    /// The leaves so far, each with its first key.
    leaves: Vec<(K, Node<K, V>)>,
    /// The entries of the next leaf, never empty after the first push.
    run: Vec<(K, V)>,
    len: usize,
}

impl<K: Ord + Hash + Clone, V> Builder<K, V> {
    pub(super) fn new() -> Self {
        Self { leaves: Vec::new(), run: Vec::with_capacity(Leaf::<K, V>::ENTRIES_FILL), len: 0 }
    }

    /// Takes the next entry, or gives it back if its key is not greater than the last.
    pub(super) fn push(&mut self, entry: (K, V)) -> Result<(), (K, V)> {
        if self.run.last().is_some_and(|last| last.0 >= entry.0) {
            return Err(entry);
        }
        if self.run.len() == Leaf::<K, V>::ENTRIES_FILL {
            self.close_leaf();
        }
        self.run.push(entry);
        self.len += 1;
        Ok(())
    }

    /// The root of the tree over all entries, and how many they are.
    pub(super) fn build(mut self) -> (Node<K, V>, usize) {
        self.close_leaf();
        let mut level = self.leaves;
        while level.len() > 1 {
            let mut nodes = level.into_iter();
            let mut above = Vec::new();
            while let Some((first_key, first)) = nodes.next() {
                let rest = nodes.by_ref().take(CHILDREN_FILL - 1);
                above.push((first_key, Node::Branch(Arc::new(Branch::over(first, rest)))));
            }
            level = above;
        }
        (level.pop().map_or_else(Node::empty, |(_, root)| root), self.len)
    }

    fn close_leaf(&mut self) {
        if let Some((first_key, _)) = self.run.first() {
            let first_key = first_key.clone();
            let len = self.run.len();
            self.leaves.push((first_key, Node::Leaf(Leaf::of(self.run.drain(..), len))));
        }
    }
}
