//! The table of keys: every key once, with its type, limits, default and section.
//!
//! Reading, defaults, the canonical form and the look-up of sections all follow it, so a new key is one row here and
//! one field in the typed document.

use serde_json::{Value, json};

use super::rule::Rule;
use super::section::Section;
use crate::domain::endpoint::{RANK_MAX, URI_BYTES_MAX};

/// One key of an object.
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// Set at the top level, where it holds for everything below.
    pub section: Option<Section>,
}

/// What a key holds, within which limits, and what it is when absent.
pub enum Kind {
    /// Text; required when it has no preset.
    Text { min: usize, max: Length, rule: Rule, preset: Option<&'static str> },
    /// One of a few words; required when it has no preset.
    Choice { of: &'static [&'static str], preset: Option<&'static str> },
    /// A finite number.
    Number { min: f64, max: f64, preset: f64 },
    /// A number without a fraction.
    Whole { min: u32, max: u32, preset: u32 },
    /// Yes or no.
    Flag(bool),
    /// Known keys and no others.
    Object(&'static [Key]),
    /// A list of objects, in which the `unique` keys may not repeat.
    Items { keys: &'static [Key], max: usize, unique: &'static [&'static str] },
    /// A list of texts.
    Texts { max: usize, each: usize },
    /// Names that the operator chooses, with texts.
    Map { max: usize, name: Rule, value: Rule, each: usize },
    /// An object that Cordboard hands on without looking into it. When `null` is allowed, it is the default.
    Free { bytes_max: usize, null: bool, credentials: bool },
}

/// How long a text may be.
#[derive(Clone, Copy)]
pub enum Length {
    Chars(usize),
    Bytes(usize),
}

use Length::{Bytes, Chars};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Longest id and name within a list, in characters.
const ID: usize = 100;
const NAME: usize = 200;
/// Longest message that is spoken, in characters.
const SPOKEN: usize = 10_000;
/// Ten minutes.
const WAIT_MS: u32 = 600_000;

/// The whole document.
pub const DOCUMENT: &[Key] = &[
    top("name", Section::AgentSettings, line(100)),
    top("description", Section::AgentSettings, text(Chars(2_000))),
    top("instructions", Section::Instructions, Kind::Object(INSTRUCTIONS)),
    top("guardrails", Section::Guardrails, list(GUARDRAIL, 200)),
    top("llm", Section::AgentSettings, Kind::Object(LLM)),
    top("voice", Section::AgentSettings, Kind::Object(VOICE)),
    top("turn", Section::AgentSettings, Kind::Object(TURN)),
    top("backgroundSound", Section::AgentSettings, Kind::Object(BACKGROUND_SOUND)),
    top("knowledgeBases", Section::KnowledgeSources, list(KNOWLEDGE_BASE, 100)),
    top("topics", Section::KnowledgeSources, named_list(TOPIC, 2_000)),
    top("tools", Section::Tools, list(TOOL, 200)),
    top("callAnalysis", Section::CallAnalysis, Kind::Object(CALL_ANALYSIS)),
    top("workflow", Section::Workflow, free(MIB)),
    // Values reach the runtime by attribute name, so these must differ as well.
    top("siteAttributes", Section::SiteVariants, named_list(SITE_ATTRIBUTE, 50)),
    top("siteVariants", Section::SiteVariants, named_list(SITE_VARIANT, 1_000)),
    top("sipHeaders", Section::Telephony, SIP_HEADERS),
    top("endpoints", Section::Telephony, ENDPOINTS),
    top("experimental", Section::Experimental, free(256 * KIB)),
];

/// Where calls are sent: also what an agent and its environments have of their own.
pub const ENDPOINTS: Kind = Kind::Items { keys: ENDPOINT, max: 16, unique: &[] };

const SIP_HEADERS: Kind =
    Kind::Map { max: 50, name: Rule::HeaderName, value: Rule::HeaderValue, each: 2_000 };

const INSTRUCTIONS: &[Key] = &[
    key("systemPrompt", text(Bytes(MIB))),
    key("welcomeMessage", text(Chars(SPOKEN))),
    key("behavior", text(Bytes(MIB))),
];

const GUARDRAIL: &[Key] = &[
    key("id", line(ID)),
    key("name", line(NAME)),
    key("rule", text(Chars(SPOKEN))),
    key("action", choice(&["block", "warn", "handoff"])),
];

const LLM: &[Key] = &[
    key("provider", text(Chars(100))),
    key("model", text(Chars(100))),
    key("temperature", number(0.0, 2.0, 0.7)),
    key("maxTokens", whole(1, 1_000_000, 1_024)),
];

const VOICE: &[Key] = &[
    key("ttsVoiceId", text(Chars(200))),
    key("sttProvider", text(Chars(100))),
    key("language", Kind::Text { min: 0, max: Chars(100), rule: Rule::Language, preset: Some("en-GB") }),
];

const TURN: &[Key] = &[
    key("vad", Kind::Object(VAD)),
    key("interruption", Kind::Object(INTERRUPTION)),
    key("silenceTimeoutMs", whole(0, WAIT_MS, 10_000)),
    key("inactivity", Kind::Object(INACTIVITY)),
];

const VAD: &[Key] = &[
    key("threshold", number(0.0, 1.0, 0.5)),
    key("minSpeechMs", whole(0, 10_000, 100)),
    key("minSilenceMs", whole(0, 10_000, 500)),
];

const INTERRUPTION: &[Key] = &[key("enabled", Kind::Flag(true)), key("minWords", whole(0, 20, 1))];

const INACTIVITY: &[Key] = &[
    key("timeoutMs", whole(0, WAIT_MS, 30_000)),
    key("message", text(Chars(SPOKEN))),
    key("maxPrompts", whole(0, 10, 2)),
];

const BACKGROUND_SOUND: &[Key] = &[
    key("kind", Kind::Choice { of: &["none", "office", "cafe", "street", "url"], preset: Some("none") }),
    key("url", Kind::Text { min: 0, max: Chars(2_000), rule: Rule::SecureUrl, preset: Some("") }),
    key("volume", number(0.0, 1.0, 0.2)),
];

const KNOWLEDGE_BASE: &[Key] = &[key("id", line(ID)), key("retrieval", Kind::Object(RETRIEVAL))];

const RETRIEVAL: &[Key] = &[
    key("mode", Kind::Choice { of: &["semantic", "keyword", "hybrid"], preset: Some("semantic") }),
    key("topK", whole(1, 100, 5)),
    key("minScore", number(0.0, 1.0, 0.0)),
];

const TOPIC: &[Key] = &[
    key("id", line(ID)),
    key("name", line(NAME)),
    key("content", text(Bytes(MIB))),
    key("actions", text(Bytes(MIB))),
    key("exampleQueries", Kind::Texts { max: 100, each: 2_000 }),
    key("isActive", Kind::Flag(true)),
];

const TOOL: &[Key] = &[
    key("id", line(ID)),
    key("name", line(NAME)),
    key("kind", line(100)),
    key("config", Kind::Free { bytes_max: MIB, null: false, credentials: false }),
];

const CALL_ANALYSIS: &[Key] = &[key("prompt", text(Bytes(MIB))), key("fields", list(ANALYSIS_FIELD, 100))];

const ANALYSIS_FIELD: &[Key] = &[
    key("id", line(ID)),
    key("name", line(NAME)),
    key("type", choice(&["text", "number", "boolean", "enum"])),
    key("description", text(Chars(2_000))),
    key("enum", Kind::Texts { max: 100, each: NAME }),
];

const SITE_ATTRIBUTE: &[Key] = &[key("id", line(ID)), key("name", line(NAME))];

const SITE_VARIANT: &[Key] = &[
    key("id", Kind::Text { min: 1, max: Chars(ID), rule: Rule::SiteVariantId, preset: None }),
    key("name", line(NAME)),
    key("isDefault", Kind::Flag(false)),
    key("values", Kind::Map { max: 50, name: Rule::Line, value: Rule::Any, each: SPOKEN }),
];

const ENDPOINT: &[Key] = &[
    key("uri", Kind::Text { min: 1, max: Bytes(URI_BYTES_MAX), rule: Rule::Endpoint, preset: None }),
    key("priority", whole(0, RANK_MAX as u32, 0)),
    key("weight", whole(0, RANK_MAX as u32, 1)),
];

const fn top(name: &'static str, section: Section, kind: Kind) -> Key {
    Key { name, kind, section: Some(section) }
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, section: None }
}

/// Required text in one line, not empty.
const fn line(chars_max: usize) -> Kind {
    Kind::Text { min: 1, max: Chars(chars_max), rule: Rule::Line, preset: None }
}

/// Optional text of any number of lines.
const fn text(max: Length) -> Kind {
    Kind::Text { min: 0, max, rule: Rule::Any, preset: Some("") }
}

/// A required choice.
const fn choice(of: &'static [&'static str]) -> Kind {
    Kind::Choice { of, preset: None }
}

const fn number(min: f64, max: f64, preset: f64) -> Kind {
    Kind::Number { min, max, preset }
}

const fn whole(min: u32, max: u32, preset: u32) -> Kind {
    Kind::Whole { min, max, preset }
}

const fn list(keys: &'static [Key], max: usize) -> Kind {
    Kind::Items { keys, max, unique: &["id"] }
}

const fn named_list(keys: &'static [Key], max: usize) -> Kind {
    Kind::Items { keys, max, unique: &["id", "name"] }
}

const fn free(bytes_max: usize) -> Kind {
    Kind::Free { bytes_max, null: true, credentials: true }
}

impl Kind {
    /// The value of an absent key; none if the key is required.
    pub fn preset(&self) -> Option<Value> {
        Some(match self {
            Self::Text { preset, .. } | Self::Choice { preset, .. } => json!((*preset)?),
            Self::Number { preset, .. } => json!(preset),
            Self::Whole { preset, .. } => json!(preset),
            Self::Flag(preset) => json!(preset),
            Self::Object(keys) => {
                let members = keys.iter().map(|key| Some((key.name.to_owned(), key.kind.preset()?)));
                Value::Object(members.collect::<Option<_>>()?)
            }
            Self::Items { .. } | Self::Texts { .. } => json!([]),
            Self::Map { .. } | Self::Free { null: false, .. } => json!({}),
            Self::Free { null: true, .. } => Value::Null,
        })
    }

    /// What would have been right, for people.
    pub fn expected(&self) -> String {
        match self {
            Self::Text { min, max, rule, .. } => match (rule.expected(), max) {
                (Some(rule), _) => rule.to_owned(),
                (None, Bytes(max)) => format!("text of at most {max} bytes"),
                (None, Chars(max)) if *min == 0 => format!("text of at most {max} characters"),
                (None, Chars(max)) => format!("text of {min} to {max} characters in one line"),
            },
            Self::Choice { of, .. } => format!("one of {}", of.join(", ")),
            Self::Number { min, max, .. } => format!("a number from {min} to {max}"),
            Self::Whole { min, max, .. } => format!("a whole number from {min} to {max}"),
            Self::Flag(_) => "true or false".to_owned(),
            Self::Object(_) => "an object".to_owned(),
            Self::Items { max, .. } => format!("a list of at most {max} objects"),
            Self::Texts { max, each } => {
                format!("a list of at most {max} texts of at most {each} characters")
            }
            Self::Map { max, each, .. } => {
                format!("an object of at most {max} names, each with a text of at most {each} characters")
            }
            Self::Free { bytes_max, null: true, .. } => {
                format!("an object of at most {bytes_max} bytes, or null")
            }
            Self::Free { bytes_max, .. } => format!("an object of at most {bytes_max} bytes"),
        }
    }
}
