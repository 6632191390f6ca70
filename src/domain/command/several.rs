//! Many changes as one: each meets what those before it made, and all are granted or none.

use super::{Action, Body, Command, Outcome};
use crate::domain::change::{Change, Touched};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::words::counted;

/// Most changes of one command.
pub const CHANGES_MAX: usize = 1_000;
/// Between the targets of a line of the history that is about many things: no name of anything has it.
pub const BETWEEN_TARGETS: char = '\n';

/// Most changes that a line of the history tells of.
const TOLD_MAX: usize = 10;

/// Changes taken one after the other, on the way to being one: the same for a plan and for what is done by it.
#[derive(Debug, Clone)]
pub struct Sequence {
    ahead: State,
    touched: Touched,
    changes: Vec<Change>,
    bodies: Vec<Body>,
    targets: Vec<String>,
    told: Vec<String>,
    /// Those that change anything.
    changed: usize,
    warnings: Vec<String>,
    moved_slots: usize,
}

/// What one change comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done, e.g. `number.put`.
    pub action: &'static str,
    /// A sentence for people.
    pub summary: String,
    /// What the operator should know all the same.
    pub warnings: Vec<String>,
    /// The facts; none where everything is so already.
    pub changes: Vec<Change>,
}

impl Sequence {
    /// Begins at a state, which stays as it is. Cost: a few reference counts.
    #[must_use]
    pub fn on(state: &State) -> Self {
        Self {
            ahead: state.clone(),
            touched: Touched::default(),
            changes: Vec::new(),
            bodies: Vec::new(),
            targets: Vec::new(),
            told: Vec::new(),
            changed: 0,
            warnings: Vec::new(),
            moved_slots: 0,
        }
    }

    /// The state with all that was taken so far; its revision is still the old one.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.ahead
    }

    /// All facts so far.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Takes one more change. Cost: what it touches.
    ///
    /// # Errors
    /// When its author may not ask for it, or it is not granted after those before it; then nothing was taken.
    pub fn take(&mut self, command: &Command) -> Result<Step, Refusal> {
        self.ahead.authorise(command)?;
        let mut outcome = self.ahead.weigh(command)?;
        outcome.absorb_into(&mut self.ahead, &mut self.touched);
        let Outcome { changes, bodies, action, target, summary, warnings, moved_slots, .. } = outcome;
        if !changes.is_empty() {
            self.changed += 1;
            if !self.targets.contains(&target) {
                self.targets.push(target);
            }
            if self.told.len() < TOLD_MAX {
                self.told.push(summary.clone());
            }
        }
        self.changes.extend(changes.iter().cloned());
        self.bodies.extend(bodies);
        self.warnings.extend(warnings.iter().cloned());
        self.moved_slots += moved_slots;
        Ok(Step { action, summary, warnings, changes })
    }

    /// All of it as one.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        let mut summary = format!("{}: {}", counted(self.changed, "change"), self.told.join("; "));
        if self.changed > self.told.len() {
            summary.push_str("; …");
        }
        Outcome {
            changes: self.changes,
            bodies: self.bodies,
            action: "plan.apply",
            target: self.targets.join(&BETWEEN_TARGETS.to_string()),
            summary,
            warnings: self.warnings,
            moved_slots: self.moved_slots,
            ahead: Some(Box::new((self.ahead, self.touched))),
            ..Outcome::default()
        }
    }
}

