//! Which request is answered how.

use sha2::{Digest as _, Sha256};

use super::world::{Heard, Switch, invite, request, with};
use crate::gateways::sip::digest::{NONCE_LIFE_MS, Password};
use crate::gateways::sip::message::{Fault, MESSAGE_BYTES_MAX, NoRequest, VIAS_MAX};
use crate::gateways::sip::name::Name;
use crate::gateways::sip::server::{Silence, Transport};
use crate::gateways::sip::transactions::LIFE_MS;

const SERVED: &str = "sip:+14155550100@h";

#[test]
fn every_method_has_its_answer() {
    let mut switch = Switch::new();
    for (method, code) in [
        ("INVITE", 302),
        ("OPTIONS", 200),
        ("CANCEL", 481),
        ("BYE", 405),
        ("REGISTER", 405),
        ("UPDATE", 405),
        ("PUBLISH", 405),
        ("invite", 501),
        ("!interesting-Method0123456789_*+`.%indeed'~", 501),
    ] {
        let heard = switch.hear(request(method, SERVED, method));
        assert_eq!(heard.code(), code, "{method}");
        assert_eq!(heard.all("Allow").len(), usize::from([200, 405, 501].contains(&code)), "{method}");
    }
    assert_eq!(switch.hear(request("OPTIONS", SERVED, "x")).the("Allow"), "INVITE, ACK, CANCEL, OPTIONS");
    assert_eq!(switch.hear(request("ACK", SERVED, "x")).silence(), Silence::Acknowledged);
    assert_eq!(switch.asked, 1);
}

#[test]
fn an_invitation_that_comes_again_gets_the_same_octets_for_32_seconds_whatever_changed() {
    let mut switch = Switch::new();
    let (first, second) = (invite("1"), invite("2"));
    let told = switch.hear(&first);
    assert!(!told.reply().is_again);
    switch.world.number("+14155550100", "sales", "V1");
    switch.server.draining = Some(5);
    switch.now = switch.now.plus_ms(LIFE_MS - 1);
    let again = switch.hear(&first);
    assert_eq!(again.text(), told.text());
    assert!(again.reply().is_again && switch.asked == 1);
    assert_eq!(switch.hear(&second).code(), 503, "a new call is told that there is a drain");
    switch.server.draining = None;
    assert_eq!(switch.hear(&second).code(), 503, "and keeps being told");
    switch.now = switch.now.plus_ms(1);
    assert_eq!(switch.hear(&first).the("X-Agent-Version"), "3", "the call itself keeps its version");
    assert_eq!(switch.asked, 2);
}

#[test]
fn another_source_tag_number_branch_or_call_is_another_invitation() {
    let mut switch = Switch::new();
    let first = invite("1");
    switch.hear(&first);
    for (from, to) in [("tag=f1", "tag=f2"), ("bK1", "bK2"), ("CSeq: 7", "CSeq: 8"), ("1@gw", "2@gw")] {
        assert!(first.contains(from));
        assert!(!switch.hear(first.replace(from, to)).reply().is_again, "{to}");
    }
    switch.source.set_port(9);
    assert!(switch.hear(&first).reply().is_again, "a port may change on the way");
    switch.source = "192.0.2.2:5062".parse().unwrap();
    assert!(!switch.hear(&first).reply().is_again);
}

#[test]
fn a_cancel_is_granted_while_its_invitation_is_remembered_with_the_same_tag() {
    let mut switch = Switch::new();
    let cancel = invite("1").replace("INVITE", "CANCEL");
    assert_eq!(switch.hear(&cancel).code(), 481);
    let invited = switch.hear(invite("1"));
    let cancelled = switch.hear(&cancel);
    assert_eq!((cancelled.code(), cancelled.the("To")), (200, invited.the("To")));
    assert_eq!(switch.hear(cancel.replace("bK1", "bK2")).code(), 481);
    switch.now = switch.now.plus_ms(LIFE_MS);
    assert_eq!(switch.hear(&cancel).code(), 481);
}

