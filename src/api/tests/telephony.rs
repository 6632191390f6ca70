//! Connectors and the numbers that came by them.

use serde_json::{Value, json};

use super::world::{Reply, World, error};

const A: &str = "+14155550120";
const B: &str = "+14155550121";

fn ask(world: &World, method: &str, path: &str, body: Value) -> Reply {
    world.admin(method, &format!("/v1/agents/sales/telephony{path}"), body)
}

fn import(world: &World, body: Value) -> Reply {
    let reply = ask(world, "POST", "/phone-numbers", body);
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply
}

fn connectors(world: &World) -> Vec<Value> {
    ask(world, "GET", "/connectors", Value::Null).json()["connectors"].as_array().unwrap().clone()
}

fn numbers(world: &World, query: &str) -> Vec<String> {
    let reply = ask(world, "GET", &format!("/phone-numbers{query}"), Value::Null).json();
    let numbers = reply["phoneNumbers"].as_array().unwrap().clone();
    numbers.iter().map(|number| number["number"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_import_makes_the_connector_of_its_environment_once_and_pins_to_it() {
    let world = World::new();
    let first = import(&world, json!({"phoneNumbers": [A, A]}));
    let connector = connectors(&world).remove(0);
    let id = connector["connectorId"].clone();
    assert_eq!(
        connector,
        json!({"connectorId": id, "name": "live", "accountId": "ws-1", "projectId": "sales", "clientEnv": "live",
            "variantId": null, "asrLangCode": null, "ttsLangCode": null, "voiceName": null, "disableHandoff": false})
    );
    let number = json!({"number": A, "projectId": "sales", "accountId": "ws-1", "clientEnv": "live", "connectorId": id});
    assert_eq!(first.json()["imported"], json!([number]));
    let second = ask(&world, "POST", &format!("/phone-numbers/{B}"), Value::Null);
    assert_eq!((second.status, &second.json()["imported"]["connectorId"]), (201, &id));
    assert_eq!(ask(&world, "GET", &format!("/phone-numbers/{A}"), Value::Null).json(), number);
    let route = world.get(&format!("/v1/numbers/{A}")).json();
    assert_eq!(
        (&route["agentId"], &route["pin"], &route["connectorId"]),
        (&json!("sales"), &json!("live"), &id)
    );
    let sandbox = import(&world, json!({"phoneNumbers": ["alice"], "clientEnv": "sandbox"})).json();
    assert_eq!(sandbox["warnings"], json!(["agent sales has nothing deployed to sandbox"]));
    assert_eq!(
        (connectors(&world).len(), numbers(&world, "")),
        (2, vec![A.into(), B.into(), "alice".into()])
    );
    let id = id.as_str().unwrap();
    assert_eq!(numbers(&world, &format!("?connectorId={id}")), [A, B]);
    let unknown = ask(&world, "GET", "/phone-numbers?connectorId=x", Value::Null);
    assert_eq!(unknown.error(), error(404, "PHONE_NUMBERS_CONNECTOR_DOES_NOT_EXIST", ""));
}

#[test]
fn an_import_takes_all_numbers_or_none() {
    let world = World::new();
    world.route(B, "reception", "V1");
    let before = world.control.state().revision;
    let taken = ask(&world, "POST", "/phone-numbers", json!({"phoneNumbers": [A, B]}));
    assert_eq!(taken.error(), error(409, "PHONE_NUMBERS_ALREADY_EXISTS", ""));
    assert!(taken.text.contains(B) && !taken.text.contains(A), "{}", taken.text);
    let malformed = ask(&world, "POST", "/phone-numbers", json!({"phoneNumbers": [A, "+1"]}));
    assert_eq!(malformed.error(), error(400, "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT", "phoneNumbers[1]"));
    let none = ask(&world, "POST", "/phone-numbers", Value::Null);
    assert_eq!(none.error(), error(400, "VALIDATION_FAILED", "phoneNumbers"));
    assert_eq!((world.control.state().revision, connectors(&world).len()), (before, 0));
}

#[test]
fn a_number_keeps_its_connector_while_it_stays_with_the_agent() {
    let world = World::new();
    import(&world, json!({"phoneNumbers": [A]}));
    let id = connectors(&world)[0]["connectorId"].clone();
    let put =
        |body: Value| world.admin("PUT", &format!("/v1/numbers/{A}"), body).json()["connectorId"].clone();
    assert_eq!(put(json!({"agentId": "sales", "pin": "V2", "headers": {"X-A": "1"}})), id);
    let number = ask(&world, "GET", &format!("/phone-numbers/{A}"), Value::Null).json();
    assert_eq!(number["clientEnv"], "live", "that of its connector");
    world.split("spring");
    assert_eq!(put(json!({"splitId": "spring"})), id);
    assert_eq!(put(json!({"agentId": "reception", "pin": "V1"})), Value::Null);
    let gone = ask(&world, "GET", &format!("/phone-numbers/{A}"), Value::Null);
    assert_eq!(gone.error(), error(404, "PHONE_NUMBERS_NOT_FOUND", ""));
    // One that leads to the agent gets a connector by hand, and its pin with it.
    assert_eq!(put(json!({"agentId": "sales", "pin": "V2", "headers": {"X-A": "1"}})), Value::Null);
    let connected = ask(&world, "PATCH", &format!("/phone-numbers/{A}"), json!({"connectorId": id}));
    assert_eq!((connected.status, &connected.json()["connectorId"]), (200, &id), "{}", connected.text);
    let route = world.get(&format!("/v1/numbers/{A}")).json();
    assert_eq!((&route["pin"], &route["headers"]["X-A"]), (&json!("live"), &json!("1")));
    let unknown = ask(&world, "PATCH", &format!("/phone-numbers/{A}"), json!({"connectorId": "x"}));
    assert_eq!(unknown.error(), error(404, "PHONE_NUMBERS_CONNECTOR_DOES_NOT_EXIST", ""));
    world.route(B, "reception", "V1");
    let theirs = ask(&world, "PATCH", &format!("/phone-numbers/{B}"), json!({"connectorId": id}));
    assert_eq!(theirs.error(), error(404, "PHONE_NUMBERS_NOT_FOUND", ""));
}

#[test]
fn a_connector_is_changed_key_by_key_and_goes_to_another_agent_with_its_numbers() {
    let world = World::new();
    import(&world, json!({"phoneNumbers": [A]}));
    let id = connectors(&world)[0]["connectorId"].as_str().unwrap().to_owned();
    let path = format!("/connectors/{id}");
    let body = json!({"variantId": "berlin", "asrLangCode": "de-DE", "voiceName": "anna", "name": "ignored"});
    let set = ask(&world, "PATCH", &path, body).json();
    let some = |view: &Value| ["variantId", "asrLangCode", "voiceName", "name"].map(|key| view[key].clone());
    assert_eq!(some(&set), [json!("berlin"), json!("de-DE"), json!("anna"), json!("live")]);
    let cleared = ask(&world, "PATCH", &path, json!({"variantId": null}));
    assert_eq!(some(&cleared.json()), [Value::Null, json!("de-DE"), json!("anna"), json!("live")]);
    for (body, field) in [
        (json!({"asrLangCode": "?"}), "asrLangCode"),
        (json!({"projectId": null}), "projectId"),
        (json!({"projectId": "nobody"}), "projectId"),
        (json!({"voiceName": ""}), "voiceName"),
    ] {
        let bad = ask(&world, "PATCH", &path, body);
        assert_eq!(bad.error(), error(400, "CONNECTORS_VALIDATION_FAILED", field), "{}", bad.text);
    }
    let body = json!({"updates": [{"connectorId": id, "variantId": "x"}, {"connectorId": "none"}]});
    let results = ask(&world, "PATCH", "/connectors/batch", body).json()["results"].clone();
    assert_eq!((&results[0]["success"], &results[0]["data"]["variantId"]), (&json!(true), &json!("x")));
    assert_eq!((&results[1]["success"], &results[1]["data"]), (&json!(false), &Value::Null));
    assert!(results[1]["error"].as_str().unwrap().contains("no connector none"), "{results}");
    let found = ask(&world, "POST", "/connectors/batch", json!({"connectorIds": [id, "none", "ä b"]})).json();
    assert_eq!((found["found"].as_array().unwrap().len(), &found["notFound"]), (1, &json!(["none", "ä b"])));
    for (body, why) in [(json!({}), "is missing"), (json!({"connectorIds": "x"}), "is a text")] {
        let bad = ask(&world, "POST", "/connectors/batch", body);
        assert_eq!(bad.error(), error(400, "CONNECTORS_VALIDATION_FAILED", "connectorIds"));
        let errors = bad.json()["errors"].clone();
        assert!(errors.as_array().unwrap().len() == 1 && bad.text.contains(why), "{errors}");
    }
    let looked_up = ask(&world, "POST", "/connectors/lookup", json!({"phoneNumber": A}));
    assert_eq!(looked_up.json()["connectorId"], json!(id));
    let tag = looked_up.header("etag").unwrap().to_owned();
    let request =
        hyper::Request::builder().method("PATCH").header("x-api-key", "admin").header("If-Match", tag);
    let request = request.uri(format!("/v1/agents/sales/telephony{path}"));
    let moved = world.send(request.body(json!({"projectId": "reception"}).to_string().into()).unwrap());
    assert_eq!((moved.status, &moved.json()["projectId"]), (200, &json!("reception")), "{}", moved.text);
    assert_eq!(world.get(&format!("/v1/numbers/{A}")).json()["agentId"], "reception");
    assert_eq!(ask(&world, "GET", &path, Value::Null).error(), error(404, "CONNECTORS_NOT_FOUND", ""));
    let theirs = format!("/v1/agents/reception/telephony{path}");
    let request = hyper::Request::builder().method("DELETE").uri(&theirs).header("x-api-key", "admin");
    let stale = world.send(request.header("If-Match", "\"x\"").body(axum::body::Body::empty()).unwrap());
    assert_eq!(stale.status, 412, "{}", stale.text);
    let deleted = world.admin("DELETE", &theirs, Value::Null);
    assert_eq!(deleted.json(), json!({"deletedConnector": id, "deletedPhoneNumbers": [A]}));
    assert_eq!(world.get(&format!("/v1/numbers/{A}")).status, 404);
}

#[test]
fn a_connector_whose_numbers_reach_nothing_or_whose_keys_nobody_knows_is_warned_of() {
    let world = World::new();
    import(&world, json!({"phoneNumbers": [A], "clientEnv": "sandbox"}));
    let id = connectors(&world)[0]["connectorId"].as_str().unwrap().to_owned();
    let patch = |body: Value| ask(&world, "PATCH", &format!("/connectors/{id}"), body).json();
    let whole = connectors(&world)[0].clone();
    assert_eq!(patch(whole)["warnings"], json!([]), "as it was shown");
    let misspelt = patch(json!({"variantID": "x"}));
    assert_eq!(misspelt["warnings"], json!(["variantID is no key of a connector: it was left alone"]));
    let update =
        json!({"updates": [{"connectorId": id, "asr_lang_code": "en-GB", "projectId": "reception"}]});
    let moved = ask(&world, "PATCH", "/connectors/batch", update).json()["results"][0].clone();
    let warnings = json!([
        "agent reception has nothing deployed to sandbox",
        "asr_lang_code is no key of a connector: it was left alone",
    ]);
    assert_eq!((&moved["success"], &moved["warnings"]), (&json!(true), &warnings));
}

#[test]
fn of_a_batch_those_connectors_are_changed_that_are_in_a_state_that_is_named() {
    let world = World::new();
    import(&world, json!({"phoneNumbers": [A], "clientEnv": "sandbox"}));
    import(&world, json!({"phoneNumbers": [B]}));
    let ids = [0, 1].map(|at| connectors(&world)[at]["connectorId"].as_str().unwrap().to_owned());
    let tag = |id: &str| {
        ask(&world, "GET", &format!("/connectors/{id}"), Value::Null).header("etag").unwrap().to_owned()
    };
    let batch = |tags: &str, voice: &str| {
        let updates: Vec<Value> =
            ids.iter().map(|id| json!({"connectorId": id, "voiceName": voice})).collect();
        let request =
            hyper::Request::builder().method("PATCH").header("x-api-key", "admin").header("If-Match", tags);
        let request = request.uri("/v1/agents/sales/telephony/connectors/batch");
        let reply = world.send(request.body(json!({"updates": updates}).to_string().into()).unwrap()).json();
        reply["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["success"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    let seen = tag(&ids[1]);
    assert_eq!(batch(&seen, "anna"), [false, true]);
    assert_eq!(batch(&seen, "bert"), [false, false], "it is another one by now");
    assert_eq!(batch(&format!("{}, {}", tag(&ids[0]), tag(&ids[1])), "carl"), [true, true]);
    assert_eq!(batch("*", "dora"), [true, true]);
}

#[test]
fn numbers_are_released_one_by_one_or_together() {
    let world = World::new();
    import(&world, json!({"phoneNumbers": [A, B, "alice"]}));
    world.route("+14155550130", "sales", "V1");
    let found =
        ask(&world, "POST", "/phone-numbers/batch", json!({"phoneNumbers": [A, "bob", "+14155550130"]}));
    assert_eq!(found.json()["found"][0]["number"], A);
    assert_eq!(found.json()["notFound"], json!(["+14155550130", "bob"]));
    let deleted =
        ask(&world, "DELETE", "/phone-numbers", json!({"phoneNumbers": [A, "bob", "+14155550130"]}));
    assert_eq!((deleted.status, &deleted.json()["deleted"]), (200, &json!([A])));
    assert_eq!(deleted.json()["errors"][1]["phoneNumber"], "bob");
    assert_eq!(world.get("/v1/numbers/+14155550130").status, 200, "it came by no connector");
    let one = ask(&world, "DELETE", "/phone-numbers/alice", Value::Null);
    assert_eq!((one.status, one.json()), (200, json!({"deleted": "alice"})));
    let again = ask(&world, "DELETE", "/phone-numbers/alice", Value::Null);
    assert_eq!(again.error(), error(404, "PHONE_NUMBERS_NOT_FOUND", ""));
    assert_eq!(numbers(&world, ""), [B]);
}

#[test]
fn an_export_carries_connectors_pages_and_endpoints_and_an_import_takes_them_over() {
    let world = World::new();
    import(&world, json!({"phoneNumbers": [A]}));
    let put = world.admin(
        "PUT",
        "/v1/agents/sales/real-time-configs/live/schema",
        json!({"schema": {"type": "object"}, "variables": {"open": true}}),
    );
    assert_eq!(put.status, 200, "{}", put.text);
    let adopted = world.admin("POST", "/v1/adopt", json!({"agents": ["sales", "reception"]}));
    assert_eq!(adopted.status, 200, "{}", adopted.text);
    let endpoints = json!({"endpoints": [{"uri": "sip:live@h"}]});
    assert_eq!(world.admin("PUT", "/v1/agents/sales/endpoints/live", endpoints).status, 200);
    let exported = world.get("/v1/export");
    let same = world.admin("POST", "/v1/import", exported.json());
    assert_eq!((same.status, &same.json()["changed"]), (200, &json!(false)), "{}", same.text);
    let other = World::new();
    assert_eq!(other.admin("POST", "/v1/adopt", json!({"agents": ["sales", "reception"]})).status, 200);
    let taken = other.admin("POST", "/v1/import", exported.json());
    assert_eq!(taken.status, 200, "{}", taken.text);
    let (mut there, mut here) = (other.get("/v1/export").json(), exported.json());
    for json in [&mut there, &mut here] {
        json["revision"] = Value::Null;
    }
    assert_eq!(there, here);
    here["agents"][1]["realTimeConfigs"][0]["variables"] = json!(3);
    assert_eq!(other.admin("POST", "/v1/import", here.clone()).status, 400);
    here["agents"][1]["realTimeConfigs"][0]["variables"] = json!({});
    here["agents"][1]["realTimeConfigs"][0]["schema"] = json!({"type": "colour"});
    here["numbers"][0]["connectorId"] = json!("none");
    let bad = other.admin("POST", "/v1/import", here);
    assert_eq!(bad.error(), error(400, "VALIDATION_FAILED", "agents[1].realTimeConfigs[0].schema.type"));
}

#[test]
fn the_faults_of_a_document_stand_where_it_has_them_and_those_that_are_too_many_are_counted() {
    let world = World::new();
    assert_eq!(world.admin("POST", "/v1/adopt", json!({"agents": ["sales", "reception"]})).status, 200);
    let document = world.get("/v1/export").json();
    let faults = |document: Value| {
        let refused = world.admin("POST", "/v1/import", document);
        assert_eq!(refused.error().1, "VALIDATION_FAILED", "{}", refused.text);
        let errors = refused.json()["errors"].as_array().unwrap().clone();
        let told = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
        errors.iter().map(|fault| (told(fault, "field"), told(fault, "message"))).collect::<Vec<_>>()
    };
    let mut wrong = document.clone();
    wrong["agents"][1]["endpoints"] = json!([{"uri": ""}]);
    wrong["agents"][1]["environmentEndpoints"] = json!({"live": 3, "sandbox": [{"uri": ""}]});
    wrong["agents"][1]["draft"]["config"] = json!(3);
    let fields: Vec<_> = faults(wrong).into_iter().map(|(field, _)| field).collect();
    let expected = [
        "endpoints[0].uri",
        "environmentEndpoints.live",
        "environmentEndpoints.sandbox[0].uri",
        "draft.config",
    ];
    assert_eq!(fields, expected.map(|place| format!("agents[1].{place}")));
    let mut wrong = document;
    for n in 0..120 {
        wrong[format!("more{n}")] = Value::Null;
    }
    let faults = faults(wrong);
    assert_eq!(faults.len(), 101);
    assert_eq!(faults[100], ("body".to_owned(), "has 20 more faults than are told".to_owned()));
}
