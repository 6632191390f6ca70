//! The leaves of a tree, for comparing it with a relative.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::leaf::Leaf;
use super::node::Node;

/// The leaves of a tree, in no order, and where each is in memory.
pub(super) struct Leaves<'a, K, V> {
    leaves: Vec<&'a Leaf<K, V>>,
    places: HashSet<usize, FixedState>,
}

impl<'a, K, V> Leaves<'a, K, V> {
    pub(super) fn of(root: &'a Node<K, V>) -> Self {
        let mut found = Self { leaves: Vec::new(), places: HashSet::default() };
        let mut nodes = vec![root];
        while let Some(node) = nodes.pop() {
            match node {
                Node::Leaf(leaf) => {
                    found.leaves.push(leaf);
                    found.places.insert(leaf.place());
                }
                Node::Branch(branch) => nodes.extend(branch.children()),
            }
        }
        found
    }

    /// Those that are not in the other tree too.
    pub(super) fn unshared(&self, other: &Self) -> impl Iterator<Item = &'a Leaf<K, V>> {
        self.leaves.iter().copied().filter(|leaf| !other.places.contains(&leaf.place()))
    }
}
