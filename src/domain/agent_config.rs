//! The agent configuration: the typed document that a version holds.
//!
//! It is written as JSON or as TOML with the very same keys. Reading reports all faults at once; what was read is
//! complete (every absent key has its default) and within its limits. Equal content has an equal hash, however it
//! was written.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use toml::de::DeTable;

mod canonical;
mod compare;
mod credential;
mod dispatch;
mod fault;
mod language;
mod merge;
mod nearest;
mod node;
mod part;
mod read;
mod relation;
mod revert;
mod rule;
mod schema;
mod section;

pub use compare::{KeyChange, Path, Step};
pub use dispatch::{Dispatch, Site, Sites};
pub use fault::{ConfigFault, FAULTS_MAX};
pub use language::is_well_formed as is_language_tag;
pub use merge::{Conflict, ConflictKind, Merge, Resolution, Sides, Takes};
pub use part::{
    AnalysisField, BackgroundSound, CallAnalysis, FieldType, Guardrail, GuardrailAction, Inactivity,
    Instructions, Interruption, KnowledgeBase, Llm, Retrieval, RetrievalMode, SiteAttribute, SiteVariant,
    Sound, Tool, Topic, Turn, Vad, Voice,
};
pub use revert::{KeyRevert, Revert};
pub use section::{Section, section_of};

use crate::domain::endpoint::Endpoint;
use crate::domain::id::ConfigHash;
use fault::Faults;
use node::{LEVELS_MAX, NOWHERE, Node};
use read::Reader;
use schema::{DOCUMENT, ENDPOINTS, Kind};

/// Largest configuration in its canonical form, in bytes.
pub const CONFIG_BYTES_MAX: usize = 4 << 20;
/// Largest text that is read, in bytes: as much again for indentation and for defaults that are written out.
pub const SOURCE_BYTES_MAX: usize = 2 * CONFIG_BYTES_MAX;

const ROOT: Kind = Kind::Object(DOCUMENT);

/// The whole configuration of an agent.
///
/// Made by reading only, so that its limits hold: to change it, change its JSON and read that.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AgentConfig {
    /// What the agent is called; never empty.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it is told to be and to say.
    pub instructions: Instructions,
    /// What it must not say or do.
    pub guardrails: Vec<Guardrail>,
    /// The language model.
    pub llm: Llm,
    /// What speaks and what listens.
    pub voice: Voice,
    /// Who speaks when.
    pub turn: Turn,
    /// What is heard behind its voice.
    pub background_sound: BackgroundSound,
    /// Where it looks things up.
    pub knowledge_bases: Vec<KnowledgeBase>,
    /// What it knows about.
    pub topics: Vec<Topic>,
    /// What it can call.
    pub tools: Vec<Tool>,
    /// What is read out of a finished call.
    pub call_analysis: CallAnalysis,
    /// The flow of a conversation, as its runtime understands it.
    pub workflow: Option<Map<String, Value>>,
    /// What differs between the sites of a chain.
    pub site_attributes: Vec<SiteAttribute>,
    /// The sites of a chain; exactly one is the default, where there are any.
    pub site_variants: Vec<SiteVariant>,
    /// Headers that go along with every call.
    pub sip_headers: BTreeMap<String, String>,
    /// Where calls are sent unless the agent or its environment says otherwise.
    pub endpoints: Vec<Endpoint>,
    /// Whatever has no key of its own yet.
    pub experimental: Option<Map<String, Value>>,
}

impl AgentConfig {
    /// Reads a configuration written as JSON.
    ///
    /// # Errors
    /// All faults, up to [`FAULTS_MAX`]; line and column only for what is no JSON.
    pub fn from_json(source: &[u8]) -> Result<Self, Vec<ConfigFault>> {
        check_size(source.len())?;
        let root = serde_json::from_slice(source).map_err(|why| vec![not_json(&why)])?;
        Self::read(&root, "", false)
    }

    /// Reads a configuration that was taken in before, as JSON: what looks like a credential by now did not then.
    ///
    /// # Errors
    /// As [`AgentConfig::from_json`].
    pub fn from_stored(source: &[u8]) -> Result<Self, Vec<ConfigFault>> {
        check_size(source.len())?;
        let root = serde_json::from_slice(source).map_err(|why| vec![not_json(&why)])?;
        Self::read(&root, "", true)
    }

    /// Reads a configuration that is JSON already.
    ///
    /// # Errors
    /// All faults, up to [`FAULTS_MAX`].
    pub fn from_value(value: &Value) -> Result<Self, Vec<ConfigFault>> {
        let root = Node::deserialize(value).map_err(|why| vec![not_json(&why)])?;
        Self::read(&root, "", false)
    }

    /// Reads a configuration written as TOML.
    ///
    /// # Errors
    /// All faults with line and column, up to [`FAULTS_MAX`].
    pub fn from_toml(source: &str) -> Result<Self, Vec<ConfigFault>> {
        check_size(source.len())?;
        let (table, errors) = DeTable::parse_recoverable(source);
        let mut faults = Faults::new(source);
        for error in errors.iter().take(FAULTS_MAX) {
            let at = error.span().map_or(NOWHERE, |span| span.start);
            faults.add(at, format!("is no TOML: {}", error.message()), "TOML");
        }
        faults.into_result()?;
        let at = table.span().start;
        Self::read(&Node::from_toml(table.into_inner(), at, LEVELS_MAX), source, false)
    }

