//! What the files list and the API has: it changes nothing, and whether it may stand there at all.

use std::collections::BTreeSet;

use super::{Merge, nowhere};
use crate::domain::agent::{Agent, Profile};
use crate::domain::change::Change;
use crate::domain::files::{FileAgent, FileSet, FileSplit, Place, Placed};
use crate::domain::id::{AccountId, Environment};
use crate::domain::object::{Object, ObjectRef, SHADOWED_MAX};
use crate::domain::route::{ManagedBy, Route};
use crate::domain::split::Split;

impl Merge<'_> {
    /// Gives the files what is theirs from now on, and notes the numbers that are not.
    pub(super) fn give_back(&mut self) {
        for object in self.given_back.clone() {
            self.bare(object);
        }
        let shadowed = self.next.shadowed.iter().filter_map(|(id, ())| match &id.object {
            Object::Number(number) => Some((number.clone(), id.account.clone())),
            _ => None,
        });
        self.numbers_shadowed = shadowed.collect();
    }

    /// Whether what the files say of an object is to be in force. What the API has stands there without effect if it
    /// does so already, or says the `same`; else it is a fault.
    pub(super) fn governs(
        &mut self,
        at: &Place,
        account: &AccountId,
        object: Object,
        same: impl FnOnce() -> bool,
    ) -> bool {
        let id = ObjectRef::new(account, object);
        if self.given_back.contains(&id) {
            return true;
        }
        if self.next.shadowed.contains_key(&id) {
            return false;
        }
        if self.next.owner(account, &id.object) != Some(ManagedBy::Api) {
            return true;
        }
        if same() {
            self.shadow(id);
        } else {
            self.belongs_to_the_api(at, &id.object);
        }
        false
    }

    /// Notes that the files list what the API has.
    pub(super) fn shadow(&mut self, object: ObjectRef) {
        self.shadow_among(SHADOWED_MAX, object);
    }

    fn shadow_among(&mut self, most: usize, object: ObjectRef) {
        if self.next.shadowed.len() < most {
            self.change(Change::Shadowed(object));
        } else if self.faults.is_empty() {
            let message = format!("{most} things that the files list belong to the API already");
            self.faults.push(nowhere(message, "some of them given back by `cordboard release` first"));
        }
    }

    /// Notes that the files no longer list what the API has, or have it again.
    pub(super) fn bare(&mut self, object: ObjectRef) {
        self.change(Change::Unshadowed(object));
    }

    /// What no file lists any more is shadowed no longer; numbers are given as a difference and were told before.
    pub(super) fn bare_what_is_unlisted(&mut self, files: &FileSet) {
        if self.next.shadowed.is_empty() {
            return;
        }
        let id = ObjectRef::new;
        let mut listed = BTreeSet::new();
        listed.extend(self.given.keys().map(|agent| id(&agent.account, Object::Agent(agent.agent.clone()))));
        let splits = files.splits.iter().map(|placed| &placed.value.id);
        listed.extend(splits.map(|split| id(&split.account, Object::Split(split.split.clone()))));
        let prefixes = files.prefixes.iter().map(|placed| &placed.value);
        listed.extend(prefixes.map(|(prefix, route)| id(&route.account, Object::Prefix(*prefix))));
        let defaults = files.defaults.iter().map(|placed| &placed.value.account);
        listed.extend(defaults.map(|account| id(account, Object::DefaultRoute)));
        let pins = files.caller_pins.iter().map(|placed| &placed.value.id);
        listed.extend(pins.map(|pin| id(&pin.agent.account, pin.object())));
        let unlisted = |id: &ObjectRef| !matches!(id.object, Object::Number(_)) && !listed.contains(id);
        let unlisted: Vec<ObjectRef> =
            self.next.shadowed.iter().map(|(id, ())| id).filter(|id| unlisted(id)).cloned().collect();
        unlisted.into_iter().for_each(|object| self.bare(object));
    }

    pub(super) fn belongs_to_the_api(&mut self, at: &Place, object: &Object) {
        self.faults.push(at.fault(
            format!("{object} belongs to the API or to another account, and is not what stands here"),
            "its removal here; or, to hand it to the files by `cordboard release`, just what the API has",
        ));
    }
}

/// Whether a route of the API is what the files say.
pub(super) fn same_route(present: &Route, file: &Route) -> bool {
    let Route { account, managed_by: _, to, header_rules, headers, site_variant, fallback, connector } =
        present;
    *account == file.account
        && *to == file.to
        && *header_rules == file.header_rules
        && *headers == file.headers
        && *site_variant == file.site_variant
        && *fallback == file.fallback
        && *connector == file.connector
}

/// Whether a split of the API is what the files say. Where they say nothing of the slots, callers keep theirs.
pub(super) fn same_split(present: &Split, file: &FileSplit) -> bool {
    let owners = || {
        let arm = |at: u8| present.arms.get(usize::from(at)).map(|arm| arm.id.clone());
        let runs = present.owners.runs().into_iter();
        runs.filter_map(|(first, last, at)| Some((first, last, arm(at)?))).collect::<Vec<_>>()
    };
    present.scope.is_none()
        && present.name == file.name
        && present.unit == file.unit
        && present.arms == file.arms
        && file.salt.is_none_or(|salt| salt == present.salt)
        && present.starts_at == file.starts_at
        && present.ends_at == file.ends_at
        && present.call_quota == file.call_quota
        && present.paused == file.paused
        && present.ending.is_none()
        && file.owners.as_ref().is_none_or(|runs| *runs == owners())
}

/// Whether an agent of the API is what the files say; it may have versions besides.
pub(super) fn same_agent(present: &Agent, file: &FileAgent) -> bool {
    let versions = file.versions.iter().map(|Placed { value: (number, config), .. }| {
        config.is_unread() || present.versions.get(number).is_some_and(|version| version.hash == config.hash)
    });
    let environments = file.environments.iter().map(|placed| placed.value);
    let deployed = |environment: Environment| {
        environments.clone().find(|(named, _)| *named == environment).map(|(_, number)| number)
    };
    let draft = match &file.draft {
        Some(draft) => Some(draft.value.hash),
        None => present.versions.values().next_back().map(|version| version.hash),
    };
    let Profile {
        id: _,
        name,
        managed_by: _,
        endpoints,
        environment_endpoints,
        max_calls_in_progress,
        fallback,
        created_at: _,
    } = &present.profile;
    *name == file.name
        && *endpoints == file.endpoints
        // Files cannot say these.
        && environment_endpoints.is_empty()
        && *max_calls_in_progress == file.max_calls_in_progress
        && *fallback == file.fallback
        && versions.into_iter().all(|same| same)
        && Environment::ALL.into_iter().all(|environment| {
            present.deployment(environment).map(|deployment| deployment.version) == deployed(environment)
        })
        && present.draft.as_ref().map(|draft| draft.hash) == draft
}
