//! Calls in progress that are decided afresh: another decision takes the place of the first.

use dashmap::mapref::one::{MappedRefMut, RefMut};

use super::{Call, CallsInProgress, Kept, Leg, Placed};
use crate::routing::capacity::Places;
use crate::routing::request::CallRequest;

/// A call in progress while it is decided afresh: whoever else asks for it or ends it waits until that is done, so that
/// it gets one decision however many ask at once.
///
/// To be held for the time of one decision, and never while anything else is asked of the calls in progress.
pub struct Held<'c> {
    calls: &'c CallsInProgress,
    placed: MappedRefMut<'c, u128, Call, Placed>,
}

impl CallsInProgress {
    /// Holds the leg that a request is about, if it is here.
    #[must_use]
    pub fn hold(&self, request: &CallRequest<'_>, call_id: &str) -> Option<Held<'_>> {
        let call = self.calls.get_mut(&self.key(request.account, call_id))?;
        let placed = RefMut::try_map(call, |call| call.placed_mut(request, call_id)).ok()?;
        Some(Held { calls: self, placed })
    }
}

impl Held<'_> {
    /// The call as it stands.
    #[must_use]
    pub fn leg(&self) -> &Leg {
        &self.placed.leg
    }

    /// Takes its places out, for the time in which it is decided.
    pub fn take_places(&mut self) -> Places {
        std::mem::take(&mut self.placed.places)
    }

    /// Lets it go on with another decision.
    pub fn replace(mut self, kept: Kept, places: Places) {
        // A token may have brought another id than the call had.
        self.calls.decisions.note(kept.decision_id, *self.placed.key());
        self.placed.leg.kept = kept;
        self.placed.places = places;
    }

    /// Lets it go on as it was, with the places that were taken out.
    pub fn restore(mut self, places: Places) {
        self.placed.places = places;
    }
}

impl Call {
    fn placed_mut(&mut self, request: &CallRequest<'_>, call_id: &str) -> Option<&mut Placed> {
        self.is(request.account, call_id).then_some(())?;
        self.legs.iter_mut().find(|placed| {
            placed.leg.to.as_address() == request.to && placed.leg.names.is_gateway(request.gateway)
        })
    }
}
