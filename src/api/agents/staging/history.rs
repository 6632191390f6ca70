//! `GET /api/v2/agents/{agent_id}/publish-history`: what was published, and what each publish brought.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::agents::content::{few, read, stored};
use crate::api::agents::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::request::{Id, Query};
use crate::api::{Management, aside};
use crate::control::DeploymentFilter;
use crate::domain::agent::Agent;
use crate::domain::agent_config::{AgentConfig, KeyChange, Section};
use crate::domain::deployment::{Deployment, DeploymentId, DeploymentKind};
use crate::domain::id::{AgentId, ConfigHash, VersionNumber};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// Most bytes of configurations that are compared for one page: the changes of what comes after are null.
const COMPARED_BYTES_MAX: usize = 64 << 20;

/// What was published.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishHistory {
    /// The newest first.
    entries: Vec<PublishEntry>,
}

/// A publish.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishEntry {
    /// Its id: that of its deployment.
    #[schema(value_type = String, format = "uuid")]
    change_track_id: DeploymentId,
    /// Who.
    published_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    published_at: Timestamp,
    /// What was said why, or what it brought.
    summary: String,
    /// What it brought: the difference between its version and the one before, of the first version all that it says. Null
    /// where 64 MiB of configurations were compared for the entries before: ask for those with an `offset` of their own.
    changes: Option<Vec<EntryChange>>,
}

/// A key that a publish changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryChange {
    /// The group it is shown in.
    #[schema(value_type = String, example = "instructions")]
    section: Section,
    /// Which.
    #[schema(example = "topics[opening-hours].content")]
    field: String,
    /// What was there before; null where it was not there.
    base: Option<Value>,
    /// What was published; null where it is not there any more.
    entry: Option<Value>,
}

impl From<KeyChange> for EntryChange {
    fn from(change: KeyChange) -> Self {
        Self { section: change.section, field: change.path.to_string(), base: change.from, entry: change.to }
    }
}

/// Lists the publishes of an agent to any environment, through either face, the newest first, each with what it brought.
///
/// A publish brought the difference between its version and the version before that.
#[utoipa::path(
    get, path = "/api/v2/agents/{agent_id}/publish-history", tag = "staging", security(("key" = ["read"])),
    params(
        ("agent_id" = String, Path, description = "The agent."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
        ("offset" = Option<u32>, Query, minimum = 0, description = "How many of the newest are left out: none unless said."),
    ),
    responses((status = 200, body = PublishHistory, description = "Publishes."))
)]
pub(super) async fn list_publishes(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<Answer<PublishHistory>, ApiError> {
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    let limit = query.limit();
    let offset = query.take("offset", |text| {
        text.parse::<u32>().map_err(|_| format!("expected a whole number from 0 to {}", u32::MAX))
    });
    query.end()?;
    let filter = DeploymentFilter {
        agent: agent.profile.id.clone(),
        id: None,
        environment: None,
        kind: Some(DeploymentKind::Publish),
        before: None,
        offset: offset.map_or(0, |offset| offset as usize),
        limit,
    };
    aside(move || {
        let published = management.control.deployments(&filter)?;
        let mut comparing = Comparing::new(&management);
        let entries: Result<Vec<_>, ApiError> = published
            .iter()
            // A publish that came in meanwhile is not of this state.
            .filter(|publish| agent.versions.contains_key(&publish.version))
            .map(|publish| {
                let changes = comparing.changes(Difference::of(&agent, publish.version))?;
                Ok(PublishEntry {
                    change_track_id: publish.id,
                    published_by: publish.created_by.clone(),
                    published_at: publish.created_at,
                    summary: summary(publish, changes.as_deref()),
                    changes: changes.map(|changes| changes.into_iter().map(Into::into).collect()),
                })
            })
            .collect();
        Ok(Answer::ok(PublishHistory { entries: entries? }))
    })
    .await?
}

/// What was said why; where nothing was, the version and what it brought, as far as that is known.
pub(super) fn summary(publish: &Deployment, brought: Option<&[KeyChange]>) -> String {
    if !publish.message.is_empty() {
        return publish.message.clone();
    }
    let paths: Vec<_> = brought.into_iter().flatten().map(|change| &change.path).collect();
    if paths.is_empty() {
        publish.version.to_string()
    } else {
        format!("{}: {}", publish.version, few(&paths))
    }
}

/// A version and the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Difference {
    version: Option<ConfigHash>,
    before: Option<ConfigHash>,
}

impl Difference {
    /// What a publish of this version brought.
    pub(super) fn of(agent: &Agent, version: VersionNumber) -> Self {
        Self {
            version: agent.versions.get(&version).map(|version| version.hash),
            before: agent.version_before(version).map(|version| version.hash),
        }
    }

    /// The keys that differ. Blocks on the disk.
    pub(super) fn brought(self, management: &Management) -> Result<Vec<KeyChange>, ApiError> {
        Ok(Comparing::new(management).changes(self)?.unwrap_or_default())
    }
}

/// Configurations that are compared one after another, of which most are the one before of the last.
struct Comparing<'m> {
    management: &'m Management,
    recent: Vec<Stored>,
    bytes_left: usize,
}

/// A configuration with its length as it is stored.
#[derive(Clone)]
struct Stored {
    hash: ConfigHash,
    bytes: usize,
    config: Arc<AgentConfig>,
}

impl<'m> Comparing<'m> {
    fn new(management: &'m Management) -> Self {
        Self { management, recent: Vec::new(), bytes_left: COMPARED_BYTES_MAX }
    }

    /// What differs; nothing once enough was compared. Blocks on the disk.
    fn changes(
        &mut self,
        Difference { version, before }: Difference,
    ) -> Result<Option<Vec<KeyChange>>, ApiError> {
        let Some(version) = version.filter(|_| self.bytes_left > 0) else { return Ok(None) };
        let version = self.stored(version)?;
        let before = before.map(|hash| self.stored(hash)).transpose()?;
        let bytes = version.bytes + before.as_ref().map_or(0, |before| before.bytes);
        let Some(left) = self.bytes_left.checked_sub(bytes) else {
            self.bytes_left = 0;
            return Ok(None);
        };
        self.bytes_left = left;
        let changes = version.config.changes_since(before.as_ref().map(|before| before.config.as_ref()));
        self.recent = std::iter::once(version).chain(before).collect();
        Ok(Some(changes))
    }

    fn stored(&self, hash: ConfigHash) -> Result<Stored, ApiError> {
        if let Some(recent) = self.recent.iter().find(|recent| recent.hash == hash) {
            return Ok(recent.clone());
        }
        let body = stored(self.management, hash)?;
        let config = Arc::new(read(hash, &body)?);
        Ok(Stored { hash, bytes: body.len(), config })
    }
}