#[test]
fn an_invitation_within_a_dialogue_is_of_none_we_know() {
    let mut switch = Switch::new();
    let heard = switch.hear(invite("1").replace("@cordboard.example>", "@cordboard.example>;tag=x"));
    assert_eq!((heard.code(), switch.asked), (481, 0));
    assert_eq!(heard.the("To"), "<sip:+14155550100@cordboard.example>;tag=x");
}

#[test]
fn nobody_is_told_404_of_a_number_without_route_and_of_what_is_no_number() {
    let mut switch = Switch::new();
    for (at, uri) in ["sip:+14155559999@h", "sip:h", "sip:%00@h", "sip:+x@h", "tel:+"].iter().enumerate() {
        let heard = switch.hear(request("INVITE", uri, &at.to_string()));
        assert_eq!((heard.code(), heard.all("Contact").len()), (404, 0), "{uri}");
        assert_eq!(
            heard.all("X-Decision-Id").len(),
            usize::from(at == 0),
            "what was decided can be looked up"
        );
    }
    assert_eq!(switch.hear(request("INVITE", "http://h/", "a")).code(), 416);
    assert_eq!(switch.hear(request("INVITE", "h", "b")).code(), 400);
}

#[test]
fn what_is_required_of_us_we_do_not_support() {
    let mut switch = Switch::new();
    let heard = switch.hear(with(&invite("1"), "Require: 100rel\r\nRequire: timer, x"));
    assert_eq!((heard.code(), heard.the("Unsupported").as_str()), (420, "100rel, timer, x"));
    let options = with(&request("OPTIONS", SERVED, "2"), "Require: path");
    assert_eq!(switch.hear(options).the("Unsupported"), "path");
    assert_eq!(switch.hear(with(&invite("3"), "Proxy-Require: x\r\nSupported: 100rel")).code(), 302);
    assert_eq!(switch.asked, 1);
}

#[test]
fn while_draining_new_calls_are_sent_away_and_told_when_to_come_back() {
    let mut switch = Switch::new();
    switch.server.draining = Some(7);
    for method in ["INVITE", "OPTIONS"] {
        let heard = switch.hear(request(method, SERVED, "1"));
        assert_eq!((heard.code(), heard.the("Retry-After").as_str()), (503, "7"), "{method}");
    }
    assert_eq!(switch.asked, 0);
}

#[test]
fn an_unlisted_source_hears_nothing_on_udp_and_no_on_a_stream() {
    let mut switch = Switch::new();
    assert_eq!(switch.hear_by(invite("1").as_bytes(), None).silence(), Silence::Refused);
    assert_eq!(
        switch.hear_by(b"INVITE  x SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n", None).silence(),
        Silence::Refused
    );
    for transport in [Transport::Tcp, Transport::Tls] {
        switch.transport = transport;
        assert_eq!(switch.hear_by(invite("1").as_bytes(), None).code(), 403);
        let ack = request("ACK", SERVED, "1");
        assert_eq!(switch.hear_by(ack.as_bytes(), None).silence(), Silence::Acknowledged);
    }
    assert_eq!(switch.asked, 0);
    assert!(switch.server.transactions.is_empty());
}

#[test]
fn with_max_forwards_0_it_is_answered_all_the_same() {
    let mut switch = Switch::new();
    for hops in ["0", "00"] {
        let hops = format!("Max-Forwards: {hops}");
        assert_eq!(switch.hear(invite(&hops[14..]).replace("Max-Forwards: 70", &hops)).code(), 302);
    }
}

