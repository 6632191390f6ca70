//! Who is called and who calls: E.164 numbers, SIP users, prefixes, withheld callers.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest SIP user part, in bytes.
pub const USER_BYTES_MAX: usize = 64;

const POWERS: [u64; 16] = {
    let mut powers = [1; 16];
    let mut i = 1;
    while i < 16 {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            powers[i] = powers[i - 1] * 10;
        }
        i += 1;
    }
    powers
};

/// A phone number in E.164: 7 to 15 digits, the first of which is not 0. As text `+14155550100`.
///
/// Kept in two halves so that a map slot of a number and a 32-bit route takes 12 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct E164 {
    low: u32,
    high: u32,
}

impl Ord for E164 {
    #[inline]
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value().cmp(&other.value())
    }
}

impl PartialOrd for E164 {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl E164 {
    /// The number with these digits, if it has 7 to 15 of them.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a 64-bit number")]
    pub const fn from_value(value: u64) -> Option<Self> {
        if value < 1_000_000 || value > 999_999_999_999_999 {
            return None;
        }
        Some(Self { high: (value >> 32) as u32, low: value as u32 })
    }

    /// The digits as a number.
    #[must_use]
    pub const fn value(self) -> u64 {
        (self.high as u64) << 32 | self.low as u64
    }

    /// How many digits it has.
    #[must_use]
    pub const fn digits(self) -> u32 {
        self.value().ilog10() + 1
    }

    /// Reads `+` and 7 to 15 digits, nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?.as_bytes();
        if !(7..=15).contains(&digits.len()) || digits.first() == Some(&b'0') {
            return None;
        }
        let mut value = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            value = value * 10 + u64::from(digit - b'0');
        }
        Self::from_value(value)
    }

    /// The text form on the stack.
    #[must_use]
    pub fn text(self) -> E164Text {
        let mut bytes = [b'+'; 16];
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(self.value());
        // At most 15 digits: there is always room.
        if let Some(place) = bytes.get_mut(1..=digits.len()) {
            place.copy_from_slice(digits.as_bytes());
        }
        E164Text { bytes, len: digits.len() + 1 }
    }
}

/// `+` and digits, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct E164Text {
    bytes: [u8; 16],
    len: usize,
}

impl E164Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Nothing was given.
    #[error("is empty")]
    Empty,
    /// A plus that is not followed by a phone number.
    #[error("has a plus but not 7 to 15 digits of which the first is not 0")]
    NotE164,
    /// More than 64 bytes.
    #[error("is longer than 64 bytes")]
    TooLong,
    /// A URI without a user part.
    #[error("is a URI without a user part")]
    NoUser,
    /// A character that a SIP user has percent-encoded only.
    #[error("contains {0:?}, which is in a SIP user as {code} only", code = encoded(*.0))]
    NotInUser(char),
    /// Control characters, or bytes that are no UTF-8.
    #[error("contains control characters or is not UTF-8")]
    NotText,
}

impl InvalidAddress {
    /// What would have been an address.
    pub const EXPECTED: &'static str = "+ and 7 to 15 digits, tel:, sip:, or a SIP user of at most 64 bytes";
}

/// An address as somebody asks for it: borrowed from the request where possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address<'a> {
    /// A phone number.
    E164(E164),
    /// A SIP user part that is no phone number.
    User(Cow<'a, str>),
}

impl<'a> Address<'a> {
    /// Reads `+digits` (separators `-`, `.`, `(`, `)` and space allowed), `tel:`, `sip:`, `sips:` or a bare SIP user;
    /// the URIs as SIP headers have them too: `"Bob" <sip:bob@example.com>;tag=1`.
    ///
    /// # Errors
    /// When it is none of these; letters are a SIP user, but letters after a plus are a fault, and so is in a user what
    /// has to be percent-encoded there.
    pub fn parse(text: &'a str) -> Result<Self, InvalidAddress> {
        let address = Self::read(text)?;
        match &address {
            Self::User(_) => {
                let user = user_part(within_brackets(text).unwrap_or(text))?;
                foreign_to_users(user).map_or(Ok(address), |wrong| Err(InvalidAddress::NotInUser(wrong)))
            }
            Self::E164(_) => Ok(address),
        }
    }

