//! A small disk of one's own, for root and, by a namespace, for everybody else.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set for a test that runs again in a namespace.
const WITHIN: &str = "LAWS_IN_NAMESPACE";
/// The beginning of a command that runs in a namespace where this user is root and may mount.
const UNSHARE: [&str; 4] = ["--user", "--map-root-user", "--mount", "--"];

/// A file system in memory, mounted until this is dropped.
pub struct SmallDisk {
    at: PathBuf,
    kib: u32,
}

/// Where a test that needs a small disk can run.
pub enum Place {
    Here(SmallDisk),
    /// It ran to its end in a namespace of its own, and passed there.
    Elsewhere,
    Nowhere,
}

impl SmallDisk {
    /// Mounts one of so many KiB for the test of this name; where this user may not mount, runs the test again where
    /// it may.
    #[expect(clippy::disallowed_methods, reason = "a test that runs again is told so by a variable")]
    pub fn mount(at: &Path, kib: u32, test: &str) -> Place {
        fs::create_dir_all(at).unwrap();
        let disk = Self { at: at.to_owned(), kib };
        if disk.attach() {
            return Place::Here(disk);
        }
        assert!(env::var_os(WITHIN).is_none(), "it could be mounted a moment ago");
        let unshare = |program: &Path| {
            let mut command = Command::new("unshare");
            command.args(UNSHARE).arg(program).env(WITHIN, "1");
            command
        };
        if !succeeds(unshare(Path::new("mount")).args(disk.arguments())) {
            return Place::Nowhere;
        }
        let again =
            unshare(&env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]).output().unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        let told = format!("{said}{}", String::from_utf8_lossy(&again.stderr));
        assert!(again.status.success() && said.contains(" 1 passed"), "in a namespace: {told}");
        Place::Elsewhere
    }

    /// Mounts it, empty; false where this user may not.
    pub fn attach(&self) -> bool {
        succeeds(Command::new("mount").args(self.arguments()))
    }

    /// Takes it away with all that is on it; what is left is the empty folder it was mounted on.
    pub fn detach(&self) {
        assert!(succeeds(Command::new("umount").arg(&self.at)));
    }

    fn arguments(&self) -> [String; 6] {
        let (options, at) = (format!("size={}k,mode=700", self.kib), self.at.to_str().unwrap());
        ["-t", "tmpfs", "-o", &options, "tmpfs", at].map(str::to_owned)
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
        succeeds(Command::new("umount").arg("-l").arg(&self.at));
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
