//! Webhooks over real sockets.

use serde_json::{Value, json};

use super::world::{Plan, World, field};
use crate::domain::account::{Account, Permission};
use crate::domain::change::Change;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::gateways::webhooks::Trunk;

const PBX: &str = "/gateways/kamailio/pbx";

/// +14155550100 is pinned to V3 of `sales`, +14155550101 to V1.
fn world_with(plan: Plan) -> World {
    let mut world = World::with(plan);
    world.number("+14155550100", "sales", "V3");
    world.number("+14155550101", "sales", "V1");
    world
}

fn world() -> World {
    world_with(Plan::default())
}

fn trusting(world: Plan) -> Plan {
    let trunk = Trunk { trust_headers: true, strip_prefix: "9".into(), ..world.trunk };
    Plan { trunk, ..world }
}

fn call(id: &str, to: &str) -> Value {
    json!({"call_id": id, "r_user": to, "r_domain": "h", "from_user": "+14155550199", "from_domain": "h",
        "src_ip": "192.0.2.1", "headers": {}})
}

fn uri(answer: &Value, at: usize) -> String {
    answer["routes"][at]["uri"].as_str().unwrap().to_owned()
}

#[test]
fn an_invitation_is_answered_by_a_document_that_marks_its_version_and_again_by_the_same() {
    let world = world();
    let reply = world.post(PBX, call("c@h", "+14155550100"));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let answer = reply.json();
    assert_eq!((&answer["version"], &answer["routing"]), (&json!("1.0"), &json!("serial")));
    assert_eq!(answer["routes"].as_array().unwrap().len(), 1);
    let target = uri(&answer, 0);
    let marked = "sip:sales.v3@10.0.0.1:5060;arm=;id=c%40h;agent=sales;ver=3;tok=";
    assert!(target.starts_with(marked), "{target}");
    let route = &answer["routes"][0];
    assert_eq!(route["dst_uri"], "sip:10.0.0.1:5060");
    assert_eq!((&route["fr_timer"], &route["fr_inv_timer"]), (&json!(5_000), &json!(30_000)));
    let id = answer["decision_id"].as_str().unwrap();
    let extra = format!("X-Decision-Id: {id}\r\nX-Agent-Id: sales\r\nX-Agent-Version: 3\r\n");
    assert_eq!(route["headers"]["extra"], extra);
    let again = world.get(&format!("{PBX}?call_id=c@h&r_user=+14155550100&from_user=x")).json();
    assert_eq!(again["decision_id"], answer["decision_id"]);
    assert_eq!(world.metric("cordboard_calls_in_progress", "gateway=\"kamailio:pbx\""), 1.0);
}

#[test]
fn every_target_that_sip_reaches_is_a_route_in_the_order_of_trial_and_its_headers_stay_out_of_the_uri() {
    let mut world = world();
    let endpoint = |uri: &str, priority: u8| json!({"uri": uri, "priority": priority});
    world.version(
        "sales",
        4,
        json!({"endpoints": [
            endpoint("tel:+14155550111", 0), endpoint("wss://h/s", 1),
            endpoint("sips:{agent}@b;transport=tls;x=y?X-A=1", 3), endpoint("sip:a?b@h", 2),
            endpoint(&format!("sip:{}@h", "x".repeat(1_000)), 4),
        ], "sipHeaders": {"X-Brand": "\"north\\", "X-Arm": "other"}}),
    );
    world.number("+14155550104", "sales", "V4");
    let answer = world.post(PBX, call("c", "+14155550104")).json();
    assert_eq!(answer["routes"].as_array().unwrap().len(), 2, "{answer}");
    assert!(uri(&answer, 0).starts_with("sip:a?b@h;agent=sales;ver=4;tok="), "{answer}");
    assert!(uri(&answer, 1).starts_with("sips:sales@b;transport=tls;x=y;agent=sales;ver=4;tok="), "{answer}");
    assert!(!uri(&answer, 1).contains("X-A"));
    assert_eq!(answer["routes"][1]["dst_uri"], "sips:b;transport=tls");
    for at in [0, 1] {
        let extra = answer["routes"][at]["headers"]["extra"].as_str().unwrap();
        assert!(extra.ends_with("X-Agent-Version: 4\r\nX-Brand: \"north\\\r\n"), "{extra}");
    }
}

