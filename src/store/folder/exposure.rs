//! Which secrets of the data folder others could get at.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;

/// A sentence for each secret that is not its owner's only, and for a folder that others may write in.
pub(super) fn exposed(folder: &Path) -> io::Result<Vec<String>> {
    let mut sentences = Vec::new();
    if fs::metadata(folder)?.permissions().mode() & OTHERS_WRITE != 0 {
        sentences.push(format!("others may write in {}: chmod go-w it", folder.display()));
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_secret(&path) && fs::metadata(&path)?.permissions().mode() & OTHERS != 0 {
            sentences.push(format!("others than its owner may use {}: chmod 600 it", path.display()));
        }
    }
    sentences.sort_unstable();
    Ok(sentences)
}

/// Whether it is a key, one that is to take its place, or one that is being written.
fn is_secret(path: &Path) -> bool {
    let mut name = path.to_owned();
    while name.extension().is_some_and(|extension| extension == "next" || extension == "new") {
        name.set_extension("");
    }
    name.extension().is_some_and(|extension| extension == "key")
}
