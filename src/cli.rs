//! The command line: its grammar, and the commands that ask a running router over its API.
//!
//! [`Cli`] is the grammar of everything `cordboard` does. What needs the server's own rooms (`serve`, `check`, `restore`,
//! `keys reset`) is only read here and carried out elsewhere; a [`ClientCommand`] is carried out by [`run`], which
//! knows nothing but the API. A command is one file: its arguments, its request, how its answer reads.
//!
//! Answers are printed from JSON as it comes, tolerant of what is missing, so that an older client shows what a
//! newer router says.

mod accounts;
mod agent_tests;
mod agents;
mod backup;
mod branches;
mod caller_pins;
mod client;
mod compare;
mod completions;
mod configs;
mod conflicts;
mod connectors;
mod default_route;
mod deploy;
mod deployments;
mod destination;
mod draft;
mod explain;
mod export;
mod failure;
mod form;
mod grammar;
mod hand_over;
mod history;
mod keys;
mod live;
mod numbers;
mod page;
mod path;
mod pin;
mod plan;
mod prefixes;
mod publishes;
mod raw;
mod revert;
mod session;
mod sip;
mod splits;
mod status;
mod table;
mod terminal;
mod test_call;
mod trust;
mod variables;
mod versions;
mod whereabouts;
mod words;
mod written;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

pub use grammar::{CheckArgs, Cli, ClientCommand, Command, KeysCommand, KeysResetArgs, RestoreArgs};
pub use terminal::Terminal;
pub use variables::{VARIABLES, Variables};

/// Carries out a client command with the terminal and the environment of this process.
///
/// `S` is the grammar of `serve`, which completions are made for too. The exit code is 0 when it is done, 1 when the
/// router refused, 2 when it was asked wrongly, 3 when the router could not be reached.
#[must_use]
pub fn run<S: clap::Args>(command: &ClientCommand) -> ExitCode {
    let variables = Variables::of_process();
    ExitCode::from(Terminal::of_process(&variables, |terminal| carry_out::<S>(command, &variables, terminal)))
}

/// Carries out a client command and says how it went, as an exit code.
pub fn carry_out<S: clap::Args>(
    command: &ClientCommand,
    variables: &Variables,
    terminal: &mut Terminal<'_>,
) -> u8 {
    match command.carry_out::<S>(variables, terminal).and_then(|()| terminal.flush()) {
        Ok(()) => 0,
        Err(failure) => {
            // What was found out comes first; if it cannot be written, the failure can still be told.
            let _ = terminal.flush();
            failure.tell(terminal);
            failure.exit_code()
        }
    }
}
