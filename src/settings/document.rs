//! A TOML text that knows at which line and column each byte stands.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;

use super::fault::{Fault, Place};

/// The text of a file, by the name the operator knows it.
pub(super) struct Document<'t> {
    name: Arc<str>,
    text: &'t str,
    line_starts: Vec<usize>,
}

impl<'t> Document<'t> {
    /// A text to be parsed.
    pub(super) fn new(name: &str, text: &'t str) -> Self {
        let after_newlines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self { name: Arc::from(name), text, line_starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// A fault for each place that is no TOML, and the text without the lines they are on.
    ///
    /// The parser finds every error, but builds its table only up to some kinds of them: what else is wrong below
    /// such a line can only be told from a text that lacks it. Every other byte stays where it was.
    pub(super) fn sound(&self) -> (Cow<'t, str>, Vec<Fault>) {
        let (_, faults) = self.parse(self.text);
        if faults.is_empty() {
            (Cow::Borrowed(self.text), faults)
        } else {
            (self.without_lines(&faults).into(), faults)
        }
    }

    /// What could be parsed of this text or a sound copy, and a fault for each place where that failed.
    pub(super) fn parse<'s>(&self, text: &'s str) -> (Spanned<DeTable<'s>>, Vec<Fault>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        (table, self.faults(&errors))
    }

    fn faults(&self, errors: &[toml::de::Error]) -> Vec<Fault> {
        let faults = errors.iter().map(|error| {
            let place = error.span().map_or_else(|| self.start(), |span| self.place(&span));
            place.fault(error.message().replace('\n', ", "), "TOML")
        });
        faults.collect()
    }

    /// The text with the lines of faults blanked, every other byte where it was; where the line is the header of a
    /// table, with that table, whose keys would be taken for those of the table before.
    fn without_lines(&self, faults: &[Fault]) -> String {
        let lines: BTreeSet<usize> =
            faults.iter().filter_map(|fault| usize::try_from(fault.line).ok()).collect();
        let mut sound = String::with_capacity(self.text.len());
        let mut headless = false;
        for (line, text) in (1..).zip(self.text.split_inclusive('\n')) {
            let is_faulty = lines.contains(&line);
            if text.trim_start().starts_with('[') {
                headless = is_faulty;
            }
            if is_faulty || headless {
                let content = text.trim_end_matches('\n');
                sound.extend(std::iter::repeat_n(' ', content.len()));
                sound.push_str(text.get(content.len()..).unwrap_or_default());
            } else {
                sound.push_str(text);
            }
        }
        sound
    }

    /// Where a span begins.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= span.start);
        let start = line.checked_sub(1).and_then(|ix| self.line_starts.get(ix)).copied().unwrap_or(0);
        let column = self.text.get(start..span.start).map_or(0, |before| before.chars().count()) + 1;
        Place::in_file(Arc::clone(&self.name), saturating(line), saturating(column))
    }

    /// The first character of the file.
    pub(super) fn start(&self) -> Place {
        Place::in_file(Arc::clone(&self.name), 1, 1)
    }
}

fn saturating(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let document = Document::new("f", "a = 1\nü = \"é\" x\n");
        let fault = document.place(&(14..15)).fault("m", "e");
        assert_eq!((fault.line, fault.column), (2, 7));
        assert_eq!(document.place(&(0..1)), document.start());
    }

    #[test]
    fn every_broken_line_is_reported_and_the_rest_is_read() {
        let document = Document::new("f", "a = \nbroken\nb = 1\nb = 2\n[c]\n");
        let (sound, mut faults) = document.sound();
        let (table, more) = document.parse(&sound);
        faults.extend(more);
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2, 4]));
        let (key, _) = table.get_ref().get_key_value("c").unwrap();
        assert_eq!(document.place(&key.span()).fault("", "").line, 5);
    }

    #[test]
    fn the_keys_of_a_table_that_is_there_twice_are_not_those_of_the_table_before() {
        let document =
            Document::new("f", "[limits]\na = 1\n[log]\nb = 1\n[limits]\nfoo = 1\n[calls]\nc = 1\n");
        let (sound, faults) = document.sound();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [5]);
        let (table, _) = document.parse(&sound);
        let keys = |name: &str| {
            let table = table.get_ref().get(name).unwrap().get_ref().as_table().unwrap();
            table.keys().map(|key| key.get_ref().to_string()).collect::<Vec<_>>()
        };
        assert_eq!([keys("log"), keys("calls")], [["b"], ["c"]]);
    }
}
