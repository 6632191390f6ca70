//! The one way to change anything: a command is weighed against the state and becomes facts, or is refused.

mod accounts;
mod agents;
mod authorised;
mod caller_pins;
mod files;
mod hand_over;
mod held;
mod import;
mod import_account;
mod keys;
mod routes;
mod several;
mod splits;
mod told;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::account::{Account, Key, Permission};
use super::address::{Number, Prefix};
use super::agent::{Agent, AgentRef, Version};
use super::caller_pin::{CallerHash, CallerPin, CallerPinRef};
use super::change::{Change, SplitRef, StagedId, Touched};
use super::files::FileSet;
use super::id::{AccountId, AgentId, ArmId, ConfigHash, Pin, SplitId};
use super::import::{Import, Imported};
use super::named::{Name, Named};
use super::object::Object;
use super::refusal::{FieldFault, Refusal};
use super::route::Route;
use super::sight::Sight;
use super::split::Split;
use super::state::State;
use super::time::Timestamp;

pub use accounts::{AccountPatch, no_account};
pub use agents::{
    AGENTS_MAX, ALREADY_PUBLISHED, AgentEdit, ConnectorPatch, Content, Deploy, MergeBranch, Merging,
    NO_NUMBER, NewAgent, NewConfigPage, NewDraft, NewNumbers, Promote, Publish, PutTests, RecordTestRun,
    RevertPublish, Reverting, Rollback, RunThen, SPLIT_RUNNING, STALE_CONFIG_PAGE, STALE_DRAFT, Served,
    StartTestRun, TESTS_NOT_PASSED, TelephonyEdit, VERSIONS_MAX,
};
pub use held::HELD as FILES_HELD;
pub use import::OVERTAKEN as IMPORT_OVERTAKEN;
pub use import_account::{AccountImport, WholeAgent};
pub use keys::no_key;
pub use several::{BETWEEN_TARGETS, CHANGES_MAX, Sequence, Step};
pub use splits::{ArmPatch, SplitPatch};
pub use told::told_each;

/// Who wants a change.
#[derive(Debug, Clone)]
pub enum Author {
    /// Somebody with a key, and who they say they act for.
    Key {
        /// The key.
        key: Arc<Key>,
        /// As claimed.
        actor: Option<String>,
    },
    /// The route and agent files.
    Files,
    /// Whoever may write in the data folder.
    Console,
    /// The router itself, which ends what it began.
    Router,
}

impl Author {
    /// The name in the history.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Key { key, .. } => &key.name,
            Self::Files => "files",
            Self::Console => "console",
            Self::Router => "cordboard",
        }
    }
}

/// A change that somebody wants.
#[derive(Debug, Clone)]
pub struct Command {
    /// In which account.
    pub account: AccountId,
    /// Who.
    pub author: Author,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Make an account with its first key.
    CreateAccount {
        /// The account.
        account: Account,
        /// The key, with every permission.
        key: Key,
    },
    /// Change an account.
    PatchAccount {
        /// Which.
        id: AccountId,
        /// How.
        patch: AccountPatch,
    },
    /// Make a key; keys of the same name end.
    ReplaceKey(Key),
    /// Make a key that can do no more than its maker.
    CreateKey(Key),
    /// End a key, by its id.
    DeleteKey(String),
    /// Do something to an agent.
    Agent {
        /// Which.
        agent: AgentId,
        /// What.
        edit: AgentEdit,
    },
    /// Route a number.
    PutNumber {
        /// The number.
        number: Number,
        /// Where to.
        route: Route,
    },
    /// Release a number.
    DeleteNumber(Number),
    /// Route a prefix.
    PutPrefix {
        /// The prefix.
        prefix: Prefix,
        /// Where to.
        route: Route,
    },
    /// Release a prefix.
    DeletePrefix(Prefix),
    /// Set the account's default route.
    PutDefault(Route),
    /// Remove the account's default route.
    DeleteDefault,
    /// Pin a caller to a version of an agent.
    PutCallerPin {
        /// Who, to what.
        pin: CallerPin,
        /// What stands for the caller in the history.
        known_as: CallerHash,
    },
    /// Pin a caller no longer.
    DeleteCallerPin {
        /// Who.
        id: CallerPinRef,
        /// What stands for the caller in the history.
        known_as: CallerHash,
    },
    /// Make a split and put numbers into it.
    CreateSplit {
        /// The split, with its salt and first owners.
        split: Split,
        /// The numbers.
        numbers: Vec<Number>,
    },
    /// Change a split.
    PatchSplit {
        /// Which.
        id: SplitId,
        /// How.
        patch: SplitPatch,
    },
    /// Give all calls of a split to one arm.
    EndSplit {
        /// Which.
        id: SplitId,
        /// The arm.
        winner: ArmId,
    },
    /// Delete a split that nothing uses.
    DeleteSplit(SplitId),
    /// Route numbers by the million, as was weighed before.
    ImportNumbers(Arc<Import>),
    /// Take over everything of an account that was exported somewhere.
    ImportAccount(Arc<AccountImport>),
    /// Apply the route and agent files.
    ApplyFiles(Arc<FileSet>),
    /// Give objects of the files to the API.
    Adopt(BTreeSet<Object>),
    /// Give objects of the API back to the files, which list them.
    Release {
        /// The objects.
        objects: BTreeSet<Object>,
        /// The files in force; of their numbers, those that are given back.
        files: Arc<FileSet>,
    },
    /// Do all of these, each on what those before it made, or nothing.
    Several(Arc<[Action]>),
}

