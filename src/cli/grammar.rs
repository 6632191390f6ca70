//! The grammar of the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use super::accounts::AccountsArgs;
use super::agent_tests::TestsArgs;
use super::agents::AgentsArgs;
use super::backup::BackupArgs;
use super::branches::BranchesArgs;
use super::caller_pins::CallerPinsArgs;
use super::client::Client;
use super::compare::CompareArgs;
use super::completions::CompletionsArgs;
use super::configs::ConfigsArgs;
use super::connectors::ConnectorsArgs;
use super::default_route::DefaultRouteArgs;
use super::deploy::{PromoteArgs, PublishArgs, RollbackArgs};
use super::deployments::DeploymentsArgs;
use super::draft::DraftArgs;
use super::explain::ExplainArgs;
use super::export::{ExportArgs, ImportArgs};
use super::failure::Failure;
use super::hand_over::{AdoptArgs, ReleaseArgs};
use super::history::HistoryArgs;
use super::keys::KeysErrand;
use super::numbers::NumbersArgs;
use super::pin::PinArgs;
use super::plan::{ApplyArgs, PlanArgs};
use super::prefixes::PrefixesArgs;
use super::publishes::PublishesArgs;
use super::raw::{ApiArgs, OpenapiArgs};
use super::revert::RevertArgs;
use super::session::{Errand, Session};
use super::sip::SipArgs;
use super::splits::SplitsArgs;
use super::status::{ReloadArgs, StatusArgs};
use super::terminal::Terminal;
use super::test_call::TestCallArgs;
use super::variables::Variables;
use super::versions::VersionsArgs;
use super::whereabouts::Whereabouts;
use super::written::Secret;

/// Everything that `cordboard` can be told; `S` is the grammar of `serve`.
#[derive(Debug, Parser)]
#[command(
    name = "cordboard",
    version,
    args_conflicts_with_subcommands = true,
    about = "Decides which version of which voice agent serves a call",
    long_about = LONG_ABOUT,
    after_long_help = AFTER_HELP
)]
pub struct Cli<S: Args> {
    #[command(subcommand)]
    command: Option<Command<S>>,
    #[command(flatten)]
    serve: S,
}

const LONG_ABOUT: &str = "\
Cordboard is a call router for voice agents: a gateway asks who serves a call, and one pinned version answers.

`cordboard serve` runs it; without a command, that is what happens. Every other command but `check`, `restore` and \
`keys reset` asks a running router over its API.

On the machine the router runs on nothing needs to be said: its addresses and first key are in its data folder. \
From elsewhere, say --url and --key, or set CORDBOARD_URL and CORDBOARD_KEY.";

const AFTER_HELP: &str = "\
Examples:
  cordboard serve --config config --data data
  cordboard check config
  cordboard numbers put +14155550100 --agent sales --pin V3
  cordboard explain +14155550100 --from +14155550123
  cordboard splits create spring --arm control=sales@V3:80 --arm test=sales@draft:20

Exit codes:
  0  done
  1  refused: the router, or you, said no
  2  asked wrongly; nothing was sent that changes anything
  3  the router could not be reached

Colours are for terminals, and NO_COLOR turns them off.";

