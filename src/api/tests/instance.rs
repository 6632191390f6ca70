//! `/v1/status`, `/v1/reload`, probes and metrics.

use serde_json::{Value, json};

use super::world::{World, error};
use crate::control::reload::Look;
use crate::domain::fault::Fault;
use crate::domain::time::Timestamp;

fn fault() -> Fault {
    Fault {
        file: "routes/a.toml".to_owned(),
        line: 3,
        column: 7,
        message: "pin \"V9\" is unknown".to_owned(),
        expected: "a version".to_owned(),
    }
}

#[test]
fn the_status_tells_what_an_operator_looks_at_first() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    let status = world.get("/v1/status").json();
    let hash = status["reload"]["hash"].clone();
    assert_eq!(
        status,
        json!({
            "revision": world.control.state().revision.0,
            "reload": {
                "at": "2023-11-14T22:13:20.000Z", "takenAt": "2023-11-14T22:13:20.000Z", "ok": true, "hash": hash,
                "held": null, "warnings": [],
            },
            "faults": [], "listeners": {"calls": "127.0.0.1:8700", "admin": "127.0.0.1:8701"},
            "certificates": {"calls": null, "admin": null},
            "store": {"ok": true, "error": null}, "tokenKeys": {"ok": true, "error": null},
            "targets": {"up": 0, "down": 0, "unknown": 1, "troubles": []},
            "unready": {}, "draining": false, "callsInProgress": 7, "numbers": 1,
        })
    );
    world.health.set("control", Err("lost".to_owned()));
    assert_eq!(world.get("/v1/status").json()["unready"], json!({"control": "lost"}));
    world.control.status().set_token_key_fault(Some("lost".to_owned()));
    assert_eq!(world.get("/v1/status").json()["tokenKeys"], json!({"ok": false, "error": "lost"}));
    let (target, _) = world.control.targets().remove(0);
    let silent = Err((Timestamp(0), "no answer in time".into()));
    assert!(world.control.live().snapshot().health().tell(&target, silent));
    let trouble = json!({"target": target.to_string(), "since": "1970-01-01T00:00:00.000Z", "cause": "no answer in time"});
    assert_eq!(
        world.get("/v1/status").json()["targets"],
        json!({"up": 0, "down": 1, "unknown": 0, "troubles": [trouble]})
    );
    world.health.drain();
    assert_eq!(world.get("/v1/status").json()["draining"], true);
    assert_eq!(world.as_key("other", "GET", "/v1/status", Value::Null).status, 403);
}

#[test]
fn faulty_files_are_told_with_their_places_and_change_nothing() {
    let world = World::new();
    let before = world.control.state().revision;
    *world.files.lock().unwrap() = Err(vec![fault()]);
    let reply = world.admin("POST", "/v1/reload", Value::Null);
    assert_eq!(reply.error(), error(400, "FILES_FAULTY", "routes/a.toml:3"));
    assert_eq!(reply.json()["data"]["faults"], json!([fault()]));
    let status = world.get("/v1/status").json();
    assert_eq!((&status["faults"], &status["reload"]["ok"]), (&json!([fault()]), &json!(false)));
    assert_eq!(world.control.state().revision, before);
    *world.files.lock().unwrap() = Ok(Look::default());
    let reply = world.admin("POST", "/v1/reload", json!({}));
    assert_eq!((reply.status, &reply.json()["revision"]), (200, &json!(before.0)));
    assert_eq!(world.get("/v1/status").json()["faults"], json!([]));
}

