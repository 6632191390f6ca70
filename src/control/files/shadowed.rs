//! What the files list although the API has it: where it stands, and what to do about it.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::difference::RouteBook;
use super::library::Library;
use crate::domain::address::Prefix;
use crate::domain::caller_pin::CallerPinRef;
use crate::domain::change::SplitRef;
use crate::domain::files::{FileNumber, FileSet, Place, Placed};
use crate::domain::object::{Object, ObjectRef};
use crate::domain::route::Route;
use crate::domain::state::State;

/// Most objects that are told with their places.
const TOLD_MAX: usize = 20;

impl Library {
    /// What these files say, which are in force, and what they say of the numbers among some objects.
    #[must_use]
    pub fn file_set_of(&self, objects: &BTreeSet<Object>) -> FileSet {
        let mut set = self.file_set(self, None);
        let book = RouteBook::of(self);
        for (place, (_, file)) in (0..).zip(self.routes()) {
            let routes = book.places(file);
            for object in objects {
                let Object::Number(number) = object else { continue };
                let Some((line, route)) = file.numbers.find(number) else { continue };
                let Some(route) = routes.get(route as usize).copied().flatten() else { continue };
                set.put.push(FileNumber { number: number.clone(), route, file: place, line });
            }
        }
        set
    }

    /// What an operator should know of the objects that these files list in vain: the first few with their places.
    pub fn shadowed(&self, state: &State) -> Vec<String> {
        let told = state.shadowed.iter().take(TOLD_MAX).map(|(id, ())| {
            let place = self.place_of(id);
            let place = place.map_or_else(String::new, |at| format!("{at}: "));
            format!(
                "{place}{} was adopted by the API: remove it from here, or give it back by `cordboard release`",
                id.object
            )
        });
        let mut told: Vec<String> = told.collect();
        if let Some(more) = state.shadowed.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            told.push(format!("{more} more that the files list were adopted by the API"));
        }
        told
    }

    /// Where an object stands. Cost: a search in each file, for numbers; else a look at each object of its kind.
    pub fn place_of(&self, id: &ObjectRef) -> Option<Place> {
        let files = || self.routes().map(|(_, file)| file);
        let at = |placed: &Place| Some(placed.clone());
        match &id.object {
            Object::Agent(agent) => {
                let path = format!("agents/{agent}/agent.toml");
                let (path, _) = self.files.range_from(Bound::Included(path.as_str())).next()?;
                Some(Place { file: path.clone(), line: 0, column: 0 })
            }
            Object::Split(split) => {
                let is = |it: &SplitRef| it.split == *split && it.account == id.account;
                at(&files().flat_map(|file| &file.splits).find(|placed| is(&placed.value.id))?.at)
            }
            Object::DefaultRoute => {
                let mut defaults = files().filter_map(|file| file.default.as_ref());
                at(&defaults.find(|placed| placed.value.account == id.account)?.at)
            }
            Object::Prefix(prefix) => {
                let mut prefixes = files().flat_map(|file| &file.prefixes);
                let is = |it: &Prefix, route: &Route| it == prefix && route.account == id.account;
                at(&prefixes.find(|Placed { value: (prefix, route), .. }| is(prefix, route))?.at)
            }
            Object::CallerPin { .. } => {
                let is = |pin: &CallerPinRef| pin.agent.account == id.account && pin.object() == id.object;
                at(&files().flat_map(|file| &file.caller_pins).find(|placed| is(&placed.value.id))?.at)
            }
            Object::Number(number) => self.routes().find_map(|(path, file)| {
                let (line, _) = file.numbers.find(number)?;
                Some(Place { file: path.clone(), line, column: 0 })
            }),
        }
    }
}
