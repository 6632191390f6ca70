//! A decision as it is told.

use proptest::prelude::*;
use serde_json::json;

use super::world::{Switch, invite, request};
use crate::domain::split::UnitRule;
use crate::gateways::http::tests::world::route;
use crate::gateways::sip::trunk::{Contacts, Told};
use crate::gateways::sip::uri::Uri;

/// What of a 302 depends on neither time nor chance.
fn contact(switch: &mut Switch, uri: &str, id: &str) -> Vec<String> {
    let heard = switch.hear(request("INVITE", uri, id));
    let token = |contact: String| {
        let (before, after) = contact.split_once(";tok=").unwrap();
        let end = after.find(['>', '?']).unwrap();
        assert_eq!(end, 144, "{contact}");
        format!("{before}{}", &after[end..])
    };
    heard.all("Contact").into_iter().map(token).collect()
}

#[test]
fn a_redirect_names_one_target_with_what_serves_and_says_so_in_headers_too() {
    let mut switch = Switch::new();
    let heard = switch.hear(invite("1"));
    assert_eq!(heard.code(), 302);
    assert_eq!(heard.the("X-Agent-Id"), "sales");
    assert_eq!(heard.the("X-Agent-Version"), "3");
    assert_eq!(heard.the("X-Decision-Id").len(), 36);
    assert_eq!(heard.the("Content-Length"), "0");
    assert!(heard.all("X-Split").is_empty() && heard.all("X-Arm").is_empty());
    assert!(heard.text().ends_with("\r\n\r\n"));
    let to = heard.the("To");
    let (_, tag) = to.split_once(";tag=").unwrap();
    assert!(tag.len() == 16 && tag.bytes().all(|c| c.is_ascii_hexdigit()), "{to}");
    let contact = contact(&mut switch, "sip:+14155550100@h", "2");
    assert_eq!(contact, ["<sip:sales.v3@10.0.0.1:5060;arm=;id=2%40gw.example.com;agent=sales;ver=3>"]);
}

#[test]
fn a_call_in_a_split_is_told_its_split_and_arm() {
    let mut switch = Switch::new();
    let arms = [("control", "V1", 1), ("other", "V2", 0), ("third", "V3", 0)];
    switch.world.split("spring", UnitRule::Caller, &arms, &["+14155550150"]);
    let heard = switch.hear(request("INVITE", "sip:+14155550150@h", "1"));
    assert_eq!((heard.the("X-Split"), heard.the("X-Arm")), ("spring".to_owned(), "control".to_owned()));
    assert!(heard.the("Contact").contains(";agent=sales;ver=1;arm=control;tok="), "{}", heard.text());
}

#[test]
fn parameters_stand_before_the_headers_of_a_target_and_behind_its_user() {
    let mut switch = Switch::new();
    for (at, (uri, told)) in [
        ("sip:a?b@h;lr?X=1&Y=2", "<sip:a?b@h;lr;agent=new-0;ver=1?X=1&Y=2>"),
        ("sip:h?X=1", "<sip:h;agent=new-1;ver=1?X=1>"),
        ("tel:+14155550000", "<tel:+14155550000;agent=new-2;ver=1>"),
        ("SIPS:a@h", "<SIPS:a@h;agent=new-3;ver=1>"),
    ]
    .into_iter()
    .enumerate()
    {
        let (agent, number) = (format!("new-{at}"), format!("+1415555020{at}"));
        switch.world.agent(&agent);
        switch.world.version(&agent, 1, json!({"siteAttributes": [], "endpoints": [{"uri": uri}]}));
        switch.world.number(&number, &agent, "V1");
        assert_eq!(contact(&mut switch, &format!("sip:{number}@h"), &number), [told]);
    }
}

