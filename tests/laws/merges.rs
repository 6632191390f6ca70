//! Branches merged by the command line, and what the next call gets of it.

use serde_json::{Value, json};

use super::world::{CALLER, Ended, World};

const NUMBER: &str = "+14155550180";
const DRAFT: &str = "+14155550181";

#[track_caller]
fn done(ended: Ended) -> Ended {
    assert_eq!(ended.code(), 0, "{}{}", ended.out, ended.err);
    ended
}

/// The agent `desk` in sandbox, a number there, another one at its draft, and the id of a branch.
fn with_branch() -> (World, String) {
    let world = World::bare().with("routes/none.toml", "").running();
    done(world.client(&["agents", "create", "Front desk", "--id", "desk", "--greeting", "Hello"]));
    done(world.client(&["draft", "desk", "set", "description=Old", "instructions.systemPrompt=Be kind."]));
    done(world.client(&["publish", "desk"]));
    for (number, pin) in [(NUMBER, "sandbox"), (DRAFT, "draft")] {
        done(world.client(&["numbers", "put", number, "--agent", "desk", "--pin", pin]));
    }
    let made = done(world.client(&["branches", "create", "desk", "Summer", "--json"])).out;
    let made: Value = serde_json::from_str(&made).unwrap();
    let branch = made["branchId"].as_str().unwrap().to_owned();
    (world, branch)
}

fn edit(world: &World, branch: &str, patch: &Value) {
    let path = format!("/v1/agents/desk/draft?branch={branch}");
    world.operator().ask("PATCH", &path, Some(patch)).must(200);
}

/// The configuration that the next call to a number is decided by.
fn served(world: &World, number: &str) -> Value {
    let hash = world.route(number).json()["versionHash"].as_str().unwrap().to_owned();
    world.operator().get(&format!("/v1/snapshots/{hash}")).must(200).json()
}

#[test]
fn what_main_and_a_branch_made_apart_serves_the_next_call_once_it_is_merged() {
    let (world, branch) = with_branch();
    edit(&world, "main", &json!({"instructions": {"systemPrompt": "Be brief."}}));
    edit(&world, &branch, &json!({"description": "New"}));
    assert_eq!(world.call(NUMBER, "in-progress")["version"], 1);
    let before = world.revision();
    let told = done(world.client(&["branches", "merge", "desk", &branch])).out;
    let along = "with it go edits of main that sandbox did not serve: instructions.systemPrompt";
    assert!(told.contains("V2 published to sandbox") && told.contains(along), "{told}");
    assert_eq!(world.revision(), before + 1);
    assert_eq!(world.call(NUMBER, "next")["version"], 2);
    let body = json!({"to": NUMBER, "from": CALLER, "callId": "in-progress"});
    assert_eq!(world.gateway().post("/v1/calls", &body).must(200).json()["version"], 1);
    for number in [NUMBER, DRAFT] {
        let served = served(&world, number);
        assert_eq!(
            (&served["description"], &served["instructions"]["systemPrompt"]),
            (&json!("New"), &json!("Be brief."))
        );
    }
    let again = done(world.client(&["branches", "merge", "desk", &branch])).out;
    assert!(again.contains("nothing was done"), "{again}");
    assert_eq!(world.revision(), before + 1);
}

#[test]
fn conflicts_are_resolved_at_a_terminal_by_a_value_or_for_one_side() {
    let (world, branch) = with_branch();
    edit(&world, "main", &json!({"instructions": {"systemPrompt": "Be brief."}, "description": "Ours"}));
    edit(&world, &branch, &json!({"instructions": {"systemPrompt": "Be warm."}, "description": "Theirs"}));
    let before = world.revision();
    let line = ["branches", "merge", "desk", &branch];
    let refused = world.client(&line);
    assert_eq!(refused.code(), 1);
    for shown in ["instructions.systemPrompt", "+ Be brief.", "+ Be warm.", "- Be kind.", "MERGE_CONFLICT"] {
        assert!(refused.err.contains(shown), "{shown}: {}", refused.err);
    }
    assert_eq!(world.answering(&line, "t\nq\n").0, 1);
    assert_eq!(world.revision(), before, "nothing was done");
    let (code, said) = world.answering(&line, "o\nt\n");
    assert_eq!((code, world.revision()), (0, before + 1), "{said}");
    assert!(said.contains("2 conflicts between main and"), "{said}");
    let is = served(&world, NUMBER);
    assert_eq!(
        (&is["description"], &is["instructions"]["systemPrompt"]),
        (&json!("Ours"), &json!("Be warm."))
    );

    edit(&world, "main", &json!({"instructions": {"systemPrompt": "One."}, "description": "One"}));
    edit(&world, &branch, &json!({"instructions": {"systemPrompt": "Two."}, "description": "Two"}));
    let resolve = ["--theirs", "--resolve", "instructions.systemPrompt=\"Three.\""];
    done(world.client(&[&line[..], &resolve[..]].concat()));
    let is = served(&world, NUMBER);
    assert_eq!((&is["description"], &is["instructions"]["systemPrompt"]), (&json!("Two"), &json!("Three.")));
}
