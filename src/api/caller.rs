//! Who asks, and the state that the answer is about.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use super::Management;
use super::etag::IfMatch;
use crate::control::{Applied, ControlError, Precondition};
use crate::domain::account::Key;
use crate::domain::agent::AgentRef;
use crate::domain::command::{Action, Author, Command, no_account};
use crate::domain::id::{AccountId, AgentId};
use crate::domain::sight::Sight;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// Somebody with a key that may do what was asked for.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Their key.
    pub(super) key: Arc<Key>,
    /// Who they say they act for.
    pub(super) actor: Option<String>,
    /// Which state of the object they mean.
    pub(super) if_match: Option<IfMatch>,
    /// The state when they asked.
    pub(super) state: Arc<State>,
}

impl Caller {
    /// Their account.
    pub(super) fn account(&self) -> &AccountId {
        &self.key.account
    }

    /// An agent of their account, by its full name.
    pub(super) fn agent_ref(&self, agent: &AgentId) -> AgentRef {
        AgentRef { account: self.account().clone(), agent: agent.clone() }
    }

    /// What they may see, in the state when they asked.
    pub(super) fn sight(&self) -> Sight<'_> {
        self.sight_in(&self.state)
    }

    /// What they may see in another state.
    pub(super) fn sight_in<'s>(&'s self, state: &'s State) -> Sight<'s> {
        Sight::of_key(state, &self.key)
    }

    /// Refuses a key that is limited to some agents: what is asked for is about all of the account.
    pub(super) fn whole_account(&self) -> Result<(), ApiError> {
        if self.sight().is_whole() {
            return Ok(());
        }
        Err(ApiError::forbidden("this needs a key that is not limited to some agents"))
    }

    /// Refuses all but the first account: what is asked for is about the whole instance.
    pub(super) fn instance(&self) -> Result<(), ApiError> {
        self.whole_account()?;
        if self.state.first_account.as_ref() == Some(self.account()) {
            return Ok(());
        }
        Err(ApiError::forbidden("this is about the whole instance and needs a key of its first account"))
    }

    /// Who it is, for the history: the key, and whom it says it acts for.
    pub(super) fn name(&self) -> String {
        let key = &self.key.name;
        self.actor.as_ref().map_or_else(|| key.clone(), |actor| format!("{key} for {actor}"))
    }

    /// The same as it is handed on with what they change.
    pub(super) fn author(&self) -> Author {
        Author::Key { key: Arc::clone(&self.key), actor: self.actor.clone() }
    }

    /// Refuses another account than their own: to them it is not there.
    pub(super) fn own(&self, account: &AccountId) -> Result<(), ApiError> {
        if account == self.account() {
            return Ok(());
        }
        Err(no_account(account).into())
    }

    /// Asks for a change, in the state that `If-Match` names if it names one.
    pub(super) async fn submit(
        &self,
        management: &Management,
        action: impl Into<Action>,
    ) -> Result<Applied, ApiError> {
        Ok(self.try_submit(management, action).await?)
    }

    /// The same for whoever goes on where it is not granted.
    pub(super) async fn try_submit(
        &self,
        management: &Management,
        action: impl Into<Action>,
    ) -> Result<Applied, ControlError> {
        let (account, action) = (self.account().clone(), action.into());
        let precondition = self.if_match.clone().map(|named| -> Precondition {
            let (account, action) = (account.clone(), action.clone());
            Box::new(move |state| named.check(state, &account, &action))
        });
        let command = self.command(action, management.now());
        management.control.submit_if(command, precondition).await
    }

    /// A change as they ask for it.
    pub(super) fn command(&self, action: Action, at: Timestamp) -> Command {
        Command { account: self.account().clone(), author: self.author(), at, action }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(|| ApiError::unauthorized("no key"))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get().cloned())
    }
}
