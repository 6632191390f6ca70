//! A persistent ordered map that reads like a hash table: one cold cache line a key.
//!
//! ```text
//!   branch   up to 256 children, found by binary search    a megabyte in all for 10 M keys: stays in cache
//!      |
//!   branch   as many levels as it takes, two for 10 M
//!      |
//!   leaf     up to 2,048 small entries, found by hash      12 bytes a slot for a number: one probe goes to memory
//! ```
//!
//! It is a B+-tree whose leaves are in order among each other but hashed within. Finding a key inside a leaf by binary
//! search would touch several cold lines; hashing touches one. Order within a leaf is made when someone asks for it:
//! an iterator sorts one leaf at a time, which pages of a listing do not notice.
//!
//! | operation | cost |
//! |---|---|
//! | `clone` | one reference count |
//! | `get` | one cold cache line: as long as a flat hash table takes |
//! | `insert`, `remove` | the same while no clone shares the path, and now and then a leaf written anew |
//! | `insert`, `remove` after a clone | a copy of one leaf and one branch a level: 5 µs at 10 M numbers |
//! | `extend` in ascending order | 0.2 µs an entry: a leaf is copied once, whatever falls into it |
//! | `iter`, `range_from` | a sort of each leaf as it is reached |
//! | `differing` from a relative | the leaves that the two do not share |
//! | memory | 15 to 18 bytes a number |
//!
//! `cargo bench --bench number_map` measures these. Comparing keys is what a search does most: give a key that is a
//! number the order of a number, not the order of its fields.

mod branch;
mod builder;
mod iter;
mod leaf;
mod leaves;
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

