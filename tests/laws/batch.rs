//! Many calls in one request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::world::{AT_LIVE, CALLER, NOBODYS, World};

const CALLS: &str = "/v1/calls:batch";
const ENDS: &str = "/v1/calls/end:batch";

fn calls(prefix: &str, count: usize) -> Value {
    let call = |n| json!({"to": AT_LIVE, "from": CALLER, "callId": format!("{prefix}-{n}")});
    Value::Array((0..count).map(call).collect())
}

#[test]
fn a_thousand_calls_begin_and_end_in_two_requests_and_each_is_counted() {
    let world = World::example().running();
    let mut gateway = world.gateway();
    let begun = gateway.post(CALLS, &calls("c", 1_000)).must(200).json();
    let begun = begun["results"].as_array().unwrap();
    assert!(begun.len() == 1_000 && begun.iter().all(|decision| decision["version"] == 1), "{:?}", begun[0]);
    assert_eq!(world.metric("cordboard_calls_in_progress", &["agent=\"sales\""]), 1_000.0);
    let single = gateway.post("/v1/calls", &calls("c", 1)[0]).must(200).json();
    assert_eq!(single["decisionId"], begun[0]["decisionId"], "alone and in a batch it is the same call");

    let ends = (0..1_000).map(|n| json!({"callId": format!("c-{n}"), "durationSeconds": 61.5}));
    let ended = gateway.post(ENDS, &ends.collect()).must(200).json();
    assert!(ended["results"].as_array().unwrap().iter().all(|end| end["ended"] == true));
    assert_eq!(world.metric("cordboard_calls_in_progress", &["agent=\"sales\""]), 0.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", &["outcome=\"completed\""]), 1_000.0);
    assert_eq!(world.metric("cordboard_call_duration_seconds_count", &["agent=\"sales\""]), 1_000.0);
}

#[test]
fn an_item_that_is_nonsense_or_bottomless_harms_itself_alone() {
    let world = World::example().running();
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let good = |id: &str| json!({"to": AT_LIVE, "callId": id}).to_string();
    let nobodys = json!({"to": NOBODYS, "callId": "n", "headers": {}}).to_string();
    let body = format!("[{}, {deep}, {{\"to\":{deep}}}, null, {nobodys}, {}]", good("first"), good("last"));
    let reply = world.gateway().try_send("POST", CALLS, body.as_bytes()).unwrap().must(200).json();
    let said = |at: usize| {
        let result = &reply["results"][at];
        (result["status"].clone(), result["errors"][0]["field"].clone())
    };
    for at in [1, 2, 3] {
        assert_eq!(said(at), (json!(400), json!(format!("[{at}]"))));
    }
    assert_eq!(
        (&reply["results"][0]["callId"], &reply["results"][5]["callId"]),
        (&json!("first"), &json!("last"))
    );
    assert_eq!(reply["results"][4]["reason"]["code"], "no_route");
}

#[test]
fn what_is_no_batch_or_too_large_a_one_is_refused_whole_and_begins_no_call() {
    let world = World::example().with_variable("CORDBOARD_LIMITS_BATCH_BYTES_MAX", "100000").running();
    for path in [CALLS, ENDS] {
        assert_eq!(world.gateway().post(path, &json!([])).must(200).json(), json!({"results": []}));
        for body in [calls("x", 1)[0].clone(), calls("x", 1_001), json!("[]")] {
            let refused = world.gateway().post(path, &body).must(400).json();
            assert_eq!(refused["errors"][0]["field"], "body", "{path}");
        }
        let deep = world.gateway().try_send("POST", path, "[".repeat(90_000).as_bytes()).unwrap();
        assert_eq!((deep.status, &deep.json()["errors"][0]["field"]), (400, &json!("body")), "{path}");
        let large = world.gateway().try_send("POST", path, "[1,".repeat(40_000).as_bytes()).unwrap();
        assert_eq!(large.status, 413, "{path}");
    }
    assert_eq!(world.metric("cordboard_calls_started_total", &[]), 0.0);
}

#[test]
fn batches_hold_nobody_up() {
    // One worker, on which everybody waits for everybody.
    let world = World::example().with_variable("CORDBOARD_CALLS_WORKERS", "1").running();
    let done = AtomicBool::new(false);
    let slowest = thread::scope(|scope| {
        scope.spawn(|| {
            let mut gateway = world.gateway();
            for n in 0..20 {
                gateway.post(CALLS, &calls(&format!("b{n}"), 1_000)).must(200);
            }
            done.store(true, Ordering::Release);
        });
        let mut gateway = world.gateway();
        let mut taken: Vec<Duration> = Vec::new();
        while !done.load(Ordering::Acquire) {
            let began = Instant::now();
            gateway.get("/v1/route?to=%2B14155550102").must(200);
            taken.push(began.elapsed());
        }
        taken.sort_unstable();
        (taken.len(), taken[taken.len() / 2])
    });
    // Were a batch answered in one go, there were about as many single answers as batches.
    assert!(slowest.0 > 100, "{slowest:?}");
}

#[test]
fn a_batch_of_long_answers_ends_before_it_fills_the_memory_and_the_rest_is_asked_for_again() {
    let world = World::example().running();
    let variables = json!({"variables": {"text": "x".repeat(60_000)}});
    let page = "/v1/agents/sales/real-time-configs/live/variables";
    world.operator().ask("PATCH", page, Some(&variables)).must(200);
    let call = |n: usize| json!({"to": AT_LIVE, "callId": format!("long-{n}")});
    let ask = |from: usize| -> Vec<Value> {
        let calls: Vec<Value> = (from..300).map(call).collect();
        let answer = world.gateway().post("/v1/calls:batch", &json!(calls)).must(200);
        assert!(answer.body.len() < 9 << 20, "{}", answer.body.len());
        answer.json()["results"].as_array().unwrap().clone()
    };
    let first = ask(0);
    let taken = first.iter().take_while(|it| it["decisionId"].is_string()).count();
    assert!((100..300).contains(&taken), "{taken}");
    for left in &first[taken..] {
        assert_eq!((&left["status"], &left["error_code"]), (&json!(503), &json!("OVERLOADED")));
    }
    let rest = ask(taken);
    assert!(
        rest[0]["decisionId"].is_string() && rest[0]["reason"]["code"] != "call_in_progress",
        "{}",
        rest[0]["reason"]
    );
}
