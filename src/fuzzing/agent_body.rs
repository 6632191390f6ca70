//! Bodies of an agent's resources: refused in our words, or what is shown afterwards is what was put.

use serde_json::{Value, json};

use super::office::{Desk, Office, Reply, example};

/// An operation that takes a body.
#[derive(Debug)]
struct Operation {
    /// The byte that picks it.
    letter: u8,
    method: &'static str,
    path: &'static str,
    then: Then,
    /// The fields that it reads, where it leaves unknown ones alone; none where it refuses those.
    reads: &'static [&'static str],
}

/// What must be so once it was granted.
#[derive(Debug)]
enum Then {
    /// `GET` of the path shows what was answered, and what was put.
    Shown,
    /// `GET` of the path shows what was put.
    Put,
    /// `GET` of what is below the path by the `id` that was answered shows what was put.
    Made,
    /// Another path shows what was put, once its `$members` are those of the answer.
    At(&'static str),
    /// Nothing that can be told from the body alone.
    Answered,
}

const fn operation(letter: u8, method: &'static str, path: &'static str, then: Then) -> Operation {
    Operation { letter, method, path, then, reads: &[] }
}

impl Operation {
    const fn reading(self, reads: &'static [&'static str]) -> Self {
        Self { reads, ..self }
    }
}

/// Every operation of agents and accounts that takes a body, but imports.
const OPERATIONS: [Operation; 39] = [
    operation(b'A', "PATCH", "/v1/agents/sales/branches/main/attributes/ATTRIBUTE-1", Then::Shown),
    operation(b'B', "POST", "/v1/agents/sales/branches", Then::Answered),
    operation(b'C', "PATCH", "/v1/agents/sales/telephony/phone-numbers/+14155550150", Then::Shown)
        .reading(&["connectorId"]),
    operation(b'E', "PUT", "/v1/agents/sales/endpoints/live", Then::Shown),
    operation(b'K', "PATCH", "/v1/agents/sales/telephony/connectors/batch", Then::Answered),
    operation(b'M', "POST", "/v1/agents/sales/branches/$branch/merge", Then::Answered),
    operation(b'N', "POST", "/v1/agents/sales/telephony/phone-numbers/+14155550151", Then::Put)
        .reading(&["clientEnv"]),
    operation(b'P', "POST", "/v1/agents/sales/deployments/publish", Then::Answered),
    operation(b'R', "POST", "/v1/agents/sales/deployments/$deployment/rollback", Then::Answered),
    operation(b'S', "POST", "/v1/agents/sales/versions", Then::Answered),
    operation(b'T', "PATCH", "/v1/agents/sales/branches/main/knowledge-base/topics/TOPICS-1", Then::Put),
    operation(b'V', "PATCH", "/v1/agents/sales/branches/main/variants/VARIANT-1", Then::Shown),
    operation(b'X', "DELETE", "/v1/agents/sales/telephony/phone-numbers", Then::Answered),
    operation(b'Y', "POST", "/v1/accounts/ws-1/agents", Then::At("/v1/agents/$agentId")),
    operation(b'Z', "POST", "/v1/accounts", Then::Answered),
    operation(b'a', "POST", "/v1/agents/sales/branches/main/attributes", Then::Made),
    operation(b'b', "PATCH", "/v1/agents/sales/branches/main/behavior", Then::Shown),
    operation(
        b'c',
        "PATCH",
        "/v1/agents/sales/telephony/connectors/$connector",
        Then::At("/v1/agents/$projectId/telephony/connectors/$connectorId"),
    )
    .reading(&["projectId", "variantId", "asrLangCode", "voiceName"]),
    operation(b'd', "PUT", "/v1/agents/sales/draft", Then::Shown),
    operation(b'e', "PUT", "/v1/agents/sales/endpoints", Then::Shown),
    operation(b'f', "PUT", "/v1/agents/sales/fallback", Then::Shown),
    operation(b'h', "POST", "/v1/agents/sales/test-calls", Then::Answered),
    operation(b'i', "PUT", "/v1/agents/sales/tests", Then::Answered),
    operation(b'j', "POST", "/v1/agents/sales/test-runs", Then::Answered),
    operation(b'k', "POST", "/v1/agents/sales/telephony/connectors/batch", Then::Answered),
    operation(b'l', "POST", "/v1/agents/sales/telephony/connectors/lookup", Then::Answered),
    operation(b'm', "PATCH", "/v1/agents/sales/draft", Then::Shown),
    operation(b'n', "POST", "/v1/agents/sales/telephony/phone-numbers", Then::Answered),
    operation(b'o', "POST", "/v1/agents/sales/deployments/$deployment/promote", Then::Answered),
    operation(b'p', "POST", "/api/v2/agents/sales/publish", Then::Answered),
    operation(b'q', "POST", "/v1/agents/sales/telephony/phone-numbers/batch", Then::Answered),
    operation(
        b'r',
        "PATCH",
        "/v1/agents/sales/real-time-configs/live/variables",
        Then::At("/v1/agents/sales/real-time-configs/live"),
    ),
    operation(
        b's',
        "PUT",
        "/v1/agents/sales/real-time-configs/live/schema",
        Then::At("/v1/agents/sales/real-time-configs/live"),
    ),
    operation(b't', "POST", "/v1/agents/sales/branches/main/knowledge-base/topics", Then::Made),
    operation(b'u', "PUT", "/api/v2/agents/sales/rollback", Then::Answered),
    operation(b'v', "POST", "/v1/agents/sales/branches/main/variants", Then::Made),
    operation(b'w', "POST", "/v1/agents", Then::At("/v1/agents/$agentId")),
    operation(b'y', "POST", "/v1/agents/sales/duplicate", Then::Answered),
    operation(b'z', "PATCH", "/v1/accounts/ws-1", Then::Shown),
];

