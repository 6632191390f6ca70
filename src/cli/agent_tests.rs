//! `tests`: what an agent is tested by, and runs of it.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::agents;
use super::failure::Failure;
use super::form;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, labelled, table};
use super::words::{items, short_hash, text_in, text_of, time};
use crate::domain::id::{AgentId, Pin};
use crate::domain::words::counted;

/// Largest file of tests, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// How often it is looked whether a run is over.
const LOOK: Duration = Duration::from_millis(250);

/// Show and change what an agent is tested by, and put it to the test
///
/// Checks look at values of the configuration, fit it to a JSON Schema, or follow a call; a runner elsewhere may say more. Publish,
/// promote and rollback start a run by themselves.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  cordboard tests sales
  cordboard tests set sales tests.toml
  cordboard tests run sales draft"
)]
pub struct TestsArgs {
    #[command(subcommand)]
    command: Option<TestsCommand>,
    /// The agent
    #[arg(required = true)]
    agent: Option<AgentId>,
}

#[derive(Debug, Clone, Subcommand)]
enum TestsCommand {
    /// Show what an agent is tested by
    #[command(
        visible_alias = "get",
        after_help = "\
Examples:
  cordboard tests show sales --json > tests.json"
    )]
    Show {
        /// The agent
        agent: AgentId,
    },
    /// Test an agent by what a file says, and by nothing else
    #[command(after_help = "\
Examples:
  cordboard tests set sales tests.toml
  echo '{\"checks\": [{\"name\": \"greets\", \"pointer\": \"/instructions/welcomeMessage\", \"operator\": \"exists\"}]}' |
    cordboard tests set sales -")]
    Set {
        /// The agent
        agent: AgentId,
        /// Its tests, JSON or TOML, or - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Put a draft, a version or what an environment serves to the test
    ///
    /// Waits until the run is over; the exit code is 1 if it failed.
    #[command(after_help = "\
Examples:
  cordboard tests run sales draft
  cordboard tests run sales V3 --no-wait --json")]
    Run {
        /// The agent
        agent: AgentId,
        /// draft, V<n>, sandbox, pre-release or live
        #[arg(value_parser = target)]
        target: Pin,
        /// Do not wait until it is over
        #[arg(long)]
        no_wait: bool,
    },
    /// List the last runs of an agent's tests, the newest first
    #[command(after_help = "\
Examples:
  cordboard tests runs sales --limit 5")]
    Runs {
        /// The agent
        agent: AgentId,
        /// How many
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: Option<u16>,
    },
    /// Show what came of a run
    #[command(after_help = "\
Examples:
  cordboard tests result 019b76da-a800-7000-8000-000000000007")]
    Result {
        /// The run
        run: String,
        /// Wait until it is over
        #[arg(long)]
        wait: bool,
    },
}

fn target(text: &str) -> Result<Pin, String> {
    Pin::parse(text).ok_or_else(|| format!("expected {}", Pin::EXPECTED))
}

impl Errand for TestsArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            Some(command) => command.run(session),
            None => show(session, agents::named(self.agent.as_ref())?),
        }
    }
}

fn show(session: &mut Session<'_, '_>, agent: &AgentId) -> Result<(), Failure> {
    let reply = session.get(&agents::path_of(agent).segment("tests"))?;
    session.show(&reply, told_tests)
}

impl TestsCommand {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::Show { agent } => show(session, agent),
            Self::Set { agent, file } => {
                let text = session.read_text(file, FILE_BYTES_MAX)?;
                let tests =
                    form::read(&text).map_err(|why| Failure::Usage(format!("{} {why}", file.display())))?;
                let reply = session.change("PUT", &agents::path_of(agent).segment("tests"), Some(&tests))?;
                let answer = reply.json();
                let secret = answer.get("runner").and_then(|runner| text_in(runner, "secret"));
                let secret = secret.map_or_else(String::new, |secret| {
                    format!("; requests to its runner are signed with this secret, shown here only: {secret}")
                });
                let by = match (items(&answer, "checks").len(), answer.get("runner")) {
                    (0, None | Some(Value::Null)) => "nothing any more".to_owned(),
                    (checks, None | Some(Value::Null)) => counted(checks, "check"),
                    (checks, Some(_)) => format!("{} and a runner", counted(checks, "check")),
                };
                session.done(&reply, &format!("{agent} is tested by {by}{secret}"))
            }
            Self::Run { agent, target, no_wait } => {
                let path = agents::path_of(agent).segment("test-runs");
                let reply = session.change("POST", &path, Some(&json!({"target": target})))?;
                if *no_wait {
                    return session.show(&reply, told_run);
                }
                ended(session, &text_of(&reply.json(), "id"))
            }
            Self::Runs { agent, limit } => {
                let reply =
                    session.get(&agents::path_of(agent).segment("test-runs").query("limit", *limit))?;
                session.show(&reply, told_runs)
            }
            Self::Result { run, wait: true } => ended(session, run),
            Self::Result { run, wait: false } => {
                let reply = session.get(&path_of(run))?;
                session.show(&reply, told_run)
            }
        }
    }
}

fn path_of(run: &str) -> Path {
    Path::of("/v1/test-runs").segment(run)
}

