//! Real-time configs: values that change at once and outside versions, one page for each environment of an agent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::id::Environment;
use super::time::Timestamp;

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
