//! Where calls go that what their route leads to cannot take.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::address::Number;
use super::endpoint::EndpointTemplate;

/// A target, or a number whose route is followed instead. As text its URI, or the number.
///
/// What stands in braces in a target is filled in as for the version that would have served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fallback {
    /// Calls are sent there.
    Target(Arc<EndpointTemplate>),
    /// The own route of this number decides; its fallback is not looked at, so that nothing goes in circles.
    Number(Number),
}

impl Fallback {
    /// What [`Fallback::parse`] reads, for error texts.
    pub const EXPECTED: &'static str = "a sip, sips, tel, ws, wss, http or https URI, in which braces hold nothing but \
        {agent}, {version}, {arm} or {callId}; + and 7 to 15 digits; or a SIP user";

    /// Reads a URI, which has a colon, or a number, which has none.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with its name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains(':') {
            return EndpointTemplate::parse(text).map(|uri| Self::Target(Arc::new(uri)));
        }
        Number::parse(text).map(Self::Number).map_err(|why| why.to_string())
    }

    /// The number, where it is one.
    #[must_use]
    pub fn number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            Self::Target(_) => None,
        }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(uri) => uri.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl Serialize for Fallback {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(|why| D::Error::custom(format!("{why}: expected {}", Self::EXPECTED)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_has_a_colon_is_a_target_and_everything_else_a_number() {
        for target in ["sip:desk@10.0.0.9:5060", "tel:+14155550100", "https://h/{agent}"] {
            assert!(matches!(Fallback::parse(target), Ok(Fallback::Target(_))), "{target}");
        }
        for number in ["+14155550100", "reception", "100"] {
            assert!(matches!(Fallback::parse(number), Ok(Fallback::Number(_))), "{number}");
        }
        for neither in
            ["", "+1", "ftp://h", "sip:", "sip:{caller}@h", "+1415abc", "a b", "{agent}", "a@h", "sip:a b@h"]
        {
            assert!(Fallback::parse(neither).is_err(), "{neither}");
        }
    }

    proptest! {
        #[test]
        fn a_fallback_reads_back_as_it_is_shown(text in "(sip:|tel:)?[+a-z0-9%:@{}]{0,12}") {
            if let Ok(fallback) = Fallback::parse(&text) {
                prop_assert_eq!(Fallback::parse(&fallback.to_string()), Ok(fallback));
            }
        }
    }
}
