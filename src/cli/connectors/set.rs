//! `connectors set`.

use clap::{ArgGroup, Args};
use serde_json::{Map, Value};

use super::path_of;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::written::{language_or_none, site_variant_or_none, text_or_none};
use crate::domain::id::{AgentId, ConnectorId};

/// Set the site variant, language or voice of a connector
///
/// What is not named stays, and `none` clears.
#[derive(Debug, Clone, Args)]
#[command(
    group = ArgGroup::new("setting").required(true).multiple(true),
    after_help = "\
Examples:
  cordboard connectors set sales CONNECTOR-0A1B2C3D --variant north --asr-language en-US
  cordboard connectors set sales CONNECTOR-0A1B2C3D --voice none"
)]
pub(super) struct SetArgs {
    /// The agent
    agent: AgentId,
    /// The connector
    connector: ConnectorId,
    /// The site variant of its numbers that name none themselves, or none
    #[arg(long, value_name = "ID|none", group = "setting", value_parser = site_variant_or_none)]
    variant: Option<Value>,
    /// The language that is listened for, such as en-US, or none
    #[arg(long, value_name = "TAG|none", group = "setting", value_parser = language_or_none)]
    asr_language: Option<Value>,
    /// The voice that speaks, or none
    #[arg(long, value_name = "NAME|none", group = "setting", value_parser = text_or_none)]
    voice: Option<Value>,
}

impl SetArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, connector, .. } = self;
        let path = path_of(agent).segment(connector);
        let reply = session.change("PATCH", &path, Some(&self.to_json()))?;
        session.done(&reply, &format!("connector {connector} of {agent} is changed"))
    }

    fn to_json(&self) -> Value {
        let members =
            [("variantId", &self.variant), ("asrLangCode", &self.asr_language), ("voiceName", &self.voice)];
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        Value::Object(given.collect::<Map<_, _>>())
    }
}
