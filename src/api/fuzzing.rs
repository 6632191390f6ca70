//! Laws of what the management API reads: bodies, cursors, conditions.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a law fails by a panic")]

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{HeaderValue, IF_MATCH};
use serde_json::Value;

use super::accounts::body::{AccountChange, NewAccount};
use super::caller::Caller;
use super::caller_pins::CallerPinBody;
use super::cursor::QueryPrint;
use super::etag::{IfMatch, Tag};
use super::fields::{self, Written};
use super::keys::NewKeyBody;
use super::route::{RouteBody, RouteView};
use super::splits::body::{EndBody, NewSplit, SplitChange};
use crate::domain::account::{Key, KeyDigest};
use crate::domain::address::{Number, Prefix};
use crate::domain::change::{SplitRef, Touched};
use crate::domain::command::{Action, Author, Command};
use crate::domain::id::SplitId;
use crate::domain::refusal::Refusal;
use crate::domain::route::Route;
use crate::domain::split::Split;
use crate::domain::split::slots::quota;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

const FREE_NUMBER: &str = "+15550100199";

/// A body, and before it a letter for what it is: `r`oute, `s`plit, `p`atch of a split, `e`nd of one, `c`aller pin,
/// `k`ey, `a`ccount, change of its se`t`tings.
pub(crate) fn body(key: Key, state: State) -> impl Fn(&[u8]) {
    let mut asker = caller(key, state);
    let number = Number::parse(FREE_NUMBER).expect("a number");
    let text = br#"{"arms":[{"id":"a","agentId":"sales","pin":"V1","weight":3},
        {"id":"b","agentId":"sales","pin":"V2","weight":1}]}"#;
    let split = fields::read::<NewSplit>(&asker, text).expect("a split");
    let split = split.to_split(asker.account(), id("trial"), 5, Timestamp(0));
    let made = Action::CreateSplit { split, numbers: vec![number] };
    asker.state = Arc::new(after(&asker, made).expect("what is granted"));
    move |bytes| {
        let Some((kind, text)) = bytes.split_first() else { return };
        match kind {
            b'r' => read(&asker, text, route),
            b's' => read(&asker, text, new_split),
            b'p' => read(&asker, text, patch),
            b'e' => read(&asker, text, end),
            b'k' => read(&asker, text, |_, _: NewKeyBody| ()),
            b'a' => read(&asker, text, |_, _: NewAccount| ()),
            b't' => read(&asker, text, |_, change: AccountChange| drop(change.into_patch())),
            b'c' => read(&asker, text, |_, _: CallerPinBody| ()),
            _ => {}
        }
    }
}

/// A cursor names the entry it was made of to whoever it was made for, and nothing else is one.
pub(crate) fn cursor(key: Key) -> impl Fn(&[u8]) {
    let other = Key { digest: KeyDigest([1; 32]), ..key.clone() };
    move |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let print = QueryPrint::of(&key, &[&"numbers", &"live"]);
        // One that is guessed is the one that would have been given.
        if let Ok(entry) = print.read(&text) {
            assert_eq!(print.after(&entry), *text);
        }
        let cursor = print.after(&text);
        assert!(cursor.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_')), "{cursor}");
        assert_eq!(print.read(&cursor).ok().as_deref(), Some(&*text));
        assert!(QueryPrint::of(&key, &[&"numbers", &"V1"]).read(&cursor).is_err());
        assert!(QueryPrint::of(&other, &[&"numbers", &"live"]).read(&cursor).is_err());
        let at = usize::from(bytes.first().copied().unwrap_or_default()) % cursor.len();
        let put = char::from(bytes.last().copied().unwrap_or_default() & 0x7f);
        let forged = format!("{}{put}{}", &cursor[..at], &cursor[at + 1..]);
        assert!(forged == cursor || print.read(&forged).is_err(), "{forged} for {cursor}");
    }
}

/// `If-Match`, a value each line: granted exactly where one of the tags is the object's.
pub(crate) fn if_match(key: Key, state: State) -> impl Fn(&[u8]) {
    let number = Number::parse("+14155550101").expect("a number");
    let tag = Tag::of(state.route(&number).expect("a route").as_ref()).to_header();
    let tag = tag.to_str().expect("text").to_owned();
    let (there, gone) = (Action::DeleteNumber(number), Action::DeleteNumber(Number::User("nobody".into())));
    move |bytes| {
        let mut headers = HeaderMap::new();
        let mut named = false;
        for line in bytes.split(|byte| *byte == b'\n').take(16) {
            // So that a tag of 32 digits need not be guessed.
            let line = String::from_utf8_lossy(line).replace("$tag", &tag);
            let Ok(value) = HeaderValue::from_str(&line) else { continue };
            named |= value
                .to_str()
                .is_ok_and(|value| value.split(',').any(|one| [&*tag, "*"].contains(&one.trim())));
            headers.append(IF_MATCH, value);
        }
        let Some(condition) = IfMatch::of(&headers) else { return assert!(headers.is_empty()) };
        assert_eq!(condition.check(&state, &key.account, &there).is_ok(), named, "{headers:?}");
        assert!(condition.check(&state, &key.account, &gone).is_err(), "what is not there is in no state");
    }
}

