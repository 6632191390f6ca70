//! What goes wrong inside, before it is told to anybody.

use std::error::Error;
use std::io;

use rusqlite::ErrorCode;

use crate::domain::id::InvalidId;
use crate::store::error::{Deed, StoreError, StoreErrorKind};

/// A failure within the engine.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// A row holds what nobody can have written.
    Damage(Box<dyn Error + Send + Sync>),
    /// A file that is no database could not be read or written.
    Disk(StoreErrorKind, io::Error),
    /// The kind is known already.
    Known(StoreErrorKind),
}

pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(super) fn damage(what: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damage(what.into())
    }

    /// What the file system says.
    pub(super) fn disk(why: io::Error) -> Self {
        let is_full = matches!(why.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        Self::Disk(if is_full { StoreErrorKind::DiskFull } else { StoreErrorKind::Io }, why)
    }

    /// As the port tells it.
    pub(super) fn told(self, deed: Deed) -> StoreError {
        match self {
            Self::Sqlite(error) => StoreError::from_source(deed, kind_of(&error), error),
            Self::Damage(source) => StoreError::from_source(deed, StoreErrorKind::Damaged, source),
            Self::Disk(kind, source) => StoreError::from_source(deed, kind, source),
            Self::Known(kind) => StoreError::new(deed, kind),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::damage(error)
    }
}

impl From<InvalidId> for Failure {
    fn from(error: InvalidId) -> Self {
        Self::damage(error)
    }
}

fn kind_of(error: &rusqlite::Error) -> StoreErrorKind {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => StoreErrorKind::DiskFull,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => StoreErrorKind::Io,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreErrorKind::Damaged,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreErrorKind::Busy,
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreErrorKind::ReadOnly,
            _ => StoreErrorKind::Other,
        },
        E::QueryReturnedNoRows
        | E::FromSqlConversionFailure(..)
        | E::InvalidColumnType(..)
        | E::IntegralValueOutOfRange(..) => StoreErrorKind::Damaged,
        _ => StoreErrorKind::Other,
    }
}
