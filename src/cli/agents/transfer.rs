//! `agents export` and `agents import`: one agent, out of one router and into another.

use std::path::PathBuf;

use clap::Args;

use super::path_of;
use crate::cli::export::pour_out;
use crate::cli::failure::Failure;
use crate::cli::path::Path;
use crate::cli::session::Session;
use crate::cli::words::text_of;
use crate::domain::id::AgentId;

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard agents export sales > sales.json
  cordboard agents export sales --output sales.json")]
pub(super) struct ExportArgs {
    /// The agent
    agent: AgentId,
    /// Where to write it; a file that is there is replaced when all of it has come [default: standard output]
    #[arg(long, short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
}

impl ExportArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        pour_out(session, &path_of(&self.agent).segment("export"), self.output.as_deref())
    }
}

/// Make an agent out of such a document
///
/// With the versions, the draft, the branches and the environments that it had; all of it, or nothing. Only where there is no agent of its
/// id. No number leads to it yet.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard agents import sales.json
  cordboard agents import -")]
pub(super) struct ImportArgs {
    /// The document, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl ImportArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let reply =
            session.upload(&Path::of("/v1/agents/import"), "application/json", &self.file)?.granted()?;
        let id = text_of(&reply.json(), "agentId");
        session.done(&reply, &format!("agent {id} was imported"))
    }
}
