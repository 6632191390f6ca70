//! A way by which calls come: whose they are, what of them is believed, what is told.

use super::digest::Password;
use crate::domain::id::AccountId;
use crate::gateways::numbering::Country;

/// A trunk as the redirect server needs it; its addresses are its sockets' concern.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Tells its calls apart: `sip:` and the trunk's name.
    pub gateway: Box<str>,
    /// The row of its cells.
    pub gateway_row: u16,
    /// Whose calls it brings.
    pub account: AccountId,
    /// Whether what only a trusted network may say counts: the asserted caller, diversions, `X-` headers, tokens.
    pub trust_headers: bool,
    /// The country whose people dial through it: digits without a plus are read as theirs.
    pub country: Option<Country>,
    /// What its calls have in front of the number; empty where nothing.
    pub strip_prefix: Box<str>,
    /// How many targets an answer names.
    pub contacts: Contacts,
    /// The headers of an answer.
    pub headers: Told,
    /// What its calls have to prove that they know.
    pub password: Option<Password>,
}

/// How many targets an answer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Contacts {
    /// The best one: many gateways call several at once.
    #[default]
    One,
    /// At most [`CONTACTS_MAX`](super::redirect::CONTACTS_MAX), the best first.
    Many,
}

/// Which headers go along with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// What was decided: `X-Agent-Id`, `X-Agent-Version`, `X-Split`, `X-Arm`, `X-Decision-Id`.
    pub decision: bool,
    /// Those of the version and of the number.
    pub version: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self { decision: true, version: true }
    }
}

impl Trunk {
    /// Its name in the settings.
    #[must_use]
    pub fn name(&self) -> &str {
        self.gateway.split_once(':').map_or("", |(_, name)| name)
    }

    /// A trunk of this name which believes nothing and tells all.
    #[must_use]
    pub fn new(name: &str, gateway_row: u16, account: AccountId) -> Self {
        Self {
            gateway: format!("sip:{name}").into(),
            gateway_row,
            account,
            trust_headers: false,
            country: None,
            strip_prefix: Box::default(),
            contacts: Contacts::default(),
            headers: Told::default(),
            password: None,
        }
    }
}
