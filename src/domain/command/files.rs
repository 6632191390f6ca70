//! Applying the route and agent files: everything they name is checked, then the difference to the present is one
//! revision.

mod caller_pins;
mod names;
mod numbers;
mod shadow;
mod twice;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Outcome;
use super::agents::Leaving;
use super::held::{HELD, held, orphaned, removed};
use super::told::told;
use crate::domain::address::Number;
use crate::domain::agent::{Agent, AgentRef, Profile, Version};
use crate::domain::change::{Change, SplitRef, Touched};
use crate::domain::fault::Fault;
use crate::domain::files::{Doubt, FileAgent, FileConfig, FileSet, FileSplit, Place, Placed};
use crate::domain::id::{AccountId, ArmId, Environment, Pin, VersionNumber};
use crate::domain::named::Named;
use crate::domain::object::{Object, ObjectRef};
use crate::domain::persistent::Slab;
use crate::domain::refusal::Refusal;
use crate::domain::route::{ManagedBy, Route};
use crate::domain::sight::Sight;
use crate::domain::split::slots::Owners;
use crate::domain::split::{Split, file_salt};
use crate::domain::state::{RouteUse, State};
use crate::domain::time::Timestamp;
use crate::domain::words::counted;
use names::Item;
use shadow::{same_agent, same_route, same_split};

/// Most faults that are reported at once.
const FAULTS_MAX: usize = 100;

impl State {
    pub(super) fn apply_files(&self, files: &FileSet, at: Timestamp) -> Result<Outcome, Refusal> {
        self.apply_files_among(Slab::<RouteUse>::CAPACITY, files, at)
    }

    /// The same where at most `most` different routes of numbers fit.
    pub(super) fn apply_files_among(
        &self,
        most: u32,
        files: &FileSet,
        at: Timestamp,
    ) -> Result<Outcome, Refusal> {
        let mut merge = self.merge(most, files, BTreeSet::new(), at);
        let moved = merge.all(files)?;
        if let Some(fault) = held(files, &moved, &merge.outcome.changes).filter(|_| !files.accepted) {
            return Err(Refusal { code: HELD, ..Refusal::files(vec![fault]) });
        }
        Ok(merge.finish(self, files, &moved))
    }

    /// Files about to be merged into the state, which `given_back` belong to from now on.
    pub(super) fn merge<'f>(
        &self,
        routes_max: u32,
        files: &'f FileSet,
        given_back: BTreeSet<ObjectRef>,
        at: Timestamp,
    ) -> Merge<'f> {
        let mut merge = Merge {
            routes_max,
            next: self.clone(),
            touched: Touched::default(),
            given: files.agents.iter().map(|placed| (&placed.value.id, &placed.value)).collect(),
            gone: self.gone_agents(files),
            numbers_shadowed: BTreeMap::new(),
            given_back,
            at,
            outcome: Outcome { warnings: files.reading.warnings.clone(), ..Outcome::default() },
            faults: files.reading.faults.clone(),
            doubt: files.reading.doubt.clone(),
            files_account: &files.account,
            unknown: BTreeSet::new(),
        };
        merge.give_back();
        merge
    }

    fn gone_agents(&self, files: &FileSet) -> BTreeSet<AgentRef> {
        let kept: BTreeSet<&AgentRef> = files.agents.iter().map(|placed| &placed.value.id).collect();
        let of_files = |agent: &Agent| agent.profile.managed_by == ManagedBy::Files;
        let gone = self.agents.iter().filter(|(id, agent)| of_files(agent) && !kept.contains(id));
        gone.map(|(id, _)| id.clone()).collect()
    }
}

/// How many numbers a set routes anew, and how many it releases.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moved {
    pub(super) put: usize,
    pub(super) released: usize,
}

/// The state as it would be, the facts that lead there, and what stands against it.
pub(super) struct Merge<'f> {
    /// Most different routes of numbers.
    routes_max: u32,
    next: State,
    touched: Touched,
    /// The agents as the files give them.
    given: BTreeMap<&'f AgentRef, &'f FileAgent>,
    /// Agents of the files that no file gives any more.
    gone: BTreeSet<AgentRef>,
    /// The numbers that were shadowed before, and whose they are.
    numbers_shadowed: BTreeMap<Number, AccountId>,
    /// What the files have from now on although it was the API's.
    given_back: BTreeSet<ObjectRef>,
    at: Timestamp,
    outcome: Outcome,
    faults: Vec<Fault>,
    /// What may be in the files although it could not be read.
    doubt: Doubt,
    /// The account of files that name none.
    files_account: &'f AccountId,
    /// Accounts that are named and not there: each is a fault where it is named, and what is routed in it none.
    unknown: BTreeSet<AccountId>,
}

