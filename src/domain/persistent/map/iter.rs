//! Walks a map in the order of its keys.

use std::borrow::Borrow;
use std::hash::Hash;
use std::ops::Bound;
use std::{slice, vec};

use super::node::Node;

/// The entries of a [`Map`](super::Map) in the order of their keys.
///
/// Sorts a leaf when it comes to it; the rest are reads.
pub struct Iter<'a, K, V> {
    /// What is left of each level, the lowest last.
    pending: Vec<slice::Iter<'a, Node<K, V>>>,
    /// What is left of the leaf.
    entries: vec::IntoIter<&'a (K, V)>,
}

impl<'a, K: Ord + Hash, V> Iter<'a, K, V> {
    pub(super) fn over(root: &'a Node<K, V>) -> Self {
        Self { pending: vec![slice::from_ref(root).iter()], entries: Vec::new().into_iter() }
    }

    pub(super) fn from<Q>(root: &'a Node<K, V>, from: Bound<&Q>) -> Self
    where
        K: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        let (Bound::Included(key) | Bound::Excluded(key)) = from else { return Self::over(root) };
        let mut pending = Vec::new();
        let mut node = root;
        while let Node::Branch(branch) = node {
            let mut rest = branch.children().iter();
            let Some(child) = rest.nth(branch.position(key)) else { break };
            pending.push(rest);
            node = child;
        }
        let mut entries = match node {
            Node::Leaf(leaf) => leaf.sorted(),
            Node::Branch(_) => Vec::new(),
        };
        let included = matches!(from, Bound::Included(_));
        let before = entries.partition_point(|(held, _)| {
            let held = held.borrow();
            held < key || (held == key && !included)
        });
        entries.drain(..before);
        Self { pending, entries: entries.into_iter() }
    }
}

impl<'a, K: Ord + Hash, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.entries.next() {
                return Some((key, value));
            }
            match self.pending.last_mut()?.next() {
                Some(Node::Leaf(leaf)) => self.entries = leaf.sorted().into_iter(),
                Some(Node::Branch(branch)) => self.pending.push(branch.children().iter()),
                None => drop(self.pending.pop()),
            }
        }
    }
}
