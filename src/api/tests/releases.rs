//! Drafts, versions and deployments, from a new agent to a rollback.

use serde_json::{Value, json};

use super::world::{Reply, World, error};

/// Makes the agent `desk`.
fn made(world: &World) {
    let body = json!({
        "name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "Hello"},
        "voiceSettings": {"voiceId": "anna"}, "llmSettings": {"modelId": "m-1"},
    });
    let reply = world.admin("POST", "/v1/agents", body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!((&reply.json()["agentId"], &reply.json()["agentName"]), (&json!("desk"), &json!("Desk")));
}

fn post(world: &World, path: &str, body: Value) -> Reply {
    world.admin("POST", &format!("/v1/agents/desk{path}"), body)
}

fn draft(world: &World, method: &str, body: Value) -> Reply {
    world.admin(method, "/v1/agents/desk/draft", body)
}

fn prompt(world: &World, text: &str) {
    let reply = draft(world, "PATCH", json!({"instructions": {"systemPrompt": text}}));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn id(reply: &Reply) -> String {
    reply.json()["deployment"]["id"].as_str().unwrap_or_else(|| panic!("{}", reply.text)).to_owned()
}

fn fields(reply: &Reply) -> Vec<String> {
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_version_goes_from_the_draft_to_live_and_back() {
    let world = World::new();
    made(&world);
    let published = post(&world, "/deployments/publish", Value::Null);
    assert_eq!(published.status, 201, "{}", published.text);
    let deployment = &published.json()["deployment"];
    assert_eq!(deployment["environment"], "sandbox");
    assert_eq!(
        deployment["metadata"],
        json!({"deployment_message": "", "deployment_type": "publish", "version_number": 1, "version_name": "V1"})
    );
    assert_eq!(published.json()["testRunIds"], json!([]));
    let again = post(&world, "/deployments/publish", json!({}));
    assert_eq!(again.error(), error(409, "DEPLOYMENTS_ALREADY_PUBLISHED", ""));
    assert_eq!(again.json()["data"]["has_changes"], false);
    let rehearsed = post(&world, &format!("/deployments/{}/promote", id(&published)), json!({}));
    assert_eq!(
        (rehearsed.status, &rehearsed.json()["deployment"]["environment"]),
        (200, &json!("pre-release"))
    );
    let live = post(&world, &format!("/deployments/{}/promote", id(&rehearsed)), json!({"unknown": 1}));
    assert_eq!(live.json()["deployment"]["metadata"]["deployment_type"], "promotion");
    prompt(&world, "two");
    let body = json!({"environment": "live", "versionName": "Two", "deploymentMessage": "better"});
    let second = post(&world, "/deployments/publish", body);
    assert_eq!(second.json()["deployment"]["metadata"]["version_name"], "Two");
    let history = world.get("/v1/agents/desk/deployments?environment=live").json();
    let numbers: Vec<_> = history["deployments"].as_array().unwrap().iter().collect();
    let numbers: Vec<_> = numbers.iter().map(|it| it["metadata"]["version_number"].clone()).collect();
    assert_eq!(numbers, [2, 1]);
    let back = post(&world, &format!("/deployments/{}/rollback", id(&live)), json!({}));
    assert_eq!((back.status, &back.json()["deployment"]["metadata"]["version_number"]), (200, &json!(1)));
    let nothing = post(&world, &format!("/deployments/{}/rollback", id(&live)), json!({}));
    assert_eq!((nothing.status, id(&nothing), nothing.revision()), (200, id(&back), back.revision()));
    let active = world.get("/v1/agents/desk/deployments/active").json();
    assert_eq!(active["activeDeployments"]["live"]["id"], id(&back));
    assert_eq!(active["activeDeployments"]["pre-release"]["metadata"]["version_number"], 1);
    let versions = world.get("/v1/agents/desk/versions").json();
    assert_eq!(versions["versions"][2]["environments"], json!(["sandbox", "pre-release", "live"]));
}

#[test]
fn the_draft_is_read_whole_and_changed_whole_or_in_part() {
    let world = World::new();
    made(&world);
    let first = draft(&world, "GET", Value::Null);
    let given = json!({
        "name": "Desk", "instructions": {"welcomeMessage": "Hello"}, "voice": {"ttsVoiceId": "anna"},
        "llm": {"model": "m-1"},
    });
    assert_eq!(first.json(), given);
    let put = draft(&world, "PUT", json!({"name": "Front desk", "llm": {"temperature": 1}}));
    assert_eq!((put.status, &put.json()["llm"]), (200, &json!({"temperature": 1})));
    assert_ne!(put.header("etag"), first.header("etag"));
    assert_eq!(world.get("/v1/agents").json()[0]["agentName"], "Front desk");
    let patched = draft(&world, "PATCH", json!({"llm": null, "description": "x"}));
    assert_eq!(patched.json(), json!({"name": "Front desk", "description": "x"}));
    let bad = draft(&world, "PATCH", json!({"llm": {"temperature": 9, "model": 3}, "colour": 1}));
    assert_eq!((bad.status, fields(&bad).len()), (400, 3), "{}", bad.text);
    assert_eq!(draft(&world, "GET", Value::Null).header("etag"), patched.header("etag"));
    assert_eq!(draft(&world, "DELETE", Value::Null).error(), error(409, "NO_VERSION", ""));
    let saved = post(&world, "/versions", json!({"name": "first"}));
    assert_eq!(
        (saved.status, &saved.json()["number"], &saved.json()["name"]),
        (201, &json!(1), &json!("first"))
    );
    let again = post(&world, "/versions", json!({"name": "x"}));
    assert_eq!(again.error(), error(409, "VERSION_ALREADY_SAVED", ""));
    prompt(&world, "two");
    let reverted = draft(&world, "DELETE", Value::Null);
    assert_eq!((reverted.status, reverted.json()), (200, patched.json()));
    prompt(&world, "three");
    let restored = post(&world, "/versions/V1/restore", Value::Null);
    assert_eq!((restored.status, restored.json()), (200, patched.json()));
    assert_eq!(world.get("/v1/agents/desk/compare?from=V1&to=draft").json()["hasChanges"], false);
}

#[test]
fn agents_are_made_copied_and_deleted() {
    let world = World::new();
    made(&world);
    let body = |id: &str, language: &str| json!({"name": "x", "agentId": id, "responseSettings": {"greeting": "Hi", "languageCode": language}});
    let taken = world.admin("POST", "/v1/agents", body("desk", "en-GB"));
    assert_eq!(taken.error(), error(409, "PROJECT_ID_ALREADY_EXISTS", ""));
    let bad = json!({"name": "x", "agentId": "a/b", "responseSettings": {}, "colour": 1});
    let bad = world.admin("POST", "/v1/agents", bad);
    assert_eq!(fields(&bad), ["agentId", "responseSettings.greeting", "colour"]);
    let bad = world.admin("POST", "/v1/agents", body("ä", "en-GB"));
    assert_eq!(bad.error(), error(400, "PROJECT_ID_INVALID", "agentId"));
    let reserved = world.admin("POST", "/v1/agents", body("import", "en-GB"));
    assert_eq!(reserved.error(), error(400, "PROJECT_ID_INVALID", "agentId"));
    let bad = world.admin("POST", "/v1/accounts/ws-1/agents", body("x", "?"));
    assert_eq!(bad.error(), error(400, "VALIDATION_FAILED", "responseSettings.languageCode"));
    let copy = post(&world, "/duplicate", json!({"newAgentName": "Copy"})).json();
    assert!(copy["agentId"].as_str().unwrap().starts_with("PROJECT-"), "{copy}");
    let path = format!("/v1/agents/{}", copy["agentId"].as_str().unwrap());
    assert_eq!(world.get(&format!("{path}/draft")).json()["name"], "Copy");
    assert_eq!(world.admin("DELETE", &path, Value::Null).status, 204);
    assert_eq!(world.admin("DELETE", &path, Value::Null).error(), error(404, "PROJECT_NOT_FOUND", ""));
    assert_eq!(world.get("/v1/accounts/ws-1/agents").json(), world.get("/v1/agents").json());
    assert_eq!(world.get("/v1/accounts/ws-2/agents").error(), error(404, "ACCOUNT_NOT_FOUND", ""));
}

#[test]
fn deployments_are_refused_by_name() {
    let world = World::new();
    made(&world);
    let invalid = error(400, "DEPLOYMENTS_INVALID_ENVIRONMENT", "environment");
    assert_eq!(post(&world, "/deployments/publish", json!({"environment": "production"})).error(), invalid);
    assert_eq!(world.get("/v1/agents/desk/deployments").error(), invalid);
    assert_eq!(world.get("/v1/agents/desk/deployments?environment=Live").error(), invalid);
    let published = post(&world, "/deployments/publish", json!({"environment": "live"}));
    let other = format!("/v1/agents/sales/deployments/{}/rollback", id(&published));
    assert_eq!(world.admin("POST", &other, Value::Null).error(), error(404, "DEPLOYMENT_NOT_FOUND", ""));
    let body = json!({"targetEnvironment": "sandbox"});
    let backwards = post(&world, &format!("/deployments/{}/promote", id(&published)), body);
    assert_eq!(backwards.error(), error(400, "DEPLOYMENTS_INVALID_ENVIRONMENT", "targetEnvironment"));
    assert_eq!(post(&world, "/deployments/x/promote", Value::Null).status, 422);
    let files = world.get("/v1/agents/sales/deployments?environment=live").json();
    assert_eq!(files["deployments"][0]["createdBy"], "files");
    let theirs = world.admin("POST", "/v1/agents/sales/deployments/publish", Value::Null);
    assert_eq!(theirs.error(), error(409, "MANAGED_BY_FILES", ""));
}
