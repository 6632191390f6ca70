//! What the route and agent files say, as one set that is applied whole or not at all.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::address::{Number, Prefix};
use super::agent::AgentRef;
use super::agent_config::Dispatch;
use super::caller_pin::CallerPin;
use super::endpoint::Endpoint;
use super::fallback::Fallback;
use super::fault::Fault;
use super::id::{AccountId, AgentId, ArmId, ConfigHash, Environment, SplitId, VersionNumber};
use super::named::{Name, Named};
use super::object::Object;
use super::route::{ManagedBy, Route};
use super::split::slots::Owners;
use super::split::{Arm, Split, UnitRule};
use super::time::Timestamp;

/// Where in which file something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Path as the operator knows it.
    pub file: Arc<str>,
    /// Line, from 1; 0 for the whole file.
    pub line: u32,
    /// Column, from 1; 0 for the whole line.
    pub column: u32,
}

impl Place {
    /// A fault at this place.
    pub fn fault(&self, message: impl Into<String>, expected: impl Into<String>) -> Fault {
        Fault {
            file: self.file.to_string(),
            line: self.line,
            column: self.column,
            message: message.into(),
            expected: expected.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match (self.line, self.column) {
            (0, _) => Ok(()),
            (line, 0) => write!(f, ":{line}"),
            (line, column) => write!(f, ":{line}:{column}"),
        }
    }
}

/// Where the values of a table stand, by the paths of their keys, such as `header_rules[0].agent`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys(Noted);

/// Nearly all tables name an agent and a pin, or a split, and there may be a million of them: that takes no memory of
/// its own.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Noted {
    /// Line and column of each of [`FEW`]; line 0 where it is not there.
    Few([(u32, u32); FEW.len()]),
    Any(Vec<(Cow<'static, str>, u32, u32)>),
}

/// The keys that take no memory.
const FEW: [&str; 3] = ["agent", "pin", "split"];

impl Default for Noted {
    fn default() -> Self {
        Self::Few([(0, 0); FEW.len()])
    }
}

impl Keys {
    /// Notes the line and column of a value.
    pub fn note(&mut self, path: impl Into<Cow<'static, str>>, at: (u32, u32)) {
        let path = path.into();
        if let Noted::Few(few) = &mut self.0
            && let Some((_, place)) = FEW.iter().zip(few).find(|(name, _)| **name == path)
        {
            *place = at;
            return;
        }
        let mut noted = match std::mem::take(&mut self.0) {
            Noted::Any(noted) => noted,
            Noted::Few(few) => {
                let few = FEW.iter().zip(few).filter(|(_, (line, _))| *line > 0);
                few.map(|(name, (line, column))| (Cow::Borrowed(*name), line, column)).collect()
            }
        };
        noted.push((path, at.0, at.1));
        self.0 = Noted::Any(noted);
    }

    /// Line and column of what a path names, or of the nearest that there is around it.
    #[must_use]
    pub fn find(&self, mut path: &str) -> Option<(u32, u32)> {
        loop {
            if let Some(at) = self.at(path) {
                return Some(at);
            }
            (path, _) = path.rsplit_once(['.', '['])?;
        }
    }

    fn at(&self, path: &str) -> Option<(u32, u32)> {
        match &self.0 {
            Noted::Few(few) => {
                let found = FEW.iter().zip(few).find(|(name, (line, _))| **name == path && *line > 0);
                found.map(|(_, at)| *at)
            }
            Noted::Any(all) => {
                all.iter().find(|(known, ..)| known == path).map(|(_, line, column)| (*line, *column))
            }
        }
    }

    /// The place of what a path names, in a table that stands at `table`.
    #[must_use]
    pub fn place(&self, table: &Place, path: &str) -> Place {
        match self.find(path) {
            Some((line, column)) => Place { line, column, ..table.clone() },
            None => table.clone(),
        }
    }
}

/// Something and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    /// Where.
    pub at: Place,
    /// Where its values stand, as far as anybody noted.
    pub keys: Keys,
    /// What.
    pub value: T,
}

impl<T> Placed<T> {
    /// Something of which nobody noted where its values stand.
    pub fn whole(at: Place, value: T) -> Self {
        Self { at, keys: Keys::default(), value }
    }

