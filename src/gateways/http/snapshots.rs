//! `GET /v1/snapshots/{hash}`: the configuration of a version that serves or has calls, from memory.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderValue};
use hyper::http::request::Parts;

use super::{HttpConnection, hash_in_path, json};
use crate::domain::account::Permission;
use crate::domain::agent::AgentRef;
use crate::domain::id::{AccountId, AgentId, ConfigHash};
use crate::http::condition::knows;
use crate::http::error::ApiError;
use crate::http::server::Answer;
use crate::routing::table::RoutingTable;

/// A body never changes under its hash, but is its account's alone.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

impl HttpConnection {
    pub(super) fn snapshot(&self, head: &Parts, hash: &str) -> Result<Answer, ApiError> {
        let asker = self.asker(head, Permission::Snapshot)?;
        let hash = hash_in_path(hash)?;
        let body = self.worker.plane.parts.switchboard.shelf.get(asker.account(), hash).ok_or_else(|| {
            ApiError::not_found("no version with this hash serves or has calls in progress here")
        })?;
        if let Some(agents) = asker.agents()
            && !self.worker.with_table(|table| any_has(table, asker.account(), agents, hash))
        {
            return Err(ApiError::forbidden("the API key is limited to other agents"));
        }
        let tag = format!("\"{}\"", hash.hex().as_str());
        let mut answer = if knows(&head.headers, &tag) {
            let mut answer = json(StatusCode::NOT_MODIFIED, Bytes::new());
            answer.headers_mut().clear();
            answer
        } else {
            json(StatusCode::OK, Bytes::from_owner(body.json.clone()))
        };
        if let Ok(tag) = HeaderValue::try_from(tag) {
            answer.headers_mut().insert(ETAG, tag);
        }
        answer.headers_mut().insert(CACHE_CONTROL, FOR_EVER);
        Ok(answer)
    }
}

/// Whether a version or draft of one of these agents has this content.
fn any_has(table: &RoutingTable, account: &AccountId, agents: &[AgentId], hash: ConfigHash) -> bool {
    agents.iter().any(|agent| {
        let id = AgentRef { account: account.clone(), agent: agent.clone() };
        table.agent(&id).is_some_and(|serving| {
            let agent = &serving.agent;
            let drafts = agent.draft.iter().chain(&agent.past_drafts);
            agent.versions.values().chain(drafts).any(|version| version.hash == hash)
        })
    })
}
