//! Callers who are given another version by hand.

use serde_json::{Value, json};

use super::world::{AT_LIVE, CALLER, IN_SPLIT, PINNED_TO_V1, World};

const STARTED: &str = "cordboard_calls_started_total";
const PIN: &str = "/v1/caller-pins/sales/%2B14155550199";

/// Version, reason and split of the answer that a caller gets.
fn answer(world: &World, to: &str, from: &str) -> (Value, Value, Value) {
    let decision = world.route_of(to, from).must(200).json();
    (decision["version"].clone(), decision["reason"]["code"].clone(), decision["split"].clone())
}

fn pinned_to(version: u32) -> (Value, Value, Value) {
    (json!(version), json!("caller_pin"), Value::Null)
}

fn of_file(pin: &str) -> String {
    format!("[[caller_pin]]\ncaller = \"{CALLER}\"\nagent = \"sales\"\npin = \"{pin}\"\n")
}

#[test]
fn a_pinned_caller_gets_the_version_at_once_and_everybody_else_what_the_routes_say() {
    let world = World::example().running();
    let begun = world.call(AT_LIVE, "begun-before");
    world.operator().put(PIN, &json!({"pin": "V2"})).must(200);
    for to in [AT_LIVE, PINNED_TO_V1, IN_SPLIT] {
        assert_eq!(answer(&world, to, CALLER), pinned_to(2), "{to}");
        assert_ne!(answer(&world, to, "+14155550198").1, "caller_pin", "{to}");
        assert_ne!(answer(&world, to, "anonymous").1, "caller_pin", "{to}");
    }
    let other_agent = answer(&world, "+14155557777", CALLER);
    assert_eq!((other_agent.0, other_agent.1), (json!(1), json!("prefix_route")), "never another agent");
    let body = json!({"to": AT_LIVE, "from": CALLER, "callId": "begun-before"});
    let again = world.gateway().post("/v1/calls", &body).must(200).json();
    assert_eq!(again["decisionId"], begun["decisionId"], "a call in progress keeps its version");

    let dry = world.gateway().get("/v1/route?dryRun=true&to=%2B14155550100&from=%2B14155550199").json();
    let rules: Vec<_> = dry["explain"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| (&rule["rule"], &rule["decided"]))
        .collect();
    let last = &rules[rules.len() - 2..];
    assert_eq!(last, [(&json!("number_split"), &json!(true)), (&json!("caller_pin"), &json!(true))]);
    assert_eq!(
        (&dry["pin"], &dry["environment"], &dry["headers"]["X-Agent-Version"]),
        (&json!("V2"), &Value::Null, &json!("2"))
    );
    world.operator().ask("DELETE", PIN, None).must(204);
    assert_ne!(answer(&world, IN_SPLIT, CALLER).1, "caller_pin");
}

#[test]
fn calls_of_a_pinned_caller_are_in_no_result_of_a_split() {
    let world = World::example().running();
    world.operator().put(PIN, &json!({"pin": "V2"})).must(200);
    world.call(IN_SPLIT, "pinned");
    assert_eq!(
        world.metric(STARTED, &["version=\"V2\"", "split=\"\"", "arm=\"\""]),
        1.0,
        "{}",
        world.metrics()
    );
    assert_eq!(world.metric(STARTED, &["split=\"spring-prompt\""]), 0.0, "{}", world.metrics());
}

#[test]
fn a_caller_pin_survives_a_kill_and_its_caller_is_nowhere_in_the_history_or_the_log() {
    let mut world = World::example().running();
    let pin =
        world.operator().put(PIN, &json!({"pin": "V2", "until": "2090-01-01T00:00:00Z"})).must(200).json();
    world.kill_9();
    world.start();
    assert_eq!(world.operator().get(PIN).must(200).json(), pin);
    assert_eq!(answer(&world, IN_SPLIT, CALLER), pinned_to(2));
    world.operator().ask("DELETE", PIN, None).must(204);
    let known_as = pin["knownAs"].as_str().unwrap();
    let history = world.operator().get("/v1/history").must(200).body;
    assert!(history.matches(&format!("\"target\":\"{known_as}\"")).count() == 2, "{history}");
    for told in [history, world.log()] {
        assert!(!told.contains(&CALLER[1..]), "{told}");
    }
}

