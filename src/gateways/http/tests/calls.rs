//! Calls in progress, and how they end.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Plan, START_MS, World, field, route};
use crate::domain::id::Pin;
use crate::domain::route::{HeaderRule, HeaderTest};
use crate::domain::split::UnitRule;
use crate::domain::time::Timestamp;
use crate::http::tests::world::{Client, Reply};
use crate::routing::calls::LEGS_MAX;

fn world() -> World {
    let mut world = World::new();
    world.number("+14155550100", "sales", "live");
    world
}

fn call(id: &str) -> Value {
    json!({"to": "+14155550100", "callId": id})
}

#[test]
fn a_call_is_shown_while_it_is_in_progress_and_ten_minutes_after() {
    let world = world();
    let id = "a/b c ü";
    let path = "/v1/calls/a%2Fb%20c%20%C3%BC";
    let decided =
        world.post("/v1/calls", json!({"to": "+14155550100", "callId": id, "gateway": "http"})).json();
    let shown = world.get_as("all", path).json();
    assert_eq!(shown["decision"]["decisionId"], decided["decisionId"]);
    assert_eq!(shown["decision"]["version"], 3);
    let start = Timestamp(START_MS).to_string();
    for (key, value) in [
        ("callId", json!(id)),
        ("gateway", json!("http")),
        ("to", json!("+14155550100")),
        ("startedAt", json!(start)),
        ("endedAt", Value::Null),
        ("outcome", Value::Null),
        ("inProgress", json!(true)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    world.clock.advance(Duration::from_secs(90));
    let said = json!({"outcome": "transferred", "automated": false, "sentiment": 0.5, "handoff": true});
    let ended = world.post(&format!("{path}/end"), said);
    assert_eq!((ended.status, &ended.json()["ended"]), (200, &json!(true)));
    let shown = world.get_as("all", path).json();
    for (key, value) in [
        ("endedAt", json!(Timestamp(START_MS + 90_000).to_string())),
        ("durationSeconds", json!(90.0)),
        ("outcome", json!("transferred")),
        ("automated", json!(false)),
        ("sentiment", json!(0.5)),
        ("handoff", json!(true)),
        ("inProgress", json!(false)),
    ] {
        assert!(shown[key] == value || shown[key].as_f64() == value.as_f64(), "{key}: {}", shown[key]);
    }
    world.clock.advance(Duration::from_secs(599));
    world.plane.sweep(world.plane.now());
    assert_eq!(world.get_as("all", path).status, 200);
    world.clock.advance(Duration::from_secs(1));
    world.plane.sweep(world.plane.now());
    assert_eq!(world.get_as("all", path).status, 404);
}

#[test]
fn the_first_end_stands() {
    let world = world();
    world.post("/v1/calls", call("c"));
    let first = world.post("/v1/calls/c/end", json!({"outcome": "failed", "durationSeconds": 5}));
    let second = world.post("/v1/calls/c/end", json!({"outcome": "completed", "durationSeconds": 9}));
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json(), second.json());
    assert_eq!(second.json()["outcome"], "failed");
    assert_eq!(world.metric("cordboard_calls_ended_total", "outcome=\"failed\""), 1.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", "outcome=\"completed\""), 0.0);
}

