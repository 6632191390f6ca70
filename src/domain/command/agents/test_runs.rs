//! Tests: what an agent is tested by, runs that begin and end, and what may go on only once they passed.

use std::sync::Arc;

use super::OnAgent;
use crate::domain::agent_tests::run::{Case, RUNS_MAX, RunStatus, TestRun, TestRunId};
use crate::domain::agent_tests::{RUNNER_SECONDS, Secret, TestSuite, shape_faults};
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::id::{ConfigHash, Environment, Pin};
use crate::domain::refusal::{Refusal, RefusalKind};

/// The code of a version that has not passed its tests where it has to.
pub const TESTS_NOT_PASSED: &str = "TESTS_NOT_PASSED";

/// What an agent is to be tested by.
#[derive(Debug, Clone)]
pub struct PutTests {
    /// Its checks, each of which is sound by itself, and its runner.
    pub suite: TestSuite,
    /// The secret of a runner that says none and has none.
    pub spare: Secret,
}

/// A run that is to begin.
#[derive(Debug, Clone, Copy)]
pub struct StartTestRun {
    /// The id that it gets.
    pub id: TestRunId,
    /// What is to be tested.
    pub target: Pin,
}

/// What came of a run, or of a part of it.
#[derive(Debug, Clone)]
pub struct RecordTestRun {
    /// The run.
    pub id: TestRunId,
    /// What came of each check; after those that are known.
    pub cases: Vec<Case>,
    /// What is to come of it.
    pub then: RunThen,
    /// Whether it is its runner who says so.
    pub by_runner: bool,
}

/// What is to come of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunThen {
    /// Nothing: it is over.
    IsOver,
    /// Its runner is told, and has from now on the time of the suite.
    AwaitsRunner,
}

