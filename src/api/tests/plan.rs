//! `/v1/plan` and `/v1/apply`.

use hyper::Request;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::authorisation::{body, full, operations, path};
use super::world::{Reply, World, error, key};
use crate::api::operation::OPERATIONS;
use crate::domain::account::Permission;
use crate::domain::command::{Action, Author};

fn change(method: &str, path: &str, body: Value) -> Value {
    let mut change = json!({"method": method, "path": path});
    change["body"] = body;
    change
}

fn put(number: &str, body: Value) -> Value {
    change("PUT", &format!("/v1/numbers/{number}"), body)
}

fn at(pin: &str) -> Value {
    json!({"agentId": "sales", "pin": pin})
}

fn changes(changes: &[Value]) -> Value {
    json!({ "changes": changes })
}

fn plan(world: &World, list: &[Value]) -> Reply {
    world.admin("POST", "/v1/plan", changes(list))
}

fn apply(world: &World, list: &[Value]) -> Reply {
    world.admin("POST", "/v1/apply", changes(list))
}

fn weights(control: u32, test: u32) -> Value {
    json!({"arms": [{"id": "control", "weight": control}, {"id": "test", "weight": test}]})
}

#[test]
fn every_operation_that_changes_routes_can_be_planned_and_is_planned_as_it_is_done() {
    let changing: Vec<(String, String)> = operations()
        .into_iter()
        .filter(|(method, template, _)| {
            let of = ["/v1/numbers", "/v1/prefixes", "/v1/default-route", "/v1/caller-pins", "/v1/splits"];
            // An import is a stream, and has a dry run of its own.
            method != "GET" && !template.ends_with(":import") && of.iter().any(|of| template.starts_with(of))
        })
        .map(|(method, template, _)| (method, template))
        .collect();
    let mut plannable: Vec<_> =
        OPERATIONS.iter().map(|it| (it.method.to_owned(), it.path.to_owned())).collect();
    plannable.sort();
    let mut sorted = changing.clone();
    sorted.sort();
    assert_eq!(plannable, sorted);
    for (method, template) in changing {
        let (alone, planned) = (full(), full());
        let (path, body) = (path(&alone, &template), body(&method, &template));
        let change = change(&method, &path, body.clone());
        let applied = apply(&planned, &[change]);
        let done = alone.admin(&method, &path, body);
        if done.status < 300 {
            assert_eq!((applied.status, applied.revision()), (200, done.revision()), "{method} {path}");
        } else {
            assert_eq!((applied.status, applied.error().1), (done.status, done.error().1), "{method} {path}");
        }
        let shown = |world: &World, path: &str| {
            let mut json = world.get(path).json();
            json.as_object_mut().unwrap().remove("error_id");
            // Ids of connectors are made at random in each world.
            let numbers = json.get_mut("numbers").and_then(Value::as_array_mut);
            numbers.into_iter().flatten().for_each(|number| number["connectorId"] = Value::Null);
            json
        };
        let same = |of: &str| assert_eq!(shown(&alone, of), shown(&planned, of), "{method} {path}");
        ["/v1/numbers", "/v1/prefixes", "/v1/default-route", "/v1/caller-pins"].into_iter().for_each(same);
    }
}

#[test]
fn a_plan_shows_what_would_be_and_changes_nothing() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    let before = world.control.state().revision.0;
    let list = [
        put("+14155550100", at("V2")),
        put("+14155550101", json!({"agentId": "sales", "pin": "sandbox"})),
        change("DELETE", "/v1/numbers/%2B14155550100", Value::Null),
    ];
    let reply = plan(&world, &list);
    assert_eq!((reply.status, reply.revision()), (200, before), "{}", reply.text);
    let json = reply.json();
    assert_eq!(json["revision"], before);
    let pins = |at: usize| {
        let side = |side: &str| json["changes"][at][side]["pin"].clone();
        (json["changes"][at]["action"].clone(), side("before"), side("after"))
    };
    assert_eq!(pins(0), (json!("number.put"), json!("V1"), json!("V2")));
    assert_eq!(pins(1), (json!("number.put"), Value::Null, json!("sandbox")));
    assert_eq!(pins(2), (json!("number.delete"), json!("V2"), Value::Null), "later ones see earlier ones");
    assert_eq!(json["changes"][1]["warnings"], json!(["agent sales has nothing deployed to sandbox"]));
    assert_eq!(json["moves"]["numbers"], 1);
    assert_eq!(json["reachesLive"], false);
    assert_eq!(world.control.state().revision.0, before);
    assert_eq!(world.get("/v1/numbers/+14155550100").json()["pin"], "V1");
    assert_eq!(world.get("/v1/numbers/+14155550101").status, 404);
}

