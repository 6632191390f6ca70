//! Signed tokens: a decision that another node, a restarted one or another leg can repeat.
//!
//! 108 bytes, 144 characters of URL-safe base64 without padding. All numbers big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0 | format, 1 |
//! | 1..5 | expiry, seconds since the epoch |
//! | 5..13 | dialled number: its digits, or the digest of a SIP user with the top bit set |
//! | 13..21 | digest of the agent |
//! | 21..25 | version number, 0 for the draft |
//! | 25..41 | version hash |
//! | 41 | environment: 0 none, 1 sandbox, 2 pre-release, 3 live |
//! | 42..50 | digest of the split, 0 for none |
//! | 50..58 | digest of the arm |
//! | 58..60 | slot, 65535 for none |
//! | 60..68 | digest of the site variant, 0 for none |
//! | 68..76 | revision |
//! | 76..92 | decision id |
//! | 92..108 | first half of the keyed BLAKE3 over the account's id, a zero byte and bytes 0..92 |
//!
//! Digests are XXH3-64 of `<account id>/<id>`. The call id is not in it: a transfer changes that.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use xxhash_rust::xxh3::xxh3_64;

use super::decision::Decision;
use super::table::digest;
use crate::domain::address::Address;
use crate::domain::id::{AccountId, ConfigHash, Environment, Revision, VersionNumber};
use crate::domain::time::Timestamp;

const FORMAT: u8 = 1;
const CLAIM_BYTES: usize = 92;
const TOKEN_BYTES: usize = 108;
/// Longest id of an account.
const ACCOUNT_BYTES_MAX: usize = 64;

/// Length of a token in characters.
pub const TOKEN_CHARS: usize = 144;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Valid until, in seconds since the epoch.
    pub expires_s: u32,
    /// What was dialled.
    pub dialled: u64,
    /// Digest of the agent.
    pub agent: u64,
    /// The version; none for the draft.
    pub version: Option<VersionNumber>,
    /// Fingerprint of its configuration.
    pub hash: ConfigHash,
    /// The environment it served through.
    pub environment: Option<Environment>,
    /// Digests of split and arm.
    pub arm: Option<(u64, u64)>,
    /// The slot.
    pub slot: Option<u16>,
    /// Digest of the site variant.
    pub site: u64,
    /// The revision that decided.
    pub revision: Revision,
    /// The decision.
    pub decision_id: u128,
}

/// Why a token was ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Not 144 characters of URL-safe base64, or of another format.
    #[error("it is no token")]
    Malformed,
    /// Not signed with a key of ours, or for another account.
    #[error("its signature is not ours")]
    Forged,
    /// Too old.
    #[error("it has expired")]
    Expired,
    /// For another number.
    #[error("it is for another number")]
    OtherNumber,
}

/// Keys of 32 bytes, never none: the first signs, all of them check.
///
/// To replace a key where several nodes know each other's tokens: add the new one at the end everywhere, then move it to
/// the front everywhere, and take the old one away when the last token it signed has expired.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRing {
    first: [u8; 32],
    others: Vec<[u8; 32]>,
}

impl KeyRing {
    /// Most keys of a ring.
    pub const KEYS_MAX: usize = 4;

    /// A ring of these keys; none where there are none or too many.
    #[must_use]
    pub fn new(keys: &[[u8; 32]]) -> Option<Self> {
        let (first, others) = keys.split_first()?;
        (keys.len() <= Self::KEYS_MAX).then(|| Self { first: *first, others: others.to_vec() })
    }

    /// How many keys there are.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.others.len()
    }
}

impl From<[u8; 32]> for KeyRing {
    fn from(only: [u8; 32]) -> Self {
        Self { first: only, others: Vec::new() }
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({} keys)", self.count())
    }
}

/// The keys that sign and check.
pub struct TokenKeys {
    ring: ArcSwap<KeyRing>,
    life_s: u32,
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeys").field("life_s", &self.life_s).finish_non_exhaustive()
    }
}

