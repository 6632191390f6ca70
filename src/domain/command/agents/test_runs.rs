//! Tests: what an agent is tested by, runs that begin and end, and what may go on only once they passed.

use std::sync::Arc;

use super::OnAgent;
use crate::domain::agent_tests::run::{Case, RUNS_MAX, RunStatus, TestRun, TestRunId};
use crate::domain::agent_tests::{RUNNER_SECONDS, TestSuite};
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::id::{ConfigHash, Pin};
use crate::domain::refusal::{Refusal, RefusalKind};

/// The code of a version that has not passed its tests where it has to.
pub const TESTS_NOT_PASSED: &str = "TESTS_NOT_PASSED";

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
    /// Whether a runner was told, who has yet to say what came of the rest.
    pub awaits_runner: bool,
}

impl OnAgent<'_> {
    pub(super) fn put_tests(&self, suite: &TestSuite) -> Result<Outcome, Refusal> {
        let faults = suite.faults();
        if !faults.is_empty() {
            return Err(Refusal::fields(faults));
        }
        let same = self.agent.tests.as_deref().map_or_else(|| suite.is_empty(), |present| present == suite);
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
                let run = self.run_of(TestRunId(deployment.id), target, version.hash, runs.len());
                runs.extend(run.unwrap_or_default());
            }
        }
        runs
    }

    /// A run that begins, and the oldest that goes for it; nothing where there are no tests.
    fn run_of(&self, id: TestRunId, target: Pin, hash: ConfigHash, besides: usize) -> Option<Vec<Change>> {
        let suite = self.agent.tests.as_deref().filter(|suite| !suite.is_empty())?;
        let seconds = suite.runner.as_ref().map_or(RUNNER_SECONDS, |runner| runner.timeout_seconds);
        let run = TestRun {
            id,
            target,
            hash,
            status: RunStatus::Running,
            cases: Vec::new(),
            started_by: self.author(),
            started_at: self.command.at,
            until: self.command.at.plus_ms(i64::from(seconds) * 1_000),
            ended_at: None,
            awaits_runner: false,
        };
        let gone = (self.agent.test_runs.len() + besides + 1).checked_sub(RUNS_MAX).filter(|gone| *gone > 0);
        let oldest = self.agent.test_runs.keys().take(gone.unwrap_or_default());
        let removed = oldest.map(|run| Change::TestRunRemoved { agent: self.id.clone(), run: *run });
        let put = Change::TestRunPut { agent: self.id.clone(), run: Arc::new(run) };
        Some(removed.chain([put]).collect())
    }

    pub(super) fn record_test_run(&self, record: &RecordTestRun) -> Result<Outcome, Refusal> {
        let RecordTestRun { id, cases, awaits_runner } = record;
        let Some(run) = self.agent.test_runs.get(id) else {
            let message = format!("agent {} has no test run {id}", self.id.agent);
            return Err(Refusal::not_found("NOT_FOUND", message));
        };
        if run.status != RunStatus::Running {
            let message = format!("test run {id} has {} already", run.status.as_str());
            return Err(Refusal::new(RefusalKind::Conflict, "TEST_RUN_ENDED", message));
        }
        let next = run.with(cases.iter().cloned(), *awaits_runner, self.command.at);
        let summary = match next.status {
            RunStatus::Running => format!("a runner tests {} of {}", run.target, self.id.agent),
            ended => format!("the tests of {} of {} have {}", run.target, self.id.agent, ended.as_str()),
        };
        let put = Change::TestRunPut { agent: self.id.clone(), run: Arc::new(next) };
        Ok(self.outcome("test-run.record", vec![put], summary))
    }

    /// Whether a configuration may go on as far as its tests are concerned: where the account has a gate, the newest of
    /// its runs that is over has passed.
    pub(super) fn passed_tests(&self, hash: ConfigHash) -> Result<(), Refusal> {
        if !self.settings().tests_gate {
            return Ok(());
        }
        let runs = || self.agent.test_runs.values().rev().filter(|run| run.hash == hash);
        let ended = runs().find(|run| run.status != RunStatus::Running);
        let why = match ended.map(|run| run.status) {
            Some(RunStatus::Passed) => return Ok(()),
            Some(_) => "failed its tests",
            None if runs().next().is_some() => "has not ended its tests",
            None => "has not been tested",
        };
        let message =
            format!("what {} is to serve {why}: the account lets on only what passed", self.id.agent);
        Err(Refusal::new(RefusalKind::Precondition, TESTS_NOT_PASSED, message))
    }
}