#[test]
fn changes_are_applied_as_one_revision_with_one_line_that_each_target_finds() {
    let world = World::new();
    let before = world.control.state().revision.0;
    let arms = json!([
        {"id": "control", "agentId": "sales", "pin": "V1", "weight": 80},
        {"id": "test", "agentId": "sales", "pin": "V2", "weight": 20},
    ]);
    let mut list = vec![
        change("POST", "/v1/splits", json!({"id": "spring", "arms": arms})),
        put("+14155550100", json!({"splitId": "spring"})),
        change("PATCH", "/v1/splits/spring", weights(60, 40)),
        change("PUT", "/v1/caller-pins/sales/+14155550999", json!({"pin": "V2"})),
        change("PUT", "/v1/default-route", at("V1")),
        put("front%2520desk", at("V1")),
    ];
    list.extend((0..20).map(|n| put(&format!("+1415555{n:04}"), at("V3"))));
    let reply = apply(&world, &list);
    let json = reply.json();
    assert_eq!((reply.status, reply.revision()), (200, before + 1), "{}", reply.text);
    assert_eq!(json["revision"], before + 1);
    assert_eq!(json["moves"]["callers"], json!([]), "nobody was in a split that is new");
    assert_eq!(json["changes"][2]["after"]["numberCount"], 1);
    assert_eq!(world.get("/v1/numbers/+14155550100").json()["splitId"], "spring");
    assert_eq!(world.get("/v1/splits/spring").json()["arms"][1]["weight"], 40);
    let known_as = world.get("/v1/caller-pins/sales/+14155550999").json()["knownAs"].clone();
    let known_as = known_as.as_str().unwrap();
    let all = world.get("/v1/history?limit=1").json();
    let line = &all["entries"][0];
    assert_eq!((&line["action"], &line["revision"]), (&json!("plan.apply"), &json!(before + 1)));
    assert!(line["summary"].as_str().unwrap().starts_with("26 changes: split spring is new"), "{line}");
    assert!(!line.to_string().contains("4155550999"), "{line}");
    assert!(line["target"].as_str().unwrap().ends_with(", …"), "{line}");
    let found = |target: &str| {
        let found = world.get(&format!("/v1/history?target={target}")).json();
        found["entries"].as_array().unwrap().iter().any(|entry| entry["revision"] == json!(before + 1))
    };
    for target in
        ["spring", "%2B14155550100", "%2B14155550019", "default%20route", "front%2520desk", known_as]
    {
        assert!(found(target), "{target}");
    }
    for target in ["route", "front", "%2B1415555001", "%2B14155550020", "spring%0A%2B14155550100x"] {
        assert!(!found(target), "{target}");
    }
    let again = apply(&world, &list[1..2]);
    assert_eq!((again.status, again.revision()), (200, before + 1), "what is so already makes no revision");
}