    /// Reads the same, and users of whatever characters: what callers are sent as.
    fn read(text: &'a str) -> Result<Self, InvalidAddress> {
        // Almost every request takes this way out.
        if let Some(number) = E164::parse(text) {
            return Ok(Self::E164(number));
        }
        let user = user_part(within_brackets(text).unwrap_or(text))?;
        let decoded = if user.contains('%') {
            percent_decode_str(user).decode_utf8().map_err(|_| InvalidAddress::NotText)?
        } else {
            Cow::Borrowed(user)
        };
        if decoded.trim().is_empty() {
            return Err(InvalidAddress::Empty);
        }
        if decoded.chars().any(char::is_control) {
            return Err(InvalidAddress::NotText);
        }
        if let Some(rest) = decoded.strip_prefix('+') {
            return plus_number(rest).map(Self::E164).ok_or(InvalidAddress::NotE164);
        }
        if decoded.len() > USER_BYTES_MAX {
            return Err(InvalidAddress::TooLong);
        }
        Ok(Self::User(decoded))
    }

    /// The same address, owning its text.
    #[must_use]
    pub fn to_number(&self) -> Number {
        match self {
            Self::E164(number) => Number::E164(*number),
            Self::User(user) => Number::User(Arc::from(user.as_ref())),
        }
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::E164(number) => number.fmt(f),
            Self::User(user) => write_user(user, f),
        }
    }
}

/// Whether a SIP user has a character as it is: those of RFC 3261 (section 25.1), the `#` of service codes, which many
/// phones send so, and letters of all scripts, as which the bytes of UTF-8 are meant.
fn is_of_users(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "-_.!~*'()&=+$,;?/#".contains(c)
    } else {
        !c.is_whitespace() && !c.is_control()
    }
}

/// The first character of a user part that should not be in it as it is; a `%` stands before two digits of a code.
fn foreign_to_users(user: &str) -> Option<char> {
    let is_code = |at: usize| {
        let code = user.as_bytes().get(at + 1..at + 3);
        code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    };
    let mut foreign = user.char_indices().filter(|(at, c)| !(is_of_users(*c) || *c == '%' && is_code(*at)));
    foreign.next().map(|(_, c)| c)
}

/// A character percent-encoded.
fn encoded(c: char) -> String {
    utf8_percent_encode(c.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC).to_string()
}

/// Writes a SIP user so that it is read as the same user: what it has percent-encoded only is so.
fn write_user(user: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = user;
    while let Some(foreign) = rest.find(|c| !is_of_users(c)) {
        let (before, after) = rest.split_at(foreign);
        let mut others = after.chars();
        f.write_str(before)?;
        others.next().map_or(Ok(()), |foreign| f.write_str(&encoded(foreign)))?;
        rest = others.as_str();
    }
    f.write_str(rest)
}

fn plus_number(rest: &str) -> Option<E164> {
    let mut digits = [b'+'; 16];
    let mut places = digits.iter_mut().skip(1);
    let mut len = 1;
    for c in rest.bytes().filter(|c| !matches!(c, b'-' | b'.' | b'(' | b')' | b' ')) {
        *places.next()? = c;
        len += 1;
    }
    E164::parse(std::str::from_utf8(digits.get(..len)?).ok()?)
}

