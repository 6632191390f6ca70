//! What has changed: the facts that are committed, replayed and patched into the table.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::account::{Account, Key};
use super::address::{E164, Number, Prefix};
use super::agent::{AgentRef, Profile, Version};
use super::agent_tests::TestSuite;
use super::agent_tests::run::{TestRun, TestRunId};
use super::branch::Branch;
use super::caller_pin::{CallerPin, CallerPinRef};
use super::connector::Connector;
use super::deployment::Deployment;
use super::id::{AccountId, BranchId, ConfigHash, ConnectorId, Environment, Revision, SplitId};
use super::object::ObjectRef;
use super::real_time_config::ConfigPage;
use super::route::Route;
use super::split::Split;
use super::time::Timestamp;

/// One fact. State is nothing but the facts so far, absorbed in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Change {
    /// An account was made or changed; the first one ever is the instance's own.
    AccountPut(Account),
    /// A key was made or changed.
    KeyPut(Key),
    /// A key is no longer valid.
    KeyRemoved(Key),
    /// An agent was made or its profile changed; its versions stay.
    AgentPut(Profile),
    /// An agent is gone with all its versions. Its numbers were released before.
    AgentRemoved(AgentRef),
    /// The draft has another content.
    DraftPut {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// What it is now.
        version: Arc<Version>,
    },
    /// A version was saved.
    VersionSaved {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// The version, with its number.
        version: Arc<Version>,
    },
    /// An environment serves another version.
    Deployed {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// What was put where.
        deployment: Arc<Deployment>,
    },
    /// An environment serves nothing any more.
    EnvironmentEmptied {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// Which one.
        environment: Environment,
    },
    /// A branch was made, renamed or edited.
    BranchPut {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// What it is now.
        branch: Arc<Branch>,
    },
    /// A branch is gone.
    BranchRemoved {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// Which one.
        branch: BranchId,
    },
    /// A connector was made or changed.
    ConnectorPut {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// What it is now.
        connector: Arc<Connector>,
    },
    /// A connector is gone. Its numbers were released or given another before.
    ConnectorRemoved {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// Which one.
        connector: ConnectorId,
    },
    /// The real-time config of an environment has other values or another schema.
    ConfigPagePut {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// What it is now.
        page: Arc<ConfigPage>,
    },
    /// An agent is tested by something else.
    TestsPut {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// By what; by nothing where it is empty.
        suite: Arc<TestSuite>,
    },
    /// A run of tests began, went on or was over.
    TestRunPut {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// What it is now.
        run: Arc<TestRun>,
    },
    /// A run of tests is no longer kept.
    TestRunRemoved {
        /// Whose.
        #[serde(flatten)]
        agent: AgentRef,
        /// Which one.
        run: TestRunId,
    },
    /// Numbers of the API were routed or released.
    Numbers(NumberChanges),
    /// Numbers of the route files were routed or released. The files hold these: no store keeps them.
    #[serde(skip)]
    FileNumbers(NumberChanges),
    /// A prefix was routed.
    PrefixPut {
        /// The prefix.
        prefix: Prefix,
        /// Its route.
        route: Arc<Route>,
    },
    /// A prefix is no longer routed.
    PrefixRemoved {
        /// Whose.
        account: AccountId,
        /// The prefix.
        prefix: Prefix,
    },
    /// The default route of its account was set.
    DefaultPut {
        /// The route.
        route: Arc<Route>,
    },
    /// An account has no default route any more.
    DefaultRemoved {
        /// Whose.
        account: AccountId,
    },
    /// A caller was pinned, or pinned to something else.
    CallerPinPut(Arc<CallerPin>),
    /// A caller is no longer pinned.
    CallerPinRemoved(CallerPinRef),
    /// A split was made or changed.
    SplitPut(Arc<Split>),
    /// A split is gone.
    SplitRemoved(SplitRef),
    /// An object belongs to the API although the files list it: what they say of it changes nothing.
    Shadowed(ObjectRef),
    /// The files no longer list such an object, or have it again.
    Unshadowed(ObjectRef),
    /// The route and agent files were applied as one.
    FilesApplied {
        /// Fingerprint of all of them.
        hash: ConfigHash,
    },
}

impl Change {
    /// The agent that it happened to, itself or in its drafts, versions, environments and other parts.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentRef> {
        match self {
            Self::AgentPut(profile) => Some(&profile.id),
            Self::AgentRemoved(agent)
            | Self::DraftPut { agent, .. }
            | Self::VersionSaved { agent, .. }
            | Self::Deployed { agent, .. }
            | Self::EnvironmentEmptied { agent, .. }
            | Self::BranchPut { agent, .. }
            | Self::BranchRemoved { agent, .. }
            | Self::ConnectorPut { agent, .. }
            | Self::ConnectorRemoved { agent, .. }
            | Self::ConfigPagePut { agent, .. }
            | Self::TestsPut { agent, .. }
            | Self::TestRunPut { agent, .. }
            | Self::TestRunRemoved { agent, .. } => Some(agent),
            Self::AccountPut(_)
            | Self::KeyPut(_)
            | Self::KeyRemoved(_)
            | Self::Numbers(_)
            | Self::FileNumbers(_)
            | Self::PrefixPut { .. }
            | Self::PrefixRemoved { .. }
            | Self::DefaultPut { .. }
            | Self::DefaultRemoved { .. }
            | Self::CallerPinPut(_)
            | Self::CallerPinRemoved(_)
            | Self::SplitPut(_)
            | Self::SplitRemoved(_)
            | Self::Shadowed(_)
            | Self::Unshadowed(_)
            | Self::FilesApplied { .. } => None,
        }
    }
}

