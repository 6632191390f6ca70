//! Who may ask, and what for.

use serde_json::json;

use super::world::{Plan, START_MS, World, field};
use crate::domain::account::{Account, Permission};
use crate::domain::change::Change;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;

const ROUTE: &str = "/v1/route?to=%2B14155550100";

fn world() -> World {
    let mut world = World::new();
    world.number("+14155550100", "sales", "live");
    world
}

#[test]
fn a_listed_address_may_route_and_end_and_nothing_else() {
    let world = world();
    assert_eq!(world.get(ROUTE).status, 200);
    let call = json!({"to": "+14155550100", "callId": "c"});
    assert_eq!(world.post("/v1/calls", call).status, 201);
    assert_eq!(world.post("/v1/calls/c/end", json!({})).status, 200);
    for path in ["/v1/calls/c", &format!("/v1/snapshots/{}", "0".repeat(32))] {
        let refused = world.get(path);
        assert_eq!((refused.status, &refused.json()["error_code"]), (403, &json!("USER_ACCESS_FORBIDDEN")));
    }
}

#[test]
fn a_relayed_request_and_a_page_of_the_web_need_a_key() {
    let world = world();
    for (name, value) in [
        ("Forwarded", "for=10.0.0.1"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Origin", "http://localhost"),
        ("Sec-Fetch-Site", "cross-site"),
        ("host", "evil.example"),
        ("host", "localhost.evil.example:8700"),
        ("host", "10.0.0.1"),
    ] {
        assert_eq!(world.send("GET", ROUTE, &[(name, value)], b"").status, 403, "{name}: {value}");
        let with_key = [(name, value), ("x-api-key", "all")];
        assert_eq!(world.send("GET", ROUTE, &with_key, b"").status, 200, "{name}: {value}");
    }
    let port = world.address.port();
    for host in ["localhost", "127.0.0.1:1", "[::1]:8700", "calls.example.com", &format!("127.0.0.1:{port}")]
    {
        assert_eq!(world.send("GET", ROUTE, &[("host", host)], b"").status, 200, "{host}");
    }
}

#[test]
fn of_several_keys_none_is_taken_and_one_is_not_hidden_by_what_is_none() {
    let world = world();
    for [first, second] in [
        [("x-api-key", "all"), ("x-api-key", "all")],
        [("authorization", "Bearer all"), ("authorization", "Bearer all")],
        [("authorization", "Bearer nobody"), ("authorization", "Basic eDp5")],
    ] {
        assert_eq!(world.send("GET", ROUTE, &[first, second], b"").status, 401, "{first:?}, {second:?}");
    }
}

#[test]
fn an_address_on_no_list_needs_a_key() {
    let mut world = World::with(Plan { by_address: |_| None, ..Plan::default() });
    world.number("+14155550100", "sales", "live");
    let refused = world.get(ROUTE);
    assert_eq!((refused.status, &refused.json()["error_code"]), (401, &json!("AUTH_USER_INVALID_TOKEN")));
    assert_eq!(world.get_as("all", ROUTE).status, 200);
    assert_eq!(world.send("GET", ROUTE, &[("Authorization", "Bearer all")], b"").status, 200);
}

#[test]
fn a_key_that_is_sent_must_be_valid_even_from_a_listed_address() {
    let mut world = world();
    world.put_key("old", super::world::account(), &Permission::ALL, None, Some(Timestamp(START_MS)));
    for headers in [
        [("x-api-key", "wrong")],
        [("x-api-key", "")],
        [("X-API-KEY", "old")],
        [("Authorization", "Bearer wrong")],
    ] {
        assert_eq!(world.send("GET", ROUTE, &headers, b"").status, 401, "{headers:?}");
    }
}

#[test]
fn a_key_without_the_permission_is_refused_by_its_name() {
    let mut world = world();
    world.key("reader", &[Permission::Read, Permission::Snapshot], None);
    world.key("router", &[Permission::Route], None);
    let refused = world.get_as("reader", ROUTE);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("permission route"), "{}", refused.text());
    assert_eq!(world.get_as("router", ROUTE).status, 200);
    let snapshot = format!("/v1/snapshots/{}", "0".repeat(32));
    assert_eq!(world.get_as("router", &snapshot).status, 403);
    assert_eq!(world.get_as("reader", &snapshot).status, 404);
}

