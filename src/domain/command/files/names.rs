//! What the files name: each name is looked up by itself, of what is right and of what could be read of the rest.

use std::sync::Arc;

use super::Merge;
use crate::domain::agent::AgentRef;
use crate::domain::files::{FileSet, Keys, Place, Placed, Sketch, as_in_files};
use crate::domain::id::{AccountId, AgentId};
use crate::domain::named::{Name, Named};
use crate::domain::object::ObjectRef;
use crate::domain::route::Route;

/// A table of the files.
pub(super) struct Item<'f> {
    pub(super) at: &'f Place,
    pub(super) keys: &'f Keys,
    /// What it is called in faults.
    pub(super) what: &'f str,
}

impl Merge<'_> {
    /// What is at fault already: its faults are told, but what it names may be missing too. Of what the API has it does
    /// not matter.
    pub(super) fn sketches(&mut self, files: &FileSet) {
        for Placed { at, keys, value: sketch } in &files.reading.sketches {
            let Sketch { account, what, object, names } = sketch;
            let id = object.as_ref().map(|object| ObjectRef::new(account, object.clone()));
            if !id.is_some_and(|id| self.next.shadowed.contains_key(&id)) {
                self.check_names(&Item { at, keys, what }, account, names.iter().cloned());
            }
        }
    }

    /// A route that is right by itself.
    pub(super) fn check_route_at(&mut self, item: &Item<'_>, route: &Arc<Route>) {
        if self.check_names(item, &route.account, route.names()) {
            self.outcome.warnings.extend(self.next.warn_of_site(route));
        }
    }

    /// Tells each name of an item that is not there, where it stands; whether all are there, or may be.
    pub(super) fn check_names(
        &mut self,
        item: &Item<'_>,
        account: &AccountId,
        names: impl IntoIterator<Item = Named>,
    ) -> bool {
        let account = self.judged_in(item.at, account);
        let before = self.faults.len();
        for named in names {
            if self.doubt.concerns(&named.name) {
                continue;
            }
            if let Name::Agent(agent) = &named.name
                && self.is_gone(&account, agent)
            {
                let message = format!("{}: agent {agent} is gone from the files", item.what);
                let fault = item.place(&named.field).fault(message, "an agent that has a folder in agents/");
                self.faults.push(fault);
                continue;
            }
            let mut warnings = Vec::new();
            match self.next.check_named(&account, &named, &mut warnings) {
                Err(fault) => {
                    let key = as_in_files(&fault.field);
                    let message = format!("{}: {key}: {}", item.what, fault.message);
                    self.faults.push(item.place(&fault.field).fault(message, expected(&named.name)));
                }
                Ok(()) => self.outcome.warnings.extend(warnings),
            }
            if let Name::Pin(agent, pin) = named.name {
                self.warn_of_lost_file(&AgentRef { account: account.clone(), agent }, pin);
            }
        }
        self.faults.len() == before
    }

    /// Whether an agent goes with these files.
    fn is_gone(&self, account: &AccountId, agent: &AgentId) -> bool {
        self.gone.contains(&AgentRef { account: account.clone(), agent: agent.clone() })
    }
}

impl Item<'_> {
    /// Where a field stands, by the name that it has in the API.
    fn place(&self, field: &str) -> Place {
        self.keys.place(self.at, &as_in_files(field))
    }
}

/// What may stand in the place of a name.
fn expected(name: &Name) -> &'static str {
    match name {
        Name::Agent(_) => "an agent that has a folder in agents/",
        Name::Pin(..) => "a version whose file is there, an environment or `draft`",
        Name::Split(_) => "a [[split]] of the route files, or a split of the API",
    }
}
