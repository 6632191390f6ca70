//! A branch merged into `main`.

use std::sync::Arc;

use super::{Content, Deploy, OnAgent, Publish, STALE_DRAFT, branch_is_main, managed_by_files};
use crate::domain::agent::{Agent, AgentRef};
use crate::domain::agent_config::Sides;
use crate::domain::branch::Branch;
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::id::{BranchId, ConfigHash, Environment};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::route::ManagedBy;
use crate::domain::state::State;

/// What came of a merge, on its way into `main`.
#[derive(Debug, Clone)]
pub struct MergeBranch {
    /// The branch.
    pub branch: BranchId,
    /// What `main` is to be.
    pub merged: Content,
    /// What that was made of; where something else is there by now, nothing is overwritten.
    pub made_of: Merging,
    /// How it is deployed, where it is.
    pub deploy: Deploy,
}

/// What a merge is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merging {
    /// What the branch was made of or last merged as, the draft of `main`, that of the branch.
    pub sides: Sides<ConfigHash>,
    /// What it comes upon in `sandbox`; nothing where the account does not publish merges.
    pub upon: Option<Served>,
}

/// What an environment serves, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served(pub Option<ConfigHash>);

impl Merging {
    /// Whether the branch has anything that was not merged.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.sides.base == self.sides.theirs
    }

    /// Whether a merge that comes to this is deployed: the account has it so, and it is not what serves.
    #[must_use]
    pub fn deploys(&self, merged: ConfigHash) -> bool {
        !self.is_nothing() && self.upon.is_some_and(|upon| upon.0 != Some(merged))
    }
}

impl State {
    /// What a merge of a branch into `main` is made of now.
    ///
    /// # Errors
    /// `PROJECT_NOT_FOUND`, `MANAGED_BY_FILES`, `BRANCH_IS_MAIN`, `BRANCH_NOT_FOUND`, `NO_DRAFT`.
    pub fn merging(&self, id: &AgentRef, branch: &BranchId) -> Result<Merging, Refusal> {
        let agent = self.found_agent(id)?;
        if agent.profile.managed_by == ManagedBy::Files {
            return Err(managed_by_files(id));
        }
        self.merging_of(agent, branch)
    }

    fn merging_of(&self, agent: &Agent, id: &BranchId) -> Result<Merging, Refusal> {
        let of = &agent.profile.id;
        if id.is_main() {
            return Err(branch_is_main(format!("main of {} cannot be merged into itself", of.agent)));
        }
        let (branch, main) = (agent.branch(id)?, agent.main_draft()?);
        let sides = Sides { base: branch.base, ours: main.hash, theirs: branch.draft };
        let served = Served(agent.deployed(Environment::Sandbox).map(|served| served.hash));
        Ok(Merging { sides, upon: self.settings(&of.account).merge_publishes.then_some(served) })
    }
}

impl OnAgent<'_> {
    /// From then on the base of the branch is what it is now, so that the next merge brings what comes later.
    pub(super) fn merge_branch(&self, merge: &MergeBranch) -> Result<Outcome, Refusal> {
        let MergeBranch { branch: id, merged, made_of, deploy } = merge;
        let (agent, present) = (&self.id.agent, self.state.merging_of(self.agent, id)?);
        if present != *made_of {
            let message =
                format!("main of {agent} or its branch {id} was changed by somebody else meanwhile");
            return Err(Refusal::new(RefusalKind::Precondition, STALE_DRAFT, message));
        }
        let branch = self.agent.branch(id)?;
        if made_of.is_nothing() {
            let summary = format!("branch {id} of {agent} had nothing to merge");
            return Ok(self.outcome("branch.merge", Vec::new(), summary));
        }
        let draft = merged.as_draft(self.author(), self.command.at);
        let mut changes = Vec::new();
        if made_of.sides.ours != merged.hash {
            changes.extend(self.renamed(&merged.agent_name));
            changes.push(Change::DraftPut { agent: self.id.clone(), version: Arc::new(draft.clone()) });
        }
        changes.push(self.put(Branch { base: branch.draft, ..branch.as_ref().clone() }));
        let mut summary = format!("branch {id} of {agent} was merged into main: {}", branch.name);
        if made_of.deploys(merged.hash) {
            let release = self.release(&draft, &publish(branch, deploy))?;
            changes.extend(release.changes);
            summary.push_str(&format!("; {} was published to sandbox{}", release.version, release.how));
        }
        let outcome = self.outcome("branch.merge", changes, summary);
        Ok(Outcome { bodies: vec![merged.body()], ..outcome })
    }
}

/// A version that is saved by a merge tells whence it came where nothing else is said of it.
fn publish(branch: &Branch, deploy: &Deploy) -> Publish {
    let merge = || format!("merge of {}", branch.name);
    Publish {
        deploy: deploy.clone(),
        environment: Environment::Sandbox,
        version_name: String::new(),
        version_description: if deploy.message.is_empty() { merge() } else { deploy.message.clone() },
        of_staging: false,
    }
}
