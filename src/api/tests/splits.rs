//! `/v1/splits`.

use axum::body::Body;
use hyper::Request;
use serde_json::{Value, json};

use super::world::{NOW, World, error};
use crate::domain::command::{Action, ArmPatch, Author, Command, SplitPatch};
use crate::domain::id::{AccountId, SplitId};
use crate::domain::testing::{arm_patch, file_agent, file_set, file_split};
use crate::domain::time::Timestamp;

fn arm(weight: Value) -> Value {
    let mut arm = json!({"id": "control", "agentId": "sales", "pin": "V1"});
    arm["weight"] = weight;
    arm
}

#[test]
fn a_split_is_made_with_its_numbers_as_one_revision() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    let before = world.control.state().revision.0;
    let body = json!({
        "id": "spring", "name": "Spring", "unit": {"header": "X-Customer"}, "startsAt": "2023-01-01T00:00:00Z",
        "callQuota": 100, "scope": {"numbers": ["+1 415 555 0100", "tel:+14155550101"]},
        "arms": [
            {"id": "control", "name": "As it is", "agentId": "sales", "pin": "V1", "weight": 80},
            {"id": "test", "agentId": "sales", "weight": 20},
            {"id": "late", "agentId": "reception", "pin": "sandbox", "weight": 0},
        ],
    });
    let made = world.admin("POST", "/v1/splits", body);
    assert_eq!((made.status, made.revision()), (201, before + 1), "{}", made.text);
    let mut json = made.json();
    assert!(json["salt"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    json.as_object_mut().unwrap().remove("salt");
    let mut expected = json!({
        "id": "spring", "name": "Spring", "unit": {"header": "X-Customer"},
        "arms": [
            {"id": "control", "name": "As it is", "agentId": "sales", "pin": "V1", "weight": 80, "maxCallsInProgress": null, "slots": 8000},
            {"id": "test", "name": "", "agentId": "sales", "pin": "draft", "weight": 20, "maxCallsInProgress": null, "slots": 2000},
            {"id": "late", "name": "", "agentId": "reception", "pin": "sandbox", "weight": 0, "maxCallsInProgress": null, "slots": 0},
        ],
        "startsAt": "2023-01-01T00:00:00.000Z", "endsAt": null, "callQuota": 100, "calls": 0, "paused": false,
        "ended": null, "active": true, "managedBy": "api", "numberCount": 2,
        "scope": {"numbers": ["+14155550100", "+14155550101"]}, "createdAt": "2023-11-14T22:13:20.000Z",
        "updatedAt": "2023-11-14T22:13:20.000Z",
        "warnings": ["agent reception has nothing deployed to sandbox", "+14155550100 leaves sales at V1"],
    });
    assert_eq!(json, expected);
    expected["warnings"] = json!(["agent reception has nothing deployed to sandbox"]);
    let mut got = world.get("/v1/splits/spring").json();
    got.as_object_mut().unwrap().remove("salt");
    assert_eq!(got, expected);
    for number in ["+14155550100", "+14155550101"] {
        assert_eq!(world.get(&format!("/v1/numbers/{number}")).json()["splitId"], "spring");
    }
    let owners = world.get("/v1/splits/spring?owners=true").json()["owners"].clone();
    assert_eq!(owners, json!([[0, 7999, "control"], [8000, 9999, "test"]]));
    assert_eq!(world.get("/v1/numbers?splitId=spring").json()["numbers"].as_array().unwrap().len(), 2);
}

#[test]
fn of_many_numbers_in_a_split_the_first_are_named_and_all_are_counted() {
    let world = World::new();
    let numbers: Vec<String> = (0..120).map(|i| format!("+1415555{:04}", 119 - i)).collect();
    let scope = json!({"numbers": numbers.iter().cloned().chain(["alice".to_owned()]).collect::<Vec<_>>()});
    let body = json!({"id": "spring", "arms": [arm(json!(1))], "scope": scope});
    let made = world.admin("POST", "/v1/splits", body).json();
    let first: Vec<String> = (0..100).map(|i| format!("+1415555{i:04}")).collect();
    assert_eq!((&made["scope"]["numbers"], &made["numberCount"]), (&json!(first), &json!(121)));
    world.admin(
        "POST",
        "/v1/splits",
        json!({"id": "bob", "arms": [arm(json!(1))], "scope": {"numbers": ["bob"]}}),
    );
    world.split("empty");
    let page = world.get("/v1/splits").json();
    let scopes: Vec<_> =
        page["splits"].as_array().unwrap().iter().map(|split| split["scope"].clone()).collect();
    assert_eq!(scopes, [json!({"numbers": ["bob"]}), json!({"numbers": []}), json!({"numbers": first})]);
    // What is shown can be sent back as it is.
    let patch = json!({"scope": made["scope"]});
    assert_eq!(world.admin("PATCH", "/v1/splits/spring", patch).json()["numberCount"], 121);
}

#[test]
fn an_id_and_a_salt_are_made_where_none_is_given() {
    let world = World::new();
    let make = || world.admin("POST", "/v1/splits", json!({"arms": [arm(json!(1))]})).json();
    let (a, b) = (make(), make());
    assert_ne!((&a["id"], &a["salt"]), (&b["id"], &b["salt"]));
    let id = a["id"].as_str().unwrap().strip_prefix("split-").unwrap();
    assert!(id.len() == 8 && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()), "{id}");
}

