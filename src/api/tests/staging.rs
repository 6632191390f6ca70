//! Staging and Production: the face of `/api/v2`.

use hyper::Request;
use serde_json::{Value, json};

use super::world::{Reply, World, error, key};
use crate::domain::account::Permission;
use crate::domain::command::{Action, Author};

const AGENT: &str = "/api/v2/agents/desk";

/// A world with the agent `desk`.
fn world() -> World {
    let world = World::new();
    let body = json!({"name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "Hello"}});
    assert_eq!(world.admin("POST", "/v1/agents", body).status, 200);
    world
}

fn edit(world: &World, patch: Value) {
    let reply = world.admin("PATCH", "/v1/agents/desk/draft", patch);
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn draft(world: &World) -> Value {
    world.get("/v1/agents/desk/draft").json()
}

fn say(text: &str) -> Value {
    json!({"instructions": {"systemPrompt": text}})
}

fn settle(world: &World, settings: &Value) {
    let reply = world.admin("PATCH", "/v1/accounts/ws-1", json!({"settings": settings}));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// Publishes through staging; its id.
#[track_caller]
fn publish(world: &World) -> String {
    let reply = world.admin("POST", &format!("{AGENT}/publish"), Value::Null);
    assert_eq!((reply.status, &reply.json()["has_changes"]), (200, &json!(true)), "{}", reply.text);
    reply.json()["change_track_id"].as_str().unwrap().to_owned()
}

fn diff(world: &World) -> Value {
    world.get(&format!("{AGENT}/staging/diff")).json()
}

fn history(world: &World, query: &str) -> Vec<Value> {
    let reply = world.get(&format!("{AGENT}/publish-history{query}"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["entries"].as_array().unwrap().clone()
}

fn preview(world: &World, id: &str) -> Reply {
    world.get(&format!("{AGENT}/rollback/preview?change_track_id={id}"))
}

fn rollback(world: &World, body: Value) -> Reply {
    world.admin("PUT", &format!("{AGENT}/rollback"), body)
}

fn resolving(id: &str, resolutions: &Value) -> Value {
    json!({"change_track_id": id, "resolutions": resolutions})
}

/// V2 brought a model and a prompt, and the prompt was edited again since; the id of that publish.
fn at_odds() -> (World, String) {
    let world = world();
    edit(&world, say("one"));
    publish(&world);
    edit(&world, json!({"instructions": {"systemPrompt": "two"}, "llm": {"model": "m-2"}}));
    let id = publish(&world);
    edit(&world, say("three"));
    (world, id)
}

#[test]
fn staging_differs_from_production_until_it_is_published() {
    let world = world();
    let change = |section: &str, field: &str, production: Value, staging: Value| json!({"section": section, "field": field, "production": production, "staging": staging});
    let greeting = "instructions.welcomeMessage";
    let all = [
        change("agent_settings", "name", Value::Null, json!("Desk")),
        change("instructions", greeting, Value::Null, json!("Hello")),
    ];
    assert_eq!(diff(&world), json!({"has_changes": true, "changes": all}));
    publish(&world);
    let same = world.get(&format!("{AGENT}/staging/diff"));
    assert_eq!(same.json(), json!({"has_changes": false, "changes": []}));
    assert_eq!(same.header("etag"), world.get("/v1/agents/desk/draft").header("etag"));
    edit(&world, json!({"instructions": {"welcomeMessage": null}, "sipHeaders": {"X-Brand": "north"}}));
    let changes = [
        change("instructions", greeting, json!("Hello"), json!("")),
        change("telephony", "sipHeaders.X-Brand", Value::Null, json!("north")),
    ];
    assert_eq!(diff(&world), json!({"has_changes": true, "changes": changes}));
    // An agent of the files is shown, too.
    assert_eq!(world.get("/api/v2/agents/sales/staging/diff").status, 200);
}

#[test]
fn a_publish_is_that_of_v1_to_live_and_keeps_its_rules() {
    let world = world();
    let path = format!("{AGENT}/publish");
    let body = json!({"summary": "for summer", "active_calls": "move", "end_split": true, "unknown": 1});
    let published = world.admin("POST", &path, body);
    let answer = published.json();
    let active = world.get("/v1/agents/desk/deployments/active").json()["activeDeployments"]["live"].clone();
    assert_eq!(
        answer,
        json!({"has_changes": true, "change_track_id": active["id"], "published_by": "admin",
            "published_at": active["createdAt"], "summary": "for summer",
            "warnings": ["agent desk at live has no endpoints: its calls are told no target"]})
    );
    assert_eq!(active["metadata"]["deployment_message"], "for summer");
    assert_eq!(active["metadata"]["deployment_type"], "publish");
    let nothing = world.admin("POST", &path, Value::Null);
    assert_eq!(nothing.error(), error(409, "DEPLOYMENTS_ALREADY_PUBLISHED", ""));
    assert_eq!(nothing.json()["has_changes"], false);
    assert!(nothing.json()["message"].as_str().unwrap().contains("nothing changed"));
    for (body, field) in [
        (json!({"summary": 1}), "summary"),
        (json!({"active_calls": "drop"}), "active_calls"),
        (json!({"dry_run": true}), "dry_run"),
        (json!({"dryRun": true}), "dryRun"),
    ] {
        assert_eq!(world.admin("POST", &path, body).error(), error(400, "VALIDATION_FAILED", field));
    }
    edit(&world, say("two"));
    let stale =
        Request::builder().method("POST").uri(&path).header("x-api-key", "admin").header("if-match", "\"0\"");
    let stale = world.send(stale.body(axum::body::Body::empty()).unwrap());
    assert_eq!(stale.error(), error(412, "PRECONDITION_FAILED", ""));
    let deployer = key("deployer", "ws-1", &[Permission::Deploy]);
    world.enact(Author::Console, Action::ReplaceKey(deployer));
    // By bearer, once, however often it is sent.
    let sent = || {
        let request = Request::builder().method("POST").uri(&path).header("authorization", "Bearer deployer");
        world.send(request.header("idempotency-key", "ci").body(axum::body::Body::empty()).unwrap())
    };
    let (first, again) = (sent(), sent());
    assert_eq!((first.status, first.json()), (200, again.json()));
    assert_eq!(first.json()["summary"], "V2: instructions.systemPrompt");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let theirs = world.admin("POST", "/api/v2/agents/sales/publish", Value::Null);
    assert_eq!(theirs.error(), error(409, "MANAGED_BY_FILES", ""));
}

#[test]
fn a_split_that_tests_live_is_in_the_way_of_a_publish_unless_it_is_told_to_end() {
    let world = world();
    publish(&world);
    edit(&world, say("two"));
    let arms = json!([
        {"id": "control", "agentId": "desk", "pin": "live", "weight": 1},
        {"id": "test", "agentId": "desk", "pin": "draft", "weight": 1},
    ]);
    let split = json!({"id": "trial", "scope": {"agentId": "desk", "environment": "live"}, "arms": arms});
    let made = world.admin("POST", "/v1/splits", split);
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("{AGENT}/publish");
    assert_eq!(world.admin("POST", &path, Value::Null).error(), error(409, "SPLIT_RUNNING", ""));
    assert_eq!(world.admin("POST", &path, json!({"end_split": true})).status, 200);
}

#[test]
fn staging_skips_pre_release_where_the_account_lets_it_and_v1_does_not() {
    let world = world();
    let staging = || world.admin("POST", &format!("{AGENT}/publish"), Value::Null);
    let v1 = |environment: &str| {
        world.admin("POST", "/v1/agents/desk/deployments/publish", json!({"environment": environment}))
    };
    let not_ready = error(412, "PRE_RELEASE_NOT_READY", "");
    settle(&world, &json!({"allow_skip_pre_release": false}));
    assert_eq!(staging().error(), not_ready);
    assert_eq!(v1("pre-release").status, 201);
    assert_eq!(staging().status, 200, "what is in pre-release is rehearsed");
    edit(&world, say("two"));
    assert_eq!(staging().error(), not_ready);
    settle(&world, &json!({"staging_publishes_live": true}));
    assert_eq!(v1("live").error(), not_ready);
    assert_eq!(staging().status, 200);
}

#[test]
fn publishes_of_both_faces_are_one_history_each_with_what_it_brought() {
    let world = world();
    let first = publish(&world);
    edit(&world, say("two"));
    let of_v1 =
        world.admin("POST", "/v1/agents/desk/deployments/publish", json!({"deploymentMessage": "why"}));
    let second = of_v1.json()["deployment"]["id"].clone();
    let promoted = format!("/v1/agents/desk/deployments/{}/promote", second.as_str().unwrap());
    assert_eq!(world.admin("POST", &promoted, Value::Null).status, 200);
    let third = world.admin("POST", "/v1/agents/desk/deployments/publish", json!({"environment": "live"}));
    let entries = history(&world, "");
    let ids: Vec<_> = entries.iter().map(|entry| entry["change_track_id"].clone()).collect();
    assert_eq!(ids, [third.json()["deployment"]["id"].clone(), second.clone(), json!(first)]);
    let change =
        json!({"section": "instructions", "field": "instructions.systemPrompt", "base": "", "entry": "two"});
    assert_eq!((&entries[0]["changes"], &entries[1]["changes"]), (&json!([change]), &json!([change])));
    assert_eq!(entries[1]["summary"], "why");
    assert_eq!(entries[0]["summary"], "V2: instructions.systemPrompt");
    assert_eq!(entries[2]["summary"], "V1: name, instructions.welcomeMessage");
    assert_eq!(
        entries[2]["changes"][0],
        json!({"section": "agent_settings", "field": "name", "base": null, "entry": "Desk"})
    );
    for (query, expected) in [
        ("?limit=1", &ids[..1]),
        ("?offset=1", &ids[1..]),
        ("?limit=1&offset=2", &ids[2..]),
        ("?offset=3", &[]),
    ] {
        let found: Vec<_> =
            history(&world, query).iter().map(|entry| entry["change_track_id"].clone()).collect();
        assert_eq!(found, expected, "{query}");
    }
    for (query, field) in
        [("limit=0", "limit"), ("limit=1001", "limit"), ("offset=-1", "offset"), ("offset=x", "offset")]
    {
        let reply = world.get(&format!("{AGENT}/publish-history?{query}"));
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field));
    }
    // And the other way: a publish of staging is a deployment of /v1.
    let live = world.get("/v1/agents/desk/deployments?environment=live").json();
    assert!(
        live["deployments"].as_array().unwrap().iter().any(|deployment| deployment["id"] == json!(first))
    );
}

#[test]
fn the_history_of_large_configurations_tells_changes_until_enough_was_compared() {
    let world = world();
    for n in 0..18 {
        edit(&world, say(&format!("{n}{}", "x".repeat((1 << 20) - 2))));
        let others: serde_json::Map<_, _> =
            (0..10).map(|k| (format!("k{k}"), json!("y".repeat(100_000)))).collect();
        edit(&world, json!({"workflow": others}));
        publish(&world);
    }
    let entries = history(&world, "");
    let told: Vec<bool> = entries.iter().map(|entry| !entry["changes"].is_null()).collect();
    let known = told.iter().filter(|told| **told).count();
    assert_eq!((told.len(), known), (18, 16), "{told:?}");
    assert!(told[..known].iter().all(|told| *told));
    assert_eq!(entries[known]["summary"], "V2");
    assert!(history(&world, &format!("?offset={known}")).iter().all(|entry| entry["changes"].is_array()));
}

#[test]
fn a_rollback_takes_back_what_one_publish_brought_and_nothing_that_came_later() {
    let world = world();
    let first = publish(&world);
    edit(&world, say("bad"));
    let bad = publish(&world);
    edit(&world, json!({"llm": {"model": "m-3"}, "name": "Front desk"}));
    publish(&world);
    edit(&world, json!({"description": "warm"}));
    world.route("+14155550160", "desk", "draft");
    world.route("+14155550161", "desk", "V2");
    world.route("alice", "desk", "draft");
    let shown = preview(&world, &bad).json();
    let change = json!({"section": "instructions", "field": "instructions.systemPrompt", "staging": "bad", "entry": "bad", "after_revert": ""});
    assert_eq!(
        shown,
        json!({"has_changes": true, "changes": [change], "conflicts": [],
            "draft_numbers": ["+14155550160", "alice"], "draft_number_count": 2})
    );
    let before = draft(&world);
    let agent = |world: &World| {
        world.get("/v1/agents/desk/versions").json()["versions"].as_array().unwrap()[1..].to_vec()
    };
    let versions = agent(&world);
    let done = rollback(&world, json!({"change_track_id": bad}));
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.json(), diff(&world));
    assert_eq!(done.header("etag"), world.get("/v1/agents/desk/draft").header("etag"));
    let mut expected = before;
    expected["instructions"].as_object_mut().unwrap().remove("systemPrompt");
    assert_eq!(draft(&world), expected);
    assert_eq!(agent(&world), versions, "no version and no environment changed");
    let line = world.get("/v1/agents/desk/history?limit=1").json()["entries"][0].clone();
    assert_eq!((&line["action"], &line["revision"]), (&json!("draft.revert"), &json!(done.revision())));
    assert!(
        line["summary"].as_str().unwrap().starts_with("what V2 brought was taken from the draft of desk")
    );
    // Twice is once.
    let again = rollback(&world, json!({"change_track_id": bad}));
    assert_eq!((again.status, again.json(), again.revision()), (200, done.json(), done.revision()));
    let left = preview(&world, &bad).json();
    assert_eq!((&left["has_changes"], &left["changes"]), (&json!(false), &json!([])));
    // Of the first one, all but the name.
    let query = world.admin("PUT", &format!("{AGENT}/rollback?change_track_id={first}"), Value::Null);
    assert_eq!(query.status, 200, "{}", query.text);
    assert_eq!(draft(&world), json!({"name": "Front desk", "llm": {"model": "m-3"}, "description": "warm"}));
}

#[test]
fn conflicts_of_a_rollback_are_named_and_each_is_resolved_as_the_request_says() {
    let field = "instructions.systemPrompt";
    let conflict =
        json!({"section": "instructions", "field": field, "base": "one", "entry": "two", "staging": "three"});
    for (strategy, value, is) in
        [("keep", Value::Null, "three"), ("revert", Value::Null, "one"), ("value", json!("four"), "four")]
    {
        let (world, id) = at_odds();
        let shown = preview(&world, &id).json();
        assert_eq!((&shown["has_changes"], &shown["conflicts"]), (&json!(true), &json!([conflict])));
        assert_eq!(shown["changes"].as_array().unwrap().len(), 1);
        let before = draft(&world);
        let refused = rollback(&world, json!({"change_track_id": id}));
        assert_eq!(refused.error(), error(409, "REVERT_CONFLICT", ""));
        assert_eq!(refused.json()["conflicts"], shown["conflicts"]);
        assert_eq!(draft(&world), before, "nothing was done");
        let resolution =
            json!([{"section": "instructions", "field": field, "strategy": strategy, "value": value}]);
        let done = rollback(&world, resolving(&id, &resolution));
        assert_eq!(done.status, 200, "{}", done.text);
        assert_eq!(draft(&world)["instructions"]["systemPrompt"], is);
        assert_eq!(draft(&world).get("llm"), None);
        let again = rollback(&world, resolving(&id, &resolution));
        assert_eq!((again.status, again.revision()), (200, done.revision()), "{}", again.text);
    }
}

#[test]
fn what_a_rollback_is_asked_for_with_is_refused_by_name() {
    let (world, id) = at_odds();
    let of = |resolution: Value| resolving(&id, &json!([resolution]));
    let field = "instructions.systemPrompt";
    for (body, at) in [
        (json!({}), "change_track_id"),
        (json!({"change_track_id": 1}), "change_track_id"),
        (of(json!({"field": "llm.model", "strategy": "keep"})), "resolutions[0].field"),
        (of(json!({"field": "name", "strategy": "keep"})), "resolutions[0].field"),
        (of(json!({"field": "name[", "strategy": "keep"})), "resolutions[0].field"),
        (of(json!({"strategy": "keep"})), "resolutions[0].field"),
        (of(json!({"field": field, "section": "tools", "strategy": "keep"})), "resolutions[0].section"),
        (of(json!({"field": field, "section": "prompts", "strategy": "keep"})), "resolutions[0].section"),
        (of(json!({"field": field})), "resolutions[0].strategy"),
        (of(json!({"field": field, "strategy": "ours"})), "resolutions[0].strategy"),
        (of(json!({"field": field, "strategy": "value"})), "resolutions[0].value"),
        (of(json!({"field": field, "strategy": "keep", "value": 1})), "resolutions[0].value"),
        (of(json!({"field": field, "strategy": "keep", "why": 1})), "resolutions[0].why"),
        (
            resolving(
                &id,
                &json!([{"field": field, "strategy": "keep"}, {"field": "instructions[\"systemPrompt\"]", "strategy": "keep"}]),
            ),
            "resolutions[1].field",
        ),
        (resolving(&id, &json!({})), "resolutions"),
        (of(json!({"field": field, "strategy": "value", "value": 7})), field),
        (of(json!({"field": field, "strategy": "value", "value": null})), field),
    ] {
        let reply = rollback(&world, body.clone());
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", at), "{body}: {}", reply.text);
    }
    let both =
        world.admin("PUT", &format!("{AGENT}/rollback?change_track_id=x"), json!({"change_track_id": id}));
    assert_eq!(both.error(), error(400, "VALIDATION_FAILED", "change_track_id"));
    assert_eq!(
        world.get(&format!("{AGENT}/rollback/preview")).error(),
        error(400, "VALIDATION_FAILED", "change_track_id")
    );
    assert_eq!(draft(&world)["instructions"]["systemPrompt"], "three");
}

#[test]
fn a_rollback_is_of_a_publish_of_the_agent_as_its_draft_was_seen() {
    let (world, id) = at_odds();
    let body = json!({"name": "Other", "agentId": "other", "responseSettings": {"greeting": "Hello"}});
    assert_eq!(world.admin("POST", "/v1/agents", body).status, 200);
    let other =
        world.admin("POST", "/api/v2/agents/other/publish", Value::Null).json()["change_track_id"].clone();
    let back = world.admin("POST", &format!("/v1/agents/desk/deployments/{id}/rollback"), Value::Null).json();
    let first = history(&world, "?offset=1")[0]["change_track_id"].as_str().unwrap().to_owned();
    let rolled =
        world.admin("POST", &format!("/v1/agents/desk/deployments/{first}/rollback"), Value::Null).json();
    assert_eq!(back["deployment"]["id"], json!(id), "it serves already");
    let unknown = error(404, "DEPLOYMENT_NOT_FOUND", "");
    // What is no publish was never in the history of publishes.
    for id in
        [&other, &rolled["deployment"]["id"], &json!("x"), &json!("019b76da-a800-7000-8000-000000000007")]
    {
        assert_eq!(rollback(&world, json!({"change_track_id": id})).error(), unknown, "{id}");
        assert_eq!(preview(&world, id.as_str().unwrap()).error(), unknown, "{id}");
    }
    let sent = |tag: &str| {
        let uri = format!("{AGENT}/rollback?change_track_id={id}");
        let request = Request::builder().method("PUT").uri(uri).header("x-api-key", "admin");
        world.send(request.header("if-match", tag).body(axum::body::Body::empty()).unwrap())
    };
    // A stale one is told before conflicts are.
    assert_eq!(sent("\"0\"").error(), error(412, "PRECONDITION_FAILED", ""));
    let tag = preview(&world, &id).header("etag").unwrap().to_owned();
    assert_eq!(sent(&tag).error(), error(409, "REVERT_CONFLICT", ""));
    edit(&world, say("two"));
    assert_eq!(sent(&tag).error(), error(412, "PRECONDITION_FAILED", ""));
    let tag = preview(&world, &id).header("etag").unwrap().to_owned();
    settle(&world, &json!({"protected_main": true}));
    let protected = error(409, "BRANCH_PROTECTED", "");
    assert_eq!((sent(&tag).error(), preview(&world, &id).error()), (protected.clone(), protected));
    settle(&world, &json!({"protected_main": false}));
    assert_eq!(sent(&tag).status, 200);
    let files =
        world.get("/api/v2/agents/sales/publish-history").json()["entries"][0]["change_track_id"].clone();
    let files = world.admin("PUT", "/api/v2/agents/sales/rollback", json!({"change_track_id": files}));
    assert_eq!(files.error(), error(409, "MANAGED_BY_FILES", ""));
}

#[test]
fn a_rollback_of_the_publish_that_reverted_brings_it_back() {
    let (world, id) = at_odds();
    edit(&world, say("two"));
    let before = draft(&world);
    assert_eq!(rollback(&world, json!({"change_track_id": id})).status, 200);
    let reverting = publish(&world);
    assert_eq!(draft(&world)["instructions"]["systemPrompt"], "one");
    assert_eq!(rollback(&world, json!({"change_track_id": reverting})).status, 200);
    assert_eq!(draft(&world), before);
}

#[test]
fn a_rollback_that_meets_other_edits_loses_none() {
    let world = world();
    let topics: Vec<Value> =
        (0..6).map(|n| json!({"id": format!("t{n}"), "name": format!("n{n}"), "content": "old"})).collect();
    edit(&world, json!({"topics": topics}));
    publish(&world);
    edit(&world, say("bad"));
    let bad = publish(&world);
    std::thread::scope(|scope| {
        for n in 0..6 {
            let world = &world;
            scope.spawn(move || {
                let path = format!("/v1/agents/desk/branches/main/knowledge-base/topics/t{n}");
                assert_eq!(world.admin("PATCH", &path, json!({"content": "new"})).status, 204);
            });
        }
        scope.spawn(|| assert_eq!(rollback(&world, json!({"change_track_id": bad})).status, 200));
    });
    let draft = draft(&world);
    assert!(draft["instructions"].get("systemPrompt").is_none(), "{draft}");
    assert!(draft["topics"].as_array().unwrap().iter().all(|topic| topic["content"] == "new"), "{draft}");
}
