//! Tokens: none is taken but what was signed, as it was signed, for whom and what it was signed, in its time.

use std::borrow::Cow;

use crate::domain::address::Address;
use crate::domain::id::{AccountId, ConfigHash, Environment, Revision, VersionNumber};
use crate::domain::time::Timestamp;
use crate::routing::token::{Claims, InvalidToken, TokenKeys, dialled};

use super::world::{NOW, account};

/// A text, and claims made of it.
pub(super) fn law(bytes: &[u8]) {
    let keys = TokenKeys::new([9; 32], 86_400);
    let text = String::from_utf8_lossy(bytes);
    let nothing_of_ours = keys.check(&account(), None, &text, NOW);
    assert!(
        matches!(nothing_of_ours, Err(InvalidToken::Malformed | InvalidToken::Forged)),
        "{nothing_of_ours:?}"
    );

    let to = Address::User(Cow::Borrowed(&text));
    let claims = claims(bytes, dialled(&to));
    let signed = keys.sign(&account(), &claims);
    let signed = signed.as_str();
    let before = Timestamp(i64::from(claims.expires_s) * 1_000 - 1);
    assert_eq!(keys.check(&account(), Some(&to), signed, before).as_ref(), Ok(&claims));
    assert_eq!(keys.check(&account(), None, signed, before.plus_ms(1)), Err(InvalidToken::Expired));
    let another = Address::User(Cow::Owned(format!("{text}x")));
    assert_eq!(keys.check(&account(), Some(&another), signed, before), Err(InvalidToken::OtherNumber));
    let other = AccountId::parse("ws-2").expect("an id");
    assert_eq!(keys.check(&other, None, signed, before), Err(InvalidToken::Forged));
    let others = TokenKeys::new([8; 32], 86_400);
    assert_eq!(others.check(&account(), None, signed, before), Err(InvalidToken::Forged));

    // Any one character put elsewhere, replaced, left out or doubled.
    let [at, by] = [0, 1].map(|i| bytes.get(i).copied().unwrap_or_default());
    let at = usize::from(at) % signed.len();
    let replaced = format!("{}{}{}", &signed[..at], char::from(by & 0x7f), &signed[at + 1..]);
    for forged in [
        replaced,
        format!("{}{}", &signed[at..], &signed[..at]),
        signed[..at].to_owned(),
        format!("{signed}="),
    ] {
        let checked = keys.check(&account(), None, &forged, before);
        assert!(forged == signed || checked.is_err(), "{forged} was taken for {signed}");
    }
}

fn claims(bytes: &[u8], dialled: u64) -> Claims {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.iter_mut().zip(bytes.iter().skip(at)).for_each(|(to, from)| *to = *from);
        u64::from_be_bytes(word)
    };
    let small = |at: usize| u32::try_from(word(at) >> 32).unwrap_or_default();
    Claims {
        expires_s: small(0).max(1),
        dialled,
        agent: word(4),
        version: VersionNumber::new(small(12)),
        hash: ConfigHash(blake3::hash(bytes).as_bytes()[..16].try_into().expect("16 bytes")),
        environment: Environment::ALL
            .get(usize::from(bytes.first().copied().unwrap_or_default()) % 4)
            .copied(),
        arm: (word(16) != 0).then(|| (word(16), word(24))),
        slot: Some(u16::try_from(small(32) >> 16).unwrap_or_default()).filter(|slot| *slot < 10_000),
        site: word(36),
        revision: Revision(word(44)),
        decision_id: u128::from(word(52)) << 64 | u128::from(word(60)),
    }
}