#[test]
fn a_fault_in_the_last_change_changes_nothing_and_all_faults_are_told_at_once() {
    let world = World::new();
    let before = world.control.state().revision.0;
    let good = put("+14155550100", at("V1"));
    for path in ["/v1/plan", "/v1/apply"] {
        let list = [
            good.clone(),
            put("+12", at("V1")),
            put("+14155550101", json!({"agentId": "sales", "pin": "V9", "colour": 1})),
            change("GET", "/v1/numbers/+14155550100", Value::Null),
            change("PUT", "/v1/status", Value::Null),
            json!({"method": "PUT", "path": "/v1/default-route", "body": [], "why": 1}),
            json!({"path": 7}),
            change("DELETE", "/v1/default-route", json!({})),
            change("POST", "/v1/splits", json!({"arms": [{"id": "a", "agentId": "sales", "weight": -1}]})),
            change("PUT", "/v1/caller-pins/sales/anonymous", json!({"pin": "V1"})),
        ];
        let reply = world.admin("POST", path, changes(&list));
        let json = reply.json();
        let mut fields: Vec<_> =
            json["errors"].as_array().unwrap().iter().map(|it| it["field"].as_str().unwrap()).collect();
        let place = |field: &str| field[8..].split(']').next().unwrap().parse::<u32>().unwrap();
        assert!(fields.is_sorted_by_key(|field| place(field)), "in the order of the changes: {fields:?}");
        fields.sort_unstable();
        assert_eq!((reply.status, &json["error_code"]), (400, &json!("VALIDATION_FAILED")), "{}", reply.text);
        assert_eq!(
            fields,
            [
                "changes[1].path",
                "changes[2].body.colour",
                "changes[2].body.pin",
                "changes[3].method",
                "changes[4].path",
                "changes[5].body",
                "changes[5].why",
                "changes[6].method",
                "changes[6].path",
                "changes[7].body",
                "changes[8].body.arms[0].weight",
                "changes[9].path",
            ]
        );
    }
    for (bad, status, code, field) in [
        (
            change("DELETE", "/v1/numbers/+14155550109", Value::Null),
            404,
            "PHONE_NUMBERS_NOT_FOUND",
            "changes[1]",
        ),
        (change("PATCH", "/v1/splits/none", weights(1, 1)), 404, "SPLIT_NOT_FOUND", "changes[1]"),
        (
            put("+14155550101", json!({"splitId": "none"})),
            400,
            "VALIDATION_FAILED",
            "changes[1].body.splitId",
        ),
    ] {
        for path in ["/v1/plan", "/v1/apply"] {
            let reply = world.admin("POST", path, changes(&[good.clone(), bad.clone()]));
            assert_eq!(reply.error(), error(status, code, field), "{}", reply.text);
        }
    }
    assert_eq!(world.control.state().revision.0, before);
    assert_eq!(world.get("/v1/numbers/+14155550100").status, 404);
}

#[test]
fn there_is_at_least_one_change_and_at_most_a_thousand() {
    let world = World::new();
    for body in [json!({}), json!({"changes": []}), json!({"changes": 1})] {
        let reply = world.admin("POST", "/v1/plan", body);
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", "changes"));
    }
    let many = |count: usize| {
        let put = |n: usize| put(&format!("+1415555{n:04}"), at("V1"));
        apply(&world, &(0..count).map(put).collect::<Vec<_>>())
    };
    assert_eq!(many(1_001).error(), error(400, "VALIDATION_FAILED", "changes"));
    assert_eq!(many(1_000).status, 200);
    assert_eq!(world.control.state().numbers.len(), 1_000);
}

#[test]
fn a_stale_revision_is_refused_with_both_revisions() {
    let world = World::new();
    let revision = plan(&world, &[put("+14155550100", at("V1"))]).json()["revision"].as_u64().unwrap();
    let body =
        |expected: u64| json!({"changes": [put("+14155550100", at("V1"))], "expectedRevision": expected});
    world.route("+14155550101", "sales", "V1");
    for path in ["/v1/plan", "/v1/apply"] {
        let reply = world.admin("POST", path, body(revision));
        assert_eq!(reply.error(), error(412, "PRECONDITION_FAILED", "expectedRevision"), "{}", reply.text);
        let both = format!("is {revision}, but the revision is {}", revision + 1);
        assert!(reply.text.contains(&both), "{}", reply.text);
    }
    assert_eq!(world.admin("POST", "/v1/apply", body(revision + 1)).revision(), revision + 2);
    assert_eq!(world.admin("POST", "/v1/apply", body(revision + 1)).status, 412);
}

#[test]
fn a_key_that_may_not_do_one_of_them_does_none_and_is_told_which() {
    let world = full();
    let own = change("PUT", "/v1/numbers/+14155550107", json!({"agentId": "reception"}));
    for path in ["/v1/plan", "/v1/apply"] {
        for operation in OPERATIONS {
            let (at, body) = (self::path(&world, operation.path), body(operation.method, operation.path));
            let list = changes(&[own.clone(), change(operation.method, &at, body)]);
            let reply = world.as_key("limited", "POST", path, list);
            let refused = error(403, "USER_ACCESS_FORBIDDEN", "changes[1]");
            assert_eq!(reply.error(), refused, "{} {at}: {}", operation.method, reply.text);
        }
        let fine = world.as_key("limited", "POST", path, changes(std::slice::from_ref(&own)));
        assert_eq!(fine.status, 200, "{}", fine.text);
    }
    let others: Vec<_> = Permission::ALL.into_iter().filter(|it| *it != Permission::Edit).collect();
    world.enact(Author::Console, Action::ReplaceKey(key("poor", "ws-1", &others)));
    for path in ["/v1/plan", "/v1/apply"] {
        assert_eq!(world.as_key("poor", "POST", path, changes(std::slice::from_ref(&own))).status, 403);
    }
}

