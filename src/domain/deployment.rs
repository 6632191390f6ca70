//! Deployments: the events that put a version into an environment.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Uuid, Version as UuidVersion};

use super::agent::{Agent, AgentRef};
use super::id::{Environment, Revision, VersionNumber};
use super::time::Timestamp;

/// Longest message of a deployment, in characters.
pub const MESSAGE_CHARS_MAX: usize = 1_000;

/// The id of a deployment: a UUID of version 7, so that later ones sort after earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(Uuid);

impl DeploymentId {
    /// The id of a deployment at a moment, told from others of that moment by random bytes.
    #[must_use]
    pub fn new(at: Timestamp, random: &[u8; 10]) -> Self {
        let at = u64::try_from(at.0).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(at, random).into_uuid())
    }

    /// The id of the only deployment that somebody without randomness makes of a version to an environment, at a moment
    /// and upon a revision: two revisions may have one moment.
    #[must_use]
    pub fn derived(
        (at, upon): (Timestamp, Revision),
        agent: &AgentRef,
        to: Environment,
        version: VersionNumber,
    ) -> Self {
        let name = format!("{agent} {to} {version} {} {upon}", at.0);
        let mut bits = [0; 10];
        blake3::Hasher::new_derive_key("cordboard id of a deployment")
            .update(name.as_bytes())
            .finalize_xof()
            .fill(&mut bits);
        Self::new(at, &bits)
    }

    /// Reads an id in its canonical form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok().filter(|id| id.get_version() == Some(UuidVersion::SortRand))?;
        Some(Self(id)).filter(|id| id.to_string() == text)
    }

    /// The id as bytes, in the order of ids.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl Serialize for DeploymentId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeploymentId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("expected a UUID of version 7"))
    }
}

/// How a version came into an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentKind {
    /// From the draft.
    Publish,
    /// From an earlier environment.
    Promotion,
    /// From an earlier deployment of the same environment.
    Rollback,
}

impl DeploymentKind {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Promotion => "promotion",
            Self::Rollback => "rollback",
        }
    }
}

/// A version put into an environment; never changes. The last one of an environment is what it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Where to.
    pub environment: Environment,
    /// What.
    pub version: VersionNumber,
    /// How.
    pub kind: DeploymentKind,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Who, by the name of the key, or `files`.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Calls of this environment that were decided before this revision do not keep their version: some deployment up
    /// to this one was told to move them. 0: all keep it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls_from: Revision,
}

impl Deployment {
    /// What puts a version into an environment where somebody only says that it is there, as files and imports do:
    /// a rollback where a later version was there before, else a publish.
    #[must_use]
    pub fn declared(
        agent: &Agent,
        (environment, version): (Environment, VersionNumber),
        by: &str,
        (at, upon): (Timestamp, Revision),
    ) -> Self {
        let before = agent.deployment(environment);
        let back = before.is_some_and(|before| version < before.version);
        Self {
            id: DeploymentId::derived((at, upon), &agent.profile.id, environment, version),
            environment,
            version,
            kind: if back { DeploymentKind::Rollback } else { DeploymentKind::Publish },
            message: String::new(),
            created_by: by.to_owned(),
            created_at: at,
            calls_from: agent.calls_from(environment),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(revision: &Revision) -> bool {
    *revision == Revision(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{account, version};

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let ids = [1, 2, 1_700_000_000_000].map(|at| DeploymentId::new(Timestamp(at), &[0xff; 10]));
        assert!(ids.is_sorted());
        for id in ids {
            assert_eq!(DeploymentId::parse(&id.to_string()), Some(id));
        }
        let upper = ids[2].to_string().to_uppercase();
        let random = "6f1f6a3e-54a5-4d4b-9d1e-2f3a4b5c6d7e";
        for text in ["", "x", random, &upper, &ids[2].to_string().replace('-', "")] {
            assert_eq!(DeploymentId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_derived_id_depends_on_all_that_it_is_derived_from() {
        let agent = |id: &str| AgentRef { account: account(), agent: id.parse().unwrap() };
        let one = |at, id: &str, to, n| {
            DeploymentId::derived((Timestamp(at), Revision(0)), &agent(id), to, version(n))
        };
        let ids = [
            one(1, "sales", Environment::Live, 1),
            one(1, "sales", Environment::Live, 2),
            one(1, "sales", Environment::Sandbox, 1),
            one(1, "reception", Environment::Live, 1),
            one(2, "sales", Environment::Live, 1),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(ids[0], one(1, "sales", Environment::Live, 1));
    }
}
