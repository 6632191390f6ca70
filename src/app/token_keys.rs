//! The file of the keys of tokens: made by the first start, followed while the router runs.

use std::path::PathBuf;

use super::random_bytes;
use crate::control::status::Status;
use crate::routing::token::{KeyRing, TokenKeys};
use crate::settings::Settings;
use crate::store::folder::{DataFolder, FolderError, read_secrets};

/// Where the keys are, one a line, the one that signs first.
#[derive(Debug)]
pub(super) struct TokenKeyFile {
    path: PathBuf,
}

impl TokenKeyFile {
    /// The file that the settings name: made if it belongs into the data folder and is not there; one that is kept
    /// elsewhere is somebody else's and must be there.
    ///
    /// One that is made by a later start takes the place of one that was lost, which is said.
    pub(super) fn open(
        settings: &Settings,
        folder: &DataFolder,
        is_first: bool,
    ) -> Result<(Self, KeyRing), FolderError> {
        let path = settings.token.key_file.clone();
        if let Some(name) = path.strip_prefix(folder.path()).ok().and_then(|name| name.to_str())
            && !path.exists()
        {
            folder.secret(name, random_bytes())?;
            if !is_first {
                tracing::warn!(
                    file = %path.display(),
                    "the key of tokens was not there and is made anew: no token that was given before is valid any more, and \
                     a call that comes back with one is decided like a new call; a backup of the file, put in its place, \
                     is taken over at once"
                );
            }
        }
        let file = Self { path };
        let ring = file.read()?;
        Ok((file, ring))
    }

    /// Takes over what the file says now. One that is faulty or gone changes nothing but the status, which tells so until
    /// the file is whole again; the log has it once.
    pub(super) fn follow(&self, keys: &TokenKeys, status: &Status) {
        let before = status.token_key_fault();
        let fault = match self.read() {
            Ok(ring) => {
                let (count, file) = (ring.count(), self.path.display());
                if keys.replace(ring) {
                    tracing::info!(count, %file, "the keys of tokens were taken over");
                } else if before.is_some() {
                    tracing::info!(count, %file, "the file of the keys of tokens is whole again");
                }
                None
            }
            Err(why) => Some(why.to_string()),
        };
        if let Some(fault) = fault.as_ref().filter(|fault| before.as_ref() != Some(fault)) {
            tracing::error!("{fault}: the keys of tokens stay as they are");
        }
        status.set_token_key_fault(fault);
    }

    fn read(&self) -> Result<KeyRing, FolderError> {
        let keys = read_secrets(&self.path)?;
        KeyRing::new(&keys).ok_or_else(|| FolderError::Malformed {
            path: self.path.clone(),
            expected: "1 to 4 lines of 64 hexadecimal digits",
        })
    }
}
