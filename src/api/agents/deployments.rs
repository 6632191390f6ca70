//! `/v1/agents/{id}/deployments`: what environments serve, and how it came there.

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::dry_run::{DryRun, rehearse};
use super::find;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::fields::{Fields, Kind, Text, Written};
use crate::api::request::{Body, Id, Ids, Query};
use crate::api::{Management, aside, halves};
use crate::control::{Applied, DeploymentFilter};
use crate::domain::account::ActiveCalls;
use crate::domain::agent::{Agent, AgentRef, VERSION_DESCRIPTION_CHARS_MAX, VERSION_NAME_CHARS_MAX};
use crate::domain::agent_tests::run::TestRunId;
use crate::domain::command::{ALREADY_PUBLISHED, Action, AgentEdit, Deploy, Promote, Publish, Rollback};
use crate::domain::deployment::{Deployment, DeploymentId, MESSAGE_CHARS_MAX};
use crate::domain::id::{AccountId, AgentId, ConfigHash, Environment, VersionNumber};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// The code of what is no environment, or none that a deployment can go to.
const INVALID_ENVIRONMENT: &str = "DEPLOYMENTS_INVALID_ENVIRONMENT";

/// What put a version into an environment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deployment)]
pub struct DeploymentView {
    /// Its id, a UUID of version 7.
    #[schema(value_type = String, format = "uuid")]
    id: DeploymentId,
    /// Whose.
    #[schema(value_type = String)]
    account_id: AccountId,
    /// Of which agent.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// Where to.
    #[schema(value_type = String, example = "live")]
    environment: Environment,
    /// When its version was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    artifact_version: Option<Timestamp>,
    /// Fingerprint of its version's configuration.
    #[schema(value_type = Option<String>)]
    version: Option<ConfigHash>,
    /// Who.
    created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What people want to know of it.
    metadata: DeploymentMetadata,
}

/// What people want to know of a deployment.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentMetadata {
    /// Why.
    deployment_message: String,
    /// `publish`, `promotion` or `rollback`.
    deployment_type: &'static str,
    /// Its version.
    #[schema(value_type = u32)]
    version_number: VersionNumber,
    /// The name of its version.
    version_name: String,
}

/// Deployments.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentList {
    /// The newest first.
    deployments: Vec<DeploymentView>,
}

/// What environments serve.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveDeployments {
    /// By environment; null where there is none.
    active_deployments: ByEnvironment,
}

/// A deployment for each environment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ByEnvironment {
    /// That of `sandbox`.
    sandbox: Option<DeploymentView>,
    /// That of `pre-release`.
    pre_release: Option<DeploymentView>,
    /// That of `live`.
    live: Option<DeploymentView>,
}

/// A deployment that was made, or was there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// It.
    deployment: DeploymentView,
    /// The run of tests that it started, where the agent has tests.
    #[schema(value_type = Vec<String>)]
    test_run_ids: Vec<TestRunId>,
    /// What you should know all the same.
    warnings: Vec<String>,
}

/// What a publish, a promotion or a rollback came to, or would.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Released {
    /// It was made, or was there.
    Deployed(Box<Deployed>),
    /// It was only asked what it would come to.
    DryRun(Box<DryRun>),
}

/// What is to be published. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = Publish, rename_all = "camelCase")]
pub struct PublishBody {
    #[schema(inline)]
    #[serde(flatten)]
    how: HowBody,
    /// Where to: `sandbox` unless said.
    #[schema(value_type = String, required = false, example = "sandbox")]
    environment: Environment,
    /// A name for the version that is saved, if one is: `V<n>` unless said.
    #[schema(value_type = Option<String>, max_length = 100)]
    version_name: Option<Text<VERSION_NAME_CHARS_MAX>>,
    /// A text for it: the message unless said.
    #[schema(value_type = Option<String>, max_length = 2_000)]
    version_description: Option<Text<VERSION_DESCRIPTION_CHARS_MAX>>,
}

/// Where a deployment is to be promoted to. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = Promote, rename_all = "camelCase")]
pub struct PromoteBody {
    #[schema(inline)]
    #[serde(flatten)]
    how: HowBody,
    /// A later environment: the next one unless said.
    #[schema(value_type = Option<String>, example = "live")]
    target_environment: Option<Environment>,
}

