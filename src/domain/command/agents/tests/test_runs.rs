//! Laws of runs of tests: what is taken, what is kept, what may go on.

use super::*;
use crate::domain::agent_tests::check::{Check, Demand, Operator};
use crate::domain::agent_tests::run::{Case, CaseStatus, RUNS_MAX, RunStatus, TestRun, TestRunId};
use crate::domain::agent_tests::{Runner, Secret, TestSuite};

fn suite(pointer: &str, runner: bool) -> TestSuite {
    let demand = Demand::Value {
        pointer: pointer.to_owned(),
        operator: Operator::Exists,
        value: serde_json::Value::Null,
    };
    let runner = runner.then(|| Runner {
        url: "https://runner.example.com".to_owned(),
        timeout_seconds: 60,
        secret: Secret::default(),
    });
    TestSuite { checks: vec![Check { name: "it".to_owned(), demand }], runner }
}

fn put_tests(suite: TestSuite) -> Action {
    desk(AgentEdit::PutTests(PutTests { suite, spare: Secret::new("spare".to_owned()) }))
}

fn id(n: u8) -> TestRunId {
    TestRunId(DeploymentId::new(Timestamp(i64::from(n)), &[n; 10]))
}

fn start(n: u8) -> Action {
    desk(AgentEdit::StartTestRun(StartTestRun { id: id(n), target: Pin::Draft }))
}

fn record(n: u8, status: CaseStatus, then: RunThen, by_runner: bool) -> Action {
    let cases = vec![Case { name: "it".to_owned(), status, message: String::new() }];
    desk(AgentEdit::RecordTestRun(RecordTestRun { id: id(n), cases, then, by_runner }))
}

fn run(state: &State, n: u8) -> Option<&TestRun> {
    agent(state).test_runs.get(&id(n)).map(AsRef::as_ref)
}

fn with_tests(runner: bool) -> State {
    let mut state = with_desk();
    state.act(put_tests(suite("/name", runner))).unwrap();
    state
}

#[test]
fn a_runner_is_heard_once_it_was_told_and_once() {
    let mut state = with_tests(true);
    state.act(start(1)).unwrap();
    let passed = |by_runner| record(1, CaseStatus::Passed, RunThen::IsOver, by_runner);
    assert_eq!(refused(&mut state, passed(true)), "TEST_RUN_NOT_AWAITED");
    state.act(record(1, CaseStatus::Failed, RunThen::AwaitsRunner, false)).unwrap();
    assert_eq!(run(&state, 1).unwrap().status, RunStatus::Running);
    state.act(passed(true)).unwrap();
    assert_eq!(run(&state, 1).unwrap().status, RunStatus::Failed, "what one check says stands");
    assert_eq!(refused(&mut state, passed(true)), "TEST_RUN_ENDED");
    assert!(state.running_tests.iter().next().is_none());
}

#[test]
fn a_runner_keeps_its_secret_where_none_is_said_and_gets_the_spare_one_where_it_has_none() {
    let mut state = with_tests(true);
    let secret = |state: &State| {
        let tests = agent(state).tests.clone().unwrap();
        tests.runner.as_ref().unwrap().secret.expose().to_owned()
    };
    assert_eq!(secret(&state), "spare");
    let mut said = suite("/llm", true);
    said.runner.as_mut().unwrap().secret = Secret::new("said".to_owned());
    state.act(put_tests(said)).unwrap();
    state.act(put_tests(suite("/voice", true))).unwrap();
    assert_eq!(secret(&state), "said");
}

#[test]
fn only_a_run_of_the_present_tests_opens_the_gate() {
    let mut state = with_tests(false);
    settle(&mut state, |settings| settings.tests_gate = true);
    let to_live = || publish(Environment::Live);
    assert_eq!(refused(&mut state, to_live()), TESTS_NOT_PASSED);
    state.act(start(1)).unwrap();
    assert_eq!(refused(&mut state, to_live()), TESTS_NOT_PASSED, "it has not ended");
    state.act(record(1, CaseStatus::Passed, RunThen::IsOver, false)).unwrap();
    assert!(state.clone().act(to_live()).is_ok());
    let mut others = state.clone();
    others.act(put_tests(suite("/llm", false))).unwrap();
    assert_eq!(refused(&mut others, to_live()), TESTS_NOT_PASSED, "it was a run of other tests");
    others.act(put_tests(TestSuite::default())).unwrap();
    assert_eq!(refused(&mut others, to_live()), TESTS_NOT_PASSED, "no tests open no gate");
    state.act(start(2)).unwrap();
    state.act(record(2, CaseStatus::Failed, RunThen::IsOver, false)).unwrap();
    assert_eq!(refused(&mut state, to_live()), TESTS_NOT_PASSED, "the newest counts");
}

#[test]
fn many_runs_push_out_neither_what_runs_nor_what_an_environment_rests_on() {
    let mut state = with_tests(false);
    state.act(publish(Environment::Sandbox)).unwrap();
    let of_sandbox = TestRunId(active(&state, Environment::Sandbox).id);
    let ended = RecordTestRun { id: of_sandbox, cases: Vec::new(), then: RunThen::IsOver, by_runner: false };
    state.act(desk(AgentEdit::RecordTestRun(ended))).unwrap();
    state.act(edit("another")).unwrap();
    state.act(start(2)).unwrap();
    for n in 3..=200 {
        state.act(start(n)).unwrap();
        state.act(record(n, CaseStatus::Passed, RunThen::IsOver, false)).unwrap();
    }
    assert_eq!(agent(&state).test_runs.len(), RUNS_MAX);
    assert!(agent(&state).test_runs.contains_key(&of_sandbox));
    assert_eq!(run(&state, 2).unwrap().status, RunStatus::Running);
    assert!(run(&state, 3).is_none() && run(&state, 200).is_some());
    assert_eq!(state.test_runs.iter().count(), RUNS_MAX, "the index holds those that are kept");
    state.act(desk(AgentEdit::Delete)).unwrap();
    assert_eq!((state.test_runs.iter().count(), state.running_tests.iter().count()), (0, 0));
}
