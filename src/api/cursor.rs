//! Where the next page begins, in a text that fits the query it came from and that only this router can read.
//!
//! ```text
//!   cursor = base64url( print of the query, 8 bytes | seal, 16 bytes | the last entry that was looked at, veiled )
//! ```
//!
//! A list may have looked at entries that it does not show, since they are of another account or of an agent that the
//! key may not see. The seal is a keyed hash of the entry, and what veils the entry is drawn from the seal, so that
//! nobody reads a cursor nor makes one.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::domain::account::Key;
use crate::http::error::ApiError;

/// Bytes that stand for the query.
const PRINT_BYTES: usize = 8;
/// Bytes of the seal.
const SEAL_BYTES: usize = 16;

/// A query of a key, by everything that decides which entries it has, and in which order.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueryPrint {
    print: [u8; PRINT_BYTES],
    /// What seals its cursors; nobody outside knows it, whoever has the key neither.
    secret: [u8; 32],
}

impl QueryPrint {
    /// The print of a query's parts.
    pub(super) fn of(key: &Key, parts: &[&dyn std::fmt::Debug]) -> Self {
        // The account and the agents of the key decide what is in a list.
        let mut text = format!("{:?} {:?}", key.account, key.agents);
        for part in parts {
            // Writing to a string does not fail.
            let _ = write!(text, "\n{part:?}");
        }
        let print = first(blake3::hash(text.as_bytes()).as_bytes());
        Self { print, secret: blake3::derive_key("cordboard cursors of a key", &key.digest.0) }
    }

    /// The cursor after an entry.
    pub(super) fn after(self, last: &str) -> String {
        let seal = self.seal(last.as_bytes());
        URL_SAFE_NO_PAD.encode([self.print.as_slice(), &seal, &self.veiled(seal, last.as_bytes())].concat())
    }

    /// The entry that a cursor of this query comes after.
    ///
    /// # Errors
    /// 400 for a text that is no cursor, or one of another query.
    pub(super) fn read(self, cursor: &str) -> Result<String, ApiError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| no_entry())?;
        let (print, rest) = bytes.split_first_chunk::<PRINT_BYTES>().ok_or_else(no_entry)?;
        let (seal, veiled) = rest.split_first_chunk::<SEAL_BYTES>().ok_or_else(no_entry)?;
        let last = self.veiled(*seal, veiled);
        if *print != self.print || !bool::from(self.seal(&last).ct_eq(seal)) {
            return Err(ApiError::validation("cursor", "is of another query: begin again without it"));
        }
        String::from_utf8(last).map_err(|_| no_entry())
    }

    fn seal(self, last: &[u8]) -> [u8; SEAL_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        first(hasher.update(b"seal").update(&self.print).update(last).finalize().as_bytes())
    }

    /// An entry veiled, or a veiled entry without its veil.
    fn veiled(self, seal: [u8; SEAL_BYTES], entry: &[u8]) -> Vec<u8> {
        let mut veil = vec![0; entry.len()];
        blake3::Hasher::new_keyed(&self.secret).update(b"veil").update(&seal).finalize_xof().fill(&mut veil);
        veil.iter().zip(entry).map(|(veil, byte)| veil ^ byte).collect()
    }
}

fn first<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    bytes
}

/// 400 for a cursor that names no entry.
pub(super) fn no_entry() -> ApiError {
    ApiError::validation("cursor", "is not a cursor: use nextCursor of an answer")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::key;

    #[test]
    fn a_cursor_tells_its_entry_to_nobody_and_is_taken_from_nobody_else() {
        let print = QueryPrint::of(&key(), &[&"numbers"]);
        let cursor = print.after("+14155550199");
        assert_eq!(print.read(&cursor).unwrap(), "+14155550199");
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        assert!(!bytes.windows(4).any(|part| b"+14155550199".windows(4).any(|plain| plain == part)));
        // What veils one entry does not veil the next: together they tell no more than each alone.
        let next = URL_SAFE_NO_PAD.decode(print.after("+14155550198")).unwrap();
        let differ = bytes.iter().zip(&next).skip(PRINT_BYTES + SEAL_BYTES).filter(|(a, b)| a != b).count();
        assert!(differ > 1, "{differ}");
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert!(print.read(&URL_SAFE_NO_PAD.encode(forged)).is_err(), "{at}");
        }
        let other = Key { digest: crate::domain::account::KeyDigest([8; 32]), ..key() };
        assert!(QueryPrint::of(&other, &[&"numbers"]).read(&cursor).is_err());
        assert!(QueryPrint::of(&key(), &[&"splits"]).read(&cursor).is_err());
    }
}
