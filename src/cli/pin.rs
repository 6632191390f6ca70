//! `pin`: a number to a version of an agent, and nothing else of it.

use clap::Args;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::live::{Assent, at_live, is_live_itself};
use super::numbers::path_of;
use super::session::{Errand, Session};
use super::words::{items, text_in};
use super::written::{PinnedAgent, number};
use crate::domain::address::Number;

/// Pin a number to a version of an agent
///
/// Header rules, headers and site variant of the number stay as they are. A number in a split leaves it. A number that
/// was not routed is routed.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard pin +14155550100 sales@V3
  cordboard pin +14155550100 sales@live --yes")]
pub struct PinArgs {
    /// The number: +digits, tel:, sip:, or a SIP user
    #[arg(value_parser = number)]
    number: Number,
    /// The agent and what of it: draft, V<n>, sandbox, pre-release or live
    #[arg(value_name = "AGENT@PIN")]
    serves: PinnedAgent,
    #[command(flatten)]
    assent: Assent,
}

/// What of a route stays when its pin changes.
const KEPT: [&str; 4] = ["headerRules", "headers", "siteVariantId", "fallback"];

impl Errand for PinArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = path_of(&self.number);
        let (before, etag) = match session.find(&path)? {
            Some(reply) => (reply.json(), reply.etag),
            None => (Value::Null, None),
        };
        let route = self.route(&before);
        let doing = format!("pinning {} to {}", self.number, self.serves);
        self.assent.obtain(session, &doing, |session| {
            Ok(moves_live_rule(&before, &route)
                || is_live_itself(session, &route)?
                || is_live_itself(session, &before)?)
        })?;
        let reply = session.change_if("PUT", &path, Some(&route), etag.as_deref())?;
        session.done(&reply, &format!("{} is pinned to {}", self.number, self.serves))
    }
}

/// Whether a header rule at `live` comes to another agent, since it names none of its own.
fn moves_live_rule(before: &Value, route: &Value) -> bool {
    let follows = |rule: &Value| at_live(rule) && text_in(rule, "agentId").is_none();
    items(route, "headerRules").iter().any(follows) && text_in(before, "agentId") != text_in(route, "agentId")
}

impl PinArgs {
    fn route(&self, before: &Value) -> Value {
        let kept = KEPT
            .into_iter()
            .filter_map(|name| Some((name, before.get(name).filter(|value| !value.is_null())?)));
        let mut route: Map<String, Value> =
            kept.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        route.insert("agentId".to_owned(), json!(self.serves.agent));
        route.insert("pin".to_owned(), json!(self.serves.pin));
        Value::Object(route)
    }
}
