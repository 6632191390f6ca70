//! Where something that was parsed stands in its file.

use crate::domain::fault::Fault;

/// Longest part of a line that is counted in characters; what is further right has column 0.
const COLUMN_BYTES_MAX: usize = 64 << 10;

/// A text that was put together from whole lines of a file, and knows which.
#[derive(Debug, Default)]
pub(super) struct Origin {
    text: String,
    /// Line of `text`, from 0, and its line in the file, from 1: where a run of lines begins.
    runs: Vec<(usize, u32)>,
    lines: usize,
    /// Whether the file has no end of the last line, which `text` has.
    open: bool,
}

impl Origin {
    /// Lines of the file, of which the first has this number.
    pub(super) fn of(lines: &str, first_line: u32) -> Self {
        let mut origin = Self::default();
        origin.push(lines, first_line);
        origin
    }

    /// Adds further lines of the file.
    pub(super) fn push(&mut self, lines: &str, first_line: u32) {
        self.runs.push((self.lines, first_line));
        self.text.push_str(lines);
        self.lines += newlines(lines);
        self.open = !lines.is_empty() && !lines.ends_with('\n');
        if self.open {
            self.text.push('\n');
            self.lines += 1;
        }
    }

    /// Adds lines that were put together elsewhere.
    pub(super) fn append(&mut self, other: Self) {
        self.runs.extend(other.runs.into_iter().map(|(line, in_file)| (self.lines + line, in_file)));
        self.text.push_str(&other.text);
        self.lines += other.lines;
        self.open = other.open;
    }

    /// The runs of lines it was put together from, each with the number of its first line in the file.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (&str, u32)> {
        let ends = self.runs.iter().skip(1).map(|(line, _)| *line).chain([usize::MAX]);
        let mut lines = self.text.split_inclusive('\n').map(str::len);
        let (mut line, mut at) = (0, 0);
        self.runs.iter().zip(ends).map(move |((_, in_file), end)| {
            let from = at;
            while line < end
                && let Some(bytes) = lines.next()
            {
                line += 1;
                at += bytes;
            }
            (self.text.get(from..at).unwrap_or_default(), *in_file)
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Reads places in this text: costs one walk over it.
    pub(super) fn places(&self) -> Places<'_> {
        let after_newlines = memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|at| at + 1);
        Places { origin: self, starts: std::iter::once(0).chain(after_newlines).collect() }
    }
}

/// The places of offsets.
pub(super) struct Places<'o> {
    origin: &'o Origin,
    starts: Vec<usize>,
}

impl Places<'_> {
    /// Line and column of an offset, in the file.
    pub(super) fn at(&self, offset: usize) -> (u32, u32) {
        // Behind the last line there is none, unless the file ends it.
        let end = self.origin.text.len().saturating_sub(usize::from(self.origin.open));
        let offset = offset.min(end);
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let run = self.origin.runs.partition_point(|(first, _)| *first <= line).saturating_sub(1);
        let (first, in_file) = self.origin.runs.get(run).copied().unwrap_or((0, 1));
        (in_file.saturating_add(small(line - first)), column(self.origin.text(), start, offset))
    }
}

fn column(text: &str, start: usize, offset: usize) -> u32 {
    match text.get(start..offset) {
        Some(before) if before.len() <= COLUMN_BYTES_MAX => small(before.chars().count()).saturating_add(1),
        _ => 0,
    }
}

/// How many newlines a text has.
pub(super) fn newlines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

/// A count as lines and columns have it.
pub(super) fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The text of a file, without the byte order mark that some editors put first.
///
/// # Errors
/// Where it is not UTF-8, or has a NUL byte.
pub(super) fn text_of<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let fault = |at: usize, message: &str| {
        let before = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Fault {
            file: file.to_owned(),
            line: small(newlines(&before)).saturating_add(1),
            column: column(&before, start, before.len()),
            message: message.to_owned(),
            expected: "text in UTF-8".to_owned(),
        }
    };
    if let Some(at) = memchr::memchr(0, bytes) {
        return Err(fault(at, "has a NUL byte"));
    }
    std::str::from_utf8(bytes).map_err(|why| fault(why.valid_up_to(), "is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_taken_out_of_a_file_still_know_their_number() {
        let mut origin = Origin::of("a\nbé c\n", 1);
        origin.push("d\ne", 10);
        origin.push("f\n", 20);
        assert_eq!(origin.text(), "a\nbé c\nd\ne\nf\n");
        let pieces: Vec<_> = origin.pieces().collect();
        assert_eq!(pieces, [("a\nbé c\n", 1), ("d\ne\n", 10), ("f\n", 20)]);
        let places = origin.places();
        let at = |word: &str| places.at(origin.text().find(word).unwrap());
        assert_eq!(
            [at("a"), at("c"), at("d"), at("e"), at("f")],
            [(1, 1), (2, 4), (10, 1), (11, 1), (20, 1)]
        );
    }

    #[test]
    fn what_is_missing_at_the_end_is_missed_in_the_last_line_there_is() {
        let end = |origin: &Origin| origin.places().at(origin.text().len());
        assert_eq!(end(&Origin::of("a\nbc", 1)), (2, 3));
        assert_eq!(end(&Origin::of("a\nbc\n", 1)), (3, 1));
        let mut origin = Origin::of("a", 1);
        origin.append(Origin::of("bc", 7));
        assert_eq!(end(&origin), (7, 3));
    }

    #[test]
    fn what_is_no_text_is_a_fault_at_its_place_and_a_byte_order_mark_is_none() {
        assert_eq!(text_of("f", b"\xef\xbb\xbfa = 1"), Ok("a = 1"));
        let place = |bytes| text_of("f", bytes).map_err(|fault| (fault.line, fault.column)).unwrap_err();
        assert_eq!(place(b"a\nb\xffc"), (2, 2));
        assert_eq!(place(b"a\n\0"), (2, 1));
    }
}
