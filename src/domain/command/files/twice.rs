//! What the files give twice. Numbers, of which there are millions, are compared when they are read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Merge;
use crate::domain::files::{FileSet, Keys, Place, Placed};
use crate::domain::id::AccountId;
use crate::domain::object::{Object, ObjectRef};

impl Merge<'_> {
    /// Tells each split, prefix, default route and caller pin that stands there a second time, whatever else is wrong with
    /// it, with the place of the first.
    pub(super) fn refuse_twice(&mut self, files: &FileSet) {
        let mut given = given(files);
        given.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut first: BTreeMap<ObjectRef, Place> = BTreeMap::new();
        for (at, id) in given {
            match first.entry(id) {
                Entry::Vacant(entry) => drop(entry.insert(at)),
                Entry::Occupied(entry) => {
                    let (object, first) = (&entry.key().object, entry.get());
                    let message = format!("{object} is given twice, first in {}:{}", first.file, first.line);
                    self.faults.push(at.fault(message, "each of them once"));
                }
            }
        }
    }
}

/// Everything but numbers, with its place.
fn given(files: &FileSet) -> Vec<(Place, ObjectRef)> {
    let mut given = Vec::new();
    let mut add = |at: &Place, keys: &Keys, account: &AccountId, object: Object| {
        let key = match object {
            Object::Split(_) => "id",
            Object::Prefix(_) => "prefix",
            Object::CallerPin { .. } => "caller",
            // Agents are folders, and the table of the default route is its name.
            Object::DefaultRoute | Object::Agent(_) => "",
            Object::Number(_) => return,
        };
        given.push((keys.place(at, key), ObjectRef::new(account, object)));
    };
    for Placed { at, keys, value: split } in &files.splits {
        add(at, keys, &split.id.account, Object::Split(split.id.split.clone()));
    }
    for Placed { at, keys, value: (prefix, route) } in &files.prefixes {
        add(at, keys, &route.account, Object::Prefix(*prefix));
    }
    for Placed { at, keys, value: route } in &files.defaults {
        add(at, keys, &route.account, Object::DefaultRoute);
    }
    for Placed { at, keys, value: pin } in &files.caller_pins {
        add(at, keys, &pin.id.agent.account, pin.id.object());
    }
    for Placed { at, keys, value: sketch } in &files.reading.sketches {
        if let Some(object) = &sketch.object {
            add(at, keys, &sketch.account, object.clone());
        }
    }
    given
}
