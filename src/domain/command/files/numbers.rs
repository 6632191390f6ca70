//! The numbers of the files, given as a difference.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::shadow::same_route;
use super::{FAULTS_MAX, Merge, Moved};
use crate::domain::address::Number;
use crate::domain::change::{Change, NumberChanges};
use crate::domain::files::{FileNumber, FileSet, Place, Placed};
use crate::domain::id::AccountId;
use crate::domain::object::{Object, ObjectRef};
use crate::domain::route::{ManagedBy, Route};

/// Whose a number is.
enum Standing {
    /// The files': their route is to be in force.
    Files,
    /// The files' from now on, and the API's before: the store has to forget it.
    GivenBack,
    /// The API's, whatever the files say.
    Shadowed,
    /// The API's, and the files say the same of it.
    Same,
    /// The API's, or another account's.
    Taken,
}

impl Merge<'_> {
    /// The numbers; answers how many are routed anew and released.
    pub(super) fn numbers(&mut self, files: &FileSet) -> Moved {
        let routes: Vec<_> = files.routes.iter().map(|placed| Arc::clone(&placed.value)).collect();
        let mut changes = NumberChanges { routes, ..NumberChanges::default() };
        let mut given_back = NumberChanges { routes: changes.routes.clone(), ..NumberChanges::default() };
        let mut listed = BTreeSet::new();
        for put in &files.put {
            let Some(Placed { value: route, .. }) = files.routes.get(put.route as usize) else { continue };
            if self.unknown.contains(&route.account) {
                continue;
            }
            match self.standing(&put.number, route) {
                Standing::Files => changes.push(put.number.clone(), Some(put.route)),
                Standing::GivenBack => given_back.push(put.number.clone(), Some(put.route)),
                Standing::Shadowed => drop(listed.insert(&put.number)),
                Standing::Same => self.shadow(numbered(&route.account, &put.number)),
                Standing::Taken => {
                    let at = place(files, put);
                    self.belongs_to_the_api(&at, &Object::Number(put.number.clone()));
                    if self.faults.len() > FAULTS_MAX {
                        break;
                    }
                }
            }
        }
        let released = self.released(files, &mut changes);
        // A set without a past gives all its numbers: of the others nobody would ever tell that they are gone.
        if files.numbers_before == 0 {
            let shadowed = std::mem::take(&mut self.numbers_shadowed);
            for (number, account) in shadowed.iter().filter(|(number, _)| !listed.contains(number)) {
                self.bare(numbered(account, number));
            }
        }
        let moved = Moved { put: changes.len() + given_back.len() - released, released };
        // Those that the store knows are told to it.
        for (numbers, fact) in
            [(given_back, Change::Numbers as fn(_) -> _), (changes, Change::FileNumbers as fn(_) -> _)]
        {
            let mut numbers = numbers;
            numbers.sort();
            if !numbers.is_empty() {
                self.change(fact(numbers));
            }
        }
        moved
    }

    fn standing(&mut self, number: &Number, route: &Arc<Route>) -> Standing {
        let is_given_back =
            !self.given_back.is_empty() && self.given_back.contains(&numbered(&route.account, number));
        match self.numbers_shadowed.get(number) {
            Some(account) if *account == route.account && !is_given_back => return Standing::Shadowed,
            // Now it stands there for another account.
            Some(account) if *account != route.account => {
                let object = numbered(account, number);
                self.bare(object);
            }
            _ => {}
        }
        match self.next.route(number) {
            Some(present) if present.account != route.account => Standing::Taken,
            _ if is_given_back => Standing::GivenBack,
            Some(present) if present.managed_by == ManagedBy::Api => {
                if same_route(present, route) {
                    Standing::Same
                } else {
                    Standing::Taken
                }
            }
            _ => Standing::Files,
        }
    }

    /// Releases the numbers that no file gives any more, and answers how many; those of the API stay.
    fn released(&mut self, files: &FileSet, changes: &mut NumberChanges) -> usize {
        let mut released = 0;
        for number in &files.released {
            match self.numbers_shadowed.remove(number) {
                Some(account) => self.bare(numbered(&account, number)),
                None => {
                    changes.push(number.clone(), None);
                    released += 1;
                }
            }
        }
        released
    }

    /// The routes that some number of the files has, which is not shadowed: of the others it does not matter whether
    /// what they name is there.
    pub(super) fn governing_routes<'s>(&self, files: &'s FileSet) -> Vec<&'s Placed<Arc<Route>>> {
        if self.numbers_shadowed.is_empty() {
            return files.routes.iter().collect();
        }
        let mut governs: Vec<bool> =
            files.routes.iter().map(|placed| self.next.place(&placed.value).is_some()).collect();
        for put in &files.put {
            let shadowed = self.numbers_shadowed.contains_key(&put.number);
            if let Some(governs) = governs.get_mut(put.route as usize).filter(|_| !shadowed) {
                *governs = true;
            }
        }
        files.routes.iter().zip(governs).filter_map(|(placed, governs)| governs.then_some(placed)).collect()
    }
}

fn numbered(account: &AccountId, number: &Number) -> ObjectRef {
    ObjectRef::new(account, Object::Number(number.clone()))
}

fn place(files: &FileSet, put: &FileNumber) -> Place {
    let file = files.files.get(put.file as usize).cloned().unwrap_or_else(|| Arc::from(""));
    Place { file, line: put.line, column: 0 }
}