#[test]
fn a_faulty_split_is_refused_by_the_name_of_its_field_and_changes_nothing() {
    let world = World::new();
    let before = world.control.state().revision;
    let arms = |arms: Value| json!({"id": "spring", "arms": arms});
    let with = |key: &str, value: Value| {
        let mut body = arms(json!([arm(json!(1))]));
        body[key] = value;
        body
    };
    let many = |count: usize| -> Value {
        (0..count).map(|i| json!({"id": format!("a{i}"), "agentId": "sales", "weight": 1})).collect()
    };
    for (body, field) in [
        (json!({}), "arms"),
        (arms(json!([])), "arms"),
        (arms(many(17)), "arms"),
        (arms(many(10_000)), "arms"),
        (arms(json!([arm(json!(0))])), "arms"),
        (arms(json!([arm(json!(-1))])), "arms[0].weight"),
        (arms(json!([arm(json!(1.5))])), "arms[0].weight"),
        (arms(json!([arm(json!(80.0))])), "arms[0].weight"),
        (arms(json!([arm(json!("80"))])), "arms[0].weight"),
        (arms(json!([arm(json!(null))])), "arms[0].weight"),
        (arms(json!([arm(json!(1_000_001))])), "arms[0].weight"),
        (arms(json!([arm(json!(u64::MAX))])), "arms[0].weight"),
        (arms(json!([{"id": "a", "agentId": "sales"}])), "arms[0].weight"),
        (arms(json!([{"id": "a", "weight": 1}])), "arms[0].agentId"),
        (arms(json!([{"agentId": "sales", "weight": 1}])), "arms[0].id"),
        (arms(json!([{"id": "a b", "agentId": "sales", "weight": 1}])), "arms[0].id"),
        (arms(json!([arm(json!(1)), arm(json!(1))])), "arms[1].id"),
        (arms(json!([arm(json!(1)), {"id": "b", "agentId": "nobody", "weight": 1}])), "arms[1].agentId"),
        (
            arms(json!([arm(json!(1)), {"id": "b", "agentId": "sales", "pin": "V9", "weight": 1}])),
            "arms[1].pin",
        ),
        (
            arms(json!([{"id": "a", "agentId": "sales", "weight": 1, "maxCallsInProgress": 0}])),
            "arms[0].maxCallsInProgress",
        ),
        (arms(json!([["a", "", "sales", "V1", 1]])), "arms[0]"),
        (with("unit", json!("number")), "unit"),
        (with("unit", json!({"header": "X A"})), "unit.header"),
        (with("unit", json!({"head": "X-A"})), "unit"),
        (with("startsAt", json!("tomorrow")), "startsAt"),
        (with("callQuota", json!(-1)), "callQuota"),
        (with("paused", json!("yes")), "paused"),
        (with("salt", json!("1")), "salt"),
        (with("name", json!("x".repeat(101))), "name"),
        (with("id", json!("a/b")), "id"),
        (with("scope", json!({"agentId": "sales", "environment": "live"})), "arms"),
        (with("scope", json!({"numbers": "+14155550100"})), "scope.numbers"),
        (with("scope", json!({"everything": true})), "scope.everything"),
    ] {
        let reply = world.admin("POST", "/v1/splits", body.clone());
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field), "{}: {}", reply.text, body);
    }
    let malformed = world.admin("POST", "/v1/splits", with("scope", json!({"numbers": ["alice", "+12"]})));
    assert_eq!(
        malformed.error(),
        error(400, "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT", "scope.numbers[1]")
    );
    let end_first = json!({"arms": [arm(json!(1))], "startsAt": "2024-01-01T00:00:00Z", "endsAt": "2023-01-01T00:00:00Z"});
    assert_eq!(
        world.admin("POST", "/v1/splits", end_first).error(),
        error(400, "VALIDATION_FAILED", "endsAt")
    );
    assert_eq!(world.control.state().revision, before);
}

