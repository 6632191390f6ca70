//! Runs of tests, carried on from their beginning to their end.
//!
//! Whatever began a run, here it is found running: its checks are looked at, its runner is told, and what nobody answers
//! in time has failed. So a run goes on after a restart as well. A runner is told once, after that is noted: one that was
//! not reached because the router died then is not told again, and the run fails when its time is over.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};

use crate::control::Control;
use crate::domain::agent::AgentRef;
use crate::domain::agent_tests::Runner;
use crate::domain::agent_tests::run::{Case, TestRun, TestRunId};
use crate::domain::command::{Action, AgentEdit, Author, Command, RecordTestRun};
use crate::domain::time::Timestamp;
use crate::http::outgoing::{Outgoing, signature};
use crate::telemetry::Clock;

/// How often it is looked for runs.
const LOOK: Duration = Duration::from_millis(200);
/// Most runs that are looked at, or runners that are told, at once.
const AT_ONCE: usize = 4;

/// What carries runs on.
pub(super) struct TestRuns {
    pub(super) control: Control,
    pub(super) outgoing: Outgoing,
    pub(super) clock: Clock,
}

impl TestRuns {
    /// Looks for runs until it is dropped.
    pub(super) async fn run(self) {
        let this = Arc::new(self);
        let begun = Arc::new(Mutex::new(HashSet::new()));
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for (id, agent) in this.due(&begun) {
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
                let this = Arc::clone(&this);
                tokio::task::spawn_blocking(move || {
                    this.carry_on(&agent, id);
                    drop(permit);
                });
            }
        }
    }

    /// Runs with which something is to be done: those that nobody has begun with, and those whose time is over.
    fn due(&self, begun: &Mutex<HashSet<TestRunId>>) -> Vec<(TestRunId, AgentRef)> {
        let state = self.control.state();
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.retain(|id| state.running_tests.contains_key(id));
        let now = self.now();
        let due = state.running_tests.iter().filter(|(id, agent)| {
            let run = state.agents.get(agent).and_then(|agent| agent.test_runs.get(id));
            run.is_some_and(|run| run.until <= now || !run.awaits_runner && begun.insert(**id))
        });
        due.map(|(id, agent)| (*id, agent.clone())).collect()
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    fn carry_on(&self, id: &AgentRef, run: TestRunId) {
        let state = self.control.state();
        let Some(agent) = state.agents.get(id) else { return };
        let Some(run) = agent.test_runs.get(&run) else { return };
        if run.until <= self.now() {
            let late = Case::failed("time", "no result came in time");
            return self.record(id, run.id, vec![late], false);
        }
        let suite = agent.tests.as_deref().cloned().unwrap_or_default();
        let cases = self.control.judge(id, run, &suite, Timestamp(self.clock.steady_ms()));
        let cases = cases.unwrap_or_else(|why| {
            tracing::error!(error = ?why, "a configuration to be tested could not be read");
            vec![Case::failed("store", "the configuration could not be read")]
        });
        self.record(id, run.id, cases, suite.runner.is_some());
        if let Some(runner) = &suite.runner
            && let Err(why) = self.tell(id, run, runner)
        {
            self.record(id, run.id, vec![Case::failed("runner", why)], false);
        }
    }

    /// Tells a runner of a run.
    fn tell(&self, id: &AgentRef, run: &TestRun, runner: &Runner) -> Result<(), String> {
        let body = json!({
            "runId": run.id,
            "agentId": id.agent,
            "target": run.target,
            "hash": run.hash,
            "snapshot": format!("/v1/snapshots/{}", run.hash),
            "result": format!("/v1/test-runs/{}/result", run.id),
            "token": runner.token(run.id),
            "until": run.until,
        })
        .to_string();
        let signed = signature(&runner.secret, self.clock.now_ms() / 1_000, body.as_bytes());
        let headers = [("x-cordboard-signature", signed)];
        match self.outgoing.post(&runner.url, &headers, body.as_bytes()) {
            Ok(200..300) => Ok(()),
            Ok(status) => Err(format!("the runner answered {status}: expected 200 to 299")),
            Err(why) => Err(format!("the runner {why}")),
        }
    }

    fn record(&self, agent: &AgentRef, id: TestRunId, cases: Vec<Case>, awaits_runner: bool) {
        let edit = AgentEdit::RecordTestRun(RecordTestRun { id, cases, awaits_runner });
        let command = Command {
            account: agent.account.clone(),
            author: Author::Router,
            at: self.now(),
            action: Action::Agent { agent: agent.agent.clone(), edit },
        };
        if let Err(why) = self.control.submit_blocking(command) {
            // Most often somebody else ended it meanwhile; what else stands in the way is met again when its time is over.
            tracing::debug!(run = %id, error = %why, "what came of a test run was not recorded");
        }
    }
}
