//! Arms and agents that may have only so many calls, and where the others go.

use std::thread;

use serde_json::{Value, json};

use super::world::{AT_LIVE, CALLER, PINNED_TO_V1, World};

const OVER: &str = "cordboard_calls_over_capacity_total";
const TO: &str = "+14155550177";
const QUEUE: &str = "sip:queue@10.0.0.9:5060";

/// A split of which all slots are the test's, which may have so many calls.
fn routes(limit: u32) -> String {
    format!(
        "[[split]]\nid = \"capped\"\narms = [\n  {{ id = \"control\", agent = \"sales\", pin = \"V1\", weight = 0 }},\n  \
         {{ id = \"test\", agent = \"sales\", pin = \"V2\", weight = 1, max_calls_in_progress = {limit} }},\n]\n\n\
         [[number]]\nnumber = \"{TO}\"\nsplit = \"capped\"\n"
    )
}

fn begin(world: &World, to: &str, id: &str) -> Value {
    let body = json!({"to": to, "from": CALLER, "callId": id});
    world.gateway().post("/v1/calls", &body).json()
}

fn end(world: &World, id: &str) {
    world.gateway().post(&format!("/v1/calls/{id}/end"), &json!({})).must(200);
}

/// Version, arm and target of an answer.
fn taken(decision: &Value) -> (u64, Option<&str>, &str) {
    let arm = decision["split"]["arm"].as_str();
    (decision["version"].as_u64().unwrap(), arm, decision["target"].as_str().unwrap())
}

const TEST: (u64, Option<&str>, &str) = (2, Some("test"), "sip:sales.v2@127.0.0.1:5060");
const CONTROL: (u64, Option<&str>, &str) = (1, None, "sip:sales.v1@127.0.0.1:5060");

#[test]
fn an_arm_at_its_limit_gives_way_to_the_control_outside_its_results_also_after_a_change_of_files() {
    let world = World::example().with("routes/capped.toml", &routes(2)).running();
    assert_eq!(taken(&begin(&world, TO, "a")), TEST);
    assert_eq!(taken(&begin(&world, TO, "b")), TEST);
    let third = begin(&world, TO, "c");
    assert_eq!((taken(&third), &third["reason"]["code"]), (CONTROL, &json!("number_split")));
    assert_eq!(
        third["reason"]["text"],
        "+14155550177 leads to arm test of split capped, which has as many calls in progress as it may (2): \
         the split's control serves, outside its results"
    );
    assert_eq!(taken(&begin(&world, TO, "a")), TEST, "in progress, whatever the limit");
    assert_eq!(world.metric(OVER, &["split=\"capped\"", "arm=\"test\"", "agent=\"\""]), 1.0);
    assert_eq!(world.metric("cordboard_calls_started_total", &["split=\"capped\""]), 2.0);

    world.put_live("V2");
    world.until("the files are taken", |world| world.version_at(AT_LIVE) == Some(2));
    assert_eq!(taken(&begin(&world, TO, "d")), CONTROL, "the count is not the table's");
    end(&world, "a");
    end(&world, "a");
    assert_eq!(taken(&begin(&world, TO, "e")), TEST);
    assert_eq!(taken(&begin(&world, TO, "f")), CONTROL);
    world.save("routes/capped.toml", &routes(3));
    world.until("the limit is raised", |world| world.route(TO).json()["split"]["arm"] == "test");
    assert_eq!(taken(&begin(&world, TO, "g")), TEST);
}

#[test]
fn who_only_asks_takes_nothing_and_a_dry_run_tells_of_the_limit() {
    let world = World::example().with("routes/capped.toml", &routes(1)).running();
    for _ in 0..5 {
        assert_eq!(taken(&world.route(TO).json()), TEST);
    }
    let body = json!({"to": TO, "from": CALLER, "callId": "dry"});
    for _ in 0..3 {
        assert_eq!(taken(&world.gateway().post("/v1/calls?dryRun=true", &body).json()), TEST);
    }
    assert_eq!(taken(&begin(&world, TO, "a")), TEST);
    let dry = world.gateway().post("/v1/calls?dryRun=true", &body).must(200).json();
    let rules = dry["explain"]["rules"].as_array().unwrap();
    let told: Vec<_> =
        rules.iter().map(|rule| (rule["rule"].as_str().unwrap(), rule["decided"] == true)).collect();
    assert_eq!(
        told,
        [("call_in_progress", false), ("number_split", true), ("capacity", false), ("control", true)]
    );
    assert_eq!(world.metric(OVER, &[]), 0.0, "no call was turned away");
}