/// What every way into an environment says. Keys that are not known are left alone.
#[derive(Debug, ToSchema)]
#[schema(as = Rollback, rename_all = "camelCase")]
pub struct HowBody {
    /// Why, for people.
    #[schema(value_type = Option<String>, max_length = 1_000)]
    deployment_message: Option<Text<MESSAGE_CHARS_MAX>>,
    /// `keep`: calls in progress stay with the version they began with. `move`: those of this agent and environment are
    /// decided afresh when their gateway asks next. As the account has it unless said, which is `keep` by default: a
    /// caller should not find somebody else at the other end in the middle of a sentence.
    #[schema(value_type = Option<String>, example = "keep")]
    active_calls: Option<ActiveCalls>,
    /// Ends the split that tests `live`, for its control and as part of the same revision, instead of being refused with
    /// `SPLIT_RUNNING`.
    #[schema(required = false)]
    end_split: bool,
}

impl Kind for Environment {
    const CODE: &'static str = INVALID_ENVIRONMENT;

    fn expected() -> String {
        Self::EXPECTED.to_owned()
    }

    fn of(tree: crate::http::json::tree::Tree) -> Result<Self, Option<String>> {
        let text = String::of(tree)?;
        Self::parse(&text).ok_or_else(|| Some(format!("is no environment: expected {}", Self::expected())))
    }
}

impl Kind for ActiveCalls {
    fn expected() -> String {
        "keep or move".to_owned()
    }

    fn of(tree: crate::http::json::tree::Tree) -> Result<Self, Option<String>> {
        Self::parse(&String::of(tree)?).ok_or_else(|| Some(format!("expected {}", Self::expected())))
    }
}

impl HowBody {
    fn of(fields: &mut Fields<'_>) -> Self {
        // Other keys are left alone, but who asks for this must not have it done.
        if fields.present("dryRun").is_some() {
            fields.fault("dryRun", "is no part of the body: expected `?dryRun=true` behind the path");
        }
        Self {
            deployment_message: fields.optional("deploymentMessage"),
            active_calls: fields.optional("activeCalls"),
            end_split: fields.optional("endSplit").unwrap_or_default(),
        }
    }

    fn deploy(self, management: &Management) -> Deploy {
        let message = self.deployment_message.map(Text::into_string).unwrap_or_default();
        Deploy { end_split: self.end_split, ..new_deploy(management, message, self.active_calls) }
    }
}

/// A way into an environment, with an id that is new.
pub(super) fn new_deploy(
    management: &Management,
    message: String,
    active_calls: Option<ActiveCalls>,
) -> Deploy {
    Deploy { id: new_id(management), message, active_calls, end_split: false }
}

/// An id that is new, of a deployment or of a run of tests.
pub(super) fn new_id(management: &Management) -> DeploymentId {
    let [random, _] = halves((management.random)());
    let mut bits = [0; 10];
    bits.iter_mut().zip(random).for_each(|(to, from)| *to = from);
    DeploymentId::new(management.now(), &bits)
}

impl Written for HowBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let how = Self::of(fields);
        fields.leave_others();
        Some(how)
    }
}

impl Written for PublishBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let read = Self {
            how: HowBody::of(fields),
            environment: fields.optional("environment").unwrap_or(Environment::Sandbox),
            version_name: fields.optional("versionName"),
            version_description: fields.optional("versionDescription"),
        };
        fields.leave_others();
        Some(read)
    }
}

impl Written for PromoteBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let read =
            Self { how: HowBody::of(fields), target_environment: fields.optional("targetEnvironment") };
        fields.leave_others();
        Some(read)
    }
}

impl DeploymentView {
    fn of(agent: &Agent, deployment: &Deployment) -> Self {
        let version = agent.versions.get(&deployment.version);
        Self {
            id: deployment.id,
            account_id: agent.profile.id.account.clone(),
            agent_id: agent.profile.id.agent.clone(),
            environment: deployment.environment,
            artifact_version: version.map(|version| version.created_at),
            version: version.map(|version| version.hash),
            created_by: deployment.created_by.clone(),
            created_at: deployment.created_at,
            metadata: DeploymentMetadata {
                deployment_message: deployment.message.clone(),
                deployment_type: deployment.kind.as_str(),
                version_number: deployment.version,
                version_name: version.map(|version| version.name.clone()).unwrap_or_default(),
            },
        }
    }

    pub(super) fn active(agent: &Agent, environment: Environment) -> Option<Self> {
        agent.deployment(environment).map(|deployment| Self::of(agent, deployment))
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list_deployments))
        .routes(routes!(get_active_deployments))
        .routes(routes!(publish))
        .routes(routes!(promote))
        .routes(routes!(rollback))
}

