//! A node: a leaf of entries or a branch of nodes, whichever the height asks for.
//!
//! Recursion goes no deeper than the tree is high. A level is added only when there are 256 nodes below it, and sparse
//! neighbours are joined, so that memory ends long before the tenth.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use super::branch::{self, Branch};
use super::leaf::Leaf;
use super::leaves::Leaves;

/// A leaf or a shared branch.
#[derive(Clone)]
pub(super) enum Node<K, V> {
    Leaf(Leaf<K, V>),
    Branch(Arc<Branch<K, V>>),
}

impl<K, V> Node<K, V> {
    pub(super) fn empty() -> Self {
        Self::Leaf(Leaf::empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.len() == 0,
            Self::Branch(branch) => branch.children().is_empty(),
        }
    }

    /// Whether the two are one and the same in memory.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(one), Self::Leaf(other)) => one.place() == other.place(),
            (Self::Branch(one), Self::Branch(other)) => Arc::ptr_eq(one, other),
            (Self::Leaf(_), Self::Branch(_)) | (Self::Branch(_), Self::Leaf(_)) => false,
        }
    }

    pub(super) fn leaves(&self) -> Leaves<'_, K, V> {
        Leaves::of(self)
    }

    /// Whether it has so little that it should join a neighbour.
    pub(super) fn is_sparse(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.len() < Leaf::<K, V>::ENTRIES_MIN,
            Self::Branch(branch) => branch.children().len() < branch::CHILDREN_MIN,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.heap_bytes(),
            Self::Branch(branch) => branch.heap_bytes(),
        }
    }
}

impl<K: Ord + Hash, V> Node<K, V> {
    #[inline]
    pub(super) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return leaf.get(key),
                Self::Branch(branch) => node = branch.children().get(branch.position(key))?,
            }
        }
    }
}

impl<K: Ord + Hash + Clone, V: Clone> Node<K, V> {
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self {
            Self::Leaf(leaf) => leaf.insert(key, value),
            Self::Branch(branch) => Arc::make_mut(branch).insert(key, value),
        }
    }

    /// Takes out a key. Copies the path to it, even if it is not there.
    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        match self {
            Self::Leaf(leaf) => leaf.remove(key),
            Self::Branch(branch) => Arc::make_mut(branch).remove(key),
        }
    }

    /// Splits off the upper half, with the key that separates it, once there is too much for one node.
    pub(super) fn split_if_over(&mut self) -> Option<(K, Self)> {
        match self {
            Self::Leaf(leaf) if leaf.len() > Leaf::<K, V>::ENTRIES_MAX => {
                leaf.split().map(|(separator, right)| (separator, Self::Leaf(right)))
            }
            Self::Branch(branch) if branch.children().len() > branch::CHILDREN_MAX => {
                let split = Arc::make_mut(branch).split();
                split.map(|(separator, right)| (separator, Self::Branch(Arc::new(right))))
            }
            Self::Leaf(_) | Self::Branch(_) => None,
        }
    }

    /// Takes in the next node of the same height, if the two together leave a quarter free.
    pub(super) fn join(&mut self, separator: &K, next: &Self) -> bool {
        match (self, next) {
            (Self::Leaf(leaf), Self::Leaf(next))
                if leaf.len() + next.len() <= Leaf::<K, V>::ENTRIES_MAX / 4 * 3 =>
            {
                leaf.join(next);
                true
            }
            (Self::Branch(branch), Self::Branch(next))
                if branch.children().len() + next.children().len() <= branch::CHILDREN_MAX / 4 * 3 =>
            {
                Arc::make_mut(branch).join(separator.clone(), next);
                true
            }
            _ => false,
        }
    }

    /// Puts a root on top, once the root has become too large.
    pub(super) fn raise(&mut self) {
        if let Some(right) = self.split_if_over() {
            let left = std::mem::replace(self, Self::empty());
            *self = Self::Branch(Arc::new(Branch::over(left, std::iter::once(right))));
        }
    }

    /// Takes roots off the top that have one child or none.
    pub(super) fn lower(&mut self) {
        while let Self::Branch(branch) = self
            && branch.children().len() <= 1
        {
            *self = branch.children().first().cloned().unwrap_or_else(Self::empty);
        }
    }
}

#[cfg(test)]
impl<K: Ord + Hash, V> Node<K, V> {
    /// Panics if the node is too full or a key is out of its range; returns the height.
    pub(super) fn check(&self, low: Option<&K>, high: Option<&K>) -> usize {
        match self {
            Self::Branch(branch) => branch.check(low, high),
            Self::Leaf(leaf) => {
                assert!(leaf.len() <= Leaf::<K, V>::ENTRIES_MAX && leaf.entries().count() == leaf.len());
                for (key, _) in leaf.entries() {
                    assert!(low.is_none_or(|low| low <= key) && high.is_none_or(|high| key < high));
                    assert!(leaf.get(key).is_some(), "an entry that its own leaf does not find");
                }
                0
            }
        }
    }
}
