//! What control needs of a store: one head, a dense sequence of revisions, commits at an expected revision.

use std::path::Path;
use std::sync::Arc;

use super::error::StoreError;
use crate::domain::agent::AgentRef;
use crate::domain::change::{Change, Entry, NumberChanges, SplitRef, StagedId};
use crate::domain::command::Body;
use crate::domain::deployment::{Deployment, DeploymentId, DeploymentKind};
use crate::domain::id::{AccountId, AgentId, ConfigHash, Environment, Revision};
use crate::domain::time::Timestamp;

/// One revision: its line in the history, its facts and the configurations they name.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The line; `entry.revision` is the revision it makes.
    pub entry: Entry,
    /// What lies ready to come into force with it, before the facts.
    pub staged: Option<StagedId>,
    /// The facts, in order.
    pub changes: Vec<Change>,
    /// Configurations; one that is stored already costs a look-up.
    pub bodies: Vec<Body>,
}

/// Why a commit did not happen. Nothing of it is there then.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else was faster.
    #[error("the state is at revision {head} by now")]
    Stale {
        /// Where it is.
        head: Revision,
    },
    /// The store failed.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// Which part of the history is wanted.
#[derive(Debug, Clone)]
pub struct HistoryFilter {
    /// Of which account.
    pub account: AccountId,
    /// Of which target only.
    pub target: Option<String>,
    /// Only what happened to this agent of the account itself: to it, its drafts, versions and environments.
    pub agent: Option<AgentId>,
    /// Only by this author.
    pub author: Option<String>,
    /// Only on behalf of this actor.
    pub actor: Option<String>,
    /// Only of this kind.
    pub action: Option<String>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub to: Option<Timestamp>,
    /// Only what is older than this.
    pub before: Option<Revision>,
    /// Most entries.
    pub limit: usize,
}

impl HistoryFilter {
    /// The last lines of an account.
    #[must_use]
    pub fn last(account: AccountId, limit: usize) -> Self {
        Self {
            account,
            target: None,
            agent: None,
            author: None,
            actor: None,
            action: None,
            from: None,
            to: None,
            before: None,
            limit,
        }
    }
}

/// Which deployments of an agent are wanted.
#[derive(Debug, Clone)]
pub struct DeploymentFilter {
    /// Of which agent.
    pub agent: AgentRef,
    /// Only the one with this id.
    pub id: Option<DeploymentId>,
    /// Only those to this environment.
    pub environment: Option<Environment>,
    /// Only those of this kind.
    pub kind: Option<DeploymentKind>,
    /// Only what came before this one.
    pub before: Option<DeploymentId>,
    /// How many of the newest are left out.
    pub offset: usize,
    /// Most deployments.
    pub limit: usize,
}

/// Keeps the log and the present.
///
/// What the route files hold is not kept, since the files hold it: to the store, numbers, prefixes and default routes
/// of the files do not exist. Agents, versions, environments and splits of the files do, since they outlive them.
///
/// Every method blocks on the disk: never call one on a runtime that serves calls.
pub trait ControlStore: Send + Sync {
    /// Hands over the facts that make the present, to be absorbed in order, and answers its revision.
    ///
    /// [`Change::FileNumbers`] never occurs. Cost: one pass over everything but log and configurations; numbers come
    /// as [`Change::Numbers`] of up to 100,000 each.
    ///
    /// # Errors
    /// When the store cannot be read; what was absorbed until then is no state.
    fn load(&self, absorb: &mut dyn FnMut(Change)) -> Result<Revision, StoreError>;

    /// Makes all commits in one transaction and answers the new head; durable when it returns.
    ///
    /// Cost: one write to the disk however many commits, and what the changes touch; the log keeps the changes as
    /// JSON besides, about 20 bytes a number.
    ///
    /// # Errors
    /// [`CommitError::Stale`] if the head is not `expected`, else whatever the disk says. All or nothing.
    fn commit(&self, expected: Revision, commits: &[Commit]) -> Result<Revision, CommitError>;

    /// Whether what is committed now would be found by a later start. Cost: a look at the names of the files.
    ///
    /// # Errors
    /// When the files were removed or replaced.
    fn check(&self) -> Result<(), StoreError>;

    /// Begins to lay numbers ready, for one commit to bring them into force. What no commit has brought into force is
    /// gone when the store is opened again.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn begin_staging(&self) -> Result<StagedId, StoreError>;

    /// Lays a piece ready, to come after those before; nothing of it is in the present or in the log until a commit
    /// names it.
    ///
    /// Cost: one write to the disk, for which a commit may have to wait; keep pieces to some thousand numbers.
    ///
    /// # Errors
    /// When the store cannot be written, or this is in force or thrown away.
    fn stage(&self, staged: StagedId, numbers: &NumberChanges) -> Result<(), StoreError>;

    /// Throws away what lies ready, unless it is in force.
    ///
    /// # Errors
    /// When the store cannot be written; what is left goes when it is opened again.
    fn unstage(&self, staged: StagedId) -> Result<(), StoreError>;

    /// Puts the next piece of what has come into force among the rows that [`ControlStore::load`] reads first, and
    /// answers whether there is more. Changes nothing that anybody sees; before the next such commit, it must be done.
    ///
    /// Cost: as [`ControlStore::stage`].
    ///
    /// # Errors
    /// When the store cannot be written.
    fn fold(&self) -> Result<bool, StoreError>;

    /// The configuration with this fingerprint. Cost: one look-up, never behind a commit.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn body(&self, hash: ConfigHash) -> Result<Option<Arc<[u8]>>, StoreError>;

    /// Lines of the history, newest first. Cost: an index look-up and the lines, of the account or of the agent, that it
    /// takes to find enough; never behind a commit.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn history(&self, filter: &HistoryFilter) -> Result<Vec<Entry>, StoreError>;

    /// Deployments, newest first. Cost: an index look-up and the deployments, never behind a commit.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn deployments(&self, filter: &DeploymentFilter) -> Result<Vec<Arc<Deployment>>, StoreError>;

    /// What followed a revision, in order, for replay and for other nodes.
    ///
    /// Cost: all changes of these revisions at once in memory; an import of a million numbers is one revision, whose
    /// facts are its pieces.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn after(&self, revision: Revision, limit: usize) -> Result<Vec<(Entry, Vec<Change>)>, StoreError>;

    /// Writes everything as of one revision into an empty file, as a [`StoreCopy`](super::sqlite::StoreCopy); not durable
    /// yet when it returns.
    ///
    /// Cost: one pass over everything. No commit waits for it.
    ///
    /// # Errors
    /// When the store cannot be read or the file not be written.
    fn copy_into(&self, path: &Path) -> Result<(), StoreError>;

    /// Keeps how many calls splits have had; no part of the log. Counts of splits that are gone are dropped.
    ///
    /// # Errors
    /// When the store cannot be written; none of the counts is kept then.
    fn save_split_calls(&self, counts: &[(SplitRef, u64)]) -> Result<(), StoreError>;

    /// The counts as saved last, of the splits that there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn split_calls(&self) -> Result<Vec<(SplitRef, u64)>, StoreError>;
}
