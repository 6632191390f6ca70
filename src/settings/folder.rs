//! Reading a folder of files that others write: all of them from one moment, and only what changed.
//!
//! A [`Snapshot`] remembers of each file its stamp and a hash, never its bytes, so that a million numbers cost
//! nothing between two edits. [`read_together`] blocks (it pauses for the still time); call it off the async threads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::xxh3_128;

use self::look::{Look, unreadable};
pub(super) use self::look::{Stamp, bytes_of};
use super::fault::{Fault, Place};

mod look;

/// Most files in one folder, those in its subfolders included.
pub const FILES_MAX: usize = 100_000;
/// Largest file that is read.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// Most faults of one look; the rest shows once these are mended.
pub const FAULTS_MAX: usize = 100;
/// Looks at a folder before a file that keeps changing is given up on until the next wake-up.
const LOOKS_MAX: usize = 20;

/// Which files of a folder are wanted: every `*.toml` that is not hidden, links followed.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The folder; one that is not there has no files.
    pub path: PathBuf,
    /// Whether files in its (not hidden) subfolders are wanted too; those below never are.
    pub subfolders: bool,
}

/// How a file is told to be finished: by these clocks it has been still for as long.
#[derive(Clone, Copy)]
pub struct Stillness<'c> {
    /// How long a file must not have changed.
    pub still: Duration,
    /// The wall clock, which modification times are compared with.
    pub now: &'c dyn Fn() -> SystemTime,
    /// Waits; it passes at least the time asked for.
    pub pause: &'c dyn Fn(Duration),
}

/// What a folder held at one moment, by path within it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    files: BTreeMap<PathBuf, Seen>,
}

/// A folder as read, and what became of it since the snapshot before.
#[derive(Debug)]
pub struct Reading<T> {
    /// To be given to the next reading, once what changed has been taken over.
    pub snapshot: Snapshot,
    /// New files and files of other content, in name order, each as parsed.
    pub changed: Vec<(PathBuf, T)>,
    /// Files that are no longer there, in name order.
    pub removed: Vec<PathBuf>,
    /// Whether the folder itself is not there, as when it is not mounted.
    pub missing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    stamp: Stamp,
    hash: [u8; 16],
}

impl Snapshot {
    /// The files, in name order, and the hash of the content of each.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&Path, [u8; 16])> {
        self.files.iter().map(|(path, seen)| (path.as_path(), seen.hash))
    }

    /// One hash over all names and contents: equal for equal folders, whatever their times.
    pub fn hash(&self) -> [u8; 16] {
        let mut all = Vec::with_capacity(self.files.len() * 48);
        for (path, seen) in &self.files {
            all.extend_from_slice(path.as_os_str().as_encoded_bytes());
            all.push(0);
            all.extend_from_slice(&seen.hash);
        }
        xxh3_128(&all).to_be_bytes()
    }
}

impl Folder {
    /// [`read_together`] of this folder alone.
    ///
    /// # Errors
    /// As there.
    pub fn read<T>(
        &self,
        last: &Snapshot,
        stillness: Stillness<'_>,
        parse: impl FnMut(&Path, Vec<u8>) -> T,
    ) -> Result<Reading<T>, Vec<Fault>> {
        read_together([(self, last)], stillness, parse).map(|[reading]| reading)
    }
}

/// Reads what changed in some folders since a snapshot of each, once all of it has been still and two looks at all of
/// them agree: what is answered was there at one moment, also where a link above them is swapped meanwhile.
///
/// `parse` is given each file whose stamp changed, even where its content turns out to be the same, and perhaps
/// twice where it changed again meanwhile: it should do nothing but parse. Its memory is the caller's, the bytes
/// are dropped after it. Nothing is read, and nothing waited for, where no stamp changed.
///
/// # Errors
/// Every file and folder that cannot be read, is too large or does not become still; then nothing is known to
/// have changed, and the snapshots given are still the last ones.
pub fn read_together<T, const N: usize>(
    folders: [(&Folder, &Snapshot); N],
    stillness: Stillness<'_>,
    mut parse: impl FnMut(&Path, Vec<u8>) -> T,
) -> Result<[Reading<T>; N], Vec<Fault>> {
    let mut readers = folders.map(|(folder, last)| Reader::new(folder, last));
    for _ in 0..LOOKS_MAX {
        if readers.iter().all(Reader::sees_no_change) {
            return Ok(readers.map(Reader::finish));
        }
        (stillness.pause)(stillness.still);
        let rested = readers.iter().all(|reader| reader.rested(stillness));
        let mut faults: Vec<Fault> = readers.iter().flat_map(|reader| reader.look.faults.clone()).collect();
        if rested && faults.is_empty() {
            faults = readers.iter_mut().flat_map(|reader| reader.read_files(&mut parse)).collect();
        }
        // Whatever was written since the last look shows in this one, and everything goes around once more.
        readers.iter_mut().for_each(Reader::look_again);
        if readers.iter().any(|reader| reader.moved) {
            continue;
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        if rested {
            return Ok(readers.map(Reader::finish));
        }
    }
    let restless = readers.iter().filter(|reader| reader.moved || !reader.rested(stillness));
    Err(restless.flat_map(Reader::restless).collect())
}

/// A folder on its way to being read.
struct Reader<'f, T> {
    folder: &'f Folder,
    last: &'f Snapshot,
    look: Look,
    /// Whether the last look found something else than the one before.
    moved: bool,
    read: BTreeMap<PathBuf, (Seen, T)>,
}

