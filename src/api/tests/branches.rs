//! Branches, and what is edited of them by parts.

use std::collections::BTreeSet;

use hyper::Request;
use serde_json::{Value, json};

use super::world::{Reply, World, error};

const MAIN: &str = "/branches/main";

/// A world with the agent `desk`.
fn world() -> World {
    let world = World::new();
    let body = json!({"name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "Hello"}});
    let reply = world.admin("POST", "/v1/agents", body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    world
}

fn ask(world: &World, method: &str, path: &str, body: Value) -> Reply {
    world.admin(method, &format!("/v1/agents/desk{path}"), body)
}

fn get(world: &World, path: &str) -> Reply {
    ask(world, "GET", path, Value::Null)
}

fn post(world: &World, path: &str, body: Value) -> Reply {
    ask(world, "POST", path, body)
}

/// Asks only if the object has a tag.
fn if_match(world: &World, tag: &str, method: &str, path: &str, body: &Value) -> Reply {
    let request = Request::builder().method(method).uri(format!("/v1/agents/desk{path}"));
    let request = request.header("x-api-key", "admin").header("if-match", tag);
    world.send(request.body(body.to_string().into()).unwrap())
}

fn text(reply: &Reply, name: &str) -> String {
    reply.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", reply.text)).to_owned()
}

/// Makes a branch; its path.
fn branch(world: &World, name: &str) -> String {
    let made = post(world, "/branches", json!({"branchName": name}));
    assert_eq!(made.status, 201, "{}", made.text);
    format!("/branches/{}", text(&made, "branchId"))
}

/// Asks for what is to be granted with this status; the id of what came of it.
fn made(world: &World, path: &str, body: Value) -> String {
    let reply = post(world, path, body);
    assert_eq!(reply.status, 201, "{path}: {}", reply.text);
    text(&reply, "id")
}

#[test]
fn branches_are_made_listed_and_deleted() {
    let world = world();
    let main = json!({"id": "main", "name": "main", "accountId": "ws-1", "projectId": "desk", "branchId": "main",
        "active": true, "createdBy": "", "createdAt": "2023-11-14T22:13:20.000Z", "updatedAt": "2023-11-14T22:13:20.000Z"});
    assert_eq!(get(&world, "/branches").json(), json!({"branches": [main]}));
    let reply = post(&world, "/branches", json!({"branchName": "Summer"}));
    let id = text(&reply, "branchId");
    assert_eq!((reply.status, id.len(), &id[..7]), (201, 15, "BRANCH-"));
    assert_eq!(reply.json(), json!({"branchId": id, "sequenceId": reply.revision().to_string()}));
    let listed = &get(&world, "/branches").json()["branches"];
    assert_eq!((&listed[1]["name"], &listed[1]["createdBy"]), (&json!("Summer"), &json!("admin")));
    assert_eq!(
        (&listed[1]["id"], &listed[1]["branchId"], &listed[2]),
        (&json!(id), &json!(id), &Value::Null)
    );
    let agents = world.get("/v1/agents").json();
    assert_eq!((&agents[0]["agentId"], &agents[0]["branchCount"]), (&json!("desk"), &json!(2)));
    let gone = ask(&world, "DELETE", &format!("/branches/{id}"), Value::Null);
    assert_eq!((gone.status, text(&gone, "sequence")), (200, gone.revision().to_string()));
    assert!(!text(&gone, "message").is_empty());
    let again = ask(&world, "DELETE", &format!("/branches/{id}"), Value::Null);
    assert_eq!(again.error(), error(404, "BRANCH_NOT_FOUND", ""));
    assert_eq!(get(&world, "/branches").json()["branches"].as_array().unwrap().len(), 1);
}

#[test]
fn a_branch_is_refused_by_name() {
    let world = world();
    branch(&world, "Summer");
    for (body, refused) in [
        (json!({"branchName": "Summer"}), error(409, "BRANCH_ALREADY_EXISTS", "")),
        (json!({"branchName": "main"}), error(409, "BRANCH_ALREADY_EXISTS", "")),
        (json!({"branchName": ""}), error(400, "VALIDATION_FAILED", "branchName")),
        (json!({"branchName": "x".repeat(101)}), error(400, "VALIDATION_FAILED", "branchName")),
        (json!({"branchName": "a\nb"}), error(400, "VALIDATION_FAILED", "branchName")),
        (json!({}), error(400, "VALIDATION_FAILED", "branchName")),
        (json!({"branchName": "x", "colour": 1}), error(400, "VALIDATION_FAILED", "colour")),
    ] {
        assert_eq!(post(&world, "/branches", body.clone()).error(), refused, "{body}");
    }
    let main = ask(&world, "DELETE", MAIN, Value::Null);
    assert_eq!(main.error(), error(409, "BRANCH_IS_MAIN", ""));
    let files = world.admin("POST", "/v1/agents/sales/branches", json!({"branchName": "x"}));
    assert_eq!(files.error(), error(409, "MANAGED_BY_FILES", ""));
    for n in 2..=100 {
        branch(&world, &format!("Branch {n}"));
    }
    let full = post(&world, "/branches", json!({"branchName": "One more"}));
    assert_eq!(full.error(), error(409, "TOO_MANY_BRANCHES", ""));
}

#[test]
fn what_is_edited_on_a_branch_is_nowhere_else_until_it_is_taken_back() {
    let world = world();
    let path = branch(&world, "Summer");
    let id = path.rsplit('/').next().unwrap();
    let of_branch = format!("/draft?branch={id}");
    let first = get(&world, "/draft");
    assert_eq!(get(&world, &of_branch).header("etag"), first.header("etag"));
    assert_eq!(get(&world, "/draft?branch=main").json(), first.json());
    let edited = ask(&world, "PATCH", &of_branch, json!({"name": "Summer desk", "description": "warm"}));
    assert_eq!((edited.status, &edited.json()["description"]), (200, &json!("warm")));
    assert_eq!(get(&world, "/draft").header("etag"), first.header("etag"));
    assert_eq!(world.get("/v1/agents").json()[0]["agentName"], "Desk", "an agent is called what main says");
    let hash = edited.header("etag").unwrap().trim_matches('"').to_owned();
    assert_eq!(world.get(&format!("/v1/snapshots/{hash}")).status, 404, "no call has it");
    let pinned = world.admin("PUT", "/v1/numbers/+14155550100", json!({"agentId": "desk", "pin": id}));
    assert_eq!(pinned.error(), error(400, "VALIDATION_FAILED", "pin"));
    ask(&world, "PATCH", "/draft", json!({"description": "cold"}));
    assert_eq!(get(&world, &of_branch).json(), edited.json());
    let compared = get(&world, &format!("/compare?from={id}&to=main")).json();
    let changes = json!([
        {"path": "name", "type": "modify", "from": "Summer desk", "to": "Desk"},
        {"path": "description", "type": "modify", "from": "warm", "to": "cold"},
    ]);
    assert_eq!(compared["sections"][0]["changes"], changes);
    assert_eq!((&compared["from"]["pin"], &compared["from"]["version"]), (&json!(id), &Value::Null));
    let put = ask(&world, "PUT", &of_branch, json!({"name": "Other"}));
    assert_eq!((put.status, put.json()), (200, json!({"name": "Other"})));
    let reverted = ask(&world, "DELETE", &of_branch, Value::Null);
    assert_eq!((reverted.status, reverted.json()), (200, first.json()));
    assert_eq!(reverted.header("etag"), first.header("etag"));
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let body = if method == "GET" { Value::Null } else { json!({"name": "x"}) };
        let gone = ask(&world, method, "/draft?branch=BRANCH-00000000", body.clone());
        assert_eq!(gone.error(), error(404, "BRANCH_NOT_FOUND", ""), "{method}");
        let bad = ask(&world, method, "/draft?branch=a/b", body);
        assert_eq!(bad.error(), error(400, "VALIDATION_FAILED", "branch"), "{method}");
    }
}

#[test]
fn every_part_of_a_branch_is_its_draft_and_carries_its_tag() {
    let world = world();
    let path = branch(&world, "Summer");
    let draft = format!("/draft?branch={}", path.rsplit('/').next().unwrap());
    let attribute = made(&world, &format!("{path}/attributes"), json!({"name": "Address"}));
    let variant = made(&world, &format!("{path}/variants"), json!({"name": "North"}));
    let topic =
        made(&world, &format!("{path}/knowledge-base/topics"), json!({"name": "Hours", "content": "9"}));
    let changes = [
        ("behavior".to_owned(), json!({"behavior": "Be kind."})),
        (format!("knowledge-base/topics/{topic}"), json!({"content": "10"})),
        (format!("attributes/{attribute}"), json!({"name": "Street"})),
        (format!("variants/{variant}"), json!({"attributeValues": {"values": {&*attribute: "High Street"}}})),
    ];
    for (part, body) in &changes {
        let at = format!("{path}/{part}");
        let stale = get(&world, &draft).header("etag").unwrap().to_owned();
        assert_eq!(get(&world, &at).header("etag"), Some(&*stale), "{part}");
        let changed = if_match(&world, &stale, "PATCH", &at, body);
        assert!(matches!(changed.status, 200 | 204), "{part}: {}", changed.text);
        let fresh = get(&world, &draft);
        assert_eq!(changed.header("etag"), fresh.header("etag"), "{part}");
        assert_ne!(changed.header("etag"), Some(&*stale), "{part}");
        let refused = if_match(&world, &stale, "PATCH", &at, body);
        assert_eq!(refused.error(), error(412, "PRECONDITION_FAILED", ""), "{part}");
        assert_eq!(get(&world, &draft).text, fresh.text, "{part}");
    }
    let config = get(&world, &draft).json();
    assert_eq!(config["instructions"]["behavior"], "Be kind.");
    assert_eq!(config["topics"][0]["content"], "10");
    assert_eq!(config["siteAttributes"][0]["name"], "Street");
    assert_eq!(config["siteVariants"][0]["values"][&attribute], "High Street");
    assert_eq!(get(&world, "/draft").json().get("topics"), None, "main has nothing of it");
}

#[test]
fn behavior_is_one_text() {
    let world = world();
    let path = format!("{MAIN}/behavior");
    assert_eq!(get(&world, &path).json(), json!({"behavior": ""}));
    let patched = ask(&world, "PATCH", &path, json!({"behavior": "Be kind."}));
    assert_eq!((patched.status, patched.json()), (200, json!({"behavior": "Be kind."})));
    assert_eq!(get(&world, "/draft").json()["instructions"]["behavior"], "Be kind.");
    for (body, field) in [
        (json!({}), "behavior"),
        (json!({"behavior": ""}), "behavior"),
        (json!({"behavior": 1}), "behavior"),
        (json!({"behavior": "é".repeat(600_000)}), "behavior"),
        (json!({"behavior": "x".repeat(5 << 20)}), "behavior"),
        (json!({"behavior": "x", "colour": 1}), "colour"),
    ] {
        assert_eq!(ask(&world, "PATCH", &path, body).error(), error(400, "VALIDATION_FAILED", field));
    }
    let long = json!({"name": "Desk", "instructions": {"systemPrompt": "x".repeat(5 << 20)}});
    let refused = error(400, "VALIDATION_FAILED", "instructions.systemPrompt");
    assert_eq!(ask(&world, "PUT", "/draft", long).error(), refused);
}

#[test]
fn topics_are_made_changed_and_deleted() {
    let world = world();
    let path = format!("{MAIN}/knowledge-base/topics");
    assert_eq!(get(&world, &path).json(), json!([]));
    let body = json!({"name": "Hours", "content": "9 to 5", "actions": "Say so.", "exampleQueries": {"queries": ["When?"]}, "isActive": false});
    let reply = post(&world, &path, body.clone());
    let id = text(&reply, "id");
    assert_eq!((reply.status, id.len(), &id[..7]), (201, 15, "TOPICS-"));
    let mut topic = body;
    topic["id"] = json!(id);
    assert_eq!(reply.json(), topic);
    let bare = post(&world, &path, json!({"name": "Fees", "content": ""})).json();
    let expected = json!({"id": bare["id"], "name": "Fees", "content": "", "actions": "", "exampleQueries": {"queries": []}, "isActive": true});
    assert_eq!(bare, expected);
    let one = format!("{path}/{id}");
    let patched = ask(&world, "PATCH", &one, json!({"content": "10 to 4", "isActive": true}));
    assert_eq!((patched.status, patched.text.as_str()), (204, ""));
    topic["content"] = json!("10 to 4");
    topic["isActive"] = json!(true);
    assert_eq!(get(&world, &one).json(), topic);
    assert_eq!(get(&world, &path).json(), json!([topic, bare]));
    assert_eq!(ask(&world, "PATCH", &one, json!({"name": "Hours"})).status, 204, "its own name is free");
    let taken = error(409, "KNOWLEDGE_BASE_TOPIC_ALREADY_EXISTS", "name");
    assert_eq!(post(&world, &path, json!({"name": "Hours", "content": "x"})).error(), taken);
    assert_eq!(ask(&world, "PATCH", &one, json!({"name": "Fees"})).error(), taken);
    assert_eq!(ask(&world, "DELETE", &one, Value::Null).status, 204);
    for method in ["GET", "PATCH", "DELETE"] {
        assert_eq!(ask(&world, method, &one, Value::Null).error(), error(404, "NOT_FOUND", ""), "{method}");
    }
}

#[test]
fn a_topic_at_fault_is_told_field_by_field_under_its_own_code() {
    let world = world();
    let path = format!("{MAIN}/knowledge-base/topics");
    let id = made(&world, &path, json!({"name": "Hours", "content": "9"}));
    for (body, field) in [
        (json!({"content": "x"}), "name"),
        (json!({"name": "x"}), "content"),
        (json!({"name": "", "content": "x"}), "name"),
        (json!({"name": "a\nb", "content": "x"}), "name"),
        (json!({"name": "x", "content": 1}), "content"),
        (json!({"name": "x", "content": "x", "exampleQueries": ["a"]}), "exampleQueries"),
        (json!({"name": "x", "content": "x", "exampleQueries": {}}), "exampleQueries.queries"),
        (
            json!({"name": "x", "content": "x", "exampleQueries": {"queries": [1]}}),
            "exampleQueries.queries[0]",
        ),
        (
            json!({"name": "x", "content": "x", "exampleQueries": {"queries": vec!["a"; 101]}}),
            "exampleQueries.queries",
        ),
        (json!({"name": "x", "content": "x", "id": "TOPICS-1"}), "id"),
    ] {
        let reply = post(&world, &path, body.clone());
        assert_eq!(reply.error(), error(400, "KNOWLEDGE_BASE_TOPICS_INVALID", field), "{body}");
    }
    let bad = ask(&world, "PATCH", &format!("{path}/{id}"), json!({"colour": 1}));
    assert_eq!(bad.error(), error(400, "KNOWLEDGE_BASE_TOPICS_INVALID", "colour"));
    assert_eq!(get(&world, &path).json().as_array().unwrap().len(), 1);
}

#[test]
fn attributes_go_with_what_sites_say_of_them() {
    let world = world();
    let (attributes, variants) = (format!("{MAIN}/attributes"), format!("{MAIN}/variants"));
    assert_eq!(get(&world, &attributes).json(), json!({"attributes": []}));
    let address = made(&world, &attributes, json!({"name": "Address"}));
    let hours = made(&world, &attributes, json!({"name": "Hours"}));
    assert_eq!((address.len(), &address[..10]), (18, "ATTRIBUTE-"));
    let values = json!({"values": {&*address: "High Street", &*hours: "9 to 5"}});
    let north = made(&world, &variants, json!({"name": "North", "attributeValues": values}));
    let one = format!("{attributes}/{address}");
    let renamed = ask(&world, "PATCH", &one, json!({"name": "Street"}));
    assert_eq!((renamed.status, renamed.json()), (200, json!({"id": address, "name": "Street"})));
    assert_eq!(get(&world, &one).json(), renamed.json());
    let taken = ask(&world, "PATCH", &one, json!({"name": "Hours"}));
    assert_eq!(taken.error(), error(400, "VALIDATION_FAILED", "name"));
    for body in [json!({}), json!({"name": ""}), json!({"name": 1})] {
        assert_eq!(post(&world, &attributes, body).error(), error(400, "VALIDATION_FAILED", "name"));
    }
    let unknown = post(&world, &attributes, json!({"name": "x", "colour": 1}));
    assert_eq!(unknown.error(), error(400, "VALIDATION_FAILED", "colour"));
    let gone = ask(&world, "DELETE", &one, Value::Null);
    assert_eq!((gone.status, gone.json()), (200, json!({"id": address})));
    let site = get(&world, &format!("{variants}/{north}")).json();
    assert_eq!(site["attributeValues"], json!({"values": {&*hours: "9 to 5"}}));
    let listed = get(&world, &attributes).json();
    assert_eq!(listed, json!({"attributes": [{"id": hours, "name": "Hours"}]}));
    for method in ["GET", "PATCH", "DELETE"] {
        let body = if method == "PATCH" { json!({"name": "x"}) } else { Value::Null };
        assert_eq!(ask(&world, method, &one, body).error(), error(404, "NOT_FOUND", ""), "{method}");
    }
    for n in 1..50 {
        made(&world, &attributes, json!({"name": format!("Attribute {n}")}));
    }
    let full = post(&world, &attributes, json!({"name": "One more"}));
    assert_eq!(full.error(), error(400, "VALIDATION_FAILED", "attributes"));
}

#[test]
fn the_first_site_variant_is_the_default_until_another_one_is_made_so() {
    let world = world();
    let path = format!("{MAIN}/variants");
    assert_eq!(get(&world, &path).json(), json!({"variants": []}));
    let defaults = || -> Vec<Value> {
        let listed = get(&world, &path).json()["variants"].as_array().unwrap().clone();
        listed.into_iter().filter(|it| it["isDefault"] == true).map(|it| it["name"].clone()).collect()
    };
    let first = post(&world, &path, json!({"name": "North", "isDefault": false}));
    let north = format!("{path}/{}", text(&first, "id"));
    let whole = json!({"id": text(&first, "id"), "name": "North", "isDefault": true, "attributeValues": {"values": {}}});
    assert_eq!((first.status, first.json()), (201, whole));
    let south = format!("{path}/{}", made(&world, &path, json!({"name": "South"})));
    assert_eq!(defaults(), ["North"]);
    let moved = ask(&world, "PATCH", &south, json!({"isDefault": true}));
    assert_eq!((moved.status, &moved.json()["isDefault"]), (200, &json!(true)));
    assert_eq!(defaults(), ["South"]);
    made(&world, &path, json!({"name": "West", "isDefault": true}));
    assert_eq!(defaults(), ["West"]);
    ask(&world, "PATCH", &south, json!({"isDefault": true}));
    let refused = |method: &str, field: &str, body: Value| {
        let reply = ask(&world, method, &south, body);
        assert_eq!(reply.error(), error(400, "VARIANTS_REMOVE_DEFAULT_ERROR", field));
    };
    refused("DELETE", "variant", Value::Null);
    refused("PATCH", "isDefault", json!({"isDefault": false}));
    assert_eq!(ask(&world, "PATCH", &north, json!({"isDefault": false})).status, 200);
    assert_eq!(defaults(), ["South"]);
    let listed = get(&world, &path).json()["variants"].as_array().unwrap().clone();
    for site in listed.iter().filter(|site| site["name"] != "South") {
        let gone = ask(&world, "DELETE", &format!("{path}/{}", site["id"].as_str().unwrap()), Value::Null);
        assert_eq!((gone.status, gone.json()), (200, json!({"id": site["id"]})));
    }
    assert_eq!(ask(&world, "PATCH", &south, json!({"isDefault": false})).json()["isDefault"], true);
    assert_eq!(ask(&world, "DELETE", &south, Value::Null).status, 200, "the last one may go");
    for method in ["GET", "PATCH", "DELETE"] {
        assert_eq!(ask(&world, method, &south, Value::Null).error(), error(404, "NOT_FOUND", ""), "{method}");
    }
}

#[test]
fn a_site_variant_has_a_name_of_its_own_and_values_of_attributes_that_there_are() {
    let world = world();
    let path = format!("{MAIN}/variants");
    let address = made(&world, &format!("{MAIN}/attributes"), json!({"name": "Address"}));
    let hours = made(&world, &format!("{MAIN}/attributes"), json!({"name": "Hours"}));
    let values = |values: Value| json!({"name": "South", "attributeValues": {"values": values}});
    let north = made(&world, &path, json!({"name": "North"}));
    let south = format!("{path}/{}", made(&world, &path, values(json!({&*address: "a", &*hours: "b"}))));
    let patched = ask(&world, "PATCH", &south, values(json!({&*address: "c"}))).json();
    assert_eq!(patched["attributeValues"]["values"], json!({&*address: "c", &*hours: "b"}));
    let patched = ask(&world, "PATCH", &south, values(json!({&*hours: null}))).json();
    assert_eq!(patched["attributeValues"]["values"], json!({&*address: "c"}));
    for name in ["North", "South"] {
        let taken = post(&world, &path, json!({"name": name}));
        assert_eq!(taken.error(), error(409, "VARIANTS_DUPLICATE_NAME_ERROR", "name"));
    }
    let taken = ask(&world, "PATCH", &south, json!({"name": "North"}));
    assert_eq!(taken.error(), error(409, "VARIANTS_DUPLICATE_NAME_ERROR", "name"));
    let bad = error(400, "VARIANTS_BAD_ATTRIBUTES_ERROR", "attributeValues.values.ATTRIBUTE-1");
    let unknown = json!({"name": "West", "attributeValues": {"values": {"ATTRIBUTE-1": "x"}}});
    assert_eq!(post(&world, &path, unknown.clone()).error(), bad);
    assert_eq!(ask(&world, "PATCH", &format!("{path}/{north}"), unknown).error(), bad);
    let long = format!("attributeValues.values.{address}");
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "x", "isDefault": "yes"}), "isDefault"),
        (json!({"name": "x", "attributeValues": {}}), "attributeValues.values"),
        (json!({"name": "x", "attributeValues": {"values": []}}), "attributeValues.values"),
        (json!({"name": "x", "attributeValues": {"values": {"a": 1}}}), "attributeValues.values.a"),
        (json!({"name": "x", "attributeValues": {"values": {&*address: "x".repeat(10_001)}}}), &long),
        (json!({"name": "x", "id": "VARIANT-1"}), "id"),
    ] {
        let reply = post(&world, &path, body.clone());
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field), "{body}");
    }
}

