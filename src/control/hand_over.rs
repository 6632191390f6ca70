//! Objects that move between the files and the API.
//!
//! Whoever follows the files carries it out, since nobody else knows what they say and that they do not change meanwhile.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use super::Control;
use super::files::Library;
use crate::domain::address::{E164, Number, Prefix};
use crate::domain::change::Touched;
use crate::domain::command::{Action, Author, Command, Outcome};
use crate::domain::id::{AccountId, Revision};
use crate::domain::live::reaches_live;
use crate::domain::object::{HANDED_OVER_MAX, Object};
use crate::domain::refusal::Refusal;
use crate::domain::route::ManagedBy;
use crate::domain::sight::Sight;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// What is to move, and where.
#[derive(Debug, Clone)]
pub struct HandOver {
    /// In which account.
    pub account: AccountId,
    /// Who wants it.
    pub author: Author,
    /// Who is to have it.
    pub to: ManagedBy,
    /// What.
    pub objects: BTreeSet<Object>,
    /// And all phone numbers that begin so, of those that can move there and that the author may see.
    pub beginning: Option<Prefix>,
    /// Refused unless this is the revision.
    pub expected: Option<Revision>,
}

/// What a hand-over would come to.
#[derive(Debug, Clone)]
pub struct Foreseen {
    /// The revision at which it was weighed.
    pub revision: Revision,
    /// How many objects would move.
    pub count: usize,
    /// What the history would say.
    pub summary: String,
    /// What the operator should know all the same.
    pub warnings: Vec<String>,
    /// Whether calls at a `live` pin would be won or lost.
    pub reaches_live: bool,
}

impl Control {
    /// Says what a hand-over would come to, and changes nothing. Cost: that of weighing all files against the state.
    ///
    /// # Errors
    /// What would refuse it.
    pub fn foresee(&self, wanted: HandOver, at: Timestamp) -> Result<Foreseen, Refusal> {
        let state = self.state();
        let revision = state.revision;
        if let Some(expected) = wanted.expected.filter(|expected| *expected != revision) {
            return Err(Refusal::stale(revision, expected));
        }
        let command = wanted.command(&state, &self.inner.files.load(), at)?;
        state.authorise(&command)?;
        let mut outcome = state.weigh(&command)?;
        let mut after = State::clone(&state);
        outcome.absorb_into(&mut after, &mut Touched::default());
        let reaches_live = outcome.changes.iter().any(|fact| reaches_live(&state, &after, fact));
        let Outcome { handed_over: count, summary, warnings, .. } = outcome;
        Ok(Foreseen { revision, count, summary, warnings, reaches_live })
    }
}

impl HandOver {
    /// The command that carries it out in a state, in which these files are in force.
    pub(super) fn command(self, state: &State, files: &Library, at: Timestamp) -> Result<Command, Refusal> {
        let mut objects = self.objects.clone();
        if let Some(prefix) = self.beginning {
            let phones: Vec<_> = self.phones(state, prefix).take(HANDED_OVER_MAX + 1).collect();
            if phones.is_empty() && objects.is_empty() {
                let message = match self.to {
                    ManagedBy::Api => format!("the files have no number that begins with {prefix}"),
                    ManagedBy::Files => {
                        format!("no number that the files list and the API has begins with {prefix}")
                    }
                };
                return Err(Refusal::not_found("NOT_FOUND", message));
            }
            if phones.len() > HANDED_OVER_MAX {
                let message = format!("begins more than {HANDED_OVER_MAX} numbers: expected a longer one");
                return Err(Refusal::field("prefix", message));
            }
            objects.extend(phones.into_iter().map(Object::Number));
        }
        let action = match self.to {
            ManagedBy::Api => Action::Adopt(objects),
            ManagedBy::Files => {
                let files = files.file_set_of(&objects);
                Action::Release { objects, files: Arc::new(files) }
            }
        };
        Ok(Command { account: self.account, author: self.author, at, action })
    }

    /// The phone numbers that begin with a prefix and can move.
    fn phones<'s>(&'s self, state: &'s State, prefix: Prefix) -> Box<dyn Iterator<Item = Number> + 's> {
        let sight = Sight::of_author(state, &self.author);
        let seen = move |number: &Number| {
            state.route(number).is_none_or(|route| route.account == self.account && sight.route(route))
        };
        match self.to {
            ManagedBy::Api => {
                let ranges = prefix.phones().filter_map(|range| {
                    Some((E164::from_value(*range.start())?, E164::from_value(*range.end())?))
                });
                let phones = ranges.flat_map(|(first, last)| {
                    let from = state.numbers.phones.range_from(Bound::Included(&first));
                    from.take_while(move |(phone, _)| **phone <= last).map(|(phone, _)| Number::E164(*phone))
                });
                let of_files = |number: &Number| {
                    state.route(number).is_some_and(|route| route.managed_by == ManagedBy::Files)
                };
                Box::new(phones.filter(move |number| of_files(number) && seen(number)))
            }
            ManagedBy::Files => {
                let begins = move |phone: &E164| Prefix::of(*phone, prefix.digits()) == Some(prefix);
                let shadowed = state.shadowed.iter().filter(|(id, ())| id.account == self.account);
                let phones = shadowed.filter_map(move |(id, ())| match &id.object {
                    Object::Number(Number::E164(phone)) if begins(phone) => Some(Number::E164(*phone)),
                    _ => None,
                });
                Box::new(phones.filter(move |number| seen(number)))
            }
        }
    }
}
