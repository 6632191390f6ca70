//! Test calls: an agent tried in any environment, outside of all that is counted.

use serde_json::{Value, json};

use super::world::World;

const PATH: &str = "/v1/agents/sales/test-calls";

fn keys(decision: &Value) -> Vec<&String> {
    decision.as_object().unwrap().keys().collect()
}

/// What is counted of calls and decisions, without what no asker changes.
fn counted(world: &World) -> Vec<String> {
    let is_of_calls = |line: &&str| {
        line.starts_with("cordboard_calls_")
            || line.starts_with("cordboard_call_")
            || line.starts_with("cordboard_decision_")
    };
    world.metrics().lines().filter(is_of_calls).map(str::to_owned).collect()
}

#[test]
fn a_test_call_is_a_decision_that_leaves_nothing() {
    let world = World::example().running();
    for line in [
        "agents create Desk --id desk --greeting Hello",
        "publish desk --to live --yes",
        "draft desk set instructions.systemPrompt=Kind",
        "publish desk --to pre-release",
        "draft desk set instructions.systemPrompt=Brief",
        "numbers put +14155550180 --agent desk --pin live --yes",
        "splits create at-live --live-of desk --arm control=desk@live:1 --arm test=desk@pre-release:1 --yes",
    ] {
        let done = world.client(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(done.code(), 0, "{line}: {}", done.err);
    }
    let mut operator = world.operator();
    let endpoints = json!({"endpoints": [{"uri": "sip:{agent}.{version}@10.0.0.1"}]});
    operator.put("/v1/agents/desk/endpoints", &endpoints).must(200);
    let call = world.call("+14155550180", "a-call");
    assert_eq!(call["split"]["id"], "at-live");
    let (before, status) = (counted(&world), world.status());
    for (body, version, pin) in [
        (json!({"environment": "live"}), json!(1), "live"),
        (
            json!({"environment": "pre-release", "from": "+14155550123", "headers": {"X-Env": "test"}}),
            json!(2),
            "pre-release",
        ),
        (json!({"pin": "V2"}), json!(2), "V2"),
        (json!({}), Value::Null, "draft"),
    ] {
        let decision = operator.post("/v1/agents/desk/test-calls", &body).must(201).json();
        assert_eq!(decision["test"], true);
        let mut without = decision.clone();
        without.as_object_mut().unwrap().remove("test");
        assert_eq!(keys(&without), keys(&call), "every key of a decision, and no other");
        assert_eq!((&decision["version"], &decision["pin"]), (&version, &json!(pin)), "{body}");
        assert_eq!((&decision["token"], &decision["split"]), (&Value::Null, &Value::Null), "{body}");
        assert_eq!((&decision["agentId"], &decision["reason"]["code"]), (&json!("desk"), &json!("override")));
        let version = version.as_u64().map_or("draft".to_owned(), |version| version.to_string());
        assert_eq!(decision["target"], format!("sip:desk.{version}@10.0.0.1"));
        let id = decision["callId"].as_str().unwrap();
        assert_eq!(operator.get(&format!("/v1/calls/{id}")).status, 404);
        assert_eq!(world.gateway().with_key(&world.key()).get(&format!("/v1/calls/{id}")).status, 404);
    }
    assert_eq!(counted(&world), before);
    assert_eq!(world.status(), status, "no call more is in progress, and nothing has changed");
}

#[test]
fn what_is_not_there_is_named_by_its_field() {
    let world = World::example().running();
    let refused = |body: Value| {
        let answer = world.operator().post(PATH, &body).must(400).json();
        (answer["errors"][0]["field"].clone(), answer["errors"][0]["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        refused(json!({"environment": "sandbox"})),
        (json!("environment"), "agent sales has nothing deployed to sandbox".to_owned())
    );
    assert_eq!(refused(json!({"pin": "V9"})), (json!("pin"), "agent sales has no V9".to_owned()));
    assert_eq!(refused(json!({"pin": "sandbox"})).0, "pin");
}

#[test]
fn a_test_call_is_made_by_command() {
    let world = World::example().running();
    let done = world.client(&["test-call", "sales", "--env", "pre-release", "-H", "X-Env: test"]);
    assert_eq!(done.code(), 0, "{}", done.err);
    assert!(done.out.starts_with("a test call is served by sales, V2 (pin pre-release)\n"), "{}", done.out);
    let refused = world.client(&["test-call", "sales", "--pin", "V9"]);
    assert!(refused.code() == 1 && refused.err.contains("has no V9"), "{}", refused.err);
}
