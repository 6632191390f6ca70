//! What a key of some agents learns of the others: nothing, whatever it asks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::authorisation::operations;
use super::world::{NOW, Reply, World, error};
use crate::api::operation::OPERATIONS;
use crate::domain::agent::AgentRef;
use crate::domain::deployment::DeploymentId;
use crate::domain::id::{Environment, Revision};
use crate::domain::testing::{account, config, file_agent, file_set, version};
use crate::domain::time::Timestamp;

/// What the agent `hushed` has; the key `limited` sees only `reception`.
const HIDDEN: [&str; 16] = [
    "+14155550122",
    "hushed-value",
    "hushed",
    "hushed-split",
    "hushed-arm",
    "mixed-split",
    "mixed-arm",
    "hushed-user",
    "+14155550199",
    "+14155550188",
    "+14155550177",
    "+14155550166",
    "+14155550155",
    "+1888",
    "+1999",
    "X-Hushed",
];

/// A world in which both agents have one of everything, and some things together.
fn world() -> World {
    let world = World::new();
    world.apply(file_set(vec![file_agent("reception", 1, 1), file_agent("hushed", 2, 1)]));
    let put = |path: &str, body: Value| {
        let reply = world.admin("PUT", path, body);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    };
    let split = |id: &str, arms: &[(&str, &str)]| {
        let arm = |(id, agent): &(&str, &str)| json!({"id": id, "agentId": agent, "pin": "V1", "weight": 1});
        let arms: Vec<Value> = arms.iter().map(arm).collect();
        let reply = world.admin("POST", "/v1/splits", json!({"id": id, "arms": arms}));
        assert_eq!(reply.status, 201, "{id}: {}", reply.text);
    };
    split("own", &[("a", "reception")]);
    split("shared", &[("a", "reception")]);
    split("hushed-split", &[("hushed-arm", "hushed")]);
    split("mixed-split", &[("a", "reception"), ("mixed-arm", "hushed")]);
    let own = json!({"agentId": "reception", "pin": "V1"});
    let hushed = json!({"agentId": "hushed", "pin": "V1"});
    let with_rule = |to: Value| {
        let mut route = to;
        route["headerRules"] = json!([{"header": "X-Hushed", "equals": "1", "agentId": "hushed"}]);
        route
    };
    put("/v1/numbers/+14155550100", own.clone());
    put("/v1/numbers/+14155550101", json!({"splitId": "shared"}));
    put("/v1/prefixes/+1415", own.clone());
    put("/v1/numbers/+14155550199", hushed.clone());
    put("/v1/numbers/hushed-user", json!({"agentId": "hushed", "pin": "V2"}));
    put("/v1/numbers/+14155550188", json!({"splitId": "mixed-split"}));
    put("/v1/numbers/+14155550177", with_rule(own));
    put("/v1/numbers/+14155550166", with_rule(json!({"splitId": "shared"})));
    put("/v1/prefixes/+1888", with_rule(json!({"splitId": "own"})));
    put("/v1/prefixes/+1999", hushed.clone());
    put("/v1/default-route", hushed);
    put("/v1/caller-pins/reception/+14155550144", json!({"pin": "V1"}));
    put("/v1/caller-pins/hushed/+14155550155", json!({"pin": "V2"}));
    let numbers = json!({"phoneNumbers": ["+14155550122"]});
    let reply = world.admin("POST", "/v1/agents/hushed/telephony/phone-numbers", numbers);
    assert_eq!(reply.status, 201, "{}", reply.text);
    let hushed = AgentRef { account: account(), agent: "hushed".parse().unwrap() };
    let live = world.control.state().agents.get(&hushed).unwrap().deployment(Environment::Live).unwrap().id;
    assert_eq!(publish_of_files("hushed", 1), live);
    let values = json!({"variables": {"hushed-value": 1}});
    let reply = world.admin("PATCH", "/v1/agents/hushed/real-time-configs/live/variables", values);
    assert_eq!(reply.status, 200, "{}", reply.text);
    world
}

/// What must not be told: names, numbers and fingerprints.
fn secrets() -> Vec<String> {
    let hashes = ["hushed 1", "hushed 2", "hushed draft"].map(|text| config(text).hash.to_string());
    HIDDEN.into_iter().map(str::to_owned).chain(hashes).collect()
}

