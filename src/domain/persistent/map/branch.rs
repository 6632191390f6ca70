//! A branch: children in order, and the keys that separate them in an array of their own.
//!
//! A search reads separators only, a few hundred adjacent bytes, and then one child pointer.

use std::borrow::Borrow;
use std::hash::Hash;

use super::leaf::COUNTS_BYTES;
use super::node::Node;

/// Children at which a branch is split.
///
/// A change after a clone counts a reference to each sibling along the path, many of them cold lines; a search pays for
/// each level. 256 makes two levels of branches for 10 M keys, and a change of less than 5 µs; with 64, three levels
/// and a tenth dearer reads, a change takes 4 µs.
pub(super) const CHILDREN_MAX: usize = 256;
/// Children under which a branch looks for a neighbour to join.
pub(super) const CHILDREN_MIN: usize = CHILDREN_MAX / 4;
/// Children a bulk build puts in a branch.
pub(super) const CHILDREN_FILL: usize = CHILDREN_MAX * 3 / 4;

/// Up to [`CHILDREN_MAX`] children (one more just before a split), all of one height.
#[derive(Clone)]
pub(super) struct Branch<K, V> {
    /// One fewer than children: the child at `i + 1` has the keys from `separators[i]` on, the child at `i` lesser ones.
    separators: Vec<K>,
    children: Vec<Node<K, V>>,
}

impl<K, V> Branch<K, V> {
    /// A branch over children, of which each but the first comes with the key that separates it from the one before.
    pub(super) fn over(first: Node<K, V>, rest: impl Iterator<Item = (K, Node<K, V>)>) -> Self {
        let (separators, mut children): (Vec<_>, Vec<_>) = rest.unzip();
        children.insert(0, first);
        children.shrink_to_fit();
        Self { separators, children }
    }

    pub(super) fn children(&self) -> &[Node<K, V>] {
        &self.children
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let own = self.separators.capacity() * size_of::<K>()
            + self.children.capacity() * size_of::<Node<K, V>>()
            + size_of::<Self>()
            + COUNTS_BYTES;
        own + self.children.iter().map(Node::heap_bytes).sum::<usize>()
    }
}

impl<K: Ord + Hash, V> Branch<K, V> {
    /// Where the child is that has the key, if any has.
    #[inline]
    pub(super) fn position<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.separators.partition_point(|separator| separator.borrow() <= key)
    }
}

impl<K: Ord + Hash + Clone, V: Clone> Branch<K, V> {
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.position(&key);
        let child = self.children.get_mut(at)?;
        let replaced = child.insert(key, value);
        if let Some((separator, right)) = child.split_if_over() {
            self.separators.insert(at, separator);
            self.children.insert(at + 1, right);
        }
        replaced
    }

    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        let at = self.position(key);
        let child = self.children.get_mut(at)?;
        let removed = child.remove(key);
        if child.is_empty() {
            self.drop_child(at);
        } else if child.is_sparse() && !self.join_with_next(at) && at > 0 {
            self.join_with_next(at - 1);
        }
        removed
    }

    /// Keeps the lower half of the children and returns the upper with the key that separates them.
    pub(super) fn split(&mut self) -> Option<(K, Self)> {
        let half = self.children.len() / 2;
        let children = self.children.split_off(half);
        let separators = self.separators.split_off(half);
        let separator = self.separators.pop()?;
        Some((separator, Self { separators, children }))
    }

    /// Takes in the children of the next branch.
    pub(super) fn join(&mut self, separator: K, next: &Self) {
        self.separators.push(separator);
        self.separators.extend_from_slice(&next.separators);
        self.children.extend_from_slice(&next.children);
    }

    /// Joins a child with the next one, if there is one and the two leave room to grow.
    fn join_with_next(&mut self, at: usize) -> bool {
        let [child, next, ..] = self.children.get_mut(at..).unwrap_or_default() else { return false };
        let Some(separator) = self.separators.get(at) else { return false };
        let joined = child.join(separator, next);
        if joined {
            self.children.remove(at + 1);
            self.separators.remove(at);
        }
        joined
    }

    /// Forgets a child; its range of keys goes to the one before, or to the new first one.
    fn drop_child(&mut self, at: usize) {
        self.children.remove(at);
        if !self.separators.is_empty() {
            self.separators.remove(at.saturating_sub(1));
        }
    }
}

#[cfg(test)]
impl<K: Ord + Hash, V> Branch<K, V> {
    /// Panics if a key is outside of the range its child stands for; returns the height.
    pub(super) fn check(&self, low: Option<&K>, high: Option<&K>) -> usize {
        let count = self.children.len();
        assert!((1..=CHILDREN_MAX).contains(&count) && self.separators.len() + 1 == count);
        let bound = |at: usize| self.separators.get(at);
        let heights: Vec<_> = (0..count)
            .map(|at| {
                let low = if at == 0 { low } else { bound(at - 1) };
                self.children[at].check(low, bound(at).or(high))
            })
            .collect();
        assert!(heights.iter().all(|height| *height == heights[0]));
        heights[0] + 1
    }
}
