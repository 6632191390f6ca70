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
use super::faults::{FAULTS_MAX, Parsed};
use super::plain_routes::PlainRoutes;
use super::route_file::RouteFile;
use super::source::{Kind, SourceFile};
use crate::domain::agent::AgentRef;
use crate::domain::agent_config::Dispatch;
use crate::domain::fault::Fault;
use crate::domain::files::{Doubt, FileAgent, FileConfig, Place, Placed};
use crate::domain::id::{AccountId, AgentId, ConfigHash};
use crate::domain::persistent::Map;

/// Bytes below which a second thread is not worth starting.
const ALONE_BYTES: usize = 256 << 10;

/// The files of one moment, each read and, unless said otherwise, right by itself. Cloning it costs a few reference counts.
///
/// Memory: 16 bytes a number and 32 for each distinct route of a file, besides the routes, which files that were read
/// together share; no texts, and of configurations only what routing needs once [`Library::without_bodies`] was called.
#[derive(Debug, Clone)]
pub struct Library {
    /// The account of files that name none.
    pub(super) account: AccountId,
    pub(super) files: Map<Arc<str>, Arc<Entry>>,
    /// What is wrong with them; empty but for files that were read as far as they could be.
    pub(super) faults: Vec<Fault>,
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
    Routes(Box<RouteFile>),
    Agent(AgentFile),
    /// One that could not be read is [`FileConfig::unread`].
    Config(FileConfig),
}

impl Library {
    /// No files yet; files that name no account will be of this one.
    #[must_use]
    pub fn new(account: &AccountId) -> Self {
        Self { account: account.clone(), files: Map::new(), faults: Vec::new() }
    }

    /// The library as it is with these files new or changed and those gone. Only what changed is parsed, by up to two
    /// threads.
    ///
    /// # Errors
    /// All faults of the changed files, up to a hundred; this library stays what it is.
    pub fn read(&self, changed: &[SourceFile], gone: &[Arc<str>]) -> Result<Self, Vec<Fault>> {
        let library = self.read_what_can_be(changed, gone);
        if library.faults.is_empty() { Ok(library) } else { Err(library.faults) }
    }

