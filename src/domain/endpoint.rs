//! Where calls are sent: URIs with placeholders, in order of priority.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::id::{AgentId, VersionNumber};

/// Longest endpoint URI as written, in bytes.
pub const URI_BYTES_MAX: usize = 2_000;
/// Highest priority and weight of an endpoint.
pub const RANK_MAX: u8 = 100;

/// Schemes of which the rest is an authority after `//`.
const NETWORK_SCHEMES: [&str; 4] = ["ws", "wss", "http", "https"];
/// Schemes followed directly by who is called.
const CALL_SCHEMES: [&str; 3] = ["sip", "sips", "tel"];
/// RFC 3986's unreserved characters stay as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One place a call can be sent to.
///
/// As JSON and TOML `{uri, priority, weight}`; without priority it is 0, without weight 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The URI, still with its placeholders.
    pub uri: EndpointTemplate,
    /// 0 is tried first; 0 to 100.
    #[serde(default, deserialize_with = "rank")]
    pub priority: u8,
    /// Share among those of equal priority; 0 to 100.
    #[serde(default = "one", deserialize_with = "rank")]
    pub weight: u8,
}

fn one() -> u8 {
    1
}

fn rank<'de, D: Deserializer<'de>>(d: D) -> Result<u8, D::Error> {
    let rank = u8::deserialize(d)?;
    if rank > RANK_MAX {
        return Err(D::Error::custom(format!("{rank} is above {RANK_MAX}")));
    }
    Ok(rank)
}

/// What the placeholders of an endpoint become for one call.
#[derive(Debug, Clone, Copy)]
pub struct Filling<'a> {
    /// For `{agent}`: the agent's id.
    pub agent: &'a str,
    /// For `{version}`: the bare number, or `draft`.
    pub version: Option<VersionNumber>,
    /// For `{arm}`: the arm's id; empty outside splits.
    pub arm: &'a str,
    /// For `{callId}`.
    pub call_id: &'a str,
}

/// A URI with the placeholders `{agent}`, `{version}`, `{arm}` and `{callId}`.
///
/// Its own text is made of the ASCII characters that RFC 3986 allows and values are percent-encoded when filled in,
/// so that what comes out holds no space, quote, angle bracket, control character or backslash whatever goes in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointTemplate(Box<[Segment]>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Segment {
    Text(Box<str>),
    Agent,
    Version,
    Arm,
    CallId,
}

impl Segment {
    const PLACEHOLDERS: [Self; 4] = [Self::Agent, Self::Version, Self::Arm, Self::CallId];

    fn source(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Agent => "{agent}",
            Self::Version => "{version}",
            Self::Arm => "{arm}",
            Self::CallId => "{callId}",
        }
    }

    fn render(&self, filling: &Filling<'_>, mut put: impl FnMut(&str)) {
        let value = match self {
            Self::Text(text) => return put(text),
            Self::Version => {
                return match filling.version {
                    Some(version) => put(itoa::Buffer::new().format(version.get())),
                    None => put("draft"),
                };
            }
            Self::Agent => filling.agent,
            Self::Arm => filling.arm,
            Self::CallId => filling.call_id,
        };
        utf8_percent_encode(value, ENCODED).for_each(put);
    }
}

impl EndpointTemplate {
    /// What [`EndpointTemplate::parse`] reads, for error texts.
    pub const EXPECTED: &'static str = "a sip, sips, tel, ws, wss, http or https URI of at most 2,000 bytes \
        with no placeholders but {agent}, {version}, {arm} and {callId}";

    /// Reads a URI with placeholders.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with its name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > URI_BYTES_MAX {
            return Err(format!("has {} bytes", text.len()));
        }
        check_scheme(text)?;
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, braced) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
            check_literal(literal)?;
            if !literal.is_empty() {
                segments.push(Segment::Text(literal.into()));
            }
            rest = braced;
            if !braced.is_empty() {
                let placeholder = Segment::PLACEHOLDERS.into_iter().find(|p| braced.starts_with(p.source()));
                let Some(placeholder) = placeholder else {
                    let shown: String = braced.chars().take(20).collect();
                    return Err(format!("has an unknown placeholder at {shown:?}"));
                };
                rest = braced.get(placeholder.source().len()..).unwrap_or_default();
                segments.push(placeholder);
            }
        }
        Ok(Self(segments.into()))
    }

    /// Whether it becomes the same for all calls that a version gets.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        !self.0.iter().any(|segment| matches!(segment, Segment::Arm | Segment::CallId))
    }

    /// The URI as all calls of a version have it: `{agent}` and `{version}` filled in, `{arm}` and `{callId}` as written.
    #[must_use]
    pub fn for_version(&self, agent: &AgentId, version: Option<VersionNumber>) -> String {
        let mut uri = String::new();
        let filling = Filling { agent: agent.as_str(), version, arm: "", call_id: "" };
        for segment in &self.0 {
            match segment {
                Segment::Arm | Segment::CallId => uri.push_str(segment.source()),
                same => same.render(&filling, |piece| uri.push_str(piece)),
            }
        }
        uri
    }

    /// Hands the URI for one call to `put`, piece by piece and without allocation.
    ///
    /// Every piece is ASCII.
    pub fn render(&self, filling: &Filling<'_>, mut put: impl FnMut(&str)) {
        self.0.iter().for_each(|segment| segment.render(filling, &mut put));
    }
}

