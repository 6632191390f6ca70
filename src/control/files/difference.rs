//! From one library to the next: everything whole, but numbers only as far as they differ.
//!
//! Numbers of files that did not change are not walked. Those that a changed file gives anew are looked up in the other
//! files, since a number belongs to one file only; one that has moved from file to file is not released.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::marker::PhantomData;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::doubtful::Doubtful;
use super::faults::FAULTS_MAX;
use super::library::Library;
use super::origin::small;
use super::route_file::RouteFile;
use super::rows::{NOWHERE, Numbers, Row};
use super::unpinned::Unpinned;
use crate::domain::address::{E164, Number};
use crate::domain::fault::Fault;
use crate::domain::files::{FileNumber, FileSet, Place, Placed, Reading};
use crate::domain::id::ConfigHash;
use crate::domain::route::Route;

impl Library {
    /// What these files say, numbers as the difference to the files that are applied.
    ///
    /// Costs as much as changed, and a few steps for each file and each distinct route.
    ///
    /// What is wrong with the files, numbers that two of them give included, is in its
    /// [`Reading`](crate::domain::files::Reading).
    #[must_use]
    pub fn file_set(&self, applied: &Self, accepted: Option<ConfigHash>) -> FileSet {
        let hash = self.hash();
        let mut faults = self.faults.clone();
        let book = RouteBook::of(self);
        let files: Vec<Arc<str>> = self.routes().map(|(path, _)| Arc::clone(path)).collect();
        let pairs = pairs(self, applied);
        let mut set = FileSet {
            hash,
            accepted: accepted == Some(hash),
            accepted_by: None,
            account: self.account.clone(),
            agents: self.agents(),
            splits: self.routes().flat_map(|(_, file)| file.splits.iter().cloned()).collect(),
            prefixes: self.routes().flat_map(|(_, file)| file.prefixes.iter().cloned()).collect(),
            defaults: self.routes().filter_map(|(_, file)| file.default.clone()).collect(),
            caller_pins: self.routes().flat_map(|(_, file)| file.caller_pins.iter().cloned()).collect(),
            routes: Vec::new(),
            put: Vec::new(),
            released: Vec::new(),
            numbers_before: applied.routes().map(|(_, file)| file.numbers.len()).sum(),
            files,
            reading: Reading::default(),
        };
        let difference = Difference { pairs: &pairs, book: &book, files: &set.files };
        let phones = difference.of(|numbers| &numbers.phones, |key: &E164| Number::E164(*key), &mut faults);
        let users = difference.of(|n| &n.users, |key: &Arc<str>| Number::User(Arc::clone(key)), &mut faults);
        for (put, released) in [phones, users] {
            // Almost always one of the two is empty.
            if set.put.is_empty() {
                set.put = put;
            } else {
                set.put.extend(put);
            }
            set.released.extend(released);
        }
        set.routes = book.routes;
        let doubtful = self.routes().map(|(path, file)| (path.as_ref(), &file.doubtful));
        let mut warnings = Doubtful::warnings(doubtful);
        warnings.extend(Unpinned::warnings(self.routes().map(|(path, file)| (path.as_ref(), file.unpinned))));
        set.reading = Reading {
            faults,
            doubt: self.doubt(),
            sketches: self.routes().flat_map(|(_, file)| file.sketches.iter().cloned()).collect(),
            accounts: self.accounts(),
            warnings,
        };
        set
    }
}

/// The distinct routes of all files, each with a dense place.
///
/// Files that were read together share their routes, so that most are known by where they are in memory, without a look
/// at what they say.
pub(super) struct RouteBook<'l> {
    routes: Vec<Placed<Arc<Route>>>,
    places: HashMap<Arc<Route>, u32, FixedState>,
    by_address: HashMap<usize, u32, FixedState>,
    /// Whose routes they are: as long as it lives, nothing else can be at their addresses.
    library: PhantomData<&'l Library>,
}

impl<'l> RouteBook<'l> {
    pub(super) fn of(library: &'l Library) -> Self {
        let mut book = Self {
            routes: Vec::new(),
            places: HashMap::default(),
            by_address: HashMap::default(),
            library: PhantomData,
        };
        for placed in library.routes().flat_map(|(_, file)| &file.routes) {
            let Entry::Vacant(unknown) = book.by_address.entry(address(&placed.value)) else { continue };
            let place = *book.places.entry(Arc::clone(&placed.value)).or_insert_with(|| {
                book.routes.push(placed.clone());
                small(book.routes.len() - 1)
            });
            unknown.insert(place);
        }
        book
    }

