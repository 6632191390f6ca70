//! Why a call was decided as it was, kept with it.

use super::{KeptDetour, Leg};
use crate::domain::address::{Number, Prefix};
use crate::domain::split::Inactive;
use crate::routing::decision::{Decision, Reason};

/// A [`Reason`] in a few bytes: what its sentence names besides is kept with the call anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptReason {
    /// [`Reason::Token`]
    Token,
    /// [`Reason::Override`]
    Override,
    /// [`Reason::CallerPin`]
    CallerPin,
    /// [`Reason::HeaderRule`], by its place.
    HeaderRule(u8),
    /// [`Reason::NumberPin`]
    NumberPin,
    /// [`Reason::NumberSplit`]
    NumberSplit,
    /// [`Reason::EnvironmentSplit`]
    EnvironmentSplit,
    /// [`Reason::SplitInactive`]
    SplitInactive(Inactive),
    /// [`Reason::PrefixRoute`], by its digits.
    PrefixRoute(u8),
    /// [`Reason::DefaultRoute`]
    DefaultRoute,
}

impl KeptReason {
    /// Why a decision was made; nothing where it only repeats another, or nobody serves.
    #[must_use]
    pub fn of(reason: &Reason<'_>) -> Option<Self> {
        Some(match reason {
            Reason::CallInProgress | Reason::NoRoute => return None,
            Reason::Token => Self::Token,
            Reason::Override => Self::Override,
            Reason::CallerPin => Self::CallerPin,
            Reason::HeaderRule(at, _) => Self::HeaderRule(u8::try_from(*at).unwrap_or(u8::MAX)),
            Reason::NumberPin => Self::NumberPin,
            Reason::NumberSplit => Self::NumberSplit,
            Reason::EnvironmentSplit => Self::EnvironmentSplit,
            Reason::SplitInactive(why) => Self::SplitInactive(*why),
            Reason::PrefixRoute(prefix) => {
                Self::PrefixRoute(u8::try_from(prefix.digits()).unwrap_or(u8::MAX))
            }
            Reason::DefaultRoute => Self::DefaultRoute,
        })
    }
}

impl Leg {
    /// The decision as it was made.
    #[must_use]
    pub fn decision(&self) -> Decision<'_> {
        let detour = self.kept.detour.as_deref().map(KeptDetour::detour);
        Decision { moved: self.kept.moved, detour, ..self.kept.decision(self.reason()) }
    }

    /// Why it was decided as it was.
    #[must_use]
    pub fn reason(&self) -> Reason<'_> {
        match self.kept.reason {
            KeptReason::Token => Reason::Token,
            KeptReason::Override => Reason::Override,
            KeptReason::CallerPin => Reason::CallerPin,
            KeptReason::HeaderRule(at) => {
                let rules = self.kept.route.as_ref().map(|route| &route.rules);
                let rule = rules.and_then(|rules| rules.get(usize::from(at)));
                Reason::HeaderRule(at.into(), rule.map_or("", |rule| &rule.header))
            }
            KeptReason::NumberPin => Reason::NumberPin,
            KeptReason::NumberSplit => Reason::NumberSplit,
            KeptReason::EnvironmentSplit => Reason::EnvironmentSplit,
            KeptReason::SplitInactive(why) => Reason::SplitInactive(why),
            KeptReason::PrefixRoute(digits) => {
                let prefix = match self.to {
                    Number::E164(number) => Prefix::of(number, digits.into()),
                    Number::User(_) => None,
                };
                // A prefix led here: the number has as many digits.
                prefix.map_or(Reason::CallInProgress, Reason::PrefixRoute)
            }
            KeptReason::DefaultRoute => Reason::DefaultRoute,
        }
    }
}
