//! What is done to one agent: its life, its draft, its versions, what its environments serve, where it listens, its
//! real-time configs, its connectors and their numbers.

mod branches;
mod config_pages;
mod drafts;
mod environment_splits;
mod leaving;
mod life;
mod listening;
mod merges;
mod releases;
mod reverts;
mod telephony;
mod test_runs;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Body, Command, Outcome};
use crate::domain::account::{AccountSettings, Permission};
use crate::domain::agent::{Agent, AgentRef};
use crate::domain::change::Change;
use crate::domain::endpoint::Endpoint;
use crate::domain::fallback::Fallback;
use crate::domain::id::{AccountId, AgentId, BranchId, ConfigHash, Environment, Pin, VersionNumber};
use crate::domain::object::{Object, ObjectRef};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::route::ManagedBy;
use crate::domain::state::State;

pub use config_pages::{NewConfigPage, STALE_CONFIG_PAGE};
pub(super) use environment_splits::Held;
pub use environment_splits::SPLIT_RUNNING;
pub(super) use leaving::Leaving;
pub use life::{AGENTS_MAX, NewAgent};
pub use merges::{MergeBranch, Merging, Served};
pub use releases::{Deploy, Promote, Publish, Rollback};
pub use reverts::{RevertPublish, Reverting};
pub use telephony::{ConnectorPatch, NO_NUMBER, NewNumbers, TelephonyEdit};
pub use test_runs::{PutTests, RecordTestRun, RunThen, StartTestRun, TESTS_NOT_PASSED};

/// Most versions of an agent.
pub const VERSIONS_MAX: usize = 10_000;

/// What is to be done to an agent.
#[derive(Debug, Clone)]
pub enum AgentEdit {
    /// Make it.
    Create(Box<NewAgent>),
    /// Delete it with all it holds, and release its numbers.
    Delete,
    /// Make a branch of what its draft is at that moment.
    CreateBranch {
        /// The id that it gets.
        id: BranchId,
        /// A name for people, unique within the agent.
        name: String,
    },
    /// Delete a branch.
    DeleteBranch(BranchId),
    /// Merge a branch into `main`.
    MergeBranch(MergeBranch),
    /// Give the draft of a branch another content.
    PutDraft(NewDraft),
    /// Take a branch other than `main` back to what it was made of, or last merged as.
    RevertBranch(BranchId),
    /// Save the draft as the next version.
    SaveVersion {
        /// A name for people; `V<n>` where it is empty.
        name: String,
        /// A text for people.
        description: String,
    },
    /// Copy a version over the draft.
    Restore {
        /// Which version.
        version: VersionNumber,
        /// What the agent is called there.
        agent_name: String,
        /// Whether it is meant as the newest one, and refused where there is a newer one by now.
        newest: bool,
    },
    /// Take from the draft what a publish brought.
    RevertPublish(RevertPublish),
    /// Put the draft into an environment.
    Publish(Publish),
    /// Put what an environment serves into a later one.
    Promote(Promote),
    /// Put back what an environment served before.
    Rollback(Rollback),
    /// Say where its runtime listens.
    PutEndpoints {
        /// For what this environment serves; for all that says nothing of its own where absent.
        environment: Option<Environment>,
        /// Where; empty: it says nothing.
        endpoints: Vec<Endpoint>,
    },
    /// Say what it cannot take, and where that goes.
    PutFallback {
        /// Where to, if anywhere.
        fallback: Option<Fallback>,
        /// How many calls it may have in progress, or any number; it stays as it is where this says nothing.
        max_calls_in_progress: Option<Option<u32>>,
    },
    /// Give an environment other real-time configs.
    PutConfigPage(NewConfigPage),
    /// Do something to its connectors or their numbers.
    Telephony(TelephonyEdit),
    /// Test it by something else.
    PutTests(PutTests),
    /// Put something of it to the test.
    StartTestRun(StartTestRun),
    /// Say what came of a run of its tests.
    RecordTestRun(RecordTestRun),
}

/// Another content of a draft.
#[derive(Debug, Clone)]
pub struct NewDraft {
    /// Of which branch.
    pub branch: BranchId,
    /// Its fingerprint and what routing needs of it.
    pub content: Content,
    /// The content that it was made from; another one by now is not overwritten.
    pub made_from: Option<ConfigHash>,
}

/// A configuration, as far as the state knows it.
#[derive(Debug, Clone)]
pub struct Content {
    /// What the agent is called there.
    pub agent_name: String,
    /// Its fingerprint.
    pub hash: ConfigHash,
    /// What routing needs of it.
    pub dispatch: Arc<crate::domain::agent_config::Dispatch>,
    /// Its canonical text, for the store.
    pub body: Arc<[u8]>,
}

impl Content {
    fn body(&self) -> Body {
        (self.hash, Arc::clone(&self.body))
    }
}

/// The code of an edit that was made from a content which is no longer that of the draft.
pub const STALE_DRAFT: &str = "DRAFT_CHANGED";
/// The code of a publish that would change nothing.
pub const ALREADY_PUBLISHED: &str = "DEPLOYMENTS_ALREADY_PUBLISHED";

impl AgentEdit {
    pub(super) fn permission(&self) -> Permission {
        match self {
            Self::Publish(_) | Self::Promote(_) | Self::Rollback(_) => Permission::Deploy,
            _ => Permission::Edit,
        }
    }

    /// The branch that it is about, where it is about one.
    #[must_use]
    pub fn branch(&self) -> Option<&BranchId> {
        match self {
            Self::PutDraft(draft) => Some(&draft.branch),
            Self::RevertBranch(branch) | Self::DeleteBranch(branch) => Some(branch),
            Self::MergeBranch(merge) => Some(&merge.branch),
            _ => None,
        }
    }

