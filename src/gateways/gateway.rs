//! The gateways and trunks that have a name: whose calls they bring, and where they are counted.

use std::fmt;
use std::net::IpAddr;

use super::numbering::{Country, Numbering};
use crate::domain::address::Address;
use crate::domain::id::AccountId;

/// The gateway of requests that name none.
pub const DEFAULT: &str = "http";

/// A gateway named in the settings; or a trunk, whose name has its kind before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its name: tells calls apart, and a metric label.
    pub name: Box<str>,
    /// Whose calls it brings when it asks by address alone.
    pub account: AccountId,
    /// The country whose people dial through it: digits without a plus are read as theirs.
    pub country: Option<Country>,
}

/// All named gateways and trunks, by number; and the gateways, which trunks never are, by the address that asks.
pub struct Gateways {
    list: Vec<Gateway>,
    numbering: Option<Numbering>,
    by_address: Box<dyn Fn(IpAddr) -> Option<u16> + Send + Sync>,
}

impl Gateways {
    /// The gateways in the order of their numbers, the numbering plans if any of them has a country, and the number
    /// of the gateway on whose list an address is.
    #[must_use]
    pub fn new(
        list: Vec<Gateway>,
        numbering: Option<Numbering>,
        by_address: impl Fn(IpAddr) -> Option<u16> + Send + Sync + 'static,
    ) -> Self {
        Self { list, numbering, by_address: Box::new(by_address) }
    }

    /// A gateway by its number.
    #[must_use]
    pub fn get(&self, row: u16) -> Option<&Gateway> {
        self.list.get(usize::from(row))
    }

    /// The row of askers that are no gateway with a name: the last one.
    #[must_use]
    pub fn other(&self) -> u16 {
        u16::try_from(self.list.len()).unwrap_or(u16::MAX)
    }

    /// The number of the gateway on whose list an address is.
    #[must_use]
    pub fn of(&self, asker: IpAddr) -> Option<u16> {
        (self.by_address)(asker)
    }

    /// The row in which a gateway's calls are counted; all that nobody named share the last one.
    #[must_use]
    pub fn row(&self, name: &str) -> u16 {
        let at = self.list.iter().position(|gateway| *gateway.name == *name);
        at.and_then(|at| u16::try_from(at).ok()).unwrap_or_else(|| self.other())
    }

    /// An address as the people of a gateway's country mean it: digits without a plus become their number.
    #[must_use]
    pub fn localised<'a>(&self, row: u16, address: Address<'a>) -> Address<'a> {
        let Address::User(user) = &address else { return address };
        let country = self.get(row).and_then(|gateway| gateway.country);
        let number =
            self.numbering.as_ref().zip(country).and_then(|(plans, country)| plans.read(user, country));
        number.map_or(address, Address::E164)
    }

    /// The numbering plans, if any of them has a country.
    #[must_use]
    pub const fn numbering(&self) -> Option<&Numbering> {
        self.numbering.as_ref()
    }

    /// The label of each row.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|gateway| &*gateway.name).chain(["other"])
    }
}

impl fmt::Debug for Gateways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gateways").field(&self.list).finish()
    }
}
