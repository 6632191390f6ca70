//! A copy of a store in a file of its own, and the files that are put into it.

use std::io::{Read, Write};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::failure::{Failure, Result};
use super::{flags, format, prepare, write};
use crate::domain::account::KeyDigest;
use crate::domain::id::{ConfigHash, Revision};
use crate::store::error::{Deed, StoreError, StoreErrorKind};

/// Bytes of a file in one row.
const PART: u64 = 1 << 20;

const TABLE: &str = "CREATE TABLE kept_file (
  name TEXT NOT NULL,
  part INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (name, part)
) STRICT";

type Told<T> = std::result::Result<T, StoreError>;

/// Writes everything as of one revision into an empty file; whoever writes meanwhile is not held up.
pub(super) fn copy_into(connection: &Connection, path: &Path) -> Result<()> {
    let path = path.to_str().ok_or(Failure::Known(StoreErrorKind::Other))?;
    connection.execute("VACUUM INTO ?1", [path])?;
    Ok(())
}

/// A copy that nobody else uses. It is no store yet: what goes wrong with it, another one mends.
#[derive(Debug)]
pub struct StoreCopy(Connection);

impl StoreCopy {
    /// Opens a copy to put files in, or take them out.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Told<Self> {
        let open = || {
            let copy = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            // Whoever makes it makes it durable, or throws it away.
            copy.0.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
            Ok(copy)
        };
        open().map_err(|why: Failure| why.told(Deed::Open))
    }

    /// Opens a copy, reads it through, and refuses what this release could not start with.
    ///
    /// # Errors
    /// When it is damaged, no store of Cordboard, or one of a later release.
    pub fn look(path: &Path) -> Told<Self> {
        let look = || {
            let copy = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            format::of(&copy.0)?;
            let found: String = copy.0.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if found != "ok" {
                return Err(Failure::damage(found));
            }
            write::head(&copy.0)?;
            Ok(copy)
        };
        look().map_err(|why: Failure| why.told(Deed::Read))
    }

    /// Whether the first bytes of a file are those of a store.
    #[must_use]
    pub fn begins_with(head: &[u8]) -> bool {
        let application = format::APPLICATION.to_be_bytes();
        !head.is_empty()
            && head.iter().zip(b"SQLite format 3\0").all(|(byte, expected)| byte == expected)
            && head.get(68..72).is_none_or(|found| found == application)
    }

    /// The revision it is of.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn revision(&self) -> Told<Revision> {
        write::head(&self.0).map_err(|why| why.told(Deed::Read))
    }

    /// Whether it holds an API key.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn knows(&self, key: &KeyDigest) -> Told<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM key WHERE digest = ?1)";
        self.0.query_row(sql, [key.0], |row| row.get(0)).map_err(|why| Failure::from(why).told(Deed::Read))
    }

    /// The files that were in force then.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn files(&self) -> Told<Option<ConfigHash>> {
        let find = || -> Result<_> {
            let hash: Option<[u8; 16]> = self.0.query_row("SELECT files FROM head", [], |row| row.get(0))?;
            Ok(hash.map(ConfigHash))
        };
        find().map_err(|why| why.told(Deed::Read))
    }

    /// Puts a file in.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn keep(&self, name: &str, file: &mut dyn Read) -> Told<()> {
        let mut keep = || -> Result<()> {
            self.0.execute_batch(&TABLE.replace("TABLE", "TABLE IF NOT EXISTS"))?;
            let mut insert = self.0.prepare_cached("INSERT INTO kept_file VALUES (?1, ?2, ?3)")?;
            let mut part = Vec::new();
            for at in 0.. {
                part.clear();
                file.take(PART).read_to_end(&mut part).map_err(Failure::disk)?;
                // An empty file is a part, and the end of a longer one is not.
                if part.is_empty() && at > 0 {
                    break;
                }
                insert.execute(params![name, at, part])?;
            }
            Ok(())
        };
        keep().map_err(|why| why.told(Deed::Write))
    }

    /// The names of the files in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn kept(&self) -> Told<Vec<String>> {
        let names = || -> Result<Vec<String>> {
            let mut names = self.0.prepare("SELECT DISTINCT name FROM kept_file ORDER BY name")?;
            let names = names.query_map([], |row| row.get(0))?;
            Ok(names.collect::<rusqlite::Result<_>>()?)
        };
        names().map_err(|why| why.told(Deed::Read))
    }

    /// Writes a file as it was put in.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn take_out(&self, name: &str, file: &mut dyn Write) -> Told<()> {
        let mut take = || -> Result<()> {
            let sql = "SELECT content FROM kept_file WHERE name = ?1 ORDER BY part";
            let mut parts = self.0.prepare_cached(sql)?;
            let mut rows = parts.query([name])?;
            while let Some(row) = rows.next()? {
                file.write_all(row.get_ref(0)?.as_blob().map_err(Failure::damage)?).map_err(Failure::disk)?;
            }
            Ok(())
        };
        take().map_err(|why| why.told(Deed::Read))
    }

    /// Lets go of all files in it: what is left is a store.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget_kept(&self) -> Told<()> {
        let forgotten = self.0.execute_batch("DROP TABLE kept_file");
        forgotten.map_err(|why| Failure::from(why).told(Deed::Write))
    }

    /// Closes it; what was put in is in the file.
    ///
    /// # Errors
    /// When something is not.
    pub fn close(self) -> Told<()> {
        self.0.close().map_err(|(_, why)| Failure::from(why).told(Deed::Write))
    }

    fn connect(path: &Path, access: OpenFlags) -> Result<Self> {
        let connection = Connection::open_with_flags(path, flags(access))?;
        prepare(&connection)?;
        Ok(Self(connection))
    }
}
