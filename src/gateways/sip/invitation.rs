//! What an `INVITE` asks: who serves this call?

use std::borrow::Cow;

use super::grammar::is_token;
use super::message::text;
use super::name::{Name, is_named};
use super::number::{caller, caller_in, dialled};
use super::request::Request;
use super::trunk::Trunk;
use super::uri::Uri;
use crate::domain::address::{Address, Caller};
use crate::gateways::numbering::Numbering;
use crate::routing::request::{CALL_ID_BYTES_MAX, CallRequest};

/// The headers besides `X-` ones that a trusted trunk says something by.
const TRUSTED: [&str; 3] = ["P-Asserted-Identity", "Diversion", "History-Info"];

/// A call that comes in, as far as it is believed.
#[derive(Debug)]
pub struct Invitation<'m> {
    /// By which trunk.
    pub trunk: &'m Trunk,
    /// What was dialled.
    pub to: Address<'m>,
    /// Who calls: the asserted caller on a trusted trunk, else that of `From`.
    pub caller: Caller<'m>,
    /// Whether the caller must not be told to anybody who reads records (`Privacy: id`, RFC 3325).
    pub is_private: bool,
    /// The call's id; of one that is too long or no text, its hash.
    pub call_id: Cow<'m, str>,
    /// The headers that a trusted trunk says something by, each in one line.
    pub headers: Vec<(Cow<'m, str>, Cow<'m, str>)>,
    /// The token of an earlier decision, from a trusted trunk: `tok` of the request-URI.
    pub token: Option<&'m str>,
}

impl<'m> Invitation<'m> {
    /// Reads a request; nothing where no number can be what it dials.
    ///
    /// Allocates for trusted headers only.
    #[must_use]
    pub fn of(request: &Request<'m>, uri: &Uri<'m>, trunk: &'m Trunk) -> Option<Self> {
        let message = &request.message;
        let trusted = trunk.trust_headers;
        let mut privacy =
            message.all(Name::Privacy).flat_map(|value| value.split(|c| b";, \t\r\n".contains(c)));
        let token = || std::str::from_utf8(uri.parameter("tok")?).ok().filter(|token| !token.is_empty());
        Some(Self {
            trunk,
            to: dialled(uri, &trunk.strip_prefix)?,
            caller: asserted(message.all(Name::PAssertedIdentity))
                .filter(|_| trusted)
                .unwrap_or_else(|| caller_in(&request.from)),
            is_private: privacy.any(|what| what.eq_ignore_ascii_case(b"id")),
            call_id: call_id(request.call_id),
            headers: if trusted { headers(request) } else { Vec::new() },
            token: if trusted { token() } else { None },
        })
    }

    /// The same as every gateway asks, its numbers read as people of the trunk's country dial them.
    #[must_use]
    pub fn asks(&self, plans: Option<&Numbering>) -> CallRequest<'_> {
        let localised = |address: Address<'m>| {
            let Address::User(user) = &address else { return address };
            let number = plans.zip(self.trunk.country).and_then(|(plans, country)| plans.read(user, country));
            number.map_or(address, Address::E164)
        };
        CallRequest {
            account: &self.trunk.account,
            gateway: &self.trunk.gateway,
            gateway_row: self.trunk.gateway_row,
            to: localised(self.to.clone()),
            caller: self.caller.clone().map(localised),
            call_id: Some(&self.call_id),
            headers: &self.headers,
            asked_for: None,
            token: self.token,
            agents: None,
        }
    }
}

/// The caller whom the network asserts by `P-Asserted-Identity`: the first that has a phone number, else the first.
pub fn asserted<'m>(values: impl Iterator<Item = &'m [u8]>) -> Option<Caller<'m>> {
    let mut first = None;
    for value in values.flat_map(|value| super::grammar::pieces(value, b',')) {
        let caller = caller(value);
        match &caller {
            Caller::Known(Address::E164(_)) => return Some(caller),
            Caller::Known(_) => {
                first.get_or_insert(caller);
            }
            Caller::Withheld => {}
        }
    }
    first
}

/// The id of a call as its gateway writes it; of one that is too long, no text or has control characters, its hash.
#[must_use]
pub fn call_id(bytes: &[u8]) -> Cow<'_, str> {
    let is_one = |text: &&str| text.len() <= CALL_ID_BYTES_MAX && !text.chars().any(char::is_control);
    let text = std::str::from_utf8(bytes).ok().filter(is_one);
    text.map_or_else(|| blake3::hash(bytes).to_hex().as_str().to_owned().into(), Cow::Borrowed)
}

fn headers<'m>(request: &Request<'m>) -> Vec<(Cow<'m, str>, Cow<'m, str>)> {
    let is_trusted = |name: &[u8]| {
        let is_ours = name.get(..2).is_some_and(|begin| begin.eq_ignore_ascii_case(b"X-"));
        is_token(name) && (is_ours || TRUSTED.iter().any(|trusted| is_named(name, trusted)))
    };
    let fields = request.message.fields().filter(|(name, _)| is_trusted(name));
    fields.map(|(name, value)| (String::from_utf8_lossy(name), text(value))).collect()
}
