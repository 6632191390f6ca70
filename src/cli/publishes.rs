//! `publishes`: what was published, and what each publish brought.

use clap::Args;
use serde_json::Value;

use super::failure::Failure;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, table};
use super::words::{items, text_of, time};
use crate::domain::id::AgentId;

/// Fields that are named of one publish.
const NAMED_MAX: usize = 3;

/// List the publishes of an agent, newest first, each with what it brought
///
/// A publish brought the difference between its version and the version before that; `cordboard revert` takes it out of the
/// draft again. With --json, both values of each field are told.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard publishes sales
  cordboard publishes sales --limit 10 --offset 10
  cordboard publishes sales --limit 1 --json")]
pub struct PublishesArgs {
    /// The agent
    agent: AgentId,
    /// Most lines to show [default: 100]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
    /// How many of the newest to leave out
    #[arg(long, value_name = "COUNT")]
    offset: Option<u32>,
}

/// The path of an agent as it is seen in staging.
pub(super) fn staging_of(agent: &AgentId) -> Path {
    Path::of("/api/v2/agents").segment(agent)
}

impl Errand for PublishesArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = staging_of(&self.agent).segment("publish-history");
        let reply = session.get(&path.query("limit", self.limit).query("offset", self.offset))?;
        session.show(&reply, told)
    }
}

fn told(answer: &Value, look: Look) -> String {
    let row = |entry: &Value| {
        [
            time(entry, "published_at"),
            text_of(entry, "published_by"),
            text_of(entry, "summary"),
            brought(entry),
            text_of(entry, "change_track_id"),
        ]
    };
    let header = ["AT", "AUTHOR", "WHY", "BROUGHT", "PUBLISH"];
    table(look, header, items(answer, "entries").iter().map(row), "nothing was published yet")
}

/// The first fields, and how many more.
fn brought(entry: &Value) -> String {
    let changes = items(entry, "changes");
    let mut named: Vec<String> =
        changes.iter().take(NAMED_MAX).map(|change| text_of(change, "field")).collect();
    let more = changes.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    if named.is_empty() { text_of(entry, "changes") } else { named.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_what_a_publish_brought_the_first_fields_are_named() {
        let field = |field: &str| json!({"section": "tools", "field": field, "base": null, "entry": 1});
        let fields =
            |count: usize| ["a", "b", "c", "d", "e"].into_iter().take(count).map(field).collect::<Vec<_>>();
        let entry = |changes: Value| {
            json!({"change_track_id": "x", "published_by": "ann", "published_at": "2026-01-01T00:00:00.000Z",
                "summary": "why", "changes": changes})
        };
        let answer =
            json!({"entries": [entry(json!(fields(5))), entry(json!(fields(1))), entry(Value::Null)]});
        assert_eq!(
            told(&answer, Look::default()),
            "\
AT                    AUTHOR  WHY  BROUGHT          PUBLISH
2026-01-01T00:00:00Z  ann     why  a, b, c, 2 more  x
2026-01-01T00:00:00Z  ann     why  a                x
2026-01-01T00:00:00Z  ann     why  -                x
"
        );
        assert_eq!(told(&json!({"entries": []}), Look::default()), "nothing was published yet\n");
    }
}
