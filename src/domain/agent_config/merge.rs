//! Three-way merge: what two sides made of one configuration, put together.
//!
//! Objects are merged key by key, lists whose items have ids by id, texts of several lines that both sides changed by
//! line, everything else as a whole. Where both sides changed one thing differently is a [`Conflict`], unless a
//! [`Resolution`] says what is to become of it. To take back what one step brought, and nothing that came later, is the
//! same: the step's outcome is the base, what was before it one side, what is there now the other.
//!
//! ```text
//!   base --> ours   ---+
//!     \                +--> merged: whatever only one side changed as that side has it
//!      \--> theirs  ---+            whatever both changed alike as both have it
//! ```

mod along;
mod lines;
mod order;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::compare::{Path, Step, id, with_id};
use super::schema::{DOCUMENT, Key, Kind};
use super::{AgentConfig, ConfigFault, Section, section_of};

/// The three sides of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides<T> {
    /// What both others were made of.
    pub base: T,
    /// One of them, which stays where nothing decides.
    pub ours: T,
    /// The other.
    pub theirs: T,
}

/// Something that both sides changed, each in its own way; or a list that one changed in a way that does not go with what the
/// other did elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The group it is shown in.
    pub section: Section,
    /// Where it is.
    pub path: Path,
    /// What each side has there; nothing where it is not there. Of the order of a list's items: their ids.
    pub sides: Sides<Option<Value>>,
}

/// What a side did where it conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictKind {
    /// Both added it.
    Add,
    /// Both changed it.
    Modify,
    /// One deleted it, and the other changed it.
    Delete,
}

impl Conflict {
    /// What the sides did.
    #[must_use]
    pub fn kind(&self) -> ConflictKind {
        let Sides { base, ours, theirs } = &self.sides;
        match (base, ours, theirs) {
            (_, None, _) | (_, _, None) => ConflictKind::Delete,
            (None, _, _) => ConflictKind::Add,
            _ => ConflictKind::Modify,
        }
    }
}

/// What is to become of a conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// The steps of its path: names of keys and ids of items.
    pub path: Vec<String>,
    /// What takes its place.
    pub takes: Takes,
}

/// What takes the place of a conflict.
#[derive(Debug, Clone, PartialEq)]
pub enum Takes {
    /// What we have.
    Ours,
    /// What they have.
    Theirs,
    /// What was there before.
    Base,
    /// Something else.
    Value(Value),
}

/// What comes of a merge.
#[derive(Debug, Clone)]
pub struct Merge {
    /// With ours in the place of what nothing resolves.
    document: Value,
    /// What nothing resolves, in the order in which keys are shown.
    pub conflicts: Vec<Conflict>,
    /// The places of the resolutions that are about no conflict.
    pub strangers: Vec<usize>,
}

impl Merge {
    /// The configuration, with ours in the place of what nothing resolves.
    ///
    /// # Errors
    /// What is wrong with it, though each side is right by itself: too much of something, or a value that a resolution
    /// gave.
    pub fn config(&self) -> Result<AgentConfig, Vec<ConfigFault>> {
        AgentConfig::from_value(&self.document)
    }

    /// The same as a document with every key written out, whatever is wrong with it.
    #[must_use]
    pub fn into_document(self) -> Value {
        self.document
    }
}

impl ConflictKind {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Modify => "modify",
            Self::Delete => "delete",
        }
    }
}

impl Sides<&AgentConfig> {
    /// Merges three configurations.
    ///
    /// What the sides did may be right by itself and wrong together: the same name given twice, a value for an attribute
    /// that is gone. Then the list of it is a conflict as a whole, once nothing else is; unless it is a value of a
    /// resolution that is wrong, which the faults of the outcome tell.
    ///
    /// Cost: writing three documents as JSON, and a comparison of the texts that both sides changed.
    #[must_use]
    pub fn merged(self, resolutions: &[Resolution]) -> Merge {
        let documents = self.map(AgentConfig::to_json);
        let documents = documents.each_ref();
        let (mut wholes, mut used) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let merge = merged_once(documents, &wholes, resolutions, &mut used);
            let before = wholes.len();
            if merge.conflicts.is_empty()
                && let Err(faults) = merge.config()
            {
                let without = without_values(resolutions);
                let innocent = || merged_once(documents, &wholes, &without, &mut BTreeSet::new()).config();
                if without == resolutions || innocent().is_err() {
                    wholes.extend(faults.iter().filter_map(|fault| met(&documents, &fault.path)));
                }
            }
            if wholes.len() == before {
                return merge;
            }
        }
    }
}

