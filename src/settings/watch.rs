//! Being told that something may have changed in a folder, whatever is done to it.
//!
//! A watch on a file is deaf after the first rename-on-save or link swap, so folders are watched: each folder, its
//! subfolders (one level), and the nearest folder above that exists, so that one that is removed, replaced or not
//! there yet is heard of too, as is a swapped link on the way to it. Every round arms all of them again, which costs a system call each and leaves no way
//! for a watch to be lost for longer than a poll. Where the system cannot watch, polling is all there is.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Most folders that are watched; with more, the rest is polled.
pub const WATCHES_MAX: usize = 4_096;

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watching {
    /// The system tells of each, and a poll looks after what it missed.
    Inotify,
    /// By polling only: at least one folder cannot be watched.
    Polling,
}

impl Watching {
    /// `inotify` or `polling`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inotify => "inotify",
            Self::Polling => "polling",
        }
    }
}

/// Folders being watched by a thread of their own, until dropped.
#[derive(Debug)]
pub struct FolderWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    signals: Mutex<Signals>,
    signalled: Condvar,
    changed: Notify,
    polling: AtomicBool,
}

#[derive(Debug, Default)]
struct Signals {
    heard: bool,
    stopped: bool,
    /// The thread has broken off.
    lost: bool,
}

/// Makes the watcher of the system, which calls back for each event.
type MakeWatcher = Box<dyn Fn(Arc<Ears>) -> notify::Result<Box<dyn Watcher + Send>> + Send>;

/// What the watcher of the system calls: hears only what concerns the folders.
struct Ears {
    folders: Vec<PathBuf>,
    shared: Arc<Shared>,
}

/// What the thread owns.
struct Rounds {
    ears: Arc<Ears>,
    make: MakeWatcher,
    watcher: Option<Box<dyn Watcher + Send>>,
    poll: Duration,
    still: Duration,
}

impl FolderWatch {
    /// Watches folders, which need not be there; those that are have been armed when this returns.
    ///
    /// Wakes `still` after the first of some changes, so that a burst of them is few wake-ups, and every `poll`.
    ///
    /// # Errors
    /// A folder that is relative to a working folder that is gone, or no thread to be had.
    pub fn start(folders: &[PathBuf], poll: Duration, still: Duration) -> io::Result<Self> {
        Self::start_with(folders, poll, still, Box::new(watcher_of_the_system))
    }

    /// Waits until something may have changed since the last time this returned; at once if it did meanwhile.
    ///
    /// None where nothing will ever be heard again, since the thread that watches has broken off.
    ///
    /// For one listener; cancelling it loses nothing.
    pub async fn changed(&self) -> Option<()> {
        if !self.shared.lock().lost {
            self.shared.changed.notified().await;
        }
        (!self.shared.lock().lost).then_some(())
    }

    /// How changes are noticed now.
    pub fn watching(&self) -> Watching {
        if self.shared.polling.load(Ordering::Relaxed) { Watching::Polling } else { Watching::Inotify }
    }

