//! Objects that go from the files to the API, and back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::told::{first_few, told as changes_told};
use super::{Outcome, SPLIT_RUNNING};
use crate::domain::agent::{AgentRef, Profile};
use crate::domain::caller_pin::{CallerPin, CallerPinRef};
use crate::domain::change::{Change, NumberChanges, SplitRef};
use crate::domain::files::FileSet;
use crate::domain::id::{AccountId, Environment};
use crate::domain::object::{HANDED_OVER_MAX, Object, ObjectRef, SHADOWED_MAX};
use crate::domain::persistent::Slab;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::route::{ManagedBy, Route};
use crate::domain::split::Split;
use crate::domain::state::{RouteUse, State};
use crate::domain::time::Timestamp;
use crate::domain::words::counted;

/// Most objects that a text names.
const NAMED_MAX: usize = 10;

impl State {
    /// Gives objects of the files to the API, as they are.
    pub(super) fn adopt(&self, account: &AccountId, objects: &BTreeSet<Object>) -> Result<Outcome, Refusal> {
        few_enough(objects)?;
        self.all_there(account, objects, |_| false)?;
        let adopted = |object: &&Object| self.owner(account, object) == Some(ManagedBy::Api);
        if let Some(named) = named(objects.iter().filter(adopted)) {
            return Err(conflict("MANAGED_BY_API", format!("the API has this already: {named}")));
        }
        room_for_shadowed(self.shadowed.len(), objects.len())?;
        let mut changes: Vec<Change> =
            objects.iter().filter_map(|object| self.of_the_api(account, object)).collect();
        changes.extend(self.numbers_of_the_api(objects)?);
        let id = |object: &Object| ObjectRef::new(account, object.clone());
        changes.extend(objects.iter().map(|object| Change::Shadowed(id(object))));
        Ok(Outcome {
            changes,
            action: "adopt",
            target: target(objects),
            handed_over: objects.len(),
            summary: format!("the API took over {}", told(objects)),
            ..Outcome::default()
        })
    }

    /// An object of the files as one of the API; numbers go together.
    fn of_the_api(&self, account: &AccountId, object: &Object) -> Option<Change> {
        let managed_by = ManagedBy::Api;
        let adopted = |route: &Arc<Route>| Arc::new(Route { managed_by, ..route.as_ref().clone() });
        Some(match object {
            Object::Agent(agent) => {
                let id = AgentRef { account: account.clone(), agent: agent.clone() };
                Change::AgentPut(Profile { managed_by, ..self.agents.get(&id)?.profile.clone() })
            }
            Object::Split(split) => {
                let id = SplitRef { account: account.clone(), split: split.clone() };
                let split = self.splits.get(&id)?.as_ref().clone();
                Change::SplitPut(Arc::new(Split { managed_by, ..split }))
            }
            Object::DefaultRoute => Change::DefaultPut { route: adopted(self.defaults.get(account)?) },
            Object::Prefix(prefix) => {
                let route = self.prefixes.get(&(account.clone(), *prefix))?;
                Change::PrefixPut { prefix: *prefix, route: adopted(route) }
            }
            Object::CallerPin { agent_id, caller } => {
                let agent = AgentRef { account: account.clone(), agent: agent_id.clone() };
                let pin = self.caller_pins.get(&CallerPinRef { agent, caller: caller.clone() })?;
                Change::CallerPinPut(Arc::new(CallerPin { managed_by, ..pin.as_ref().clone() }))
            }
            Object::Number(_) => return None,
        })
    }

    fn numbers_of_the_api(&self, objects: &BTreeSet<Object>) -> Result<Option<Change>, Refusal> {
        let mut changes = NumberChanges::default();
        let mut places: HashMap<u32, u32, FixedState> = HashMap::default();
        for object in objects {
            let Object::Number(number) = object else { continue };
            let Some(present) = self.numbers.get(number) else { continue };
            let Some(RouteUse { route, .. }) = self.routes.get(present.get()) else { continue };
            let place = *places.entry(present.get()).or_insert_with(|| {
                changes.routes.push(Arc::new(Route { managed_by: ManagedBy::Api, ..route.as_ref().clone() }));
                u32::try_from(changes.routes.len() - 1).unwrap_or(u32::MAX)
            });
            changes.push(number.clone(), Some(place));
        }
        self.room_for_routes(changes.routes.iter().map(Arc::as_ref))?;
        Ok((!changes.is_empty()).then_some(Change::Numbers(changes)))
    }