    /// Whether it is about what files say of an agent, and theirs alone where they have it.
    fn is_of_files(&self) -> bool {
        !matches!(
            self,
            Self::PutConfigPage(_)
                | Self::Telephony(_)
                | Self::PutTests(_)
                | Self::StartTestRun(_)
                | Self::RecordTestRun(_)
        )
    }
}

/// An agent that something is to be done to.
struct OnAgent<'s> {
    state: &'s State,
    command: &'s Command,
    id: AgentRef,
    agent: &'s Agent,
}

impl State {
    pub(super) fn edit_agent(
        &self,
        command: &Command,
        agent: &AgentId,
        edit: &AgentEdit,
    ) -> Result<Outcome, Refusal> {
        let id = AgentRef { account: command.account.clone(), agent: agent.clone() };
        if let AgentEdit::Create(new) = edit {
            return self.create_agent(command, id, new);
        }
        let on = OnAgent { state: self, command, agent: self.found_agent(&id)?, id };
        if on.agent.profile.managed_by == ManagedBy::Files && edit.is_of_files() {
            return Err(managed_by_files(&on.id));
        }
        on.check_protection(edit)?;
        let mut outcome = match edit {
            AgentEdit::Create(_) => Ok(Outcome::default()),
            AgentEdit::Delete => on.delete(),
            AgentEdit::CreateBranch { id, name } => on.create_branch(id, name),
            AgentEdit::DeleteBranch(branch) => on.delete_branch(branch),
            AgentEdit::MergeBranch(merge) => on.merge_branch(merge),
            AgentEdit::PutDraft(draft) if draft.branch.is_main() => on.put_draft(draft),
            AgentEdit::PutDraft(draft) => on.put_branch(draft),
            AgentEdit::RevertBranch(branch) => on.revert_branch(branch),
            AgentEdit::SaveVersion { name, description } => on.save(name, description),
            AgentEdit::Restore { version, agent_name, newest } => on.restore(*version, agent_name, *newest),
            AgentEdit::RevertPublish(revert) => on.revert_publish(revert),
            AgentEdit::Publish(publish) => on.publish(publish),
            AgentEdit::Promote(promote) => on.promote(promote),
            AgentEdit::Rollback(rollback) => on.roll_back(rollback),
            AgentEdit::PutEndpoints { environment, endpoints } => on.put_endpoints(*environment, endpoints),
            AgentEdit::PutFallback { fallback, max_calls_in_progress } => {
                on.put_fallback(fallback.as_ref(), *max_calls_in_progress)
            }
            AgentEdit::PutConfigPage(new) => on.put_config_page(new),
            AgentEdit::Telephony(edit) => on.telephony(edit),
            AgentEdit::PutTests(put) => on.put_tests(put),
            AgentEdit::StartTestRun(start) => on.start_test_run(start),
            AgentEdit::RecordTestRun(record) => on.record_test_run(record),
        }?;
        let runs = on.runs_of(&outcome.changes);
        outcome.changes.extend(runs);
        outcome.warnings.extend(on.ended(&outcome.changes));
        outcome.warnings.extend(on.nowhere(&outcome.changes));
        Ok(outcome)
    }

    fn found_agent(&self, id: &AgentRef) -> Result<&Agent, Refusal> {
        let missing = || Refusal::not_found("PROJECT_NOT_FOUND", format!("there is no agent {}", id.agent));
        self.agents.get(id).map(AsRef::as_ref).ok_or_else(missing)
    }

    pub(super) fn settings(&self, account: &AccountId) -> AccountSettings {
        self.accounts.get(account).map(|account| account.settings).unwrap_or_default()
    }
}

fn managed_by_files(id: &AgentRef) -> Refusal {
    let object = ObjectRef::new(&id.account, Object::Agent(id.agent.clone()));
    Refusal::managed_by_files(&format!("the agent {}", id.agent), object)
}

fn branch_is_main(message: String) -> Refusal {
    Refusal::new(RefusalKind::Conflict, "BRANCH_IS_MAIN", message)
}

impl OnAgent<'_> {
    fn settings(&self) -> AccountSettings {
        self.state.settings(&self.id.account)
    }

    /// A warning of a split that ends with it.
    fn ended(&self, changes: &[Change]) -> Option<String> {
        changes.iter().find_map(|change| match change {
            Change::SplitPut(split) if split.ending.is_some() => {
                Some(format!("split {} ends for its control: its other arms get no new calls", split.id))
            }
            _ => None,
        })
    }

    /// A warning of what comes into an environment although nothing says where it listens.
    fn nowhere(&self, changes: &[Change]) -> Option<String> {
        let saved = changes.iter().find_map(|change| match change {
            Change::VersionSaved { version, .. } => Some(version),
            _ => None,
        });
        let deployment = changes.iter().find_map(|change| match change {
            Change::Deployed { deployment, .. } => Some(deployment),
            _ => None,
        })?;
        let version = saved.or_else(|| self.agent.versions.get(&deployment.version))?;
        self.state.warn_of_endpoints(self.agent, version, Pin::Environment(deployment.environment))
    }

    fn author(&self) -> String {
        self.command.author.name().to_owned()
    }

    /// What it comes to; the summary goes on from the agent's id.
    fn outcome(&self, action: &'static str, changes: Vec<Change>, summary: String) -> Outcome {
        Outcome { changes, action, target: self.id.agent.to_string(), summary, ..Outcome::default() }
    }

    /// The profile under the name that a configuration gives, where that is another.
    fn renamed(&self, name: &str) -> Option<Change> {
        let profile = &self.agent.profile;
        let renamed = || {
            let mut profile = profile.clone();
            name.clone_into(&mut profile.name);
            Change::AgentPut(profile)
        };
        (profile.name != name).then(renamed)
    }
}
