//! Which numbers a request is about: who is called and who calls.

use std::borrow::Cow;

use super::party::Party;
use super::uri::Uri;
use crate::domain::address::{Address, Caller};

/// Who is called, by the request-URI: without the prefix that the trunk's calls have in front.
///
/// Nothing where there is no user, or one that no number can be.
#[must_use]
pub fn dialled<'m>(uri: &Uri<'m>, strip_prefix: &str) -> Option<Address<'m>> {
    match uri.number()? {
        Cow::Borrowed(text) => Address::parse(without(text, strip_prefix)).ok(),
        Cow::Owned(text) => Address::parse(without(&text, strip_prefix)).ok().map(owned),
    }
}

/// What is left of a number is never nothing.
fn without<'t>(text: &'t str, prefix: &str) -> &'t str {
    text.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(text)
}

/// Who calls, by the value of a `From` or of a `P-Asserted-Identity`; never a fault.
#[must_use]
pub fn caller<'m>(value: &'m [u8]) -> Caller<'m> {
    Party::parse(value).map_or(Caller::Withheld, |party| caller_in(&party))
}

/// The same of a value that was read.
#[must_use]
pub fn caller_in<'m>(party: &Party<'m>) -> Caller<'m> {
    let whole = || match String::from_utf8_lossy(party.uri) {
        Cow::Borrowed(uri) => Caller::parse(uri),
        Cow::Owned(uri) => owned_caller(Caller::parse(&uri)),
    };
    let Ok(uri) = Uri::parse(party.uri) else { return whole() };
    caller_at(&uri).unwrap_or_else(whole)
}

/// Who calls, by a URI; nothing where it has no user.
#[must_use]
pub fn caller_at<'m>(uri: &Uri<'m>) -> Option<Caller<'m>> {
    let host = uri.host.split(|c| *c == b':').next().unwrap_or_default();
    if host.eq_ignore_ascii_case(b"anonymous.invalid") {
        return Some(Caller::Withheld);
    }
    Some(match uri.number()? {
        Cow::Borrowed(text) => Caller::parse(text),
        Cow::Owned(text) => owned_caller(Caller::parse(&text)),
    })
}

fn owned(address: Address<'_>) -> Address<'static> {
    match address {
        Address::E164(number) => Address::E164(number),
        Address::User(user) => Address::User(Cow::Owned(user.into_owned())),
    }
}

fn owned_caller(caller: Caller<'_>) -> Caller<'static> {
    match caller {
        Caller::Known(address) => Caller::Known(owned(address)),
        Caller::Withheld => Caller::Withheld,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(uri: &str, strip_prefix: &str) -> String {
        let uri = Uri::parse(uri.as_bytes()).unwrap();
        match dialled(&uri, strip_prefix) {
            Some(Address::E164(number)) => format!("number {number}"),
            Some(Address::User(user)) => format!("user {user}"),
            None => "nobody".to_owned(),
        }
    }

    #[test]
    fn a_number_is_read_of_every_form_it_is_dialled_in() {
        for (uri, prefix, is) in [
            ("sip:+14155550100@h", "", "number +14155550100"),
            ("sip:%2B14155550100@h", "", "number +14155550100"),
            ("sip:+1-415-555-0100;tgrp=x@h", "", "number +14155550100"),
            ("tel:555-0100;phone-context=+1415", "", "number +14155550100"),
            ("sip:9+14155550100@h", "9", "number +14155550100"),
            ("sip:99@h", "99", "user 99"),
            ("sip:4155550100@h", "9", "user 4155550100"),
            ("sip:00441234@h", "00", "user 441234"),
            ("sip:al%69ce@h", "", "user alice"),
            ("sip:null-%00-null@h", "", "nobody"),
            ("sip:+abc@h", "", "nobody"),
            ("sip:h", "", "nobody"),
        ] {
            assert_eq!(to(uri, prefix), is, "{uri}");
        }
    }

    #[test]
    fn a_caller_is_known_by_its_number_and_who_hides_is_nobody() {
        for (from, is) in [
            ("\"A\" <sip:+14155550199@h>;tag=1", Some("+14155550199")),
            ("<tel:5550199;phone-context=+1415>;tag=1", Some("+14155550199")),
            ("sip:alice@h;tag=1", Some("alice")),
            ("sip:caller%40x@h", Some("caller%40x")),
            ("<sip:gw.example.com>", Some("sip%3Agw.example.com")),
            ("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1", None),
            ("<sip:c8oqz84zk7z@Anonymous.Invalid:5060>;tag=1", None),
            ("<sip:Restricted@h>;tag=1", None),
            ("sip:+266696687@h", None),
            ("\"open <sip:alice@h>", None),
            ("", None),
        ] {
            let read = caller(from.as_bytes());
            assert_eq!(read.address().map(Address::to_string).as_deref(), is, "{from}");
        }
        assert!(matches!(caller(b"sip:n\xfcll@h"), Caller::Known(_)));
    }
}
