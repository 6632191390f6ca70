//! `publish`, `promote` and `rollback`: what leads a version into an environment.

mod promote;
mod publish;
mod rollback;
mod told;

use clap::Args;
use serde_json::{Map, Value, json};

use super::client::{Question, Reply};
use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::Session;
use super::words::text_in;
use crate::domain::id::Environment;

pub use promote::PromoteArgs;
pub use publish::PublishArgs;
pub use rollback::RollbackArgs;

// What every way into an environment takes.
#[derive(Debug, Clone, Args)]
pub struct HowArgs {
    /// Why, for whoever reads the history
    #[arg(long, short = 'm', value_name = "TEXT")]
    message: Option<String>,
    /// What becomes of calls in progress: they keep their version, or move when their gateway asks next [default: as the
    /// account has it, which is keep unless it was changed]
    #[arg(long, value_name = "WHAT", value_parser = ["keep", "move"])]
    active_calls: Option<String>,
    /// End the split that tests live, for its control, where one stands in the way
    #[arg(long)]
    end_split: bool,
    /// Show what it would come to, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// A name of your own for this request: sent again under it, it is answered as before and not done twice
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    assent: Assent,
}

/// A version on its way into an environment.
struct Release<'r> {
    /// The operation.
    path: Path,
    /// What it is told besides how.
    body: Value,
    /// Whether it is the draft that goes: somebody may edit it between what is shown and what is done. Anything else is
    /// named by an id of which the content stays.
    of_draft: bool,
    /// Where it leads, if that is known beforehand.
    reached: Option<Environment>,
    /// What is done, as a question has it: `publishing sales`.
    what: String,
    how: &'r HowArgs,
}

impl Release<'_> {
    /// Shows what it would come to, or does it, if the operator agrees where it reaches `live`.
    fn run(self, session: &mut Session<'_, '_>, told: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
        if self.how.dry_run {
            let mut weighed = self.weigh(session)?;
            // It is the present one: nothing holds from it on.
            weighed.revision = None;
            return session.show(&weighed, told::dry_run);
        }
        let seen = if self.how.assent.yes { None } else { self.ask_first(session)? };
        let body = self.body();
        let question = Question {
            body: Some(body.to_string().into_bytes()),
            if_match: seen.as_deref(),
            idempotency_key: self.how.idempotency_key.as_deref(),
            ..Question::of("POST", &self.path)
        };
        let reply = session.ask(question)?.granted()?;
        let done = told(&reply.json());
        session.done(&reply, &done)
    }

    /// Puts it to the operator, with what it would come to, where it reaches `live`; gives the state of the draft that was
    /// shown, where it is the draft that goes.
    fn ask_first(&self, session: &mut Session<'_, '_>) -> Result<Option<String>, Failure> {
        if self.reached.is_some_and(|reached| reached != Environment::Live) {
            return Ok(None);
        }
        // Where nobody can be asked, nothing needs to be shown.
        if self.reached.is_some() && !session.terminal.interactive {
            self.how.assent.obtain(session, &self.what, |_| Ok(true))?;
        }
        let weighed = self.weigh(session)?.json();
        let deployment = weighed.get("deployment").unwrap_or(&Value::Null);
        // A rollback to what serves changes nothing.
        let reaches = text_in(deployment, "environment") == Some("live")
            && (weighed.get("hasChanges") != Some(&json!(false))
                || self.how.active_calls.is_some()
                || self.how.end_split);
        if reaches && session.terminal.interactive {
            let shown = told::dry_run(&weighed, session.terminal.remarks);
            session.terminal.remark(shown);
        }
        self.how.assent.obtain(session, &self.what, |_| Ok(reaches))?;
        let shown = text_in(deployment, "version").filter(|_| self.of_draft);
        Ok(shown.map(|hash| format!("\"{hash}\"")))
    }

    fn weigh(&self, session: &Session<'_, '_>) -> Result<Reply, Failure> {
        let path = self.path.clone().query("dryRun", Some(true));
        session.change("POST", &path, Some(&self.body()))
    }

    fn body(&self) -> Value {
        let HowArgs { message, active_calls, end_split, .. } = self.how;
        let mut body = self.body.as_object().cloned().unwrap_or_default();
        let how = Map::from_iter([
            ("deploymentMessage".to_owned(), json!(message)),
            ("activeCalls".to_owned(), json!(active_calls)),
            ("endSplit".to_owned(), if *end_split { json!(true) } else { Value::Null }),
        ]);
        body.extend(how);
        body.retain(|_, value| !value.is_null());
        Value::Object(body)
    }
}
