//! Answers in a SQLite file of their own: they may be lost without harm to what they are about, and so are apart from it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

use super::failure::{Failure, Result};
use super::write::integer;
use super::{begin_file, flags, prepare};
use crate::domain::time::Timestamp;
use crate::store::answers::{AnswerLimits, KeptAnswer, RequestName, Said};
use crate::store::error::{Deed, StoreError, StoreErrorKind};

/// "Cans", in the header of the file.
const APPLICATION: i32 = 0x4361_6e73;
/// The only format there is. One of a later release is not read: answers are kept for a day, and begin anew.
const FORMAT: i32 = 1;

const TABLES: &str = "
    CREATE TABLE answer (
      place INTEGER PRIMARY KEY, -- in the order in which they were kept
      name BLOB NOT NULL UNIQUE,
      at INTEGER NOT NULL,
      hash BLOB NOT NULL, -- of what was asked
      bytes INTEGER NOT NULL,
      whole INTEGER NOT NULL,
      status INTEGER NOT NULL,
      size INTEGER NOT NULL, -- of the headers and the body
      headers TEXT NOT NULL,
      body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX answer_by_age ON answer (at);";

/// The file of answers; what does not fit makes the oldest go. Every method blocks on the disk.
#[derive(Debug)]
pub struct AnswerFile {
    kept: Mutex<Kept>,
    limits: AnswerLimits,
}

#[derive(Debug)]
struct Kept {
    connection: Connection,
    count: u64,
    bytes: u64,
}

impl AnswerFile {
    /// Opens the file, or begins it anew where it is not there or cannot be used: what it holds is worth a warning, but
    /// no start.
    ///
    /// # Errors
    /// When no file can be made there.
    pub fn open(path: &Path, limits: AnswerLimits) -> std::result::Result<Self, StoreError> {
        let why = match Self::over(open(path), limits) {
            Ok(file) => return Ok(file),
            Err(why) => why,
        };
        tracing::warn!(
            error = ?why,
            "{} cannot be used and is begun anew: requests that were answered are not known to repeat",
            path.display()
        );
        for end in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            // What cannot be removed cannot be opened either, which tells why.
            drop(std::fs::remove_file(name));
        }
        Self::over(open(path), limits).map_err(|failure| failure.told(Deed::Open))
    }

    /// Answers that are gone when the process ends.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn in_memory(limits: AnswerLimits) -> std::result::Result<Self, StoreError> {
        Self::over(Connection::open_in_memory(), limits).map_err(|failure| failure.told(Deed::Open))
    }

    fn over(opened: rusqlite::Result<Connection>, limits: AnswerLimits) -> Result<Self> {
        let mut connection = opened?;
        prepare(&connection)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        begin(&mut connection)?;
        let (count, bytes): (i64, i64) =
            connection.query_row("SELECT count(*), coalesce(sum(size), 0) FROM answer", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let (count, bytes) = (natural(count)?, natural(bytes)?);
        Ok(Self { kept: Mutex::new(Kept { connection, count, bytes }), limits })
    }

    /// The answer under this name, if it was kept after a moment. Cost: one look-up.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(
        &self,
        name: RequestName,
        after: Timestamp,
    ) -> std::result::Result<Option<KeptAnswer>, StoreError> {
        find(&self.kept().connection, name, after).map_err(|failure| failure.told(Deed::Read))
    }

    /// Keeps an answer under its name, durable when it returns, and lets go of all that were kept up to a moment.
    ///
    /// # Errors
    /// When it cannot be written; what was kept before still is.
    pub fn keep(
        &self,
        name: RequestName,
        answer: &KeptAnswer,
        now: Timestamp,
        up_to: Timestamp,
    ) -> std::result::Result<(), StoreError> {
        let kept = self.kept().keep(self.limits, name, answer, now, up_to);
        kept.map_err(|failure| failure.told(Deed::Write))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    // What is wrong with the place SQLite says as well.
    drop(begin_file(path));
    Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))
}

fn begin(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |pragma: &str| transaction.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION, FORMAT) => return Ok(()),
        (0, 0) => {}
        _ => return Err(Failure::Known(StoreErrorKind::Foreign)),
    }
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(())
}

fn find(connection: &Connection, name: RequestName, after: Timestamp) -> Result<Option<KeptAnswer>> {
    let mut statement = connection.prepare_cached(
        "SELECT hash, bytes, whole, status, headers, body FROM answer WHERE name = ?1 AND at > ?2",
    )?;
    let found = statement.query_row(params![name.0, after.0], |row| {
        let (bytes, headers): (i64, String) = (row.get(1)?, row.get(4)?);
        Ok((row.get(0)?, bytes, row.get(2)?, row.get(3)?, headers, row.get(5)?))
    });
    let Some((hash, bytes, whole, status, headers, body)) = found.optional()? else { return Ok(None) };
    let said = Said { hash, bytes: natural(bytes)?, whole };
    Ok(Some(KeptAnswer { said, status, headers: serde_json::from_str(&headers)?, body }))
}

