//! A look into a data folder that belongs to a running router.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ADDRESSES, ADMIN_KEY, FolderError};

/// Reads what a router leaves for the client commands; takes no lock and changes nothing.
#[derive(Debug, Clone)]
pub struct Peek {
    path: PathBuf,
}

impl Peek {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where the router listens, as JSON; nothing if none has ever run here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn addresses(&self) -> Result<Option<String>, FolderError> {
        self.read(ADDRESSES)
    }

    /// The key of the first account, without white space around it; nothing if there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn admin_key(&self) -> Result<Option<String>, FolderError> {
        Ok(self.read(ADMIN_KEY)?.map(|text| text.trim().to_owned()))
    }

    fn read(&self, name: &str) -> Result<Option<String>, FolderError> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FolderError::io(&path, "read")(error)),
        }
    }
}
