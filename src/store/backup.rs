//! A backup: everything that a router keeps, as of one revision, in one file.
//!
//! ```text
//!   a SQLite file: the tables of the store, and one with the files beside it | a seal of 64 bytes
//!                                                mark (24) | bytes before it (8) | BLAKE3 of all that (32)
//! ```
//!
//! The seal tells a backup that is whole from one that was cut short or damaged on its way. SQLite does not mind it: it is
//! less than a page. Secrets are in the file, for without them no API key and no token is known.

mod restore;

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::folder::{ADMIN_KEY, owned};
use super::life::HASH_KEY;
use super::port::ControlStore;
use super::sqlite::StoreCopy;
use crate::domain::account::KeyDigest;
use crate::domain::id::{ConfigHash, Revision};

pub use restore::{RestoreError, Restored, restore};

/// What is copied while a router runs; one that was killed may leave it.
pub(super) const UNFINISHED: &str = "backup.new";
/// What SQLite puts beside it while it is made.
pub(super) const JOURNAL: &str = "backup.new-journal";
/// The files beside the store; those of the last good files come on top.
const SECRETS: [&str; 3] = [HASH_KEY, "token.key", ADMIN_KEY];
/// The folder of the last good files.
pub const LAST_GOOD: &str = "last-good";

const MARK: &[u8; 24] = b"cordboard backup, sealed";
/// Bytes of a seal.
const SEAL: usize = 64;
/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;

/// A backup that was made, to be read to its end. It has no name: it goes when this is dropped, or the process ends.
#[derive(Debug)]
pub struct Backup {
    /// Everything up to here is in it.
    pub revision: Revision,
    content: File,
    left: u64,
    seal: Seal,
    tail: io::Cursor<Vec<u8>>,
}

/// Copies a store and the files of its data folder. `last_good` names the files that belong to a set of files.
///
/// Commits and calls go on meanwhile. Cost: one pass over the store, whose copy takes as much room in the data folder until
/// the backup was read.
///
/// # Errors
/// When the store or a file cannot be read, or there is no room; [`BackupError::AdminKey`] only where that is to be found.
pub fn back_up(
    store: &dyn ControlStore,
    (folder, strict): (&Path, bool),
    last_good: &dyn Fn(ConfigHash) -> io::Result<Vec<PathBuf>>,
) -> Result<Backup, BackupError> {
    let path = folder.join(UNFINISHED);
    let made = copy(store, (folder, strict), &path, last_good);
    // Whoever reads it has it open. What SQLite puts beside a file it takes away itself, unless it fails.
    let removed = fs::remove_file(&path);
    drop(fs::remove_file(folder.join(JOURNAL)));
    let (content, revision) = made?;
    removed.and_then(|()| Backup::sealing(content, revision)).map_err(named(&path))
}

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be copied.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written.
    #[error("{}: {why}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The first key that the folder holds is none of the store, perhaps not yet or no more.
    #[error("{ADMIN_KEY} holds no key of the store")]
    AdminKey,
    /// Of the last good files something is not there, perhaps no more.
    #[error("the copies of the last good files: {0}")]
    LastGood(io::Error),
}

fn named(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |why| BackupError::Io { path, why }
}

fn copy(
    store: &dyn ControlStore,
    (folder, strict): (&Path, bool),
    path: &Path,
    last_good: &dyn Fn(ConfigHash) -> io::Result<Vec<PathBuf>>,
) -> Result<(File, Revision), BackupError> {
    let content = owned::begin(path, 0o600).and_then(|_| File::open(path)).map_err(named(path))?;
    store.copy_into(path)?;
    // By its name: what stands there by now must be what it was copied from.
    store.check()?;
    let copy = StoreCopy::open(path)?;
    for name in SECRETS {
        let path = folder.join(name);
        // Without this one no router would start with what is restored.
        if name == HASH_KEY || path.exists() {
            copy.keep(name, &mut File::open(&path).map_err(named(&path))?)?;
        }
    }
    if strict && !admits(&copy, folder)? {
        return Err(BackupError::AdminKey);
    }
    if let Some(set) = copy.files()? {
        for path in last_good(set).map_err(BackupError::LastGood)? {
            let name = path.strip_prefix(folder).ok().and_then(Path::to_str).unwrap_or_default();
            copy.keep(name, &mut File::open(&path).map_err(BackupError::LastGood)?)?;
        }
    }
    let revision = copy.revision()?;
    copy.close()?;
    Ok((content, revision))
}

/// Whether the first key that a folder holds, if it holds one, is a key of a copy of its store.
fn admits(copy: &StoreCopy, folder: &Path) -> Result<bool, BackupError> {
    let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let (Some(secret), Some(key)) = (text(HASH_KEY), text(ADMIN_KEY)) else { return Ok(true) };
    let digits = secret.trim().as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    let secret = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let Some(secret) = secret else { return Ok(true) };
    Ok(copy.knows(&KeyDigest::of(&secret, key.trim()))?)
}

impl Backup {
    fn sealing(mut content: File, revision: Revision) -> io::Result<Self> {
        let left = content.seek(SeekFrom::End(0))?;
        content.rewind()?;
        Ok(Self { revision, content, left, seal: Seal::default(), tail: io::Cursor::default() })
    }

    /// How many bytes will be read.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.left + SEAL as u64
    }
}

impl Read for Backup {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return self.tail.read(buffer);
        }
        let read = (&mut self.content).take(self.left).read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.seal.add(buffer.get(..read).unwrap_or_default());
        self.left -= read as u64;
        if self.left == 0 {
            self.tail = io::Cursor::new(std::mem::take(&mut self.seal).end().to_vec());
        }
        Ok(read)
    }
}

