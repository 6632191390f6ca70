//! Agents and what they hold: versions, the draft, environments.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::agent_config::Dispatch;
use super::agent_tests::TestSuite;
use super::agent_tests::run::{TestRun, TestRunId};
use super::branch::Branch;
use super::change::Change;
use super::connector::Connector;
use super::deployment::Deployment;
use super::endpoint::Endpoint;
use super::fallback::Fallback;
use super::id::{
    AccountId, AgentId, BranchId, ConfigHash, ConnectorId, Environment, Pin, Revision, VersionNumber,
};
use super::real_time_config::ConfigPage;
use super::refusal::{Refusal, RefusalKind};
use super::route::ManagedBy;
use super::time::Timestamp;

/// An agent's full name: ids of agents are unique within an account only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentRef {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub agent: AgentId,
}

impl fmt::Display for AgentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.agent)
    }
}

/// Longest name of a version, in characters.
pub const VERSION_NAME_CHARS_MAX: usize = 100;
/// Longest text of a version, in characters.
pub const VERSION_DESCRIPTION_CHARS_MAX: usize = 2_000;

/// A version or a draft: everything about it but its configuration, which the store keeps by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its number; absent for a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<VersionNumber>,
    /// Fingerprint of its configuration.
    pub hash: ConfigHash,
    /// A name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// A text for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Who saved it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// When it was saved.
    pub created_at: Timestamp,
    /// What routing needs of the configuration; versions that agree in it share it.
    pub dispatch: Arc<Dispatch>,
}

impl Version {
    /// The pin that names this version and nothing else.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.number.map_or(Pin::Draft, Pin::Version)
    }
}

/// What an agent is besides its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Its full name.
    #[serde(flatten)]
    pub id: AgentRef,
    /// A name for people.
    pub name: String,
    /// Who may change it.
    #[serde(default)]
    pub managed_by: ManagedBy,
    /// Where its runtime listens, whatever the version; empty: each version says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// Where it listens for what an environment serves, if that is elsewhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment_endpoints: BTreeMap<Environment, Vec<Endpoint>>,
    /// How many calls it may have in progress; further ones go to a fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_calls_in_progress: Option<u32>,
    /// Where calls go that it cannot take, unless their route says where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Profile {
    /// That of an agent of which nothing is said but its name.
    #[must_use]
    pub fn new(id: AgentRef, name: String, managed_by: ManagedBy, created_at: Timestamp) -> Self {
        Self {
            id,
            name,
            managed_by,
            endpoints: Vec::new(),
            environment_endpoints: BTreeMap::new(),
            max_calls_in_progress: None,
            fallback: None,
            created_at,
        }
    }
}

/// Most drafts that are remembered after an edit.
pub const PAST_DRAFTS_MAX: usize = 256;

/// An agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// What it is.
    pub profile: Profile,
    /// The endpoints of the profile, shared with the calls that were sent there.
    pub endpoints: Option<Arc<[Endpoint]>>,
    /// Those for what an environment serves, by [`Environment::index`].
    pub environment_endpoints: [Option<Arc<[Endpoint]>>; 3],
    /// The editable head, if it has one.
    pub draft: Option<Arc<Version>>,
    /// Drafts that served before, newest last: calls and tokens may still name them.
    pub past_drafts: Vec<Arc<Version>>,
    /// Its versions; they only ever become more.
    pub versions: BTreeMap<VersionNumber, Arc<Version>>,
    /// What each environment serves, by [`Environment::index`].
    pub deployments: [Option<Arc<Deployment>>; 3],
    /// From which revision on calls of each environment keep their version, by [`Environment::index`]: what the newest
    /// of its deployments says, even after the environment was emptied.
    pub calls_from: [Revision; 3],
    /// Branches besides `main`.
    pub branches: BTreeMap<BranchId, Arc<Branch>>,
    /// Connectors.
    pub connectors: BTreeMap<ConnectorId, Arc<Connector>>,
    /// Real-time configs, by [`Environment::index`].
    pub config_pages: [Option<Arc<ConfigPage>>; 3],
    /// What it is tested by, if by anything.
    pub tests: Option<Arc<TestSuite>>,
    /// Runs of its tests, the oldest first.
    pub test_runs: BTreeMap<TestRunId, Arc<TestRun>>,
}