/// Merges with some keys as a whole, and notes which resolutions were about a conflict.
fn merged_once(
    documents: Sides<&Value>,
    wholes: &BTreeSet<&'static str>,
    resolutions: &[Resolution],
    used: &mut BTreeSet<usize>,
) -> Merge {
    let (section, path) = (Section::AgentSettings, Path::default());
    let mut merging = Merging { wholes, resolutions, used, section, path, conflicts: Vec::new() };
    let document = merging.document(documents);
    let mut conflicts = merging.conflicts;
    // Stable, so that keys of a section stay as the table of keys has them.
    conflicts.sort_by_key(|conflict| conflict.section);
    let strangers = (0..resolutions.len()).filter(|at| !used.contains(at)).collect();
    Merge { document, conflicts, strangers }
}

/// The same resolutions with what we have in the place of values.
fn without_values(resolutions: &[Resolution]) -> Vec<Resolution> {
    let ours = |resolution: &Resolution| match resolution.takes {
        Takes::Value(_) => Resolution { path: resolution.path.clone(), takes: Takes::Ours },
        _ => resolution.clone(),
    };
    resolutions.iter().map(ours).collect()
}

/// The key of the document that a path begins with, if the sides differ in it.
fn met(documents: &Sides<&Value>, path: &str) -> Option<&'static str> {
    let top = path.split(['.', '[']).next()?;
    let key = DOCUMENT.iter().find(|key| key.name == top)?;
    (documents.ours.get(top) != documents.theirs.get(top)).then_some(key.name)
}

impl<T> Sides<T> {
    /// The same of each side.
    pub fn map<U>(self, of: impl Fn(T) -> U) -> Sides<U> {
        Sides { base: of(self.base), ours: of(self.ours), theirs: of(self.theirs) }
    }

    /// By reference.
    pub fn each_ref(&self) -> Sides<&T> {
        Sides { base: &self.base, ours: &self.ours, theirs: &self.theirs }
    }
}

type Values<'v> = Sides<Option<&'v Value>>;

struct Merging<'m> {
    /// Keys of the document that are merged as a whole.
    wholes: &'m BTreeSet<&'static str>,
    resolutions: &'m [Resolution],
    used: &'m mut BTreeSet<usize>,
    section: Section,
    path: Path,
    conflicts: Vec<Conflict>,
}