/// What ends a backup, as it is worked out.
#[derive(Debug, Default)]
struct Seal {
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Seal {
    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn end(mut self) -> [u8; SEAL] {
        let head = [MARK.as_slice(), &self.bytes.to_be_bytes()].concat();
        self.hasher.update(&head);
        let mut seal = [0; SEAL];
        let whole = head.iter().chain(self.hasher.finalize().as_bytes()).copied().collect::<Vec<_>>();
        seal.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        seal
    }
}

/// What is wrong with the end of a file that should be a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsealed {
    /// It never was one.
    Foreign,
    /// Its end is missing.
    CutShort,
    /// It is not what was sealed.
    Damaged,
}

/// Hands the content of a backup over, piece by piece, if its seal is whole; nothing is promised before the end.
fn unseal(
    file: &mut File,
    mut piece: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Result<(), Unsealed>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = Vec::with_capacity(SEAL);
    file.seek(SeekFrom::Start(length.saturating_sub(SEAL as u64)))?;
    file.take(SEAL as u64).read_to_end(&mut end)?;
    file.rewind()?;
    let content = length.saturating_sub(SEAL as u64);
    if !end.starts_with(MARK) {
        let mut head = Vec::new();
        file.take(72).read_to_end(&mut head)?;
        let is_ours = StoreCopy::begins_with(&head);
        return Ok(Err(if is_ours { Unsealed::CutShort } else { Unsealed::Foreign }));
    }
    let (mut seal, mut buffer, mut left) = (Seal::default(), vec![0; PIECE], content);
    while left > 0 {
        let read = file.take(left).read(&mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(Err(Unsealed::CutShort));
        }
        seal.add(bytes);
        piece(bytes)?;
        left -= read as u64;
    }
    Ok(if seal.end() == *end { Ok(()) } else { Err(Unsealed::Damaged) })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::conformance::story;
    use crate::store::folder::DataFolder;
    use crate::store::life::Life;

    /// A backup of a store that has a history, and of its secret; changed by somebody who can seal it.
    fn changed(how: &str) -> Vec<u8> {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        let life = Life::open(&folder, [7; 32]).unwrap();
        life.store.commit(Revision(0), &story::commits()).unwrap();
        let mut whole = Vec::new();
        let mut backup = back_up(&life.store, (place.path(), true), &|_| Ok(Vec::new())).unwrap();
        let length = backup.length();
        backup.read_to_end(&mut whole).unwrap();
        assert_eq!(whole.len() as u64, length);
        assert!(!place.path().join(UNFINISHED).exists());

        let path = place.path().join("content");
        fs::write(&path, &whole[..whole.len() - SEAL]).unwrap();
        Connection::open(&path).unwrap().execute_batch(how).unwrap();
        let mut content = fs::read(path).unwrap();
        let mut seal = Seal::default();
        seal.add(&content);
        content.extend_from_slice(&seal.end());
        content
    }

    fn restored(backup: &[u8]) -> Result<PathBuf, String> {
        let place = tempfile::tempdir().unwrap();
        let (file, data) = (place.path().join("a.backup"), place.path().join("data"));
        fs::write(&file, backup).unwrap();
        match restore(&file, &data, false) {
            Ok(restored) => {
                assert_eq!((restored.revision, restored.replaced), (Revision(6), None));
                assert_eq!(fs::read_to_string(data.join(HASH_KEY)).unwrap(), "07".repeat(32) + "\n");
                Ok(data)
            }
            Err(why) => {
                assert!(!data.exists(), "{why}, and yet something was written");
                Err(why.to_string())
            }
        }
    }

    #[test]
    fn what_no_router_could_start_with_is_refused_before_anything_is_written() {
        restored(&changed("")).unwrap();
        for (how, why) in [
            ("PRAGMA user_version = 99", "newer"),
            ("PRAGMA application_id = 7", "no store of Cordboard"),
            ("INSERT INTO kept_file VALUES ('../stray.key', 0, x'00')", "\"../stray.key\""),
            ("INSERT INTO kept_file VALUES ('last-good/../../a.toml', 0, x'00')", "no file of a data folder"),
            ("INSERT INTO kept_file VALUES ('lock', 0, x'00')", "\"lock\""),
            ("DELETE FROM head", "damaged"),
        ] {
            let refused = restored(&changed(how)).unwrap_err();
            assert!(refused.contains("a.backup") && refused.contains(why), "{how}: {refused}");
        }
    }

    #[test]
    fn what_could_not_start_again_is_not_backed_up() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        let life = Life::open(&folder, [7; 32]).unwrap();
        life.store.commit(Revision(0), &story::commits()).unwrap();
        let back_up = |strict| super::back_up(&life.store, (place.path(), strict), &|_| Ok(Vec::new()));
        // The first key of the folder may be a step ahead of the store, or behind it.
        fs::write(place.path().join(ADMIN_KEY), "no key of the store\n").unwrap();
        assert!(matches!(back_up(true), Err(BackupError::AdminKey)));
        back_up(false).unwrap();
        fs::remove_file(place.path().join(HASH_KEY)).unwrap();
        assert!(matches!(back_up(false), Err(BackupError::Io { path, .. }) if path.ends_with(HASH_KEY)));
        assert!(!place.path().join(UNFINISHED).exists());
    }

    #[test]
    fn what_a_broken_backup_left_behind_goes_with_the_next_start() {
        let place = tempfile::tempdir().unwrap();
        let left = [UNFINISHED, JOURNAL].map(|name| place.path().join(name));
        left.iter().for_each(|path| fs::write(path, "half").unwrap());
        drop(DataFolder::open(place.path()).unwrap());
        assert!(left.iter().all(|path| !path.exists()));
    }
}
