//! `test-call`: an agent tried, without a call.

use clap::Args;
use serde_json::{Value, json};

use super::agents;
use super::explain::{headline, outcome};
use super::failure::Failure;
use super::session::{Errand, Session};
use super::table::{Look, labelled};
use super::words::text_of;
use super::written::{environment, given, header_line, object, pin};
use crate::domain::id::{AgentId, Environment, Pin};

/// Try an agent: tell what a call would get that asks for it by name
///
/// Asks for a decision that is recorded nowhere: it is in no split and no metric of calls, and limits of calls in progress do
/// not hold for it. It needs a key with the permission `override`. `explain` tells who serves a number.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard test-call sales
  cordboard test-call sales --env pre-release
  cordboard test-call sales --pin V4 --from +14155550123 --header 'X-Env: test' --json")]
pub struct TestCallArgs {
    /// The agent
    agent: AgentId,
    /// What it serves in this environment
    #[arg(long, value_name = "ENVIRONMENT", value_parser = environment, conflicts_with = "pin")]
    env: Option<Environment>,
    /// What of it: draft, V<n> or an environment [default: draft]
    #[arg(long, value_name = "PIN", value_parser = pin)]
    pin: Option<Pin>,
    /// The number that calls
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// A header of the call; may be said again
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header_line)]
    headers: Vec<(String, String)>,
}

impl Errand for TestCallArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let body = given([
            ("environment", self.env.map(|environment| json!(environment.as_str()))),
            ("pin", self.pin.map(|pin| json!(pin.to_string()))),
            ("from", self.from.as_ref().map(|from| json!(from))),
            ("headers", (!self.headers.is_empty()).then(|| object(&self.headers))),
        ]);
        let path = agents::path_of(&self.agent).segment("test-calls");
        let reply = session.change("POST", &path, Some(&Value::Object(body)))?;
        session.show(&reply, told)
    }
}

fn told(decision: &Value, look: Look) -> String {
    let because = decision.get("reason").unwrap_or(&Value::Null);
    format!(
        "{}because {}\n\n{}",
        headline("a test call", decision, look),
        text_of(because, "text"),
        labelled(look, outcome(decision, &Value::Null))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_call_is_told_as_any_decision() {
        let decision = json!({
            "agentId": "sales", "pin": "live", "version": 2, "environment": "live", "revision": 7,
            "target": "sip:sales@10.0.0.1", "targets": [{"uri": "sip:sales@10.0.0.1"}],
            "headers": {"X-Agent-Version": "2"}, "reason": {"code": "override", "text": "asked for by name"}, "test": true
        });
        assert_eq!(
            told(&decision, Look::default()),
            "\
a test call is served by sales, V2 (pin live)
because asked for by name

Target       sip:sales@10.0.0.1
Headers      X-Agent-Version: 2
Environment  live
Revision     7
"
        );
    }
}
