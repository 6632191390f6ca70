//! One life of a router: its store and the secret that goes with it, which are there together or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{StoreError, StoreErrorKind};
use super::folder::{DataFolder, FolderError, exchange};
use super::sqlite::SqliteStore;
use crate::domain::id::Revision;

/// What API keys are hashed with.
pub(super) const HASH_KEY: &str = "hash.key";
/// What a life leaves beside its store. Not `token.key`: it may come from another router before the first start.
const TRACES: [&str; 4] = ["control.sqlite-wal", HASH_KEY, "admin.key", "last-good"];

/// A store, and the secret its keys are hashed with.
#[derive(Debug)]
pub struct Life {
    /// The store.
    pub store: SqliteStore,
    /// 32 bytes.
    pub key_secret: [u8; 32],
}

/// Why a data folder holds no life that could go on, nor room for a new one.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// The store is lost.
    #[error(
        "the store {} is {}, but {} shows that a router has run on this folder: put a backup of the store in its place, \
         or, for a new beginning, move hash.key, admin.key, last-good and control.sqlite* away",
        path.display(),
        if *empty { "empty" } else { "not there" },
        trace.display()
    )]
    NoStore {
        /// Where it should be.
        path: PathBuf,
        /// It is there, but with nothing in it.
        empty: bool,
        /// What shows that there was one.
        trace: PathBuf,
    },
    /// The secret is lost.
    #[error(
        "{} is not there, without which no API key is known: put it back from a backup, or make a new one and a new admin \
         key with `cordboard keys reset`, which ends all other keys",
        path.display()
    )]
    NoSecret {
        /// Where it should be.
        path: PathBuf,
    },
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store cannot be used.
    #[error("{}: {source}{}", path.display(), remedy(source.kind()))]
    Store {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
}

/// What can be done about a store.
fn remedy(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Damaged => {
            ". Put a backup of it in its place, or, for a new beginning, move hash.key, admin.key, last-good and \
             control.sqlite* away: then what was changed over the API, the history, and all API keys are lost, and what \
             the files say is read anew"
        }
        _ => "",
    }
}

impl Life {
    /// Goes on with what is in the folder, or begins with `fresh` as the secret where nothing is.
    ///
    /// # Errors
    /// When half of an earlier life is lost; nothing is made then.
    pub fn open(folder: &DataFolder, fresh: [u8; 32]) -> Result<Self, LifeError> {
        let store = store(folder)?;
        let path = folder.path().join(HASH_KEY);
        if store.revision().map_err(|why| Self::failed(folder, why))? != Revision::default() && !path.exists()
        {
            return Err(LifeError::NoSecret { path });
        }
        // After the store: a first start that breaks off in between leaves no secret without a store.
        Ok(Self { key_secret: folder.secret(HASH_KEY, fresh)?, store })
    }

    /// Goes on with what is in the folder; where only the secret is lost, with `fresh` in its place.
    ///
    /// # Errors
    /// When the store is lost.
    pub fn mend(folder: &DataFolder, fresh: [u8; 32]) -> Result<Self, LifeError> {
        let store = store(folder)?;
        Ok(Self { key_secret: folder.secret(HASH_KEY, fresh)?, store })
    }

    /// The failure of a folder's store.
    #[must_use]
    pub fn failed(folder: &DataFolder, source: StoreError) -> LifeError {
        LifeError::Store { path: folder.control(), source }
    }

    /// Whether a folder is not there or shows no trace of a life.
    #[must_use]
    pub fn is_none(folder: &Path) -> bool {
        holds_nothing(&folder.join("control.sqlite")).is_some()
            && trace(folder).is_none()
            && !exchange::is_pending(folder)
    }
}

fn store(folder: &DataFolder) -> Result<SqliteStore, LifeError> {
    let path = folder.control();
    // Before it is opened: to open it makes it, and a log of its last writes is thrown away beside an empty one.
    if let Some(Nothing { empty }) = holds_nothing(&path)
        && let Some(trace) = trace(folder.path())
    {
        return Err(LifeError::NoStore { path, empty, trace });
    }
    let failed = |why| Life::failed(folder, why);
    let store = SqliteStore::open(&path).map_err(failed)?;
    let trace = folder.last_good();
    // Copies of files are made once there is an account, as when the store was copied without its last writes.
    if store.revision().map_err(failed)? == Revision::default() && trace.exists() {
        return Err(LifeError::NoStore { path, empty: true, trace });
    }
    Ok(store)
}

