//! A route as it is written and shown: the same for a number, a prefix and the default.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::fields::{Fields, Written};
use super::operation::{Asked, Unread};
use crate::domain::fallback::Fallback;
use crate::domain::id::{AgentId, ConnectorId, Pin, SiteVariantId, SplitId};
use crate::domain::route::{
    Destination, HEADER_RULES_MAX, HEADERS_MAX, HeaderRule, HeaderTest, ManagedBy, NO_HEADER_NAME,
    RULE_LACKS_AGENT, Route, check_header, is_header_name,
};
use crate::domain::state::State;
use crate::http::error::ApiError;

/// Where calls go: to an agent at a pin, or into a split.
#[derive(Debug, ToSchema)]
#[schema(as = RouteBody, rename_all = "camelCase")]
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
    #[schema(required = false)]
    header_rules: Vec<HeaderRuleBody>,
    /// Headers to add to the answer, at most 50; they win over the version's.
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
    /// The site whose attributes the call gets; the version's default where absent.
    #[schema(value_type = Option<String>)]
    site_variant_id: Option<SiteVariantId>,
    /// Where calls go that cannot be taken otherwise: a URI, or a number whose own route is followed.
    #[schema(value_type = Option<String>, example = "sip:desk@10.0.0.9")]
    fallback: Option<Fallback>,
}

/// An exception for calls with a header: exactly one of `equals`, `prefix` and `regex`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderRuleBody {
    /// The header's name, in any case.
    header: String,
    /// The value is exactly this.
    #[serde(skip_serializing_if = "Option::is_none")]
    equals: Option<String>,
    /// The value begins with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// The value contains a match of this expression, in the syntax of Rust's `regex`.
    #[serde(skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    /// The agent that serves then; the number's own where absent.
    #[schema(value_type = Option<String>)]
    agent_id: Option<AgentId>,
    /// What of the agent; `draft` unless said.
    #[schema(value_type = String, required = false)]
    pin: Pin,
}

impl Written for RouteBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut route = Self {
            agent_id: fields.optional("agentId"),
            pin: fields.optional("pin"),
            split_id: fields.optional("splitId"),
            header_rules: Vec::new(),
            headers: BTreeMap::new(),
            site_variant_id: fields.optional("siteVariantId"),
            fallback: fields.optional("fallback"),
        };
        route.check_destination(fields);
        let own = route.agent_id.as_ref().filter(|_| !fields.blames("agentId"));
        let in_split = route.split_id.is_some();
        let rules = fields.objects("headerRules", HEADER_RULES_MAX, "at most 50 rules", |fields| {
            HeaderRuleBody::read(fields, own, in_split)
        });
        route.header_rules = rules.into_iter().flatten().flatten().collect();
        let headers = fields.texts("headers", HEADERS_MAX, "at most 50 headers", check_header);
        route.headers = headers.into_iter().collect();
        Some(route)
    }
}

impl RouteBody {
    /// Reads a body as the route that is meant, in the caller's account.
    pub(super) fn read_route(asked: &mut Asked<'_>) -> Result<Route, Unread> {
        asked.body::<Self>()?.into_route(asked.caller).map_err(Unread::Body)
    }

    pub(super) fn into_route(self, caller: &Caller) -> Result<Route, ApiError> {
        let to = self.destination().map_err(|(field, why)| ApiError::validation(field, why))?;
        let rule = |body: HeaderRuleBody| {
            let test = body.test().map_err(|why| ApiError::validation("headerRules", why))?;
            Ok(HeaderRule { header: body.header, test, agent: body.agent_id, pin: body.pin })
        };
        Ok(Route {
            header_rules: self.header_rules.into_iter().map(rule).collect::<Result<_, ApiError>>()?,
            headers: self.headers,
            site_variant: self.site_variant_id,
            fallback: self.fallback,
            ..Route::plain(caller.account().clone(), ManagedBy::Api, to)
        })
    }