#[test]
fn an_agent_at_its_limit_gives_way_to_the_numbers_fallback_then_to_its_own_then_to_nobody() {
    let world = World::example().running();
    let agent = world.text("agents/sales/agent.toml");
    let own = "[[number]]\nnumber = \"+14155550178\"\nagent = \"sales\"\npin = \"V2\"\nfallback = \"sip:desk@10.0.0.8\"\n";
    world.save("routes/own.toml", own);
    world.save("agents/sales/agent.toml", &format!("max_calls_in_progress = 1\n{agent}"));
    let limit = |world: &World| {
        let agents = world.operator().get("/v1/agents").must(200).json();
        agents[1]["maxCallsInProgress"].clone()
    };
    world.until("the limit is in force", |world| limit(world) == 1);
    assert_eq!(begin(&world, PINNED_TO_V1, "a")["target"], "sip:sales.v1@127.0.0.1:5060");
    let all_the_same = begin(&world, PINNED_TO_V1, "b");
    assert_eq!(all_the_same["target"], "sip:sales.v1@127.0.0.1:5060", "a call is always answered");
    assert!(all_the_same["reason"]["text"].as_str().unwrap().ends_with("nothing else can take the call"));
    let desk = begin(&world, "+14155550178", "c");
    assert_eq!(
        (&desk["target"], &desk["targets"]),
        (&json!("sip:desk@10.0.0.8"), &json!([{"uri": "sip:desk@10.0.0.8", "priority": 0, "weight": 1}]))
    );
    assert_eq!((&desk["agentId"], &desk["reason"]["code"]), (&json!("sales"), &json!("number_pin")));
    assert_eq!(begin(&world, "+14155550178", "c")["target"], "sip:desk@10.0.0.8", "kept");
    assert_eq!(world.metric(OVER, &["agent=\"sales\"", "split=\"\"", "arm=\"\""]), 2.0);

    world.save(
        "agents/sales/agent.toml",
        &format!("max_calls_in_progress = 1\nfallback = \"{QUEUE}\"\n{agent}"),
    );
    world.until("the fallback is in force", |world| world.route(PINNED_TO_V1).json()["target"] == QUEUE);
    assert_eq!(begin(&world, PINNED_TO_V1, "d")["target"], QUEUE);
    assert_eq!(begin(&world, "+14155550178", "e")["target"], "sip:desk@10.0.0.8");
    assert_eq!(begin(&world, PINNED_TO_V1, "a")["reason"]["code"], "call_in_progress");
    end(&world, "a");
    assert_eq!(begin(&world, PINNED_TO_V1, "f")["target"], "sip:sales.v1@127.0.0.1:5060");
}

