//! Reading a folder of files that others write: all of them from one moment, and only what changed.
//!
//! A [`Snapshot`] remembers of each file its stamp and a hash, never its bytes, so that a million numbers cost
//! nothing between two edits. [`Folder::read`] blocks (it pauses for the still time); call it off the async threads.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use xxhash_rust::xxh3::xxh3_128;

use super::fault::{Fault, Place};

/// Most files in one folder, those in its subfolders included.
pub const FILES_MAX: usize = 100_000;
/// Largest file that is read.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
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

/// What differs when a file was written, replaced, or given another modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    /// Sees a write after which somebody set the modification time back.
    changed: (i64, i64),
}

/// Wanted files and their stamps at one look; the faults are of what is wanted but cannot be read.
#[derive(Default, PartialEq)]
struct Look {
    files: BTreeMap<PathBuf, Stamp>,
    faults: Vec<Fault>,
    missing: bool,
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
    /// Reads what changed since a snapshot, once all of it has been still and two looks agree.
    ///
    /// `parse` is given each file whose stamp changed, even where its content turns out to be the same, and perhaps
    /// twice where it changed again meanwhile: it should do nothing but parse. Its memory is the caller's, the bytes
    /// are dropped after it. Nothing is read, and nothing waited for, where no stamp changed.
    ///
    /// # Errors
    /// Every file and folder that cannot be read, is too large or does not become still; then nothing is known to
    /// have changed, and the snapshot given is still the last one.
    pub fn read<T>(
        &self,
        last: &Snapshot,
        stillness: Stillness<'_>,
        mut parse: impl FnMut(&Path, Vec<u8>) -> T,
    ) -> Result<Reading<T>, Vec<Fault>> {
        let mut read: BTreeMap<PathBuf, (Seen, T)> = BTreeMap::new();
        let mut look = self.look();
        for _ in 0..LOOKS_MAX {
            let unread = |look: &Look, read: &BTreeMap<PathBuf, (Seen, T)>| {
                let known = |path: &Path, stamp: Stamp| {
                    let last = last.files.get(path).is_some_and(|seen| seen.stamp == stamp);
                    last || read.get(path).is_some_and(|(seen, _)| seen.stamp == stamp)
                };
                let unread = look.files.iter().filter(|(path, stamp)| !known(path, **stamp));
                unread.map(|(path, stamp)| (path.clone(), *stamp)).collect::<Vec<_>>()
            };
            let wanted = unread(&look, &read);
            if wanted.is_empty() && look.faults.is_empty() {
                return Ok(Reading::of(look, last, read));
            }
            (stillness.pause)(stillness.wait(&wanted));
            let again = self.look();
            if again != look {
                look = again;
                continue;
            }
            if !look.faults.is_empty() {
                return Err(look.faults);
            }
            if !wanted.iter().all(|(_, stamp)| stillness.is_over(stamp)) {
                continue;
            }
            self.read_files(wanted, &mut read, &mut parse)?;
            // Whatever was written meanwhile has another stamp in this look, and goes around once more.
            look = self.look();
        }
        Err(self.restless(&look, last))
    }

    /// Reads files that are still; one that changes under the reader is left out, and found by the next look.
    fn read_files<T>(
        &self,
        wanted: Vec<(PathBuf, Stamp)>,
        read: &mut BTreeMap<PathBuf, (Seen, T)>,
        parse: &mut impl FnMut(&Path, Vec<u8>) -> T,
    ) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        for (path, stamp) in wanted {
            match bytes_of(&self.path.join(&path), stamp) {
                Ok(Some(bytes)) => {
                    let seen = Seen { stamp, hash: xxh3_128(&bytes).to_be_bytes() };
                    let parsed = parse(&path, bytes);
                    read.insert(path, (seen, parsed));
                }
                Ok(None) => {}
                Err(error) => faults.push(unreadable(&self.path.join(&path), &error)),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn restless(&self, look: &Look, last: &Snapshot) -> Vec<Fault> {
        let moved = |(path, stamp): &(&PathBuf, &Stamp)| {
            last.files.get(*path).is_none_or(|seen| seen.stamp != **stamp)
        };
        let faults = look.files.iter().filter(moved).take(100).map(|(path, _)| {
            let place = Place::whole(&self.path.join(path).display().to_string());
            place.fault(
                "is still being written, or is in a folder that is",
                "files that are left alone for a moment",
            )
        });
        faults.chain(look.faults.iter().cloned()).collect()
    }

    fn look(&self) -> Look {
        let mut look = Look::default();
        self.look_into(Path::new(""), &mut look);
        look
    }

    /// Adds the files of this folder (an empty path) or of a subfolder.
    fn look_into(&self, within: &Path, look: &mut Look) {
        let folder = self.path.join(within);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                look.missing |= within.as_os_str().is_empty();
                return;
            }
            Err(error) => return look.faults.push(unreadable(&folder, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) if !is_hidden(&entry.file_name()) => names.push(within.join(entry.file_name())),
                Ok(_) => {}
                Err(error) => return look.faults.push(unreadable(&folder, &error)),
            }
        }
        names.sort_unstable();
        for path in names {
            self.look_at(path, look);
        }
    }

