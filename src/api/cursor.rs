//! Where the next page begins, in a text that fits the query it came from and no other.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::error::ApiError;

/// Bytes that stand for the query.
const QUERY_BYTES: usize = 8;

/// A query by everything that decides which entries it has, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueryPrint([u8; QUERY_BYTES]);

impl QueryPrint {
    /// The print of a query's parts.
    pub(super) fn of(parts: &[&dyn std::fmt::Debug]) -> Self {
        let mut text = String::new();
        for part in parts {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{part:?}");
        }
        let hash = blake3::hash(text.as_bytes());
        let mut print = [0; QUERY_BYTES];
        print.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Self(print)
    }

    /// The cursor after an entry.
    pub(super) fn after(self, last: &str) -> String {
        let mut bytes = self.0.to_vec();
        bytes.extend_from_slice(last.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The entry that a cursor of this query comes after.
    ///
    /// # Errors
    /// 400 for a text that is no cursor, or one of another query.
    pub(super) fn read(self, cursor: &str) -> Result<String, ApiError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let parts = bytes.as_deref().and_then(|bytes| bytes.split_at_checked(QUERY_BYTES));
        let Some((print, last)) = parts else {
            return Err(ApiError::validation("cursor", "is not a cursor: use nextCursor of an answer"));
        };
        if print != self.0 {
            return Err(ApiError::validation("cursor", "is of another query: begin again without it"));
        }
        String::from_utf8(last.to_vec()).map_err(|_| no_entry())
    }
}

/// 400 for a cursor that names no entry.
pub(super) fn no_entry() -> ApiError {
    ApiError::validation("cursor", "is not a cursor: use nextCursor of an answer")
}
