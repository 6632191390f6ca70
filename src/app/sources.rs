//! The two watched folders as what control reads: `routes/*.toml` and `agents/<id>/*.toml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::control::files::SourceFile;
use crate::control::reload::{Look, Sources};
use crate::domain::fault::Fault;
use crate::settings::folder::{Folder, Reading, Snapshot, Stillness, read_together};
use crate::settings::{SETTINGS_FILE, Settings};
use crate::telemetry::clock::Clock;

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
        let is_there =
            folders.into_iter().any(|folder| folder.exists()) || self.config.join(SETTINGS_FILE).exists();
        (!is_there).then(|| Fault {
            file: self.config.display().to_string(),
            message: format!("there is no {SETTINGS_FILE}, no folder of routes and none of agents"),
            expected: "a folder of configuration, named by --config or CORDBOARD_CONFIG".to_owned(),
            ..Fault::of_folder()
        })
    }
}

impl Sources for Folders {
    fn look(&mut self) -> Result<Look, Vec<Fault>> {
        let clock = self.clock.clone();
        let now = move || clock.system_time();
        let stillness = Stillness { still: self.still, now: &now, pause: &std::thread::sleep };
        let mut faults: Vec<Fault> = self.nothing().into_iter().collect();
        let (agents, routes) = (&mut self.agents, &mut self.routes);
        let folders = [(&agents.folder, &agents.kept), (&routes.folder, &routes.kept)];
        match read_together(folders, stillness, |_, bytes| bytes) {
            Ok([of_agents, of_routes]) if faults.is_empty() => {
                let mut look = Look::default();
                agents.tell(of_agents, &mut look);
                routes.tell(of_routes, &mut look);
                return Ok(look);
            }
            Ok(_) => {}
            Err(found) => faults.extend(found.into_iter().map(as_fault)),
        }
        (agents.seen, routes.seen) = (None, None);
        Err(faults)
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

    /// Adds to a look what a reading has found, and remembers it as seen.
    fn tell(&mut self, reading: Reading<Vec<u8>>, look: &mut Look) {
        let Reading { snapshot, changed, removed, missing } = reading;
        let files = changed.into_iter().map(|(path, bytes)| SourceFile::new(self.name(&path), bytes));
        look.changed.extend(files);
        look.gone.extend(removed.iter().map(|path| self.name(path)));
        look.missing.extend(missing.then_some(self.kind));
        self.seen = Some(snapshot);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use super::*;

    const RELEASES: u32 = 60;
    const STILL: Duration = Duration::from_millis(2);
    const PATIENCE: Duration = Duration::from_secs(20);

    fn folders(root: &Path) -> Folders {
        let watched = |kind: &'static str, subfolders| Watched {
            folder: Folder { path: root.join("current").join(kind), subfolders },
            kind,
            kept: Snapshot::default(),
            seen: None,
        };
        let (routes, agents) = (watched("routes", false), watched("agents", true));
        Folders { config: root.to_owned(), routes, agents, still: STILL, clock: Clock::system() }
    }

    /// What they hold by name, each look that could be taken added.
    fn follow(folders: &mut Folders, held: &mut BTreeMap<String, Vec<u8>>) {
        if let Ok(look) = folders.look() {
            held.extend(look.changed.iter().map(|file| (file.path.to_string(), file.bytes.to_vec())));
            folders.keep();
        }
    }

    #[test]
    fn a_look_is_of_one_release_whenever_the_link_above_both_folders_is_swapped() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for release in 0..=RELEASES {
            for path in ["routes/a.toml", "agents/sales/agent.toml"] {
                let path = at(&release.to_string()).join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, release.to_string()).unwrap();
            }
        }
        symlink("0", at("current")).unwrap();
        let (mut folders, mut held) = (folders(root.path()), BTreeMap::new());
        follow(&mut folders, &mut held);
        let looks = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let swaps = scope.spawn(|| {
                let deadline = Instant::now() + PATIENCE;
                for release in 1..=RELEASES {
                    let seen = looks.load(Ordering::SeqCst);
                    while looks.load(Ordering::SeqCst) == seen {
                        // Else a failure of the other thread would be waited for here for ever.
                        assert!(Instant::now() < deadline, "nobody looks any more");
                        std::thread::yield_now();
                    }
                    // At another moment of the look each time.
                    let begun = Instant::now();
                    while begun.elapsed() < STILL * (release % 20) / 10 {
                        std::hint::spin_loop();
                    }
                    symlink(release.to_string(), at("next")).unwrap();
                    fs::rename(at("next"), at("current")).unwrap();
                }
            });
            while !swaps.is_finished() {
                // Something to wait for, in a release that may be the present one or not any more.
                let of = held["routes/a.toml"].clone();
                let touched = at(std::str::from_utf8(&of).unwrap()).join("routes/a.toml");
                fs::write(touched, &of).unwrap();
                looks.fetch_add(1, Ordering::SeqCst);
                follow(&mut folders, &mut held);
                assert_eq!(held["agents/sales/agent.toml"], held["routes/a.toml"], "two releases are mixed");
            }
        });
        follow(&mut folders, &mut held);
        assert_eq!(held["routes/a.toml"], RELEASES.to_string().into_bytes());
    }
}
