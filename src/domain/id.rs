//! The names of things: who owns, which agent, which version, which revision.

use std::borrow::Borrow;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that cannot be an id of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: expected {expected}")]
pub struct InvalidId {
    /// Which kind of id was wanted.
    pub what: &'static str,
    /// The text as given, cut to 80 characters.
    pub text: String,
    /// The shape an id of this kind has.
    pub expected: &'static str,
}

impl InvalidId {
    fn new(what: &'static str, text: &str, expected: &'static str) -> Self {
        Self { what, text: text.chars().take(80).collect(), expected }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $len:literal, $expected:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads an id.
            ///
            /// # Errors
            /// When the text has not the shape of this kind of id.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let ok: fn(char) -> bool = $ok;
                if text.is_empty() || text.len() > $len || !text.chars().all(ok) {
                    return Err(InvalidId::new($what, text, $expected));
                }
                Ok(Self(Arc::from(text)))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(d)?).map_err(D::Error::custom)
            }
        }
    };
}

text_id!(
    /// The id of an account: `ws-` and eight characters when Cordboard made it.
    AccountId, "account id", 64, "1 to 64 letters, digits or hyphens",
    |c| c.is_ascii_alphanumeric() || c == '-'
);

impl AccountId {
    /// The account that a first start makes, by the same name everywhere.
    ///
    /// Slots of splits from files and tokens depend on it: so routers that share files and the key of tokens, but no
    /// store, agree on both.
    #[must_use]
    pub fn first() -> Self {
        Self(Arc::from("ws-00000001"))
    }
}

text_id!(
    /// The id of an agent, unique within its account.
    AgentId, "agent id", 64, "1 to 64 letters, digits or hyphens",
    |c| c.is_ascii_alphanumeric() || c == '-'
);
text_id!(
    /// The id of a split, unique within its account.
    SplitId, "split id", 64, "1 to 64 letters, digits, hyphens or underscores",
    |c| c.is_ascii_alphanumeric() || c == '-' || c == '_'
);
text_id!(
    /// The id of an arm, unique within its split.
    ArmId, "arm id", 64, "1 to 64 letters, digits, hyphens or underscores",
    |c| c.is_ascii_alphanumeric() || c == '-' || c == '_'
);
macro_rules! unread {
    ($($id:ident)*) => {$(
        impl $id {
            /// Stands for the id at a place where none could be read: no text is it, nor is another place's.
            pub(crate) fn unread(place: usize) -> Self {
                Self(Arc::from(format!("?{place}")))
            }
        }
    )*};
}

unread!(AgentId SplitId ArmId);

text_id!(
    /// The id of a site variant: opaque, visible ASCII.
    SiteVariantId, "site variant id", 100, "1 to 100 visible ASCII characters",
    |c| c.is_ascii_graphic()
);

text_id!(
    /// The id of a branch: `main`, or `BRANCH-` and eight characters as Cordboard makes it.
    BranchId, "branch id", 64, "main, or BRANCH- and 8 letters or digits",
    |c| c.is_ascii_alphanumeric() || c == '-'
);

impl BranchId {
    /// The branch that every agent has.
    pub const MAIN: &str = "main";

    /// That one.
    #[must_use]
    pub fn main() -> Self {
        Self(Arc::from(Self::MAIN))
    }

    /// Whether it is the branch that every agent has.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.as_str() == Self::MAIN
    }
}

text_id!(
    /// The id of a connector: opaque.
    ConnectorId, "connector id", 64, "1 to 64 letters, digits, hyphens or underscores",
    |c| c.is_ascii_alphanumeric() || c == '-' || c == '_'
);

/// The number of an immutable version: V1, V2 …
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionNumber(NonZeroU32);

impl VersionNumber {
    /// The first version of an agent.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The version with this number, if it is one (there is no V0).
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The bare number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// Reads `V3` or `3`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('V').unwrap_or(text);
        if digits.starts_with(['0', '+']) {
            return None;
        }
        digits.parse().ok().and_then(Self::new)
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("V")?;
        f.write_str(itoa::Buffer::new().format(self.get()))
    }
}