    fn place(&self, route: &Arc<Route>) -> Option<u32> {
        self.by_address.get(&address(route)).or_else(|| self.places.get(route)).copied()
    }

    /// The places of a file's routes; none for a route that no file has any more.
    pub(super) fn places(&self, file: &RouteFile) -> Vec<Option<u32>> {
        file.routes.iter().map(|placed| self.place(&placed.value)).collect()
    }
}

fn address(route: &Arc<Route>) -> usize {
    Arc::as_ptr(route).addr()
}

/// A route file, before and after.
struct Pair<'l> {
    before: Option<&'l RouteFile>,
    after: Option<&'l RouteFile>,
    /// Place of the file among those there are now.
    file: u32,
    changed: bool,
}

fn pairs<'l>(now: &'l Library, applied: &'l Library) -> Vec<Pair<'l>> {
    let same = |path: &str| match (now.files.get(path), applied.files.get(path)) {
        (Some(now), Some(applied)) => now.hash == applied.hash,
        _ => false,
    };
    let present = now.routes().enumerate().map(|(place, (path, after))| Pair {
        before: applied.route_file(path),
        after: Some(after),
        file: small(place),
        changed: !same(path),
    });
    let gone = applied.routes().filter(|(path, _)| now.route_file(path).is_none()).map(|(_, before)| Pair {
        before: Some(before),
        after: None,
        file: 0,
        changed: true,
    });
    present.chain(gone).collect()
}

struct Difference<'l> {
    pairs: &'l [Pair<'l>],
    book: &'l RouteBook<'l>,
    files: &'l [Arc<str>],
}

/// A number that a file gives and did not give before.
#[derive(Clone, Copy)]
struct Fresh<'l, K> {
    key: &'l K,
    line: u32,
    file: u32,
    route: u32,
}

