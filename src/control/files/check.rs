//! Whether files could be applied, told without a router.

use std::sync::Arc;

use super::column::located;
use super::library::Library;
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

/// Reads all files and weighs them as a first start would: against nothing but the first account, `account`, which is
/// that of files that name none. What the API of a router holds cannot be known here. `needs_endpoints` says that the
/// settings have none for agents without.
///
/// # Errors
/// All faults, up to a hundred.
pub fn check(
    files: &[SourceFile],
    account: &AccountId,
    needs_endpoints: bool,
    at: Timestamp,
) -> Result<Summary, Vec<Fault>> {
    let empty = Library::new(account);
    let set = empty.read_what_can_be(files, &[]).file_set(&empty, None);
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
    let routes_nothing = set.put.is_empty() && set.prefixes.is_empty() && set.defaults.is_empty();
    let command = Command {
        account: account.clone(),
        author: Author::Files,
        at,
        action: Action::ApplyFiles(Arc::new(set)),
    };
    let mut state = State::empty(needs_endpoints);
    let first = Account::new(account.clone(), account.to_string(), at);
    state.absorb(&Change::AccountPut(first), &mut Touched::default());
    let outcome = state.weigh(&command).map_err(|refusal| located(refusal, files).faults)?;
    summary.warnings = outcome.warnings;
    if routes_nothing {
        let nothing = "nothing is routed: the files give no number, no prefix and no default route";
        summary.warnings.push(nothing.to_owned());
    }
    Ok(summary)
}
