//! The answer for one call, and why.

use std::fmt;
use std::sync::Arc;

use super::capacity::Full;
use super::table::{Served, ServingArm, ServingRoute, ServingSplit};
use crate::domain::address::{Address, Prefix};
use crate::domain::agent_config::Site;
use crate::domain::endpoint::EndpointTemplate;
use crate::domain::fallback::Fallback;
use crate::domain::id::{ConnectorId, Revision, SiteVariantId};
use crate::domain::split::Inactive;

/// Who serves a call, by one revision of the table, and why. Borrows from the table (or from the remembered call).
#[derive(Debug, Clone)]
pub struct Decision<'t> {
    /// The revision that decided.
    pub revision: Revision,
    /// What serves; nothing where nobody serves the number.
    pub choice: Option<Choice<'t>>,
    /// Why.
    pub reason: Reason<'t>,
    /// Whether it takes the place of an earlier one, since a deployment moved the call.
    pub moved: bool,
    /// What could not take the call, if there was such a thing.
    pub detour: Option<Detour<'t>>,
}

impl Decision<'_> {
    /// All codes, in the order of their [`Decision::code_index`].
    pub const CODES: [&'static str; Reason::CODES.len() + 1] = {
        let mut codes = [MOVED; Reason::CODES.len() + 1];
        let (reasons, _) = codes.split_at_mut(Reason::CODES.len());
        reasons.copy_from_slice(&Reason::CODES);
        codes
    };

    /// A small number, for cells.
    #[must_use]
    pub const fn code_index(&self) -> usize {
        if self.moved { Reason::CODES.len() } else { self.reason.index() }
    }

    /// The code in answers, records and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if self.moved { MOVED } else { self.reason.code() }
    }
}

/// The code of a decision that took the place of an earlier one.
const MOVED: &str = "moved";

/// What serves a call.
#[derive(Debug, Clone)]
pub struct Choice<'t> {
    /// The version.
    pub served: &'t Arc<Served>,
    /// The route that led to it, for its headers and its site; none where it has neither.
    pub route: Option<&'t Arc<ServingRoute>>,
    /// What a token or the number's connector says of the site, one or none, where the route says otherwise.
    pub site: Option<Option<&'t SiteVariantId>>,
    /// The split it is in.
    pub in_split: Option<InSplit<'t>>,
    /// Where the call is sent instead of the version's endpoints.
    pub target: Option<&'t Arc<EndpointTemplate>>,
}

/// What a route led to and could not take the call, and what takes it instead.
#[derive(Debug, Clone, Copy)]
pub struct Detour<'t> {
    /// What the route led to.
    pub from: &'t Arc<Served>,
    /// In which split.
    pub in_split: Option<InSplit<'t>>,
    /// Why it could not.
    pub why: Unfit,
    /// What takes the call.
    pub to: Instead<'t>,
}

/// Why something cannot take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It has as many as it may.
    Full(Full),
    /// All its targets are down.
    Down,
}

/// What takes a call instead of what its route led to.
#[derive(Debug, Clone, Copy)]
pub enum Instead<'t> {
    /// The control of the split, or the winner of one that was ended.
    Control,
    /// The fallback of the route.
    OfRoute(&'t Fallback),
    /// The fallback of the agent.
    OfAgent(&'t Fallback),
    /// Nothing: a call is always answered.
    Nothing,
}

/// A call's place in a split.
#[derive(Debug, Clone, Copy)]
pub struct InSplit<'t> {
    /// The split.
    pub split: &'t Arc<ServingSplit>,
    /// The arm's position.
    pub arm: u8,
    /// Its slot, where slots decided.
    pub slot: Option<u16>,
    /// What was hashed, where slots decided.
    pub unit: Option<Unit>,
}

impl<'t> InSplit<'t> {
    /// The arm.
    #[must_use]
    pub fn arm(&self) -> Option<&'t ServingArm> {
        self.split.arms.get(usize::from(self.arm))
    }
}

/// What was hashed to find a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The caller's number.
    Caller,
    /// The call id.
    Call,
    /// A header.
    Header,
    /// Nothing: a fresh draw.
    Random,
}

impl Unit {
    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Call => "call",
            Self::Header => "header",
            Self::Random => "random",
        }
    }
}

/// Which rule decided, with what its sentence needs.
#[derive(Debug, Clone, Copy)]
pub enum Reason<'t> {
    /// The call was decided before and is in progress.
    CallInProgress,
    /// A valid token of an earlier decision.
    Token,
    /// Asked for by name.
    Override,
    /// The caller is pinned to another version of the agent that the route leads to.
    CallerPin,
    /// A header rule of the number: its place and its header.
    HeaderRule(usize, &'t str),
    /// The number's pin.
    NumberPin,
    /// The number's split.
    NumberSplit,
    /// The split that tests the environment which the route leads to.
    EnvironmentSplit,
    /// The split that the route leads to does not decide now.
    SplitInactive(Inactive),
    /// The longest matching prefix.
    PrefixRoute(Prefix),
    /// The account's default route.
    DefaultRoute,
    /// Nobody serves the number.
    NoRoute,
}

