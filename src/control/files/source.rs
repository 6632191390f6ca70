//! A file as it was found: its path, its bytes, and what it is by its path.

use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use crate::domain::fault::Fault;
use crate::domain::id::{AgentId, ConfigHash, VersionNumber};

/// A file of one moment. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path below the configuration, with `/`: `routes/a.toml`, `agents/sales/V1.toml`.
    pub path: Arc<str>,
    /// Fingerprint of the bytes.
    pub hash: ConfigHash,
    /// What it holds.
    pub bytes: Bytes,
}

impl SourceFile {
    /// A file of these bytes. Costs hashing them.
    #[must_use]
    pub fn new(path: impl Into<Arc<str>>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { path: path.into(), hash: Self::hash_of(&bytes), bytes }
    }

    /// The fingerprint of bytes: XXH3-128.
    #[must_use]
    pub fn hash_of(bytes: &[u8]) -> ConfigHash {
        ConfigHash(xxh3_128(bytes).to_be_bytes())
    }
}

/// What a file is, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `routes/*.toml`.
    Routes,
    /// `agents/<id>/agent.toml`.
    Agent(AgentId),
    /// `agents/<id>/draft.toml`.
    Draft(AgentId),
    /// `agents/<id>/V<n>.toml`.
    Version(AgentId, VersionNumber),
}

impl Kind {
    /// What the file at a path is.
    pub(super) fn of(path: &str) -> Result<Self, Fault> {
        let fault = |message: String, expected: &str| Fault {
            file: path.to_owned(),
            message,
            expected: expected.to_owned(),
            ..Fault::of_folder()
        };
        if path.strip_prefix("routes/").is_some_and(|name| name.ends_with(".toml")) {
            return Ok(Self::Routes);
        }
        let Some((folder, name)) = path.strip_prefix("agents/").and_then(|rest| rest.split_once('/')) else {
            return Err(fault(
                "has no place here".to_owned(),
                "routes/<name>.toml or agents/<id>/agent.toml",
            ));
        };
        let agent = AgentId::parse(folder).map_err(|why| {
            fault(format!("the folder {:?} is no agent id", why.text), "1 to 64 letters, digits or hyphens")
        })?;
        match name {
            "agent.toml" => return Ok(Self::Agent(agent)),
            "draft.toml" => return Ok(Self::Draft(agent)),
            _ => {}
        }
        let version = name.strip_suffix(".toml").filter(|stem| stem.starts_with('V'));
        version.and_then(VersionNumber::parse).map(|number| Self::Version(agent, number)).ok_or_else(|| {
            fault(
                format!("an agent has no file {name:?}"),
                "agent.toml, draft.toml, or V<n>.toml with n from 1",
            )
        })
    }
}
