//! Branches besides `main`: made, edited, taken back, deleted.

use std::sync::Arc;

use super::{AgentEdit, NewDraft, OnAgent, branch_is_main};
use crate::domain::agent::AgentRef;
use crate::domain::branch::{BRANCHES_MAX, Branch};
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::id::{BranchId, ConfigHash};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::state::State;

impl State {
    /// Refuses an agent of an account that protects `main`.
    pub(super) fn check_main_is_free(&self, id: &AgentRef) -> Result<(), Refusal> {
        if !self.settings(&id.account).protected_main {
            return Ok(());
        }
        let message = format!("the account protects main of {}: edit a branch and merge it", id.agent);
        Err(Refusal::new(RefusalKind::Conflict, "BRANCH_PROTECTED", message))
    }
}

impl OnAgent<'_> {
    /// Refuses to give the draft of `main` another content where the account protects it, but by a merge.
    pub(super) fn check_protection(&self, edit: &AgentEdit) -> Result<(), Refusal> {
        let of_main = match edit {
            AgentEdit::PutDraft(draft) => draft.branch.is_main(),
            AgentEdit::Restore { .. } | AgentEdit::RevertPublish(_) => true,
            _ => false,
        };
        if of_main { self.state.check_main_is_free(&self.id) } else { Ok(()) }
    }

    pub(super) fn create_branch(&self, id: &BranchId, name: &str) -> Result<Outcome, Refusal> {
        let (agent, branches) = (&self.id.agent, &self.agent.branches);
        let conflict = |code, message| Err(Refusal::new(RefusalKind::Conflict, code, message));
        let named = |branch: &Branch| branch.id == *id || branch.name == name;
        if id.is_main() || name == BranchId::MAIN || branches.values().any(|branch| named(branch)) {
            return conflict("BRANCH_ALREADY_EXISTS", format!("agent {agent} has a branch {name:?} already"));
        }
        if branches.len() >= BRANCHES_MAX {
            let message = format!("agent {agent} has {BRANCHES_MAX} branches: no more fit");
            return conflict("TOO_MANY_BRANCHES", message);
        }
        let draft = self.agent.main_draft()?.hash;
        let branch = Branch {
            id: id.clone(),
            name: name.to_owned(),
            draft,
            base: draft,
            created_by: self.author(),
            created_at: self.command.at,
            updated_at: self.command.at,
            created_in: self.state.revision.next(),
        };
        let summary = format!("branch {id} of {agent} was made: {name}");
        Ok(self.outcome("branch.create", vec![self.put(branch)], summary))
    }

    pub(super) fn delete_branch(&self, id: &BranchId) -> Result<Outcome, Refusal> {
        let agent = &self.id.agent;
        if id.is_main() {
            return Err(branch_is_main(format!("main of {agent} cannot be deleted: every agent has it")));
        }
        let branch = self.agent.branch(id)?;
        let summary = format!("branch {id} of {agent} was deleted: {}", branch.name);
        let removed = Change::BranchRemoved { agent: self.id.clone(), branch: id.clone() };
        Ok(self.outcome("branch.delete", vec![removed], summary))
    }

    pub(super) fn put_branch(&self, draft: &NewDraft) -> Result<Outcome, Refusal> {
        let (content, id) = (&draft.content, &draft.branch);
        let branch = self.agent.branch(id)?;
        self.check_made_from(draft, Some(branch.draft))?;
        let summary = format!("branch {id} of {} was edited", self.id.agent);
        let outcome = self.outcome("branch.put", self.moved(branch, content.hash), summary);
        Ok(Outcome { bodies: vec![content.body()], ..outcome })
    }

    pub(super) fn revert_branch(&self, id: &BranchId) -> Result<Outcome, Refusal> {
        let branch = self.agent.branch(id)?;
        let summary =
            format!("branch {id} of {} was taken back to what it was made of or merged as", self.id.agent);
        Ok(self.outcome("branch.revert", self.moved(branch, branch.base), summary))
    }

    /// The branch with another content; nothing where it has it already.
    fn moved(&self, branch: &Branch, draft: ConfigHash) -> Vec<Change> {
        let edited = || Branch { draft, updated_at: self.command.at, ..branch.clone() };
        (branch.draft != draft).then(|| self.put(edited())).into_iter().collect()
    }

    pub(super) fn put(&self, branch: Branch) -> Change {
        Change::BranchPut { agent: self.id.clone(), branch: Arc::new(branch) }
    }
}
