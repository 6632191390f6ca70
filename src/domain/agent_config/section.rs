//! The sections in which compare and the staging difference group the keys.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema::DOCUMENT;

/// A group of keys that people look at together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Name, model, voice, turns, background sound.
    AgentSettings,
    /// System prompt, welcome message, behaviour.
    Instructions,
    /// What the agent must not do.
    Guardrails,
    /// Knowledge bases and topics.
    KnowledgeSources,
    /// What the agent can call.
    Tools,
    /// What is read out of a finished call.
    CallAnalysis,
    /// The flow of a conversation.
    Workflow,
    /// Attributes of the sites of a chain, and their values.
    SiteVariants,
    /// Where calls are sent, and the headers that go along.
    Telephony,
    /// Whatever has no key of its own yet.
    Experimental,
}

impl Section {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::AgentSettings,
        Self::Instructions,
        Self::Guardrails,
        Self::KnowledgeSources,
        Self::Tools,
        Self::CallAnalysis,
        Self::Workflow,
        Self::SiteVariants,
        Self::Telephony,
        Self::Experimental,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentSettings => "agent_settings",
            Self::Instructions => "instructions",
            Self::Guardrails => "guardrails",
            Self::KnowledgeSources => "knowledge_sources",
            Self::Tools => "tools",
            Self::CallAnalysis => "call_analysis",
            Self::Workflow => "workflow",
            Self::SiteVariants => "site_variants",
            Self::Telephony => "telephony",
            Self::Experimental => "experimental",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.as_str() == text)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The section of a key such as `llm.temperature` or `topics[3].name`, if there is such a top-level key.
#[must_use]
pub fn section_of(path: &str) -> Option<Section> {
    let top = path.split(['.', '[']).next()?;
    DOCUMENT.iter().find(|key| key.name == top)?.section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_the_section_of_its_first_part() {
        assert_eq!(section_of("llm.temperature"), Some(Section::AgentSettings));
        assert_eq!(section_of("topics[3].name"), Some(Section::KnowledgeSources));
        assert_eq!(section_of("siteVariants"), Some(Section::SiteVariants));
        assert_eq!(section_of("temperature"), None);
        assert!(DOCUMENT.iter().all(|key| key.section.is_some()));
        let used = |section| DOCUMENT.iter().any(|key| key.section == Some(section));
        assert!(Section::ALL.into_iter().all(used));
    }

    #[test]
    fn a_section_reads_back_as_it_was_written() {
        for section in Section::ALL {
            assert_eq!(Section::parse(section.as_str()), Some(section));
            assert_eq!(serde_json::to_value(section).unwrap(), section.as_str());
        }
    }
}