/// Lists what was put into an environment, the newest first.
#[utoipa::path(
    get, path = "/v1/agents/{id}/deployments", tag = "deployments", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("environment" = String, Query, description = "`sandbox`, `pre-release` or `live`."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
    ),
    responses(
        (status = 200, body = DeploymentList, description = "Deployments."),
        (status = 400, description = "`DEPLOYMENTS_INVALID_ENVIRONMENT`: it is missing or unknown."),
    )
)]
async fn list_deployments(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<Answer<DeploymentList>, ApiError> {
    let agent = Arc::clone(find(&caller, &caller.state, &id)?);
    let named = query.text("environment");
    let environment = named.as_deref().and_then(Environment::parse);
    if environment.is_none() {
        let wrong = if named.is_some() { "is no environment" } else { "is missing" };
        let message = format!("{wrong}: expected {}", Environment::EXPECTED);
        query.fault("environment", &message, INVALID_ENVIRONMENT);
    }
    let limit = query.limit();
    let environment = query.end_with(environment)?;
    let filter = DeploymentFilter {
        agent: agent.profile.id.clone(),
        id: None,
        environment: Some(environment),
        kind: None,
        before: None,
        offset: 0,
        limit,
    };
    let found = aside(move || management.control.deployments(&filter)).await??;
    let deployments = found.iter().map(|deployment| DeploymentView::of(&agent, deployment)).collect();
    Ok(Answer::ok(DeploymentList { deployments }))
}

/// Shows what each environment serves.
#[utoipa::path(
    get, path = "/v1/agents/{id}/deployments/active", tag = "deployments", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = ActiveDeployments, description = "By environment."),
    )
)]
async fn get_active_deployments(
    caller: Caller,
    Id(id): Id<AgentId>,
) -> Result<Answer<ActiveDeployments>, ApiError> {
    let agent = find(&caller, &caller.state, &id)?;
    let active = |environment| DeploymentView::active(agent, environment);
    Ok(Answer::ok(ActiveDeployments {
        active_deployments: ByEnvironment {
            sandbox: active(Environment::Sandbox),
            pre_release: active(Environment::PreRelease),
            live: active(Environment::Live),
        },
    }))
}

/// Puts the draft into an environment, saved as a version first unless the newest one has its content.
#[utoipa::path(
    post, path = "/v1/agents/{id}/deployments/publish", tag = "deployments", security(("key" = ["deploy"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("dryRun" = Option<bool>, Query, description = "Says what it would come to, and does nothing."),
        ("If-Match" = Option<String>, Header, description = "Only if the draft is in this state."),
    ),
    request_body = PublishBody,
    responses(
        (status = 200, body = DryRun, description = "Of a dry run: what it would come to."),
        (status = 201, body = Deployed, description = "What serves from now on."),
        (status = 400, description = "`DEPLOYMENTS_INVALID_ENVIRONMENT`, or a field is at fault"),
        (
            status = 409,
            description = "`DEPLOYMENTS_ALREADY_PUBLISHED`: nothing changed, and `data.has_changes` is false; \
                `TOO_MANY_VERSIONS`, `MANAGED_BY_FILES`"
        ),
        (status = 412, description = "`PRE_RELEASE_NOT_READY`: the account forbids to skip pre-release; `PRECONDITION_FAILED`"),
    )
)]
async fn publish(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
    Body(body): Body<PublishBody>,
) -> Result<Answer<Released>, ApiError> {
    let dry_run = query.dry_run();
    query.end()?;
    let PublishBody { how, environment, version_name, version_description } = body;
    let text = |text: Option<String>| text.unwrap_or_default();
    let edit = AgentEdit::Publish(Publish {
        deploy: how.deploy(&management),
        environment,
        version_name: text(version_name.map(Text::into_string)),
        version_description: text(version_description.map(Text::into_string)),
        of_staging: false,
    });
    let answer = deploy(&management, &caller, id, edit, environment, dry_run).await?;
    Ok(if dry_run { answer } else { answer.with_status(StatusCode::CREATED) })
}

/// Puts the version of a deployment into the next environment, or a later one.
#[utoipa::path(
    post, path = "/v1/agents/{id}/deployments/{deployment}/promote", tag = "deployments",
    security(("key" = ["deploy"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("deployment" = String, Path, description = "The deployment."),
        ("dryRun" = Option<bool>, Query, description = "Says what it would come to, and does nothing."),
    ),
    request_body = PromoteBody,
    responses(
        (status = 200, body = Released, description = "What serves from now on; of a dry run, what it would come to."),
        (status = 400, description = "`DEPLOYMENTS_INVALID_ENVIRONMENT`: it is no later one; or a field is at fault"),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `DEPLOYMENT_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`"),
        (status = 412, description = "`PRE_RELEASE_NOT_READY`: the account forbids to skip pre-release"),
    )
)]
async fn promote(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, deployment): Ids<AgentId, DeploymentId>,
    mut query: Query,
    Body(body): Body<PromoteBody>,
) -> Result<Answer<Released>, ApiError> {
    let dry_run = query.dry_run();
    query.end()?;
    let from = known(&management, &caller, &id, deployment).await?;
    let reached = body.target_environment.or(from.environment.next()).unwrap_or(from.environment);
    let deploy_as = body.how.deploy(&management);
    let edit = AgentEdit::Promote(Promote { deploy: deploy_as, from, to: body.target_environment });
    deploy(&management, &caller, id, edit, reached, dry_run).await
}

