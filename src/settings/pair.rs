//! Reading two files that belong together, such as a certificate and its key: both from one moment.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::folder::{Stamp, Stillness, bytes_of};

/// Largest file that is read.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Looks at files that keep changing before they are given up on until the next time.
const LOOKS_MAX: usize = 20;

/// Two files; links are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePair {
    /// The one.
    pub first: PathBuf,
    /// The other.
    pub second: PathBuf,
}

/// What tells whether either file has changed; the default is that of no file ever seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamps([Option<Stamp>; 2]);

/// What a look at the files has found.
#[derive(Debug)]
pub enum Look {
    /// They are as they were.
    Unchanged,
    /// They have been written, and may be as they were all the same: each with its bytes, or why it cannot be read.
    Changed(Stamps, [io::Result<Vec<u8>>; 2]),
    /// They keep changing.
    Restless,
}

impl FilePair {
    /// Reads both files if either has changed since `last`, once both have been still and two looks agree.
    ///
    /// Blocks: it pauses for the still time.
    pub fn read(&self, last: Stamps, stillness: Stillness<'_>) -> Look {
        let mut stamps = self.stamps();
        for _ in 0..LOOKS_MAX {
            if stamps == last && last != Stamps::default() {
                return Look::Unchanged;
            }
            if !stillness.still.is_zero() {
                (stillness.pause)(stillness.still);
            }
            let rested = stamps.0.iter().flatten().all(|stamp| stillness.is_over(stamp));
            let [first, second] = stamps.0;
            let bytes = [bytes(&self.first, first), bytes(&self.second, second)];
            let again = self.stamps();
            if again == stamps && rested {
                return Look::Changed(stamps, bytes);
            }
            stamps = again;
        }
        Look::Restless
    }

    fn stamps(&self) -> Stamps {
        Stamps([&self.first, &self.second].map(|path| std::fs::metadata(path).ok().map(|it| Stamp::of(&it))))
    }
}

fn bytes(path: &Path, stamp: Option<Stamp>) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            format!("it is larger than {FILE_BYTES_MAX} bytes"),
        ));
    }
    // Where it was replaced meanwhile, another look shows it.
    let stamp = stamp.ok_or(ErrorKind::NotFound)?;
    bytes_of(path, stamp)?.ok_or_else(|| ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    const STILL: Duration = Duration::from_millis(200);

    /// Two files, and what happens at each pause of a reading, told how many there were before.
    fn read(pair: &FilePair, last: Stamps, happening: impl Fn(u32)) -> Look {
        let pauses = Cell::new(0);
        let pause = |_| happening(pauses.replace(pauses.get() + 1));
        // Long before the files were written, so that their age says nothing.
        let now: &dyn Fn() -> SystemTime = &|| UNIX_EPOCH;
        pair.read(last, Stillness { still: STILL, now, pause: &pause })
    }

    fn texts(look: Look) -> (Stamps, [String; 2]) {
        let Look::Changed(stamps, bytes) = look else { panic!("{look:?}") };
        (
            stamps,
            bytes.map(|bytes| {
                bytes.map_or_else(|why| format!("{:?}", why.kind()), |b| String::from_utf8(b).unwrap())
            }),
        )
    }

    fn pair(root: &Path) -> FilePair {
        FilePair { first: root.join("a"), second: root.join("b") }
    }

    #[test]
    fn both_are_read_once_both_are_still() {
        let root = tempfile::tempdir().unwrap();
        let pair = pair(root.path());
        fs::write(&pair.first, "a1").unwrap();
        fs::write(&pair.second, "b1").unwrap();
        let (stamps, read_first) = texts(read(&pair, Stamps::default(), |_| {}));
        assert_eq!(read_first, ["a1", "b1"]);
        assert!(matches!(read(&pair, stamps, |_| panic!("it waits for nothing")), Look::Unchanged));
        fs::write(&pair.first, "a2.").unwrap();
        let second_while_the_first_rests = |pauses| {
            if pauses == 0 {
                fs::write(&pair.second, "b2.").unwrap();
            }
        };
        assert_eq!(texts(read(&pair, stamps, second_while_the_first_rests)).1, ["a2.", "b2."]);
        let writer = |pauses: u32| fs::write(&pair.first, "x".repeat(pauses as usize + 5)).unwrap();
        assert!(matches!(read(&pair, stamps, writer), Look::Restless));
    }

    #[test]
    fn a_swapped_link_changes_both_and_a_file_that_goes_is_told() {
        let root = tempfile::tempdir().unwrap();
        for day in ["1", "2"] {
            fs::create_dir(root.path().join(day)).unwrap();
            fs::write(root.path().join(day).join("a"), format!("a{day}")).unwrap();
            fs::write(root.path().join(day).join("b"), format!("b{day}")).unwrap();
        }
        let swap = |day: &str| {
            symlink(day, root.path().join("next")).unwrap();
            fs::rename(root.path().join("next"), root.path().join("now")).unwrap();
        };
        swap("1");
        let pair = pair(&root.path().join("now"));
        let (stamps, _) = texts(read(&pair, Stamps::default(), |_| {}));
        swap("2");
        let (stamps, read_now) = texts(read(&pair, stamps, |_| {}));
        assert_eq!(read_now, ["a2", "b2"]);
        fs::remove_file(&pair.second).unwrap();
        assert_eq!(texts(read(&pair, stamps, |_| {})).1, ["a2", "NotFound"]);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let pair = pair(root.path());
        fs::create_dir(&pair.first).unwrap();
        fs::File::create(&pair.second).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        assert_eq!(texts(read(&pair, Stamps::default(), |_| {})).1, ["InvalidInput", "InvalidData"]);
    }
}
