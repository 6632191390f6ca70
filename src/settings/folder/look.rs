//! One look at a folder: which files are wanted, and a stamp of each that shows whether it changed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::fault::{Fault, Place};
use super::{FAULTS_MAX, FILE_BYTES_MAX, FILES_MAX, Folder};

/// Wanted files and their stamps at one look; the faults are of what is wanted but cannot be read.
#[derive(Default, PartialEq)]
pub(super) struct Look {
    /// In name order, by path within the folder.
    pub(super) files: BTreeMap<PathBuf, Stamp>,
    pub(super) faults: Vec<Fault>,
    /// Whether the folder itself is not there.
    pub(super) missing: bool,
}

/// What differs when a file was written, replaced, or given another modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    /// Sees a write after which somebody set the modification time back.
    changed: (i64, i64),
}

impl Look {
    /// What a folder holds now.
    pub(super) fn at(folder: &Folder) -> Self {
        let mut look = Self::default();
        folder.look_into(Path::new(""), &mut look);
        look
    }

    fn tell(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

impl Folder {
    /// Adds the files of this folder (an empty path) or of a subfolder.
    fn look_into(&self, within: &Path, look: &mut Look) {
        let is_top = within.as_os_str().is_empty();
        let folder = if is_top { self.path.clone() } else { self.path.join(within) };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                look.missing |= is_top;
                return;
            }
            Err(error) => return look.tell(unreadable(&folder, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) if !is_hidden(&entry.file_name()) => names.push(within.join(entry.file_name())),
                Ok(_) => {}
                Err(error) => return look.tell(unreadable(&folder, &error)),
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
        let may_be_subfolder = self.subfolders && is_top;
        if !(wanted || may_be_subfolder) {
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
            Err(error) if wanted => return look.tell(unreadable(&whole, &error)),
            Err(_) => return,
        };
        if metadata.is_dir() {
            if may_be_subfolder {
                self.look_into(&path, look);
            }
            return;
        }
        if !wanted {
            return;
        }
        let place = Place::whole(&whole.display().to_string());
        if !metadata.is_file() {
            look.tell(place.fault("is no regular file", "a file, or a link to one"));
        } else if metadata.len() > FILE_BYTES_MAX {
            look.tell(place.fault("is too large", format!("at most {FILE_BYTES_MAX} bytes")));
        } else if look.files.len() < FILES_MAX {
            look.files.insert(path, Stamp::of(&metadata));
        } else if look.faults.is_empty() {
            look.tell(place.fault("is one file too many", format!("at most {FILES_MAX} files")));
        }
    }
}

impl Stamp {
    pub(in crate::settings) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// None for times before 1970, which are as old as can be.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.modified;
        let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
        UNIX_EPOCH.checked_add(since)
    }
}

/// The bytes of a file that has this stamp when all are read; none where it is another file, or gone, by now.
pub(in crate::settings) fn bytes_of(path: &Path, stamp: Stamp) -> io::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::with_capacity(usize::try_from(stamp.bytes).unwrap_or_default());
    (&mut file).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok((Stamp::of(&file.metadata()?) == stamp).then_some(bytes))
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().first() == Some(&b'.')
}

/// The fault of a file or folder that the system does not let us read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let place = Place::whole(&path.display().to_string());
    place.fault(format!("cannot be read: {error}"), "something this user may read")
}
