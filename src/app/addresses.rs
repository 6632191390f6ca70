//! Where the router listens, for those who look into its data folder.

use std::net::SocketAddr;

use crate::store::folder::{DataFolder, FolderError};

const NAME: &str = "addresses.json";

/// Writes the bound addresses, by rename; to be done last, when everything answers.
pub(super) fn write(folder: &DataFolder, calls: SocketAddr, admin: SocketAddr) -> Result<(), FolderError> {
    let text = format!("{{\"calls\":\"{calls}\",\"admin\":\"{admin}\"}}\n");
    folder.write_atomic(NAME, text.as_bytes(), 0o644)
}

/// Removes them, on a clean stop.
pub(super) fn remove(folder: &DataFolder) {
    if let Err(why) = std::fs::remove_file(folder.addresses()) {
        tracing::warn!(error = %why, "{NAME} could not be removed");
    }
}
