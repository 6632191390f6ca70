//! Which state of an object is meant: tags of objects, and requests that hold for one state only.

use hyper::HeaderMap;
use hyper::header::{HeaderValue, IF_MATCH};
use serde::Serialize;

use super::agents::{endpoints_tag, fallback_tag, page_tag, tests_tag};
use crate::domain::address::Number;
use crate::domain::agent::{Agent, AgentRef};
use crate::domain::caller_pin::CallerPin;
use crate::domain::change::SplitRef;
use crate::domain::command::{Action, AgentEdit, TelephonyEdit};
use crate::domain::id::{AccountId, BranchId, ConfigHash, Hex32};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::state::State;

/// The tag of an object as it is now: equal content, equal tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag(String);

impl Tag {
    /// The tag of an object's stored form.
    pub(super) fn of<T: Serialize>(object: &T) -> Self {
        // Objects of the domain always have a JSON form.
        let hash = blake3::hash(&serde_json::to_vec(object).unwrap_or_default());
        let [half, _] = super::halves(*hash.as_bytes());
        Self(format!("\"{}\"", Hex32::of(half).as_str()))
    }

    /// The tag of a configuration, whose fingerprint it is.
    pub(super) fn of_hash(hash: ConfigHash) -> Self {
        Self(format!("\"{hash}\""))
    }

    /// The value of an `ETag` header.
    pub(super) fn to_header(&self) -> HeaderValue {
        HeaderValue::try_from(&self.0).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

/// The tags that a request names: one of them must be the object's.
#[derive(Debug, Clone)]
pub(super) struct IfMatch(String);

impl IfMatch {
    /// What a request says, if it says anything.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values: Vec<&str> =
            headers.get_all(IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        (!values.is_empty()).then(|| Self(values.join(",")))
    }

    /// Refuses an action on an object that is not in a state that was named.
    pub(super) fn check(&self, state: &State, account: &AccountId, action: &Action) -> Result<(), Refusal> {
        self.check_tag(tag(state, account, action).as_ref())
    }

    /// Refuses an object whose tag is not among those that were named.
    pub(super) fn check_tag(&self, present: Option<&Tag>) -> Result<(), Refusal> {
        let named =
            |present: &Tag| self.0.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == present.0);
        if present.is_some_and(named) {
            return Ok(());
        }
        let message = "the object is not in the state that If-Match names: read it again";
        Err(Refusal::new(RefusalKind::Precondition, "PRECONDITION_FAILED", message))
    }
}

/// The tag of what an action is about, as it is now.
fn tag(state: &State, account: &AccountId, action: &Action) -> Option<Tag> {
    let of_split = |id: &crate::domain::id::SplitId| {
        let id = SplitRef { account: account.clone(), split: id.clone() };
        state.splits.get(&id).map(|split| Tag::of(split.as_ref()))
    };
    match action {
        Action::Agent { agent, edit } => {
            let id = AgentRef { account: account.clone(), agent: agent.clone() };
            state.agents.get(&id).and_then(|agent| of_agent(state, agent, edit))
        }
        Action::PutNumber { number, .. } | Action::DeleteNumber(number) => of_number(state, account, number),
        Action::PutPrefix { prefix, .. } | Action::DeletePrefix(prefix) => {
            state.prefixes.get(&(account.clone(), *prefix)).map(|route| Tag::of(route.as_ref()))
        }
        Action::PutDefault(_) | Action::DeleteDefault => {
            state.defaults.get(account).map(|route| Tag::of(route.as_ref()))
        }
        Action::PutCallerPin { pin: CallerPin { id, .. }, .. } | Action::DeleteCallerPin { id, .. } => {
            state.caller_pins.get(id).map(|pin| Tag::of(pin.as_ref()))
        }
        Action::PatchSplit { id, .. } | Action::EndSplit { id, .. } | Action::DeleteSplit(id) => of_split(id),
        Action::PatchAccount { id, .. } => state.accounts.get(id).map(|account| Tag::of(account.as_ref())),
        Action::DeleteKey(id) => state.keys_of(account).find(|key| key.id == *id).map(Tag::of),
        Action::CreateAccount { .. }
        | Action::ReplaceKey(_)
        | Action::CreateKey(_)
        | Action::CreateSplit { .. }
        | Action::ImportNumbers(_)
        | Action::ImportAccount(_)
        | Action::ApplyFiles(_)
        | Action::Adopt(_)
        | Action::Release { .. }
        | Action::Several(_) => None,
    }
}

/// The tag of what an edit of an agent is about: the head of a branch, unless it is something else of it.
fn of_agent(state: &State, agent: &Agent, edit: &AgentEdit) -> Option<Tag> {
    let account = &agent.profile.id.account;
    match edit {
        AgentEdit::PutEndpoints { environment, .. } => Some(endpoints_tag(&agent.profile, *environment)),
        AgentEdit::PutFallback { .. } => Some(fallback_tag(&agent.profile)),
        AgentEdit::PutConfigPage(new) => Some(page_tag(agent, new.environment())),
        AgentEdit::PutTests(_) => Some(tests_tag(agent)),
        AgentEdit::RecordTestRun(_) => None,
        AgentEdit::Telephony(edit) => match edit {
            TelephonyEdit::Import(_) => None,
            TelephonyEdit::Connect { number, .. } => of_number(state, account, number),
            TelephonyEdit::Release(numbers) => match numbers.as_slice() {
                [number] => of_number(state, account, number),
                _ => None,
            },
            TelephonyEdit::PatchConnector { connector, .. } | TelephonyEdit::DeleteConnector(connector) => {
                agent.connectors.get(connector).map(|connector| Tag::of(connector.as_ref()))
            }
        },
        _ => {
            let branch = edit.branch().cloned().unwrap_or_else(BranchId::main);
            agent.head(&branch).ok().map(Tag::of_hash)
        }
    }
}

fn of_number(state: &State, account: &AccountId, number: &Number) -> Option<Tag> {
    let route = state.route(number).filter(|route| route.account == *account);
    route.map(|route| Tag::of(route.as_ref()))
}
