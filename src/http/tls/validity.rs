//! From when until when a certificate is valid, read from its DER.

use time::{Date, Month, PrimitiveDateTime, Time};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The version, which the oldest certificates leave out.
const EXPLICIT_0: u8 = 0xa0;

/// From when until when a certificate is valid, both in seconds since 1970 and both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub begins: i64,
    /// The last second.
    pub ends: i64,
}

impl Validity {
    /// Reads it from a certificate; none where that is no certificate.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let (certificate, _) = of_kind(der, SEQUENCE)?;
        let (signed, _) = of_kind(certificate, SEQUENCE)?;
        let after_version = of_kind(signed, EXPLICIT_0).map_or(signed, |(_, rest)| rest);
        let (_, after_serial) = of_kind(after_version, INTEGER)?;
        let (_, after_algorithm) = of_kind(after_serial, SEQUENCE)?;
        let (_, after_issuer) = of_kind(after_algorithm, SEQUENCE)?;
        let (validity, _) = of_kind(after_issuer, SEQUENCE)?;
        let (begins, rest) = moment(validity)?;
        let (ends, _) = moment(rest)?;
        Some(Self { begins, ends })
    }

    /// Whether it is valid at a time.
    pub fn holds(&self, now: i64) -> bool {
        (self.begins..=self.ends).contains(&now)
    }
}

/// The content of an element of this kind, and what follows it.
fn of_kind(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(der)?;
    (found == kind).then_some((content, rest))
}

fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*kind, content, rest))
}

/// A time, in seconds since 1970, and what follows it.
fn moment(der: &[u8]) -> Option<(i64, &[u8])> {
    let (kind, content, rest) = element(der)?;
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let (year, text) = match kind {
        // Two digits: up to 49 they mean this century, from 50 the last one.
        UTC_TIME => {
            let (year, text) = number(text, 2)?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, text)
        }
        GENERALIZED_TIME => number(text, 4)?,
        _ => return None,
    };
    let (month, text) = number(text, 2)?;
    let (day, text) = number(text, 2)?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text, 2)?;
    let (second, text) = number(text, 2)?;
    let byte = |number: i32| u8::try_from(number).ok();
    let date = Date::from_calendar_date(year, Month::try_from(byte(month)?).ok()?, byte(day)?).ok()?;
    let time = Time::from_hms(byte(hour)?, byte(minute)?, byte(second)?).ok()?;
    text.is_empty().then(|| (PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp(), rest))
}

/// A number of so many digits, and what follows it.
fn number(text: &str, digits: usize) -> Option<(i32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| number.parse().ok())?
        .map(|number| (number, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 2), date_time_ymd(until, 3, 4));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_a_year_are_read() {
        let validity = Validity::of_certificate(&certificate(1_999, 2_049)).unwrap();
        assert_eq!(validity, Validity { begins: 915_235_200, ends: 2_498_428_800 });
        let validity = Validity::of_certificate(&certificate(2_050, 9_999)).unwrap();
        assert_eq!(validity, Validity { begins: 2_524_694_400, ends: 253_376_121_600 });
    }

    #[test]
    fn a_certificate_holds_from_its_first_second_to_its_last() {
        let validity = Validity { begins: 10, ends: 20 };
        assert_eq!([9, 10, 20, 21].map(|now| validity.holds(now)), [false, true, true, false]);
    }

    #[test]
    fn a_cut_or_mangled_certificate_is_none_or_another_and_never_a_panic() {
        let whole = certificate(2_020, 2_030);
        for length in 0..whole.len() {
            assert_eq!(Validity::of_certificate(&whole[..length]), None, "{length}");
        }
        for at in 0..whole.len() {
            let mut mangled = whole.clone();
            for byte in [0x00, 0x30, 0x80, 0x84, 0xff] {
                mangled[at] = byte;
                let _ = Validity::of_certificate(&mangled);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Validity::of_certificate(&bytes);
        }
    }
}
