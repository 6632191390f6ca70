//! What is counted, and what must never be shown.

use serde_json::json;

use super::http::Client;
use super::load::Load;
use super::world::{AT_LIVE, CALLER, IN_SPLIT, NOBODYS, PINNED_TO_V1, World};

const STARTED: &str = "cordboard_calls_started_total";
const ENDED: &str = "cordboard_calls_ended_total";
const IN_PROGRESS: &str = "cordboard_calls_in_progress";

#[test]
fn what_began_less_what_ended_is_in_progress_for_every_version() {
    let world = World::example().running();
    let load = Load::on(&world, AT_LIVE);
    load.more(200);
    let first = load.stop();
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    let mut gateway = world.gateway();
    for call in 0..30 {
        let id = format!("second-{call}");
        gateway.post("/v1/calls", &json!({"to": AT_LIVE, "from": CALLER, "callId": id})).must(201);
        // Asked twice, it began once; ended twice, it ended once.
        gateway.post("/v1/calls", &json!({"to": AT_LIVE, "from": CALLER, "callId": id})).must(200);
        if call % 3 == 0 {
            for _ in 0..2 {
                let body = json!({"outcome": "transferred", "sentiment": 0.5, "automated": true});
                gateway.post(&format!("/v1/calls/{id}/end"), &body).must(200);
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "few calls")]
    let (begun, ended) = (first.calls.len() as f64, first.ended as f64);
    for (version, begun, ended) in [("version=\"V1\"", begun, ended), ("version=\"V2\"", 30.0, 10.0)] {
        let labels = ["agent=\"sales\"", version, "environment=\"live\"", "gateway=\"http\""];
        let sums = [STARTED, ENDED, IN_PROGRESS].map(|name| world.metric(name, &labels));
        assert_eq!(sums, [begun, ended, begun - ended], "{version}: {}", world.metrics());
    }
    assert_eq!(world.metric(ENDED, &["outcome=\"transferred\""]), 10.0);
    let of_v2 = |name: &str| world.metric(name, &["version=\"V2\""]);
    assert_eq!(of_v2("cordboard_calls_automated_total"), 10.0);
    assert_eq!(of_v2("cordboard_call_sentiment_ratio_count"), 10.0);
    assert_eq!(of_v2("cordboard_call_sentiment_ratio_sum"), 7.5, "(0.5 + 1) / 2 each");
    assert_eq!(of_v2("cordboard_call_duration_seconds_count"), 10.0);
    assert_eq!(world.status()["callsInProgress"].as_f64(), Some(begun - ended + 20.0));
}

#[test]
fn a_call_of_a_split_is_counted_for_its_arm() {
    let world = World::example().running();
    for call in 0..50 {
        let body =
            json!({"to": IN_SPLIT, "from": format!("+1415777{call:04}"), "callId": format!("c-{call}")});
        world.gateway().post("/v1/calls", &body).must(201);
    }
    let arm = |arm: &str| world.metric(STARTED, &["split=\"spring-prompt\"", &format!("arm=\"{arm}\"")]);
    let (control, test) = (arm("control"), arm("test"));
    assert_eq!(control + test, 50.0, "{}", world.metrics());
    assert!(control > test && test > 0.0, "{control} {test}");
}

#[test]
fn no_number_and_no_call_id_is_in_the_metrics_or_the_log() {
    let mut world = World::example().with_variable("CORDBOARD_LOG", "debug").running();
    let mut gateway = world.gateway();
    for to in [PINNED_TO_V1, AT_LIVE, IN_SPLIT, NOBODYS, "+14155550987"] {
        let body =
            json!({"to": to, "from": "+14155557654", "callId": format!("secret-call-of-{}", &to[1..])});
        let status = gateway.post("/v1/calls", &body).status;
        assert!(status == 201 || status == 404, "{status}");
        gateway.get(&format!("/v1/route?to=%2B{}&from=%2B14155557654&callId=secret-call-get", &to[1..]));
        gateway.post(&format!("/v1/calls/secret-call-of-{}/end", &to[1..]), &json!({}));
    }
    gateway
        .post("/v1/calls", &json!({"to": "+14155557654", "tags": 7, "callId": "secret-call-bad"}))
        .must(400);
    let mut operator = world.operator();
    operator.put("/v1/numbers/%2B14155558888", &json!({"agentId": "sales", "pin": "V1"})).must(200);
    operator.put("/v1/numbers/%2B14155558888", &json!({"agentId": "nobody"})).must(400);
    let key = world.key();
    Client::new(world.admin_address()).with_key("secret-key-wrong").get("/v1/status").must(401);
    let page = world.metrics();
    assert_eq!(world.terminate().code(), 0);
    for (what, text) in [("the metrics", page), ("the log", world.log()), ("standard output", world.said())] {
        let secrets = ["14155557654", "14155558888", "secret-call", "secret-key", &key];
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {what}:\n{text}");
        }
        if what != "standard output" {
            for number in [PINNED_TO_V1, AT_LIVE, IN_SPLIT, NOBODYS] {
                assert!(!text.contains(&number[1..]), "{number} is in {what}:\n{text}");
            }
        }
    }
}

