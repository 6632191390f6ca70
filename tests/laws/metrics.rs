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