/// A letter for the operation, and the body. `$connector`, `$deployment`, `$publish` of staging and, in a path, `$branch`
/// stand for ids that are there.
pub(super) fn law() -> impl Fn(&[u8]) {
    let document = furnished();
    let connector = document["agents"][1]["connectors"][0]["id"].as_str().expect("a connector").to_owned();
    let desk = Desk::new(move || Office::of(&document));
    move |bytes| {
        let Some((letter, body)) = bytes.split_first() else { return };
        let Some(operation) = OPERATIONS.iter().find(|operation| operation.letter == *letter) else { return };
        desk.with(|office| {
            let deployed = office.show("/v1/agents/sales/deployments/active");
            let deployed = &deployed["activeDeployments"]["pre-release"]["id"];
            let deployment = deployed.as_str().expect("what pre-release serves");
            let named =
                |text: &str| text.replace("$connector", &connector).replace("$deployment", deployment);
            let publish = if operation.letter == b'u' { published_and_edited(office) } else { String::new() };
            let named = |text: &str| named(text).replace("$publish", &publish);
            let body = str::from_utf8(body).map_or_else(|_| body.to_vec(), |text| named(text).into_bytes());
            let mut path = named(operation.path);
            if path.contains("$branch") {
                path = path.replace("$branch", &at_odds(office));
            }
            let before = office.state();
            let reply = office.ask(operation.method, &path, body.clone());
            if reply.is_granted() {
                granted(office, operation, &path, &body, &reply);
            } else {
                assert_eq!(office.state().revision, before.revision, "what is refused changes nothing");
            }
        });
    }
}

fn granted(office: &Office, operation: &Operation, path: &str, body: &[u8], reply: &Reply) {
    let answered = serde_json::from_str(&reply.text).unwrap_or(Value::Null);
    let text = |name: &str| answered[name].as_str().unwrap_or_else(|| panic!("no {name} in {answered}"));
    let shown = match operation.then {
        Then::Answered => return,
        Then::Shown => {
            let shown = office.show(path);
            for (name, answered) in answered.as_object().expect("an object") {
                // What is to be known is said once.
                assert!(name == "warnings" || shown[name] == *answered, "{name} in {shown}, of {answered}");
            }
            shown
        }
        Then::Put => office.show(path),
        Then::Made => office.show(&format!("{path}/{}", text("id"))),
        Then::At(path) => {
            let mut path = path.to_owned();
            for name in ["agentId", "projectId", "connectorId"] {
                if path.contains(&format!("${name}")) {
                    path = path.replace(&format!("${name}"), text(name));
                }
            }
            office.show(&path)
        }
    };
    let mut put = serde_json::from_slice(body).unwrap_or(Value::Null);
    if let (Some(put), [_, ..]) = (put.as_object_mut(), operation.reads) {
        put.retain(|name, _| operation.reads.contains(&name.as_str()));
    }
    assert!(holds(&shown, &put), "{shown} does not hold {put}");
}

