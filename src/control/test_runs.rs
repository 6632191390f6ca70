//! Runs of tests: what the router looks at itself.

use std::borrow::Cow;

use serde_json::Value;

use super::Control;
use crate::domain::address::{Address, Caller};
use crate::domain::agent::AgentRef;
use crate::domain::agent_config::AgentConfig;
use crate::domain::agent_tests::TestSuite;
use crate::domain::agent_tests::check::{CallDemand, Check, Demand, ExpectedVersion};
use crate::domain::agent_tests::run::{Case, TestRun};
use crate::domain::id::Pin;
use crate::domain::time::Timestamp;
use crate::routing::decide::decide;
use crate::routing::request::CallRequest;
use crate::routing::table::RoutingTable;
use crate::routing::trail::Silent;
use crate::store::error::StoreError;

impl Control {
    /// What comes of the checks of a suite for what a run is of: the configuration as it was then, and where calls lead
    /// now. A call that no split can tell from another counts as its first draw. Blocks on the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn judge(
        &self,
        agent: &AgentRef,
        run: &TestRun,
        suite: &TestSuite,
        now: Timestamp,
    ) -> Result<Vec<Case>, StoreError> {
        let body = self.body(run.hash)?;
        let config =
            body.and_then(|body| AgentConfig::from_stored(&body).ok()).map(|config| config.to_json());
        let table = self.live().snapshot();
        let judge = |check: &Check| match (&check.demand, &config) {
            (Demand::Call(call), _) => check.case(misled(&table, agent, run, call, now)),
            (_, Some(config)) => judged(check, config),
            (_, None) => check.case(Some("the configuration is not in the store any more".to_owned())),
        };
        Ok(suite.checks.iter().map(judge).collect())
    }
}

fn judged(check: &Check, config: &Value) -> Case {
    check.judge(config).unwrap_or_else(|| check.case(None))
}

/// Why a call does not lead where it must; nothing where it does.
fn misled(
    table: &RoutingTable,
    agent: &AgentRef,
    run: &TestRun,
    call: &CallDemand,
    now: Timestamp,
) -> Option<String> {
    let Ok(to) = Address::parse(&call.to) else { return Some(format!("{} is no number", call.to)) };
    let headers: Vec<_> = call
        .headers
        .iter()
        .map(|(name, value)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(value.as_str())))
        .collect();
    let request = CallRequest {
        account: &agent.account,
        gateway: "tests",
        gateway_row: 0,
        to,
        caller: Caller::parse(&call.from),
        call_id: None,
        headers: &headers,
        asked_for: None,
        token: None,
        agents: None,
    };
    let decision = decide(table, &request, 0, now, &mut Silent);
    let Some(choice) = &decision.choice else { return Some(format!("nobody serves {}", call.to)) };
    let served = choice.served;
    // Whoever may test one agent learns nothing of others.
    if *served.agent != *agent {
        return Some(format!("{} leads to another agent", call.to));
    }
    let arm = choice.in_split.and_then(|in_split| in_split.arm()).map(|arm| &arm.id);
    let at = served.version.number.map_or(Pin::Draft, Pin::Version);
    let is_there = match (&call.arm, call.version) {
        (Some(wanted), _) => arm == Some(wanted),
        (None, Some(ExpectedVersion::Target)) => served.version.hash == run.hash,
        (None, Some(ExpectedVersion::Draft)) => at == Pin::Draft,
        (None, Some(ExpectedVersion::Number(number))) => at == Pin::Version(number),
        (None, None) => true,
    };
    let expected = || match (&call.arm, call.version) {
        (Some(arm), _) => format!("arm {arm}"),
        (None, Some(version)) => format!("{version} of {}", agent.agent),
        (None, None) => String::new(),
    };
    (!is_there).then(|| {
        let within = arm.map_or_else(String::new, |arm| format!(" (arm {arm})"));
        format!("{} leads to {at} of {}{within}: expected {}", call.to, served.agent.agent, expected())
    })
}