impl Merging<'_> {
    fn document(&mut self, documents: Sides<&Value>) -> Value {
        let keys = DOCUMENT.iter().filter_map(|Key { name, kind, .. }| {
            self.section = section_of(name)?;
            let sides = documents.map(|document| document.get(name));
            let value = self.within(Step::Key((*name).to_owned()), |this| {
                if this.wholes.contains(name) { this.conflict(sides) } else { this.value(kind, sides) }
            });
            Some(((*name).to_owned(), value?))
        });
        Value::Object(keys.collect())
    }

    fn within<R>(&mut self, step: Step, merge: impl FnOnce(&mut Self) -> R) -> R {
        self.path.enter(step);
        let merged = merge(self);
        self.path.leave();
        merged
    }

    /// What becomes of a value; nothing where it is not there any more.
    fn value(&mut self, kind: &Kind, sides: Values<'_>) -> Option<Value> {
        if let Some(decided) = decided(sides) {
            return decided.cloned();
        }
        match (kind, sides.ours, sides.theirs) {
            (Kind::Object(keys), Some(Value::Object(_)), Some(Value::Object(_))) => {
                Some(self.members(keys, sides))
            }
            (Kind::Items { keys, unique, .. }, Some(Value::Array(ours)), Some(Value::Array(theirs)))
                if unique.contains(&"id") =>
            {
                let base = sides.base.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                Some(self.items(keys, Sides { base, ours, theirs }))
            }
            (Kind::Map { .. } | Kind::Free { .. }, ..) => self.free(sides),
            (Kind::Text { .. }, Some(Value::String(ours)), Some(Value::String(theirs))) => {
                let base = sides.base.and_then(Value::as_str).unwrap_or_default();
                let merged = lines::merged(Sides { base, ours, theirs });
                merged.map_or_else(|| self.conflict(sides), |text| Some(Value::String(text)))
            }
            _ => self.conflict(sides),
        }
    }

    fn members(&mut self, keys: &[Key], sides: Values<'_>) -> Value {
        let members = keys.iter().filter_map(|Key { name, kind, .. }| {
            let sides = sides.map(|side| side?.get(name));
            let value = self.within(Step::Key((*name).to_owned()), |this| this.value(kind, sides));
            Some(((*name).to_owned(), value?))
        });
        Value::Object(members.collect())
    }

    fn items(&mut self, keys: &[Key], sides: Sides<&[Value]>) -> Value {
        let ids = sides.map(|items| items.iter().map(id).collect::<Vec<_>>());
        let ordered = order::merged(ids.each_ref().map(Vec::as_slice));
        let items: Vec<(String, Value)> = ordered
            .ids
            .iter()
            .filter_map(|id| {
                let sides = sides.map(|items| with_id(items, id));
                let item = self.within(Step::Item((*id).to_owned()), |this| match decided(sides) {
                    Some(decided) => decided.cloned(),
                    None if sides.ours.is_some() && sides.theirs.is_some() => Some(this.members(keys, sides)),
                    None => this.conflict(sides),
                });
                Some(((*id).to_owned(), item?))
            })
            .collect();
        let Some(orders) = ordered.conflict else {
            return items.into_iter().map(|(_, item)| item).collect();
        };
        let orders = orders.map(Some);
        let order = self.within(Step::Order, |this| this.conflict(orders.each_ref().map(Option::as_ref)));
        order::by_ids(items, order.as_ref())
    }

    /// What Cordboard does not look into is merged key by key as far as all sides are objects.
    fn free(&mut self, sides: Values<'_>) -> Option<Value> {
        if let Some(decided) = decided(sides) {
            return decided.cloned();
        }
        let (Some(Value::Object(ours)), Some(Value::Object(theirs))) = (sides.ours, sides.theirs) else {
            return self.conflict(sides);
        };
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let members = names.into_iter().filter_map(|name| {
            let sides = sides.map(|side| side?.get(name));
            let value = self.within(Step::Key(name.clone()), |this| this.free(sides));
            Some((name.clone(), value?))
        });
        Some(Value::Object(members.collect::<Map<_, _>>()))
    }

    /// What a resolution says of a conflict here; else ours, and the conflict is told.
    fn conflict(&mut self, sides: Values<'_>) -> Option<Value> {
        let is_here = |resolution: &Resolution| self.path.is(&resolution.path);
        // Of two about one conflict the last counts, as in a document.
        let Some(at) = self.resolutions.iter().rposition(is_here) else {
            self.conflicts.push(Conflict {
                section: self.section,
                path: self.path.clone(),
                sides: sides.map(Option::<&Value>::cloned),
            });
            return sides.ours.cloned();
        };
        self.used.insert(at);
        match self.resolutions.get(at).map(|resolution| &resolution.takes)? {
            Takes::Ours => sides.ours.cloned(),
            Takes::Theirs => sides.theirs.cloned(),
            Takes::Base => sides.base.cloned(),
            Takes::Value(value) => Some(value.clone()),
        }
    }
}

/// What needs no look inside: what both sides have, or what the only one has that changed it.
#[expect(clippy::option_option, reason = "undecided, or decided that it is not there")]
fn decided<'v>(Sides { base, ours, theirs }: Values<'v>) -> Option<Option<&'v Value>> {
    if ours == theirs || theirs == base {
        Some(ours)
    } else if ours == base {
        Some(theirs)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
