//! Tests of an agent: what its configuration must be like, where calls must lead, and what a runner elsewhere says.
//!
//! ```text
//!   TestSuite --(a target: draft, V<n>, environment)--> TestRun: running --> passed or failed, case by case
//! ```

pub mod check;
pub mod run;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::id::ConfigHash;
use super::refusal::FieldFault;
use check::Check;
use run::TestRunId;

/// Most checks of an agent.
pub const CHECKS_MAX: usize = 200;
/// Largest suite, in bytes of JSON.
pub const SUITE_BYTES_MAX: usize = 256 << 10;
/// Longest time that a runner may take, in seconds.
pub const RUNNER_SECONDS_MAX: u32 = 3_600;
/// What the time of a runner must be.
pub const RUNNER_SECONDS_EXPECTED: &str = "a whole number of seconds from 1 to 3,600";
/// How long a runner has unless said, in seconds.
pub const RUNNER_SECONDS: u32 = 600;
/// Longest address of a runner, in bytes.
pub const RUNNER_URL_BYTES_MAX: usize = 2_048;

/// What an agent is tested by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TestSuite {
    /// What the router looks at itself.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Who is asked besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<Runner>,
}

/// Somebody elsewhere who tests a configuration, and says later what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runner {
    /// Where runs are told: `https`, or a host that the settings list.
    pub url: String,
    /// How long a run may take until its result is there, in seconds.
    pub timeout_seconds: u32,
    /// What requests to it are signed with; known to it and to nobody else.
    pub secret: Secret,
}

/// A text that is told to nobody who may not know it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// A secret.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// What it is: for whoever signs with it, or is told it once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Runner {
    /// What says of whoever gives the result of a run that this runner was told of it: 43 characters, URL-safe.
    #[must_use]
    pub fn token(&self, run: TestRunId) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("cordboard result of a test run");
        hasher.update(self.secret.expose().as_bytes()).update(b" ").update(run.to_string().as_bytes());
        URL_SAFE_NO_PAD.encode(hasher.finalize().as_bytes())
    }
}

impl TestSuite {
    /// What tells it from others: its checks and where its runner is.
    #[must_use]
    pub fn fingerprint(&self) -> ConfigHash {
        let url = self.runner.as_ref().map(|runner| &runner.url);
        let text = serde_json::to_vec(&(&self.checks, url)).unwrap_or_default();
        let mut hash = [0; 16];
        blake3::Hasher::new().update(&text).finalize_xof().fill(&mut hash);
        ConfigHash(hash)
    }

    /// Whether there is nothing to test.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.runner.is_none()
    }
}

/// Everything that is wrong with some checks, each by its place.
#[must_use]
pub fn check_faults(checks: &[Check]) -> Vec<FieldFault> {
    let each = checks.iter().enumerate().flat_map(|(i, check)| {
        let at =
            move |fault: FieldFault| FieldFault { field: format!("checks[{i}].{}", fault.field), ..fault };
        check.faults().into_iter().map(at)
    });
    each.chain(shape_faults(checks)).collect()
}

/// What is wrong with some checks together. Cost: no look into any of them, but how long it is.
#[must_use]
pub fn shape_faults(checks: &[Check]) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    for (i, check) in checks.iter().enumerate().filter(|(_, check)| !names.insert(&check.name)) {
        let message =
            format!("is the name {:?} of an earlier check too: expected one of its own", check.name);
        faults.push(FieldFault { field: format!("checks[{i}].name"), message });
    }
    let mut fault = |message| faults.push(FieldFault { field: "checks".to_owned(), message });
    if checks.len() > CHECKS_MAX {
        fault(format!("has {} items: expected at most {CHECKS_MAX} checks", checks.len()));
    }
    let bytes = serde_json::to_vec(checks).map_or(usize::MAX, |text| text.len());
    if bytes > SUITE_BYTES_MAX {
        fault(format!("have {bytes} bytes together: expected at most {SUITE_BYTES_MAX}"));
    }
    faults
}
