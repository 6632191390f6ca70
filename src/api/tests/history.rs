//! `/v1/history`, and that of an agent.

use serde_json::{Value, json};

use super::world::{NOW, World, error};
use crate::domain::time::Timestamp;

fn lines(page: &Value, member: &str) -> Vec<Value> {
    page["entries"].as_array().unwrap().iter().map(|entry| entry[member].clone()).collect()
}

#[test]
fn the_history_is_asked_by_author_actor_action_and_time_page_by_page() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    world.route("+14155550101", "sales", "V1");
    let editor = world.admin("POST", "/v1/keys", json!({"name": "ci", "permissions": ["edit"]})).json();
    let body = json!({"agentId": "sales"});
    assert_eq!(world.as_key(editor["key"].as_str().unwrap(), "PUT", "/v1/numbers/alice", body).status, 200);
    let get = |query: &str| world.get(&format!("/v1/history?{query}")).json();
    assert_eq!(lines(&get("author=ci"), "target"), ["alice"]);
    assert_eq!(lines(&get("author=files"), "action"), ["files.apply", "files.apply"]);
    assert_eq!(lines(&get("action=key.create"), "target"), [editor["id"].clone()]);
    assert_eq!(get("actor=ann")["entries"], json!([]));
    let first = get("action=number.put&author=admin&limit=1");
    assert_eq!(lines(&first, "target"), ["+14155550101"]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = get(&format!("action=number.put&author=admin&cursor={cursor}"));
    assert_eq!(
        (lines(&second, "target"), &second["nextCursor"]),
        (vec![json!("+14155550100")], &Value::Null)
    );
    assert_eq!(
        world.get(&format!("/v1/history?action=number.put&cursor={cursor}")).error(),
        error(400, "VALIDATION_FAILED", "cursor")
    );
    let (now, later) = (Timestamp(NOW), Timestamp(NOW + 1));
    assert_eq!(get(&format!("from={now}&to={later}"))["entries"].as_array().unwrap().len(), 6);
    assert_eq!(get(&format!("from={later}"))["entries"], json!([]));
    assert_eq!(
        get("from=2023-11-14T23:13:20+01:00&action=key.create")["entries"].as_array().unwrap().len(),
        1
    );
    for wrong in ["from", "to"] {
        let refused = world.get(&format!("/v1/history?{wrong}=soon"));
        assert_eq!(refused.error(), error(400, "VALIDATION_FAILED", wrong));
    }
}

#[test]
fn the_history_of_an_agent_is_for_who_sees_it_and_tells_of_no_other() {
    let world = World::new();
    world.route("+14155550100", "reception", "V1");
    let path = "/v1/agents/reception/history";
    let whole = world.get(path).json();
    assert_eq!(lines(&whole, "action"), ["files.apply"], "not where numbers lead to");
    assert!(whole.to_string().contains("sales"), "{whole}");
    let alone = world.as_key("limited", "GET", path, Value::Null);
    assert_eq!((alone.status, lines(&alone.json(), "target")), (200, vec![json!("reception")]));
    assert!(!alone.text.contains("sales"), "{}", alone.text);
    assert_eq!(world.as_key("limited", "GET", "/v1/agents/sales/history", Value::Null).status, 403);
    assert_eq!(world.get("/v1/agents/nobody/history").error(), error(404, "PROJECT_NOT_FOUND", ""));
    assert_eq!(world.get("/v1/agents/sales/history?author=nobody").json()["entries"], json!([]));
}

#[test]
fn all_of_a_history_comes_as_lines_of_json_by_the_same_filters_and_for_the_same_keys() {
    let world = World::new();
    let others = world.as_key("other", "PUT", "/v1/default-route", json!({"agentId": "sales"}));
    assert_eq!(others.status, 400);
    for n in 0..1_100 {
        let route = json!({"agentId": if n % 2 == 0 { "sales" } else { "reception" }, "pin": "V1", "headers": {"X-N": n.to_string()}});
        assert_eq!(world.admin("PUT", &format!("/v1/numbers/+1415555{:04}", n % 7), route).status, 200);
    }
    let lines_of = |reply: &super::world::Reply| -> Vec<Value> {
        reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = world.get("/v1/history?format=ndjson");
    assert_eq!((all.status, all.header("content-type")), (200, Some("application/x-ndjson")));
    let mut paged = Vec::new();
    let mut path = "/v1/history?limit=1000".to_owned();
    loop {
        let page = world.get(&path).json();
        paged.extend(page["entries"].as_array().unwrap().clone());
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/v1/history?limit=1000&cursor={cursor}");
    }
    assert!(paged.len() > 1_100);
    assert_eq!(lines_of(&all), paged);
    let some = lines_of(&world.get("/v1/history?format=ndjson&target=%2B14155550003&action=number.put"));
    assert_eq!(some.len(), 157);
    assert!(some.iter().all(|line| line["target"] == "+14155550003"));
    assert_eq!(lines_of(&world.get("/v1/history?format=json"))[0]["entries"].as_array().unwrap().len(), 100);

    assert_eq!(world.as_key("limited", "GET", "/v1/history?format=ndjson", Value::Null).status, 403);
    let alone = world.as_key("limited", "GET", "/v1/agents/reception/history?format=ndjson", Value::Null);
    assert_eq!(lines_of(&alone).len(), 1);
    assert!(!alone.text.contains("sales"), "{}", alone.text);
    assert_eq!(world.as_key("other", "GET", "/v1/history?format=ndjson", Value::Null).text, "");
    for (query, field) in [("cursor=a", "cursor"), ("limit=5", "limit")] {
        let refused = world.get(&format!("/v1/history?format=ndjson&{query}"));
        assert_eq!(refused.error(), error(400, "VALIDATION_FAILED", field));
    }
    assert_eq!(world.get("/v1/history?format=csv").error(), error(400, "VALIDATION_FAILED", "format"));
}
