//! Folders and files for their owner only, whatever the umask.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

const FOLDER: u32 = 0o700;

/// Makes a folder, and those above it that are missing; durable when it returns. One that is there stays as it is.
///
/// # Errors
/// What the file system says.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(above)?;
    match DirBuilder::new().mode(FOLDER).create(path) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        made => made?,
    }
    close(path)?;
    sync_folder(above)
}

/// Takes a folder that is there away from everybody but its owner.
///
/// # Errors
/// What the file system says.
pub fn close(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(FOLDER))
}

/// Begins a file anew, with exactly this mode.
///
/// # Errors
/// What the file system says.
pub fn begin(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(path)?;
    // It may be one that a power cut left behind, with another mode.
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Makes durable which names a folder holds.
///
/// # Errors
/// What the file system says.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
