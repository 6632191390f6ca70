//! Splits: made, changed, ended, deleted.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::agents::Held;
use super::told::{arms_text, leaving_warnings, put_into_text, split_text, tested_text};
use super::{Command, Outcome};
use crate::domain::address::Number;
use crate::domain::change::{Change, NumberChanges, SplitRef};
use crate::domain::id::{AccountId, AgentId, ArmId, Pin, SplitId};
use crate::domain::object::{Object, ObjectRef};
use crate::domain::refusal::{FieldFault, Refusal, RefusalKind};
use crate::domain::route::{Destination, ManagedBy, Route};
use crate::domain::sight::Sight;
use crate::domain::split::{Arm, Split};
use crate::domain::state::{NumberMap, RouteUse, State};
use crate::domain::time::Timestamp;
use crate::domain::words::counted;

/// Changes to one arm; what is absent stays.
#[derive(Debug, Clone)]
pub struct ArmPatch {
    /// Which; one that there is not yet is added, and then needs an agent and a weight.
    pub id: ArmId,
    /// Its name.
    pub name: Option<String>,
    /// Its agent.
    pub agent: Option<AgentId>,
    /// What of it.
    pub pin: Option<Pin>,
    /// Its weight.
    pub weight: Option<u32>,
    /// How many calls it may have in progress; an inner `None` lets it have any number.
    pub max_calls_in_progress: Option<Option<u32>>,
    /// Whether it goes.
    pub remove: bool,
}

impl ArmPatch {
    /// Whether it says anything besides whether the arm goes.
    const fn says_more(&self) -> bool {
        self.name.is_some()
            || self.agent.is_some()
            || self.pin.is_some()
            || self.weight.is_some()
            || self.max_calls_in_progress.is_some()
    }
}

/// Changes to a split; what is absent stays, an inner `None` clears.
#[derive(Debug, Clone, Default)]
pub struct SplitPatch {
    /// Its name.
    pub name: Option<String>,
    /// Its arms.
    pub arms: Vec<ArmPatch>,
    /// When it begins.
    pub starts_at: Option<Option<Timestamp>>,
    /// When it is over.
    pub ends_at: Option<Option<Timestamp>>,
    /// How many calls it gets.
    pub call_quota: Option<Option<u64>>,
    /// Whether it rests.
    pub paused: Option<bool>,
    /// Numbers to put into it besides those it has.
    pub numbers: Vec<Number>,
}

/// Most numbers of one change that are doubted aloud.
const DOUBTS_MAX: usize = 10;

impl State {
    pub(super) fn create_split(
        &self,
        command: &Command,
        split: &Split,
        numbers: &[Number],
    ) -> Result<Outcome, Refusal> {
        let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
        if self.splits.contains_key(&id) {
            // Of a split that the key may not see, it learns no more.
            let message = format!("the id {} is taken", split.id);
            return Err(Refusal::new(RefusalKind::Conflict, "ALREADY_EXISTS", message));
        }
        let mut warnings = self.check_split(split)?;
        let Held { split, mut changes, warnings: told } = self.hold_arms(command, split.clone(), None)?;
        warnings.extend(told);
        warnings.extend(numbers.iter().filter_map(Number::doubt).take(DOUBTS_MAX));
        let routed = self.routed_into_split(&id, numbers)?;
        warnings.extend(leaving_warnings(self, &routed));
        let put = put_into_text(self, &routed);
        changes.push(Change::SplitPut(Arc::new(split.clone())));
        changes.extend((!routed.is_empty()).then_some(Change::Numbers(routed)));
        Ok(Outcome {
            changes,
            action: "split.create",
            target: split.id.to_string(),
            summary: format!("split {} is new{}: {}{put}", split.id, tested_text(&split), arms_text(&split)),
            warnings,
            ..Outcome::default()
        })
    }

