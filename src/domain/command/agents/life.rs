//! How an agent comes and goes.

use std::sync::Arc;

use super::{Content, Leaving, OnAgent};
use crate::domain::agent::{AgentRef, Profile, Version};
use crate::domain::change::Change;
use crate::domain::command::{Command, Outcome};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::route::{ManagedBy, Route};
use crate::domain::split::Split;
use crate::domain::state::State;

/// Most agents of an instance.
pub const AGENTS_MAX: usize = 100_000;

/// Ids that are paths of operations beside `/v1/agents/{id}`: such an agent could not be asked for.
const RESERVED: [&str; 1] = ["import"];

/// An agent that is to be made.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// Its draft.
    pub draft: Content,
    /// What it was copied from, for the history.
    pub copy_of: Option<String>,
}

impl State {
    pub(super) fn create_agent(
        &self,
        command: &Command,
        id: AgentRef,
        new: &NewAgent,
    ) -> Result<Outcome, Refusal> {
        let conflict = |code, message| Err(Refusal::new(RefusalKind::Conflict, code, message));
        if self.agents.contains_key(&id) {
            return conflict("PROJECT_ID_ALREADY_EXISTS", format!("there is an agent {} already", id.agent));
        }
        if RESERVED.contains(&id.agent.as_str()) {
            let field = if new.copy_of.is_some() { "newAgentId" } else { "agentId" };
            let message = format!("is the path of an operation: expected another id than {}", id.agent);
            return Err(Refusal { code: "PROJECT_ID_INVALID", ..Refusal::field(field, message) });
        }
        if self.agents.len() >= AGENTS_MAX {
            return conflict("TOO_MANY_AGENTS", format!("there are {AGENTS_MAX} agents: no more fit"));
        }
        let NewAgent { draft, copy_of } = new;
        let author = command.author.name().to_owned();
        let version = draft.as_draft(author, command.at);
        let profile = Profile::new(id.clone(), draft.agent_name.clone(), ManagedBy::Api, command.at);
        let summary = match copy_of {
            Some(other) => format!("agent {} was made, as a copy of {other}", id.agent),
            None => format!("agent {} was made", id.agent),
        };
        let target = id.agent.to_string();
        Ok(Outcome {
            changes: vec![
                Change::AgentPut(profile),
                Change::DraftPut { agent: id, version: Arc::new(version) },
            ],
            bodies: vec![draft.body()],
            action: "agent.create",
            target,
            summary,
            ..Outcome::default()
        })
    }
}

impl OnAgent<'_> {
    /// Its numbers of the API are released; what of the files leads to it, and splits that name it, keep it.
    pub(super) fn delete(&self) -> Result<Outcome, Refusal> {
        let id = &self.id;
        let in_use = |user: String| {
            let message = format!("agent {} is in use by {user}", id.agent);
            Err(Refusal::new(RefusalKind::Conflict, "IN_USE", message))
        };
        let names = |split: &Split| split.account == id.account && split.names(&id.agent);
        if let Some((_, split)) = self.state.splits.iter().find(|(_, split)| names(split)) {
            return in_use(format!("split {}", split.id));
        }
        let of_files = |route: &Route| {
            route.account == id.account
                && route.managed_by == ManagedBy::Files
                && route.pins().any(|(agent, _)| *agent == id.agent)
        };
        let state = self.state;
        if state.routes.iter().any(|(_, used)| of_files(&used.route)) {
            return in_use("numbers of the route files".to_owned());
        }
        if let Some(((_, prefix), _)) = state.prefixes.iter().find(|(_, route)| of_files(route)) {
            return in_use(format!("the prefix {prefix} of the route files"));
        }
        if state.defaults.get(&id.account).is_some_and(|route| of_files(route)) {
            return in_use("the default route of the route files".to_owned());
        }
        if state.caller_pins_to(id).any(|pin| pin.managed_by == ManagedBy::Files) {
            return in_use("caller pins of the route files".to_owned());
        }
        let leaving = Leaving::of(state, id);
        let summary = leaving.summary(state, &id.agent);
        let mut changes = leaving.changes;
        changes.push(Change::AgentRemoved(id.clone()));
        Ok(self.outcome("agent.delete", changes, summary))
    }
}

impl Content {
    /// The content as a draft.
    pub(super) fn as_draft(&self, author: String, at: crate::domain::time::Timestamp) -> Version {
        Version {
            number: None,
            hash: self.hash,
            name: String::new(),
            description: String::new(),
            author,
            created_at: at,
            dispatch: Arc::clone(&self.dispatch),
        }
    }
}
