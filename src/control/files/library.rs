//! What all files say, parsed, one entry a file.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::Xxh3;

use super::agent_folder::{AgentFile, read_config};
use super::faults::FAULTS_MAX;
use super::route_file::RouteFile;
use super::source::{Kind, SourceFile};
use crate::domain::agent::AgentRef;
use crate::domain::agent_config::Dispatch;
use crate::domain::fault::Fault;
use crate::domain::files::{FileAgent, FileConfig, Place, Placed};
use crate::domain::id::{AccountId, AgentId, ConfigHash};
use crate::domain::persistent::Map;

/// Bytes below which a second thread is not worth starting.
const ALONE_BYTES: usize = 256 << 10;

/// The files of one moment, each read and right by itself. Cloning it costs a few reference counts.
///
/// Memory: 16 bytes a number, besides its distinct routes; no texts, and of configurations only what routing needs once
/// [`Library::without_bodies`] was called.
#[derive(Debug, Clone)]
pub struct Library {
    /// The account of files that name none.
    pub(super) account: AccountId,
    pub(super) files: Map<Arc<str>, Arc<Entry>>,
}

/// A file as it was read.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) hash: ConfigHash,
    /// How long it is.
    pub(super) bytes: u64,
    pub(super) kind: Kind,
    pub(super) content: Content,
}

/// What a file says.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Routes(RouteFile),
    Agent(AgentFile),
    Config(FileConfig),
}

impl Library {
    /// No files yet; files that name no account will be of this one.
    #[must_use]
    pub fn new(account: &AccountId) -> Self {
        Self { account: account.clone(), files: Map::new() }
    }

    /// The library as it is with these files new or changed and those gone. Only what changed is parsed, by up to two
    /// threads.
    ///
    /// # Errors
    /// All faults of the changed files, up to a hundred; this library stays what it is.
    pub fn read(&self, changed: &[SourceFile], gone: &[Arc<str>]) -> Result<Self, Vec<Fault>> {
        let mut files = self.files.clone();
        for path in gone {
            files.remove(path.as_ref());
        }
        let mut faults = Vec::new();
        let mut has_configs = false;
        for (file, read) in changed.iter().zip(self.read_each(changed)) {
            match read {
                Ok(entry) => {
                    has_configs |= matches!(entry.content, Content::Config(_));
                    files.insert(Arc::clone(&file.path), Arc::new(entry));
                }
                Err(found) => faults.extend(found),
            }
        }
        let mut library = Self { account: self.account.clone(), files };
        // A faulty agent.toml is there all the same.
        let read = |path: &str| changed.iter().any(|file| file.path.as_ref() == path);
        faults.extend(library.folders_without_agent().filter(|fault| !read(&fault.file)));
        if !faults.is_empty() {
            faults.sort();
            faults.truncate(FAULTS_MAX);
            return Err(faults);
        }
        if has_configs {
            library.share_dispatches();
        }
        Ok(library)
    }

    /// The same library without the texts of configurations, once they are stored.
    #[must_use]
    pub fn without_bodies(&self) -> Self {
        let mut files = self.files.clone();
        for (path, entry) in &self.files {
            if let Content::Config(config @ FileConfig { body: Some(_), .. }) = &entry.content {
                let content = Content::Config(FileConfig { body: None, ..config.clone() });
                files.insert(Arc::clone(path), Arc::new(Entry { content, ..entry.as_ref().clone() }));
            }
        }
        Self { account: self.account.clone(), files }
    }