#[test]
fn there_are_at_most_a_thousand_site_variants() {
    let world = world();
    let sites = |count: usize| -> Value {
        let sites = (0..count).map(|n| json!({"id": format!("VARIANT-{n}"), "name": format!("Site {n}")}));
        json!({"name": "Desk", "siteVariants": sites.collect::<Vec<_>>()})
    };
    let many = ask(&world, "PUT", "/draft", sites(1_001));
    assert_eq!(many.error(), error(400, "VALIDATION_FAILED", "siteVariants"));
    assert_eq!(ask(&world, "PUT", "/draft", sites(1_000)).status, 200);
    let more = post(&world, &format!("{MAIN}/variants"), json!({"name": "One more"}));
    assert_eq!(more.error(), error(400, "VALIDATION_FAILED", "variants"));
    assert_eq!(get(&world, &format!("{MAIN}/variants")).json()["variants"].as_array().unwrap().len(), 1_000);
}

#[test]
fn of_a_hundred_who_edit_at_once_none_loses_what_they_wrote() {
    let world = world();
    let path = branch(&world, "Busy");
    let request = |n: usize| {
        let (part, body) = match n % 2 {
            0 => ("knowledge-base/topics", json!({"name": format!("Topic {n}"), "content": "x"})),
            _ => ("variants", json!({"name": format!("Site {n}")})),
        };
        let request = Request::builder().method("POST").uri(format!("/v1/agents/desk{path}/{part}"));
        request.header("x-api-key", "admin").body(body.to_string().into()).unwrap()
    };
    assert_eq!(world.send_all((0..200).map(request).collect()), [201; 200]);
    let names = |list: &Value| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&get(&world, &format!("{path}/knowledge-base/topics")).json()).len(), 100);
    assert_eq!(names(&get(&world, &format!("{path}/variants")).json()["variants"]).len(), 100);
}

