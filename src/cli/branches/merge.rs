//! `branches merge`: a branch into `main`, with whoever is at the terminal asked about conflicts.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};

use super::path_of;
use crate::cli::client::{Question, Reply};
use crate::cli::conflicts::{self, Conflicts, Said};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::words::{items, text_of};
use crate::domain::agent_config;
use crate::domain::id::{AgentId, BranchId};

/// What resolves a conflict without a value of its own.
const STRATEGIES: [&str; 3] = ["ours", "theirs", "base"];

#[derive(Debug, Clone, Args)]
pub struct MergeArgs {
    /// The agent
    agent: AgentId,
    /// The branch, by its id
    branch: BranchId,
    /// Why, for whoever reads the history
    #[arg(long, short = 'm', value_name = "TEXT")]
    message: Option<String>,
    /// Resolve all other conflicts as main has it
    #[arg(long, conflicts_with = "theirs")]
    ours: bool,
    /// Resolve all other conflicts as the branch has it
    #[arg(long)]
    theirs: bool,
    /// Resolve a conflict: as main has it, as the branch has it, as it was before both, or by a value in JSON, texts in
    /// quotes; may be given again
    #[arg(long, value_name = "PATH=ours|theirs|base|JSON")]
    resolve: Vec<ResolutionWritten>,
    /// A name of your own for this request: sent again under it, it is answered as before and not done twice
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// `topics[opening-hours].content=theirs`: what is to become of a conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolutionWritten(Value);

impl FromStr for ResolutionWritten {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (_, path, said) = conflicts::read(text, &STRATEGIES)?;
        Ok(Self(match said {
            Said::Strategy(strategy) => json!({"path": path, "strategy": strategy}),
            Said::Value(Value::Null) => return Err("null is no value to resolve a conflict by".to_owned()),
            Said::Value(value) => json!({"path": path, "strategy": "ours", "value": value}),
        }))
    }
}

impl MergeArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let branch = &self.branch;
        let conflicts = Conflicts {
            between: format!("between main and {branch}"),
            question: "Take ours (main), theirs (the branch) or base, or quit?",
            ways: &[('o', "ours"), ('t', "theirs"), ('b', "base")],
            all: if self.ours { Some("ours") } else { self.theirs.then_some("theirs") },
            place,
            sides: [("main (ours)".to_owned(), "oursValue"), (format!("{branch} (theirs)"), "theirsValue")],
            resolution: |conflict, strategy| json!({"path": conflict.get("path"), "strategy": strategy}),
            hopeless: "there are ever more conflicts: edit the branch as main is by now",
        };
        let said = self.resolve.iter().map(|written| written.0.clone()).collect();
        let ask = |session: &Session<'_, '_>, said: &[Value], round| self.ask(session, said, round);
        let reply = conflicts.settle(session, said, ask)?;
        session.done(&reply, &text_of(&reply.json(), "message"))
    }

    fn ask(&self, session: &Session<'_, '_>, resolutions: &[Value], round: usize) -> Result<Reply, Failure> {
        let message = self.message.as_deref().unwrap_or_default();
        let body = json!({"deploymentMessage": message, "conflictResolutions": resolutions});
        // Another body is another request: it has a name of its own, and the same one should all of this be done again.
        let name = self.idempotency_key.as_ref().map(|name| match round {
            1 => name.clone(),
            _ => format!("{name}-{round}"),
        });
        session.ask(Question {
            body: Some(body.to_string().into_bytes()),
            idempotency_key: name.as_deref(),
            ..Question::of("POST", &path_of(&self.agent).segment(&self.branch).segment("merge"))
        })
    }
}

/// Where a conflict is, and what was there before.
fn place(conflict: &Value) -> (String, &Value) {
    let names: Vec<String> =
        items(conflict, "path").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let base = conflict.get("baseValue").unwrap_or(&Value::Null);
    (agent_config::Path::of_names(&names).to_string(), base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        text.parse().map(|ResolutionWritten(value)| value)
    }

    #[test]
    fn a_resolution_is_a_path_and_a_strategy_or_json() {
        let path = json!(["topics", "opening-hours", "content"]);
        assert_eq!(
            read("topics[opening-hours].content=theirs"),
            Ok(json!({"path": path, "strategy": "theirs"}))
        );
        assert_eq!(
            read("topics[opening-hours].content=\"a=b\""),
            Ok(json!({"path": path, "strategy": "ours", "value": "a=b"}))
        );
        assert_eq!(
            read("workflow[\"a=b\"].c=[1]"),
            Ok(json!({"path": ["workflow", "a=b", "c"], "strategy": "ours", "value": [1]}))
        );
        assert_eq!(read("topics[]=base"), Ok(json!({"path": ["topics"], "strategy": "base"})));
        for text in ["", "name", "=ours", "name=", "name=their", "name=null", "a b=ours", "topics[=ours"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
