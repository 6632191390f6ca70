//! Importing numbers: weighed aside on a state that may be past by then, landed in the present.
//!
//! What is weighed is every row; what lands is found by comparing the two states, whose maps share all that nobody has
//! changed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::{Author, Outcome};
use crate::domain::address::Number;
use crate::domain::agent::AgentRef;
use crate::domain::change::{Change, NumberChanges, SplitRef, Touched};
use crate::domain::id::{AccountId, AgentId};
use crate::domain::import::{Import, Imported, Place, RowFault, RowFaults, Rows, Said, SaidSite};
use crate::domain::refusal::{FieldFault, Refusal, RefusalKind};
use crate::domain::route::{Destination, ManagedBy, Route};
use crate::domain::sight::Sight;
use crate::domain::state::{RouteIx, RouteUse, State};
use crate::domain::words::counted;

/// The code of an import that others have overtaken so that it has to be weighed anew.
pub const OVERTAKEN: &str = "IMPORT_OVERTAKEN";

/// Most warnings of an import.
const WARNINGS_MAX: usize = 20;

impl State {
    /// Weighs every row of an import, and answers what it comes to with the facts that lead there. Pure, and long: some
    /// hundred nanoseconds a row.
    ///
    /// # Errors
    /// What is wrong with the rows; `faults` is what is known of that already.
    pub fn weigh_import(
        &self,
        account: &AccountId,
        author: &Author,
        rows: Arc<Rows>,
        faults: RowFaults,
    ) -> Result<(Import, NumberChanges), RowFaults> {
        let mut scales = Scales::new(self, account, author, faults);
        for (phone, place) in rows.phones() {
            scales.weigh(&rows, Number::E164(*phone), *place);
        }
        for (user, place) in rows.users() {
            scales.weigh(&rows, Number::User(Arc::clone(user)), *place);
        }
        if let Err(full) = self.room_for_routes(scales.facts.routes.iter().map(AsRef::as_ref)) {
            scales.faults.push(fault(0, String::new(), full.message, full.code));
        }
        if !scales.faults.is_empty() {
            return Err(scales.faults);
        }
        let warnings = scales.warnings();
        let Scales { facts, imported, live, .. } = scales;
        let (mut after, mut touched) = (self.clone(), Touched::default());
        after.absorb_numbers(&facts, &mut touched);
        let import = Import {
            agents: limited_to(author),
            before: self.clone(),
            after,
            touched,
            routes: facts.routes.clone(),
            imported,
            live,
            warnings,
            staged: None,
            rows,
        };
        Ok((import, facts))
    }

    /// Brings an import into the present, whatever others have changed since it was weighed.
    ///
    /// Cost: what they changed, and a look at the import's routes if that was agents or splits.
    ///
    /// # Errors
    /// [`OVERTAKEN`] where not every row would be granted any more: to be weighed anew, which tells why.
    pub(super) fn land_import(
        &self,
        account: &AccountId,
        author: &Author,
        import: &Import,
    ) -> Result<Outcome, Refusal> {
        let landing = if self.revision == import.before.revision {
            Landing {
                after: import.after.clone(),
                touched: import.touched.clone(),
                imported: import.imported,
                mended: NumberChanges::default(),
            }
        } else {
            self.still_granted(account, author, import)?;
            self.rebased(account, author, import)?
        };
        let Landing { after, touched, imported, mended } = landing;
        let mut changes = Vec::new();
        if !mended.is_empty() {
            changes.push(Change::Numbers(mended));
        }
        let total = imported.created + imported.updated + imported.unchanged;
        Ok(Outcome {
            changes,
            action: "numbers.import",
            target: "numbers".to_owned(),
            summary: format!(
                "{} imported: {} made, {} given another route, {} as they were",
                counted(total, "number"),
                imported.created,
                imported.updated,
                imported.unchanged
            ),
            warnings: import.warnings.clone(),
            ahead: Some(Box::new((after, touched))),
            staged: import.staged,
            imported: Some(imported),
            ..Outcome::default()
        })
    }

    /// Whether the routes that name an agent or a split which has changed since can still be given.
    fn still_granted(&self, account: &AccountId, author: &Author, import: &Import) -> Result<(), Refusal> {
        let agents = import.before.agents.differing(&self.agents, Arc::ptr_eq);
        let splits = import.before.splits.differing(&self.splits, Arc::ptr_eq);
        if agents.is_empty() && splits.is_empty() {
            return Ok(());
        }
        let (agents, splits): (BTreeSet<AgentRef>, BTreeSet<SplitRef>) =
            (agents.into_iter().collect(), splits.into_iter().collect());
        let sight = Sight::of_author(self, author);
        for route in &import.routes {
            let of = |agent: &_| AgentRef { account: account.clone(), agent: Clone::clone(agent) };
            let into = match &route.to {
                Destination::Agent { .. } => None,
                Destination::Split(split) => {
                    Some(SplitRef { account: account.clone(), split: split.clone() })
                }
            };
            let moved = route.pins().any(|(agent, _)| agents.contains(&of(agent)))
                || into.is_some_and(|split| splits.contains(&split));
            if moved && (self.check_route(route).is_err() || !sight.route(route)) {
                return Err(overtaken());
            }
        }
        Ok(())
    }

