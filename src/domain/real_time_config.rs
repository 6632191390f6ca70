//! Real-time configs: values that change at once and outside versions, one page for each environment of an agent.

mod effort;
mod schema;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::id::Environment;
use super::time::Timestamp;

pub use schema::{
    ConfigSchema, FAULTS_MAX, SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX, VARIABLES_BYTES_MAX, oversized,
};

/// The values of an environment and what they must be like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigPage {
    /// Which environment.
    pub environment: Environment,
    /// The values, by name; none were ever stored where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<Map<String, Value>>,
    /// A JSON Schema, draft 7, that they fit; any values do where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// When either last changed.
    pub last_updated: Timestamp,
}

impl ConfigPage {
    /// The page of an environment for which nothing was stored yet.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment, variables: None, schema: None, last_updated: Timestamp(0) }
    }
}
