//! Merging a branch into `main`.

use hyper::Request;
use serde_json::{Value, json};

use super::world::{Reply, World, error, key};
use crate::domain::account::Permission;
use crate::domain::command::{Action, Author};

/// A world with the agent `desk`, which has a topic, and the id of a branch of it.
fn world() -> (World, String) {
    let world = World::new();
    let body = json!({"name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "Hello"}});
    assert_eq!(world.admin("POST", "/v1/agents", body).status, 200);
    let topic = json!({"id": "hours", "name": "Hours", "content": "Nine to five.\n\nDaily."});
    edit(&world, "main", json!({"topics": [topic]}));
    let id = branch(&world, "Summer");
    (world, id)
}

fn branch(world: &World, name: &str) -> String {
    let made = world.admin("POST", "/v1/agents/desk/branches", json!({"branchName": name}));
    made.json()["branchId"].as_str().unwrap_or_else(|| panic!("{}", made.text)).to_owned()
}

fn edit(world: &World, branch: &str, patch: Value) {
    let reply = world.admin("PATCH", &format!("/v1/agents/desk/draft?branch={branch}"), patch);
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn hours(content: &str) -> Value {
    json!({"topics": [{"id": "hours", "name": "Hours", "content": content}]})
}

fn merge(world: &World, branch: &str, body: Value) -> Reply {
    world.admin("POST", &path(branch), body)
}

fn path(branch: &str) -> String {
    format!("/v1/agents/desk/branches/{branch}/merge")
}

fn draft(world: &World) -> Value {
    world.get("/v1/agents/desk/draft").json()
}

#[track_caller]
fn message(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["sequence"], reply.revision().to_string());
    assert_eq!(reply.json()["testRunIds"], json!([]));
    reply.json()["message"].as_str().unwrap().to_owned()
}

/// `main` and the branch at odds over the topic's content.
fn at_odds() -> (World, String) {
    let (world, id) = world();
    edit(&world, "main", hours("Eight to five."));
    edit(&world, &id, hours("Ten to five."));
    (world, id)
}

fn resolving(resolutions: &Value) -> Value {
    json!({"conflictResolutions": resolutions})
}

#[test]
fn a_merge_keeps_what_both_did_publishes_it_and_says_what_else_goes_out() {
    let (world, id) = world();
    edit(&world, &id, json!({"description": "warm", "name": "Summer desk"}));
    let first = merge(&world, &id, json!({"deploymentMessage": "for summer"}));
    let all = "all of main goes out with it, since sandbox served nothing";
    let told = format!("branch {id} was merged into main of desk, and V1 published to sandbox; {all}");
    assert_eq!(message(&first), told);
    assert_eq!(world.get("/v1/agents").json()[0]["agentName"], "Summer desk");
    let active = world.get("/v1/agents/desk/deployments/active").json()["activeDeployments"].clone();
    assert_eq!(active["sandbox"]["metadata"]["deployment_message"], "for summer");
    assert_eq!((&active["pre-release"], &active["live"]), (&Value::Null, &Value::Null));
    // Main goes its way, and is no reason to refuse.
    edit(&world, "main", hours("Eight to five.\n\nDaily."));
    edit(&world, "main", json!({"llm": {"temperature": 0.5}}));
    edit(&world, &id, hours("Nine to five.\n\nDaily, in summer."));
    let second = merge(&world, &id, Value::Null);
    let along = "with it go edits of main that sandbox did not serve: llm.temperature, topics[hours].content";
    let told = format!("branch {id} was merged into main of desk, and V2 published to sandbox; {along}");
    assert_eq!(message(&second), told);
    assert_eq!(draft(&world)["topics"][0]["content"], "Eight to five.\n\nDaily, in summer.");
    let served = world.get("/v1/agents/desk/compare?from=sandbox&to=draft").json();
    assert_eq!(served["hasChanges"], false);
    let nothing = merge(&world, &id, Value::Null);
    let told = format!("branch {id} of desk has nothing that was not merged: nothing was done");
    assert_eq!((message(&nothing), nothing.revision()), (told, second.revision()));
    // What the branch was is still there, and what main was meanwhile did not come into it.
    let of_branch = world.get(&format!("/v1/agents/desk/draft?branch={id}")).json();
    assert_eq!(of_branch["topics"][0]["content"], "Nine to five.\n\nDaily, in summer.");
    let history = world.get("/v1/agents/desk/history?limit=1").json();
    assert_eq!(history["entries"][0]["action"], "branch.merge");
}

#[test]
fn conflicts_are_told_whole_under_the_status_that_the_account_wants_and_nothing_is_done() {
    let (world, id) = at_odds();
    let before = world.control.state().revision;
    for status in [400, 409] {
        let settings = json!({"settings": {"merge_conflict_status": status}});
        assert_eq!(world.admin("PATCH", "/v1/accounts/ws-1", settings).status, 200);
        let now = world.control.state().revision;
        let reply = merge(&world, &id, Value::Null);
        assert_eq!(reply.error(), error(status, "MERGE_CONFLICT", ""), "{}", reply.text);
        let answer = reply.json();
        let conflict = json!({"path": ["topics", "hours", "content"], "type": "modify",
            "baseValue": "Nine to five.\n\nDaily.", "oursValue": "Eight to five.", "theirsValue": "Ten to five."});
        assert_eq!((&answer["conflicts"], &answer["hasConflicts"]), (&json!([conflict]), &json!(true)));
        assert_eq!(answer["value"]["topics"][0]["content"], "Eight to five.");
        assert_eq!((&answer["errors"], &answer["success"]), (&json!([]), &json!(false)));
        let at = json!("2023-11-14T22:13:20.000Z");
        assert_eq!((&answer["targetLastUpdated"], &answer["sourceCreatedAt"]), (&at, &at));
        assert!(
            answer["message"]
                .as_str()
                .unwrap()
                .ends_with("changed 1 thing in different ways: topics[hours].content")
        );
        assert_eq!(answer["error_id"].as_str(), reply.header("x-polyai-correlation-id"));
        assert_eq!(world.control.state().revision, now);
    }
    assert!(world.control.state().revision > before);
    assert_eq!(draft(&world)["topics"][0]["content"], "Eight to five.");
}

#[test]
fn each_conflict_is_resolved_as_the_request_says() {
    let content = json!(["topics", "hours", "content"]);
    for (strategy, value, is) in [
        ("ours", Value::Null, "Eight to five."),
        ("theirs", Value::Null, "Ten to five."),
        ("base", Value::Null, "Nine to five.\n\nDaily."),
        ("ours", json!("Never."), "Never."),
    ] {
        let (world, id) = at_odds();
        let resolution = json!({"path": content, "strategy": strategy, "value": value});
        assert_eq!(merge(&world, &id, resolving(&json!([resolution]))).status, 200);
        assert_eq!(draft(&world)["topics"][0]["content"], is);
    }
    let (world, id) = at_odds();
    edit(&world, "main", json!({"topics": []}));
    let gone = merge(&world, &id, Value::Null).json()["conflicts"][0].clone();
    assert_eq!((&gone["path"], &gone["type"]), (&json!(["topics", "hours"]), &json!("delete")));
    assert_eq!((&gone["oursValue"], &gone["theirsValue"]["content"]), (&Value::Null, &json!("Ten to five.")));
    let theirs = json!([{"path": ["topics", "hours"], "strategy": "theirs"}]);
    assert_eq!(merge(&world, &id, resolving(&theirs)).status, 200);
    assert_eq!(draft(&world)["topics"][0]["content"], "Ten to five.");
}

#[test]
fn what_a_merge_is_asked_for_with_is_refused_by_name() {
    let (world, id) = at_odds();
    let ours = |path: Value| json!({"path": path, "strategy": "ours"});
    let content = ours(json!(["topics", "hours", "content"]));
    let at = |field: &str| format!("conflictResolutions{field}");
    for (body, field) in [
        (resolving(&json!([content, ours(json!(["name"]))])), at("[1].path")),
        (resolving(&json!([content, content])), at("[1].path")),
        (resolving(&json!([ours(json!([]))])), at("[0].path")),
        (resolving(&json!([ours(json!(vec!["x"; 65]))])), at("[0].path")),
        (resolving(&json!([ours(json!([1]))])), at("[0].path[0]")),
        (resolving(&json!([{"strategy": "ours"}])), at("[0].path")),
        (resolving(&json!([{"path": ["name"]}])), at("[0].strategy")),
        (resolving(&json!([{"path": ["name"], "strategy": "mine"}])), at("[0].strategy")),
        (resolving(&json!([{"path": ["name"], "strategy": "ours", "x": 1}])), at("[0].x")),
        (resolving(&json!({})), at("")),
        (resolving(&Value::Array(vec![content.clone(); 1_001])), at("")),
        (json!({"deploymentMessage": "x".repeat(1_001)}), "deploymentMessage".to_owned()),
        (json!({"environment": "live"}), "environment".to_owned()),
    ] {
        let reply = merge(&world, &id, body.clone());
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", &field), "{}", reply.text);
        assert!(reply.json().get("conflicts").is_none());
    }
    let bad = json!([{"path": ["topics", "hours", "content"], "strategy": "ours", "value": 7}]);
    let reply = merge(&world, &id, resolving(&bad));
    assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", "topics[0].content"), "{}", reply.text);
    assert_eq!(draft(&world)["topics"][0]["content"], "Eight to five.");
}

#[test]
fn a_merge_is_of_a_branch_that_is_there_as_it_was_seen() {
    let (world, id) = at_odds();
    let sent = |tag: &str, branch: &str| {
        let request = Request::builder().method("POST").uri(path(branch));
        let request = request.header("x-api-key", "admin").header("if-match", tag);
        world.send(request.body(axum::body::Body::empty()).unwrap())
    };
    let tag = |branch: &str| {
        let shown = world.get(&format!("/v1/agents/desk/draft?branch={branch}"));
        shown.header("etag").unwrap().to_owned()
    };
    // That of main is not meant, and a stale one is told before conflicts are.
    assert_eq!(sent(&tag("main"), &id).error(), error(412, "PRECONDITION_FAILED", ""));
    assert_eq!(sent(&tag(&id), &id).error(), error(400, "MERGE_CONFLICT", ""));
    edit(&world, "main", hours("Nine to five.\n\nDaily."));
    assert_eq!(sent("\"0\"", &id).error(), error(412, "PRECONDITION_FAILED", ""));
    assert_eq!(sent(&tag(&id), &id).status, 200);
    assert_eq!(merge(&world, "main", Value::Null).error(), error(409, "BRANCH_IS_MAIN", ""));
    assert_eq!(merge(&world, "BRANCH-00000000", Value::Null).error(), error(404, "BRANCH_NOT_FOUND", ""));
    assert_eq!(world.admin("DELETE", &format!("/v1/agents/desk/branches/{id}"), Value::Null).status, 200);
    assert_eq!(merge(&world, &id, Value::Null).error(), error(404, "BRANCH_NOT_FOUND", ""));
    let files = world.admin("POST", "/v1/agents/sales/branches/main/merge", Value::Null);
    assert_eq!(files.error(), error(409, "MANAGED_BY_FILES", ""));
    assert!(files.text.contains("belongs to the agent files"), "{}", files.text);
}

#[test]
fn who_merges_where_merges_are_published_needs_to_deploy_too() {
    let (world, id) = at_odds();
    let editor = key("editor", "ws-1", &[Permission::Edit]);
    world.enact(Author::Console, Action::ReplaceKey(editor));
    let asked = || world.as_key("editor", "POST", &path(&id), Value::Null);
    assert_eq!(asked().error(), error(403, "USER_ACCESS_FORBIDDEN", ""));
    assert!(!asked().text.contains("five"), "what is in conflict is not told");
    edit(&world, "main", hours("Nine to five.\n\nDaily."));
    assert_eq!(asked().error(), error(403, "USER_ACCESS_FORBIDDEN", ""));
    let settings = json!({"settings": {"merge_publishes": false, "protected_main": true}});
    assert_eq!(world.admin("PATCH", "/v1/accounts/ws-1", settings).status, 200);
    let told = format!("branch {id} was merged into main of desk");
    assert_eq!(message(&asked()), told);
    assert_eq!(draft(&world)["topics"][0]["content"], "Ten to five.");
    assert_eq!(world.get("/v1/agents/desk/versions").json()["versions"].as_array().unwrap().len(), 1);
}

#[test]
fn of_many_who_merge_and_edit_at_once_none_is_lost() {
    let (world, _) = world();
    let branches: Vec<String> = (0..12).map(|n| branch(&world, &format!("Branch {n}"))).collect();
    let topics = |branch: &str| format!("/v1/agents/desk/branches/{branch}/knowledge-base/topics");
    for branch in &branches {
        let topic = json!({"name": format!("of {branch}"), "content": "x"});
        assert_eq!(world.admin("POST", &topics(branch), topic).status, 201);
    }
    let request = |path: String, body: Value| {
        let request = Request::builder().method("POST").uri(path).header("x-api-key", "admin");
        request.body(body.to_string().into()).unwrap()
    };
    // Each branch is merged twice at once, while main and one of them, which is merged again and again, are edited.
    let merges = branches.iter().chain(&branches).map(|branch| request(path(branch), json!({})));
    let edits = (0..12).flat_map(|n| {
        let edit = |branch: &str| json!({"name": format!("{n} of {branch}"), "content": "x"});
        let edit = |branch: &str| request(topics(branch), edit(branch));
        [edit("main"), edit(&branches[0]), request(path(&branches[0]), json!({}))]
    });
    let statuses = world.send_all(merges.chain(edits).collect());
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
    message(&merge(&world, &branches[0], Value::Null));
    assert_eq!(draft(&world)["topics"].as_array().unwrap().len(), 1 + 12 + 12 + 12);
    // The next merge of each brings nothing.
    for branch in &branches {
        assert!(message(&merge(&world, branch, Value::Null)).ends_with("nothing was done"));
    }
}