    /// The present with the import in it: the import's own numbers, but those that others have changed since.
    fn rebased(&self, account: &AccountId, author: &Author, import: &Import) -> Result<Landing, Refusal> {
        let mut imported = import.imported;
        let (mut theirs, mut ours) = (Interned::default(), Interned::default());
        let before =
            Judge { state: &import.before, account, sight: Sight::of_author(&import.before, author) };
        let now = Judge { state: self, account, sight: Sight::of_author(self, author) };
        for number in differing(&import.before, self) {
            let Some(said) = import.rows.row_of(&number).and_then(|place| import.rows.said_at(place)) else {
                let route = self.route(&number);
                theirs.push(number, route.cloned());
                continue;
            };
            let route = now.route(&number, said).map_err(|_| overtaken())?;
            let was = before.route(&number, said).map_err(|_| overtaken())?;
            imported.count(import.before.route(&number), &was, -1);
            imported.count(self.route(&number), &route, 1);
            ours.push(number, Some(Arc::new(route)));
        }
        let mut after = import.after.clone();
        let mut touched = import.touched.clone();
        for changes in [&theirs.changes, &ours.changes] {
            after.room_for_routes(changes.routes.iter().map(AsRef::as_ref)).map_err(|_| overtaken())?;
            after.absorb_numbers(changes, &mut touched);
        }
        // The table that this is patched into has its routes where the present has them.
        let same = |one: &RouteUse, other: &RouteUse| Arc::ptr_eq(&one.route, &other.route);
        touched.routes.extend(import.before.routes.differing(&self.routes, same));
        Ok(Landing { after: self.with_numbers_of(&after), touched, imported, mended: ours.changes })
    }
}

/// An import in the present.
struct Landing {
    after: State,
    touched: Touched,
    imported: Imported,
    /// What has to be said of the numbers that others changed, after the facts that lie ready.
    mended: NumberChanges,
}

impl Imported {
    /// Counts a number that had one route and gets another, or takes it back.
    fn count(&mut self, present: Option<&Arc<Route>>, route: &Route, by: isize) {
        let count = match present {
            None => &mut self.created,
            Some(present) if present.as_ref() == route => &mut self.unchanged,
            Some(_) => &mut self.updated,
        };
        *count = count.saturating_add_signed(by);
    }
}

/// What a row comes to in a state.
struct Judge<'s> {
    state: &'s State,
    account: &'s AccountId,
    sight: Sight<'s>,
}

impl Judge<'_> {
    /// The route that a number gets: what the row says, and of the rest what it has.
    fn route(&self, number: &Number, said: &Said) -> Result<Route, Refusal> {
        let own = self.state.route(number).filter(|present| present.account == *self.account);
        let route = said.over(self.account, own.map(AsRef::as_ref));
        if !self.sight.route(&route) || own.is_some_and(|present| !self.sight.route(present)) {
            return Err(Refusal::hidden());
        }
        self.state.writable_number(self.account, number)?;
        self.state.check_route(&route)?;
        Ok(route)
    }
}

impl Said {
    fn over(&self, account: &AccountId, present: Option<&Route>) -> Route {
        let mut route = match present {
            Some(present) => Route { to: self.to.clone(), ..present.clone() },
            None => Route::plain(account.clone(), ManagedBy::Api, self.to.clone()),
        };
        if let SaidSite::Put(site) = &self.site {
            route.site_variant.clone_from(site);
        }
        route
    }
}

/// Weighs row after row; what rows with the same route say is judged once.
struct Scales<'s> {
    judge: Judge<'s>,
    verdicts: HashMap<(Option<RouteIx>, u32), Option<Verdict>, FixedState>,
    routes: HashMap<Arc<Route>, u32, FixedState>,
    facts: NumberChanges,
    imported: Imported,
    live: usize,
    doubts: (Vec<String>, usize),
    faults: RowFaults,
}

/// Where a row's number goes.
#[derive(Clone, Copy)]
struct Verdict {
    route: u32,
    changes: bool,
    live: bool,
}

impl<'s> Scales<'s> {
    fn new(state: &'s State, account: &'s AccountId, author: &'s Author, faults: RowFaults) -> Self {
        Self {
            judge: Judge { state, account, sight: Sight::of_author(state, author) },
            verdicts: HashMap::default(),
            routes: HashMap::default(),
            facts: NumberChanges::default(),
            imported: Imported::default(),
            live: 0,
            doubts: (Vec::new(), 0),
            faults,
        }
    }