impl<'f, T> Reader<'f, T> {
    fn new(folder: &'f Folder, last: &'f Snapshot) -> Self {
        Self { folder, last, look: Look::at(folder), moved: false, read: BTreeMap::new() }
    }

    fn sees_no_change(&self) -> bool {
        self.look.is_of(self.last)
    }

    fn rested(&self, stillness: Stillness<'_>) -> bool {
        self.look.unread(self.last, &self.read).iter().all(|(_, stamp)| stillness.is_over(stamp))
    }

    fn look_again(&mut self) {
        let look = Look::at(self.folder);
        self.moved = look != self.look;
        self.look = look;
    }

    /// Reads files that are as they were at the look; one that is not is left out, and found by the next look.
    fn read_files(&mut self, parse: &mut impl FnMut(&Path, Vec<u8>) -> T) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (path, stamp) in self.look.unread(self.last, &self.read) {
            let whole = self.folder.path.join(&path);
            match bytes_of(&whole, stamp) {
                Ok(Some(bytes)) => {
                    let seen = Seen { stamp, hash: xxh3_128(&bytes).to_be_bytes() };
                    let parsed = parse(&path, bytes);
                    self.read.insert(path, (seen, parsed));
                }
                Ok(None) => {}
                Err(error) => faults.push(unreadable(&whole, &error)),
            }
        }
        faults
    }

    fn finish(self) -> Reading<T> {
        Reading::of(self.look, self.last, self.read)
    }

    fn restless(&self) -> Vec<Fault> {
        let unread = self.look.unread(self.last, &BTreeMap::<_, (_, ())>::new());
        let faults = unread.into_iter().take(FAULTS_MAX).map(|(path, _)| {
            let place = Place::whole(&self.folder.path.join(path).display().to_string());
            place.fault(
                "is still being written, or is in a folder that is",
                "files that are left alone for a moment",
            )
        });
        let mut faults: Vec<_> = faults.chain(self.look.faults.iter().cloned()).collect();
        if faults.is_empty() {
            let place = Place::whole(&self.folder.path.display().to_string());
            faults.push(place.fault("keeps changing", "a folder that is left alone for a moment"));
        }
        faults
    }
}

impl Look {
    /// Whether nothing has happened since a snapshot.
    fn is_of(&self, last: &Snapshot) -> bool {
        let pairs = || self.files.iter().zip(&last.files);
        self.faults.is_empty()
            && self.files.len() == last.files.len()
            && pairs().all(|((path, stamp), (last_path, seen))| path == last_path && *stamp == seen.stamp)
    }

    /// Files that are neither as in the snapshot nor read already.
    fn unread<T>(&self, last: &Snapshot, read: &BTreeMap<PathBuf, (Seen, T)>) -> Vec<(PathBuf, Stamp)> {
        let known = |path: &Path, stamp: Stamp| {
            last.files.get(path).is_some_and(|seen| seen.stamp == stamp)
                || read.get(path).is_some_and(|(seen, _)| seen.stamp == stamp)
        };
        let unread = self.files.iter().filter(|(path, stamp)| !known(path, **stamp));
        unread.map(|(path, stamp)| (path.clone(), *stamp)).collect()
    }
}

