//! Which state of an object is meant: tags of objects, and requests that hold for one state only.

use hyper::HeaderMap;
use hyper::header::{HeaderValue, IF_MATCH};
use serde::Serialize;

use crate::domain::agent::AgentRef;
use crate::domain::caller_pin::CallerPin;
use crate::domain::change::SplitRef;
use crate::domain::command::Action;
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
        let present = tag(state, account, action).map(|tag| tag.0);
        let named =
            |present: &str| self.0.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == present);
        if present.as_deref().is_some_and(named) {
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
            let branch = edit.branch().cloned().unwrap_or_else(BranchId::main);
            let head = state.agents.get(&id).and_then(|agent| agent.head(&branch).ok());
            head.map(Tag::of_hash)
        }
        Action::PutNumber { number, .. } | Action::DeleteNumber(number) => {
            let route = state.route(number).filter(|route| route.account == *account);
            route.map(|route| Tag::of(route.as_ref()))
        }
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