#[test]
fn an_id_that_no_such_thing_can_have_is_malformed() {
    let world = world();
    let long = "x".repeat(1_000);
    for bad in ["a%2Fb", "a.b", "..%2F..", "%C3%A4", "a%20b", &long] {
        for path in [
            format!("/branches/{bad}/behavior"),
            format!("/branches/{bad}/knowledge-base/topics"),
            format!("/branches/{bad}/variants/VARIANT-1"),
            format!("{MAIN}/knowledge-base/topics/{bad}"),
            format!("{MAIN}/attributes/{bad}"),
            format!("{MAIN}/variants/{bad}"),
        ] {
            assert_eq!(get(&world, &path).status, 422, "{path}");
        }
        assert_eq!(ask(&world, "DELETE", &format!("/branches/{bad}"), Value::Null).status, 422, "{bad}");
        assert_eq!(world.get(&format!("/v1/agents/{bad}/branches")).status, 422, "{bad}");
    }
    for part in ["behavior", "knowledge-base/topics", "attributes", "variants", "variants/VARIANT-1"] {
        let nowhere = get(&world, &format!("/branches/BRANCH-00000000/{part}"));
        assert_eq!(nowhere.error(), error(404, "BRANCH_NOT_FOUND", ""), "{part}");
        let nobody = world.get(&format!("/v1/agents/nobody/branches/main/{part}"));
        assert_eq!(nobody.error(), error(404, "PROJECT_NOT_FOUND", ""), "{part}");
    }
    // What a draft has is found by whatever id it has.
    let odd = json!({"name": "Desk", "topics": [{"id": "ä/b.c", "name": "Odd"}]});
    assert_eq!(ask(&world, "PUT", "/draft", odd).status, 200);
    let found = get(&world, &format!("{MAIN}/knowledge-base/topics/%C3%A4%2Fb.c"));
    assert_eq!((found.status, &found.json()["name"]), (200, &json!("Odd")));
}

