//! Conflicts, put to whoever is at the terminal one by one, and what they say of them.

use serde_json::Value;

use super::client::Reply;
use super::compare;
use super::failure::Failure;
use super::session::Session;
use super::table::Look;
use super::words::{clean, items};
use crate::domain::agent_config::Path;
use crate::domain::words::counted;

/// How often conflicts are resolved that were hidden behind others before.
const ROUNDS_MAX: usize = 8;

/// How conflicts are told, and what can be said of them.
pub(super) struct Conflicts<'c> {
    /// Between whom they are, as a sentence ends: `between main and BRANCH-0A1B2C3D`.
    pub(super) between: String,
    /// What is asked of each.
    pub(super) question: &'static str,
    /// The letters of answers, and the strategy that each stands for.
    pub(super) ways: &'static [(char, &'static str)],
    /// What resolves all that nothing else does, where that was said beforehand.
    pub(super) all: Option<&'static str>,
    /// Where one is, and what was there before both sides.
    pub(super) place: fn(&Value) -> (String, &Value),
    /// The names of the sides, and the members that hold what each has.
    pub(super) sides: [(String, &'static str); 2],
    /// What the router is told of one.
    pub(super) resolution: fn(&Value, &str) -> Value,
    /// What is said where there are ever more.
    pub(super) hopeless: &'c str,
}

/// What is to become of a conflict, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// By this strategy.
    Strategy(String),
    /// It is this.
    Value(Value),
}

/// Reads `topics[opening-hours].content=theirs`: the text of the path, its names, and what is said of it.
pub(super) fn read<'t>(text: &'t str, strategies: &[&str]) -> Result<(&'t str, Vec<String>, Said), String> {
    let read = Path::read_names(text);
    let read = read.and_then(|(names, rest)| Some((names, rest, rest.strip_prefix('=')?)));
    let expected = || {
        let strategy = strategies.get(1).copied().unwrap_or_default();
        format!("expected PATH=HOW, such as topics[opening-hours].content={strategy}")
    };
    let (names, rest, how) = read.ok_or_else(expected)?;
    let path = text.strip_suffix(rest).unwrap_or_default();
    if strategies.contains(&how) {
        return Ok((path, names, Said::Strategy(how.to_owned())));
    }
    let value = serde_json::from_str(how);
    let expected = |_| format!("expected {} or a value in JSON, texts in quotes", strategies.join(", "));
    Ok((path, names, Said::Value(value.map_err(expected)?)))
}

impl Conflicts<'_> {
    /// Asks the router, and whoever is at the terminal, until nothing is in conflict any more.
    ///
    /// # Errors
    /// The refusal, where nobody says what is to become of a conflict.
    pub(super) fn settle(
        &self,
        session: &mut Session<'_, '_>,
        mut said: Vec<Value>,
        ask: impl Fn(&Session<'_, '_>, &[Value], usize) -> Result<Reply, Failure>,
    ) -> Result<Reply, Failure> {
        for round in 1..=ROUNDS_MAX {
            let reply = ask(session, &said, round)?;
            let answer = reply.json();
            if reply.status == 200 {
                return Ok(reply);
            }
            match self.resolved(session, items(&answer, "conflicts"))? {
                Some(resolved) => said.extend(resolved),
                None => return reply.granted(),
            }
        }
        Err(Failure::Nothing(self.hopeless.to_owned()))
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
        let look = session.terminal.remarks;
        if let Some(strategy) = self.all {
            // Nothing of either side goes unseen, not even where it was said beforehand.
            for conflict in conflicts {
                session.terminal.remark(self.told(conflict, look));
                session.terminal.remark(look.dim(format_args!("taken: {strategy}")));
            }
            return Ok(Some(conflicts.iter().map(|it| (self.resolution)(it, strategy)).collect()));
        }
        if !session.terminal.interactive {
            conflicts.iter().for_each(|conflict| session.terminal.remark(self.told(conflict, look)));
            return Ok(None);
        }
        let count = counted(conflicts.len(), "conflict");
        session.terminal.remark(format_args!("{count} {}", self.between));
        let letters: String = self.ways.iter().map(|(letter, _)| *letter).chain(['q']).collect();
        let mut resolved = Vec::new();
        for conflict in conflicts {
            session.terminal.remark(self.told(conflict, look));
            let answer = session.terminal.choose(self.question, &letters)?;
            let way = self.ways.iter().find(|(letter, _)| answer == Some(*letter));
            let (_, strategy) = way.ok_or(Failure::Declined)?;
            resolved.push((self.resolution)(conflict, strategy));
        }
        Ok(Some(resolved))
    }

    /// Where a conflict is and what both sides made of it, each as a change of what was there before.
    pub(super) fn told(&self, conflict: &Value, look: Look) -> String {
        let (place, base) = (self.place)(conflict);
        let sides = self.sides.iter().map(|(name, member)| {
            compare::told_side(name, base, conflict.get(member).unwrap_or(&Value::Null), look)
        });
        let sides: String = sides.collect();
        format!("\n{}\n{}", look.bold(clean(&place)), sides.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_of_a_conflict_is_a_path_and_a_strategy_or_json() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let read = |text| read(text, &["keep", "revert"]);
        for (text, path, at, said) in [
            (
                "topics[a].content=revert",
                "topics[a].content",
                names(&["topics", "a", "content"]),
                Said::Strategy("revert".to_owned()),
            ),
            (
                "workflow[\"a=b\"]=[1]",
                "workflow[\"a=b\"]",
                names(&["workflow", "a=b"]),
                Said::Value(json!([1])),
            ),
            ("name=\"keep\"", "name", names(&["name"]), Said::Value(json!("keep"))),
            ("workflow=null", "workflow", names(&["workflow"]), Said::Value(Value::Null)),
        ] {
            assert_eq!(read(text), Ok((path, at, said)));
        }
        let expected = Err("expected keep, revert or a value in JSON, texts in quotes".to_owned());
        assert_eq!(read("name=ours"), expected);
        for text in ["", "name", "=keep", "a b=keep", "topics[=keep"] {
            assert_eq!(
                read(text),
                Err("expected PATH=HOW, such as topics[opening-hours].content=revert".to_owned())
            );
        }
    }

    proptest! {
        #[test]
        fn no_argument_can_make_the_reader_panic(text in "\\PC{0,40}") {
            let _ = read(&text, &["keep"]);
        }
    }
}
