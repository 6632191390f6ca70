//! `/v1/agents/{id}/test-runs` and `/v1/test-runs/{id}`: versions put to the test, and what came of it.

use std::sync::Arc;

use axum::extract::State;
use hyper::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::deployments::new_id;
use super::find;
use crate::api::Management;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::fields::{Fields, Written};
use crate::api::request::{AnyBody, Body, Id, PathId, Query};
use crate::domain::agent::Agent;
use crate::domain::agent_tests::run::{CASES_MAX, Case, CaseStatus, TestRun, TestRunId};
use crate::domain::command::{Action, AgentEdit, Author, Command, RecordTestRun, RunThen, StartTestRun};
use crate::domain::id::{AgentId, ConfigHash, Pin};
use crate::domain::refusal::Refusal;
use crate::domain::state::State as Present;
use crate::domain::time::Timestamp;
use crate::http::body::body_limit;
use crate::http::credentials::Credentials;
use crate::http::error::ApiError;

/// Largest body of a result.
const RESULT_BYTES_MAX: usize = 1 << 20;

/// A run of tests.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TestRun)]
pub struct TestRunView {
    /// Its id, a UUID of version 7: that of the deployment that started it, if one did.
    #[schema(value_type = String, format = "uuid")]
    id: TestRunId,
    /// Of which agent.
    #[schema(value_type = String)]
    agent_id: AgentId,
    /// What was to be tested: `draft`, `V<n>` or an environment.
    #[schema(value_type = String)]
    target: Pin,
    /// Fingerprint of the configuration that this was then.
    #[schema(value_type = String)]
    hash: ConfigHash,
    /// `running`, `passed` or `failed`.
    status: &'static str,
    /// What came of each check so far.
    cases: Vec<CaseView>,
    /// Who started it.
    started_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it has failed if no result has come.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// When it was over; null while it runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// What came of one check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestCase)]
pub struct CaseView {
    /// Which.
    name: String,
    /// `passed` or `failed`.
    status: &'static str,
    /// Why not, or what else there is to say.
    message: String,
}

/// Runs of tests.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestRunList {
    /// The newest first, at most the last 100.
    test_runs: Vec<TestRunView>,
}

/// What is to be tested.
#[derive(Debug, ToSchema)]
#[schema(as = StartTestRun)]
pub struct StartBody {
    /// `draft`, `V<n>` or an environment.
    #[schema(value_type = String, example = "draft")]
    target: Pin,
}

/// What a runner says of a run. Keys that are not known are left alone.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = TestResult)]
pub struct ResultBody {
    /// The token that came with the run, where it does not come as `Authorization: Bearer`.
    token: Option<String>,
    /// `passed` or `failed`, whatever the cases say.
    #[schema(value_type = Option<String>, example = "passed")]
    status: Option<CaseStatus>,
    /// What came of each test, at most 500; one of its own where there are none.
    #[schema(required = false)]
    cases: Vec<CaseBody>,
}

/// What came of one test.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = TestCaseBody)]
pub struct CaseBody {
    /// Which; what is beyond 100 characters is cut off.
    name: String,
    /// `passed` or `failed`.
    #[schema(value_type = String)]
    status: CaseStatus,
    /// What there is to say; what is beyond 500 characters is cut off.
    #[serde(default)]
    #[schema(required = false)]
    message: String,
}

impl Written for StartBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { target: fields.required("target")? })
    }
}

impl ResultBody {
    /// Reads what a runner sent.
    fn read(text: &[u8]) -> Result<Self, ApiError> {
        let body: Self = if text.is_empty() {
            Self::default()
        } else {
            serde_json::from_slice(text).map_err(|why| ApiError::validation("body", why.to_string()))?
        };
        if body.cases.len() > CASES_MAX {
            let message = format!("has {} items: expected at most {CASES_MAX} cases", body.cases.len());
            return Err(ApiError::validation("cases", message));
        }
        Ok(body)
    }

    /// The cases; one that stands for the whole where it fails or there are none.
    fn into_cases(self) -> Vec<Case> {
        let cases = self.cases.into_iter();
        let mut cases: Vec<Case> =
            cases.map(|case| Case { name: case.name, status: case.status, message: case.message }).collect();
        let says_so = cases.iter().any(|case| case.status == CaseStatus::Failed);
        match self.status {
            Some(status) if cases.is_empty() || status == CaseStatus::Failed && !says_so => {
                cases.insert(0, Case { name: "runner".to_owned(), status, message: String::new() });
            }
            _ => {}
        }
        cases
    }
}

impl PathId for TestRunId {
    fn read(text: &str) -> Result<Self, ApiError> {
        let malformed = || ApiError::unprocessable("run", "is no id: expected a UUID of version 7");
        Self::parse(text).ok_or_else(malformed)
    }
}

impl TestRunView {
    fn of(agent: &Agent, run: &TestRun) -> Self {
        let case = |case: &Case| CaseView {
            name: case.name.clone(),
            status: match case.status {
                CaseStatus::Passed => "passed",
                CaseStatus::Failed => "failed",
            },
            message: case.message.clone(),
        };
        Self {
            id: run.id,
            agent_id: agent.profile.id.agent.clone(),
            target: run.target,
            hash: run.hash,
            status: run.status.as_str(),
            cases: run.cases.iter().map(case).collect(),
            started_by: run.started_by.clone(),
            started_at: run.started_at,
            until: run.until,
            ended_at: run.ended_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list_test_runs, start_test_run))
        .routes(routes!(get_test_run))
        .merge(OpenApiRouter::new().routes(routes!(give_test_result)).layer(body_limit(RESULT_BYTES_MAX)))
}

