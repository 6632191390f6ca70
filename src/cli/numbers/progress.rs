//! How far a file has been sent.

use std::io::{self, Read, Write};

const MIB: u64 = 1 << 20;

/// Reads, and shows on one line of a terminal how much of it was read; the line is gone when this is dropped.
pub(in crate::cli) struct Progress<'f, 's> {
    from: &'f mut dyn Read,
    bytes: Option<u64>,
    read: u64,
    seen: Option<&'s mut dyn Write>,
    line: String,
}

impl<'f, 's> Progress<'f, 's> {
    pub(in crate::cli) fn new(
        from: &'f mut dyn Read,
        bytes: Option<u64>,
        seen: Option<&'s mut dyn Write>,
    ) -> Self {
        Self { from, bytes, read: 0, seen, line: String::new() }
    }

    fn line(&self) -> String {
        match self.bytes {
            Some(bytes) if self.read < bytes => {
                let done = self.read.saturating_mul(100) / bytes;
                format!("sent {done} % of {} MiB", bytes.div_ceil(MIB))
            }
            Some(_) => "sent; the router is at work".to_owned(),
            None => format!("sent {} MiB", self.read / MIB),
        }
    }

    /// Writes a line anew where it says something else than before. That it cannot be seen keeps nothing from being sent.
    fn show(&mut self) {
        let line = self.line();
        if let Some(seen) = &mut self.seen
            && line != self.line
        {
            let _ = write!(seen, "\r\x1b[K{line}").and_then(|()| seen.flush());
            self.line = line;
        }
    }
}

impl Read for Progress<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.from.read(into)?;
        self.read += bytes as u64;
        self.show();
        Ok(bytes)
    }
}

impl Drop for Progress<'_, '_> {
    fn drop(&mut self) {
        if let Some(seen) = &mut self.seen
            && !self.line.is_empty()
        {
            let _ = write!(seen, "\r\x1b[K").and_then(|()| seen.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_seen_once_a_percent_and_leaves_no_line() {
        let (text, mut seen) = (vec![b'x'; 2_000_000], Vec::new());
        let mut from = text.as_slice();
        let mut progress = Progress::new(&mut from, Some(2_000_000), Some(&mut seen));
        assert_eq!(io::copy(&mut progress, &mut io::sink()).unwrap(), 2_000_000);
        drop(progress);
        let seen = String::from_utf8(seen).unwrap();
        let lines: Vec<&str> = seen.split("\r\x1b[K").collect();
        assert!((50..=103).contains(&lines.len()), "{lines:?}");
        assert!(lines.contains(&"sent 50 % of 2 MiB"), "{lines:?}");
        assert_eq!(&lines[lines.len() - 2..], ["sent; the router is at work", ""]);
    }

    #[test]
    fn where_nobody_looks_nothing_is_shown() {
        let mut from = b"abc".as_slice();
        let mut text = String::new();
        Progress::new(&mut from, None, None).read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }
}