fn check_scheme(text: &str) -> Result<(), String> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err("has no scheme".to_owned());
    };
    let is = |known: &&str| scheme.eq_ignore_ascii_case(known);
    if CALL_SCHEMES.iter().any(is) {
        return if rest.is_empty() { Err("ends after its scheme".to_owned()) } else { Ok(()) };
    }
    if !NETWORK_SCHEMES.iter().any(is) {
        let shown: String = scheme.chars().take(20).collect();
        return Err(format!("has the scheme {shown:?}"));
    }
    match rest.strip_prefix("//") {
        Some(host) if !host.is_empty() && !host.starts_with(['/', '?', '#']) => Ok(()),
        _ => Err("names no host".to_owned()),
    }
}

fn check_literal(text: &str) -> Result<(), String> {
    if let Some(wrong) =
        text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(*c)))
    {
        return Err(format!("contains {wrong:?}"));
    }
    let escape = |after: &str| {
        let mut digits = after.chars();
        (0..2).all(|_| digits.next().is_some_and(|c| c.is_ascii_hexdigit()))
    };
    if !text.split('%').skip(1).all(escape) {
        return Err("has a % that is not followed by two hex digits".to_owned());
    }
    Ok(())
}

impl fmt::Display for EndpointTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| f.write_str(segment.source()))
    }
}

impl Serialize for EndpointTemplate {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EndpointTemplate {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text)
            .map_err(|why| D::Error::custom(format!("the URI {why}: expected {}", Self::EXPECTED)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(template: &str, filling: &Filling<'_>) -> String {
        let mut out = String::new();
        EndpointTemplate::parse(template).unwrap().render(filling, |piece| out.push_str(piece));
        out
    }

    const CALL: Filling<'_> = Filling { agent: "sales", version: None, arm: "", call_id: "a@b c/ü" };

    #[test]
    fn placeholders_become_values_and_values_are_percent_encoded() {
        let third = Filling { version: VersionNumber::new(3), arm: "test", ..CALL };
        assert_eq!(rendered("sip:{agent}.v{version}@10.0.0.1:5060", &third), "sip:sales.v3@10.0.0.1:5060");
        assert_eq!(
            rendered("wss://h/{arm}/{callId}?v={version}", &third),
            "wss://h/test/a%40b%20c%2F%C3%BC?v=3"
        );
        assert_eq!(rendered("sip:{agent}-{version}@h;a={arm}", &CALL), "sip:sales-draft@h;a=");
    }

    #[test]
    fn only_known_schemes_and_placeholders_and_uri_characters_are_read() {
        for good in
            ["sip:a@h", "SIPS:a@[::1]:5061;transport=tls", "tel:+14155550100", "https://h/%7Bx%7D", "ws://h"]
        {
            assert!(EndpointTemplate::parse(good).is_ok(), "{good}");
        }
        let long = format!("sip:{}@h", "a".repeat(URI_BYTES_MAX));
        for bad in [
            "",
            "h:5060",
            "10.0.0.1",
            "ftp://h",
            "mailto:a@h",
            "sip:",
            "http:h",
            "https:///path",
            "http://",
            "{agent}:x",
            "sip:{caller}@h",
            "sip:{agent@h",
            "sip:agent}@h",
            "sip:{}@h",
            "sip:a b@h",
            "sip:a@h\r\nX: y",
            "sip:a\"@h",
            "sip:<a>@h",
            "sip:a\\@h",
            "sip:ä@h",
            "sip:a%2@h",
            "sip:a%",
            "sip:\u{7f}@h",
            &long,
        ] {
            assert!(EndpointTemplate::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_without_priority_and_weight_has_0_and_1() {
        let read = |text: &str| serde_json::from_str::<Endpoint>(text);
        let endpoint = read(r#"{"uri":"sip:a@h"}"#).unwrap();
        assert_eq!((endpoint.priority, endpoint.weight), (0, 1));
        assert!(read(r#"{"uri":"sip:a@h","priority":101}"#).is_err());
        assert!(read(r#"{"uri":"sip:a@h","wait":1}"#).is_err());
    }

    proptest! {
        #[test]
        fn what_was_parsed_shows_as_it_was_written(text in "sip:([a-z%{}]|\\{agent\\}|\\{version\\}|%20){0,12}@h") {
            if let Ok(template) = EndpointTemplate::parse(&text) {
                prop_assert_eq!(template.to_string(), text);
            }
        }

        #[test]
        fn no_value_gets_a_reserved_character_out(agent in any::<String>(), arm in any::<String>(), id in any::<String>()) {
            let filling = Filling { agent: &agent, version: None, arm: &arm, call_id: &id };
            let uri = rendered("sip:{agent}{arm}{callId}", &filling);
            prop_assert!(uri[4..].chars().all(|c| c.is_ascii_alphanumeric() || "-._~%".contains(c)), "{uri}");
        }
    }
}