/// Puts the version of an earlier deployment back into its environment.
///
/// Where it serves already, nothing changes, and the deployment that serves is the answer.
#[utoipa::path(
    post, path = "/v1/agents/{id}/deployments/{deployment}/rollback", tag = "deployments",
    security(("key" = ["deploy"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("deployment" = String, Path, description = "The deployment."),
        ("dryRun" = Option<bool>, Query, description = "Says what it would come to, and does nothing."),
    ),
    request_body = HowBody,
    responses(
        (status = 200, body = Released, description = "What serves from now on; of a dry run, what it would come to."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `DEPLOYMENT_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`"),
    )
)]
async fn rollback(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(id, deployment): Ids<AgentId, DeploymentId>,
    mut query: Query,
    Body(how): Body<HowBody>,
) -> Result<Answer<Released>, ApiError> {
    let dry_run = query.dry_run();
    query.end()?;
    let to = known(&management, &caller, &id, deployment).await?;
    let reached = to.environment;
    let edit = AgentEdit::Rollback(Rollback { deploy: how.deploy(&management), to });
    deploy(&management, &caller, id, edit, reached, dry_run).await
}

/// A deployment of an agent that the caller may see, serving or not.
async fn known(
    management: &Arc<Management>,
    caller: &Caller,
    id: &AgentId,
    deployment: DeploymentId,
) -> Result<Arc<Deployment>, ApiError> {
    let agent = find(caller, &caller.state, id)?.profile.id.clone();
    let this = Arc::clone(management);
    let found = aside(move || stored_deployment(&this, agent, deployment)).await??;
    found.ok_or_else(|| {
        ApiError::not_found(format!("agent {id} has no deployment {deployment}"))
            .with_code("DEPLOYMENT_NOT_FOUND")
    })
}

/// A deployment of an agent, serving or not. Blocks on the disk.
pub(super) fn stored_deployment(
    management: &Management,
    agent: AgentRef,
    id: DeploymentId,
) -> Result<Option<Arc<Deployment>>, ApiError> {
    let filter = DeploymentFilter {
        agent,
        id: Some(id),
        environment: None,
        kind: None,
        before: None,
        offset: 0,
        limit: 1,
    };
    Ok(management.control.deployments(&filter)?.into_iter().next())
}

async fn deploy(
    management: &Arc<Management>,
    caller: &Caller,
    id: AgentId,
    edit: AgentEdit,
    reached: Environment,
    dry_run: bool,
) -> Result<Answer<Released>, ApiError> {
    if dry_run {
        let weighed = rehearse(management, caller, id, edit, reached).await.map_err(refused)?;
        return Ok(Answer::ok(Released::DryRun(Box::new(weighed))));
    }
    let made = match &edit {
        AgentEdit::Publish(Publish { deploy, .. })
        | AgentEdit::Promote(Promote { deploy, .. })
        | AgentEdit::Rollback(Rollback { deploy, .. }) => Some(deploy.id),
        _ => None,
    };
    let action = Action::Agent { agent: id.clone(), edit };
    let applied: Applied = caller.submit(management, action).await.map_err(refused)?;
    let agent = find(caller, &applied.state, &id)?;
    let deployment = DeploymentView::active(agent, reached).ok_or_else(ApiError::internal)?;
    // What serves already has started none.
    let test_run_ids = made.map(|made| started_by(agent, made)).unwrap_or_default();
    let made = Deployed { deployment, test_run_ids, warnings: applied.warnings.clone() };
    Ok(Answer::ok(Released::Deployed(Box::new(made))).since(&applied))
}

/// The run of tests that a deployment started, if the agent has tests.
pub(super) fn started_by(agent: &Agent, deployment: DeploymentId) -> Vec<TestRunId> {
    let run = TestRunId(deployment);
    agent.test_runs.contains_key(&run).then_some(run).into_iter().collect()
}

/// Says to programs too of what was published before that nothing has changed.
fn refused(why: ApiError) -> ApiError {
    if why.code() == ALREADY_PUBLISHED { why.with_data(json!({"has_changes": false})) } else { why }
}
