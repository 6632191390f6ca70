//! Bodies of `POST /v1/plan` and `POST /v1/apply`: what is applied is what was planned.

use std::sync::Arc;

use serde_json::Value;

use super::office::{Desk, Office, example};

pub(super) fn law() -> impl Fn(&[u8]) {
    let document = example();
    let desk = Desk::new(move || Office::of(&document));
    move |text| desk.with(|office| planned_and_applied(office, text))
}

fn planned_and_applied(office: &Office, text: &[u8]) {
    let before = office.state();
    let plan = office.ask("POST", "/v1/plan", text.to_vec());
    assert!(Arc::ptr_eq(&before, &office.state()), "a plan changes nothing");
    let applied = office.ask("POST", "/v1/apply", text.to_vec());
    assert_eq!(applied.status, plan.status, "{} {}", plan.text, applied.text);
    if !plan.is_granted() {
        assert_eq!(applied, plan);
        return assert!(Arc::ptr_eq(&before, &office.state()), "what is refused changes nothing");
    }
    let (mut plan, mut applied) = (plan.json(), applied.json());
    assert_eq!(plan["revision"], before.revision.0);
    assert_eq!(applied["revision"], office.state().revision.0);
    let changes = plan["changes"].as_array().expect("a list");
    assert!((1..=1_000).contains(&changes.len()));
    assert!((0..).zip(changes).all(|(at, change)| change["index"] == at), "{plan}");
    let last = &changes[changes.len() - 1];
    assert_eq!(now(office, last), last["after"], "what the last change is about");
    for view in [&mut plan, &mut applied] {
        view["revision"] = Value::Null;
    }
    assert_eq!(applied, plan);
}

/// A path of a change with everything encoded that cannot stand in a request.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%+:@".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// What a change is about, as `GET` shows it now; null where it is not there.
fn now(office: &Office, change: &Value) -> Value {
    let path = change["path"].as_str().expect("a path");
    let path = match change["after"]["id"].as_str() {
        Some(split) if path.starts_with("/v1/splits") => format!("/v1/splits/{split}"),
        _ => encoded(path),
    };
    let reply = office.ask("GET", &path, String::new());
    if reply.status == 404 {
        return Value::Null;
    }
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    let mut object = reply.json();
    // Whose numbers a plan counts and does not name.
    if path.starts_with("/v1/splits") {
        object.as_object_mut().expect("an object").remove("scope");
    }
    object
}