    pub(super) fn patch_split(
        &self,
        command: &Command,
        id: &SplitId,
        patch: &SplitPatch,
    ) -> Result<Outcome, Refusal> {
        let account = &command.account;
        let before = self.writable_split(account, id)?;
        if before.ending.is_some() {
            let message = format!("split {id} was ended: make a new one");
            return Err(Refusal::new(RefusalKind::Conflict, "SPLIT_ENDED", message));
        }
        let mut warnings: Vec<_> = patch.numbers.iter().filter_map(Number::doubt).take(DOUBTS_MAX).collect();
        let held = self.patched(command, before, patch, &mut warnings)?;
        let (split, mut changes) = (held.split, held.changes);
        warnings.extend(held.warnings);
        let moved_slots = split.moved_slots(before);
        if (Split { updated_at: before.updated_at, ..split.clone() }) != **before {
            changes.push(Change::SplitPut(Arc::new(split.clone())));
        }
        let id = SplitRef { account: account.clone(), split: id.clone() };
        let routed = self.routed_into_split(&id, &patch.numbers)?;
        warnings.extend(leaving_warnings(self, &routed));
        let put = put_into_text(self, &routed);
        changes.extend((!routed.is_empty()).then_some(Change::Numbers(routed)));
        Ok(Outcome {
            changes,
            action: "split.change",
            target: split.id.to_string(),
            summary: format!(
                "split {} is now {}{put}; {moved_slots} of 10000 slots moved",
                split.id,
                split_text(before, &split),
            ),
            warnings,
            moved_slots,
            ..Outcome::default()
        })
    }

    /// A split with some changes, its arms held where it tests an environment.
    fn patched(
        &self,
        command: &Command,
        before: &Split,
        patch: &SplitPatch,
        warnings: &mut Vec<String>,
    ) -> Result<Held, Refusal> {
        let (arms, mut faults) = patched_arms(before, &patch.arms);
        let mut split = Split { updated_at: command.at, ..before.with_arms(arms) };
        if let Some(name) = &patch.name {
            split.name.clone_from(name);
        }
        split.starts_at = patch.starts_at.unwrap_or(split.starts_at);
        split.ends_at = patch.ends_at.unwrap_or(split.ends_at);
        split.call_quota = patch.call_quota.unwrap_or(split.call_quota);
        split.paused = patch.paused.unwrap_or(split.paused);
        let so_far = faults.len();
        // An arm is named by its place in the request, not by the one it comes to.
        let place = |arm: &Arm| patch.arms.iter().position(|patch| patch.id == arm.id);
        let named = |fault: FieldFault| as_written(fault, &split, place);
        faults.extend(self.split_faults(&split, warnings).into_iter().map(named));
        // What is left without the arms at fault says nothing about those that were meant.
        if so_far > 0 {
            faults.retain(|fault| fault.field != "arms");
        }
        if split.scope.is_some() && !patch.numbers.is_empty() {
            let message = "the split tests an environment: expected no numbers".to_owned();
            faults.push(FieldFault { field: "scope.numbers".to_owned(), message });
        }
        if !faults.is_empty() {
            return Err(Refusal::fields(faults));
        }
        self.hold_arms(command, split.clone(), Some(before)).map_err(|refusal| {
            if refusal.fields.is_empty() {
                return refusal;
            }
            Refusal::fields(refusal.fields.into_iter().map(named).collect())
        })
    }

    /// The version of a test arm that wins an environment goes there.
    pub(super) fn end_split(
        &self,
        command: &Command,
        id: &SplitId,
        winner: &ArmId,
    ) -> Result<Outcome, Refusal> {
        let split = self.writable_split(&command.account, id)?;
        if split.position(winner.as_str()).is_none() {
            return Err(Refusal::field("winner", format!("split {id} has no arm {winner}")));
        }
        let outcome = Outcome {
            action: "split.end",
            target: id.to_string(),
            summary: format!("split {id} ends: {winner} gets all its calls"),
            ..Outcome::default()
        };
        match &split.ending {
            Some(ending) if ending.winner == *winner => Ok(outcome),
            Some(ending) => Err(Refusal::new(
                RefusalKind::Conflict,
                "SPLIT_ENDED",
                format!("split {id} was ended for {} already", ending.winner),
            )),
            None => {
                let ended = Change::SplitPut(Arc::new(split.ended(winner.clone(), command.at)));
                let (deployed, how) = self.won(command, split, winner)?.unzip();
                let promoted = how.as_deref().map(|how| how.trim_start_matches("; ").to_owned());
                Ok(Outcome {
                    warnings: promoted.into_iter().collect(),
                    changes: [ended].into_iter().chain(deployed.into_iter().flatten()).collect(),
                    summary: outcome.summary + &how.unwrap_or_default(),
                    ..outcome
                })
            }
        }
    }