#[test]
fn what_started_less_what_ended_is_in_progress() {
    let world = world();
    for n in 0..10 {
        world.post("/v1/calls", call(&format!("c{n}")));
        world.post("/v1/calls", call(&format!("c{n}")));
    }
    let in_progress = || world.metric("cordboard_calls_in_progress", "");
    assert_eq!(world.metric("cordboard_calls_started_total", "version=\"V3\",environment=\"live\""), 10.0);
    assert_eq!(in_progress(), 10.0);
    for n in 0..4 {
        world.post(&format!("/v1/calls/c{n}/end"), json!({}));
    }
    assert_eq!(in_progress(), 6.0);
    world.clock.advance(Duration::from_secs(6 * 3_600));
    assert_eq!(world.plane.sweep(world.plane.now()), 6);
    assert_eq!(in_progress(), 0.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", ""), 10.0);
    assert_eq!(world.metric("cordboard_calls_ended_total", "outcome=\"unknown\""), 6.0);
    let late = world.post("/v1/calls/c9/end", json!({"outcome": "failed"}));
    assert_eq!(late.json()["outcome"], "failed", "a real end replaces a time-out's");
    assert_eq!((in_progress(), world.metric("cordboard_calls_ended_total", "")), (0.0, 10.0));
}

#[test]
fn an_unknown_call_ends_by_its_token_and_only_by_it() {
    let (here, elsewhere) = (world(), world());
    let token = elsewhere.post("/v1/calls", call("c")).json()["token"].clone();
    let unknown = here.post("/v1/calls/c/end", json!({}));
    assert_eq!((unknown.status, &unknown.json()["error_code"]), (404, &json!("CALL_NOT_FOUND")));
    for (token, why) in [
        (json!("nonsense"), "it is no token"),
        (json!(token.as_str().unwrap().replace(char::is_alphabetic, "A")), "its signature is not ours"),
        (json!(token.as_str().unwrap()), "it is for another number"),
    ] {
        let refused = here.post("/v1/calls/c/end", json!({"token": token, "to": "+14155550199"}));
        let error = refused.json();
        assert_eq!((refused.status, &error["error_code"]), (404, &json!("CALL_NOT_FOUND")));
        let told = "no such call is in progress here or ended a moment ago, and the token was ignored: ";
        assert_eq!(error["error_message"], format!("{told}{why}"));
    }
    for _ in 0..2 {
        let end = json!({"token": token, "outcome": "failed", "durationSeconds": 30});
        let ended = here.post("/v1/calls/c/end", end);
        assert_eq!((ended.status, &ended.json()["outcome"]), (200, &json!("failed")));
    }
    assert_eq!(here.metric("cordboard_calls_ended_total", "version=\"V3\""), 1.0);
    assert_eq!(here.metric("cordboard_calls_in_progress", ""), 0.0);
}

#[test]
fn an_end_with_a_token_is_of_the_call_it_was_given_for_whatever_id_it_names_and_counts_once() {
    let (here, elsewhere) = (world(), world());
    let begun = |world: &World, id: &str| world.post("/v1/calls", call(id)).json()["token"].clone();
    let end = |world: &World, id: &str, token: &Value, outcome: &str| {
        let ended = world.post(&format!("/v1/calls/{id}/end"), json!({"token": token, "outcome": outcome}));
        assert_eq!(ended.status, 200, "{}", ended.text());
        assert_eq!(ended.json()["callId"], id);
        ended.json()["outcome"].clone()
    };
    let counted = |world: &World| {
        ["cordboard_calls_ended_total", "cordboard_calls_in_progress"].map(|name| world.metric(name, ""))
    };
    let ended_here = begun(&here, "ended");
    assert_eq!(end(&here, "ended", &ended_here, "failed"), "failed");
    assert_eq!(end(&here, "ended-2", &ended_here, "completed"), "failed", "the first stands");
    assert_eq!(counted(&here), [1.0, 0.0]);

    let transferred = begun(&here, "before");
    assert_eq!(end(&here, "after", &transferred, "completed"), "completed");
    assert_eq!(counted(&here), [2.0, 0.0], "the call in progress has ended");
    assert_eq!(end(&here, "before", &transferred, "failed"), "completed");

    // Drawn by the same seeds, the first decisions of each of the two workers there have the ids of those here.
    let from_elsewhere = (0..40).map(|id| begun(&elsewhere, &id.to_string())).last().unwrap();
    assert_eq!(end(&here, "x-1", &from_elsewhere, "abandoned"), "abandoned");
    assert_eq!(end(&here, "x-2", &from_elsewhere, "failed"), "abandoned");
    assert_eq!(counted(&here), [3.0, 0.0]);

    let other_number = json!({"token": begun(&here, "other"), "to": "+14155550109"});
    assert_eq!(here.post("/v1/calls/other-2/end", other_number).status, 404);
    assert_eq!(counted(&here), [3.0, 1.0]);
}

#[test]
fn a_call_ends_whatever_the_clock_of_its_gateway_shows_and_clocks_may_differ_by_a_minute() {
    let world = world();
    let begin = |id: &str| world.post("/v1/calls", call(id));
    for id in ["early", "late", "near", "words"] {
        begin(id);
    }
    world.clock.advance(Duration::from_secs(90));
    for (id, off_ms, ended_ms) in
        [("early", -60_001, 90_000), ("late", 3_600_000, 90_000), ("near", -2_000, -2_000)]
    {
        let said = json!({"endedAt": Timestamp(START_MS + off_ms).to_string()});
        let ended = world.post(&format!("/v1/calls/{id}/end"), said);
        let at = Timestamp(START_MS + ended_ms).to_string();
        assert_eq!((ended.status, &ended.json()["endedAt"]), (200, &json!(at)), "{id}");
        let seconds = if ended_ms > 0 { 90.0 } else { 0.0 };
        assert_eq!(ended.json()["durationSeconds"].as_f64(), Some(seconds), "{id}");
    }
    let refused = world.post("/v1/calls/words/end", json!({"endedAt": "yesterday"}));
    assert_eq!((refused.status, field(&refused)), (400, "endedAt".to_owned()));
}

#[test]
fn a_duration_that_cannot_be_gives_way_to_that_of_the_call_where_it_is_known() {
    let (world, elsewhere) = (world(), world());
    let token = elsewhere.post("/v1/calls", call("c")).json()["token"].clone();
    let end = json!({"durationSeconds": 604_801, "token": token});
    let refused = world.post("/v1/calls/c/end", end.clone());
    assert_eq!((refused.status, field(&refused)), (400, "durationSeconds".to_owned()));
    assert!(refused.text().contains("604,800"), "{}", refused.text());
    elsewhere.clock.advance(Duration::from_secs(30));
    assert_eq!(elsewhere.post("/v1/calls/c/end", end).json()["durationSeconds"].as_f64(), Some(30.0));
}

#[test]
fn an_end_is_of_the_leg_that_it_names_or_of_all_with_the_id_at_the_gateway() {
    let mut world = world();
    world.number("+14155550101", "sales", "V1");
    world.number("bob", "sales", "V2");
    let begin = |id: &str| {
        ["+14155550100", "+14155550101", "bob"].map(|to| {
            let call = json!({"to": to, "callId": id, "gateway": "http"});
            world.post("/v1/calls", call).json()["token"].clone()
        })
    };
    let left = |id: &str| {
        ["%2B14155550100", "+14155550101", "sip:bob@edge"].map(|to| {
            let shown = world.get_as("all", &format!("/v1/calls/{id}?to={to}"));
            assert_eq!(shown.status, 200, "{}", shown.text());
            shown.json()["inProgress"].as_bool().unwrap()
        })
    };
    let end = |id: &str, body: Value| world.post(&format!("/v1/calls/{id}/end"), body).status;

    begin("by-number");
    assert_eq!(end("by-number", json!({"to": "tel:+1-415-555-0100"})), 200);
    assert_eq!(left("by-number"), [false, true, true]);
    assert_eq!(end("by-number", json!({"to": "+14155550109"})), 404);
    assert_eq!(end("by-number", json!({"to": "+1"})), 400);

    let [_, second, third] = begin("by-token");
    assert_eq!(end("by-token", json!({"token": second})), 200);
    assert_eq!(left("by-token"), [true, false, true]);
    assert_eq!(end("by-token", json!({"token": third})), 200);
    assert_eq!(left("by-token"), [true, false, false]);

    begin("whole");
    assert_eq!(end("whole", json!({"token": "of nothing"})), 200, "a token that is not valid is ignored");
    assert_eq!(left("whole"), [false; 3]);
    let by_id = world.get_as("all", "/v1/calls/whole").json();
    assert_eq!(by_id["to"], "bob", "the latest, where none is named");
}

#[test]
fn an_end_without_a_gateway_is_of_the_one_that_a_call_without_a_gateway_is_of() {
    let world = world();
    let begin = |gateway: Value| {
        let call = json!({"to": "+14155550100", "callId": "c", "gateway": gateway});
        world.post_as("all", "/v1/calls", call)
    };
    begin(json!("edge"));
    begin(Value::Null);
    assert_eq!(world.post_as("all", "/v1/calls/c/end", json!({})).status, 200);
    let left = |gateway: &str| {
        world.get_as("all", &format!("/v1/calls/c?gateway={gateway}")).json()["inProgress"].clone()
    };
    assert_eq!((left("http"), left("edge")), (json!(false), json!(true)));
    assert_eq!(world.post_as("all", "/v1/calls/c/end", json!({"gateway": "edge"})).status, 200);
    assert_eq!(left("edge"), json!(false));
}

#[test]
fn a_call_is_shown_with_the_reason_that_decided_it() {
    let mut world = world();
    world.split("spring", UnitRule::Caller, &[("a", "V1", 1), ("b", "V2", 1)], &["+14155550101"]);
    world.prefix("+1650", "sales", "V1");
    let mut ruled = route("sales", "live");
    let test = HeaderTest::Equals("test".to_owned());
    let rule = HeaderRule { header: "X-Env".to_owned(), test, agent: None, pin: Pin::Draft };
    ruled.header_rules = vec![rule];
    world.route("+14155550102", ruled);
    let cases = [
        ("+14155550100", json!({}), "number_pin"),
        ("+14155550101", json!({}), "number_split"),
        ("+14155550102", json!({"X-Env": "test"}), "header_rule"),
        ("+16505550100", json!({}), "prefix_route"),
    ];
    for (to, headers, code) in cases {
        let call = json!({"to": to, "from": "+14155550111", "callId": to, "headers": headers});
        let decided = world.post("/v1/calls", call.clone()).json();
        assert_eq!(decided["reason"]["code"], code);
        assert_eq!(world.post("/v1/calls", call).json()["reason"]["code"], "call_in_progress");
        let shown = world.get_as("all", &format!("/v1/calls/{}", to.replace('+', "%2B"))).json();
        assert_eq!(shown["decision"]["reason"], decided["reason"]);
        assert_eq!(shown["decision"]["split"], decided["split"]);
    }
}

#[test]
fn what_no_sip_user_has_is_refused_in_to_by_name_and_never_in_from() {
    let mut world = world();
    world.number("front%20desk", "sales", "V1");
    for to in ["front desk", "bob@host", "{agent}", "a:b"] {
        let refused = world.post("/v1/calls", json!({"to": to, "callId": "c"}));
        assert_eq!((refused.status, field(&refused)), (400, "to".to_owned()), "{to}");
        assert!(refused.text().contains("in a SIP user as %"), "{}", refused.text());
        let call = json!({"to": "front%20desk", "from": to, "callId": to});
        let decided = world.post("/v1/calls", call);
        assert_eq!((decided.status, &decided.json()["version"]), (201, &json!(1)), "{}", decided.text());
    }
}

#[test]
fn a_parameter_that_means_nothing_is_refused_where_it_would_be_missed() {
    let world = world();
    let refused = |reply: Reply| (reply.status, field(&reply));
    for name in ["dryrun", "DryRun", "dry_run", "verbose"] {
        let reply = world.post(&format!("/v1/calls?{name}=true"), call("c"));
        assert!(reply.text().contains("expected dryRun"), "{}", reply.text());
        assert_eq!(refused(reply), (400, name.to_owned()));
    }
    assert_eq!(world.metric("cordboard_calls_started_total", ""), 0.0);
    for name in ["dryrun", "DRYRUN", "dry_run", "dry-run"] {
        let reply = world.get(&format!("/v1/route?to=+14155550100&{name}=true"));
        assert_eq!(refused(reply), (400, name.to_owned()));
    }
    assert_eq!(world.get("/v1/route?to=+14155550100&_=1767225600").status, 200, "to get past a cache");
    world.post("/v1/calls", call("c"));
    assert_eq!(refused(world.get_as("all", "/v1/calls/c?number=1")), (400, "number".to_owned()));
    let reply = world.post("/v1/calls/c/end?gateway=http", json!({}));
    assert_eq!(refused(reply), (400, "gateway".to_owned()));
}

#[test]
fn a_call_without_room_is_answered_with_its_token_and_counted() {
    let mut world = World::with(Plan { calls_max: 1, ..Plan::default() });
    world.number("+14155550100", "sales", "live");
    world.post("/v1/calls", call("first"));
    let second = world.post("/v1/calls", call("second"));
    assert_eq!((second.status, second.json()["token"].is_string()), (201, true));
    let text = second.json()["reason"]["text"].as_str().unwrap().to_owned();
    assert!(text.ends_with("; not remembered, since there is no room for more calls"), "{text}");
    assert_eq!(world.metric("cordboard_calls_not_remembered_total", ""), 1.0);
    assert_eq!(world.get_as("all", "/v1/calls/first").status, 200);
    assert_eq!(world.get_as("all", "/v1/calls/second").status, 404);
}

#[test]
fn every_number_of_a_call_keeps_its_decision_and_one_beyond_the_bound_is_told_apart() {
    let mut world = World::with(Plan { calls_max: 2 * LEGS_MAX, ..Plan::default() });
    world.prefix("+1", "sales", "live");
    let ask = |client: &mut Client, n: usize| {
        let body = json!({"to": format!("+1415555{n:04}"), "callId": "c"}).to_string();
        let length = body.len();
        let head = format!("POST /v1/calls HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
        client.ask(format!("{head}{body}"))
    };
    let mut client = world.client();
    let id = |reply: &Reply| reply.json()["decisionId"].clone();
    let first: Vec<_> = (0..LEGS_MAX).map(|n| id(&ask(&mut client, n))).collect();
    for (n, decided) in first.iter().enumerate().step_by(97) {
        let again = ask(&mut client, n);
        assert_eq!((again.status, &id(&again)), (200, decided), "number {n}");
    }
    let started = || world.metric("cordboard_calls_started_total", "");
    assert_eq!(started(), 1_024.0);
    for _ in 0..2 {
        let beyond = ask(&mut client, LEGS_MAX);
        assert_eq!((beyond.status, beyond.json()["token"].is_string()), (201, true));
        let text = beyond.json()["reason"]["text"].as_str().unwrap().to_owned();
        assert!(text.ends_with("; not remembered, since this callId has 1,024 legs already"), "{text}");
    }
    assert_eq!((started(), world.metric("cordboard_calls_not_remembered_total", "")), (1_024.0, 0.0));
    assert_eq!(world.metric("cordboard_call_legs_not_remembered_total", ""), 2.0);
}
