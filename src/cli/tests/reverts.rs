//! Taking back a publish: what is asked, what is shown, what is sent.

use serde_json::{Value, json};

use super::world::World;

const ID: &str = "019b76da-a800-7000-8000-000000000007";
const ROLLBACK: &str = "PUT /api/v2/agents/desk/rollback";
const REVISION: &str = "x-cordboard-revision: 12\r\n";

fn deployments(world: World) -> World {
    let deployment = |id: &str, kind: &str, version: u32| json!({"id": id, "metadata": {"deployment_type": kind, "version_number": version}});
    let later = "019b76da-a900-7000-8000-000000000007";
    let sandbox = json!({"deployments": [deployment(ID, "publish", 3), deployment("019b76da-a700-7000-8000-000000000007", "publish", 3)]});
    let live = json!({"deployments": [deployment(later, "promotion", 3), deployment(later, "publish", 2)]});
    let nothing = json!({"deployments": []});
    world
        .answers("GET /v1/agents/desk/deployments?environment=sandbox&limit=1000", 200, &sandbox)
        .answers("GET /v1/agents/desk/deployments?environment=pre-release&limit=1000", 200, &nothing)
        .answers("GET /v1/agents/desk/deployments?environment=live&limit=1000", 200, &live)
}

/// A router that always finds the same conflict.
fn at_odds() -> World {
    let conflict = json!({"section": "instructions", "field": "instructions.systemPrompt",
        "base": "one", "entry": "two", "staging": "three"});
    let refusal = json!({"error": "1 thing that V3 brought changed again since",
        "error_code": "REVERT_CONFLICT", "conflicts": [conflict], "errors": []});
    World::new().answers(ROLLBACK, 409, &refusal)
}

#[test]
fn a_version_stands_for_the_last_publish_of_it() {
    let diff = json!({"has_changes": true, "changes": []});
    let world = deployments(World::new().answers_with(ROLLBACK, 200, REVISION, &diff));
    let outcome = world.run(
        "cordboard revert desk V3 --resolve name=\"Desk\" --resolve llm.model=keep --resolve workflow=null",
    );
    let told = "the draft of desk is without what V3 brought, from revision 12\n";
    assert_eq!((outcome.code, outcome.out.as_str()), (0, told), "{}", outcome.err);
    let resolutions = json!([
        {"field": "name", "strategy": "value", "value": "Desk"}, {"field": "llm.model", "strategy": "keep"},
        {"field": "workflow", "strategy": "value", "value": null}
    ]);
    assert_eq!(world.asked()[3].body, json!({"change_track_id": ID, "resolutions": resolutions}));
    let outcome = world.run("cordboard revert desk V1");
    assert_eq!((outcome.code, outcome.err.as_str()), (1, "error: V1 of desk was not published\n"));
}

#[test]
fn where_nobody_can_be_asked_conflicts_are_listed_and_the_exit_code_is_1() {
    let world = at_odds();
    let outcome = world.run(&format!("cordboard revert desk {ID}"));
    assert_eq!((outcome.code, outcome.out.as_str(), world.lines().len()), (1, "", 1));
    let shown = "
instructions.systemPrompt
  ~ draft (keep)
    - two
    + three
  ~ before (revert)
    - two
    + one
";
    assert!(outcome.err.starts_with(shown), "{}", outcome.err);
    assert!(outcome.err.contains("hint: say --keep, --revert or --resolve FIELD=keep|revert|JSON"));
    let told: Value =
        serde_json::from_str(&world.run(&format!("cordboard revert desk {ID} --json")).out).unwrap();
    assert_eq!(told["conflicts"].as_array().unwrap().len(), 1);
}

#[test]
fn at_a_terminal_conflicts_are_asked_about_and_beforehand_all_can_be_kept_or_reverted() {
    let world = at_odds();
    let outcome = world.run_answering(&format!("cordboard revert desk {ID}"), "r\nq\n");
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    assert!(outcome.err.starts_with(&format!("1 conflict between what {ID} brought and what came later\n")));
    let resolved = |strategy: &str| json!([{"section": "instructions", "field": "instructions.systemPrompt", "strategy": strategy}]);
    assert_eq!(world.asked()[1].body["resolutions"], resolved("revert"));
    for strategy in ["keep", "revert"] {
        let world = at_odds();
        let outcome = world.run_answering(&format!("cordboard revert desk {ID} --{strategy}"), "");
        assert_eq!(outcome.code, 1, "a router that always finds conflicts is given up");
        assert_eq!(world.asked()[1].body["resolutions"], resolved(strategy));
    }
}

#[test]
fn a_dry_run_shows_what_would_become_of_the_draft_and_asks_for_nothing_else() {
    let field = |field: &str, staging: Value, entry: Value| json!({"section": "instructions", "field": field, "staging": staging, "entry": entry});
    let mut change = field("llm.model", json!("m-2"), json!("m-2"));
    change["after_revert"] = json!("m-1");
    let mut conflict = field("name", json!("c"), json!("b"));
    conflict["base"] = json!("a");
    let preview = json!({"has_changes": true, "changes": [change], "conflicts": [conflict],
        "draft_numbers": ["+14155550100"], "draft_number_count": 1});
    let line =
        "GET /api/v2/agents/desk/rollback/preview?change_track_id=019b76da-a800-7000-8000-000000000007";
    let world = World::new().answers(line, 200, &preview);
    let outcome = world.run(&format!("cordboard revert desk {ID} --dry-run"));
    let told = format!(
        "\
the draft of desk without what {ID} brought
  ~ llm.model
    - m-2
    + m-1

changed again since, and asked about

name
  ~ draft (keep)
    - b
    + c
  ~ before (revert)
    - b
    + a

served at once by the numbers at the draft (1): +14155550100
"
    );
    assert_eq!((outcome.code, outcome.out.as_str(), world.lines().len()), (0, told.as_str(), 1));
    let nothing = json!({"has_changes": false, "changes": [], "conflicts": [], "draft_numbers": []});
    let outcome =
        World::new().answers(line, 200, &nothing).run(&format!("cordboard revert desk {ID} --dry-run"));
    assert_eq!(outcome.out, format!("the draft of desk has nothing left of what {ID} brought\n"));
}
