//! The mark that some programs put before a text of UTF-8.

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes the mark off the beginning of a stream, however that is cut.
#[derive(Debug, Default)]
pub(super) struct Bom {
    /// How much of the mark has come; nothing once the beginning is over.
    seen: Option<usize>,
    over: bool,
}

impl Bom {
    /// What of the next bytes is text: what was held back for the mark's sake, and the rest.
    pub(super) fn strip<'b>(&mut self, bytes: &'b [u8]) -> (&'static [u8], &'b [u8]) {
        if self.over {
            return (&[], bytes);
        }
        let seen = self.seen.unwrap_or_default();
        let awaited = MARK.get(seen..).unwrap_or_default();
        let same = awaited.iter().zip(bytes).take_while(|(mark, byte)| mark == byte).count();
        let rest = bytes.get(same..).unwrap_or_default();
        if same == awaited.len() {
            self.over = true;
            return (&[], rest);
        }
        self.seen = Some(seen + same);
        if rest.is_empty() {
            return (&[], rest);
        }
        (self.end(), rest)
    }

    /// What was held back of a text that began like the mark.
    pub(super) fn end(&mut self) -> &'static [u8] {
        if self.over {
            return &[];
        }
        self.over = true;
        MARK.get(..self.seen.unwrap_or_default()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_mark_is_taken_off_once_however_the_stream_is_cut(
            text in prop::collection::vec(prop_oneof![Just(0xef), Just(0xbb), Just(0xbf), Just(b'a')], 0..10),
            cuts in prop::collection::vec(0..4_usize, 12),
        ) {
            let (mut bom, mut out, mut left) = (Bom::default(), Vec::new(), text.as_slice());
            for cut in cuts.into_iter().chain([text.len()]) {
                let (now, later) = left.split_at(cut.min(left.len()));
                let (held, rest) = bom.strip(now);
                out.extend_from_slice(held);
                out.extend_from_slice(rest);
                left = later;
            }
            out.extend_from_slice(bom.end());
            prop_assert_eq!(out.as_slice(), text.strip_prefix(MARK).unwrap_or(&text));
        }
    }
}
