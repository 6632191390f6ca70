//! Calls that a rollback moves, real-time configs and connectors, over real HTTP.

use serde_json::{Value, json};

use super::http::Client;
use super::world::{CALLER, World};

const LIVE: &str = "+14155550800";
const SANDBOX: &str = "+14155550801";
const PINNED: &str = "+14155550802";

/// A router with an agent `desk`: V1 and V2, live at V2 and sandbox at V1. Answers what put V1 into live.
fn router() -> (World, String) {
    let world = World::example().running();
    let mut operator = world.operator();
    let body = json!({"name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "One"}});
    operator.post("/v1/agents", &body).must(200);
    publish(&mut operator, &json!({}));
    let first = publish(&mut operator, &json!({"environment": "live"}));
    let two = json!({"instructions": {"welcomeMessage": "Two"}});
    operator.patch("/v1/agents/desk/draft", &two).must(200);
    publish(&mut operator, &json!({"environment": "live"}));
    for (number, pin) in [(LIVE, "live"), (SANDBOX, "sandbox"), (PINNED, "V2")] {
        operator.put(&format!("/v1/numbers/{number}"), &json!({"agentId": "desk", "pin": pin})).must(200);
    }
    (world, first)
}

fn publish(operator: &mut Client, body: &Value) -> String {
    let reply = operator.post("/v1/agents/desk/deployments/publish", body).must(201).json();
    reply["deployment"]["id"].as_str().unwrap().to_owned()
}

fn roll_back(world: &World, to: &str, body: &Value) {
    world.operator().post(&format!("/v1/agents/desk/deployments/{to}/rollback"), body).must(200);
}

fn again(world: &World, to: &str, id: &str, token: &Value) -> Value {
    let body = json!({"to": to, "from": CALLER, "callId": id, "token": token});
    let reply = world.gateway().post("/v1/calls", &body);
    assert!(matches!(reply.status, 200 | 201), "{}", reply.body);
    reply.json()
}

fn told(answer: &Value) -> (Option<u64>, &str) {
    (answer["version"].as_u64(), answer["reason"]["code"].as_str().unwrap())
}

#[test]
fn a_rollback_that_moves_calls_moves_those_of_its_environment_and_one_that_keeps_them_none() {
    let (mut world, first) = router();
    let begun: Vec<Value> = [LIVE, SANDBOX, PINNED].map(|to| world.call(to, to)).into();
    roll_back(&world, &first, &json!({"activeCalls": "keep"}));
    assert_eq!(told(&again(&world, LIVE, LIVE, &Value::Null)), (Some(2), "call_in_progress"));
    publish(&mut world.operator(), &json!({"environment": "live"}));
    roll_back(&world, &first, &json!({"activeCalls": "move"}));
    let path =
        format!("/v1/route?to=%2B14155550800&dryRun=true&token={}", begun[0]["token"].as_str().unwrap());
    let explained = world.gateway().get(&path).must(200).json();
    let rules = explained["explain"]["rules"].to_string();
    assert!(rules.contains("a deployment moved the calls of its environment since"), "{rules}");
    let moved = again(&world, LIVE, LIVE, &Value::Null);
    assert_eq!((told(&moved), &moved["decisionId"]), ((Some(1), "moved"), &begun[0]["decisionId"]));
    assert_eq!(told(&again(&world, LIVE, LIVE, &begun[0]["token"])), (Some(1), "call_in_progress"));
    assert_eq!(told(&again(&world, SANDBOX, SANDBOX, &Value::Null)), (Some(1), "call_in_progress"));
    assert_eq!(told(&again(&world, PINNED, PINNED, &Value::Null)), (Some(2), "call_in_progress"));
    for (version, calls) in [("version=\"V1\"", 1.0), ("version=\"V2\"", 0.0)] {
        let labels = ["agent=\"desk\"", version, "environment=\"live\""];
        assert_eq!(world.metric("cordboard_calls_in_progress", &labels), calls, "{version}");
    }
    assert_eq!(world.metric("cordboard_calls_started_total", &["agent=\"desk\""]), 3.0);
    // What has forgotten the calls decides the same by their tokens.
    world.restart();
    assert_eq!(told(&again(&world, LIVE, "leg", &begun[0]["token"])), (Some(1), "moved"));
    assert_eq!(told(&again(&world, PINNED, "pinned", &begun[2]["token"])), (Some(2), "token"));
    assert_eq!(told(&again(&world, LIVE, "other", &moved["token"])), (Some(1), "token"));
}

#[test]
fn a_real_time_config_is_in_the_next_decision_and_in_those_of_calls_in_progress() {
    let (mut world, _) = router();
    let begun = world.call(LIVE, "a");
    assert_eq!(begun["realTimeConfig"], Value::Null);
    let page = "/v1/agents/desk/real-time-configs/live/variables";
    world.operator().patch(page, &json!({"variables": {"open": true, "note": null}})).must(200);
    let page = json!({"note": null, "open": true});
    assert_eq!(world.route(LIVE).json()["realTimeConfig"], page);
    assert_eq!(again(&world, LIVE, "a", &Value::Null)["realTimeConfig"], page);
    assert_eq!(world.route(SANDBOX).json()["realTimeConfig"], Value::Null);
    assert_eq!(world.route(PINNED).json()["realTimeConfig"], Value::Null);
    world.restart();
    assert_eq!(world.route(LIVE).json()["realTimeConfig"], page);
}

#[test]
fn a_connectors_site_holds_where_the_number_names_none_and_endpoints_go_by_environment() {
    let (world, _) = router();
    let mut operator = world.operator();
    let sites = json!({"siteVariants": [
        {"id": "berlin", "name": "Berlin", "isDefault": true}, {"id": "paris", "name": "Paris"},
    ]});
    let patched = operator.ask("PATCH", "/v1/agents/desk/draft", Some(&sites));
    assert_eq!(patched.status, 200, "{}", patched.body);
    publish(&mut operator, &json!({"environment": "live"}));
    let number = "+14155550810";
    let body = json!({"phoneNumbers": [number]});
    let imported = operator.post("/v1/agents/desk/telephony/phone-numbers", &body).must(201).json();
    let connector = imported["imported"][0]["connectorId"].as_str().unwrap();
    let path = format!("/v1/agents/desk/telephony/connectors/{connector}");
    operator.patch(&path, &json!({"variantId": "paris"})).must(200);
    let decided = world.route(number).json();
    assert_eq!(
        (&decided["connectorId"], &decided["siteVariantId"], &decided["environment"]),
        (&json!(connector), &json!("paris"), &json!("live"))
    );
    operator.patch(&path, &json!({"variantId": "rome"})).must(200);
    let decided = world.route(number).json();
    assert_eq!(decided["siteVariantId"], "berlin");
    let why = decided["reason"]["text"].as_str().unwrap();
    assert!(why.ends_with("the version has no site variant rome, its default is used"), "{why}");
    let own = json!({"agentId": "desk", "pin": "live", "siteVariantId": "paris"});
    operator.put(&format!("/v1/numbers/{number}"), &own).must(200);
    let decided = world.route(number).json();
    assert_eq!((&decided["siteVariantId"], &decided["connectorId"]), (&json!("paris"), &json!(connector)));
    for (path, uri) in [("", "sip:all@h"), ("/live", "sip:live@h")] {
        let body = json!({"endpoints": [{"uri": uri}]});
        operator.put(&format!("/v1/agents/desk/endpoints{path}"), &body).must(200);
    }
    assert_eq!(world.route(number).json()["target"], "sip:live@h");
    assert_eq!(world.route(SANDBOX).json()["target"], "sip:all@h");
    let gone = operator.ask("DELETE", &path, None).must(200).json();
    assert_eq!(gone["deletedPhoneNumbers"], json!([number]));
    assert_eq!(world.route(number).json()["connectorId"], Value::Null);
}
