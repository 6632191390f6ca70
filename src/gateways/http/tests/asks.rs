//! Who serves a call, as gateways are told it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{Plan, World, route};
use crate::domain::account::Permission;
use crate::domain::id::{Environment, Pin, SiteVariantId};
use crate::domain::route::{HeaderRule, HeaderTest};
use crate::domain::split::UnitRule;

const KEYS: [&str; 21] = [
    "callId",
    "decisionId",
    "revision",
    "agentId",
    "pin",
    "version",
    "versionHash",
    "draft",
    "environment",
    "split",
    "target",
    "targets",
    "headers",
    "connectorId",
    "siteVariantId",
    "siteAttributes",
    "realTimeConfig",
    "snapshot",
    "reason",
    "token",
    "explain",
];

/// Keys in the order in which they were written.
fn keys(body: &[u8]) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
            struct Seen;
            impl<'de> serde::de::Visitor<'de> for Seen {
                type Value = Keys;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Keys, M::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            json.deserialize_map(Seen)
        }
    }
    serde_json::from_slice::<Keys>(body).unwrap().0
}

fn world() -> World {
    let mut world = World::new();
    world.number("+14155550100", "sales", "live");
    world
}

#[test]
fn a_call_is_created_once_and_keeps_its_decision() {
    let mut world = world();
    let call = json!({"to": "+14155550100", "from": "+14155550111", "callId": "c-1"});
    let first = world.post("/v1/calls", call.clone());
    assert_eq!(first.status, 201);
    world.deploy("sales", Environment::Live, 1);
    let again = world.post("/v1/calls", call);
    assert_eq!(again.status, 200);
    let (first, again) = (first.json(), again.json());
    for key in ["callId", "decisionId", "revision", "version", "versionHash", "target"] {
        assert_eq!(first[key], again[key], "{key}");
    }
    assert_eq!((&first["version"], &again["reason"]["code"]), (&json!(3), &json!("call_in_progress")));
    let other = world.post("/v1/calls", json!({"to": "+14155550100", "callId": "c-2"})).json();
    assert_eq!(other["version"], 1, "a new call is decided by what is live now");
    assert_eq!(other["revision"], world.revision());
}

