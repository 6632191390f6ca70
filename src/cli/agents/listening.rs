//! `agents endpoints` and `agents fallback`: where a runtime listens, how much it takes, and where the rest goes.

use clap::Args;
use serde_json::{Map, Value, json};

use super::{most, path_of, serves_live};
use crate::cli::failure::Failure;
use crate::cli::live::Assent;
use crate::cli::session::Session;
use crate::cli::table::{Look, labelled, table};
use crate::cli::words::{NONE, items, text_of};
use crate::cli::written::{calls_or_none, endpoint_or_none, environment, fallback_or_none};
use crate::domain::id::{AgentId, Environment};

/// Show or say where the runtime of an agent listens
///
/// Whatever the version; an environment that says so itself goes first. URIs are tried in the order in which they are written.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard agents endpoints desk
  cordboard agents endpoints desk sip:{agent}@10.0.0.9 sip:{agent}@10.0.0.10
  cordboard agents endpoints desk none --environment sandbox")]
pub(super) struct EndpointsArgs {
    /// The agent
    agent: AgentId,
    /// Where it listens, or none to say nothing here
    #[arg(value_name = "URI|none", value_parser = endpoint_or_none)]
    uris: Vec<Value>,
    /// Only what this environment serves
    #[arg(long, value_parser = environment)]
    environment: Option<Environment>,
    #[command(flatten)]
    assent: Assent,
}

/// Show or say how many calls an agent takes, and where the rest goes
///
/// What is not named stays.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard agents fallback desk
  cordboard agents fallback desk sip:desk@10.0.0.9 --max-calls 40
  cordboard agents fallback desk none")]
pub(super) struct FallbackArgs {
    /// The agent
    agent: AgentId,
    /// Where calls go that it cannot take: a URI, a number whose own route is followed, or none
    #[arg(value_name = "URI|NUMBER|none", value_parser = fallback_or_none)]
    fallback: Option<Value>,
    /// How many calls it may have in progress, or none for any number
    #[arg(long, value_name = "COUNT|none", value_parser = calls_or_none)]
    max_calls: Option<Value>,
    #[command(flatten)]
    assent: Assent,
}

impl EndpointsArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, uris, environment, assent } = self;
        let path = path_of(agent).segment("endpoints");
        let (path, place) = match environment {
            None => (path, "all".to_owned()),
            Some(environment) => (path.segment(environment), environment.to_string()),
        };
        if uris.is_empty() {
            let reply = session.get(&path)?;
            return session.show(&reply, |answer, look| told(answer, look, &place));
        }
        let endpoints = ranked(uris)?;
        let of = environment.map(|environment| format!(" at {environment}")).unwrap_or_default();
        assent.obtain(session, &format!("sending calls of {agent} elsewhere"), |session| {
            Ok(environment.is_none_or(|it| it == Environment::Live) && serves_live(session, agent)?)
        })?;
        let reply = session.change("PUT", &path, Some(&json!({"endpoints": endpoints})))?;
        let outcome = if endpoints.is_empty() { "are no longer said here" } else { "are what was said" };
        session.done(&reply, &format!("the endpoints of {agent}{of} {outcome}"))
    }
}

impl FallbackArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let Self { agent, fallback, max_calls, assent } = self;
        let path = path_of(agent).segment("fallback");
        if fallback.is_none() && max_calls.is_none() {
            let reply = session.get(&path)?;
            return session.show(&reply, told_fallback);
        }
        let mut body = Map::new();
        body.extend(max_calls.iter().map(|calls| ("maxCallsInProgress".to_owned(), calls.clone())));
        let mut seen = None;
        let fallback = match fallback {
            Some(fallback) => fallback.clone(),
            None => {
                // What is not sent would be cleared.
                let present = session.get(&path)?;
                let kept = present.json().get_mut("fallback").map(Value::take).unwrap_or_default();
                seen = present.etag;
                kept
            }
        };
        body.insert("fallback".to_owned(), fallback);
        let doing = format!("changing what calls {agent} takes");
        assent.obtain(session, &doing, |session| serves_live(session, agent))?;
        let reply = session.change_if("PUT", &path, Some(&Value::Object(body)), seen.as_deref())?;
        let answer = reply.json();
        let rest = match text_of(&answer, "fallback") {
            none if none == NONE => "no fallback".to_owned(),
            fallback => format!("fallback {fallback}"),
        };
        session.done(&reply, &format!("calls of {agent}: {}, {rest}", most(&answer)))
    }
}

/// Endpoints in the order in which they are tried; none where that was said.
fn ranked(uris: &[Value]) -> Result<Vec<Value>, Failure> {
    if !uris.iter().any(Value::is_null) {
        let ranked = uris.iter().enumerate();
        return Ok(ranked.map(|(rank, uri)| json!({"uri": uri, "priority": rank})).collect());
    }
    if uris.len() > 1 {
        return Err(Failure::Usage("none goes without URIs".to_owned()));
    }
    Ok(Vec::new())
}

fn told(answer: &Value, look: Look, place: &str) -> String {
    let row = |place: &str, endpoint: &Value| {
        let [uri, priority, weight] = ["uri", "priority", "weight"].map(|member| text_of(endpoint, member));
        [place.to_owned(), uri, priority, weight]
    };
    let others = answer.get("environments").unwrap_or(&Value::Null);
    let others = Environment::ALL.into_iter().flat_map(|environment| {
        let place = environment.as_str();
        items(others, place).iter().map(move |endpoint| row(place, endpoint))
    });
    let own = items(answer, "endpoints").iter().map(|endpoint| row(place, endpoint));
    let header = ["ENVIRONMENT", "URI", "PRIORITY", "WEIGHT"];
    table(look, header, own.chain(others), "nothing is said here: versions say, or the settings")
}

fn told_fallback(answer: &Value, look: Look) -> String {
    labelled(look, [("Calls", most(answer)), ("Fallback", text_of(answer, "fallback"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_told_with_the_environment_that_they_are_for() {
        let endpoint = |uri: &str| json!({"uri": uri, "priority": 0, "weight": 1});
        let answer = json!({"endpoints": [endpoint("sip:a@h")],
            "environments": {"live": [endpoint("sip:b@h")], "sandbox": [], "pre-release": []}});
        assert_eq!(
            told(&answer, Look::default(), "all"),
            "\
ENVIRONMENT  URI      PRIORITY  WEIGHT
all          sip:a@h  0         1
live         sip:b@h  0         1
"
        );
        let nothing = told(&json!({"endpoints": []}), Look::default(), "live");
        assert_eq!(nothing, "nothing is said here: versions say, or the settings\n");
    }
}