/// Whether nothing that was put is shown as something else. Null takes something away, and defaults are not shown.
fn holds(shown: &Value, put: &Value) -> bool {
    match (shown, put) {
        (_, Value::Null) => true,
        (Value::Object(shown), Value::Object(put)) => {
            put.iter().all(|(name, put)| shown.get(name).is_none_or(|shown| holds(shown, put)))
        }
        (Value::Array(shown), Value::Array(put)) => {
            shown.len() == put.len() && shown.iter().zip(put).all(|(shown, put)| holds(shown, put))
        }
        (Value::Number(shown), Value::Number(put)) => shown.as_f64() == put.as_f64(),
        _ => shown == put,
    }
}

/// Makes a branch of `sales` that is in conflict with `main` over a topic; its id.
fn at_odds(office: &Office) -> String {
    let asked = |method: &str, path: &str, body: Value| {
        let reply = office.ask(method, path, body.to_string());
        assert!(reply.is_granted(), "{path}: {}", reply.text);
        reply
    };
    let made = asked("POST", "/v1/agents/sales/branches", json!({"branchName": "Summer"})).json();
    let branch = made["branchId"].as_str().expect("a branch").to_owned();
    for (branch, content) in [("main", "8 to 5"), (&branch, "10 to 5")] {
        let topic = format!("/v1/agents/sales/branches/{branch}/knowledge-base/topics/TOPICS-1");
        asked("PATCH", &topic, json!({"content": content}));
    }
    branch
}

/// Publishes `sales`, and changes a topic again that it brought; the id of the publish.
fn published_and_edited(office: &Office) -> String {
    let topic = |content: &str| {
        let path = "/v1/agents/sales/branches/main/knowledge-base/topics/TOPICS-1";
        let reply = office.ask("PATCH", path, json!({"content": content}).to_string());
        assert!(reply.is_granted(), "{}", reply.text);
    };
    topic("8 to 5");
    office.ask("POST", "/api/v2/agents/sales/publish", "{}");
    topic("10 to 5");
    let published = office.show("/api/v2/agents/sales/publish-history");
    published["entries"][0]["change_track_id"].as_str().expect("a publish").to_owned()
}

/// The example, and of `sales` one of everything that an agent can have.
fn furnished() -> Value {
    let office = Office::of(&example());
    let furnish = |method: &str, path: &str, body: Value| {
        let reply = office.ask(method, path, body.to_string());
        assert!(reply.is_granted(), "{path}: {}", reply.text);
    };
    let parts = json!({
        "topics": [{"id": "TOPICS-1", "name": "Hours", "content": "9 to 5"}],
        "siteAttributes": [{"id": "ATTRIBUTE-1", "name": "Address"}],
        "siteVariants": [
            {"id": "VARIANT-1", "name": "North", "isDefault": true, "values": {"ATTRIBUTE-1": "High Street"}},
            {"id": "VARIANT-2", "name": "South"},
        ],
    });
    furnish("PATCH", "/v1/agents/sales/draft", parts);
    furnish("POST", "/v1/agents/sales/telephony/phone-numbers", json!({"phoneNumbers": ["+14155550150"]}));
    let open = json!({"schema": {"properties": {"open": {"type": "boolean"}}}, "variables": {"open": true}});
    furnish("PUT", "/v1/agents/sales/real-time-configs/live/schema", open);
    office.export("/v1/export")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A path with every id as `{}`.
    fn template(path: &str, of: &str) -> bool {
        let mut ids = path.split('/').zip(of.split('/'));
        path.split('/').count() == of.split('/').count()
            && ids.all(|(name, of)| of == name || of.starts_with('{'))
    }

    #[test]
    fn every_body_of_agents_and_accounts_is_tried() {
        let document: Value = serde_json::from_str(&crate::api::openapi()).unwrap();
        let mut untried = Vec::new();
        for (of, methods) in document["paths"].as_object().unwrap() {
            let theirs = ["/v1/agents", "/v1/accounts", "/api/v2"].iter().any(|begin| of.starts_with(begin));
            for (method, operation) in methods.as_object().unwrap().iter().filter(|_| theirs) {
                let body = operation.get("requestBody").is_some() && of != "/v1/agents/import";
                let tried = OPERATIONS
                    .iter()
                    .any(|it| it.method.eq_ignore_ascii_case(method) && template(it.path, of));
                if body != tried {
                    untried.push(format!("{method} {of}"));
                }
            }
        }
        assert!(untried.is_empty(), "{untried:#?}");
        let letters: BTreeSet<u8> = OPERATIONS.iter().map(|operation| operation.letter).collect();
        assert_eq!(letters.len(), OPERATIONS.len());
    }
}
