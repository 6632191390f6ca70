//! `/v1/agents/{id}/telephony`: connectors, and the numbers that came by them.

mod connectors;
mod numbers;

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::find;
use crate::api::Management;
use crate::api::caller::Caller;
use crate::domain::address::Number;
use crate::domain::agent::Agent;
use crate::domain::command::NO_NUMBER;
use crate::domain::connector::Connector;
use crate::domain::id::{AccountId, AgentId, ConnectorId, Environment, SiteVariantId};
use crate::domain::refusal::Refusal;
use crate::domain::route::Route;
use crate::domain::state::State;
use crate::http::error::ApiError;

/// Most things that one request names.
const NAMED_MAX: usize = 10_000;

/// What numbers of an agent share.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Connector)]
pub struct ConnectorView {
    /// Its id.
    #[schema(value_type = String)]
    connector_id: ConnectorId,
    /// A name for people.
    name: String,
    /// Whose.
    #[schema(value_type = String)]
    account_id: AccountId,
    /// Of which agent.
    #[schema(value_type = String)]
    project_id: AgentId,
    /// What its numbers are pinned to.
    #[schema(value_type = String, example = "live")]
    client_env: Environment,
    /// The site variant of its numbers that name none themselves.
    #[schema(value_type = Option<String>)]
    variant_id: Option<SiteVariantId>,
    /// The language that is listened for.
    asr_lang_code: Option<String>,
    /// The language that is spoken.
    tts_lang_code: Option<String>,
    /// The voice that speaks.
    voice_name: Option<String>,
    /// Whether its calls are never handed to a person.
    disable_handoff: bool,
}

impl ConnectorView {
    fn of(agent: &Agent, connector: &Connector) -> Self {
        Self {
            connector_id: connector.id.clone(),
            name: connector.name.clone(),
            account_id: agent.profile.id.account.clone(),
            project_id: agent.profile.id.agent.clone(),
            client_env: connector.environment,
            variant_id: connector.site_variant.clone(),
            asr_lang_code: connector.asr_language.clone(),
            tts_lang_code: connector.tts_language.clone(),
            voice_name: connector.voice_name.clone(),
            disable_handoff: connector.disable_handoff,
        }
    }
}

/// A number that came by a connector.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PhoneNumber)]
pub struct PhoneNumberView {
    /// `+` and digits, or a SIP user.
    #[schema(value_type = String, example = "+14155550100")]
    number: Number,
    /// Of which agent.
    #[schema(value_type = String)]
    project_id: AgentId,
    /// Whose.
    #[schema(value_type = String)]
    account_id: AccountId,
    /// The environment of its connector.
    #[schema(value_type = String, example = "live")]
    client_env: Environment,
    /// Its connector.
    #[schema(value_type = String)]
    connector_id: ConnectorId,
}

impl PhoneNumberView {
    /// A number with its route, if it came by a connector of the agent.
    fn of(agent: &Agent, number: Number, route: &Route) -> Option<Self> {
        let connector = agent.connectors.get(route.connector.as_ref()?)?;
        let id = &agent.profile.id;
        (route.account == id.account).then(|| Self {
            number,
            project_id: id.agent.clone(),
            account_id: id.account.clone(),
            client_env: connector.environment,
            connector_id: connector.id.clone(),
        })
    }
}

/// A number of the agent's connectors, with its route; refused where all of it may not be seen.
fn number_of<'s>(
    caller: &Caller,
    state: &'s State,
    agent: &Agent,
    number: &Number,
) -> Result<(PhoneNumberView, &'s Route), ApiError> {
    let found = state.route(number);
    let found = found.and_then(|route| Some((PhoneNumberView::of(agent, number.clone(), route)?, &**route)));
    match found {
        Some((_, route)) if !caller.sight_in(state).route(route) => Err(Refusal::hidden().into()),
        Some(found) => Ok(found),
        None => {
            let message = format!("agent {} has no number {number}", agent.profile.id.agent);
            Err(ApiError::not_found(message).with_code(NO_NUMBER))
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().merge(connectors::routes()).merge(numbers::routes())
}