#[test]
fn every_family_of_the_metrics_has_help_and_a_type() {
    let world = World::example().running();
    world.call(PINNED_TO_V1, "one");
    let page = world.metrics();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| {
            let family = name.strip_suffix(part)?;
            page.contains(&format!("# TYPE {family} histogram")).then_some(family)
        });
        let family = family.unwrap_or(name);
        assert!(page.contains(&format!("# HELP {family} ")), "{family} has no help");
        assert!(page.contains(&format!("# TYPE {family} ")), "{family} has no type");
    }
    for name in [
        "cordboard_config_revision",
        "cordboard_config_swaps_total",
        "cordboard_numbers",
        "cordboard_build_info",
    ] {
        assert!(page.contains(&format!("# TYPE {name} ")), "{name}");
    }
}

/// Families that dashboards and alerts rely on, each with all labels of its series, in any order.
const FAMILIES: [(&str, &str, &[&str]); 17] = [
    ("cordboard_calls_started_total", "counter", &OF_CALLS),
    ("cordboard_calls_ended_total", "counter", &OF_ENDS),
    ("cordboard_calls_in_progress", "gauge", &OF_CALLS),
    ("cordboard_call_duration_seconds", "histogram", &OF_CALLS),
    ("cordboard_call_sentiment_ratio", "histogram", &OF_CALLS),
    ("cordboard_calls_automated_total", "counter", &OF_CALLS),
    ("cordboard_decision_seconds", "histogram", &["gateway", "reason"]),
    ("cordboard_numbers", "gauge", &["pin_kind"]),
    ("cordboard_config_revision", "gauge", &[]),
    ("cordboard_config_swaps_total", "counter", &[]),
    ("cordboard_config_reload_failures_total", "counter", &[]),
    ("cordboard_config_last_reload_success_timestamp_seconds", "gauge", &[]),
    ("cordboard_calls_not_remembered_total", "counter", &[]),
    ("cordboard_build_info", "gauge", &["version"]),
    ("cordboard_requests_shed_total", "counter", &["gateway"]),
    ("cordboard_connections_open", "gauge", &["listener"]),
    ("process_cpu_seconds_total", "counter", &[]),
];
const OF_CALLS: [&str; 7] = ["account", "agent", "arm", "environment", "gateway", "split", "version"];
const OF_ENDS: [&str; 8] =
    ["account", "agent", "arm", "environment", "gateway", "outcome", "split", "version"];

#[test]
fn every_family_that_others_rely_on_is_there_with_its_type_and_its_labels() {
    let world = World::example().running();
    let mut gateway = world.gateway();
    gateway.post("/v1/calls", &json!({"to": IN_SPLIT, "from": CALLER, "callId": "one"})).must(201);
    let body = json!({"outcome": "completed", "sentiment": 0.5, "automated": true});
    gateway.post("/v1/calls/one/end", &body).must(200);
    let page = world.metrics();
    for (family, kind, labels) in FAMILIES {
        assert!(page.contains(&format!("# TYPE {family} {kind}\n")), "{family} is no {kind}: {page}");
        let sample = if kind == "histogram" { format!("{family}_count") } else { family.to_owned() };
        let series: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix(&sample))
            .filter(|rest| rest.starts_with(['{', ' ']))
            .collect();
        assert!(!series.is_empty() || family.ends_with("shed_total"), "{family} has no series: {page}");
        for line in series {
            let within = line.strip_prefix('{').map_or("", |rest| rest.split_once('}').unwrap().0);
            let mut names: Vec<&str> =
                within.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name).collect();
            names.sort_unstable();
            assert_eq!(names, labels, "{family}{line}");
        }
    }
}
