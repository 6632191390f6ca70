//! Connectors: what the numbers of an agent share.

use serde::{Deserialize, Serialize};

use super::agent_config::is_language_tag;
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

/// Longest name of a connector and of its voice, in characters.
pub const CONNECTOR_CHARS_MAX: usize = 200;

impl Connector {
    /// What of it no connector may say, by the name of its key.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Self {
            id: _,
            name,
            environment: _,
            site_variant: _,
            asr_language,
            tts_language,
            voice_name,
            disable_handoff: _,
        } = self;
        let is_text = |text: &String| (1..=CONNECTOR_CHARS_MAX).contains(&text.chars().count());
        let of_text = |(key, text): (&'static str, Option<&String>)| {
            let expected = || (key, format!("expected 1 to {CONNECTOR_CHARS_MAX} characters"));
            text.filter(|text| !is_text(text)).map(|_| expected())
        };
        let of_language = |(key, tag): (&'static str, &Option<String>)| {
            let expected = || (key, "expected a language by BCP 47 such as en-GB".to_owned());
            tag.as_ref().filter(|tag| !is_language_tag(tag)).map(|_| expected())
        };
        let texts = [("name", Some(name)), ("voiceName", voice_name.as_ref())].map(of_text);
        let languages = [("asrLanguage", asr_language), ("ttsLanguage", tts_language)].map(of_language);
        texts.into_iter().chain(languages).flatten()
    }

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
