//! Calls in progress that are decided afresh: another decision takes the place of the first.

use std::sync::Arc;

use super::{Call, CallsInProgress, Kept, Placed};
use crate::routing::capacity::Places;
use crate::routing::request::CallRequest;

/// What came of putting another decision in the place of a call's first.
#[derive(Debug)]
pub enum Replaced {
    /// The call goes on with it.
    Done,
    /// Somebody asked at the same moment and was first; boxed, since it is rare.
    Already(Box<Kept>),
    /// The call has ended meanwhile.
    Ended,
}

impl Kept {
    /// Whether it is the same decision, told apart from what takes its place.
    fn is(&self, other: &Self) -> bool {
        self.revision == other.revision && Arc::ptr_eq(&self.served, &other.served)
    }
}

impl CallsInProgress {
    /// Gives the places of a call back before it is decided afresh, so that it is not in its own way.
    pub fn vacate(&self, request: &CallRequest<'_>, call_id: &str, had: &Kept) {
        let places = self.in_place(request, call_id, |placed| {
            placed.leg.kept.is(had).then(|| std::mem::take(&mut placed.places))
        });
        // Places are given back by being dropped, with no lock held.
        drop(places);
    }

    /// Puts another decision in the place of the one that a call in progress had, unless it has another by now.
    pub fn replace(
        &self,
        request: &CallRequest<'_>,
        call_id: &str,
        had: &Kept,
        (kept, places): (Kept, Places),
    ) -> Replaced {
        let decision_id = kept.decision_id;
        let replaced = self.in_place(request, call_id, |placed| {
            if placed.leg.ended.is_some() {
                return Replaced::Ended;
            }
            if !placed.leg.kept.is(had) {
                return Replaced::Already(Box::new(placed.leg.kept.clone()));
            }
            placed.leg.kept = kept;
            placed.places = places;
            Replaced::Done
        });
        if matches!(replaced, Some(Replaced::Done)) {
            // A token may have brought another one than the call had.
            self.decisions.note(decision_id, self.key(request.account, call_id));
        }
        replaced.unwrap_or(Replaced::Ended)
    }

    /// Does something to the leg that a request is about.
    fn in_place<T>(
        &self,
        request: &CallRequest<'_>,
        call_id: &str,
        change: impl FnOnce(&mut Placed) -> T,
    ) -> Option<T> {
        let mut call = self.calls.get_mut(&self.key(request.account, call_id))?;
        call.is(request.account, call_id).then_some(())?;
        let Call { legs, .. } = &mut *call;
        let is_meant = |placed: &&mut Placed| {
            placed.leg.to.as_address() == request.to && placed.leg.names.is_gateway(request.gateway)
        };
        legs.iter_mut().find(is_meant).map(change)
    }
}