impl Agent {
    /// An agent without versions.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        let mut agent = Self {
            profile,
            endpoints: None,
            environment_endpoints: [const { None }; 3],
            draft: None,
            past_drafts: Vec::new(),
            versions: BTreeMap::new(),
            deployments: [const { None }; 3],
            calls_from: [Revision(0); 3],
            branches: BTreeMap::new(),
            connectors: BTreeMap::new(),
            config_pages: [const { None }; 3],
            tests: None,
            test_runs: BTreeMap::new(),
        };
        agent.refresh_endpoints();
        agent
    }

    /// The same agent with another profile.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self.refresh_endpoints();
        self
    }

    fn refresh_endpoints(&mut self) {
        let profile = &self.profile;
        self.endpoints = shared(&profile.endpoints);
        let of = |environment| profile.environment_endpoints.get(&environment).and_then(|own| shared(own));
        self.environment_endpoints = Environment::ALL.map(of);
    }

    /// Where its runtime listens for what an environment serves, or none, if that is said apart from versions.
    #[must_use]
    pub fn endpoints(&self, environment: Option<Environment>) -> Option<&Arc<[Endpoint]>> {
        let own =
            environment.and_then(|environment| self.environment_endpoints.get(environment.index())?.as_ref());
        own.or(self.endpoints.as_ref())
    }

    /// The connector of an environment, the first if it has several.
    #[must_use]
    pub fn connector_of(&self, environment: Environment) -> Option<&Arc<Connector>> {
        self.connectors.values().find(|connector| connector.environment == environment)
    }

    /// Gives the draft another content.
    pub fn put_draft(&mut self, version: Arc<Version>) {
        self.past_drafts.retain(|past| past.hash != version.hash);
        self.past_drafts.extend(self.draft.replace(version));
        if self.past_drafts.len() > PAST_DRAFTS_MAX {
            self.past_drafts.remove(0);
        }
    }

    /// The version or draft, past ones too, that a number and a fingerprint name.
    #[must_use]
    pub fn named(&self, number: Option<VersionNumber>, hash: ConfigHash) -> Option<&Arc<Version>> {
        match number {
            Some(number) => self.versions.get(&number).filter(|version| version.hash == hash),
            None => self.draft.iter().chain(self.past_drafts.iter().rev()).find(|draft| draft.hash == hash),
        }
    }

    /// A branch besides `main`.
    ///
    /// # Errors
    /// `BRANCH_NOT_FOUND`.
    pub fn branch(&self, branch: &BranchId) -> Result<&Arc<Branch>, Refusal> {
        self.branches.get(branch).ok_or_else(|| {
            let message = format!("agent {} has no branch {branch}", self.profile.id.agent);
            Refusal::not_found("BRANCH_NOT_FOUND", message)
        })
    }

    /// The draft of `main`.
    ///
    /// # Errors
    /// `NO_DRAFT`, which agents of the files may have none of.
    pub fn main_draft(&self) -> Result<&Arc<Version>, Refusal> {
        self.draft.as_ref().ok_or_else(|| {
            let message = format!("agent {} has no draft", self.profile.id.agent);
            Refusal::new(RefusalKind::Conflict, "NO_DRAFT", message)
        })
    }

    /// The configuration that is edited on a branch, `main` or another.
    ///
    /// # Errors
    /// `BRANCH_NOT_FOUND`, `NO_DRAFT`.
    pub fn head(&self, branch: &BranchId) -> Result<ConfigHash, Refusal> {
        if branch.is_main() { Ok(self.main_draft()?.hash) } else { Ok(self.branch(branch)?.draft) }
    }

    /// What put the version into an environment that is there now.
    #[must_use]
    pub fn deployment(&self, environment: Environment) -> Option<&Arc<Deployment>> {
        self.deployments.get(environment.index())?.as_ref()
    }

    /// What makes an environment point to a version, or to none, where somebody only says that it does; nothing if it
    /// does so already.
    #[must_use]
    pub fn declared(
        &self,
        environment: Environment,
        to: Option<VersionNumber>,
        by: &str,
        made: (Timestamp, Revision),
    ) -> Option<Change> {
        let agent = self.profile.id.clone();
        let present = self.deployment(environment).map(|deployment| deployment.version);
        match to {
            _ if present == to => None,
            Some(to) => {
                let deployment = Arc::new(Deployment::declared(self, (environment, to), by, made));
                Some(Change::Deployed { agent, deployment })
            }
            None => Some(Change::EnvironmentEmptied { agent, environment }),
        }
    }

    /// Puts a version into its environment.
    pub fn deploy(&mut self, deployment: &Arc<Deployment>) {
        let at = deployment.environment.index();
        if let (Some(place), Some(calls_from)) = (self.deployments.get_mut(at), self.calls_from.get_mut(at)) {
            *place = Some(Arc::clone(deployment));
            *calls_from = deployment.calls_from;
        }
    }

    /// Takes what is there out of an environment. Calls that were to move are not forgotten.
    pub fn empty(&mut self, environment: Environment) {
        if let Some(place) = self.deployments.get_mut(environment.index()) {
            *place = None;
        }
    }

    /// The revision before which calls of an environment were decided that do not keep their version; 0: all keep it.
    #[must_use]
    pub fn calls_from(&self, environment: Environment) -> Revision {
        self.calls_from.get(environment.index()).copied().unwrap_or_default()
    }

    /// The version an environment serves.
    #[must_use]
    pub fn deployed(&self, environment: Environment) -> Option<&Arc<Version>> {
        self.versions.get(&self.deployment(environment)?.version)
    }

    /// The newest version.
    #[must_use]
    pub fn last_version(&self) -> Option<&Arc<Version>> {
        self.versions.values().next_back()
    }

    /// The version before another one.
    #[must_use]
    pub fn version_before(&self, number: VersionNumber) -> Option<&Arc<Version>> {
        self.versions.range(..number).next_back().map(|(_, version)| version)
    }

    /// The page of real-time configs of an environment.
    #[must_use]
    pub fn config_page(&self, environment: Environment) -> Option<&Arc<ConfigPage>> {
        self.config_pages.get(environment.index())?.as_ref()
    }

    /// Whether the agent, or this version of it, says where the calls of a pin are sent.
    #[must_use]
    pub fn has_endpoints(&self, version: &Version, pin: Pin) -> bool {
        self.endpoints(pin.environment()).is_some() || !version.dispatch.endpoints.is_empty()
    }

    /// What a pin means at this moment.
    #[must_use]
    pub fn resolve(&self, pin: Pin) -> Option<&Arc<Version>> {
        match pin {
            Pin::Draft => self.draft.as_ref(),
            Pin::Version(number) => self.versions.get(&number),
            Pin::Environment(environment) => self.deployed(environment),
        }
    }
}

/// A list of endpoints as calls share it; nothing where it is empty.
fn shared(endpoints: &[Endpoint]) -> Option<Arc<[Endpoint]>> {
    (!endpoints.is_empty()).then(|| Arc::from(endpoints))
}
