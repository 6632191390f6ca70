//! `plan` and `apply`.

use serde_json::{Value, json};

use super::world::World;

const PLAN: &str = "POST /v1/plan";
const APPLY: &str = "POST /v1/apply";

fn answer(live: bool) -> Value {
    let arm = |slots: u32| json!({"agentId": "sales", "pin": "V2", "version": 2, "slots": slots});
    json!({
        "revision": 7, "reachesLive": live,
        "changes": [
            {
                "index": 0, "summary": "+14155550100 goes to sales at V2", "warnings": ["V2 has no endpoint"],
                "before": {"number": "+14155550100", "agentId": "sales", "pin": "V1", "headers": {"X-A": "1"}},
                "after": {"number": "+14155550100", "agentId": "sales", "pin": "V2", "headers": {"X-A": "1"}},
            },
            {"index": 1, "summary": "+1415 goes to split spring", "before": null, "after": {"splitId": "spring"}},
            {"index": 2, "summary": "alice was released", "before": {"agentId": "sales", "pin": "V1"}, "after": null},
            {"index": 3, "summary": "bob goes to split spring", "before": {"splitId": "spring"},
             "after": {"splitId": "spring"}},
        ],
        "moves": {
            "numbers": 2,
            "callers": [{"splitId": "spring", "movedSlots": 2000,
                         "flows": [{"from": "control", "to": "test", "slots": 2000}]}],
            "arms": [{"splitId": "spring", "arm": "test", "before": arm(2000), "after": arm(4000)}],
        },
    })
}

const TOLD: &str = "\
3 changes on revision 7

~ +14155550100 goes to sales at V2
    - sales@V1
    + sales@V2
    warning: V2 has no endpoint

+ +1415 goes to split spring
    + split spring

- alice was released
    - sales@V1

= bob goes to split spring

Numbers  2 numbers served otherwise
Callers  20.00 % of split spring: 20.00 % from control to test
Arms     spring/test: sales@V2 20.00 % → sales@V2 40.00 %
";

fn world(live: bool) -> (World, String) {
    let world = World::new().answers(PLAN, 200, &answer(live)).answers_with(
        APPLY,
        200,
        "x-cordboard-revision: 8\r\n",
        &answer(live),
    );
    let file = world.data.path().join("changes.json");
    std::fs::write(&file, r#"{"changes": [{"method": "PUT"}]}"#).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (world, file)
}

#[test]
fn a_plan_tells_what_goes_what_comes_and_who_is_moved() {
    let (world, file) = world(false);
    let outcome = world.run(&format!("cordboard plan {file}"));
    assert_eq!((outcome.code, outcome.out.as_str(), outcome.err.as_str()), (0, TOLD, ""));
    assert_eq!(world.lines(), [PLAN]);
    assert_eq!(world.asked()[0].body, json!({"changes": [{"method": "PUT"}]}));
    let raw = world.run(&format!("cordboard plan {file} --json")).out;
    assert_eq!(serde_json::from_str::<Value>(&raw).unwrap(), answer(false));
}

#[test]
fn what_was_shown_is_what_is_applied() {
    let (world, file) = world(false);
    let outcome = world.run(&format!("cordboard apply {file}"));
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    assert_eq!(outcome.out, format!("{TOLD}\n3 changes were made, from revision 8\n"));
    assert_eq!(world.lines(), [PLAN, APPLY]);
    let sent = json!({"changes": [{"method": "PUT"}], "expectedRevision": 7});
    assert_eq!(world.asked()[1].body, sent);
    let raw = world.run(&format!("cordboard apply {file} --json"));
    assert_eq!(serde_json::from_str::<Value>(&raw.out).unwrap(), answer(false));
    assert_eq!(raw.err, "");
}

#[test]
fn nothing_is_applied_to_live_without_assent() {
    let (world, file) = world(true);
    let line = format!("cordboard apply {file}");
    let outcome = world.run(&line);
    assert_eq!(outcome.code, 2);
    assert!(outcome.out.contains("Live     calls at live are won or lost"), "{}", outcome.out);
    assert!(outcome.err.contains("reaches live: say --yes"), "{}", outcome.err);
    assert_eq!(world.run_answering(&line, "n\n").code, 1);
    assert_eq!(world.lines(), [PLAN, PLAN]);
    assert_eq!(world.run_answering(&line, "y\n").code, 0);
    assert_eq!(world.run(&format!("{line} --yes")).code, 0);
    assert_eq!(world.lines()[2..], [PLAN, APPLY, PLAN, APPLY]);
}

#[test]
fn changes_come_from_standard_input_too_and_what_is_none_is_a_fault_of_usage() {
    let (world, file) = world(false);
    let outcome = world.run_answering("cordboard plan -", r#"{"changes": []}"#);
    assert_eq!((outcome.code, &world.asked()[0].body), (0, &json!({"changes": []})));
    for text in ["", "[]", "{", "changes"] {
        std::fs::write(&file, text).unwrap();
        for command in ["plan", "apply"] {
            let outcome = world.run(&format!("cordboard {command} {file}"));
            assert_eq!((outcome.code, outcome.out.as_str()), (2, ""), "{text:?}");
            assert!(outcome.err.contains("changes.json cannot be read: "), "{}", outcome.err);
        }
    }
    assert_eq!(world.run("cordboard plan nowhere.json").code, 2);
    assert_eq!(world.lines(), [PLAN]);
}
