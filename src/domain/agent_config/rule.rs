//! What a text must be beyond its length.

use super::language;
use crate::domain::endpoint::EndpointTemplate;
use crate::domain::id::SiteVariantId;
use crate::domain::reserved::{RESERVED_HEADER, is_reserved_header};

/// A law about one text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Any characters, any number of lines.
    Any,
    /// No control characters: it is shown in lists and goes into headers.
    Line,
    /// A well-formed language tag.
    Language,
    /// Empty, or an address of the web with TLS.
    SecureUrl,
    /// The id of a site variant.
    SiteVariantId,
    /// A URI with placeholders.
    Endpoint,
    /// The name of a SIP or HTTP header.
    HeaderName,
    /// What may follow it.
    HeaderValue,
}

impl Rule {
    /// What would have been right, where the rule says more than the length.
    pub fn expected(self) -> Option<&'static str> {
        match self {
            Self::Any | Self::Line => None,
            Self::Language => Some("a language tag (BCP 47) such as en-GB"),
            Self::SecureUrl => Some("a URL that begins with https:// and names a host"),
            Self::SiteVariantId => Some("1 to 100 visible ASCII characters"),
            Self::Endpoint => Some(EndpointTemplate::EXPECTED),
            Self::HeaderName => {
                Some("a header name that is not reserved: 2 to 100 letters, digits or !#$%&'*+-.^_`|~")
            }
            Self::HeaderValue => Some("text without control characters"),
        }
    }

    /// Checks a text.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence that begins with the key.
    pub fn check(self, text: &str) -> Result<(), String> {
        let or = |ok: bool, message: &str| if ok { Ok(()) } else { Err(message.to_owned()) };
        match self {
            Self::Any => Ok(()),
            Self::Line | Self::HeaderValue => match text.chars().find(|c| c.is_control()) {
                Some(control) => Err(format!("contains the control character {control:?}")),
                None => Ok(()),
            },
            Self::Language => or(language::is_well_formed(text), "is no language tag"),
            Self::SecureUrl => or(is_secure_url(text), "is no https URL"),
            Self::SiteVariantId => or(SiteVariantId::parse(text).is_ok(), "is no id of a site variant"),
            Self::Endpoint => EndpointTemplate::parse(text).map(drop),
            Self::HeaderName if is_reserved_header(text) => Err(RESERVED_HEADER.to_owned()),
            Self::HeaderName => or(is_header_name(text), "is no header name"),
        }
    }
}

fn is_secure_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else {
        return text.is_empty();
    };
    !rest.starts_with(['/', '?', '#']) && !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_graphic())
}

fn is_header_name(text: &str) -> bool {
    let token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    (1..=100).contains(&text.len()) && text.bytes().all(token)
}