#[test]
fn what_is_left_to_chance_is_the_same_in_the_plan_and_when_it_is_done() {
    let world = World::new();
    let arms = json!([{"id": "a", "agentId": "sales", "pin": "V1", "weight": 1}]);
    let list = [0, 1].map(|_| change("POST", "/v1/splits", json!({ "arms": arms })));
    let made = |reply: Reply| {
        let json = reply.json();
        [0, 1].map(|at| {
            (json["changes"][at]["after"]["id"].clone(), json["changes"][at]["after"]["salt"].clone())
        })
    };
    let planned = made(plan(&world, &list));
    assert_ne!(planned[0], planned[1]);
    assert_eq!(made(apply(&world, &list)), planned);
    assert_ne!(made(apply(&world, &list)), planned, "another time, another draw");
}

#[test]
fn callers_and_arms_move_as_the_split_says() {
    let world = World::new();
    world.split("spring");
    world.admin("PUT", "/v1/numbers/+14155550100", json!({"splitId": "spring"}));
    let list = [change("PATCH", "/v1/splits/spring", weights(60, 40))];
    let moves = plan(&world, &list).json()["moves"].clone();
    let side = |pin: &str, slots: u32| json!({"agentId": "sales", "pin": pin, "version": pin[1..].parse::<u32>().unwrap(), "slots": slots});
    let expected = json!({
        "numbers": 1,
        "callers": [{
            "splitId": "spring", "movedSlots": 2000,
            "flows": [{"from": "control", "to": "test", "slots": 2000}],
        }],
        "arms": [
            {"splitId": "spring", "arm": "control", "before": side("V1", 8000), "after": side("V1", 6000)},
            {"splitId": "spring", "arm": "test", "before": side("V2", 2000), "after": side("V2", 4000)},
        ],
    });
    assert_eq!(moves, expected);
    let done = world.admin("PATCH", "/v1/splits/spring", weights(60, 40)).json();
    assert_eq!(done["movedSlots"], 2000);
}

#[test]
fn a_plan_reaches_live_if_any_of_its_changes_does() {
    let world = World::new();
    let reaches = |pins: [&str; 2]| {
        let list: Vec<_> = (0..).zip(pins).map(|(n, pin)| put(&format!("+1415555010{n}"), at(pin))).collect();
        plan(&world, &list).json()["reachesLive"].clone()
    };
    assert_eq!([["live", "V1"], ["V1", "live"], ["V1", "V2"]].map(reaches), [true, true, false]);
}

