//! The question before anything that reaches `live`.

use clap::Args;
use serde_json::Value;

use super::failure::Failure;
use super::path::Path;
use super::session::Session;
use super::words::{items, text_in};

/// What the operator agrees to beforehand.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Assent {
    /// Do not ask before calls at `live` are won or lost
    ///
    /// Without it, a change that gives calls to a `live` pin or takes calls from one is put to you first. Where
    /// there is no terminal to ask on, it is then not made, and the exit code is 2.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

impl Assent {
    /// Goes on if the change does not reach `live`, or the operator agrees.
    ///
    /// `reaches` is asked only where the answer matters, since it may cost requests.
    pub(super) fn obtain(
        self,
        session: &mut Session<'_, '_>,
        what: &str,
        reaches: impl FnOnce(&Session<'_, '_>) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        if self.yes || !reaches(session)? {
            return Ok(());
        }
        session.terminal.agree(&format!("{what} reaches live"))
    }
}

/// Whether what is there now, if anything, serves calls at `live`.
pub(super) fn is_live_now(session: &Session<'_, '_>, path: &Path) -> Result<bool, Failure> {
    match session.find(path)? {
        Some(reply) => is_live(session, &reply.json()),
        None => Ok(false),
    }
}

/// Whether a route leads to `live`: by its pin, by a header rule, or by an arm of its split.
pub(super) fn is_live(session: &Session<'_, '_>, route: &Value) -> Result<bool, Failure> {
    Ok(items(route, "headerRules").iter().any(at_live) || is_live_itself(session, route)?)
}

/// Whether a route leads to `live` where no header rule matches: by its pin, or by an arm of its split.
pub(super) fn is_live_itself(session: &Session<'_, '_>, route: &Value) -> Result<bool, Failure> {
    if at_live(route) {
        return Ok(true);
    }
    match text_in(route, "splitId") {
        Some(split) => is_split_live_now(session, split),
        None => Ok(false),
    }
}

/// Whether an arm of a split is at `live` now.
pub(super) fn is_split_live_now(session: &Session<'_, '_>, split: &str) -> Result<bool, Failure> {
    let split = session.find(&Path::of("/v1/splits").segment(split))?;
    Ok(split.is_some_and(|split| has_live_arm(&split.json())))
}

/// Whether an arm of this split is at `live`.
pub(super) fn has_live_arm(split: &Value) -> bool {
    items(split, "arms").iter().any(at_live)
}

/// Whether this is pinned to `live`.
pub(super) fn at_live(pinned: &Value) -> bool {
    text_in(pinned, "pin") == Some("live")
}