    fn start_with(
        folders: &[PathBuf],
        poll: Duration,
        still: Duration,
        make: MakeWatcher,
    ) -> io::Result<Self> {
        let folders = folders.iter().map(std::path::absolute).collect::<io::Result<_>>()?;
        let shared = Arc::new(Shared::default());
        let ears = Arc::new(Ears { folders, shared: Arc::clone(&shared) });
        let mut rounds = Rounds { ears, make, watcher: None, poll, still };
        rounds.arm();
        let thread = Builder::new().name("folder-watch".to_owned()).spawn(move || {
            let _loss = Loss(Arc::clone(&rounds.ears.shared));
            rounds.run();
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Drop for FolderWatch {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.signalled.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

/// Held by the thread that watches: if that unwinds, which only a mistake of ours can cause, the listener is told.
struct Loss(Arc<Shared>);

impl Drop for Loss {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().lost = true;
            self.0.changed.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Signals> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self) {
        self.lock().heard = true;
        self.signalled.notify_all();
    }

    /// Waits until a condition holds or the time is over; tells whether to go on.
    fn wait(&self, time: Duration, until: impl Fn(&Signals) -> bool) -> bool {
        let end = Instant::now().checked_add(time);
        let mut signals = self.lock();
        while !signals.stopped && !until(&signals) {
            let left = end.map_or(time, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            signals = self.signalled.wait_timeout(signals, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        !signals.stopped
    }
}

impl Rounds {
    fn run(mut self) {
        let shared = Arc::clone(&self.ears.shared);
        while shared.wait(self.poll, |signals| signals.heard) {
            // What comes within this time joins the same wake-up.
            if shared.lock().heard && !shared.wait(self.still, |_| false) {
                return;
            }
            // In this order, anything later than what the listener will read is heard again.
            shared.lock().heard = false;
            self.arm();
            shared.changed.notify_one();
        }
    }

    /// Watches every folder there is now, whether or not it was watched: the same name may be another folder.
    fn arm(&mut self) {
        let wanted = wanted(&self.ears.folders);
        let mut complete = wanted.len() <= WATCHES_MAX;
        if self.watcher.is_none() {
            self.watcher = (self.make)(Arc::clone(&self.ears)).ok();
        }
        let Some(watcher) = &mut self.watcher else {
            return self.ears.shared.polling.store(true, Ordering::Relaxed);
        };
        for folder in wanted.iter().take(WATCHES_MAX) {
            // One that went away meanwhile was heard going, or is found gone by the next round.
            complete &= watcher.watch(folder, RecursiveMode::NonRecursive).is_ok() || !folder.is_dir();
        }
        self.ears.shared.polling.store(!complete, Ordering::Relaxed);
    }
}

impl Ears {
    fn hear(&self, event: notify::Result<notify::Event>) {
        // An error may be a lost event, and so may an overflow, which names no path.
        let concerns = event.map_or(true, |event| {
            let reads = matches!(event.kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write));
            !reads && (event.paths.is_empty() || event.paths.iter().any(|path| self.concerns(path)))
        });
        if concerns {
            self.shared.hear();
        }
    }

    /// Whether a path is in a folder, is it, or is above it.
    fn concerns(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| path.starts_with(folder) || folder.starts_with(path))
    }
}

fn watcher_of_the_system(ears: Arc<Ears>) -> notify::Result<Box<dyn Watcher + Send>> {
    let watcher = notify::recommended_watcher(move |event| ears.hear(event))?;
    Ok(Box::new(watcher))
}

/// The folders, their subfolders, the nearest folder above that exists, and those that hold links on the way.
fn wanted(folders: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut wanted = BTreeSet::new();
    for folder in folders {
        wanted.extend(folder.ancestors().skip(1).find(|above| above.is_dir()).map(Path::to_owned));
        let links = folder.ancestors().filter(|path| path.is_symlink());
        wanted.extend(links.filter_map(Path::parent).map(Path::to_owned));
        if !folder.is_dir() {
            continue;
        }
        wanted.insert(folder.clone());
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let visible = entries.filter(|entry| entry.file_name().as_encoded_bytes().first() != Some(&b'.'));
        wanted.extend(visible.map(|entry| entry.path()).filter(|path| path.is_dir()).take(WATCHES_MAX));
    }
    wanted
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::AtomicU32;

    use notify::event::{Flag, MetadataKind, ModifyKind};
    use notify::{Error, ErrorKind, Event};
    use tokio::time::timeout;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);
    const STILL: Duration = Duration::from_millis(20);
    /// So long that no test can pass because of it.
    const NEVER: Duration = Duration::from_secs(3_600);

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
    }

    /// Looks at each wake-up, as a listener does, until it sees what is there in the end.
    async fn sees(watch: &FolderWatch, file: &Path, text: Option<&str>) -> u32 {
        let mut wakes = 0;
        let seen = timeout(DEADLINE, async {
            while {
                watch.changed().await;
                wakes += 1;
                fs::read_to_string(file).ok().as_deref() != text
            } {}
        });
        assert!(seen.await.is_ok(), "{} never seen as {text:?}", file.display());
        wakes
    }

    fn watched(folders: &[&Path]) -> FolderWatch {
        let folders: Vec<_> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        FolderWatch::start(&folders, NEVER, STILL).unwrap()
    }

    #[test]
    fn writes_renames_and_removals_are_heard() {
        run(async {
            let root = tempfile::tempdir().unwrap();
            let (file, aside) = (root.path().join("a.toml"), root.path().join("a.toml.new"));
            let watch = watched(&[root.path()]);
            assert_eq!(watch.watching(), Watching::Inotify);
            fs::write(&file, "1").unwrap();
            sees(&watch, &file, Some("1")).await;
            for text in ["2", "3", "4"] {
                fs::write(&aside, text).unwrap();
                fs::rename(&aside, &file).unwrap();
                sees(&watch, &file, Some(text)).await;
            }
            fs::write(&file, "5").unwrap();
            sees(&watch, &file, Some("5")).await;
            fs::remove_file(&file).unwrap();
            sees(&watch, &file, None).await;
        });
    }

    #[test]
    fn swapped_links_are_heard_again_and_again() {
        run(async {
            let root = tempfile::tempdir().unwrap();
            let at = |path: &str| root.path().join(path);
            let day = |name: &str| {
                fs::create_dir(at(name)).unwrap();
                fs::write(at(name).join("a.toml"), name).unwrap();
                symlink(name, at("..data_tmp")).unwrap();
                fs::rename(at("..data_tmp"), at("..data")).unwrap();
            };
            day("..1");
            symlink("..data/a.toml", at("a.toml")).unwrap();
            let watch = watched(&[root.path()]);
            for (name, before) in [("..2", "..1"), ("..3", "..2"), ("..4", "..3")] {
                day(name);
                fs::remove_dir_all(at(before)).unwrap();
                sees(&watch, &at("a.toml"), Some(name)).await;
            }
        });
    }

    #[test]
    fn folders_may_come_go_come_back_and_be_replaced() {
        run(async {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("not/there/routes");
            let file = folder.join("a.toml");
            let watch = watched(&[&folder]);
            for round in 0..3 {
                for text in [format!("{round} one"), format!("{round} two")] {
                    fs::create_dir_all(&folder).unwrap();
                    fs::write(&file, &text).unwrap();
                    sees(&watch, &file, Some(&text)).await;
                }
                let replaced = root.path().join(format!("old{round}"));
                match round {
                    0 => fs::remove_dir_all(&folder).unwrap(),
                    1 => fs::remove_dir_all(root.path().join("not")).unwrap(),
                    _ => fs::rename(&folder, replaced).unwrap(),
                }
                sees(&watch, &file, None).await;
            }
            assert_eq!(watch.watching(), Watching::Inotify);
        });
    }

    #[test]
    fn subfolders_are_heard_also_those_made_later() {
        run(async {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("early")).unwrap();
            let watch = watched(&[root.path()]);
            for agent in ["early", "late"] {
                let file = root.path().join(agent).join("draft.toml");
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                for text in ["1", "2"] {
                    fs::write(&file, text).unwrap();
                    sees(&watch, &file, Some(text)).await;
                }
            }
        });
    }

    #[test]
    fn a_burst_of_saves_is_few_wake_ups_and_the_last_one_is_seen() {
        run(async {
            let root = tempfile::tempdir().unwrap();
            let file = root.path().join("a.toml");
            let watch = watched(&[root.path()]);
            let begun = Instant::now();
            let saves = std::thread::spawn({
                let file = file.clone();
                move || (0..1_000).for_each(|save| fs::write(&file, save.to_string()).unwrap())
            });
            let wakes = sees(&watch, &file, Some("999")).await;
            saves.join().unwrap();
            let rounds = begun.elapsed().as_millis() / STILL.as_millis() + 1;
            assert!(u128::from(wakes) <= rounds && wakes < 500, "{wakes} wake-ups in {rounds} rounds");
        });
    }

    #[test]
    fn a_swapped_link_above_the_folder_is_heard() {
        run(async {
            let root = tempfile::tempdir().unwrap();
            let file = root.path().join("current/routes/a.toml");
            for release in ["1", "2", "3"] {
                fs::create_dir_all(root.path().join(release).join("routes")).unwrap();
                fs::write(root.path().join(release).join("routes/a.toml"), release).unwrap();
            }
            let swap = |release: &str| {
                symlink(release, root.path().join("next")).unwrap();
                fs::rename(root.path().join("next"), root.path().join("current")).unwrap();
            };
            swap("1");
            let watch = watched(&[file.parent().unwrap()]);
            for release in ["2", "3"] {
                swap(release);
                sees(&watch, &file, Some(release)).await;
            }
        });
    }

    #[test]
    fn where_the_system_cannot_watch_polling_goes_on_until_it_can() {
        run(async {
            let root = tempfile::tempdir().unwrap();
            let file = root.path().join("a.toml");
            let refusals = AtomicU32::new(3);
            let refuse_thrice: MakeWatcher = Box::new(move |ears| {
                if refusals
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok()
                {
                    return Err(Error::new(ErrorKind::MaxFilesWatch));
                }
                watcher_of_the_system(ears)
            });
            let folders = [root.path().to_owned()];
            let watch = FolderWatch::start_with(&folders, STILL, STILL, refuse_thrice).unwrap();
            assert_eq!(watch.watching(), Watching::Polling);
            fs::write(&file, "1").unwrap();
            sees(&watch, &file, Some("1")).await;
            let recovered = timeout(DEADLINE, async {
                while watch.watching() == Watching::Polling {
                    watch.changed().await;
                }
            });
            recovered.await.unwrap();
        });
    }

    #[test]
    fn a_listener_is_told_that_the_watch_has_broken_off_and_told_again() {
        run(async {
            let root = tempfile::tempdir().unwrap();
            let armed = AtomicU32::new(0);
            let break_off: MakeWatcher = Box::new(move |_| {
                assert_eq!(armed.fetch_add(1, Ordering::Relaxed), 0, "broken as it was told to");
                Err(Error::new(ErrorKind::MaxFilesWatch))
            });
            let folders = [root.path().to_owned()];
            let watch = FolderWatch::start_with(&folders, STILL, STILL, break_off).unwrap();
            for _ in 0..2 {
                assert_eq!(timeout(DEADLINE, watch.changed()).await, Ok(None));
            }
        });
    }

    #[test]
    fn a_lost_event_is_heard_and_reading_is_not() {
        let shared = Arc::new(Shared::default());
        let ears = Ears { folders: vec!["/config/routes".into()], shared: Arc::clone(&shared) };
        let hears = |event| {
            shared.lock().heard = false;
            ears.hear(event);
            shared.lock().heard
        };
        let at = |kind, path: &str| Ok(Event::new(kind).add_path(path.into()));
        let written = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        assert!(hears(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))));
        assert!(hears(Err(Error::generic("broken"))));
        assert!(hears(at(written, "/config/routes/a.toml")));
        assert!(hears(at(written, "/config/routes")));
        assert!(hears(at(EventKind::Access(AccessKind::Close(AccessMode::Write)), "/config/routes/a.toml")));
        assert!(!hears(at(written, "/config/data.sqlite")));
        assert!(!hears(at(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/config/routes/a.toml")));
        assert!(!hears(at(EventKind::Access(AccessKind::Close(AccessMode::Read)), "/config/routes/a.toml")));
    }
}
