//! Why the store could not do what it was asked to.

use std::error::Error;
use std::fmt;

/// What the store was about to do when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Open it.
    Open,
    /// Read from it.
    Read,
    /// Write to it.
    Write,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "opened",
            Self::Read => "read",
            Self::Write => "written",
        })
    }
}

/// The kind of a failure: what somebody could do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreErrorKind {
    /// No room is left; writes work again once there is some.
    #[error("the disk is full")]
    DiskFull,
    /// The disk or its file system failed.
    #[error("the disk reports an error")]
    Io,
    /// What was read makes no sense.
    #[error("the file is damaged")]
    Damaged,
    /// The file or its log is no longer where it was; what is written would be lost with the process.
    #[error(
        "its file was removed or replaced while the router runs: bring it back where it was, or stop the router, put a backup there and start it"
    )]
    Gone,
    /// Another program holds it for longer than is waited.
    #[error("another program holds it")]
    Busy,
    /// The file, its folder or the file system is read-only.
    #[error("it may only be read")]
    ReadOnly,
    /// There is a database, but of another program.
    #[error("the file is no store of Cordboard")]
    Foreign,
    /// A later release made it.
    #[error("its format {found} is newer than {known}, the newest this release knows")]
    Newer {
        /// The format of the file.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// The entries to commit do not follow each other; nothing was written.
    #[error("the revisions do not follow each other")]
    OutOfOrder,
    /// Anything else.
    #[error("it failed for a reason that is in the log")]
    Other,
}

/// A failure of the store. Its text may go to whoever asked; the source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot be {deed}: {kind}")]
pub struct StoreError {
    kind: StoreErrorKind,
    deed: Deed,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// A failure with nothing more to say.
    #[must_use]
    pub fn new(deed: Deed, kind: StoreErrorKind) -> Self {
        Self { kind, deed, source: None }
    }

    /// A failure and what it comes from.
    pub fn from_source(
        deed: Deed,
        kind: StoreErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, deed, source: Some(source.into()) }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}