/// The URI of a `name-addr` (RFC 3261, section 25.1): behind a display name, if any, and in angle brackets; parameters
/// may follow. Nothing where the text is none, or the URI is not of a phone.
fn within_brackets(text: &str) -> Option<&str> {
    // A quoted name may have brackets of its own.
    let quoted = text.trim_start().strip_prefix('"').map(|name| {
        let mut escaped = false;
        let end = name.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        end.and_then(|end| name.get(end + 1..)).unwrap_or_default()
    });
    let (_, rest) = quoted.unwrap_or(text).split_once('<')?;
    let (uri, parameters) = rest.split_once('>')?;
    let parameters = parameters.trim_start();
    let ends = parameters.is_empty() || parameters.starts_with(';');
    (ends && scheme_bytes(uri).is_some()).then_some(uri)
}

/// How long the scheme is with which a URI of a phone begins: `tel:`, `sip:` or `sips:` in any case.
#[must_use]
pub fn scheme_bytes(uri: &str) -> Option<usize> {
    let begins = |scheme: &&str| uri.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    ["tel:", "sip:", "sips:"].iter().find(|scheme| begins(scheme)).map(|scheme| scheme.len())
}

/// The user part of a `tel:`, `sip:` or `sips:` URI without parameters and password; any other text whole.
fn user_part(text: &str) -> Result<&str, InvalidAddress> {
    let before = |text: &'_ str, mark: char| text.find(mark);
    let scheme = |name: &str| {
        text.get(..name.len()).filter(|s| s.eq_ignore_ascii_case(name)).and_then(|_| text.get(name.len()..))
    };
    let cut = |text| before(text, ';').and_then(|at| text.get(..at)).unwrap_or(text);
    if let Some(rest) = scheme("tel:") {
        return Ok(cut(rest));
    }
    let Some(rest) = scheme("sip:").or_else(|| scheme("sips:")) else {
        return Ok(text);
    };
    let user = rest.rfind('@').and_then(|at| rest.get(..at)).ok_or(InvalidAddress::NoUser)?;
    let user = before(user, ':').and_then(|at| user.get(..at)).unwrap_or(user);
    Ok(cut(user))
}

/// A dialled address that a route is kept for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Number {
    /// A phone number.
    E164(E164),
    /// A SIP user part that is no phone number.
    User(Arc<str>),
}

impl Number {
    /// Reads what an operator names: as [`Address::parse`].
    ///
    /// # Errors
    /// When the text is no address.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        Address::parse(text).map(|address| address.to_number())
    }

    /// The same as it is asked for.
    #[must_use]
    pub fn as_address(&self) -> Address<'_> {
        match self {
            Self::E164(number) => Address::E164(*number),
            Self::User(user) => Address::User(Cow::Borrowed(user)),
        }
    }

    /// What to say of a SIP user of 8 to 15 digits, which few phones have: a phone number was meant, perhaps.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let Self::User(user) = self else { return None };
        let digits = user.bytes().filter(u8::is_ascii_digit).count();
        let phone =
            (8..=15).contains(&digits) && user.bytes().all(|c| c.is_ascii_digit() || b"-.() ".contains(&c));
        phone.then(|| format!("{user} looks like a phone number without its + and country code: it is a SIP user as it stands"))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::E164(number) => number.fmt(f),
            Self::User(user) => write_user(user, f),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(|why| D::Error::custom(format!("{text:?} {why}")))
    }
}

/// The first digits of phone numbers: `+` and 1 to 15 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    digits: u8,
    value: u64,
}

impl Prefix {
    /// What [`Prefix::parse`] reads, for error texts.
    pub const EXPECTED: &'static str = "+ and 1 to 15 digits of which the first is not 0";

    /// Sorts before every prefix, and is none.
    pub const FIRST: Self = Self::first_of(0);

    /// Sorts before every prefix of so many digits and after those of fewer, and is none.
    #[must_use]
    pub const fn first_of(digits: u8) -> Self {
        Self { digits, value: 0 }
    }