struct Nothing {
    empty: bool,
}

fn holds_nothing(path: &Path) -> Option<Nothing> {
    match fs::metadata(path) {
        Ok(file) => (file.len() == 0).then_some(Nothing { empty: true }),
        Err(why) => (why.kind() == io::ErrorKind::NotFound).then_some(Nothing { empty: false }),
    }
}

fn trace(folder: &Path) -> Option<PathBuf> {
    TRACES.iter().map(|name| folder.join(name)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{commit, story};
    use crate::store::port::ControlStore as _;

    /// A folder in which a router has taken its first change and ended.
    fn lived() -> (tempfile::TempDir, DataFolder) {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        let life = Life::open(&folder, [7; 32]).unwrap();
        life.store.commit(Revision(0), &story::commits()).unwrap();
        (place, folder)
    }

    fn refusal(folder: &DataFolder) -> String {
        let before = fs::read_dir(folder.path()).unwrap().count();
        let refused = Life::open(folder, [9; 32]).unwrap_err().to_string();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before, "nothing is made");
        refused
    }

    #[test]
    fn a_lost_store_is_refused_as_long_as_anything_else_of_its_life_is_there() {
        for trace in TRACES {
            for empty in [true, false] {
                let place = tempfile::tempdir().unwrap();
                let folder = DataFolder::open(place.path()).unwrap();
                fs::write(place.path().join(trace), "x").unwrap();
                if empty {
                    fs::write(folder.control(), "").unwrap();
                }
                assert!(!Life::is_none(place.path()));
                let refused = refusal(&folder);
                let how = if empty { "is empty" } else { "is not there" };
                for words in ["control.sqlite", how, trace, "backup", "away"] {
                    assert!(refused.contains(words), "{words} is not in {refused}");
                }
                fs::remove_file(place.path().join(trace)).unwrap();
                assert!(Life::is_none(place.path()));
                Life::open(&folder, [9; 32]).unwrap();
            }
        }
    }

    #[test]
    fn a_store_without_its_first_changes_is_lost_where_files_were_applied() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        drop(Life::open(&folder, [7; 32]).unwrap());
        drop(Life::open(&folder, [7; 32]).expect("a first start that broke off goes on"));
        fs::create_dir(folder.last_good()).unwrap();
        assert!(refusal(&folder).contains("last-good"));
    }

    #[test]
    fn a_lost_secret_is_refused_and_made_anew_only_where_that_is_asked_for() {
        let (place, folder) = lived();
        assert_eq!(Life::open(&folder, [9; 32]).unwrap().key_secret, [7; 32]);
        fs::remove_file(place.path().join(HASH_KEY)).unwrap();
        let refused = refusal(&folder);
        assert!(refused.contains("hash.key") && refused.contains("cordboard keys reset"), "{refused}");
        assert_eq!(Life::mend(&folder, [9; 32]).unwrap().key_secret, [9; 32]);
        assert_eq!(Life::open(&folder, [1; 32]).unwrap().key_secret, [9; 32]);
    }

    #[test]
    fn a_key_of_tokens_alone_is_no_life() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        folder.secret("token.key", [3; 32]).unwrap();
        let life = Life::open(&folder, [9; 32]).unwrap();
        life.store.commit(Revision(0), &[commit(1, Vec::new())]).unwrap();
    }

    #[test]
    fn a_damaged_store_is_named_with_what_can_be_done() {
        let (_place, folder) = lived();
        std::fs::write(folder.control(), [b'x'; 8192]).unwrap();
        let refused = Life::open(&folder, [9; 32]).unwrap_err().to_string();
        for words in ["control.sqlite", "cannot be", "backup", "away", "lost"] {
            assert!(refused.contains(words), "{words} is not in {refused}");
        }
    }
}