    fn weigh(&mut self, rows: &Rows, number: Number, place: Place) {
        let Some(said) = rows.said_at(place) else { return };
        let present = self.judge.state.numbers.get(&number);
        let verdict = match self.verdicts.get(&(present, place.said)) {
            Some(verdict) => *verdict,
            None => {
                let verdict = self.judge(&number, said);
                self.verdicts.insert((present, place.said), verdict);
                verdict
            }
        };
        let Some(Verdict { route, changes, live }) = verdict else {
            if let Err(refusal) = self.judge.route(&number, said) {
                self.refused(place.line, refusal);
            }
            return;
        };
        match (present, changes) {
            (None, _) => self.imported.created += 1,
            (Some(_), true) => self.imported.updated += 1,
            (Some(_), false) => self.imported.unchanged += 1,
        }
        self.live += usize::from(live);
        if let Some(doubt) = number.doubt() {
            if self.doubts.0.len() < WARNINGS_MAX {
                self.doubts.0.push(format!("line {}: {doubt}", place.line));
            } else {
                self.doubts.1 += 1;
            }
        }
        if changes {
            self.facts.push(number, Some(route));
        }
    }

    fn judge(&mut self, number: &Number, said: &Said) -> Option<Verdict> {
        let route = self.judge.route(number, said).ok()?;
        let state = self.judge.state;
        let present = state.route(number);
        let changes = present.is_none_or(|present| **present != route);
        let live = changes
            && (state.leads_to_live(&route) || present.is_some_and(|present| state.leads_to_live(present)));
        let route = Arc::new(route);
        let at = match self.routes.get(&route) {
            Some(at) => *at,
            None => {
                let at = u32::try_from(self.facts.routes.len()).ok()?;
                self.facts.routes.push(Arc::clone(&route));
                self.routes.insert(route, at);
                at
            }
        };
        Some(Verdict { route: at, changes, live })
    }

    fn refused(&mut self, line: u32, refusal: Refusal) {
        if refusal.fields.is_empty() {
            self.faults.push(fault(line, String::new(), refusal.message, refusal.code));
        }
        for FieldFault { field, message } in refusal.fields {
            self.faults.push(fault(line, field, message, refusal.code));
        }
    }

    /// What is to be known of the routes, and which numbers may be meant as others.
    fn warnings(&self) -> Vec<String> {
        let state = self.judge.state;
        let routes = self.facts.routes.iter().flat_map(|route| state.warnings_of(route));
        let mut warnings: Vec<String> =
            routes.take(WARNINGS_MAX).collect::<BTreeSet<_>>().into_iter().collect();
        let (doubts, more) = &self.doubts;
        warnings.extend_from_slice(doubts);
        if *more > 0 {
            let more = counted(*more, "more SIP user");
            warnings.push(format!("{more} that may be meant as phone numbers"));
        }
        warnings
    }
}

/// Numbers with their routes, each route once.
#[derive(Default)]
struct Interned {
    places: HashMap<Arc<Route>, u32, FixedState>,
    changes: NumberChanges,
}

impl Interned {
    fn push(&mut self, number: Number, route: Option<Arc<Route>>) {
        let place = route.and_then(|route| match self.places.get(&route) {
            Some(place) => Some(*place),
            None => {
                let place = u32::try_from(self.changes.routes.len()).ok()?;
                self.changes.routes.push(Arc::clone(&route));
                self.places.insert(route, place);
                Some(place)
            }
        });
        self.changes.push(number, place);
    }
}

/// The numbers that are not routed alike. It is routes that are compared: a place may have been given back and taken by
/// another one.
fn differing(before: &State, now: &State) -> Vec<Number> {
    let same =
        |one: &RouteIx, other: &RouteIx| match (before.routes.get(one.get()), now.routes.get(other.get())) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.route, &other.route),
            _ => false,
        };
    let phones = before.numbers.phones.differing(&now.numbers.phones, same);
    let users = before.numbers.users.differing(&now.numbers.users, same);
    phones.into_iter().map(Number::E164).chain(users.into_iter().map(Number::User)).collect()
}

fn limited_to(author: &Author) -> Option<Vec<AgentId>> {
    match author {
        Author::Key { key, .. } => key.agents.clone(),
        Author::Files | Author::Console | Author::Router => None,
    }
}

fn overtaken() -> Refusal {
    let message = "what others changed meanwhile stands against the import: try again";
    Refusal::new(RefusalKind::Conflict, OVERTAKEN, message)
}

fn fault(line: u32, field: String, message: String, code: &'static str) -> RowFault {
    RowFault { line, field, message, code }
}

#[cfg(test)]
mod tests;