    /// The same place of something made of it.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { at: self.at, keys: self.keys, value: map(self.value) }
    }
}

/// What could be read of something that is at fault: what it is and what it names are judged all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// Whose it is.
    pub account: AccountId,
    /// What it is called in faults, such as `prefix +1`.
    pub what: String,
    /// Which one, if it says so. Numbers are told apart as numbers, whatever else could be read of them.
    pub object: Option<Object>,
    /// What it names.
    pub names: Vec<Named>,
}

/// A configuration that a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct FileConfig {
    /// Its fingerprint.
    pub hash: ConfigHash,
    /// What routing needs of it.
    pub dispatch: Arc<Dispatch>,
    /// The canonical text, where it was read just now; the store has it otherwise.
    pub body: Option<Arc<[u8]>>,
}

impl FileConfig {
    /// Stands for a configuration whose file is there but could not be read.
    #[must_use]
    pub fn unread() -> Self {
        Self { hash: ConfigHash([0; 16]), dispatch: Arc::default(), body: None }
    }

    /// Whether it stands for what could not be read.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.hash == ConfigHash([0; 16])
    }
}

/// A folder of `agents/`.
#[derive(Debug, Clone, PartialEq)]
pub struct FileAgent {
    /// The agent's full name.
    pub id: AgentRef,
    /// Its name for people.
    pub name: String,
    /// Where its runtime listens, whatever the version.
    pub endpoints: Vec<Endpoint>,
    /// How many calls it may have in progress.
    pub max_calls_in_progress: Option<u32>,
    /// Where calls go that it cannot take.
    pub fallback: Option<Fallback>,
    /// What its environments point to.
    pub environments: Vec<Placed<(Environment, VersionNumber)>>,
    /// `draft.toml`, if there is one.
    pub draft: Option<Placed<FileConfig>>,
    /// `V1.toml`, `V2.toml` …, by number.
    pub versions: Vec<Placed<(VersionNumber, FileConfig)>>,
}

/// A `[[split]]` of a route file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSplit {
    /// Its full name.
    pub id: super::change::SplitRef,
    /// Its name for people.
    pub name: String,
    /// What is hashed.
    pub unit: UnitRule,
    /// Its arms.
    pub arms: Vec<Arm>,
    /// The seed of the hash, where the file says it; else that of the split it was, or one that its name gives.
    pub salt: Option<u64>,
    /// Who owns the slots, where the file says so: runs of first slot, last slot, arm.
    pub owners: Option<Vec<(usize, usize, ArmId)>>,
    /// Not begun before.
    pub starts_at: Option<Timestamp>,
    /// Over from then on.
    pub ends_at: Option<Timestamp>,
    /// Over after this many calls.
    pub call_quota: Option<u64>,
    /// Whether it rests.
    pub paused: bool,
}

impl FileSplit {
    /// The split that is made of it, dealt anew under a salt.
    #[must_use]
    pub fn as_split(&self, salt: u64, at: Timestamp) -> Split {
        let weights: Vec<u32> = self.arms.iter().map(|arm| arm.weight).collect();
        Split {
            account: self.id.account.clone(),
            id: self.id.split.clone(),
            scope: None,
            name: self.name.clone(),
            managed_by: ManagedBy::Files,
            unit: self.unit.clone(),
            arms: self.arms.clone(),
            salt,
            owners: Owners::first(&weights),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            call_quota: self.call_quota,
            paused: self.paused,
            ending: None,
            created_at: at,
            updated_at: at,
        }
    }
}

/// A number that the files give another route than before.
#[derive(Debug, Clone, PartialEq)]
pub struct FileNumber {
    /// The number.
    pub number: Number,
    /// Place of its route in [`FileSet::routes`].
    pub route: u32,
    /// Place of its file in [`FileSet::files`].
    pub file: u32,
    /// Its line there.
    pub line: u32,
}

