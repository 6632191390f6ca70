//! `/v1/agents/{id}/tests`: what an agent is tested by.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::find;
use crate::api::Management;
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::etag::Tag;
use crate::api::fields::{Fields, Kind, Whole, Written};
use crate::api::request::{Body, Id};
use crate::domain::agent::Agent;
use crate::domain::agent_tests::check::{CallDemand, Check, Demand, ExpectedVersion, HEADERS_MAX, Operator};
use crate::domain::agent_tests::{
    CHECKS_MAX, RUNNER_SECONDS, RUNNER_SECONDS_MAX, RUNNER_URL_BYTES_MAX, Runner, Secret, TestSuite,
};
use crate::domain::command::{Action, AgentEdit, PutTests};
use crate::domain::id::{AgentId, ArmId, VersionNumber};
use crate::http::error::ApiError;
use crate::http::json::tree::Tree;

/// Longest secret that a runner shares, in bytes.
const SECRET_BYTES_MAX: usize = 256;
/// Shortest one.
const SECRET_BYTES_MIN: usize = 16;

/// What an agent is tested by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tests)]
pub struct TestsView {
    /// What the router looks at itself.
    #[schema(value_type = Vec<CheckBody>)]
    checks: Vec<Check>,
    /// Who is asked besides.
    runner: Option<RunnerView>,
}

/// Somebody elsewhere who tests.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Runner)]
pub struct RunnerView {
    /// Where runs are told.
    url: String,
    /// How long a run may take until its result is there.
    timeout_seconds: u32,
    /// What requests to it are signed with, where it was made just now: here and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
}

/// What an agent is to be tested by, instead of what it was.
#[derive(Debug, ToSchema)]
#[schema(as = PutTests)]
pub struct TestsBody {
    /// What the router looks at itself, at most 200.
    #[schema(value_type = Vec<CheckBody>, required = false)]
    checks: Vec<Check>,
    /// Who is asked besides; nobody where it is absent.
    runner: Option<RunnerBody>,
}

/// One check: `pointer`, `operator` and `value`; or `schema`; or `to` with `version` or `arm`.
#[derive(Debug, ToSchema)]
#[schema(as = Check, example = json!({"name": "greets", "pointer": "/instructions/welcomeMessage", "operator": "exists"}))]
pub struct CheckBody {
    /// What people call it, at most 100 characters; unique.
    #[expect(dead_code, reason = "described here, read as the check it is")]
    name: String,
    /// Of a value: where it is, a JSON pointer into the configuration with every key written out.
    #[expect(dead_code, reason = "likewise")]
    pointer: Option<String>,
    /// How it is compared: `equals`, `notEquals`, `exists`, `absent`, `contains`, `notContains`, `matches` (a regular
    /// expression), `lessThan`, `atMost`, `greaterThan`, `atLeast` (of a text its characters, of a list its items).
    #[expect(dead_code, reason = "likewise")]
    operator: Option<String>,
    /// With what.
    #[expect(dead_code, reason = "likewise")]
    value: Option<Value>,
    /// A JSON Schema, draft 7, that the whole configuration must fit.
    #[expect(dead_code, reason = "likewise")]
    schema: Option<Value>,
    /// Of a call: the number that is dialled.
    #[expect(dead_code, reason = "likewise")]
    to: Option<String>,
    /// Who calls.
    #[expect(dead_code, reason = "likewise")]
    from: Option<String>,
    /// With which headers, at most 20.
    #[expect(dead_code, reason = "likewise")]
    headers: Option<BTreeMap<String, String>>,
    /// The version of the agent that must serve: `target` (what is tested), `draft` or `V<n>`.
    #[expect(dead_code, reason = "likewise")]
    version: Option<String>,
    /// The arm of a split that must serve.
    #[expect(dead_code, reason = "likewise")]
    arm: Option<String>,
}

/// Somebody elsewhere who is to test.
#[derive(Debug, ToSchema)]
#[schema(as = RunnerBody, rename_all = "camelCase")]
pub struct RunnerBody {
    /// Where runs are told by a signed `POST`: https and a public host, or a host that `outgoing.allowed_hosts` lists.
    #[schema(max_length = 2048)]
    url: String,
    /// How long a run may take until its result is there: 600 unless said.
    #[schema(value_type = u32, required = false, minimum = 1, maximum = 3600)]
    timeout_seconds: Seconds,
    /// What requests are signed with, 16 to 256 bytes; the one there is stays where it is absent, and where there is
    /// none one is made and shown once.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
}

type Seconds = Whole<{ RUNNER_SECONDS_MAX as u64 }, 1>;

impl Written for TestsBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let checks = fields.objects("checks", CHECKS_MAX, "at most 200 checks", read_check);
        let body = Self {
            checks: checks.unwrap_or_default().into_iter().flatten().collect(),
            runner: fields.object("runner", RunnerBody::read),
        };
        Some(body)
    }
}