impl Action {
    /// What a key needs for it at least; nothing for what no key can ask, and for several, each of which needs its own.
    #[must_use]
    pub fn permission(&self) -> Option<Permission> {
        match self {
            Self::ApplyFiles(_) | Self::Several(_) => None,
            Self::Agent { edit, .. } => Some(edit.permission()),
            Self::CreateAccount { .. }
            | Self::PatchAccount { .. }
            | Self::ReplaceKey(_)
            | Self::CreateKey(_)
            | Self::DeleteKey(_) => Some(Permission::Admin),
            _ => Some(Permission::Edit),
        }
    }
}

/// The configuration of a version, for the store: its fingerprint and its canonical text.
pub type Body = (ConfigHash, Arc<[u8]>);

/// What a command comes to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The facts; none where everything is so already.
    pub changes: Vec<Change>,
    /// Configurations that the facts name.
    pub bodies: Vec<Body>,
    /// What was done, e.g. `number.put`.
    pub action: &'static str,
    /// To what.
    pub target: String,
    /// A sentence for the history.
    pub summary: String,
    /// What the operator should know although it was granted.
    pub warnings: Vec<String>,
    /// How many slots of the split have another arm than before, where a split is changed.
    pub moved_slots: usize,
    /// How many objects have another owner than before.
    pub handed_over: usize,
    /// The state with the facts absorbed, and what they touched, where weighing had to go that far: a million numbers
    /// are not absorbed twice. Its revision is still the old one.
    pub ahead: Option<Box<(State, Touched)>>,
    /// Facts that the store has ready, which come before the others.
    pub staged: Option<StagedId>,
    /// What became of the rows of an import, where it is one.
    pub imported: Option<Imported>,
}

impl Outcome {
    /// Whether everything is so already.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.changes.is_empty() && self.staged.is_none()
    }

    /// Makes it happen in the state that it was weighed on: the facts themselves stay, for whoever commits them.
    pub fn absorb_into(&mut self, state: &mut State, touched: &mut Touched) {
        match self.ahead.take() {
            Some(ahead) => {
                let revision = state.revision;
                let (next, newly) = *ahead;
                *state = next;
                state.revision = revision;
                touched.extend(newly);
            }
            None => self.changes.iter().for_each(|change| state.absorb(change, touched)),
        }
    }
}

impl State {
    /// Weighs a command. Pure: the state stays as it is, and the facts are not absorbed.
    ///
    /// # Errors
    /// When the command is not granted.
    pub fn weigh(&self, command: &Command) -> Result<Outcome, Refusal> {
        let account = &command.account;
        match &command.action {
            Action::CreateAccount { account, key } => self.create_account(account, key),
            Action::PatchAccount { id, patch } => self.patch_account(id, patch),
            Action::ReplaceKey(key) => Ok(self.replace_key(key)),
            Action::CreateKey(key) => self.create_key(command, key),
            Action::DeleteKey(id) => self.delete_key(command, id),
            Action::Agent { agent, edit } => self.edit_agent(command, agent, edit),
            Action::PutNumber { number, route } => self.put_number(number, route),
            Action::DeleteNumber(number) => self.delete_number(account, number),
            Action::PutPrefix { prefix, route } => self.put_prefix(*prefix, route),
            Action::DeletePrefix(prefix) => self.delete_prefix(account, *prefix),
            Action::PutDefault(route) => self.put_default(route),
            Action::DeleteDefault => self.delete_default(account),
            Action::PutCallerPin { pin, known_as } => self.put_caller_pin(pin, *known_as, command.at),
            Action::DeleteCallerPin { id, known_as } => self.delete_caller_pin(id, *known_as),
            Action::CreateSplit { split, numbers } => self.create_split(command, split, numbers),
            Action::PatchSplit { id, patch } => self.patch_split(command, id, patch),
            Action::EndSplit { id, winner } => self.end_split(command, id, winner),
            Action::DeleteSplit(id) => {
                self.delete_split(Sight::of_author(self, &command.author), command, id)
            }
            Action::ImportNumbers(import) => self.land_import(account, &command.author, import),
            Action::ApplyFiles(files) => self.apply_files(files, command.at),
            Action::ImportAccount(import) => self.import_account(command, import),
            Action::Adopt(objects) => self.adopt(account, objects),
            Action::Release { objects, files } => self.release(account, objects, files, command.at),
            Action::Several(actions) => self.several(command, actions),
        }
    }

