//! What a backup holds, put into a data folder: all of it or nothing.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{LAST_GOOD, SECRETS, Unsealed, unseal};
use crate::domain::id::Revision;
use crate::store::error::{StoreError, StoreErrorKind};
use crate::store::folder::exchange::{self, Exchange};
use crate::store::folder::{DataFolder, FolderError, owned};
use crate::store::port::ControlStore as _;
use crate::store::sqlite::{SqliteStore, StoreCopy};

/// Why nothing was restored: the data folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be read.
    #[error("{} cannot be read: {why}", path.display())]
    Unread {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The file is something else.
    #[error("{} is no backup that `cordboard backup` has made", .0.display())]
    Foreign(PathBuf),
    /// Its end is missing.
    #[error(
        "{} has no end: it was cut short, or is a copy of a store that `cordboard backup` has not made",
        .0.display()
    )]
    CutShort(PathBuf),
    /// It was changed since it was made.
    #[error("{} is damaged: it is not what `cordboard backup` has written", .0.display())]
    Damaged(PathBuf),
    /// What is in it cannot be used.
    #[error("{}: {why}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: StoreError,
    },
    /// It has a file that belongs nowhere.
    #[error("{} holds {name:?}, which is no file of a data folder", path.display())]
    Stray {
        /// Which file.
        path: PathBuf,
        /// What it has.
        name: String,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Something is there already.
    #[error("{} is there already: --force puts what the folder holds aside, and the backup in its place", .0.display())]
    Occupied(PathBuf),
    /// The data folder cannot be written.
    #[error("{} cannot be written: {why}", path.display())]
    Unwritten {
        /// Which folder.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

/// A backup that was restored.
#[derive(Debug)]
pub struct Restored {
    /// Everything up to here is there.
    pub revision: Revision,
    /// Where things are that were there before.
    pub replaced: Option<PathBuf>,
}

/// Restores a backup into a data folder that no router has, durably; with `force` also where something is there, which
/// is put aside.
///
/// However it is interrupted, the folder holds what it held, or what the backup holds, for whoever takes it next. Cost: the
/// backup is read three times.
///
/// # Errors
/// [`RestoreError`]; nothing has changed then, unless the disk fails while things are put into their places, which
/// whoever takes the folder next does again.
pub fn restore(backup: &Path, data: &Path, force: bool) -> Result<Restored, RestoreError> {
    let unread = |why| RestoreError::Unread { path: backup.to_owned(), why };
    let mut file = File::open(backup).map_err(unread)?;
    // All that can be wrong with it is found before anything is made.
    told(backup, unseal(&mut file, |_| Ok(())).map_err(unread)?)?;
    let unusable = |why| RestoreError::Unusable { path: backup.to_owned(), why };
    let names = StoreCopy::look(backup).and_then(|copy| copy.kept()).map_err(unusable)?;
    if let Some(name) = names.iter().find(|name| !belongs(name)) {
        return Err(RestoreError::Stray { path: backup.to_owned(), name: name.clone() });
    }

    let folder = DataFolder::open(data)?;
    if let Some(there) = exchange::occupied(data).filter(|_| !force) {
        return Err(RestoreError::Occupied(there));
    }
    let unwritten = |why| RestoreError::Unwritten { path: data.to_owned(), why };
    let exchange = Exchange::begin(folder.path()).map_err(unwritten)?;
    let fresh = exchange.fresh();
    let store = fresh.join("control.sqlite");
    let mut written = owned::begin(&store, 0o600).map_err(unwritten)?;
    told(backup, unseal(&mut file, |piece| written.write_all(piece)).map_err(unwritten)?)?;
    let revision = unpack(&store, &names, &fresh).map_err(|why| match why.kind() {
        StoreErrorKind::DiskFull | StoreErrorKind::Io | StoreErrorKind::ReadOnly => {
            unwritten(io::Error::other(why))
        }
        _ => unusable(why),
    })?;
    // A store that is closed has all in its one file; of another nothing would be durable here.
    if fresh.join("control.sqlite-wal").exists() {
        return Err(unwritten(io::Error::other("the store could not be closed")));
    }
    written.sync_all().map_err(unwritten)?;
    for name in &names {
        File::open(fresh.join(name)).and_then(|file| file.sync_all()).map_err(unwritten)?;
    }
    let copies = fresh.join(LAST_GOOD);
    if copies.exists() {
        owned::sync_folder(&copies).map_err(unwritten)?;
    }
    let replaced = exchange.carry_out().map_err(unwritten)?;
    Ok(Restored { revision, replaced })
}

fn told(backup: &Path, unsealed: Result<(), Unsealed>) -> Result<(), RestoreError> {
    let path = backup.to_owned();
    unsealed.map_err(|why| match why {
        Unsealed::Foreign => RestoreError::Foreign(path),
        Unsealed::CutShort => RestoreError::CutShort(path),
        Unsealed::Damaged => RestoreError::Damaged(path),
    })
}

/// Takes the files out of a copy, and lets it be a store that loads.
fn unpack(store: &Path, names: &[String], fresh: &Path) -> Result<Revision, StoreError> {
    let io = |why| StoreError::from_source(crate::store::error::Deed::Write, StoreErrorKind::Io, why);
    let copy = StoreCopy::open(store)?;
    for name in names {
        let path = fresh.join(name);
        path.parent().map_or(Ok(()), owned::make_folder).map_err(io)?;
        copy.take_out(name, &mut owned::begin(&path, 0o600).map_err(io)?)?;
    }
    copy.forget_kept()?;
    copy.close()?;
    let store = SqliteStore::open(store)?;
    store.load(&mut |_| {})
}

/// Whether a name is one that a backup gives a file.
fn belongs(name: &str) -> bool {
    SECRETS.contains(&name)
        || name.strip_prefix(LAST_GOOD).and_then(|name| name.strip_prefix('/')).is_some_and(|name| {
            let (hash, kind) = name.split_once('.').unwrap_or_default();
            matches!(kind, "toml" | "json")
                && hash.len() == 32
                && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
}
