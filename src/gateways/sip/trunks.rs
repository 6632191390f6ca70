//! The trunks there are, found by the address a message comes from.

use std::fmt;
use std::net::IpAddr;

use super::trunk::Trunk;

/// All trunks of the redirect server, and the number of the one on whose list an address is.
pub struct Trunks {
    list: Vec<Trunk>,
    by_address: Box<dyn Fn(IpAddr) -> Option<u16> + Send + Sync>,
}

impl Trunks {
    /// The trunks in the order of their numbers, and the number of the trunk on whose list an address is.
    #[must_use]
    pub fn new(list: Vec<Trunk>, by_address: impl Fn(IpAddr) -> Option<u16> + Send + Sync + 'static) -> Self {
        Self { list, by_address: Box::new(by_address) }
    }

    /// The trunk on whose list an address is, with its number.
    #[must_use]
    pub fn of(&self, source: IpAddr) -> Option<(u16, &Trunk)> {
        let at = (self.by_address)(source)?;
        Some((at, self.list.get(usize::from(at))?))
    }

    /// The trunks in the order of their numbers.
    #[must_use]
    pub fn list(&self) -> &[Trunk] {
        &self.list
    }
}

impl fmt::Debug for Trunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trunks").field(&self.list).finish()
    }
}
