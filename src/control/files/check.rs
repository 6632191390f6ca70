//! Whether files could be applied, told without a router.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::library::{Content, Library};
use super::source::SourceFile;
use crate::domain::account::Account;
use crate::domain::change::{Change, Touched};
use crate::domain::command::{Action, Author, Command};
use crate::domain::fault::Fault;
use crate::domain::id::{AccountId, ConfigHash};
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// What files come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The fingerprint of all of them.
    pub hash: ConfigHash,
    /// Agents.
    pub agents: usize,
    /// Versions of all agents, drafts not counted.
    pub versions: usize,
    /// Splits.
    pub splits: usize,
    /// Prefixes.
    pub prefixes: usize,
    /// Numbers.
    pub numbers: usize,
    /// Caller pins.
    pub caller_pins: usize,
    /// What could be meant otherwise.
    pub warnings: Vec<String>,
}

/// Reads all files and weighs them against nothing but the accounts they name; what the API of a router holds cannot
/// be known here. Files that name no account are of `account`.
///
/// # Errors
/// All faults, up to a hundred.
pub fn check(files: &[SourceFile], account: &AccountId, at: Timestamp) -> Result<Summary, Vec<Fault>> {
    let empty = Library::new(account);
    let library = empty.read(files, &[])?;
    let set = library.file_set(&empty, None)?;
    let mut summary = Summary {
        hash: set.hash,
        agents: set.agents.len(),
        versions: set.agents.iter().map(|agent| agent.value.versions.len()).sum(),
        splits: set.splits.len(),
        prefixes: set.prefixes.len(),
        numbers: set.put.len(),
        caller_pins: set.caller_pins.len(),
        warnings: Vec::new(),
    };
    let command = Command {
        account: account.clone(),
        author: Author::Files,
        at,
        action: Action::ApplyFiles(Arc::new(set)),
    };
    let outcome = accounts(&library, at).weigh(&command).map_err(|refusal| refusal.faults)?;
    summary.warnings = outcome.warnings;
    Ok(summary)
}

/// A state that has every account the files name, and nothing else.
fn accounts(library: &Library, at: Timestamp) -> State {
    let mut named = BTreeSet::from([&library.account]);
    for (_, entry) in &library.files {
        match &entry.content {
            Content::Routes(file) => {
                named.extend(file.routes.iter().map(|route| &route.value.account));
                named.extend(file.prefixes.iter().map(|prefix| &prefix.value.1.account));
                named.extend(file.default.iter().map(|route| &route.value.account));
                named.extend(file.caller_pins.iter().map(|pin| &pin.value.id.agent.account));
                named.extend(file.splits.iter().map(|split| &split.value.id.account));
            }
            Content::Agent(file) => drop(named.insert(&file.account)),
            Content::Config(_) => {}
        }
    }
    let mut state = State::default();
    for id in named {
        let account = Account { id: id.clone(), name: id.to_string(), created_at: at };
        state.absorb(&Change::AccountPut(account), &mut Touched::default());
    }
    state
}
