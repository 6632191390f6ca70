//! What a publish, a promotion or a rollback would come to, asked without doing it.

use serde_json::{Value, json};

use super::world::{Reply, World, error, key};
use crate::domain::account::Permission;
use crate::domain::command::{Action, Author};

fn post(world: &World, path: &str, body: Value) -> Reply {
    world.admin("POST", &format!("/v1/agents/desk/deployments/{path}"), body)
}

fn prompt(world: &World, text: &str) {
    let body = json!({"instructions": {"systemPrompt": text}});
    assert_eq!(world.admin("PATCH", "/v1/agents/desk/draft", body).status, 200);
}

/// The agent `desk` with V1 in sandbox and live, and another draft since.
fn world() -> (World, String) {
    let world = World::new();
    let body = json!({"name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "Hello"}});
    assert_eq!(world.admin("POST", "/v1/agents", body).status, 200);
    assert_eq!(post(&world, "publish", Value::Null).status, 201);
    let live = post(&world, "publish", json!({"environment": "live"}));
    prompt(&world, "two");
    (world, live.json()["deployment"]["id"].as_str().unwrap().to_owned())
}

#[test]
fn a_dry_run_shows_what_would_serve_and_what_differs_and_changes_nothing() {
    let (world, first) = world();
    let before = (world.control.state().revision, world.get("/v1/agents/desk/versions").text);
    let told = post(&world, "publish?dryRun=true", json!({"environment": "live", "versionName": "Two"}));
    assert_eq!(told.status, 200, "{}", told.text);
    let json = told.json();
    assert_eq!(
        (&json["dryRun"], &json["hasChanges"], &json["numbers"]),
        (&json!(true), &json!(true), &json!(0))
    );
    assert_eq!(json["deployment"]["environment"], "live");
    assert_eq!(json["deployment"]["metadata"]["version_number"], 2);
    assert_eq!(json["deployment"]["metadata"]["version_name"], "Two");
    let change = json!({"path": "instructions.systemPrompt", "type": "modify", "from": "", "to": "two"});
    assert_eq!(json["sections"], json!([{"section": "instructions", "changes": [change]}]));
    let sandbox =
        world.get("/v1/agents/desk/deployments/active").json()["activeDeployments"]["sandbox"].clone();
    let promoted =
        post(&world, &format!("{}/promote?dryRun=true", sandbox["id"].as_str().unwrap()), Value::Null);
    assert_eq!(promoted.json()["deployment"]["environment"], "pre-release");
    assert_eq!(promoted.json()["hasChanges"], true, "nothing served there");
    assert_eq!(promoted.json()["sections"][0]["changes"][0]["to"], "Hello");
    let back = post(&world, &format!("{first}/rollback?dryRun=true"), Value::Null).json();
    assert_eq!(
        (&back["hasChanges"], &back["sections"], &back["deployment"]["id"]),
        (&json!(false), &json!([]), &json!(first))
    );
    assert_eq!((world.control.state().revision, world.get("/v1/agents/desk/versions").text), before);
    assert_eq!(post(&world, "publish?dryRun=false", Value::Null).status, 201);
    for path in ["publish".to_owned(), format!("{first}/rollback"), format!("{first}/promote")] {
        let misplaced = post(&world, &path, json!({"dryRun": true}));
        assert_eq!(misplaced.error(), error(400, "VALIDATION_FAILED", "dryRun"), "{path}");
    }
    let wrong = post(&world, "publish?dryRun=yes", Value::Null);
    assert_eq!(wrong.error(), error(400, "VALIDATION_FAILED", "dryRun"));
}

#[test]
fn whatever_leads_to_the_environment_is_counted_once_and_only_if_it_is_seen() {
    let (world, _) = world();
    let put = |path: &str, body: Value| assert_eq!(world.admin("PUT", path, body).status, 200, "{path}");
    world.route("+14155550100", "desk", "live");
    world.route("+14155550101", "desk", "V1");
    let rule = json!([{"header": "X", "equals": "1", "agentId": "desk", "pin": "live"}]);
    put("/v1/numbers/+14155550102", json!({"agentId": "reception", "pin": "V1", "headerRules": rule}));
    let arms = json!([{"id": "a", "agentId": "desk", "pin": "live", "weight": 1},
        {"id": "b", "agentId": "sales", "pin": "V1", "weight": 1}]);
    let split = json!({"id": "spring", "arms": arms, "scope": {"numbers": ["+14155550103"]}});
    assert_eq!(world.admin("POST", "/v1/splits", split).status, 201);
    put("/v1/prefixes/+1415", json!({"agentId": "desk", "pin": "live"}));
    put("/v1/default-route", json!({"agentId": "desk", "pin": "sandbox"}));
    let ask = |key: &str, environment: &str| {
        let path = "/v1/agents/desk/deployments/publish?dryRun=true";
        let json = world.as_key(key, "POST", path, json!({"environment": environment})).json();
        [json["numbers"].clone(), json["prefixes"].clone(), json["defaultRoute"].clone()]
    };
    assert_eq!(ask("admin", "live"), [json!(3), json!(1), json!(false)]);
    assert_eq!(ask("admin", "sandbox"), [json!(0), json!(0), json!(true)]);
    let mut some = key("some", "ws-1", &Permission::ALL);
    some.agents = Some(vec!["desk".parse().unwrap()]);
    world.enact(Author::Console, Action::ReplaceKey(some));
    assert_eq!(ask("some", "live"), [json!(1), json!(1), json!(false)]);
}

#[test]
fn a_dry_run_is_refused_as_the_real_thing_would_be() {
    let (world, first) = world();
    assert_eq!(
        world.admin("PATCH", "/v1/agents/desk/draft", json!({"instructions": {"systemPrompt": null}})).status,
        200
    );
    let unknown = "019b76da-a800-7000-8000-000000000007";
    for (path, body) in [
        ("publish".to_owned(), json!({"environment": "live"})),
        ("publish".to_owned(), json!({"environment": "production"})),
        (format!("{first}/promote"), Value::Null),
        (format!("{first}/promote"), json!({"targetEnvironment": "sandbox"})),
        (format!("{unknown}/promote"), Value::Null),
        (format!("{unknown}/rollback"), Value::Null),
    ] {
        let real = post(&world, &path, body.clone());
        let rehearsed = post(&world, &format!("{path}?dryRun=true"), body);
        assert!(real.status >= 400, "{path}: {}", real.text);
        let told = |reply: &Reply| [&reply.json()["error"], &reply.json()["data"]].map(Value::clone);
        assert_eq!((rehearsed.error(), told(&rehearsed)), (real.error(), told(&real)), "{path}");
    }
    let theirs = world.admin("POST", "/v1/agents/sales/deployments/publish?dryRun=true", Value::Null);
    assert_eq!(theirs.error(), error(409, "MANAGED_BY_FILES", ""));
    world.enact(
        Author::Console,
        Action::ReplaceKey(key("editor", "ws-1", &[Permission::Read, Permission::Edit])),
    );
    let path = "/v1/agents/desk/deployments/publish?dryRun=true";
    assert_eq!(world.as_key("editor", "POST", path, Value::Null).status, 403);
}
