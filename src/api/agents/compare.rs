//! `/v1/agents/{id}/compare`: what differs between two things that an agent can serve.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::content::stored_config;
use super::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::request::{Id, Query};
use crate::api::{Management, aside};
use crate::domain::agent::{Agent, Version};
use crate::domain::agent_config::{KeyChange, Section};
use crate::domain::id::{AgentId, ConfigHash, Pin, VersionNumber};
use crate::http::error::ApiError;

/// What differs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Whether anything does.
    has_changes: bool,
    /// The one side.
    from: Side,
    /// The other side.
    to: Side,
    /// The sections in which something differs.
    sections: Vec<SectionChanges>,
}

/// One side of a comparison.
#[derive(Debug, Serialize, ToSchema)]
pub struct Side {
    /// What was asked for.
    #[schema(value_type = String)]
    pin: Pin,
    /// The version that this is now; null for the draft.
    #[schema(value_type = Option<u32>)]
    version: Option<VersionNumber>,
    /// Fingerprint of its configuration.
    #[schema(value_type = String)]
    hash: ConfigHash,
}

/// What differs within a section.
#[derive(Debug, Serialize, ToSchema)]
pub struct SectionChanges {
    /// Which.
    #[schema(value_type = String, example = "instructions")]
    section: Section,
    /// The keys that differ.
    changes: Vec<ChangeView>,
}

/// A key that differs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConfigurationChange)]
pub struct ChangeView {
    /// Which: keys joined by points, items of lists by their ids; `[]` at the end is the order of a list.
    #[schema(example = "topics[opening-hours].content")]
    path: String,
    /// `add`, `modify` or `delete`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its value on the one side; null where it is not there.
    from: Option<Value>,
    /// Its value on the other side; null where it is not there.
    to: Option<Value>,
}

/// Compares two of draft, versions and environments, key by key: only what differs, by section.
///
/// A key that is absent has its default. Lists whose items have ids are compared by id, other lists as a whole.
#[utoipa::path(
    get, path = "/v1/agents/{id}/compare", tag = "agents", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("from" = String, Query, description = "The one side: `draft`, `V<n>` or an environment."),
        ("to" = String, Query, description = "The other side, likewise."),
    ),
    responses(
        (status = 200, body = Comparison, description = "What differs."),
        (status = 400, description = "A side is missing, or the agent has no such thing."),
        (status = 404, description = "`PROJECT_NOT_FOUND`"),
        (status = 422, description = "The id is malformed."),
    )
)]
pub(super) async fn compare(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<Answer<Comparison>, ApiError> {
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    let mut side = |name: &'static str| {
        let side = query.take(name, |text| resolve(&agent, text))?;
        side.ok_or_else(|| ApiError::validation(name, format!("is missing: expected {}", Pin::EXPECTED)))
    };
    let (from, to) = (side("from")?, side("to")?);
    query.end()?;
    aside(move || {
        let configuration = |version: &Version| stored_config(&management, version.hash);
        let changes = configuration(&from.1)?.changes_to(&configuration(&to.1)?);
        Ok(Answer::ok(Comparison {
            has_changes: !changes.is_empty(),
            from: Side::of(from),
            to: Side::of(to),
            sections: by_section(changes),
        }))
    })
    .await?
}

/// What a side names, as it is now.
fn resolve(agent: &Agent, text: &str) -> Result<(Pin, Arc<Version>), String> {
    let pin = Pin::parse(text).ok_or_else(|| format!("is nothing to compare: expected {}", Pin::EXPECTED))?;
    let found = agent.resolve(pin).ok_or_else(|| match pin {
        Pin::Environment(environment) => format!("nothing is deployed to {environment}"),
        Pin::Draft | Pin::Version(_) => format!("agent {} has no {pin}", agent.profile.id.agent),
    })?;
    Ok((pin, Arc::clone(found)))
}

impl Side {
    fn of((pin, version): (Pin, Arc<Version>)) -> Self {
        Self { pin, version: version.number, hash: version.hash }
    }
}

/// Changes come sorted by section.
pub(super) fn by_section(changes: Vec<KeyChange>) -> Vec<SectionChanges> {
    let mut sections: Vec<SectionChanges> = Vec::new();
    for KeyChange { section, path, from, to } in changes {
        let kind = match (&from, &to) {
            (None, _) => "add",
            (_, None) => "delete",
            _ => "modify",
        };
        let change = ChangeView { path: path.to_string(), kind, from, to };
        match sections.last_mut() {
            Some(last) if last.section == section => last.changes.push(change),
            _ => sections.push(SectionChanges { section, changes: vec![change] }),
        }
    }
    sections
}