#[test]
fn an_answer_fits_into_the_buffer_of_a_script_however_much_there_is_to_say() {
    let mut world = world();
    let targets: Vec<_> =
        (0..16).map(|n| json!({"uri": format!("sip:{}@h{n}", "x".repeat(500)), "priority": n})).collect();
    let headers: serde_json::Map<_, _> =
        (0..20).map(|n| (format!("X-H{n}"), json!("\"".repeat(400)))).collect();
    world.version("sales", 4, json!({"endpoints": targets, "sipHeaders": headers}));
    world.version("sales", 5, json!({"endpoints": &targets[..12]}));
    world.number("+14155550104", "sales", "V4");
    world.number("+14155550105", "sales", "V5");
    for (to, routes) in [("+14155550104", 1), ("+14155550105", 6)] {
        let reply = world.post(PBX, call("c", to));
        assert!(reply.body.len() <= 8_000, "{}", reply.body.len());
        let answer = reply.json();
        let told = answer["routes"].as_array().unwrap();
        assert!(told.len() >= routes && told.len() <= 10, "{}", told.len());
        assert!(uri(&answer, 0).contains("@h0;"), "the best one stays");
    }
}

#[test]
fn where_nobody_can_be_called_the_answer_is_an_error_that_says_why() {
    let mut world = world();
    world.version("sales", 4, json!({"endpoints": [{"uri": "wss://h/s"}]}));
    world.number("+14155550104", "sales", "V4");
    for (to, status, code) in
        [("+442071230000", 404, "NO_ROUTE"), ("+abc", 404, "NO_ROUTE"), ("+14155550104", 409, "NO_TARGET")]
    {
        let reply = world.post(PBX, call(to, to));
        assert_eq!((reply.status, &reply.json()["error_code"]), (status, &json!(code)), "{to}");
    }
    let reply = world.post(PBX, call("c", "+442071230000")).json();
    assert_eq!(reply["message"], "nobody serves +442071230000");
    assert!(reply["data"]["decision_id"].is_string());
}

#[test]
fn a_number_is_read_as_by_sip() {
    let plan = trusting(Plan { country: Some("US"), ..Plan::default() });
    let world = world_with(plan);
    for (at, to) in [
        "9+14155550100",
        "+14155550100",
        "+1-415-555-0100;tgrp=x",
        "5550100;phone-context=+1415",
        "4155550100",
        "94155550100",
    ]
    .into_iter()
    .enumerate()
    {
        let reply = world.post(PBX, call(&format!("c{at}"), to));
        assert_eq!(reply.status, 200, "{to}");
        assert!(uri(&reply.json(), 0).contains(";ver=3;"), "{to}");
    }
}

#[test]
fn headers_and_tokens_count_only_where_the_trunk_is_trusted() {
    for trusted in [false, true] {
        let plan = if trusted { trusting(Plan::default()) } else { Plan::default() };
        let mut world = world_with(plan);
        let asked = |id: &str, token: &str| {
            let mut asked = call(id, "+14155550100");
            asked["tok"] = json!(token);
            asked["headers"] = json!({"P-Asserted-Identity": "\"X\" <sip:+14155550177@h>"});
            asked
        };
        let first = world.post(PBX, asked("first", "")).json();
        let token = uri(&first, 0).split(";tok=").nth(1).unwrap().to_owned();
        world.number("+14155550100", "sales", "V1");
        let second = world.post(PBX, asked("second", &token)).json();
        let version = if trusted { ";ver=3;" } else { ";ver=1;" };
        assert!(uri(&second, 0).contains(version), "{trusted}: {second}");
    }
}