    pub(super) fn delete_split(
        &self,
        sight: Sight<'_>,
        command: &Command,
        id: &SplitId,
    ) -> Result<Outcome, Refusal> {
        let account = &command.account;
        let split = self.writable_split(account, id)?;
        if let Some(agent) = split.under_test().filter(|_| !split.is_over(command.at)) {
            let message = format!("split {id} is in use by live of {}: end it first", agent.agent);
            return Err(Refusal::new(RefusalKind::Conflict, "IN_USE", message));
        }
        let id = SplitRef { account: account.clone(), split: id.clone() };
        if let Some(user) = self.split_user(sight, &id) {
            let message = format!("split {} is in use by {user}", id.split);
            return Err(Refusal::new(RefusalKind::Conflict, "IN_USE", message));
        }
        Ok(Outcome {
            target: id.split.to_string(),
            summary: format!("split {} is gone", id.split),
            changes: vec![Change::SplitRemoved(id)],
            action: "split.delete",
            ..Outcome::default()
        })
    }

    /// What sends calls to a split, in words: what is seen of it, else that there is something.
    pub(super) fn split_user(&self, sight: Sight<'_>, id: &SplitRef) -> Option<String> {
        let leads = |route: &Route| {
            route.account == id.account
                && matches!(&route.to, Destination::Split(split) if *split == id.split)
        };
        let seen = |route: &Route| leads(route) && sight.route(route);
        let numbers: u32 =
            self.routes.iter().filter(|(_, used)| seen(&used.route)).map(|(_, used)| used.numbers).sum();
        if numbers > 0 {
            return Some(counted(numbers as usize, "number"));
        }
        let prefix = self.prefixes.iter().find(|(_, route)| seen(route)).map(|((_, prefix), _)| *prefix);
        if let Some(prefix) = prefix {
            return Some(format!("the prefix {prefix}"));
        }
        if self.defaults.iter().any(|(_, route)| seen(route)) {
            return Some("the default route".to_owned());
        }
        let hidden = !sight.is_whole()
            && (self.routes.iter().any(|(_, used)| leads(&used.route))
                || self.prefixes.iter().any(|(_, route)| leads(route))
                || self.defaults.iter().any(|(_, route)| leads(route)));
        hidden.then(|| "a route that the key may not see".to_owned())
    }

    /// A number that leads into a split, and whose it is, in words. Cost: a pass over numbers up to the first.
    pub(super) fn number_into(&self, id: &SplitRef) -> Option<String> {
        let leads = |used: &RouteUse| {
            used.route.account == id.account
                && matches!(&used.route.to, Destination::Split(split) if *split == id.split)
        };
        let (place, used) = self.routes.iter().find(|(_, used)| used.numbers > 0 && leads(used))?;
        let owner = match used.route.managed_by {
            ManagedBy::Api => "the API",
            ManagedBy::Files => "the files",
        };
        let NumberMap { phones, users, .. } = &self.numbers;
        let phone = phones.iter().find(|(_, at)| at.get() == place).map(|(phone, _)| phone.to_string());
        let user = || users.iter().find(|(_, at)| at.get() == place).map(|(user, _)| user.to_string());
        Some(format!("{} of {owner}", phone.or_else(user)?))
    }

    fn writable_split(&self, account: &AccountId, id: &SplitId) -> Result<&Arc<Split>, Refusal> {
        let key = SplitRef { account: account.clone(), split: id.clone() };
        let split = self
            .splits
            .get(&key)
            .ok_or_else(|| Refusal::not_found("SPLIT_NOT_FOUND", format!("there is no split {id}")))?;
        if split.managed_by == ManagedBy::Files {
            return Err(Refusal::managed_by_files(
                &format!("the split {id}"),
                ObjectRef::new(account, Object::Split(id.clone())),
            ));
        }
        Ok(split)
    }

    /// Everything a split names must exist.
    pub(super) fn check_split(&self, split: &Split) -> Result<Vec<String>, Refusal> {
        let mut warnings = Vec::new();
        let faults = self.split_faults(split, &mut warnings);
        if faults.is_empty() { Ok(warnings) } else { Err(Refusal::fields(faults)) }
    }

    fn split_faults(&self, split: &Split, warnings: &mut Vec<String>) -> Vec<FieldFault> {
        let mut faults = split.faults();
        faults.extend(self.scope_fault(split));
        for (i, arm) in split.arms.iter().enumerate() {
            let field = format!("arms[{i}]");
            faults.extend(self.check_pin(&split.account, &arm.agent, arm.pin, &field, warnings).err());
        }
        faults
    }

