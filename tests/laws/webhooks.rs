//! Telephone systems that ask over HTTP in a form of their own.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::http::{Client, Reply};
use super::world::{AT_LIVE, CALLER, NOBODYS, PINNED_TO_V1, World};

/// A trunk that is known by one of this machine's addresses, and one that needs a key.
const TRUNKS: &str = "[[trunk]]\nname = \"edge\"\nkind = \"kamailio\"\naddresses = [\"127.0.0.2\"]\n\
     strip_prefix = \"9\"\ndefault_country = \"US\"\n\
     [[trunk]]\nname = \"keyed\"\nkind = \"kamailio\"\ntrust_headers = true\n";
const EDGE: &str = "/gateways/kamailio/edge";
const KEYED: &str = "/gateways/kamailio/keyed";

fn world() -> World {
    World::example().with("cordboard.toml", TRUNKS).running()
}

/// Kamailio at the address of `edge`.
fn edge(world: &World) -> Client {
    Client::new(world.calls_address()).from(Ipv4Addr::new(127, 0, 0, 2))
}

/// Kamailio with a key.
fn keyed(world: &World) -> Client {
    Client::new(world.calls_address()).with_key(&world.key())
}

fn call(to: &str, id: &str) -> Value {
    json!({"call_id": id, "r_user": to, "r_domain": "cordboard.example", "from_user": CALLER,
        "from_domain": "gw.example", "src_ip": "192.0.2.1", "headers": {}})
}

fn uri(reply: &Reply) -> String {
    reply.json()["routes"][0]["uri"].as_str().unwrap_or_else(|| panic!("{}", reply.body)).to_owned()
}

