//! From changes as they are written to what they come to, one after the other.

use std::sync::Arc;

use super::body::{ChangeBody, PlanBody};
use super::object::Objects;
use super::view::{ChangeView, MovesView, PlanView};
use crate::api::Management;
use crate::api::caller::Caller;
use crate::api::fields;
use crate::api::operation::{AnyOperation, Asked, Content, OPERATIONS, Unread};
use crate::domain::change::SplitRef;
use crate::domain::command::{Action, Sequence};
use crate::domain::id::Revision;
use crate::domain::live::reaches_live;
use crate::domain::moves::{Moves, Scene};
use crate::domain::refusal::Refusal;
use crate::domain::sight::Sight;
use crate::domain::time::Timestamp;
use crate::http::error::{ApiError, FieldError};
use crate::http::json::faults::{Faults, quoted};
use crate::http::json::tree::Tree;

/// Changes that would be granted.
#[derive(Debug)]
pub(super) struct Planned {
    revision: Revision,
    /// Whether they are meant for this revision only.
    bound: bool,
    at: Timestamp,
    actions: Vec<Action>,
    changes: Vec<ChangeView>,
    moves: MovesView,
    reaches_live: bool,
}

impl Planned {
    /// The revision on which they were weighed.
    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// Whether they are meant for this revision only.
    pub(super) fn is_bound(&self) -> bool {
        self.bound
    }

    /// When.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// What is to be done.
    pub(super) fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// As it is shown, with the revision from which it holds once it does.
    pub(super) fn view(self, applied: Option<Revision>) -> PlanView {
        PlanView {
            revision: applied.unwrap_or(self.revision),
            changes: self.changes,
            moves: self.moves,
            reaches_live: self.reaches_live,
        }
    }
}

/// Weighs changes in the state when their author asked. Cost: what they touch, and a look at every distinct route where
/// they touch splits.
///
/// # Errors
/// All faults of all changes; else why the first that is not granted is not.
pub(super) fn plan(management: &Management, caller: &Caller, text: &[u8]) -> Result<Planned, ApiError> {
    let (body, faults) = fields::read_as_far::<PlanBody>(caller, fields::parse(text)?)?;
    let PlanBody { changes, expected_revision } =
        body.ok_or_else(|| ApiError::validation("body", "says too little"))?;
    let present = caller.state.revision;
    if let Some(expected) = expected_revision.filter(|expected| *expected != present) {
        return Err(Refusal::stale(present, expected).into());
    }
    let mut planner = Planner::new(management, caller, faults);
    for (index, change) in changes.into_iter().enumerate() {
        // One that could not be read at all has been told of.
        if let Some(change) = change {
            planner.take(index, change);
        }
    }
    let mut planned = planner.finish()?;
    planned.bound = expected_revision.is_some();
    Ok(planned)
}

struct Planner<'p> {
    management: &'p Management,
    caller: &'p Caller,
    at: Timestamp,
    sequence: Sequence,
    objects: Objects<'p>,
    actions: Vec<Action>,
    changes: Vec<ChangeView>,
    reaches_live: bool,
    faults: Faults,
    /// Why the first change that is not granted is not; those behind it are only read.
    refused: Option<Refusal>,
}

impl<'p> Planner<'p> {
    fn new(management: &'p Management, caller: &'p Caller, faults: Faults) -> Self {
        Self {
            management,
            caller,
            at: management.now(),
            sequence: Sequence::on(&caller.state),
            objects: Objects::new(management, caller),
            actions: Vec::new(),
            changes: Vec::new(),
            reaches_live: false,
            faults,
            refused: None,
        }
    }