    /// Reads `+1415`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let len = u8::try_from(digits.len()).ok().filter(|len| (1..=15).contains(len))?;
        if digits.starts_with('0') || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok().map(|value| Self { digits: len, value })
    }

    /// The first `digits` digits of a number, if it has as many.
    #[must_use]
    pub fn of(number: E164, digits: u32) -> Option<Self> {
        let cut = number.digits().checked_sub(digits)?;
        let value = number.value() / POWERS.get(cut as usize)?;
        u8::try_from(digits).ok().filter(|digits| *digits > 0).map(|digits| Self { digits, value })
    }

    /// How many digits it has.
    #[must_use]
    pub fn digits(self) -> u32 {
        self.digits.into()
    }

    /// The shorter prefixes that it begins with, the longest first.
    pub fn shorter(self) -> impl Iterator<Item = Self> {
        let shortened =
            |it: &Self| (it.digits > 1).then(|| Self { digits: it.digits - 1, value: it.value / 10 });
        std::iter::successors(shortened(&self), shortened)
    }

    /// The values of the phone numbers that begin so, ascending: a range for each count of digits.
    pub fn phones(self) -> impl Iterator<Item = RangeInclusive<u64>> {
        (7..=15).filter_map(move |digits: u32| {
            let step = 10_u64.pow(digits.checked_sub(self.digits())?);
            Some(self.value * step..=self.value * step + (step - 1))
        })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.value)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no prefix: expected {}", Self::EXPECTED)))
    }
}

/// Who calls: an address, or nobody that could be told apart from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A phone number or SIP user.
    Known(Address<'a>),
    /// Nothing was sent, or what stands for a caller who hides.
    Withheld,
}

impl<'a> Caller<'a> {
    /// Reads a caller; never a fault: what is no address is a user as it stands, and what is too long is withheld.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        // As nearly all of them are written.
        if let Some(number) = E164::parse(text) {
            let address = Address::E164(number);
            return if is_withheld(&address) { Self::Withheld } else { Self::Known(address) };
        }
        let text = within_brackets(text).unwrap_or(text);
        if is_from_nowhere(text) {
            return Self::Withheld;
        }
        let address = match Address::read(text) {
            Ok(address) => address,
            Err(_) if text.len() > USER_BYTES_MAX => return Self::Withheld,
            Err(_) => Address::User(Cow::Borrowed(text)),
        };
        if is_withheld(&address) { Self::Withheld } else { Self::Known(address) }
    }

    /// The same caller with another reading of the address.
    #[must_use]
    pub fn map(self, read: impl FnOnce(Address<'a>) -> Address<'a>) -> Self {
        match self {
            Self::Known(address) => Self::Known(read(address)),
            Self::Withheld => Self::Withheld,
        }
    }

    /// The address, where there is one.
    #[must_use]
    pub fn address(&self) -> Option<&Address<'a>> {
        match self {
            Self::Known(address) => Some(address),
            Self::Withheld => None,
        }
    }
}

/// What telephony platforms send in place of a number; digits that spell ANONYMOUS, RESTRICTED and so on.
const WITHHELD_NUMBERS: [u64; 5] = [266_696_687, 7_378_742_833, 2_562_533, 8_656_696, 86_282_452_253];
const WITHHELD_WORDS: [&str; 5] = ["anonymous", "restricted", "unavailable", "unknown", "anonymous.invalid"];

/// Whether a URI, or a user that is written like one, has the host of those who hide.
fn is_from_nowhere(text: &str) -> bool {
    let host = text.rsplit_once('@').map_or("", |(_, host)| host);
    let host = host.split([';', ':', '?', '>']).next().unwrap_or_default();
    host.eq_ignore_ascii_case("anonymous.invalid")
}

