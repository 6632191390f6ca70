//! A route as it is written and shown: the same for a number, a prefix and the default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::request::Object;
use crate::domain::id::{AgentId, Pin, SiteVariantId, SplitId};
use crate::domain::refusal::{FieldFault, Refusal};
use crate::domain::route::{Destination, HeaderRule, HeaderTest, ManagedBy, Route};
use crate::domain::state::State;
use crate::http::error::ApiError;

/// Where calls go: to an agent at a pin, or into a split.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RouteBody)]
pub struct RouteBody {
    /// The agent; either this or `splitId`.
    #[schema(value_type = Option<String>, example = "sales")]
    agent_id: Option<AgentId>,
    /// What of the agent: `draft` (default), `V<n>`, `sandbox`, `pre-release` or `live`.
    #[schema(value_type = Option<String>, example = "live")]
    pin: Option<Pin>,
    /// The split.
    #[schema(value_type = Option<String>)]
    split_id: Option<SplitId>,
    /// Exceptions by header, at most 50; the first match wins.
    #[serde(default)]
    #[schema(value_type = Vec<HeaderRuleBody>)]
    header_rules: Vec<Object<HeaderRuleBody>>,
    /// Headers to add to the answer, at most 50; they win over the version's.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The site whose attributes the call gets; the version's default where absent.
    #[schema(value_type = Option<String>)]
    site_variant_id: Option<SiteVariantId>,
}

/// An exception for calls with a header: exactly one of `equals`, `prefix` and `regex`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderRuleBody {
    /// The header's name, in any case.
    header: String,
    /// The value is exactly this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    equals: Option<String>,
    /// The value begins with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// The value contains a match of this expression, in the syntax of Rust's `regex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    /// The agent that serves then; the number's own where absent.
    #[schema(value_type = Option<String>)]
    agent_id: Option<AgentId>,
    /// What of the agent; `draft` unless said.
    #[serde(default)]
    #[schema(value_type = String)]
    pin: Pin,
}

impl RouteBody {
    /// The route that is meant, in the caller's account.
    pub(super) fn into_route(self, caller: &Caller) -> Result<Route, ApiError> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: &str| {
            faults.push(FieldFault { field: field.to_owned(), message: message.to_owned() });
        };
        let to = match (self.agent_id, self.split_id) {
            (Some(agent), None) => Some(Destination::Agent { agent, pin: self.pin.unwrap_or_default() }),
            (None, Some(split)) => {
                if self.pin.is_some() {
                    fault("pin", "does not go with splitId: the arms of a split have pins of their own");
                }
                Some(Destination::Split(split))
            }
            (None, None) => {
                fault("agentId", "is missing: expected agentId or splitId");
                None
            }
            (Some(_), Some(_)) => {
                fault("splitId", "does not go with agentId: expected one of them");
                None
            }
        };
        let mut rules = Vec::with_capacity(self.header_rules.len());
        for (i, Object(rule)) in self.header_rules.into_iter().enumerate() {
            match rule.test() {
                Some(test) => {
                    rules.push(HeaderRule { header: rule.header, test, agent: rule.agent_id, pin: rule.pin });
                }
                None => {
                    fault(&format!("headerRules[{i}]"), "expected exactly one of equals, prefix and regex");
                }
            }
        }
        match to {
            Some(to) if faults.is_empty() => Ok(Route {
                header_rules: rules,
                headers: self.headers,
                site_variant: self.site_variant_id,
                ..Route::plain(caller.account().clone(), ManagedBy::Api, to)
            }),
            _ => Err(Refusal::fields(faults).into()),
        }
    }
}

impl HeaderRuleBody {
    fn test(&self) -> Option<HeaderTest> {
        match (&self.equals, &self.prefix, &self.regex) {
            (Some(text), None, None) => Some(HeaderTest::Equals(text.clone())),
            (None, Some(text), None) => Some(HeaderTest::Prefix(text.clone())),
            (None, None, Some(text)) => Some(HeaderTest::Regex(text.clone())),
            _ => None,
        }
    }

    fn of(rule: &HeaderRule) -> Self {
        let (mut equals, mut prefix, mut regex) = (None, None, None);
        match &rule.test {
            HeaderTest::Equals(text) => equals = Some(text.clone()),
            HeaderTest::Prefix(text) => prefix = Some(text.clone()),
            HeaderTest::Regex(text) => regex = Some(text.clone()),
        }
        Self {
            header: rule.header.clone(),
            equals,
            prefix,
            regex,
            agent_id: rule.agent.clone(),
            pin: rule.pin,
        }
    }
}

/// A route as it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Route)]
pub struct RouteView {
    /// The agent, unless it is a split.
    #[schema(value_type = Option<String>)]
    agent_id: Option<AgentId>,
    /// What of the agent.
    #[schema(value_type = Option<String>)]
    pin: Option<Pin>,
    /// The split, unless it is an agent.
    #[schema(value_type = Option<String>)]
    split_id: Option<SplitId>,
    /// Exceptions by header.
    header_rules: Vec<HeaderRuleBody>,
    /// Headers that are added to the answer.
    headers: BTreeMap<String, String>,
    /// The site whose attributes the call gets.
    #[schema(value_type = Option<String>)]
    site_variant_id: Option<SiteVariantId>,
    /// Always null in this release.
    fallback: Option<String>,
    /// `api` or `files`: who may change it.
    #[schema(value_type = String)]
    managed_by: ManagedBy,
    /// Always null in this release.
    connector_id: Option<String>,
    /// What the operator should know, e.g. that an environment serves nothing.
    warnings: Vec<String>,
}

impl RouteView {
    /// A route with its warnings in a state.
    pub(super) fn of(state: &State, route: &Route) -> Self {
        Self::with_warnings(route, state.warnings_of(route))
    }

    /// A route with warnings that are known.
    pub(super) fn with_warnings(route: &Route, warnings: Vec<String>) -> Self {
        let (agent_id, pin, split_id) = match &route.to {
            Destination::Agent { agent, pin } => (Some(agent.clone()), Some(*pin), None),
            Destination::Split(split) => (None, None, Some(split.clone())),
        };
        Self {
            agent_id,
            pin,
            split_id,
            header_rules: route.header_rules.iter().map(HeaderRuleBody::of).collect(),
            headers: route.headers.clone(),
            site_variant_id: route.site_variant.clone(),
            fallback: None,
            managed_by: route.managed_by,
            connector_id: None,
            warnings,
        }
    }
}