#[test]
fn a_fault_is_told_where_somebody_can_be_told() {
    let mut switch = Switch::new();
    let good = invite("1");
    for (from, to, reason) in [
        ("Call-ID", "X-Call-ID", "Missing Call-ID"),
        ("Content-Length: 0", "Content-Length: 0\r\nl: 1", "Repeated Content-Length"),
        ("Content-Length: 0", "Content-Length: 3", "Body Shorter Than Content-Length"),
        ("CSeq: 7 INVITE", "CSeq: 7 ACK", "Malformed CSeq"),
        ("\"A\"", "\"A", "Malformed From"),
        ("Max-Forwards: 70", "Max-Forwards: 256", "Malformed Max-Forwards"),
        ("INVITE sip", "INVITE  sip", "Malformed Request-Line"),
        ("Contact:", "Contact\0:", "Malformed Header Line"),
    ] {
        assert!(good.contains(from));
        let heard = switch.hear(good.replace(from, to));
        assert_eq!(heard.code(), 400, "{to}");
        assert!(heard.text().starts_with(&format!("SIP/2.0 400 {reason}\r\n")), "{}", heard.text());
    }
    let bad = |from: &str, to: &str| good.replace(from, to);
    let mut silent = |bytes: String| switch.hear(bytes).silence();
    assert_eq!(silent(bad("Via", "X-Via")), Silence::Unanswerable(Fault::Malformed(Name::Via)));
    assert!(matches!(silent(bad("SIP/2.0/UDP", "SIP/2.0")), Silence::Unanswerable(_)));
    assert_eq!(silent(bad("INVITE", "SIP/2.0")), Silence::NoRequest(NoRequest::Response));
    assert_eq!(silent(bad("INVITE", "IN\0VITE")), Silence::NoRequest(NoRequest::NotSip));
    assert_eq!(silent("\r\n\r\n".to_owned()), Silence::NoRequest(NoRequest::KeepAlive));
    assert_eq!(switch.asked, 0);
}

#[test]
fn an_invitation_of_64_kb_is_answered_and_a_longer_one_is_not() {
    let mut switch = Switch::new();
    let filled = |bytes: usize| {
        let begin = with(&invite("1"), "X-Long: ");
        begin.replace("X-Long: ", &format!("X-Long: {}", "x".repeat(bytes - begin.len())))
    };
    let heard = switch.hear(filled(MESSAGE_BYTES_MAX));
    assert!(heard.code() == 302 && heard.bytes.len() < 2_000);
    let longer = switch.hear(filled(MESSAGE_BYTES_MAX + 1));
    assert_eq!(longer.silence(), Silence::NoRequest(NoRequest::TooLong));
    let body = format!("{}{}", invite("2").replace("Length: 0", "Length: 60000"), "\0\r\n\r".repeat(15_000));
    assert_eq!(switch.hear(body).code(), 302);
}

#[test]
fn an_answer_too_long_for_a_datagram_goes_by_stream_only() {
    let mut switch = Switch::new();
    let long = invite("1").replace("bK1", &format!("bK{}", "1".repeat(65_000)));
    assert_eq!(switch.hear(&long).silence(), Silence::TooLong);
    switch.transport = Transport::Tcp;
    assert_eq!(switch.hear(&long).code(), 302);
}

#[test]
fn a_hundred_steps_are_answered_step_by_step_and_one_more_is_a_fault() {
    let mut switch = Switch::new();
    let steps = |count: usize| {
        let lines: Vec<String> =
            (1..count).map(|at| format!("Via: SIP/2.0/UDP p{at};branch=b{at}")).collect();
        with(&invite(&count.to_string()), &lines.join("\r\n"))
    };
    let heard = switch.hear(steps(VIAS_MAX));
    let vias = heard.all("Via");
    assert_eq!((heard.code(), vias.len()), (302, VIAS_MAX));
    assert_eq!(vias[99], "SIP/2.0/UDP p99;branch=b99");
    let heard = switch.hear(steps(VIAS_MAX + 1));
    assert_eq!((heard.code(), heard.reply().fault), (400, Some(Fault::TooManyVias)));
}

