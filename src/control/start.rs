//! The beginning: the store's present, the first account, the files, and the thread that changes things.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use arc_swap::ArcSwap;

use super::alarm::Alarm;
use super::backup::Backups;
use super::bodies::fetch_wanted;
use super::files::{LastGood, LastGoodError, Library, located};
use super::import::Imports;
use super::keys::{first_account, new_key};
use super::metrics::ConfigMetrics;
use super::reload::{Look, Reloader, Sources, channel, in_force_but, not_applied};
use super::split_calls::SplitCalls;
use super::status::{ReloadStatus, Status};
use super::worker::{Worker, enact, publish};
use super::{Control, Inner, QUEUE};
use crate::domain::change::{Change, Touched};
use crate::domain::command::{Action, Author, Command};
use crate::domain::endpoint::Endpoint;
use crate::domain::fault::Fault;
use crate::domain::files::FileSet;
use crate::domain::id::{AccountId, ConfigHash};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::routing::live::Live;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;
use crate::routing::table::{RoutingTable, Workshop};
use crate::store::error::StoreError;
use crate::store::folder::{DataFolder, FolderError};
use crate::store::port::{CommitError, ControlStore};
use crate::telemetry::Health;
use crate::telemetry::clock::Clock;
use crate::telemetry::precedence::give_way;

/// What the room is built from.
pub struct Parts<'a> {
    /// Where state is kept.
    pub store: Arc<dyn ControlStore>,
    /// The data folder, for the admin key and the last good files.
    pub folder: &'a DataFolder,
    /// Hashes keys.
    pub key_secret: [u8; 32],
    /// The route and agent files.
    pub sources: Box<dyn Sources>,
    /// Where calls are sent that nothing else says a target for.
    pub default_endpoints: Vec<Endpoint>,
    /// Ids of series.
    pub series: Arc<SeriesBook>,
    /// Configurations in memory.
    pub shelf: Arc<Shelf>,
    /// What is counted.
    pub metrics: Arc<ConfigMetrics>,
    /// Told if a part of the room breaks off.
    pub health: Health,
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub random: &'a mut dyn FnMut() -> [u8; 32],
}

/// Why the router cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store was changed by somebody else in this moment.
    #[error("the store was changed by another program")]
    Overtaken,
    /// The data folder cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The copies of the last good files cannot be used.
    #[error(transparent)]
    LastGood(#[from] LastGoodError),
    /// The files are faulty and the copies of those that were good are lost.
    #[error(
        "the files are faulty, and the last good ones cannot serve instead: {lost}. Mend the files: a start with files \
         that are right needs no copies"
    )]
    NothingServes {
        /// Why the copies cannot be used.
        lost: Box<StartError>,
        /// What is wrong with the files.
        faults: Vec<Fault>,
    },
    /// The files are faulty and there is no last good state to serve.
    #[error("the files are faulty and nothing was ever applied that could serve instead")]
    Files(Vec<Fault>),
    /// The thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] io::Error),
}

impl From<CommitError> for StartError {
    fn from(why: CommitError) -> Self {
        match why {
            CommitError::Stale { .. } => Self::Overtaken,
            CommitError::Failed(why) => Self::Store(why),
        }
    }
}

