//! Changes: what is sent, what is said, and the question before `live`.

use serde_json::{Value, json};

use super::world::World;

const NUMBER: &str = "GET /v1/numbers/%2B14155550100";
const PUT: &str = "PUT /v1/numbers/%2B14155550100";
const DELETE: &str = "DELETE /v1/numbers/%2B14155550100";
const REVISION: &str = "x-cordboard-revision: 4712\r\n";

fn world_with(number: &Value) -> World {
    World::new()
        .answers(NUMBER, 200, number)
        .answers_with(PUT, 200, REVISION, &json!({"warnings": ["V9 has no endpoint"]}))
        .answers_with(DELETE, 204, REVISION, &Value::Null)
}

fn at(pin: &str) -> Value {
    json!({"number": "+14155550100", "agentId": "sales", "pin": pin})
}

#[test]
fn a_change_says_from_which_revision_it_holds() {
    let world = world_with(&at("V2"));
    let outcome = world
        .run("cordboard numbers put +14155550100 --agent sales --pin V3 --header X-Brand=north --site s1");
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert_eq!(outcome.out, "+14155550100 goes to sales@V3, from revision 4712\n");
    assert_eq!(outcome.err, "warning: V9 has no endpoint\n");
    let sent =
        json!({"agentId": "sales", "pin": "V3", "headers": {"X-Brand": "north"}, "siteVariantId": "s1"});
    assert_eq!(world.asked().last().unwrap().body, sent);

    let outcome = world.run("cordboard numbers delete +14155550100 --json");
    assert_eq!((outcome.code, outcome.out.as_str(), outcome.err.as_str()), (0, "{\"revision\":4712}\n", ""));
}

#[test]
fn nothing_is_asked_where_live_is_not_reached() {
    let world = world_with(&at("V2"));
    assert_eq!(world.run("cordboard numbers put +14155550100 --agent sales").code, 0);
    assert_eq!(world.run("cordboard numbers delete +14155550100").code, 0);
    assert_eq!(world.lines(), [NUMBER, PUT, NUMBER, DELETE]);
}

#[test]
fn live_is_not_reached_without_assent() {
    let rules = json!({"agentId": "sales", "pin": "V2", "headerRules": [{"header": "X", "equals": "1", "pin": "live"}]});
    for (before, line) in [
        (at("V2"), "cordboard numbers put +14155550100 --agent sales --pin live"),
        (at("live"), "cordboard numbers put +14155550100 --agent sales --pin V2"),
        (at("live"), "cordboard numbers delete +14155550100"),
        (rules, "cordboard numbers delete +14155550100"),
        (at("V2"), "cordboard pin +14155550100 sales@live"),
        (at("live"), "cordboard pin +14155550100 sales@V3"),
    ] {
        let world = world_with(&before);
        let outcome = world.run(line);
        assert_eq!((outcome.code, outcome.out.as_str()), (2, ""), "{line}");
        assert!(outcome.err.contains("reaches live: say --yes"), "{line}: {}", outcome.err);

        let outcome = world.run_answering(line, "n\n");
        assert_eq!(outcome.code, 1, "{line}");
        assert!(
            outcome.err.ends_with("reaches live. Go on? [y/N] error: nothing was changed\n"),
            "{}",
            outcome.err
        );
        assert_eq!(world.run_answering(line, "").code, 1, "{line}: an end of input is no yes");
        assert!(world.lines().iter().all(|line| line.starts_with("GET ")), "{line}: {:?}", world.lines());

        assert_eq!(world.run_answering(line, "Yes\n").code, 0, "{line}");
        assert_eq!(world.run(&format!("{line} --yes")).code, 0, "{line}");
        let changes = world.lines().iter().filter(|line| !line.starts_with("GET ")).count();
        assert_eq!(changes, 2, "{line}");
    }
}