/// How the files could be read. A set with faults is judged as far as it was read, so that all faults are told at once,
/// and never applied.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// What is wrong with the files by themselves.
    pub faults: Vec<Fault>,
    /// What may be there although it could not be read.
    pub doubt: Doubt,
    /// What is at fault, as far as it could be read.
    pub sketches: Vec<Placed<Sketch>>,
    /// The accounts that files name, each with its place.
    pub accounts: Vec<Placed<AccountId>>,
    /// What could be meant otherwise, in all files.
    pub warnings: Vec<String>,
}

/// What stands in files that could not be read: to name it is no fault.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Doubt {
    /// Agents of which nobody knows the account.
    pub agents: BTreeSet<AgentId>,
    /// Splits.
    pub splits: BTreeSet<SplitId>,
    /// Whether there may be splits of any name.
    pub any_split: bool,
}

impl Doubt {
    /// Whether it is open if what is named is there.
    #[must_use]
    pub fn concerns(&self, name: &Name) -> bool {
        match name {
            Name::Agent(agent) | Name::Pin(agent, _) => self.agents.contains(agent),
            Name::Split(split) => self.split(split),
        }
    }

    /// Whether it is open if there is a split of this name.
    #[must_use]
    pub fn split(&self, split: &SplitId) -> bool {
        self.any_split || self.splits.contains(split)
    }

    /// Takes over what another knows of.
    pub fn extend(&mut self, other: &Self) {
        self.agents.extend(other.agents.iter().cloned());
        self.splits.extend(other.splits.iter().cloned());
        self.any_split |= other.any_split;
    }
}

/// All that the files say. Numbers are given as a difference to what the files said before, everything else whole.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSet {
    /// Fingerprint of all files.
    pub hash: ConfigHash,
    /// Whether an operator has accepted this very set although much would be removed.
    pub accepted: bool,
    /// Who has, if somebody had to.
    pub accepted_by: Option<Arc<str>>,
    /// The account of files that name none.
    pub account: AccountId,
    /// Agents.
    pub agents: Vec<Placed<FileAgent>>,
    /// Splits.
    pub splits: Vec<Placed<FileSplit>>,
    /// Prefixes.
    pub prefixes: Vec<Placed<(Prefix, Arc<Route>)>>,
    /// Default routes, at most one an account.
    pub defaults: Vec<Placed<Arc<Route>>>,
    /// Caller pins.
    pub caller_pins: Vec<Placed<Arc<CallerPin>>>,
    /// Every distinct route of a number in any file, with its first place.
    pub routes: Vec<Placed<Arc<Route>>>,
    /// The names of the files.
    pub files: Vec<Arc<str>>,
    /// Numbers with a new route.
    pub put: Vec<FileNumber>,
    /// Numbers that no file gives any more.
    pub released: Vec<Number>,
    /// How many numbers the files gave before.
    pub numbers_before: usize,
    /// How they could be read.
    pub reading: Reading,
}

/// A field by the name it has in files; the rules of routes and splits speak the language of the API.
#[must_use]
pub fn as_in_files(field: &str) -> String {
    const NAMES: [(&str, &str); 7] = [
        ("headerRules", "header_rules"),
        ("agentId", "agent"),
        ("splitId", "split"),
        ("startsAt", "starts_at"),
        ("endsAt", "ends_at"),
        ("callQuota", "call_quota"),
        ("maxCallsInProgress", "max_calls_in_progress"),
    ];
    let name = |part: &str| {
        let (word, index) = part.split_at(part.find('[').unwrap_or(part.len()));
        let word = NAMES.iter().find(|(api, _)| *api == word).map_or(word, |(_, file)| file);
        format!("{word}{index}")
    };
    field.split('.').map(name).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_path_whatever_else_was_noted_before_or_after() {
        let mut keys = Keys::default();
        assert_eq!(keys.find("pin"), None);
        keys.note("pin", (2, 7));
        assert_eq!((keys.find("pin"), keys.find("agent")), (Some((2, 7)), None));
        keys.note("header_rules[0]", (4, 1));
        keys.note("agent", (3, 9));
        let found = ["pin", "header_rules[0].pin", "agent", "split"].map(|path| keys.find(path));
        assert_eq!(found, [Some((2, 7)), Some((4, 1)), Some((3, 9)), None]);
    }
}