impl Reason<'_> {
    /// All rules, in the order of their [`Reason::index`].
    pub const CODES: [&'static str; 12] = [
        "call_in_progress",
        "token",
        "override",
        "caller_pin",
        "header_rule",
        "number_pin",
        "number_split",
        "environment_split",
        "split_inactive",
        "prefix_route",
        "default_route",
        "no_route",
    ];

    /// A small number, for cells.
    #[must_use]
    pub const fn index(&self) -> usize {
        match self {
            Self::CallInProgress => 0,
            Self::Token => 1,
            Self::Override => 2,
            Self::CallerPin => 3,
            Self::HeaderRule(..) => 4,
            Self::NumberPin => 5,
            Self::NumberSplit => 6,
            Self::EnvironmentSplit => 7,
            Self::SplitInactive(_) => 8,
            Self::PrefixRoute(_) => 9,
            Self::DefaultRoute => 10,
            Self::NoRoute => 11,
        }
    }

    /// The rule's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        Self::CODES.get(self.index()).copied().unwrap_or_default()
    }
}

/// The site a call gets the attributes of.
#[derive(Debug, Clone, Copy)]
pub struct CallSite<'t> {
    /// Its id, where the number names a site.
    pub id: Option<&'t SiteVariantId>,
    /// The site, unless the version has none at all.
    pub site: Option<&'t Site>,
    /// The site the number names, where the version lacks it and its default stands in.
    pub lacking: Option<&'t SiteVariantId>,
}

impl<'t> Choice<'t> {
    /// A version that a route leads to, and nothing else.
    #[must_use]
    #[inline]
    pub const fn of(served: &'t Arc<Served>, route: Option<&'t Arc<ServingRoute>>) -> Self {
        Self { served, route, site: None, in_split: None, target: None }
    }

    /// Whether all that the answer says is of the version: the route adds nothing, and neither a site nor a target is
    /// named.
    #[must_use]
    #[inline]
    pub fn is_bare(&self) -> bool {
        self.site.is_none() && self.target.is_none() && self.route.is_none_or(|route| route.route.is_bare())
    }

    /// The connector of the number that led to it, if it came by one.
    #[must_use]
    pub fn connector(&self) -> Option<&'t ConnectorId> {
        self.route?.route.connector.as_ref()
    }

    /// The site: the number's, else that of its connector, else the version's default.
    #[must_use]
    pub fn site(&self) -> CallSite<'t> {
        let sites = &self.served.version.dispatch.sites;
        let of_route = || self.route?.route.site_variant.as_ref();
        let wanted = self.site.unwrap_or_else(of_route);
        let found = sites.get_or_default(wanted);
        let lacking = wanted.filter(|wanted| found.is_none_or(|(id, _)| id != *wanted));
        CallSite { id: wanted.and(found).map(|(id, _)| id), site: found.map(|(_, site)| site), lacking }
    }
}

/// The sentence that says why; for one dialled address.
#[derive(Debug)]
pub struct Sentence<'a, 't> {
    /// The decision.
    pub decision: &'a Decision<'t>,
    /// What was dialled.
    pub to: &'a Address<'a>,
}

impl fmt::Display for Sentence<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to;
        let Some(choice) = &self.decision.choice else {
            return write!(f, "nobody serves {to}");
        };
        Moved(self.decision).fmt(f)?;
        match self.decision.detour {
            Some(detour) if !matches!(detour.to, Instead::Nothing) => write!(f, "{to} leads to {detour}")?,
            Some(detour) => {
                self.reason(f, choice)?;
                write!(f, "; it {}, and nothing else can take the call", WhyUnfit(&detour))?;
            }
            None => self.reason(f, choice)?,
        }
        if choice.target.is_none() {
            write!(f, "{}", Targetless(choice.served))?;
        }
        match choice.site().lacking {
            Some(site) => write!(f, "; the version has no site variant {site}, its default is used"),
            None => Ok(()),
        }
    }
}

/// How the sentence of a decision begins that took the place of an earlier one.
struct Moved<'d, 't>(&'d Decision<'t>);

impl fmt::Display for Moved<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.moved { "a deployment moved the calls that began before it: " } else { "" })
    }
}

impl fmt::Display for Detour<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, which {}: ", From(self), WhyUnfit(self))?;
        match self.to {
            Instead::Control => f.write_str("the split's control serves, outside its results"),
            Instead::OfRoute(fallback) => write!(f, "the route's fallback {fallback} is used"),
            Instead::OfAgent(fallback) => write!(f, "the agent's fallback {fallback} is used"),
            Instead::Nothing => f.write_str("it serves all the same"),
        }
    }
}