impl Kept {
    fn keep(
        &mut self,
        limits: AnswerLimits,
        name: RequestName,
        answer: &KeptAnswer,
        now: Timestamp,
        up_to: Timestamp,
    ) -> Result<()> {
        let headers = serde_json::to_string(&answer.headers)?;
        let size = u64::try_from(headers.len() + answer.body.len()).map_err(Failure::damage)?;
        if size > limits.bytes_max || limits.count_max == 0 {
            return Ok(());
        }
        let (mut count, mut bytes) = (self.count, self.bytes);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut gone = |sql: &str, value: &dyn rusqlite::ToSql| -> Result<()> {
                let mut statement = transaction.prepare_cached(sql)?;
                let mut rows = statement.query([value])?;
                while let Some(row) = rows.next()? {
                    (count, bytes) = (count.saturating_sub(1), bytes.saturating_sub(natural(row.get(0)?)?));
                }
                Ok(())
            };
            gone("DELETE FROM answer WHERE at <= ?1 RETURNING size", &up_to.0)?;
            gone("DELETE FROM answer WHERE name = ?1 RETURNING size", &name.0)?;
        }
        while count >= limits.count_max || bytes + size > limits.bytes_max {
            let oldest = "DELETE FROM answer WHERE place = (SELECT min(place) FROM answer) RETURNING size";
            let gone: Option<i64> =
                transaction.prepare_cached(oldest)?.query_row([], |row| row.get(0)).optional()?;
            let Some(gone) = gone else { break };
            (count, bytes) = (count.saturating_sub(1), bytes.saturating_sub(natural(gone)?));
        }
        let KeptAnswer { said, status, body, .. } = answer;
        transaction
            .prepare_cached(
                "INSERT INTO answer (name, at, hash, bytes, whole, status, size, headers, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                name.0,
                now.0,
                said.hash,
                integer(said.bytes),
                said.whole,
                status,
                integer(size),
                headers,
                body
            ])?;
        transaction.commit()?;
        (self.count, self.bytes) = (count + 1, bytes + size);
        Ok(())
    }
}

fn natural(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(Failure::damage)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AnswerLimits = AnswerLimits { count_max: 3, bytes_max: 100 };
    const EVER: Timestamp = Timestamp(0);

    fn name(n: u8) -> RequestName {
        RequestName([n; 32])
    }

    fn answer(bytes: usize) -> KeptAnswer {
        KeptAnswer {
            said: Said { hash: [1; 32], bytes: 5, whole: true },
            status: 201,
            headers: vec![("etag".to_owned(), b"\xff".to_vec())],
            body: vec![b'x'; bytes],
        }
    }

    fn there(file: &AnswerFile) -> Vec<u8> {
        (0..9).filter(|n| file.find(name(*n), EVER).unwrap().is_some()).collect()
    }

    fn keep(file: &AnswerFile, n: u8, bytes: usize, at: i64) {
        file.keep(name(n), &answer(bytes), Timestamp(at), Timestamp(at - 10)).unwrap();
    }

    #[test]
    fn an_answer_is_found_as_it_was_kept_also_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.sqlite");
        keep(&AnswerFile::open(&path, LIMITS).unwrap(), 1, 10, 100);
        let file = AnswerFile::open(&path, LIMITS).unwrap();
        assert_eq!(file.find(name(1), Timestamp(99)).unwrap(), Some(answer(10)));
        assert_eq!(file.find(name(1), Timestamp(100)).unwrap(), None, "its time is over");
        assert_eq!(file.find(name(2), EVER).unwrap(), None);
    }

    #[test]
    fn what_does_not_fit_makes_the_oldest_go_also_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.sqlite");
        let file = AnswerFile::open(&path, LIMITS).unwrap();
        (1..=4).for_each(|n| keep(&file, n, 1, 100));
        assert_eq!(there(&file), [2, 3, 4]);
        drop(file);
        let file = AnswerFile::open(&path, LIMITS).unwrap();
        keep(&file, 5, 60, 100);
        assert_eq!(there(&file), [4, 5], "by their bytes");
        keep(&file, 6, 101, 100);
        assert_eq!(there(&file), [4, 5], "what never fits drives nothing out");
        keep(&file, 4, 1, 101);
        keep(&file, 7, 1, 110);
        assert_eq!(there(&file), [4, 7], "what is too old has gone, and what was kept anew is new");
    }

    #[test]
    fn the_file_is_its_owners_only_also_when_it_is_begun_anew() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.sqlite");
        for _ in 0..2 {
            let file = AnswerFile::open(&path, LIMITS).unwrap();
            keep(&file, 1, 10, 100);
            let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
            assert_eq!(files.len(), 3, "SQLite keeps two more beside it: {files:?}");
            for file in files {
                assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
            }
            drop(file);
            std::fs::write(&path, "no database ".repeat(500)).unwrap();
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.sqlite");
        std::fs::write(&path, "no database ".repeat(500)).unwrap();
        let file = AnswerFile::open(&path, LIMITS).unwrap();
        keep(&file, 1, 1, 100);
        drop(file);
        Connection::open(&path).unwrap().pragma_update(None, "user_version", FORMAT + 1).unwrap();
        assert!(there(&AnswerFile::open(&path, LIMITS).unwrap()).is_empty());
    }
}
