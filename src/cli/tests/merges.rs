//! Merging a branch: what is asked, what is shown, what is sent.

use serde_json::{Value, json};

use super::world::World;

const MERGE: &str = "POST /v1/agents/desk/branches/BRANCH-0A1B2C3D/merge";
const REVISION: &str = "x-cordboard-revision: 12\r\n";

fn merged() -> World {
    let answer = json!({"sequence": "12", "message": "branch BRANCH-0A1B2C3D was merged into main of desk",
        "testRunIds": [], "warnings": ["careful"]});
    World::new().answers_with(MERGE, 200, REVISION, &answer)
}

/// A router that always finds the same two conflicts.
fn at_odds() -> World {
    let conflicts = json!([
        {"path": ["topics", "hours a", "content"], "type": "modify",
            "baseValue": "Nine.\nDaily.", "oursValue": "Eight.\nDaily.", "theirsValue": "Ten.\nDaily."},
        {"path": ["workflow", "a.b"], "type": "delete", "baseValue": 1, "oursValue": null, "theirsValue": 2},
    ]);
    let refusal = json!({"error": "main and branch BRANCH-0A1B2C3D changed 2 things in different ways",
        "error_code": "MERGE_CONFLICT", "hasConflicts": true, "conflicts": conflicts, "errors": []});
    World::new().answers(MERGE, 400, &refusal)
}

const SHOWN: &str = "
topics[\"hours a\"].content
  ~ main (ours)
    - Nine.
    + Eight.
      Daily.
  ~ BRANCH-0A1B2C3D (theirs)
    - Nine.
    + Ten.
      Daily.

workflow[\"a.b\"]
  - main (ours)
      1
  ~ BRANCH-0A1B2C3D (theirs)
    - 1
    + 2
";

#[test]
fn a_merge_says_what_the_router_says() {
    let world = merged();
    let line = "cordboard branches merge desk BRANCH-0A1B2C3D";
    let outcome = world.run(&format!("{line} -m summer --resolve name=\"Desk\" --idempotency-key ci"));
    let told = "branch BRANCH-0A1B2C3D was merged into main of desk, from revision 12\n";
    assert_eq!((outcome.code, outcome.out.as_str()), (0, told));
    assert_eq!(outcome.err, "warning: careful\n");
    let resolution = json!({"path": ["name"], "strategy": "ours", "value": "Desk"});
    let asked = &world.asked()[0];
    assert_eq!(asked.body, json!({"deploymentMessage": "summer", "conflictResolutions": [resolution]}));
    assert_eq!(asked.header("idempotency-key"), Some("ci"));
}

#[test]
fn where_nobody_can_be_asked_conflicts_are_listed_and_the_exit_code_is_1() {
    let world = at_odds();
    let outcome = world.run("cordboard branches merge desk BRANCH-0A1B2C3D");
    assert_eq!((outcome.code, outcome.out.as_str(), world.lines().len()), (1, "", 1));
    assert!(outcome.err.starts_with(SHOWN), "{}", outcome.err);
    let end = "\nhint: say --ours, --theirs or --resolve PATH=ours|theirs|base|JSON, or run it on a terminal to be asked\n";
    assert!(outcome.err.contains("error: main and branch") && outcome.err.ends_with(end), "{}", outcome.err);
    let told = world.run("cordboard branches merge desk BRANCH-0A1B2C3D --json").out;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["conflicts"].as_array().unwrap().len(), 2);
}

#[test]
fn at_a_terminal_conflicts_are_asked_about_one_by_one() {
    let world = at_odds();
    // What is no answer is asked again; the router never has enough, which the second round gives up.
    let outcome = world.run_answering("cordboard branches merge desk BRANCH-0A1B2C3D", "x\n\no\nTheirs\nq\n");
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    assert!(outcome.err.starts_with("2 conflicts between main and BRANCH-0A1B2C3D\n"), "{}", outcome.err);
    let asks = "Take ours (main), theirs (the branch) or base, or quit? [o/t/b/q] ";
    assert_eq!(outcome.err.matches(asks).count(), 5, "{}", outcome.err);
    assert!(outcome.err.ends_with("error: nothing was changed\n"), "{}", outcome.err);
    let bodies: Vec<Value> =
        world.asked().into_iter().map(|asked| asked.body["conflictResolutions"].clone()).collect();
    let resolved = json!([
        {"path": ["topics", "hours a", "content"], "strategy": "ours"}, {"path": ["workflow", "a.b"], "strategy": "theirs"}
    ]);
    assert_eq!(bodies, [json!([]), resolved]);
    for typed in ["", "o\n"] {
        let world = at_odds();
        assert_eq!(world.run_answering("cordboard branches merge desk BRANCH-0A1B2C3D", typed).code, 1);
        assert_eq!(world.lines().len(), 1, "{typed:?}");
    }
}

#[test]
fn one_side_can_be_taken_beforehand_and_each_request_has_a_name_of_its_own() {
    let world = at_odds();
    let line = "cordboard branches merge desk BRANCH-0A1B2C3D --theirs --resolve 'workflow[\"a.b\"]=base'";
    let outcome = world.run_answering(&format!("{line} --idempotency-key ci"), "");
    assert_eq!(outcome.code, 1, "a router that always finds conflicts is given up");
    let asked = world.asked();
    let (first, second) = (&asked[0], &asked[1]);
    let base = json!({"path": ["workflow", "a.b"], "strategy": "base"});
    assert_eq!(first.body["conflictResolutions"], json!([base]));
    let theirs = json!({"path": ["topics", "hours a", "content"], "strategy": "theirs"});
    assert_eq!(second.body["conflictResolutions"][1], theirs);
    let names: Vec<_> = asked.iter().map(|asked| asked.header("idempotency-key").unwrap()).collect();
    assert_eq!((names[0], names[1], names.len()), ("ci", "ci-2", 8));
}