#[test]
fn a_fault_of_one_arm_hides_no_fault_of_another_nor_of_the_split() {
    let world = World::new();
    let body = json!({
        "name": "x".repeat(101),
        "paused": "yes",
        "arms": [
            {"id": 3, "agentId": "nobody", "pin": 3, "weight": -1},
            {"id": "a", "agentId": "sales", "pin": "V9", "weight": 0},
            {"id": "a", "agentId": "sales", "weight": 0, "name": "x".repeat(101)},
        ],
    });
    let reply = world.admin("POST", "/v1/splits", body).json();
    let mut fields: Vec<_> =
        reply["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "arms[0].agentId",
            "arms[0].id",
            "arms[0].pin",
            "arms[0].weight",
            "arms[1].pin",
            "arms[2].id",
            "arms[2].name",
            "name",
            "paused"
        ],
        "{reply}"
    );
}

#[test]
fn weights_move_the_fewest_slots_and_the_salt_stays() {
    let world = World::new();
    let made = world.split("spring").json();
    let patch = |body| world.admin("PATCH", "/v1/splits/spring", body);
    let moved = patch(json!({"arms": [{"id": "test", "weight": 80}]})).json();
    assert_eq!((&moved["movedSlots"], &moved["arms"][1]["slots"]), (&json!(3000), &json!(5000)));
    assert_eq!(moved["salt"], made["salt"]);
    let third = json!({"id": "third", "agentId": "reception", "pin": "V1", "weight": 160});
    let added = patch(json!({"arms": [third], "name": "Three"})).json();
    assert_eq!((&added["movedSlots"], &added["arms"][2]["slots"]), (&json!(5000), &json!(5000)));
    let removed = patch(json!({"arms": [{"id": "test", "remove": true}]})).json();
    assert_eq!(removed["movedSlots"], 2500, "{removed}");
    assert_eq!((removed["arms"].as_array().unwrap().len(), &removed["name"]), (2, &json!("Three")));
    let same = patch(json!({}));
    assert_eq!((same.status, &same.json()["movedSlots"]), (200, &json!(0)));
    assert_eq!(same.revision(), world.control.state().revision.0);
}

#[test]
fn null_clears_a_time_and_what_is_absent_stays() {
    let world = World::new();
    world.split("spring");
    let patch = |body| world.admin("PATCH", "/v1/splits/spring", body).json();
    let set = patch(json!({"endsAt": "2030-01-01T00:00:00Z", "callQuota": 5, "paused": true}));
    assert_eq!(
        (&set["endsAt"], &set["callQuota"], &set["active"]),
        (&json!("2030-01-01T00:00:00.000Z"), &json!(5), &json!(false))
    );
    let limited = patch(json!({"arms": [{"id": "test", "maxCallsInProgress": 5}]}));
    assert_eq!(limited["arms"][1]["maxCallsInProgress"], 5);
    assert_eq!(patch(json!({"arms": [{"id": "test"}]}))["arms"][1]["maxCallsInProgress"], 5);
    let unlimited = patch(json!({"arms": [{"id": "test", "maxCallsInProgress": null}]}));
    assert_eq!(unlimited["arms"][1]["maxCallsInProgress"], json!(null));
    let cleared = patch(json!({"endsAt": null, "paused": false}));
    assert_eq!(
        (&cleared["endsAt"], &cleared["callQuota"], &cleared["active"]),
        (&json!(null), &json!(5), &json!(true))
    );
}