#[test]
fn files_that_would_remove_much_are_held_until_accepted_by_their_hash() {
    let world = World::new();
    // The folder has nothing, while two agents are in force.
    *world.files.lock().unwrap() =
        Ok(Look { changed: Vec::new(), gone: vec!["agents/sales/agent.toml".into()], ..Look::default() });
    let held = world.admin("POST", "/v1/reload", Value::Null);
    assert_eq!((held.status, &held.json()["error_code"]), (409, &json!("FILES_HELD")));
    let hash = held.json()["data"]["hash"].clone();
    assert_eq!(world.get("/v1/status").json()["reload"]["held"], hash);
    assert!(!held.json()["data"]["faults"].as_array().unwrap().is_empty());
    assert!(hash.is_string());
    for (body, field) in [(json!({"accept": "x"}), "accept"), (json!({"hash": hash}), "hash")] {
        let reply = world.admin("POST", "/v1/reload", body);
        assert_eq!(reply.error(), error(400, "VALIDATION_FAILED", field));
    }
    assert_eq!(world.admin("POST", "/v1/reload", json!({"accept": "0".repeat(32)})).status, 409);
    assert_eq!(world.as_key("other", "POST", "/v1/reload", json!({"accept": hash})).status, 403);
    let taken = world.admin("POST", "/v1/reload", json!({"accept": hash}));
    assert_eq!((taken.status, &taken.json()["hash"]), (200, &hash), "{}", taken.text);
    assert_eq!(world.get("/v1/agents").json(), json!([]));
    assert_eq!(world.get("/v1/status").json()["reload"]["held"], Value::Null);
}

#[test]
fn nothing_is_accepted_where_nothing_is_held() {
    let world = World::new();
    let accept = |hash: &str| world.admin("POST", "/v1/reload", json!({"accept": hash}));
    let taken = world.admin("POST", "/v1/reload", json!({})).json()["hash"].as_str().unwrap().to_owned();
    let before = (world.control.state().revision, world.get("/v1/status").json());
    let refused = accept(&"0".repeat(32));
    assert_eq!((refused.status, &refused.json()["error_code"]), (409, &json!("NOTHING_HELD")));
    assert_eq!(
        refused.json()["message"],
        format!("no files are held, so {} cannot be accepted: the files are {taken}", "0".repeat(32))
    );
    assert_eq!(
        (world.control.state().revision, world.get("/v1/status").json()),
        before,
        "and nothing changes"
    );
    assert_eq!(accept(&taken).status, 200, "said again it is as true as the first time");
}

#[test]
fn probes_answer_anybody() {
    let world = World::new();
    for (path, status) in [("/healthz", 200), ("/readyz", 200)] {
        let reply = world.from("192.0.2.1:9", path, &[("x-api-key", "wrong")]);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, Some("application/json")),
            "{path}"
        );
    }
    world.health.drain();
    let reply = world.from("192.0.2.1:9", "/readyz", &[]);
    assert_eq!((reply.status, reply.json()), (503, json!({"status": "draining"})));
    assert_eq!(world.from("192.0.2.1:9", "/healthz", &[]).status, 200);
}

#[test]
fn metrics_are_for_this_machine_and_for_analysts_of_the_first_account() {
    let world = World::new();
    world.route("+14155550100", "sales", "V1");
    let near = |headers: &[(&str, &str)]| world.from("127.0.0.1:9", "/metrics", headers);
    let page = near(&[("host", "localhost:8701")]);
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/plain"));
    assert!(page.text.contains("cordboard_numbers{pin_kind=\"version\"} 1\n"), "{}", page.text);
    assert_eq!(world.from("[::ffff:127.0.0.1]:9", "/metrics", &[("host", "[::1]:8701")]).status, 200);
    for headers in [
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
        ("origin", "https://example.com"),
        ("host", "example.com:8701"),
    ] {
        assert_eq!(near(&[headers]).status, 401, "{headers:?}");
    }
    assert_eq!(world.from("192.0.2.1:9", "/metrics", &[("host", "localhost")]).status, 401);
    assert_eq!(world.get("/metrics").status, 200);
    assert_eq!(world.as_key("reader", "GET", "/metrics", Value::Null).status, 403);
    assert_eq!(world.as_key("other", "GET", "/metrics", Value::Null).status, 403);
    assert_eq!(world.as_key("limited", "GET", "/metrics", Value::Null).status, 403);
}
