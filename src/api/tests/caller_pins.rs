//! `/v1/caller-pins`.

use serde_json::{Value, json};

use super::world::{NOW, World, error};

const PATH: &str = "/v1/caller-pins/sales/%2B14155550999";

#[test]
fn a_caller_pin_is_what_was_put_until_it_is_deleted() {
    let world = World::new();
    assert_eq!(world.get(PATH).error(), error(404, "NOT_FOUND", ""));
    assert_eq!(world.admin("DELETE", PATH, Value::Null).error(), error(404, "NOT_FOUND", ""));
    let put = world.admin("PUT", PATH, json!({"pin": "V2", "until": "2123-11-14T23:13:20+01:00"}));
    let pin = put.json();
    assert_eq!((put.status, &pin["agentId"], &pin["caller"]), (200, &json!("sales"), &json!("+14155550999")));
    assert_eq!((&pin["pin"], &pin["until"]), (&json!("V2"), &json!("2123-11-14T22:13:20.000Z")));
    assert_eq!((&pin["expired"], &pin["managedBy"]), (&json!(false), &json!("api")));
    let read = world.get("/v1/caller-pins/sales/tel:+1-415-555-0999");
    assert_eq!((read.json(), read.header("etag")), (pin, put.header("etag")));
    let again = world.admin("PUT", PATH, json!({"pin": "V2", "until": "2123-11-14T22:13:20Z"}));
    assert_eq!(again.revision(), put.revision(), "everything was so already");
    assert_eq!(world.admin("DELETE", PATH, Value::Null).status, 204);
    assert_eq!(world.get(PATH).status, 404);
}

#[test]
fn every_fault_of_a_caller_pin_is_named_by_its_field() {
    let world = World::new();
    let put = |path: &str, body: Value| world.admin("PUT", path, body).error();
    let fault = |field| error(400, "VALIDATION_FAILED", field);
    assert_eq!(put(PATH, json!({})), fault("pin"));
    assert_eq!(put(PATH, json!({"pin": "v2"})), fault("pin"));
    assert_eq!(put(PATH, json!({"pin": "V9"})), fault("pin"));
    assert_eq!(put(PATH, json!({"pin": "V1", "until": "tomorrow"})), fault("until"));
    assert_eq!(put(PATH, json!({"pin": "V1", "agentId": "sales"})), fault("agentId"));
    let both = world.admin("PUT", PATH, json!({"until": 5})).json();
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "{both}");
    assert_eq!(
        put("/v1/caller-pins/nobody/alice", json!({"pin": "V1"})),
        error(404, "PROJECT_NOT_FOUND", "")
    );
    for malformed in ["+12", "anonymous", "%2B266696687", "sip:x@anonymous.invalid"] {
        let path = format!("/v1/caller-pins/sales/{malformed}");
        let refused = put(&path, json!({"pin": "V1"}));
        assert_eq!((refused.0, refused.2.as_str()), (422, "caller"), "{malformed}");
    }
}

#[test]
fn a_pin_to_nothing_and_one_in_the_past_are_granted_with_a_warning_and_the_list_says_what_is_over() {
    let world = World::new();
    let empty = world.admin("PUT", PATH, json!({"pin": "sandbox"})).json();
    assert_eq!(empty["warnings"], json!(["agent sales has nothing deployed to sandbox"]));
    let until = crate::domain::time::Timestamp(NOW).to_string();
    let past = world.admin("PUT", "/v1/caller-pins/sales/alice", json!({"pin": "V1", "until": until})).json();
    assert_eq!(past["expired"], true);
    assert!(past["warnings"][0].as_str().unwrap().contains("in the past"), "{past}");
    let list = world.get("/v1/caller-pins").json();
    let told: Vec<_> = list["callerPins"].as_array().unwrap().iter().map(|pin| &pin["expired"]).collect();
    assert_eq!(told, [&json!(false), &json!(true)]);
}

#[test]
fn caller_pins_are_listed_in_pages_by_agent_and_caller() {
    let world = World::new();
    for path in ["sales/zoe", "sales/+14155550999", "reception/bob", "sales/+442071230000", "sales/alice"] {
        assert_eq!(world.admin("PUT", &format!("/v1/caller-pins/{path}"), json!({"pin": "V1"})).status, 200);
    }
    let names = |page: &Value| -> Vec<String> {
        let pins = page["callerPins"].as_array().unwrap().iter();
        pins.map(|pin| pin["caller"].as_str().unwrap().to_owned()).collect()
    };
    let all = ["bob", "+14155550999", "+442071230000", "alice", "zoe"];
    assert_eq!(names(&world.get("/v1/caller-pins").json()), all);
    assert_eq!(names(&world.get("/v1/caller-pins?agentId=sales").json()), all[1..]);
    assert!(names(&world.get("/v1/caller-pins?agentId=sale").json()).is_empty());
    for query in ["", "&agentId=sales"] {
        let mut seen = Vec::new();
        let mut page = world.get(&format!("/v1/caller-pins?limit=2{query}")).json();
        loop {
            seen.extend(names(&page));
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            page = world.get(&format!("/v1/caller-pins?limit=2{query}&cursor={cursor}")).json();
        }
        assert_eq!(seen, all[usize::from(!query.is_empty())..]);
    }
    assert_eq!(names(&world.as_key("limited", "GET", "/v1/caller-pins", Value::Null).json()), ["bob"]);
    assert!(names(&world.as_key("other", "GET", "/v1/caller-pins", Value::Null).json()).is_empty());
    assert_eq!(world.as_key("limited", "GET", "/v1/caller-pins/sales/zoe", Value::Null).status, 403);
}

#[test]
fn a_change_holds_only_for_the_state_that_if_match_names() {
    let world = World::new();
    let put = |tag: &str, pin: &str| {
        let request = hyper::Request::builder().method("PUT").uri(PATH).header("X-API-Key", "admin");
        let body = json!({"pin": pin}).to_string();
        world.send(request.header("If-Match", tag).body(body.into()).unwrap())
    };
    assert_eq!(put("*", "V1").status, 412, "there is none yet");
    let first = world.admin("PUT", PATH, json!({"pin": "V1"}));
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(put(&tag, "V2").status, 200);
    assert_eq!(put(&tag, "V3").error(), error(412, "PRECONDITION_FAILED", ""));
}

#[test]
fn the_history_names_a_caller_by_a_hash_that_the_pin_shows() {
    let world = World::new();
    let pin = world.admin("PUT", PATH, json!({"pin": "V2"})).json();
    world.admin("DELETE", PATH, Value::Null);
    let known_as = pin["knownAs"].as_str().unwrap();
    let history = world.get(&format!("/v1/history?target={known_as}"));
    assert!(!history.text.contains("4155550999"), "{}", history.text);
    let actions: Vec<_> = history.json()["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["caller-pin.delete", "caller-pin.put"]);
    assert!(!world.get("/v1/history").text.contains("4155550999"));
}