#[test]
fn a_credential_in_clear_is_refused_in_every_draft() {
    let world = world();
    let path = branch(&world, "Tools");
    let tool =
        |config: Value| json!({"tools": [{"id": "t", "name": "Book", "kind": "http", "config": config}]});
    for draft in ["/draft".to_owned(), format!("/draft?branch={}", path.rsplit('/').next().unwrap())] {
        let clear = ask(&world, "PATCH", &draft, tool(json!({"headers": {"Authorization": "Bearer abc"}})));
        let refused = error(400, "VALIDATION_FAILED", "tools[0].config.headers.Authorization");
        assert_eq!(clear.error(), refused);
        assert!(!clear.text.contains("Bearer abc"), "{}", clear.text);
        let named = tool(json!({"headers": {"Authorization": {"secret": "booking"}}}));
        assert_eq!(ask(&world, "PATCH", &draft, named).status, 200);
    }
}

#[test]
fn what_is_published_and_restored_differs_in_nothing() {
    let world = world();
    made(&world, &format!("{MAIN}/variants"), json!({"name": "North"}));
    made(&world, &format!("{MAIN}/knowledge-base/topics"), json!({"name": "Hours", "content": "9"}));
    let published = post(&world, "/deployments/publish", json!({})).json();
    let deployment = published["deployment"]["id"].as_str().unwrap().to_owned();
    ask(&world, "PATCH", "/draft", json!({"topics": null, "description": "later"}));
    let same = |from: &str, to: &str| {
        let compared = get(&world, &format!("/compare?from={from}&to={to}")).json();
        (compared["hasChanges"] == false, compared["from"]["version"].clone())
    };
    assert_eq!(same(&deployment, "draft"), (false, json!(1)));
    assert_eq!(post(&world, "/versions/V1/restore", Value::Null).status, 200);
    for side in ["V1", "sandbox", "main", &deployment] {
        assert!(same(side, "draft").0, "{side}");
    }
    let absent = get(&world, "/compare?from=draft&to=019b76da-a800-7000-8000-000000000007");
    assert_eq!(absent.error(), error(400, "VALIDATION_FAILED", "to"));
}

