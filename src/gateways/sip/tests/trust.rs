//! What of a request is believed.

use std::borrow::Cow;

use super::world::{Switch, invite, request, with};
use crate::domain::address::Address;
use crate::domain::id::Pin;
use crate::domain::route::{HeaderRule, HeaderTest};
use crate::gateways::http::tests::world::{account, route};
use crate::gateways::numbering::Numbering;
use crate::gateways::sip::invitation::Invitation;
use crate::gateways::sip::message::Index;
use crate::gateways::sip::request::Request;
use crate::gateways::sip::trunk::Trunk;
use crate::gateways::sip::uri::Uri;

fn trunk(trust_headers: bool) -> Trunk {
    Trunk { trust_headers, ..Trunk::new("default", 0, account()) }
}

/// Looks at an invitation as it comes by a trunk.
fn invited<R>(message: &str, trunk: &Trunk, look: impl FnOnce(&Invitation<'_>) -> R) -> R {
    let mut index = Index::default();
    let message = index.read(message.as_bytes()).unwrap();
    let request = Request::of(message, &message.ends()).unwrap();
    let uri = Uri::parse(request.message.uri).unwrap();
    look(&Invitation::of(&request, &uri, trunk).unwrap())
}

fn caller(message: &str, trust_headers: bool) -> Option<String> {
    invited(message, &trunk(trust_headers), |invitation| invitation.caller.address().map(Address::to_string))
}

#[test]
fn the_asserted_caller_counts_on_a_trusted_trunk_only() {
    for (asserted, trusted) in [
        ("<sip:+14155550188@net>", "+14155550188"),
        ("\"A, B\" <sip:alice@net>, <tel:+14155550177>", "+14155550177"),
        ("<sip:alice@net>\r\np-asserted-identity: <sip:bob@net>", "alice"),
        ("<sip:anonymous@anonymous.invalid>", "+14155550199"),
        ("\"open", "+14155550199"),
    ] {
        let message = with(&invite("1"), &format!("P-Asserted-Identity: {asserted}"));
        assert_eq!(caller(&message, true).as_deref(), Some(trusted), "{asserted}");
        assert_eq!(caller(&message, false).as_deref(), Some("+14155550199"), "{asserted}");
    }
    let hidden = invite("1").replace("+14155550199@gw.example.com", "anonymous@anonymous.invalid");
    assert_eq!(caller(&hidden, false), None);
}

#[test]
fn who_wants_to_be_private_is_known_to_be_on_every_trunk() {
    let is_private =
        |line: &str| invited(&with(&invite("1"), line), &trunk(false), |invitation| invitation.is_private);
    assert!(is_private("Privacy: id") && is_private("privacy: header; ID;critical"));
    assert!(!is_private("Privacy: none") && !is_private("X-Privacy: id"));
}

#[test]
fn headers_and_tokens_count_on_a_trusted_trunk_only_and_folded_ones_are_one_line() {
    let message = with(
        &request("INVITE", "sip:+14155550100@h;tok=abc;x", "1"),
        "X-Env: test\r\n  more\r\nx-env: 2\r\nDiversion: <sip:a@h>\r\nSubject: no\r\nX : y\r\nHistory-Info: z",
    );
    invited(&message, &trunk(true), |invitation| {
        let headers =
            [("X-Env", "test more"), ("x-env", "2"), ("Diversion", "<sip:a@h>"), ("History-Info", "z")];
        let headers = headers.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
        assert_eq!(invitation.headers, headers);
        assert_eq!(invitation.token, Some("abc"));
        let call = invitation.asks(None);
        assert_eq!((call.token, call.headers.len(), call.gateway), (Some("abc"), 4, "sip:default"));
    });
    invited(&message, &trunk(false), |invitation| {
        assert!(invitation.headers.is_empty() && invitation.token.is_none());
    });
}

#[test]
fn header_rules_see_what_is_trusted() {
    let mut switch = Switch::new();
    let mut pinned = route("sales", "V3");
    pinned.header_rules = vec![HeaderRule {
        header: "X-Env".to_owned(),
        test: HeaderTest::Equals("test".to_owned()),
        agent: None,
        pin: Pin::parse("V2").unwrap(),
    }];
    switch.world.route("+14155550100", pinned);
    assert_eq!(switch.hear(with(&invite("1"), "X-Env: test")).the("X-Agent-Version"), "3");
    switch.trunk.trust_headers = true;
    assert_eq!(switch.hear(with(&invite("2"), "X-Env: test")).the("X-Agent-Version"), "2");
}

#[test]
fn a_token_given_as_a_parameter_keeps_the_version_on_another_leg() {
    let mut switch = Switch::new();
    switch.trunk.trust_headers = true;
    let contact = switch.hear(invite("1")).the("Contact");
    let token = contact.split(";tok=").nth(1).unwrap().trim_end_matches('>').to_owned();
    switch.world.number("+14155550100", "sales", "V1");
    let uri = format!("sip:+14155550100@h;tok={token}");
    assert_eq!(switch.hear(request("INVITE", &uri, "2")).the("X-Agent-Version"), "3");
    switch.trunk.trust_headers = false;
    assert_eq!(switch.hear(request("INVITE", &uri, "3")).the("X-Agent-Version"), "1");
}

#[test]
fn digits_are_read_as_people_of_the_trunks_country_dial_them_without_its_prefix() {
    let mut switch = Switch::new();
    switch.plans = Numbering::new();
    let country = switch.plans.as_ref().unwrap().country("US");
    let code = |switch: &mut Switch, uri: &str| switch.hear(request("INVITE", uri, uri)).code();
    assert_eq!(code(&mut switch, "sip:4155550100@h"), 404);
    switch.trunk.country = country;
    assert_eq!(code(&mut switch, "sip:4155550100@h;user=phone"), 302);
    assert_eq!(code(&mut switch, "tel:(415)555-0100;phone-context=example.com"), 302);
    assert_eq!(code(&mut switch, "sip:94155550100@h"), 404);
    switch.trunk.strip_prefix = "9".into();
    assert_eq!(code(&mut switch, "sip:94155550100@h2"), 302);
    assert_eq!(code(&mut switch, "sip:9+14155550100@h"), 302);
}

#[test]
fn a_call_id_that_is_too_long_or_no_text_is_known_by_its_hash() {
    let id = |id: &str| {
        let message = invite("1").replace("1@gw.example.com", id);
        invited(&message, &trunk(false), |invitation| invitation.call_id.clone().into_owned())
    };
    assert_eq!(id("a@b"), "a@b");
    assert_eq!(id(&"x".repeat(256)), "x".repeat(256));
    let (long, longer) = (id(&"x".repeat(257)), id(&"x".repeat(258)));
    assert!(long.len() == 64 && longer.len() == 64 && long != longer);
}