impl State {
    pub(super) fn several(&self, command: &Command, actions: &[Action]) -> Result<Outcome, Refusal> {
        let mut sequence = Sequence::on(self);
        for (index, action) in actions.iter().enumerate() {
            let one = Command { action: action.clone(), ..command.clone() };
            sequence.take(&one).map_err(|refusal| refusal.of_change(index))?;
        }
        Ok(sequence.into_outcome())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::account::{Key, Permission};
    use crate::domain::address::Prefix;
    use crate::domain::command::Author;
    use crate::domain::refusal::RefusalKind;
    use crate::domain::testing::*;

    fn put(text: &str, to: &str) -> Action {
        Action::PutNumber { number: number(text), route: route(to) }
    }

    fn create(id: &str, to: &str) -> Action {
        Action::CreateSplit { split: split(id, &[("a", to, 1)]), numbers: Vec::new() }
    }

    fn several(actions: Vec<Action>) -> Action {
        Action::Several(actions.into())
    }

    #[test]
    fn many_changes_come_to_what_they_come_to_one_after_the_other() {
        let actions = vec![
            create("spring", "sales@V1"),
            put("+14155550100", "split:spring"),
            put("+14155550101", "sales@V1"),
            put("+14155550101", "sales@V2"),
            put_caller_pin(caller_pin("+14155550199", "sales@V2")),
            Action::PutPrefix { prefix: Prefix::parse("+1415").unwrap(), route: route("reception@V1") },
            Action::DeleteNumber(number("+14155550101")),
            Action::PutDefault(route("sales@live")),
            Action::PutDefault(route("sales@live")),
        ];
        let (mut one, mut each) = (world(), world());
        let mut facts = Vec::new();
        for action in &actions {
            facts.extend(each.act(action.clone()).unwrap().changes);
        }
        let outcome = one.weigh(&command(several(actions.clone()))).unwrap();
        assert_eq!(outcome.changes, facts);
        let mut ahead = world();
        outcome.clone().absorb_into(&mut ahead, &mut Touched::default());
        assert_eq!(ahead.revision, one.revision);
        one.act(several(actions)).unwrap();
        for state in [&one, &ahead] {
            assert_eq!(state.numbers.len(), each.numbers.len());
            assert_eq!(state.route(&number("+14155550100")), each.route(&number("+14155550100")));
            assert_eq!(state.route(&number("+14155550101")), None);
            assert_eq!((state.caller_pins.len(), state.prefixes.len(), state.splits.len()), (1, 1, 1));
        }
        assert!(outcome.summary.starts_with("8 changes: split spring is new"), "{}", outcome.summary);
        let targets: Vec<_> = outcome.target.split(BETWEEN_TARGETS).collect();
        assert_eq!(targets.len(), 6, "each once: {targets:?}");
        assert!(targets.contains(&"default route") && targets.contains(&"+14155550101"));
    }

    #[test]
    fn one_that_is_refused_is_named_and_nothing_happens() {
        let mut state = world();
        let before = state.numbers.len();
        let good = put("+14155550100", "sales@V1");
        for (bad, code, field) in [
            (Action::DeleteNumber(number("+14155550199")), "PHONE_NUMBERS_NOT_FOUND", "changes[1]"),
            (put("+14155550101", "sales@V9"), "VALIDATION_FAILED", "changes[1].body.pin"),
            (put("+14155550101", "split:none"), "VALIDATION_FAILED", "changes[1].body.splitId"),
        ] {
            let refused = state.act(several(vec![good.clone(), bad])).unwrap_err();
            assert_eq!((refused.code, refused.fields[0].field.as_str()), (code, field));
            assert!(refused.message.starts_with("changes[1]"), "{}", refused.message);
            assert_eq!(state.numbers.len(), before);
        }
        let order = vec![put("+14155550100", "split:spring"), create("spring", "sales@V1")];
        assert!(state.act(several(order.clone())).is_err(), "later ones are not there yet");
        assert!(state.act(several(order.into_iter().rev().collect())).is_ok());
    }

    #[test]
    fn each_change_needs_what_it_needs_alone() {
        let state = world();
        let change = |key: Key, actions: Vec<Action>| {
            let mut state = state.clone();
            state.keys.insert(key.digest, Arc::new(key.clone()));
            let author = Author::Key { key: Arc::new(key), actor: None };
            let command = Command { author, ..command(several(actions)) };
            state.authorise(&command).and_then(|()| state.weigh(&command))
        };
        let hidden = Key { agents: Some(vec!["reception".parse().unwrap()]), ..key() };
        let own = put("+14155550100", "reception@V1");
        assert!(change(hidden.clone(), vec![own.clone()]).is_ok());
        let refused = change(hidden, vec![own.clone(), put("+14155550101", "sales@V1")]).unwrap_err();
        assert_eq!((refused.kind, refused.fields[0].field.as_str()), (RefusalKind::Forbidden, "changes[1]"));
        let poor = Key { permissions: vec![Permission::Read], ..key() };
        let refused = change(poor, vec![own.clone()]).unwrap_err();
        assert_eq!((refused.kind, refused.fields[0].field.as_str()), (RefusalKind::Forbidden, "changes[0]"));
        let made = Action::ReplaceKey(key());
        let editor = Key { permissions: vec![Permission::Edit], ..key() };
        assert!(change(editor.clone(), vec![own.clone()]).is_ok());
        assert_eq!(change(editor, vec![own, made]).unwrap_err().fields[0].field, "changes[1]");
    }

    #[test]
    fn a_line_tells_of_the_first_ten_and_is_of_all() {
        let mut state = world();
        let actions = (0..50).map(|n| put(&format!("+141555501{n:02}"), "sales@V1")).collect();
        let outcome = state.act(several(actions)).unwrap();
        assert!(outcome.summary.starts_with("50 changes: ") && outcome.summary.ends_with("; …"));
        assert!(outcome.summary.contains("+14155550109") && !outcome.summary.contains("+14155550110"));
        assert_eq!(outcome.target.split(BETWEEN_TARGETS).count(), 50);
    }
}