#[test]
fn a_long_text_is_compared_line_by_line() {
    let world = world();
    ask(&world, "PATCH", "/draft", json!({"instructions": {"systemPrompt": "Be kind.\nBe quick."}}));
    let path = branch(&world, "Slow");
    let id = path.rsplit('/').next().unwrap();
    let slow = json!({"description": "x", "instructions": {"systemPrompt": "Be kind.\nBe slow."}});
    ask(&world, "PATCH", &format!("/draft?branch={id}"), slow);
    let sections = get(&world, &format!("/compare?from=draft&to={id}")).json()["sections"].clone();
    let ops = |change: &Value| -> Vec<Value> {
        let lines = change["diff"].as_array().into_iter().flatten();
        lines.map(|line| json!([line["op"], line["text"]])).collect()
    };
    assert_eq!(ops(&sections[0]["changes"][0]), [""; 0], "a short text has no lines");
    assert_eq!(
        ops(&sections[1]["changes"][0]),
        [json!(["equal", "Be kind.\n"]), json!(["delete", "Be quick."]), json!(["insert", "Be slow."])]
    );
}

#[test]
fn an_account_may_protect_main_and_only_main() {
    let world = world();
    let path = branch(&world, "Summer");
    assert_eq!(post(&world, "/versions", json!({"name": "first"})).status, 201);
    let settings = json!({"settings": {"protected_main": true}});
    assert_eq!(world.admin("PATCH", "/v1/accounts/ws-1", settings).status, 200);
    let before = get(&world, "/draft");
    for (method, path, body) in [
        ("PUT", "/draft", json!({"name": "Desk"})),
        ("PATCH", "/draft?branch=main", json!({"description": "x"})),
        ("DELETE", "/draft", Value::Null),
        ("POST", "/versions/V1/restore", Value::Null),
        ("PATCH", "/branches/main/behavior", json!({"behavior": "x"})),
        ("POST", "/branches/main/knowledge-base/topics", json!({"name": "x", "content": "x"})),
        ("POST", "/branches/main/attributes", json!({"name": "x"})),
        ("POST", "/branches/main/variants", json!({"name": "x"})),
    ] {
        assert_eq!(
            ask(&world, method, path, body).error(),
            error(409, "BRANCH_PROTECTED", ""),
            "{method} {path}"
        );
    }
    assert_eq!(get(&world, "/draft").header("etag"), before.header("etag"));
    assert_eq!(ask(&world, "PATCH", &format!("{path}/behavior"), json!({"behavior": "x"})).status, 200);
}
