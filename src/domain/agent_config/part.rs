//! The parts of a configuration, as types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::id::SiteVariantId;

/// What the agent is told to be and to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Instructions {
    /// The prompt of the model.
    pub system_prompt: String,
    /// The first thing a caller hears.
    pub welcome_message: String,
    /// How it behaves, in the words of its designer.
    pub behavior: String,
}

/// Something the agent must not say or do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guardrail {
    /// Unique in its list.
    pub id: String,
    /// For people.
    pub name: String,
    /// What is forbidden.
    pub rule: String,
    /// What happens when it is about to be broken.
    pub action: GuardrailAction,
}

/// What a guardrail does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuardrailAction {
    /// The answer is not given.
    Block,
    /// The answer is given and marked.
    Warn,
    /// A person takes over.
    Handoff,
}

/// The language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Llm {
    /// Who runs it.
    pub provider: String,
    /// Its name there.
    pub model: String,
    /// 0 to 2.
    pub temperature: f64,
    /// Most tokens of one answer.
    pub max_tokens: u32,
}

/// What speaks and what listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Voice {
    /// The voice at the provider of speech.
    pub tts_voice_id: String,
    /// Who turns speech into text.
    pub stt_provider: String,
    /// A language tag (BCP 47).
    pub language: String,
}

/// Who speaks when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Turn {
    /// When somebody is held to be speaking.
    pub vad: Vad,
    /// Whether callers can interrupt.
    pub interruption: Interruption,
    /// Silence after which the agent takes the turn.
    pub silence_timeout_ms: u32,
    /// What happens when the caller says nothing for long.
    pub inactivity: Inactivity,
}

/// Voice activity detection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vad {
    /// 0 to 1.
    pub threshold: f64,
    /// Speech shorter than this is noise.
    pub min_speech_ms: u32,
    /// Silence shorter than this is a breath.
    pub min_silence_ms: u32,
}

/// Whether callers can interrupt the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interruption {
    /// Whether they can at all.
    pub enabled: bool,
    /// How many words it takes.
    pub min_words: u32,
}

/// What happens when the caller says nothing for long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inactivity {
    /// How long is long.
    pub timeout_ms: u32,
    /// What the agent says then.
    pub message: String,
    /// How often it says it before it hangs up.
    pub max_prompts: u32,
}

/// What is heard behind the agent's voice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackgroundSound {
    /// Which sound.
    pub kind: Sound,
    /// Where it is, for a sound of one's own; https.
    pub url: String,
    /// 0 to 1.
    pub volume: f64,
}

/// A background sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sound {
    /// Silence.
    None,
    /// Keyboards and murmur.
    Office,
    /// Cups and murmur.
    Cafe,
    /// Traffic.
    Street,
    /// A sound of one's own.
    Url,
}

/// A knowledge base the agent looks things up in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnowledgeBase {
    /// Unique in its list.
    pub id: String,
    /// How it is searched.
    pub retrieval: Retrieval,
}

/// How a knowledge base is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retrieval {
    /// By what.
    pub mode: RetrievalMode,
    /// How many finds are used.
    pub top_k: u32,
    /// Finds below this are not used; 0 to 1.
    pub min_score: f64,
}

/// By what a knowledge base is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RetrievalMode {
    /// By meaning.
    Semantic,
    /// By words.
    Keyword,
    /// By both.
    Hybrid,
}

/// Something the agent knows about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Topic {
    /// Unique in its list.
    pub id: String,
    /// For people; unique in its list.
    pub name: String,
    /// What it knows.
    pub content: String,
    /// What it does about it.
    pub actions: String,
    /// How callers ask.
    pub example_queries: Vec<String>,
    /// Whether it is used.
    pub is_active: bool,
}

/// Something the agent can call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tool {
    /// Unique in its list.
    pub id: String,
    /// For people and for the model.
    pub name: String,
    /// What kind of tool the runtime should make of it.
    pub kind: String,
    /// Its settings; credentials only as `{"secret": "name"}`.
    pub config: Map<String, Value>,
}

/// What is read out of a finished call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallAnalysis {
    /// How to read it.
    pub prompt: String,
    /// What to find.
    pub fields: Vec<AnalysisField>,
}

/// One thing to find in a finished call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnalysisField {
    /// Unique in its list.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// What it means.
    pub description: String,
    /// What it can be, for an enum.
    #[serde(rename = "enum")]
    pub choices: Vec<String>,
}

/// What a field of a call's analysis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// One of a few words.
    Enum,
}

/// Something that differs between the sites of a chain: address, opening hours …
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SiteAttribute {
    /// Unique in its list.
    pub id: String,
    /// The name under which the runtime gets the value; unique in its list.
    pub name: String,
}

/// One site of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SiteVariant {
    /// Unique in its list.
    pub id: SiteVariantId,
    /// For people; unique in its list.
    pub name: String,
    /// Whether calls that name no site are for this one. Exactly one is, where there are any: the first, unless told.
    pub is_default: bool,
    /// Text by id of the attribute.
    pub values: BTreeMap<String, String>,
}