#[test]
fn a_caller_pin_of_the_files_comes_and_goes_with_them_and_is_theirs_alone() {
    let mut world = World::example().with("routes/callers.toml", &of_file("V2")).running();
    assert_eq!(answer(&world, IN_SPLIT, CALLER), pinned_to(2));
    let mut operator = world.operator();
    let refused = operator.put(PIN, &json!({"pin": "V1"})).must(409).json();
    assert_eq!(refused["error_code"], "MANAGED_BY_FILES");
    operator.ask("DELETE", PIN, None).must(409);
    operator.put("/v1/caller-pins/sales/alice", &json!({"pin": "V2"})).must(200);
    let list = operator.get("/v1/caller-pins").must(200).json();
    let owners: Vec<_> = list["callerPins"].as_array().unwrap().iter().map(|pin| &pin["managedBy"]).collect();
    assert_eq!(owners, ["files", "api"]);

    world.edit("routes/callers.toml", &of_file("V9"));
    let fault = world.until_fault("no V9").to_string();
    assert!(fault.contains("routes/callers.toml") && fault.contains("\"line\":4"), "{fault}");
    assert_eq!(answer(&world, IN_SPLIT, CALLER), pinned_to(2), "the last good files serve");
    world.restart();
    assert_eq!(answer(&world, IN_SPLIT, CALLER), pinned_to(2), "after a restart too");
    world.edit("routes/callers.toml", &of_file("V1"));
    world.until("the pin is another", |world| answer(world, IN_SPLIT, CALLER) == pinned_to(1));
    world.remove("routes/callers.toml");
    world.until("the pin is gone", |world| answer(world, IN_SPLIT, CALLER).1 != "caller_pin");
    assert_eq!(answer(&world, IN_SPLIT, "alice"), pinned_to(2), "what the API made stays");
}

#[test]
fn caller_pins_are_put_shown_listed_and_deleted_by_command_and_checked_without_a_router() {
    let world = World::example().running();
    let run = |line: &str| world.client(&line.split(' ').collect::<Vec<_>>());
    let put = run("caller-pins put +14155550199 --agent sales --pin V2 --until 2090-01-01T00:00:00Z");
    assert_eq!(put.code(), 0, "{}", put.err);
    assert!(
        put.out.starts_with("the caller +14155550199 is pinned to sales@V2, from revision "),
        "{}",
        put.out
    );
    assert_eq!(answer(&world, IN_SPLIT, CALLER), pinned_to(2));
    let shown = run("caller-pins show +14155550199 --agent sales");
    assert!(shown.out.contains("sales@V2") && shown.out.contains("2090-01-01T00:00:00Z"), "{}", shown.out);
    let listed = run("caller-pins list --agent sales --json").out;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["callerPins"][0]["caller"], CALLER);
    assert_eq!(run("caller-pins put alice --agent sales --pin live").code(), 2, "live is asked for");
    assert_eq!(run("caller-pins put alice --agent sales --pin live --yes").code(), 0);
    assert_eq!(run("caller-pins put alice --agent sales --pin V9 --yes").code(), 1);
    assert_eq!(run("caller-pins put anonymous --agent sales --pin V1").code(), 2, "nobody in particular");
    assert_eq!(run("caller-pins delete +14155550199 --agent sales").code(), 0);
    assert_eq!(run("caller-pins delete +14155550199 --agent sales").code(), 1);

    world.edit("routes/callers.toml", &of_file("V2"));
    let checked = run("check config");
    assert!(checked.code() == 0 && checked.out.contains("1 caller pin"), "{}", checked.out);
    world.edit("routes/callers.toml", &of_file("V9"));
    let checked = run("check config");
    assert!(checked.code() == 1 && checked.err.contains("routes/callers.toml:4:7"), "{}", checked.err);
}