    fn replace_key(&self, key: &Key) -> Outcome {
        let same = |other: &Key| other.account == key.account && other.name == key.name;
        let ended =
            self.keys.iter().filter(|(_, other)| same(other)).map(|(_, other)| other.as_ref().clone());
        let mut changes: Vec<Change> = ended.map(Change::KeyRemoved).collect();
        changes.push(Change::KeyPut(key.clone()));
        Outcome {
            changes,
            action: "key.replace",
            target: key.id.clone(),
            summary: format!("the key {} was made anew", key.name),
            ..Outcome::default()
        }
    }

    /// What is wrong with an agent, `agentId`, or with what is wanted of it, `pin`; an environment that serves nothing
    /// is no fault.
    #[must_use]
    pub fn pin_fault(&self, account: &AccountId, agent: &AgentId, pin: Pin) -> Option<FieldFault> {
        self.check_pin(account, agent, pin, "", &mut Vec::new()).err()
    }

    /// Checks that an agent exists and has what a pin names, and warns of an environment that serves nothing.
    fn check_pin(
        &self,
        account: &AccountId,
        agent: &AgentId,
        pin: Pin,
        field: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(), FieldFault> {
        let dot = if field.is_empty() || field.ends_with('.') { "" } else { "." };
        Named::serving(&format!("{field}{dot}"), agent, Some(pin))
            .try_for_each(|named| self.check_named(account, &named, warnings))
    }

    /// A version that serves a pin of an agent although nothing says where it listens.
    fn warn_of_endpoints(&self, agent: &Agent, version: &Version, pin: Pin) -> Option<String> {
        let lacks = self.needs_endpoints && !agent.has_endpoints(version, pin);
        let id = &agent.profile.id.agent;
        lacks.then(|| format!("agent {id} at {pin} has no endpoints: its calls are told no target"))
    }

    /// Checks that one thing is there that something names, and warns of what serves nothing or is nowhere.
    fn check_named(
        &self,
        account: &AccountId,
        Named { field, name }: &Named,
        warnings: &mut Vec<String>,
    ) -> Result<(), FieldFault> {
        let missing = |message| Err(FieldFault { field: field.clone(), message });
        let found =
            |agent: &AgentId| self.agents.get(&AgentRef { account: account.clone(), agent: agent.clone() });
        match name {
            Name::Agent(agent) if found(agent).is_none() => missing(format!("there is no agent {agent}")),
            Name::Split(split) => {
                let id = SplitRef { account: account.clone(), split: split.clone() };
                match self.splits.get(&id).map(|split| &split.scope) {
                    None => missing(format!("there is no split {split}")),
                    Some(Some(scope)) => missing(format!(
                        "split {split} tests {} of {}: expected a split of numbers",
                        scope.environment, scope.agent
                    )),
                    Some(None) => Ok(()),
                }
            }
            Name::Pin(agent, pin) if found(agent).is_some_and(|found| found.resolve(*pin).is_none()) => {
                match pin {
                    Pin::Draft => missing(format!("agent {agent} has no draft")),
                    Pin::Version(number) => missing(format!("agent {agent} has no {number}")),
                    Pin::Environment(environment) => {
                        warnings.push(format!("agent {agent} has nothing deployed to {environment}"));
                        Ok(())
                    }
                }
            }
            Name::Pin(agent, pin) => {
                let served = found(agent).and_then(|agent| Some((agent, agent.resolve(*pin)?)));
                warnings
                    .extend(served.and_then(|(agent, version)| self.warn_of_endpoints(agent, version, *pin)));
                Ok(())
            }
            Name::Agent(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
