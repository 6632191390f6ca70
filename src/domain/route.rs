//! Where calls to a number, a prefix or nobody in particular go.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::fallback::Fallback;
use super::id::{AccountId, AgentId, ConnectorId, Pin, SiteVariantId, SplitId};
use super::named::Named;
use super::refusal::FieldFault;
use super::reserved::{RESERVED_HEADER, is_reserved_header};

/// Most header rules of a number.
pub const HEADER_RULES_MAX: usize = 50;
/// Most headers of a number.
pub const HEADERS_MAX: usize = 50;
/// Longest name or value of a header, in bytes.
pub const HEADER_BYTES_MAX: usize = 1_000;
/// Most memory a compiled expression may take, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 18;

/// Who may change an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ManagedBy {
    /// The management API.
    #[default]
    Api,
    /// The route files.
    Files,
}

/// What serves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// One agent, at a pin.
    Agent {
        /// The agent.
        agent: AgentId,
        /// What of it.
        pin: Pin,
    },
    /// One arm of a split.
    Split(SplitId),
}

/// How a header rule looks at a header's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderTest {
    /// The value is exactly this.
    Equals(String),
    /// The value begins with this.
    Prefix(String),
    /// The value contains a match of this expression.
    Regex(String),
}

/// An exception to a number's route for calls with a header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderRule {
    /// The header's name, in any case.
    pub header: String,
    /// What its value must be.
    #[serde(flatten)]
    pub test: HeaderTest,
    /// The agent that serves then; the number's own where absent.
    #[serde(default, rename = "agentId", skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// What of it.
    pub pin: Pin,
}

/// A route as written: the same for a number, a prefix and the default.
///
/// Equal routes are kept once, however many numbers have them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", into = "Written", try_from = "Written")]
pub struct Route {
    /// Whose it is.
    pub account: AccountId,
    /// Who may change it.
    pub managed_by: ManagedBy,
    /// What serves.
    pub to: Destination,
    /// Exceptions by header, the first match wins.
    pub header_rules: Vec<HeaderRule>,
    /// Headers to add to the answer; they win over the version's.
    pub headers: BTreeMap<String, String>,
    /// The site whose attributes the call gets; the version's default where absent.
    pub site_variant: Option<SiteVariantId>,
    /// Where calls go that what it leads to cannot take.
    pub fallback: Option<Fallback>,
    /// The connector of a number that came by one: it says the site where the route does not.
    pub connector: Option<ConnectorId>,
}

impl Route {
    /// A route without rules and headers.
    #[must_use]
    pub fn plain(account: AccountId, managed_by: ManagedBy, to: Destination) -> Self {
        Self {
            account,
            managed_by,
            to,
            header_rules: Vec::new(),
            headers: BTreeMap::new(),
            site_variant: None,
            fallback: None,
            connector: None,
        }
    }

    /// Whether it says nothing but where calls go.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.header_rules.is_empty()
            && self.headers.is_empty()
            && self.site_variant.is_none()
            && self.fallback.is_none()
            && self.connector.is_none()
    }

    /// Every agent and pin the route can lead to by itself.
    pub fn pins(&self) -> impl Iterator<Item = (&AgentId, Pin)> {
        let own = match &self.to {
            Destination::Agent { agent, pin } => Some((agent, *pin)),
            Destination::Split(_) => None,
        };
        let rules = self.header_rules.iter().filter_map(move |rule| {
            rule.agent.as_ref().or(own.map(|(agent, _)| agent)).map(|agent| (agent, rule.pin))
        });
        own.into_iter().chain(rules)
    }

    /// Everything the route names. An exception without an agent of its own names only what of the route's agent it wants.
    #[must_use]
    pub fn names(&self) -> Vec<Named> {
        let (mut names, own) = match &self.to {
            Destination::Agent { agent, pin } => {
                (Named::serving("", agent, Some(*pin)).collect::<Vec<_>>(), Some(agent))
            }
            Destination::Split(split) => (vec![Named::split(split)], None),
        };
        for (i, rule) in self.header_rules.iter().enumerate() {
            let base = format!("headerRules[{i}].");
            match (&rule.agent, own) {
                (Some(agent), _) => names.extend(Named::serving(&base, agent, Some(rule.pin))),
                (None, Some(own)) => names.push(Named::pin(&base, own, rule.pin)),
                (None, None) => {}
            }
        }
        names
    }

    /// Everything wrong with the route by itself, whatever else exists.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut fault =
            |field: String, message: &str| faults.push(FieldFault { field, message: message.to_owned() });
        if self.header_rules.len() > HEADER_RULES_MAX {
            fault("headerRules".to_owned(), "more than 50 rules: expected at most 50");
        }
        if self.headers.len() > HEADERS_MAX {
            fault("headers".to_owned(), "more than 50 headers: expected at most 50");
        }
        for (name, value) in &self.headers {
            if let Err(why) = check_header(name, value) {
                fault(format!("headers.{}", name.escape_default()), why);
            }
        }
        for (i, rule) in self.header_rules.iter().enumerate() {
            if !is_header_name(&rule.header) {
                fault(format!("headerRules[{i}].header"), NO_HEADER_NAME);
            }
            if rule.agent.is_none() && matches!(self.to, Destination::Split(_)) {
                fault(format!("headerRules[{i}].agentId"), RULE_LACKS_AGENT);
            }
            if let Err((member, why)) = rule.test.check() {
                fault(format!("headerRules[{i}].{member}"), &why);
            }
        }
        faults
    }
}