impl<K: Ord + Hash + Clone, V> Map<K, V> {
    /// The keys that only one of two maps has, or whose values are not the `same`; in no order.
    ///
    /// Cost, where one was made of a clone of the other: a look at each node, and at the entries of the leaves that the
    /// two do not share. At 10 M numbers that is a tenth of a millisecond, and 50 µs for each leaf that was changed.
    pub fn differing(&self, other: &Self, same: impl Fn(&V, &V) -> bool) -> Vec<K> {
        if self.root.is(&other.root) {
            return Vec::new();
        }
        let (mine, theirs) = (self.root.leaves(), other.root.leaves());
        let mut keys = Vec::new();
        for leaf in mine.unshared(&theirs) {
            let differ = |(key, value): &&(K, V)| other.get(key).is_none_or(|theirs| !same(value, theirs));
            keys.extend(leaf.entries().filter(differ).map(|(key, _)| key.clone()));
        }
        for leaf in theirs.unshared(&mine) {
            let gone = |(key, _): &&(K, V)| !self.contains_key(key);
            keys.extend(leaf.entries().filter(gone).map(|(key, _)| key.clone()));
        }
        keys
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::num::NonZeroU32;
    use std::sync::Arc;

    type Model = BTreeMap<u64, u32>;

    /// Panics unless the map has what the model has, in order, in a tree that keeps its rules.
    fn assert_same(map: &Map<u64, u32>, model: &Model) {
        map.root.check(None, None);
        assert_eq!(map.len(), model.len());
        assert!(map.iter().eq(model));
    }

    #[derive(Debug, Clone)]
    enum Change {
        Insert { from: u64, step: u64, count: u64, value: u32 },
        Remove { from: u64, step: u64, count: u64 },
        Rebuild,
        Snapshot,
    }

    fn change() -> impl Strategy<Value = Change> {
        let run = || (0..5_000_u64, 1..9_u64, prop_oneof![Just(1), 1..2_000_u64]);
        prop_oneof![
            4 => (run(), any::<u32>())
                .prop_map(|((from, step, count), value)| Change::Insert { from, step, count, value }),
            4 => run().prop_map(|(from, step, count)| Change::Remove { from, step, count }),
            1 => Just(Change::Rebuild),
            2 => Just(Change::Snapshot),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn it_holds_what_a_b_tree_map_holds_and_its_clones_stay_as_they_were(
            changes in proptest::collection::vec(change(), 1..16),
            probes in proptest::collection::vec(0..20_000_u64, 16),
        ) {
            let (mut map, mut model) = (Map::new(), Model::new());
            let mut snapshots = Vec::new();
            for change in changes {
                match change {
                    Change::Insert { from, step, count, value } => {
                        for key in (0..count).map(|i| from + i * step) {
                            prop_assert_eq!(map.insert(key, value), model.insert(key, value));
                        }
                    }
                    Change::Remove { from, step, count } => {
                        for key in (0..count).map(|i| from + i * step) {
                            prop_assert_eq!(map.remove(&key), model.remove(&key));
                        }
                    }
                    Change::Rebuild => map = Map::from_sorted(model.clone()),
                    Change::Snapshot => snapshots.push((map.clone(), model.clone())),
                }
            }
            snapshots.push((map, model));
            for (one, other) in snapshots.iter().zip(&snapshots[1..]) {
                let mut differing = one.0.differing(&other.0, |a, b| a == b);
                differing.sort_unstable();
                let keys: BTreeSet<_> = one.1.keys().chain(other.1.keys()).copied().collect();
                prop_assert!(differing.iter().eq(keys.iter().filter(|key| one.1.get(key) != other.1.get(key))));
            }
            for (map, model) in &snapshots {
                assert_same(map, model);
                for probe in &probes {
                    prop_assert_eq!(map.get(probe), model.get(probe));
                    let (included, excluded) = (Bound::Included(probe), Bound::Excluded(probe));
                    prop_assert!(map.range_from(included).eq(model.range((included, Bound::Unbounded))));
                    prop_assert!(map.range_from(excluded).eq(model.range((excluded, Bound::Unbounded))));
                }
            }
        }

        #[test]
        fn entries_in_any_order_build_what_inserting_them_builds(
            entries in proptest::collection::vec((0..3_000_u64, any::<u32>()), 0..3_000),
            sorted in any::<bool>(),
        ) {
            let mut entries = entries;
            if sorted {
                entries.sort_by_key(|(key, _)| *key);
            }
            assert_same(&Map::from_sorted(entries.clone()), &entries.into_iter().collect());
        }
    }

    const COUNT: u64 = 100_000;

    /// Orders of a hundred thousand keys that are hard on one part or another.
    fn hard_orders() -> [(&'static str, Vec<u64>); 5] {
        let scattered = |i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        [
            ("ascending", (0..COUNT).collect()),
            ("descending", (0..COUNT).rev().collect()),
            ("from both ends", (0..COUNT).map(|i| if i % 2 == 0 { i } else { u64::MAX - i }).collect()),
            ("scattered", (0..COUNT).map(scattered).collect()),
            ("equal low bits", (0..COUNT).map(|i| scattered(i) << 40).collect()),
        ]
    }

    #[test]
    fn any_order_of_inserting_and_removing_keeps_the_rules_of_the_tree() {
        for (name, keys) in hard_orders() {
            let (mut map, mut model) = (Map::new(), Model::new());
            for (value, key) in (0..).zip(&keys) {
                assert_eq!(map.insert(*key, value), model.insert(*key, value), "{name}");
            }
            assert_same(&map, &model);
            let (kept, removed) = keys.split_at(keys.len() / 10);
            for key in removed {
                assert_eq!(map.remove(key), model.remove(key), "{name}");
            }
            assert_same(&map, &model);
            assert!(map.heap_bytes() < 40 * map.len().max(1_000), "{name}: {} bytes", map.heap_bytes());
            for key in kept {
                map.remove(key);
            }
            assert!(map.is_empty() && map.root.check(None, None) == 0, "{name}");
        }
    }

    /// Hashes alike whatever it is.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    struct Colliding(u32);

    impl Hash for Colliding {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            state.write_u32(7);
        }
    }

    #[test]
    fn keys_that_all_collide_are_slow_and_right() {
        let mut map: Map<_, _> = Map::new();
        map.extend((0..2_000).rev().map(|i| (Colliding(i), i)));
        for i in (0..2_000).step_by(2) {
            assert_eq!(map.remove(&Colliding(i)), Some(i));
        }
        assert!(map.iter().map(|(_, value)| *value).eq((1..2_000).step_by(2)));
        assert!((0..2_000).all(|i| map.contains_key(&Colliding(i)) == (i % 2 == 1)));
    }

    #[test]
    fn a_key_is_found_by_its_borrowed_form() {
        let names = ["zoe", "ada", "max"];
        let mut map: Map<Arc<str>, usize> = Map::new();
        map.extend(names.iter().map(|name| (Arc::from(*name), name.len())));
        assert_eq!(map.get("ada"), Some(&3));
        assert_eq!(map.remove("max"), Some(3));
        assert_eq!(format!("{map:?}"), r#"{"ada": 3, "zoe": 3}"#);
        assert_eq!(map.range_from(Bound::Excluded("ada")).count(), 1);
    }

    #[test]
    fn a_change_after_a_clone_leaves_nearly_everything_shared() {
        let mut map = Map::from_sorted((0..COUNT).map(|i| (i, Arc::new(()))));
        let values: Vec<_> = (0..COUNT).filter_map(|i| map.get(&i).cloned()).collect();
        let clone = map.clone();
        map.insert(COUNT / 2, Arc::default());
        map.remove(&(COUNT / 2 + 10_000));
        let copied = values.iter().filter(|value| Arc::strong_count(value) > 2).count();
        assert!(
            (1..=2 * leaf::Leaf::<u64, Arc<()>>::ENTRIES_MAX).contains(&copied),
            "{copied} entries copied"
        );
        assert_eq!((clone.len(), map.len()), (values.len(), values.len() - 1));
    }

    #[test]
    fn what_two_relatives_share_is_not_compared() {
        let mut map = Map::from_sorted((0..COUNT).map(|i| (i, 0)));
        let clone = map.clone();
        map.insert(COUNT / 2, 1);
        let compared = std::cell::Cell::new(0);
        let differing = clone.differing(&map, |a, b| {
            compared.set(compared.get() + 1);
            a == b
        });
        assert_eq!(differing, [COUNT / 2]);
        assert!(compared.get() <= leaf::Leaf::<u64, i32>::ENTRIES_MAX, "{} compared", compared.get());
    }

    #[test]
    fn removing_what_is_not_there_copies_nothing() {
        let mut map = Map::from_sorted((0..COUNT).map(|i| (2 * i, ())));
        let clone = map.clone();
        assert_eq!(map.remove(&COUNT), Some(()));
        let Node::Branch(changed) = map.root.clone() else { panic!("a root of many") };
        assert_eq!(map.remove(&(COUNT + 1)), None);
        assert!(matches!(&map.root, Node::Branch(root) if Arc::ptr_eq(root, &changed)));
        assert!(matches!(&clone.root, Node::Branch(root) if !Arc::ptr_eq(root, &changed)));
    }

    #[test]
    fn a_leaf_that_thins_out_beside_a_full_one_stays_alone_until_it_is_gone() {
        let fill = leaf::Leaf::<u64, i32>::ENTRIES_FILL as u64;
        let mut map = Map::from_sorted((0..2 * fill).map(|i| (10 * i, 0)));
        map.extend((0..fill / 4).map(|i| (10 * (fill + i) + 1, 0)));
        for i in 0..fill {
            assert_eq!(map.remove(&(10 * i)), Some(0));
            map.root.check(None, None);
            assert_eq!(map.len() as u64, 2 * fill + fill / 4 - 1 - i);
        }
        assert!(matches!(map.root, Node::Leaf(_)));
    }

    /// Shaped like a phone number: eight bytes that need the alignment of four only.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    struct Number([u32; 2]);

    #[test]
    fn a_slot_of_a_number_takes_12_bytes() {
        assert_eq!(size_of::<Option<(Number, NonZeroU32)>>(), 12);
    }

    #[test]
    fn a_million_numbers_take_at_most_20_bytes_each_however_they_came() {
        let numbers = || (0..1_000_000).map(|i| (Number([3, 7 * i]), NonZeroU32::MIN));
        let built = Map::from_sorted(numbers());
        let mut grown = Map::new();
        grown.extend(numbers());
        for (map, bytes_max) in [(&built, 17), (&grown, 20)] {
            assert!(map.heap_bytes() <= bytes_max * map.len(), "{} bytes", map.heap_bytes());
        }
    }
}