    fn look_at(&self, path: PathBuf, look: &mut Look) {
        let whole = self.path.join(&path);
        let wanted = path.extension().is_some_and(|extension| extension == "toml");
        let is_top = path.components().nth(1).is_none();
        if !wanted && !(self.subfolders && is_top) {
            return;
        }
        let metadata = match fs::metadata(&whole) {
            Ok(metadata) => metadata,
            // Gone between listing and looking, unless a link that leads nowhere is still there.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&whole).is_err() =>
            {
                return;
            }
            Err(error) if wanted => return look.faults.push(unreadable(&whole, &error)),
            Err(_) => return,
        };
        if metadata.is_dir() {
            if self.subfolders && is_top {
                self.look_into(&path, look);
            }
            return;
        }
        if !wanted {
            return;
        }
        let place = Place::whole(&whole.display().to_string());
        if !metadata.is_file() {
            look.faults.push(place.fault("is no regular file", "a file, or a link to one"));
        } else if metadata.len() > FILE_BYTES_MAX {
            look.faults.push(place.fault("is too large", format!("at most {FILE_BYTES_MAX} bytes")));
        } else if look.files.len() < FILES_MAX {
            look.files.insert(path, Stamp::of(&metadata));
        } else if look.faults.is_empty() {
            look.faults.push(place.fault("is one file too many", format!("at most {FILES_MAX} files")));
        }
    }
}

impl<T> Reading<T> {
    fn of(look: Look, last: &Snapshot, mut read: BTreeMap<PathBuf, (Seen, T)>) -> Self {
        let removed = last.files.keys().filter(|path| !look.files.contains_key(*path)).cloned().collect();
        let mut snapshot = Snapshot::default();
        let mut changed = Vec::new();
        for path in look.files.into_keys() {
            let before = last.files.get(&path);
            let Some(seen) = read.get(&path).map(|(seen, _)| *seen).or(before.copied()) else { continue };
            if before.is_none_or(|before| before.hash != seen.hash)
                && let Some((path, (_, parsed))) = read.remove_entry(&path)
            {
                changed.push((path, parsed));
            }
            snapshot.files.insert(path, seen);
        }
        Self { snapshot, changed, removed, missing: look.missing }
    }
}

impl Stillness<'_> {
    /// Until the youngest of the files is old enough, and long enough for two looks to differ.
    fn wait(&self, files: &[(PathBuf, Stamp)]) -> Duration {
        self.still.min(Duration::from_secs(60)).max(Duration::from_millis(1)).max(
            // A modification time some milliseconds ahead is a coarse clock; further ahead it says nothing.
            files.iter().filter_map(|(_, stamp)| self.missing_age(stamp)).max().unwrap_or_default(),
        )
    }

    fn is_over(&self, stamp: &Stamp) -> bool {
        self.missing_age(stamp).is_none()
    }

    /// How much older a file must become; none where it is old enough, or its time is ahead of the clock.
    fn missing_age(&self, stamp: &Stamp) -> Option<Duration> {
        let modified = stamp.modified()?;
        let age = (self.now)().duration_since(modified).ok()?;
        self.still.checked_sub(age).filter(|missing| !missing.is_zero())
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// None for times before 1970, which are as old as can be.
    fn modified(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.modified;
        let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
        UNIX_EPOCH.checked_add(since)
    }
}

/// The bytes of a file that has this stamp before and after; none where it is another file by now.
fn bytes_of(path: &Path, stamp: Stamp) -> io::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if Stamp::of(&file.metadata()?) != stamp {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stamp.bytes).unwrap_or_default());
    (&mut file).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok((Stamp::of(&file.metadata()?) == stamp).then_some(bytes))
}

fn is_hidden(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().first() == Some(&b'.')
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let place = Place::whole(&path.display().to_string());
    place.fault(format!("cannot be read: {error}"), "something this user may read")
}