/// Builds the room: when this returns, the table is whole and the thread takes commands.
///
/// # Errors
/// When the store or the folder cannot be used, or the files are faulty and there is no last good state.
pub fn start(parts: Parts<'_>) -> Result<(Control, Reloader), StartError> {
    let Parts {
        store,
        folder,
        key_secret,
        sources,
        default_endpoints,
        series,
        shelf,
        metrics,
        health,
        clock,
        random,
    } = parts;
    let mut beginning = Beginning {
        store: store.as_ref(),
        state: State::empty(default_endpoints.is_empty()),
        touched: Touched::default(),
        now: Timestamp(clock.now_ms()),
        warnings: Vec::new(),
    };
    beginning.load()?;
    let account = beginning.account(folder, &key_secret, random)?;
    let status = Arc::new(Status::default());
    let last_good = LastGood::new(folder.last_good());
    let mut files = Files { last_good, sources, applied: Library::new(&account), account, compared: false };
    let reload = beginning.files(&mut files)?;
    let warnings = std::mem::take(&mut beginning.warnings);
    let reload = ReloadStatus { warnings, shadowed: files.applied.shadowed(&beginning.state), ..reload };
    tell(&reload, &metrics);
    status.set_reload(reload);

    let Beginning { state, touched, .. } = beginning;
    let bodies = |hash| store.body(hash).ok().flatten();
    let workshop = Workshop { series: &series, shelf: &shelf, bodies: &bodies };
    let table = RoutingTable::new(&default_endpoints).patched(&state, &touched, workshop);
    let split_calls = SplitCalls::restore(store.as_ref(), &table)?;
    publish(&metrics, &state);
    let present = Arc::new(ArcSwap::from_pointee(state));
    let live = Live::new(table);
    let alarm =
        Alarm::new("bodies", "configurations that tokens name are not fetched any more", &health, &metrics);
    fetch_wanted(&shelf, Arc::clone(&store), alarm)?;
    let (queue, jobs) = sync_channel(QUEUE);
    let worker = Worker {
        store: Arc::clone(&store),
        present: Arc::clone(&present),
        live: live.clone(),
        series,
        shelf,
        status: Arc::clone(&status),
        metrics: Arc::clone(&metrics),
    };
    let alarm = Alarm::new("control", "no change can be made any more", &health, &metrics);
    std::thread::Builder::new().name("cordboard-control".to_owned()).spawn(move || {
        // Held by the thread: it rings if this unwinds.
        let _alarm = alarm;
        // A change may take a moment longer; a call that begins meanwhile may not.
        give_way();
        worker.run(&jobs);
    })?;
    let imports = Imports::start(Arc::clone(&store))?;
    let (reloads, calls) = channel();
    let alarm = Alarm::new("reload", "the files are not followed any more", &health, &metrics);
    let applied = ArcSwap::from_pointee(files.applied.clone());
    let inner = Inner {
        queue,
        present,
        live,
        store,
        status,
        metrics,
        reloads,
        files: applied,
        split_calls,
        imports,
        backups: Backups::new(folder.path().to_owned()),
    };
    let control = Control { inner: Arc::new(inner) };
    Ok((control.clone(), Reloader::new(control, files, calls, clock, alarm)))
}

/// Says how the files are.
fn tell(reload: &ReloadStatus, metrics: &ConfigMetrics) {
    in_force_but(&reload.warnings);
    in_force_but(&reload.shadowed);
    if reload.faults.is_empty() {
        metrics.config_last_reload_success_timestamp_seconds.set(reload.at.0 / 1_000);
    } else {
        not_applied(metrics, &reload.faults);
    }
}

/// The files as far as they are applied, and where they come from.
pub(super) struct Files {
    pub(super) last_good: LastGood,
    pub(super) sources: Box<dyn Sources>,
    pub(super) account: AccountId,
    pub(super) applied: Library,
    /// Whether the next look tells what differs from `applied`; until a set is applied it tells all there is.
    pub(super) compared: bool,
}

impl Files {
    /// Notes that a library is in force and that the next look is to be compared with it.
    pub(super) fn keep(&mut self, library: &Library) {
        self.applied = library.without_bodies();
        self.sources.keep();
        self.compared = true;
    }

    /// What differs from the files in force, or, if they were forgotten, all there is.
    pub(super) fn look(&mut self) -> Result<Look, Refusal> {
        let look = self.sources.look().map_err(Refusal::files)?;
        look.vanished(&self.applied).map_err(Refusal::files)?;
        Ok(look)
    }

    /// Has the next look tell all there is, so that all of it can be kept anew.
    pub(super) fn forget(&mut self) {
        self.sources.forget();
        self.compared = false;
    }

