//! A run of tests: of what, and what came of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::deployment::DeploymentId;
use crate::domain::id::{ConfigHash, Pin};
use crate::domain::time::Timestamp;

/// Most runs of an agent that are kept, the newest.
pub const RUNS_MAX: usize = 100;
/// Most cases of a run.
pub const CASES_MAX: usize = 500;
/// Longest name of a case, in characters.
pub const CASE_NAME_CHARS_MAX: usize = 100;
/// Longest message of a case, in characters.
pub const CASE_MESSAGE_CHARS_MAX: usize = 500;

/// The id of a run: that of the deployment that started it, or one of its own of the same kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TestRunId(pub DeploymentId);

impl TestRunId {
    /// Reads a UUID of version 7.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        DeploymentId::parse(text).map(Self)
    }
}

impl fmt::Display for TestRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One configuration put to the test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestRun {
    /// Its id.
    pub id: TestRunId,
    /// What was to be tested, as it was asked.
    pub target: Pin,
    /// The configuration that this was then.
    pub hash: ConfigHash,
    /// The fingerprint of the tests that it was put to.
    pub suite: ConfigHash,
    /// How far it has come.
    pub status: RunStatus,
    /// What came of each check so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<Case>,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started_at: Timestamp,
    /// When it has failed if nothing has come of it.
    pub until: Timestamp,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Whether a runner was told and has not answered yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_runner: bool,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Something of it is to come.
    Running,
    /// All was as it must be.
    Passed,
    /// Something was not.
    Failed,
}

impl RunStatus {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Which.
    pub name: String,
    /// Whether it passed.
    pub status: CaseStatus,
    /// Why not, or whatever else is to be said.
    #[serde(default)]
    pub message: String,
}

/// Whether a case passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseStatus {
    /// It did.
    Passed,
    /// It did not.
    Failed,
}

impl Case {
    /// A case that failed.
    #[must_use]
    pub fn failed(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: CaseStatus::Failed, message: message.into() }.bounded()
    }

    /// The same with name and message as long as they may be.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            name: shortened(self.name, CASE_NAME_CHARS_MAX),
            message: shortened(self.message, CASE_MESSAGE_CHARS_MAX),
            ..self
        }
    }
}

fn shortened(text: String, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

impl TestRun {
    /// The same once it is over, with what came of the rest of it.
    #[must_use]
    pub fn over(&self, cases: &[Case], at: Timestamp) -> Self {
        let failed = |cases: &[Case]| cases.iter().any(|case| case.status == CaseStatus::Failed);
        let failed = failed(&self.cases) || failed(cases);
        let status = if failed { RunStatus::Failed } else { RunStatus::Passed };
        Self { status, ended_at: Some(at), awaits_runner: false, cases: self.and(cases), ..self.clone() }
    }

    /// The same with what came of its checks, and its runner to be told, who has time until then.
    #[must_use]
    pub fn awaiting(&self, cases: &[Case], until: Timestamp) -> Self {
        Self { until, awaits_runner: true, cases: self.and(cases), ..self.clone() }
    }

    /// All cases, as many as are kept: of too many, those that passed go first.
    fn and(&self, cases: &[Case]) -> Vec<Case> {
        let mut all: Vec<Case> = self.cases.iter().chain(cases).cloned().map(Case::bounded).collect();
        if all.len() > CASES_MAX {
            all.sort_by_key(|case| case.status == CaseStatus::Passed);
            all.truncate(CASES_MAX);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::config;

    fn case(n: usize, status: CaseStatus) -> Case {
        Case { name: n.to_string(), status, message: "m".repeat(1_000) }
    }

    #[test]
    fn one_case_that_failed_fails_a_run_however_many_passed() {
        let at = Timestamp(1);
        let run = TestRun {
            id: TestRunId(DeploymentId::new(at, &[1; 10])),
            target: Pin::Draft,
            hash: config("x").hash,
            suite: config("y").hash,
            status: RunStatus::Running,
            cases: Vec::new(),
            started_by: "ci".to_owned(),
            started_at: at,
            until: at,
            ended_at: None,
            awaits_runner: false,
        };
        assert_eq!(run.over(&[], at).status, RunStatus::Passed);
        let own: Vec<Case> = (0..200).map(|n| case(n, CaseStatus::Passed)).collect();
        let mut runners: Vec<Case> = (200..700).map(|n| case(n, CaseStatus::Passed)).collect();
        assert_eq!(run.awaiting(&own, at).over(&runners, at).status, RunStatus::Passed);
        runners[499].status = CaseStatus::Failed;
        let over = run.awaiting(&own, at).over(&runners, at);
        assert_eq!((over.status, over.cases.len()), (RunStatus::Failed, CASES_MAX));
        assert_eq!(over.cases[0].name, "699", "what failed is told before what passed");
        assert!(over.cases.iter().all(|case| case.message.len() <= CASE_MESSAGE_CHARS_MAX));
    }
}
