//! Connectors: what the numbers of an agent share.

use serde::{Deserialize, Serialize};

use super::id::{ConnectorId, Environment, SiteVariantId};

/// Most connectors of an agent.
pub const CONNECTORS_MAX: usize = 1_000;

/// The environment, site variant, language and voice that numbers of an agent share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connector {
    /// Its id.
    pub id: ConnectorId,
    /// A name for people.
    pub name: String,
    /// What its numbers are pinned to.
    pub environment: Environment,
    /// The site of its numbers that name none themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_variant: Option<SiteVariantId>,
    /// The language that is listened for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asr_language: Option<String>,
    /// The language that is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tts_language: Option<String>,
    /// The voice that speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_name: Option<String>,
    /// Whether its calls are never handed to a person.
    #[serde(default)]
    pub disable_handoff: bool,
}

impl Connector {
    /// One of which nothing is said but what its numbers are pinned to.
    #[must_use]
    pub fn new(id: ConnectorId, environment: Environment) -> Self {
        Self {
            id,
            name: environment.as_str().to_owned(),
            environment,
            site_variant: None,
            asr_language: None,
            tts_language: None,
            voice_name: None,
            disable_handoff: false,
        }
    }
}
