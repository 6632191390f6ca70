//! A small disk of one's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory, mounted until this is dropped.
pub struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many KiB; none where this user may not mount.
    pub fn mount(at: &Path, kib: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={kib}k,mode=700"), "tmpfs"]).arg(at);
        let mounted = command.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self { at: at.to_owned() })
    }

    /// Takes all the room there is.
    pub fn fill(&self) {
        let (mut file, page) = (fs::File::create(self.filler()).unwrap(), [0; 4096]);
        while std::io::Write::write(&mut file, &page).is_ok_and(|written| written > 0) {}
    }

    /// Gives it back.
    pub fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the router may still hold files on it.
        drop(Command::new("umount").arg("-l").arg(&self.at).status());
    }
}
