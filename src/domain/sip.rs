//! Messages of SIP as somebody watches them: which of them, and how they look.

use std::net::SocketAddr;

use super::address::{Address, InvalidAddress};
use super::id::AccountId;
use super::time::Timestamp;

/// Fewest digits that are a phone number wherever they stand; fewer may be anything.
pub const NUMBER_DIGITS_MIN: usize = 7;

/// Which messages somebody wants to see, and may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipWatch {
    /// Whose trunks.
    pub account: AccountId,
    /// Whether also those of sources on no trunk's list; never where a trunk is named.
    pub with_strangers: bool,
    /// Only those of the trunk of this name.
    pub trunk: Option<String>,
    /// Only those about this number.
    pub number: Option<SoughtNumber>,
    /// Whether numbers and names are wanted as they are.
    pub unmasked: bool,
}

/// A number that is looked for in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoughtNumber {
    /// Digits, wherever they stand in a row, with or without what people write between them.
    Digits(String),
    /// A SIP user, decoded: the whole of it.
    User(String),
}

impl SoughtNumber {
    /// Reads a number as everywhere, and digits of a phone number in any form: as a country dials it, too.
    ///
    /// # Errors
    /// When it is no number, URI or SIP user.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        Ok(match Address::parse(text.trim())? {
            Address::E164(number) => Self::Digits(number.value().to_string()),
            Address::User(user) => {
                let is_between = |c: char| matches!(c, '-' | '.' | '(' | ')' | ' ');
                let digits: String = user.chars().filter(|c| !is_between(*c)).collect();
                if digits.len() >= NUMBER_DIGITS_MIN && digits.bytes().all(|c| c.is_ascii_digit()) {
                    Self::Digits(digits)
                } else {
                    Self::User(user.into_owned())
                }
            }
        })
    }
}

/// A message that came, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipSeen {
    /// When.
    pub at: Timestamp,
    /// By which trunk; none for a source on no list.
    pub trunk: Option<String>,
    /// `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// From where.
    pub source: SocketAddr,
    /// What came, as text.
    pub received: String,
    /// What was answered, as text.
    pub answered: Option<String>,
    /// Why nothing was, where something might have been.
    pub dropped: Option<&'static str>,
}

/// What a watcher is told next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SipNews {
    /// How many messages it has missed since it was told the last time, being too slow for them.
    pub missed: u64,
    /// The message after those; none where that is all there is to tell.
    pub seen: Option<SipSeen>,
}

/// Why nobody can watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwatched {
    /// The router has no listener of SIP.
    NotSpoken,
    /// It leaves.
    Leaving,
    /// The account has no trunk of that name, but these.
    NoTrunk(Vec<String>),
    /// So many watch already.
    TooMany(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_sought_by_its_digits_and_a_user_as_it_is() {
        let digits = |digits: &str| SoughtNumber::Digits(digits.to_owned());
        for (text, sought) in [
            ("+1 (415) 555-0100", digits("14155550100")),
            ("4155550100", digits("4155550100")),
            ("415.555.0100", digits("4155550100")),
            ("tel:+1-415-555-0100", digits("14155550100")),
            ("\"B\" <sip:+14155550100@h>;tag=1", digits("14155550100")),
            ("7042", SoughtNumber::User("7042".to_owned())),
            ("sip:al%69ce@h", SoughtNumber::User("alice".to_owned())),
        ] {
            assert_eq!(SoughtNumber::parse(text), Ok(sought), "{text}");
        }
        assert!(SoughtNumber::parse("").is_err() && SoughtNumber::parse("+abc").is_err());
    }
}
