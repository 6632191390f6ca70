//! What one publish brought, taken from the draft.

use std::sync::Arc;

use super::{Content, OnAgent, STALE_DRAFT, managed_by_files};
use crate::domain::agent::AgentRef;
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::deployment::Deployment;
use crate::domain::id::{ConfigHash, VersionNumber};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::route::ManagedBy;
use crate::domain::state::State;

/// What comes of a revert, on its way into the draft.
#[derive(Debug, Clone)]
pub struct RevertPublish {
    /// The publish, one of the agent.
    pub publish: Arc<Deployment>,
    /// What the draft is to be.
    pub reverted: Content,
    /// What that was made of; where something else is there by now, nothing is overwritten.
    pub made_of: Reverting,
}

/// What a revert is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reverting {
    /// The version that was published.
    pub entry: ConfigHash,
    /// The version before it, if there is one.
    pub before: Option<ConfigHash>,
    /// The draft.
    pub staging: ConfigHash,
}

impl State {
    /// What it takes to take from the draft what a publish of this version brought, as it is now.
    ///
    /// # Errors
    /// `PROJECT_NOT_FOUND`, `MANAGED_BY_FILES`, `BRANCH_PROTECTED`, `NO_DRAFT`, `NOT_FOUND`.
    pub fn reverting(&self, id: &AgentRef, version: VersionNumber) -> Result<Reverting, Refusal> {
        let agent = self.found_agent(id)?;
        if agent.profile.managed_by == ManagedBy::Files {
            return Err(managed_by_files(id));
        }
        self.check_main_is_free(id)?;
        let missing = || Refusal::not_found("NOT_FOUND", format!("agent {} has no {version}", id.agent));
        Ok(Reverting {
            entry: agent.versions.get(&version).ok_or_else(missing)?.hash,
            before: agent.version_before(version).map(|before| before.hash),
            staging: agent.main_draft()?.hash,
        })
    }
}

impl OnAgent<'_> {
    /// Where nothing of it is left, nothing changes.
    pub(super) fn revert_publish(&self, revert: &RevertPublish) -> Result<Outcome, Refusal> {
        let RevertPublish { publish, reverted, made_of } = revert;
        let (agent, version) = (&self.id.agent, publish.version);
        if self.state.reverting(&self.id, version)? != *made_of {
            let message = format!("the draft of {agent} was changed by somebody else meanwhile");
            return Err(Refusal::new(RefusalKind::Precondition, STALE_DRAFT, message));
        }
        if reverted.hash == made_of.staging {
            let summary = format!("the draft of {agent} has nothing left of what {version} brought");
            return Ok(self.outcome("draft.revert", Vec::new(), summary));
        }
        let draft = Arc::new(reverted.as_draft(self.author(), self.command.at));
        let mut changes: Vec<Change> = self.renamed(&reverted.agent_name).into_iter().collect();
        changes.push(Change::DraftPut { agent: self.id.clone(), version: draft });
        let summary =
            format!("what {version} brought was taken from the draft of {agent}: publish {}", publish.id);
        Ok(Outcome { bodies: vec![reverted.body()], ..self.outcome("draft.revert", changes, summary) })
    }
}
