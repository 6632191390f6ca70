//! `/v1/agents/{id}/test-calls`: an agent tried at what its numbers may serve, without a call.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use utoipa::ToSchema;

use super::find;
use crate::api::Management;
use crate::api::caller::Caller;
use crate::api::fields::{Fields, Written};
use crate::api::request::{Body, Id};
use crate::domain::id::{AgentId, Environment, Pin};
use crate::domain::test_call::TestCall;
use crate::http::error::ApiError;

/// Most headers of a test call.
const HEADERS_MAX: usize = 100;

/// A test call.
#[derive(Debug, ToSchema)]
#[schema(as = TestCall, rename_all = "camelCase")]
pub struct TestCallBody {
    /// What the agent serves in this environment.
    #[schema(value_type = Option<String>, example = "pre-release")]
    environment: Option<Environment>,
    /// What of the agent, in place of an environment: `draft`, which it is unless one of both is said, `V<n>` or an environment.
    #[schema(value_type = Option<String>, example = "V3")]
    pin: Option<Pin>,
    /// The number that calls, as a gateway would say it.
    from: Option<String>,
    /// The headers of the call, as a gateway would send them.
    #[schema(value_type = std::collections::BTreeMap<String, String>, required = false)]
    headers: Vec<(String, String)>,
}

impl Written for TestCallBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let read = Self {
            environment: fields.optional("environment"),
            pin: fields.optional("pin"),
            from: fields.optional("from"),
            headers: fields.texts("headers", HEADERS_MAX, "at most 100 headers", |_, _| Ok(())),
        };
        if read.environment.is_some() && read.pin.is_some() {
            fields.fault("pin", "stands beside environment: expected one of them");
        }
        Some(read)
    }
}

/// Decides as for a call that asks for this agent at an environment or another pin by name, and begins none.
///
/// The answer is a decision as the call plane gives it, with `test`. It is in no split, in no analytics and in no metric of
/// calls, is not remembered, and has no token; limits of calls in progress do not hold for it. It needs the permission
/// that an override of a call needs.
#[utoipa::path(
    post, path = "/v1/agents/{id}/test-calls", tag = "agents", security(("key" = ["override"])),
    params(("id" = String, Path, description = "The agent.")),
    request_body = TestCallBody,
    responses(
        (status = 201, body = ref("#/components/schemas/Decision"), description = "A decision as `POST /v1/calls` answers it, every key there, \
            with `test` true and `token` null."),
        (status = 400, description = "A field is at fault: there is no such version, or nothing is deployed to the environment"),
    )
)]
pub(super) async fn test_call(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    Body(body): Body<TestCallBody>,
) -> Result<Response, ApiError> {
    find(&caller, &caller.state, &id)?;
    let TestCallBody { environment, pin, from, headers } = body;
    let field = if environment.is_some() { "environment" } else { "pin" };
    let pin = environment.map(Pin::Environment).or(pin).unwrap_or(Pin::Draft);
    let call = TestCall { agent: caller.agent_ref(&id), pin, from, headers };
    let decision = (management.test_call)(&call).ok_or_else(|| {
        let why = match pin {
            Pin::Environment(environment) => format!("agent {id} has nothing deployed to {environment}"),
            pin => format!("agent {id} has no {pin}"),
        };
        ApiError::validation(field, why)
    })?;
    Ok((StatusCode::CREATED, [(CONTENT_TYPE, "application/json")], decision).into_response())
}