/// A token as text, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct TokenText([u8; TOKEN_CHARS]);

impl TokenText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TokenKeys {
    /// Tokens signed with the ring's first key, valid for so many seconds.
    #[must_use]
    pub fn new(ring: impl Into<KeyRing>, life_s: u32) -> Self {
        Self { ring: ArcSwap::from_pointee(ring.into()), life_s }
    }

    /// Takes another ring, if it differs: from the next token on.
    pub fn replace(&self, ring: KeyRing) -> bool {
        let differs = **self.ring.load() != ring;
        if differs {
            self.ring.store(Arc::new(ring));
        }
        differs
    }

    /// Signs claims. Cost: about 200 ns.
    #[must_use]
    pub fn sign(&self, account: &AccountId, claims: &Claims) -> TokenText {
        let body = claims.bytes();
        let mut token = [0; TOKEN_BYTES];
        let (head, tail) = token.split_at_mut(CLAIM_BYTES);
        head.copy_from_slice(&body);
        tail.copy_from_slice(&mac(&self.ring.load().first, account, &body));
        let mut text = [b'A'; TOKEN_CHARS];
        // 108 bytes are exactly 144 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(token, &mut text);
        TokenText(text)
    }

    /// Signs a decision that serves; none for `no_route`.
    #[must_use]
    pub fn sign_decision(
        &self,
        account: &AccountId,
        to: &Address<'_>,
        decision: &Decision<'_>,
        decision_id: u128,
        now: Timestamp,
    ) -> Option<TokenText> {
        let choice = decision.choice.as_ref()?;
        let version = &choice.served.version;
        let now_s = u32::try_from(now.0 / 1_000).unwrap_or_default();
        let arm = choice.in_split.and_then(|in_split| {
            let arm = in_split.arm()?;
            Some((digest(account, in_split.split.split.id.as_str()), digest(account, arm.id.as_str())))
        });
        let site = choice.site().id;
        let claims = Claims {
            expires_s: now_s.saturating_add(self.life_s),
            dialled: dialled(to),
            agent: digest(account, choice.served.agent.agent.as_str()),
            version: version.number,
            hash: version.hash,
            environment: choice.served.pin.environment(),
            arm,
            slot: choice.in_split.and_then(|in_split| in_split.slot),
            site: site.map_or(0, |site| digest(account, site.as_str())),
            revision: decision.revision,
            decision_id,
        };
        Some(self.sign(account, &claims))
    }

    /// Checks a token, for one account and, where it is known, one dialled number. Cost: about 250 ns.
    ///
    /// # Errors
    /// Why it has to be ignored.
    pub fn check(
        &self,
        account: &AccountId,
        to: Option<&Address<'_>>,
        text: &str,
        now: Timestamp,
    ) -> Result<Claims, InvalidToken> {
        let mut token = [0; TOKEN_BYTES + 3];
        if text.len() != TOKEN_CHARS || URL_SAFE_NO_PAD.decode_slice(text, &mut token) != Ok(TOKEN_BYTES) {
            return Err(InvalidToken::Malformed);
        }
        let body: &[u8; CLAIM_BYTES] = token.first_chunk().ok_or(InvalidToken::Malformed)?;
        let signature = token.get(CLAIM_BYTES..TOKEN_BYTES).ok_or(InvalidToken::Malformed)?;
        let signed = |key: &[u8; 32]| bool::from(mac(key, account, body).ct_eq(signature));
        let ring = self.ring.load();
        if !signed(&ring.first) && !ring.others.iter().any(signed) {
            return Err(InvalidToken::Forged);
        }
        let claims = Claims::read(body).ok_or(InvalidToken::Malformed)?;
        if i64::from(claims.expires_s) <= now.0 / 1_000 {
            return Err(InvalidToken::Expired);
        }
        match to {
            Some(to) if dialled(to) != claims.dialled => Err(InvalidToken::OtherNumber),
            _ => Ok(claims),
        }
    }
}

