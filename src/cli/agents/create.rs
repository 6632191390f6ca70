//! `agents create`.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::path::Path;
use crate::cli::session::Session;
use crate::cli::words::text_of;
use crate::cli::written::given;
use crate::domain::id::AgentId;

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard agents create 'Front desk' --id desk --greeting 'Hello, how can I help?'
  cordboard agents create Réception --language fr-FR --voice amelie --json")]
pub(super) struct CreateArgs {
    /// What it is called
    name: String,
    /// Its id: letters, digits and hyphens [default: one is made]
    #[arg(long)]
    id: Option<AgentId>,
    /// What it says first
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    greeting: String,
    /// The voice it speaks with
    #[arg(long, value_name = "ID")]
    voice: Option<String>,
    /// Its language model
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// The language it speaks, such as en-US [default: en-GB]
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
}

impl CreateArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let reply = session.change("POST", &Path::of("/v1/agents"), Some(&self.to_json()))?;
        let id = text_of(&reply.json(), "agentId");
        session.done(&reply, &format!("agent {id} was made, with a draft"))
    }

    fn to_json(&self) -> Value {
        let language = self.language.as_ref().map(|language| json!(language));
        let settings = given([("greeting", Some(json!(self.greeting))), ("languageCode", language)]);
        let body = given([
            ("name", Some(json!(self.name))),
            ("agentId", self.id.as_ref().map(|id| json!(id))),
            ("responseSettings", Some(Value::Object(settings))),
            ("voiceSettings", self.voice.as_ref().map(|voice| json!({"voiceId": voice}))),
            ("llmSettings", self.model.as_ref().map(|model| json!({"modelId": model}))),
        ]);
        Value::Object(body)
    }
}
