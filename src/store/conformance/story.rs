//! A short story in which every kind of stored fact occurs, written as it is stored.

use serde_json::{Value, json};

use super::commit;
use crate::domain::change::Change;
use crate::domain::command::Body;
use crate::domain::id::ConfigHash;
use crate::store::port::Commit;

/// The story; its first commit makes revision 1.
pub(crate) fn commits() -> Vec<Commit> {
    let facts = [beginning(), agents(), routes(), ends(), callers(), shadows()];
    let mut commits: Vec<Commit> =
        (1..).zip(facts).map(|(revision, facts)| commit(revision, read(facts))).collect();
    let body = |byte: u8| -> Body { (ConfigHash([byte; 16]), std::sync::Arc::from(vec![byte; 3])) };
    commits[1].bodies = vec![body(1), body(2)];
    commits
}

/// A caller who is pinned when the story ends, and one who no longer is.
pub(crate) const PINNED: &str = "+14155550999";
/// See [`PINNED`].
pub(crate) const RELEASED: &str = "desk-caller";

/// A route to the first agent.
pub(crate) fn route(managed_by: &str) -> Value {
    json!({"account": "ws-1", "managedBy": managed_by, "agentId": "sales", "pin": "live"})
}

/// A number, a SIP user, a prefix and a default route, given to the API or to the files, besides one that stays.
pub(crate) fn given_to(managed_by: &str) -> Vec<Change> {
    let mut given = route(managed_by);
    given["pin"] = "sandbox".into();
    read(json!([
        {
            "change": "numbers", "routes": [route("api"), given],
            "phones": [[14_155_550_100_u64, 0], [14_155_550_190_u64, 1]], "users": [["desk", 1]],
        },
        {"change": "prefixPut", "prefix": "+49", "route": given},
        {"change": "callerPinPut", "account": "ws-1", "agent": "sales", "caller": "gast", "managedBy": managed_by, "pin": "V1"},
        {"change": "defaultPut", "route": given},
    ]))
}

fn read(facts: Value) -> Vec<Change> {
    serde_json::from_value(facts).unwrap()
}

fn key(digest: u8) -> Value {
    json!({
        "id": format!("key-{digest}"), "name": "admin", "account": "ws-1",
        "permissions": ["read", "edit", "deploy", "route", "override", "snapshot", "analytics", "admin"],
        "agents": ["sales"], "expiresAt": "2030-01-01T00:00:00.000Z", "digest": vec![digest; 32],
    })
}

fn beginning() -> Value {
    let made = "2026-01-01T00:00:00.000Z";
    json!([
        {"change": "accountPut", "id": "ws-1", "name": "First", "createdAt": made},
        {"change": "accountPut", "id": "ws-0", "name": "Zweites Konto", "createdAt": made},
    ])
}

fn agents() -> Value {
    let version = |number: Option<u32>, byte: u8| {
        let dispatch = json!({
            "endpoints": [{"uri": "sip:{agent}@10.0.0.1", "priority": 0, "weight": 1}],
            "sipHeaders": {"X-Agent": "sales"},
            "sites": {"default": "berlin", "variants": {"berlin": {"name": "Berlin", "attributes": [["street", "A 1"]]}}},
        });
        json!({
            "number": number, "hash": ConfigHash([byte; 16]).to_string(), "name": "one", "description": "first",
            "author": "ann", "createdAt": "2026-01-02T00:00:00.000Z", "dispatch": dispatch,
        })
    };
    let agent = |fact: &str, rest: Value| {
        let mut fact = json!({"change": fact, "account": "ws-1", "agent": "sales"});
        fact.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        fact
    };
    let profile = json!({
        "name": "Sales", "managedBy": "files", "createdAt": "2026-01-02T00:00:00.000Z",
        "endpoints": [{"uri": "wss://runtime/{version}", "priority": 1, "weight": 50}],
    });
    json!([
        agent("agentPut", profile.clone()),
        {"change": "agentPut", "account": "ws-0", "agent": "sales", "name": "Other", "createdAt": "2026-01-02T00:00:00.000Z"},
        agent("versionSaved", json!({"version": version(Some(1), 1)})),
        agent("versionSaved", json!({"version": version(Some(2), 2)})),
        agent("draftPut", json!({"version": version(None, 1)})),
        agent("draftPut", json!({"version": version(None, 2)})),
        agent("deployed", json!({"deployment": deployment("live", 1, "publish", 7)})),
        agent("deployed", json!({"deployment": deployment("live", 2, "promotion", 8)})),
        agent("deployed", json!({"deployment": deployment("live", 1, "rollback", 9)})),
        agent("deployed", json!({"deployment": deployment("pre-release", 2, "publish", 6)})),
        agent("branchPut", json!({"branch": branch("BRANCH-AAAAAAAA", 1)})),
        agent("branchPut", json!({"branch": branch("BRANCH-AAAAAAAA", 2)})),
        agent("branchPut", json!({"branch": branch("BRANCH-BBBBBBBB", 1)})),
        agent("connectorPut", json!({"connector": connector("conn-1", "live")})),
        agent("connectorPut", json!({"connector": connector("conn-2", "sandbox")})),
        agent("configPagePut", json!({"page": {
            "environment": "live", "variables": {"open": true, "hours": null, "rate": 0.1},
            "schema": {"type": "object"}, "lastUpdated": "2026-01-04T00:00:00.000Z",
        }})),
        agent("configPagePut", json!({"page": {"environment": "sandbox", "lastUpdated": "2026-01-04T00:00:00.000Z"}})),
        {"change": "filesApplied", "hash": "000102030405060708090a0b0c0d0e0f"},
    ])
}