#[test]
fn an_address_is_its_own_gateway_and_a_key_may_name_any() {
    let mut world = World::with(Plan { by_address: |_| Some(1), ..Plan::default() });
    world.number("+14155550100", "sales", "live");
    let refused = world.get(&format!("{ROUTE}&gateway=http"));
    assert_eq!((refused.status, field(&refused)), (403, "gateway".to_owned()));
    assert_eq!(world.get(&format!("{ROUTE}&gateway=edge")).status, 200);
    assert_eq!(world.get(ROUTE).status, 200);
    assert_eq!(world.metric("cordboard_decision_seconds_count", "gateway=\"edge\""), 2.0);
    world.get_as("all", ROUTE);
    world.get_as("all", &format!("{ROUTE}&gateway=edge"));
    world.get_as("all", &format!("{ROUTE}&gateway=made-up"));
    for (label, count) in [("http", 1.0), ("edge", 3.0), ("other", 1.0)] {
        let label = format!("gateway=\"{label}\"");
        assert_eq!(world.metric("cordboard_decision_seconds_count", &label), count, "{label}");
    }
}

#[test]
fn another_accounts_key_sees_nothing_of_this_one() {
    let mut world = world();
    let theirs = AccountId::parse("ws-2").unwrap();
    let account = Account::new(theirs.clone(), "Two", Timestamp(0));
    world.absorb(&[Change::AccountPut(account)]);
    world.put_key("theirs", theirs, &Permission::ALL, None, None);
    let ours = world.post("/v1/calls", json!({"to": "+14155550100", "callId": "c"})).json();
    assert_eq!(world.get_as("theirs", ROUTE).status, 404);
    assert_eq!(world.get_as("theirs", "/v1/calls/c").status, 404);
    assert_eq!(world.post_as("theirs", "/v1/calls/c/end", json!({})).status, 404);
    assert_eq!(world.get_as("theirs", ours["snapshot"].as_str().unwrap()).status, 404);
    let stolen = json!({"to": "+14155550100", "token": ours["token"]});
    assert_eq!(world.post_as("theirs", "/v1/calls", stolen).status, 404);
}

#[test]
fn a_key_limited_to_other_agents_is_told_nothing_and_leaves_nothing() {
    let mut world = world();
    world.agent("support");
    world.version("support", 1, json!({}));
    world.number("+14155550101", "support", "V1");
    world.key("support", &Permission::ALL, Some(&["support"]));
    let call = |number: &str, id: &str| json!({"to": number, "callId": id});
    let refused = world.post_as("support", "/v1/calls", call("+14155550100", "c"));
    assert_eq!((refused.status, &refused.json()["error_code"]), (403, &json!("USER_ACCESS_FORBIDDEN")));
    assert_eq!(world.get_as("all", "/v1/calls/c").status, 404, "it was not remembered");
    assert_eq!(world.metric("cordboard_calls_started_total", ""), 0.0);
    assert_eq!(world.post_as("support", "/v1/calls", call("+14155550101", "s")).status, 201);
    let sales = world.post_as("all", "/v1/calls", call("+14155550100", "c")).json();
    assert_eq!(world.get_as("support", "/v1/calls/c").status, 403);
    assert_eq!(world.post_as("support", "/v1/calls/c/end", json!({})).status, 403);
    assert_eq!(world.get_as("support", sales["snapshot"].as_str().unwrap()).status, 403);
    assert_eq!(world.get_as("support", "/v1/calls/s").status, 200);

    let told = |agent: &str| {
        let named = json!({"agentId": agent, "pin": "V1"});
        let asked = json!({"to": "+14155550101", "callId": agent, "override": named});
        let reply = world.post_as("support", "/v1/calls", asked);
        (reply.status, reply.json()["reason"].clone())
    };
    assert_eq!(told("sales"), told("nosuch"), "what is hidden is as good as not there");
}

#[test]
fn of_two_keys_that_differ_neither_counts() {
    let world = world();
    let ask = |bearer: &str| {
        world.send("GET", ROUTE, &[("x-api-key", "all"), ("authorization", bearer)], b"").status
    };
    assert_eq!(ask("Bearer all"), 200);
    for wrong in ["Bearer wrong", "Bearer"] {
        assert_eq!(ask(wrong), 401, "{wrong}");
    }
}

#[test]
fn the_name_in_the_target_counts_and_there_has_to_be_one() {
    let world = world();
    let ask = |head: &str| world.client().ask(format!("GET {head}\r\n\r\n")).status;
    let target = format!("http://evil.example{ROUTE}");
    assert_eq!(ask(&format!("{target} HTTP/1.1\r\nhost: localhost")), 403);
    assert_eq!(ask(&format!("http://localhost{ROUTE} HTTP/1.1\r\nhost: evil.example")), 200);
    assert_eq!(ask(&format!("{ROUTE} HTTP/1.1")), 400);
    assert_eq!(ask(&format!("{ROUTE} HTTP/1.1\r\nx-api-key: all")), 400);
    assert_eq!(ask(&format!("{target} HTTP/1.1")), 400);
    assert_eq!(ask(&format!("{ROUTE} HTTP/1.0")), 200, "HTTP/1.0 knows none");
}
