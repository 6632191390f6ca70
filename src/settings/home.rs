//! What gateways and trunks say alike: a name, and where their calls are at home.

use super::Settings;
use super::fault::{Fault, Place};
use super::section::Said;

/// Whose calls somebody brings, and in which country they are dialled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Home {
    /// Their account; none is the first account.
    pub account: Option<String>,
    /// The country (ISO 3166, two letters) of numbers without a plus; none reads them as SIP users.
    pub default_country: Option<String>,
    /// Where it was written, for whoever finds the account or country unknown.
    pub place: Place,
}

impl Home {
    pub(super) fn meant(
        place: &Place,
        account: Option<&Said<String>>,
        country: Option<&Said<String>>,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let said = country.filter(|said| !said.value.is_empty());
        let is_country =
            |text: &str| text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase());
        // One that was told already is not looked for among the countries there are.
        let default_country = said.filter(|said| is_country(&said.value));
        if let (Some(said), None) = (said, default_country) {
            faults.push(said.fault(format!("is {:?}", said.value), "two capital letters, such as \"US\""));
        }
        let account = account.filter(|said| !said.value.is_empty());
        Self {
            account: account.map(|said| said.value.clone()),
            default_country: default_country.map(|said| said.value.clone()),
            place: place.clone(),
        }
    }
}

impl Settings {
    /// The home of every gateway and then of every trunk, by what people call it; in the order of their lists, and behind
    /// each of the lists those that come to nothing, since their names are at fault.
    pub fn homes(&self) -> impl Iterator<Item = (String, &Home)> {
        let gateways = self.gateways.written().map(|it| (format!("gateway {}", it.name), &it.home));
        let trunks = self.trunks.written().map(|it| (format!("trunk {}", it.label()), &it.home));
        gateways.chain(trunks)
    }
}

/// The name of a table that is part of a metric label.
pub(super) fn name(
    said: Option<&Said<String>>,
    (what, place): (&str, &Place),
    faults: &mut Vec<Fault>,
) -> Option<String> {
    let Some(name) = said else {
        faults.push(place.fault(format!("a {what} has no name"), "name = \"…\""));
        return None;
    };
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.value.is_empty() || name.value.len() > 32 || !name.value.bytes().all(legal) {
        let expected = "1 to 32 lower-case letters, digits and hyphens";
        faults.push(name.fault(format!("is {:?}", name.value), expected));
        return None;
    }
    Some(name.value.clone())
}
