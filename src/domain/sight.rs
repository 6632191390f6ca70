//! What somebody may see of an account: the one place that judges it.
//!
//! A key can be limited to some agents. A route or a split that can lead to any other is hidden from it as a whole: it
//! is in no list and no count, cannot be changed, and no text names it. Whose account an object is in is not judged
//! here: what another account has is not there at all.
//!
//! What nobody has it may take for its own agents: a number, the default route, and a prefix too, unless calls that begin
//! so reach a hidden agent meanwhile, by a shorter prefix or the default route.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::account::Key;
use super::address::{Number, Prefix};
use super::agent::AgentRef;
use super::caller_pin::CallerPin;
use super::change::SplitRef;
use super::command::{Action, AgentEdit, Author, Command, TelephonyEdit};
use super::fallback::Fallback;
use super::files::{FileNumber, FileSet, FileSplit};
use super::id::{AccountId, AgentId, ConnectorId, SplitId};
use super::object::Object;
use super::route::{Destination, Route};
use super::split::Split;
use super::state::State;

/// What somebody sees in a state.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'s> {
    state: &'s State,
    /// Whose sight it is; everybody else sees everything.
    key: Option<&'s Key>,
}

impl<'s> Sight<'s> {
    /// That of a key.
    #[must_use]
    pub fn of_key(state: &'s State, key: &'s Key) -> Self {
        Self { state, key: Some(key) }
    }

    /// That of whoever wants a change: all but keys see everything.
    #[must_use]
    pub fn of_author(state: &'s State, author: &'s Author) -> Self {
        match author {
            Author::Key { key, .. } => Self::of_key(state, key),
            Author::Files | Author::Console | Author::Router => Self::whole(state),
        }
    }

    /// Everything.
    #[must_use]
    pub fn whole(state: &'s State) -> Self {
        Self { state, key: None }
    }