/// A split's full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SplitRef {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub split: SplitId,
}

/// Numbers routed or released, one or a million of them in the same shape; each number at most once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NumberChanges {
    /// The routes, each once.
    pub routes: Vec<Arc<Route>>,
    /// Phone numbers and the place of their route in `routes`; without one they are released. Many that ascend are
    /// put in faster where none is routed before.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "phones_text")]
    pub phones: Vec<(E164, Option<u32>)>,
    /// SIP users, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<(Arc<str>, Option<u32>)>,
}

impl NumberChanges {
    /// One number, routed or released.
    #[must_use]
    pub fn one(number: Number, route: Option<Arc<Route>>) -> Self {
        let mut changes = Self::default();
        let place = route.map(|route| {
            changes.routes.push(route);
            0
        });
        changes.push(number, place);
        changes
    }

    /// Adds a number with the place of its route.
    pub fn push(&mut self, number: Number, route: Option<u32>) {
        match number {
            Number::E164(phone) => self.phones.push((phone, route)),
            Number::User(user) => self.users.push((user, route)),
        }
    }

    /// Puts the numbers into ascending order, in which texts name the first few.
    pub fn sort(&mut self) {
        self.phones.sort_unstable();
        self.users.sort_unstable();
    }

    /// The numbers.
    pub fn names(&self) -> impl Iterator<Item = Number> {
        let phones = self.phones.iter().map(|(phone, _)| Number::E164(*phone));
        phones.chain(self.users.iter().map(|(user, _)| Number::User(Arc::clone(user))))
    }

    /// The same in pieces of at most `most` numbers, each with the routes it needs.
    pub fn pieces(&self, most: usize) -> impl Iterator<Item = Self> {
        let phones = self.phones.chunks(most).map(|phones| {
            let mut piece = Piece::of(self);
            piece.numbers.phones = phones.iter().map(|(phone, at)| (*phone, piece.place(*at))).collect();
            piece.numbers
        });
        let users = self.users.chunks(most).map(|users| {
            let mut piece = Piece::of(self);
            piece.numbers.users =
                users.iter().map(|(user, at)| (Arc::clone(user), piece.place(*at))).collect();
            piece.numbers
        });
        phones.chain(users)
    }

    /// How many numbers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.phones.len() + self.users.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.phones.is_empty() && self.users.is_empty()
    }
}

mod phones_text {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::domain::address::E164;

    type Rows = Vec<(E164, Option<u32>)>;

    pub(super) fn serialize<S: Serializer>(rows: &Rows, s: S) -> Result<S::Ok, S::Error> {
        rows.iter().map(|(phone, route)| (phone.value(), *route)).collect::<Vec<_>>().serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Rows, D::Error> {
        let rows = Vec::<(u64, Option<u32>)>::deserialize(d)?;
        rows.into_iter()
            .map(|(value, route)| E164::from_value(value).map(|phone| (phone, route)))
            .collect::<Option<_>>()
            .ok_or_else(|| D::Error::custom("expected E.164 digits"))
    }
}

/// Some of many numbers, with the routes that these need.
struct Piece<'n> {
    whole: &'n NumberChanges,
    places: HashMap<u32, u32, FixedState>,
    numbers: NumberChanges,
}

impl<'n> Piece<'n> {
    fn of(whole: &'n NumberChanges) -> Self {
        Self { whole, places: HashMap::default(), numbers: NumberChanges::default() }
    }

    fn place(&mut self, whole: Option<u32>) -> Option<u32> {
        let whole = whole?;
        if let Some(place) = self.places.get(&whole) {
            return Some(*place);
        }
        let place = u32::try_from(self.numbers.routes.len()).ok()?;
        self.numbers.routes.push(Arc::clone(self.whole.routes.get(whole as usize)?));
        self.places.insert(whole, place);
        Some(place)
    }
}

/// Numbers that a store has ready, to be brought into force by one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedId(pub i64);

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The revision it made.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// In which account.
    pub account: AccountId,
    /// The name of the key that did it, or `files`.
    pub author: String,
    /// Who the author said it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What was done, e.g. `number.put`.
    pub action: String,
    /// To what.
    pub target: String,
    /// A sentence for people.
    pub summary: String,
}

/// The parts of the state that some changes touched: what a table has to work out again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Places in the slab of routes that were filled, emptied or refilled.
    pub routes: BTreeSet<u32>,
    /// Agents.
    pub agents: BTreeSet<AgentRef>,
    /// Splits.
    pub splits: BTreeSet<SplitRef>,
    /// Prefixes.
    pub prefixes: BTreeSet<(AccountId, Prefix)>,
    /// Accounts whose default route changed.
    pub defaults: BTreeSet<AccountId>,
    /// Caller pins.
    pub caller_pins: BTreeSet<CallerPinRef>,
}

impl Touched {
    /// Adds what something else touched.
    pub fn extend(&mut self, other: Self) {
        self.routes.extend(other.routes);
        self.agents.extend(other.agents);
        self.splits.extend(other.splits);
        self.prefixes.extend(other.prefixes);
        self.defaults.extend(other.defaults);
        self.caller_pins.extend(other.caller_pins);
    }
}