    /// The configuration of which nothing is said but this one's name.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a name that was read is read again, and no other key is required"
    )]
    pub fn name_alone(&self) -> Self {
        Self::from_value(&json!({"name": self.name})).expect("a name is a configuration")
    }

    /// The whole document with every key written out.
    #[must_use]
    #[expect(clippy::expect_used, reason = "all keys are texts, and no part has a way to fail")]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a configuration is always JSON")
    }

    /// The document without the keys that have their default.
    #[must_use]
    pub fn to_sparse_json(&self) -> Value {
        canonical::sparse(&ROOT, self.to_json()).unwrap_or_default()
    }

    /// The form that is stored and hashed: [`AgentConfig::to_sparse_json`] by RFC 8785.
    #[must_use]
    pub fn canonical_json(&self) -> Vec<u8> {
        canonical::json(&self.to_sparse_json())
    }

    /// The first 128 bits of SHA-256 over the canonical form. Costs writing the whole document.
    #[must_use]
    pub fn hash(&self) -> ConfigHash {
        hash_of(&self.canonical_json())
    }

    fn read(root: &Node, source: &str, stored: bool) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Faults::new(source);
        let value = Reader::new(&mut faults, stored).value(&ROOT, root);
        relation::check(root, &mut faults);
        faults.into_result()?;
        let mut config = Self::from_complete(value).map_err(|why| vec![not_json(&why)])?;
        if config.site_variants.iter().all(|variant| !variant.is_default)
            && let Some(first) = config.site_variants.first_mut()
        {
            first.is_default = true;
        }
        let bytes = config.canonical_json().len();
        if bytes > CONFIG_BYTES_MAX {
            return Err(vec![too_large(bytes, CONFIG_BYTES_MAX)]);
        }
        Ok(config)
    }

    /// The document as types, from a value that has been checked and has every key.
    fn from_complete(mut value: Value) -> Result<Self, serde_json::Error> {
        Ok(Self {
            name: take(&mut value, "name")?,
            description: take(&mut value, "description")?,
            instructions: take(&mut value, "instructions")?,
            guardrails: take(&mut value, "guardrails")?,
            llm: take(&mut value, "llm")?,
            voice: take(&mut value, "voice")?,
            turn: take(&mut value, "turn")?,
            background_sound: take(&mut value, "backgroundSound")?,
            knowledge_bases: take(&mut value, "knowledgeBases")?,
            topics: take(&mut value, "topics")?,
            tools: take(&mut value, "tools")?,
            call_analysis: take(&mut value, "callAnalysis")?,
            workflow: take(&mut value, "workflow")?,
            site_attributes: take(&mut value, "siteAttributes")?,
            site_variants: take(&mut value, "siteVariants")?,
            sip_headers: take(&mut value, "sipHeaders")?,
            endpoints: take(&mut value, "endpoints")?,
            experimental: take(&mut value, "experimental")?,
        })
    }
}

impl<'de> Deserialize<'de> for AgentConfig {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let first = |faults: Vec<ConfigFault>| faults.first().map(ToString::to_string).unwrap_or_default();
        Self::read(&Node::deserialize(d)?, "", false).map_err(|faults| D::Error::custom(first(faults)))
    }
}

/// The hash of a configuration that is stored in its canonical form.
#[must_use]
pub fn hash_of(canonical_json: &[u8]) -> ConfigHash {
    let digest: [u8; 32] = Sha256::digest(canonical_json).into();
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(digest) {
        *to = from;
    }
    ConfigHash(first)
}

/// Reads a list of endpoints on its own, as an agent and its environments have one.
///
/// # Errors
/// All faults, with paths such as `endpoints[0].uri`.
pub fn endpoints_from_value(value: &Value) -> Result<Vec<Endpoint>, Vec<ConfigFault>> {
    let node = Node::deserialize(value).map_err(|why| vec![not_json(&why)])?;
    let mut faults = Faults::new("");
    faults.enter_key("endpoints");
    let value = Reader::new(&mut faults, false).value(&ENDPOINTS, &node);
    faults.into_result()?;
    serde_json::from_value(value).map_err(|why| vec![not_json(&why)])
}

fn take<T: DeserializeOwned>(value: &mut Value, name: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(value.get_mut(name).map(Value::take).unwrap_or_default())
}

fn check_size(bytes: usize) -> Result<(), Vec<ConfigFault>> {
    if bytes > SOURCE_BYTES_MAX { Err(vec![too_large(bytes, SOURCE_BYTES_MAX)]) } else { Ok(()) }
}

fn too_large(bytes: usize, bytes_max: usize) -> ConfigFault {
    document_fault(format!("has {bytes} bytes"), format!("at most {bytes_max} bytes"))
}

fn not_json(why: &serde_json::Error) -> ConfigFault {
    let text = why.to_string();
    // The place has fields of its own.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let place = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    ConfigFault {
        line: place(why.line()),
        column: place(why.column()),
        ..document_fault(format!("is no JSON: {text}"), "JSON".to_owned())
    }
}

fn document_fault(message: String, expected: String) -> ConfigFault {
    ConfigFault { path: String::new(), line: 0, column: 0, message, expected }
}

#[cfg(test)]
mod tests;
