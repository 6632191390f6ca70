//! One publish taken back, by command line and through the face of staging, and what the next call gets of it.

use serde_json::{Value, json};

use super::world::{CALLER, Ended, World};

const LIVE: &str = "+14155550190";
const DRAFT: &str = "+14155550191";
const PINNED: &str = "+14155550192";
const AGENT: &str = "/api/v2/agents/desk";

#[track_caller]
fn done(ended: Ended) -> Ended {
    assert_eq!(ended.code(), 0, "{}{}", ended.out, ended.err);
    ended
}

/// The agent `desk` with three publishes, of which the second was bad: a number at `live`, one at the draft, one at V2.
fn with_publishes() -> World {
    let world = World::bare().with("routes/none.toml", "").running();
    done(world.client(&["agents", "create", "Front desk", "--id", "desk", "--greeting", "Hello"]));
    done(world.client(&["publish", "desk", "--to", "live", "--yes"]));
    done(world.client(&["draft", "desk", "set", "instructions.systemPrompt=Bad.", "llm.model=m-2"]));
    let staged = world.operator().post(&format!("{AGENT}/publish"), &json!({"summary": "the bad one"}));
    assert_eq!(staged.must(200).json()["has_changes"], true);
    done(world.client(&["draft", "desk", "set", "description=Later"]));
    done(world.client(&["publish", "desk", "--to", "live", "--yes"]));
    for (number, pin) in [(LIVE, "live"), (DRAFT, "draft"), (PINNED, "V2")] {
        done(world.client(&["numbers", "put", number, "--agent", "desk", "--pin", pin, "--yes"]));
    }
    world
}

/// The configuration that the next call to a number is decided by.
fn served(world: &World, number: &str) -> Value {
    let hash = world.route(number).json()["versionHash"].as_str().unwrap().to_owned();
    world.operator().get(&format!("/v1/snapshots/{hash}")).must(200).json()
}

#[test]
fn what_a_bad_publish_brought_leaves_the_draft_at_once_and_live_with_the_next_publish() {
    let world = with_publishes();
    assert_eq!(world.call(LIVE, "in-progress")["version"], 3);
    let [live, pinned] = [LIVE, PINNED].map(|number| served(&world, number));
    let shown = done(world.client(&["revert", "desk", "V2", "--dry-run"])).out;
    assert!(shown.contains("instructions.systemPrompt") && shown.contains(DRAFT), "{shown}");
    let before = world.revision();
    done(world.client(&["revert", "desk", "V2"]));
    assert_eq!(world.revision(), before + 1);
    let draft = served(&world, DRAFT);
    assert_eq!((&draft["description"], draft.get("llm")), (&json!("Later"), None));
    assert!(draft["instructions"].get("systemPrompt").is_none());
    assert_eq!([LIVE, PINNED].map(|number| served(&world, number)), [live, pinned], "no pin moves by it");
    // Once more changes nothing.
    done(world.client(&["revert", "desk", "V2"]));
    assert_eq!(world.revision(), before + 1);
    let diff = world.operator().get(&format!("{AGENT}/staging/diff")).must(200).json();
    assert_eq!(diff["changes"].as_array().unwrap().len(), 2, "{diff}");
    done(world.client(&["publish", "desk", "--to", "live", "--yes"]));
    // It is as if the bad one had never been published.
    assert_eq!(served(&world, LIVE), draft);
    assert_eq!(world.call(LIVE, "next")["version"], 4);
    let body = json!({"to": LIVE, "from": CALLER, "callId": "in-progress"});
    assert_eq!(world.gateway().post("/v1/calls", &body).must(200).json()["version"], 3);
    let told = done(world.client(&["publishes", "desk"])).out;
    assert!(told.contains("the bad one") && told.lines().count() == 5, "{told}");
}

#[test]
fn what_changed_again_since_is_asked_about_at_a_terminal_and_refused_without_one() {
    let world = with_publishes();
    done(world.client(&["draft", "desk", "set", "instructions.systemPrompt=Good."]));
    let before = world.revision();
    let line = ["revert", "desk", "V2"];
    let refused = world.client(&line);
    assert_eq!(refused.code(), 1);
    for shown in ["instructions.systemPrompt", "- Bad.", "+ Good.", "REVERT_CONFLICT"] {
        assert!(refused.err.contains(shown), "{shown}: {}", refused.err);
    }
    assert_eq!(world.answering(&line, "q\n").0, 1);
    assert_eq!(world.revision(), before, "nothing was done");
    let (code, said) = world.answering(&line, "k\n");
    assert_eq!((code, world.revision()), (0, before + 1), "{said}");
    let draft = served(&world, DRAFT);
    assert_eq!((&draft["instructions"]["systemPrompt"], draft.get("llm")), (&json!("Good."), None));
}