#[test]
fn a_split_with_an_arm_at_live_is_live() {
    let split =
        json!({"id": "spring", "arms": [{"id": "control", "pin": "live"}, {"id": "test", "pin": "V4"}]});
    let in_split = json!({"number": "+14155550100", "splitId": "spring"});
    let world = world_with(&in_split).answers("GET /v1/splits/spring", 200, &split);
    for line in [
        "cordboard numbers delete +14155550100",
        "cordboard prefixes put +1415 --split spring",
        "cordboard default-route put --split spring",
        "cordboard splits pause spring",
        "cordboard splits resume spring",
        "cordboard splits end spring --winner test",
        "cordboard splits change spring --weight test=2",
        "cordboard splits change spring --number +14155550100",
        "cordboard splits create summer --arm a=sales@V3:1 --number +14155550100",
        "cordboard splits create summer --arm a=sales@live:1 --number +14155550199",
    ] {
        assert_eq!(world.run(line).code, 2, "{line}");
    }
    assert!(world.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", world.lines());
}

#[test]
fn a_pin_leaves_the_rest_of_the_number_as_it_is() {
    let before = json!({
        "number": "+14155550100", "splitId": "spring", "agentId": null, "pin": null, "managedBy": "api",
        "headerRules": [{"header": "X", "equals": "1", "agentId": "sales", "pin": "V1"}],
        "headers": {"X-Brand": "north"}, "siteVariantId": null, "warnings": []
    });
    let world =
        World::new().answers_with(NUMBER, 200, "etag: \"e1\"\r\n", &before).answers(PUT, 200, &json!({}));
    assert_eq!(world.run("cordboard pin +14155550100 sales@V3").code, 0);
    let put = world.asked().into_iter().find(|asked| asked.line == PUT).unwrap();
    assert_eq!(put.header("if-match"), Some("\"e1\""));
    assert_eq!(
        put.body,
        json!({"agentId": "sales", "pin": "V3", "headers": {"X-Brand": "north"},
               "headerRules": [{"header": "X", "equals": "1", "agentId": "sales", "pin": "V1"}]})
    );
}

#[test]
fn a_pin_asks_only_where_calls_come_to_live_or_go_from_it() {
    let with_rule = |pin: &str, agent: Value| {
        let mut number = at(pin);
        number["headerRules"] = json!([{"header": "X", "equals": "1", "agentId": agent, "pin": "live"}]);
        world_with(&number)
    };
    for (world, serves, asked) in [
        (with_rule("V1", Value::Null), "sales@V2", false),
        (with_rule("V1", json!("sales")), "reception@V2", false),
        (with_rule("V1", Value::Null), "reception@V2", true),
        (with_rule("V1", Value::Null), "sales@live", true),
        (with_rule("live", Value::Null), "sales@V2", true),
    ] {
        let outcome = world.run(&format!("cordboard pin +14155550100 {serves}"));
        assert_eq!(outcome.code, if asked { 2 } else { 0 }, "{serves}: {}", outcome.err);
    }
}

#[test]
fn a_number_that_was_not_there_can_be_pinned() {
    let world = World::new().answers(PUT, 201, &json!({}));
    let outcome = world.run("cordboard pin +14155550100 sales@V3");
    assert_eq!((outcome.code, outcome.out.as_str()), (0, "+14155550100 is pinned to sales@V3\n"));
}

#[test]
fn a_split_is_made_as_it_was_written() {
    let world = World::new().answers_with("POST /v1/splits", 201, REVISION, &json!({"id": "spring"}));
    let outcome = world.run(
        "cordboard splits create spring --arm control=sales@V3:80 --arm test=sales@draft:20 --unit header:X-Id \
         --max-calls test=7 --number +14155550100 --starts-at 2026-01-31T10:00:00+01:00 --call-quota 500 --name Spring",
    );
    assert_eq!(outcome.out, "split spring was made, from revision 4712\n", "{}", outcome.err);
    assert_eq!(
        world.asked().last().unwrap().body,
        json!({
            "id": "spring", "name": "Spring", "unit": {"header": "X-Id"}, "callQuota": 500,
            "scope": {"numbers": ["+14155550100"]}, "startsAt": "2026-01-31T09:00:00.000Z",
            "arms": [{"id": "control", "agentId": "sales", "pin": "V3", "weight": 80},
                     {"id": "test", "agentId": "sales", "pin": "draft", "weight": 20, "maxCallsInProgress": 7}]
        })
    );
    let asked = world.asked().len();
    let unknown = world.run("cordboard splits create autumn --arm a=sales@V3:1 --max-calls b=7");
    assert_eq!((unknown.code, world.asked().len()), (2, asked), "{}", unknown.err);
    assert!(unknown.err.contains("--max-calls names b, which is no arm"), "{}", unknown.err);
}

#[test]
fn routes_are_put_with_their_fallback() {
    let world = World::new()
        .answers("PUT /v1/numbers/%2B14155550100", 200, &json!({}))
        .answers("PUT /v1/prefixes/%2B1415", 200, &json!({}))
        .answers("PUT /v1/default-route", 200, &json!({}));
    for (what, fallback) in [
        ("numbers put +14155550100", "sip:{agent}@10.0.0.9"),
        ("prefixes put +1415", "tel:+14155550199"),
        ("default-route put", "front%20desk"),
    ] {
        let outcome =
            world.run(&format!("cordboard {what} --agent sales --pin V3 --fallback {fallback} --yes"));
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        let route = json!({"agentId": "sales", "pin": "V3", "fallback": fallback});
        assert_eq!(world.asked().last().unwrap().body, route);
    }
}

#[test]
fn a_change_of_a_split_names_its_arms_and_tells_what_moved() {
    let world =
        World::new().answers_with("PATCH /v1/splits/spring", 200, REVISION, &json!({"movedSlots": 2000}));
    let outcome = world.run(
        "cordboard splits change spring --weight control=60 --arm third=sales@V5:10 --remove-arm old --ends-at none \
         --call-quota none --max-calls control=none --max-calls test=5 --max-calls third=1",
    );
    assert_eq!(outcome.out, "split spring was changed; 2000 of 10000 slots moved, from revision 4712\n");
    assert_eq!(
        world.asked().last().unwrap().body,
        json!({
            "arms": [{"id": "control", "weight": 60, "maxCallsInProgress": null},
                     {"id": "third", "agentId": "sales", "pin": "V5", "weight": 10, "maxCallsInProgress": 1},
                     {"id": "old", "remove": true}, {"id": "test", "maxCallsInProgress": 5}],
            "endsAt": null, "callQuota": null
        })
    );
}

#[test]
fn a_split_is_paused_resumed_ended_and_deleted() {
    let world = World::new()
        .answers("PATCH /v1/splits/spring", 200, &json!({}))
        .answers("POST /v1/splits/spring/end", 200, &json!({}))
        .answers("DELETE /v1/splits/spring", 204, &Value::Null);
    for verb in ["pause spring", "resume spring", "end spring --winner test", "delete spring"] {
        let outcome = world
            .run(&format!("cordboard splits {verb} {}", if verb.starts_with("del") { "" } else { "--yes" }));
        assert_eq!(outcome.code, 0, "{verb}: {}", outcome.err);
    }
    let sent: Vec<_> = world.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(
        sent,
        [json!({"paused": true}), json!({"paused": false}), json!({"winner": "test"}), Value::Null]
    );
}

#[test]
fn taking_held_files_always_needs_assent() {
    let hash = "00112233445566778899aabbccddeeff";
    let world = World::new().answers_with("POST /v1/reload", 200, REVISION, &json!({})).answers(
        "GET /v1/status",
        200,
        &json!({"reload": {"held": hash}}),
    );
    assert_eq!(world.run(&format!("cordboard reload --accept {hash}")).code, 2);
    assert_eq!(world.run("cordboard reload").out, "the files are in force, from revision 4712\n");
    assert_eq!(world.run(&format!("cordboard reload --accept {hash} --yes")).code, 0);
    let sent = world.asked().into_iter().map(|asked| asked.body).filter(|body| !body.is_null());
    assert_eq!(sent.collect::<Vec<_>>(), [json!({}), json!({"accept": hash})]);
}

#[test]
fn what_the_files_own_is_refused_and_said_once() {
    let refusal = json!({"error": "the number belongs to the route files: change it there", "error_code": "MANAGED_BY_FILES"});
    let world = World::new().answers(PUT, 409, &refusal);
    let outcome = world.run("cordboard numbers put +14155550100 --agent sales --yes");
    assert_eq!(outcome.code, 1);
    assert_eq!(outcome.err.matches("change it there").count(), 1, "{}", outcome.err);
    assert_eq!(world.lines(), [PUT], "whoever agreed beforehand is not looked up");
}

#[test]
fn every_change_and_every_failure_is_one_object_for_programs() {
    let world = world_with(&at("V2"))
        .answers_with("DELETE /v1/splits/spring", 204, REVISION, &Value::Null)
        .answers_with("DELETE /v1/prefixes/%2B1415", 204, REVISION, &Value::Null)
        .answers_with("DELETE /v1/default-route", 204, REVISION, &Value::Null)
        .answers_with("POST /v1/reload", 200, "", &json!({"revision": 4712, "hash": "aa"}))
        .answers("PATCH /v1/splits/held", 409, &json!({"error": "it is over", "error_code": "SPLIT_ENDED"}))
        .answers("PATCH /v1/splits/odd", 500, &json!("odd"));
    let object = |line: &str| -> (u8, Value) {
        let outcome = world.run(&format!("{line} --json"));
        (outcome.code, serde_json::from_str(&outcome.out).unwrap_or_else(|_| panic!("{line}: {outcome:?}")))
    };
    for line in [
        "cordboard numbers put +14155550100 --agent sales",
        "cordboard numbers delete +14155550100",
        "cordboard prefixes delete +1415",
        "cordboard default-route delete",
        "cordboard splits delete spring",
        "cordboard reload",
    ] {
        let (code, answer) = object(line);
        assert_eq!((code, &answer["revision"]), (0, &json!(4712)), "{line}");
    }
    for (line, code, error) in [
        ("cordboard splits pause held --yes", 1, "it is over"),
        ("cordboard splits pause odd --yes", 1, "the router refused"),
        ("cordboard numbers put +14155550100 --agent sales --pin live", 2, "reaches live"),
        ("cordboard status --url http://127.0.0.1:1", 3, "cannot reach"),
    ] {
        let (got, answer) = object(line);
        assert_eq!(got, code, "{line}");
        assert!(answer["error"].as_str().is_some_and(|text| text.contains(error)), "{line}: {answer}");
    }
}

#[test]
fn a_fingerprint_that_is_not_held_is_told_so_before_anybody_is_asked() {
    let (held, other) = ("0".repeat(32), "1".repeat(32));
    let world = World::new().answers("GET /v1/status", 200, &json!({"reload": {"held": held, "hash": null}}));
    let outcome = world.run_answering(&format!("cordboard reload --accept {other}"), "y\n");
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains(&format!("have the fingerprint {held}")), "{}", outcome.err);
    assert!(!outcome.err.contains("Go on?"), "{}", outcome.err);
    let outcome = world.run(&format!("cordboard reload --accept {held}"));
    assert!(outcome.err.contains("say --yes"), "{}", outcome.err);
    assert_eq!(world.lines(), ["GET /v1/status", "GET /v1/status"]);
}
