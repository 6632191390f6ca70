//! The column of a number in its line, looked up when a fault is told of it.
//!
//! Rows of numbers remember lines only: there are millions of them, and faults are a hundred at most.

use super::origin::small;
use super::source::SourceFile;
use crate::domain::address::Number;
use crate::domain::refusal::Refusal;

/// Longest line that is looked at.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Where a number stands in a line of a file, in characters from 1: its last place, since what is given twice in one
/// line is told of the second one. If it is written in some unusual way, where the line begins to say something.
pub(super) fn column_of(text: &str, line: u32, number: &Number) -> u32 {
    column(text, line, |value| Number::parse(value).is_ok_and(|found| found == *number))
}

/// A refusal with the columns of its faults: one that knows its line only gets that of the number it names, if the
/// file is at hand. Costs a walk over the file for each.
pub fn located(mut refusal: Refusal, files: &[SourceFile]) -> Refusal {
    for fault in refusal.faults.iter_mut().filter(|fault| fault.line > 0 && fault.column == 0) {
        let Some(file) = files.iter().find(|file| *file.path == *fault.file) else { continue };
        let Ok(text) = std::str::from_utf8(&file.bytes) else { continue };
        let words: Vec<&str> = fault.message.split([' ', ',']).collect();
        fault.column = column(text, fault.line, |value| {
            Number::parse(value).is_ok_and(|number| words.contains(&number.to_string().as_str()))
        });
    }
    refusal
}

fn column(text: &str, line: u32, mut is_it: impl FnMut(&str) -> bool) -> u32 {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let nth = line.checked_sub(1).and_then(|nth| usize::try_from(nth).ok());
    let Some(line) = nth.and_then(|nth| nth_line(text, nth)).filter(|line| line.len() <= LINE_BYTES_MAX)
    else {
        return 0;
    };
    let begins = || line.len() - line.trim_start().len();
    let at = quoted(line).filter(|(_, value)| is_it(value)).last().map_or_else(begins, |(at, _)| at);
    small(line.get(..at).unwrap_or_default().chars().count()).saturating_add(1)
}

fn nth_line(text: &str, nth: usize) -> Option<&str> {
    let start = match nth.checked_sub(1) {
        None => 0,
        Some(before) => memchr::memchr_iter(b'\n', text.as_bytes()).nth(before)? + 1,
    };
    text.get(start..)?.lines().next()
}

/// Texts between quotes, each with the place of its first quote.
fn quoted(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = line.get(at..)?;
        let open = rest.find(['"', '\''])?;
        let quote = rest.get(open..)?.chars().next()?;
        let inner = rest.get(open + 1..)?;
        let close = inner.find(quote)?;
        let found = (at + open, inner.get(..close)?);
        at += open + close + 2;
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_in_its_line_whatever_stands_before_it() {
        let at = |text: &str, line, number: &str| column_of(text, line, &Number::parse(number).unwrap());
        assert_eq!(at("x\n  number =  \"+14155550100\"\r\n", 2, "+14155550100"), 13);
        let list =
            "\u{feff}number = [{ agent = \"ä\", number = '+14155550100' }, { number = \"+14155550100\" }]";
        assert_eq!(at(list, 1, "+14155550100"), 64);
        assert_eq!(at("  number = \"+1415555010\\u0030\"", 1, "+14155550100"), 3);
        assert_eq!(at("a", 7, "+14155550100"), 0);
    }
}