    /// Gives objects of the API back to the files: what these say of them is in force then.
    pub(super) fn release(
        &self,
        account: &AccountId,
        objects: &BTreeSet<Object>,
        files: &FileSet,
        at: Timestamp,
    ) -> Result<Outcome, Refusal> {
        few_enough(objects)?;
        let id = |object: &Object| ObjectRef::new(account, object.clone());
        let shadowed = |object: &Object| self.shadowed.contains_key(&id(object));
        self.all_there(account, objects, shadowed)?;
        let of_files = |object: &&Object| self.owner(account, object) == Some(ManagedBy::Files);
        if let Some(named) = named(objects.iter().filter(of_files)) {
            return Err(conflict("MANAGED_BY_FILES", format!("the files have this already: {named}")));
        }
        let unlisted = objects.iter().filter(|object| !shadowed(object));
        if let Some(named) = named(unlisted) {
            let message = format!(
                "no file lists this, so that it would be lost: {named}; put it into the files just as it is now, and release it then"
            );
            return Err(conflict("NOT_IN_FILES", message));
        }
        for object in objects {
            let Object::Agent(agent) = object else { continue };
            let agent = AgentRef { account: account.clone(), agent: agent.clone() };
            if let Some(split) = self.split_running(&agent, Environment::Live, at) {
                let message = format!(
                    "split {} tests live of {}, which the files would have: end it first",
                    split.id, agent.agent
                );
                return Err(conflict(SPLIT_RUNNING, message));
            }
        }
        let given_back = objects.iter().map(id).collect();
        let mut merge = self.merge(Slab::<RouteUse>::CAPACITY, files, given_back, at);
        merge.all(files)?;
        let outcome = merge.into_outcome(files);
        // Those that come first say of each object no more than that it is the files' again.
        let mut warnings = outcome.warnings;
        warnings.extend(objects.iter().filter_map(|object| self.unfiled(account, object, files)));
        let becomes = changes_told(self, outcome.changes.get(objects.len()..).unwrap_or_default());
        Ok(Outcome {
            action: "release",
            target: target(objects),
            handed_over: objects.len(),
            summary: format!("the files have again {}{becomes}", told(objects)),
            warnings,
            ..outcome
        })
    }

    /// Versions of an agent that were saved over the API: they stay, since they may serve, but no file has them.
    fn unfiled(&self, account: &AccountId, object: &Object, files: &FileSet) -> Option<String> {
        let Object::Agent(agent) = object else { return None };
        let id = AgentRef { account: account.clone(), agent: agent.clone() };
        let file = files.agents.iter().find(|file| file.value.id == id)?;
        let filed = |number| file.value.versions.iter().any(|placed| placed.value.0 == number);
        let unfiled = self
            .agents
            .get(&id)?
            .versions
            .values()
            .filter(|version| version.number.is_some_and(|it| !filed(it)));
        let named = first_few(unfiled.map(|version| version.pin()), NAMED_MAX);
        (!named.is_empty()).then(|| {
            format!(
                "agent {agent} keeps what was saved over the API and no file has: {}; `cordboard versions show {agent} V<n>` shows each, \
                 for a file of that name; a first start with these files would be without",
                named.join(", ")
            )
        })
    }

    /// Refuses objects that are not there, unless there is another reason to know them.
    fn all_there(
        &self,
        account: &AccountId,
        objects: &BTreeSet<Object>,
        known: impl Fn(&Object) -> bool,
    ) -> Result<(), Refusal> {
        let missing = |object: &&Object| self.owner(account, object).is_none() && !known(object);
        match named(objects.iter().filter(missing)) {
            Some(named) => Err(Refusal::not_found("NOT_FOUND", format!("this is not there: {named}"))),
            None => Ok(()),
        }
    }
}

fn few_enough(objects: &BTreeSet<Object>) -> Result<(), Refusal> {
    match objects.len() {
        0 => Err(Refusal::new(RefusalKind::Invalid, "VALIDATION_FAILED", "nothing is named")),
        1..=HANDED_OVER_MAX => Ok(()),
        many => {
            let message = format!("{many} objects are named: at most {HANDED_OVER_MAX} at a time");
            Err(Refusal::new(RefusalKind::Invalid, "VALIDATION_FAILED", message))
        }
    }
}

/// Refuses more than may belong to the API of what the files list.
fn room_for_shadowed(there: usize, more: usize) -> Result<(), Refusal> {
    if there.saturating_add(more) <= SHADOWED_MAX {
        return Ok(());
    }
    let message = format!(
        "{} that the files list belong to the API: at most {SHADOWED_MAX} may, so remove some from the files",
        counted(there, "object")
    );
    Err(conflict("TOO_MANY_SHADOWED", message))
}

fn conflict(code: &'static str, message: String) -> Refusal {
    Refusal::new(RefusalKind::Conflict, code, message)
}

/// The first few of some objects; nothing where there are none.
fn named<'o>(objects: impl Iterator<Item = &'o Object>) -> Option<String> {
    let names = first_few(objects, NAMED_MAX);
    (!names.is_empty()).then(|| names.join(", "))
}

/// How many of each kind, and the first few by name.
fn told(objects: &BTreeSet<Object>) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in objects {
        *kinds.entry(kind(object)).or_default() += 1;
    }
    let counts: Vec<String> = kinds.into_iter().map(|(kind, count)| counted(count, kind)).collect();
    format!("{}: {}", counts.join(", "), named(objects.iter()).unwrap_or_default())
}

fn kind(object: &Object) -> &'static str {
    match object {
        Object::Agent(_) => "agent",
        Object::Split(_) => "split",
        Object::DefaultRoute => "default route",
        Object::Prefix(_) => "prefix",
        Object::CallerPin { .. } => "caller pin",
        Object::Number(_) => "number",
    }
}

/// What the history calls it: by its name where it is one.
fn target(objects: &BTreeSet<Object>) -> String {
    let mut each = objects.iter();
    match (each.next(), each.next()) {
        (Some(Object::Number(number)), None) => number.to_string(),
        (Some(Object::Prefix(prefix)), None) => prefix.to_string(),
        (Some(Object::Split(split)), None) => split.to_string(),
        (Some(Object::Agent(agent)), None) => agent.to_string(),
        (Some(Object::DefaultRoute), None) => "default route".to_owned(),
        _ => counted(objects.len(), "object"),
    }
}

#[cfg(test)]
mod tests;