#[test]
fn of_changes_that_are_meant_for_one_revision_at_once_only_the_first_are_made() {
    let world = World::new();
    let revision = world.control.state().revision.0;
    let request = |n: usize| {
        let body =
            json!({"expectedRevision": revision, "changes": [put(&format!("+141555501{n:02}"), at("V1"))]});
        let request = Request::builder().method("POST").uri("/v1/apply").header("X-API-Key", "admin");
        request.header("Content-Type", "application/json").body(body.to_string().into()).unwrap()
    };
    let statuses = world.send_all((0..24).map(request).collect());
    let made = statuses.iter().filter(|status| **status == 200).count();
    assert!(made == 1 && statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
    assert_eq!(world.control.state().revision.0, revision + 1);
}

fn any_change() -> impl Strategy<Value = Value> {
    let number =
        |n: u8| format!("/v1/numbers/{}", ["+14155550100", "+14155550101", "alice"][usize::from(n % 3)]);
    let to = |n: u8| match n % 6 {
        0 => json!({"splitId": "spring"}),
        1 => json!({"splitId": "summer"}),
        2 => json!({"agentId": "sales", "pin": "live"}),
        3 => json!({"agentId": "sales", "pin": "sandbox", "headers": {"X-A": "1"}}),
        n => json!({"agentId": "sales", "pin": format!("V{}", n - 3)}),
    };
    let split = |n: u8| ["spring", "summer"][usize::from(n % 2)];
    prop_oneof![
        5 => any::<(u8, u8)>().prop_map(move |(n, r)| change("PUT", &number(n), to(r))),
        2 => any::<u8>().prop_map(move |n| change("DELETE", &number(n), Value::Null)),
        2 => any::<u8>().prop_map(move |r| change("PUT", "/v1/prefixes/+1415", to(r))),
        1 => Just(change("DELETE", "/v1/default-route", Value::Null)),
        2 => any::<u8>().prop_map(move |r| change("PUT", "/v1/default-route", to(r))),
        2 => (1..4u32).prop_map(|v| {
            change("PUT", "/v1/caller-pins/sales/bob", json!({"pin": format!("V{v}")}))
        }),
        3 => any::<(u8, bool)>().prop_map(move |(s, numbers)| {
            let scope = if numbers { json!({"numbers": ["+14155550100"]}) } else { Value::Null };
            let arms = json!([
                {"id": "control", "agentId": "sales", "pin": "V1", "weight": 80},
                {"id": "test", "agentId": "sales", "pin": "V2", "weight": 20},
            ]);
            change("POST", "/v1/splits", json!({"id": split(s), "scope": scope, "arms": arms}))
        }),
        3 => (any::<u8>(), 0..5u32, 0..5u32).prop_map(move |(s, a, b)| {
            change("PATCH", &format!("/v1/splits/{}", split(s)), weights(a, b))
        }),
        1 => any::<u8>().prop_map(move |s| {
            change("POST", &format!("/v1/splits/{}/end", split(s)), json!({"winner": "test"}))
        }),
        1 => any::<u8>().prop_map(move |s| {
            change("DELETE", &format!("/v1/splits/{}", split(s)), Value::Null)
        }),
    ]
}

/// What a change is about, as `GET` shows it.
fn shown(world: &World, change: &Value) -> Value {
    let path = change["path"].as_str().unwrap().trim_end_matches("/end");
    let path = match change["body"]["id"].as_str() {
        Some(id) => format!("{path}/{id}"),
        None => path.to_owned(),
    };
    let reply = world.get(&path);
    if reply.status == 404 {
        return Value::Null;
    }
    let mut json = reply.json();
    json.as_object_mut().unwrap().remove("scope");
    json
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_a_plan_says_is_what_is_done_and_what_is_shown_before_and_after(
        history in prop::collection::vec(any_change(), 0..10),
        list in prop::collection::vec(any_change(), 1..5),
    ) {
        let world = World::new();
        for change in history {
            apply(&world, &[change]);
        }
        let planned = plan(&world, &list);
        let before: Vec<Value> = list.iter().map(|change| shown(&world, change)).collect();
        let numbers = world.control.state().numbers.len();
        let applied = apply(&world, &list);
        prop_assert_eq!(planned.status, applied.status, "{} {}", planned.text, applied.text);
        if planned.status != 200 {
            prop_assert_eq!(planned.error(), applied.error());
            prop_assert_eq!(world.control.state().numbers.len(), numbers);
            return Ok(());
        }
        let (planned, applied) = (planned.json(), applied.json());
        for member in ["changes", "moves", "reachesLive"] {
            prop_assert_eq!(&planned[member], &applied[member], "{}", member);
        }
        let about = |at: usize| {
            let path = list[at]["path"].as_str().unwrap().trim_end_matches("/end").to_owned();
            list[at]["body"]["id"].as_str().map_or(path.clone(), |id| format!("{path}/{id}"))
        };
        for at in 0..list.len() {
            // A new split takes numbers with it, which other changes are about.
            let takes = |other: usize| {
                let taken = list[other]["body"]["scope"]["numbers"][0].as_str();
                taken.is_some_and(|number| about(at).ends_with(number))
            };
            let same: Vec<usize> =
                (0..list.len()).filter(|other| about(*other) == about(at) || takes(*other)).collect();
            // A split counts the numbers that other changes bring and take, and a route warns of what they end.
            let rest = |value: &Value| {
                let mut value = value.clone();
                if let Some(members) = value.as_object_mut() {
                    members.remove("numberCount");
                    members.remove("warnings");
                }
                value
            };
            if same.first() == Some(&at) {
                prop_assert_eq!(rest(&planned["changes"][at]["before"]), rest(&before[at]));
            }
            if same.last() == Some(&at) {
                let after = shown(&world, &list[at]);
                prop_assert_eq!(rest(&planned["changes"][at]["after"]), rest(&after));
                if at + 1 == list.len() {
                    prop_assert_eq!(&planned["changes"][at]["after"], &after);
                }
            }
        }
    }
}
