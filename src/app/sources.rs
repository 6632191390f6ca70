//! The two watched folders as what control reads: `routes/*.toml` and `agents/<id>/*.toml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::control::files::SourceFile;
use crate::control::reload::{Look, Sources};
use crate::domain::fault::Fault;
use crate::settings::Settings;
use crate::settings::folder::{Folder, Reading, Snapshot, Stillness};
use crate::telemetry::clock::Clock;

/// The file of the settings.
const FILE: &str = "cordboard.toml";

/// Both folders, and what they held when they were last kept.
pub(super) struct Folders {
    config: PathBuf,
    routes: Watched,
    agents: Watched,
    still: Duration,
    clock: Clock,
}

struct Watched {
    folder: Folder,
    /// What files are called in faults and in the list of the last good ones.
    kind: &'static str,
    kept: Snapshot,
    seen: Option<Snapshot>,
}

impl Folders {
    pub(super) fn new(settings: &Settings, still: Duration, clock: Clock) -> Self {
        let watched = |path, subfolders, kind| Watched {
            folder: Folder { path, subfolders },
            kind,
            kept: Snapshot::default(),
            seen: None,
        };
        Self {
            config: settings.config.clone(),
            routes: watched(settings.routes.clone(), false, "routes"),
            agents: watched(settings.agents.clone(), true, "agents"),
            still,
            clock,
        }
    }

    /// Says that nothing is configured here at all: a wrong folder is no empty configuration.
    fn nothing(&self) -> Option<Fault> {
        let folders = [&self.routes.folder.path, &self.agents.folder.path];
        let is_there = folders.into_iter().any(|folder| folder.exists()) || self.config.join(FILE).exists();
        (!is_there).then(|| Fault {
            file: self.config.display().to_string(),
            message: format!("there is no {FILE}, no folder of routes and none of agents"),
            expected: "a folder of configuration, named by --config or CORDBOARD_CONFIG".to_owned(),
            ..Fault::of_folder()
        })
    }
}

impl Sources for Folders {
    fn look(&mut self) -> Result<Look, Vec<Fault>> {
        let clock = self.clock.clone();
        let now = move || {
            SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(clock.now_ms()).unwrap_or_default())
        };
        let stillness = Stillness { still: self.still, now: &now, pause: &std::thread::sleep };
        let mut look = Look::default();
        let mut faults: Vec<Fault> = self.nothing().into_iter().collect();
        for watched in [&mut self.agents, &mut self.routes] {
            match watched.look(stillness) {
                Ok(Look { changed, gone, missing }) => {
                    look.changed.extend(changed);
                    look.gone.extend(gone);
                    look.missing.extend(missing);
                }
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(look) } else { Err(faults) }
    }

    fn forget(&mut self) {
        self.agents.forget();
        self.routes.forget();
    }

    fn keep(&mut self) {
        for watched in [&mut self.agents, &mut self.routes] {
            if let Some(seen) = watched.seen.take() {
                watched.kept = seen;
            }
        }
    }
}

impl Watched {
    fn forget(&mut self) {
        self.kept = Snapshot::default();
    }

    fn look(&mut self, stillness: Stillness<'_>) -> Result<Look, Vec<Fault>> {
        self.seen = None;
        let Reading { snapshot, changed, removed, missing } = self
            .folder
            .read(&self.kept, stillness, |_, bytes| bytes)
            .map_err(|faults| faults.into_iter().map(as_fault).collect::<Vec<_>>())?;
        let changed =
            changed.into_iter().map(|(path, bytes)| SourceFile::new(self.name(&path), bytes)).collect();
        let gone = removed.iter().map(|path| self.name(path)).collect();
        self.seen = Some(snapshot);
        Ok(Look { changed, gone, missing: missing.then_some(self.kind).into_iter().collect() })
    }

    fn name(&self, path: &Path) -> Arc<str> {
        Arc::from(format!("{}/{}", self.kind, path.display()))
    }
}

/// The same fault in the words of the domain.
pub(super) fn as_fault(fault: crate::settings::Fault) -> Fault {
    let crate::settings::Fault { file, line, column, message, expected } = fault;
    Fault { file, line, column, message, expected }
}
