//! `branches merge`: a branch into `main`, with whoever is at the terminal asked about conflicts.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};

use super::path_of;
use crate::cli::client::{Question, Reply};
use crate::cli::compare;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::words::{clean, items, text_of};
use crate::domain::agent_config;
use crate::domain::id::{AgentId, BranchId};
use crate::domain::words::counted;

/// How often conflicts are resolved that were hidden behind others before.
const ROUNDS_MAX: usize = 8;
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
        let read = agent_config::Path::read_names(text);
        let read = read.and_then(|(path, rest)| Some((path, rest.strip_prefix('=')?)));
        let (path, how) = read.ok_or("expected PATH=HOW, such as topics[opening-hours].content=theirs")?;
        if STRATEGIES.contains(&how) {
            return Ok(Self(json!({"path": path, "strategy": how})));
        }
        let value: Option<Value> = serde_json::from_str(how)
            .map_err(|_| "expected ours, theirs, base or a value in JSON, texts in quotes".to_owned())?;
        let value = value.ok_or("null is no value to resolve a conflict by")?;
        Ok(Self(json!({"path": path, "strategy": "ours", "value": value})))
    }
}

impl MergeArgs {
    pub(super) fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let mut resolutions: Vec<Value> = self.resolve.iter().map(|written| written.0.clone()).collect();
        for round in 1..=ROUNDS_MAX {
            let reply = self.ask(session, &resolutions, round)?;
            let answer = reply.json();
            if reply.status == 200 {
                return session.done(&reply, &text_of(&answer, "message"));
            }
            match self.resolved(session, items(&answer, "conflicts"))? {
                Some(resolved) => resolutions.extend(resolved),
                None => return reply.granted().map(drop),
            }
        }
        Err(Failure::Nothing("there are ever more conflicts: edit the branch as main is by now".to_owned()))
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

    /// What is to become of the conflicts; nothing where nobody says.
    fn resolved(
        &self,
        session: &mut Session<'_, '_>,
        conflicts: &[Value],
    ) -> Result<Option<Vec<Value>>, Failure> {
        if conflicts.is_empty() {
            return Ok(None);
        }
        let all =
            |strategy| Ok(Some(conflicts.iter().map(|conflict| resolution(conflict, strategy)).collect()));
        match (self.ours, self.theirs) {
            (true, _) => return all("ours"),
            (_, true) => return all("theirs"),
            _ => {}
        }
        if !session.terminal.interactive {
            conflicts.iter().for_each(|conflict| self.show(session, conflict));
            return Ok(None);
        }
        let count = counted(conflicts.len(), "conflict");
        session.terminal.remark(format_args!("{count} between main and {}", self.branch));
        let mut resolved = Vec::new();
        for conflict in conflicts {
            self.show(session, conflict);
            let answer =
                session.terminal.choose("Take ours (main), theirs (the branch) or base, or quit?", "otbq")?;
            let strategy = match answer {
                Some('o') => "ours",
                Some('t') => "theirs",
                Some('b') => "base",
                _ => return Err(Failure::Declined),
            };
            resolved.push(resolution(conflict, strategy));
        }
        Ok(Some(resolved))
    }

    /// Shows where a conflict is and what both sides made of it, each as a change of what was there before.
    fn show(&self, session: &mut Session<'_, '_>, conflict: &Value) {
        let look = session.terminal.remarks;
        let names: Vec<String> =
            items(conflict, "path").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let path = clean(&agent_config::Path::of_names(&names).to_string());
        let branch = self.branch.to_string();
        let of = |side: &str| conflict.get(side).unwrap_or(&Value::Null);
        let base = of("baseValue");
        let side = |name: &str, member: &str| compare::told_side(name, base, of(member), look);
        let sides = side("main (ours)", "oursValue") + &side(&format!("{branch} (theirs)"), "theirsValue");
        session.terminal.remark(format_args!("\n{}\n{}", look.bold(path), sides.trim_end()));
    }
}

fn resolution(conflict: &Value, strategy: &str) -> Value {
    json!({"path": conflict.get("path"), "strategy": strategy})
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn no_argument_can_make_the_reader_panic(text in "\\PC{0,40}") {
            let _ = read(&text);
        }
    }
}
