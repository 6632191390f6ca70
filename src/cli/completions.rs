//! Completion scripts.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::failure::Failure;
use super::grammar::Cli;
use super::terminal::Terminal;

/// Print a completion script for a shell
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard completions bash > /etc/bash_completion.d/cordboard
  cordboard completions zsh > ~/.zfunc/_cordboard
  cordboard completions fish > ~/.config/fish/completions/cordboard.fish")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run<S: Args>(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        // Into memory first: the generator panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::<S>::command(), "cordboard", &mut script);
        terminal.out.write_all(&script).map_err(Failure::Output)
    }
}