    /// Whether nothing is hidden.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.key.is_none_or(|key| key.agents.is_none())
    }

    /// Whether an agent is seen.
    #[must_use]
    pub fn agent(&self, agent: &AgentId) -> bool {
        self.key.is_none_or(|key| key.sees(agent))
    }

    /// Whether all is seen that another key sees.
    #[must_use]
    pub fn key(&self, other: &Key) -> bool {
        self.key.is_none_or(|key| key.sees_all_of(other))
    }

    /// Whether the agents of all arms are seen.
    #[must_use]
    pub fn split(&self, split: &Split) -> bool {
        self.is_whole() || split.arms.iter().all(|arm| self.agent(&arm.agent))
    }

    /// Whether all agents are seen that a route can lead to, through a split too.
    #[must_use]
    pub fn route(&self, route: &Route) -> bool {
        self.is_whole()
            || route.pins().all(|(agent, _)| self.agent(agent))
                && match &route.to {
                    Destination::Agent { .. } => true,
                    Destination::Split(split) => {
                        self.named_split(&SplitRef { account: route.account.clone(), split: split.clone() })
                    }
                }
    }

    /// Whether all is seen that a command names or changes the calls of; what is not there hides nothing.
    #[must_use]
    pub fn command(&self, command: &Command) -> bool {
        let (state, account) = (self.state, &command.account);
        let present = |route: Option<&Arc<Route>>| {
            // That another account has it is for the command itself to refuse.
            route.is_none_or(|route| route.account != *account || self.route(route))
        };
        let number = |number: &Number| present(state.route(number));
        let prefix = |prefix| present(state.prefixes.get(&(account.clone(), prefix)));
        // A new one takes the calls of what it begins with, or of the default route.
        let covered = |it: Prefix| {
            let of = |it| state.prefixes.get(&(account.clone(), it));
            present(of(it).or_else(|| it.shorter().find_map(of)).or_else(|| state.defaults.get(account)))
        };
        let default = || present(state.defaults.get(account));
        let split =
            |id: &SplitId| self.named_split(&SplitRef { account: account.clone(), split: id.clone() });
        match &command.action {
            Action::Agent { agent, edit: AgentEdit::Telephony(edit) } => {
                self.agent(agent) && self.telephony(account, agent, edit)
            }
            Action::Agent { agent, edit: AgentEdit::PutFallback { fallback, .. } } => {
                self.agent(agent) && self.fallback(account, fallback.as_ref())
            }
            Action::Agent { agent, .. } => self.agent(agent),
            Action::PutNumber { number: at, route } => number(at) && self.new_route(route),
            Action::DeleteNumber(at) => number(at),
            Action::PutPrefix { prefix: at, route } => covered(*at) && self.new_route(route),
            Action::DeletePrefix(at) => prefix(*at),
            Action::PutDefault(route) => default() && self.new_route(route),
            Action::DeleteDefault => default(),
            Action::PutCallerPin { pin: CallerPin { id, .. }, .. } | Action::DeleteCallerPin { id, .. } => {
                self.agent(&id.agent.agent)
            }
            Action::CreateSplit { split, numbers } => self.split(split) && numbers.iter().all(number),
            Action::PatchSplit { id, patch } => {
                let agents = patch.arms.iter().filter_map(|arm| arm.agent.as_ref());
                split(id)
                    && agents.into_iter().all(|agent| self.agent(agent))
                    && patch.numbers.iter().all(number)
            }
            Action::EndSplit { id, .. } | Action::DeleteSplit(id) => split(id),
            // Each row was judged by what the key could see then.
            Action::ImportNumbers(import) => {
                self.key.and_then(|key| key.agents.as_ref()) == import.agents.as_ref()
            }
            Action::ImportAccount(_) => self.is_whole(),
            Action::Adopt(objects) => self.objects(account, objects),
            Action::Release { objects, files } => {
                self.objects(account, objects) && self.given_back(objects, files)
            }
            // Of several, each is judged when its turn comes, by what those before it made.
            // Which keys are seen, and who keeps accounts, is judged where they are weighed.
            Action::CreateAccount { .. }
            | Action::PatchAccount { .. }
            | Action::ReplaceKey(_)
            | Action::CreateKey(_)
            | Action::DeleteKey(_)
            | Action::ApplyFiles(_)
            | Action::Several(_) => true,
        }
    }

    /// Whether all is seen that a new route leads to, its fallback too.
    fn new_route(&self, route: &Route) -> bool {
        self.route(route) && self.fallback(&route.account, route.fallback.as_ref())
    }

    /// Whether all is seen that the number of a fallback leads to.
    fn fallback(&self, account: &AccountId, fallback: Option<&Fallback>) -> bool {
        let Some(Fallback::Number(number)) = fallback else { return true };
        self.object(account, &Object::Number(number.clone()))
    }

    /// Whether all is seen that leads to the numbers that an edit of connectors changes, and where they go.
    fn telephony(&self, account: &AccountId, agent: &AgentId, edit: &TelephonyEdit) -> bool {
        let id = || AgentRef { account: account.clone(), agent: agent.clone() };
        let number = |number: &Number| self.object(account, &Object::Number(number.clone()));
        let numbers_of = |connector: &ConnectorId| {
            self.is_whole()
                || self.state.numbers_of(&id(), |it| it == connector).all(|(_, route)| self.route(route))
        };
        match edit {
            // That a number is there already is told without saying where it leads.
            TelephonyEdit::Import(_) => true,
            TelephonyEdit::Connect { number: which, .. } => number(which),
            TelephonyEdit::Release(numbers) => numbers.iter().all(number),
            TelephonyEdit::PatchConnector { connector, patch } => {
                patch.agent.as_ref().is_none_or(|to| self.agent(to) && numbers_of(connector))
            }
            TelephonyEdit::DeleteConnector(connector) => numbers_of(connector),
        }
    }

    /// Whether all is seen that objects are now; what is not there hides nothing.
    fn objects(&self, account: &AccountId, objects: &BTreeSet<Object>) -> bool {
        self.is_whole() || objects.iter().all(|object| self.object(account, object))
    }

    /// Whether all is seen that an object of an account leads to.
    #[must_use]
    pub fn object(&self, account: &AccountId, object: &Object) -> bool {
        let seen = |route: Option<&Arc<Route>>| {
            route.is_none_or(|route| route.account != *account || self.route(route))
        };
        match object {
            Object::Agent(agent) | Object::CallerPin { agent_id: agent, .. } => self.agent(agent),
            Object::Split(split) => {
                self.named_split(&SplitRef { account: account.clone(), split: split.clone() })
            }
            Object::DefaultRoute => seen(self.state.defaults.get(account)),
            Object::Prefix(prefix) => seen(self.state.prefixes.get(&(account.clone(), *prefix))),
            Object::Number(number) => seen(self.state.route(number)),
        }
    }

    /// Whether all is seen that files say of objects that they are given back.
    fn given_back(&self, objects: &BTreeSet<Object>, files: &FileSet) -> bool {
        let has = |object: Object| objects.contains(&object);
        let split = |split: &FileSplit| split.arms.iter().all(|arm| self.agent(&arm.agent));
        let number = |put: &FileNumber| {
            files.routes.get(put.route as usize).is_none_or(|placed| self.route(&placed.value))
        };
        self.is_whole()
            || files.put.iter().all(number)
                && (files.prefixes.iter().map(|placed| &placed.value))
                    .all(|(prefix, route)| !has(Object::Prefix(*prefix)) || self.route(route))
                && (files.defaults.iter())
                    .all(|placed| !has(Object::DefaultRoute) || self.route(&placed.value))
                && (files.splits.iter().map(|placed| &placed.value))
                    .all(|file| !has(Object::Split(file.id.split.clone())) || split(file))
    }

    fn named_split(&self, id: &SplitRef) -> bool {
        self.state.splits.get(id).is_none_or(|split| self.split(split))
    }
}