impl OnAgent<'_> {
    /// A runner of which no secret is said keeps the one there is, or gets the spare one.
    pub(super) fn put_tests(&self, PutTests { suite, spare }: &PutTests) -> Result<Outcome, Refusal> {
        let faults = shape_faults(&suite.checks);
        if !faults.is_empty() {
            return Err(Refusal::fields(faults));
        }
        let mut suite = suite.clone();
        if let Some(runner) = suite.runner.as_mut().filter(|runner| runner.secret.is_empty()) {
            let present = self.agent.tests.as_deref().and_then(|present| present.runner.as_ref());
            runner.secret = present.map_or_else(|| spare.clone(), |present| present.secret.clone());
        }
        let same = self.agent.tests.as_deref().map_or_else(|| suite.is_empty(), |present| *present == suite);
        let put = Change::TestsPut { agent: self.id.clone(), suite: Arc::new(suite.clone()) };
        let changes = if same { Vec::new() } else { vec![put] };
        let runner = if suite.runner.is_some() { " and a runner" } else { "" };
        let checks = crate::domain::words::counted(suite.checks.len(), "check");
        let summary = format!("{} is tested by {checks}{runner}", self.id.agent);
        Ok(self.outcome("tests.put", changes, summary))
    }

    pub(super) fn start_test_run(&self, start: &StartTestRun) -> Result<Outcome, Refusal> {
        let StartTestRun { id, target } = start;
        let agent = &self.id.agent;
        let Some(hash) = self.agent.resolve(*target).map(|version| version.hash) else {
            return Err(Refusal::field("target", format!("agent {agent} has nothing at {target}")));
        };
        let Some(changes) = self.run_of(*id, *target, hash, 0) else {
            let message = format!("agent {agent} has no tests: put some there first");
            return Err(Refusal::new(RefusalKind::Conflict, "NO_TESTS", message));
        };
        Ok(self.outcome("test-run.start", changes, format!("{target} of {agent} is put to the test")))
    }

    /// Runs of tests that deployments begin: of each what it put into its environment.
    pub(super) fn runs_of(&self, changes: &[Change]) -> Vec<Change> {
        let mut runs = Vec::new();
        for change in changes {
            let Change::Deployed { deployment, .. } = change else { continue };
            let saved = changes.iter().find_map(|change| match change {
                Change::VersionSaved { version, .. } if version.number == Some(deployment.version) => {
                    Some(version)
                }
                _ => None,
            });
            if let Some(version) = saved.or_else(|| self.agent.versions.get(&deployment.version)) {
                let target = Pin::Environment(deployment.environment);
                let begun = runs.iter().filter(|run| matches!(run, Change::TestRunPut { .. })).count();
                let run = self.run_of(TestRunId(deployment.id), target, version.hash, begun);
                runs.extend(run.unwrap_or_default());
            }
        }
        runs
    }

    /// A run that begins, and the oldest that goes for it; nothing where there are no tests.
    fn run_of(&self, id: TestRunId, target: Pin, hash: ConfigHash, besides: usize) -> Option<Vec<Change>> {
        let suite = self.agent.tests.as_deref().filter(|suite| !suite.is_empty())?;
        let run = TestRun {
            id,
            target,
            hash,
            suite: suite.fingerprint(),
            status: RunStatus::Running,
            cases: Vec::new(),
            started_by: self.author(),
            started_at: self.command.at,
            until: self.command.at.plus_ms(self.time()),
            ended_at: None,
            awaits_runner: false,
        };
        let over = (self.agent.test_runs.len() + besides + 1).saturating_sub(RUNS_MAX);
        let removed = self.dispensable().take(over);
        let removed = removed.map(|run| Change::TestRunRemoved { agent: self.id.clone(), run });
        let put = Change::TestRunPut { agent: self.id.clone(), run: Arc::new(run) };
        Some(removed.chain([put]).collect())
    }

    /// Runs that can go for others, the oldest first: they are over, and no environment rests on what they say.
    fn dispensable(&self) -> impl Iterator<Item = TestRunId> {
        let serving = Environment::ALL.map(|environment| Some(self.agent.deployed(environment)?.hash));
        let runs = &self.agent.test_runs;
        let newest_of = |hash: ConfigHash| {
            let mut ended = runs.values().rev().filter(|run| run.status != RunStatus::Running);
            ended.find(|run| run.hash == hash).map(|run| run.id)
        };
        let needed = serving.map(|hash| hash.and_then(newest_of));
        let ended = runs.values().filter(|run| run.status != RunStatus::Running).map(|run| run.id);
        ended.filter(move |run| !needed.contains(&Some(*run)))
    }

    /// How long a run may take, in milliseconds.
    fn time(&self) -> i64 {
        let runner = self.agent.tests.as_deref().and_then(|suite| suite.runner.as_ref());
        i64::from(runner.map_or(RUNNER_SECONDS, |runner| runner.timeout_seconds)) * 1_000
    }

    pub(super) fn record_test_run(&self, record: &RecordTestRun) -> Result<Outcome, Refusal> {
        let RecordTestRun { id, cases, then, by_runner } = record;
        let Some(run) = self.agent.test_runs.get(id) else {
            let message = format!("agent {} has no test run {id}", self.id.agent);
            return Err(Refusal::not_found("NOT_FOUND", message));
        };
        if run.status != RunStatus::Running {
            let message = format!("test run {id} has {} already", run.status.as_str());
            return Err(Refusal::new(RefusalKind::Conflict, "TEST_RUN_ENDED", message));
        }
        if *by_runner && !run.awaits_runner {
            let message = format!("the runner of test run {id} has not been told of it yet");
            return Err(Refusal::new(RefusalKind::Conflict, "TEST_RUN_NOT_AWAITED", message));
        }
        let at = self.command.at;
        let next = match then {
            RunThen::IsOver => run.over(cases, at),
            RunThen::AwaitsRunner => run.awaiting(cases, at.plus_ms(self.time())),
        };
        let summary = match next.status {
            RunStatus::Running => format!("a runner tests {} of {}", run.target, self.id.agent),
            ended => format!("the tests of {} of {} have {}", run.target, self.id.agent, ended.as_str()),
        };
        let put = Change::TestRunPut { agent: self.id.clone(), run: Arc::new(next) };
        Ok(self.outcome("test-run.record", vec![put], summary))
    }

    /// Whether a configuration may go on as far as its tests are concerned: where the account has a gate, the newest of
    /// its runs of the present tests that is over has passed.
    pub(super) fn passed_tests(&self, hash: ConfigHash) -> Result<(), Refusal> {
        if !self.settings().tests_gate {
            return Ok(());
        }
        let Some(suite) = self.agent.tests.as_deref().map(TestSuite::fingerprint) else {
            let agent = &self.id.agent;
            let message =
                format!("agent {agent} has no tests, and the account lets on only what passed some");
            return Err(Refusal::new(RefusalKind::Precondition, TESTS_NOT_PASSED, message));
        };
        let runs =
            || self.agent.test_runs.values().rev().filter(|run| run.hash == hash && run.suite == suite);
        let ended = runs().find(|run| run.status != RunStatus::Running);
        let why = match ended.map(|run| run.status) {
            Some(RunStatus::Passed) => return Ok(()),
            Some(_) => "failed its tests",
            None if runs().next().is_some() => "has not ended its tests",
            None => "has not been put to its present tests",
        };
        let message =
            format!("what {} is to serve {why}: the account lets on only what passed", self.id.agent);
        Err(Refusal::new(RefusalKind::Precondition, TESTS_NOT_PASSED, message))
    }
}
