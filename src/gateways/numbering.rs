//! Digits without a plus, read as people of a country dial them.

use std::fmt;

use rlibphonenumber::enums::Region;
use rlibphonenumber::{PhoneNumberFormat, PhoneNumberUtil};

use crate::domain::address::E164;

/// A country whose numbering plan is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country(Region);

/// The numbering plans of all countries. Costs some megabytes and milliseconds: made once, where it is needed.
pub struct Numbering(PhoneNumberUtil);

impl Numbering {
    /// Reads the plans; nothing if the library's own data are damaged.
    #[must_use]
    pub fn new() -> Option<Self> {
        PhoneNumberUtil::new().ok().map(Self)
    }

    /// A country by its two letters, such as `GB`.
    #[must_use]
    pub fn country(&self, letters: &str) -> Option<Country> {
        let region: Region = letters.parse().ok()?;
        self.0.get_supported_regions().any(|known| known == region).then_some(Country(region))
    }

    /// The number that digits mean in a country; nothing if they mean none there. Cost: about half a microsecond.
    #[must_use]
    pub fn read(&self, digits: &str, country: Country) -> Option<E164> {
        if digits.len() > 20 || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let number =
            self.0.parse(digits, Some(country.0)).ok().filter(|number| self.0.is_possible_number(number))?;
        E164::parse(&self.0.format(&number, PhoneNumberFormat::E164))
    }
}

impl fmt::Debug for Numbering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbering")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_dialled_in_the_country() {
        let numbering = Numbering::new().unwrap();
        for (letters, digits, number) in [
            ("GB", "02079460018", Some("+442079460018")),
            ("US", "4155550100", Some("+14155550100")),
            ("US", "14155550100", Some("+14155550100")),
            ("DE", "030901820", Some("+4930901820")),
            ("US", "12", None),
            ("US", "100", None),
            ("GB", "0", None),
            ("GB", "999999999999999999999999", None),
            ("GB", "alice", None),
            ("GB", "", None),
        ] {
            let country = numbering.country(letters).unwrap();
            let read = numbering.read(digits, country).map(|number| number.to_string());
            assert_eq!(read.as_deref(), number, "{digits} in {letters}");
        }
        assert_eq!(numbering.country("XX"), None);
        assert_eq!(numbering.country("usa"), None);
    }
}
