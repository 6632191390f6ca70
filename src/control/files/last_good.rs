//! Copies of the files that were last applied, for the day on which the files themselves are faulty at the start.
//!
//! ```text
//!   last-good/<hash of the set>.json     paths and the hash of each content; written last, so what it names is there
//!   last-good/<hash of a content>.toml   the contents, each once
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::library::{Library, set_hash};
use super::source::SourceFile;
use crate::domain::id::ConfigHash;
use crate::store::folder::owned;

/// The shape of the list of files.
const FORMAT: u32 = 1;
/// From this many new files on they are flushed together.
const FLUSHED_ALONE_MAX: usize = 8;

/// The folder of the copies.
#[derive(Debug, Clone)]
pub struct LastGood {
    folder: PathBuf,
}

/// Why the copies cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LastGoodError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The set, or a copy that belongs to it, is not there.
    #[error("{path} is missing: it is a copy of {of}")]
    Missing {
        /// Which.
        path: PathBuf,
        /// Of what.
        of: String,
    },
    /// A copy is not what was written.
    #[error("{path} is damaged: it is no copy of {of}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Of what.
        of: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    format: u32,
    files: Vec<Listed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    path: Arc<str>,
    hash: ConfigHash,
}

impl LastGood {
    /// Copies in this folder, which is made when something is kept.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps the files of a library, those that were kept before excepted ([`LastGood::holds`] tells whether they
    /// still are): when this returns they are durable. To be called before what they say is committed, and only if it
    /// is granted.
    ///
    /// A copy that is there and right is not written again; one that is damaged is.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn save(&self, library: &Library, changed: &[SourceFile]) -> Result<(), LastGoodError> {
        let made = owned::make_folder(&self.folder).and_then(|()| owned::close(&self.folder));
        made.map_err(io_error(&self.folder))?;
        let flushed_alone = changed.len() <= FLUSHED_ALONE_MAX;
        for file in changed {
            self.keep(&self.copy(file.hash), &file.bytes, flushed_alone)?;
        }
        if !flushed_alone {
            let folder = File::open(&self.folder).map_err(io_error(&self.folder))?;
            rustix::fs::syncfs(folder).map_err(|why| io_error(&self.folder)(why.into()))?;
        }
        let files = library.hashes().map(|(path, hash)| Listed { path: Arc::from(path), hash }).collect();
        let list = List { format: FORMAT, files };
        let path = self.list(library.hash());
        let text = serde_json::to_vec(&list).map_err(|why| io_error(&path)(why.into()))?;
        self.keep(&path, &text, true)?;
        owned::sync_folder(&self.folder).map_err(io_error(&self.folder))
    }

    /// Whether the copies of a library are there and as long as they were, but for files of which there will be others.
    /// Cost: a look at each, not into it.
    ///
    /// # Errors
    /// The first copy that is missing, of another length or cannot be looked at.
    pub fn holds(&self, library: &Library, but_for: &BTreeSet<&str>) -> Result<(), LastGoodError> {
        for (path, hash, bytes) in library.copied().filter(|(path, ..)| !but_for.contains(path)) {
            let copy = self.copy(hash);
            match fs::metadata(&copy) {
                Ok(there) if there.len() == bytes => {}
                Ok(_) => return Err(LastGoodError::Damaged { path: copy, of: path.to_owned() }),
                Err(why) if why.kind() == io::ErrorKind::NotFound => {
                    return Err(LastGoodError::Missing { path: copy, of: path.to_owned() });
                }
                Err(why) => return Err(io_error(&copy)(why)),
            }
        }
        Ok(())
    }

    /// Whether a set could be loaded. Cost: reading all its files.
    ///
    /// # Errors
    /// The first piece that is missing, damaged or cannot be read.
    pub fn check(&self, set: ConfigHash) -> Result<(), LastGoodError> {
        self.listed(set)?.into_iter().try_for_each(|file| self.load_one(file).map(drop))
    }

    /// The copies that belong to a set, its list among them.
    ///
    /// # Errors
    /// When the list cannot be read, is missing or damaged.
    pub fn files(&self, set: ConfigHash) -> Result<Vec<PathBuf>, LastGoodError> {
        // Equal files have one copy.
        let copies: BTreeSet<PathBuf> =
            self.listed(set)?.into_iter().map(|file| self.copy(file.hash)).collect();
        Ok([self.list(set)].into_iter().chain(copies).collect())
    }

    /// The files of a set, as they were kept.
    ///
    /// # Errors
    /// When a piece cannot be read, is missing or damaged.
    pub fn load(&self, set: ConfigHash) -> Result<Vec<SourceFile>, LastGoodError> {
        self.listed(set)?.into_iter().map(|file| self.load_one(file)).collect()
    }

    fn listed(&self, set: ConfigHash) -> Result<Vec<Listed>, LastGoodError> {
        let path = self.list(set);
        let of = || format!("the list of the files {set}");
        let text = read(&path, of)?;
        let damaged = || LastGoodError::Damaged { path: path.clone(), of: of() };
        let list: List = serde_json::from_slice(&text).map_err(|_| damaged())?;
        let hash = set_hash(list.files.iter().map(|file| (file.path.as_ref(), file.hash)));
        if list.format != FORMAT || hash != set {
            return Err(damaged());
        }
        Ok(list.files)
    }

    fn load_one(&self, Listed { path, hash }: Listed) -> Result<SourceFile, LastGoodError> {
        let copy = self.copy(hash);
        let bytes = read(&copy, || path.to_string())?;
        if SourceFile::hash_of(&bytes) != hash {
            return Err(LastGoodError::Damaged { path: copy, of: path.to_string() });
        }
        Ok(SourceFile { path, hash, bytes: bytes.into() })
    }

    /// Removes everything that does not belong to a set. To be called after what it says is committed.
    ///
    /// # Errors
    /// When the set cannot be read or something cannot be removed.
    pub fn forget_others(&self, set: ConfigHash) -> Result<(), LastGoodError> {
        let list = self.list(set);
        let text = read(&list, || format!("the list of the files {set}"))?;
        let listed: List = serde_json::from_slice(&text)
            .map_err(|_| LastGoodError::Damaged { path: list.clone(), of: set.to_string() })?;
        let mut kept: BTreeSet<PathBuf> = listed.files.iter().map(|file| self.copy(file.hash)).collect();
        kept.insert(list);
        for found in fs::read_dir(&self.folder).map_err(io_error(&self.folder))? {
            let path = found.map_err(io_error(&self.folder))?.path();
            if !kept.contains(&path) {
                fs::remove_file(&path).map_err(io_error(&path))?;
            }
        }
        Ok(())
    }

    fn copy(&self, content: ConfigHash) -> PathBuf {
        self.folder.join(format!("{content}.toml"))
    }

    fn list(&self, set: ConfigHash) -> PathBuf {
        self.folder.join(format!("{set}.json"))
    }

    /// Writes a file that is there whole or not at all, unless it holds these bytes already.
    fn keep(&self, path: &Path, bytes: &[u8], flush: bool) -> Result<(), LastGoodError> {
        let unfinished = path.with_extension("new");
        let write = || {
            if let Ok(there) = fs::read(path)
                && there == bytes
            {
                // Whoever wrote it may have ended before it was durable.
                return if flush { File::open(path)?.sync_all() } else { Ok(()) };
            }
            let mut file = owned::begin(&unfinished, 0o600)?;
            file.write_all(bytes)?;
            if flush {
                file.sync_all()?;
            }
            fs::rename(&unfinished, path)
        };
        write().map_err(io_error(path))
    }
}

fn read(path: &Path, of: impl FnOnce() -> String) -> Result<Vec<u8>, LastGoodError> {
    match fs::read(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            Err(LastGoodError::Missing { path: path.to_owned(), of: of() })
        }
        read => read.map_err(io_error(path)),
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> LastGoodError {
    let path = path.to_owned();
    move |source| LastGoodError::Io { path, source }
}