impl<'l> Difference<'l> {
    /// Numbers with a new route, and those that nobody gives any more, by number.
    fn of<K: Ord + 'l>(
        &self,
        rows: fn(&Numbers) -> &Vec<Row<K>>,
        number: fn(&K) -> Number,
        faults: &mut Vec<Fault>,
    ) -> (Vec<FileNumber>, Vec<Number>) {
        let mut fresh: Vec<Fresh<'l, K>> = Vec::new();
        let mut rerouted: Vec<Fresh<'l, K>> = Vec::new();
        let mut gone: Vec<(&'l K, Option<u32>)> = Vec::new();
        for pair in self.pairs.iter().filter(|pair| pair.changed) {
            self.compare(pair, rows, &mut fresh, &mut rerouted, &mut gone);
        }
        // Files in order are mostly numbers in order: a merge of runs.
        fresh.sort_by(|a, b| a.key.cmp(b.key));
        gone.sort_by(|a, b| a.0.cmp(b.0));
        self.refuse_twice(&fresh, rows, number, faults);
        let released = gone.iter().filter(|(key, _)| find(&fresh, key).is_none()).map(|(key, _)| number(key));
        let released = released.collect();
        let moved = |fresh: &Fresh<'l, K>| {
            let at = gone.binary_search_by(|(key, _)| (*key).cmp(fresh.key)).ok();
            at.and_then(|at| gone.get(at)).is_some_and(|(_, route)| *route == Some(fresh.route))
        };
        let fresh = fresh.iter().filter(|fresh| !moved(fresh));
        let put = fresh.chain(&rerouted).map(|fresh| FileNumber {
            number: number(fresh.key),
            route: fresh.route,
            file: fresh.file,
            line: fresh.line,
        });
        (put.collect(), released)
    }

    /// One file before and after, as a merge of the two.
    fn compare<K: Ord + 'l>(
        &self,
        pair: &Pair<'l>,
        rows: fn(&Numbers) -> &Vec<Row<K>>,
        fresh: &mut Vec<Fresh<'l, K>>,
        rerouted: &mut Vec<Fresh<'l, K>>,
        gone: &mut Vec<(&'l K, Option<u32>)>,
    ) {
        let side = |file: Option<&'l RouteFile>| {
            let rows: &'l [Row<K>] = file.map(|file| rows(&file.numbers).as_slice()).unwrap_or_default();
            let routes = file.filter(|_| !rows.is_empty()).map(|file| self.book.places(file));
            (rows.iter().peekable(), routes.unwrap_or_default())
        };
        let (mut before, old_routes) = side(pair.before);
        let (mut after, new_routes) = side(pair.after);
        let place = |routes: &[Option<u32>], row: &Row<K>| routes.get(row.route as usize).copied().flatten();
        if pair.before.is_none() {
            fresh.reserve_exact(after.len());
        }
        loop {
            let order = match (before.peek(), after.peek()) {
                (Some(old), Some(new)) => old.key.cmp(&new.key),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let old = if order.is_le() { before.next() } else { None };
            let new = if order.is_ge() { after.next() } else { None };
            let was = old.and_then(|row| place(&old_routes, row));
            match (old, new) {
                (Some(old), None) => gone.push((&old.key, was)),
                (_, Some(new)) => {
                    let route = place(&new_routes, new).unwrap_or(NOWHERE);
                    let row = Fresh { key: &new.key, line: new.line, file: pair.file, route };
                    if old.is_none() {
                        fresh.push(row);
                    } else if was != Some(route) {
                        rerouted.push(row);
                    }
                }
                (None, None) => return,
            }
        }
    }

    /// A number belongs to one file: the fresh ones must differ from each other and from those that other files kept.
    fn refuse_twice<K: Ord + 'l>(
        &self,
        fresh: &[Fresh<'l, K>],
        rows: fn(&Numbers) -> &Vec<Row<K>>,
        number: fn(&K) -> Number,
        faults: &mut Vec<Fault>,
    ) {
        let most = faults.len() + FAULTS_MAX;
        let mut twice = |first: Place, again: Place, key: &K| {
            if faults.len() < most {
                let message =
                    format!("number: {} is given twice, first in {}:{}", number(key), first.file, first.line);
                faults.push(again.fault(message, "each number in one file"));
            }
        };
        for pair in fresh.windows(2) {
            if let [first, again] = pair
                && first.key == again.key
            {
                twice(self.place(first.file, first.line), self.place(again.file, again.line), again.key);
            }
        }
        for pair in self.pairs {
            let (Some(before), Some(after)) = (pair.before, pair.after) else { continue };
            let kept = |key: &K| !pair.changed || row(rows(&before.numbers), key).is_some();
            common(fresh, rows(&after.numbers), |fresh, row| {
                if fresh.file != pair.file && kept(&row.key) {
                    twice(self.place(pair.file, row.line), self.place(fresh.file, fresh.line), &row.key);
                }
            });
        }
    }

    fn place(&self, file: u32, line: u32) -> Place {
        let file = self.files.get(file as usize).cloned().unwrap_or_else(|| Arc::from(""));
        Place { file, line, column: 0 }
    }
}

fn find<'f, 'l, K: Ord>(fresh: &'f [Fresh<'l, K>], key: &K) -> Option<&'f Fresh<'l, K>> {
    fresh.binary_search_by(|fresh| fresh.key.cmp(key)).ok().and_then(|at| fresh.get(at))
}

fn row<'r, K: Ord>(rows: &'r [Row<K>], key: &K) -> Option<&'r Row<K>> {
    rows.binary_search_by(|row| row.key.cmp(key)).ok().and_then(|at| rows.get(at))
}

/// What two sorted lists have in common: a search in the longer for each of the shorter, within the range they share.
fn common<'l, K: Ord>(
    fresh: &[Fresh<'l, K>],
    rows: &'l [Row<K>],
    mut both: impl FnMut(&Fresh<'l, K>, &'l Row<K>),
) {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
    let from = fresh.partition_point(|fresh| *fresh.key < first.key);
    let to = fresh.partition_point(|fresh| *fresh.key <= last.key);
    let fresh = fresh.get(from..to).unwrap_or_default();
    if fresh.len() < rows.len() {
        for fresh in fresh {
            if let Some(row) = row(rows, fresh.key) {
                both(fresh, row);
            }
        }
    } else {
        for row in rows {
            if let Some(fresh) = find(fresh, &row.key) {
                both(fresh, row);
            }
        }
    }
}