/// Shows a run once it is over, which the router sees to.
fn ended(session: &mut Session<'_, '_>, run: &str) -> Result<(), Failure> {
    loop {
        let reply = session.get(&path_of(run))?;
        let answer = reply.json();
        match text_in(&answer, "status") {
            Some("running") => thread::sleep(LOOK),
            status => {
                let passed = status == Some("passed");
                session.show(&reply, told_run)?;
                return passed.then_some(()).ok_or_else(|| Failure::TestsFailed(run.to_owned()));
            }
        }
    }
}

fn told_tests(tests: &Value, look: Look) -> String {
    let row = |check: &Value| [text_of(check, "name"), demand(check)];
    let checks =
        table(look, ["CHECK", "DEMANDS"], items(tests, "checks").iter().map(row), "there are no checks");
    match tests.get("runner").filter(|runner| !runner.is_null()) {
        Some(runner) => {
            let told = format!("{}, within {} s", text_of(runner, "url"), text_of(runner, "timeoutSeconds"));
            format!("{checks}\n{}", labelled(look, [("Runner", told)]))
        }
        None => checks,
    }
}

/// What a check demands, in words.
fn demand(check: &Value) -> String {
    if text_in(check, "pointer").is_some() {
        let value = check.get("value").map(|value| format!(" {value}")).unwrap_or_default();
        return format!("{} {}{value}", text_of(check, "pointer"), text_of(check, "operator"));
    }
    if check.get("schema").is_some() {
        return "fits a schema".to_owned();
    }
    let from = text_in(check, "from").map(|from| format!(" from {from}")).unwrap_or_default();
    let to = match text_in(check, "arm") {
        Some(arm) => format!("arm {arm}"),
        None => text_of(check, "version"),
    };
    format!("{}{from} leads to {to}", text_of(check, "to"))
}

fn told_runs(answer: &Value, look: Look) -> String {
    let row = |run: &Value| {
        let cases = items(run, "cases");
        let failed = cases.iter().filter(|case| text_in(case, "status") == Some("failed")).count();
        [
            text_of(run, "id"),
            text_of(run, "target"),
            short_hash(run, "hash"),
            text_of(run, "status"),
            format!("{} of {}", cases.len() - failed, cases.len()),
            time(run, "startedAt"),
        ]
    };
    let header = ["RUN", "TARGET", "HASH", "STATUS", "PASSED", "STARTED"];
    table(look, header, items(answer, "testRuns").iter().map(row), "nothing was put to the test")
}

fn told_run(run: &Value, look: Look) -> String {
    let status = text_of(run, "status");
    let status = match status.as_str() {
        "passed" => look.green(status),
        "failed" => look.red(status),
        _ => look.yellow(status),
    };
    let head = labelled(
        look,
        [
            ("Run", look.bold(text_of(run, "id"))),
            ("Tests", format!("{} of {}", text_of(run, "target"), text_of(run, "agentId"))),
            ("Status", status),
            ("Ended", time(run, "endedAt")),
        ],
    );
    let case = |case: &Value| {
        let sign = match text_in(case, "status") {
            Some("passed") => look.green("✓"),
            _ => look.red("✗"),
        };
        let message = match text_in(case, "message") {
            Some("") | None => String::new(),
            Some(_) => format!("  {}", text_of(case, "message")),
        };
        format!("  {sign} {}{message}\n", text_of(case, "name"))
    };
    let cases: String = items(run, "cases").iter().map(case).collect();
    if cases.is_empty() { head } else { format!("{head}\n{cases}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_case_by_case() {
        let run = json!({
            "id": "019b76da-a800-7000-8000-000000000007", "agentId": "sales", "target": "V3", "status": "failed",
            "endedAt": "2026-01-01T00:00:00.000Z", "hash": "0123456789abcdef0123456789abcdef",
            "startedAt": "2026-01-01T00:00:00.000Z",
            "cases": [
                {"name": "greets", "status": "passed", "message": ""},
                {"name": "is short", "status": "failed", "message": "/name is \"Sales\": expected atMost 3"},
            ],
        });
        assert_eq!(
            told_run(&run, Look::default()),
            "\
Run     019b76da-a800-7000-8000-000000000007
Tests   V3 of sales
Status  failed
Ended   2026-01-01T00:00:00Z

  ✓ greets
  ✗ is short  /name is \"Sales\": expected atMost 3
"
        );
        assert!(told_runs(&json!({"testRuns": [run]}), Look::default()).contains("1 of 2"));
    }

    #[test]
    fn tests_are_told_by_what_they_demand() {
        let tests = json!({
            "checks": [
                {"name": "greets", "pointer": "/instructions/welcomeMessage", "operator": "exists"},
                {"name": "is warm", "pointer": "/llm/temperature", "operator": "atLeast", "value": 0.5},
                {"name": "fits", "schema": {}},
                {"name": "main line", "to": "+14155550100", "from": "+14155550199", "version": "target"},
                {"name": "trial", "to": "desk", "arm": "test"},
            ],
            "runner": {"url": "https://runner.example.com", "timeoutSeconds": 60},
        });
        let told = told_tests(&tests, Look::default());
        for line in [
            "greets     /instructions/welcomeMessage exists",
            "is warm    /llm/temperature atLeast 0.5",
            "fits       fits a schema",
            "main line  +14155550100 from +14155550199 leads to target",
            "trial      desk leads to arm test",
            "Runner  https://runner.example.com, within 60 s",
        ] {
            assert!(told.contains(line), "{line}\n{told}");
        }
    }
}
