//! The data folder: one router at a time, its files by name, its secrets.

pub mod exchange;
mod exposure;
pub mod owned;
mod peek;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};

pub use peek::Peek;

const LOCK: &str = "lock";
const ADDRESSES: &str = "addresses.json";
pub(super) const ADMIN_KEY: &str = "admin.key";

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another router has it.
    #[error(
        "the data folder {} is in use by another router{}",
        folder.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The router that has it, if it says.
        pid: Option<u32>,
    },
    /// Something else has its name.
    #[error(
        "the data folder {} is no folder but a file: --data, or `data` in cordboard.toml, can name another",
        path.display()
    )]
    NoFolder {
        /// Which name.
        path: PathBuf,
    },
    /// A file holds something else than it should.
    #[error("{} is malformed: expected {expected}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A name would lead out of the folder.
    #[error("{name:?} is no name within the data folder")]
    Name {
        /// The name.
        name: String,
    },
    /// The file system refuses.
    #[error("{} cannot be {deed}: {}", path.display(), source.kind())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        deed: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl FolderError {
    fn io(path: &Path, deed: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), deed, source }
    }
}

/// The data folder of this router, locked until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
    /// Two writers of one name would share a temporary file.
    writing: Mutex<()>,
}

impl DataFolder {
    /// Takes the folder, and makes it first (for its owner only) if it is not there.
    ///
    /// Addresses that a killed router left are gone before the lock names this process: whoever finds both a process in
    /// the lock and addresses has the addresses of that process.
    ///
    /// # Errors
    /// [`FolderError::InUse`] if another router has it; else what the file system says.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        if path.metadata().is_ok_and(|there| !there.is_dir()) {
            return Err(FolderError::NoFolder { path: path.to_owned() });
        }
        make_folder(path)?;
        let name = path.join(LOCK);
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&name)
            .map_err(FolderError::io(&name, "opened"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = read_pid(&mut lock);
                return Err(FolderError::InUse { folder: path.to_owned(), pid });
            }
            Err(error) => return Err(FolderError::io(&name, "locked")(error.into())),
        }
        forget(&path.join(ADDRESSES))?;
        forget(&path.join(super::backup::UNFINISHED))?;
        forget(&path.join(super::backup::JOURNAL))?;
        exchange::finish(path).map_err(FolderError::io(path, "exchanged for what was restored"))?;
        write_pid(&mut lock).map_err(FolderError::io(&name, "written"))?;
        Ok(Self { path: path.to_owned(), _lock: lock, writing: Mutex::new(()) })
    }

    /// Looks into a folder that a router may have, without taking it.
    #[must_use]
    pub fn peek(path: &Path) -> Peek {
        Peek::new(path)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database of control.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.path.join("control.sqlite")
    }

    /// The files as they were last applied.
    #[must_use]
    pub fn last_good(&self) -> PathBuf {
        self.path.join(super::backup::LAST_GOOD)
    }

    /// Where the router listens, for the client commands.
    #[must_use]
    pub fn addresses(&self) -> PathBuf {
        self.path.join(ADDRESSES)
    }

    /// The key of the first account, for the client commands.
    #[must_use]
    pub fn admin_key(&self) -> PathBuf {
        self.path.join(ADMIN_KEY)
    }

    /// The secret of this name; `fresh`, 32 random bytes, becomes it if there is none yet.
    ///
    /// The file holds 64 hex digits and is its owner's only.
    ///
    /// # Errors
    /// [`FolderError::Malformed`] if the file holds anything else, so that a damaged secret is never replaced in
    /// silence; else what the file system says.
    pub fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], FolderError> {
        let path = self.named(name)?;
        match fs::read(&path) {
            Ok(bytes) => {
                secret_from(&bytes).ok_or(FolderError::Malformed { path, expected: "64 hexadecimal digits" })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut text: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
                text.push('\n');
                self.write_atomic(name, text.as_bytes(), 0o600)?;
                Ok(fresh)
            }
            Err(error) => Err(FolderError::io(&path, "read")(error)),
        }
    }

    /// Sentences about secrets that others than the owner may read or change; none is best.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn exposed(&self) -> Result<Vec<String>, FolderError> {
        exposure::exposed(&self.path).map_err(FolderError::io(&self.path, "read"))
    }

    /// Writes a file so that whoever reads it sees the old content or the new one, also after a power cut.
    ///
    /// The name may lead into folders below, which are made. Cost: two synchronisations with the disk.
    ///
    /// # Errors
    /// When the name leads out of the folder, or the file system refuses; the old content is there then.
    pub fn write_atomic(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), FolderError> {
        let path = self.named(name)?;
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = path.parent().unwrap_or(&self.path);
        make_folder(folder)?;
        let mut temporary = path.clone().into_os_string();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let written = write_synced(&temporary, bytes, mode)
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| owned::sync_folder(folder));
        written.map_err(|error| {
            // Best effort: what is left of it is overwritten next time.
            drop(fs::remove_file(&temporary));
            FolderError::io(&path, "written")(error)
        })
    }

    fn named(&self, name: &str) -> Result<PathBuf, FolderError> {
        let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || name == LOCK || !inside {
            return Err(FolderError::Name { name: name.to_owned() });
        }
        Ok(self.path.join(name))
    }
}

fn make_folder(path: &Path) -> Result<(), FolderError> {
    owned::make_folder(path).map_err(FolderError::io(path, "made"))
}

/// Removes a file, if it is there.
fn forget(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(FolderError::io(path, "removed")(why)),
        _ => Ok(()),
    }
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = owned::begin(path, mode)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The secrets in a file, one a line; empty lines are passed over.
///
/// # Errors
/// When it cannot be read or a line is anything but 64 hex digits.
pub fn read_secrets(path: &Path) -> Result<Vec<[u8; 32]>, FolderError> {
    let bytes = fs::read(path).map_err(FolderError::io(path, "read"))?;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(secret_from).collect::<Option<_>>().ok_or_else(|| FolderError::Malformed {
        path: path.to_owned(),
        expected: "lines of 64 hexadecimal digits",
    })
}

/// Upper case is read too: the digits may come from another tool.
fn secret_from(bytes: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = bytes.trim_ascii().try_into().ok()?;
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut secret = [0; 32];
    for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests;