#[test]
fn a_decision_has_every_key_in_its_order() {
    let mut world = world();
    world.split("spring", UnitRule::Caller, &[("control", "V1", 80), ("test", "V2", 20)], &["+14155550101"]);
    let reply =
        world.post("/v1/calls", json!({"to": "+14155550101", "from": "+14155550111", "callId": "c/1"}));
    assert_eq!(keys(&reply.body), KEYS[..20]);
    let decision = reply.json();
    let arm = decision["split"]["arm"].as_str().unwrap();
    let version = if arm == "control" { 1 } else { 2 };
    assert_eq!(decision["version"], version);
    assert_eq!(decision["split"]["unit"], "caller");
    let target = format!("sip:sales.v{version}@10.0.0.1:5060;arm={arm};id=c%2F1");
    assert_eq!(decision["target"], target);
    assert_eq!(decision["targets"], json!([{"uri": target, "priority": 0, "weight": 1}]));
    assert_eq!(decision["headers"], json!({"X-Agent-Version": version.to_string()}));
    assert_eq!(decision["snapshot"], format!("/v1/snapshots/{}", decision["versionHash"].as_str().unwrap()));
    assert_eq!(decision["token"].as_str().unwrap().len(), 144);
    let slot = decision["split"]["slot"].as_u64().unwrap();
    let weight = if arm == "control" { 80 } else { 20 };
    assert_eq!(
        decision["reason"]["text"],
        format!("+14155550101 is in split spring; slot {slot} belongs to {arm} (weight {weight})")
    );
    let id = decision["decisionId"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
}

#[test]
fn a_number_nobody_serves_has_the_same_shape() {
    let world = world();
    let reply = world.post("/v1/calls", json!({"to": "+14155550199", "callId": "c"}));
    assert_eq!(
        (reply.status, keys(&reply.body)),
        (404, KEYS[..20].iter().map(|key| (*key).to_owned()).collect())
    );
    let decision = reply.json();
    for key in ["agentId", "target", "split", "version", "snapshot", "token"] {
        assert_eq!(decision[key], Value::Null, "{key}");
    }
    assert_eq!(decision["reason"], json!({"code": "no_route", "text": "nobody serves +14155550199"}));
    assert_eq!(world.get_as("all", "/v1/calls/c").status, 404, "it is not remembered");
    assert_eq!(world.metric("cordboard_decision_seconds_count", "reason=\"no_route\""), 1.0);
}

#[test]
fn a_gateway_that_can_only_get_asks_for_an_answer_or_for_a_call() {
    let world = world();
    for to in [
        "%2B14155550100",
        "+14155550100",
        "tel:%2B14155550100",
        "%2B1-415-555-0100",
        "tel:+14155550100",
        "sip:+14155550100@edge.example",
        "SIPS:+14155550100@edge.example;user=phone",
        "%22Sales%22+%3Csip:+14155550100@edge.example%3E",
    ] {
        let answer = world.get(&format!("/v1/route?to={to}&from=+14155550111"));
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{to}");
        let answer = answer.json();
        assert_eq!((&answer["callId"], &answer["token"]), (&Value::Null, &Value::Null));
        assert_eq!(answer["version"], 3);
    }
    assert_eq!(world.metric("cordboard_calls_started_total", ""), 0.0);
    let first = world.get("/v1/route?to=+14155550100&callId=c").json();
    let again = world.get("/v1/route?to=+14155550100&callId=c").json();
    assert_eq!(first["decisionId"], again["decisionId"]);
    assert!(first["token"].is_string());
    assert_eq!(again["reason"]["code"], "call_in_progress");
    assert_eq!(world.metric("cordboard_calls_started_total", ""), 1.0);
}

#[test]
fn a_call_without_an_id_gets_one() {
    let world = world();
    let call = || world.post("/v1/calls", json!({"to": "+14155550100"}));
    let (one, other) = (call(), call());
    assert_eq!((one.status, other.status), (201, 201));
    let id = |reply: &crate::http::tests::world::Reply| reply.json()["callId"].as_str().unwrap().to_owned();
    assert_ne!(id(&one), id(&other));
    assert_eq!(world.get_as("all", &format!("/v1/calls/{}", id(&one))).status, 200);
}

#[test]
fn a_version_that_listens_nowhere_is_told_so_whatever_leads_there() {
    let mut world = world();
    world.version("sales", 4, json!({}));
    world.number("+14155550100", "sales", "V4");
    let asked = |mut call: Value| {
        call["to"] = json!("+14155550100");
        let json = world.post_as("all", "/v1/calls", call).json();
        assert_eq!((&json["version"], &json["target"]), (&json!(4), &Value::Null));
        json["reason"]["text"].as_str().unwrap().to_owned()
    };
    let told = "; it has no endpoints, so that there is no target";
    assert_eq!(asked(json!({})), format!("+14155550100 is pinned to sales at V4{told}"));
    let by_name = json!({"override": {"agentId": "sales", "pin": "V4"}});
    assert_eq!(asked(by_name), format!("asked for by name{told}"));
}

#[test]
fn a_token_gives_the_same_version_on_another_server_after_the_pin_changed() {
    let (here, mut there) = (world(), world());
    let first = here.post("/v1/calls", json!({"to": "+14155550100", "callId": "leg-1"})).json();
    there.number("+14155550100", "sales", "V1");
    let ask = |token: &Value| {
        there.post("/v1/calls", json!({"to": "+14155550100", "callId": "leg-2", "token": token})).json()
    };
    let second = ask(&first["token"]);
    assert_eq!((&second["version"], &second["reason"]["code"]), (&json!(3), &json!("token")));
    assert_eq!(second["decisionId"], first["decisionId"]);
    let call = json!({"to": "+14155550100", "callId": "leg-3", "token": "forged"});
    let text = there.post("/v1/calls", call).json()["reason"]["text"].clone();
    assert_eq!(text, "+14155550100 is pinned to sales at V1; the token was ignored: it is no token");
    let call = json!({"to": "+14155550100", "callId": "leg-4", "token": ""});
    let text = there.post("/v1/calls", call).json()["reason"]["text"].clone();
    assert_eq!(text, "+14155550100 is pinned to sales at V1", "an empty token is none");
    let forged = there.get("/v1/route?to=+14155550100&dryRun=true&token=forged").json();
    assert_eq!(forged["version"], 1);
    assert_eq!(
        forged["explain"]["rules"][0],
        json!({"rule": "token", "decided": false, "why": "it is no token"})
    );
}

#[test]
fn an_override_is_for_those_who_may() {
    let mut world = world();
    world.key("router", &[Permission::Route], None);
    world.split("spring", UnitRule::Caller, &[("a", "V1", 1), ("b", "V2", 0)], &["+14155550101"]);
    let by_pin = json!({"to": "+14155550100", "override": {"agentId": "sales", "pin": "V2"}});
    let by_arm = json!({"to": "+14155550101", "override": {"splitId": "spring", "arm": "b"}});
    for wanted in [&by_pin, &by_arm] {
        let served = world.post_as("all", "/v1/calls", wanted.clone()).json();
        assert_eq!((&served["version"], &served["reason"]["code"]), (&json!(2), &json!("override")));
    }
    for refused in [
        world.post_as("router", "/v1/calls?dryRun=true", by_pin.clone()),
        world.post("/v1/calls?dryRun=true", by_pin.clone()),
    ] {
        assert_eq!(refused.status, 403);
    }
    let ignored = world.post_as("router", "/v1/calls", by_pin);
    assert_eq!((ignored.status, &ignored.json()["version"]), (201, &json!(3)));
    let text = ignored.json()["reason"]["text"].as_str().unwrap().to_owned();
    assert!(text.ends_with("; the override was ignored: the asker lacks the permission override"), "{text}");
}

#[test]
fn a_dry_run_explains_and_leaves_nothing() {
    let mut world = world();
    world.split("spring", UnitRule::Caller, &[("a", "V1", 3), ("b", "V2", 1)], &["+14155550101"]);
    let wanted = json!({"to": "+14155550101", "from": "+14155550111", "callId": "c", "whim": 1});
    let reply = world.post("/v1/calls?dryRun=true", wanted);
    assert_eq!((reply.status, keys(&reply.body)), (200, KEYS.iter().map(|key| (*key).to_owned()).collect()));
    let explain = &reply.json()["explain"];
    assert_eq!(explain["ignored"], json!(["whim"]));
    assert_eq!((&explain["unit"], &explain["revision"]), (&json!("caller"), &json!(world.revision())));
    assert_eq!(
        explain["arms"],
        json!([
            {"id": "a", "weight": 3, "configuredSlots": 7_500, "ownedSlots": 7_500},
            {"id": "b", "weight": 1, "configuredSlots": 2_500, "ownedSlots": 2_500},
        ])
    );
    let rules: Vec<_> = explain["rules"].as_array().unwrap().iter().map(|rule| &rule["rule"]).collect();
    assert_eq!(rules, ["call_in_progress", "number_split"]);
    assert_eq!(reply.json()["token"], Value::Null);
    let named =
        json!({"to": "+14155550100", "whim": 1, "override": {"agentId": "sales", "pin": "V1", "why": 1}});
    let named = world.post_as("all", "/v1/calls?dryRun=true", named).json();
    assert_eq!(named["explain"]["ignored"], json!(["override.why", "whim"]));
    assert_eq!(world.get_as("all", "/v1/calls/c").status, 404);
    assert_eq!(world.metric("cordboard_decision_seconds_count", ""), 0.0);
    assert_eq!(world.get("/v1/route?to=1&dryRun=true").status, 404, "as the call itself would be");
}

#[test]
fn any_value_of_a_repeated_header_matches_a_rule() {
    let mut world = World::new();
    let rule = |test, pin| HeaderRule { header: "X-Env".to_owned(), test, agent: None, pin };
    let mut rules = route("sales", "live");
    rules.header_rules = vec![
        rule(HeaderTest::Equals("test".to_owned()), Pin::parse("V1").unwrap()),
        rule(HeaderTest::Regex("^qa-[0-9]+$".to_owned()), Pin::parse("V2").unwrap()),
    ];
    world.route("+14155550100", rules);
    for (query, version) in [
        ("", 3),
        ("h.X-Env=test", 1),
        ("h.x-env=other&h.X-ENV=test", 1),
        ("h.X-Env=qa-7", 2),
        ("h.X-Env=qa-7&h.X-Env=test", 1),
        ("h.X-Env=TEST", 3),
    ] {
        let decision = world.get(&format!("/v1/route?to=%2B14155550100&{query}")).json();
        assert_eq!(decision["version"], version, "{query}");
    }
    let decision =
        world.post("/v1/calls", json!({"to": "+14155550100", "headers": {"x-env": "test"}})).json();
    assert_eq!((&decision["version"], &decision["reason"]["code"]), (&json!(1), &json!("header_rule")));
}

#[test]
fn a_caller_who_hides_is_told_apart_by_the_call() {
    let mut world = World::new();
    world.split("spring", UnitRule::Caller, &[("a", "V1", 1), ("b", "V2", 1)], &["+14155550101"]);
    for from in ["", "anonymous", "%2B266696687", "Restricted", "sip:anonymous@anonymous.invalid"] {
        let with_id = world.get(&format!("/v1/route?to=%2B14155550101&from={from}&callId=c-{from}")).json();
        assert_eq!(with_id["split"]["unit"], "call", "{from}");
        let without = world.get(&format!("/v1/route?to=%2B14155550101&from={from}")).json();
        assert_eq!(without["split"]["unit"], "random", "{from}");
    }
}

#[test]
fn a_site_that_the_version_lacks_gives_way_to_its_default() {
    let mut world = World::new();
    world.version(
        "sales",
        7,
        json!({
            "siteAttributes": [{"id": "address", "name": "address"}],
            "siteVariants": [
                {"id": "berlin", "name": "Berlin", "isDefault": true, "values": {"address": "Unter den Linden 1"}},
                {"id": "rome", "name": "Rome", "values": {"address": "Via \"Appia\" 1"}},
            ],
        }),
    );
    let at = |site: Option<&str>| {
        let mut at = route("sales", "V7");
        at.site_variant = site.map(|site| SiteVariantId::parse(site).unwrap());
        at
    };
    let mut told = |site| {
        world.route("+14155550100", at(site));
        let decision = world.get("/v1/route?to=%2B14155550100").json();
        (
            decision["siteVariantId"].clone(),
            decision["siteAttributes"].clone(),
            decision["reason"]["text"].clone(),
        )
    };
    let berlin = json!({"address": "Unter den Linden 1"});
    assert_eq!(told(Some("rome")).1, json!({"address": "Via \"Appia\" 1"}));
    assert_eq!((told(None).0, told(None).1), (Value::Null, berlin.clone()));
    let (site, attributes, text) = told(Some("paris"));
    assert_eq!((site, attributes), (json!("berlin"), berlin));
    assert!(text.as_str().unwrap().ends_with("; the version has no site variant paris, its default is used"));
}

#[test]
fn a_call_that_began_without_a_site_is_not_given_one_by_its_token() {
    let mut world = World::new();
    let values = json!({"id": "rome", "name": "Rome", "isDefault": true, "values": {}});
    world.version("sales", 7, json!({"siteAttributes": [], "siteVariants": [values]}));
    world.number("+14155550100", "sales", "V7");
    let ask = |world: &World, id: &str, token: &Value| {
        world.post("/v1/calls", json!({"to": "+14155550100", "callId": id, "token": token})).json()
    };
    let begun = ask(&world, "c", &Value::Null);
    let mut sited = route("sales", "V7");
    sited.site_variant = Some(SiteVariantId::parse("rome").unwrap());
    world.route("+14155550100", sited);
    assert_eq!(ask(&world, "new", &Value::Null)["siteVariantId"], "rome");
    let leg = ask(&world, "leg", &begun["token"]);
    assert_eq!((&leg["reason"]["code"], &leg["siteVariantId"]), (&json!("token"), &Value::Null));
    let next = ask(&world, "next", &leg["token"]);
    assert_eq!((&next["reason"]["code"], &next["siteVariantId"]), (&json!("token"), &Value::Null));
}

#[test]
fn headers_of_the_number_win_and_none_can_split_an_answer() {
    let mut world = World::new();
    world.version("sales", 8, json!({"sipHeaders": {"X-Brand": "north", "X-Tier": "gold"}}));
    let mut branded = route("sales", "V8");
    branded.headers = [("x-brand".to_owned(), "süd \"1\"".to_owned())].into();
    world.route("+14155550100", branded);
    let headers = world.get("/v1/route?to=%2B14155550100").json()["headers"].clone();
    assert_eq!(headers, json!({"X-Agent-Version": "8", "X-Tier": "gold", "x-brand": "süd \"1\""}));
    world.number("+14155550100", "sales", "draft");
    let draft = world.get("/v1/route?to=%2B14155550100").json();
    assert_eq!((&draft["headers"]["X-Agent-Version"], &draft["draft"]), (&json!("draft"), &json!(true)));
}

#[test]
fn the_longest_prefix_and_then_the_default_serve_what_has_no_route() {
    let mut world = World::new();
    world.prefix("+1415", "sales", "V1");
    world.prefix("+1", "sales", "V2");
    let code = |to: &str| {
        let decision = world.get(&format!("/v1/route?to={to}")).json();
        (decision["version"].clone(), decision["reason"]["code"].clone())
    };
    assert_eq!(code("%2B14155550100"), (json!(1), json!("prefix_route")));
    assert_eq!(code("%2B12125550100"), (json!(2), json!("prefix_route")));
    assert_eq!(code("reception"), (Value::Null, json!("no_route")));
}

#[test]
fn whatever_is_asked_the_answer_is_a_decision_or_an_error_in_its_envelope() {
    let mut world = world();
    world.split("spring", UnitRule::Random, &[("a", "V1", 1), ("b", "draft", 1)], &["+14155550101"]);
    let mut client = world.client();
    let mut runner = proptest::test_runner::TestRunner::default();
    let texts = (
        prop_oneof![Just("+14155550100".to_owned()), Just("+14155550101".to_owned()), any::<String>()],
        any::<String>(),
        any::<String>(),
        any::<String>(),
    );
    let law = |(to, from, call_id, header): (String, String, String, String)| {
        let body = json!({"to": to, "from": from, "callId": call_id, "headers": {"X": header}}).to_string();
        let length = body.len();
        let reply = client.ask(format!(
            "POST /v1/calls HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
        let keys = keys(&reply.body);
        prop_assert!(keys == KEYS[..20] || (reply.status == 400 && keys[0] == "success"), "{keys:?}");
        if reply.status == 201 && !call_id.is_empty() {
            prop_assert_eq!(&reply.json()["callId"], &json!(call_id));
        }
        Ok(())
    };
    let law = std::cell::RefCell::new(law);
    runner.run(&texts, |texts| (law.borrow_mut())(texts)).unwrap();
}

#[test]
fn a_caller_that_cannot_be_read_is_withheld_and_told_so() {
    let mut world = World::new();
    world.split("spring", UnitRule::Caller, &[("a", "V1", 1), ("b", "V2", 1)], &["+14155550101"]);
    let note =
        json!({"rule": "caller", "decided": false, "why": "from is no text: the caller counts as withheld"});
    let bodies = [
        &br#"{"to":"+14155550101","callId":"c","from":5}"#[..],
        br#"{"to":"+14155550101","callId":"c","from":-1.5}"#,
        br#"{"from":["x",{}],"to":"+14155550101","callId":"c"}"#,
        br#"{"from":{"a":[1]},"to":"+14155550101","callId":"c"}"#,
        br#"{"from":true,"to":"+14155550101","callId":"c"}"#,
        br#"{"from":"\ud800","to":"+14155550101","callId":"c"}"#,
        b"{\"from\":\"\xff\",\"to\":\"+14155550101\",\"callId\":\"c\"}",
    ];
    let mut replies: Vec<_> =
        bodies.iter().map(|body| world.send("POST", "/v1/calls?dryRun=true", &[], body)).collect();
    replies.push(world.get("/v1/route?from=%FF&to=%2B14155550101&callId=c&dryRun=true"));
    for reply in replies {
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(
            (&reply.json()["split"]["unit"], &reply.json()["explain"]["rules"][0]),
            (&json!("call"), &note)
        );
    }
    let known = world.get("/v1/route?from=+14155550111&to=%2B14155550101&dryRun=true").json();
    assert_eq!(known["explain"]["rules"][0]["rule"], "number_split");
    let bad = world.send("POST", "/v1/calls", &[], br#"{"from":5,"to":"+1"}"#);
    assert_eq!((bad.status, super::world::field(&bad)), (400, "to".to_owned()));
}

#[test]
fn an_empty_header_is_no_unit() {
    let mut world = World::new();
    let unit = UnitRule::Header("X-Customer".to_owned());
    world.split("spring", unit, &[("a", "V1", 1), ("b", "V2", 1)], &["+14155550101"]);
    for (query, unit) in [
        ("from=+14155550111&h.X-Customer=", "caller"),
        ("from=+14155550111&h.X-Customer=+", "caller"),
        ("h.X-Customer=", "random"),
        ("from=+14155550111&h.X-Customer=7", "header"),
        ("from=+14155550111&h.X-Customer=&h.X-Customer=7", "header"),
    ] {
        let decision = world.get(&format!("/v1/route?to=%2B14155550101&{query}")).json();
        assert_eq!(decision["split"]["unit"], unit, "{query}");
    }
}

#[test]
fn a_split_that_leads_to_nothing_is_explained_as_far_as_it_goes() {
    let mut world = World::new();
    world.split("spring", UnitRule::Caller, &[("a", "sandbox", 3), ("b", "V1", 0)], &["+14155550101"]);
    let answer = world.get("/v1/route?to=%2B14155550101&from=+14155550111&dryRun=true").json();
    let explain = &answer["explain"];
    assert_eq!((&answer["reason"]["code"], &explain["unit"]), (&json!("no_route"), &json!("caller")));
    assert!(explain["slot"].is_u64());
    assert_eq!(
        explain["arms"][0],
        json!({"id": "a", "weight": 3, "configuredSlots": 10_000, "ownedSlots": 10_000})
    );
    assert_eq!(
        explain["rules"][0]["why"],
        "environment_empty: nothing is deployed to sandbox: arm a of split spring"
    );
    let mut ruled = route("sales", "live");
    let rule = |value: &str| HeaderRule {
        header: "X-Env".to_owned(),
        test: HeaderTest::Equals(value.to_owned()),
        agent: None,
        pin: Pin::parse("sandbox").unwrap(),
    };
    ruled.header_rules = vec![rule("other"), rule("test")];
    world.route("+14155550102", ruled);
    let answer = world.get("/v1/route?to=%2B14155550102&h.X-Env=test&dryRun=true").json();
    assert_eq!(
        answer["explain"]["rules"][1]["why"],
        "environment_empty: nothing is deployed to sandbox: rule 2"
    );
}

#[test]
fn digits_are_read_as_the_gateways_country_dials_them() {
    let mut world = World::with(Plan { country: Some("GB"), by_address: |_| Some(1), ..Plan::default() });
    world.number("+442079460018", "sales", "V1");
    world.number("02079460018", "sales", "V2");
    let version = |reply: crate::http::tests::world::Reply| reply.json()["version"].clone();
    assert_eq!(version(world.get("/v1/route?to=02079460018")), 1, "by address");
    let call = |gateway: Value| json!({"to": "02079460018", "gateway": gateway});
    assert_eq!(version(world.post("/v1/calls", call(Value::Null))), 1, "by address");
    assert_eq!(
        version(world.post_as("all", "/v1/calls", call(json!("edge")))),
        1,
        "by the gateway that a key names"
    );
    assert_eq!(
        version(world.post_as("all", "/v1/calls", call(Value::Null))),
        2,
        "another gateway has no country"
    );
    world.split("spring", UnitRule::Caller, &[("a", "V1", 1), ("b", "V2", 1)], &["+14155550101"]);
    let slot = |from: &str| {
        let path = format!("/v1/route?to=%2B14155550101&from={from}");
        world.get(&path).json()["split"]["slot"].clone()
    };
    assert_eq!(slot("02079460018"), slot("+442079460018"), "the caller too");
}