fn deployment(environment: &str, version: u32, kind: &str, id: u8) -> Value {
    json!({
        "id": format!("019b76da-a800-7000-8000-0000000000{id:02x}"), "environment": environment,
        "version": version, "kind": kind, "message": "weil", "createdBy": "ann",
        "createdAt": "2026-01-02T00:00:00.000Z", "callsFrom": 3,
    })
}

fn branch(id: &str, draft: u8) -> Value {
    json!({
        "id": id, "name": "Frühling", "draft": ConfigHash([draft; 16]).to_string(),
        "base": ConfigHash([1; 16]).to_string(), "createdBy": "ann", "createdAt": "2026-01-02T00:00:00.000Z",
        "updatedAt": "2026-01-03T00:00:00.000Z", "createdIn": 2,
    })
}

fn connector(id: &str, environment: &str) -> Value {
    json!({
        "id": id, "name": "Berlin", "environment": environment, "siteVariant": "berlin",
        "asrLanguage": "de-DE", "ttsLanguage": "de-DE", "voiceName": "Anna", "disableHandoff": true,
    })
}

fn routes() -> Value {
    let split = json!({
        "change": "splitPut", "account": "ws-1", "id": "spring", "name": "Spring", "managedBy": "api",
        "unit": {"header": "X-Tenant"}, "salt": "18446744073709551615", "owners": [[0, 4999, 0], [5000, 9999, 1]],
        "arms": [
            {"id": "control", "name": "Control", "agentId": "sales", "pin": "V1", "weight": 1},
            {"id": "test", "agentId": "sales", "pin": "draft", "weight": 1},
        ],
        "startsAt": "2026-02-01T00:00:00.000Z", "endsAt": "2026-03-01T00:00:00.000Z", "callQuota": 1000,
        "paused": true, "ending": {"at": "2026-02-02T00:00:00.000Z", "winner": "test"},
        "createdAt": "2026-01-03T00:00:00.000Z", "updatedAt": "2026-01-03T00:00:00.000Z",
    });
    let full = json!({
        "account": "ws-1", "managedBy": "api", "splitId": "spring", "siteVariantId": "berlin",
        "headerRules": [{"header": "X-Env", "regex": "^t", "agentId": "sales", "pin": "sandbox"}],
        "headers": {"X-Brand": "north"},
    });
    let phones = json!([[14_155_550_100_u64, 0], [14_155_550_101_u64, 1], [14_155_550_102_u64, 0]]);
    json!([
        split,
        {"change": "numbers", "routes": [route("api"), full], "phones": phones, "users": [["front", 1], ["back", 0]]},
        {"change": "prefixPut", "prefix": "+4930", "route": route("api")},
        {"change": "prefixPut", "prefix": "+4940", "route": full},
        {"change": "defaultPut", "route": route("api")},
        {"change": "keyPut", "id": "key-3", "name": "reader", "account": "ws-0", "permissions": ["read"], "digest": vec![3; 32]},
    ])
}

fn callers() -> Value {
    let pin = |caller: &str, rest: Value| {
        let mut fact =
            json!({"change": "callerPinPut", "account": "ws-1", "agent": "sales", "caller": caller});
        fact.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        fact
    };
    json!([
        pin(PINNED, json!({"managedBy": "api", "pin": "V1"})),
        pin(PINNED, json!({"managedBy": "api", "pin": "V2", "until": "2026-12-31T00:00:00.000Z"})),
        pin(RELEASED, json!({"managedBy": "api", "pin": "live"})),
        {"change": "callerPinRemoved", "account": "ws-1", "agent": "sales", "caller": RELEASED},
    ])
}

fn shadows() -> Value {
    let fact = |fact: &str, object: Value| json!({"change": fact, "account": "ws-1", "object": object});
    json!([
        fact("shadowed", json!({"number": "+14155550100"})),
        fact("shadowed", json!({"number": "front"})),
        fact("shadowed", json!({"prefix": "+4930"})),
        fact("shadowed", json!("defaultRoute")),
        fact("shadowed", json!({"split": "spring"})),
        fact("shadowed", json!({"agent": "sales"})),
        fact("shadowed", json!({"callerPin": {"agentId": "sales", "caller": PINNED}})),
        fact("shadowed", json!({"number": "gone"})),
        fact("unshadowed", json!({"number": "gone"})),
    ])
}

fn ends() -> Value {
    let mut old = key(1);
    old["change"] = "keyPut".into();
    let mut gone = key(1);
    gone["change"] = "keyRemoved".into();
    let mut new = key(2);
    new["change"] = "keyPut".into();
    let mut moved = route("api");
    moved["account"] = "ws-0".into();
    json!([
        old,
        gone,
        new,
        {"change": "numbers", "routes": [], "phones": [[14_155_550_102_u64, null]], "users": [["back", null]]},
        {"change": "prefixRemoved", "account": "ws-1", "prefix": "+4940"},
        {"change": "defaultPut", "route": moved},
        {"change": "defaultRemoved", "account": "ws-0"},
        {"change": "environmentEmptied", "account": "ws-1", "agent": "sales", "environment": "pre-release"},
        {"change": "branchRemoved", "account": "ws-1", "agent": "sales", "branch": "BRANCH-BBBBBBBB"},
        {"change": "connectorRemoved", "account": "ws-1", "agent": "sales", "connector": "conn-2"},
        {"change": "agentRemoved", "account": "ws-0", "agent": "sales"},
        {"change": "splitRemoved", "account": "ws-1", "split": "autumn"},
    ])
}
