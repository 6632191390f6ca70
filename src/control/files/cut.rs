//! Cuts a route file at its table headers, so that a large one need not be parsed whole.
//!
//! Parsed whole, a file takes forty times its size in memory. Cut, its numbers are read a few at a time, and only what
//! is no number (and the first number) is parsed together. The pieces mean what the whole means because
//!
//! - a line that is `[[number]]`, `[[split]]`, `[[prefix]]`, `[default]` or `[[caller_pin]]` is always a header: it is no
//!   value, and only a text of several lines could hold it, which files that are cut have not;
//! - a `[[number]]` takes nothing from the tables before it, and nothing from those behind it but from `[number.…]`,
//!   whose own header is no place to cut; elsewhere such a header keeps the file from being cut ([`Whole`]);
//! - what clashes with `[[number]]` as a table of many clashes with the first one, which stays.

use super::origin::{newlines, small};
use super::plain::{self, Plain, first_line, is_comment, trim};

/// A header that stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// `[[number]]`.
    Number,
    /// `[[split]]`, `[[prefix]]`, `[default]` or `[[caller_pin]]`.
    Other,
}

/// Whole lines of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section<'t> {
    pub(super) text: &'t str,
    /// The number of its first line.
    pub(super) line: u32,
    pub(super) kind: SectionKind<'t>,
}

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionKind<'t> {
    /// One number, read already.
    Plain(Plain<'t>),
    /// One number, and perhaps tables that add to others.
    Number,
    /// What has to be read together with everything else of this kind.
    Rest,
}

/// The file cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole;

/// The sections of a text, in order, without a gap; an error where the text has to be read whole after all.
pub(super) struct Sections<'t> {
    rest: &'t str,
    line: u32,
    /// Whether the first number has been seen.
    numbers: bool,
}

impl<'t> Sections<'t> {
    /// Where a text may be cut.
    ///
    /// # Errors
    /// Where it has texts of several lines.
    pub(super) fn of(text: &'t str) -> Result<Self, Whole> {
        let has = |needle: &str| memchr::memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
        if has("\"\"\"") || has("'''") {
            return Err(Whole);
        }
        Ok(Self { rest: text, line: 1, numbers: false })
    }

    fn take(&mut self, bytes: usize, lines: u32, kind: SectionKind<'t>) -> Section<'t> {
        let (text, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        let section = Section { text, line: self.line, kind };
        self.rest = rest;
        self.line = self.line.saturating_add(lines);
        section
    }
}

impl<'t> Iterator for Sections<'t> {
    type Item = Result<Section<'t>, Whole>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let is_number = header(first_line(self.rest).0) == Some(Header::Number);
        let is_first = is_number && !self.numbers;
        self.numbers |= is_number;
        if is_number
            && !is_first
            && let Some((plain, bytes, lines)) = plain::read(self.rest)
        {
            return Some(Ok(self.take(bytes, lines, SectionKind::Plain(plain))));
        }
        let bytes = up_to_next_header(self.rest);
        let text = self.rest.get(..bytes).unwrap_or(self.rest);
        if !is_number && adds_to_numbers(text) {
            return Some(Err(Whole));
        }
        let kind = if is_number && !is_first { SectionKind::Number } else { SectionKind::Rest };
        Some(Ok(self.take(bytes, small(newlines(text)), kind)))
    }
}

/// Whether a line is a header at which a file may be cut.
pub(super) fn header(line: &str) -> Option<Header> {
    let line = trim(line);
    let (header, rest) = if let Some(rest) = line.strip_prefix("[[number]]") {
        (Header::Number, rest)
    } else {
        let mut others = ["[[split]]", "[[prefix]]", "[default]", "[[caller_pin]]"].into_iter();
        (Header::Other, others.find_map(|other| line.strip_prefix(other))?)
    };
    is_comment(trim(rest)).then_some(header)
}

/// Bytes up to the first header after the first line.
fn up_to_next_header(text: &str) -> usize {
    let (_, mut at) = first_line(text);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (line, len) = first_line(rest);
        if header(line).is_some() {
            return at;
        }
        at += len;
    }
    text.len()
}

/// Whether some line could be the header of a table that adds to a number elsewhere. May say yes where there is none.
fn adds_to_numbers(text: &str) -> bool {
    text.lines().any(|line| {
        let Some(name) = trim(line).strip_prefix('[') else { return false };
        let name = name.trim_start_matches(['[', ' ', '\t']);
        let quoted = name.starts_with(['"', '\'']);
        name.starts_with("number") || (quoted && (name.contains("number") || name.contains('\\')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<(char, u32)>, Whole> {
        Sections::of(text)?
            .map(|section| {
                section.map(|section| match section.kind {
                    SectionKind::Plain(_) => ('p', section.line),
                    SectionKind::Number => ('n', section.line),
                    SectionKind::Rest => ('r', section.line),
                })
            })
            .collect()
    }

    #[test]
    fn the_first_number_and_what_is_no_number_stay_together() {
        let text = "account = \"a\"\n[[number]]\nnumber = \"1\"\n  [[number]] # 2\nnumber = \"2\"\n[default]\n\
                    agent = \"a\"\n[[number]]\nnumber = \"3\"\nheaders = {}\n[[number]]\nnumber = \"4\"";
        assert_eq!(kinds(text), Ok(vec![('r', 1), ('r', 2), ('p', 4), ('r', 6), ('n', 8), ('p', 11)]));
    }

    #[test]
    fn a_file_in_which_a_header_may_be_no_header_or_add_to_a_number_is_read_whole() {
        let numbers = "[[number]]\nnumber = \"1\"\n[[number]]\nnumber = \"2\"\n[[split]]\n";
        assert!(kinds(numbers).is_ok());
        for rest in [
            "name = \"\"\"\n[[number]]\n\"\"\"",
            "name = '''\n[[number]]\n'''",
            "[number.headers]\nX = \"1\"",
            "[[ number ]]\n",
            "[ \"n\\u0075mber\".headers]\n",
            "['number']\n",
        ] {
            assert_eq!(kinds(&format!("{numbers}{rest}")), Err(Whole), "{rest:?}");
        }
    }
}