    fn take(&mut self, index: usize, change: ChangeBody) {
        let ChangeBody { method, path, body } = change;
        let action = match self.read(index, &method, &path, body) {
            Ok(action) => action,
            Err(unread) => return self.blame(index, unread),
        };
        if self.refused.is_some() || !self.faults.is_empty() {
            return;
        }
        let before = self.sequence.state().clone();
        let was = self.objects.show(&before, &action);
        let step = match self.sequence.take(&self.caller.command(action.clone(), self.at)) {
            Ok(step) => step,
            Err(refusal) => return self.refuse(self.management.control.located(refusal).of_change(index)),
        };
        let after = self.sequence.state();
        self.objects.follow(&before, after, &step.changes);
        self.reaches_live |= step.changes.iter().any(|fact| reaches_live(&before, after, fact));
        self.changes.push(ChangeView {
            index,
            method,
            path,
            action: step.action,
            summary: step.summary,
            before: was,
            after: self.objects.show(after, &action),
            warnings: step.warnings,
        });
        self.actions.push(action);
    }

    /// Reads a change as its operation does, in the state that those before it made.
    fn read(&self, index: usize, method: &str, path: &str, body: Option<Tree>) -> Result<Action, Unplanned> {
        let (operation, ids) = find(method, path)?;
        if body.is_some() && operation.method == "DELETE" {
            return Err(Unplanned::at("body", "does not go with DELETE: expected none"));
        }
        let caller = Caller { state: Arc::new(self.sequence.state().clone()), ..self.caller.clone() };
        let mut asked = Asked {
            caller: &caller,
            key_secret: &self.management.key_secret,
            now: self.at,
            random: self.drawn(index),
            ids: ids.into_iter(),
            content: Content::Tree(body.unwrap_or(Tree::Object(Vec::new()))),
        };
        (operation.read)(&mut asked).map_err(|unread| match unread {
            Unread::Path(why) => Unplanned::of(&why, |_| "path".to_owned()),
            Unread::Body(why) => Unplanned::of(&why, |field| match field {
                "body" => "body".to_owned(),
                field => format!("body.{field}"),
            }),
        })
    }

    /// What is left to chance: another thing for each change, but the same whenever it is planned at this revision.
    fn drawn(&self, index: usize) -> [u8; 32] {
        let (account, revision) = (self.caller.account(), self.caller.state.revision);
        // No API key begins so, which are hashed under the same secret.
        let seed = format!("change {index} at {revision} of {account}");
        *blake3::keyed_hash(&self.management.key_secret, seed.as_bytes()).as_bytes()
    }

    fn blame(&mut self, index: usize, unplanned: Unplanned) {
        for (field, message) in unplanned.faults {
            self.faults.push(format!("changes[{index}].{field}"), message, unplanned.code);
        }
    }

    /// Faults of fields are told with all the others; anything else only if there are none.
    fn refuse(&mut self, refusal: Refusal) {
        if refusal.code == CODE {
            for fault in refusal.fields {
                self.faults.push(fault.field, fault.message, CODE);
            }
        } else {
            self.refused.get_or_insert(refusal);
        }
    }

    fn finish(mut self) -> Result<Planned, ApiError> {
        // Those of the form were found first, of all changes.
        self.faults.sort_by_key(place);
        if let Some(faulty) = self.faults.refusal() {
            return Err(faulty);
        }
        if let Some(refused) = self.refused {
            return Err(refused.into());
        }
        let (before, after) = (&*self.caller.state, self.sequence.state());
        let calls = |split: &SplitRef| self.management.control.split_calls(split);
        let scene = |state| Scene {
            state,
            account: self.caller.account(),
            now: self.management.now_of_calls(),
            calls: &calls,
        };
        let sight = Sight::of_key(before, &self.caller.key);
        let seen = |route: &_| sight.route(route);
        let moves = Moves::between(&scene(before), &scene(after), self.sequence.changes(), seen);
        Ok(Planned {
            revision: before.revision,
            bound: false,
            at: self.at,
            actions: self.actions,
            changes: self.changes,
            moves: MovesView::of(moves),
            reaches_live: self.reaches_live,
        })
    }
}

const CODE: &str = crate::http::json::faults::CODE;