#[test]
fn a_form_says_what_an_object_says_and_what_is_posted_as_a_form_may_be_an_object() {
    let world = world();
    let form = &[("content-type", "Application/x-www-form-urlencoded; charset=utf-8")];
    let text = b"call_id=f&r_user=%2B14155550100&from_user=<null>&h.X-A=1&unknown=1";
    assert_eq!(world.send("POST", PBX, form, text).status, 200);
    let object = call("o", "+14155550100").to_string();
    assert_eq!(world.send("POST", PBX, form, object.as_bytes()).status, 200);
    assert_eq!(world.send("POST", PBX, form, b"call_id=\xff").status, 400);
    // What a query says beside a body means nothing.
    let path = format!("{PBX}?call_id=other");
    assert_eq!(world.send("POST", &path, &[], object.as_bytes()).json()["routes"][0]["fr_timer"], 5_000);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let world = world();
    for (body, fields) in [
        ("", &["call_id", "r_user"][..]),
        ("{}", &["call_id", "r_user"]),
        (r#"{"call_id":"","r_user":"<null>"}"#, &["call_id", "r_user"]),
        (r#"{"call_id":"c"}"#, &["r_user"]),
        (r#"{"call_id":7,"r_user":"+14155550100"}"#, &["call_id"]),
        (r#"{"call_id":"c","r_user":"a","headers":{"a":1}}"#, &["headers.a"]),
        (r#"{"call_id":"c","call_id":"d","r_user":"a"}"#, &["call_id"]),
        ("[]", &["body"]),
        ("{", &["body"]),
    ] {
        let reply = world.send("POST", PBX, &[], body.as_bytes());
        let errors = reply.json()["errors"].as_array().unwrap().clone();
        let named: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect();
        assert_eq!((reply.status, named), (400, fields.iter().map(|f| (*f).to_owned()).collect()), "{body}");
    }
    assert_eq!(field(&world.get(&format!("{PBX}?r_user=a&r_user=b&call_id=c"))), "r_user");
    assert_eq!(world.send("POST", PBX, &[], &[b' '; 65_537]).status, 413);
    let refused = world.send("DELETE", PBX, &[], b"");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, POST")));
    assert_eq!(world.metric("cordboard_calls_started_total", ""), 0.0);
}

#[test]
fn an_id_of_any_length_is_one_call() {
    let world = world();
    let id = "x".repeat(300);
    let first = world.post(PBX, call(&id, "+14155550100")).json();
    assert_eq!(world.post(PBX, call(&id, "+14155550100")).json()["decision_id"], first["decision_id"]);
    assert_eq!(world.post(&format!("{PBX}/end"), json!({"call_id": id})).status, 200);
}

#[test]
fn an_end_is_counted_once_however_it_is_told() {
    let world = world();
    for (id, end, outcome) in [
        ("a", json!({"duration": "61.5"}), "completed"),
        ("b", json!({"outcome": "busy", "duration": 0}), "failed"),
        ("c", json!({"outcome": "canceled", "duration": "<null>"}), "abandoned"),
    ] {
        world.post(PBX, call(id, "+14155550100"));
        let mut end = end;
        end["call_id"] = json!(id);
        for _ in 0..2 {
            let ended = world.post(&format!("{PBX}/end"), &end);
            assert_eq!((ended.status, &ended.json()["outcome"]), (200, &json!(outcome)));
        }
    }
    assert_eq!(world.metric("cordboard_calls_in_progress", "gateway=\"kamailio:pbx\""), 0.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", "gateway=\"kamailio:pbx\""), 3.0);
    world.post(PBX, call("d", "+14155550100"));
    assert_eq!(world.get(&format!("{PBX}/end?call_id=d&duration=3")).json()["durationSeconds"], 3);
    // By the path of all gateways too, with the trunk's name.
    world.post(PBX, call("e", "+14155550100"));
    let gateway = json!({"gateway": "kamailio:pbx"});
    assert_eq!(world.post_as("all", "/v1/calls/e/end", &gateway).status, 200);
    for (body, status, named) in [
        (json!({"call_id": "nobodys"}), 404, ""),
        (json!({}), 400, "call_id"),
        (json!({"call_id": "a", "outcome": "unknown"}), 400, "outcome"),
        (json!({"call_id": "a", "duration": "-1"}), 400, "duration"),
        (json!({"call_id": "a", "duration": -1}), 400, "duration"),
    ] {
        let reply = world.post(&format!("{PBX}/end"), &body);
        assert_eq!((reply.status, field(&reply).as_str()), (status, named), "{body}");
    }
}

#[test]
fn only_the_trunks_own_addresses_and_keys_of_its_account_may_ask() {
    let asked = call("c", "+14155550100");
    let listed = world();
    for path in ["/gateways/kamailio/other", "/gateways/twilio/pbx", "/gateways/kamailio", "/gateways/", PBX]
    {
        let status = if path == PBX { 200 } else { 404 };
        assert_eq!(listed.post(path, &asked).status, status, "{path}");
    }
    assert_eq!(listed.post(&format!("{PBX}/begin"), &asked).status, 404);
    let body = asked.to_string();
    for (header, value) in [("x-forwarded-for", "10.0.0.1"), ("origin", "http://h"), ("host", "evil.example")]
    {
        assert_eq!(listed.send("POST", PBX, &[(header, value)], body.as_bytes()).status, 403, "{header}");
    }
    let elsewhere = world_with(Plan { by_trunk: |_, _| Some(1), ..Plan::default() });
    assert_eq!(elsewhere.post(PBX, &asked).status, 403);

    // The address is that of a gateway, which is no trunk.
    let mut unlisted = world_with(Plan { by_trunk: |_, _| None, ..Plan::default() });
    unlisted.key("reader", &[Permission::Read], None);
    unlisted.agent("support");
    unlisted.key("support", &[Permission::Route], Some(&["support"]));
    let strangers = AccountId::parse("ws-2").unwrap();
    unlisted.absorb(&[Change::AccountPut(Account::new(strangers.clone(), "Two", Timestamp(0)))]);
    unlisted.put_key("stranger", strangers, &Permission::ALL, None, None);
    assert_eq!(unlisted.post(PBX, &asked).status, 401);
    for (key, status) in [("all", 200), ("reader", 403), ("support", 403), ("stranger", 404), ("none", 401)] {
        assert_eq!(unlisted.post_as(key, PBX, &asked).status, status, "{key}");
    }
    assert_eq!(unlisted.metric("cordboard_calls_in_progress", "gateway=\"kamailio:pbx\""), 1.0);
}