#[test]
fn a_faulty_change_is_refused_by_the_name_of_its_field() {
    let world = World::new();
    world.split("spring");
    let many: Value = (0..33).map(|i| json!({"id": format!("a{i}"), "weight": 1})).collect();
    for (body, field) in [
        (json!({"arms": [{"id": "fourth", "weight": 1}]}), "arms[0].id"),
        (json!({"arms": [{"id": "fourth", "remove": true}]}), "arms[0].id"),
        (json!({"arms": [{"id": "test", "weight": 1}, {"id": "test", "weight": 2}]}), "arms[1].id"),
        (json!({"arms": [{"id": "test", "remove": true}, {"id": "test", "weight": 2}]}), "arms[1].id"),
        (json!({"arms": [{"id": "test", "remove": true, "weight": 2}]}), "arms[0].remove"),
        (json!({"arms": [{"id": "test", "weight": -1}]}), "arms[0].weight"),
        (json!({"arms": [{"weight": 1}]}), "arms[0].id"),
        (json!({"arms": [{"id": "test", "maxCallsInProgress": 0}]}), "arms[0].maxCallsInProgress"),
        (json!({"arms": many}), "arms"),
        (json!({"arms": [{"id": "test", "remove": true}, {"id": "control", "remove": true}]}), "arms"),
        (json!({"arms": [{"id": "test", "weight": 0}, {"id": "control", "weight": 0}]}), "arms"),
        (json!({"unit": "call"}), "unit"),
        (json!({"salt": "7"}), "salt"),
        (json!({"startsAt": 7}), "startsAt"),
        (json!({"scope": {"agentId": "sales", "environment": "live"}}), "scope"),
    ] {
        let reply = world.admin("PATCH", "/v1/splits/spring", body.clone());
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field), "{body}: {}", reply.text);
    }
    let missing = world.admin("PATCH", "/v1/splits/winter", json!({}));
    assert_eq!(missing.error(), error(404, "SPLIT_NOT_FOUND", ""));
    assert_eq!(world.get("/v1/splits/a%20b").status, 422);
}

#[test]
fn an_ended_split_gives_all_calls_to_its_winner_for_good() {
    let world = World::new();
    world.split("spring");
    let end = |body| world.admin("POST", "/v1/splits/spring/end", body);
    assert_eq!(end(Value::Null).error(), error(400, "VALIDATION_FAILED", "winner"));
    assert_eq!(end(json!({"winner": "nobody"})).error(), error(400, "VALIDATION_FAILED", "winner"));
    let ended = end(json!({"winner": "test"}));
    assert_eq!(ended.json()["ended"], json!({"at": "2023-11-14T22:13:20.000Z", "winner": "test"}));
    assert_eq!(ended.json()["active"], false);
    assert_eq!(end(json!({"winner": "test"})).revision(), ended.revision());
    assert_eq!(end(json!({"winner": "control"})).error(), error(409, "SPLIT_ENDED", ""));
    let patch = world.admin("PATCH", "/v1/splits/spring", json!({"paused": true}));
    assert_eq!(patch.error(), error(409, "SPLIT_ENDED", ""));
}

#[test]
fn a_split_in_use_stays() {
    let world = World::new();
    world.split("spring");
    assert_eq!(
        world.admin("POST", "/v1/splits", json!({"id": "spring", "arms": [arm(json!(1))]})).error(),
        error(409, "ALREADY_EXISTS", "")
    );
    let delete = || world.admin("DELETE", "/v1/splits/spring", Value::Null);
    for path in ["/v1/numbers/alice", "/v1/prefixes/+1", "/v1/default-route"] {
        assert_eq!(world.admin("PUT", path, json!({"splitId": "spring"})).status, 200);
        assert_eq!(delete().error(), error(409, "IN_USE", ""), "{path}");
        assert_eq!(world.admin("DELETE", path, Value::Null).status, 204);
    }
    assert_eq!(delete().status, 204);
    assert_eq!(delete().error(), error(404, "SPLIT_NOT_FOUND", ""));
}