impl<S: Args> Cli<S> {
    /// Reads arguments, the name of the program first.
    ///
    /// # Errors
    /// They cannot be read; where an option stands before a command it says where it belongs.
    pub fn read<T: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        Self::try_parse_from(arguments).map_err(Self::with_place)
    }

    /// Before a command stand options of `serve` alone, which is what happens without one.
    fn with_place(mut why: Error) -> Error {
        let (command, option) =
            match (why.get(ContextKind::InvalidSubcommand), why.get(ContextKind::PriorArg)) {
                (Some(ContextValue::String(command)), Some(ContextValue::String(option))) => {
                    (command, option.as_str())
                }
                (Some(ContextValue::String(command)), Some(ContextValue::Strings(options))) => {
                    (command, options.first().map_or("", String::as_str))
                }
                _ => return why,
            };
        if why.kind() != ErrorKind::ArgumentConflict {
            return why;
        }
        let mut grammar = Self::command();
        grammar.build();
        let takes =
            |command: &clap::Command| command.get_arguments().any(|known| known.to_string() == option);
        let tip = if grammar.find_subcommand(command).is_some_and(takes) {
            format!("options stand behind the command: 'cordboard {command} {option}'")
        } else {
            format!("before a command stand options of 'serve' alone, which '{option}' is")
        };
        why.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
        why
    }

    /// What is to be done: `serve` where nothing was said.
    pub fn into_command(self) -> Command<S> {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command<S: Args> {
    /// Run the router
    ///
    /// Runs until it is told to end (SIGTERM or Ctrl-C), then finishes the requests it has. Settings come from
    /// `cordboard.toml` in the config folder; a flag is stronger than a variable, a variable than the file.
    #[command(after_help = "\
Examples:
  cordboard serve
  cordboard serve --config /etc/cordboard --data /var/lib/cordboard
  cordboard serve --calls 127.0.0.1:0 --admin 127.0.0.1:0 --log debug")]
    Serve(S),

    /// Check settings, route files and agent files without a router
    ///
    /// Reads a config folder as `serve` would and reports everything that is wrong with it, each with its place.
    /// Exit code 0 means that `serve` would start with it, 1 that it would not.
    #[command(after_help = "\
Examples:
  cordboard check
  cordboard check config --json")]
    Check(CheckArgs),

    /// What asks a running router.
    #[command(flatten)]
    Client(Box<ClientCommand>),

    /// Make a data folder of a backup, where no router runs on it
    ///
    /// The router that is started on it then takes the same API keys and tokens and, with the same config folder, decides as
    /// the other did: the history is there up to the backup's revision. All of it is restored or nothing, also where this is
    /// interrupted. What is no backup, was cut short or is damaged is refused, and so is a folder that a running router has.
    #[command(after_help = "\
Examples:
  cordboard restore cordboard.backup --data data
  cordboard restore cordboard.backup --data data --force")]
    Restore(RestoreArgs),

    /// Show, make and end API keys
    #[command(subcommand)]
    Keys(KeysCommand),
}

/// What `restore` is told.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// The backup, as `cordboard backup` wrote it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The data folder, made if it is not there [variable: CORDBOARD_DATA] [default: data]
    #[arg(id = "data_folder", long = "data", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Put what the folder holds aside, in `replaced-1` within it, instead of refusing
    #[arg(long)]
    pub force: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

/// What `check` is told.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The config folder: `cordboard.toml`, `routes/` and `agents/` [variable: CORDBOARD_CONFIG] [default: config]
    pub folder: Option<PathBuf>,
    /// Print the faults as JSON
    #[arg(long)]
    pub json: bool,
}

/// What is done about keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// What asks a running router.
    #[command(flatten)]
    Asking(KeysErrand),

    /// Make a new first key where the old one was lost
    ///
    /// The new key has every permission, replaces the first key, and is written to `admin.key` in the data folder, for
    /// its owner to read. A router that runs on the folder makes the key itself, within a second; else it is made here.
    #[command(after_help = "\
Examples:
  cordboard keys reset --data data")]
    Reset(KeysResetArgs),
}

/// What `keys reset` is told.
#[derive(Debug, Clone, Args)]
pub struct KeysResetArgs {
    /// The router's data folder [variable: CORDBOARD_DATA] [default: data]
    #[arg(id = "data_folder", long = "data", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

/// What asks a running router.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a comment would replace the help that each command's arguments carry")]
pub enum ClientCommand {
    Explain(Asking<ExplainArgs>),
    TestCall(Asking<TestCallArgs>),
    Sip(Asking<SipArgs>),
    Status(Asking<StatusArgs>),
    Reload(Asking<ReloadArgs>),
    Agents(Asking<AgentsArgs>),
    Draft(Asking<DraftArgs>),
    Branches(Asking<BranchesArgs>),
    Versions(Asking<VersionsArgs>),
    Publish(Asking<PublishArgs>),
    Promote(Asking<PromoteArgs>),
    Rollback(Asking<RollbackArgs>),
    Deployments(Asking<DeploymentsArgs>),
    Publishes(Asking<PublishesArgs>),
    Revert(Asking<RevertArgs>),
    Compare(Asking<CompareArgs>),
    Tests(Asking<TestsArgs>),
    Configs(Asking<ConfigsArgs>),
    Connectors(Asking<ConnectorsArgs>),
    Numbers(Asking<NumbersArgs>),
    Pin(Asking<PinArgs>),
    Prefixes(Asking<PrefixesArgs>),
    CallerPins(Asking<CallerPinsArgs>),
    DefaultRoute(Asking<DefaultRouteArgs>),
    Splits(Asking<SplitsArgs>),
    Plan(Asking<PlanArgs>),
    Apply(Asking<ApplyArgs>),
    Adopt(Asking<AdoptArgs>),
    Release(Asking<ReleaseArgs>),
    Export(Asking<ExportArgs>),
    Import(Asking<ImportArgs>),
    Backup(Asking<BackupArgs>),
    Accounts(Asking<AccountsArgs>),
    #[command(skip)]
    Keys(KeysErrand),
    History(Asking<HistoryArgs>),
    Openapi(Asking<OpenapiArgs>),
    Api(ApiArgs),
    Completions(CompletionsArgs),
}

// A command, and where the router is that it asks. No documentation here and on `Reach`: it would take the place of the
// help that the command's own arguments carry.
#[derive(Debug, Args)]
pub struct Asking<E: Args> {
    #[command(flatten)]
    errand: E,
    #[command(flatten)]
    reach: Reach,
    /// The router's data folder, where its address and first key are found [variable: CORDBOARD_DATA] [default: data]
    #[arg(
        id = "data_folder",
        long = "data",
        global = true,
        value_name = "FOLDER",
        help_heading = "Connection"
    )]
    data: Option<PathBuf>,
}