/// Lists the runs of an agent's tests, the newest first.
#[utoipa::path(
    get, path = "/v1/agents/{id}/test-runs", tag = "tests", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
    ),
    responses(
        (status = 200, body = TestRunList, description = "Those that are kept: the last 100."),
    )
)]
async fn list_test_runs(
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<Answer<TestRunList>, ApiError> {
    let limit = query.limit();
    query.end()?;
    let agent = find(&caller, &caller.state, &id)?;
    let runs = agent.test_runs.values().rev().take(limit);
    Ok(Answer::ok(TestRunList { test_runs: runs.map(|run| TestRunView::of(agent, run)).collect() }))
}

/// Puts a draft, a version or what an environment serves to the test.
#[utoipa::path(
    post, path = "/v1/agents/{id}/test-runs", tag = "tests", security(("key" = ["edit"])),
    params(("id" = String, Path, description = "The agent.")),
    request_body = StartBody,
    responses(
        (status = 201, body = TestRunView, description = "The run, `running`."),
        (status = 409, description = "`NO_TESTS`: there is nothing to test it by"),
    )
)]
async fn start_test_run(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<StartBody>,
) -> Result<Answer<TestRunView>, ApiError> {
    find(&caller, &caller.state, &id)?;
    let run = TestRunId(new_id(&management));
    let edit = AgentEdit::StartTestRun(StartTestRun { id: run, target: body.target });
    let applied = caller.submit(&management, Action::Agent { agent: id.clone(), edit }).await?;
    let agent = find(&caller, &applied.state, &id)?;
    let started = agent.test_runs.get(&run).ok_or_else(ApiError::internal)?;
    Ok(Answer::ok(TestRunView::of(agent, started)).with_status(StatusCode::CREATED).since(&applied))
}

/// Shows a run.
#[utoipa::path(
    get, path = "/v1/test-runs/{run}", tag = "tests", security(("key" = ["read"])),
    params(("run" = String, Path, description = "The run.")),
    responses(
        (status = 200, body = TestRunView, description = "The run."),
        (status = 404, description = "There is none, or it is no longer kept."),
    )
)]
async fn get_test_run(caller: Caller, Id(id): Id<TestRunId>) -> Result<Answer<TestRunView>, ApiError> {
    let missing = || ApiError::not_found(format!("there is no test run {id}"));
    let agent = of_run(&caller.state, id).filter(|agent| agent.profile.id.account == *caller.account());
    let found = agent.and_then(|agent| Some((agent, agent.test_runs.get(&id)?)));
    let (agent, run) = found.ok_or_else(missing)?;
    if !caller.sight().agent(&agent.profile.id.agent) {
        return Err(Refusal::hidden().into());
    }
    Ok(Answer::ok(TestRunView::of(agent, run)))
}

/// Says what came of a run: for its runner, by the token that came with it, once.
#[utoipa::path(
    post, path = "/v1/test-runs/{run}/result", tag = "tests", security(("run" = [])),
    params(("run" = String, Path, description = "The run.")),
    request_body = ResultBody,
    responses(
        (status = 200, body = TestRunView, description = "The run, which is over now."),
        (status = 400, description = "A field of the request is wrong."),
        (status = 401, description = "`AUTH_USER_INVALID_TOKEN`: there is no such run, or the token is not its own"),
        (status = 409, description = "`TEST_RUN_ENDED`: a result came before, or this one came too late; \
            `TEST_RUN_NOT_AWAITED`: its runner has not been told of it yet"),
        (status = 503, description = "Not now: try again later."),
    )
)]
async fn give_test_result(
    State(management): State<Arc<Management>>,
    Id(id): Id<TestRunId>,
    headers: HeaderMap,
    AnyBody(body): AnyBody,
) -> Result<Answer<TestRunView>, ApiError> {
    let stranger = || ApiError::unauthorized("the token is not that of this test run");
    let state = management.control.state();
    let bearer = Credentials::of(&headers).key()?;
    // Whoever brings no token learns nothing of what a body must be.
    let body = ResultBody::read(&body);
    let in_body = body.as_ref().ok().and_then(|body| body.token.as_deref());
    let token = bearer.or(in_body).ok_or_else(stranger)?;
    let agent = of_run(&state, id).filter(|agent| {
        let runner = agent.tests.as_ref().and_then(|tests| tests.runner.as_ref());
        runner.is_some_and(|runner| bool::from(runner.token(id).as_bytes().ct_eq(token.as_bytes())))
    });
    let agent = agent.ok_or_else(stranger)?.profile.id.clone();
    let body = body?;
    if body.status.is_none() && body.cases.is_empty() {
        return Err(ApiError::validation("status", "is missing: expected passed or failed, or cases"));
    }
    let cases = body.into_cases();
    let edit = AgentEdit::RecordTestRun(RecordTestRun { id, cases, then: RunThen::IsOver, by_runner: true });
    let command = Command {
        account: agent.account.clone(),
        author: Author::Router,
        at: management.now(),
        action: Action::Agent { agent: agent.agent.clone(), edit },
    };
    let applied = management.control.submit(command).await?;
    let agent = applied.state.agents.get(&agent).ok_or_else(ApiError::internal)?;
    let run = agent.test_runs.get(&id).ok_or_else(ApiError::internal)?;
    Ok(Answer::ok(TestRunView::of(agent, run)).since(&applied))
}

/// The agent of a run, whoever's it is: for somebody who brings its token.
fn of_run(state: &Present, id: TestRunId) -> Option<&Arc<Agent>> {
    state.agents.get(state.test_runs.get(&id)?)
}
