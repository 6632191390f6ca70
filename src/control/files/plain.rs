//! The commonest table there is, read without a parser: a `[[number]]` of nothing but short texts.
//!
//! Ten times as fast as TOML in general, and right because it is strict: whatever is not a known key with a text
//! without escapes, a comment or a blank line, is somebody else's to read.

use super::cut::{Header, header};
use super::origin::small;

/// A `[[number]]` as written; every text stands between plain quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plain<'t> {
    pub(super) number: &'t str,
    /// Lines after the header at which the number stands.
    pub(super) number_line: u32,
    /// Where in that line, in characters from 1.
    pub(super) number_column: u32,
    pub(super) route: PlainRoute<'t>,
    /// Where agent, pin and split stand, counted as for the number.
    pub(super) names: [(u32, u32); 3],
}

/// Where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct PlainRoute<'t> {
    pub(super) agent: Option<&'t str>,
    pub(super) pin: Option<&'t str>,
    pub(super) split: Option<&'t str>,
    pub(super) site_variant: Option<&'t str>,
    pub(super) fallback: Option<&'t str>,
}

/// Reads the table at the start of a text, whose first line is `[[number]]`: the table, its bytes and its lines.
///
/// `None` unless everything up to the next table that stands for itself, or the end, is plain.
pub(super) fn read(text: &str) -> Option<(Plain<'_>, usize, u32)> {
    let mut number = None;
    let mut route = PlainRoute::default();
    let (mut of_number, mut names, mut of_others) = ((0, 0), [(0, 0); 3], (0, 0));
    let mut lines = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (line, len) = first_line(rest);
        if lines > 0 {
            let indented = line.len();
            let line = line.trim_start_matches([' ', '\t']);
            let indent = indented - line.len();
            let line = trim(line);
            match line.as_bytes().first() {
                None => {}
                Some(b'#') if is_comment(line) => {}
                Some(b'[') => {
                    // Any other table may add to this one.
                    header(line)?;
                    break;
                }
                _ => {
                    let (key, value, column) = pair(line)?;
                    let [of_agent, of_pin, of_split] = &mut names;
                    let (place, spot) = match key {
                        "number" => (&mut number, &mut of_number),
                        "agent" => (&mut route.agent, of_agent),
                        "pin" => (&mut route.pin, of_pin),
                        "split" => (&mut route.split, of_split),
                        "site_variant" => (&mut route.site_variant, &mut of_others),
                        "fallback" => (&mut route.fallback, &mut of_others),
                        _ => return None,
                    };
                    *spot = (lines, small(column + indent).saturating_add(1));
                    *place = Some(place.xor(Some(value))?);
                }
            }
        } else if header(line) != Some(Header::Number) {
            return None;
        }
        lines += 1;
        at += len;
    }
    let (number, (number_line, number_column)) = (number?, of_number);
    Some((Plain { number, number_line, number_column, route, names }, at, lines))
}

/// The first line without its end, and its length with it.
pub(super) fn first_line(text: &str) -> (&str, usize) {
    match memchr::memchr(b'\n', text.as_bytes()) {
        Some(end) => {
            let line = text.get(..end).unwrap_or_default();
            (line.strip_suffix('\r').unwrap_or(line), end + 1)
        }
        None => (text, text.len()),
    }
}

/// What TOML means by white space.
pub(super) fn trim(line: &str) -> &str {
    line.trim_matches([' ', '\t'])
}

/// Nothing, or a comment of printable characters.
pub(super) fn is_comment(text: &str) -> bool {
    text.is_empty() || (text.starts_with('#') && is_printable(text))
}

fn is_printable(text: &str) -> bool {
    !text.bytes().any(|c| c < b' ' || c == 0x7f)
}

/// `key = "value"`, perhaps with a comment; and the bytes before the value, which are characters where the key is plain.
fn pair(line: &str) -> Option<(&str, &str, usize)> {
    let (key, rest) = line.split_once('=')?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let column = line.len() - rest.len();
    let rest = rest.strip_prefix('"')?;
    let (value, rest) = rest.split_once('"')?;
    let plain = is_printable(value) && !value.contains('\\') && is_comment(trim(rest));
    plain.then_some((trim(key), value, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_table_ends_at_a_table_that_stands_for_itself() {
        let text = "[[number]] # one\n# where\nagent = \"a\"\r\n\n number=\"+14155550100\" #x\n[[number]]\n";
        let (plain, bytes, lines) = read(text).unwrap();
        assert_eq!((plain.number, plain.number_line, plain.route.agent), ("+14155550100", 4, Some("a")));
        assert_eq!((&text[bytes..], lines), ("[[number]]\n", 5));
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        let number = "[[number]]\nnumber = \"+14155550100\"\n";
        assert!(read(number).is_some());
        for rest in [
            "agent = \"a\\u0062\"\n",
            "agent = \"a\"\nagent = \"b\"\n",
            "number = \"+14155550101\"\n",
            "agent = 'a'\n",
            "agent = \"a\" b\n",
            "agent = \"a\tb\"\n",
            "agent = \"a\"\r",
            "\"agent\" = \"a\"\n",
            "agent.x = \"a\"\n",
            "agent\n= \"a\"\n",
            "headers = {}\n",
            "colour = \"red\"\n",
            "[number.headers]\n",
            "[[ number ]]\n",
            "]\n",
            "# \u{7f}\n",
        ] {
            assert_eq!(read(&format!("{number}{rest}")), None, "{rest:?}");
        }
        assert_eq!(read("[[number]]\nagent = \"a\"\n"), None);
    }
}