// How the router is reached.
#[derive(Debug, Clone, Default, Args)]
pub struct Reach {
    /// Address of management [variable: CORDBOARD_URL] [default: as found in the data folder]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub(super) url: Option<String>,
    /// Address of the call plane, for `explain` [variable: CORDBOARD_CALLS_URL] [default: as found]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub(super) calls_url: Option<String>,
    /// File of certificates to trust for https, PEM: who issued the router's, or the router's own [variable: CORDBOARD_CA]
    /// [default: the certificate as found in the data folder, else whom this machine trusts]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection")]
    pub(super) ca: Option<PathBuf>,
    /// API key; better said by variable, since others may see flags [variables: CORDBOARD_KEY, or CORDBOARD_ADMIN_KEY_FILE
    /// for a file that holds it] [default: admin.key of the data folder, towards this machine only]
    #[arg(long, global = true, value_name = "KEY", help_heading = "Connection")]
    pub(super) key: Option<Secret>,
    /// Print the router's answer as it comes, JSON; of a change one object with `revision`, of a failure one with `error`
    #[arg(long, global = true, help_heading = "Output")]
    pub(super) json: bool,
}

fn ask<E: Args + Errand>(
    asking: &Asking<E>,
    variables: &Variables,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    terminal.json = asking.reach.json;
    let client = Client::new(Whereabouts::find(&asking.reach, asking.data.as_deref(), variables)?);
    asking.errand.run(&mut Session::new(terminal, client, asking.reach.json))
}

impl ClientCommand {
    /// Carries it out.
    pub(super) fn carry_out<S: Args>(
        &self,
        variables: &Variables,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Explain(asking) => ask(asking, variables, terminal),
            Self::TestCall(asking) => ask(asking, variables, terminal),
            Self::Sip(asking) => ask(asking, variables, terminal),
            Self::Status(asking) => ask(asking, variables, terminal),
            Self::Reload(asking) => ask(asking, variables, terminal),
            Self::Agents(asking) => ask(asking, variables, terminal),
            Self::Draft(asking) => ask(asking, variables, terminal),
            Self::Branches(asking) => ask(asking, variables, terminal),
            Self::Versions(asking) => ask(asking, variables, terminal),
            Self::Publish(asking) => ask(asking, variables, terminal),
            Self::Promote(asking) => ask(asking, variables, terminal),
            Self::Rollback(asking) => ask(asking, variables, terminal),
            Self::Deployments(asking) => ask(asking, variables, terminal),
            Self::Publishes(asking) => ask(asking, variables, terminal),
            Self::Revert(asking) => ask(asking, variables, terminal),
            Self::Compare(asking) => ask(asking, variables, terminal),
            Self::Tests(asking) => ask(asking, variables, terminal),
            Self::Configs(asking) => ask(asking, variables, terminal),
            Self::Connectors(asking) => ask(asking, variables, terminal),
            Self::Numbers(asking) => ask(asking, variables, terminal),
            Self::Pin(asking) => ask(asking, variables, terminal),
            Self::Prefixes(asking) => ask(asking, variables, terminal),
            Self::CallerPins(asking) => ask(asking, variables, terminal),
            Self::DefaultRoute(asking) => ask(asking, variables, terminal),
            Self::Splits(asking) => ask(asking, variables, terminal),
            Self::Plan(asking) => ask(asking, variables, terminal),
            Self::Apply(asking) => ask(asking, variables, terminal),
            Self::Adopt(asking) => ask(asking, variables, terminal),
            Self::Release(asking) => ask(asking, variables, terminal),
            Self::Export(asking) => ask(asking, variables, terminal),
            Self::Import(asking) => ask(asking, variables, terminal),
            Self::Backup(asking) => ask(asking, variables, terminal),
            Self::Accounts(asking) => ask(asking, variables, terminal),
            Self::Keys(KeysErrand::List(asking)) => ask(asking, variables, terminal),
            Self::Keys(KeysErrand::Create(asking)) => ask(asking, variables, terminal),
            Self::Keys(KeysErrand::Delete(asking)) => ask(asking, variables, terminal),
            Self::History(asking) => ask(asking, variables, terminal),
            Self::Openapi(asking) => ask(asking, variables, terminal),
            Self::Api(api) => {
                // Its --data is a body, so that the folder comes by variable.
                terminal.json = api.reach.json;
                let client = Client::new(Whereabouts::find(&api.reach, None, variables)?);
                api.run(&mut Session::new(terminal, client, api.reach.json))
            }
            Self::Completions(completions) => completions.run::<S>(terminal),
        }
    }
}
