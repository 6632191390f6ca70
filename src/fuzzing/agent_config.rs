//! An agent's configuration, as JSON and as TOML: its canonical form is read as the same configuration.

use crate::domain::agent_config::{AgentConfig, ConfigFault, FAULTS_MAX, hash_of};

pub(super) fn law(bytes: &[u8]) {
    // In JSON columns are bytes; no operator's file is JSON.
    let of_bytes: String = bytes.iter().copied().map(char::from).collect();
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    match AgentConfig::from_json(bytes) {
        Ok(config) => stays_the_same(&config),
        Err(faults) => told(&faults, &of_bytes),
    }
    match AgentConfig::from_toml(text) {
        Ok(config) => stays_the_same(&config),
        Err(faults) => told(&faults, text),
    }
}

fn stays_the_same(config: &AgentConfig) {
    let canonical = config.canonical_json();
    let again = AgentConfig::from_json(&canonical).expect("the canonical form is a configuration");
    assert_eq!(&again, config);
    assert_eq!(again.canonical_json(), canonical);
    assert_eq!((again.hash(), hash_of(&canonical)), (config.hash(), config.hash()));
    let whole = AgentConfig::from_value(&config.to_json()).expect("the whole form is a configuration");
    assert_eq!(&whole, config);
    assert_eq!(again.dispatch(), config.dispatch());
}

fn told(faults: &[ConfigFault], text: &str) {
    assert!((1..=FAULTS_MAX).contains(&faults.len()), "{} faults", faults.len());
    for fault in faults {
        assert!(!fault.message.is_empty() && !fault.expected.is_empty(), "{fault:?}");
        super::inside(text, fault.line, fault.column);
    }
}
