//! Runs of tests, carried on from their beginning to their end.
//!
//! Whatever began a run, here it is found running: its checks are looked at, its runner is told, and what nobody answers
//! in time has failed. So a run goes on after a restart as well. A runner is told once, after that is noted: one that was
//! not reached because the router died then is not told again, and the run fails when its time is over.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};

use crate::control::Control;
use crate::domain::agent::AgentRef;
use crate::domain::agent_tests::Runner;
use crate::domain::agent_tests::run::{Case, TestRun, TestRunId};
use crate::domain::command::{Action, AgentEdit, Author, Command, RecordTestRun, RunThen};
use crate::domain::time::Timestamp;
use crate::http::outgoing::{Outgoing, signature};
use crate::telemetry::Clock;

/// How often it is looked for runs.
const LOOK: Duration = Duration::from_millis(200);
/// Most runs that are looked at at once.
const AT_ONCE: usize = 2;
/// Most runners that are told at once.
const TOLD_AT_ONCE: usize = 32;

/// What carries runs on.
pub(super) struct TestRuns {
    pub(super) control: Control,
    pub(super) outgoing: Outgoing,
    pub(super) clock: Clock,
}

/// Runs with which somebody has begun here.
type Begun = Mutex<HashSet<TestRunId>>;

impl TestRuns {
    /// Looks for runs until it is dropped.
    pub(super) async fn run(self) {
        let this = Arc::new(self);
        let begun = Arc::new(Begun::default());
        // A runner that is slow to answer keeps nobody's checks waiting.
        let [judging, telling] = [AT_ONCE, TOLD_AT_ONCE].map(|room| Arc::new(Semaphore::new(room)));
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for (id, agent) in this.due(&begun) {
                let (this, begun) = (Arc::clone(&this), Arc::clone(&begun));
                let (judging, telling) = (Arc::clone(&judging), Arc::clone(&telling));
                tokio::spawn(async move {
                    let (carrying, of) = (Arc::clone(&this), agent.clone());
                    let judged = within(judging, move || carrying.judge(&of, id, &begun)).await;
                    if judged == Some(Judged::TellRunner) {
                        within(telling, move || this.tell(&agent, id)).await;
                    }
                });
            }
        }
    }

    /// Runs with which something is to be done: those that nobody has begun with, and those whose time is over.
    fn due(&self, begun: &Begun) -> Vec<(TestRunId, AgentRef)> {
        let state = self.control.state();
        let mut begun = locked(begun);
        begun.retain(|id| state.running_tests.contains_key(id));
        let now = self.now();
        let due = state.running_tests.iter().filter(|(id, agent)| {
            let run = state.agents.get(agent).and_then(|agent| agent.test_runs.get(id));
            run.is_some_and(|run| (run.until <= now || !run.awaits_runner) && begun.insert(**id))
        });
        due.map(|(id, agent)| (*id, agent.clone())).collect()
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    /// Looks at the checks of a run, or ends one whose time is over.
    fn judge(&self, id: &AgentRef, run: TestRunId, begun: &Begun) -> Judged {
        let state = self.control.state();
        let Some(agent) = state.agents.get(id) else { return Judged::Over };
        let Some(run) = agent.test_runs.get(&run) else { return Judged::Over };
        let suite = agent.tests.as_deref().cloned().unwrap_or_default();
        let (cases, then) = if run.until <= self.now() {
            (vec![Case::failed("time", "no result came in time")], RunThen::IsOver)
        } else if suite.fingerprint() != run.suite {
            (vec![Case::failed("tests", "they were changed before the run")], RunThen::IsOver)
        } else {
            let cases = self.control.judge(id, run, &suite, Timestamp(self.clock.steady_ms()));
            let cases = cases.unwrap_or_else(|why| {
                tracing::error!(error = ?why, "a configuration to be tested could not be read");
                vec![Case::failed("store", "the configuration could not be read")]
            });
            (cases, if suite.runner.is_some() { RunThen::AwaitsRunner } else { RunThen::IsOver })
        };
        let recorded = self.record(id, run.id, cases, then);
        // Whatever is to come of it, it is begun with again: it may not have been recorded, and its time will be over.
        locked(begun).remove(&run.id);
        if recorded && then == RunThen::AwaitsRunner { Judged::TellRunner } else { Judged::Over }
    }

    /// Tells a runner of a run.
    fn tell(&self, id: &AgentRef, run: TestRunId) {
        let state = self.control.state();
        let Some(agent) = state.agents.get(id) else { return };
        let runner = agent.tests.as_deref().and_then(|tests| tests.runner.as_ref());
        let (Some(run), Some(runner)) = (agent.test_runs.get(&run), runner) else { return };
        if let Err(why) = self.ask(id, run, runner) {
            self.record(id, run.id, vec![Case::failed("runner", why)], RunThen::IsOver);
        }
    }

    fn ask(&self, id: &AgentRef, run: &TestRun, runner: &Runner) -> Result<(), String> {
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
        let signed = signature(runner.secret.expose(), self.clock.now_ms() / 1_000, body.as_bytes());
        let headers = [("x-cordboard-signature", signed)];
        match self.outgoing.post(&runner.url, &headers, body.as_bytes()) {
            Ok(200..300) => Ok(()),
            Ok(status) => Err(format!("the runner answered {status}: expected 200 to 299")),
            Err(why) => Err(format!("the runner {why}")),
        }
    }

    /// Notes what came of a run; whether it was taken.
    fn record(&self, agent: &AgentRef, id: TestRunId, cases: Vec<Case>, then: RunThen) -> bool {
        let edit = AgentEdit::RecordTestRun(RecordTestRun { id, cases, then, by_runner: false });
        let command = Command {
            account: agent.account.clone(),
            author: Author::Router,
            at: self.now(),
            action: Action::Agent { agent: agent.agent.clone(), edit },
        };
        let taken = self.control.submit_blocking(command);
        if let Err(why) = &taken {
            // Most often somebody else ended it meanwhile; else it is begun with again.
            tracing::debug!(run = %id, error = %why, "what came of a test run was not recorded");
        }
        taken.is_ok()
    }
}

/// What is to be done with a run whose checks were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// Its runner is to be told.
    TellRunner,
    /// Nothing.
    Over,
}

/// Does something that blocks once there is room for it.
async fn within<T: Send + 'static>(
    room: Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let permit = room.acquire_owned().await.ok()?;
    let done = tokio::task::spawn_blocking(work).await.ok();
    drop(permit);
    done
}

fn locked(begun: &Begun) -> MutexGuard<'_, HashSet<TestRunId>> {
    begun.lock().unwrap_or_else(PoisonError::into_inner)
}
