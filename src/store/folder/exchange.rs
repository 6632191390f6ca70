//! All that a router keeps exchanged for something else: all of it or nothing, however it is interrupted.
//!
//! ```text
//!   restore.new/fresh      being made; thrown away if that breaks off
//!      | rename: from here on it will happen
//!   restore.decided        what is there goes into its `replaced`
//!      | rename
//!   restore.cleared        what is in its `fresh` goes where it belongs
//! ```
//!
//! Each step can be done again from wherever it broke off, and is, by whoever takes the folder next.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::owned;

const NEW: &str = "restore.new";
const DECIDED: &str = "restore.decided";
const CLEARED: &str = "restore.cleared";
const FRESH: &str = "fresh";
const REPLACED: &str = "replaced";

/// Everything that is exchanged: what says who this router is, what it knows, and what is only true beside that.
const NAMES: [&str; 12] = [
    "last-good",
    "control.sqlite",
    "control.sqlite-wal",
    "control.sqlite-shm",
    "control.sqlite-journal",
    "answers.sqlite",
    "answers.sqlite-wal",
    "answers.sqlite-shm",
    "hash.key",
    "token.key",
    "admin.key",
    "admin.key.next",
];

/// The first thing that would be replaced, if anything is there.
pub(in crate::store) fn occupied(folder: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| folder.join(name)).find(|path| path.exists())
}

/// Whether an exchange was decided and not ended.
#[must_use]
pub fn is_pending(folder: &Path) -> bool {
    folder.join(DECIDED).exists() || folder.join(CLEARED).exists()
}

/// What is made to take the place of what is there; thrown away unless it does.
#[derive(Debug)]
pub(in crate::store) struct Exchange<'f> {
    folder: &'f Path,
}

impl<'f> Exchange<'f> {
    /// Begins in a folder that nobody else has.
    pub(in crate::store) fn begin(folder: &'f Path) -> io::Result<Self> {
        remove(&folder.join(NEW))?;
        let this = Self { folder };
        owned::make_folder(&this.fresh())?;
        owned::make_folder(&folder.join(NEW).join(REPLACED))?;
        Ok(this)
    }

    /// Where things are put that are to take the place of those of the same names; each durable by itself.
    pub(in crate::store) fn fresh(&self) -> PathBuf {
        self.folder.join(NEW).join(FRESH)
    }

    /// Does it; where the things are that were there before, if any were.
    pub(in crate::store) fn carry_out(self) -> io::Result<Option<PathBuf>> {
        owned::sync_folder(&self.fresh())?;
        owned::sync_folder(&self.folder.join(NEW))?;
        fs::rename(self.folder.join(NEW), self.folder.join(DECIDED))?;
        owned::sync_folder(self.folder)?;
        finish(self.folder)
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        // Best effort: the next one begins by this, and it is in nobody's way.
        drop(remove(&self.folder.join(NEW)));
    }
}

/// Ends an exchange that was decided, if there is one, in a folder that nobody else has; throws one away that was not.
pub(super) fn finish(folder: &Path) -> io::Result<Option<PathBuf>> {
    let (decided, cleared) = (folder.join(DECIDED), folder.join(CLEARED));
    remove(&folder.join(NEW))?;
    if decided.exists() {
        for name in NAMES {
            if folder.join(name).exists() {
                fs::rename(folder.join(name), decided.join(REPLACED).join(name))?;
            }
        }
        owned::sync_folder(&decided.join(REPLACED))?;
        owned::sync_folder(folder)?;
        fs::rename(&decided, &cleared)?;
        owned::sync_folder(folder)?;
    }
    if !cleared.exists() {
        return Ok(None);
    }
    for name in NAMES {
        let fresh = cleared.join(FRESH).join(name);
        if fresh.exists() {
            fs::rename(fresh, folder.join(name))?;
        }
    }
    owned::sync_folder(folder)?;
    let kept = keep(folder, &cleared.join(REPLACED))?;
    remove(&cleared)?;
    owned::sync_folder(folder)?;
    Ok(kept)
}

/// Gives what was replaced a name of its own.
fn keep(folder: &Path, replaced: &Path) -> io::Result<Option<PathBuf>> {
    if fs::remove_dir(replaced).is_ok() || !replaced.exists() {
        return Ok(None);
    }
    let names = (1_u32..).map(|nth| folder.join(format!("{REPLACED}-{nth}")));
    let free = names.into_iter().find(|name| !name.exists());
    let free = free.ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(replaced, &free)?;
    Ok(Some(free))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with an older store, and an exchange for a newer one that breaks off after so many renamings.
    fn broken_off(after: usize) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        for name in ["control.sqlite", "control.sqlite-wal", "hash.key", "answers.sqlite"] {
            fs::write(folder.join(name), "old").unwrap();
        }
        let exchange = Exchange::begin(folder).unwrap();
        for name in ["control.sqlite", "hash.key", "token.key"] {
            fs::write(exchange.fresh().join(name), "new").unwrap();
        }
        fs::create_dir(exchange.fresh().join("last-good")).unwrap();
        let (new, decided, cleared) = (folder.join(NEW), folder.join(DECIDED), folder.join(CLEARED));
        let aside = |name: &'static str| (folder.join(name), decided.join(REPLACED).join(name));
        let put = |name: &'static str| (cleared.join(FRESH).join(name), folder.join(name));
        let steps = [
            (new, decided.clone()),
            aside("control.sqlite"),
            aside("control.sqlite-wal"),
            aside("answers.sqlite"),
            aside("hash.key"),
            (decided.clone(), cleared.clone()),
            put("last-good"),
            put("control.sqlite"),
            put("hash.key"),
            put("token.key"),
            (cleared.join(REPLACED), folder.join("replaced-1")),
        ];
        assert!(after <= steps.len());
        for (from, to) in steps.iter().take(after) {
            fs::rename(from, to).unwrap();
        }
        std::mem::forget(exchange);
        place
    }

    #[test]
    fn an_exchange_that_broke_off_is_ended_or_never_was() {
        for after in 0..=11 {
            let place = broken_off(after);
            let folder = place.path();
            assert_eq!(is_pending(folder), after > 0);
            let _ = finish(folder).unwrap();
            assert_eq!(finish(folder).unwrap(), None, "it is over");
            assert!(!is_pending(folder) && !folder.join(NEW).exists(), "after {after}");
            let said = |name: &str| fs::read_to_string(folder.join(name)).ok();
            let (expected, others) = if after == 0 { ("old", Some("old".to_owned())) } else { ("new", None) };
            assert_eq!(said("control.sqlite").as_deref(), Some(expected), "after {after}");
            assert_eq!(said("hash.key").as_deref(), Some(expected), "after {after}");
            assert_eq!((said("control.sqlite-wal"), said("answers.sqlite")), (others.clone(), others));
            if after > 0 {
                assert_eq!(said("token.key").as_deref(), Some("new"));
                for name in ["control.sqlite", "control.sqlite-wal", "hash.key", "answers.sqlite"] {
                    assert_eq!(said(&format!("replaced-1/{name}")).as_deref(), Some("old"), "after {after}");
                }
            }
        }
    }
}