#[test]
fn kamailio_is_told_where_a_call_goes_and_the_call_keeps_its_version_until_it_ends() {
    let world = world();
    let mut edge = edge(&world);
    let began = edge.post(EDGE, &call(AT_LIVE, "a")).must(200);
    assert!(uri(&began).starts_with("sip:sales.v1@127.0.0.1:5060;agent=sales;ver=1;tok="), "{}", uri(&began));
    let document = began.json();
    assert_eq!((&document["version"], &document["routing"]), (&json!("1.0"), &json!("serial")));
    assert_eq!(document["routes"][0]["dst_uri"], "sip:127.0.0.1:5060");
    let extra = document["routes"][0]["headers"]["extra"].as_str().unwrap().to_owned();
    assert!(extra.contains("\r\nX-Agent-Version: 1\r\n") && extra.ends_with("\r\n"), "{extra:?}");

    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    let again = edge.get(&format!("{EDGE}?call_id=a&r_user=+14155550102")).must(200);
    assert_eq!(again.json()["decision_id"], document["decision_id"]);
    assert!(uri(&edge.post(EDGE, &call(AT_LIVE, "b")).must(200)).contains(";ver=2;"));

    let of_edge = ["gateway=\"kamailio:edge\""];
    assert_eq!(world.metric("cordboard_calls_in_progress", &of_edge), 2.0);
    for _ in 0..2 {
        let ended = edge.post(&format!("{EDGE}/end"), &json!({"call_id": "a", "duration": "61"})).must(200);
        assert_eq!((&ended.json()["callId"], &ended.json()["outcome"]), (&json!("a"), &json!("completed")));
    }
    let by_key = json!({"gateway": "kamailio:edge", "outcome": "transferred"});
    keyed(&world).post("/v1/calls/b/end", &by_key).must(200);
    assert_eq!(world.metric("cordboard_calls_in_progress", &of_edge), 0.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", &of_edge), 2.0);
}

#[test]
fn numbers_are_read_as_people_of_the_trunk_dial_them() {
    let world = world();
    let mut edge = edge(&world);
    for (at, to) in
        ["4155550101", "94155550101", "9+14155550101", "555-0101;phone-context=+1415"].iter().enumerate()
    {
        let told = edge.post(EDGE, &call(to, &format!("n{at}"))).must(200);
        assert!(uri(&told).contains(";ver=1;"), "{to}: {}", uri(&told));
    }
}

#[test]
fn a_trunk_is_its_own_addresses_or_a_key_and_nobody_else() {
    let world = world();
    let asked = call(PINNED_TO_V1, "c");
    // Loopback is a gateway, and no trunk of Kamailio.
    world.gateway().post(EDGE, &asked).must(401);
    world.gateway().post(KEYED, &asked).must(401);
    edge(&world).post(EDGE, &asked).must(200);
    let refused = edge(&world).post(KEYED, &asked).must(403);
    assert!(refused.json()["message"].as_str().unwrap().contains("kamailio:edge"));
    keyed(&world).post(KEYED, &asked).must(200);
    keyed(&world).post(EDGE, &asked).must(200);
    Client::new(world.calls_address()).with_key("nobodys").post(KEYED, &asked).must(401);
    for path in
        ["/gateways/kamailio/none", "/gateways/sip/default", "/gateways/twilio/edge", "/gateways/kamailio"]
    {
        keyed(&world).post(path, &asked).must(404);
    }
    let reads = json!({"name": "reads", "permissions": ["read"]});
    let key = world.operator().post("/v1/keys", &reads).must(201).json();
    let reader = key["key"].as_str().unwrap_or_else(|| panic!("{key}"));
    Client::new(world.calls_address()).with_key(reader).post(KEYED, &asked).must(403);
}

#[test]
fn a_token_and_headers_count_on_a_trusted_trunk_alone() {
    let world = world();
    let first = uri(&keyed(&world).post(KEYED, &call(AT_LIVE, "t1")).must(200));
    let (_, token) = first.split_once(";tok=").unwrap();
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    for (trunk, version) in [(KEYED, 1), (EDGE, 2)] {
        let mut asked = call(AT_LIVE, "t2");
        asked["tok"] = json!(token);
        let told = uri(&keyed(&world).post(trunk, &asked).must(200));
        assert!(told.contains(&format!(";ver={version};")), "{trunk}: {told}");
    }
}

#[test]
fn where_nobody_serves_kamailio_is_told_before_it_reads_a_document() {
    let world = world();
    let mut edge = edge(&world);
    let nobody = edge.post(EDGE, &call(NOBODYS, "n")).must(404).json();
    assert_eq!((&nobody["error_code"], &nobody["success"]), (&json!("NO_ROUTE"), &json!(false)));
    assert!(nobody["message"].as_str().unwrap().contains(NOBODYS));
    assert_eq!(world.metric("cordboard_calls_in_progress", &["gateway=\"kamailio:edge\""]), 0.0);
}

#[test]
fn what_is_no_request_is_refused_by_name_and_begins_no_call() {
    let world = world();
    let mut edge = edge(&world);
    for (body, field) in [
        ("", "call_id"),
        ("{}", "call_id"),
        ("[]", "body"),
        ("{\"call_id\":", "body"),
        ("{\"call_id\":\"c\"}", "r_user"),
        ("{\"call_id\":\"c\",\"r_user\":7}", "r_user"),
        ("{\"call_id\":\"c\",\"r_user\":\"a\",\"headers\":[]}", "headers"),
    ] {
        let refused = edge.try_send("POST", EDGE, body.as_bytes()).unwrap().must(400).json();
        assert_eq!(refused["errors"][0]["field"], field, "{body}");
    }
    let deep = "[".repeat(60_000);
    assert_eq!(edge.try_send("POST", EDGE, deep.as_bytes()).unwrap().status, 400);
    assert_eq!(edge.try_send("POST", EDGE, "1".repeat(65_537).as_bytes()).unwrap().status, 413);
    let mut edge = self::edge(&world);
    edge.get(&format!("{EDGE}?call_id=%ff&r_user=a")).must(400);
    edge.ask("PUT", EDGE, Some(&json!({}))).must(405);
    edge.post(&format!("{EDGE}/end"), &json!({"call_id": "nobodys"})).must(404);
    edge.post(&format!("{EDGE}/end"), &json!({"duration": 5})).must(400);
    assert_eq!(world.metric("cordboard_calls_started_total", &[]), 0.0);
}

#[test]
fn trunks_at_fault_are_told_with_all_else_before_anything_is_made() {
    let text = "[[trunk]]\nname = \"Edge\"\nkind = \"kamailio\"\naccount = \"ws-9\"\ndefault_country = \"XX\"\n\
         [[trunk]]\nname = \"a\"\nkind = \"kamailio\"\ncontacts = \"many\"\n\
         [[trunk]]\nname = \"b\"\naddresses = [\"10.0.0.0/8\"]\npassword_file = \"nowhere\"\n";
    let world = World::example().with("cordboard.toml", text);
    let check = world.run(&["check", "config"]);
    for ended in [world.refused(), check] {
        assert_eq!(ended.code(), 1);
        for words in [
            "cordboard.toml:2:8",
            "there is no account ws-9",
            "default_country \"XX\" is no country",
            "trunk.contacts is of no use for kamailio",
            "trunk.password_file (config/nowhere) cannot be read",
        ] {
            assert_eq!(ended.err.matches(words).count(), 1, "{words} in {}", ended.err);
        }
    }
    assert!(!world.data().exists(), "nothing is made");
}