#[test]
fn a_split_of_the_files_is_theirs_alone() {
    let world = World::new();
    let mut files = file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]);
    files.splits = vec![file_split("spring", &[("control", "sales@V1", 1), ("test", "sales@V2", 1)])];
    world.apply(files);
    let path = "/v1/splits/spring";
    assert_eq!(world.get(path).json()["managedBy"], "files");
    assert_eq!(
        world.admin("PATCH", path, json!({"paused": true})).error(),
        error(409, "MANAGED_BY_FILES", "")
    );
    assert_eq!(world.admin("DELETE", path, Value::Null).error(), error(409, "MANAGED_BY_FILES", ""));
    let end = world.admin("POST", "/v1/splits/spring/end", json!({"winner": "test"}));
    assert_eq!(end.error(), error(409, "MANAGED_BY_FILES", ""));
    assert_eq!(world.admin("PUT", "/v1/numbers/alice", json!({"splitId": "spring"})).status, 200);
}

#[test]
fn pages_of_splits_joined_are_all_splits() {
    let world = World::new();
    for id in ["b", "a", "d", "c"] {
        world.split(id);
    }
    for limit in 1..=5 {
        let (mut all, mut cursor) = (String::new(), String::new());
        loop {
            let page = world.get(&format!("/v1/splits?limit={limit}{cursor}")).json();
            page["splits"].as_array().unwrap().iter().for_each(|split| all += split["id"].as_str().unwrap());
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(all, "abcd", "limit {limit}");
    }
}

#[test]
fn moved_slots_are_counted_from_what_the_change_met_not_from_what_was_there_when_it_was_asked_for() {
    let world = World::new();
    world.split("spring");
    let even = json!({"arms": [{"id": "control", "weight": 50}, {"id": "test", "weight": 50}]});
    // Somebody else makes the same change after this request was let in and before its body has come.
    let change = Command {
        account: AccountId::parse("ws-1").unwrap(),
        author: Author::Console,
        at: Timestamp(NOW),
        action: Action::PatchSplit {
            id: SplitId::parse("spring").unwrap(),
            patch: SplitPatch {
                arms: [("control", 50), ("test", 50)].map(|(id, weight)| reweighed(id, weight)).into(),
                ..SplitPatch::default()
            },
        },
    };
    let control = world.control.clone();
    let body = futures_util::stream::once(async move {
        assert_eq!(control.submit(change).await.unwrap().moved_slots, 3_000);
        Ok::<_, std::convert::Infallible>(even.to_string())
    });
    let request = Request::builder().method("PATCH").uri("/v1/splits/spring").header("X-API-Key", "admin");
    let reply = world.send(request.body(Body::from_stream(body)).unwrap());
    assert_eq!((reply.status, &reply.json()["movedSlots"]), (200, &json!(0)), "{}", reply.text);
}

fn reweighed(id: &str, weight: u32) -> ArmPatch {
    ArmPatch { weight: Some(weight), ..arm_patch(id) }
}

#[test]
fn a_change_of_a_split_holds_for_one_state_only_where_it_says_so() {
    let world = World::new();
    world.split("spring");
    let ask = |method: &str, path: &str, tag: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("x-api-key", "admin");
        let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
        world.send(request.header("if-match", tag).body(body).unwrap())
    };
    let path = "/v1/splits/spring";
    let old = world.get(path).header("etag").unwrap().to_owned();
    let changed = ask("PATCH", path, &old, json!({"name": "Spring"}));
    assert_eq!(changed.status, 200, "{}", changed.text);
    let stale = error(412, "PRECONDITION_FAILED", "");
    assert_eq!(ask("PATCH", path, &old, json!({"name": "Late"})).error(), stale);
    assert_eq!(ask("POST", &format!("{path}/end"), &old, json!({"winner": "test"})).error(), stale);
    assert_eq!(ask("DELETE", path, &old, Value::Null).error(), stale);
    assert_eq!(world.get(path).json()["name"], "Spring");
    let new = world.get(path).header("etag").unwrap().to_owned();
    assert_eq!(ask("POST", &format!("{path}/end"), &new, json!({"winner": "test"})).status, 200);
    assert_eq!(ask("DELETE", path, &new, Value::Null).error(), stale);
    assert_eq!(ask("DELETE", path, "*", Value::Null).status, 204);
}