    /// The same with the faults kept: a set of such a library is refused with them and whatever else is wrong, so that
    /// who mends files sees all faults at once.
    #[must_use]
    pub fn read_what_can_be(&self, changed: &[SourceFile], gone: &[Arc<str>]) -> Self {
        let mut files = self.files.clone();
        for path in gone {
            files.remove(path.as_ref());
        }
        let mut faults = Vec::new();
        let mut has_configs = false;
        for (file, read) in changed.iter().zip(self.read_each(changed)) {
            faults.extend(read.faults);
            if let Some(entry) = read.value {
                has_configs |= matches!(entry.content, Content::Config(_));
                files.insert(Arc::clone(&file.path), Arc::new(entry));
            }
        }
        let mut library = Self { account: self.account.clone(), files, faults };
        library.add_missing_agents();
        library.faults.sort();
        library.faults.truncate(FAULTS_MAX);
        if has_configs {
            library.share_dispatches();
        }
        library
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
        Self { account: self.account.clone(), files, faults: self.faults.clone() }
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
            Content::Routes(file) => Some((path, file.as_ref())),
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
                agents.insert(id, Placed::whole(whole(path), agent));
            }
        }
        for (path, entry) in self.agent_files() {
            let Content::Config(config) = &entry.content else { continue };
            let (at, config) = (whole(path), config.clone());
            match &entry.kind {
                Kind::Draft(id) => {
                    if let Some(agent) = agents.get_mut(id) {
                        agent.value.draft = Some(Placed::whole(at, config));
                    }
                }
                Kind::Version(id, number) => {
                    if let Some(agent) = agents.get_mut(id) {
                        agent.value.versions.push(Placed::whole(at, (*number, config)));
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

    /// A folder without agent.toml is a fault, and an agent for all that names it.
    fn add_missing_agents(&mut self) {
        let missing: Vec<(AgentId, Fault)> = self.folders_without_agent().collect();
        for (id, fault) in missing {
            let entry = Entry {
                hash: ConfigHash([0; 16]),
                bytes: 0,
                content: Content::Agent(AgentFile::unread(&id, &self.account)),
                kind: Kind::Agent(id),
            };
            self.files.insert(Arc::from(fault.file.as_str()), Arc::new(entry));
            self.faults.push(fault);
        }
    }

    /// What may be in files that could not be read, or not whole.
    pub(super) fn doubt(&self) -> Doubt {
        let mut doubt = Doubt::default();
        if self.faults.is_empty() {
            return doubt;
        }
        for (_, entry) in &self.files {
            match (&entry.kind, &entry.content) {
                (_, Content::Routes(file)) => doubt.extend(&file.doubt),
                (Kind::Agent(id), Content::Agent(file)) if file.in_doubt => {
                    doubt.agents.insert(id.clone());
                }
                _ => {}
            }
        }
        doubt
    }

    /// The accounts that files name.
    pub(super) fn accounts(&self) -> Vec<Placed<AccountId>> {
        let named = self.files.iter().filter_map(|(_, entry)| match &entry.content {
            Content::Routes(file) => file.account.clone(),
            Content::Agent(file) => Some(Placed::whole(file.account_at.clone()?, file.account.clone())),
            Content::Config(_) => None,
        });
        named.collect()
    }

    fn folders_without_agent(&self) -> impl Iterator<Item = (AgentId, Fault)> + '_ {
        let mut last = None;
        self.agent_files().filter_map(move |(_, entry)| {
            let (Kind::Draft(id) | Kind::Version(id, _)) = &entry.kind else { return None };
            if last.replace(id) == Some(id) {
                return None;
            }
            let file = format!("agents/{id}/agent.toml");
            (!self.files.contains_key(file.as_str())).then(|| {
                let message = format!("is missing, but agents/{id} has other files");
                let expected = "agent.toml in every folder of an agent".to_owned();
                (id.clone(), Fault { message, expected, file, ..Fault::of_folder() })
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
    fn read_each(&self, files: &[SourceFile]) -> Vec<Parsed<Option<Entry>>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            let mut faulty = 0;
            let mut common = PlainRoutes::new(&self.account);
            while let Some((at, file)) = take(&next, files) {
                // Faults enough: whoever mends these sees the others next.
                let read =
                    if faulty < FAULTS_MAX { self.read_one(&mut common, file) } else { self.unread(file) };
                faulty += usize::from(!read.faults.is_empty());
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

    fn read_one<'f>(&self, common: &mut PlainRoutes<'f>, file: &'f SourceFile) -> Parsed<Option<Entry>> {
        let kind = match Kind::of(&file.path) {
            Ok(kind) => kind,
            Err(fault) => return Parsed { value: None, faults: vec![fault] },
        };
        let content = match &kind {
            Kind::Routes => {
                RouteFile::read(common, &file.path, &file.bytes).map(|file| Content::Routes(Box::new(file)))
            }
            Kind::Agent(id) => {
                AgentFile::read(&file.path, &file.bytes, id, &self.account).map(Content::Agent)
            }
            Kind::Draft(_) | Kind::Version(..) => match read_config(&file.path, &file.bytes) {
                Ok(config) => Parsed { value: Content::Config(config), faults: Vec::new() },
                Err(faults) => Parsed { value: Content::Config(FileConfig::unread()), faults },
            },
        };
        content.map(|content| Some(entry(file, kind, content)))
    }

    /// A file that nobody looks into.
    fn unread(&self, file: &SourceFile) -> Parsed<Option<Entry>> {
        let kind = Kind::of(&file.path).ok();
        let value = kind.map(|kind| {
            let content = match &kind {
                Kind::Routes => Content::Routes(Box::new(RouteFile::unread())),
                Kind::Agent(id) => Content::Agent(AgentFile::unread(id, &self.account)),
                Kind::Draft(_) | Kind::Version(..) => Content::Config(FileConfig::unread()),
            };
            entry(file, kind, content)
        });
        Parsed { value, faults: Vec::new() }
    }
}

fn entry(file: &SourceFile, kind: Kind, content: Content) -> Entry {
    Entry { hash: file.hash, bytes: file.bytes.len() as u64, kind, content }
}

/// The next file that nobody has taken yet.
fn take<'f>(next: &AtomicUsize, files: &'f [SourceFile]) -> Option<(usize, &'f SourceFile)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    files.get(at).map(|file| (at, file))
}

fn whole(path: &Arc<str>) -> Place {
    Place { file: Arc::clone(path), line: 1, column: 1 }
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
