//! `/v1/sip/messages`: who may watch what, and how that is refused. What is seen is the gateway's.

use serde_json::{Value, json};

use super::world::{World, error};

const PATH: &str = "/v1/sip/messages";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn messages_come_a_line_each_after_one_that_says_that_they_will() {
    let reply = World::new().get(&format!("{PATH}?trunk=carrier&number=+1-415-555-0100&unmasked=true"));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")));
    let lines = lines(&reply.text);
    assert_eq!((lines.len(), &lines[0], &lines[2]), (3, &json!({"missed": 0}), &json!({"missed": 2})));
    let received = lines[1]["received"].as_str().unwrap();
    for said in ["ws-1", "with_strangers: true", "carrier", "Digits(\"14155550100\")", "unmasked: true"] {
        assert!(received.contains(said), "{said}: {received}");
    }
    assert_eq!(
        (&lines[1]["source"], &lines[1]["answered"], &lines[1]["dropped"], &lines[1]["missed"]),
        (&json!("192.0.2.1:5060"), &Value::Null, &json!("no_request"), &json!(0))
    );
}

#[test]
fn who_may_see_what_depends_on_the_key() {
    let world = World::new();
    let watched = |key: &str| world.as_key(key, "GET", PATH, Value::Null).text;
    assert!(
        watched("reader").contains("with_strangers: true") && watched("reader").contains("unmasked: false")
    );
    assert!(watched("other").contains("ws-2") && watched("other").contains("with_strangers: false"));
    let forbidden = error(403, "USER_ACCESS_FORBIDDEN", "");
    assert_eq!(world.as_key("limited", "GET", PATH, Value::Null).error(), forbidden);
    let unmasked = format!("{PATH}?unmasked=true");
    assert_eq!(world.as_key("reader", "GET", &unmasked, Value::Null).error(), forbidden);
}

#[test]
fn what_cannot_be_watched_is_refused_by_its_reason() {
    let world = World::new();
    for (query, told) in [
        ("trunk=nobody", error(404, "NOT_FOUND", "trunk")),
        ("trunk=unspoken", error(409, "SIP_NOT_SPOKEN", "")),
        ("trunk=crowded", error(503, "TOO_MANY_WATCHERS", "")),
        ("trunk=leaving", error(503, "OVERLOADED", "")),
        ("number=%2Bx", error(400, "VALIDATION_FAILED", "number")),
        ("unmasked=yes", error(400, "VALIDATION_FAILED", "unmasked")),
        ("colour=red", error(400, "VALIDATION_FAILED", "colour")),
    ] {
        assert_eq!(world.get(&format!("{PATH}?{query}")).error(), told, "{query}");
    }
    assert!(world.get(&format!("{PATH}?trunk=nobody")).text.contains("there are carrier"));
}
