//! A persistent ordered map that reads like a hash table: one cold cache line a key.
//!
//! ```text
//!   branch   separators, binary search          a few hundred kilobytes for 10 M keys: stays in cache
//!      |
//!   branch   separators, binary search
//!      |
//!   leaf     up to 512 entries, hash table      12 bytes a slot for a number: one probe goes to memory
//! ```
//!
//! It is a B+-tree whose leaves are in order among each other but hashed within. Finding a key inside a leaf by binary
//! search would touch several cold lines; hashing touches one. Order within a leaf is made when someone asks for it:
//! an iterator sorts one leaf at a time, which pages of a listing do not notice.
//!
//! | operation | cost, 10 M numbers |
//! |---|---|
//! | `clone` | one reference count |
//! | `get` | one cold cache line |
//! | `insert`, `remove`, nobody else holds the path | the same, and now and then a leaf written anew |
//! | `insert`, `remove` after a clone | one leaf and one branch a level copied |
//! | `iter`, `range_from` | a sort of at most 512 entries a leaf |

mod branch;
mod builder;
mod iter;
mod leaf;
mod node;

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::ops::Bound;

use builder::Builder;
pub use iter::Iter;
use node::Node;

/// A persistent ordered map from `K` to `V`.
///
/// `Q` below is any borrowed form of the key (`str` for `Arc<str>`), whose order and hash agree with the key's.
#[derive(Clone)]
pub struct Map<K, V> {
    root: Node<K, V>,
    len: usize,
}

impl<K, V> Map<K, V> {
    /// An empty map.
    pub fn new() -> Self {
        Self { root: Node::empty(), len: 0 }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap behind this map, counting what it shares with clones, but not what keys and values own.
    ///
    /// Walks every node: for measurements.
    pub fn heap_bytes(&self) -> usize {
        self.root.heap_bytes()
    }
}

impl<K: Ord + Hash, V> Map<K, V> {
    /// The value of a key.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        self.root.get(key)
    }

    /// Whether the key is there.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        self.get(key).is_some()
    }

    /// All entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::over(&self.root)
    }

    /// The entries from a key on, in order, the key itself included or not.
    pub fn range_from<Q>(&self, from: Bound<&Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        Iter::from(&self.root, from)
    }
}

impl<K: Ord + Hash + Clone, V: Clone> Map<K, V> {
    /// Builds a map from entries in ascending order, in linear time.
    ///
    /// Of equal keys the last counts. From the first key that is out of order on, entries are inserted one by one:
    /// slower, and as right.
    pub fn from_sorted(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut entries = entries.into_iter();
        let mut builder = Builder::new();
        let stray = entries.by_ref().find_map(|entry| builder.push(entry).err());
        let (root, len) = builder.build();
        let mut map = Self { root, len };
        map.extend(stray.into_iter().chain(entries));
        map
    }

    /// Puts a value at a key and returns the value it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let replaced = self.root.insert(key, value);
        self.root.raise();
        if replaced.is_none() {
            self.len += 1;
        }
        replaced
    }

    /// Takes a key out and returns its value.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        // Asked first, so that removing what is not there copies nothing.
        self.get(key)?;
        let removed = self.root.remove(key);
        self.root.lower();
        if removed.is_some() {
            self.len -= 1;
        }
        removed
    }
}

impl<K: Ord + Hash + Clone, V: Clone> Extend<(K, V)> for Map<K, V> {
    /// Inserts entries in any order; in ascending order each node is copied at most once and found in cache.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, K: Ord + Hash, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K: Ord + Hash + fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
