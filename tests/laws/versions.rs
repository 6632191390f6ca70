//! Version files, and rollback by file.

use serde_json::json;

use super::http::Client;
use super::world::{AT_LIVE, CALLER, PINNED_TO_V1, World};

#[test]
fn a_version_file_that_changes_under_its_number_is_refused_and_the_old_content_serves() {
    let mut world = World::example().running();
    let before = world.route(PINNED_TO_V1).json()["versionHash"].clone();
    let text = world.text("agents/sales/V1.toml");
    world.edit("agents/sales/V1.toml", &text.replace("Harbour", "Station"));
    let status = world.until_fault("agents/sales/V1.toml");
    assert_eq!(status["reload"]["ok"], false);
    assert_eq!(world.route(PINNED_TO_V1).json()["versionHash"], before);
    world.restart();
    assert_eq!(world.route(PINNED_TO_V1).json()["versionHash"], before);
    world.edit("agents/sales/V1.toml", &text);
    world.until_in_force();
}

#[test]
fn a_removed_version_file_removes_no_version() {
    let mut world = World::example().running();
    let before = world.route(PINNED_TO_V1).json()["versionHash"].clone();
    world.remove("agents/sales/V1.toml");
    // A second change, which is seen to be in force, shows that the first was looked at.
    world.edit(
        "routes/other.toml",
        "[[number]]\nnumber = \"+14155550700\"\nagent = \"sales\"\npin = \"V1\"\n",
    );
    world.until("the route is in force", |world| world.route("+14155550700").json()["agentId"] == "sales");
    assert_eq!(world.route(PINNED_TO_V1).json()["versionHash"], before);
    assert_eq!(world.status()["faults"], json!([]));
    world.restart();
    assert_eq!(world.route(PINNED_TO_V1).json()["versionHash"], before);
}

#[test]
fn a_rollback_by_file_moves_new_calls_only() {
    let world = World::example().running();
    let begun = world.call(AT_LIVE, "before");
    assert_eq!(begun["version"], 1);
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    let during = world.call(AT_LIVE, "during");
    world.put_live("V1");
    world.until("V1 is live again", |world| world.version_at(AT_LIVE) == Some(1));

    for begun in [&begun, &during] {
        let body = json!({"to": AT_LIVE, "from": CALLER, "callId": begun["callId"]});
        let mut again = world.gateway().post("/v1/calls", &body).must(200).json();
        assert_eq!(again["reason"]["code"], "call_in_progress");
        // The token lasts from when it was given last.
        for renewed in ["reason", "token"] {
            again[renewed] = begun[renewed].clone();
        }
        assert_eq!(again, *begun, "the same decision, word by word");
    }
    assert_eq!(during["version"], 2);
    let token = during["token"].as_str().unwrap();
    let body = json!({"to": AT_LIVE, "callId": "transferred", "token": token});
    let leg = world.gateway().post("/v1/calls", &body).must(201).json();
    assert_eq!((&leg["version"], &leg["reason"]["code"]), (&json!(2), &json!("token")));
    assert_eq!(world.call(AT_LIVE, "after")["version"], 1);
}

#[test]
fn a_call_that_comes_back_by_its_token_finds_its_configuration_though_the_version_serves_nowhere() {
    let route = format!("[[number]]\nnumber = \"{AT_LIVE}\"\nagent = \"sales\"\npin = \"live\"\n");
    let agent =
        include_str!("../../config/agents/sales/agent.toml").replace("pre-release =", "# pre-release =");
    let mut world = World::example()
        .with("routes/example.toml", &route)
        .with("agents/sales/agent.toml", &agent)
        .running();
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    let begun = world.call(AT_LIVE, "before");
    world.put_live("V1");
    world.until("V1 is live again", |world| world.version_at(AT_LIVE) == Some(1));
    world.restart();
    let snapshot = begun["snapshot"].as_str().unwrap();
    let runner = |world: &World| Client::new(world.calls_address()).with_key(&world.key());
    assert_eq!(runner(&world).get(snapshot).status, 404, "nobody needs it");
    let body = json!({"to": AT_LIVE, "callId": "before", "token": begun["token"]});
    let back = world.gateway().post("/v1/calls", &body).must(201).json();
    assert_eq!((&back["version"], &back["snapshot"]), (&json!(2), &json!(snapshot)));
    world.until("it is there", |world| runner(world).get(snapshot).status == 200);
}

#[test]
fn an_edit_of_the_draft_is_heard_by_numbers_that_follow_it_and_by_no_others() {
    let world = World::example()
        .with("routes/draft.toml", "[[number]]\nnumber = \"+14155550700\"\nagent = \"sales\"\n")
        .running();
    let hash = |number: &str| world.route(number).json()["versionHash"].clone();
    let (draft, pinned, live) = (hash("+14155550700"), hash(PINNED_TO_V1), hash(AT_LIVE));
    let text = world.text("agents/sales/draft.toml");
    world.save("agents/sales/draft.toml", &text.replace("Harbour", "Station"));
    world.until("the draft is heard", |_| hash("+14155550700") != draft);
    assert_eq!((hash(PINNED_TO_V1), hash(AT_LIVE)), (pinned, live));
}