#[test]
fn what_has_no_target_for_sip_is_unavailable_and_a_secure_call_goes_to_secure_targets_only() {
    let mut switch = Switch::new();
    let mut served = |number: &str, agent: &str, uris: &[&str]| {
        let endpoints: Vec<_> = uris.iter().map(|uri| json!({"uri": uri})).collect();
        switch.world.agent(agent);
        switch.world.version(agent, 1, json!({"siteAttributes": [], "endpoints": endpoints}));
        switch.world.number(number, agent, "V1");
    };
    served("+14155550301", "none", &[]);
    served("+14155550302", "web", &["wss://h/", "https://h/"]);
    served("+14155550303", "plain", &["wss://h/", "sip:a@h"]);
    served("+14155550304", "secure", &["sip:a@h", "sips:a@h"]);
    for (uri, code) in [
        ("sip:+14155550301@h", 480),
        ("sip:+14155550302@h", 480),
        ("sip:+14155550303@h", 302),
        ("sips:+14155550303@h", 480),
        ("sips:+14155550304@h", 302),
    ] {
        let heard = switch.hear(request("INVITE", uri, uri));
        assert_eq!(heard.code(), code, "{uri}");
        assert_eq!(heard.all("X-Agent-Id").len(), 1, "who would have served is told");
        if uri.starts_with("sips") && code == 302 {
            assert!(heard.the("Contact").starts_with("<sips:a@h;"), "{}", heard.text());
        }
    }
}

#[test]
fn a_trunk_that_wants_many_targets_gets_them_best_first() {
    let mut switch = Switch::new();
    let endpoints: Vec<_> =
        (0..13).map(|at| json!({"uri": format!("sip:t{at}@h"), "priority": at})).collect();
    switch.world.agent("many");
    switch.world.version("many", 1, json!({"siteAttributes": [], "endpoints": endpoints}));
    switch.world.number("+14155550401", "many", "V1");
    let uri = "sip:+14155550401@h";
    assert_eq!(contact(&mut switch, uri, "1"), ["<sip:t0@h;agent=many;ver=1>"]);
    switch.trunk.contacts = Contacts::Many;
    let many = contact(&mut switch, uri, "2");
    assert_eq!(many.len(), 10);
    for (at, told) in many.iter().enumerate() {
        let q = if at == 0 { "1.0".to_owned() } else { format!("0.{}", 10 - at) };
        assert_eq!(*told, format!("<sip:t{at}@h;agent=many;ver=1>;q={q}"));
    }
}

#[test]
fn headers_of_the_number_go_along_unless_the_trunk_does_not_want_them() {
    let mut switch = Switch::new();
    let mut pinned = route("sales", "V3");
    pinned.headers = [("X-Brand", "north"), ("x-agent-id", "forged"), ("Timestamp", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    switch.world.route("+14155550100", pinned);
    let heard = switch.hear(invite("1"));
    assert_eq!((heard.the("X-Brand"), heard.the("X-Agent-Id")), ("north".to_owned(), "sales".to_owned()));
    assert!(heard.all("x-agent-id").is_empty() && heard.all("Timestamp").is_empty());
    switch.trunk.headers = Told { decision: false, version: false };
    let heard = switch.hear(invite("2"));
    assert!(heard.code() == 302 && !heard.text().contains("\r\nX-"), "{}", heard.text());
}

#[test]
fn drafts_are_told_as_drafts() {
    let mut switch = Switch::new();
    switch.world.number("+14155550501", "sales", "draft");
    let heard = switch.hear(request("INVITE", "sip:+14155550501@h", "1"));
    assert_eq!(heard.the("X-Agent-Version"), "draft");
    assert!(heard.the("Contact").contains(";ver=draft;"));
}

#[test]
fn no_call_id_gets_out_of_its_place() {
    let mut switch = Switch::new();
    for (at, id) in
        ["a>;x=y", "<sip:evil@h>", "a?b", "\"", "a;tok=x", "%0d%0aX-Evil:1", "a\0b", "a,b"].iter().enumerate()
    {
        let heard = switch.hear(invite(&at.to_string()).replace(&format!("{at}@gw"), &format!("{id}@gw")));
        let contact = heard.the("Contact");
        let uri = contact.strip_prefix('<').unwrap().strip_suffix('>').unwrap();
        assert!(!uri.contains(['<', '>', '"', '\0', ',']), "{contact}");
        let uri = Uri::parse(uri.as_bytes()).unwrap();
        assert_eq!(uri.parameter("agent"), Some(&b"sales"[..]), "{contact}");
        assert_eq!(heard.all("X-Evil").len(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_header_value_ends_its_line(value in any::<String>(), evil in "[\r\n\0\u{85}\u{2028}]{1,3}X-Evil: 1") {
        let mut out = Vec::new();
        crate::gateways::sip::response::header(&mut out, "X-A", &format!("{value}{evil}"));
        let text = String::from_utf8(out).unwrap();
        let line = text.strip_suffix("\r\n").unwrap();
        prop_assert!(!line.contains(['\r', '\n', '\0']), "{}", line);
    }
}