#[test]
fn limits_and_fallbacks_are_set_and_shown_by_the_api_and_faults_are_named() {
    let mut world = World::example().running();
    let arms = json!([
        {"id": "control", "agentId": "sales", "pin": "V1", "weight": 0},
        {"id": "test", "agentId": "sales", "pin": "V2", "weight": 1, "maxCallsInProgress": 1},
    ]);
    let body = json!({"id": "capped", "arms": arms, "scope": {"numbers": [TO]}});
    world.operator().post("/v1/splits", &body).must(201);
    let number = "/v1/numbers/%2B14155550177";
    let put = world.operator().put(number, &json!({"splitId": "capped", "fallback": QUEUE})).must(200).json();
    assert_eq!((&put["fallback"], &put["warnings"]), (&json!(QUEUE), &json!([])));
    world
        .operator()
        .patch("/v1/splits/capped", &json!({"arms": [{"id": "control", "maxCallsInProgress": 1}]}))
        .must(200);
    world.kill_9();
    world.start();
    let shown = world.operator().get("/v1/splits/capped").must(200).json();
    assert!(shown["arms"].as_array().unwrap().iter().all(|arm| arm["maxCallsInProgress"] == 1), "{shown}");
    assert_eq!(taken(&begin(&world, TO, "a")), TEST);
    assert_eq!(taken(&begin(&world, TO, "b")), CONTROL);
    let queued = begin(&world, TO, "c");
    assert_eq!((taken(&queued).1, taken(&queued).2), (None, QUEUE));

    world.operator().put(number, &json!({"splitId": "capped", "fallback": AT_LIVE})).must(200);
    let led = begin(&world, TO, "d");
    assert_eq!(
        (taken(&led), &led["headers"]["X-Brand"]),
        (CONTROL, &json!("north")),
        "as {AT_LIVE} is served"
    );
    let own = world.operator().put(number, &json!({"splitId": "capped", "fallback": TO})).must(400).json();
    assert_eq!(own["errors"][0]["field"], "fallback");
    let odd =
        world.operator().put(number, &json!({"splitId": "capped", "fallback": "ftp://h"})).must(400).json();
    assert_eq!(odd["errors"][0]["field"], "fallback");
    let nobody =
        world.operator().put(number, &json!({"splitId": "capped", "fallback": "nobody"})).must(200).json();
    assert_eq!(nobody["warnings"], json!(["the fallback nobody has no route of its own: it takes no calls"]));
    for calls in [json!(0), json!(-1), json!("5"), json!(100_000_001)] {
        let patch = json!({"arms": [{"id": "test", "maxCallsInProgress": calls}]});
        let refused = world.operator().patch("/v1/splits/capped", &patch).must(400).json();
        assert_eq!(refused["errors"][0]["field"], "arms[0].maxCallsInProgress");
    }
    let any = json!({"arms": [{"id": "test", "maxCallsInProgress": null}]});
    world.operator().patch("/v1/splits/capped", &any).must(200);
    assert_eq!(taken(&begin(&world, TO, "e")), TEST);
}

#[test]
fn however_many_ask_at_once_no_more_calls_begin_than_there_may_be() {
    let world = World::example()
        .with_variable("CORDBOARD_CALLS_WORKERS", "4")
        .with("routes/capped.toml", &routes(7))
        .running();
    for round in 0..5 {
        let begun: usize = thread::scope(|scope| {
            let gateways: Vec<_> = (0..4)
                .map(|gateway| {
                    let world = &world;
                    scope.spawn(move || {
                        let call = |n| json!({"to": TO, "callId": format!("{round}-{gateway}-{n}")});
                        let calls = Value::Array((0..50).map(call).collect());
                        let answer = world.gateway().post("/v1/calls:batch", &calls).must(200).json();
                        let results = answer["results"].as_array().unwrap();
                        results.iter().filter(|decision| taken(decision).1 == Some("test")).count()
                    })
                })
                .collect();
            gateways.into_iter().map(|gateway| gateway.join().unwrap()).sum()
        });
        assert_eq!(begun, 7);
        for gateway in 0..4 {
            let end = |n| json!({"callId": format!("{round}-{gateway}-{n}")});
            let ends = Value::Array((0..50).map(end).collect());
            world.gateway().post("/v1/calls/end:batch", &ends).must(200);
        }
    }
}

#[test]
fn a_limit_or_fallback_that_makes_no_sense_is_a_fault_with_its_place() {
    let world = World::example().running();
    world.save("routes/capped.toml", &routes(0));
    world.until_fault("arms[1].max_calls_in_progress: 0 is out of range");
    world.save(
        "routes/capped.toml",
        &format!("[[number]]\nnumber = \"{TO}\"\nagent = \"sales\"\nfallback = \"{TO}\"\n"),
    );
    let status = world.until_fault("fallback: +14155550177 is the number itself");
    assert_eq!(status["faults"][0]["line"], 4);
    world.save(
        "routes/capped.toml",
        &format!("[[number]]\nnumber = \"{TO}\"\nagent = \"sales\"\nfallback = \"{PINNED_TO_V1}\"\n"),
    );
    world.until_in_force();
    let agent = world.text("agents/sales/agent.toml");
    world.save("agents/sales/agent.toml", &format!("fallback = \"nowhere:5060\"\n{agent}"));
    assert_eq!(world.until_fault("fallback: ")["faults"][0]["column"], 12);
}