    fn destination(&self) -> Result<Destination, (&'static str, &'static str)> {
        destination(self.agent_id.clone(), self.pin, self.split_id.clone())
    }

    fn check_destination(&self, fields: &mut Fields<'_>) {
        // Of what was written but could not be read, nobody knows what it goes with.
        if !["agentId", "pin", "splitId"].iter().any(|name| fields.blames(name))
            && let Err((field, why)) = self.destination()
        {
            fields.fault(field, why);
        }
        if let Some(agent) = &self.agent_id {
            fields.check_agent(agent, self.pin.unwrap_or_default());
        }
        if let Some(split) = &self.split_id {
            fields.check_split(split);
        }
    }
}

/// Where calls go, of what was said of it: the agent at its draft unless a pin was said, or the split.
///
/// # Errors
/// The field at fault, and what is wrong with it.
pub(super) fn destination(
    agent: Option<AgentId>,
    pin: Option<Pin>,
    split: Option<SplitId>,
) -> Result<Destination, (&'static str, &'static str)> {
    match (agent, split) {
        (Some(agent), None) => Ok(Destination::Agent { agent, pin: pin.unwrap_or_default() }),
        (None, Some(_)) if pin.is_some() => {
            Err(("pin", "does not go with splitId: the arms of a split have pins of their own"))
        }
        (None, Some(split)) => Ok(Destination::Split(split)),
        (None, None) => Err(("agentId", "is missing: expected agentId or splitId")),
        (Some(_), Some(_)) => Err(("splitId", "does not go with agentId: expected one of them")),
    }
}

impl HeaderRuleBody {
    /// Reads a rule of a route that has this agent, or is in a split.
    fn read(fields: &mut Fields<'_>, own: Option<&AgentId>, in_split: bool) -> Option<Self> {
        let header: Option<String> = fields.required("header");
        if header.as_ref().is_some_and(|name| !is_header_name(name)) {
            fields.fault("header", NO_HEADER_NAME);
        }
        let rule = Self {
            header: header.unwrap_or_default(),
            equals: fields.optional("equals"),
            prefix: fields.optional("prefix"),
            regex: fields.optional("regex"),
            agent_id: fields.optional("agentId"),
            pin: fields.optional("pin").unwrap_or_default(),
        };
        if !["equals", "prefix", "regex"].iter().any(|name| fields.blames(name)) {
            match rule.test() {
                Err(why) => fields.fault_of_all(why),
                Ok(test) => {
                    if let Err((member, why)) = test.check() {
                        fields.fault(member, why);
                    }
                }
            }
        }
        match rule.agent_id.as_ref().or(own) {
            Some(agent) => fields.check_agent(agent, rule.pin),
            None if in_split && !fields.blames("agentId") => fields.fault("agentId", RULE_LACKS_AGENT),
            None => {}
        }
        Some(rule)
    }

    fn test(&self) -> Result<HeaderTest, &'static str> {
        match (&self.equals, &self.prefix, &self.regex) {
            (Some(text), None, None) => Ok(HeaderTest::Equals(text.clone())),
            (None, Some(text), None) => Ok(HeaderTest::Prefix(text.clone())),
            (None, None, Some(text)) => Ok(HeaderTest::Regex(text.clone())),
            _ => Err("expected exactly one of equals, prefix and regex"),
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
    /// Where calls go that cannot be taken otherwise.
    #[schema(value_type = Option<String>)]
    fallback: Option<Fallback>,
    /// `api` or `files`: who may change it.
    #[schema(value_type = String)]
    managed_by: ManagedBy,
    /// The connector by which a number came, if it did.
    #[schema(value_type = Option<String>)]
    connector_id: Option<ConnectorId>,
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
            fallback: route.fallback.clone(),
            managed_by: route.managed_by,
            connector_id: route.connector.clone(),
            warnings,
        }
    }
}