fn id(text: &str) -> SplitId {
    SplitId::parse(text).expect("an id")
}

fn caller(key: Key, state: State) -> Caller {
    Caller { key: Arc::new(key), actor: None, if_match: None, state: Arc::new(state) }
}

/// Hands what is read to its law; a refusal names fields, in our words and on one line.
fn read<T: Written>(caller: &Caller, text: &[u8], law: impl FnOnce(&Caller, T)) {
    let refused: ApiError = match fields::read(caller, text) {
        Ok(body) => return law(caller, body),
        Err(refused) => refused,
    };
    assert_eq!(refused.status(), 400, "{refused:?}");
    let envelope = serde_json::to_value(refused.envelope("")).expect("JSON");
    in_our_words(&envelope);
    assert_ne!(envelope["errors"], Value::Array(Vec::new()), "{envelope}");
}

/// Fails unless a refusal has a code, and says what is wrong on one line, of at most a hundred fields and the rest.
pub(crate) fn in_our_words(envelope: &Value) {
    let line = |text: &Value| text.as_str().is_some_and(|text| !text.chars().any(char::is_control));
    assert!(line(&envelope["message"]) && envelope["message"] != "", "{envelope}");
    assert!(line(&envelope["error_code"]) && envelope["error_code"] != "", "{envelope}");
    let faults = envelope["errors"].as_array().expect("a list");
    assert!(faults.len() <= 101, "{} faults", faults.len());
    for fault in faults {
        assert!(line(&fault["field"]) && line(&fault["message"]) && fault["message"] != "", "{fault}");
    }
}

/// The state once an action was granted.
fn after(caller: &Caller, action: Action) -> Result<State, Refusal> {
    let author = Author::Key { key: Arc::clone(&caller.key), actor: None };
    let command = Command { account: caller.account().clone(), author, at: Timestamp(0), action };
    let outcome = caller.state.weigh(&command)?;
    let mut state = State::clone(&caller.state);
    for change in &outcome.changes {
        state.absorb(change, &mut Touched::default());
    }
    Ok(state)
}

/// What is granted is in force as it was written, shown, and may be written again as it is shown.
fn route(caller: &Caller, body: RouteBody) {
    let route = body.into_route(caller).expect("what was read whole");
    let view = serde_json::to_value(RouteView::of(&caller.state, &route)).expect("JSON");
    assert_eq!(written_again(caller, view), route);
    let number = Number::parse("+15550100100").expect("a number");
    let prefix = Prefix::parse("+1555").expect("a prefix");
    let put = Action::PutNumber { number: number.clone(), route: route.clone() };
    if let Ok(state) = after(caller, put) {
        assert_eq!(state.route(&number).map(AsRef::as_ref), Some(&route));
        let key = (caller.account().clone(), prefix);
        let state =
            after(caller, Action::PutPrefix { prefix, route: route.clone() }).expect("as the number was");
        assert_eq!(state.prefixes.get(&key).map(AsRef::as_ref), Some(&route));
    }
}

fn written_again(caller: &Caller, mut view: Value) -> Route {
    let shown = view.as_object_mut().expect("an object");
    for only_shown in ["fallback", "managedBy", "connectorId", "warnings"] {
        shown.remove(only_shown);
    }
    let again = fields::read::<RouteBody>(caller, view.to_string().as_bytes()).expect("what was shown");
    again.into_route(caller).expect("what was read whole")
}

/// What is granted has the slots its weights are due.
fn new_split(caller: &Caller, body: NewSplit) {
    let made = id("fuzzed");
    let split = body.to_split(caller.account(), made.clone(), 7, Timestamp(0));
    assert!(split.faults().is_empty(), "{:?}", split.faults());
    let numbers = body.scope.map(|scope| scope.numbers).unwrap_or_default();
    if let Ok(state) = after(caller, Action::CreateSplit { split, numbers }) {
        whole(caller, &state, made);
    }
}

fn patch(caller: &Caller, body: SplitChange) {
    let action = Action::PatchSplit { id: id("trial"), patch: body.into_patch() };
    if let Ok(state) = after(caller, action) {
        whole(caller, &state, id("trial"));
    }
}

fn end(caller: &Caller, body: EndBody) {
    let winner = body.winner.clone();
    if let Ok(state) = after(caller, Action::EndSplit { id: id("trial"), winner: body.winner }) {
        let split = whole(caller, &state, id("trial"));
        assert_eq!(split.ending.as_ref().map(|ending| &ending.winner), Some(&winner));
    }
}

fn whole(caller: &Caller, state: &State, split: SplitId) -> Arc<Split> {
    let split =
        Arc::clone(state.splits.get(&SplitRef { account: caller.account().clone(), split }).expect("it"));
    assert!(split.faults().is_empty(), "{:?}", split.faults());
    for (arm, due) in (0..).zip(quota(&split.weights())) {
        assert_eq!(split.owners.count(arm), due, "arm {arm} of {:?}", split.weights());
    }
    split
}