fn read_check(fields: &mut Fields<'_>) -> Option<Check> {
    let name = fields.required::<String>("name");
    let kinds = ["pointer", "schema", "to"].map(|kind| fields.says(kind));
    let demand = match kinds {
        [true, false, false] => {
            let (pointer, operator) = (fields.required("pointer"), fields.required("operator"));
            let value = fields.present("value").map(Tree::into_json).unwrap_or_default();
            Demand::Value { pointer: pointer?, operator: operator?, value }
        }
        [false, true, false] => {
            Demand::Schema { schema: fields.present("schema").map(Tree::into_json).unwrap_or_default() }
        }
        [false, false, true] => Demand::Call(CallDemand {
            to: fields.required("to")?,
            from: fields.optional("from").unwrap_or_default(),
            headers: fields.texts("headers", HEADERS_MAX, "at most 20", |_, _| Ok(())).into_iter().collect(),
            version: fields.optional("version"),
            arm: fields.optional::<ArmId>("arm"),
        }),
        _ => {
            fields.fault_of_all("expected one of pointer, schema and to");
            fields.leave_others();
            return None;
        }
    };
    let check = Check { name: name?, demand };
    for fault in check.faults() {
        fields.fault(&fault.field, fault.message);
    }
    Some(check)
}

impl Kind for Operator {
    fn expected() -> String {
        Self::ALL.map(|(name, _)| name).join(", ")
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = String::of(tree)?;
        Self::parse(&text).ok_or_else(|| Some(format!("is no operator: expected {}", Self::expected())))
    }
}

impl Kind for ExpectedVersion {
    fn expected() -> String {
        Self::EXPECTED.to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        if let Value::Number(number) = tree.clone().into_json() {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            return number.and_then(VersionNumber::new).map(Self::Number).ok_or(None);
        }
        Self::parse(&String::of(tree)?).ok_or(None)
    }
}

impl Written for RunnerBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.required::<String>("url");
        if url.as_ref().is_some_and(|url| url.len() > RUNNER_URL_BYTES_MAX) {
            fields.fault("url", format!("is too long: expected at most {RUNNER_URL_BYTES_MAX} bytes"));
        }
        let secret = fields.optional("secret").map(Secret::new);
        let long_enough = SECRET_BYTES_MIN..=SECRET_BYTES_MAX;
        if secret.as_ref().is_some_and(|secret| !long_enough.contains(&secret.expose().len())) {
            fields.fault("secret", format!("expected {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes"));
        }
        let timeout_seconds =
            fields.optional("timeoutSeconds").unwrap_or(Whole::within(u64::from(RUNNER_SECONDS)));
        Some(Self { url: url?, timeout_seconds, secret })
    }
}

impl TestsView {
    /// What it is; the secret of its runner only where it was made just now.
    fn answer(agent: &Agent, made: &Secret) -> Answer<Self> {
        let suite = agent.tests.as_deref().cloned().unwrap_or_default();
        let runner = suite.runner.map(|runner| RunnerView {
            url: runner.url,
            timeout_seconds: runner.timeout_seconds,
            secret: (runner.secret == *made).then_some(runner.secret),
        });
        Answer::ok(Self { checks: suite.checks, runner }).with_tag(tests_tag(agent))
    }
}

/// The tag of what an agent is tested by; of the secret of its runner it tells nothing.
pub(in crate::api) fn tests_tag(agent: &Agent) -> Tag {
    let tests = agent.tests.as_deref();
    let runner = tests.and_then(|tests| tests.runner.as_ref());
    Tag::of(&(tests.map(|tests| &tests.checks), runner.map(|it| (&it.url, it.timeout_seconds))))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(get_tests, put_tests))
}

/// Shows what an agent is tested by.
#[utoipa::path(
    get, path = "/v1/agents/{id}/tests", tag = "tests", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The agent.")),
    responses(
        (status = 200, body = TestsView, description = "Its tests; the tag is in `ETag`."),
    )
)]
async fn get_tests(caller: Caller, Id(id): Id<AgentId>) -> Result<Answer<TestsView>, ApiError> {
    Ok(TestsView::answer(find(&caller, &caller.state, &id)?, &Secret::default()))
}

/// Says what an agent is tested by: checks of its configuration and of where calls lead, and a runner elsewhere.
///
/// Publish, promotion and rollback start a run of them, and `POST /v1/agents/{id}/test-runs` does. A runner is told of a
/// run by a `POST` of `{runId, agentId, target, hash, snapshot, result, token, until}` that
/// `X-Cordboard-Signature: t=<seconds>,v1=<hex>` signs: HMAC-SHA-256 of `<seconds>.<body>` under its secret. It says what
/// came of it at `result` of this API, with `token`.
#[utoipa::path(
    put, path = "/v1/agents/{id}/tests", tag = "tests", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("If-Match" = Option<String>, Header, description = "Only if they are in this state."),
    ),
    request_body = TestsBody,
    responses(
        (status = 200, body = TestsView, description = "Its tests from now on."),
    )
)]
async fn put_tests(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<TestsBody>,
) -> Result<Answer<TestsView>, ApiError> {
    find(&caller, &caller.state, &id)?;
    let spare = Secret::new(format!("whsec_{}", URL_SAFE_NO_PAD.encode((management.random)())));
    if let Some(runner) = &body.runner {
        management.listed.check(&runner.url).map_err(|wrong| ApiError::validation("runner.url", wrong))?;
    }
    let runner = body.runner.map(|runner| Runner {
        url: runner.url,
        timeout_seconds: runner.timeout_seconds.get_u32(),
        secret: runner.secret.unwrap_or_default(),
    });
    let suite = TestSuite { checks: body.checks, runner };
    let edit = AgentEdit::PutTests(PutTests { suite, spare: spare.clone() });
    let applied = caller.submit(&management, Action::Agent { agent: id.clone(), edit }).await?;
    Ok(TestsView::answer(find(&caller, &applied.state, &id)?, &spare).since(&applied))
}
