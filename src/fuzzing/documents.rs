//! Documents of `POST /v1/import` and `POST /v1/agents/import`: refused by what is in them, or in force whole.

use serde_json::Value;

use super::office::{Desk, Office, example};
use super::world::key;

/// `a`ccount or `o`ne agent, and the document.
pub(super) fn law() -> impl Fn(&[u8]) {
    let document = example();
    let desk = Desk::new(move || Office::of(&document));
    move |bytes| {
        let Some((kind, text)) = bytes.split_first() else { return };
        match kind {
            b'a' => desk.with(|office| account(office, text)),
            b'o' => desk.with(|office| agent(office, text)),
            _ => {}
        }
    }
}

fn account(office: &Office, text: &[u8]) {
    let Some(granted) = granted(office, "/v1/import", text) else { return };
    let before = office.state();
    let again = office.ask("POST", "/v1/import", text.to_vec()).json();
    assert_eq!(again["changed"], false, "the same again, of {granted}");
    let whole = office.export("/v1/export");
    let again = office.ask("POST", "/v1/import", whole.to_string());
    assert!(again.is_granted(), "{}", again.text);
    assert_eq!(again.json()["changed"], false, "what it comes to, of {whole}");
    assert_eq!(office.state().revision, before.revision);
    assert_eq!(Office::of(&whole).export("/v1/export"), whole, "in a router that has nothing");
}

fn agent(office: &Office, text: &[u8]) {
    let Some(agent) = granted(office, "/v1/agents/import", text) else { return };
    let path = format!("/v1/agents/{}/export", agent["agentId"].as_str().expect("an id"));
    let whole = office.export(&path);
    let empty = Office::empty(key());
    let reply = empty.ask("POST", "/v1/agents/import", whole.to_string());
    assert!(reply.is_granted(), "{}", reply.text);
    assert_eq!(reply.json(), agent);
    assert_eq!(empty.export(&path), whole, "in a router that has nothing");
}

/// What is answered where a document is granted; a refusal of what is in it names what is there.
fn granted(office: &Office, path: &str, text: &[u8]) -> Option<Value> {
    let reply = office.ask("POST", path, text.to_vec());
    if reply.is_granted() {
        return Some(reply.json());
    }
    let envelope = reply.json();
    let faults = envelope["errors"].as_array().expect("a list");
    assert!(reply.status != 400 || !faults.is_empty(), "{envelope}");
    let document = serde_json::from_slice(text).unwrap_or_default();
    for fault in faults {
        let field = fault["field"].as_str().expect("a text");
        assert!(stands_in(&document, field), "{field} in {document}");
    }
    None
}

/// Whether the items of lists that a path names are there. Members may be missing: that may be the fault.
fn stands_in(document: &Value, path: &str) -> bool {
    let (mut here, mut rest) = (document, path);
    loop {
        let (name, behind) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
        let Some(found) = here.get(name) else {
            // Of what is not there at all, no item can be at fault.
            return !std::ptr::eq(here, document) || !behind.starts_with('[');
        };
        (here, rest) = (found, behind);
        while let Some((index, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            // A name in quotes: members of that name may be missing.
            let Ok(index) = index.parse::<usize>() else { return true };
            let Some(item) = here.get(index) else { return false };
            (here, rest) = (item, behind);
        }
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind,
            None => return rest.is_empty(),
        }
    }
}
