//! One agent as a document: out of one router, into another.

use serde_json::{Value, json};

use super::world::{World, error, key};
use crate::domain::account::Permission;
use crate::domain::command::{Action, Author};
use crate::domain::connector::CONNECTORS_MAX;

/// What is the same wherever it is exported.
fn content(text: &str) -> &str {
    text.split_once("\"agents\":").unwrap().1
}

/// The agent `desk` with two versions, of which the first is live, and another draft.
fn world() -> World {
    let world = World::new();
    let ask = |method: &str, path: &str, body: Value| {
        let reply = world.admin(method, path, body);
        assert!(reply.status < 300, "{path}: {}", reply.text);
    };
    let body = json!({"name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "Hello"}});
    ask("POST", "/v1/agents", body);
    ask(
        "POST",
        "/v1/agents/desk/deployments/publish",
        json!({"environment": "live", "deploymentMessage": "first"}),
    );
    for text in ["two", "three"] {
        ask("PATCH", "/v1/agents/desk/draft", json!({"instructions": {"systemPrompt": text}}));
        if text == "two" {
            ask("POST", "/v1/agents/desk/deployments/publish", json!({"versionName": "Two"}));
        }
    }
    world
}

#[test]
fn an_agent_goes_out_and_comes_in_as_it_was() {
    let world = world();
    let exported = world.get("/v1/agents/desk/export");
    assert_eq!(exported.status, 200);
    let document = exported.json();
    let agent = &document["agents"][0];
    assert_eq!(agent["environments"], json!({"sandbox": "V2", "live": "V1"}));
    assert_eq!(agent["draft"]["config"]["instructions"]["systemPrompt"], "three");
    let other = World::new();
    let imported = other.admin("POST", "/v1/agents/import", document.clone());
    assert_eq!((imported.status, &imported.json()["agentId"]), (200, &json!("desk")), "{}", imported.text);
    assert_eq!(content(&other.get("/v1/agents/desk/export").text), content(&exported.text));
    assert_eq!(other.get("/v1/agents/desk").json(), imported.json());
    assert_eq!(other.get("/v1/agents/desk/compare?from=live&to=V1").json()["hasChanges"], false);
    let again = other.admin("POST", "/v1/agents/import", document);
    assert_eq!(again.error(), error(409, "PROJECT_ID_ALREADY_EXISTS", ""));
    assert_eq!(other.control.state().revision.0, imported.revision());
}

#[test]
fn branches_go_along_with_what_they_were_made_of() {
    let world = world();
    let made = |name: &str| {
        let reply = world.admin("POST", "/v1/agents/desk/branches", json!({"branchName": name}));
        reply.json()["branchId"].as_str().unwrap().to_owned()
    };
    let (summer, winter) = (made("Summer"), made("Winter"));
    let edit = json!({"instructions": {"behavior": "polite"}});
    let draft = format!("/v1/agents/desk/draft?branch={summer}");
    assert_eq!(world.admin("PATCH", &draft, edit).status, 200);
    assert_eq!(
        world
            .admin("PATCH", "/v1/agents/desk/draft", json!({"instructions": {"systemPrompt": "four"}}))
            .status,
        200
    );
    let exported = world.get("/v1/agents/desk/export");
    let document = exported.json();
    let other = World::new();
    let rehearsed = other.admin("POST", "/v1/import?dryRun=true", document.clone());
    assert_eq!((rehearsed.status, other.get("/v1/agents/desk").status), (200, 404), "{}", rehearsed.text);
    assert_eq!(
        rehearsed.json()["changes"],
        json!(["agent desk is new", "desk sandbox is V2", "desk live is V1"])
    );
    assert_eq!(
        (&rehearsed.json()["reachesLive"], &rehearsed.json()["changed"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(other.admin("POST", "/v1/agents/import", document.clone()).status, 200);
    assert_eq!(content(&other.get("/v1/agents/desk/export").text), content(&exported.text));
    let branches = |world: &World| {
        let listed = world.get("/v1/agents/desk/branches").json()["branches"].clone();
        let listed = listed.as_array().unwrap().iter().map(Value::to_string);
        listed.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(branches(&other), branches(&world));
    let merge = format!("/v1/agents/desk/branches/{summer}/merge");
    assert_eq!(other.admin("POST", &merge, json!({})).status, 200);
    let merged = other.get("/v1/agents/desk/draft").json()["instructions"].clone();
    assert_eq!((&merged["systemPrompt"], &merged["behavior"]), (&json!("four"), &json!("polite")));
    let rehearsed = other.admin("POST", "/v1/import?dryRun=true", document.clone()).json();
    assert!(rehearsed["changes"].to_string().contains(&format!("branch {summer} of desk is another")));
    assert!(!rehearsed["changes"].to_string().contains(&winter));
    assert_eq!(world.admin("POST", "/v1/import", document.clone()).json()["changed"], false);

    let other = World::new();
    let faulty = |change: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document["agents"][0]["branches"]);
        other.admin("POST", "/v1/agents/import", document).error()
    };
    let fault = |field: &str| error(400, "VALIDATION_FAILED", &format!("agents[0].branches{field}"));
    assert_eq!(faulty(&|it| it[0]["id"] = json!("main")), fault("[0].id"));
    assert_eq!(faulty(&|it| it[0]["name"] = json!("")), fault("[0].name"));
    assert_eq!(faulty(&|it| it[0]["name"] = it[1]["name"].clone()), fault("[1].name"));
    assert_eq!(faulty(&|it| it[0]["id"] = it[1]["id"].clone()), fault(""));
    assert_eq!(faulty(&|it| it[1]["base"]["hash"] = json!("0".repeat(32))), fault("[1].base.hash"));
    assert_eq!(other.get("/v1/agents/desk").status, 404);
}

#[test]
fn a_copy_of_an_agent_takes_no_connector_from_it_nor_its_numbers() {
    let world = world();
    let numbers = "/v1/agents/desk/telephony/phone-numbers/+14155550177";
    assert_eq!(world.admin("POST", numbers, json!({})).status, 201);
    let mut copy = world.get("/v1/agents/desk/export").json();
    copy["agents"][0]["id"] = json!("copy");
    let connector = copy["agents"][0]["connectors"][0]["id"].as_str().unwrap().to_owned();
    let copied = world.admin("POST", "/v1/agents/import", copy);
    assert_eq!(copied.status, 200, "{}", copied.text);
    let of_copy = world.get("/v1/agents/copy/telephony/connectors").json();
    assert_eq!(of_copy["connectors"], json!([]));
    let gone = format!("/v1/agents/copy/telephony/connectors/{connector}");
    assert_eq!(world.admin("DELETE", &gone, json!({})).status, 404);
    assert_eq!(world.get(numbers).status, 200);
}

#[test]
fn connectors_that_come_in_are_held_to_what_the_api_holds_them() {
    let world = world();
    let numbers = "/v1/agents/desk/telephony/phone-numbers/+14155550177";
    assert_eq!(world.admin("POST", numbers, json!({})).status, 201);
    let document = world.get("/v1/agents/desk/export").json();
    let other = World::new();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document["agents"][0]["connectors"]);
        other.admin("POST", "/v1/agents/import", document)
    };
    let reply = with(&|connectors| {
        for (key, value) in
            [("name", ""), ("asrLanguage", "e n"), ("ttsLanguage", "-"), ("voiceName", &*"v".repeat(201))]
        {
            connectors[0][key] = json!(value);
        }
    });
    assert_eq!(reply.status, 400, "{}", reply.text);
    let mut fields: Vec<String> = reply.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["field"].as_str().unwrap().to_owned())
        .collect();
    fields.sort();
    let keys = ["asrLanguage", "name", "ttsLanguage", "voiceName"];
    assert_eq!(fields, keys.map(|key| format!("agents[0].connectors[0].{key}")));
    let reply = with(&|connectors| {
        let one = connectors[0].clone();
        let many = (0..=CONNECTORS_MAX).map(|n| {
            let mut another = one.clone();
            another["id"] = json!(format!("c-{n}"));
            another
        });
        *connectors = many.collect();
    });
    assert_eq!((reply.status, &reply.json()["errors"][0]["field"]), (400, &json!("agents[0].connectors")));
    assert_eq!(with(&|_| {}).status, 200);
}

#[test]
fn an_import_of_an_agent_is_of_one_agent_alone() {
    let world = world();
    let document = world.get("/v1/agents/desk/export").json();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut other = document.clone();
        other["agents"][0]["id"] = json!("other");
        change(&mut other);
        world.admin("POST", "/v1/agents/import", other)
    };
    let twice = |document: &mut Value| {
        let mut second = document["agents"][0].clone();
        second["id"] = json!("second");
        document["agents"].as_array_mut().unwrap().push(second);
    };
    let invalid = |field: &str| error(400, "VALIDATION_FAILED", field);
    assert_eq!(with(&twice).error(), invalid("agents"));
    assert_eq!(with(&|it| it["agents"] = json!([])).error(), invalid("agents"));
    assert_eq!(
        with(&|it| it["numbers"] = json!([{"number": "+14155550170", "agentId": "other"}])).error(),
        invalid("agents")
    );
    assert_eq!(with(&|it| it["agents"][0]["versions"][0]["hash"] = json!("0".repeat(32))).status, 400);
    let files = with(&|it| it["agents"][0]["id"] = json!("sales"));
    assert_eq!(files.error(), error(409, "PROJECT_ID_ALREADY_EXISTS", ""));
    world.enact(Author::Console, Action::ReplaceKey(key("editor", "ws-1", &[Permission::Edit])));
    let mut other = document.clone();
    other["agents"][0]["id"] = json!("other");
    assert_eq!(
        world.as_key("editor", "POST", "/v1/agents/import", other).status,
        403,
        "its environments come along"
    );
    assert_eq!(world.get("/v1/agents/other").status, 404);
    assert_eq!(with(&|_| ()).status, 200);
}

#[test]
fn what_a_document_says_that_nobody_knows_is_told_on_one_line_and_cut() {
    let long = "a\nb".repeat(1_000);
    let agent = json!({"id": "x", "name": "x", "createdAt": "2026-01-01T00:00:00.000Z", &*long: 1});
    let nowhere = json!({"id": "y", "name": "y", "createdAt": "2026-01-01T00:00:00.000Z", "environments": {&*long: "V1"}});
    let document = json!({"cordboard": 1, &*long: 1, "agents": [agent, nowhere]});
    let refused = World::new().admin("POST", "/v1/import", document).json();
    let faults = refused["errors"].as_array().unwrap();
    assert_eq!(faults.len(), 3, "{refused}");
    for text in faults.iter().flat_map(|fault| [&fault["field"], &fault["message"]]) {
        let text = text.as_str().unwrap();
        assert!(text.len() <= 1_000 && !text.contains('\n'), "{text}");
    }
}