    /// What is wrong with the copies of files that a look left as they were: somebody who asks has them read, a change
    /// has them looked at, and a look that finds nothing new has no need of them.
    pub(super) fn lost_copy(&self, look: &Look, asked: bool) -> Option<LastGoodError> {
        if !self.compared {
            return None;
        }
        if asked {
            return self.last_good.check(self.applied.hash()).err();
        }
        if look.is_empty() { None } else { self.last_good.holds(&self.applied, &look.paths()).err() }
    }

    /// Makes whole what is missing or damaged of the copies of the set in force, which are all at hand.
    fn mend_last_good(&self, library: &Library, look: &Look) {
        let Err(why) = self.last_good.check(library.hash()) else { return };
        tracing::warn!(error = %why, "the copies of the last good files are made anew");
        self.save_last_good(library, look);
    }

    /// Makes whole the copies of the set in force.
    pub(super) fn save_last_good(&self, library: &Library, look: &Look) {
        if let Err(why) = self.last_good.save(library, &look.changed) {
            tracing::error!(error = %why, "the files cannot be kept: a start on faulty files would fail");
        }
    }
}

/// The state before there is a table.
struct Beginning<'a> {
    store: &'a dyn ControlStore,
    state: State,
    touched: Touched,
    now: Timestamp,
    /// Of the set of files in force.
    warnings: Vec<String>,
}