/// A pointer from an agent to a deployment, in the order of promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// Where a publish goes unless told otherwise.
    Sandbox,
    /// The rehearsal before live.
    PreRelease,
    /// What callers reach.
    Live,
}

impl Environment {
    /// All of them, in the order of promotion.
    pub const ALL: [Self; 3] = [Self::Sandbox, Self::PreRelease, Self::Live];
    /// What [`Environment::parse`] reads, for error texts.
    pub const EXPECTED: &'static str = "sandbox, pre-release or live";

    /// The name in files, API and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::PreRelease => "pre-release",
            Self::Live => "live",
        }
    }

    /// Its place in [`Environment::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The one after it, where a promotion leads unless told otherwise.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.get(self.index() + 1).copied()
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == text)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a number serves of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Pin {
    /// The editable head; every edit is served at once.
    #[default]
    Draft,
    /// One immutable version.
    Version(VersionNumber),
    /// Whatever the environment points to.
    Environment(Environment),
}

impl Pin {
    /// What [`Pin::parse`] reads, for error texts.
    pub const EXPECTED: &'static str = "draft, V<n>, sandbox, pre-release or live";

    /// Reads `draft`, `V3`, `sandbox`, `pre-release` or `live`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "draft" => Some(Self::Draft),
            _ if text.starts_with('V') => VersionNumber::parse(text).map(Self::Version),
            _ => Environment::parse(text).map(Self::Environment),
        }
    }

    /// The environment it names, if it names one.
    #[must_use]
    pub const fn environment(self) -> Option<Environment> {
        match self {
            Self::Environment(environment) => Some(environment),
            _ => None,
        }
    }

    /// `draft`, `version` or `environment`: the kind, for metrics.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Version(_) => "version",
            Self::Environment(_) => "environment",
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft => f.write_str("draft"),
            Self::Version(version) => version.fmt(f),
            Self::Environment(environment) => environment.fmt(f),
        }
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no pin: expected {}", Self::EXPECTED)))
    }
}

/// The fingerprint of a configuration: equal content, equal hash. 32 lower-case hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigHash(pub [u8; 16]);

impl ConfigHash {
    /// Reads 32 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }

    /// The hash as hex digits, without allocation.
    #[must_use]
    pub fn hex(self) -> Hex32 {
        Hex32::of(self.0)
    }
}

/// 32 lower-case hex digits on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex32([u8; 32]);

impl Hex32 {
    /// The digits of 16 bytes.
    #[must_use]
    pub fn of(bytes: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = [0; 32];
        for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
            if let [high, low] = pair {
                *high = DIGITS.get(usize::from(byte >> 4)).copied().unwrap_or_default();
                *low = DIGITS.get(usize::from(byte & 15)).copied().unwrap_or_default();
            }
        }
        Self(out)
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// 16 bytes from 32 lower-case hex digits.
#[must_use]
pub fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let value = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 16];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(out)
}

impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hex().as_str())
    }
}

impl fmt::Debug for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigHash({self})")
    }
}

impl Serialize for ConfigHash {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConfigHash {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("expected 32 lower-case hex digits"))
    }
}

/// The sequence number of a change; 0 is the empty beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The one that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_reads_back_as_it_was_written() {
        for text in ["draft", "V1", "V4294967295", "sandbox", "pre-release", "live"] {
            assert_eq!(Pin::parse(text).map(|p| p.to_string()).as_deref(), Some(text));
        }
        for text in ["", "V0", "V", "V01", "V-1", "V+1", "v3", "3", "Live", "V4294967296", "production"] {
            assert_eq!(Pin::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn ids_refuse_what_could_break_a_path_or_a_label() {
        for text in ["", "a/b", "a.b", "ä", "a b", &"x".repeat(65)] {
            assert!(AgentId::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(AgentId::parse("agent-7").map(|id| id.to_string()), Ok("agent-7".to_owned()));
    }

    #[test]
    fn a_hash_reads_back_as_it_was_written() {
        let hash = ConfigHash([0x0a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff]);
        assert_eq!(ConfigHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(ConfigHash::parse("0A0102030405060708090a0b0c0d0eff"), None);
    }
}