/// What is wrong with a text that is no header's name.
pub const NO_HEADER_NAME: &str = "is no header name: expected letters, digits and hyphens";
/// What is wrong with a fallback that leads back to its own number.
pub const FALLS_BACK_TO_ITSELF: &str = "is the number itself: expected another number, or a URI";
/// What is wrong with a header rule without an agent in a route without one.
pub const RULE_LACKS_AGENT: &str = "is missing: a number in a split has no agent of its own";

impl HeaderTest {
    /// Whether it can be asked.
    ///
    /// # Errors
    /// The member at fault, and a sentence that says what is wrong with it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let short = |member, text: &str| {
            let why = "is longer than 1,000 bytes: expected a shorter text";
            if text.len() > HEADER_BYTES_MAX { Err((member, why.to_owned())) } else { Ok(()) }
        };
        match self {
            Self::Equals(text) => short("equals", text),
            Self::Prefix(text) => short("prefix", text),
            Self::Regex(text) => header_regex(text).map(drop).map_err(|why| ("regex", why)),
        }
    }
}

/// Whether a header may be added to an answer.
///
/// # Errors
/// A sentence that says what is wrong with its name, else with its value.
pub fn check_header(name: &str, value: &str) -> Result<(), &'static str> {
    if !is_header_name(name) {
        return Err(NO_HEADER_NAME);
    }
    if is_reserved_header(name) {
        return Err(RESERVED_HEADER);
    }
    if !is_header_value(value) {
        return Err("the value has control characters or more than 1,000 bytes: expected one line of text");
    }
    Ok(())
}

/// Compiles the expression of a header rule: linear time, bounded size.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn header_regex(text: &str) -> Result<Regex, String> {
    if text.len() > HEADER_BYTES_MAX {
        return Err("the expression is longer than 1,000 bytes".to_owned());
    }
    RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build().map_err(
        |why| {
            let why = why.to_string();
            format!("is no expression: {}", why.lines().last().unwrap_or(&why).trim_start_matches("error: "))
        },
    )
}

/// Whether a text is an RFC 9110 field name of at most 1,000 bytes.
#[must_use]
pub fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= HEADER_BYTES_MAX
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c))
}

/// Whether a text may go out as a header's value.
#[must_use]
pub fn is_header_value(value: &str) -> bool {
    value.len() <= HEADER_BYTES_MAX && !value.chars().any(char::is_control)
}

/// The stored and served shape of a [`Route`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    account: AccountId,
    #[serde(default)]
    managed_by: ManagedBy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_id: Option<AgentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pin: Option<Pin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split_id: Option<SplitId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    header_rules: Vec<HeaderRule>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site_variant_id: Option<SiteVariantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback: Option<Fallback>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connector_id: Option<ConnectorId>,
}

impl From<Route> for Written {
    fn from(route: Route) -> Self {
        let (agent_id, pin, split_id) = match route.to {
            Destination::Agent { agent, pin } => (Some(agent), Some(pin), None),
            Destination::Split(split) => (None, None, Some(split)),
        };
        Self {
            account: route.account,
            managed_by: route.managed_by,
            agent_id,
            pin,
            split_id,
            header_rules: route.header_rules,
            headers: route.headers,
            site_variant_id: route.site_variant,
            fallback: route.fallback,
            connector_id: route.connector,
        }
    }
}

impl TryFrom<Written> for Route {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let to = match (written.agent_id, written.split_id) {
            (Some(agent), None) => Destination::Agent { agent, pin: written.pin.unwrap_or_default() },
            (None, Some(split)) => Destination::Split(split),
            _ => return Err("expected either an agent or a split"),
        };
        Ok(Self {
            account: written.account,
            managed_by: written.managed_by,
            to,
            header_rules: written.header_rules,
            headers: written.headers,
            site_variant: written.site_variant_id,
            fallback: written.fallback,
            connector: written.connector_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_route_reads_back_and_its_shape_stays() {
        let text = r#"{"account":"ws-1","managedBy":"api","agentId":"sales","pin":"V3","headerRules":[{"header":"X-Env","equals":"test","pin":"sandbox"}],"headers":{"X-Brand":"north"},"siteVariantId":"berlin","fallback":"sip:desk@10.0.0.9","connectorId":"c-1"}"#;
        let route: Route = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&route).unwrap(), text);
        assert!(route.faults().is_empty());
        assert!(serde_json::from_str::<Route>(r#"{"account":"ws-1"}"#).is_err());
    }

    #[test]
    fn what_could_split_a_header_or_never_end_is_refused() {
        let mut route: Route = serde_json::from_str(r#"{"account":"ws-1","splitId":"s"}"#).unwrap();
        route.headers.insert("X-A".to_owned(), "a\r\nX-B: b".to_owned());
        route.headers.insert("X A".to_owned(), String::new());
        route.headers.insert("via".to_owned(), String::new());
        route.headers.insert("V".to_owned(), String::new());
        let rule = |test| HeaderRule { header: "X-Env".to_owned(), test, agent: None, pin: Pin::Draft };
        route.header_rules = vec![
            rule(HeaderTest::Regex("(".to_owned())),
            rule(HeaderTest::Regex(r"((a{1000}){1000}){1000}".to_owned())),
            rule(HeaderTest::Equals("x".repeat(1_001))),
        ];
        let fields: Vec<_> = route.faults().into_iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            [
                "headers.V",
                "headers.X A",
                "headers.X-A",
                "headers.via",
                "headerRules[0].agentId",
                "headerRules[0].regex",
                "headerRules[1].agentId",
                "headerRules[1].regex",
                "headerRules[2].agentId",
                "headerRules[2].equals"
            ]
        );
    }
}