/// Every path of a template: to what the key sees, to what it does not, and to what is not there. A new kind of object
/// must be added here: that is the point.
fn paths(template: &str) -> Vec<String> {
    let hidden_hash = config("hushed 1").hash.to_string();
    let own_hash = config("reception 1").hash.to_string();
    let absent_hash = "0".repeat(32);
    let fill = |paths: Vec<String>, name: &str, values: &[&str]| -> Vec<String> {
        let filled = paths.iter().flat_map(|path| values.iter().map(|value| path.replace(name, value)));
        filled.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let id: &[&str] = if template.starts_with("/v1/agents/") {
        &["reception", "hushed", "nobody"]
    } else {
        &["own", "shared", "hushed-split", "mixed-split", "nothing"]
    };
    let numbers = [
        "+14155550100",
        "+14155550199",
        "+14155550188",
        "+14155550177",
        "+14155550166",
        "hushed-user",
        "+14155550142",
        "+14155550122",
    ];
    let mut paths = vec![template.to_owned()];
    paths = fill(paths, "{id}", id);
    paths = fill(paths, "{number}", &numbers);
    paths = fill(paths, "{agent_id}", &["reception", "hushed", "nobody"]);
    paths = fill(paths, "{agentId}", &["reception", "hushed", "nobody"]);
    paths = fill(paths, "{caller}", &["+14155550144", "+14155550155"]);
    paths = fill(paths, "{prefix}", &["+1415", "+1888", "+1999", "+1777"]);
    paths = fill(paths, "{branch}", &["main", "BRANCH-00000000"]);
    paths = fill(paths, "{topic}", &["TOPICS-00000000"]);
    paths = fill(paths, "{attribute}", &["ATTRIBUTE-00000000"]);
    paths = fill(paths, "{variant}", &["VARIANT-00000000"]);
    paths = fill(paths, "{connector}", &["none"]);
    paths = fill(paths, "{clientEnv}", &["live"]);
    paths = fill(paths, "{environment}", &["live"]);
    paths = fill(paths, "{version}", &["V1", "V2", "draft", "V9"]);
    paths = fill(paths, "{hash}", &[&own_hash, &hidden_hash, &absent_hash]);
    paths = fill(paths, "{accountId}", &["ws-1", "ws-2"]);
    paths = fill(paths, "{run}", &["019b76da-a800-7000-8000-000000000007"]);
    paths = fill(paths, "{deployment}", &["019b76da-a800-7000-8000-000000000007"]);
    assert!(paths.iter().all(|path| !path.contains('{')), "no object for {template}");
    if template.ends_with("/rollback/preview") {
        let ids = ["reception", "hushed"].map(|agent| publish_of_files(agent, 1).to_string());
        let with =
            |path: &String| ids.iter().map(|id| format!("{path}?change_track_id={id}")).collect::<Vec<_>>();
        paths = paths.iter().flat_map(with).collect();
    }
    if template == "/v1/numbers" {
        for query in ["limit=1", "agentId=hushed", "splitId=mixed-split", "splitId=shared", "prefix=%2B1415"]
        {
            paths.push(format!("{template}?{query}"));
        }
    }
    paths
}

/// The id of what put a version of an agent of the files into `live`.
fn publish_of_files(agent: &str, n: u32) -> DeploymentId {
    let agent = AgentRef { account: account(), agent: agent.parse().unwrap() };
    // The revision upon which the files of this world are applied.
    DeploymentId::derived((Timestamp(NOW), Revision(3)), &agent, Environment::Live, version(n))
}

/// Bodies of every kind, for every operation that takes one: to what the key sees, and to what it does not.
fn bodies(method: &str, template: &str) -> Vec<Value> {
    if matches!(template, "/v1/plan" | "/v1/apply") {
        return planned();
    }
    if matches!(method, "GET" | "DELETE") {
        return vec![Value::Null];
    }
    let rule = json!([{"header": "X-A", "equals": "1", "agentId": "hushed"}]);
    let arm = |agent: &str, pin: &str| json!([{"id": "new", "agentId": agent, "pin": pin, "weight": 1}]);
    vec![
        Value::Null,
        json!({"agentId": "hushed"}),
        json!({"agentId": "reception", "pin": "V9"}),
        json!({"agentId": "reception", "headerRules": rule}),
        json!({"pin": "V1"}),
        json!({"splitId": "hushed-split"}),
        json!({"splitId": "mixed-split"}),
        json!({"id": "hushed-split", "arms": arm("reception", "V1")}),
        json!({"arms": arm("hushed", "V9")}),
        json!({"arms": arm("reception", "V9"), "scope": {"numbers": ["+14155550177"]}}),
        json!({"arms": arm("reception", "V1"), "scope": {"numbers": ["+14155550199"]}}),
        json!({"scope": {"numbers": ["hushed-user"]}}),
        json!({"winner": "nobody"}),
        json!({"accept": config("hushed 1").hash.to_string()}),
        json!({"paused": true}),
        json!({"winner": "a"}),
        json!({"agentId": "reception"}),
        json!({"splitId": "shared"}),
        json!({"phoneNumbers": ["+14155550122", "+14155550199"]}),
        json!({"phoneNumber": "+14155550199", "connectorId": "none"}),
        json!({"change_track_id": publish_of_files("hushed", 1).to_string()}),
    ]
}

/// Every change of every operation, planned by itself and behind one that is granted.
fn planned() -> Vec<Value> {
    let own =
        json!({"method": "PUT", "path": "/v1/prefixes/+1415", "body": {"agentId": "reception", "pin": "V1"}});
    let mut plans = Vec::new();
    for operation in OPERATIONS {
        for path in paths(operation.path) {
            for body in bodies(operation.method, operation.path) {
                let change = json!({"method": operation.method, "path": path, "body": body});
                plans.push(json!({"changes": [own, change]}));
            }
        }
    }
    plans
}

/// Everything that a key can ask by these methods, each operation in a world of its own, and what it is answered.
fn walk(key: &str, wanted: impl Fn(&str) -> bool, mut meet: impl FnMut(&str, &Reply)) {
    for (method, template, _) in operations().into_iter().filter(|(method, ..)| wanted(method)) {
        let world = world();
        for path in paths(&template) {
            for body in bodies(&method, &template) {
                let reply = world.as_key(key, &method, &path, body.clone());
                meet(&format!("{method} {path} {body}"), &reply);
            }
        }
    }
}

/// Secrets that are told although they were not asked by name.
fn told(asked: &str, reply: &Reply) -> Vec<String> {
    let answer = format!("{} {:?}", reply.text, reply.headers);
    let mut secrets = secrets();
    secrets.retain(|secret| answer.contains(secret.as_str()) && !asked.contains(secret.as_str()));
    secrets
}

#[test]
fn no_answer_tells_a_key_of_agents_that_it_may_not_see() {
    walk(
        "limited",
        |_| true,
        |asked, reply| {
            assert_eq!(told(asked, reply), [""; 0], "{asked}: {} {}", reply.status, reply.text);
        },
    );
    // There is something to be told: a key of all agents is told it all.
    let mut all = BTreeSet::new();
    walk("admin", |method| method == "GET", |asked, reply| all.extend(told(asked, reply)));
    assert_eq!(all, secrets().into_iter().collect());
}

#[test]
fn nothing_falls_back_to_where_a_key_may_not_see() {
    let world = world();
    let reception = "/v1/agents/reception/fallback";
    for path in ["/v1/numbers/+14155550100", "/v1/prefixes/+1415", "/v1/default-route", reception] {
        let put = |fallback: &str| {
            let mut body = json!({"fallback": fallback});
            if path != reception {
                body["agentId"] = json!("reception");
            }
            world.as_key("limited", "PUT", path, body)
        };
        let revision = world.control.state().revision;
        assert_eq!(put("+14155550199").error(), error(403, "USER_ACCESS_FORBIDDEN", ""), "{path}");
        assert_eq!(world.control.state().revision, revision);
        // The default route leads elsewhere by now, and the agent is the files'.
        let otherwise = match path {
            "/v1/default-route" => 403,
            "/v1/agents/reception/fallback" => 409,
            _ => 200,
        };
        for fallback in ["+14155550101", "+442079460999", "sip:desk@10.0.0.9"] {
            let reply = put(fallback);
            assert_eq!(reply.status, otherwise, "{path} {fallback}: {}", reply.text);
        }
    }
}

#[test]
fn what_a_key_may_not_see_is_refused_in_the_same_words_whatever_it_is() {
    let world = world();
    let hash = config("hushed 1").hash;
    let own = json!({"agentId": "reception"});
    for (method, path, body) in [
        ("GET", "/v1/numbers/+14155550199", Value::Null),
        ("GET", "/v1/numbers/+14155550166", Value::Null),
        ("PUT", "/v1/numbers/+14155550188", own.clone()),
        ("DELETE", "/v1/numbers/hushed-user", Value::Null),
        ("PUT", "/v1/numbers/+14155550142", json!({"agentId": "hushed"})),
        ("PUT", "/v1/numbers/+14155550142", json!({"agentId": "no-such-agent"})),
        ("PUT", "/v1/numbers/+14155550142", json!({"splitId": "mixed-split"})),
        ("GET", "/v1/prefixes/+1888", Value::Null),
        ("PUT", "/v1/prefixes/+1999", own.clone()),
        ("PUT", "/v1/prefixes/+19995", own.clone()),
        ("PUT", "/v1/prefixes/+44", own.clone()),
        ("GET", "/v1/default-route", Value::Null),
        ("PUT", "/v1/default-route", own),
        ("DELETE", "/v1/default-route", Value::Null),
        ("GET", "/v1/splits/hushed-split", Value::Null),
        ("GET", "/v1/splits/mixed-split", Value::Null),
        ("PATCH", "/v1/splits/mixed-split", json!({"paused": true})),
        ("POST", "/v1/splits/mixed-split/end", json!({"winner": "a"})),
        ("DELETE", "/v1/splits/mixed-split", Value::Null),
        ("PATCH", "/v1/splits/own", json!({"scope": {"numbers": ["+14155550177"]}})),
        ("GET", "/v1/caller-pins/hushed/+14155550155", Value::Null),
        ("GET", "/v1/caller-pins/nobody/+14155550155", Value::Null),
        ("PUT", "/v1/caller-pins/hushed/+14155550144", json!({"pin": "V9"})),
        ("DELETE", "/v1/caller-pins/hushed/+14155550155", Value::Null),
        ("GET", "/v1/agents/hushed/versions", Value::Null),
        ("GET", "/v1/agents/hushed/versions/V9", Value::Null),
        ("GET", &format!("/v1/snapshots/{hash}"), Value::Null),
    ] {
        let reply = world.as_key("limited", method, path, body);
        let json = reply.json();
        assert_eq!(
            (reply.status, &json["error_code"], &json["error_message"]),
            (403, &json!("USER_ACCESS_FORBIDDEN"), &json!("this is about an agent that the key may not see")),
            "{method} {path}: {}",
            reply.text
        );
    }
}

#[test]
fn a_key_of_some_agents_takes_for_them_what_nobody_has_and_no_calls_of_others() {
    let world = world();
    let own = || json!({"agentId": "reception"});
    let put = |path: &str| world.as_key("limited", "PUT", path, own()).status;
    assert_eq!(put("/v1/numbers/+14155550142"), 200, "a number is nobody's calls but its own");
    assert_eq!(put("/v1/prefixes/+14155"), 200, "its own agent had these");
    assert_eq!(put("/v1/prefixes/+19995"), 403, "a shorter prefix leads to another");
    assert_eq!(put("/v1/prefixes/+44"), 403, "the default route leads to another");
    let planned = json!({"changes": [{"method": "PUT", "path": "/v1/prefixes/+44", "body": own()}]});
    assert_eq!(world.as_key("limited", "POST", "/v1/apply", planned).status, 403);
    assert_eq!(world.admin("DELETE", "/v1/default-route", Value::Null).status, 204);
    assert_eq!(put("/v1/prefixes/+44"), 200);
    assert_eq!(put("/v1/default-route"), 200);
}

#[test]
fn what_is_hidden_counts_nowhere_and_is_in_the_way_without_a_name() {
    let world = world();
    let limited = |method: &str, path: &str| world.as_key("limited", method, path, Value::Null);
    let pinned = |reply: Reply| reply.json()["pinnedNumbers"].clone();
    let path = "/v1/agents/reception/versions/V1";
    assert_eq!((pinned(limited("GET", path)), pinned(world.get(path))), (json!(1), json!(2)));
    let numbers =
        |reply: Reply| (reply.json()["numberCount"].clone(), reply.json()["scope"]["numbers"].clone());
    let path = "/v1/splits/shared";
    assert_eq!(numbers(limited("GET", path)), (json!(1), json!(["+14155550101"])));
    assert_eq!(numbers(world.get(path)).0, 2);
    for (split, by) in [("own", "a route that the key may not see"), ("shared", "1 number")] {
        let reply = limited("DELETE", &format!("/v1/splits/{split}"));
        assert_eq!((reply.status, &reply.json()["error_code"]), (409, &json!("IN_USE")));
        assert_eq!(reply.json()["error_message"], format!("split {split} is in use by {by}"));
    }
    let taken = json!({"id": "hushed-split", "arms": [{"id": "a", "agentId": "reception", "weight": 1}]});
    let taken = world.as_key("limited", "POST", "/v1/splits", taken);
    assert_eq!((taken.status, &taken.json()["error_message"]), (409, &json!("the id hushed-split is taken")));
}

#[test]
fn an_export_shows_what_the_key_may_see_and_nothing_else_goes_over() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    world.route("+14155550101", "reception", "V1");
    let seen = world.as_key("limited", "GET", "/v1/export", Value::Null);
    let numbers: Vec<Value> = seen.json()["numbers"].as_array().unwrap().clone();
    assert_eq!((seen.status, numbers.len(), &numbers[0]["number"]), (200, 1, &json!("+14155550101")));
    assert!(!seen.text.contains("sales"), "{}", seen.text);
    for (path, body) in [
        ("/v1/adopt", json!({"agents": ["sales"]})),
        ("/v1/release", json!({"numbers": ["+14155550100"]})),
        ("/v1/import", json!({"cordboard": 1})),
    ] {
        assert_eq!(world.as_key("limited", "POST", path, body).status, 403, "{path}");
    }
    let adopted = world.as_key("limited", "POST", "/v1/adopt", json!({"agents": ["reception"]}));
    assert_eq!(adopted.status, 200, "{}", adopted.text);
}