impl Beginning<'_> {
    fn load(&mut self) -> Result<(), StartError> {
        let (state, touched) = (&mut self.state, &mut self.touched);
        let revision = self.store.load(&mut |change: Change| state.absorb(&change, touched))?;
        self.state.revision = revision;
        Ok(())
    }

    /// Weighs a command; where it is granted and changes something, `prepare` is called, and then it is committed.
    fn commit(
        &mut self,
        command: &Command,
        prepare: impl FnOnce() -> Result<(), StartError>,
    ) -> Result<(), BeginError> {
        let outcome = self.state.weigh(command)?;
        let warnings = outcome.warnings.clone();
        if outcome.changes.is_empty() {
            self.warnings = warnings;
            return Ok(());
        }
        prepare()?;
        // In a copy: what the store refuses has not happened.
        let (mut state, mut touched) = (self.state.clone(), self.touched.clone());
        let commit = enact(&mut state, &mut touched, command, outcome);
        self.store.commit(self.state.revision, &[commit]).map_err(StartError::from)?;
        (self.state, self.touched, self.warnings) = (state, touched, warnings);
        Ok(())
    }

    /// The first account, made with its key if there is none. The key is written down first: one that nobody knows
    /// would be worse than one that is not valid yet.
    fn account(
        &mut self,
        folder: &DataFolder,
        secret: &[u8; 32],
        random: &mut dyn FnMut() -> [u8; 32],
    ) -> Result<AccountId, StartError> {
        if let Some(account) = &self.state.first_account {
            return Ok(account.clone());
        }
        let account = AccountId::first();
        let new = new_key(&account, secret, random(), self.now);
        folder.write_atomic("admin.key", format!("{}\n", new.text).as_bytes(), 0o600)?;
        match self.commit(&first_account(new.key, self.now), || Ok(())) {
            Ok(()) => Ok(account),
            Err(BeginError::Start(why)) => Err(why),
            Err(BeginError::Refused(why)) => Err(io::Error::other(why.to_string()).into()),
        }
    }

    /// Brings the files in: silently where they are what was applied before, else as a change like any other; where
    /// they are faulty the last good ones serve.
    fn files(&mut self, files: &mut Files) -> Result<ReloadStatus, StartError> {
        let looked = files.sources.look();
        let empty = Library::new(&files.account);
        let seen = looked.map(|look| (empty.read_what_can_be(&look.changed, &look.gone), look));
        let taken = ReloadStatus { at: self.now, taken_at: Some(self.now), ..ReloadStatus::default() };
        if let (Ok((library, look)), Some(applied)) = (&seen, self.state.files)
            && library.hash() == applied
            && self.restore(library.file_set(&empty, None), &files.account).is_ok()
        {
            files.mend_last_good(library, look);
            files.keep(library);
            return Ok(ReloadStatus { hash: Some(applied), ..taken });
        }
        let mut lost = None;
        if let Some(applied) = self.state.files
            && let Err(why) = self.restore_last_good(files, applied)
        {
            lost = Some(why);
        }
        let outcome = seen.and_then(|(library, look)| {
            look.vanished(&files.applied)?;
            // Where nothing tells what these files would remove: better to serve them than nothing.
            let set = FileSet { accepted: lost.is_some(), ..library.file_set(&files.applied, None) };
            Ok((library, set, look))
        });
        let (library, set, look) = match outcome {
            Ok(outcome) => outcome,
            Err(faults) => return self.serve_last_good(faults, lost),
        };
        let hash = set.hash;
        let command = apply(&files.account, self.now, set);
        match self.commit(&command, || Ok(files.last_good.save(&library, &look.changed)?)) {
            Ok(()) => {
                if let Some(why) = lost {
                    tracing::error!(error = %why, "the last good files are lost; the present ones are applied");
                }
                files.keep(&library);
                Ok(ReloadStatus { hash: Some(hash), ..taken })
            }
            Err(BeginError::Start(why)) if self.state.files.is_some() => {
                let message = format!("the files cannot be kept: {why}");
                self.serve_last_good(vec![Fault { message, ..Fault::of_folder() }], lost)
            }
            Err(BeginError::Start(why)) => Err(why),
            Err(BeginError::Refused(refusal)) => {
                let held = (refusal.code == crate::domain::command::FILES_HELD).then_some(hash);
                let faults = located(refusal, &look.changed).faults;
                Ok(ReloadStatus { held, ..self.serve_last_good(faults, lost)? })
            }
        }
    }

    fn restore_last_good(&mut self, files: &mut Files, applied: ConfigHash) -> Result<(), StartError> {
        let empty = Library::new(&files.account);
        let restored = files.last_good.load(applied)?;
        let library = empty.read(&restored, &[]).map_err(StartError::Files)?;
        let set = library.file_set(&empty, None);
        self.restore(set, &files.account).map_err(StartError::Files)?;
        files.applied = library.without_bodies();
        Ok(())
    }

    fn serve_last_good(
        &self,
        faults: Vec<Fault>,
        lost: Option<StartError>,
    ) -> Result<ReloadStatus, StartError> {
        match self.state.files {
            _ if let Some(lost) = lost => Err(StartError::NothingServes { lost: Box::new(lost), faults }),
            Some(hash) => {
                Ok(ReloadStatus { at: self.now, hash: Some(hash), faults, ..ReloadStatus::default() })
            }
            None => Err(StartError::Files(faults)),
        }
    }

    /// Absorbs a set that was applied before the restart: the store has its revision already.
    fn restore(&mut self, set: FileSet, account: &AccountId) -> Result<(), Vec<Fault>> {
        let command = apply(account, self.now, FileSet { accepted: true, ..set });
        let mut outcome = self.state.weigh(&command).map_err(|refusal| refusal.faults)?;
        outcome.absorb_into(&mut self.state, &mut self.touched);
        self.warnings = outcome.warnings;
        Ok(())
    }
}

enum BeginError {
    Start(StartError),
    Refused(Refusal),
}

impl From<StartError> for BeginError {
    fn from(why: StartError) -> Self {
        Self::Start(why)
    }
}

impl From<Refusal> for BeginError {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

/// The command that applies a set of files.
pub(super) fn apply(account: &AccountId, at: Timestamp, set: FileSet) -> Command {
    Command { account: account.clone(), author: Author::Files, at, action: Action::ApplyFiles(Arc::new(set)) }
}
