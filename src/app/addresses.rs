//! Where the router listens, for those who look into its data folder.

use std::net::SocketAddr;

use crate::store::folder::DataFolder;

const NAME: &str = "addresses.json";

/// Writes the bound addresses, by rename; to be done last, when everything answers.
///
/// Only clients on this machine miss them, so that calls are answered without: the disk may be full.
pub(super) fn write(folder: &DataFolder, calls: SocketAddr, admin: SocketAddr) {
    let text = format!("{{\"calls\":\"{calls}\",\"admin\":\"{admin}\"}}\n");
    if let Err(why) = folder.write_atomic(NAME, text.as_bytes(), 0o644) {
        tracing::warn!(error = %why, "{NAME} could not be written: clients must be told --url");
    }
}

/// Removes them, on a clean stop.
pub(super) fn remove(folder: &DataFolder) {
    if let Err(why) = std::fs::remove_file(folder.addresses()) {
        tracing::warn!(error = %why, "{NAME} could not be removed");
    }
}