impl Merge<'_> {
    /// Merges everything; answers what becomes of the numbers.
    pub(super) fn all(&mut self, files: &FileSet) -> Result<Moved, Refusal> {
        self.accounts(files);
        self.refuse_twice(files);
        for agent in &files.agents {
            self.agent(agent);
        }
        for split in &files.splits {
            self.split(split);
        }
        self.sketches(files);
        self.routes(files);
        self.prefixes(files);
        self.defaults(files);
        self.caller_pins(files);
        let moved = self.numbers(files);
        self.drop_splits(files);
        self.drop_agents();
        self.bare_what_is_unlisted(files);
        if self.faults.is_empty() {
            return Ok(moved);
        }
        self.faults.sort();
        self.faults.dedup();
        self.faults.truncate(FAULTS_MAX);
        Err(Refusal::files(std::mem::take(&mut self.faults)))
    }

    fn change(&mut self, change: Change) {
        self.next.absorb(&change, &mut self.touched);
        self.outcome.changes.push(change);
    }

    /// Tells each account that a file names and that is not there.
    fn accounts(&mut self, files: &FileSet) {
        for Placed { at, value: account, .. } in &files.reading.accounts {
            if !self.next.accounts.contains_key(account) {
                self.unknown.insert(account.clone());
                self.faults.push(no_account(at, account));
            }
        }
    }

    /// Whether an account is there; one that is not is told once.
    fn is_account(&mut self, at: &Place, account: &AccountId) -> bool {
        let is_there = self.next.accounts.contains_key(account);
        if !is_there && self.unknown.insert(account.clone()) {
            self.faults.push(no_account(at, account));
        }
        is_there
    }

    /// The account in which names are looked up: what belongs to one that is not there was meant for another, most
    /// likely for that of the files.
    fn judged_in(&mut self, at: &Place, account: &AccountId) -> AccountId {
        if self.is_account(at, account) { account.clone() } else { self.files_account.clone() }
    }

    fn agent(&mut self, placed: &Placed<FileAgent>) {
        let Placed { at, value: agent, .. } = placed;
        if !self.is_account(at, &agent.id.account) {
            // In which account it is meant to be is open, so what names it may be right; the rest of it is judged.
            self.doubt.agents.insert(agent.id.agent.clone());
        }
        let present = self.next.agents.get(&agent.id).cloned();
        let object = Object::Agent(agent.id.agent.clone());
        // Of one that could not be read nobody knows what it says.
        let in_doubt = self.doubt.agents.contains(&agent.id.agent);
        let same = || in_doubt || present.as_ref().is_some_and(|present| same_agent(present, agent));
        if !self.governs(at, &agent.id.account, object, same) {
            // What is given back some day is to have its configurations.
            let configs = agent.versions.iter().map(|placed| &placed.value.1);
            for config in configs.chain(agent.draft.iter().map(|placed| &placed.value)) {
                self.outcome.bodies.extend(config.body.clone().map(|body| (config.hash, body)));
            }
            return;
        }
        let made = present.as_ref().map_or(self.at, |agent| agent.profile.created_at);
        let profile = Profile {
            endpoints: agent.endpoints.clone(),
            max_calls_in_progress: agent.max_calls_in_progress,
            fallback: agent.fallback.clone(),
            ..Profile::new(agent.id.clone(), agent.name.clone(), ManagedBy::Files, made)
        };
        if present.as_ref().is_none_or(|agent| agent.profile != profile) {
            self.change(Change::AgentPut(profile));
        }
        for version in &agent.versions {
            self.version(&agent.id, version);
        }
        self.draft(agent);
        self.environments(agent);
    }

    fn version(&mut self, id: &AgentRef, placed: &Placed<(VersionNumber, FileConfig)>) {
        let Placed { at, value: (number, config), .. } = placed;
        let present = self.next.agents.get(id).and_then(|agent| agent.versions.get(number));
        match present {
            Some(version) if version.hash == config.hash || config.is_unread() => {}
            Some(_) => self.faults.push(at.fault(
                format!("{number} of agent {} has another content than when it was first read", id.agent),
                "a version that never changes: save the new content under the next number",
            )),
            None => {
                let version = Arc::new(self.as_version(Some(*number), config));
                self.change(Change::VersionSaved { agent: id.clone(), version });
            }
        }
    }

    /// `draft.toml`; without one the draft is the content of the highest version whose file is there, as it is for a
    /// router that starts with these files for the first time. If no version has a file, it is the highest there was.
    fn draft(&mut self, file: &FileAgent) {
        let Some(agent) = self.next.agents.get(&file.id).cloned() else { return };
        let given = file.versions.last().and_then(|placed| agent.versions.get(&placed.value.0));
        let draft = match &file.draft {
            Some(placed) => self.as_version(None, &placed.value),
            None => match given.or_else(|| agent.versions.values().next_back()) {
                Some(last) => Version {
                    number: None,
                    name: String::new(),
                    description: String::new(),
                    ..last.as_ref().clone()
                },
                None => return,
            },
        };
        if agent.draft.as_ref().is_none_or(|present| present.hash != draft.hash) {
            self.change(Change::DraftPut { agent: file.id.clone(), version: Arc::new(draft) });
        }
    }

    fn as_version(&mut self, number: Option<VersionNumber>, config: &FileConfig) -> Version {
        if let Some(body) = &config.body {
            self.outcome.bodies.push((config.hash, Arc::clone(body)));
        }
        Version {
            number,
            hash: config.hash,
            name: number.map(|number| number.to_string()).unwrap_or_default(),
            description: String::new(),
            author: "files".to_owned(),
            created_at: self.at,
            dispatch: Arc::clone(&config.dispatch),
        }
    }

    fn environments(&mut self, file: &FileAgent) {
        let Some(agent) = self.next.agents.get(&file.id).cloned() else { return };
        for Placed { at, value: (environment, number), .. } in &file.environments {
            if !agent.versions.contains_key(number) {
                let message = format!("environments.{environment}: agent {} has no {number}", file.id.agent);
                self.faults.push(at.fault(message, format!("a version whose file {number}.toml is there")));
            }
            self.warn_of_lost_file(&file.id, Pin::Version(*number));
            let version = agent.versions.get(number);
            let warning = version.and_then(|version| {
                self.next.warn_of_endpoints(&agent, version, Pin::Environment(*environment))
            });
            self.outcome.warnings.extend(warning);
        }
        for environment in Environment::ALL {
            let to = file.environments.iter().find(|e| e.value.0 == environment).map(|e| e.value.1);
            if let Some(change) = agent.declared(environment, to, "files", (self.at, self.next.revision)) {
                self.change(change);
            }
        }
    }

    /// A removed file removes no version, so that what names it goes on serving here; but a router that starts with these
    /// files for the first time could not know it.
    fn warn_of_lost_file(&mut self, id: &AgentRef, pin: Pin) {
        let (Some(file), Pin::Version(number)) = (self.given.get(id), pin) else { return };
        if file.versions.binary_search_by_key(&number, |placed| placed.value.0).is_err() {
            self.outcome.warnings.push(format!(
                "agent {} at {number} is named by the files but has no file any more: with these files a first start fails",
                id.agent
            ));
        }
    }

    fn split(&mut self, placed: &Placed<FileSplit>) {
        let Placed { at, keys, value: file } = placed;
        let present = self.next.splits.get(&file.id).cloned();
        let same = || present.as_ref().is_some_and(|present| same_split(present, file));
        if !self.governs(at, &file.id.account, Object::Split(file.id.split.clone()), same) {
            return;
        }
        let made = || file_salt(&file.id.account, &file.id.split);
        // One that the API drew stays: callers keep their arm.
        let salt = file.salt.or(present.as_ref().map(|it| it.salt)).unwrap_or_else(made);
        let mut split = file.as_split(salt, self.at);
        if let Some(present) = &present {
            (split.created_at, split.updated_at) = (present.created_at, present.updated_at);
        }
        if self.judged_in(at, &split.account) != split.account {
            self.doubt.splits.insert(split.id.clone());
        }
        let item = Item { at, keys, what: &format!("split {}", split.id) };
        if !self.check_names(&item, &split.account, Named::by_arms(&split.arms)) {
            // It is there all the same, for what names it.
            self.doubt.splits.insert(split.id.clone());
            return;
        }
        match (&file.owners, &present) {
            (Some(runs), _) => match owners_of(&split, runs) {
                Some(owners) => split.owners = owners.moved(&split.weights()),
                None => {
                    let message =
                        format!("split {}: owners do not name its arms, or not every slot once", split.id);
                    let expected = "runs [first slot, last slot, arm] from 0 to 9999, in order";
                    self.faults.push(keys.place(at, "owners").fault(message, expected));
                }
            },
            (None, Some(present)) => split.owners = present.with_arms(split.arms.clone()).owners,
            (None, None) => {}
        }
        if file.salt.is_none() && split.salt != made() {
            self.outcome.warnings.push(format!(
                "split {} has the salt {} since it was made over the API: put `salt = \"{}\"` into its table, or a first start deals its callers anew",
                split.id, split.salt, split.salt
            ));
        }
        if present.as_ref().is_none_or(|present| **present != split) {
            split.updated_at = self.at;
            self.change(Change::SplitPut(Arc::new(split)));
        }
    }

    /// Every route of a number, once each, however many numbers have it.
    fn routes(&mut self, files: &FileSet) {
        let routes = self.governing_routes(files);
        self.room_for(routes.iter().map(|placed| placed.value.as_ref()));
        for Placed { at, keys, value: route } in routes {
            self.check_route_at(&Item { at, keys, what: "number" }, route);
        }
    }

    /// A number whose route found no place would lose it: each of `routes`, which are there once, must fit.
    fn room_for<'r>(&mut self, routes: impl IntoIterator<Item = &'r Route>) {
        if let Err(full) = self.next.room_among(self.routes_max, routes) {
            self.faults.push(nowhere(full.message, "fewer different routes"));
        }
    }

    fn prefixes(&mut self, files: &FileSet) {
        let mut seen = BTreeSet::new();
        for Placed { at, keys, value: (prefix, route) } in &files.prefixes {
            let key = (route.account.clone(), *prefix);
            seen.insert(key.clone());
            let present = self.next.prefixes.get(&key).cloned();
            let same = || present.as_ref().is_some_and(|present| same_route(present, route));
            if self.governs(at, &route.account, Object::Prefix(*prefix), same) {
                self.check_route_at(&Item { at, keys, what: &format!("prefix {prefix}") }, route);
                if present.as_ref() != Some(route) {
                    self.change(Change::PrefixPut { prefix: *prefix, route: Arc::clone(route) });
                }
            }
        }
        let gone = self.next.prefixes.iter().filter(|(key, route)| of_files(route) && !seen.contains(*key));
        let gone: Vec<_> = gone.map(|(key, _)| key.clone()).collect();
        for (account, prefix) in gone {
            self.change(Change::PrefixRemoved { account, prefix });
        }
    }

    fn defaults(&mut self, files: &FileSet) {
        let mut seen = BTreeSet::new();
        for Placed { at, keys, value: route } in &files.defaults {
            seen.insert(route.account.clone());
            let present = self.next.defaults.get(&route.account).cloned();
            let same = || present.as_ref().is_some_and(|present| same_route(present, route));
            if self.governs(at, &route.account, Object::DefaultRoute, same) {
                self.check_route_at(&Item { at, keys, what: "default" }, route);
                if present.as_ref() != Some(route) {
                    self.change(Change::DefaultPut { route: Arc::clone(route) });
                }
            }
        }
        let gone: Vec<AccountId> = self
            .next
            .defaults
            .iter()
            .filter(|(account, route)| of_files(route) && !seen.contains(*account))
            .map(|(account, _)| account.clone())
            .collect();
        for account in gone {
            self.change(Change::DefaultRemoved { account });
        }
    }

    /// Splits that no file gives any more go, unless something else uses them.
    fn drop_splits(&mut self, files: &FileSet) {
        let doubt = &files.reading.doubt;
        let kept: BTreeSet<&SplitRef> = files.splits.iter().map(|placed| &placed.value.id).collect();
        let gone: Vec<SplitRef> = self
            .next
            .splits
            .iter()
            .filter(|(id, split)| split.managed_by == ManagedBy::Files && !kept.contains(id))
            .filter(|(id, _)| !doubt.split(&id.split))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            match self.next.split_user(Sight::whole(&self.next), &id) {
                Some(user) => {
                    let such = self.next.number_into(&id).map(|one| format!(", such as {one}"));
                    let such = such.unwrap_or_default();
                    self.faults.push(nowhere(
                        format!("split {} is gone from the files but in use by {user}{such}", id.split),
                        "the split, or nothing that uses it",
                    ));
                }
                None => self.change(Change::SplitRemoved(id)),
            }
        }
    }

    /// Agents that no file gives any more go with the numbers that the API gave them, unless a split names them.
    fn drop_agents(&mut self) {
        for id in &self.gone.clone() {
            if self.doubt.agents.contains(&id.agent) {
                continue;
            }
            let named = |split: &Split| split.account == id.account && split.names(&id.agent);
            // Of a split that the files give it was told where that stands.
            let untold = |split: &Split| !self.doubt.splits.contains(&split.id);
            let mut splits = self.next.splits.iter();
            if let Some((_, split)) = splits.find(|(_, split)| named(split) && untold(split)) {
                let message =
                    format!("agent {} is gone from the files but split {} names it", id.agent, split.id);
                self.faults.push(nowhere(message, "the agent, or no split that names it"));
                continue;
            }
            let leaving = Leaving::of(&self.next, id);
            self.room_for(leaving.new_routes());
            leaving.changes.into_iter().for_each(|change| self.change(change));
            self.change(Change::AgentRemoved(id.clone()));
        }
    }

    fn finish(mut self, before: &State, files: &FileSet, moved: &Moved) -> Outcome {
        let Moved { put, released } = *moved;
        let changed = !self.outcome.changes.is_empty();
        if changed || before.files != Some(files.hash) {
            self.change(Change::FilesApplied { hash: files.hash });
        }
        if !files.accepted {
            self.outcome.warnings.extend(removed(files, moved, &self.outcome.changes));
        }
        self.outcome.action = "files.apply";
        self.outcome.target = files.hash.to_string();
        let (orphaned, more) = (orphaned(&self.outcome.changes), told(before, &self.outcome.changes));
        let orphaned = if orphaned > 0 { format!(", {orphaned} of the API released") } else { String::new() };
        let by = files.accepted_by.as_ref().filter(|_| files.accepted);
        let by = by.map_or_else(String::new, |by| format!(", accepted by {by}"));
        let put =
            if put > 0 { format!(", {} given another route", counted(put, "number")) } else { String::new() };
        let released = if released > 0 { format!(", {released} released") } else { String::new() };
        self.outcome.summary = if changed {
            let (agents, splits) =
                (counted(files.agents.len(), "agent"), counted(files.splits.len(), "split"));
            format!("files applied: {agents}, {splits}{put}{released}{orphaned}{more}{by}")
        } else {
            format!("files applied: nothing they say has changed{by}")
        };
        self.into_outcome(files)
    }

    /// What the files come to, besides what it is called.
    pub(super) fn into_outcome(mut self, files: &FileSet) -> Outcome {
        let routes = files.routes.iter().map(|placed| &placed.value);
        let routes = routes.chain(files.prefixes.iter().map(|placed| &placed.value.1));
        let routes = routes.chain(files.defaults.iter().map(|placed| &placed.value));
        let warnings =
            routes.filter_map(|route| self.next.warn_of_fallback(&route.account, route.fallback.as_ref()));
        self.outcome.warnings.extend(warnings);
        self.outcome.warnings.sort_unstable();
        self.outcome.warnings.dedup();
        self.outcome.ahead = Some(Box::new((self.next, self.touched)));
        self.outcome
    }
}

fn owners_of(split: &Split, runs: &[(usize, usize, ArmId)]) -> Option<Owners> {
    let runs: Option<Vec<_>> =
        runs.iter().map(|(first, last, arm)| Some((*first, *last, split.position(arm.as_str())?))).collect();
    Owners::from_runs(runs?)
}

fn of_files(route: &Route) -> bool {
    route.managed_by == ManagedBy::Files
}

fn no_account(at: &Place, account: &AccountId) -> Fault {
    at.fault(
        format!("account: there is no account {account}"),
        "an account's id, or none for the first account",
    )
}

/// A fault of the folder as a whole.
fn nowhere(message: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault { message: message.into(), expected: expected.into(), ..Fault::of_folder() }
}