impl<T> Reading<T> {
    fn of(look: Look, last: &Snapshot, mut read: BTreeMap<PathBuf, (Seen, T)>) -> Self {
        let removed = last.files.keys().filter(|path| !look.files.contains_key(*path)).cloned().collect();
        let mut snapshot = Snapshot::default();
        let mut changed = Vec::new();
        for (path, stamp) in look.files {
            let before = last.files.get(&path).copied();
            let (seen, parsed) = match (read.remove(&path), before) {
                (Some((seen, parsed)), _) if seen.stamp == stamp => (seen, Some(parsed)),
                (_, Some(before)) => (before, None),
                (_, None) => continue,
            };
            if let Some(parsed) = parsed
                && before.is_none_or(|before| before.hash != seen.hash)
            {
                changed.push((path.clone(), parsed));
            }
            snapshot.files.insert(path, seen);
        }
        Self { snapshot, changed, removed, missing: look.missing }
    }
}

impl Stillness<'_> {
    /// Whether a file that did not change between two looks is also old enough; a time ahead of the clock, which
    /// a set clock or another machine leaves behind, says nothing, and then the two looks are enough.
    pub(super) fn is_over(&self, stamp: &Stamp) -> bool {
        let age = stamp.modified().and_then(|modified| (self.now)().duration_since(modified).ok());
        age.is_none_or(|age| age >= self.still)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::time::UNIX_EPOCH;

    use super::*;

    const STILL: Duration = Duration::from_millis(200);
    /// Long before any file of these tests was written, so that age says nothing unless a test sets it.
    const NOW: SystemTime = UNIX_EPOCH;

    struct World {
        root: tempfile::TempDir,
        folder: Folder,
        last: Snapshot,
        pauses: Cell<u32>,
        parsed: RefCell<Vec<(String, String)>>,
    }

    impl World {
        fn new(files: &[(&str, &str)]) -> Self {
            let root = tempfile::tempdir().unwrap();
            let folder = Folder { path: root.path().join("routes"), subfolders: true };
            let (pauses, parsed) = (Cell::new(0), RefCell::default());
            let world = Self { root, folder, last: Snapshot::default(), pauses, parsed };
            files.iter().for_each(|(path, text)| world.write(path, text));
            world
        }

        fn at(&self, path: &str) -> PathBuf {
            self.folder.path.join(path)
        }

        fn write(&self, path: &str, text: &str) {
            fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
            fs::write(self.at(path), text).unwrap();
        }

        fn set_modified(&self, path: &str, time: SystemTime) {
            File::options().append(true).open(self.at(path)).unwrap().set_modified(time).unwrap();
        }

        /// Reads, with something that happens at each pause, told how many there were before.
        fn read_while(&self, happening: impl Fn(u32)) -> Result<Reading<String>, Vec<Fault>> {
            self.parsed.borrow_mut().clear();
            self.pauses.set(0);
            let pause = |time| {
                assert_eq!(time, STILL);
                happening(self.pauses.replace(self.pauses.get() + 1));
            };
            let now = || NOW + STILL * self.pauses.get();
            self.folder.read(
                &self.last,
                Stillness { still: STILL, now: &now, pause: &pause },
                |path, bytes| {
                    let text = String::from_utf8(bytes).unwrap();
                    self.parsed.borrow_mut().push((path.display().to_string(), text.clone()));
                    text
                },
            )
        }

        /// What changed and what was removed, remembered as the last reading.
        fn take(
            &mut self,
            reading: Result<Reading<String>, Vec<Fault>>,
        ) -> (Vec<(String, String)>, Vec<String>) {
            let reading = reading.unwrap();
            self.last = reading.snapshot;
            let changed = reading.changed.into_iter().map(|(path, text)| (path.display().to_string(), text));
            (changed.collect(), reading.removed.iter().map(|path| path.display().to_string()).collect())
        }

        fn read(&mut self) -> (Vec<(String, String)>, Vec<String>) {
            let reading = self.read_while(|_| {});
            self.take(reading)
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
    }

    #[test]
    fn only_changed_files_are_read_again_and_nothing_is_waited_for_where_none_changed() {
        let mut world = World::new(&[("b.toml", "1"), ("a.toml", "2"), ("sales/draft.toml", "3")]);
        assert_eq!(world.read().0, pairs(&[("a.toml", "2"), ("b.toml", "1"), ("sales/draft.toml", "3")]));
        assert_eq!(world.read(), (vec![], vec![]));
        assert_eq!((world.pauses.get(), world.parsed.borrow().len()), (0, 0));
        world.write("b.toml", "4");
        assert_eq!(world.read().0, pairs(&[("b.toml", "4")]));
        assert_eq!(*world.parsed.borrow(), pairs(&[("b.toml", "4")]));
        fs::remove_file(world.at("a.toml")).unwrap();
        assert_eq!(world.read(), (vec![], vec!["a.toml".to_owned()]));
    }

    #[test]
    fn a_file_written_again_with_the_same_content_has_not_changed() {
        let mut world = World::new(&[("a.toml", "1")]);
        world.read();
        let hash = world.last.hash();
        world.set_modified("a.toml", NOW);
        assert_eq!(world.read(), (vec![], vec![]));
        assert_eq!(world.parsed.borrow().len(), 1);
        assert_eq!(world.last.hash(), hash);
    }

    #[test]
    fn hidden_foreign_and_deeper_files_are_not_wanted() {
        let mut world = World::new(&[
            ("a.toml", "1"),
            (".a.toml.swp", "x"),
            (".b.toml", "x"),
            ("a.toml~", "x"),
            ("toml", "x"),
            (".git/a.toml", "x"),
            ("sales/deeper/a.toml", "x"),
            ("sub.toml/a.toml", "2"),
        ]);
        assert_eq!(world.read().0, pairs(&[("a.toml", "1"), ("sub.toml/a.toml", "2")]));
        world.folder.subfolders = false;
        assert_eq!(world.read().1, ["sub.toml/a.toml"]);
    }

    #[test]
    fn a_file_that_is_being_written_is_not_read_until_it_is_whole() {
        let mut world = World::new(&[("a.toml", "wh")]);
        let reading = world.read_while(|pause| match pause {
            0 => world.write("a.toml", ""),
            1 => world.write("a.toml", "who"),
            2 => world.write("a.toml", "whole"),
            _ => {}
        });
        assert_eq!(world.take(reading).0, pairs(&[("a.toml", "whole")]));
        assert_eq!(world.parsed.borrow().len(), 1);
    }

    #[test]
    fn a_young_file_is_not_read_even_if_two_looks_agree() {
        let mut world = World::new(&[("a.toml", "1")]);
        world.set_modified("a.toml", NOW + STILL);
        let reading = world.read_while(|pause| assert!(pause < 2 && world.parsed.borrow().is_empty()));
        assert_eq!(world.take(reading).0, pairs(&[("a.toml", "1")]));
        assert_eq!(world.pauses.get(), 2);
    }

    #[test]
    fn a_file_that_never_rests_is_a_fault_that_names_it() {
        let world = World::new(&[("a.toml", "1"), ("log.toml", "")]);
        let faults = world.read_while(|pause| world.write("log.toml", &pause.to_string())).unwrap_err();
        assert!(faults.iter().any(|fault| fault.file.ends_with("routes/log.toml")), "{faults:?}");
    }

    #[test]
    fn a_file_that_is_away_for_a_moment_while_it_is_saved_was_never_removed() {
        let mut world = World::new(&[("a.toml", "1")]);
        world.read();
        fs::rename(world.at("a.toml"), world.at("a.toml~")).unwrap();
        let reading = world.read_while(|pause| {
            if pause == 0 {
                world.write("new", "2");
                fs::rename(world.at("new"), world.at("a.toml")).unwrap();
            }
        });
        assert_eq!(world.take(reading), (pairs(&[("a.toml", "2")]), vec![]));
    }

    #[test]
    fn times_that_go_back_or_stand_still_hide_no_change() {
        let mut world = World::new(&[("a.toml", "1")]);
        world.set_modified("a.toml", NOW + STILL * 9);
        world.read();
        world.write("a.toml", "2");
        world.set_modified("a.toml", NOW - STILL);
        assert_eq!(world.read().0, pairs(&[("a.toml", "2")]));
        world.write("a.toml", "3");
        world.set_modified("a.toml", NOW - STILL);
        assert_eq!(world.read().0, pairs(&[("a.toml", "3")]));
    }

    /// The layout of mounted Kubernetes configuration: files link into `..data`, which links to the folder of the day.
    fn mounted(first: &[(&str, &str)]) -> World {
        let world = World::new(&[]);
        for (path, text) in first {
            world.write(&format!("..1/{path}"), text);
            symlink(format!("..data/{path}"), world.at(path)).unwrap();
        }
        symlink("..1", world.at("..data")).unwrap();
        world
    }

    fn swap(world: &World, to: &str) {
        symlink(to, world.at("..data_tmp")).unwrap();
        fs::rename(world.at("..data_tmp"), world.at("..data")).unwrap();
    }

    #[test]
    fn a_swapped_link_changes_all_files_behind_it_at_once() {
        let mut world = mounted(&[("a.toml", "1"), ("b.toml", "1"), ("c.toml", "1")]);
        assert_eq!(world.read().0.len(), 3);
        for (path, text) in [("a.toml", "2"), ("b.toml", "2"), ("c.toml", "1")] {
            world.write(&format!("..2/{path}"), text);
        }
        swap(&world, "..2");
        assert_eq!(world.read().0, pairs(&[("a.toml", "2"), ("b.toml", "2")]));
    }

    #[test]
    fn a_swap_in_the_middle_of_reading_never_mixes_two_states() {
        let mut world = mounted(&[("a.toml", "1"), ("b.toml", "1")]);
        world.write("..2/a.toml", "2");
        world.write("..2/b.toml", "2");
        let swapped = Cell::new(false);
        let stillness = Stillness { still: STILL, now: &|| NOW, pause: &|_| {} };
        let reading = world.folder.read(&world.last, stillness, |_, bytes| {
            if !swapped.replace(true) {
                swap(&world, "..2");
            }
            String::from_utf8(bytes).unwrap()
        });
        assert_eq!(world.take(reading).0, pairs(&[("a.toml", "2"), ("b.toml", "2")]));
    }

    #[test]
    fn a_swap_above_two_folders_while_one_of_them_is_waited_for_shows_in_both() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for path in ["1/agents/a.toml", "1/routes/a.toml", "2/agents/a.toml", "2/routes/a.toml"] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), &path[..1]).unwrap();
        }
        symlink("1", at("current")).unwrap();
        let folder = |name: &str| Folder { path: at("current").join(name), subfolders: false };
        let (agents, routes) = (folder("agents"), folder("routes"));
        let (now, calm) = (|| NOW, |_: Duration| {});
        let text = |_: &Path, bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let stillness = Stillness { still: STILL, now: &now, pause: &calm };
        let before = (Snapshot::default(), Snapshot::default());
        let [first, second] =
            read_together([(&agents, &before.0), (&routes, &before.1)], stillness, text).unwrap();
        // The agents are as they were, a route is not: while that is waited for, both become others.
        fs::write(at("1/routes/a.toml"), "1b").unwrap();
        let swap = |_: Duration| {
            if symlink("2", at("next")).is_ok() && fs::read_link(at("current")).unwrap() == Path::new("1") {
                fs::rename(at("next"), at("current")).unwrap();
            }
        };
        let stillness = Stillness { pause: &swap, ..stillness };
        let folders = [(&agents, &first.snapshot), (&routes, &second.snapshot)];
        let readings = read_together(folders, stillness, text).unwrap();
        let texts =
            readings.map(|reading| reading.changed.into_iter().map(|(_, text)| text).collect::<Vec<_>>());
        assert_eq!(texts, [["2"], ["2"]]);
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_and_not_silence() {
        let world = World::new(&[("a.toml", "1"), ("huge.toml", "")]);
        symlink("nowhere", world.at("dangling.toml")).unwrap();
        symlink("loop.toml", world.at("loop.toml")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(world.at("socket.toml")).unwrap();
        File::create(world.at("huge.toml")).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        let faults = world.read_while(|_| {}).unwrap_err();
        let names = ["dangling.toml", "huge.toml", "loop.toml", "socket.toml"];
        assert_eq!(faults.len(), names.len(), "{faults:?}");
        for (fault, name) in faults.iter().zip(names) {
            assert!(fault.file.ends_with(name), "{fault}");
        }
        let folder = Folder { path: world.at("a.toml"), subfolders: false };
        let stillness = Stillness { still: STILL, now: &|| NOW, pause: &|_| {} };
        assert!(folder.read(&world.last, stillness, |_, _| ()).unwrap_err()[0].file.ends_with("a.toml"));
    }

    #[test]
    fn what_could_not_be_read_for_a_moment_only_is_no_fault() {
        let mut world = World::new(&[("a.toml", "1")]);
        symlink("late", world.at("b.toml")).unwrap();
        let reading = world.read_while(|pause| {
            if pause == 0 {
                world.write("late", "2");
            }
        });
        assert_eq!(world.take(reading).0, pairs(&[("a.toml", "1"), ("b.toml", "2")]));
    }

    #[test]
    fn a_folder_that_is_away_is_told_apart_from_an_empty_one() {
        let mut world = World::new(&[("a.toml", "1")]);
        world.read();
        fs::rename(world.at(""), world.root.path().join("away")).unwrap();
        let reading = world.read_while(|_| {});
        assert!(reading.as_ref().unwrap().missing);
        assert_eq!(world.take(reading).1, ["a.toml"]);
        fs::create_dir(world.at("")).unwrap();
        assert!(!world.read_while(|_| {}).unwrap().missing);
    }
}