fn is_withheld(address: &Address<'_>) -> bool {
    match address {
        Address::E164(number) => WITHHELD_NUMBERS.contains(&number.value()),
        Address::User(user) => {
            let user = user.trim();
            user.is_empty()
                || is_from_nowhere(user)
                || WITHHELD_WORDS.iter().any(|word| user.eq_ignore_ascii_case(word))
                || user.parse().is_ok_and(|digits| WITHHELD_NUMBERS.contains(&digits))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> String {
        match Address::parse(text) {
            Ok(Address::E164(number)) => format!("number {number}"),
            Ok(Address::User(user)) => format!("user {user}"),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn a_sip_user_that_may_be_meant_as_a_phone_number_is_doubted() {
        let doubted = |text| Number::parse(text).unwrap().doubt().is_some();
        for text in ["14155550100", "4155550100", "(415)555-0100", "02079460000"] {
            assert!(doubted(text), "{text}");
        }
        for text in
            ["+14155550100", "tel:+14155550100", "1000", "2079460", "room-12345678", "1234567890123456"]
        {
            assert!(!doubted(text), "{text}");
        }
    }

    #[test]
    fn an_address_is_read_in_every_form_it_is_sent_in() {
        for text in [
            "+14155550100",
            "tel:+14155550100",
            "TEL:+1-415-555.0100;ext=7",
            "sip:+14155550100@10.0.0.1:5060;user=phone",
            "sips:+14155550100;tgrp=a:secret@example.com",
            "sip:%2B14155550100@example.com",
            "+1 (415) 555-0100",
        ] {
            assert_eq!(parsed(text), "number +14155550100", "{text:?}");
        }
        for text in [
            "<sip:+14155550100@10.0.0.1>",
            " <tel:+14155550100>",
            "\"Bob\" <sip:+14155550100@10.0.0.1;user=phone>;tag=a<b>",
            "\"Bob \\\"the <sip:x@y>\\\"\" <SIPS:+14155550100@h>",
            "Bob the Builder <sip:%2B14155550100@h> ;tag=1",
        ] {
            assert_eq!(parsed(text), "number +14155550100", "{text:?}");
        }
        for text in ["<alice>", "a<b>c", "<sip:alice@example.com", "<sip:a@b>c", "\"Bob <sip:a@b>"] {
            assert!(parsed(text).starts_with("contains "), "no name and address, nor a user");
        }
        assert_eq!(parsed("<sip:example.com>"), InvalidAddress::NoUser.to_string());
        assert_eq!(parsed("sip:alice@example.com"), "user alice");
        assert_eq!(parsed("sip:caf%C3%A9@example.com"), "user café");
        assert_eq!(parsed("4155550100"), "user 4155550100");
        assert_eq!(parsed("reception%20desk"), "user reception desk");
        assert_eq!(parsed("café*31#;a=(b)/c?d,e!~'$&_"), "user café*31#;a=(b)/c?d,e!~'$&_");
    }

    #[test]
    fn what_an_address_is_printed_as_is_read_as_the_same_address() {
        for (text, printed) in [
            ("sip:a%2541@host", "a%2541"),
            ("sip:tel%3A5@host", "tel%3A5"),
            ("sip:SIPS%3Aa%40b%2520@host", "SIPS%3Aa%40b%2520"),
            ("100%25", "100%25"),
            ("sip:a%20b@host", "a%20b"),
            ("a%3ab", "a%3Ab"),
            ("sip:%3Csip%3Aa%40b%3E@host", "%3Csip%3Aa%40b%3E"),
            ("sip:caf%C3%A9%E2%80%83@host", "café%E2%80%83"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), printed);
            assert_eq!(Address::parse(printed), Ok(address.clone()), "{text}");
            assert_eq!(Number::parse(printed), Ok(address.to_number()), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        let not_e164 = InvalidAddress::NotE164.to_string();
        for text in [
            "+",
            "+123456",
            "+1234567890123456",
            "+1415abc5550100",
            "+0123456789",
            "tel:+12",
            "++14155550100",
        ] {
            assert_eq!(parsed(text), not_e164, "{text:?}");
        }
        assert_eq!(parsed(""), InvalidAddress::Empty.to_string());
        assert_eq!(parsed("tel:"), InvalidAddress::Empty.to_string());
        assert_eq!(parsed("sip:example.com"), InvalidAddress::NoUser.to_string());
        assert_eq!(parsed(&"x".repeat(65)), InvalidAddress::TooLong.to_string());
        assert_eq!(parsed("a\nb"), InvalidAddress::NotText.to_string());
        assert_eq!(parsed("sip:%ff@x"), InvalidAddress::NotText.to_string());
        let told = "contains ' ', which is in a SIP user as %20 only";
        for text in ["reception desk", "sip:reception desk@host", " bob", "bob ", "415 555 0100"] {
            assert_eq!(parsed(text), told, "{text:?}");
        }
        for text in ["bob@host", "a:b", "a%zb", "100%", "{agent}", "a\"b", "a\\b", "a|b", "a\u{2003}b"] {
            assert!(parsed(text).starts_with("contains "), "{text:?}: {}", parsed(text));
        }
    }

    #[test]
    fn withheld_callers_are_no_callers() {
        for text in [
            "",
            " ",
            "anonymous",
            "Anonymous",
            "RESTRICTED",
            "unavailable",
            "unknown",
            "anonymous.invalid",
            "sip:anonymous@anonymous.invalid",
            "\"Anonymous\" <sip:thisis@anonymous.invalid>;tag=1928@x",
            "Anonymous <sip:+266696687@10.0.0.1>",
            "sip:+14155550100@anonymous.invalid",
            "+266696687",
            "+7378742833",
            "+2562533",
            "+8656696",
            "+86282452253",
            "tel:+266696687",
            "266696687",
        ] {
            assert_eq!(Caller::parse(text), Caller::Withheld, "{text:?}");
        }
        for text in ["+14155550100", "alice", "+12", "sip:nobody", "reception desk", "a@b", "100%"] {
            assert!(Caller::parse(text).address().is_some(), "{text:?}");
        }
        for text in ["reception desk", "sip:reception desk@host", "<sip:reception desk@host>"] {
            let user = Address::User(Cow::Borrowed("reception desk"));
            assert_eq!(Caller::parse(text), Caller::Known(user), "{text:?}");
        }
    }

    #[test]
    fn a_prefix_is_the_first_digits_of_a_number() {
        let number = E164::parse("+14155550100").unwrap();
        for (digits, text) in [(1, "+1"), (4, "+1415"), (11, "+14155550100")] {
            assert_eq!(Prefix::of(number, digits), Prefix::parse(text));
        }
        assert_eq!(Prefix::of(number, 12), None);
        assert_eq!(Prefix::of(number, 0), None);
        for text in ["", "+", "1415", "+0", "+1x", "+1234567890123456"] {
            assert_eq!(Prefix::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_it_was_written(value in 1_000_000u64..=999_999_999_999_999) {
            let number = E164::from_value(value).unwrap();
            prop_assert_eq!(number.to_string(), format!("+{value}"));
            prop_assert_eq!(E164::parse(&number.to_string()), Some(number));
        }

        #[test]
        fn a_user_is_stored_and_read_back_whatever_is_in_it(user in "[^+\\p{Cc}].{0,15}") {
            if let Ok(address) = Address::read(&user) {
                let number = address.to_number();
                prop_assert_eq!(Number::parse(&number.to_string()), Ok(number.clone()));
                let stored = serde_json::to_value(&number).unwrap();
                prop_assert_eq!(serde_json::from_value::<Number>(stored).unwrap(), number);
            }
        }

        #[test]
        fn numbers_are_ordered_by_value(a in 1_000_000u64..=999_999_999_999_999, b in 1_000_000u64..=999_999_999_999_999) {
            prop_assert_eq!(E164::from_value(a).cmp(&E164::from_value(b)), a.cmp(&b));
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in ".{0,100}") {
            let _ = Address::parse(&text);
            let _ = Caller::parse(&text);
            let _ = Prefix::parse(&text);
        }
    }
}