/// The sentence that says what could not take a call, and why.
#[derive(Debug)]
pub struct Cause<'d, 't>(pub &'d Detour<'t>);

impl fmt::Display for Cause<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", From(self.0), WhyUnfit(self.0))
    }
}

struct From<'d, 't>(&'d Detour<'t>);

impl fmt::Display for From<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.in_split.and_then(|in_split| Some((in_split.split, in_split.arm()?))) {
            Some((split, arm)) => write!(f, "arm {} of split {}", arm.id, split.split.id),
            None => write!(f, "{} at {}", self.0.from.agent.agent, self.0.from.pin),
        }
    }
}

struct WhyUnfit<'d, 't>(&'d Detour<'t>);

impl fmt::Display for WhyUnfit<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.why {
            Unfit::Full(Full::Arm(calls)) => write!(f, "has as many calls in progress as it may ({calls})"),
            Unfit::Full(Full::Agent(calls)) => {
                let agent = &self.0.from.agent.agent;
                write!(f, "belongs to {agent}, which has as many calls in progress as it may ({calls})")
            }
            Unfit::Down => f.write_str("has no target that is up"),
        }
    }
}

impl Sentence<'_, '_> {
    fn reason(&self, f: &mut fmt::Formatter<'_>, choice: &Choice<'_>) -> fmt::Result {
        let to = self.to;
        match self.decision.reason {
            Reason::CallInProgress => f.write_str("the call was decided before and keeps its version")?,
            Reason::Token => f.write_str("the token names the version that the call has already")?,
            Reason::Override => f.write_str("asked for by name")?,
            Reason::CallerPin => {
                let served = choice.served;
                let agent = &served.agent.agent;
                write!(f, "{to} leads to {agent}, and this caller is pinned to its {}", served.pin)?;
            }
            Reason::HeaderRule(at, header) => write!(f, "header rule {} of {to} matches {header}", at + 1)?,
            Reason::NumberPin => write!(f, "{to}{}", IsPinned(choice.served))?,
            Reason::NumberSplit => {
                write!(f, "{to}")?;
                f.write_str(" is")?;
            }
            Reason::EnvironmentSplit => {
                let served = choice.served;
                write!(f, "{to} leads to {} at {}", served.agent.agent, served.pin)?;
            }
            Reason::SplitInactive(why) => write!(f, "split {} {}", split_id(choice), why.text())?,
            Reason::PrefixRoute(prefix) => write!(f, "{to} begins with {prefix}")?,
            Reason::DefaultRoute => write!(f, "nothing but the default route matches {to}")?,
            Reason::NoRoute => write!(f, "nobody serves {to}")?,
        }
        self.split(f, choice)
    }
}

/// What the sentence adds where nothing says where the version listens; else nothing.
#[derive(Debug)]
pub struct Targetless<'a>(pub &'a Served);

impl fmt::Display for Targetless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.endpoints().is_empty() {
            f.write_str("; it has no endpoints, so that there is no target")?;
        }
        Ok(())
    }
}

/// What the sentence says of a number that is pinned, after the number.
#[derive(Debug)]
pub struct IsPinned<'a>(pub &'a Served);

impl fmt::Display for IsPinned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " is pinned to {} at {}", self.0.agent.agent, self.0.pin)
    }
}

fn split_id<'t>(choice: &Choice<'t>) -> &'t str {
    choice.in_split.map_or("", |in_split| in_split.split.split.id.as_str())
}

impl Sentence<'_, '_> {
    fn split(&self, f: &mut fmt::Formatter<'_>, choice: &Choice<'_>) -> fmt::Result {
        let Some((in_split, arm)) = choice.in_split.and_then(|s| s.arm().map(|arm| (s, arm))) else {
            return Ok(());
        };
        match (self.decision.reason, in_split.slot) {
            (Reason::CallInProgress | Reason::Token, _) => {
                write!(f, "; split {}, arm {}", in_split.split.split.id, arm.id)
            }
            (Reason::SplitInactive(_), _) => write!(f, "; arm {} gets its calls", arm.id),
            (reason, Some(slot)) => {
                // Frequent, and piece by piece several times faster than by `write!`.
                let mut digits = itoa::Buffer::new();
                f.write_str(if matches!(reason, Reason::NumberSplit) {
                    " in split "
                } else {
                    ": in split "
                })?;
                f.write_str(in_split.split.split.id.as_str())?;
                f.write_str("; slot ")?;
                f.write_str(digits.format(slot))?;
                f.write_str(" belongs to ")?;
                f.write_str(arm.id.as_str())?;
                f.write_str(" (weight ")?;
                f.write_str(digits.format(arm.weight))?;
                f.write_str(")")
            }
            (_, None) => write!(f, "; arm {} of split {}", arm.id, in_split.split.split.id),
        }
    }
}
