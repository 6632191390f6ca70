//! JSON written straight into bytes: for answers that are made for every call.

use std::fmt::{self, Write};

/// Writes JSON at the end of a buffer. Who calls it is to put the parts in their order; texts are always escaped.
#[derive(Debug)]
pub struct Json<'o>(pub &'o mut Vec<u8>);

impl Json<'_> {
    /// Something that is JSON already: punctuation, names of members, constants.
    #[inline]
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// The same, where it is kept as bytes.
    #[inline]
    pub fn copied(&mut self, json: &[u8]) -> &mut Self {
        self.0.extend_from_slice(json);
        self
    }

    /// A text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.push(b'"');
        escape(self.0, text);
        self.0.push(b'"');
        self
    }

    /// A text of characters that need no escape: ids of letters and digits, names of ours.
    #[inline]
    pub fn plain(&mut self, text: &str) -> &mut Self {
        debug_assert!(!text.bytes().any(is_special), "{text:?}");
        self.raw("\"").raw(text).raw("\"")
    }

    /// Such a text, or null.
    #[inline]
    pub fn plain_or_null(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.plain(text),
            None => self.raw("null"),
        }
    }

    /// A text, or null.
    pub fn text_or_null(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.raw("null"),
        }
    }

    /// A whole number.
    pub fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.raw(itoa::Buffer::new().format(number))
    }

    /// A whole number, or null.
    pub fn number_or_null(&mut self, number: Option<impl itoa::Integer>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.raw("null"),
        }
    }

    /// A number with a fraction, or null; what is no number is null too.
    pub fn real_or_null(&mut self, number: Option<f64>) -> &mut Self {
        match number.filter(|number| number.is_finite()) {
            // Writing into memory does not fail, and what is finite shows as JSON wants it.
            Some(number) => {
                let _ = write!(Escaped(self.0), "{number}");
                self
            }
            None => self.raw("null"),
        }
    }

    /// What a thing shows itself as, as a text.
    pub fn shown(&mut self, thing: impl fmt::Display) -> &mut Self {
        self.raw("\"").escaped(thing).raw("\"")
    }

    /// The same without the quotes around it: a piece of a text.
    pub fn escaped(&mut self, thing: impl fmt::Display) -> &mut Self {
        // Writing into memory does not fail.
        let _ = write!(Escaped(self.0), "{thing}");
        self
    }
}

struct Escaped<'o>(&'o mut Vec<u8>);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Appends a text, piece by piece between the characters that JSON wants escaped.
fn escape(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    // Looking at all bytes and stopping at none is many at a time.
    if !rest.iter().fold(false, |special, byte| special | is_special(*byte)) {
        out.extend_from_slice(rest);
        return;
    }
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((special, after)) = special.split_first() else { return };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                const DIGITS: [u8; 16] = *b"0123456789abcdef";
                let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(control >> 4), digit(control & 15)]);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text: String) {
            let (mut out, mut shown) = (Vec::new(), Vec::new());
            Json(&mut out).text(&text);
            Json(&mut shown).shown(format_args!("{text}"));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            prop_assert_eq!(out, shown);
        }
    }
}