    /// What the operator should know of a split that is there: what it names may have gone since.
    #[must_use]
    pub fn split_warnings(&self, split: &Split) -> Vec<String> {
        let said = |refusal: Refusal| refusal.fields.into_iter().map(|fault| fault.message).collect();
        self.check_split(split).unwrap_or_else(said)
    }

    /// Puts numbers into a split; headers, rules and site of a number that has a route stay.
    fn routed_into_split(&self, id: &SplitRef, numbers: &[Number]) -> Result<NumberChanges, Refusal> {
        let mut changes = NumberChanges::default();
        let mut places: HashMap<Arc<Route>, u32, FixedState> = HashMap::default();
        for number in numbers {
            self.writable_number(&id.account, number)?;
            let to = Destination::Split(id.split.clone());
            let route = match self.route(number) {
                Some(route) => Route { to, ..route.as_ref().clone() },
                None => Route::plain(id.account.clone(), ManagedBy::Api, to),
            };
            let faults = route.faults();
            if !faults.is_empty() {
                return Err(Refusal::fields(faults));
            }
            if self.route(number).is_some_and(|present| **present == route) {
                continue;
            }
            let place = places.get(&route).copied().unwrap_or_else(|| {
                let (place, route) =
                    (u32::try_from(changes.routes.len()).unwrap_or(u32::MAX), Arc::new(route));
                places.insert(Arc::clone(&route), place);
                changes.routes.push(route);
                place
            });
            changes.push(number.clone(), Some(place));
        }
        self.room_for_routes(changes.routes.iter().map(Arc::as_ref))?;
        changes.sort();
        changes.phones.dedup_by_key(|(phone, _)| *phone);
        changes.users.dedup_by(|a, b| a.0 == b.0);
        Ok(changes)
    }
}

/// The arms as they come to be, and what is wrong with the changes.
fn patched_arms(split: &Split, patches: &[ArmPatch]) -> (Vec<Arm>, Vec<FieldFault>) {
    let mut arms = split.arms.clone();
    let mut faults = Vec::new();
    for (i, patch) in patches.iter().enumerate() {
        let mut fault = |field: &str, message: String| {
            faults.push(FieldFault { field: format!("arms[{i}].{field}"), message });
        };
        if patches.iter().take(i).any(|before| before.id == patch.id) {
            fault("id", format!("{} stands there twice: expected once", patch.id));
            continue;
        }
        if patch.remove && patch.says_more() {
            fault("remove", "stands beside what the arm is to be: expected either".to_owned());
            continue;
        }
        match arms.iter().position(|arm| arm.id == patch.id) {
            Some(at) if patch.remove => drop(arms.remove(at)),
            Some(at) => {
                if let Some(arm) = arms.get_mut(at) {
                    arm.name = patch.name.clone().unwrap_or_else(|| arm.name.clone());
                    arm.agent = patch.agent.clone().unwrap_or_else(|| arm.agent.clone());
                    arm.pin = patch.pin.unwrap_or(arm.pin);
                    arm.weight = patch.weight.unwrap_or(arm.weight);
                    arm.max_calls_in_progress =
                        patch.max_calls_in_progress.unwrap_or(arm.max_calls_in_progress);
                }
            }
            None if patch.remove => fault("id", format!("split {} has no arm {}", split.id, patch.id)),
            None => match (&patch.agent, patch.weight) {
                (Some(agent), Some(weight)) => arms.push(Arm {
                    id: patch.id.clone(),
                    name: patch.name.clone().unwrap_or_default(),
                    agent: agent.clone(),
                    pin: patch.pin.unwrap_or_default(),
                    weight,
                    max_calls_in_progress: patch.max_calls_in_progress.flatten(),
                }),
                _ => fault("id", format!("there is no arm {}: a new one needs agentId and weight", patch.id)),
            },
        }
    }
    (arms, faults)
}

/// A fault of an arm of a split with the arm's place in the request; an arm that the request does not name, by its id.
fn as_written(fault: FieldFault, split: &Split, place: impl Fn(&Arm) -> Option<usize>) -> FieldFault {
    let parts = fault.field.strip_prefix("arms[").and_then(|rest| rest.split_once(']'));
    let Some((at, member)) = parts else { return fault };
    let Some(arm) = at.parse::<usize>().ok().and_then(|at| split.arms.get(at)) else { return fault };
    match place(arm) {
        Some(at) => FieldFault { field: format!("arms[{at}]{member}"), ..fault },
        None => FieldFault { field: "arms".to_owned(), message: format!("{}: {}", arm.id, fault.message) },
    }
}