    /// The fingerprint of all files: XXH3-128 over their paths and fingerprints, in order. Costs as many steps as files.
    #[must_use]
    pub fn hash(&self) -> ConfigHash {
        set_hash(self.hashes())
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether any file is in this folder.
    #[must_use]
    pub fn holds_any(&self, folder: &str) -> bool {
        let in_folder = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.files.range_from(std::ops::Bound::Included(folder)).take(2).any(|(path, _)| in_folder(path))
    }

    /// Paths and fingerprints, in order.
    pub(super) fn hashes(&self) -> impl Iterator<Item = (&str, ConfigHash)> {
        self.files.iter().map(|(path, entry)| (path.as_ref(), entry.hash))
    }

    /// Paths, fingerprints and lengths in bytes, in order.
    pub(super) fn copied(&self) -> impl Iterator<Item = (&str, ConfigHash, u64)> {
        self.files.iter().map(|(path, entry)| (path.as_ref(), entry.hash, entry.bytes))
    }

    /// The files of `routes/`, in order.
    pub(super) fn routes(&self) -> impl Iterator<Item = (&Arc<str>, &RouteFile)> {
        self.files.iter().filter_map(|(path, entry)| match &entry.content {
            Content::Routes(file) => Some((path, file)),
            _ => None,
        })
    }

    /// The route file at a path.
    pub(super) fn route_file(&self, path: &str) -> Option<&RouteFile> {
        match &self.files.get(path)?.content {
            Content::Routes(file) => Some(file),
            _ => None,
        }
    }

    /// The agents, in order.
    pub(super) fn agents(&self) -> Vec<Placed<FileAgent>> {
        let mut agents: BTreeMap<&AgentId, Placed<FileAgent>> = BTreeMap::new();
        for (path, entry) in self.agent_files() {
            // `agent.toml` comes after V1.toml in order, so each folder is looked up by its id.
            if let (Kind::Agent(id), Content::Agent(file)) = (&entry.kind, &entry.content) {
                let agent = FileAgent {
                    id: AgentRef { account: file.account.clone(), agent: id.clone() },
                    name: file.name.clone(),
                    endpoints: file.endpoints.clone(),
                    max_calls_in_progress: file.max_calls_in_progress,
                    fallback: file.fallback.clone(),
                    environments: file.environments.clone(),
                    draft: None,
                    versions: Vec::new(),
                };
                agents.insert(id, Placed { at: whole(path), value: agent });
            }
        }
        for (path, entry) in self.agent_files() {
            let Content::Config(config) = &entry.content else { continue };
            let (at, config) = (whole(path), config.clone());
            match &entry.kind {
                Kind::Draft(id) => {
                    if let Some(agent) = agents.get_mut(id) {
                        agent.value.draft = Some(Placed { at, value: config });
                    }
                }
                Kind::Version(id, number) => {
                    if let Some(agent) = agents.get_mut(id) {
                        agent.value.versions.push(Placed { at, value: (*number, config) });
                    }
                }
                _ => {}
            }
        }
        let mut agents: Vec<_> = agents.into_values().collect();
        for agent in &mut agents {
            agent.value.versions.sort_by_key(|version| version.value.0);
        }
        agents
    }

    fn agent_files(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Entry>)> {
        let files = self.files.range_from(Bound::Included("agents/"));
        files.take_while(|(path, _)| path.starts_with("agents/"))
    }

    fn folders_without_agent(&self) -> impl Iterator<Item = Fault> + '_ {
        let mut last = None;
        self.agent_files().filter_map(move |(_, entry)| {
            let (Kind::Draft(id) | Kind::Version(id, _)) = &entry.kind else { return None };
            if last.replace(id) == Some(id) {
                return None;
            }
            let file = format!("agents/{id}/agent.toml");
            (!self.files.contains_key(file.as_str())).then(|| Fault {
                message: format!("is missing, but agents/{id} has other files"),
                expected: "agent.toml in every folder of an agent".to_owned(),
                file,
                ..Fault::of_folder()
            })
        })
    }

    /// Most versions of an agent send calls to the same places: what is equal is kept once.
    fn share_dispatches(&mut self) {
        let mut known: HashSet<Arc<Dispatch>, FixedState> = HashSet::default();
        let mut shared = Vec::new();
        for (path, entry) in self.agent_files() {
            let Content::Config(config) = &entry.content else { continue };
            match known.get(&config.dispatch) {
                Some(same) if !Arc::ptr_eq(same, &config.dispatch) => {
                    let config = FileConfig { dispatch: Arc::clone(same), ..config.clone() };
                    let entry = Entry { content: Content::Config(config), ..entry.as_ref().clone() };
                    shared.push((Arc::clone(path), Arc::new(entry)));
                }
                Some(_) => {}
                None => drop(known.insert(Arc::clone(&config.dispatch))),
            }
        }
        self.files.extend(shared);
    }

    /// Reads files on this thread and, where it is worth it, a second one.
    fn read_each(&self, files: &[SourceFile]) -> Vec<Result<Entry, Vec<Fault>>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            let mut faulty = 0;
            while let Some((at, file)) = take(&next, files) {
                // Faults enough: whoever mends these sees the others next.
                let read = if faulty < FAULTS_MAX { self.read_one(file) } else { Err(Vec::new()) };
                faulty += usize::from(read.is_err());
                done.push((at, read));
            }
            done
        };
        let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
        let mut done = thread::scope(|scope| {
            let helper = (files.len() > 1 && bytes > ALONE_BYTES)
                .then(|| thread::Builder::new().name("cordboard-files".to_owned()).spawn_scoped(scope, work))
                .and_then(Result::ok);
            let mut done = work();
            if let Some(helper) = helper {
                done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            done
        });
        done.sort_unstable_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, read)| read).collect()
    }

    fn read_one(&self, file: &SourceFile) -> Result<Entry, Vec<Fault>> {
        let kind = Kind::of(&file.path).map_err(|fault| vec![fault])?;
        let content = match &kind {
            Kind::Routes => RouteFile::read(&file.path, &file.bytes, &self.account).map(Content::Routes),
            Kind::Agent(id) => {
                AgentFile::read(&file.path, &file.bytes, id, &self.account).map(Content::Agent)
            }
            Kind::Draft(_) | Kind::Version(..) => read_config(&file.path, &file.bytes).map(Content::Config),
        };
        content.map(|content| Entry { hash: file.hash, bytes: file.bytes.len() as u64, kind, content })
    }
}

/// The next file that nobody has taken yet.
fn take<'f>(next: &AtomicUsize, files: &'f [SourceFile]) -> Option<(usize, &'f SourceFile)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    files.get(at).map(|file| (at, file))
}

fn whole(path: &Arc<str>) -> Place {
    Place { file: Arc::clone(path), line: 0, column: 0 }
}

/// The fingerprint of files by their paths and fingerprints, which must be in order.
pub(super) fn set_hash<'a>(files: impl Iterator<Item = (&'a str, ConfigHash)>) -> ConfigHash {
    let mut hash = Xxh3::new();
    for (path, content) in files {
        hash.update(path.as_bytes());
        hash.update(&[0]);
        hash.update(&content.0);
    }
    ConfigHash(hash.digest128().to_be_bytes())
}