#[test]
fn an_answer_goes_where_the_request_came_from_whatever_a_via_says() {
    let mut switch = Switch::new();
    let to = |switch: &mut Switch, via: &str| {
        let heard = switch.hear(invite("1").replace("192.0.2.1:5062;branch", via));
        (heard.reply().to.to_string(), heard.all("Via").swap_remove(0))
    };
    for (via, address, written) in [
        ("192.0.2.1:5070;branch", "192.0.2.1:5070", "192.0.2.1:5070;branch=z9hG4bK1"),
        ("192.0.2.1;branch", "192.0.2.1:5060", "192.0.2.1;branch=z9hG4bK1"),
        ("victim.example:99;branch", "192.0.2.1:99", "victim.example:99;received=192.0.2.1;branch=z9hG4bK1"),
        ("203.0.113.9:0;branch", "192.0.2.1:5060", "203.0.113.9:0;received=192.0.2.1;branch=z9hG4bK1"),
        (
            "h:99;maddr=203.0.113.9;branch",
            "192.0.2.1:99",
            "h:99;received=192.0.2.1;maddr=203.0.113.9;branch=z9hG4bK1",
        ),
        (
            "h:99;received=203.0.113.9;rport;branch",
            "192.0.2.1:5062",
            "h:99;received=192.0.2.1;rport=5062;branch=z9hG4bK1",
        ),
        (
            "192.0.2.1:5062;rport=1 ;branch",
            "192.0.2.1:5062",
            "192.0.2.1:5062;received=192.0.2.1;rport=5062;branch=z9hG4bK1",
        ),
    ] {
        assert_eq!(to(&mut switch, via), (address.to_owned(), format!("SIP/2.0/UDP {written}")), "{via}");
    }
    switch.source = "[2001:db8::7]:5071".parse().unwrap();
    let (address, written) = to(&mut switch, "h;rport;branch");
    assert_eq!(address, "[2001:db8::7]:5071");
    assert_eq!(written, "SIP/2.0/UDP h;received=2001:db8::7;rport=5071;branch=z9hG4bK1");
    switch.transport = Transport::Tcp;
    assert_eq!(to(&mut switch, "h:99;branch").0, "[2001:db8::7]:5071");
}

#[test]
fn a_trunk_with_a_password_challenges_and_lets_in_who_knows_it() {
    let mut switch = Switch::new();
    switch.trunk.password = Some(Password::new("trunk", "cordboard", "s3cret"));
    let heard: Heard = switch.hear(invite("1"));
    assert_eq!((heard.code(), heard.all("WWW-Authenticate").len(), switch.asked), (401, 2, 0));
    let challenge = heard.all("WWW-Authenticate").swap_remove(0);
    let nonce = challenge.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
    let proven = |id: &str, password: &str| {
        let proof =
            credentials("trunk:cordboard", password, nonce, "INVITE", "sip:+14155550100@cordboard.example");
        with(&invite(id), &format!("Authorization: {proof}"))
    };
    assert_eq!((switch.hear(proven("2", "guess")).code(), switch.asked), (401, 0));
    assert_eq!((switch.hear(proven("3", "s3cret")).code(), switch.asked), (302, 1));
    switch.now = switch.now.plus_ms(NONCE_LIFE_MS);
    let stale = switch.hear(proven("4", "s3cret"));
    assert!(stale.code() == 401 && stale.text().contains("stale=true"), "{}", stale.text());
    assert_eq!(switch.hear(request("OPTIONS", SERVED, "3")).code(), 200, "whether we are there is no secret");
}

/// Credentials by SHA-256 as a client writes them (RFC 7616, section 3.4).
fn credentials(user: &str, password: &str, nonce: &str, method: &str, uri: &str) -> String {
    let hash = |text: String| {
        let digits = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(digits.len(), 64);
        digits
    };
    let (name, realm) = user.split_once(':').unwrap();
    let (known, hashed) = (hash(format!("{user}:{password}")), hash(format!("{method}:{uri}")));
    let response = hash(format!("{known}:{nonce}:00000001:0a4f113b:auth:{hashed}"));
    format!(
        "Digest username=\"{name}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm=SHA-256, \
         response=\"{response}\", cnonce=\"0a4f113b\", qop=auth, nc=00000001"
    )
}
