//! `/v1/agents/{id}/compare`: what differs between two configurations of an agent.

mod diff;

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::diff::{Budget, LineChange};
use super::content::stored_config;
use super::deployments::stored_deployment;
use super::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::request::{Id, Query};
use crate::api::{Management, aside};
use crate::domain::agent::{Agent, Version};
use crate::domain::agent_config::{AgentConfig, KeyChange, Section};
use crate::domain::deployment::DeploymentId;
use crate::domain::id::{AgentId, BranchId, ConfigHash, Pin, VersionNumber};
use crate::http::error::ApiError;
use crate::http::json::faults::CODE;

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
    pin: String,
    /// The version that this is now; null for the draft of a branch.
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
    /// A text of several lines or more than 200 characters line by line; without it where that would take too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Vec<LineChange>>,
}

/// Compares two of draft, versions, environments, branches and deployments, key by key: only what differs, by section.
///
/// A key that is absent has its default. Lists whose items have ids are compared by id, other lists as a whole.
#[utoipa::path(
    get, path = "/v1/agents/{id}/compare", tag = "agents", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("from" = String, Query, description = "The one side: `draft`, `V<n>`, an environment, or the id of a branch or a deployment."),
        ("to" = String, Query, description = "The other side, likewise."),
    ),
    responses(
        (status = 200, body = Comparison, description = "What differs."),
        (status = 400, description = "A side is missing, or the agent has no such thing."),
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
        let side = query.text(name);
        if side.is_none() {
            query.fault(name, &format!("is missing: expected {EXPECTED}"), CODE);
        }
        side
    };
    let (from, to) = (side("from"), side("to"));
    let (from, to) = query.end_with(from.zip(to))?;
    aside(move || {
        let (from, one) = Side::of(&management, &agent, "from", from)?;
        let (to, other) = Side::of(&management, &agent, "to", to)?;
        let changes = one.changes_to(&other);
        Ok(Answer::ok(Comparison {
            has_changes: !changes.is_empty(),
            from,
            to,
            sections: by_section(changes),
        }))
    })
    .await?
}

/// What a side can be.
const EXPECTED: &str = "draft, V<n>, sandbox, pre-release, live, or the id of a branch or a deployment";

impl Side {
    /// What a parameter names, as it is now, with its configuration. Blocks on the disk.
    fn of(
        management: &Management,
        agent: &Agent,
        field: &'static str,
        text: String,
    ) -> Result<(Self, AgentConfig), ApiError> {
        let (version, hash) = resolve(management, agent, field, &text)?;
        let config = stored_config(management, hash)?;
        Ok((Self { pin: text, version, hash }, config))
    }
}

/// The number of a version, if it is one, and the fingerprint of what a text names.
fn resolve(
    management: &Management,
    agent: &Agent,
    field: &'static str,
    text: &str,
) -> Result<(Option<VersionNumber>, ConfigHash), ApiError> {
    let id = &agent.profile.id;
    let nothing = |why: String| ApiError::validation(field, why);
    let found = |version: &Arc<Version>| (version.number, version.hash);
    if let Some(pin) = Pin::parse(text) {
        let missing = || match pin {
            Pin::Environment(environment) => nothing(format!("nothing is deployed to {environment}")),
            Pin::Draft | Pin::Version(_) => nothing(format!("agent {} has no {pin}", id.agent)),
        };
        return agent.resolve(pin).map(found).ok_or_else(missing);
    }
    if let Some(deployment) = DeploymentId::parse(text) {
        let known = stored_deployment(management, id.clone(), deployment)?;
        let version = known.and_then(|known| agent.versions.get(&known.version));
        let missing = || nothing(format!("agent {} has no deployment {deployment}", id.agent));
        return version.map(found).ok_or_else(missing);
    }
    let branch =
        BranchId::parse(text).map_err(|_| nothing(format!("is nothing to compare: expected {EXPECTED}")))?;
    let head = agent.head(&branch).map_err(|why| nothing(format!("{}: expected {EXPECTED}", why.message)))?;
    Ok((None, head))
}

/// Changes come sorted by section.
pub(super) fn by_section(changes: Vec<KeyChange>) -> Vec<SectionChanges> {
    let mut sections: Vec<SectionChanges> = Vec::new();
    let mut budget = Budget::new();
    for KeyChange { section, path, from, to } in changes {
        let kind = match (&from, &to) {
            (None, _) => "add",
            (_, None) => "delete",
            _ => "modify",
        };
        let diff = budget.lines(from.as_ref(), to.as_ref());
        let change = ChangeView { path: path.to_string(), kind, from, to, diff };
        match sections.last_mut() {
            Some(last) if last.section == section => last.changes.push(change),
            _ => sections.push(SectionChanges { section, changes: vec![change] }),
        }
    }
    sections
}
