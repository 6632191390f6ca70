//! The settings with all that other rooms have to say of them: every fault at once.

use super::build::{ADMIN, CALLS, Countries, countries, endpoints};
use super::certificates::Certificates;
use super::sip::SIP_TLS;
use super::sources::as_fault;
use super::trunks::passwords;
use crate::domain::endpoint::Endpoint;
use crate::domain::fault::Fault;
use crate::settings::{Settings, Sources};

/// Settings that a router can be built from.
pub(super) struct Checked {
    pub(super) settings: Settings,
    /// Where calls go whose agent says nothing.
    pub(super) default_endpoints: Vec<Endpoint>,
    pub(super) countries: Countries,
    pub(super) certificates: Certificates,
}

impl Checked {
    /// Reads the settings and the files they name.
    ///
    /// # Errors
    /// Every fault of either.
    pub(super) fn read(sources: &Sources) -> Result<Self, Vec<Fault>> {
        let (settings, mut faults) = Settings::read(sources);
        // They are read again by who needs them: nothing holds a password longer.
        faults.extend(passwords(&settings).err().into_iter().flatten());
        let certificates = Certificates::open(&settings.listen, [CALLS, ADMIN, SIP_TLS]);
        let checked = (endpoints(&settings), countries(&settings), certificates);
        let found = match checked {
            (Ok(default_endpoints), Ok(countries), Ok(certificates)) if faults.is_empty() => {
                return Ok(Self { settings, default_endpoints, countries, certificates });
            }
            (endpoints, countries, certificates) => [endpoints.err(), countries.err(), certificates.err()],
        };
        faults.extend(found.into_iter().flatten().flatten());
        faults.sort();
        Err(faults.into_iter().map(as_fault).collect())
    }
}
