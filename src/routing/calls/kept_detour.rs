//! What could not take a call, kept with it.

use std::sync::Arc;

use super::KeptArm;
use crate::domain::fallback::Fallback;
use crate::routing::decision::{Detour, Instead, Unfit};
use crate::routing::table::Served;

/// A [`Detour`] that owns what it names, so that the table may move on.
#[derive(Debug, Clone)]
pub struct KeptDetour {
    /// What the route led to.
    pub from: Arc<Served>,
    arm: Option<KeptArm>,
    why: Unfit,
    to: To,
}

#[derive(Debug, Clone)]
enum To {
    Control,
    OfRoute(Fallback),
    OfAgent(Fallback),
    Nothing,
}

impl KeptDetour {
    /// Keeps a detour.
    #[must_use]
    pub fn of(detour: &Detour<'_>) -> Self {
        Self {
            from: Arc::clone(detour.from),
            arm: detour.in_split.as_ref().map(KeptArm::of),
            why: detour.why,
            to: match detour.to {
                Instead::Control => To::Control,
                Instead::OfRoute(fallback) => To::OfRoute(fallback.clone()),
                Instead::OfAgent(fallback) => To::OfAgent(fallback.clone()),
                Instead::Nothing => To::Nothing,
            },
        }
    }

    /// The detour.
    #[must_use]
    pub fn detour(&self) -> Detour<'_> {
        Detour {
            from: &self.from,
            in_split: self.arm.as_ref().map(KeptArm::in_split),
            why: self.why,
            to: match &self.to {
                To::Control => Instead::Control,
                To::OfRoute(fallback) => Instead::OfRoute(fallback),
                To::OfAgent(fallback) => Instead::OfAgent(fallback),
                To::Nothing => Instead::Nothing,
            },
        }
    }
}
