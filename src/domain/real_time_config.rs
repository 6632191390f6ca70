//! Real-time configs: values that change at once and outside versions, one page for each environment of an agent.

mod effort;
mod schema;
mod unfit;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::id::Environment;
use super::refusal::FieldFault;
use super::time::Timestamp;

pub use schema::{
    ConfigSchema, SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX, VARIABLES_BYTES_MAX, VARIABLES_DEPTH_MAX,
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

    /// What is wrong with it: of its schema if that is none, else of the variables, by path. Takes a while for large ones.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldFault> {
        if let Some(fault) = self.variables.as_ref().and_then(schema::oversized) {
            return vec![fault];
        }
        let Some(schema) = &self.schema else { return Vec::new() };
        match ConfigSchema::read(schema) {
            Err(faults) => faults,
            Ok(schema) => {
                let variables = self.variables.clone().map(Value::Object);
                variables.map(|variables| schema.faults(&variables)).unwrap_or_default()
            }
        }
    }
}