/// Why a change could not be read: its faults, by their paths within it.
struct Unplanned {
    code: &'static str,
    faults: Vec<(String, String)>,
}

impl Unplanned {
    fn at(field: &str, message: impl Into<String>) -> Self {
        Self { code: CODE, faults: vec![(field.to_owned(), message.into())] }
    }

    fn of(why: &ApiError, path: impl Fn(&str) -> String) -> Self {
        let fault = |error: &FieldError| (path(&error.field), error.message.clone());
        // What is malformed in a path is a fault of this body.
        let code = if why.code() == "SCHEMA_VALIDATION_FAILED" { CODE } else { why.code() };
        Self { code, faults: why.fields().iter().map(fault).collect() }
    }
}

/// Which change a field is of; none for what is of no change.
fn place(field: &str) -> Option<usize> {
    field.strip_prefix("changes[")?.split_once(']')?.0.parse().ok()
}

/// The operation that a method and a path name, with the ids in the path.
fn find(method: &str, path: &str) -> Result<(AnyOperation, Vec<String>), Unplanned> {
    if path.contains(['?', '#']) {
        return Err(Unplanned::at("path", "has a query: expected a path alone"));
    }
    let there = || OPERATIONS.iter().filter_map(|operation| Some((*operation, operation.ids(path)?)));
    if let Some((operation, ids)) = there().find(|(operation, _)| operation.method == method) {
        let ids = ids.map_err(|why| Unplanned::of(&why, |_| "path".to_owned()))?;
        return Ok((operation, ids));
    }
    let methods: Vec<&str> = there().map(|(operation, _)| operation.method).collect();
    if !methods.is_empty() {
        let expected = methods.join(" or ");
        return Err(Unplanned::at("method", format!("is {}: this path takes {expected}", quoted(method))));
    }
    let mut paths: Vec<&str> = Vec::new();
    for operation in OPERATIONS {
        // Operations on one path need not stand together.
        if !paths.contains(&operation.path) {
            paths.push(operation.path);
        }
    }
    let expected = format!("{} cannot be planned: expected one of {}", quoted(path), paths.join(", "));
    Err(Unplanned::at("path", expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_decoded_and_paths_of_nothing_that_changes_are_refused() {
        let ids = |method: &str, path: &str| find(method, path).map(|(_, ids)| ids).map_err(|why| why.faults);
        assert_eq!(ids("PUT", "/v1/numbers/+14155550100"), Ok(vec!["+14155550100".to_owned()]));
        assert_eq!(ids("DELETE", "/v1/numbers/front%20desk%2F1"), Ok(vec!["front desk/1".to_owned()]));
        assert_eq!(ids("PUT", "/v1/caller-pins/sales/%2B1"), Ok(vec!["sales".to_owned(), "+1".to_owned()]));
        assert_eq!(ids("POST", "/v1/splits"), Ok(vec![]));
        for path in [
            "",
            "/",
            "/v1/numbers",
            "/v1/numbers/alice?x=1",
            "/v1/numbers/",
            "/v1/numbers/a/b",
            "/v1/apply",
            "/v1/reload",
            "v1/splits",
        ] {
            assert_eq!(ids("PUT", path).unwrap_err()[0].0, "path", "{path}");
        }
        let fault = &ids("PUT", "/v1/nothing").unwrap_err()[0].1;
        for operation in OPERATIONS {
            let listed = fault.split([' ', ',']).filter(|word| *word == operation.path);
            assert_eq!(listed.count(), 1, "{fault}");
        }
        let fault = &ids("POST", "/v1/numbers/a").unwrap_err()[0];
        assert_eq!(
            (fault.0.as_str(), fault.1.as_str()),
            ("method", "is \"POST\": this path takes PUT or DELETE")
        );
        assert_eq!(ids("PUT", "/v1/numbers/%FF").unwrap_err()[0].0, "path");
    }
}