/// What stands for a dialled address in a token.
#[must_use]
pub fn dialled(to: &Address<'_>) -> u64 {
    match to {
        Address::E164(number) => number.value(),
        Address::User(user) => xxh3_64(user.as_bytes()) | 1 << 63,
    }
}

fn mac(key: &[u8; 32], account: &AccountId, body: &[u8; CLAIM_BYTES]) -> [u8; 16] {
    // Hashed in one go: setting up an incremental hash costs more than hashing these few bytes.
    let mut bytes = [0; ACCOUNT_BYTES_MAX + 1 + CLAIM_BYTES];
    let account = account.as_str().as_bytes();
    let (before, rest) = bytes.split_at_mut(account.len().min(ACCOUNT_BYTES_MAX));
    before.copy_from_slice(account.get(..before.len()).unwrap_or_default());
    if let Some(place) = rest.get_mut(1..=CLAIM_BYTES) {
        place.copy_from_slice(body);
    }
    let len = before.len() + 1 + CLAIM_BYTES;
    let digest = blake3::keyed_hash(key, bytes.get(..len).unwrap_or_default());
    let mut half = [0; 16];
    half.copy_from_slice(digest.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]));
    half
}

impl Claims {
    fn bytes(&self) -> [u8; CLAIM_BYTES] {
        let mut out = [0; CLAIM_BYTES];
        let mut rest = out.as_mut_slice();
        let mut put = |bytes: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            head.copy_from_slice(bytes);
            rest = tail;
        };
        let (split, arm) = self.arm.unwrap_or_default();
        put(&[FORMAT]);
        put(&self.expires_s.to_be_bytes());
        put(&self.dialled.to_be_bytes());
        put(&self.agent.to_be_bytes());
        put(&self.version.map_or(0, VersionNumber::get).to_be_bytes());
        put(&self.hash.0);
        put(&[self.environment.map_or(0, |e| e as u8 + 1)]);
        put(&split.to_be_bytes());
        put(&arm.to_be_bytes());
        put(&self.slot.unwrap_or(u16::MAX).to_be_bytes());
        put(&self.site.to_be_bytes());
        put(&self.revision.0.to_be_bytes());
        put(&self.decision_id.to_be_bytes());
        out
    }

    fn read(bytes: &[u8; CLAIM_BYTES]) -> Option<Self> {
        fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
            let (head, tail) = rest.split_first_chunk::<N>()?;
            *rest = tail;
            Some(*head)
        }
        let mut rest = bytes.as_slice();
        let rest = &mut rest;
        if take::<1>(rest)? != [FORMAT] {
            return None;
        }
        let expires_s = u32::from_be_bytes(take(rest)?);
        let dialled = u64::from_be_bytes(take(rest)?);
        let agent = u64::from_be_bytes(take(rest)?);
        let version = VersionNumber::new(u32::from_be_bytes(take(rest)?));
        let hash = ConfigHash(take(rest)?);
        let environment = match take::<1>(rest)? {
            [0] => None,
            [n] => Some(*Environment::ALL.get(usize::from(n) - 1)?),
        };
        let split = u64::from_be_bytes(take(rest)?);
        let arm = u64::from_be_bytes(take(rest)?);
        let slot = u16::from_be_bytes(take(rest)?);
        Some(Self {
            expires_s,
            dialled,
            agent,
            version,
            hash,
            environment,
            arm: (split != 0).then_some((split, arm)),
            slot: (slot != u16::MAX).then_some(slot),
            site: u64::from_be_bytes(take(rest)?),
            revision: Revision(u64::from_be_bytes(take(rest)?)),
            decision_id: u128::from_be_bytes(take(rest)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account(id: &str) -> AccountId {
        AccountId::parse(id).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            expires_s: 2_000,
            dialled: 14_155_550_100,
            agent: 7,
            version: VersionNumber::new(3),
            hash: ConfigHash([9; 16]),
            environment: Some(Environment::Live),
            arm: Some((1, 2)),
            slot: Some(3_708),
            site: 5,
            revision: Revision(4_711),
            decision_id: 42,
        }
    }

    #[test]
    fn the_bytes_of_a_token_stay_as_they_are() {
        let token = TokenKeys::new([1; 32], 60).sign(&account("ws-1"), &claims());
        assert_eq!(
            token.as_str(),
            "AQAAB9AAAAADS7yNlAAAAAAAAAAHAAAAAwkJCQkJCQkJCQkJCQkJCQkDAAAAAAAAAAEAAAAAAAAAAg58AAAAAAAAAAUAAAAAAAASZwAAAAAAAAAAAAAAAAAAACqAlcwHG_04xvFT6IwFdTmo"
        );
        assert!(token.as_str().len() <= 160);
    }

    #[test]
    fn a_token_is_valid_for_its_account_number_time_and_key_only() {
        let ring = KeyRing::new(&[[2; 32], [1; 32]]).unwrap();
        let (old, new) = (TokenKeys::new([1; 32], 60), TokenKeys::new(ring, 60));
        let stranger = TokenKeys::new([3; 32], 60);
        let (ours, now) = (account("ws-1"), Timestamp(1_999_999));
        let to = Address::parse("+14155550100").unwrap();
        let other = Address::parse("+14155550101").unwrap();
        let token = old.sign(&ours, &claims());
        for keys in [&old, &new] {
            assert_eq!(keys.check(&ours, Some(&to), token.as_str(), now), Ok(claims()));
            assert_eq!(keys.check(&ours, None, token.as_str(), now), Ok(claims()));
        }
        let both = new.sign(&ours, &claims());
        assert_eq!(old.check(&ours, None, both.as_str(), now), Err(InvalidToken::Forged));
        assert!(old.replace(KeyRing::new(&[[1; 32], [2; 32]]).unwrap()));
        assert_eq!(old.check(&ours, None, both.as_str(), now), Ok(claims()), "from the next token on");
        let theirs = account("ws-2");
        let fault =
            |keys: &TokenKeys, account, to, now| keys.check(account, Some(to), token.as_str(), now).err();
        assert_eq!(fault(&stranger, &ours, &to, now), Some(InvalidToken::Forged));
        assert_eq!(fault(&old, &theirs, &to, now), Some(InvalidToken::Forged));
        assert_eq!(fault(&old, &ours, &other, now), Some(InvalidToken::OtherNumber));
        assert_eq!(fault(&old, &ours, &to, Timestamp(2_000_000)), Some(InvalidToken::Expired));
    }

    proptest! {
        #[test]
        fn no_text_is_taken_for_a_token(text in ".{0,200}") {
            let keys = TokenKeys::new([1; 32], 60);
            prop_assert!(keys.check(&account("ws-1"), None, &text, Timestamp(0)).is_err());
        }

        #[test]
        fn a_token_with_any_bit_changed_is_ignored(at in 0..TOKEN_BYTES, bit in 0..8u8) {
            let keys = TokenKeys::new([1; 32], 60);
            let mut bytes = URL_SAFE_NO_PAD.decode(keys.sign(&account("ws-1"), &claims()).as_str()).unwrap();
            bytes[at] ^= 1 << bit;
            let text = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(keys.check(&account("ws-1"), None, &text, Timestamp(0)).is_err());
        }

        #[test]
        fn what_a_token_says_reads_back(version in 0..9u32, environment in 0..4usize, slot in 0..10_000u16, id: u128) {
            let claims = Claims {
                version: VersionNumber::new(version),
                environment: environment.checked_sub(1).map(|e| Environment::ALL[e]),
                slot: (slot > 10).then_some(slot),
                arm: (slot > 10).then_some((u64::from(slot), 2)),
                decision_id: id,
                ..claims()
            };
            prop_assert_eq!(Claims::read(&claims.bytes()), Some(claims));
        }
    }
}
